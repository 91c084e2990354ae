// SPDX-License-Identifier: MIT
/**
 * Bootstrap over clusters (Efron 1979): a draw takes as many clusters, with replacement, as there
 * are, whole, and from each stratum as many as it has. So intervals count seeds, not actors or
 * episodes. Draws depend on how->seed and on how many clusters each stratum has, nothing else: the
 * same call gives the same bits.
 *
 * The ends are not quantiles of the draws. With few clusters these cannot lie outside of what was
 * seen: of 100 such intervals at 0.95, 75 hold the truth with 3 clusters and 91 with 5 (normal
 * figures). The draws only give the error and the skewness of the figure. The interval is Student's
 * (1908; Efron & Tibshirani 1993, ch. 12) on their error, value ± t·s, of which the end on the side
 * of the longer tail lies farther out by |g|·(1 + 2t²)/6·s, the first term of Edgeworth's expansion
 * for the mean of skewed values (Johnson 1978; Hall 1992, J. R. Stat. Soc. B 54, 221): the error is
 * small just where the tail was not met. With n clusters in Z strata, f = n - Z: t is the quantile
 * of Student's distribution with f degrees of freedom, s is √(n/f) times the standard deviation of
 * the draws, and g is √(n·f)/(f - 1) times their skewness. Of a mean, these are its own estimates
 * without bias.
 *
 * Simulated (tests/unit/stats/test_intervals.c), of 100 intervals at 0.95 with 3, 5 and 10 clusters
 * these hold the truth: 96 of means of normal values, 92 to 94 of exponential ones, 94 or more of
 * restricted means of exponential times of which a third is censored. No method helps figures with
 * two modes and three clusters: one in four such samples sees one mode only. With f = 1, two
 * clusters, there is no interval: t is 12.7, and nothing is known of a skewness. Local.
 */
#ifndef CCMSWEEP_BOOTSTRAP_H
#define CCMSWEEP_BOOTSTRAP_H

#include "stats/sample.h"
#include <stdbool.h>

/** How to draw. */
struct bootstrap {
    int64_t draws;     /**< ≥ 1 */
    uint32_t seed;     /**< of a Mersenne Twister, as mt19937_seed_array has it (rng.h) */
    double confidence; /**< in (0, 1) */
};

/** A figure with its interval. */
struct estimate {
    double value;          /**< of the sample itself */
    double error;          /**< standard deviation of the draws; NaN when one is not finite, or no
                                stratum has two clusters */
    struct bounds between; /**< NaN when f < 2. When a draw is INFINITY the upper end is, and the
                                lower is value - t·√(n/f)·d, with d the root mean square of value -
                                draw over the draws that are not above the value */
    int64_t clusters;      /**< number of clusters (seeds) */
};

/** Restricted mean survival time up to `limit` (> 0), as curve_rmst has it. Its interval lies
 * within 0 and the limit. */
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

/** Move ends that lie beyond the possible values of the figure to these values. */
void bootstrap_clip(struct bounds *between, double least, double most);

#endif
