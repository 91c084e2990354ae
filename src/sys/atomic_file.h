// SPDX-License-Identifier: MIT
/**
 * A text file that appears when it is finished, or not at all.
 *
 * It is written under a temporary name (disk.h) beside the file that the name leads to, which keeps
 * its permissions, and gets that name at the end; a link stays one. What is no file - a device, a
 * FIFO, /dev/stdout, /dev/fd/N - is written to as it stands, as the shell would. What a reader of
 * tables could not have meant is refused: a folder, and an HDF5 file, which holds results. Write to
 * `file` with stdio; what could not be written is found at the end. Local.
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
};

/** Look whether atomic_file_begin would refuse `name`, without making or opening anything that waits.
 *  \return STATUS_INPUT with a sentence: a folder, an HDF5 file, no permission, no such folder */
enum status atomic_file_check(const char *name, struct fault *fault) MUST_USE;

/** Begin a file, and remove what killed processes left of it. Waits for the reader of a FIFO.
 *  \return STATUS_OK: the caller owns it, until atomic_file_end; else STATUS_INPUT or STATUS_FAULT with a
 *  sentence, and there is nothing */
enum status atomic_file_begin(struct atomic_file *output, const char *name,
                              struct fault *fault) MUST_USE;

/** End it: with `good` on the disk under its name, replacing an older file, else without a trace
 *  (what was written to a device or a reader is there). That a reader has left is no fault.
 *  \return STATUS_FAULT or STATUS_INPUT with a sentence: then without a trace, too */
enum status atomic_file_end(struct atomic_file *output, bool good, struct fault *fault) MUST_USE;

/** Give the finished file `from` the name `name`, as atomic_file_begin and atomic_file_end would; `from` is
 *  gone then. \return as those */
enum status atomic_file_move(const char *from, const char *name, struct fault *fault) MUST_USE;

#endif
