// SPDX-License-Identifier: MIT
/*
 * Writing, verifying and removing checkpoints.
 *
 * A checkpoint is a plain file and not a dataset: its size differs between cells, it disappears
 * when the run is done, and it must never be able to damage the file of the sweep. It may be lost
 * or refused without harm, since the run then begins again and ends in the same rows. So every
 * doubt about a checkpoint is an answer (CHECKPOINT_REFUSED) and not a fault.
 */
#include "store/checkpoint.h"
#include "base/bytes.h"
#include "sys/disk.h"
#include "sys/inject.h"
#include <ccmsweep/trainer.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'C', 'C', 'M', 'S', 'C', 'K', 'P', 'T'};

/* Offsets in the header, as checkpoint.h documents them. */
enum {
    AT_FORMAT = 8,
    AT_VERSION = 12,
    AT_RUN = 16,
    AT_SIZE = 24,
    AT_IDENTITY = 32,
    AT_PAYLOAD = 64,
    AT_CHECKSUM = 96,
};

static void digest(const void *bytes, size_t size, uint8_t sum[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, bytes);
    sha256_digest(&hash, SHA256_DIGEST_SIZE, sum);
}

static char *folder_name(const char *path)
{
    return disk_name("%s.ckpt", path);
}

static char *file_name(const char *path, int64_t run)
{
    return disk_name("%s.ckpt/" CHECKPOINT_NAME, path, run);
}

/* Two checksums: that of the header can be verified before the size in it is believed, and the
 * state is then read to where the trainer has it. */
static void header_pack(uint8_t header[CHECKPOINT_HEADER], int64_t run,
                        const struct identity *identity, const void *payload, size_t size)
{
    memcpy(header, magic, sizeof magic);
    bytes_put(header + AT_FORMAT, CHECKPOINT_FORMAT, 4);
    bytes_put(header + AT_VERSION, TRAINER_ALGORITHM_VERSION, 4);
    bytes_put(header + AT_RUN, (uint64_t)run, 8);
    bytes_put(header + AT_SIZE, size, 8);
    memcpy(header + AT_IDENTITY, identity->bytes, IDENTITY_SIZE);
    digest(payload, size, header + AT_PAYLOAD);
    digest(header, AT_CHECKSUM, header + AT_CHECKSUM);
}

/* Header, state and fsync. The rename that follows may only happen when the content is on the disk:
 * else a loss of power could leave the new name on an empty file, and the old checkpoint lost. */
static enum status write_file(int fd, const char *name, const uint8_t *header, const void *payload,
                              size_t size, struct fault *fault)
{
    enum status status = disk_write(fd, header, CHECKPOINT_HEADER, name, fault);
    if (status == STATUS_OK)
        status = disk_write(fd, payload, size, name, fault);
    if (status == STATUS_OK)
        status = disk_sync(fd, name, fault);
    return status;
}

enum status checkpoint_save(const char *path, int64_t run, const struct identity *identity,
                            const void *payload, size_t size, struct fault *fault)
{
    char *folder = folder_name(path);
    char *name = file_name(path, run);
    char *temporary = disk_temporary(name);
    enum status status = STATUS_OK;
    int fd = -1;
    /* The folder is made with the first checkpoint: a sweep of short runs never needs it. Another
     * rank may make it at the same moment. */
    if (mkdir(folder, 0777) == 0)
        status = disk_sync_folder(folder, fault);
    else if (errno != EEXIST)
        status = fault_set(fault, STATUS_FAULT, "cannot make the folder %s: %s", folder,
                           strerror(errno));
    if (status == STATUS_OK)
        status = disk_create(temporary, &fd, fault);
    if (status == STATUS_OK) {
        uint8_t header[CHECKPOINT_HEADER];
        header_pack(header, run, identity, payload, size);
        status = write_file(fd, temporary, header, payload, size, fault);
        close(fd);
        inject(INJECT_CHECKPOINT, run);
        if (status == STATUS_OK)
            status = disk_rename(temporary, name, fault);
        if (status != STATUS_OK)
            unlink(temporary);
    }
    free(temporary);
    free(name);
    free(folder);
    /* Whatever it is (a full disk, no permission): the caller continues without this checkpoint. */
    return status == STATUS_OK ? STATUS_OK : STATUS_FAULT;
}

static enum checkpoint_answer refuse(struct fault *fault, const char *name, const char *why)
{
    fault_set(fault, STATUS_FAULT, "the checkpoint %s %s", name, why);
    return CHECKPOINT_REFUSED;
}

static enum checkpoint_answer refuse_unreadable(struct fault *fault, const char *name)
{
    const int error = errno;
    fault_set(fault, STATUS_FAULT, "the checkpoint %s cannot be read: %s", name, strerror(error));
    return CHECKPOINT_REFUSED;
}

/* Why a header is not one of a checkpoint, or NULL. Magic and format come before the checksum,
 * because a newer format may have its checksum elsewhere; everything that the checksum covers comes
 * after it. */
static const char *header_flaw(const uint8_t *header)
{
    if (memcmp(header, magic, sizeof magic) != 0)
        return "is not a checkpoint of this program";
    if (bytes_get(header + AT_FORMAT, 4) > CHECKPOINT_FORMAT)
        return "was written by a newer version of this program";
    uint8_t sum[SHA256_DIGEST_SIZE];
    digest(header, AT_CHECKSUM, sum);
    if (memcmp(header + AT_CHECKSUM, sum, sizeof sum) != 0 ||
        bytes_get(header + AT_FORMAT, 4) != CHECKPOINT_FORMAT)
        return "is damaged: the checksum of its header does not hold";
    if (bytes_get(header + AT_VERSION, 4) != TRAINER_ALGORITHM_VERSION)
        return "was written by another version of the algorithm";
    return NULL;
}

/* Why it is not that of a state of this cell. */
static const char *cell_flaw(const uint8_t *header, const struct identity *identity, size_t size)
{
    const char *const flaw = header_flaw(header);
    if (flaw != NULL)
        return flaw;
    if (memcmp(header + AT_IDENTITY, identity->bytes, IDENTITY_SIZE) != 0)
        return "belongs to a run with other settings";
    if (bytes_get(header + AT_SIZE, 8) != size)
        return "contains a state of another size";
    return NULL;
}

/* Bytes read, fewer than `size` only at the end of the file; -1 and errno on an error. */
static ssize_t read_all(int fd, void *bytes, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t n = read(fd, (char *)bytes + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static enum checkpoint_answer load_file(int fd, const char *name, const struct identity *identity,
                                        void *payload, size_t size, struct fault *fault)
{
    uint8_t header[CHECKPOINT_HEADER], sum[SHA256_DIGEST_SIZE];
    char beyond = 0; /* a byte behind the state: the file is longer than its header says */
    const ssize_t head = read_all(fd, header, sizeof header);
    if (head < 0)
        return refuse_unreadable(fault, name);
    if (head < CHECKPOINT_HEADER)
        return refuse(fault, name, "is cut short");
    const char *flaw = cell_flaw(header, identity, size);
    if (flaw != NULL)
        return refuse(fault, name, flaw);
    const ssize_t body = read_all(fd, payload, size);
    const ssize_t rest = body < 0 ? -1 : read_all(fd, &beyond, 1);
    if (rest < 0)
        return refuse_unreadable(fault, name);
    if ((size_t)body < size)
        return refuse(fault, name, "is cut short");
    digest(payload, size, sum);
    if (rest > 0 || memcmp(header + AT_PAYLOAD, sum, sizeof sum) != 0)
        return refuse(fault, name, "is damaged: the checksum of its content does not hold");
    return CHECKPOINT_LOADED;
}

/* In a shared folder anybody may have put anything under the name: a link is not followed, and a
 * FIFO is not waited for. */
static const int open_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

enum checkpoint_answer checkpoint_load(const char *path, int64_t run,
                                       const struct identity *identity, void *payload, size_t size,
                                       struct fault *fault)
{
    char *name = file_name(path, run);
    /* Only this process writes checkpoints of the run: what is left is of a killed one. */
    disk_remove_temporaries(name);
    const int fd = open(name, open_flags);
    struct stat about;
    enum checkpoint_answer answer = CHECKPOINT_ABSENT;
    if (fd >= 0) {
        answer = fstat(fd, &about) != 0    ? refuse_unreadable(fault, name)
                 : !S_ISREG(about.st_mode) ? refuse(fault, name, "is not a file")
                                           : load_file(fd, name, identity, payload, size, fault);
        close(fd);
    } else if (errno == ELOOP) {
        answer = refuse(fault, name, "is a link");
    } else if (errno != ENOENT) {
        answer = refuse_unreadable(fault, name);
    }
    free(name);
    return answer;
}

bool checkpoint_identity(const char *path, int64_t run, struct identity *identity, size_t *size)
{
    uint8_t header[CHECKPOINT_HEADER];
    char *name = file_name(path, run);
    const int fd = open(name, open_flags);
    const bool known = fd >= 0 && read_all(fd, header, sizeof header) == CHECKPOINT_HEADER &&
                       header_flaw(header) == NULL;
    if (known)
        memcpy(identity->bytes, header + AT_IDENTITY, IDENTITY_SIZE);
    if (known && size != NULL)
        *size = (size_t)bytes_get(header + AT_SIZE, 8);
    if (fd >= 0)
        close(fd);
    free(name);
    return known;
}

/* Called when the run is committed. A kill before it leaves a checkpoint of a run that is done,
 * which checkpoint_tidy removes at the next start. */
enum status checkpoint_remove(const char *path, int64_t run, struct fault *fault)
{
    char *name = file_name(path, run);
    enum status status = STATUS_OK;
    disk_remove_temporaries(name);
    if (unlink(name) < 0 && errno != ENOENT && errno != ENOTDIR)
        status = fault_set(fault, STATUS_FAULT, "cannot remove the checkpoint %s: %s", name,
                           strerror(errno));
    free(name);
    return status;
}

bool checkpoint_exists(const char *path, int64_t run)
{
    char *name = file_name(path, run);
    const bool exists = access(name, F_OK) == 0;
    free(name);
    return exists;
}

/* The run that a checkpoint is of, by its name; -1 for a temporary or any other name. %n counts
 * what was read, so a name with something behind it is not one. */
static int64_t run_of(const char *entry)
{
    int64_t run = -1;
    int length = 0;
    if (sscanf(entry, "run-%" SCNd64 ".ckpt%n", &run, &length) != 1 || length == 0)
        return -1;
    return entry[length] == '\0' ? run : -1;
}

static bool is_temporary(const char *entry)
{
    int64_t run = -1;
    return sscanf(entry, "run-%" SCNd64 ".ckpt" DISK_TEMPORARY, &run) == 1 &&
           strstr(entry, ".ckpt" DISK_TEMPORARY) != NULL;
}

/* Only names of the program's own form are removed: the folder may hold files of the user's. */
void checkpoint_tidy(const char *path, const bool *wanted, int64_t runs)
{
    char *folder = folder_name(path);
    DIR *entries = opendir(folder);
    if (entries != NULL) {
        for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
            const int64_t run = run_of(entry->d_name);
            if (is_temporary(entry->d_name) || (run >= 0 && (run >= runs || !wanted[run])))
                unlinkat(dirfd(entries), entry->d_name, 0);
        }
        closedir(entries);
        rmdir(folder); /* stays when checkpoints are in it */
    }
    free(folder);
}
