// SPDX-License-Identifier: MIT
/*
 * The invariant that ends a sweep: a worker is told to leave exactly once, and only when it has no
 * cell and cannot get one. Every worker without a cell is in `waiting`, and settle() runs after
 * each message, so none is forgotten when the last cell ends.
 */
#include "run/dispatch.h"
#include <stdlib.h>

static int workers_of(const struct dispatch *d)
{
    return d->comm->size - 1;
}

void dispatch_init(struct dispatch *d, const struct comm *comm, struct scheduler *scheduler)
{
    CHECK(comm->size > 1);
    *d = (struct dispatch){.comm = comm, .scheduler = scheduler, .present = comm->size - 1};
    d->waiting = fault_alloc((size_t)workers_of(d), sizeof *d->waiting);
}

void dispatch_fini(struct dispatch *d)
{
    free(d->waiting);
    d->waiting = NULL;
}

static void tell(const struct dispatch *d, int worker, enum message_type type, int64_t cell)
{
    const struct message message = {.type = (int32_t)type, .cell = cell};
    comm_send(d->comm, worker + 1, &message);
}

static void set_waiting(struct dispatch *d, int worker, bool waits)
{
    d->waiters += waits - d->waiting[worker];
    d->waiting[worker] = waits;
}

/* A worker that gets none is not sent away while others work: only suspects may be left, and when
 * the one that is tried ends or comes further, the next one is for this worker. */
static void give(struct dispatch *d, int worker)
{
    const int64_t cell = d->closed || d->stopping ? -1 : scheduler_next(d->scheduler, worker);
    set_waiting(d, worker, cell < 0);
    if (cell >= 0)
        tell(d, worker, MESSAGE_CELL, cell);
}

/* Ask the scheduler again for those that wait. When no cell runs, what they did not get now will
 * never come, as only the end of a running suspect can free the next one. */
static void settle(struct dispatch *d)
{
    for (int w = 0; d->waiters > 0 && w < workers_of(d); w++) {
        if (d->waiting[w])
            give(d, w);
        if (d->waiting[w] && (d->stopping || scheduler_running(d->scheduler) == 0)) {
            set_waiting(d, w, false);
            tell(d, w, MESSAGE_LEAVE, -1);
            d->present--;
        }
    }
}

/* One message a turn, so that the caller looks up in between however many there are. A worker gets
 * its next cell within the same turn: it waits for it. */
bool dispatch_turn(struct dispatch *d, struct message *event)
{
    int from = 0;
    if (!comm_receive(d->comm, event, &from))
        return false;
    const int worker = from - 1;
    switch ((enum message_type)event->type) {
    case MESSAGE_SAFE:
        scheduler_trust(d->scheduler, worker);
        break;
    case MESSAGE_DONE:
        scheduler_end(d->scheduler, worker);
        give(d, worker);
        break;
    case MESSAGE_STOPPED: /* the launcher may have told this one alone, and means all */
        scheduler_end(d->scheduler, worker);
        set_waiting(d, worker, true);
        dispatch_stop(d);
        break;
    case MESSAGE_READY:
        give(d, worker);
        break;
    default:
        CHECK(false && "a message that only rank 0 sends");
    }
    settle(d);
    return true;
}

/* Workers without a cell are not told to stop: they wait for a message, and the one that settle
 * sends them is to leave. */
void dispatch_stop(struct dispatch *d)
{
    if (d->stopping)
        return;
    d->stopping = true;
    for (int w = 0; w < workers_of(d); w++) {
        if (scheduler_cell(d->scheduler, w) >= 0)
            tell(d, w, MESSAGE_STOP, -1);
    }
    settle(d);
}

bool dispatch_over(struct dispatch *d)
{
    settle(d);
    return d->present == 0;
}
