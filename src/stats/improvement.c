// SPDX-License-Identifier: MIT
/* Probability of improvement. The runs of both sides are sorted once; a draw is weights of seeds,
 * and one pass over the sorted runs counts all pairs: not n·m steps but n + m. */
#include "stats/improvement.h"
#include "stats/draws.h"
#include "stats/factorize.h"
#include "stats/resample.h"
#include <math.h>
#include <stdlib.h>

/* A run of either side. */
struct run {
    int64_t task, seed;
    double value;
    int side; /* 0: x, 1: y */
};

/* Sums of weights are exact, so the order of equal scores does not matter. */
static int compare(const void *a, const void *b)
{
    const struct run *const x = a, *const y = b;
    if (x->task != y->task)
        return (x->task > y->task) - (x->task < y->task);
    return (x->value > y->value) - (x->value < y->value);
}

/* The runs of the tasks that both sides have, sorted by task and then score. */
struct merged {
    int64_t count;
    struct run *run;
};

static void merged_init(struct merged *merged, const struct scores *x, const struct scores *y)
{
    const struct scores *const side[] = {x, y};
    const size_t n = (size_t)(x->count + y->count) + 1;
    *merged = (struct merged){.run = fault_alloc(n, sizeof *merged->run)};
    int64_t *const task = fault_alloc(n, sizeof *task);
    int64_t *const label = fault_alloc(n, sizeof *label);
    char *const has = fault_alloc(n, 1); /* of a task, 1: x, 2: y, 3: both */
    for (int64_t i = 0; i < x->count + y->count; i++)
        task[i] = i < x->count ? x->task[i] : y->task[i - x->count];
    (void)factorize(x->count + y->count, task, label);
    for (int64_t i = 0; i < x->count + y->count; i++)
        has[label[i]] |= i < x->count ? 1 : 2;
    const int64_t *own = label;
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < side[k]->count; i++, own++) {
            CHECK(isfinite(side[k]->value[i]));
            if (has[*own] == 3)
                merged->run[merged->count++] =
                    (struct run){*own, side[k]->seed[i], side[k]->value[i], k};
        }
    }
    qsort(merged->run, (size_t)merged->count, sizeof *merged->run, compare);
    free(has);
    free(label);
    free(task);
}

/* Mean over tasks, where a run counts as often as its seed; NaN when no task has runs of both.
 * \param label (count) seed of each run; times (seeds, NULL: once) */
static double mean_of(const struct merged *merged, const int64_t *label, const double *times)
{
    double sum = 0.0, tasks = 0.0;
    double all[2] = {0.0, 0.0}, tied[2] = {0.0, 0.0}, wins = 0.0;
    for (int64_t i = 0; i < merged->count; i++) {
        const struct run *const run = &merged->run[i];
        tied[run->side] += times != NULL ? times[label[i]] : 1.0;
        const bool ends = i + 1 == merged->count || run[1].task != run->task;
        if (!ends && run[1].value <= run->value)
            continue;
        /* What x has of this score is above all that y has had so far, and level with its own. */
        wins += tied[0] * (all[1] + tied[1] / 2.0);
        for (int k = 0; k < 2; k++) {
            all[k] += tied[k];
            tied[k] = 0.0;
        }
        if (!ends)
            continue;
        const bool both = all[0] > 0.0 && all[1] > 0.0;
        sum += both ? wins / (all[0] * all[1]) : 0.0;
        tasks += both;
        all[0] = all[1] = wins = 0.0;
    }
    return tasks > 0.0 ? sum / tasks : (double)NAN;
}

struct estimate improvement(const struct scores *x, const struct scores *y,
                            const struct bootstrap *how)
{
    draws_check(how);
    struct merged merged;
    struct resample resample;
    merged_init(&merged, x, y);
    int64_t *const seed = fault_alloc((size_t)merged.count + 1, sizeof *seed);
    for (int64_t i = 0; i < merged.count; i++)
        seed[i] = merged.run[i].seed;
    resample_init(&resample, merged.count, seed, NULL, how->seed);
    double *const times = fault_alloc((size_t)resample.clusters + 1, sizeof *times);
    double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
    const double value = mean_of(&merged, resample.label, NULL);
    /* A draw again ends: one that has both sides of a task has a chance above a third. */
    for (int64_t d = 0; d < how->draws && merged.count > 0; d++) {
        do {
            resample_draw(&resample, times);
            draw[d] = mean_of(&merged, resample.label, times);
        } while (isnan(draw[d]));
    }
    struct estimate estimate = draws_estimate(value, draw, how, resample.clusters, 1);
    draws_drop_flat(&estimate, 1.0);
    bootstrap_clip(&estimate.between, 0.0, 1.0);
    free(draw);
    free(times);
    free(seed);
    resample_fini(&resample);
    free(merged.run);
    return estimate;
}
