// SPDX-License-Identifier: MIT
/**
 * A folder of files that appears as a whole, or not at all.
 *
 * It is made aside and gets its name at the end. So does an empty folder's place, with its
 * permissions, unless it cannot be replaced (it is the working directory, a mount point, or in a
 * folder that is not writable): then, and for one that holds something already, the files are made
 * aside inside it and move to their places at the end, one after the other; as long as the part
 * aside is there, the folder is half-made, and whoever begins it again finishes it. What killed
 * processes left is removed. Local.
 */
#ifndef CCMSWEEP_ATOMIC_FOLDER_H
#define CCMSWEEP_ATOMIC_FOLDER_H

#include <ccmsweep/fault.h>
#include <stdbool.h>

struct atomic_folder {
    char *name;  /**< as the user gave it */
    char *path;  /**< that the name leads to */
    char *aside; /**< where the files are to be made */
    bool whole;  /**< gets its name as a whole */
    int fd;      /**< of `aside`, while it is made */
};

/** Begin a folder. \param more it may hold something already, which stays
 *  \return STATUS_OK: the caller owns it, until atomic_folder_end; else STATUS_INPUT or STATUS_FAULT with
 * a sentence, and there is nothing */
enum status atomic_folder_begin(struct atomic_folder *staging, const char *name, bool more,
                                struct fault *fault) MUST_USE;

/** End it: with `good` under its name, else without a trace. \return STATUS_FAULT or STATUS_INPUT
 *  with a sentence: then without a trace, too, but for files that have moved already */
enum status atomic_folder_end(struct atomic_folder *staging, bool good,
                              struct fault *fault) MUST_USE;

#endif
