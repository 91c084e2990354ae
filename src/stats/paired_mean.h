// SPDX-License-Identifier: MIT
/**
 * Differences of plain numbers (returns, say), paired by seed and task. Whole seeds are resampled
 * and flipped, as in paired.h: a seed that has pairs in many tasks is one. Local.
 */
#ifndef CCMSWEEP_PAIRED_MEAN_H
#define CCMSWEEP_PAIRED_MEAN_H

#include "stats/paired.h"

/** Numbers of two sides that belong together: of the same seed in the same task. */
struct pairs {
    int64_t count;       /**< n, ≥ 0 */
    const double *a, *b; /**< (n) finite */
    const int64_t *seed; /**< (n) any numbers, equal for what is drawn and flipped together */
};

/**
 * Mean over all pairs of a - b, with its interval and its p.
 *
 * The mean is over pairs, not over the means of tasks; the two are the same where all tasks have
 * the same seeds. A flip changes the sign of all differences of some seeds (Fisher 1935, The Design
 * of Experiments, 21). p is the share of flips with a mean at least as far from 0 as the observed
 * one (with a tolerance of 1e-12 of the largest |a| or |b|): of all flips with up to PAIRED_EXACT
 * seeds, else of `permutations` (≥ 1) that are drawn, as in paired.h. The interval is the one of
 * bootstrap.h over seeds; NaN also if all differences are equal.
 * \return `pairs` is the number of different seeds, and left_out 0: who makes the pairs knows what
 * had no counterpart
 */
struct paired paired_mean(const struct pairs *pairs, const struct bootstrap *how,
                          int64_t permutations) MUST_USE;

#endif
