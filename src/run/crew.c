// SPDX-License-Identifier: MIT
#include "run/crew.h"
#include "run/attempt.h"
#include "run/dispatch.h"
#include "run/sweep_progress.h"
#include "store/checkpoint.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rank 0 looks up from its messages at least so often. */
static const double look_every_s = 0.05;

/* Why a sweep ends before it is done. */
enum reason { REASON_NONE, REASON_SIGNAL, REASON_WORKER, REASON_TIME, REASON_FAILURES };

/* This rank ends the job, and no cell is to blame. What cannot be written, cannot. */
static void tell_of_fault(const struct crew *crew)
{
    int64_t row = -1;
    int code = 0;
    if (store_log_last(crew->store, &row, &code, NULL) != STATUS_OK || row < 0 ||
        store_log_end(crew->store, row, STATUS_FAULT, clock_utc(), NULL) != STATUS_OK)
        return;
}

/* Rank 0 at work. */
struct lead {
    const struct crew *crew;
    struct session *session;
    struct sweep_progress board;
    enum reason reason;
    double given_s; /* until the end, when it began; INFINITY: there is none */
    bool too_short; /* for a cell to reach a checkpoint */
    double looked_s;
};

static void count(struct lead *lead, const struct message *event)
{
    if (event->type == MESSAGE_DONE || event->type == MESSAGE_STOPPED)
        store_look_again(lead->crew->store, event->cell);
    if (event->type != MESSAGE_DONE)
        return;
    sweep_progress_count(&lead->board, event);
    lead->session->outcomes[event->outcome]++;
    session_learn(lead->session, event->cell, event->seconds);
}

/* Why the work is to stop now, if it is. */
static enum reason look_for_reason(const struct lead *lead)
{
    if (stop_requested())
        return REASON_SIGNAL;
    if (session_gives_up(lead->session))
        return REASON_FAILURES;
    return clock_utc() >= lead->session->stop_at ? REASON_TIME : REASON_NONE;
}

static bool may_start(const struct lead *lead)
{
    return clock_utc() < lead->session->start_by;
}

/* ---- alone ---- */

static struct attempt attempt_of(const struct crew *crew, struct progress *progress)
{
    return (struct attempt){.store = crew->store,
                            .path = crew->path,
                            .progress = progress,
                            .checkpoint_s = crew->checkpoint_s,
                            .begins_again = true,
                            .rank = crew->comm->rank};
}

static enum status work_on(struct lead *lead, struct attempt *attempt, int64_t cell,
                           struct fault *fault)
{
    struct message event;
    enum status status = attempt_start(attempt, cell, fault);
    while (status == STATUS_OK && attempt_goes_on(attempt) && lead->reason == REASON_NONE) {
        status = attempt_episode(attempt, fault);
        lead->reason = look_for_reason(lead);
        sweep_progress_show(&lead->board, clock_now());
    }
    if (status == STATUS_OK)
        status = attempt_end(attempt, &event, fault);
    if (status != STATUS_OK)
        return status;
    scheduler_end(lead->session->scheduler, 0);
    count(lead, &event);
    return STATUS_OK;
}

static enum status work_alone(struct lead *lead, struct fault *fault)
{
    struct attempt attempt = attempt_of(lead->crew, lead->session->progress);
    enum status status = STATUS_OK;
    for (lead->reason = look_for_reason(lead); status == STATUS_OK && lead->reason == REASON_NONE;
         lead->reason = lead->reason != REASON_NONE ? lead->reason : look_for_reason(lead)) {
        if (scheduler_waiting(lead->session->scheduler) == 0)
            break;
        if (!may_start(lead)) {
            lead->reason = REASON_TIME;
            break;
        }
        const int64_t cell = scheduler_next(lead->session->scheduler, 0);
        status = work_on(lead, &attempt, cell, fault);
    }
    attempt_fini(&attempt);
    return status;
}

/* ---- with others ---- */

static void look_up(struct lead *lead, struct dispatch *dispatch)
{
    const double now_s = clock_now();
    const enum reason reason = look_for_reason(lead);
    lead->looked_s = now_s;
    if (lead->reason == REASON_NONE)
        lead->reason = reason;
    if (reason != REASON_NONE)
        dispatch_stop(dispatch);
    if (!dispatch->closed && !may_start(lead) && scheduler_waiting(lead->session->scheduler) > 0) {
        dispatch->closed = true;
        lead->reason = lead->reason == REASON_NONE ? REASON_TIME : lead->reason;
    }
    sweep_progress_show(&lead->board, now_s);
}

static void hand_out(struct lead *lead)
{
    struct dispatch dispatch;
    struct message event;
    struct nap nap = {0};
    dispatch_init(&dispatch, lead->crew->comm, lead->session->scheduler);
    look_up(lead, &dispatch);
    while (!dispatch_over(&dispatch)) {
        const bool said = dispatch_turn(&dispatch, &event);
        if (said) {
            nap_wake(&nap);
            count(lead, &event);
            if (event.type == MESSAGE_STOPPED && lead->reason == REASON_NONE)
                lead->reason = stop_requested() ? REASON_SIGNAL : REASON_WORKER;
        }
        if (!said || clock_now() - lead->looked_s > look_every_s)
            look_up(lead, &dispatch);
        if (!said)
            nap_sleep(&nap);
    }
    dispatch_fini(&dispatch);
}

/* ---- the end ---- */

static int64_t count_checkpoints(const struct lead *lead)
{
    int64_t checkpoints = 0;
    for (int64_t run = 0; run < lead->board.runs; run++)
        checkpoints += store_state(lead->crew->store, run) != STORE_DONE &&
                       checkpoint_exists(lead->crew->path, run);
    return checkpoints;
}

static enum status describe_stop(const struct lead *lead, int64_t left, struct fault *fault)
{
    static const char *const reasons[] = {
        [REASON_NONE] = "stopped",
        [REASON_SIGNAL] = "stopped by a signal",
        [REASON_WORKER] = "stopped by a signal to a worker",
        [REASON_TIME] = "stopped because the time is up",
    };
    if (lead->reason == REASON_FAILURES)
        return fault_set(fault, STATUS_CELLS,
                         "%s: given up, for %" PRId64 " cells failed or are quarantined: %" PRId64
                         " of %" PRId64 " cells done, %" PRId64
                         " left; see ccmsweep status, and go "
                         "on with --retry or a higher --max-failed",
                         lead->crew->path, sweep_progress_failed(&lead->board),
                         sweep_progress_done(&lead->board), lead->board.runs, left);
    if (lead->too_short)
        return fault_set(fault, STATUS_STOPPED,
                         "%s: nothing was begun: %.3g s until the end are too short for a cell to "
                         "reach a checkpoint, expected at least %.3g s: %" PRId64 " of %" PRId64
                         " cells done, %" PRId64 " left",
                         lead->crew->path, lead->given_s,
                         lead->session->request->end - lead->session->start_by,
                         sweep_progress_done(&lead->board), lead->board.runs, left);
    return fault_set(fault, STATUS_STOPPED,
                     "%s: %s: %" PRId64 " of %" PRId64 " cells done, %" PRId64 " left, %" PRId64
                     " of them with a checkpoint; run the same command again to "
                     "go on",
                     lead->crew->path, reasons[lead->reason], sweep_progress_done(&lead->board),
                     lead->board.runs, left, count_checkpoints(lead));
}

static enum status describe_end(const struct lead *lead, struct fault *fault)
{
    const struct sweep_progress *const b = &lead->board;
    const int64_t left = b->runs - sweep_progress_done(b);
    if (left > 0)
        return describe_stop(lead, left, fault);
    if (sweep_progress_failed(b) > 0)
        return fault_set(fault, STATUS_CELLS,
                         "%s: finished, but of %" PRId64 " cells %" PRId64 " failed and %" PRId64
                         " are quarantined: see ccmsweep status, and run --retry",
                         lead->crew->path, b->runs, b->outcomes[OUTCOME_FAILED],
                         b->outcomes[OUTCOME_QUARANTINED]);
    fault_set(fault, STATUS_OK,
              b->finished == 0 ? "%s: nothing to do, all %" PRId64 " cells are done (%" PRId64
                                 " stopped, %" PRId64 " censored, %" PRId64 " diverged)"
                               : "%s: all %" PRId64 " cells are done (%" PRId64 " stopped, %" PRId64
                                 " censored, %" PRId64 " diverged)",
              lead->crew->path, b->runs, b->outcomes[OUTCOME_STOPPED],
              b->outcomes[OUTCOME_CENSORED], b->outcomes[OUTCOME_DIVERGED]);
    return STATUS_OK;
}

static void begin_board(struct lead *lead, int workers)
{
    struct sweep_progress *const b = &lead->board;
    *b = (struct sweep_progress){.progress = lead->session->progress,
                                 .spec = lead->session->spec,
                                 .cost = lead->session->cost,
                                 .scheduler = lead->session->scheduler,
                                 .runs = store_runs(lead->crew->store),
                                 .workers = workers};
    memcpy(b->outcomes, lead->session->outcomes, sizeof b->outcomes);
    sweep_progress_start(b, clock_now());
}

enum status crew_lead(const struct crew *crew, struct session *session, struct fault *fault)
{
    const int workers = crew->comm->size > 1 ? crew->comm->size - 1 : 1;
    struct lead lead = {.crew = crew, .session = session};
    enum status status = session_begin(session, crew->store, workers, crew->comm->size, fault);
    if (status != STATUS_OK)
        return status;
    lead.given_s = fmax(0, session->request->end - clock_utc());
    lead.too_short = !may_start(&lead);
    begin_board(&lead, workers);
    if (crew->comm->size > 1)
        hand_out(&lead);
    else
        status = work_alone(&lead, fault);
    progress_fini(session->progress);
    if (status == STATUS_OK) {
        const enum status ends = describe_end(&lead, fault);
        struct fault trouble;
        status = session_end(session, ends, &trouble);
        if (status == STATUS_OK)
            status = ends;
        else
            *fault = trouble;
    }
    sweep_progress_fini(&lead.board);
    if (status == STATUS_FAULT)
        tell_of_fault(crew);
    return status;
}

/* ---- other ranks ---- */

static struct message wait_for(const struct comm *comm)
{
    struct message message;
    struct nap nap = {0};
    while (!comm_receive(comm, &message, NULL))
        nap_sleep(&nap);
    return message;
}

static bool asked_to_stop(const struct comm *comm)
{
    struct message message;
    return stop_requested() || (comm_receive(comm, &message, NULL) && message.type == MESSAGE_STOP);
}

static enum status follow_one(const struct crew *crew, struct attempt *attempt, int64_t cell,
                              struct fault *fault)
{
    struct message said;
    enum status status = attempt_start(attempt, cell, fault);
    bool stop = false;
    while (status == STATUS_OK && attempt_goes_on(attempt) && !stop) {
        const bool suspect = attempt->suspect;
        status = attempt_episode(attempt, fault);
        if (suspect && !attempt->suspect)
            comm_send(crew->comm, 0, &(struct message){.type = MESSAGE_SAFE, .cell = cell});
        stop = asked_to_stop(crew->comm);
    }
    if (status == STATUS_OK)
        status = attempt_end(attempt, &said, fault);
    if (status == STATUS_OK)
        comm_send(crew->comm, 0, &said);
    return status;
}

enum status crew_follow(const struct crew *crew, struct fault *fault)
{
    enum { BAR_COLUMNS = 79 };
    char host[64], who[96];
    struct progress progress;
    host_name(host, sizeof host);
    snprintf(who, sizeof who, "rank %d on %s: ", crew->comm->rank, host);
    progress_init(&progress, PROGRESS_NONE, stderr);
    progress.who = who;
    struct attempt attempt = attempt_of(crew, &progress);
    enum status status = STATUS_OK;
    comm_send(crew->comm, 0, &(struct message){.type = MESSAGE_READY, .cell = -1});
    while (status == STATUS_OK) {
        const struct message message = wait_for(crew->comm);
        if (message.type == MESSAGE_LEAVE)
            break;
        if (message.type != MESSAGE_CELL) /* to stop, when the cell had ended already */
            continue;
        progress.drawn = crew->beside_bar ? BAR_COLUMNS : 0;
        status = follow_one(crew, &attempt, message.cell, fault);
    }
    attempt_fini(&attempt);
    if (status == STATUS_FAULT)
        tell_of_fault(crew);
    return status;
}
