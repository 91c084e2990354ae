// SPDX-License-Identifier: MIT
/**
 * The loop of rank 0: it gives cells to the workers, watches the clock and the signals, and decides
 * when the sweep ends. When it is the only rank, it trains the cells itself.
 *
 * Here the session, the scheduler, messages, signals, the clock and the display meet; none of them
 * knows any of the others.
 */
#ifndef CCMSWEEP_MANAGER_H
#define CCMSWEEP_MANAGER_H

#include "run/comm.h"
#include "run/session.h"
#include "store/store.h"

/** What rank 0 needs; all of it borrowed. */
struct manager {
    const struct comm *comm;
    struct store *store;
    const char *path;        /**< of the store's file */
    double checkpoint_s;     /**< between checkpoints, when it is alone; 0: only at a stop */
    bool keeps;              /**< checkpoint.keep, as in struct attempt */
    struct session *session; /**< prepared; begun and ended by manager_run */
};

/**
 * Lead the sweep to its end, or to a polite stop. Rank 0 only.
 * \param fault the last sentence for the user, whatever the status is
 * \return STATUS_OK: all cells are done; STATUS_CELLS: some failed; STATUS_STOPPED: some are left;
 *         STATUS_FAULT: a disk failed
 */
enum status manager_run(const struct manager *manager, struct fault *fault) MUST_USE;

#endif
