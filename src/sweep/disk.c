// SPDX-License-Identifier: MIT
#include <ccmsweep/disk.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".tmp.";

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
    return disk_name("%s%s%ld", path, suffix, (long)getpid());
}

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

enum status disk_create(const char *path, int *fd, struct fault *fault)
{
    *fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *fd < 0 ? refuse("create", path, fault) : STATUS_OK;
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

enum status disk_sync(int fd, const char *path, struct fault *fault)
{
    if (fsync(fd) == 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_FAULT, "cannot bring to the disk %s: %s", path, strerror(errno));
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
        status = refuse("bring to the disk the folder", folder, fault);
    if (fd >= 0)
        close(fd);
    free(copy);
    return status;
}

enum status disk_rename(const char *temporary, const char *path, struct fault *fault)
{
    if (rename(temporary, path) < 0)
        return refuse("give its name to", path, fault);
    return disk_sync_folder(path, fault);
}

static bool is_temporary(const char *name, const char *base)
{
    const size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || strncmp(name + length, suffix, strlen(suffix)) != 0)
        return false;
    const char *digits = name + length + strlen(suffix);
    return *digits != '\0' && digits[strspn(digits, "0123456789")] == '\0';
}

void disk_remove_temporaries(const char *path)
{
    char *for_folder = disk_name("%s", path);
    char *for_base = disk_name("%s", path);
    const char *base = basename(for_base);
    DIR *folder = opendir(dirname(for_folder));
    if (folder != NULL) {
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (is_temporary(entry->d_name, base))
                unlinkat(dirfd(folder), entry->d_name, 0);
        }
        closedir(folder);
    }
    free(for_base);
    free(for_folder);
}
