// SPDX-License-Identifier: MIT
/* Differences of restricted means, paired by seed. Both configurations lie in one pool, whose
 * labels say pair and side: a draw of pairs and a flip of sides are both weights, and
 * weighted_rmst makes a curve from weights without sorting again. */
#include "stats/paired.h"
#include "stats/draws.h"
#include "stats/event_times.h"
#include "stats/factorize.h"
#include "stats/resample.h"
#include "stats/weighted_rmst.h"
#include <math.h>
#include <stdlib.h>

/* The observations of both configurations whose seed both have. Label 2·pair + 0 is what a has of
 * the pair, 2·pair + 1 what b has. */
struct pool {
    int64_t count, pairs, left_out;
    double *time;
    int32_t *status;
    int64_t *label;
    struct weighted_rmst weighted;
    double *weight; /* (2·pairs) */
    double limit;
};

/* Number the seeds that both have from 0, and those of one alone -1. `label` (a, then b) is that of
 * all seeds in, of pairs out. */
static void find_pairs(struct pool *pool, int64_t seeds, int64_t *label, int64_t count_a,
                       int64_t count)
{
    int64_t *const pair = fault_alloc((size_t)seeds + 1, sizeof *pair);
    for (int64_t i = 0; i < count; i++)
        pair[label[i]] |= i < count_a ? 1 : 2;
    for (int64_t s = 0; s < seeds; s++)
        pair[s] = pair[s] == 3 ? pool->pairs++ : -1;
    pool->left_out = seeds - pool->pairs;
    for (int64_t i = 0; i < count; i++)
        label[i] = pair[label[i]];
    free(pair);
}

/* Put the observations of one configuration whose seed both have into the pool. */
static void take(struct pool *pool, const struct sample *sample, const int64_t *pair, int side)
{
    for (int64_t i = 0; i < sample->count; i++) {
        if (pair[i] < 0)
            continue;
        pool->time[pool->count] = sample->time[i];
        pool->status[pool->count] = sample->status[i];
        pool->label[pool->count++] = 2 * pair[i] + side;
    }
}

static void pool_init(struct pool *pool, const struct sample *a, const struct sample *b,
                      double limit)
{
    CHECK((a->count == 0 || a->cluster != NULL) && (b->count == 0 || b->cluster != NULL));
    CHECK(a->stratum == NULL && b->stratum == NULL);
    const int64_t count = a->count + b->count;
    const size_t n = (size_t)count + 1;
    *pool = (struct pool){.time = fault_alloc(n, sizeof *pool->time),
                          .status = fault_alloc(n, sizeof *pool->status),
                          .label = fault_alloc(n, sizeof *pool->label),
                          .limit = limit};
    int64_t *const seed = fault_alloc(n, sizeof *seed);
    int64_t *const label = fault_alloc(n, sizeof *label);
    for (int64_t i = 0; i < count; i++)
        seed[i] = i < a->count ? a->cluster[i] : b->cluster[i - a->count];
    find_pairs(pool, factorize(count, seed, label), label, a->count, count);
    take(pool, a, label, 0);
    take(pool, b, label + a->count, 1);
    free(label);
    free(seed);
    const struct sample pooled = {.count = pool->count, .time = pool->time, .status = pool->status};
    weighted_rmst_init(&pool->weighted, &pooled, pool->label, limit);
    pool->weight = fault_alloc(2 * (size_t)pool->pairs + 1, sizeof *pool->weight);
}

static void pool_fini(struct pool *pool)
{
    weighted_rmst_fini(&pool->weighted);
    free(pool->weight);
    free(pool->label);
    free(pool->status);
    free(pool->time);
}

/* rmst(a) - rmst(b), where pair p counts times[p] (NULL: once) and trades sides if flip[p] (NULL:
 * never). */
static double difference(struct pool *pool, const double *times, const bool *flip)
{
    double mean[2];
    for (int side = 0; side < 2; side++) {
        for (int64_t p = 0; p < pool->pairs; p++) {
            const int own = flip != NULL && flip[p] ? 1 - side : side;
            pool->weight[2 * p + own] = times != NULL ? times[p] : 1.0;
            pool->weight[2 * p + 1 - own] = 0.0;
        }
        mean[side] = weighted_rmst_mean(&pool->weighted, pool->weight);
    }
    return mean[0] - mean[1];
}

/* Flip pair p by bit p, or by a bit of a draw. The first pair stays: turning all round changes
 * but the sign of the difference. */
static void flip_by(bool *flip, int64_t pairs, uint32_t bits)
{
    for (int64_t p = 1; p < pairs; p++)
        flip[p] = (bits >> (p - 1)) & 1u;
}

/* The first pair stays here too. */
static void flip_at_random(bool *flip, int64_t pairs, struct mt19937 *mt)
{
    for (int64_t p = 1; p < pairs; p++)
        flip[p] = mt19937_next(mt) >> 31;
}

/* How often flipping gives a difference as far from 0. Beyond PAIRED_EXACT pairs the observed way
 * counts as one of the drawn ones: a p of 0 would claim more than the draws can say. */
static void permute(struct pool *pool, struct paired *paired, struct mt19937 *mt,
                    int64_t permutations)
{
    bool *const flip = fault_alloc((size_t)pool->pairs, sizeof *flip);
    const double far = fabs(paired->difference) - 1e-12 * pool->limit;
    paired->exact = pool->pairs <= PAIRED_EXACT;
    const int64_t tries = paired->exact ? INT64_C(1) << (pool->pairs - 1) : permutations;
    int64_t hits = 0;
    for (int64_t t = 0; t < tries; t++) {
        if (paired->exact)
            flip_by(flip, pool->pairs, (uint32_t)t);
        else
            flip_at_random(flip, pool->pairs, mt);
        hits += fabs(difference(pool, NULL, flip)) >= far;
    }
    paired->p =
        paired->exact ? (double)hits / (double)tries : (1.0 + (double)hits) / (1.0 + (double)tries);
    free(flip);
}

struct paired paired_rmst(const struct sample *a, const struct sample *b, double limit,
                          const struct bootstrap *how, int64_t permutations)
{
    CHECK(limit > 0.0 && isfinite(limit) && how->draws >= 1 && permutations >= 1);
    struct pool pool;
    pool_init(&pool, a, b, limit);
    struct paired paired = {.pairs = pool.pairs,
                            .left_out = pool.left_out,
                            .difference = difference(&pool, NULL, NULL),
                            .between = {NAN, NAN},
                            .p = NAN,
                            .least_p = sample_least_p(pool.pairs),
                            .exact = true};
    if (pool.pairs >= 2) {
        struct resample resample;
        resample_init(&resample, pool.pairs, NULL, NULL, how->seed);
        double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
        double *const times = fault_alloc((size_t)pool.pairs, sizeof *times);
        for (int64_t d = 0; d < how->draws; d++) {
            resample_draw(&resample, times);
            draw[d] = difference(&pool, times, NULL);
        }
        const struct estimate spread = draws_estimate(paired.difference, draw, how, pool.pairs, 1);
        /* When all pairs differ alike the draws do not spread: an interval of no width would claim
         * certainty. */
        if (spread.error > 1e-12 * limit)
            paired.between = spread.between;
        bootstrap_clip(&paired.between, -limit, limit);
        permute(&pool, &paired, &resample.mt, permutations);
        free(times);
        free(draw);
        resample_fini(&resample);
    }
    pool_fini(&pool);
    return paired;
}
