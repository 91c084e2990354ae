// SPDX-License-Identifier: MIT
#include "store/sidecar.h"
#include "base/text.h"
#include "sys/disk.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One more thing to tell. */
static void tell(struct fault *warning, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(struct fault *warning, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (warning->text[0] != '\0')
        text_add(warning->text, sizeof warning->text, "; ");
    text_add_list(warning->text, sizeof warning->text, format, args);
    va_end(args);
}

static bool is_foreign(const struct stat *about)
{
    return about->st_uid != geteuid();
}

/* Checkpoints of others in an own folder; in a foreign one all may be. */
static void tell_checkpoints(const char *folder, struct fault *warning)
{
    DIR *const entries = opendir(folder);
    long count = 0, owner = 0;
    if (entries == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat about;
        if (strncmp(entry->d_name, "run-", strlen("run-")) != 0 ||
            fstatat(dirfd(entries), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            !is_foreign(&about))
            continue;
        owner = (long)about.st_uid;
        count++;
    }
    closedir(entries);
    if (count > 0)
        tell(warning, "%ld checkpoint%s in %s belong%s to another user (number %ld)", count,
             count == 1 ? "" : "s", folder, count == 1 ? "s" : "", owner);
}

static enum status check_checkpoints(const char *path, struct fault *warning, struct fault *fault)
{
    struct stat about;
    char *const folder = disk_name("%s.ckpt", path);
    enum status status = disk_look(folder, AT_SYMLINK_NOFOLLOW, &about, fault);
    const bool there = status == STATUS_OK && about.st_mode != 0;
    if (there && S_ISLNK(about.st_mode))
        status = fault_set(fault, STATUS_INPUT,
                           "%s is a link, expected a folder or nothing: checkpoints of another "
                           "sweep may be there; let %s be a link instead, they follow it",
                           folder, path);
    else if (there && is_foreign(&about))
        tell(warning, "%s belongs to another user (number %ld)", folder, (long)about.st_uid);
    else if (there)
        tell_checkpoints(folder, warning);
    free(folder);
    return status;
}

static enum status check_lock(const char *path, struct fault *warning, struct fault *fault)
{
    struct stat about, file;
    char *const lock = disk_name("%s.lock", path);
    enum status status = disk_look(lock, AT_SYMLINK_NOFOLLOW, &about, fault);
    const bool there = status == STATUS_OK && about.st_mode != 0;
    if (status == STATUS_OK)
        status = disk_look(path, 0, &file, fault);
    if (status == STATUS_OK && (!there || file.st_mode == 0))
        status = disk_check_folder(path, file.st_mode == 0 ? path : lock, fault);
    if (status == STATUS_OK && S_ISREG(about.st_mode))
        status = disk_check_access(lock, fault);
    if (status == STATUS_OK && there && is_foreign(&about))
        tell(warning, "%s belongs to another user (number %ld)", lock, (long)about.st_uid);
    free(lock);
    return status;
}

enum status sidecar_check(const char *path, struct fault *warning, struct fault *fault)
{
    struct stat about;
    warning->text[0] = '\0';
    enum status status = check_checkpoints(path, warning, fault);
    if (status == STATUS_OK)
        status = disk_look(path, 0, &about, fault);
    if (status == STATUS_OK && S_ISREG(about.st_mode) && about.st_nlink > 1)
        tell(warning,
             "%s has %ld names (hard links), each with a lock of its own: let no run use another "
             "one at the same time",
             path, (long)about.st_nlink);
    return status == STATUS_OK ? check_lock(path, warning, fault) : status;
}
