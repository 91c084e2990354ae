// SPDX-License-Identifier: MIT
/* Both names of a call are defined below, so neither may be turned into the other. */
#undef _FILE_OFFSET_BITS
#include "disk_faults.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct disk disk;

void disk_reset(void)
{
    for (size_t i = 0; i < disk.logged; i++)
        free(disk.log[i].bytes);
    memset(&disk, 0, sizeof disk);
}

/* Count, note, and fail if it is time. Returns true when the call is to fail. */
static bool event(enum disk_call call, const void *bytes, size_t size, off_t offset)
{
    disk.events++;
    if (disk.events == disk.stop_at)
        raise(SIGTERM);
    if (disk.watch) {
        if (disk.logged == sizeof disk.log / sizeof *disk.log)
            abort();
        struct disk_event *log = &disk.log[disk.logged++];
        *log = (struct disk_event){.call = call, .size = size, .offset = offset};
        if (size > 0) {
            log->bytes = malloc(size);
            if (log->bytes == NULL)
                abort();
            memcpy(log->bytes, bytes, size);
        }
    }
    const bool can_fail = call == DISK_WRITE || call == DISK_SYNC || call == DISK_RESIZE;
    if (!can_fail || disk.fail_from == 0 || disk.events < disk.fail_from)
        return false;
    errno = disk.error;
    return true;
}

/* Standard streams and files without a name, in memory or removed, are not on this disk. */
static bool is_watched(int fd)
{
    struct stat about;
    return fd > STDERR_FILENO && fstat(fd, &about) == 0 && about.st_nlink > 0;
}

static bool dies_now(void)
{
    return disk.kill_at != 0 && disk.events == disk.kill_at;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    pause();
}

static ssize_t write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    if (!is_watched(fd))
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
    if (event(DISK_WRITE, bytes, size, offset))
        return -1;
    const size_t done = dies_now() ? size / 2 : size;
    const ssize_t written = syscall(SYS_pwrite64, fd, bytes, done, offset);
    if (dies_now())
        die();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_at(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return write_at(fd, bytes, size, offset);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (!is_watched(fd))
        return syscall(SYS_write, fd, bytes, size);
    if (event(DISK_WRITE, bytes, size, 0))
        return -1;
    const size_t done = dies_now() ? size / 2 : size;
    const ssize_t written = syscall(SYS_write, fd, bytes, done);
    if (dies_now())
        die();
    return written;
}

int fsync(int fd)
{
    if (event(DISK_SYNC, NULL, 0, 0))
        return -1;
    if (dies_now())
        die();
    return (int)syscall(SYS_fsync, fd);
}

static int resize(int fd, off_t size)
{
    if (!is_watched(fd))
        return (int)syscall(SYS_ftruncate, fd, size);
    if (event(DISK_RESIZE, NULL, 0, 0))
        return -1;
    if (dies_now())
        die();
    return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
    return resize(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return resize(fd, size);
}

static int reserve(int fd, off_t offset, off_t size)
{
    if (event(DISK_RESIZE, NULL, 0, 0))
        return errno;
    if (dies_now())
        die();
    return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    return reserve(fd, offset, size);
}

int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return reserve(fd, offset, size);
}

int rename(const char *from, const char *to)
{
    event(DISK_RENAME, NULL, 0, 0);
    if (dies_now())
        die();
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    event(DISK_UNLINK, NULL, 0, 0);
    if (dies_now())
        die();
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
