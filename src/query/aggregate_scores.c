// SPDX-License-Identifier: MIT
/*
 * Scores of the values of an axis over all others: interquartile means of returns, probabilities of
 * improvement, performance profiles.
 *
 * Two values are scored on the same tasks: combinations of the other axes in which both have runs.
 * A value that the grid has at low learning rates only would otherwise be better or worse by these
 * alone.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include "stats/factorize.h"
#include "stats/improvement.h"
#include <math.h>
#include <stdlib.h>

static const struct estimate unknown = {NAN, NAN, {NAN, NAN}, 0};

/* The runs of the sweep, ordered by their values of the axis. */
struct sorted {
    const struct against_plan *plan;
    int64_t values;
    int64_t *start; /* (values + 1) in `run` */
    int64_t *run;   /* (runs) */
};

static struct sorted sort_runs(const struct against_plan *plan)
{
    const struct grouping_axis *const axis = &plan->aggregate->grouping.axis[plan->axis];
    const int64_t runs = plan->aggregate->table->runs;
    struct sorted sorted = {
        .plan = plan,
        .values = axis->count,
        .start = fault_alloc((size_t)axis->count + 1, sizeof *sorted.start),
        .run = fault_alloc((size_t)runs, sizeof *sorted.run),
    };
    factorize_order(runs, axis->index, axis->count, sorted.start, sorted.run);
    return sorted;
}

static void free_sorted(struct sorted *sorted)
{
    free(sorted->start);
    free(sorted->run);
}

/* ---- what is scored ---- */

/* Scores of one side, in memory for all runs. */
struct scored {
    struct scores scores; /* points to the arrays below */
    double *value;
    int64_t *seed, *task;
    struct against_lack lack;
};

static struct scored new_scored(int64_t runs)
{
    struct scored scored = {.value = fault_alloc((size_t)runs, sizeof *scored.value),
                            .seed = fault_alloc((size_t)runs, sizeof *scored.seed),
                            .task = fault_alloc((size_t)runs, sizeof *scored.task)};
    scored.scores = (struct scores){0, scored.value, scored.seed, scored.task};
    return scored;
}

static void free_scored(struct scored *scored)
{
    free(scored->value);
    free(scored->seed);
    free(scored->task);
}

/* Mark (true) or clear the tasks (plan->tasks) in which a value has runs. */
static void mark(const struct sorted *sorted, int64_t value, bool *tasks, bool to)
{
    for (int64_t i = sorted->start[value]; i < sorted->start[value + 1]; i++)
        tasks[sorted->plan->task[sorted->run[i]]] = to;
}

/* Take the runs of a value in the marked tasks. */
static void take(const struct sorted *sorted, enum against_quantity quantity, int64_t value,
                 const bool *tasks, struct scored *scored)
{
    const struct against_plan *const plan = sorted->plan;
    int64_t count = 0;
    scored->lack = (struct against_lack){{0}};
    for (int64_t i = sorted->start[value]; i < sorted->start[value + 1]; i++) {
        const int64_t run = sorted->run[i];
        if (!tasks[plan->task[run]])
            continue;
        against_lack_add(plan->aggregate, quantity, run, &scored->lack);
        scored->value[count] = against_return(plan->aggregate, quantity, run);
        scored->seed[count] = plan->aggregate->table->run[run].seed;
        scored->task[count++] = plan->task[run];
    }
    scored->scores.count = count;
}

/* Tasks of the value that is asked for, of all other values, and room for those of one value. */
struct tasks {
    bool *asked, *others, *own; /* (plan->tasks) */
};

static struct tasks find_tasks(const struct sorted *sorted)
{
    const struct against_plan *const plan = sorted->plan;
    const size_t count = (size_t)plan->tasks;
    const struct tasks tasks = {.asked = fault_alloc(count, 1),
                                .others = fault_alloc(count, 1),
                                .own = fault_alloc(count, 1)};
    mark(sorted, plan->value, tasks.asked, true);
    for (int64_t v = 0; v < sorted->values; v++) {
        if (v != plan->value)
            mark(sorted, v, tasks.others, true);
    }
    return tasks;
}

static void free_tasks(const struct tasks *tasks)
{
    free(tasks->asked);
    free(tasks->others);
    free(tasks->own);
}

/* The tasks on which a value is scored: those of the value that is asked for, and of that itself
 * those of any other. */
static const bool *tasks_of(const struct sorted *sorted, const struct tasks *tasks, int64_t value)
{
    return value == sorted->plan->value ? tasks->others : tasks->asked;
}

/* ---- scores ---- */

/* A value and the one that is asked for, on the tasks that both have. */
static void score(const struct sorted *sorted, const struct tasks *tasks, struct scored *x,
                  struct scored *y, struct against_score *made)
{
    const struct against_plan *const plan = sorted->plan;
    const struct bootstrap how = aggregate_bootstrap(plan->aggregate);
    const bool asked = made->value == plan->value;
    char lack[AGGREGATE_NOTE] = "", name[SETTING_TEXT];
    made->iqm = made->improvement = unknown;
    take(sorted, made->quantity, made->value, tasks_of(sorted, tasks, made->value), x);
    made->runs = x->scores.count;
    made->tasks = sample_clusters(x->scores.count, x->task);
    made->estimable =
        !against_lack_write(&x->lack, made->note, sizeof made->note) && made->runs > 0;
    if (!made->estimable)
        return;
    made->iqm = scores_iqm(&x->scores, &how);
    if (asked)
        return;
    mark(sorted, made->value, tasks->own, true);
    take(sorted, made->quantity, plan->value, tasks->own, y);
    mark(sorted, made->value, tasks->own, false);
    if (!against_lack_write(&y->lack, lack, sizeof lack)) {
        made->improvement = improvement(&x->scores, &y->scores, &how);
        return;
    }
    aggregate_value(plan->aggregate, plan->axis, against_example(plan->aggregate, plan->value),
                    name, sizeof name);
    text_add(made->note, sizeof made->note, "no improvement: of %s, %s", name, lack);
}

/* Profiles of all values have the same points, evenly from the least score to the largest, so that
 * they can be compared and drawn together. */
static void make_profiles(const struct sorted *sorted, const struct tasks *tasks, struct scored *x,
                          int64_t count, struct against_score *scores, double *tau)
{
    const struct against_plan *const plan = sorted->plan;
    const struct bootstrap how = aggregate_bootstrap(plan->aggregate);
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        if (!scores[i].estimable)
            continue;
        take(sorted, scores[i].quantity, scores[i].value, tasks_of(sorted, tasks, scores[i].value),
             x);
        for (int64_t k = 0; k < x->scores.count; k++) {
            least = fmin(least, x->value[k]);
            most = fmax(most, x->value[k]);
        }
    }
    for (int64_t k = 0; k < AGAINST_POINTS; k++)
        tau[k] = least + (most - least) * (double)k / (AGAINST_POINTS - 1);
    for (int64_t i = 0; i < count; i++) {
        struct against_score *const s = &scores[i];
        if (!s->estimable)
            continue;
        take(sorted, s->quantity, s->value, tasks_of(sorted, tasks, s->value), x);
        s->tau = tau;
        s->points = AGAINST_POINTS;
        s->share = fault_alloc(AGAINST_POINTS, sizeof *s->share);
        scores_profile(&x->scores, s->points, tau, &how, s->share);
    }
}

const double against_shares[AGAINST_SHARES] = {0.9, 0.75, 0.5, 0.25, 0.1};

/* Choose the points at which the profiles of a return are told in short.
 * \param score (count) of all its values */
static void choose_points(const struct against_score *score, int64_t count, int64_t asked,
                          int64_t *value, int64_t point[AGAINST_SHARES])
{
    const struct against_score *lead = NULL;
    for (int64_t i = 0; i < count; i++) {
        if (score[i].estimable && (lead == NULL || score[i].value == asked))
            lead = &score[i];
    }
    *value = lead != NULL ? lead->value : -1;
    for (int c = 0; lead != NULL && c < AGAINST_SHARES; c++) {
        int64_t best = 0;
        for (int64_t k = 1; k < lead->points; k++) {
            if (fabs(lead->share[k].value - against_shares[c]) <
                fabs(lead->share[best].value - against_shares[c]))
                best = k;
        }
        point[c] = best;
    }
}

/* A value that shares no task with the one that is asked for has no row. */
static bool shares_task(const struct sorted *sorted, const struct tasks *tasks, int64_t value)
{
    const bool *const other = tasks_of(sorted, tasks, value);
    for (int64_t i = sorted->start[value]; i < sorted->start[value + 1]; i++) {
        if (other[sorted->plan->task[sorted->run[i]]])
            return true;
    }
    return false;
}

void against_score_all(const struct against_plan *plan, struct against *against)
{
    const int64_t runs = plan->aggregate->table->runs;
    struct sorted sorted = sort_runs(plan);
    struct scored x = new_scored(runs), y = new_scored(runs);
    const struct tasks tasks = find_tasks(&sorted);
    against->score =
        fault_alloc((size_t)(AGAINST_QUANTITIES * sorted.values), sizeof *against->score);
    against->tau = fault_alloc((size_t)AGAINST_QUANTITIES * AGAINST_POINTS, sizeof *against->tau);
    for (int q = AGAINST_END; q < AGAINST_QUANTITIES; q++) {
        struct against_score *const first = against->score + against->scores;
        int64_t count = 0;
        for (int64_t v = 0; v < sorted.values; v++) {
            if (!shares_task(&sorted, &tasks, v))
                continue;
            first[count] = (struct against_score){.quantity = (enum against_quantity)q, .value = v};
            score(&sorted, &tasks, &x, &y, &first[count++]);
        }
        make_profiles(&sorted, &tasks, &x, count, first,
                      against->tau + (int64_t)q * AGAINST_POINTS);
        choose_points(first, count, plan->value, &against->lead[q], against->short_point[q]);
        against->scores += count;
    }
    free_tasks(&tasks);
    free_scored(&x);
    free_scored(&y);
    free_sorted(&sorted);
}
