// SPDX-License-Identifier: MIT
/**
 * A text file that appears when it is finished, or not at all.
 *
 * It is written under a temporary name (disk.h) beside the file that the name leads to, and gets
 * that name at the end, with the permissions of the file that it replaces; a link stays a link.
 * What is not a plain file (a device, a FIFO, /dev/stdout, /dev/fd/N) is written to directly, as
 * the shell would do it. A folder is refused, and so is an HDF5 file, which holds results. Write to
 * `file` with stdio; a write that fails is reported at the end. Local.
 */
#ifndef CCMSWEEP_ATOMIC_FILE_H
#define CCMSWEEP_ATOMIC_FILE_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdio.h>

struct atomic_file {
    FILE *file;
    char *name;      /**< as the user gave it */
    char *path;      /**< that the name leads to */
    char *temporary; /**< NULL: `path` itself is written to */
    int fd;          /**< of `file` */
    int error;       /**< the errno of the first write that failed; 0: none */
};

/** Check that `path`, which is resolved (disk_resolve), is not one of the names that a sweep beside
 *  it uses for itself: FILE.lock, FILE.ckpt or FILE.job where FILE exists and is an HDF5 file. What
 *  has such a name would be in the way of the next start. All writers of files and folders ask.
 *  \param name for the sentence \return STATUS_INPUT with a sentence when it is */
enum status atomic_file_check_own(const char *path, const char *name, struct fault *fault) MUST_USE;

/** Check whether atomic_file_begin would refuse `name`, without creating anything, and without
 *  opening anything that waits.
 *  \return STATUS_INPUT with a sentence: a folder, an HDF5 file, no permission, no such folder */
enum status atomic_file_check(const char *name, struct fault *fault) MUST_USE;

/** Begin a file, and remove what killed processes left of it. Waits for the reader of a FIFO.
 *  \return STATUS_OK: the caller owns it until atomic_file_end. Else STATUS_INPUT or STATUS_FAULT
 *  with a sentence, and nothing was created */
enum status atomic_file_begin(struct atomic_file *output, const char *name,
                              struct fault *fault) MUST_USE;

/** End it: with `good` it is on the disk under its name and replaces an older file; else it leaves
 *  no trace (except for what was written to a device or a reader). A reader that has left is not a
 *  failure.
 *  \return STATUS_FAULT or STATUS_INPUT with a sentence: nothing is left then either */
enum status atomic_file_end(struct atomic_file *output, bool good, struct fault *fault) MUST_USE;

/** Rename the finished file `from` to `name`, as atomic_file_begin and atomic_file_end would;
 *  `from` is gone afterwards. \return the same as they do */
enum status atomic_file_move(const char *from, const char *name, struct fault *fault) MUST_USE;

#endif
