// SPDX-License-Identifier: MIT
/*
 * What all writers share: names, opening without surprises, fsync, rename, and the temporaries of
 * killed processes.
 *
 * Errors of the system are divided in one place (disk_status) into those that the user can cure,
 * such as a missing folder, and faults. "No such name" is the only answer that means absent; every
 * other failure is reported, because a disk that fails for a moment must not make an existing file
 * look absent.
 */
#include "sys/disk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

char *disk_name(const char *format, ...)
{
    char *name = NULL;
    va_list args;
    va_start(args, format);
    const int length = vasprintf(&name, format, args);
    va_end(args);
    if (length < 0)
        fault_no_memory(strlen(format));
    return name;
}

char *disk_temporary(const char *path)
{
    return disk_name("%s%s%ld", path, DISK_TEMPORARY, (long)getpid());
}

/* A full disk (ENOSPC, EDQUOT) is a fault: the command is right, and may succeed when it is started
 * again. */
enum status disk_status(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENAMETOOLONG:
    case ELOOP:
    case ENXIO:
    case ENOTEMPTY:
        return STATUS_INPUT;
    default:
        return STATUS_FAULT;
    }
}

static enum status refuse(const char *verb, const char *path, struct fault *fault)
{
    const int error = errno;
    return fault_set(fault, disk_status(error), "cannot %s %s: %s", verb, path, strerror(error));
}

/* ---- names ---- */

/* /dev/stdout is a link to /proc/self/fd/1, which is a link to the file, whatever the shell did.
 * Following that last link would name the file itself and replace it. */
bool disk_is_descriptor(const char *path)
{
    struct stat entry;
    struct statfs system;
    char *copy = disk_name("%s", path);
    const bool is = lstat(path, &entry) == 0 && S_ISLNK(entry.st_mode) &&
                    statfs(dirname(copy), &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
    free(copy);
    return is;
}

/* What the link `path` leads to, as seen from the working directory; NULL when it is not a link, or
 * one of /proc. \return 0, or the errno when that cannot be told */
static int follow(const char *path, char **next)
{
    char text[PATH_MAX];
    const ssize_t length = readlink(path, text, sizeof text - 1);
    *next = NULL;
    if (length < 0)
        return errno == EINVAL || errno == ENOENT || errno == ENOTDIR ? 0 : errno;
    if (disk_is_descriptor(path))
        return 0;
    text[length] = '\0';
    char *copy = disk_name("%s", path);
    const bool from_here = text[0] == '/' || strchr(path, '/') == NULL;
    *next = from_here ? disk_name("%s", text) : disk_name("%s/%s", dirname(copy), text);
    free(copy);
    return 0;
}

/* Link by link and not with realpath, which fails when the file at the end does not exist yet. */
enum status disk_resolve(const char *path, char **real, struct fault *fault)
{
    enum { LINKS_MOST = 40 }; /* as many as the kernel follows */
    char *at = disk_name("%s", path), *next = NULL;
    int error = *path == '\0' ? ENOENT : 0, links = 0;
    while (error == 0 && (error = follow(at, &next)) == 0 && next != NULL) {
        free(at);
        at = next;
        if (++links > LINKS_MOST)
            error = ELOOP;
    }
    if (error == 0 && strlen(at) >= PATH_MAX)
        error = ENAMETOOLONG;
    *real = error == 0 ? at : NULL;
    if (error == 0)
        return STATUS_OK;
    free(at);
    errno = error;
    return refuse("find", *path == '\0' ? "a file without a name" : path, fault);
}

enum status disk_look(const char *path, int flags, struct stat *about, struct fault *fault)
{
    if (fstatat(AT_FDCWD, path, about, flags) == 0)
        return STATUS_OK;
    *about = (struct stat){.st_mode = 0};
    return errno == ENOENT || errno == ENOTDIR ? STATUS_OK : refuse("look at", path, fault);
}

enum status disk_check_folder(const char *path, const char *name, struct fault *fault)
{
    char *copy = disk_name("%s", path);
    /* With the dot at its end, access fails when the path is not a folder. */
    char *folder = disk_name("%s/.", dirname(copy));
    const bool usable = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0;
    const enum status status = usable ? STATUS_OK : refuse("create", name, fault);
    free(folder);
    free(copy);
    return status;
}

enum status disk_check_access(const char *path, struct fault *fault)
{
    return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 ? STATUS_OK
                                                                   : refuse("write", path, fault);
}

/* ---- files ---- */

static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode)                   ? "a FIFO"
           : S_ISSOCK(mode)                 ? "a socket"
           : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                            : "not a plain file";
}

static enum status refuse_kind(mode_t mode, const char *path, struct fault *fault)
{
    if (S_ISDIR(mode)) {
        errno = EISDIR;
        return refuse("open", path, fault);
    }
    errno = 0;
    return fault_set(fault, STATUS_INPUT, "cannot open %s: it is %s, expected a file", path,
                     kind_of(mode));
}

enum status disk_open_regular(const char *path, int flags, int *fd, struct fault *fault)
{
    struct stat entry;
    *fd = -1;
    /* stat comes before open, because opening is enough to make some devices act. Between the two
     * calls the name may get another file, so fstat asks again. O_NONBLOCK keeps a FIFO from making
     * open wait. */
    if (stat(path, &entry) != 0)
        return refuse("open", path, fault);
    if (!S_ISREG(entry.st_mode))
        return refuse_kind(entry.st_mode, path, fault);
    do
        *fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0)
        return refuse("open", path, fault);
    const bool known = fstat(*fd, &entry) == 0;
    if (known && S_ISREG(entry.st_mode))
        return STATUS_OK;
    const enum status status =
        known ? refuse_kind(entry.st_mode, path, fault) : refuse("open", path, fault);
    const int error = errno;
    close(*fd);
    *fd = -1;
    errno = error;
    return status;
}

/* O_EXCL does not follow links: in a shared folder somebody could have put a link under a name that
 * is known in advance, and the content would go where it leads. */
enum status disk_create(const char *path, int *fd, struct fault *fault)
{
    const int how = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    *fd = open(path, how, 0666);
    if (*fd < 0 && errno == EEXIST && unlink(path) == 0)
        *fd = open(path, how, 0666);
    return *fd < 0 ? refuse("create", path, fault) : STATUS_OK;
}

void disk_keep_mode(int fd, const char *path)
{
    struct stat old;
    if (lstat(path, &old) != 0 || !S_ISREG(old.st_mode))
        return;
    /* The owner first, because a change of owner may clear permission bits. Only root can change
     * it; for others the group at most, and that it is not allowed is not a failure. */
    if (fchown(fd, old.st_uid, old.st_gid) < 0 && fchown(fd, (uid_t)-1, old.st_gid) < 0)
        errno = 0;
    if (fchmod(fd, old.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) < 0)
        errno = 0;
}

enum status disk_write(int fd, const void *bytes, size_t size, const char *path,
                       struct fault *fault)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return refuse("write", path, fault);
        at += written;
        size -= (size_t)written;
    }
    return STATUS_OK;
}

/* Not repeated after EIO: Linux may have dropped the pages and marked them clean, and a second
 * fsync would then succeed although they are lost. */
enum status disk_sync(int fd, const char *path, struct fault *fault)
{
    if (fsync(fd) == 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_FAULT, "cannot sync %s: %s", path, strerror(errno));
}

bool disk_is_in_place(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

enum status disk_sync_folder(const char *path, struct fault *fault)
{
    char *copy = disk_name("%s", path);
    const char *folder = dirname(copy);
    enum status status = STATUS_OK;
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder and say EINVAL: nothing more can be done there. */
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        status = refuse("sync the folder", folder, fault);
    if (fd >= 0)
        close(fd);
    free(copy);
    return status;
}

/* Without the fsync of the folder, a loss of power could bring the old name back although the
 * rename had succeeded. */
enum status disk_rename(const char *temporary, const char *path, struct fault *fault)
{
    const int error = rename(temporary, path) < 0 ? errno : 0;
    if (error != 0)
        return fault_set(fault, disk_status(error), "cannot rename %s to %s: %s", temporary, path,
                         strerror(error));
    return disk_sync_folder(path, fault);
}

/* ---- temporaries ---- */

/* The process number in the name of a temporary; -1 when it is not a temporary of `base`. */
static long process_of(const char *name, const char *base)
{
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 ||
        strncmp(name + length, DISK_TEMPORARY, strlen(DISK_TEMPORARY)) != 0)
        return -1;
    const char *digits = name + length + strlen(DISK_TEMPORARY);
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return -1;
    return strtol(digits, NULL, 10);
}

/* Whether the process runs on this host. A zombie (killed, and its parent has not waited for it
 * yet) does not: it writes nothing any more. When in doubt it runs, so that nothing is removed. */
static bool is_alive(long process)
{
    char text[512] = "";
    if (kill((pid_t)process, 0) < 0 && errno == ESRCH)
        return false;
    char *const name = disk_name("/proc/%ld/stat", process);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    free(name);
    if (fd < 0)
        return true;
    const bool known = read(fd, text, sizeof text - 1) > 0;
    close(fd);
    /* The state follows the name of the program in parentheses, which may itself contain ")"
     * (proc(5)). */
    const char *const end = strrchr(text, ')');
    return !known || end == NULL || strncmp(end, ") Z", 3) != 0;
}

/* Whether the process of a temporary has ended. One with this process's own number was left by an
 * earlier process of the same number, or by this one. */
static bool is_stale(int folder, const char *name, long process)
{
    if (process != (long)getpid() && is_alive(process))
        return false;
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        /* Its lock cannot be asked for, but no process here has its number. */
        return errno == EACCES || errno == ELOOP;
    /* On a shared disk a process on another host may have this number and be writing the file: then
     * it holds the lock (disk_claim). */
    const bool locked = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return !locked;
}

static bool is_own(int folder, const char *name)
{
    struct stat about;
    return fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && about.st_uid == geteuid();
}

/* Removes the temporaries of `path`, all or only the stale ones; returns how many there were.
 * unlink fails for a folder, which is then removed with its content. */
static int remove_temporaries(const char *path, bool all)
{
    char *for_folder = disk_name("%s", path);
    char *for_base = disk_name("%s", path);
    const char *base = basename(for_base), *place = dirname(for_folder);
    DIR *folder = opendir(place);
    int count = 0;
    if (folder != NULL) {
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            const long process = process_of(entry->d_name, base);
            if (process < 0 || !is_own(dirfd(folder), entry->d_name) ||
                (!all && !is_stale(dirfd(folder), entry->d_name, process)))
                continue;
            count++;
            if (unlinkat(dirfd(folder), entry->d_name, 0) == 0 || all)
                continue;
            char *name = disk_name("%s/%s", place, entry->d_name);
            disk_remove_tree(name);
            free(name);
        }
        closedir(folder);
    }
    free(for_base);
    free(for_folder);
    return count;
}

void disk_remove_temporaries(const char *path)
{
    remove_temporaries(path, true);
}

int disk_remove_stale(const char *path)
{
    return remove_temporaries(path, false);
}

/* Failure is ignored: without such locks the file system has one sign less that a temporary is in
 * use, and the process number remains. */
void disk_claim(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        errno = 0;
}

static int remove_entry(const char *path, const struct stat *entry, int kind, struct FTW *at)
{
    (void)entry;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

/* FTW_DEPTH: the content of a folder before the folder. FTW_PHYS: a link itself, not what it leads
 * to. */
void disk_remove_tree(const char *path)
{
    enum { DESCRIPTORS = 16 };
    nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
