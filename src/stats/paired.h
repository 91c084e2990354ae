// SPDX-License-Identifier: MIT
/**
 * Differences of restricted means between two configurations, paired by seed.
 *
 * A seed that both have gives them the same start (common random numbers), so the seed is resampled
 * and permuted, never a run of one of them alone. Local.
 */
#ifndef CCMSWEEP_PAIRED_H
#define CCMSWEEP_PAIRED_H

#include "stats/bootstrap.h"

/** Up to this many pairs all flips are tried. */
enum { PAIRED_EXACT = 12 };

/** What two configurations differ by. */
struct paired {
    int64_t pairs;         /**< seeds that both have */
    int64_t left_out;      /**< seeds that only one has; they play no part */
    double difference;     /**< rmst(a) - rmst(b) of the pairs; NaN without any */
    struct bounds between; /**< over pairs; NaN with less than three, or when all differ alike */
    double p;              /**< two-sided, of flipping; NaN with less than two pairs */
    double least_p;        /**< sample_least_p: p cannot be less */
    bool exact;            /**< all 2^pairs flips were tried, not a sample */
};

/**
 * Compare the restricted means up to `limit` (> 0) of two samples, whose clusters are seeds.
 *
 * p is the share of flips with a difference as far from 0 or farther (but for 1e-12 of the limit):
 * in a flip each seed may trade the observations that a and b have of it, and both curves are made
 * anew. Beyond PAIRED_EXACT pairs, `permutations` (≥ 1) flips are drawn, and p is (1 + those) / (1
 * + permutations). The interval is that of bootstrap.h over pairs, within ± the limit; flips take
 * the draws that follow.
 * \param a, b clusters must be given, and strata must not
 */
struct paired paired_rmst(const struct sample *a, const struct sample *b, double limit,
                          const struct bootstrap *how, int64_t permutations) MUST_USE;

#endif
