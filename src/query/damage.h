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

/** Check the whole numbers of all runs that are done, also those of actors (store_inspect), and
 *  print a warning on standard error for each damaged run: the first ten by number, then how many
 *  more.
 *  \return STATUS_FAULT with a sentence when the file cannot be read */
enum status damage_tell(struct store *store, const char *path, struct fault *fault) MUST_USE;

#endif
