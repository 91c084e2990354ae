// SPDX-License-Identifier: MIT
/**
 * A folder of files that appears as a whole, or not at all.
 *
 * It is made aside, under a temporary name, and renamed at the end. An empty folder is replaced in
 * this way too, and its permissions are kept. Some folders cannot be replaced: the working
 * directory, a mount point, one whose parent is not writable, and one that holds something already.
 * There the files are made aside inside the folder and moved to their places at the end, one by
 * one. As long as the part aside exists, the folder is half made, and the next process that begins
 * it finishes it. What killed processes left is removed. Local.
 */
#ifndef CCMSWEEP_ATOMIC_FOLDER_H
#define CCMSWEEP_ATOMIC_FOLDER_H

#include <ccmsweep/fault.h>
#include <stdbool.h>

struct atomic_folder {
    char *name;  /**< as the user gave it */
    char *path;  /**< that the name leads to */
    char *aside; /**< where the files are to be made */
    bool whole;  /**< renamed as a whole; else its files are moved one by one */
    int fd;      /**< of `aside`, while it is made */
};

/** Begin a folder. \param more it may hold something already, which stays
 *  \return STATUS_OK: the caller owns it until atomic_folder_end. Else STATUS_INPUT or STATUS_FAULT
 *  with a sentence, and nothing was created */
enum status atomic_folder_begin(struct atomic_folder *folder, const char *name, bool more,
                                struct fault *fault) MUST_USE;

/** End it: with `good` it has its name; else it leaves no trace.
 *  \return STATUS_FAULT or STATUS_INPUT with a sentence: nothing is left then either, except files
 *  that were moved before */
enum status atomic_folder_end(struct atomic_folder *folder, bool good,
                              struct fault *fault) MUST_USE;

#endif
