// SPDX-License-Identifier: MIT
/**
 * Bootstrap intervals over clusters (Efron 1979): a draw takes as many clusters, with replacement,
 * as there are, whole, and from each stratum as many as it has.
 *
 * So intervals count seeds, not actors or episodes. The ends are quantiles of the draws. With few
 * clusters such intervals are too short: for ten simulated seeds, 91 of 100 at 0.95 hold the truth,
 * and 96 when `expanded`. Draws depend on how->seed and on how many clusters each stratum has,
 * nothing else: the same call gives the same bits. Local.
 */
#ifndef CCMSWEEP_BOOTSTRAP_H
#define CCMSWEEP_BOOTSTRAP_H

#include <ccmsweep/sample.h>
#include <stdbool.h>

/** How to draw. */
struct bootstrap {
    int64_t draws;     /**< ≥ 1 */
    uint32_t seed;     /**< of a Mersenne Twister, as mt19937_seed_array has it (rng.h) */
    double confidence; /**< in (0, 1) */
    bool expanded;     /**< ends at the share Φ(√(n/f)·t_f) of draws, not at (1 - confidence)/2;
                            t_f Student's quantile of that, n clusters, f = n - strata (Hesterberg
                            2015): for a mean, as long as Student's interval */
};

/** A figure with its interval. */
struct estimate {
    double value;          /**< of the sample itself */
    double error;          /**< standard deviation of the draws; NaN when one is not finite, or with
                                the interval */
    struct bounds between; /**< NaN when no stratum has two clusters; an end may be INFINITY */
    int64_t clusters;      /**< seeds it counts on */
};

/** Restricted mean survival time up to `limit` (> 0), as curve_rmst has it. */
struct estimate bootstrap_rmst(const struct sample *sample, double limit,
                               const struct bootstrap *how) MUST_USE;

/**
 * Mean and interquartile mean of the values, of the same draws. The latter drops ⌊n/4⌋ values at
 * either end (rliable and scipy's trim_mean do so). INFINITY when one value is, and when more than
 * ⌊n/4⌋ are: not estimable.
 * \param mean, iqm out, either may be NULL
 */
void bootstrap_means(const struct values *values, const struct bootstrap *how,
                     struct estimate *mean, struct estimate *iqm);

#endif
