// SPDX-License-Identifier: MIT
/**
 * Inside of stats: the Kaplan-Meier curve of a sample whose clusters count with a weight, made anew
 * for each draw or flip without sorting again. Local.
 */
#ifndef CCMSWEEP_WEIGHTED_H
#define CCMSWEEP_WEIGHTED_H

#include <ccmsweep/ticks.h>

/** A sample made ready. */
struct weighted {
    struct ticks ticks;
    int64_t count;
    const int32_t *status; /**< (n) the sample's */
    const int64_t *label;  /**< (n) the caller's: which weight is whose */
    double limit;          /**< of restricted means; 0: none are asked for */
    int64_t labels;        /**< L, highest label + 1 */
    double *sum, *size;    /**< (L) of min(time, limit), and number, of a label's observations; NULL
                                when some are censored before the limit */
    double *died;          /**< (T) of the last weights */
    double *left;          /**< (T) died or censored */
    double *survival;      /**< (T) */
};

/** Make ready; `label` and the sample's arrays must outlive it. Free it with weighted_fini. */
void weighted_init(struct weighted *weighted, const struct sample *sample, const int64_t *label,
                   double limit);

/** Free what it holds, and clear it. */
void weighted_fini(struct weighted *weighted);

/** Restricted mean with these weights (of each label, ≥ 0); NaN when all are 0. Where nothing is
 *  censored before the limit it is the mean of min(time, limit), and no curve is made. */
double weighted_rmst(struct weighted *weighted, const double *weight) MUST_USE;

/** Quantile with these weights, as curve_quantile has it. */
double weighted_quantile(struct weighted *weighted, const double *weight,
                         double probability) MUST_USE;

#endif
