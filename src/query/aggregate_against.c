// SPDX-License-Identifier: MIT
/*
 * Differences between a value of an axis and its others, of configurations one by one and pooled.
 *
 * Counterparts and pairs are found by numbers of the values of the other axes: comparing every
 * configuration with every other would take quadratic time, and sweeps of interventions have
 * thousands of runs. A quantity that is not known of one run of a pair is not estimated from the
 * others (aggregate_lack.c).
 */
#include "query/aggregate_against.h"
#include "base/text.h"
#include "stats/factorize.h"
#include "stats/mcnemar.h"
#include "stats/paired_mean.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- counterparts ---- */

/* Of each item the one with the same number that has the value that is asked for; -1: there is
 * none, or the item has that value itself. There are never two: no cell of a plan is there twice,
 * and an axis that is part of another was refused (aggregate_asked.c). */
static void match(int64_t count, const int64_t *number, const int64_t *values, int64_t value,
                  int64_t *other)
{
    int64_t *const at = fault_alloc((size_t)count, sizeof *at);
    for (int64_t i = 0; i < count; i++)
        at[i] = -1;
    for (int64_t i = 0; i < count; i++) {
        if (values[i] != value)
            continue;
        CHECK(at[number[i]] < 0);
        at[number[i]] = i;
    }
    for (int64_t i = 0; i < count; i++)
        other[i] = values[i] == value ? -1 : at[number[i]];
    free(at);
}

static void find_counterparts(const struct aggregate *aggregate, struct against *against)
{
    const int64_t count = aggregate->configurations;
    const int64_t *const index = aggregate->grouping.axis[against->axis].index;
    int64_t *const first = fault_alloc((size_t)count, sizeof *first);
    int64_t *const value = fault_alloc((size_t)count, sizeof *value);
    int64_t *const number = fault_alloc((size_t)count, sizeof *number);
    against->counterpart = fault_alloc((size_t)count, sizeof *against->counterpart);
    for (int64_t c = 0; c < count; c++) {
        first[c] = aggregate->configuration[c].first;
        value[c] = index[first[c]];
    }
    grouping_others(&aggregate->grouping, against->axis, count, first, number);
    match(count, number, value, against->value, against->counterpart);
    for (int64_t c = 0; c < count; c++)
        against->lacking += value[c] != against->value && against->counterpart[c] < 0;
    free(number);
    free(value);
    free(first);
}

/* Runs are paired within the values of all axes of the sweep, also of those that are pooled. */
static void pair_runs(struct against_plan *plan)
{
    const struct aggregate *const aggregate = plan->aggregate;
    const struct run_table *const table = aggregate->table;
    const int64_t *const index = aggregate->grouping.axis[plan->axis].index;
    struct grouping full;
    int64_t *const unit = fault_alloc((size_t)table->runs, sizeof *unit);
    /* This cannot fail: only names that a user gives can be wrong. */
    CHECK(grouping_make(&full, table, NULL, NULL) == STATUS_OK);
    const int64_t axis = against_axis(&full, grouping_lead(&aggregate->grouping, plan->axis));
    plan->tasks = grouping_others(&full, axis, table->runs, NULL, plan->task);
    /* A seed has 32 bits. */
    for (int64_t run = 0; run < table->runs; run++)
        unit[run] = (plan->task[run] << 32) + table->run[run].seed;
    factorize(table->runs, unit, unit);
    match(table->runs, unit, index, plan->value, plan->partner);
    grouping_fini(&full);
    free(unit);
}

static struct against_plan new_plan(const struct aggregate *aggregate,
                                    const struct against *against)
{
    const size_t runs = (size_t)aggregate->table->runs;
    const size_t count = (size_t)aggregate->configurations;
    struct against_plan plan = {.aggregate = aggregate,
                                .axis = against->axis,
                                .value = against->value,
                                .task = fault_alloc(runs, sizeof *plan.task),
                                .partner = fault_alloc(runs, sizeof *plan.partner),
                                .start = fault_alloc(count + 1, sizeof *plan.start),
                                .run = fault_alloc(runs, sizeof *plan.run)};
    pair_runs(&plan);
    factorize_order(aggregate->table->runs, aggregate->grouping.of_run, aggregate->configurations,
                    plan.start, plan.run);
    return plan;
}

static void free_plan(struct against_plan *plan)
{
    free(plan->task);
    free(plan->partner);
    free(plan->start);
    free(plan->run);
}

/* ---- pairs ---- */

/* Pairs of runs, those of a configuration side by side. */
struct set {
    int64_t count;
    int64_t *a, *b, *seed; /* (count) runs, and the seed of both */
    int64_t tasks;
    int64_t *from; /* (tasks + 1) where the pairs of each configuration begin */
    int64_t found; /* runs of either side, paired or not */
    int64_t *seen; /* (found) their seeds */
    int64_t lost;  /* pairs that keep_observed left out */
    int64_t *gone; /* (lost) their seeds */
};

static struct set new_set(const struct aggregate *aggregate)
{
    const size_t runs = (size_t)aggregate->table->runs;
    struct set set = {.a = fault_alloc(runs, sizeof *set.a),
                      .b = fault_alloc(runs, sizeof *set.b),
                      .seed = fault_alloc(runs, sizeof *set.seed),
                      .from = fault_alloc((size_t)aggregate->configurations + 1, sizeof *set.from),
                      .seen = fault_alloc(2 * runs, sizeof *set.seen),
                      .gone = fault_alloc(runs, sizeof *set.gone)};
    return set;
}

static void free_set(struct set *set)
{
    free(set->a);
    free(set->b);
    free(set->seed);
    free(set->from);
    free(set->seen);
    free(set->gone);
}

static void empty_set(struct set *set)
{
    set->count = set->tasks = set->found = set->lost = 0;
}

/* Add the runs of a configuration and of its counterpart. One without pairs is no task: in a sweep
 * that has just begun, it would leave nothing to pool. */
static void add_configuration(const struct against_plan *plan, int64_t c, int64_t counterpart,
                              struct set *set)
{
    const struct run_row *const row = plan->aggregate->table->run;
    const int64_t before = set->count;
    for (int64_t i = plan->start[c]; i < plan->start[c + 1]; i++) {
        const int64_t run = plan->run[i], partner = plan->partner[run];
        set->seen[set->found++] = row[run].seed;
        if (partner < 0)
            continue;
        set->a[set->count] = run;
        set->b[set->count] = partner;
        set->seed[set->count++] = row[run].seed;
    }
    for (int64_t i = plan->start[counterpart]; i < plan->start[counterpart + 1]; i++)
        set->seen[set->found++] = row[plan->run[i]].seed;
    set->tasks += set->count > before;
    set->from[set->tasks] = set->count;
}

/* Keep the pairs of which both runs are an observation of a time. Nothing is known of the others:
 * they have not begun, or are a gap in the data, so there are fewer seeds, and a note says so. */
static void keep_observed(const struct aggregate *aggregate, const struct set *set,
                          struct set *kept)
{
    const struct member *const member = aggregate->cohort->member;
    empty_set(kept);
    for (int64_t t = 0; t < set->tasks; t++) {
        const int64_t before = kept->count;
        for (int64_t i = set->from[t]; i < set->from[t + 1]; i++) {
            if (!member_is_observed(&member[set->a[i]]) ||
                !member_is_observed(&member[set->b[i]])) {
                kept->gone[kept->lost++] = set->seed[i];
                continue;
            }
            kept->a[kept->count] = set->a[i];
            kept->b[kept->count] = set->b[i];
            kept->seed[kept->count++] = set->seed[i];
        }
        kept->tasks += kept->count > before;
        kept->from[kept->tasks] = kept->count;
    }
}

/* ---- differences ---- */

/* The observations of one side of the pairs, a sample for each task. */
struct side {
    double *time;
    int32_t *status;
    struct sample *sample; /* (tasks) */
    int64_t events;
};

static struct side new_side(const struct aggregate *aggregate, const struct set *set,
                            const int64_t *run)
{
    struct side side = {.time = fault_alloc((size_t)set->count, sizeof *side.time),
                        .status = fault_alloc((size_t)set->count, sizeof *side.status),
                        .sample = fault_alloc((size_t)set->tasks, sizeof *side.sample)};
    for (int64_t i = 0; i < set->count; i++) {
        const struct member *const m = &aggregate->cohort->member[run[i]];
        side.time[i] = m->time;
        side.status[i] = m->fate == FATE_EVENT;
        side.events += side.status[i];
    }
    for (int64_t t = 0; t < set->tasks; t++) {
        const int64_t from = set->from[t];
        side.sample[t] = (struct sample){.count = set->from[t + 1] - from,
                                         .time = side.time + from,
                                         .status = side.status + from,
                                         .cluster = set->seed + from};
    }
    return side;
}

static void free_side(struct side *side)
{
    free(side->time);
    free(side->status);
    free(side->sample);
}

/* Where neither has an event there is no test, as between neighbours (aggregate_compare.c). */
static void compare_times(const struct aggregate *aggregate, const struct set *set,
                          struct comparison *found)
{
    const struct bootstrap how = aggregate_bootstrap(aggregate);
    struct side a = new_side(aggregate, set, set->a), b = new_side(aggregate, set, set->b);
    found->paired =
        paired_rmst_pooled(set->tasks, a.sample, b.sample, (double)aggregate->options.limit, &how,
                           aggregate->options.permutations);
    found->eventless = a.events + b.events == 0;
    found->one_sided = (a.events == 0) != (b.events == 0);
    if (found->eventless)
        found->paired.p = found->paired.least_p = NAN;
    free_side(&a);
    free_side(&b);
}

static struct paired compare_returns(const struct aggregate *aggregate,
                                     enum against_quantity quantity, const struct set *set)
{
    const struct bootstrap how = aggregate_bootstrap(aggregate);
    double *const a = fault_alloc((size_t)set->count, sizeof *a);
    double *const b = fault_alloc((size_t)set->count, sizeof *b);
    for (int64_t i = 0; i < set->count; i++) {
        a[i] = against_return(aggregate, quantity, set->a[i]);
        b[i] = against_return(aggregate, quantity, set->b[i]);
    }
    const struct pairs pairs = {.count = set->count, .a = a, .b = b, .seed = set->seed};
    const struct paired paired = paired_mean(&pairs, &how, aggregate->options.permutations);
    free(a);
    free(b);
    return paired;
}

/* Of runs whose end is known: those with a smaller limit are not (aggregate_lack.c). */
static bool never_stops(const struct aggregate *aggregate, int64_t run)
{
    return aggregate->cohort->member[run].fate == FATE_CENSORED;
}

/* The number of permutations does not matter: p is exact for any number of seeds. */
static void compare_never(const struct aggregate *aggregate, const struct set *set,
                          struct against_difference *difference)
{
    const struct bootstrap how = aggregate_bootstrap(aggregate);
    struct paired *const paired = &difference->found.paired;
    const size_t count = (size_t)set->count;
    bool *const a = fault_alloc(count, sizeof *a), *const b = fault_alloc(count, sizeof *b);
    for (int64_t i = 0; i < set->count; i++) {
        a[i] = never_stops(aggregate, set->a[i]);
        b[i] = never_stops(aggregate, set->b[i]);
    }
    const struct mcnemar made = mcnemar_exact(set->count, a, b, set->seed, &how);
    difference->only_a = made.only_a;
    difference->only_b = made.only_b;
    paired->difference = made.difference;
    paired->between = made.between;
    paired->p = made.p;
    paired->least_p = made.least_p;
    free(a);
    free(b);
}

static bool is_known(const struct aggregate *aggregate, enum against_quantity quantity,
                     const struct set *set, struct against_difference *difference)
{
    struct against_lack lack = {{0}};
    for (int64_t i = 0; i < set->count; i++) {
        against_lack_add(aggregate, quantity, set->a[i], &lack);
        against_lack_add(aggregate, quantity, set->b[i], &lack);
    }
    return !against_lack_write(&lack, difference->note, sizeof difference->note);
}

/* Compare one quantity of the pairs of a set. `seeds` is the number of all its seeds. */
static struct against_difference compare(const struct against_plan *plan,
                                         enum against_quantity quantity, const struct set *set,
                                         int64_t seeds)
{
    const struct aggregate *const aggregate = plan->aggregate;
    const int64_t pairs = sample_clusters(set->count, set->seed);
    struct against_difference made = {.quantity = quantity, .tasks = set->tasks, .only_a = -1};
    struct paired *const paired = &made.found.paired;
    made.only_b = -1;
    made.found.axis = plan->axis;
    made.found.a = made.found.b = -1;
    made.found.crossing = NAN;
    *paired = (struct paired){.pairs = pairs,
                              .difference = NAN,
                              .between = {NAN, NAN},
                              .p = NAN,
                              .least_p = NAN,
                              .exact = true};
    if (is_known(aggregate, quantity, set, &made) && set->count > 0) {
        if (quantity == AGAINST_RMST)
            compare_times(aggregate, set, &made.found);
        else if (quantity == AGAINST_NEVER)
            compare_never(aggregate, set, &made);
        else
            *paired = compare_returns(aggregate, quantity, set);
    }
    paired->left_out = seeds - paired->pairs;
    made.lacking = sample_clusters(set->lost, set->gone);
    made.estimable = !isnan(paired->difference);
    return made;
}

/* Compare all quantities of a set. \param at of the first quantity; they are `stride` apart */
static void compare_all(const struct against_plan *plan, const struct set *set, struct set *kept,
                        struct against_difference *at, int64_t stride)
{
    const int64_t seeds = sample_clusters(set->found, set->seen);
    keep_observed(plan->aggregate, set, kept);
    for (int q = 0; q < AGAINST_QUANTITIES; q++)
        at[q * stride] =
            compare(plan, (enum against_quantity)q, q == AGAINST_RMST ? kept : set, seeds);
}

/* ---- all of them ---- */

static void compare_configurations(const struct against_plan *plan, struct set *set,
                                   struct set *kept, struct against *against)
{
    const struct aggregate *const aggregate = plan->aggregate;
    int64_t count = 0, at = 0;
    for (int64_t c = 0; c < aggregate->configurations; c++)
        count += against->counterpart[c] >= 0;
    against->comparisons = count * AGAINST_QUANTITIES;
    against->comparison =
        fault_alloc((size_t)against->comparisons + 1, sizeof *against->comparison);
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        const int64_t b = against->counterpart[c];
        if (b < 0)
            continue;
        struct against_difference *const first = against->comparison + at++;
        empty_set(set);
        add_configuration(plan, c, b, set);
        compare_all(plan, set, kept, first, count);
        for (int64_t q = 0; q < AGAINST_QUANTITIES; q++) {
            struct against_difference *const made = first + q * count;
            made->found.a = c;
            made->found.b = b;
            made->value =
                aggregate->grouping.axis[plan->axis].index[aggregate->configuration[c].first];
        }
        first->found.crossing =
            curve_crossing(&aggregate->configuration[c].curve, &aggregate->configuration[b].curve,
                           (double)aggregate->options.limit);
    }
}

/* A row for each other value of the axis that has a configuration with a counterpart. */
static void pool_values(const struct against_plan *plan, struct set *set, struct set *kept,
                        struct against *against)
{
    const struct aggregate *const aggregate = plan->aggregate;
    const struct grouping_axis *const axis = &aggregate->grouping.axis[plan->axis];
    bool *const has = fault_alloc((size_t)axis->count, sizeof *has);
    int64_t count = 0, at = 0;
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        bool *const own = &has[axis->index[aggregate->configuration[c].first]];
        count += against->counterpart[c] >= 0 && !*own;
        *own = *own || against->counterpart[c] >= 0;
    }
    against->pooled = count * AGAINST_QUANTITIES;
    against->pool = fault_alloc((size_t)against->pooled + 1, sizeof *against->pool);
    for (int64_t value = 0; value < axis->count; value++) {
        if (!has[value])
            continue;
        empty_set(set);
        for (int64_t c = 0; c < aggregate->configurations; c++) {
            if (against->counterpart[c] >= 0 &&
                axis->index[aggregate->configuration[c].first] == value)
                add_configuration(plan, c, against->counterpart[c], set);
        }
        compare_all(plan, set, kept, against->pool + at, count);
        for (int64_t q = 0; q < AGAINST_QUANTITIES; q++)
            against->pool[q * count + at].value = value;
        at++;
    }
    free(has);
}

/* The differences of one quantity are a family: they are a table of the report. */
static void adjust(const struct aggregate *aggregate, int64_t count,
                   struct against_difference *difference, int64_t *tests)
{
    const int64_t each = count / AGAINST_QUANTITIES;
    struct comparison **const family = fault_alloc((size_t)each + 1, sizeof *family);
    for (int q = 0; q < AGAINST_QUANTITIES; q++) {
        for (int64_t i = 0; i < each; i++) {
            family[i] = &difference[q * each + i].found;
            tests[q] += !isnan(family[i]->paired.p);
        }
        aggregate_adjust(aggregate, each, family);
    }
    free(family);
}

/* What is not estimable has its reason already. */
static void write_note(struct against_difference *d)
{
    const int64_t pairs = d->found.paired.pairs;
    if (d->quantity == AGAINST_RMST && pairs == 0)
        text_add(d->note, sizeof d->note, "no seed observed in both");
    else if (d->note[0] == '\0')
        comparison_note(&d->found, d->note, sizeof d->note);
    if (d->only_a == 0 && d->only_b == 0)
        text_add(d->note, sizeof d->note, "%sno pair differs", d->note[0] != '\0' ? "; " : "");
    if (d->lacking > 0 && pairs > 0)
        text_add(d->note, sizeof d->note, "%s%" PRId64 " %s a run", d->note[0] != '\0' ? "; " : "",
                 d->lacking, d->lacking == 1 ? "seed lacks" : "seeds lack");
}

static void write_notes(int64_t count, struct against_difference *difference)
{
    for (int64_t i = 0; i < count; i++)
        write_note(&difference[i]);
}

enum status aggregate_against(struct aggregate *aggregate, struct fault *fault)
{
    struct against *const made = aggregate->against = fault_alloc(1, sizeof *made);
    const enum status status = against_ask(aggregate, made, fault);
    if (status != STATUS_OK)
        return status;
    find_counterparts(aggregate, made);
    struct against_plan plan = new_plan(aggregate, made);
    struct set set = new_set(aggregate), kept = new_set(aggregate);
    compare_configurations(&plan, &set, &kept, made);
    pool_values(&plan, &set, &kept, made);
    adjust(aggregate, made->comparisons, made->comparison, made->tests_compared);
    adjust(aggregate, made->pooled, made->pool, made->tests_pooled);
    write_notes(made->comparisons, made->comparison);
    write_notes(made->pooled, made->pool);
    against_score_all(&plan, made);
    free_set(&set);
    free_set(&kept);
    free_plan(&plan);
    return STATUS_OK;
}

void against_free(struct against **against)
{
    struct against *const a = against != NULL ? *against : NULL;
    if (a == NULL)
        return;
    for (int64_t i = 0; i < a->scores; i++)
        free(a->score[i].share);
    free(a->counterpart);
    free(a->comparison);
    free(a->pool);
    free(a->score);
    free(a->tau);
    free(a);
    *against = NULL;
}
