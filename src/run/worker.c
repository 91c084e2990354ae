// SPDX-License-Identifier: MIT
#include "run/worker.h"
#include "run/attempt.h"
#include "run/backoff.h"
#include "run/failure_policy.h"
#include "sys/host.h"
#include "sys/stop_signal.h"

/* Sleeps, because MPI's own blocking receive would keep a core busy (backoff.h). */
static struct message wait_for_message(const struct comm *comm)
{
    struct message message;
    struct backoff backoff = {0};
    while (!comm_receive(comm, &message, NULL))
        backoff_sleep(&backoff);
    return message;
}

/* A launcher may forward a signal to any rank, so each rank looks itself. It reports with
 * MESSAGE_STOPPED to rank 0, which tells all others. While a worker trains a cell, rank 0 can only
 * send MESSAGE_STOP, so no other message can be lost here. */
static bool asked_to_stop(const struct comm *comm)
{
    struct message message;
    return stop_requested() || (comm_receive(comm, &message, NULL) && message.type == MESSAGE_STOP);
}

/* One message for each cell, and one more for a suspect: as soon as it is innocent, rank 0 may try
 * the next suspect. */
static enum status train_one(const struct worker *worker, struct attempt *attempt, int64_t cell,
                             struct fault *fault)
{
    struct message said;
    enum status status = attempt_start(attempt, cell, fault);
    bool stop = false;
    while (status == STATUS_OK && attempt_continues(attempt) && !stop) {
        const bool suspect = attempt->suspect;
        status = attempt_episode(attempt, fault);
        if (suspect && !attempt->suspect)
            comm_send(worker->comm, 0, &(struct message){.type = MESSAGE_SAFE, .cell = cell});
        stop = asked_to_stop(worker->comm);
    }
    if (status == STATUS_OK)
        status = attempt_end(attempt, &said, fault);
    if (status == STATUS_OK)
        comm_send(worker->comm, 0, &said);
    return status;
}

/* Rank 0 can send MESSAGE_STOP while the message that this cell is done is still on its way. So a
 * worker without a cell may receive it too: it ignores it and waits for MESSAGE_LEAVE. */
static enum status train_all(const struct worker *worker, struct attempt *attempt,
                             struct fault *fault)
{
    /* A bar of rank 0 may stand on the terminal: a sentence of this rank has to clear its line. */
    enum { BAR_COLUMNS = 79 };
    enum status status = STATUS_OK;
    comm_send(worker->comm, 0, &(struct message){.type = MESSAGE_READY, .cell = -1});
    while (status == STATUS_OK) {
        const struct message message = wait_for_message(worker->comm);
        if (message.type == MESSAGE_LEAVE)
            break;
        if (message.type != MESSAGE_CELL)
            continue;
        attempt->progress->drawn = worker->beside_bar ? BAR_COLUMNS : 0;
        status = train_one(worker, attempt, message.cell, fault);
    }
    return status;
}

enum status worker_run(const struct worker *worker, struct fault *fault)
{
    char host[64], who[96];
    struct progress progress;
    host_name(host, sizeof host);
    snprintf(who, sizeof who, "rank %d on %s: ", worker->comm->rank, host);
    progress_init(&progress, PROGRESS_NONE, stderr);
    progress.who = who;
    struct attempt attempt = {.store = worker->store,
                              .path = worker->path,
                              .progress = &progress,
                              .checkpoint_s = worker->checkpoint_s,
                              .keeps = worker->keeps,
                              .again = worker->again,
                              .begins_again = true,
                              .rank = worker->comm->rank};
    const enum status status = train_all(worker, &attempt, fault);
    attempt_fini(&attempt);
    if (status == STATUS_FAULT && !worker->again)
        failure_policy_note_fault(worker->store);
    return status;
}
