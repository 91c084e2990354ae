// SPDX-License-Identifier: MIT
/*
 * What others may have put beside the file of a sweep. A checkpoint is trusted as soon as its
 * checksums hold, and whoever can write a file into a folder can compute checksums. A run cannot
 * decide whether that was meant well, so it refuses only what is never right and warns of the rest.
 */
#include "store/sidecar.h"
#include "base/text.h"
#include "sys/atomic_file.h"
#include "sys/disk.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Adds a sentence to the warning. */
static void warn(struct fault *warning, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void warn(struct fault *warning, const char *format, ...)
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

/* Counts the checkpoints of other users in a folder that is the user's own. In a folder of another
 * user all of them may be, which is one warning. */
static void warn_of_checkpoints(const char *folder, struct fault *warning)
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
        warn(warning, "%ld checkpoint%s in %s belong%s to another user (number %ld)", count,
             count == 1 ? "" : "s", folder, count == 1 ? "s" : "", owner);
}

/* A link is refused: rank 0 would make and remove files in a folder that belongs to another
 * sweep. So is anything but a folder: all cells would train without checkpoints. */
static enum status check_checkpoints(const char *path, struct fault *warning, struct fault *fault)
{
    struct stat about;
    char *const folder = disk_name("%s.ckpt", path);
    enum status status = disk_look(folder, AT_SYMLINK_NOFOLLOW, &about, fault);
    const bool there = status == STATUS_OK && about.st_mode != 0;
    if (there && S_ISLNK(about.st_mode))
        status = fault_set(fault, STATUS_INPUT,
                           "%s is a link, expected a folder or nothing: checkpoints of another "
                           "sweep may be there; make %s a link instead: checkpoints are beside its "
                           "target",
                           folder, path);
    else if (there && !S_ISDIR(about.st_mode))
        status = fault_set(fault, STATUS_INPUT,
                           "%s is not a folder, expected one or nothing: the checkpoints go there",
                           folder);
    else if (there && is_foreign(&about))
        warn(warning, "%s belongs to another user (number %ld)", folder, (long)about.st_uid);
    else if (there)
        warn_of_checkpoints(folder, warning);
    free(folder);
    return status;
}

/* Whether a run could lock the file. lock_acquire would find out too, but it makes the lock file,
 * and `run --dry-run` must not leave anything. When neither file nor lock exists, the message names
 * the file, which is what the user has asked for. */
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
        warn(warning, "%s belongs to another user (number %ld)", lock, (long)about.st_uid);
    free(lock);
    return status;
}

enum status sidecar_check(const char *path, struct fault *warning, struct fault *fault)
{
    struct stat about;
    warning->text[0] = '\0';
    /* This file may itself be meant for a name that another sweep uses. */
    enum status status = atomic_file_check_own(path, path, fault);
    if (status == STATUS_OK)
        status = check_checkpoints(path, warning, fault);
    if (status == STATUS_OK)
        status = disk_look(path, 0, &about, fault);
    /* Locks are named after the file, so two hard links would have two locks for one file. */
    if (status == STATUS_OK && S_ISREG(about.st_mode) && about.st_nlink > 1)
        warn(warning,
             "%s has %ld names (hard links), each with a lock of its own: do not let two processes "
             "use different ones at the same time",
             path, (long)about.st_nlink);
    return status == STATUS_OK ? check_lock(path, warning, fault) : status;
}
