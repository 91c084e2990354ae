// SPDX-License-Identifier: MIT
/**
 * The difference of two shares, paired by seed: of the runs that never stop, say. Only the pairs
 * that differ, the discordant ones, say something of which side has more. Local.
 */
#ifndef CCMSWEEP_MCNEMAR_H
#define CCMSWEEP_MCNEMAR_H

#include "stats/bootstrap.h"

/** The difference between two shares. */
struct mcnemar {
    int64_t pairs;          /**< different seeds */
    int64_t only_a, only_b; /**< pairs (of a seed and task) in which only a, only b is true */
    double difference;      /**< mean of a - b over pairs: (only_a - only_b) / n; NaN without any */
    struct bounds between;  /**< over seeds, within ±1; NaN with fewer than three seeds, or if all
                                 differ equally */
    double p;               /**< two-sided, exact; 1 without discordant pairs, NaN with fewer than
                                 two seeds, as in paired.h */
    double least_p;         /**< the smallest p that is possible (sample_least_p) */
};

/**
 * Compare two shares. With one pair of each seed p is that of the exact test of McNemar (1947), the
 * two-sided binomial: min(1, 2·P(X ≤ min(only_a, only_b))), where X has only_a + only_b trials of
 * probability ½. Not the χ² with or without a correction, and not the mid-p.
 *
 * A seed can have several pairs, of different tasks; they are one draw, and flipped together: p is
 * then the share of all ways to exchange a and b of whole seeds whose difference is at least as far
 * from 0. It is counted, not drawn, for any number of seeds; with one pair of each seed this is
 * the binomial above. Costs seeds times discordant pairs.
 * \param a, b, seed (count) of the same seed and task
 */
struct mcnemar mcnemar_exact(int64_t count, const bool *a, const bool *b, const int64_t *seed,
                             const struct bootstrap *how) MUST_USE;

#endif
