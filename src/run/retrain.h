// SPDX-License-Identifier: MIT
/**
 * Training finished runs again, to prove that the file has what this program computes.
 *
 * Cells go to ranks and are trained as in a sweep (dispatch.h, worker.h, attempt.h); at the end a
 * run is compared with its rows (comparison.h) instead of being committed. Nothing is written.
 */
#ifndef CCMSWEEP_RETRAIN_H
#define CCMSWEEP_RETRAIN_H

#include "run/comm.h"
#include "run/progress.h"
#include "store/defects.h"
#include "store/store.h"

/** What is trained again. */
struct retrain {
    const struct comm *comm;
    struct store *store;       /**< open for reading */
    const char *path;          /**< of the store's file */
    struct progress *progress; /**< where sentences for the user go */
    int32_t *runs;             /**< (count) in rising order; owned, retrain_fini */
    int count;
    int64_t among; /**< runs from which they were drawn */
    int compared;  /**< how many were trained to their end, and compared */
};

/**
 * Draw runs that have finished, damaged ones too, among those that were trained: not set aside, and
 * without a defect that their settings are not those of their identity. A draw is that of Python's
 * `random.Random(seed).sample` from a list of these runs, in its form with a pool. Local.
 * \param wanted how many, fewer when there are fewer; -1: all, and nothing is drawn
 */
enum status retrain_draw(struct retrain *retrain, const struct defects *defects, int64_t wanted,
                         uint32_t seed, struct fault *fault) MUST_USE;

/**
 * Train the drawn runs again: on the other ranks, or in this process when it is alone; their
 * worker_run has `again`. Rank 0 only. Each run whose bytes differ is added to the defects.
 * \return STATUS_STOPPED when asked to stop before the end; STATUS_FAULT, STATUS_INPUT when a row
 *         could not be read
 */
enum status retrain_all(struct retrain *retrain, struct defects *defects,
                        struct fault *fault) MUST_USE;

/** Free the list of runs. */
void retrain_fini(struct retrain *retrain);

#endif
