// SPDX-License-Identifier: MIT
/**
 * Warnings about damaged runs of a file: one sentence for each. Such a run is left out, and the
 * others are shown.
 *
 * For the commands that read rows. record.h (record_holds) says what damage is.
 */
#ifndef CCMSWEEP_DAMAGE_H
#define CCMSWEEP_DAMAGE_H

#include "store/store.h"

/** What is looked at to find damage. */
enum damage_depth {
    DAMAGE_NUMBERS, /**< values that no training can leave, of all runs: some values for each run */
    DAMAGE_ROWS,    /**< also, by their checksums, the rows of the chosen runs: all bytes of them */
};

/** Look for damage in all runs that are done (store_inspect, store_compare), and print a warning on
 *  standard error for each damaged run: the first ten by number, then how many more.
 *  \param chosen (runs) those whose rows are compared; NULL: all
 *  \return STATUS_FAULT with a sentence when the file cannot be read */
enum status damage_tell(struct store *store, const char *path, enum damage_depth depth,
                        const bool *chosen, struct fault *fault) MUST_USE;

#endif
