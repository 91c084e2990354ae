// SPDX-License-Identifier: MIT
#include "query/run_table.h"
#include "spec/cost.h"
#include "spec/grid.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *standing_name(enum standing standing)
{
    static const char *const names[STANDING_COUNT] = {
        [STANDING_DONE] = "done",
        [STANDING_RUNNING] = "running",
        [STANDING_INTERRUPTED] = "interrupted",
        [STANDING_LOST] = "lost",
        [STANDING_PENDING] = "pending",
    };
    return names[standing];
}

/* A column of i32 and where it goes in struct surveyed: a field of the record, or a note. */
static const struct {
    const char *field;
    enum schema_note note;
    size_t offset;
} columns[] = {
    {"outcome", 0, offsetof(struct surveyed, outcome)},
    {"stopping_episode", 0, offsetof(struct surveyed, stopping)},
    {"total_episodes", 0, offsetof(struct surveyed, total)},
    {NULL, NOTE_PROGRESS_EPISODE, offsetof(struct surveyed, episode)},
    {NULL, NOTE_PROGRESS_MOVING, offsetof(struct surveyed, moving)},
    {NULL, NOTE_ATTEMPTS, offsetof(struct surveyed, attempts)},
    {NULL, NOTE_FLIGHT, offsetof(struct surveyed, trouble.flight)},
    {NULL, NOTE_CRASHES, offsetof(struct surveyed, trouble.crashes)},
    {NULL, NOTE_SUSPECT, offsetof(struct surveyed, trouble.suspect)},
    {NULL, NOTE_LOST, offsetof(struct surveyed, trouble.lost)},
};

enum { HOST_SIZE = 64 };

static enum status read_columns(const struct store *store, struct survey *survey,
                                struct fault *fault)
{
    const size_t runs = (size_t)survey->runs;
    int32_t *const column = fault_alloc(runs, sizeof *column);
    double *const seconds = fault_alloc(runs, sizeof *seconds);
    char(*const hosts)[HOST_SIZE] = fault_alloc(runs, HOST_SIZE);
    enum status status = store_note_column(store, NOTE_WALL, seconds, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_HOST, hosts, fault);
    for (size_t c = 0; c < sizeof columns / sizeof *columns && status == STATUS_OK; c++) {
        status = columns[c].field != NULL
                     ? store_column(store, record_field(columns[c].field), column, fault)
                     : store_note_column(store, columns[c].note, column, fault);
        for (size_t run = 0; run < runs; run++)
            memcpy((char *)&survey->run[run] + columns[c].offset, &column[run], sizeof *column);
    }
    for (size_t run = 0; run < runs; run++) {
        survey->run[run].damage = store_damage(store, (int64_t)run);
        survey->run[run].wall_s = seconds[run];
        memcpy(survey->run[run].host, hosts[run], HOST_SIZE);
    }
    free(hosts);
    free(seconds);
    free(column);
    return status;
}

/* ---- settings ---- */

static bool is_seed(const struct setting *row)
{
    return row->offset == offsetof(struct settings, training.seed);
}

/* Whether the grid names it, in any block. The file has the spec as it was resolved, so that what
 * --set gave, or took away, is said there as well. */
static bool is_written(const struct spec *spec, const struct setting *row)
{
    for (size_t block = 0; block < spec_blocks(spec); block++) {
        for (size_t a = 0; a < spec_axes(spec, block); a++) {
            const struct spec_axis axis = spec_axis(spec, block, a);
            if (axis.given && axis.row == row)
                return true;
        }
    }
    return false;
}

/* An axis that this run is the first to need: all before it are as the first run. */
static struct surveyed_axis new_axis(const struct store *store, const struct survey *survey,
                                     const struct setting *row, const struct settings *first,
                                     int64_t run)
{
    struct surveyed_axis axis = {.row = row, .written = is_written(store_spec(store), row)};
    schema_axis_name(row, axis.name, sizeof axis.name);
    axis.values = fault_alloc((size_t)survey->runs, sizeof *axis.values);
    for (int64_t before = 0; before < run; before++)
        axis.values[before] = settings_number(first, row);
    return axis;
}

/* Axes by row of the table while they are being found; then only those that there are. */
static void read_axes(const struct store *store, const struct settings *first,
                      const struct settings *cell, int64_t run, struct survey *survey)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        struct surveyed_axis *const axis = &survey->axis[i];
        const struct setting *const row = &table[i];
        if (axis->row == NULL && !is_seed(row) &&
            (grid_always(row) || !settings_equal(first, cell, row)))
            *axis = new_axis(store, survey, row, first, run);
        if (axis->row != NULL)
            axis->values[run] = settings_number(cell, row);
    }
}

static void read_cells(const struct store *store, struct survey *survey)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    struct settings first, cell;
    CHECK(table != NULL);
    store_cell(store, 0, &first);
    survey->axis = fault_alloc(rows, sizeof *survey->axis);
    for (int64_t run = 0; run < survey->runs; run++) {
        struct surveyed *const r = &survey->run[run];
        store_cell(store, run, &cell);
        r->seed = cell.training.seed;
        r->limit = cell.training.episodes;
        /* Notes are no results: what cannot be is as if it had not been noted. */
        r->episode = r->episode > r->limit ? -1 : r->episode;
        r->moving = r->moving > cell.environment.agents ? -1 : r->moving;
        read_axes(store, &first, &cell, run, survey);
    }
    for (size_t i = 0; i < rows; i++) {
        if (survey->axis[i].row != NULL)
            survey->axis[survey->axes++] = survey->axis[i];
    }
    CHECK(survey->axis[SURVEY_ACTOR_LR].row == settings_find("training.actor_lr") &&
          survey->axis[SURVEY_CRITIC_LR].row == settings_find("training.critic_lr"));
}

void survey_axis_write(const struct surveyed_axis *axis, int64_t run, char *text, size_t size)
{
    settings_write(axis->row, axis->values[run], text, size);
}

/* A pair of learning rates, and where it stands. */
struct keyed {
    double actor_lr, critic_lr;
    int64_t run;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct keyed *const x = a;
    const struct keyed *const y = b;
    if (x->actor_lr != y->actor_lr)
        return x->actor_lr < y->actor_lr ? -1 : 1;
    if (x->critic_lr != y->critic_lr)
        return x->critic_lr < y->critic_lr ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

static void group(struct survey *survey)
{
    const size_t runs = (size_t)survey->runs;
    struct keyed *const keyed = fault_alloc(runs, sizeof *keyed);
    for (size_t i = 0; i < runs; i++)
        keyed[i] = (struct keyed){survey->axis[SURVEY_ACTOR_LR].values[i],
                                  survey->axis[SURVEY_CRITIC_LR].values[i], (int64_t)i};
    qsort(keyed, runs, sizeof *keyed, compare_pairs);
    int64_t first = 0; /* run of a pair: stands for the pair until the pairs have numbers */
    for (size_t i = 0; i < runs; i++) {
        if (i == 0 || keyed[i].actor_lr != keyed[i - 1].actor_lr ||
            keyed[i].critic_lr != keyed[i - 1].critic_lr)
            first = keyed[i].run;
        survey->run[keyed[i].run].group = first;
    }
    for (int64_t run = 0; run < survey->runs; run++) {
        first = survey->run[run].group;
        survey->run[run].group = first == run ? survey->groups++ : survey->run[first].group;
    }
    free(keyed);
}

/* ---- where the runs stand ---- */

static enum standing standing_of(const struct store *store, int64_t run, bool held,
                                 const struct surveyed *r)
{
    const enum store_state state = store_state(store, run);
    /* Columns are read after the states: what is taken back in between is done no more. */
    if (state == STORE_DONE && outcome_is_final(r->outcome))
        return STANDING_DONE;
    if (r->trouble.flight != FLIGHT_NONE)
        return held && r->trouble.flight == FLIGHT_OPEN ? STANDING_RUNNING : STANDING_LOST;
    return state == STORE_INTERRUPTED ? STANDING_INTERRUPTED : STANDING_PENDING;
}

static bool was_trained(const struct surveyed *r)
{
    return r->standing == STANDING_DONE && r->outcome != OUTCOME_FAILED &&
           r->outcome != OUTCOME_QUARANTINED;
}

static void count(const struct store *store, bool held, struct survey *survey)
{
    for (int64_t run = 0; run < survey->runs; run++) {
        struct surveyed *const r = &survey->run[run];
        r->standing = standing_of(store, run, held, r);
        survey->standings[r->standing]++;
        if (r->standing == STANDING_DONE) {
            survey->outcomes[r->outcome]++;
            continue;
        }
        r->outcome = r->standing == STANDING_INTERRUPTED ? OUTCOME_INTERRUPTED : OUTCOME_PENDING;
        r->stopping = -1;
        r->total = -1;
    }
}

/* ---- time ---- */

static int compare_reals(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest of the times that `percent` of them do not exceed. */
static double quantile(const double *sorted, size_t count, size_t percent)
{
    return count > 0 ? sorted[(count * percent + 99) / 100 - 1] : NAN;
}

/* Share of its work that an unfinished run has done. \param mean episodes of its group, 0: unknown
 */
static double share_done(const struct surveyed *r, double mean, double expected_s)
{
    if (r->episode <= 0)
        return 0;
    const double limit = (double)r->limit;
    const double share = mean > 0 ? r->episode / fmin(mean, limit) : r->wall_s / expected_s;
    return fmin(isnan(share) ? 0 : share, 1);
}

/* What is left, when `finished` cells have taught what cells cost. */
static void expect_left(const struct cost *cost, const double *episodes, size_t finished,
                        struct survey *survey)
{
    double squares = 0;
    survey->left_s = finished > 0 ? 0 : NAN;
    for (int64_t run = 0; run < survey->runs; run++) {
        const struct surveyed *const r = &survey->run[run];
        if (r->standing == STANDING_DONE)
            continue;
        const double whole_s = cost_expect(cost, run);
        const double left_s = whole_s * (1 - share_done(r, episodes[r->group], whole_s));
        survey->left_s += left_s;
        squares += left_s * left_s;
    }
    const double known = survey->left_s * survey->left_s / (double)finished;
    survey->left_give_s = finished > 0 ? 2 * cost_spread(cost) * sqrt(squares + known) : NAN;
}

static void expect(const struct store *store, struct survey *survey)
{
    double *const took_s = fault_alloc((size_t)survey->runs, sizeof *took_s);
    double *const episodes = fault_alloc((size_t)survey->groups, sizeof *episodes);
    int64_t *const trained = fault_alloc((size_t)survey->groups, sizeof *trained);
    struct cost *cost = cost_new(store_spec(store));
    size_t finished = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        const struct surveyed *const r = &survey->run[run];
        if (!was_trained(r))
            continue;
        episodes[r->group] += r->total;
        trained[r->group]++;
        if (!(r->wall_s > 0))
            continue;
        cost_learn(cost, run, r->wall_s);
        took_s[finished++] = r->wall_s;
    }
    for (int64_t g = 0; g < survey->groups; g++)
        episodes[g] = trained[g] > 0 ? episodes[g] / (double)trained[g] : 0;
    qsort(took_s, finished, sizeof *took_s, compare_reals);
    survey->median_s = quantile(took_s, finished, 50);
    survey->p90_s = quantile(took_s, finished, 90);
    expect_left(cost, episodes, finished, survey);
    cost_free(&cost);
    free(trained);
    free(episodes);
    free(took_s);
}

/* ---- the last start ---- */

static enum status read_start(const struct store *store, struct surveyed_start *start,
                              struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS];
    double times[SCHEMA_STARTS], ends[SCHEMA_STARTS];
    int32_t statuses[SCHEMA_STARTS], ranks[SCHEMA_STARTS];
    char hosts[SCHEMA_STARTS][64], jobs[SCHEMA_STARTS][32], revisions[SCHEMA_STARTS][64];
    const struct {
        enum schema_note note;
        void *values;
    } parts[] = {{NOTE_LOG_NUMBER, numbers},  {NOTE_LOG_TIME, times},        {NOTE_LOG_END, ends},
                 {NOTE_LOG_STATUS, statuses}, {NOTE_LOG_RANKS, ranks},       {NOTE_LOG_HOST, hosts},
                 {NOTE_LOG_JOB, jobs},        {NOTE_LOG_REVISION, revisions}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const enum status status = store_note_column(store, parts[i].note, parts[i].values, fault);
        if (status != STATUS_OK)
            return status;
    }
    size_t last = 0;
    for (size_t i = 1; i < SCHEMA_STARTS; i++)
        last = numbers[i] > numbers[last] ? i : last;
    *start = (struct surveyed_start){.number = numbers[last],
                                     .time = times[last],
                                     .end = ends[last],
                                     .status = statuses[last],
                                     .ranks = ranks[last]};
    memcpy(start->host, hosts[last], sizeof hosts[last]);
    memcpy(start->job, jobs[last], sizeof jobs[last]);
    memcpy(start->revision, revisions[last], sizeof revisions[last]);
    return STATUS_OK;
}

enum status survey_take(const struct store *store, bool held, struct survey *survey,
                        struct fault *fault)
{
    *survey = (struct survey){.runs = store_runs(store)};
    survey->run = fault_alloc((size_t)survey->runs, sizeof *survey->run);
    enum status status = read_columns(store, survey, fault);
    if (status == STATUS_OK)
        status = read_start(store, &survey->start, fault);
    if (status != STATUS_OK) {
        survey_fini(survey);
        return status;
    }
    read_cells(store, survey);
    group(survey);
    count(store, held, survey);
    expect(store, survey);
    return STATUS_OK;
}

void survey_fini(struct survey *survey)
{
    for (size_t i = 0; i < survey->axes; i++)
        free(survey->axis[i].values);
    free(survey->axis);
    free(survey->run);
    *survey = (struct survey){0};
}
