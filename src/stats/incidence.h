// SPDX-License-Identifier: MIT
/**
 * Cumulative incidence by cause, where one cause keeps the others from happening (Aalen & Johansen
 * 1978): the share that has had an event of cause k by time t, also when others were censored
 * before. With S(t) of all causes together the shares sum up to 1 at all times. Local.
 */
#ifndef CCMSWEEP_INCIDENCE_H
#define CCMSWEEP_INCIDENCE_H

#include "stats/sample.h"

/** F_k(t), right-continuous, 0 before the first point. Points as in curve.h. */
struct incidence {
    int64_t points;    /**< P */
    int32_t causes;    /**< K; arrays of causes hold cause k at index k - 1 */
    double confidence; /**< of the intervals */
    double *time;      /**< (P) rising */
    int64_t *at_risk;  /**< (P) */
    double *survival;  /**< (P) S, free of events of any cause */
    int64_t *died;     /**< (K, P) events of the cause at this time */
    double *share;     /**< (K, P) F_k */
    double *error;     /**< (K, P) standard error of F_k */
    double *lower;     /**< (K, P) end of the log-log interval; NaN where F_k is 0 or 1 */
    double *upper;     /**< (K, P) the other */
};

/**
 * Make the curves of a sample whose statuses are 0 … `causes`; strata and clusters play no part.
 *
 * The variance is that of the infinitesimal jackknife, which R's survfit prints. As those at risk
 * at a time share all that lies before it, the n influences' squares add up event time by event
 * time. With n at risk, share p_k of them having the event of cause k, p that of any cause, S
 * before s and F_k at s and t:
 *
 *     Var F_k(t) = Σ_{s≤t} (1/n)·(p_k·(S - G - m)² + (p - p_k)·(G + m)² + (1 - p)·m²),
 *     G = (F_k(t) - F_k(s)) / (1 - p),  m = S·p_k - G·p
 *
 * Observations count as independent. \param incidence out; free its content with incidence_fini
 */
void incidence_init(struct incidence *incidence, const struct sample *sample, int32_t causes,
                    double confidence);

/** Free what it holds, and clear it. */
void incidence_fini(struct incidence *incidence);

#endif
