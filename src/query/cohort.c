// SPDX-License-Identifier: MIT
#include "query/cohort.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Rows are read in pieces of about this many bytes: one read for many runs is much faster than one
 * for each, and all of them at once would take GBs of rewards. */
enum { PIECE_BYTES = 8 << 20 };

/* Fields of actors that are read, the event's first. */
enum { PART_EVENT, PART_CAUSE, PART_ZERO, PART_CHANGE, PARTS };

/* Rows of some runs: of each as much as the largest of them has. Beyond its own end a run's row
 * holds what "not written" looks like, and nothing here looks there. */
struct piece {
    int64_t run, runs;
    struct extents extents;
    int32_t *parts[PARTS]; /* (runs, actors) */
    double *reward;        /* (runs, episodes) */
    double *evaluation;    /* (runs, evaluations) */
};

const char *event_name(enum event event)
{
    static const char *const names[EVENT_COUNT] = {
        [EVENT_FIRST_STILL] = "first_still",
        [EVENT_GRADIENT_ZERO_FIRST] = "gradient_zero_first",
        [EVENT_GRADIENT_ZERO] = "gradient_zero",
        [EVENT_HARD_SATURATION] = "hard_saturation",
        [EVENT_LAST_CHANGE] = "last_change",
    };
    return names[event];
}

const char *endpoint_name(enum endpoint endpoint)
{
    static const char *const names[ENDPOINT_COUNT] = {
        [ENDPOINT_ALL] = "all",
        [ENDPOINT_HALF] = "half",
        [ENDPOINT_FIRST] = "first",
    };
    return names[endpoint];
}

const char *fate_name(enum fate fate)
{
    static const char *const names[FATE_COUNT] = {
        [FATE_EVENT] = "events",          [FATE_CENSORED] = "censored",
        [FATE_DIVERGED] = "diverged",     [FATE_ENDED] = "ended_early",
        [FATE_UNFINISHED] = "unfinished", [FATE_PENDING] = "pending",
        [FATE_FAILED] = "failed",         [FATE_QUARANTINED] = "quarantined",
    };
    return names[fate];
}

const char *returns_name(enum returns returns)
{
    static const char *const names[RETURN_COUNT] = {
        [RETURN_STOPPING] = "stopping",
        [RETURN_END] = "end",
        [RETURN_TRAINING] = "training",
        [RETURN_EVALUATION] = "evaluation",
    };
    return names[returns];
}

bool member_is_observed(const struct member *member)
{
    return member->time >= 0;
}

bool member_is_finished(const struct member *member)
{
    return member->fate <= FATE_ENDED;
}

int64_t cohort_common_limit(const struct run_table *table)
{
    int64_t limit = table->run[0].limit;
    for (int64_t run = 1; run < table->runs; run++)
        limit = table->run[run].limit < limit ? table->run[run].limit : limit;
    return limit;
}

int64_t cohort_last_limit(const struct run_table *table)
{
    int64_t limit = table->run[0].limit;
    for (int64_t run = 1; run < table->runs; run++)
        limit = table->run[run].limit > limit ? table->run[run].limit : limit;
    return limit;
}

/* ---- one run ---- */

/* Failed and quarantined runs are done too, but not trained: their rows are as they were made. */
static bool has_rows(const struct run_row *r)
{
    return r->state == RUN_STATE_DONE && r->outcome != OUTCOME_FAILED &&
           r->outcome != OUTCOME_QUARANTINED;
}

static int compare_whole(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a;
    const int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Episode in which the endpoint's actor had the event, -1 if it has not. `seen` (actors): room.
 * Actors without the event count as later than all others, so of N actors the k-th time is known as
 * soon as k of them have one: "half" and "first" are events of more runs than "all". */
static int32_t endpoint_time(enum endpoint endpoint, const int32_t *times, int64_t actors,
                             int32_t *seen)
{
    const int64_t wanted = endpoint == ENDPOINT_ALL    ? actors
                           : endpoint == ENDPOINT_HALF ? (actors + 1) / 2
                                                       : 1;
    int64_t count = 0;
    for (int64_t i = 0; i < actors; i++) {
        if (times[i] >= 0)
            seen[count++] = times[i];
    }
    if (count < wanted)
        return -1;
    qsort(seen, (size_t)count, sizeof *seen, compare_whole);
    return seen[wanted - 1];
}

/* Actors whose event is the run's may be several, with different causes. The lowest number is as
 * good as any, and the same every time. */
static int32_t cause_at(int32_t time, const int32_t *times, const int32_t *causes, int64_t actors)
{
    for (int64_t i = 0; i < actors; i++) {
        if (times[i] == time)
            return causes[i];
    }
    return CAUSE_NONE;
}

/* Without an event a run is known up to its end, and why it ended says what it is. Whoever reached
 * the limit asked for is censored there, whatever happened later: with a smaller limit a run that
 * diverged behind it must say what one says that was trained no further. A run that ended early was
 * not stopped by the plan but by its own actors, all of which were still; that depends on the
 * event, which common censoring may not, so it is told apart and warned of. */
static enum fate fate_without_event(const struct run_row *r, int64_t limit)
{
    if (r->total >= limit)
        return FATE_CENSORED;
    if (r->outcome == OUTCOME_DIVERGED)
        return FATE_DIVERGED;
    return r->total < r->limit ? FATE_ENDED : FATE_CENSORED;
}

static void set_time(struct member *m, const struct run_row *r, int32_t time, int64_t limit)
{
    const bool event = time >= 0 && time <= limit;
    m->fate = event ? FATE_EVENT : fate_without_event(r, limit);
    m->time = event ? time : (int32_t)(r->total < limit ? r->total : limit);
}

/* last_change - gradient_zero + 1: both ends are episodes in which momentum moved the actor. Below
 * 1 there was no such episode. Such an actor has no tail of 0, which would pull the mean to a time
 * that nothing lasted: it is counted apart. Tails are of whole runs; the limit plays no part. */
static void set_tails(struct member *m, const int32_t *zero, const int32_t *change, int64_t actors)
{
    double sum = 0;
    for (int64_t i = 0; i < actors; i++) {
        if (zero[i] < 0 || change[i] < 0)
            continue;
        const int32_t tail = change[i] - zero[i] + 1;
        if (tail < 1) {
            m->still_before_zero++;
            continue;
        }
        m->tail_min = m->actors == 0 || tail < m->tail_min ? tail : m->tail_min;
        m->tail_max = m->actors == 0 || tail > m->tail_max ? tail : m->tail_max;
        m->actors++;
        sum += tail;
    }
    m->tail_mean = m->actors > 0 ? sum / m->actors : NAN;
}

/* Whether an actor changed in the episode by which all had been still once, or later. (Whoever is
 * still in that very episode for the first time has no change in it.) A last_change of -1 says that
 * the run ended before the last change could be told from a pause: the actor may have moved. */
static bool moves_after(int32_t time, const int32_t *change, int64_t actors)
{
    for (int64_t i = 0; i < actors; i++) {
        if (change[i] < 0 || change[i] >= time)
            return true;
    }
    return false;
}

/* Mean of the episodes after `from` up to `to`. A sum that is not finite is not a large return but
 * an overflow of a run that diverged: no mean is given. */
static double mean_of(const double *reward, int64_t from, int64_t to)
{
    double sum = 0;
    for (int64_t i = from; i < to; i++)
        sum += reward[i];
    return to > from && isfinite(sum) ? sum / (double)(to - from) : (double)NAN;
}

/* Early in a run there are fewer episodes than the window has: all of them, rather than none. */
static int64_t window_before(int64_t episode)
{
    return episode > COHORT_WINDOW ? episode - COHORT_WINDOW : 0;
}

static void set_returns(struct member *m, const struct run_row *r, const double *reward,
                        const double *evaluation, int64_t every)
{
    const int64_t last = every > 0 ? r->total / every : 0;
    if (m->fate == FATE_EVENT)
        m->returns[RETURN_STOPPING] = mean_of(reward, window_before(m->time), m->time);
    m->returns[RETURN_END] = mean_of(reward, window_before(r->total), r->total);
    m->returns[RETURN_TRAINING] = mean_of(reward, 0, r->total);
    if (last > 0 && isfinite(evaluation[last - 1]))
        m->returns[RETURN_EVALUATION] = evaluation[last - 1];
}

/* A run that has no rows is what the survey says of it. One in progress is known not to be over up
 * to the last episode noted. Its events are in no row yet, though it may have had them: the warning
 * of unfinished sweeps says so. */
static struct member member_of(const struct run_row *r, int64_t limit)
{
    struct member m = {.fate = FATE_PENDING, .time = -1, .tail_mean = NAN};
    for (int i = 0; i < RETURN_COUNT; i++)
        m.returns[i] = NAN;
    if (r->state == RUN_STATE_DONE && r->outcome == OUTCOME_FAILED)
        m.fate = FATE_FAILED;
    else if (r->state == RUN_STATE_DONE && r->outcome == OUTCOME_QUARANTINED)
        m.fate = FATE_QUARANTINED;
    else if (r->state != RUN_STATE_DONE && r->state != RUN_STATE_PENDING && r->episode > 0) {
        m.fate = FATE_UNFINISHED;
        m.time = (int32_t)(r->episode < limit ? r->episode : limit);
    }
    return m;
}

/* ---- pieces ---- */

static const struct field *field_of(int part, enum event event)
{
    static const char *const names[PARTS] = {NULL, "cause", "gradient_zero", "last_change"};
    return record_field(part == PART_EVENT ? event_name(event) : names[part]);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t width_of(const struct extents *extents)
{
    return (int64_t)sizeof(int32_t) * PARTS * extents->of[DIM_ACTOR] +
           (int64_t)sizeof(double) * (extents->of[DIM_EPISODE] + extents->of[DIM_EVALUATION]);
}

/* Take runs in from `run` on while they fit; extents are no larger than what was played. A piece is
 * a box, so one long run makes all rows of its piece long: the width is that of the largest. At
 * least one run is taken, however wide. */
static struct piece plan_piece(const struct store *store, const struct run_table *table,
                               int64_t run)
{
    struct piece piece = {.run = run, .extents.of[DIM_NONE] = 1};
    for (; run < table->runs; run++) {
        const struct run_row *const r = &table->run[run];
        struct extents wider = piece.extents;
        struct settings cell;
        if (has_rows(r)) {
            store_cell(store, run, &cell);
            const struct extents own = record_extents(&cell);
            const int64_t every = cell.evaluation.every;
            wider.of[DIM_ACTOR] = larger(wider.of[DIM_ACTOR], own.of[DIM_ACTOR]);
            wider.of[DIM_EPISODE] = larger(wider.of[DIM_EPISODE], r->total);
            wider.of[DIM_EVALUATION] =
                larger(wider.of[DIM_EVALUATION], every > 0 ? r->total / every : 0);
        }
        if (piece.runs > 0 && (piece.runs + 1) * width_of(&wider) > PIECE_BYTES)
            break;
        piece.extents = wider;
        piece.runs++;
    }
    return piece;
}

static enum status read_piece(const struct store *store, enum event event, struct piece *piece,
                              struct fault *fault)
{
    const size_t runs = (size_t)piece->runs;
    const int64_t *const of = piece->extents.of;
    enum status status = STATUS_OK;
    for (int p = 0; p < PARTS; p++) {
        piece->parts[p] = fault_alloc(runs * (size_t)of[DIM_ACTOR] + 1, sizeof(int32_t));
        if (status == STATUS_OK)
            status = store_read_runs(store, piece->run, piece->runs, field_of(p, event),
                                     &piece->extents, piece->parts[p], fault);
    }
    piece->reward = fault_alloc(runs * (size_t)of[DIM_EPISODE] + 1, sizeof(double));
    piece->evaluation = fault_alloc(runs * (size_t)of[DIM_EVALUATION] + 1, sizeof(double));
    if (status == STATUS_OK)
        status = store_read_runs(store, piece->run, piece->runs, record_field("reward"),
                                 &piece->extents, piece->reward, fault);
    if (status == STATUS_OK)
        status = store_read_runs(store, piece->run, piece->runs, record_field("evaluation_reward"),
                                 &piece->extents, piece->evaluation, fault);
    return status;
}

static void free_piece(struct piece *piece)
{
    for (int p = 0; p < PARTS; p++)
        free(piece->parts[p]);
    free(piece->reward);
    free(piece->evaluation);
}

static void take_run(const struct store *store, const struct run_table *table,
                     const struct piece *piece, int64_t row, int32_t *seen, struct cohort *cohort)
{
    struct settings cell;
    const int64_t run = piece->run + row;
    const struct run_row *const r = &table->run[run];
    struct member *const m = &cohort->member[run];
    const int64_t *const of = piece->extents.of;
    const int64_t at = row * of[DIM_ACTOR];
    store_cell(store, run, &cell);
    const int64_t actors = cell.environment.agents;
    const int32_t *const times = piece->parts[PART_EVENT] + at;
    set_time(m, r, endpoint_time(cohort->endpoint, times, actors, seen), cohort->limit);
    if (m->fate == FATE_EVENT)
        m->cause = cause_at(m->time, times, piece->parts[PART_CAUSE] + at, actors);
    m->moved = m->fate == FATE_EVENT && cohort->event == EVENT_FIRST_STILL &&
               cohort->endpoint == ENDPOINT_ALL &&
               moves_after(m->time, piece->parts[PART_CHANGE] + at, actors);
    set_tails(m, piece->parts[PART_ZERO] + at, piece->parts[PART_CHANGE] + at, actors);
    set_returns(m, r, piece->reward + row * of[DIM_EPISODE],
                piece->evaluation + row * of[DIM_EVALUATION], cell.evaluation.every);
}

static enum status take_piece(const struct store *store, const struct run_table *table,
                              struct piece *piece, struct cohort *cohort, struct fault *fault)
{
    if (piece->extents.of[DIM_ACTOR] == 0) /* none of them has rows */
        return STATUS_OK;
    const enum status status = read_piece(store, cohort->event, piece, fault);
    int32_t *const seen = fault_alloc((size_t)piece->extents.of[DIM_ACTOR], sizeof *seen);
    for (int64_t row = 0; status == STATUS_OK && row < piece->runs; row++) {
        if (has_rows(&table->run[piece->run + row]))
            take_run(store, table, piece, row, seen, cohort);
    }
    free(seen);
    free_piece(piece);
    return status;
}

/* What would lead reading astray: numbers of episodes are what rows are read up to. The hash of the
 * rows is not looked at, which would take longer than all the rest; `run --check` does that. */
static enum status check(const struct run_table *table, struct fault *fault)
{
    for (int64_t run = 0; run < table->runs; run++) {
        const struct run_row *const r = &table->run[run];
        if (has_rows(r) && (r->total < 1 || r->total > r->limit))
            return fault_set(fault, STATUS_FAULT,
                             "run %" PRId64 " is damaged: %" PRId32
                             " episodes, expected 1 to %" PRId64,
                             run, r->total, r->limit);
    }
    return STATUS_OK;
}

enum status cohort_take(const struct store *store, const struct run_table *table, enum event event,
                        enum endpoint endpoint, int64_t limit, struct cohort *cohort,
                        struct fault *fault)
{
    CHECK(limit >= 1 && table->runs == store_runs(store));
    *cohort = (struct cohort){.runs = table->runs,
                              .event = event,
                              .endpoint = endpoint,
                              .limit = limit,
                              .member = fault_alloc((size_t)table->runs, sizeof *cohort->member)};
    for (int64_t run = 0; run < table->runs; run++)
        cohort->member[run] = member_of(&table->run[run], limit);
    enum status status = check(table, fault);
    for (int64_t run = 0; status == STATUS_OK && run < table->runs;) {
        struct piece piece = plan_piece(store, table, run);
        status = take_piece(store, table, &piece, cohort, fault);
        run += piece.runs;
    }
    if (status != STATUS_OK)
        cohort_fini(cohort);
    return status;
}

void cohort_fini(struct cohort *cohort)
{
    free(cohort->member);
    *cohort = (struct cohort){0};
}
