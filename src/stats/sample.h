// SPDX-License-Identifier: MIT
/**
 * Samples: plain tables for statistics, and rules that say when they are too small.
 *
 * An observation is a time in episodes and how it ended. What belongs to one seed is one cluster:
 * the actors of a run share a critic and are not replicates of each other, so resampling and
 * permutation move whole clusters. Knows no file, no run and no setting. Nothing here is owned or
 * changed: a sample points to its maker's arrays. In this layer a wrong argument (a time that is
 * not finite or below 0, a confidence outside (0, 1)) is a bug and ends the program. Local.
 */
#ifndef CCMSWEEP_SAMPLE_H
#define CCMSWEEP_SAMPLE_H

#include <ccmsweep/fault.h>
#include <stdint.h>

/** Times to an event, right-censored. */
struct sample {
    int64_t count;          /**< n, ≥ 0 */
    const double *time;     /**< (n) ≥ 0, finite; ties are equal times */
    const int32_t *status;  /**< (n) 0: censored, the event is later than `time`; k ≥ 1: cause */
    const int64_t *cluster; /**< (n) any numbers, equal within a cluster; NULL: each its own */
    const int64_t *stratum; /**< (n) any numbers, equal within a stratum; NULL: one. A cluster lies
                                 in one stratum, but for log-rank tests */
};

/** Finished measurements, such as returns. */
struct values {
    int64_t count;          /**< n, ≥ 0 */
    const double *value;    /**< (n) not NaN; +INFINITY: too late to have been seen */
    const int64_t *cluster; /**< as in a sample */
    const int64_t *stratum; /**< as in a sample */
};

/** Two ends of an interval. NaN: there is none; +INFINITY: later than all that was seen. */
struct bounds {
    double lower, upper;
};

/** End the program if a time, a status or the count is not valid. */
void sample_check(const struct sample *sample);

/** How far a number of independent clusters (seeds) reaches. */
enum sample_size {
    SAMPLE_SINGLE, /**< 0 or 1: no interval, no test */
    SAMPLE_SMALL,  /**< no test can reach the level 1 - confidence; below 3, no interval either */
    SAMPLE_FAIR,
};

/** Judge `clusters` seeds: small while sample_least_p(clusters) > 1 - confidence, which is below 6
 *  at 0.95. */
enum sample_size sample_size(int64_t clusters, double confidence) MUST_USE;

/** Least two-sided p that flipping the signs of `pairs` differences can give: 2^(1 - pairs), and 1
 *  without pairs. A family of m comparisons needs it below (1 - confidence) / m for Holm to reject
 *  any. */
double sample_least_p(int64_t pairs) MUST_USE;

/** Number of different clusters of n observations; `cluster` as in a sample, NULL gives n. */
int64_t sample_clusters(int64_t count, const int64_t *cluster) MUST_USE;

/**
 * Exact interval of a share (Clopper & Pearson 1934): quantiles of beta distributions, 0 and 1 at
 * the ends. With 0 of n the upper end is 1 - ((1 - confidence) / 2)^(1 / n).
 * \param hits, trials 0 ≤ hits ≤ trials ≤ SAMPLE_TRIALS, beyond which the beta distribution of GSL
 *        does not converge; no trials: [0, 1]
 */
struct bounds sample_share(int64_t hits, int64_t trials, double confidence) MUST_USE;
enum { SAMPLE_TRIALS = 1000000 };

/**
 * Adjust the p values of one family by Holm's step-down rule (1979), so that rejecting what is
 * ≤ alpha errs in any of them with probability ≤ alpha: the largest of (m - j + 1)·p_(j) so far,
 * at most 1.
 * \param p        (n) NaN: no test was made; stays NaN and does not count in m
 * \param adjusted (n) out; may be `p` itself
 */
void sample_holm(int64_t count, const double *p, double *adjusted);

#endif
