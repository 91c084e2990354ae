// SPDX-License-Identifier: MIT
/* Loaded before programs (LD_PRELOAD): calls that succeed and do not do what they promise, as file
 * systems that are mounted wrongly do. The environment says which:
 *
 *   CCMSWEEP_LIE=locks        every lock is granted, whoever holds it
 *                nodes        locks hold among the processes of one node (SLURMD_NODENAME)
 *                fsync        nothing is put on the disk
 *                rename-gap   for a moment there is no file of the name
 *                rename-lost  the file has its name, and no content
 *                write        of the rows that a process writes, the second is lost
 *   CCMSWEEP_LIE_UNDER=FOLDER only files in this folder are concerned */

/* Both names of a call are defined below, so neither may be turned into the other. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool lies(const char *what)
{
    const char *const lie = getenv("CCMSWEEP_LIE");
    return lie != NULL && strcmp(lie, what) == 0;
}

static bool is_under(const char *path)
{
    const char *const under = getenv("CCMSWEEP_LIE_UNDER");
    return under != NULL && strncmp(path, under, strlen(under)) == 0;
}

static bool is_of(int fd)
{
    char link[64], path[4096] = "";
    const int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    errno = error;
    return is_under(path);
}

static bool is_lock(int command)
{
    return command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK ||
           command == F_SETLK || command == F_SETLKW || command == F_GETLK;
}

/* Each node locks a byte of its own. */
static void move_to_node(struct flock *range)
{
    const char *const node = getenv("SLURMD_NODENAME");
    range->l_start = 1000;
    range->l_len = 1;
    for (const char *at = node != NULL ? node : ""; *at != '\0'; at++)
        range->l_start = range->l_start * 31 % 1000003 + *at;
}

int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *const argument = va_arg(args, void *);
    va_end(args);
    if (is_lock(command) && is_of(fd)) {
        struct flock *const range = argument;
        if (lies("locks")) {
            if (command == F_OFD_GETLK || command == F_GETLK)
                range->l_type = F_UNLCK;
            return 0;
        }
        if (lies("nodes"))
            move_to_node(range);
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

int fsync(int fd)
{
    return lies("fsync") && is_of(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return lies("fsync") && is_of(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    const bool ours = is_under(to);
    if (ours && flags == 0 && lies("rename-gap")) {
        syscall(SYS_unlinkat, to_folder, to, 0);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    const int answer = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (ours && answer == 0 && lies("rename-lost")) {
        const int fd = (int)syscall(SYS_openat, to_folder, to, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd >= 0)
            syscall(SYS_close, fd);
    }
    return answer;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return renameat2(from_folder, from, to_folder, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Rows are larger than records and notes. */
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    enum { ROW_LEAST = 200 };
    static int rows;
    if (size >= ROW_LEAST && lies("write") && is_of(fd) &&
        __atomic_add_fetch(&rows, 1, __ATOMIC_RELAXED) == 2)
        return (ssize_t)size;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
    __attribute__((alias("pwrite")));
