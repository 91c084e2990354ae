// SPDX-License-Identifier: MIT
/*
 * Reading all runs of a file that another process may be writing at the same moment.
 *
 * Nothing is locked. So the columns need not fit each other: a run can be committed, or taken back,
 * between two reads. Whatever decides is therefore read last or checked again (run_state_of), and a
 * number that is only a note is corrected or ignored when it cannot be true (read_cells).
 */
#include "query/run_table.h"
#include "query/label_parts.h"
#include "spec/cost.h"
#include "spec/grid.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *run_state_name(enum run_state state)
{
    static const char *const names[RUN_STATE_COUNT] = {
        [RUN_STATE_DONE] = "done",
        [RUN_STATE_RUNNING] = "running",
        [RUN_STATE_INTERRUPTED] = "interrupted",
        [RUN_STATE_LOST] = "lost",
        [RUN_STATE_PENDING] = "pending",
    };
    return names[state];
}

/* Columns of i32, and the member of struct run_row that each one fills: fields of the record
 * (`field`) and notes of /volatile (`note`). */
static const struct {
    const char *field;
    enum schema_note note;
    size_t offset;
} columns[] = {
    {"outcome", 0, offsetof(struct run_row, outcome)},
    {"stopping_episode", 0, offsetof(struct run_row, stopping)},
    {"total_episodes", 0, offsetof(struct run_row, total)},
    {NULL, NOTE_PROGRESS_EPISODE, offsetof(struct run_row, episode)},
    {NULL, NOTE_PROGRESS_MOVING, offsetof(struct run_row, moving)},
    {NULL, NOTE_ATTEMPTS, offsetof(struct run_row, attempts)},
    {NULL, NOTE_FLIGHT, offsetof(struct run_row, failures.flight)},
    {NULL, NOTE_CRASHES, offsetof(struct run_row, failures.crashes)},
    {NULL, NOTE_SUSPECT, offsetof(struct run_row, failures.suspect)},
    {NULL, NOTE_LOST, offsetof(struct run_row, failures.lost)},
};

enum { HOST_SIZE = 64 };

/* On an error some columns are missing; the caller then frees the table. */
static enum status read_columns(const struct store *store, struct run_table *table,
                                struct fault *fault)
{
    const size_t runs = (size_t)table->runs;
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
            memcpy((char *)&table->run[run] + columns[c].offset, &column[run], sizeof *column);
    }
    for (size_t run = 0; run < runs; run++) {
        table->run[run].damage = store_damage(store, (int64_t)run);
        table->run[run].wall_s = seconds[run];
        memcpy(table->run[run].host, hosts[run], HOST_SIZE);
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

/* Whether the grid names the setting (or the label), in any block. The spec in the file is the
 * resolved one, so it includes what --set added or removed. */
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

/* Make the axis of a setting in which `run` is the first to differ: all runs before it have the
 * value of the first run. */
static struct run_axis new_axis(const struct store *store, const struct run_table *table,
                                const struct setting *row, const struct settings *first,
                                int64_t run)
{
    const bool written = row == settings_label() || is_written(store_spec(store), row);
    struct run_axis axis = {.row = row, .written = written};
    schema_axis_name(row, axis.name, sizeof axis.name);
    axis.values = fault_alloc((size_t)table->runs, sizeof *axis.values);
    for (int64_t before = 0; before < run; before++)
        axis.values[before] = settings_number(first, row);
    return axis;
}

/* Add the values of a run to the axes. Until read_cells is done, table->axis has a place for each
 * setting and one for the label, of which those that are no axis are empty (row NULL). Cells are
 * made from the spec one by one, so two passes over them, one to find axes and one for values,
 * would take twice as long. */
static void read_axes(const struct store *store, const struct settings *first,
                      const struct settings *cell, int64_t run, struct run_table *table)
{
    size_t rows = 0;
    const struct setting *const keys = settings_table(&rows);
    for (size_t i = 0; i <= rows; i++) {
        struct run_axis *const axis = &table->axis[i];
        const struct setting *const row = i < rows ? &keys[i] : settings_label();
        const bool always = i < rows ? grid_always(row) : cell->label > 0;
        if (axis->row == NULL && !is_seed(row) && (always || !settings_equal(first, cell, row)))
            *axis = new_axis(store, table, row, first, run);
        if (axis->row != NULL)
            axis->values[run] = settings_number(cell, row);
    }
}

/* Close the gaps, with the label first, and find what is part of the label. */
static void order_axes(struct run_table *table, size_t rows)
{
    struct run_axis *const all = table->axis;
    table->axis = fault_alloc(rows + 1, sizeof *table->axis);
    if (all[rows].row != NULL) {
        table->axis[table->axes++] = all[rows];
        table->label = table->axis;
    }
    table->rate = table->axis + table->axes;
    for (size_t i = 0; i < rows; i++) {
        if (all[i].row != NULL)
            table->axis[table->axes++] = all[i];
    }
    free(all);
    for (size_t a = 0; a < table->axes && table->label != NULL; a++)
        table->axis[a].of_label = labels_decide(table->runs, table->label->values,
                                                table->axis[a].row, table->axis[a].values);
    CHECK(table->rate[RUN_TABLE_ACTOR_LR].row == settings_find("training.actor_lr") &&
          table->rate[RUN_TABLE_CRITIC_LR].row == settings_find("training.critic_lr"));
}

static void read_cells(const struct store *store, struct run_table *table)
{
    size_t rows = 0;
    const struct setting *const keys = settings_table(&rows);
    struct settings first, cell;
    CHECK(keys != NULL);
    store_cell(store, 0, &first);
    table->axis = fault_alloc(rows + 1, sizeof *table->axis);
    for (int64_t run = 0; run < table->runs; run++) {
        struct run_row *const r = &table->run[run];
        store_cell(store, run, &cell);
        r->seed = cell.training.seed;
        r->limit = cell.training.episodes;
        /* Notes are not checked by a checksum: an impossible one counts as not written. */
        r->episode = r->episode > r->limit ? -1 : r->episode;
        r->moving = r->moving > cell.environment.agents ? -1 : r->moving;
        read_axes(store, &first, &cell, run, table);
    }
    order_axes(table, rows);
}

bool run_table_is_rate(const struct run_table *table, const struct run_axis *axis)
{
    return axis >= table->rate && axis < table->rate + RUN_TABLE_RATES;
}

void run_table_axis_write(const struct run_axis *axis, int64_t run, char *text, size_t size)
{
    settings_write(axis->row, axis->values[run], text, size);
}

/* A pair of learning rates with its label (or 0 for any), and the run that has it. */
struct keyed {
    double label, actor_lr, critic_lr;
    int64_t run;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct keyed *const x = a;
    const struct keyed *const y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->actor_lr != y->actor_lr)
        return x->actor_lr < y->actor_lr ? -1 : 1;
    if (x->critic_lr != y->critic_lr)
        return x->critic_lr < y->critic_lr ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

/* Number the pairs of learning rates, of any label or within each, in the order of the plan.
 * Sorting brings equal pairs together; the smallest run of each, which sorts first, represents the
 * pair until the second loop numbers them. The numbers are left in run_row.group. */
static int64_t number_pairs(struct run_table *table, const double *label)
{
    const size_t runs = (size_t)table->runs;
    struct keyed *const keyed = fault_alloc(runs, sizeof *keyed);
    for (size_t i = 0; i < runs; i++)
        keyed[i] =
            (struct keyed){label != NULL ? label[i] : 0, table->rate[RUN_TABLE_ACTOR_LR].values[i],
                           table->rate[RUN_TABLE_CRITIC_LR].values[i], (int64_t)i};
    qsort(keyed, runs, sizeof *keyed, compare_pairs);
    int64_t first = 0; /* the first run of a pair */
    int64_t count = 0;
    for (size_t i = 0; i < runs; i++) {
        if (i == 0 || keyed[i].label != keyed[i - 1].label ||
            keyed[i].actor_lr != keyed[i - 1].actor_lr ||
            keyed[i].critic_lr != keyed[i - 1].critic_lr)
            first = keyed[i].run;
        table->run[keyed[i].run].group = first;
    }
    for (int64_t run = 0; run < table->runs; run++) {
        first = table->run[run].group;
        table->run[run].group = first == run ? count++ : table->run[first].group;
    }
    free(keyed);
    return count;
}

static void group(struct run_table *table)
{
    table->pairs = number_pairs(table, NULL);
    for (int64_t run = 0; run < table->runs; run++)
        table->run[run].pair = table->run[run].group;
    table->groups = table->label == NULL ? table->pairs : number_pairs(table, table->label->values);
}

/* ---- states ---- */

/* What is in flight is being trained only while a process holds the lock; without one its job is
 * gone. FLIGHT_CRASHED is lost even then: that process is dead, or about to be. */
static enum run_state run_state_of(const struct store *store, int64_t run, bool held,
                                   const struct run_row *r)
{
    const enum store_state state = store_state(store, run);
    /* The outcomes were read after the store was opened. A run that was taken back in between
     * (--retry) has no final outcome any more, and is not done. */
    if (state == STORE_DONE && outcome_is_final(r->outcome))
        return RUN_STATE_DONE;
    if (r->failures.flight != FLIGHT_NONE)
        return held && r->failures.flight == FLIGHT_OPEN ? RUN_STATE_RUNNING : RUN_STATE_LOST;
    return state == STORE_INTERRUPTED ? RUN_STATE_INTERRUPTED : RUN_STATE_PENDING;
}

static bool was_trained(const struct run_row *r)
{
    return r->state == RUN_STATE_DONE && r->outcome != OUTCOME_FAILED &&
           r->outcome != OUTCOME_QUARANTINED;
}

/* Set the states and count them. What a run that is not done has in its row does not count, even if
 * it looks like a result: it is from an attempt that was never committed. */
static void count(const struct store *store, bool held, struct run_table *table)
{
    for (int64_t run = 0; run < table->runs; run++) {
        struct run_row *const r = &table->run[run];
        r->state = run_state_of(store, run, held, r);
        table->states[r->state]++;
        if (r->state == RUN_STATE_DONE) {
            table->outcomes[r->outcome]++;
            continue;
        }
        r->outcome = r->state == RUN_STATE_INTERRUPTED ? OUTCOME_INTERRUPTED : OUTCOME_PENDING;
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

/* The smallest time that `percent` of all times do not exceed (a value that occurs, no
 * interpolation). */
static double quantile(const double *sorted, size_t count, size_t percent)
{
    return count > 0 ? sorted[(count * percent + 99) / 100 - 1] : NAN;
}

/* Share of its work that an unfinished run has done. Runs that stop early make the limit of
 * episodes a bad measure, so it is compared with the mean of its group. \param mean episodes of
 * trained runs of its group; 0: unknown */
static double share_done(const struct run_row *r, double mean, double expected_s)
{
    if (r->episode <= 0)
        return 0;
    const double limit = (double)r->limit;
    const double share = mean > 0 ? r->episode / fmin(mean, limit) : r->wall_s / expected_s;
    return fmin(isnan(share) ? 0 : share, 1);
}

/* The work that is left, and its uncertainty, when `finished` cells have shown what cells cost.
 * Cells err independently, so squares are added; the error of the expectation itself is common to
 * all cells, so it grows with their sum and shrinks with the number of finished cells. */
static void expect_left(const struct cost *cost, const double *episodes, size_t finished,
                        struct run_table *table)
{
    double squares = 0;
    table->left_s = finished > 0 ? 0 : NAN;
    for (int64_t run = 0; run < table->runs; run++) {
        const struct run_row *const r = &table->run[run];
        if (r->state == RUN_STATE_DONE)
            continue;
        const double whole_s = cost_expect(cost, run);
        const double left_s = whole_s * (1 - share_done(r, episodes[r->group], whole_s));
        table->left_s += left_s;
        squares += left_s * left_s;
    }
    const double known = table->left_s * table->left_s / (double)finished;
    table->left_margin_s = finished > 0 ? 2 * cost_spread(cost) * sqrt(squares + known) : NAN;
}

/* Failed and quarantined runs were not trained to an end, so neither their episodes nor their times
 * show what a cell needs. */
static void expect(const struct store *store, struct run_table *table)
{
    double *const took_s = fault_alloc((size_t)table->runs, sizeof *took_s);
    double *const episodes = fault_alloc((size_t)table->groups, sizeof *episodes);
    int64_t *const trained = fault_alloc((size_t)table->groups, sizeof *trained);
    struct cost *cost = cost_new(store_spec(store));
    size_t finished = 0;
    for (int64_t run = 0; run < table->runs; run++) {
        const struct run_row *const r = &table->run[run];
        if (!was_trained(r))
            continue;
        episodes[r->group] += r->total;
        trained[r->group]++;
        if (!(r->wall_s > 0))
            continue;
        cost_learn(cost, run, r->wall_s);
        took_s[finished++] = r->wall_s;
    }
    for (int64_t g = 0; g < table->groups; g++)
        episodes[g] = trained[g] > 0 ? episodes[g] / (double)trained[g] : 0;
    qsort(took_s, finished, sizeof *took_s, compare_reals);
    table->median_s = quantile(took_s, finished, 50);
    table->p90_s = quantile(took_s, finished, 90);
    expect_left(cost, episodes, finished, table);
    cost_free(&cost);
    free(trained);
    free(episodes);
    free(took_s);
}

/* ---- the log of starts ---- */

struct log {
    int64_t numbers[SCHEMA_STARTS];
    double times[SCHEMA_STARTS], ends[SCHEMA_STARTS];
    int32_t statuses[SCHEMA_STARTS], ranks[SCHEMA_STARTS];
    char hosts[SCHEMA_STARTS][64], jobs[SCHEMA_STARTS][32], revisions[SCHEMA_STARTS][64];
};

static enum status read_log(const struct store *store, struct log *log, struct fault *fault)
{
    const struct {
        enum schema_note note;
        void *values;
    } parts[] = {{NOTE_LOG_NUMBER, log->numbers}, {NOTE_LOG_TIME, log->times},
                 {NOTE_LOG_END, log->ends},       {NOTE_LOG_STATUS, log->statuses},
                 {NOTE_LOG_RANKS, log->ranks},    {NOTE_LOG_HOST, log->hosts},
                 {NOTE_LOG_JOB, log->jobs},       {NOTE_LOG_REVISION, log->revisions}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == STATUS_OK; i++)
        status = store_note_column(store, parts[i].note, parts[i].values, fault);
    return status;
}

/* The log is a ring: the last start is the one with the largest number, wherever it is. Extensions
 * have numbers too and are no starts; those that the ring has lost cannot be taken off. */
static void find_start(const struct log *log, struct run_table_start *start)
{
    size_t last = SCHEMA_STARTS;
    for (size_t i = 0; i < SCHEMA_STARTS; i++) {
        if (log->numbers[i] > 0 && log->ranks[i] != 0 &&
            (last == SCHEMA_STARTS || log->numbers[i] > log->numbers[last]))
            last = i;
    }
    if (last == SCHEMA_STARTS)
        return;
    int64_t extensions = 0;
    for (size_t i = 0; i < SCHEMA_STARTS; i++)
        extensions +=
            log->numbers[i] > 0 && log->ranks[i] == 0 && log->numbers[i] < log->numbers[last];
    *start = (struct run_table_start){.number = log->numbers[last] - extensions,
                                      .time = log->times[last],
                                      .end = log->ends[last],
                                      .status = log->statuses[last],
                                      .ranks = log->ranks[last]};
    memcpy(start->host, log->hosts[last], sizeof log->hosts[last]);
    memcpy(start->job, log->jobs[last], sizeof log->jobs[last]);
    memcpy(start->revision, log->revisions[last], sizeof log->revisions[last]);
}

/* A row of an extension has 0 ranks, and its words are where starts have their job. */
static void find_extensions(const struct log *log, struct run_table *table)
{
    const struct run_table_start none = {0};
    size_t first = 0;
    table->extension = fault_alloc(SCHEMA_STARTS, sizeof *table->extension);
    for (size_t i = 1; i < SCHEMA_STARTS; i++) {
        if (log->numbers[i] > 0 && log->numbers[i] < log->numbers[first])
            first = i;
    }
    for (size_t k = 0; k < SCHEMA_STARTS; k++) {
        const size_t i = (first + k) % SCHEMA_STARTS;
        char words[sizeof none.job] = "";
        struct run_table_extension found = {.time = log->times[i]};
        memcpy(words, log->jobs[i], sizeof log->jobs[i]);
        if (log->numbers[i] > 0 && log->ranks[i] == 0 &&
            sscanf(words, "%" SCNd64 " to %" SCNd64 " cells", &found.before, &found.after) == 2)
            table->extension[table->extensions++] = found;
    }
}

static enum status read_starts(const struct store *store, struct run_table *table,
                               struct fault *fault)
{
    struct log *const log = fault_alloc(1, sizeof *log); /* more than a small stack holds */
    const enum status status = read_log(store, log, fault);
    if (status == STATUS_OK) {
        find_start(log, &table->start);
        find_extensions(log, table);
    }
    free(log);
    return status;
}

enum status run_table_take(const struct store *store, bool held, struct run_table *table,
                           struct fault *fault)
{
    *table = (struct run_table){.runs = store_runs(store)};
    table->run = fault_alloc((size_t)table->runs, sizeof *table->run);
    enum status status = read_columns(store, table, fault);
    if (status == STATUS_OK)
        status = read_starts(store, table, fault);
    if (status != STATUS_OK) {
        run_table_fini(table);
        return status;
    }
    read_cells(store, table);
    group(table);
    count(store, held, table);
    expect(store, table);
    return STATUS_OK;
}

void run_table_fini(struct run_table *table)
{
    for (size_t i = 0; i < table->axes; i++)
        free(table->axis[i].values);
    free(table->axis);
    free(table->extension);
    free(table->run);
    *table = (struct run_table){0};
}
