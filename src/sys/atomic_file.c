// SPDX-License-Identifier: MIT
/*
 * Writing tables and reports. A table that is half written looks like a whole one, so a plain file
 * is written under a temporary name and renamed when it is complete and on the disk. A name can
 * also lead to something that no rename may replace: a descriptor of the process (/dev/stdout), a
 * device, a FIFO. Those are written to directly.
 */
#include "sys/atomic_file.h"
#include "sys/disk.h"
#include "sys/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a name leads to. */
enum target {
    TARGET_FILE, /* a plain file, or none yet: it is replaced as a whole */
    TARGET_OPEN, /* a descriptor of some process */
    TARGET_DEVICE,
};

static enum status refuse(const char *name, int error, struct fault *fault)
{
    return fault_set(fault, disk_status(error), "cannot write %s: %s", name, strerror(error));
}

/* Tables may replace tables, but never results. HDF5 has its signature at 0, or behind a block of
 * the user's at 512, 1024, 2048, … \return 1 when there is one, else 0; -1 and errno when that
 * cannot be told */
static int is_hdf5(int fd, off_t size)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    enum { FIRST_BLOCK = 512 };
    for (off_t at = 0; at<size; at = at> 0 ? 2 * at : FIRST_BLOCK) {
        char bytes[sizeof signature];
        const ssize_t got = pread(fd, bytes, sizeof bytes, at);
        if (got < 0)
            return -1;
        if (got == (ssize_t)sizeof bytes && memcmp(bytes, signature, sizeof bytes) == 0)
            return 1;
    }
    return 0;
}

/* Refuses to replace an HDF5 file: a table is made again in a second, a sweep is not. A file that
 * cannot be read might be one, so it is not replaced either, unless it is an open descriptor:
 * whoever opened it has decided already. */
static enum status check_content(const char *path, const char *name, bool opened,
                                 struct fault *fault)
{
    struct stat about;
    const int fd = open(path, (opened ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return opened ? STATUS_OK : refuse(name, errno, fault);
    const int results = fstat(fd, &about) != 0   ? -1
                        : S_ISREG(about.st_mode) ? is_hdf5(fd, about.st_size)
                                                 : 0;
    const int error = errno;
    close(fd);
    if (results < 0)
        return refuse(name, error, fault);
    if (results == 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "cannot write %s: it is an HDF5 file, which a table must not replace: give "
                     "another name",
                     name);
}

enum status atomic_file_check_own(const char *path, const char *name, struct fault *fault)
{
    static const char *const ends[] = {".lock", ".ckpt", ".job"};
    const size_t length = strlen(path);
    size_t bare = 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t end = strlen(ends[i]);
        if (length > end && strcmp(path + length - end, ends[i]) == 0)
            bare = length - end;
    }
    if (bare == 0)
        return STATUS_OK;
    struct fault ignored;
    struct stat about;
    int fd = -1;
    char *const sweep = disk_name("%.*s", (int)bare, path);
    /* Only beside a file of HDF5: a lock of another program may be called x.txt.lock. */
    const bool is = disk_open_regular(sweep, O_RDONLY, &fd, &ignored) == STATUS_OK &&
                    fstat(fd, &about) == 0 && is_hdf5(fd, about.st_size) == 1;
    if (fd >= 0)
        close(fd);
    const enum status status =
        is ? fault_set(fault, STATUS_INPUT, "%s belongs to the sweep %s, expected another name",
                       name, sweep)
           : STATUS_OK;
    free(sweep);
    return status;
}

/* Finds out what the name leads to, and refuses what must not be written to. */
static enum status look(const char *path, const char *name, enum target *target,
                        struct fault *fault)
{
    struct stat about;
    const bool opened = disk_is_descriptor(path);
    const bool there = stat(path, &about) == 0;
    if (!there && errno != ENOENT)
        return refuse(name, errno, fault);
    *target = opened ? TARGET_OPEN : there && !S_ISREG(about.st_mode) ? TARGET_DEVICE : TARGET_FILE;
    if (there && S_ISDIR(about.st_mode))
        return refuse(name, EISDIR, fault);
    enum status status = STATUS_OK;
    if (there && S_ISREG(about.st_mode))
        status = check_content(path, name, opened, fault);
    if (status == STATUS_OK && *target == TARGET_FILE)
        status = disk_check_folder(path, name, fault);
    return status;
}

enum status atomic_file_check(const char *name, struct fault *fault)
{
    char *path = NULL;
    enum target target;
    enum status status = disk_resolve(name, &path, fault);
    if (status == STATUS_OK)
        status = atomic_file_check_own(path, name, fault);
    if (status == STATUS_OK)
        status = look(path, name, &target, fault);
    free(path);
    return status;
}

static void forget(struct atomic_file *output)
{
    free(output->name);
    free(output->path);
    free(output->temporary);
    *output = (struct atomic_file){.file = NULL};
}

/* Opens a descriptor by its name in /proc. One of this process is duplicated, which shares the
 * place in the file: with `>>log` or after an `echo`, what the shell wrote before stays. Opening
 * the name anew would begin at the start of the file. A descriptor of another process cannot be
 * duplicated, so that is opened for appending. */
static int open_descriptor(const char *path)
{
    char own[64], real[PATH_MAX];
    char *for_folder = disk_name("%s", path), *for_number = disk_name("%s", path);
    const char *const number = basename(for_number);
    snprintf(own, sizeof own, "/proc/%ld/fd", (long)getpid());
    const bool ours = realpath(dirname(for_folder), real) != NULL && strcmp(real, own) == 0 &&
                      number[strspn(number, "0123456789")] == '\0';
    const int fd = ours ? fcntl((int)strtol(number, NULL, 10), F_DUPFD_CLOEXEC, 0)
                        : open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    free(for_number);
    free(for_folder);
    return fd;
}

/* A temporary is locked (disk_claim) while it is written: another process that tidies up can tell
 * it from one that a killed process left. */
static enum status open_target(struct atomic_file *output, enum target target, int *fd,
                               struct fault *fault)
{
    if (target == TARGET_FILE) {
        disk_remove_stale(output->path);
        output->temporary = disk_temporary(output->path);
        const enum status status = disk_create(output->temporary, fd, fault);
        if (status == STATUS_OK) {
            disk_claim(*fd);
            disk_keep_mode(*fd, output->path);
        }
        return status;
    }
    *fd = target == TARGET_OPEN ? open_descriptor(output->path)
                                : open(output->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return *fd < 0 ? refuse(output->name, errno, fault) : STATUS_OK;
}

enum status atomic_file_begin(struct atomic_file *output, const char *name, struct fault *fault)
{
    int fd = -1;
    enum target target = TARGET_FILE;
    *output = (struct atomic_file){.name = disk_name("%s", name)};
    enum status status = disk_resolve(name, &output->path, fault);
    if (status == STATUS_OK)
        status = atomic_file_check_own(output->path, name, fault);
    if (status == STATUS_OK)
        status = look(output->path, name, &target, fault);
    if (status == STATUS_OK)
        status = open_target(output, target, &fd, fault);
    if (status != STATUS_OK) {
        forget(output);
        return status;
    }
    output->fd = fd;
    output->file = stream_open(fd, &output->error);
    return STATUS_OK;
}

/* fsync fails on a pipe or a terminal, which has no disk. */
static enum status sync_file(const struct atomic_file *output, struct fault *fault)
{
    struct stat about;
    if (fstat(output->fd, &about) == 0 && !S_ISREG(about.st_mode))
        return STATUS_OK;
    return disk_sync(output->fd, output->name, fault);
}

enum status atomic_file_end(struct atomic_file *output, bool good, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (output->file == NULL)
        return STATUS_OK;
    fflush(output->file);
    /* A reader that has left a pipe (`| head`) has what it wanted: not a failure of ours. */
    const bool left = output->temporary == NULL && output->error == EPIPE;
    if (good && output->error == 0)
        status = sync_file(output, fault);
    else if (good && !left)
        status = refuse(output->name, output->error, fault);
    fclose(output->file);
    if (good && !left && status == STATUS_OK && output->error != 0)
        status = refuse(output->name, output->error, fault);
    if (output->temporary != NULL && good && status == STATUS_OK)
        status = disk_rename(output->temporary, output->path, fault);
    if (output->temporary != NULL && (!good || status != STATUS_OK))
        unlink(output->temporary);
    forget(output);
    return status;
}

/* Used where a rename is not possible: the target is a device, or on another disk. */
static enum status copy(const char *from, struct atomic_file *output, struct fault *fault)
{
    enum { BLOCK = 1 << 16 };
    FILE *const file = fopen(from, "re");
    if (file == NULL)
        return fault_set(fault, STATUS_FAULT, "cannot open %s: %s", from, strerror(errno));
    char *const block = fault_alloc(BLOCK, 1);
    for (size_t size; (size = fread(block, 1, BLOCK, file)) > 0;) {
        if (fwrite(block, 1, size, output->file) < size)
            break;
    }
    const bool read = ferror(file) == 0;
    free(block);
    fclose(file);
    return read ? STATUS_OK : fault_set(fault, STATUS_FAULT, "cannot read %s", from);
}

enum status atomic_file_move(const char *from, const char *name, struct fault *fault)
{
    struct stat old;
    struct atomic_file output;
    enum status status = atomic_file_check(name, fault);
    if (status == STATUS_OK)
        status = disk_look(name, AT_SYMLINK_NOFOLLOW, &old, fault);
    if (status != STATUS_OK)
        return status;
    /* A rename would replace a link or a device, so it is tried only for a plain file or no file.
     * It fails when the target is on another disk, and then the content is copied. */
    if ((old.st_mode == 0 || S_ISREG(old.st_mode)) && rename(from, name) == 0)
        return STATUS_OK;
    status = atomic_file_begin(&output, name, fault);
    if (status != STATUS_OK)
        return status;
    status = copy(from, &output, fault);
    /* The first failure is the one to report, but the file must be ended in any case. */
    struct fault ending;
    const enum status ends = atomic_file_end(&output, status == STATUS_OK, &ending);
    if (status == STATUS_OK && ends != STATUS_OK)
        status = fault_set(fault, ends, "%s", ending.text);
    unlink(from);
    return status;
}
