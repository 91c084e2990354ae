// SPDX-License-Identifier: MIT
/**
 * Files that appear whole or not at all: temporary, fsync, rename, fsync of the folder.
 *
 * What all writers share. A temporary of PATH is PATH.ccmsweep-tmp.PID in the same folder: the
 * rename is atomic there, and the name shows what a killed process has left. It holds the name of
 * the program, because what a process has left is removed later: a user's own file must never look
 * like it. A rename would replace a link by
 * a file, so resolve the path first (disk_resolve). All functions are local.
 */
#ifndef CCMSWEEP_DISK_H
#define CCMSWEEP_DISK_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/** What is between the path and the process number in the name of a temporary. */
#define DISK_TEMPORARY ".ccmsweep-tmp."

/** printf into a new string, owned by the caller (free). Never NULL. */
char *disk_name(const char *format, ...) MUST_USE __attribute__((format(printf, 1, 2)));

/** Name of this process's temporary of `path`; owned by the caller (free). */
char *disk_temporary(const char *path) MUST_USE;

/** STATUS_INPUT for an errno that a user can cause and cure (no such folder, no permission, a
 *  folder in place of a file, read-only), else STATUS_FAULT. */
enum status disk_status(int error) MUST_USE;

/**
 * Find the path at which the file that `path` names is, or would be created: while the last part is
 * a link, it is followed, also to a file that does not exist yet. Everything beside a file (lock,
 * checkpoints, temporaries) is named after this path, so it is found under every name of the file.
 * A link of /proc (which /dev/stdout and /dev/fd/N lead to) is not the name of a file and is left
 * as it is. A path that is not a link is returned unchanged.
 * \param real owned by the caller (free); NULL on failure
 * \return STATUS_INPUT with a sentence: an empty name, links in a circle, a name that is too long
 */
enum status disk_resolve(const char *path, char **real, struct fault *fault) MUST_USE;

/** True when `path` is a link of /proc: another name of a descriptor. */
bool disk_is_descriptor(const char *path) MUST_USE;

/**
 * Find out what is at `path`. Only "there is no such name" means absent: a disk that fails for a
 * moment must not make an existing file look absent, because it would then be replaced.
 * \param flags 0, or AT_SYMLINK_NOFOLLOW for a link itself
 * \param about st_mode is 0 when nothing is there
 * \return STATUS_INPUT (no permission, links in a circle) or STATUS_FAULT when that is not known
 */
enum status disk_look(const char *path, int flags, struct stat *about,
                      struct fault *fault) MUST_USE;

/** Check whether a file can be created in the folder of `path`. \param name for the sentence
 *  \return STATUS_INPUT with a sentence when it is absent or not writable */
enum status disk_check_folder(const char *path, const char *name, struct fault *fault) MUST_USE;

/** Check whether the file may be read and written. \return STATUS_INPUT with a sentence when it may
 *  not (no permission, a read-only file system) */
enum status disk_check_access(const char *path, struct fault *fault) MUST_USE;

/**
 * Open a file that must be a regular one, without ever waiting: a FIFO or a device, also behind a
 * link, is refused and not opened.
 * \param flags O_RDONLY or O_RDWR, and other flags of open
 * \param fd    owned by the caller on success; else -1, and errno is the reason (0: not a file)
 * \return STATUS_INPUT when there is no such file, no permission, or something else of that name;
 *         STATUS_FAULT when the system fails
 */
enum status disk_open_regular(const char *path, int flags, int *fd, struct fault *fault) MUST_USE;

/** Create a new file for reading and writing. What has the name already is removed first, and
 *  never written to, not even through a link. \param fd owned by the caller on success */
enum status disk_create(const char *path, int *fd, struct fault *fault) MUST_USE;

/** Set the permissions of the temporary at `fd` to those of the file that it will replace, and its
 *  owner as far as that is allowed. Does nothing when there is no such file, or not a plain one. */
void disk_keep_mode(int fd, const char *path);

/** Write all `size` bytes at the descriptor's position. \param path for the sentence */
enum status disk_write(int fd, const void *bytes, size_t size, const char *path,
                       struct fault *fault) MUST_USE;

/** fsync. After a failure consider lost what was written, and do not call it again: the next call
 *  may succeed although the data are lost. */
enum status disk_sync(int fd, const char *path, struct fault *fault) MUST_USE;

/** True when `path` still names the file that is open at `fd`: it was neither removed nor replaced.
 *  False with errno when that cannot be found out, or the name does not exist. */
bool disk_is_in_place(int fd, const char *path) MUST_USE;

/** fsync the folder that holds `path`, so that a rename or a new file in it is durable. */
enum status disk_sync_folder(const char *path, struct fault *fault) MUST_USE;

/** Rename the finished and synced file `temporary` to `path`, replacing an older file, and make the
 *  rename durable. */
enum status disk_rename(const char *temporary, const char *path, struct fault *fault) MUST_USE;

/** Remove all temporaries of `path` that belong to this user, whichever process left them: files,
 *  not folders. What cannot be removed stays.
 *  Call it only while holding the lock of `path`: then no other process creates any. */
void disk_remove_temporaries(const char *path);

/**
 * Remove those temporaries of `path`, files and folders of this user, whose process has ended: it
 * does not exist on this host, and nobody holds their lock (disk_claim). For writers that do not
 * lock `path`.
 * \return how many there were
 */
int disk_remove_stale(const char *path);

/** Lock the temporary that is open at `fd`, which marks it as being written, until it is closed.
 *  Does nothing where the file system has no such locks. */
void disk_claim(int fd);

/** Remove a file, or a folder with all that is in it; links are not followed. What cannot be
 * removed stays. */
void disk_remove_tree(const char *path);

#endif
