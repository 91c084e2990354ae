// SPDX-License-Identifier: MIT
/**
 * The ranks at work: rank 0 leads, the others follow, and rank 0 of 1 works alone.
 *
 * Here the scheduler, messages, trainings, signals, the clock and the display meet; each of them
 * knows no other. Both sides look up between two episodes or two messages, and sleep when there is
 * nothing to do.
 */
#ifndef CCMSWEEP_CREW_H
#define CCMSWEEP_CREW_H

#include "run/comm.h"
#include "run/session.h"
#include "store/store.h"
#include <stdbool.h>

/** What every rank has. */
struct crew {
    const struct comm *comm;
    struct store *store;
    const char *path;    /**< of the store's file */
    double checkpoint_s; /**< between checkpoints; 0: none but at a stop */
    bool beside_bar;     /**< rank 0 draws a bar on the same terminal */
};

/**
 * Lead the sweep to its end, or to a polite stop. Rank 0 only; alone it trains the cells itself.
 * \param session prepared; begun and ended here
 * \param fault   the sentence that is to be the last, whatever the status
 * \return STATUS_OK all cells are done; STATUS_CELLS, STATUS_STOPPED; STATUS_FAULT when a disk
 * fails
 */
enum status crew_lead(const struct crew *crew, struct session *session,
                      struct fault *fault) MUST_USE;

/** Train the cells that rank 0 gives until it says to leave. Ranks other than 0.
 *  \return STATUS_FAULT with a sentence when this rank cannot go on: it must end the job */
enum status crew_follow(const struct crew *crew, struct fault *fault) MUST_USE;

#endif
