// SPDX-License-Identifier: MIT
/* Differences of plain numbers, paired by seed. A draw and a flip need but the sum and the number
 * of each seed's differences, so their cost does not depend on how many pairs a seed has. */
#include "stats/paired_mean.h"
#include "stats/factorize.h"
#include "stats/flips.h"
#include <math.h>
#include <stdlib.h>

/* The differences of each seed. */
struct sums {
    int64_t seeds;
    double *sum, *size; /* (seeds) */
};

static double difference(void *of, const double *times, const bool *flip)
{
    const struct sums *const sums = of;
    double sum = 0.0, size = 0.0;
    for (int64_t s = 0; s < sums->seeds; s++) {
        const double weight = times != NULL ? times[s] : 1.0;
        sum += (flip != NULL && flip[s] ? -weight : weight) * sums->sum[s];
        size += weight * sums->size[s];
    }
    return size > 0.0 ? sum / size : (double)NAN;
}

struct paired paired_mean(const struct pairs *pairs, const struct bootstrap *how,
                          int64_t permutations)
{
    const size_t n = (size_t)pairs->count + 1;
    int64_t *const label = fault_alloc(n, sizeof *label);
    struct sums sums = {.seeds = factorize(pairs->count, pairs->seed, label),
                        .sum = fault_alloc(n, sizeof *sums.sum),
                        .size = fault_alloc(n, sizeof *sums.size)};
    /* Not the differences: those of large numbers that are nearly equal are rounding. */
    double scale = 0.0;
    for (int64_t i = 0; i < pairs->count; i++) {
        CHECK(isfinite(pairs->a[i]) && isfinite(pairs->b[i]));
        sums.sum[label[i]] += pairs->a[i] - pairs->b[i];
        sums.size[label[i]] += 1.0;
        scale = fmax(scale, fmax(fabs(pairs->a[i]), fabs(pairs->b[i])));
    }
    const struct flips flips = {
        .pairs = sums.seeds, .scale = scale, .difference = difference, .of = &sums};
    const struct paired paired = flips_paired(&flips, how, permutations);
    free(sums.size);
    free(sums.sum);
    free(label);
    return paired;
}
