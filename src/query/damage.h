// SPDX-License-Identifier: MIT
/**
 * Damaged runs of a file, told: each is one sentence and is left out, the others are shown.
 *
 * For the commands that read rows. What damage is stands in record.h (record_holds).
 */
#ifndef CCMSWEEP_DAMAGE_H
#define CCMSWEEP_DAMAGE_H

#include "store/store.h"

/** Look at the whole numbers of all runs that are done, those of actors too (store_inspect), and
 *  say on standard error which are damaged, the first ten by name. */
enum status damage_tell(struct store *store, const char *path, struct fault *fault) MUST_USE;

#endif
