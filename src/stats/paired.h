// SPDX-License-Identifier: MIT
/**
 * Differences of restricted means between two configurations, paired by seed.
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
    int64_t pairs;         /**< seeds that both have */
    int64_t left_out;      /**< seeds that only one has; they are not used */
    double difference;     /**< rmst(a) - rmst(b) of the pairs; NaN without pairs */
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

#endif
