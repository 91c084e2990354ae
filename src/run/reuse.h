// SPDX-License-Identifier: MIT
/**
 * Runs of another file: what is committed there for the same cell need not be trained again. This
 * is how a sweep is extended: a new spec, a new file, the old one's runs. Rank 0 only.
 */
#ifndef CCMSWEEP_REUSE_H
#define CCMSWEEP_REUSE_H

#include "run/progress.h"
#include "store/store.h"

/**
 * Copy every run of the file `path` that is stopped, censored or diverged to the pending run of
 * equal identity, with its notes, and commit it. Rows that are not those committed there are told
 * and left out. Says how many were copied. \return STATUS_INPUT when the other file cannot be read
 * or is not one of this program, STATUS_FAULT when this one cannot be written
 */
enum status reuse_runs(struct store *store, const char *path, struct progress *progress,
                       struct fault *fault) MUST_USE;

#endif
