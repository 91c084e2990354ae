// SPDX-License-Identifier: MIT
/*
 * First the decision, which is pure and knows cases only; then what is read from the file and
 * written to it because of it. Everything that the decision needs is in the notes of the runs, so
 * it is the same on whatever machine the sweep is started again.
 */
#include "run/failure_policy.h"
#include "base/text.h"
#include "sys/clock.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct store_failures none = {0};

/* ---- the decision ---- */

/* What ended the job, as far as the notes tell. */
struct evidence {
    size_t flying;
    bool crash;   /* a run in flight left a mark */
    bool suspect; /* a suspect was in flight */
};

static struct evidence collect(const struct failure_case *cases, size_t count)
{
    struct evidence evidence = {0};
    for (size_t i = 0; i < count; i++) {
        const struct store_failures *const f = &cases[i].failures;
        evidence.flying += f->flight != FLIGHT_NONE;
        evidence.crash = evidence.crash || f->flight == FLIGHT_CRASHED;
        evidence.suspect = evidence.suspect || (f->flight == FLIGHT_OPEN && f->suspect != 0);
    }
    return evidence;
}

/* A mark explains the loss, and its count has been raised by the handler already. Without a mark
 * the suspect is the likelier cause of two: that is what it was tried alone for, so the innocent
 * runs beside it stay innocent. If that is wrong, it is found out later: the suspect comes further
 * one day, and at the next loss the true cause becomes a suspect like all others. */
static void count_loss(struct store_failures *f, const struct evidence *evidence)
{
    if (f->flight != FLIGHT_OPEN || evidence->crash)
        return;
    if (f->suspect != 0)
        f->lost++;
    else if (!evidence->suspect)
        f->suspect = 1;
}

/* A run that has crashed is tried alone too: when it takes its job along without a mark next time
 * (a handler cannot always write), no innocent one becomes a suspect by it. */
static enum failure_decision decide(const struct store_failures *f,
                                    const struct failure_limits *limits)
{
    if (f->crashes >= limits->crashes)
        return DECISION_QUARANTINED;
    if (f->lost >= limits->losses)
        return DECISION_FAILED;
    return f->suspect != 0 || f->crashes > 0 ? DECISION_SUSPECT : DECISION_INNOCENT;
}

size_t failure_policy_decide(struct failure_case *cases, size_t count,
                             const struct failure_limits *limits)
{
    const struct evidence evidence = collect(cases, count);
    for (size_t i = 0; i < count; i++) {
        count_loss(&cases[i].failures, &evidence);
        cases[i].failures.flight = FLIGHT_NONE;
        cases[i].decision = decide(&cases[i].failures, limits);
    }
    return evidence.flying;
}

/* ---- what the file has ---- */

static void add_case(struct failure_policy *policy, int64_t run,
                     const struct store_failures *failures)
{
    if (policy->count == policy->room) {
        policy->room = policy->room > 0 ? 2 * policy->room : 8;
        const size_t size = policy->room * sizeof *policy->cases;
        policy->cases = realloc(policy->cases, size);
        if (policy->cases == NULL)
            fault_no_memory(size);
    }
    policy->cases[policy->count++] =
        (struct failure_case){.run = run, .noted = *failures, .failures = *failures};
}

/* Whole columns are read, not run by run: of a hundred thousand cells few have failures, and each
 * read of HDF5 costs as much as a column. */
static enum status read_cases(struct failure_policy *policy, const struct store *store,
                              struct fault *fault)
{
    enum { NOTES = 4 };
    static const enum schema_note notes[NOTES] = {NOTE_FLIGHT, NOTE_CRASHES, NOTE_SUSPECT,
                                                  NOTE_LOST};
    const int64_t runs = store_runs(store);
    int32_t *columns[NOTES];
    enum status status = STATUS_OK;
    for (int n = 0; n < NOTES; n++) {
        columns[n] = fault_alloc((size_t)runs, sizeof *columns[n]);
        if (status == STATUS_OK)
            status = store_note_column(store, notes[n], columns[n], fault);
    }
    for (int64_t run = 0; run < runs && status == STATUS_OK; run++) {
        const struct store_failures failures = {.flight = columns[0][run],
                                                .crashes = columns[1][run],
                                                .suspect = columns[2][run],
                                                .lost = columns[3][run]};
        if (store_state(store, run) != STORE_DONE && memcmp(&failures, &none, sizeof none) != 0)
            add_case(policy, run, &failures);
    }
    for (int n = 0; n < NOTES; n++)
        free(columns[n]);
    return status;
}

static void name_run(const struct settings *cell, int64_t run, char *text, size_t size)
{
    char name[SETTING_TEXT];
    settings_name_cell(cell, name, sizeof name);
    snprintf(text, size, "run %" PRId64 " (%s)", run, name);
}

/* Commit a run that is not tried any more, with a record in which nothing was trained: it is then
 * done for every reader, and no start need decide about it again. */
static enum status give_up(struct store *store, const struct failure_case *c,
                           struct progress *progress, struct fault *fault)
{
    struct settings cell;
    struct record record;
    char name[SETTING_TEXT + 32];
    const bool failed = c->decision == DECISION_FAILED;
    store_cell(store, c->run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    record_clear(&record, &extents);
    *record.outcome = failed ? OUTCOME_FAILED : OUTCOME_QUARANTINED;
    name_run(&cell, c->run, name, sizeof name);
    if (failed)
        progress_say(progress, "%s failed: %d jobs in a row were lost while it was trained", name,
                     c->failures.lost);
    else
        progress_say(progress, "%s is quarantined: it crashed %d time%s", name, c->failures.crashes,
                     c->failures.crashes == 1 ? "" : "s");
    const enum status status = store_commit(store, c->run, &record, fault);
    free(block);
    return status;
}

/* The notes come before the commit: killed in between, the next start finds the counts as they
 * are, and decides the same. */
static enum status carry_out(const struct failure_case *c, struct store *store,
                             struct progress *progress, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (memcmp(&c->failures, &c->noted, sizeof c->failures) != 0)
        status = store_note_failures(store, c->run, &c->failures, fault);
    if (status == STATUS_OK &&
        (c->decision == DECISION_FAILED || c->decision == DECISION_QUARANTINED))
        status = give_up(store, c, progress, fault);
    return status;
}

enum status failure_policy_apply(struct failure_policy *policy, struct store *store,
                                 const struct failure_limits *limits, struct progress *progress,
                                 struct fault *fault)
{
    int64_t row = -1;
    int code = -1;
    enum status status = read_cases(policy, store, fault);
    if (status == STATUS_OK)
        status = store_log_last(store, &row, &code, fault);
    if (status != STATUS_OK)
        return status;
    /* The last start told of its end, so it was a fault of the system that left runs in flight: a
     * disk that fails under one rank ends them all. */
    for (size_t i = 0; i < policy->count && code >= 0; i++) {
        if (policy->cases[i].failures.flight == FLIGHT_OPEN)
            policy->cases[i].failures.flight = FLIGHT_NONE;
    }
    const size_t flying = failure_policy_decide(policy->cases, policy->count, limits);
    if (flying > 0)
        progress_say(progress, "the last start was lost with %zu cell%s in flight", flying,
                     flying == 1 ? "" : "s");
    for (size_t i = 0; i < policy->count && status == STATUS_OK; i++)
        status = carry_out(&policy->cases[i], store, progress, fault);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct failure_case *const x = a;
    const struct failure_case *const y = b;
    return (x->run > y->run) - (x->run < y->run);
}

bool failure_policy_suspects(const struct failure_policy *policy, int64_t run)
{
    if (policy->count == 0)
        return false;
    const struct failure_case *const found =
        bsearch(&(struct failure_case){.run = run}, policy->cases, policy->count,
                sizeof *policy->cases, compare);
    return found != NULL && found->decision == DECISION_SUSPECT;
}

void failure_policy_fini(struct failure_policy *policy)
{
    free(policy->cases);
    *policy = (struct failure_policy){0};
}

/* ---- what the user and the end of a job say ---- */

/* The failures are cleared first: killed in between, the run is still done, and the same command
 * takes it back. The other way round it would be decided about with its old counts, and be given
 * up once more. */
enum status failure_policy_retry(struct store *store, const bool *retried, const bool *chosen,
                                 struct progress *progress, struct fault *fault)
{
    int64_t count = 0;
    int32_t *const outcomes = fault_alloc((size_t)store_runs(store), sizeof *outcomes);
    enum status status = store_column(store, record_field("outcome"), outcomes, fault);
    for (int64_t run = 0; run < store_runs(store) && status == STATUS_OK; run++) {
        if (store_state(store, run) != STORE_DONE || !retried[outcomes[run]] ||
            (chosen != NULL && !chosen[run]))
            continue;
        status = store_note_failures(store, run, &none, fault);
        if (status == STATUS_OK)
            status = store_uncommit(store, run, fault);
        count++;
    }
    free(outcomes);
    if (status == STATUS_OK)
        progress_say(progress, "%" PRId64 " cell%s to be tried again", count,
                     count == 1 ? "" : "s");
    return status;
}

/* A job that ends in order is evidence against none of its cells. What was suspected before would
 * only slow the next start down, for suspects are tried one at a time. */
enum status failure_policy_clear(struct store *store, struct fault *fault)
{
    struct failure_policy policy = {0};
    enum status status = read_cases(&policy, store, fault);
    for (size_t i = 0; i < policy.count && status == STATUS_OK; i++)
        status = store_note_failures(store, policy.cases[i].run, &none, fault);
    failure_policy_fini(&policy);
    return status;
}

void failure_policy_note_fault(struct store *store)
{
    int64_t row = -1;
    int code = 0;
    if (store_log_last(store, &row, &code, NULL) == STATUS_OK && row >= 0)
        (void)!store_log_end(store, row, STATUS_FAULT, clock_utc(), NULL);
}
