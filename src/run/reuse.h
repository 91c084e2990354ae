// SPDX-License-Identifier: MIT
/**
 * Runs of other files: a run that is committed there for the same cell need not be trained again.
 * Sweeps are merged in this way, with a spec of all their cells. The files of other sweeps stay as
 * they are; extend.h makes one sweep a wider one. Rank 0 only.
 */
#ifndef CCMSWEEP_REUSE_H
#define CCMSWEEP_REUSE_H

#include "run/progress.h"
#include "run/sources.h"
#include "store/store.h"

/**
 * Find what would be refused, before anything is made: the files, and cells of the spec in which
 * they differ.
 * \param path of the sweep's own file, which is one of them if it is there
 * \return STATUS_INPUT with a sentence: a file cannot be read, is not one of this program, is the
 *         own one; or cells differ (sources_choose). STATUS_STOPPED when asked to stop
 */
enum status reuse_check(const char *path, const struct spec *spec,
                        const struct sources_asked *asked, struct fault *fault) MUST_USE;

/**
 * Copy every run of the other files that is stopped, censored or diverged to the run of equal
 * identity here that is not done, with its notes, and commit it. What is done here is replaced only
 * where it differs from the preferred file, or is damaged. Before that the rows of all runs that
 * files have of a cell are compared with their commit records: one that differs is damaged, which
 * is told, and does not count. Says how many were copied, and in how many cells the preferred file
 * decided. Asked to stop, it ends behind a run.
 * \param path of the store's file
 * \return STATUS_INPUT as reuse_check, when the files have changed since; STATUS_FAULT when this
 *         one cannot be written. What was copied until then counts
 */
enum status reuse_runs(struct store *store, const char *path, const struct sources_asked *asked,
                       struct progress *progress, struct fault *fault) MUST_USE;

/** Warn when a label of `here` stands for other settings in `there`, the spec of a file `path`. */
void reuse_compare_labels(const struct spec *here, const struct spec *there, const char *path,
                          struct progress *progress);

#endif
