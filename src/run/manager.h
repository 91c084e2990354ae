// SPDX-License-Identifier: MIT
/**
 * Rank 0 at work: it hands out the cells, watches, and decides when the sweep ends. Alone, as rank
 * 0 of 1, it trains the cells itself.
 *
 * Here the session, the scheduler, messages, signals, the clock and the display meet; each of them
 * knows none of the others.
 */
#ifndef CCMSWEEP_MANAGER_H
#define CCMSWEEP_MANAGER_H

#include "run/comm.h"
#include "run/session.h"
#include "store/store.h"

/** What rank 0 has; all of it borrowed. */
struct manager {
    const struct comm *comm;
    struct store *store;
    const char *path;        /**< of the store's file */
    double checkpoint_s;     /**< between checkpoints, alone; 0: none but at a stop */
    struct session *session; /**< prepared; begun and ended by manager_run */
};

/**
 * Lead the sweep to its end, or to a polite stop. Rank 0 only.
 * \param fault the sentence that is to be the last, whatever the status
 * \return STATUS_OK all cells are done; STATUS_CELLS, STATUS_STOPPED; STATUS_FAULT when a disk
 * fails
 */
enum status manager_run(const struct manager *manager, struct fault *fault) MUST_USE;

#endif
