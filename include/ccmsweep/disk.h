// SPDX-License-Identifier: MIT
/**
 * Files that appear whole or not at all: temporary, fsync, rename, fsync of the folder.
 *
 * What store and checkpoint share. A temporary of PATH is PATH.tmp.PID in the same folder, so that
 * the rename is atomic and a killed process leaves a file that is known for what it is. All
 * functions are local.
 */
#ifndef CCMSWEEP_DISK_H
#define CCMSWEEP_DISK_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>

/** printf into a new string, owned by the caller (free). Never NULL. */
char *disk_name(const char *format, ...) MUST_USE __attribute__((format(printf, 1, 2)));

/** Name of this process's temporary of `path`; owned by the caller (free). */
char *disk_temporary(const char *path) MUST_USE;

/** STATUS_INPUT for an errno that a user can cause and cure (no such folder, no permission, a
 *  folder in place of a file, read-only), else STATUS_FAULT. */
enum status disk_status(int error) MUST_USE;

/** Create or empty a file for reading and writing. \param fd owned by the caller on success */
enum status disk_create(const char *path, int *fd, struct fault *fault) MUST_USE;

/** Write all `size` bytes at the descriptor's position. \param path for the sentence */
enum status disk_write(int fd, const void *bytes, size_t size, const char *path,
                       struct fault *fault) MUST_USE;

/** fsync. After a failure what was written must be thought lost: it must not be tried again. */
enum status disk_sync(int fd, const char *path, struct fault *fault) MUST_USE;

/** True when `path` still names the file that is open at `fd`: it was neither removed nor replaced.
 */
bool disk_is_in_place(int fd, const char *path) MUST_USE;

/** fsync the folder that holds `path`, so that a rename or a new file in it lasts. */
enum status disk_sync_folder(const char *path, struct fault *fault) MUST_USE;

/** Give the finished and synced file `temporary` its name, replacing an older one, and make that
 *  last. */
enum status disk_rename(const char *temporary, const char *path, struct fault *fault) MUST_USE;

/** Remove all temporaries of `path`, whichever process left them. What cannot be removed stays. */
void disk_remove_temporaries(const char *path);

#endif
