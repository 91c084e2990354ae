// SPDX-License-Identifier: MIT
/*
 * Reading the observations of a sweep: first what decides about one run, then the pieces of the
 * file.
 *
 * The rule of this file: a time is an event only if it was seen by the limit. Everything else is
 * "later than", and how much later is never invented: not the limit of the spec, not a large
 * number. The fate says why no more is known, because only one of the reasons (the limit) is
 * independent of the event; the statistics need to know the difference, and so does the reader of
 * the warnings.
 */
#include "query/cohort.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Rows are read in pieces of about this many bytes. One read for many runs is much faster than one
 * read for each run; and the rewards of all runs at once can need several GB. */
enum { PIECE_BYTES = 8 << 20 };

/* The fields of each actor that are read. The first one depends on the options: the event. */
enum { PART_EVENT, PART_CAUSE, PART_ZERO, PART_CHANGE, PARTS };

/* The rows of consecutive runs, as a box: each row is as wide as the widest run needs. Beyond the
 * end of a run its row holds fill values ("not written"). They must not be read as data, so every
 * loop below stops at the actors and episodes of the run itself. */
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

/* The order of enum fate is used here: the first four are the ways in which a training ends. */
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

/* Failed and quarantined runs are done as well, but were never trained: their rows have only fill
 * values. Such a run must not look like one whose actors never stopped. */
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

/* Episode in which the actor that decides had the event, -1 if it did not. `seen` (actors) is
 * memory to work in. An actor without the event is later than all that have it, so the k-th time of
 * N actors is known as soon as k of them had the event, although the others are unknown. For the
 * same reason more runs have an event for "half" and "first" than for "all". */
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

/* Several actors can have the event in the episode that decides, with different causes. Any of them
 * would do; the lowest number is taken, so that every call gives the same answer. */
static int32_t cause_at(int32_t time, const int32_t *times, const int32_t *causes, int64_t actors)
{
    for (int64_t i = 0; i < actors; i++) {
        if (times[i] == time)
            return causes[i];
    }
    return CAUSE_NONE;
}

/* A run without an event is known up to its end, and its fate is the reason why it ended.
 *
 * A run that reached the requested limit is censored there, whatever happened later: it must give
 * the same answer as a run that was trained up to that limit only. So the limit is compared first,
 * before the outcome is looked at. A run that ended before its own limit was not ended by the plan
 * but by its actors, all of which were still. That depends on the event, while estimates assume
 * censoring that does not (non-informative censoring); therefore it has a fate of its own, and a
 * warning. */
static enum fate fate_without_event(const struct run_row *r, int64_t limit)
{
    if (r->total >= limit)
        return FATE_CENSORED;
    if (r->outcome == OUTCOME_DIVERGED)
        return FATE_DIVERGED;
    return r->total < r->limit ? FATE_ENDED : FATE_CENSORED;
}

/* What came first counts: a run that had the event and diverged later had the event, as it would
 * have if it had been trained up to that episode only.
 * An event after the requested limit is not an event here: with --limit the answer must be that of
 * a sweep that was planned with that limit. */
static void set_time(struct member *m, const struct run_row *r, int32_t time, int64_t limit)
{
    const bool event = time >= 0 && time <= limit;
    m->fate = event ? FATE_EVENT : fate_without_event(r, limit);
    m->time = event ? time : (int32_t)(r->total < limit ? r->total : limit);
}

/* last_change - gradient_zero + 1: in both of these episodes momentum moved the actor, so both
 * count. 0 means that the last gradient was also the last to move it, as where an optimiser forgets
 * its momentum. Below that the actor was still while it had a gradient, and has no tail at all: it
 * would lower the mean by something that did not happen, so it is counted apart. Tails are of whole
 * runs and do not depend on the limit. An actor that lacks one of the two times is left out: its
 * tail may not have begun or ended yet. */
static void set_tails(struct member *m, const int32_t *zero, const int32_t *change, int64_t actors)
{
    double sum = 0;
    for (int64_t i = 0; i < actors; i++) {
        if (zero[i] < 0 || change[i] < 0)
            continue;
        const int32_t tail = change[i] - zero[i] + 1;
        if (tail < 0) {
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

/* Whether an actor changed in episode `time`, by which all had been still once, or later. (An actor
 * that is still for the first time in that very episode did not change in it.) A last_change of -1
 * means that the run ended too early to distinguish the last change from a pause: the actor may
 * have moved again, which counts as moved. */
static bool moves_after(int32_t time, const int32_t *change, int64_t actors)
{
    for (int64_t i = 0; i < actors; i++) {
        if (change[i] < 0 || change[i] >= time)
            return true;
    }
    return false;
}

/* Mean of the episodes after `from` up to `to`; they count from 1, the array from 0. A sum that is
 * not finite is not a large return but the overflow of a run that diverged: no mean is given. */
static double mean_of(const double *reward, int64_t from, int64_t to)
{
    double sum = 0;
    for (int64_t i = from; i < to; i++)
        sum += reward[i];
    return to > from && isfinite(sum) ? sum / (double)(to - from) : (double)NAN;
}

/* Early in a run there are fewer episodes than the window needs. The mean of these few is noisier,
 * but a run that stopped in episode 60 does have a return at stopping. */
static int64_t window_before(int64_t episode)
{
    return episode > COHORT_WINDOW ? episode - COHORT_WINDOW : 0;
}

/* The evaluation in the file is the last one that was due by the end of the run; later elements of
 * the row are fill values. Returns do not depend on the limit either, except that at stopping. */
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

/* What the run table alone says of a run; runs with rows are completed by take_run. A run in
 * progress is known not to have ended by the last episode noted. Its actors may have had the event
 * already, but no row says so yet; the warning about unfinished sweeps explains that. */
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

/* Bytes of one row of a piece. */
static int64_t width_of(const struct extents *extents)
{
    return (int64_t)sizeof(int32_t) * PARTS * extents->of[DIM_ACTOR] +
           (int64_t)sizeof(double) * (extents->of[DIM_EPISODE] + extents->of[DIM_EVALUATION]);
}

/* Choose the runs of the piece that begins with `run`: as many as fit into PIECE_BYTES. The extents
 * are those that were played, not those that were planned: runs that stop early are much narrower.
 * A piece is a box, so one long run makes all its rows long: the width is computed anew with each
 * run, and the piece ends before a run that would make it too large. At least one run is taken,
 * however wide it is, otherwise the loop in cohort_take would not advance. */
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

/* All arrays are allocated even after an error, so that free_piece needs no special case. */
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

/* Complete the observation of a run from its row of a piece. The order matters: cause, movement and
 * the return at stopping need the fate and the time. */
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
    if (piece->extents.of[DIM_ACTOR] == 0) /* no run of the piece has rows */
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

/* Rows are read up to the number of episodes in the file, so a wrong number would make this program
 * read beyond its arrays: it is checked before anything is read, also where the caller has found
 * no damage, since another process may write the file meanwhile. */
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
    /* First every run gets the observation that needs no rows, so that a run that is in no piece
     * (not trained, failed) has one as well. Then the rows complete those that were trained. */
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
