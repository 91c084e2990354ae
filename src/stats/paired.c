// SPDX-License-Identifier: MIT
/* Differences of restricted means, paired by seed. Both sides of a task lie in one pool, whose
 * labels say pair and side: a draw of pairs and a flip of sides are both weights, and
 * weighted_rmst makes a curve from weights without sorting again. Pairs have the same number in
 * all tasks, so that a seed is drawn and flipped in all of them at once. */
#include "stats/paired.h"
#include "stats/factorize.h"
#include "stats/flips.h"
#include "stats/weighted_rmst.h"
#include <math.h>
#include <stdlib.h>

/* The observations of both sides whose seed both have in the task. Label 2·pair + 0 is what a has
 * of the pair, 2·pair + 1 what b has. */
struct pool {
    int64_t tasks, pairs, left_out;
    struct weighted_rmst *weighted; /* (tasks) */
    double *mean;                   /* (tasks) of one side */
    double *weight;                 /* (2·pairs) */
};

/* All observations, of a and then of b in each task, before pairs are known. */
struct seeds {
    int64_t count, names;
    int64_t *label; /* (count) of the seed; later of the pair, or -1 */
    char *has;      /* (tasks, names) 1: a has it, 2: b, 3: both */
};

static void seeds_init(struct seeds *seeds, int64_t tasks, const struct sample *const side[2])
{
    *seeds = (struct seeds){0};
    for (int64_t t = 0; t < tasks; t++)
        seeds->count += side[0][t].count + side[1][t].count;
    int64_t *const seed = fault_alloc((size_t)seeds->count + 1, sizeof *seed);
    seeds->label = fault_alloc((size_t)seeds->count + 1, sizeof *seeds->label);
    int64_t at = 0;
    for (int64_t k = 0; k < 2 * tasks; k++) {
        const struct sample *const sample = &side[k % 2][k / 2];
        CHECK(sample->count == 0 || sample->cluster != NULL);
        CHECK(sample->stratum == NULL);
        for (int64_t i = 0; i < sample->count; i++)
            seed[at++] = sample->cluster[i];
    }
    seeds->names = factorize(seeds->count, seed, seeds->label);
    seeds->has = fault_alloc((size_t)(tasks * seeds->names) + 1, 1);
    at = 0;
    for (int64_t k = 0; k < 2 * tasks; k++) {
        for (int64_t i = 0; i < side[k % 2][k / 2].count; i++)
            seeds->has[k / 2 * seeds->names + seeds->label[at++]] |= (char)(1 << (k % 2));
    }
    free(seed);
}

static void seeds_fini(struct seeds *seeds)
{
    free(seeds->has);
    free(seeds->label);
}

/* Number the seeds that both have in some task from 0, in the rising order of the seeds.
 * \param pair (names) out: -1 for those of one alone */
static void find_pairs(struct pool *pool, const struct seeds *seeds, int64_t *pair)
{
    for (int64_t s = 0; s < seeds->names; s++) {
        bool both = false;
        for (int64_t t = 0; t < pool->tasks; t++) {
            const char has = seeds->has[t * seeds->names + s];
            both = both || has == 3;
            pool->left_out += has == 1 || has == 2;
        }
        pair[s] = both ? pool->pairs++ : -1;
    }
}

/* Prepare a task: the observations of both sides whose seed both have in it.
 * \param label of these observations; \param has, pair (names) */
static void prepare(struct weighted_rmst *weighted, const struct sample *const side[2],
                    const int64_t *label, const char *has, const int64_t *pair, double limit)
{
    const size_t n = (size_t)(side[0]->count + side[1]->count) + 1;
    double *const time = fault_alloc(n, sizeof *time);
    int32_t *const status = fault_alloc(n, sizeof *status);
    int64_t *const own = fault_alloc(n, sizeof *own);
    int64_t count = 0;
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < side[k]->count; i++) {
            const int64_t s = *label++;
            if (has[s] != 3)
                continue;
            time[count] = side[k]->time[i];
            status[count] = side[k]->status[i];
            own[count++] = 2 * pair[s] + k;
        }
    }
    const struct sample pooled = {.count = count, .time = time, .status = status};
    weighted_rmst_init(weighted, &pooled, own, limit);
    free(own);
    free(status);
    free(time);
}

static void pool_init(struct pool *pool, int64_t tasks, const struct sample *a,
                      const struct sample *b, double limit)
{
    struct seeds seeds;
    seeds_init(&seeds, tasks, (const struct sample *const[]){a, b});
    *pool = (struct pool){.tasks = tasks};
    pool->weighted = fault_alloc((size_t)tasks + 1, sizeof *pool->weighted);
    pool->mean = fault_alloc((size_t)tasks + 1, sizeof *pool->mean);
    int64_t *const pair = fault_alloc((size_t)seeds.names + 1, sizeof *pair);
    find_pairs(pool, &seeds, pair);
    const int64_t *label = seeds.label;
    for (int64_t t = 0; t < tasks; t++) {
        prepare(&pool->weighted[t], (const struct sample *const[]){&a[t], &b[t]}, label,
                seeds.has + t * seeds.names, pair, limit);
        label += a[t].count + b[t].count;
    }
    pool->weight = fault_alloc(2 * (size_t)pool->pairs + 1, sizeof *pool->weight);
    free(pair);
    seeds_fini(&seeds);
}

static void pool_fini(struct pool *pool)
{
    for (int64_t t = 0; t < pool->tasks; t++)
        weighted_rmst_fini(&pool->weighted[t]);
    free(pool->weighted);
    free(pool->mean);
    free(pool->weight);
}

/* Weights of one side. */
static void weigh(struct pool *pool, int side, const double *times, const bool *flip)
{
    for (int64_t p = 0; p < pool->pairs; p++) {
        const int own = flip != NULL && flip[p] ? 1 - side : side;
        pool->weight[2 * p + own] = times != NULL ? times[p] : 1.0;
        pool->weight[2 * p + 1 - own] = 0.0;
    }
}

/* Mean over the tasks of rmst(a) - rmst(b). A draw may hold no seed of a task that few seeds have:
 * it says nothing of that task. */
static double difference(void *of, const double *times, const bool *flip)
{
    struct pool *const pool = of;
    weigh(pool, 0, times, flip);
    for (int64_t t = 0; t < pool->tasks; t++)
        pool->mean[t] = weighted_rmst_mean(&pool->weighted[t], pool->weight);
    weigh(pool, 1, times, flip);
    double sum = 0.0, tasks = 0.0;
    for (int64_t t = 0; t < pool->tasks; t++) {
        if (isnan(pool->mean[t]))
            continue;
        sum += pool->mean[t] - weighted_rmst_mean(&pool->weighted[t], pool->weight);
        tasks += 1.0;
    }
    return tasks > 0.0 ? sum / tasks : (double)NAN;
}

struct paired paired_rmst_pooled(int64_t count, const struct sample *a, const struct sample *b,
                                 double limit, const struct bootstrap *how, int64_t permutations)
{
    CHECK(count >= 0 && limit > 0.0 && isfinite(limit));
    struct pool pool;
    pool_init(&pool, count, a, b, limit);
    const struct flips flips = {
        .pairs = pool.pairs, .scale = limit, .difference = difference, .of = &pool};
    struct paired paired = flips_paired(&flips, how, permutations);
    paired.left_out = pool.left_out;
    bootstrap_clip(&paired.between, -limit, limit);
    pool_fini(&pool);
    return paired;
}

struct paired paired_rmst(const struct sample *a, const struct sample *b, double limit,
                          const struct bootstrap *how, int64_t permutations)
{
    return paired_rmst_pooled(1, a, b, limit, how, permutations);
}
