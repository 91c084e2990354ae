// SPDX-License-Identifier: MIT
/**
 * Inside of stats: clusters drawn with replacement, within strata. A draw is how often each cluster
 * was taken. Local.
 */
#ifndef CCMSWEEP_RESAMPLE_H
#define CCMSWEEP_RESAMPLE_H

#include "base/rng.h"
#include <ccmsweep/fault.h>

/** Clusters, ordered by stratum, and the generator of the next draw. */
struct resample {
    int64_t clusters; /**< C */
    int64_t strata;   /**< Z */
    int64_t *label;   /**< (n) cluster of each observation, 0 … C - 1 */
    int64_t *member;  /**< (C) clusters of stratum 0, then 1, … */
    int64_t *start;   /**< (Z + 1) where each stratum begins in `member` */
    struct mt19937 mt;
};

/** Prepare draws for n observations; `cluster` and `stratum` as in a sample. The caller frees the
 *  content with resample_fini. */
void resample_init(struct resample *resample, int64_t count, const int64_t *cluster,
                   const int64_t *stratum, uint32_t seed);

/** Free what it holds, and clear it. */
void resample_fini(struct resample *resample);

/** Draw once, stratum after stratum: of n clusters the one of number ⌊word·n / 2^32⌋, n times. Its
 *  share is off 1/n by less than 2^-32.
 *  \param weight (C) out: how often each was taken */
void resample_draw(struct resample *resample, double *weight);

#endif
