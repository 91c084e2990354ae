// SPDX-License-Identifier: MIT
/**
 * Files that appear whole or not at all: temporary, fsync, rename, fsync of the folder.
 *
 * What all writers share. A temporary of PATH is PATH.tmp.PID in the same folder, so that the
 * rename is atomic and a killed process leaves a file that is known for what it is. A rename would
 * put a file in the place of a link, so whoever writes resolves the path first. All functions are
 * local.
 */
#ifndef CCMSWEEP_DISK_H
#define CCMSWEEP_DISK_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/** printf into a new string, owned by the caller (free). Never NULL. */
char *disk_name(const char *format, ...) MUST_USE __attribute__((format(printf, 1, 2)));

/** Name of this process's temporary of `path`; owned by the caller (free). */
char *disk_temporary(const char *path) MUST_USE;

/** STATUS_INPUT for an errno that a user can cause and cure (no such folder, no permission, a
 *  folder in place of a file, read-only), else STATUS_FAULT. */
enum status disk_status(int error) MUST_USE;

/**
 * The path at which the file that `path` names is, or would be made: links in its last place are
 * followed, one after the other, also to a file that is not there yet. Everything that stands
 * beside a file (lock, checkpoints, temporaries) is named after this path, so that it is found
 * whatever the file is called. A link of /proc (what /dev/stdout and /dev/fd/N are in the end) is
 * no name of a file, and is left as it is. A path that is no link comes back unchanged. \param real
 * owned by the caller (free); NULL on failure \return STATUS_INPUT with a sentence: no name, links
 * in a circle, a name that is too long
 */
enum status disk_resolve(const char *path, char **real, struct fault *fault) MUST_USE;

/** True when `path` is a link of /proc: another name of a descriptor. */
bool disk_is_descriptor(const char *path) MUST_USE;

/**
 * Look what stands at `path`. Only "there is no such name" is an answer of no: a disk that fails
 * for a moment must not make an existing file look absent, and be replaced.
 * \param flags 0, or AT_SYMLINK_NOFOLLOW for a link itself
 * \param about st_mode is 0 when nothing is there
 * \return STATUS_INPUT (no permission, links in a circle) or STATUS_FAULT when that cannot be told
 */
enum status disk_look(const char *path, int flags, struct stat *about,
                      struct fault *fault) MUST_USE;

/** Look whether a file can be made in the folder of `path`. \param name for the sentence
 *  \return STATUS_INPUT with a sentence when it is absent or not writable */
enum status disk_check_folder(const char *path, const char *name, struct fault *fault) MUST_USE;

/** Look whether the file may be read and written. \return STATUS_INPUT with a sentence when it may
 *  not (no permission, a read-only file system) */
enum status disk_check_access(const char *path, struct fault *fault) MUST_USE;

/**
 * Open a file that must be a regular one, without ever waiting: a FIFO or a device is told, not
 * opened, also where it stands behind a link.
 * \param flags O_RDONLY or O_RDWR, and what else open takes
 * \param fd    owned by the caller on success, else -1 and errno says why (0: it is no file)
 * \return STATUS_INPUT when there is no such file, no permission, or something else of that name;
 *         STATUS_FAULT when the system fails
 */
enum status disk_open_regular(const char *path, int flags, int *fd, struct fault *fault) MUST_USE;

/** Create a new file for reading and writing. What stood under the name is removed first and never
 *  written to, were it a link. \param fd owned by the caller on success */
enum status disk_create(const char *path, int *fd, struct fault *fault) MUST_USE;

/** Give the temporary at `fd` the permissions of the file whose place it is to take, and its owner
 *  as far as that is allowed. Without one, or when it is no plain file, nothing happens. */
void disk_keep_mode(int fd, const char *path);

/** Write all `size` bytes at the descriptor's position. \param path for the sentence */
enum status disk_write(int fd, const void *bytes, size_t size, const char *path,
                       struct fault *fault) MUST_USE;

/** fsync. After a failure what was written must be thought lost: it must not be tried again. */
enum status disk_sync(int fd, const char *path, struct fault *fault) MUST_USE;

/** True when `path` still names the file that is open at `fd`: it was neither removed nor replaced.
 *  False with errno when that cannot be found out, or there is no such name. */
bool disk_is_in_place(int fd, const char *path) MUST_USE;

/** fsync the folder that holds `path`, so that a rename or a new file in it lasts. */
enum status disk_sync_folder(const char *path, struct fault *fault) MUST_USE;

/** Give the finished and synced file `temporary` its name, replacing an older one, and make that
 *  last. */
enum status disk_rename(const char *temporary, const char *path, struct fault *fault) MUST_USE;

/** Remove all temporaries of `path`, whichever process left them. What cannot be removed stays. For
 *  who holds the lock of `path`: nobody else makes any then. */
void disk_remove_temporaries(const char *path);

/**
 * Remove those temporaries of `path`, files and folders, whose process is no more: it does not
 * exist on this host, and nobody holds their lock (disk_claim). For who writes without a lock.
 * \return how many there were
 */
int disk_remove_stale(const char *path);

/** Mark the temporary that is open at `fd` as being written, until it is closed; where the file
 *  system has no such locks, nothing happens. */
void disk_claim(int fd);

/** Remove a file, or a folder with all that is in it; links are not followed. What cannot be
 * removed stays. */
void disk_remove_tree(const char *path);

#endif
