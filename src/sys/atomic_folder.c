// SPDX-License-Identifier: MIT
/*
 * Writing an export: several files that belong together. The folder is made aside and renamed as a
 * whole where that is possible. Where it is not (the user gave the working directory, or wants
 * files added to a folder), the files move one by one, and a killed process can leave some of them;
 * the part that is still aside then shows that the folder is half made.
 */
#include "sys/atomic_folder.h"
#include "sys/atomic_file.h"
#include "sys/disk.h"
#include "sys/inject.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Name of the part aside in a folder that cannot be replaced: export.ccmsweep-tmp.PID inside it. */
static const char inside[] = "export";

static enum status refuse(const char *name, int error, struct fault *fault)
{
    return fault_set(fault, disk_status(error), "cannot make the folder %s: %s", name,
                     strerror(error));
}

/* The folder that the name leads to, without a slash at its end, so that the temporary is beside it
 * and not in it. "." and ".." are replaced by the folders' own names for the same reason. */
static enum status find(struct atomic_folder *folder, struct fault *fault)
{
    char *bare = disk_name("%s", folder->name);
    for (size_t length = strlen(bare); length > 1 && bare[length - 1] == '/'; length--)
        bare[length - 1] = '\0';
    folder->path = realpath(bare, NULL);
    const enum status status =
        folder->path != NULL ? STATUS_OK : disk_resolve(bare, &folder->path, fault);
    free(bare);
    return status;
}

/* Number of entries, without "." and ".." and the part aside. */
static int count_entries(DIR *entries, const char *aside)
{
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 strncmp(entry->d_name, aside, strlen(aside)) != 0;
    return count;
}

/* Whether a new folder can take its place by a rename: not the working directory (the user's shell
 * would be left in a folder that is gone), not a mount point (another file system than its parent),
 * not one of another owner, and only where the parent can be written to. */
static bool is_replaceable(const char *path, const struct stat *about)
{
    struct stat here, above;
    char *copy = disk_name("%s", path);
    const char *const parent = dirname(copy);
    const bool is =
        about->st_uid == geteuid() && stat(".", &here) == 0 && stat(parent, &above) == 0 &&
        (here.st_dev != about->st_dev || here.st_ino != about->st_ino) &&
        above.st_dev == about->st_dev && faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0;
    free(copy);
    return is;
}

/* Looks at what is there already. A folder that is not empty is refused unless the user wants to
 * add to it, or a killed process left a part aside in it: then the same command finishes what that
 * one began. */
static enum status look(struct atomic_folder *folder, bool more, mode_t *mode, struct fault *fault)
{
    struct stat about;
    disk_remove_stale(folder->path);
    folder->whole = true;
    if (stat(folder->path, &about) != 0)
        return errno == ENOENT ? STATUS_OK : refuse(folder->name, errno, fault);
    DIR *const entries = opendir(folder->path);
    if (entries == NULL)
        return refuse(folder->name, errno, fault);
    if (faccessat(AT_FDCWD, folder->path, W_OK | X_OK, AT_EACCESS) != 0) {
        const int error = errno;
        closedir(entries);
        return refuse(folder->name, error, fault);
    }
    char *part = disk_name("%s/%s", folder->path, inside);
    char *start = disk_name("%s" DISK_TEMPORARY, inside);
    const bool half_made = disk_remove_stale(part) > 0;
    const int count = count_entries(entries, start);
    free(start);
    free(part);
    closedir(entries);
    if (count > 0 && !more && !half_made)
        return fault_set(fault, STATUS_INPUT,
                         "the folder %s is not empty, expected a new one, or --force",
                         folder->name);
    folder->whole = count == 0 && is_replaceable(folder->path, &about);
    *mode = about.st_mode & (S_ISGID | S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO);
    return STATUS_OK;
}

/* The folder aside gets the permissions of the empty folder whose place it takes. That this is not
 * allowed is not a failure. */
static enum status make_aside(struct atomic_folder *folder, mode_t mode, struct fault *fault)
{
    char *part = disk_name(folder->whole ? "%s" : "%s/%s", folder->path, inside);
    folder->aside = disk_temporary(part);
    free(part);
    if (mkdir(folder->aside, 0777) != 0)
        return refuse(folder->name, errno, fault);
    folder->fd = open(folder->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd >= 0)
        disk_claim(folder->fd);
    if (folder->whole && mode != 0 && chmod(folder->aside, mode) != 0)
        errno = 0;
    return STATUS_OK;
}

static void forget(struct atomic_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->name);
    free(folder->path);
    free(folder->aside);
    *folder = (struct atomic_folder){.fd = -1};
}

enum status atomic_folder_begin(struct atomic_folder *folder, const char *name, bool more,
                                struct fault *fault)
{
    mode_t mode = 0;
    *folder = (struct atomic_folder){.name = disk_name("%s", name), .fd = -1};
    enum status status = find(folder, fault);
    if (status == STATUS_OK)
        status = atomic_file_check_own(folder->path, name, fault);
    if (status == STATUS_OK)
        status = look(folder, more, &mode, fault);
    if (status == STATUS_OK)
        status = make_aside(folder, mode, fault);
    if (status != STATUS_OK)
        forget(folder);
    return status;
}

/* Moves everything in the folder `from` to its place in `to`, folders included, and then syncs
 * `to`, so that the new names are on the disk before the part aside is removed. */
static enum status move_all(const char *from, const char *to, struct fault *fault)
{
    enum status status = STATUS_OK;
    DIR *const entries = opendir(from);
    if (entries == NULL)
        return refuse(from, errno, fault);
    for (const struct dirent *entry; status == STATUS_OK && (entry = readdir(entries)) != NULL;) {
        struct stat about;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *source = disk_name("%s/%s", from, entry->d_name);
        char *target = disk_name("%s/%s", to, entry->d_name);
        status = disk_look(source, AT_SYMLINK_NOFOLLOW, &about, fault);
        if (status == STATUS_OK && !S_ISDIR(about.st_mode))
            status = atomic_file_move(source, target, fault);
        else if (status == STATUS_OK && mkdir(target, 0777) != 0 && errno != EEXIST)
            status = refuse(target, errno, fault);
        else if (status == STATUS_OK)
            status = move_all(source, target, fault);
        free(source);
        free(target);
        inject(INJECT_EXPORT, -1);
    }
    closedir(entries);
    char *name = disk_name("%s/.", to);
    if (status == STATUS_OK)
        status = disk_sync_folder(name, fault);
    free(name);
    return status;
}

enum status atomic_folder_end(struct atomic_folder *folder, bool good, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (folder->aside == NULL)
        return STATUS_OK;
    if (good)
        inject(INJECT_EXPORT, -1);
    if (good && folder->whole)
        status = disk_rename(folder->aside, folder->path, fault);
    else if (good)
        status = move_all(folder->aside, folder->path, fault);
    if (!good || !folder->whole || status != STATUS_OK)
        disk_remove_tree(folder->aside);
    forget(folder);
    return status;
}
