// SPDX-License-Identifier: MIT
#include <ccmsweep/cost.h>
#include <ccmsweep/survey.h>
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
    {NULL, NOTE_PROGRESS_EPISODE, offsetof(struct surveyed, episode)},
    {NULL, NOTE_PROGRESS_MOVING, offsetof(struct surveyed, moving)},
    {NULL, NOTE_ATTEMPTS, offsetof(struct surveyed, attempts)},
    {NULL, NOTE_FLIGHT, offsetof(struct surveyed, trouble.flight)},
    {NULL, NOTE_CRASHES, offsetof(struct surveyed, trouble.crashes)},
    {NULL, NOTE_SUSPECT, offsetof(struct surveyed, trouble.suspect)},
    {NULL, NOTE_LOST, offsetof(struct surveyed, trouble.lost)},
};

static enum status read_columns(const struct store *store, struct survey *survey,
                                struct fault *fault)
{
    const size_t runs = (size_t)survey->runs;
    int32_t *const column = fault_alloc(runs, sizeof *column);
    double *const seconds = fault_alloc(runs, sizeof *seconds);
    enum status status = store_note_column(store, NOTE_WALL, seconds, fault);
    for (size_t c = 0; c < sizeof columns / sizeof *columns && status == STATUS_OK; c++) {
        status = columns[c].field != NULL
                     ? store_column(store, record_field(columns[c].field), column, fault)
                     : store_note_column(store, columns[c].note, column, fault);
        for (size_t run = 0; run < runs; run++)
            memcpy((char *)&survey->run[run] + columns[c].offset, &column[run], sizeof *column);
    }
    for (size_t run = 0; run < runs; run++)
        survey->run[run].wall_s = seconds[run];
    free(seconds);
    free(column);
    return status;
}

static enum standing standing_of(const struct store *store, int64_t run, bool held,
                                 const struct surveyed *r)
{
    const enum store_state state = store_state(store, run);
    if (state == STORE_DONE)
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
        struct settings cell;
        store_cell(store, run, &cell);
        r->actor_lr = cell.training.actor_lr;
        r->critic_lr = cell.training.critic_lr;
        r->seed = cell.training.seed;
        r->limit = cell.training.episodes;
        r->standing = standing_of(store, run, held, r);
        survey->standings[r->standing]++;
        if (r->standing == STANDING_DONE && r->outcome >= 0 && r->outcome < OUTCOME_COUNT)
            survey->outcomes[r->outcome]++;
        else
            r->stopping = -1;
    }
}

static int compare_reals(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What finished cells took, and what is expected of the rest: an unfinished one has been done in
 * the share of its episodes that it has played. */
static void expect(const struct store *store, struct survey *survey)
{
    double *const took_s = fault_alloc((size_t)survey->runs, sizeof *took_s);
    struct cost *cost = cost_new(store_spec(store));
    size_t finished = 0;
    double squares = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        const struct surveyed *const r = &survey->run[run];
        if (!was_trained(r) || !(r->wall_s > 0))
            continue;
        cost_learn(cost, run, r->wall_s);
        took_s[finished++] = r->wall_s;
    }
    qsort(took_s, finished, sizeof *took_s, compare_reals);
    survey->median_s = finished > 0 ? took_s[(finished - 1) / 2] : NAN;
    survey->p90_s = finished > 0 ? took_s[(finished - 1) * 9 / 10] : NAN;
    survey->left_s = cost_known(cost) ? 0 : NAN;
    for (int64_t run = 0; run < survey->runs; run++) {
        const struct surveyed *const r = &survey->run[run];
        if (r->standing == STANDING_DONE)
            continue;
        const double expected_s = cost_expect(cost, run);
        const double spent_s = r->episode > 0 && r->wall_s > 0 ? r->wall_s : 0;
        survey->left_s += fmax(expected_s - spent_s, 0);
        squares += expected_s * expected_s;
    }
    survey->left_give_s = cost_known(cost) ? 2 * cost_spread(cost) * sqrt(squares) : NAN;
    cost_free(&cost);
    free(took_s);
}

static enum status read_start(const struct store *store, struct surveyed_start *start,
                              struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS];
    double times[SCHEMA_STARTS], ends[SCHEMA_STARTS];
    int32_t statuses[SCHEMA_STARTS], ranks[SCHEMA_STARTS];
    char hosts[SCHEMA_STARTS][64], jobs[SCHEMA_STARTS][32];
    const struct {
        enum schema_note note;
        void *values;
    } parts[] = {{NOTE_LOG_NUMBER, numbers},  {NOTE_LOG_TIME, times},  {NOTE_LOG_END, ends},
                 {NOTE_LOG_STATUS, statuses}, {NOTE_LOG_RANKS, ranks}, {NOTE_LOG_HOST, hosts},
                 {NOTE_LOG_JOB, jobs}};
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
    count(store, held, survey);
    expect(store, survey);
    return STATUS_OK;
}

void survey_fini(struct survey *survey)
{
    free(survey->run);
    *survey = (struct survey){0};
}
