// SPDX-License-Identifier: MIT
/* Clusters drawn with replacement within strata. A draw is a count for each cluster and nothing
 * else, so its cost does not depend on how many observations a cluster has. */
#include "stats/resample.h"
#include "stats/event_times.h"
#include "stats/factorize.h"
#include <stdlib.h>

/* Order clusters by their stratum. */
static void arrange(struct resample *resample, const int64_t *stratum_of)
{
    int64_t at = 0;
    for (int64_t z = 0; z < resample->strata; z++) {
        resample->start[z] = at;
        for (int64_t c = 0; c < resample->clusters; c++)
            if (stratum_of[c] == z)
                resample->member[at++] = c;
    }
    resample->start[resample->strata] = at;
}

void resample_init(struct resample *resample, int64_t count, const int64_t *cluster,
                   const int64_t *stratum, uint32_t seed)
{
    const size_t n = (size_t)count + 1;
    *resample = (struct resample){.label = fault_alloc(n, sizeof *resample->label)};
    resample->clusters = factorize(count, cluster, resample->label);
    int64_t *const zone = fault_alloc(n, sizeof *zone);
    int64_t *const stratum_of = fault_alloc((size_t)resample->clusters + 1, sizeof *stratum_of);
    resample->strata = stratum != NULL ? factorize(count, stratum, zone) : 1;
    for (int64_t c = 0; c < resample->clusters; c++)
        stratum_of[c] = -1;
    for (int64_t i = 0; i < count; i++) {
        /* A cluster lies in one stratum: drawn in two it would count as two. */
        int64_t *const known = &stratum_of[resample->label[i]];
        CHECK(*known == -1 || *known == zone[i]);
        *known = zone[i];
    }
    resample->member = fault_alloc((size_t)resample->clusters + 1, sizeof *resample->member);
    resample->start = fault_alloc((size_t)resample->strata + 1, sizeof *resample->start);
    arrange(resample, stratum_of);
    mt19937_seed_array(&resample->mt, seed);
    free(stratum_of);
    free(zone);
}

void resample_fini(struct resample *resample)
{
    free(resample->label);
    free(resample->member);
    free(resample->start);
    *resample = (struct resample){0};
}

void resample_draw(struct resample *resample, double *weight)
{
    for (int64_t c = 0; c < resample->clusters; c++)
        weight[c] = 0.0;
    for (int64_t z = 0; z < resample->strata; z++) {
        const int64_t first = resample->start[z], size = resample->start[z + 1] - first;
        for (int64_t k = 0; k < size; k++) {
            /* Multiplied, not rejected: one word for each draw, however many clusters there are,
             * so that the same seed gives the same draws on every platform and costs the same. */
            const uint64_t word = mt19937_next(&resample->mt);
            weight[resample->member[first + (int64_t)((word * (uint64_t)size) >> 32)]] += 1.0;
        }
    }
}
