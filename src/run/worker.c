// SPDX-License-Identifier: MIT
#include "run/worker.h"
#include "run/attempt.h"
#include "run/backoff.h"
#include "run/failure_policy.h"
#include "sys/host.h"
#include "sys/stop_signal.h"

static struct message wait_for_message(const struct comm *comm)
{
    struct message message;
    struct backoff backoff = {0};
    while (!comm_receive(comm, &message, NULL))
        backoff_sleep(&backoff);
    return message;
}

/* A launcher may pass a signal on to any rank, so each one looks itself; it tells rank 0 with its
 * MESSAGE_STOPPED, and rank 0 tells all others. While a cell is trained, rank 0 can only send
 * MESSAGE_STOP. */
static bool asked_to_stop(const struct comm *comm)
{
    struct message message;
    return stop_requested() || (comm_receive(comm, &message, NULL) && message.type == MESSAGE_STOP);
}

/* One message a cell, but for a suspect: as soon as it is innocent rank 0 may try the next one. */
static enum status train_one(const struct worker *worker, struct attempt *attempt, int64_t cell,
                             struct fault *fault)
{
    struct message said;
    enum status status = attempt_start(attempt, cell, fault);
    bool stop = false;
    while (status == STATUS_OK && attempt_goes_on(attempt) && !stop) {
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

/* Rank 0 cannot know whether a cell has ended when it says MESSAGE_STOP: a worker without a cell
 * gets it too, and waits for MESSAGE_LEAVE. */
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
                              .begins_again = true,
                              .rank = worker->comm->rank};
    const enum status status = train_all(worker, &attempt, fault);
    attempt_fini(&attempt);
    if (status == STATUS_FAULT)
        failure_policy_note_fault(worker->store);
    return status;
}
