// SPDX-License-Identifier: MIT
/*
 * Two loops, one for rank 0 with workers (hand_out) and one for rank 0 alone (work_alone), and the
 * words with which a sweep ends. Both loops share what decides: look_for_reason, may_start, count.
 * They differ in who waits: a rank 0 with workers must never block or train, or workers would idle.
 */
#include "run/manager.h"
#include "run/attempt.h"
#include "run/backoff.h"
#include "run/dispatch.h"
#include "run/failure_policy.h"
#include "run/sweep_progress.h"
#include "store/checkpoint.h"
#include "sys/clock.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Rank 0 looks at signals, clock and display at least this often, however many messages there are:
 * a signal must not wait, and the display must not freeze. */
static const double look_every_s = 0.05;

/* Why a sweep ends before it is done. */
enum reason { REASON_NONE, REASON_SIGNAL, REASON_WORKER, REASON_TIME, REASON_FAILURES };

/* The state of the loops. */
struct lead {
    const struct manager *manager;
    struct session *session;
    struct sweep_progress sweep;
    enum reason reason;
    double given_s; /* until the end, when it began; INFINITY: there is none */
    bool too_short; /* for a cell to reach a checkpoint */
    double looked_s;
};

/* A message says that a cell ended, but whether it is committed is read from the file: the file
 * decides what the next start will find. The session learns from the seconds, so that longer cells
 * are given out first. */
static void count(struct lead *lead, const struct message *event)
{
    if (event->type == MESSAGE_DONE || event->type == MESSAGE_STOPPED)
        store_look_again(lead->manager->store, event->cell);
    if (event->type != MESSAGE_DONE)
        return;
    sweep_progress_count(&lead->sweep, event);
    lead->session->outcomes[event->outcome]++;
    session_learn(lead->session, event->cell, event->seconds);
}

/* The reason to stop now, or REASON_NONE. A signal comes first: the user who sent it expects to
 * read that it was received. */
static enum reason look_for_reason(const struct lead *lead)
{
    if (stop_requested())
        return REASON_SIGNAL;
    if (session_gives_up(lead->session))
        return REASON_FAILURES;
    return clock_utc() >= lead->session->stop_at ? REASON_TIME : REASON_NONE;
}

/* A cell that starts after start_by would not reach a checkpoint before the end, and would be
 * trained for nothing. Cells that are being trained continue until stop_at. */
static bool may_start(const struct lead *lead)
{
    return clock_utc() < lead->session->start_by;
}

/* ---- alone ---- */

/* Train one cell as a worker does, with calls where a worker sends messages. */
static enum status work_on(struct lead *lead, struct attempt *attempt, int64_t cell,
                           struct fault *fault)
{
    struct message event;
    enum status status = attempt_start(attempt, cell, fault);
    while (status == STATUS_OK && attempt_continues(attempt) && lead->reason == REASON_NONE) {
        status = attempt_episode(attempt, fault);
        lead->reason = look_for_reason(lead);
        sweep_progress_show(&lead->sweep, clock_now());
    }
    if (status == STATUS_OK)
        status = attempt_end(attempt, &event, fault);
    if (status != STATUS_OK)
        return status;
    scheduler_end(lead->session->scheduler, 0);
    count(lead, &event);
    return STATUS_OK;
}

/* With one worker the scheduler never holds a cell back: a suspect is alone anyway. So
 * scheduler_next always has a cell while some wait, and the sweep ends when none waits. The reason
 * can be set within a cell (work_on) or between two; the first one is kept. */
static enum status work_alone(struct lead *lead, struct fault *fault)
{
    const struct manager *const m = lead->manager;
    struct attempt attempt = {.store = m->store,
                              .path = m->path,
                              .progress = lead->session->progress,
                              .checkpoint_s = m->checkpoint_s,
                              .keeps = m->keeps,
                              .begins_again = true,
                              .rank = m->comm->rank};
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

/* The first reason is kept, because the last sentence must name the cause and not what followed
 * from it. A closed dispatch is weaker than a stopped one: no further cell is given out, but
 * running cells are trained on, since they may be done in time. */
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
    sweep_progress_show(&lead->sweep, now_s);
}

/* Messages come first, because a worker without a cell is an idle core. Signals, clock and display
 * are looked at when no message waits, and at the latest when that is due (look_every_s). Sleeping
 * is for the case that nothing happened at all. */
static void hand_out(struct lead *lead)
{
    struct dispatch dispatch;
    struct message event;
    struct backoff backoff = {0};
    dispatch_init(&dispatch, lead->manager->comm, lead->session->scheduler);
    look_up(lead, &dispatch);
    while (!dispatch_over(&dispatch)) {
        const bool said = dispatch_turn(&dispatch, &event);
        if (said) {
            backoff_reset(&backoff);
            count(lead, &event);
            if (event.type == MESSAGE_STOPPED && lead->reason == REASON_NONE)
                /* The launcher may have sent the signal to this rank too, a moment later. */
                lead->reason = stop_requested() ? REASON_SIGNAL : REASON_WORKER;
        }
        if (!said || clock_now() - lead->looked_s > look_every_s)
            look_up(lead, &dispatch);
        if (!said)
            backoff_sleep(&backoff);
    }
    dispatch_fini(&dispatch);
}

/* ---- the end ---- */

/* Checkpoints that exist, not those that workers tried to write: the disk may have been full. */
static int64_t count_checkpoints(const struct lead *lead)
{
    int64_t checkpoints = 0;
    for (int64_t run = 0; run < lead->sweep.runs; run++)
        checkpoints += store_state(lead->manager->store, run) != STORE_DONE &&
                       checkpoint_exists(lead->manager->path, run);
    return checkpoints;
}

/* Numbers and the next step, in one sentence: it is often all that is read of the log of a batch
 * job. The reasons are different in what the user must do: change an option, or only run the
 * command again. */
static enum status describe_stop(const struct lead *lead, int64_t left, struct fault *fault)
{
    static const char *const reasons[] = {
        [REASON_NONE] = "stopped",
        [REASON_SIGNAL] = "stopped by a signal",
        [REASON_WORKER] = "stopped by a signal to a worker",
        [REASON_TIME] = "stopped because the time is up",
    };
    const struct sweep_progress *const sweep = &lead->sweep;
    if (lead->reason == REASON_FAILURES) {
        const int64_t failed = sweep_progress_failed(sweep);
        return fault_set(fault, STATUS_CELLS,
                         "%s: given up, because %" PRId64
                         " cell%s failed or %s quarantined: %" PRId64 " of %" PRId64
                         " cells done, %" PRId64
                         " left; see ccmsweep status, then run again with --retry or a higher "
                         "--max-failed",
                         lead->manager->path, failed, failed == 1 ? "" : "s",
                         failed == 1 ? "is" : "are", sweep_progress_done(sweep), sweep->runs, left);
    }
    if (lead->too_short)
        return fault_set(fault, STATUS_STOPPED,
                         "%s: nothing was begun: %.3g s until the end are too short for a cell to "
                         "reach a checkpoint, expected at least %.3g s: %" PRId64 " of %" PRId64
                         " cells done, %" PRId64 " left",
                         lead->manager->path, lead->given_s,
                         lead->session->options->end - lead->session->start_by,
                         sweep_progress_done(sweep), sweep->runs, left);
    return fault_set(fault, STATUS_STOPPED,
                     "%s: %s: %" PRId64 " of %" PRId64 " cells done, %" PRId64 " left, %" PRId64
                     " of them with a checkpoint; run the same command again to resume",
                     lead->manager->path, reasons[lead->reason], sweep_progress_done(sweep),
                     sweep->runs, left, count_checkpoints(lead));
}

/* What was asked for is done, and the file says how much waits for another start. What failed
 * outside of the part is no result of this start. */
static enum status describe_part(const struct lead *lead, int64_t left, struct fault *fault)
{
    const struct sweep_progress *const sweep = &lead->sweep;
    const int64_t failed = sweep_progress_failed(sweep) - lead->session->failed_elsewhere;
    const char *const part = session_part(lead->session);
    char given_up[96] = "";
    if (failed > 0)
        snprintf(given_up, sizeof given_up,
                 ", but %" PRId64 " cell%s of it failed or %s quarantined: see ccmsweep status",
                 failed, failed == 1 ? "" : "s", failed == 1 ? "is" : "are");
    return fault_set(fault, failed > 0 ? STATUS_CELLS : STATUS_OK,
                     "%s: %sthe part of %s is done%s: %" PRId64 " of %" PRId64
                     " cells done, %" PRId64 " wait%s for a start without %s",
                     lead->manager->path, sweep->finished == 0 ? "nothing to do, " : "", part,
                     given_up, sweep_progress_done(sweep), sweep->runs, left, left == 1 ? "s" : "",
                     part);
}

static enum status describe_end(const struct lead *lead, struct fault *fault)
{
    const struct sweep_progress *const sweep = &lead->sweep;
    const int64_t left = sweep->runs - sweep_progress_done(sweep);
    char all[48] = "its only cell is done";
    if (left > 0 && session_part(lead->session) != NULL && sweep->finished == lead->session->queued)
        return describe_part(lead, left, fault);
    if (left > 0)
        return describe_stop(lead, left, fault);
    if (sweep_progress_failed(sweep) > 0)
        return fault_set(fault, STATUS_CELLS,
                         "%s: finished, but of %" PRId64 " cell%s %" PRId64 " failed and %" PRId64
                         " %s quarantined: see ccmsweep status, and run --retry",
                         lead->manager->path, sweep->runs, sweep->runs == 1 ? "" : "s",
                         sweep->outcomes[OUTCOME_FAILED], sweep->outcomes[OUTCOME_QUARANTINED],
                         sweep->outcomes[OUTCOME_QUARANTINED] == 1 ? "is" : "are");
    if (sweep->runs != 1)
        snprintf(all, sizeof all, "all %" PRId64 " cells are done", sweep->runs);
    fault_set(fault, STATUS_OK,
              "%s: %s%s (%" PRId64 " stopped, %" PRId64 " censored, %" PRId64 " diverged)",
              lead->manager->path, sweep->finished == 0 ? "nothing to do, " : "", all,
              sweep->outcomes[OUTCOME_STOPPED], sweep->outcomes[OUTCOME_CENSORED],
              sweep->outcomes[OUTCOME_DIVERGED]);
    return STATUS_OK;
}

/* A fault while closing is more important than the result of the sweep: the file may not have that
 * result. */
static enum status end_session(const struct lead *lead, struct fault *fault)
{
    struct fault other;
    const enum status ends = describe_end(lead, fault);
    const enum status status = session_end(lead->session, ends, &other);
    if (status == STATUS_OK)
        return ends;
    *fault = other;
    return status;
}

/* Runs that were done before this start count as done, but not for the rate, which is of this
 * start. */
static void begin_progress(struct lead *lead, int workers)
{
    struct sweep_progress *const sweep = &lead->sweep;
    *sweep = (struct sweep_progress){.progress = lead->session->progress,
                                     .spec = lead->session->spec,
                                     .cost = lead->session->cost,
                                     .scheduler = lead->session->scheduler,
                                     .runs = store_runs(lead->manager->store),
                                     .workers = workers};
    memcpy(sweep->outcomes, lead->session->outcomes, sizeof sweep->outcomes);
    sweep_progress_start(sweep, clock_now());
}

enum status manager_run(const struct manager *manager, struct fault *fault)
{
    struct session *const session = manager->session;
    const int ranks = manager->comm->size, workers = ranks > 1 ? ranks - 1 : 1;
    struct lead lead = {.manager = manager, .session = session};
    enum status status = session_begin(session, manager->store, workers, ranks, fault);
    if (status != STATUS_OK)
        return status;
    lead.given_s = fmax(0, session->options->end - clock_utc());
    lead.too_short = !may_start(&lead);
    begin_progress(&lead, workers);
    if (ranks > 1)
        hand_out(&lead);
    else
        status = work_alone(&lead, fault);
    progress_fini(session->progress); /* a sentence must not be written over the bar */
    if (status == STATUS_OK)
        status = end_session(&lead, fault);
    sweep_progress_fini(&lead.sweep);
    if (status == STATUS_FAULT)
        failure_policy_note_fault(manager->store);
    return status;
}
