// SPDX-License-Identifier: MIT
/*
 * The lock that keeps two processes from writing one file.
 *
 * It is an open-file-description lock (F_OFD_SETLK, fcntl(2)), which the kernel releases however
 * its process dies. A file that exists only while a process works (O_EXCL) would stay after a kill
 * and stop the next one. A classic fcntl lock would be lost as soon as any part of the process
 * opened and closed the lock file, as lock_is_held does. HDF5's own locks are not used: they would
 * keep readers out.
 */
#include "sys/lock.h"
#include "base/text.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct lock {
    int fd;
};

enum { HOLDER_SIZE = 512, PAUSE_NS = 50000000 };

/* The lock file is beside the file itself, also when `path` is a link to it: all names of a file
 * share one lock. */
static enum status find_name(const char *path, char **name, struct fault *fault)
{
    char *real = NULL;
    const enum status status = disk_resolve(path, &real, fault);
    *name = status == STATUS_OK ? disk_name("%s.lock", real) : NULL;
    free(real);
    return status;
}

/* In a shared folder anybody may have put anything under the name: a FIFO is not waited for, and a
 * link is not followed. */
static const int carefully = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/* Writes who holds the lock, for the message of a run that is refused. The lock is held already, so
 * a failure to write is ignored. */
static void write_holder(int fd)
{
    char host[256] = "?", since[64] = "?", text[HOLDER_SIZE];
    gethostname(host, sizeof host - 1);
    const time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) != NULL)
        strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", &utc);
    const char *job = getenv("SLURM_JOB_ID");
    const int length =
        snprintf(text, sizeof text, "host %s, process %ld%s%s, since %s\n", host, (long)getpid(),
                 job != NULL ? ", SLURM job " : "", job != NULL ? job : "", since);
    const size_t size = length < (int)sizeof text ? (size_t)length : sizeof text - 1;
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, size, 0) < 0)
        errno = 0;
}

static void read_holder(int fd, char *holder, size_t room)
{
    const ssize_t size = pread(fd, holder, room - 1, 0);
    holder[size > 0 ? size : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    text_make_plain(holder); /* it is printed, and anybody may have written it */
}

/* What the text of the holder begins with. */
static const char start[] = "host ";

static enum status refuse_other(const char *name, const char *flaw, struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT,
                     "%s %s, expected a lock file or no file: remove it, or give another file",
                     name, flaw);
}

static enum status refuse_error(int error, const char *verb, const char *name, struct fault *fault)
{
    return fault_set(fault, disk_status(error), "cannot %s %s: %s", verb, name, strerror(error));
}

/* Whether the open file is a lock file, which may be locked and written over. Anything else was put
 * there by somebody and is not touched: a user may have named a file of results FILE.lock. */
static enum status check_content(int fd, const char *name, struct fault *fault)
{
    struct stat about;
    char words[sizeof start] = "";
    if (fstat(fd, &about) != 0)
        return refuse_error(errno, "look at", name, fault);
    if (!S_ISREG(about.st_mode))
        return refuse_other(name, "is not a file", fault);
    if (about.st_nlink > 1)
        return refuse_other(name, "has another name as well (a hard link)", fault);
    if (pread(fd, words, strlen(start), 0) < 0)
        return refuse_error(errno, "read", name, fault);
    /* After a loss of power the file may consist of zeros. */
    if (words[0] != '\0' && strcmp(words, start) != 0)
        return refuse_other(name, "holds something else", fault);
    return STATUS_OK;
}

bool lock_is_held(const char *path, char *holder, size_t size)
{
    char *name = NULL;
    *holder = '\0';
    if (find_name(path, &name, NULL) != STATUS_OK)
        return false;
    const int fd = open(name, O_RDONLY | carefully);
    struct stat about;
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    free(name);
    if (fd < 0)
        return false;
    const bool held = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
                      fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    if (held)
        read_holder(fd, holder, size);
    close(fd);
    return held;
}

static enum status refuse_held(int fd, const char *path, struct fault *fault)
{
    char holder[HOLDER_SIZE] = "";
    read_holder(fd, holder, sizeof holder);
    return fault_set(fault, STATUS_LOCKED,
                     "%s is in use by another process (%s): wait until it has ended", path,
                     holder[0] != '\0' ? holder : "holder not known");
}

/* A file system without locks is a common mistake of installation, so the message says what to
 * do. */
static enum status refuse_unlocked(int error, const char *path, struct fault *fault)
{
    if (error == ENOSYS || error == ENOLCK || error == EOPNOTSUPP || error == EINVAL)
        return fault_set(fault, STATUS_FAULT,
                         "cannot lock %s.lock: %s: this file system has no locks; put the file on "
                         "one that has (Lustre: mounted with -o flock; NFS: with its lock service)",
                         path, strerror(error));
    return fault_set(fault, STATUS_FAULT, "cannot lock %s.lock: %s", path, strerror(error));
}

/* Opens the lock file, or makes it. It is never removed: a process that has just opened it would
 * then lock a file without a name, and the next one a new file. */
static enum status open_file(const char *path, int *fd, struct fault *fault)
{
    char *name = NULL;
    enum status status = find_name(path, &name, fault);
    if (status != STATUS_OK)
        return status;
    *fd = open(name, O_RDWR | O_CREAT | carefully, 0666);
    if (*fd >= 0)
        status = check_content(*fd, name, fault);
    else if (errno == ELOOP)
        status = refuse_other(name, "is a link", fault);
    else
        status = refuse_error(errno, "create", name, fault);
    if (status != STATUS_OK && *fd >= 0)
        close(*fd);
    free(name);
    return status;
}

enum status lock_acquire(struct lock **lock, const char *path, double wait_s, struct fault *fault)
{
    int fd = -1;
    *lock = NULL;
    const enum status opened = open_file(path, &fd, fault);
    if (opened != STATUS_OK)
        return opened;
    /* The lock is polled: after a kill of mpirun the old rank 0 takes about a second to end, and
     * F_OFD_SETLKW would wait without a limit. */
    const double deadline = clock_now() + wait_s;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
        const int error = errno;
        if (error == EINTR)
            continue;
        const bool held = error == EAGAIN || error == EACCES;
        if (held && clock_now() < deadline) {
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
            continue;
        }
        const enum status status =
            held ? refuse_held(fd, path, fault) : refuse_unlocked(error, path, fault);
        close(fd);
        return status;
    }
    write_holder(fd);
    *lock = fault_alloc(1, sizeof **lock);
    (*lock)->fd = fd;
    return STATUS_OK;
}

void lock_release(struct lock **lock)
{
    if (lock == NULL || *lock == NULL)
        return;
    close((*lock)->fd);
    free(*lock);
    *lock = NULL;
}
