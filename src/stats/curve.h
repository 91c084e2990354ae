// SPDX-License-Identifier: MIT
/**
 * Kaplan-Meier curves, and what is read from them: quantiles, restricted means, crossings.
 *
 * All causes are one event here (incidence.h separates them). Standard errors and intervals take
 * the observations as independent; where several belong to one cluster they are too small, and
 * bootstrap.h is meant. Definitions and figures are those of R's survival, with which they are
 * compared. Local; knows no file.
 */
#ifndef CCMSWEEP_CURVE_H
#define CCMSWEEP_CURVE_H

#include "stats/sample.h"
#include <stdbool.h>

/** S(t), right-continuous, 1 before the first point. A point for each different time of the
 *  sample, also where nothing but censoring happens. */
struct curve {
    int64_t points;    /**< P */
    int64_t count;     /**< observations */
    int64_t events;    /**< of them with a status ≥ 1 */
    double confidence; /**< of the intervals */
    double *time;      /**< (P) rising */
    int64_t *at_risk;  /**< (P) observations with a time ≥ this one */
    int64_t *died;     /**< (P) events at this time; before censoring at the same time */
    int64_t *censored; /**< (P) censored at this time */
    double *survival;  /**< (P) S = Π (1 - d/n) */
    double *error;     /**< (P) Greenwood's: S·√Σ d/(n(n - d)); NaN where S = 0 */
    double *lower;     /**< (P) end of the log-log interval; NaN where S is 1 or 0 */
    double *upper;     /**< (P) the other: exp(-exp(log(-log S) ± z·√Σ / log S)) */
};

/** A restricted mean. */
struct rmst {
    double mean;   /**< ∫ S(t) dt from 0 to the limit */
    double error;  /**< its standard error, Greenwood-type */
    bool extended; /**< S > 0 was carried on from the last observation to the limit: the mean relies
                        on times for which nobody was observed */
};

/** Make the curve of a sample; strata and clusters play no part. No observation: no points.
 *  \param curve out; the caller frees its content with curve_fini */
void curve_init(struct curve *curve, const struct sample *sample, double confidence);

/** Free what it holds, and clear it. */
void curve_fini(struct curve *curve);

/** Index of the last point with a time ≤ `time`; -1 before the first. */
int64_t curve_find(const struct curve *curve, double time) MUST_USE;

/**
 * Time by which the share `probability` (in (0, 1)) has had the event: the first with
 * S ≤ 1 - probability. Where S stays at just that value (within 1.5e-8) until it falls again it is
 * the middle of that time and of the next event's, as print.survfit has it. `interval`
 * (out, NULL: not wanted) is where the ends of the log-log interval cross 1 - probability
 * (Brookmeyer & Crowley 1982). \return INFINITY when it is not reached: later than the last
 * observation; the ends too, but NaN where the curve has no interval anywhere (no event, or all at
 * one time). NaN without observations
 */
double curve_quantile(const struct curve *curve, double probability,
                      struct bounds *interval) MUST_USE;

/**
 * Restricted mean survival time up to `limit` (> 0), and its standard error
 * √Σ (∫ from t_j to limit S dt)²·d_j/(n_j(n_j - d_j)) over event times t_j ≤ limit with n_j > d_j
 * (Klein & Moeschberger 2003, 4.5.1; survRM2 and survfit print the same). It is the error of the
 * estimate, not the spread of min(T, limit). Without observations NaN.
 */
struct rmst curve_rmst(const struct curve *curve, double limit) MUST_USE;

/** First time up to `limit` at which the curve that was below is above; NaN: they do not cross.
 *  Beyond the last observation of one of them nothing is compared. Differences below 1e-12 do
 *  not count. Curves of few observations cross by chance as well. */
double curve_crossing(const struct curve *a, const struct curve *b, double limit) MUST_USE;

#endif
