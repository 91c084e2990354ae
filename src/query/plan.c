// SPDX-License-Identifier: MIT
/*
 * Making the plan: every cell is looked at once (look_at_cells), since a spec makes its cells one
 * by one and may have a hundred thousand. What the look collects (axes, sizes, the largest cell) is
 * then measured or expected.
 */
#include "query/plan.h"
#include "model/trainer_view.h"
#include "query/calibration.h"
#include "spec/cost.h"
#include "store/checkpoint.h"
#include "store/schema.h"
#include "sys/host.h"
#include <ccmsweep/trainer.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long a calibration may take. */
static const double calibration_s = 1.6;

/* What one pass over all cells collects in addition to the axes. */
struct look {
    struct calibration calibration;
    struct settings largest; /* the cell with the largest trainer */
    double memory;           /* estimated bytes of that trainer */
    /* Of an extension: the largest trainer that is made beside another one, to read a checkpoint of
     * the smaller limit (run/attempt.c), and both estimates; 0: none. */
    struct settings shorter, longer;
    double both;
};

/* The axes of the plan are those that the file would have: the schema decides. */
static void find_axes(struct plan *plan, const struct schema *schema)
{
    plan->axes = fault_alloc(schema->count, sizeof *plan->axes);
    for (size_t v = 0; v < schema->count; v++) {
        const struct variable *variable = &schema->variables[v];
        if (variable->kind != SCHEMA_AXIS)
            continue;
        struct plan_axis *axis = &plan->axes[plan->axis_count++];
        axis->row = variable->axis;
        axis->of_cell = fault_alloc((size_t)plan->cells, sizeof *axis->of_cell);
    }
}

static void look_at_cells(struct plan *plan, const struct spec *spec, struct look *look)
{
    for (int64_t i = 0; i < plan->cells; i++) {
        struct settings cell;
        spec_cell(spec, i, &cell);
        for (size_t a = 0; a < plan->axis_count; a++)
            plan->axes[a].of_cell[i] = settings_number(&cell, plan->axes[a].row);
        calibration_add(&look->calibration, &cell);
        const double memory = calibration_memory(&cell);
        if (memory > look->memory) {
            look->memory = memory;
            look->largest = cell;
        }
    }
}

/* `none` of a real is NaN: last, and equal to itself. */
static int compare_values(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

/* List the different values of an axis. */
static void list_values(struct plan_axis *axis, int64_t cells)
{
    double *const values = fault_alloc((size_t)cells, sizeof *values);
    size_t count = 0;
    /* Neighbouring cells often have the same value, so far fewer values than cells are sorted. */
    for (int64_t i = 0; i < cells; i++) {
        if (i == 0 || compare_values(&axis->of_cell[i], &axis->of_cell[i - 1]) != 0)
            values[count++] = axis->of_cell[i];
    }
    qsort(values, count, sizeof *values, compare_values);
    for (size_t i = 0; i < count; i++) {
        if (axis->count == 0 || compare_values(&values[i], &values[axis->count - 1]) != 0)
            values[axis->count++] = values[i];
    }
    axis->values = values;
}

/* Find the first cell of each label. */
static void find_label_cells(struct plan *plan)
{
    const struct plan_axis *const label = &plan->axes[0];
    plan->labels = label->count;
    plan->label_cell = fault_alloc(plan->labels, sizeof *plan->label_cell);
    for (int64_t i = plan->cells; i-- > 0;) {
        const double *const at = bsearch(&label->of_cell[i], label->values, label->count,
                                         sizeof *label->values, compare_values);
        plan->label_cell[at - label->values] = i;
    }
}

/* Set the axes apart that are part of the label. */
static void find_parts(struct plan *plan)
{
    const size_t count = plan->axis_count;
    if (plan->axes[0].row != settings_label())
        return;
    find_label_cells(plan);
    plan->part = fault_alloc(count, sizeof *plan->part);
    plan->axis_count = 0;
    for (size_t a = 0; a < count; a++) {
        const struct plan_axis axis = plan->axes[a];
        if (!labels_decide(plan->cells, plan->axes[0].of_cell, axis.row, axis.of_cell)) {
            plan->axes[plan->axis_count++] = axis;
            continue;
        }
        plan->part[plan->parts++] = (struct label_part){.row = axis.row, .of_run = axis.of_cell};
        free(axis.values);
    }
    labels_compare(plan->parts, plan->part, (int64_t)plan->labels, plan->label_cell);
}

/* The memory of a process without a trainer: what this process uses now, and what a worker uses in
 * addition when it opens and writes the file, which is mostly HDF5. The first part is measured,
 * since libraries differ between machines, and must be measured before the plan allocates anything.
 * When there is a file it is open already, so `opening` is part of the measurement. */
static double measure_base(bool has_file)
{
    static const double typical = 11e6, opening = 5.5e6, writing = 1.2e6;
    const double resident = (double)host_resident();
    return (resident > 0 ? resident : typical) + (has_file ? 0 : opening) + writing;
}

/* Bytes of a trainer, which is made to measure it, and of its checkpoint. */
static double measure_trainer(const struct settings *cell, double *checkpoint)
{
    struct settings made = *cell;
    made.training.earlier_episodes = 0; /* takes time and no memory */
    struct trainer *t = trainer_new(&made);
    const double memory = (double)trainer_memory(t);
    *checkpoint = (double)trainer_state_size(t) + CHECKPOINT_HEADER;
    trainer_free(&t);
    return memory;
}

/* The memory of the largest trainer, or of two of which one continues what the other has read. They
 * are made to measure it, unless one could be so large that making it would harm the machine. */
static void measure_memory(struct plan *plan, const struct look *look)
{
    double ignored = 0, both = look->both;
    plan->memory = look->memory;
    plan->checkpoint = NAN;
    if (calibration_affords(look->memory)) {
        plan->memory = measure_trainer(&look->largest, &plan->checkpoint);
        if (both > 0)
            both = measure_trainer(&look->shorter, &ignored) +
                   measure_trainer(&look->longer, &ignored);
    }
    plan->memory = fmax(plan->memory, both);
}

/* What the file has of a run. */
struct known {
    enum store_state state;
    int32_t outcome, attempts;
    double wall_s;
};

/* Take the state of a run into account, and learn from its time if it was trained to an end. Failed
 * and quarantined runs count as finished but teach nothing. */
static void learn_run(struct plan *plan, int64_t cell, const struct known *run)
{
    plan->states[cell] = (uint8_t)run->state;
    plan->finished += run->state == STORE_DONE;
    if (run->state != STORE_DONE || run->outcome == OUTCOME_FAILED ||
        run->outcome == OUTCOME_QUARANTINED || !isfinite(run->wall_s) || run->wall_s <= 0)
        return;
    cost_learn(plan->cost, cell, run->wall_s);
    plan->learnt++;
    plan->total_s += run->wall_s;
}

/* The same for a run of a file that is to be extended. One that its limit has ended took what it
 * would take with the larger one, in proportion to the limits, as long as it does not stop. */
static void learn_extended(struct plan *plan, const struct extension *e, int64_t run,
                           struct known *known, double share)
{
    const enum growth growth = (enum growth)e->growth[run];
    const int64_t cell = e->to[run];
    if (growth == GROWTH_CONTINUED || growth == GROWTH_ANEW) {
        if (isfinite(known->wall_s) && known->wall_s > 0) {
            cost_learn(plan->cost, cell, known->wall_s / share);
            plan->learnt++;
        }
        known->state = growth == GROWTH_CONTINUED ? STORE_INTERRUPTED : STORE_PENDING;
        plan->left[cell] = growth == GROWTH_CONTINUED ? 1 - share : 1;
    } else if (growth == GROWTH_DAMAGED) {
        known->state = STORE_PENDING;
    }
    plan->growths[growth]++;
    learn_run(plan, cell, known);
}

static void begin_extension(struct plan *plan, const struct extension *e)
{
    plan->left = fault_alloc((size_t)plan->cells, sizeof *plan->left);
    for (int64_t i = 0; i < plan->cells; i++)
        plan->left[i] = 1;
    plan->added = e->cells - e->runs;
}

/* A run with a smaller limit in the file that has begun there, and so may have a checkpoint. */
static void look_at_pair(struct look *look, const struct settings *before,
                         const struct settings *after)
{
    const double both = calibration_memory(before) + calibration_memory(after);
    if (both <= look->both)
        return;
    look->both = both;
    look->shorter = *before;
    look->longer = *after;
}

static void learn_run_of(struct plan *plan, const struct spec *spec, const struct store *store,
                         const struct extension *e, int64_t run, struct known *known,
                         struct look *look)
{
    struct settings before, after;
    const enum growth growth = (enum growth)e->growth[run];
    store_cell(store, run, &before);
    spec_cell(spec, e->to[run], &after);
    if (before.training.episodes < after.training.episodes && known->attempts > 0 &&
        (growth == GROWTH_CONTINUED || growth == GROWTH_OPEN))
        look_at_pair(look, &before, &after);
    learn_extended(plan, e, run, known,
                   (double)before.training.episodes / (double)after.training.episodes);
}

static enum status learn(struct plan *plan, const struct spec *spec, const struct store *store,
                         const struct extension *e, struct look *look, struct fault *fault)
{
    const size_t runs = (size_t)store_runs(store);
    double *const wall_s = fault_alloc(runs, sizeof *wall_s);
    int32_t *const outcomes = fault_alloc(runs, sizeof *outcomes);
    int32_t *const attempts = fault_alloc(runs, sizeof *attempts);
    plan->states = fault_alloc((size_t)plan->cells, 1);
    enum status status = store_note_column(store, NOTE_WALL, wall_s, fault);
    if (status == STATUS_OK)
        status = store_column(store, record_field("outcome"), outcomes, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_ATTEMPTS, attempts, fault);
    if (e != NULL)
        begin_extension(plan, e);
    for (int64_t i = 0; i < (int64_t)runs && status == STATUS_OK; i++) {
        plan->interrupted += store_state(store, i) == STORE_INTERRUPTED;
        struct known known = {store_state(store, i), outcomes[i], attempts[i], wall_s[i]};
        if (e == NULL)
            learn_run(plan, i, &known);
        else
            learn_run_of(plan, spec, store, e, i, &known, look);
    }
    free(attempts);
    free(outcomes);
    free(wall_s);
    return status;
}

/* What cells that have begun have already done is not subtracted here (`status` does that), unless
 * all of it is known: up to their old limit. */
static void expect_rest(struct plan *plan)
{
    for (int64_t i = 0; i < plan->cells; i++) {
        if (plan->states != NULL && plan->states[i] == STORE_DONE)
            continue;
        const double share = plan->left != NULL ? plan->left[i] : 1;
        const double seconds = share * cost_expect(plan->cost, i);
        plan->left_s += seconds;
        plan->longest_s = fmax(plan->longest_s, seconds);
    }
    plan->total_s += plan->left_s;
}

enum status plan_new(struct plan **plan, const struct spec *spec, const struct store *store,
                     const struct extension *extension, struct fault *fault)
{
    const double base = measure_base(store != NULL);
    struct plan *making = fault_alloc(1, sizeof *making);
    struct look *look = fault_alloc(1, sizeof *look);
    struct schema *schema = schema_new(spec);
    *making =
        (struct plan){.cells = spec_cells(spec), .cost = cost_new(spec), .calibration_s = NAN};
    making->file_size = schema_file_size(schema, spec);
    find_axes(making, schema);
    schema_free(&schema);
    look_at_cells(making, spec, look);
    for (size_t a = 0; a < making->axis_count; a++)
        list_values(&making->axes[a], making->cells);
    find_parts(making);
    enum status status = STATUS_OK;
    if (store != NULL)
        status = learn(making, spec, store, extension, look, fault);
    if (status == STATUS_OK) {
        measure_memory(making, look);
        making->memory += base;
        if (!cost_known(making->cost)) {
            cost_calibrate(making->cost, calibration_run(&look->calibration, calibration_s));
            making->calibration_s = look->calibration.took_s;
        }
        expect_rest(making);
    } else {
        plan_free(&making);
    }
    free(look);
    *plan = making;
    return status;
}

void plan_free(struct plan **plan)
{
    if (plan == NULL || *plan == NULL)
        return;
    for (size_t a = 0; a < (*plan)->axis_count; a++) {
        free((*plan)->axes[a].values);
        free((*plan)->axes[a].of_cell);
    }
    for (size_t p = 0; p < (*plan)->parts; p++)
        free((*plan)->part[p].of_run);
    free((*plan)->axes);
    free((*plan)->part);
    free((*plan)->label_cell);
    free((*plan)->states);
    free((*plan)->left);
    cost_free(&(*plan)->cost);
    free(*plan);
    *plan = NULL;
}

double plan_wall(const struct plan *plan, int64_t workers)
{
    return fmax(plan->longest_s, plan->left_s / (double)workers);
}

double plan_memory(const struct plan *plan, bool alone)
{
    /* Measured: 11 MB, and 8 to 12 MB depending on the version, the network and the ranks of a
     * node. A low value is used, so that for cells of the published size the number also holds for
     * a process without MPI. */
    static const double mpi = 8.5e6;
    return plan->memory + (alone ? 0 : mpi);
}
