// SPDX-License-Identifier: MIT
/*
 * The order in carried_settle: the old checkpoints are removed first, then the folder is renamed.
 * Killed in between, the folder still has the tag of FILE, and the next start does both again.
 */
#include "store/carried.h"
#include "store/checkpoint.h"
#include "sys/disk.h"
#include "sys/inject.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mark[] = ".ckpt.next-";

void carried_tag(const struct spec *spec, char tag[CARRIED_TAG])
{
    uint8_t sum[SHA256_DIGEST_SIZE];
    struct sha256_ctx hash;
    char *const text = spec_resolved(spec);
    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    sha256_digest(&hash, sizeof sum, sum);
    for (int i = 0; i < (CARRIED_TAG - 1) / 2; i++)
        snprintf(tag + (ptrdiff_t)2 * i, 3, "%02x", sum[i]);
    free(text);
}

/* ---- adding ---- */

/* Bytes are copied as they are: whether they are a checkpoint is found when it is loaded. */
static enum status copy_bytes(int from, int to, const char *name, struct fault *fault)
{
    enum { PIECE = 1 << 20 };
    char *const bytes = fault_alloc(PIECE, 1);
    enum status status = STATUS_OK;
    ssize_t got = 0;
    while (status == STATUS_OK && (got = read(from, bytes, PIECE)) != 0) {
        if (got > 0)
            status = disk_write(to, bytes, (size_t)got, name, fault);
        else if (errno != EINTR)
            status =
                fault_set(fault, STATUS_FAULT, "cannot read a checkpoint to be copied to %s: %s",
                          name, strerror(errno));
    }
    free(bytes);
    return status == STATUS_OK ? disk_sync(to, name, fault) : status;
}

static enum status copy(const char *from, const char *to, struct fault *fault)
{
    int fd = -1, made = -1;
    enum status status = disk_open_regular(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, &fd, fault);
    if (status == STATUS_OK)
        status = disk_create(to, &made, fault);
    if (status == STATUS_OK)
        status = copy_bytes(fd, made, to, fault);
    if (made >= 0)
        close(made);
    if (fd >= 0)
        close(fd);
    return status;
}

/* What a killed extension to the same settings has left may be half of it. */
enum status carried_begin(const char *path, const char tag[CARRIED_TAG], struct fault *fault)
{
    char *const folder = disk_name("%s%s%s", path, mark, tag);
    enum status status = STATUS_OK;
    disk_remove_tree(folder);
    if (mkdir(folder, 0777) != 0)
        status = fault_set(fault, STATUS_FAULT, "cannot make the folder %s: %s", folder,
                           strerror(errno));
    free(folder);
    return status;
}

enum status carried_add(const char *path, const char tag[CARRIED_TAG], int64_t run, int64_t to,
                        struct fault *fault)
{
    char *const folder = disk_name("%s%s%s", path, mark, tag);
    char *const from = disk_name("%s.ckpt/" CHECKPOINT_NAME, path, run);
    char *const name = disk_name("%s/" CHECKPOINT_NAME, folder, to);
    enum status status = STATUS_OK;
    /* A checkpoint is replaced as a whole and never written to, so two names of it are as good as
     * two copies. */
    if (link(from, name) != 0)
        status = copy(from, name, fault);
    free(name);
    free(from);
    free(folder);
    return status == STATUS_OK ? STATUS_OK : STATUS_FAULT;
}

enum status carried_sync(const char *path, const char tag[CARRIED_TAG], struct fault *fault)
{
    char *const inside = disk_name("%s%s%s/.", path, mark, tag);
    enum status status = disk_sync_folder(inside, fault);
    if (status == STATUS_OK)
        status = disk_sync_folder(path, fault);
    free(inside);
    return status;
}

/* ---- settling ---- */

/* The folder of checkpoints may hold files of the user's, which stay where the checkpoints are. An
 * old checkpoint that could not be removed stays in the folder, which then cannot be replaced: that
 * is told. */
static void move_rest(const char *folder, const char *next)
{
    struct stat about;
    DIR *const entries = opendir(folder);
    if (entries == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char *const from = disk_name("%s/%s", folder, entry->d_name);
        char *const to = disk_name("%s/%s", next, entry->d_name);
        if (lstat(to, &about) != 0) /* "." and ".." are there as well */
            (void)!rename(from, to);
        free(to);
        free(from);
    }
    closedir(entries);
    rmdir(folder);
}

static enum status take_place(const char *path, const char *next, struct fault *fault)
{
    char *const folder = disk_name("%s.ckpt", path);
    checkpoint_tidy(path, NULL, 0);
    inject(INJECT_EXTEND, 3);
    move_rest(folder, next);
    const enum status status = disk_rename(next, folder, fault);
    free(folder);
    return status == STATUS_OK ? STATUS_OK : STATUS_FAULT;
}

/* Only a folder of this user with a tag of its form; what is in it are links or copies. */
static bool is_carried(int place, const char *entry, const char *base)
{
    const size_t length = strlen(base), marked = strlen(mark);
    struct stat about;
    if (strncmp(entry, base, length) != 0 || strncmp(entry + length, mark, marked) != 0)
        return false;
    const char *const tag = entry + length + marked;
    return strlen(tag) == CARRIED_TAG - 1 && tag[strspn(tag, "0123456789abcdef")] == '\0' &&
           fstatat(place, entry, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode) &&
           about.st_uid == geteuid();
}

/* Removes the folders that are not of this tag. \return true when there is one of it */
static bool remove_others(const char *path, const struct spec *spec, char tag[CARRIED_TAG])
{
    char *const for_folder = disk_name("%s", path), *const for_base = disk_name("%s", path);
    const char *const base = basename(for_base), *const place = dirname(for_folder);
    DIR *const entries = opendir(place);
    bool found = false;
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        if (!is_carried(dirfd(entries), entry->d_name, base))
            continue;
        /* The settings of a large sweep are a long text: only when there is something to do. */
        if (spec != NULL && tag[0] == '\0')
            carried_tag(spec, tag);
        if (strcmp(entry->d_name + strlen(base) + strlen(mark), tag) == 0) {
            found = true;
            continue;
        }
        char *const name = disk_name("%s/%s", place, entry->d_name);
        disk_remove_tree(name);
        free(name);
    }
    if (entries != NULL)
        closedir(entries);
    free(for_base);
    free(for_folder);
    return found;
}

enum status carried_settle(const char *path, const struct spec *spec, struct fault *fault)
{
    char tag[CARRIED_TAG] = "";
    if (!remove_others(path, spec, tag))
        return STATUS_OK;
    char *const next = disk_name("%s%s%s", path, mark, tag);
    const enum status status = take_place(path, next, fault);
    free(next);
    return status;
}
