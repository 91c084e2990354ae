// SPDX-License-Identifier: MIT
/**
 * The loop of a rank other than 0: it asks for a cell, trains it, and asks for the next one.
 *
 * Between two episodes it looks for a signal, and for a message of rank 0 to stop. It knows no
 * other workers, and only its own cell of the sweep.
 */
#ifndef CCMSWEEP_WORKER_H
#define CCMSWEEP_WORKER_H

#include "run/comm.h"
#include "store/store.h"
#include <stdbool.h>

/** What a worker rank needs; all of it borrowed. */
struct worker {
    const struct comm *comm;
    struct store *store;
    const char *path;    /**< of the store's file */
    double checkpoint_s; /**< between checkpoints; 0: only at a stop */
    bool keeps;          /**< checkpoint.keep, as in struct attempt */
    bool again;          /**< finished runs are trained again and compared (attempt.h) */
    bool beside_bar;     /**< rank 0 draws a bar on the same terminal */
};

/** Train the cells that rank 0 gives until it tells this rank to leave. Ranks other than 0.
 *  \return STATUS_FAULT with a sentence when this rank cannot continue: it must end the job */
enum status worker_run(const struct worker *worker, struct fault *fault) MUST_USE;

#endif
