// SPDX-License-Identifier: MIT
/**
 * Rank 0's side of the messages: hands cells of the scheduler to worker ranks and takes what they
 * say. One message of a worker and one answer a cell. It is pulled: each turn handles one message,
 * and the caller does what else there is to do in between. It knows no cells but by number, no
 * files and no time. Rank 0 only.
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
    bool *waiting;               /**< (workers) asked, and there was nothing for it */
    int waiters, present;        /**< workers that wait; workers not yet told to leave */
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
