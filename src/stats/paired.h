// SPDX-License-Identifier: MIT
/**
 * Differences of restricted means between two configurations, or over several, paired by seed.
 *
 * Runs of one seed have the same start in both configurations (common random numbers). So whole
 * seeds are resampled and permuted, never the runs of one configuration alone. Local.
 */
#ifndef CCMSWEEP_PAIRED_H
#define CCMSWEEP_PAIRED_H

#include "stats/bootstrap.h"

/** Up to this number of pairs all flips are tried. */
enum { PAIRED_EXACT = 12 };

/** The difference between two configurations. */
struct paired {
    int64_t pairs;         /**< seeds that both have; in several tasks: in one at least */
    int64_t left_out;      /**< seeds that only one has, counted in each task; they are not used */
    double difference;     /**< a less b, of the pairs: rmst(a) - rmst(b); NaN without pairs */
    struct bounds between; /**< over pairs; NaN with fewer than three, or if all differ equally */
    double p;              /**< two-sided, by flipping; NaN with fewer than two pairs */
    double least_p;        /**< the smallest p that is possible (sample_least_p) */
    bool exact;            /**< all 2^pairs flips were tried, not a sample */
};

/**
 * Compare the restricted means up to `limit` (> 0) of two samples, whose clusters are seeds.
 *
 * In a flip, a and b exchange their observations of some of the seeds, and both curves are computed
 * again. p is the share of flips whose difference is at least as far from 0 as the observed one
 * (with a tolerance of 1e-12 of the limit). With more than PAIRED_EXACT pairs, `permutations` (≥ 1)
 * flips are drawn, and if m of them are as far, p is (1 + m) / (1 + permutations). The interval is
 * the one of bootstrap.h over pairs, within ± the limit; flips use the draws that follow.
 * \param a, b with clusters and without strata
 */
struct paired paired_rmst(const struct sample *a, const struct sample *b, double limit,
                          const struct bootstrap *how, int64_t permutations) MUST_USE;

/**
 * The same, pooled over `count` (≥ 0) tasks, such as pairs of learning rates: the mean over tasks
 * of rmst(a[t]) - rmst(b[t]), each of the seeds that both have in that task. A task without such
 * seeds is no part of it.
 *
 * What a seed's runs have in common goes through all tasks. So a draw takes whole seeds in all
 * tasks at once, and a flip exchanges the observations of a seed in all tasks at once: the same
 * runs in more tasks are no more pairs. Where seeds differ between tasks, a draw may hold none of a
 * task; the mean of this draw is over the others. paired_rmst is this with one task, bit for bit.
 * \param a, b (count) with clusters and without strata
 */
struct paired paired_rmst_pooled(int64_t count, const struct sample *a, const struct sample *b,
                                 double limit, const struct bootstrap *how,
                                 int64_t permutations) MUST_USE;

#endif
