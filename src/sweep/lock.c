// SPDX-License-Identifier: MIT
#include <ccmsweep/clock.h>
#include <ccmsweep/disk.h>
#include <ccmsweep/lock.h>
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

/* Beside the file itself, also when `path` is a link to it. */
static char *name_of(const char *path)
{
    struct stat entry;
    char *const real =
        lstat(path, &entry) == 0 && S_ISLNK(entry.st_mode) ? realpath(path, NULL) : NULL;
    char *const name = disk_name("%s.lock", real != NULL ? real : path);
    free(real);
    return name;
}

/* Name the holder for whoever is refused. Only a courtesy: that it cannot be written is no fault.
 */
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
}

bool lock_is_held(const char *path, char *holder, size_t size)
{
    char *name = name_of(path);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    *holder = '\0';
    free(name);
    if (fd < 0)
        return false;
    const bool held = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
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
                     "%s is in use by another run (%s): wait until it has ended", path,
                     holder[0] != '\0' ? holder : "holder not known");
}

static enum status refuse_error(int error, const char *path, struct fault *fault)
{
    if (error == ENOSYS || error == ENOLCK || error == EOPNOTSUPP || error == EINVAL)
        return fault_set(fault, STATUS_FAULT,
                         "cannot lock %s.lock: %s: this file system has no locks; put the file on "
                         "one that has (Lustre: mounted with -o flock; NFS: with its lock service)",
                         path, strerror(error));
    return fault_set(fault, STATUS_FAULT, "cannot lock %s.lock: %s", path, strerror(error));
}

enum status lock_acquire(struct lock **lock, const char *path, double wait_s, struct fault *fault)
{
    *lock = NULL;
    char *name = name_of(path);
    const int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        const int error = errno;
        fault_set(fault, STATUS_FAULT, "cannot create %s: %s", name, strerror(error));
        free(name);
        return disk_status(error);
    }
    free(name);
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
            held ? refuse_held(fd, path, fault) : refuse_error(error, path, fault);
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
