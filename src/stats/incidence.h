// SPDX-License-Identifier: MIT
/**
 * Cumulative incidence by cause, where an event of one cause makes the others impossible (Aalen &
 * Johansen 1978): the share that has had an event of cause k by time t, estimated also when some
 * observations were censored before. The shares of all causes and S(t) sum to 1 at all times.
 * Local.
 */
#ifndef CCMSWEEP_INCIDENCE_H
#define CCMSWEEP_INCIDENCE_H

#include "stats/sample.h"

/** F_k(t), right-continuous, 0 before the first point. Points as in curve.h. */
struct incidence {
    int64_t points;    /**< P */
    int32_t causes;    /**< K; arrays of causes hold cause k at index k - 1 */
    double confidence; /**< of the intervals */
    double *time;      /**< (P) ascending */
    int64_t *at_risk;  /**< (P) */
    double *survival;  /**< (P) S, the share without an event of any cause */
    int64_t *died;     /**< (K, P) number of events of the cause at this time */
    double *share;     /**< (K, P) F_k */
    double *error;     /**< (K, P) standard error of F_k */
    double *lower;     /**< (K, P) lower end of the log-log interval; NaN where F_k is 0 or 1 */
    double *upper;     /**< (K, P) its upper end */
};

/**
 * Make the curves of a sample whose statuses are 0 … `causes`. Strata and clusters are not used.
 *
 * The variance is the one of the infinitesimal jackknife, which R's survfit prints. All
 * observations at risk at a time have the same history, so the sum of the squares of the n
 * influences can be computed event time by event time. Let n be the number at risk at s, p_k the
 * share of them that has an event of cause k, p the share that has one of any cause, and S the
 * value before s:
 *
 *     Var F_k(t) = Σ_{s≤t} (1/n)·(p_k·(S - G - m)² + (p - p_k)·(G + m)² + (1 - p)·m²),
 *     G = (F_k(t) - F_k(s)) / (1 - p),  m = S·p_k - G·p
 *
 * Observations are assumed to be independent.
 * \param incidence out; free its content with incidence_fini
 */
void incidence_init(struct incidence *incidence, const struct sample *sample, int32_t causes,
                    double confidence);

/** Free what it holds, and clear it. */
void incidence_fini(struct incidence *incidence);

#endif
