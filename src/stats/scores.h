// SPDX-License-Identifier: MIT
/**
 * Scores of runs on several tasks, summed up as rliable does (Agarwal et al. 2021, Deep
 * reinforcement learning at the edge of the statistical precipice). Whole seeds are resampled, in
 * all tasks at once: rliable draws the runs of each task on their own, as if no seed came twice.
 * Intervals are those of bootstrap.h, not quantiles; where no draw differs there is none (NaN).
 * Local.
 */
#ifndef CCMSWEEP_SCORES_H
#define CCMSWEEP_SCORES_H

#include "stats/bootstrap.h"

/** One score for each run. */
struct scores {
    int64_t count;       /**< n, ≥ 0 */
    const double *value; /**< (n) finite; more is better */
    const int64_t *seed; /**< (n) any numbers */
    const int64_t *task; /**< (n) any numbers, equal for runs that can be compared */
};

/** Interquartile mean over all runs and tasks: ⌊n/4⌋ scores are dropped at either end, whatever
 *  their task (rliable's aggregate_iqm). Without scores NaN. */
struct estimate scores_iqm(const struct scores *x, const struct bootstrap *how) MUST_USE;

/**
 * Performance profile: the share of all runs with a score > tau (rliable's run score distribution).
 * Intervals lie within 0 and 1; they hold for each tau alone, not for all at once. Without scores
 * NaN.
 * \param tau (count) in any order
 * \param out (count) of the same draws
 */
void scores_profile(const struct scores *x, int64_t count, const double *tau,
                    const struct bootstrap *how, struct estimate *out);

#endif
