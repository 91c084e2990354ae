// SPDX-License-Identifier: MIT
/* Draws and flips of pairs, the same for all differences: the draws come first, so that the flips
 * do not change an interval. */
#include "stats/flips.h"
#include "stats/draws.h"
#include "stats/resample.h"
#include <math.h>
#include <stdlib.h>

static double difference(const struct flips *flips, const double *times, const bool *flip)
{
    return flips->difference(flips->of, times, flip);
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
static void permute(const struct flips *flips, struct paired *paired, struct mt19937 *mt,
                    int64_t permutations)
{
    bool *const flip = fault_alloc((size_t)flips->pairs, sizeof *flip);
    const double far = fabs(paired->difference) - 1e-12 * flips->scale;
    paired->exact = flips->pairs <= PAIRED_EXACT;
    const int64_t tries = paired->exact ? INT64_C(1) << (flips->pairs - 1) : permutations;
    int64_t hits = 0;
    for (int64_t t = 0; t < tries; t++) {
        if (paired->exact)
            flip_by(flip, flips->pairs, (uint32_t)t);
        else
            flip_at_random(flip, flips->pairs, mt);
        hits += fabs(difference(flips, NULL, flip)) >= far;
    }
    paired->p =
        paired->exact ? (double)hits / (double)tries : (1.0 + (double)hits) / (1.0 + (double)tries);
    free(flip);
}

struct paired flips_paired(const struct flips *flips, const struct bootstrap *how,
                           int64_t permutations)
{
    draws_check(how);
    CHECK(permutations >= 1);
    struct paired paired = {.pairs = flips->pairs,
                            .difference = difference(flips, NULL, NULL),
                            .between = {NAN, NAN},
                            .p = NAN,
                            .least_p = sample_least_p(flips->pairs),
                            .exact = true};
    if (flips->pairs < 2)
        return paired;
    struct resample resample;
    resample_init(&resample, flips->pairs, NULL, NULL, how->seed);
    double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
    double *const times = fault_alloc((size_t)flips->pairs, sizeof *times);
    for (int64_t d = 0; d < how->draws; d++) {
        resample_draw(&resample, times);
        draw[d] = difference(flips, times, NULL);
    }
    struct estimate spread = draws_estimate(paired.difference, draw, how, flips->pairs, 1);
    draws_drop_flat(&spread, flips->scale);
    paired.between = spread.between;
    permute(flips, &paired, &resample.mt, permutations);
    free(times);
    free(draw);
    resample_fini(&resample);
    return paired;
}
