// SPDX-License-Identifier: MIT
/**
 * The messages on the side of rank 0: it sends cells of the scheduler to worker ranks and receives
 * their answers. There is one message and one answer for each cell. The caller calls dispatch_turn,
 * which handles one message, and does its other work in between. Cells are only numbers here, and
 * this code knows no files and no time. Rank 0 only.
 */
#ifndef CCMSWEEP_DISPATCH_H
#define CCMSWEEP_DISPATCH_H

#include "run/comm.h"
#include "run/scheduler.h"
#include <stdbool.h>

/** State of the exchange. */
struct dispatch {
    const struct comm *comm;
    struct scheduler *scheduler; /**< of comm->size - 1 workers: worker w is rank w + 1 */
    bool closed;                 /**< set by the caller: no further cell is given out */
    bool stopping;               /**< dispatch_stop was called */
    bool *waiting;               /**< (workers) it asked, and there was no cell for it */
    int waiters, present;        /**< number of workers that wait; that were not yet told to
                                      leave */
};

/** Begin. Scheduler and comm are borrowed. The caller owns it: dispatch_fini. */
void dispatch_init(struct dispatch *dispatch, const struct comm *comm, struct scheduler *scheduler);

/** Free what it holds. */
void dispatch_fini(struct dispatch *dispatch);

/** Handle the next message, if there is one. \param event what the worker said (output)
 *  \return false: there was none */
bool dispatch_turn(struct dispatch *dispatch, struct message *event) MUST_USE;

/** Have all workers stop politely. Called again it does nothing. */
void dispatch_stop(struct dispatch *dispatch);

/** True when every worker has been told to leave. A worker is told when it asks for a cell and none
 *  will come any more. */
bool dispatch_over(struct dispatch *dispatch) MUST_USE;

#endif
