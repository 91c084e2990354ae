// SPDX-License-Identifier: MIT
/**
 * One writer per file: an advisory lock on PATH.lock that ends with its process.
 *
 * The kernel frees an open-file-description lock whenever and however its holder dies, so there is
 * no stale lock to clear. The lock file itself is never removed (removing it would let two
 * processes lock two files of one name); it names the holder in words. Take the lock before looking
 * for PATH or creating it, and hold it to the end. It knows nothing of what it guards. Local.
 */
#ifndef CCMSWEEP_LOCK_H
#define CCMSWEEP_LOCK_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>

struct lock;

/**
 * Lock PATH.lock (created if absent, mode 0666 less umask) for this process.
 * \param path   the file to guard; it need not exist, its folder must. Links are followed
 *               (disk_resolve), so that all names of the file have one lock
 * \param wait_s seconds to keep trying while another process holds it; 0 tries once. A job that was
 *               killed may hold it for about a second more; over NFS for the length of a lease
 * \return STATUS_OK: `*lock` is held and owned by the caller, lock_release. Else `*lock` is NULL:
 *         STATUS_LOCKED, the sentence names the holder's host, process and job; STATUS_INPUT when
 *         the folder is missing or not writable, or what has the lock's name is not a
 *         lock file (a link, a folder, a file of other content), which stays as it is;
 *         STATUS_FAULT when the file system has no locks (with advice) or fails
 */
enum status lock_acquire(struct lock **lock, const char *path, double wait_s,
                         struct fault *fault) MUST_USE;

/** Check whether a process holds the lock of PATH, without taking it or waiting.
 *  \param holder who it is, "" when none does or it is not known; cut at `size`, fit to be printed
 *                (text_make_plain)
 *  \return false also when there is no lock file, or the lock cannot be examined */
bool lock_is_held(const char *path, char *holder, size_t size) MUST_USE;

/** Release and clear; NULL and a pointer to NULL are fine. The file stays. */
void lock_release(struct lock **lock);

#endif
