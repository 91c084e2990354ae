// SPDX-License-Identifier: MIT
/**
 * Runs of another file: a run that is committed there for the same cell need not be trained again.
 * A sweep is extended in this way: with a new spec, a new file, and the runs of the old file. Rank
 * 0 only.
 */
#ifndef CCMSWEEP_REUSE_H
#define CCMSWEEP_REUSE_H

#include "run/progress.h"
#include "store/store.h"

/**
 * Copy every run of the file `path` that is stopped, censored or diverged to the run of equal
 * identity here that is not done, with its notes, and commit it. A run whose rows differ from its
 * commit record there is damaged: it is reported and not copied. Prints how many were copied.
 * \return STATUS_INPUT when the other file cannot be read or is not one of this program,
 *         STATUS_FAULT when this one cannot be written
 */
enum status reuse_runs(struct store *store, const char *path, struct progress *progress,
                       struct fault *fault) MUST_USE;

#endif
