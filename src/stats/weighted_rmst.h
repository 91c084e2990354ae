// SPDX-License-Identifier: MIT
/**
 * Inside of stats: the restricted mean of a sample whose clusters count with a weight, made anew
 * for each draw or flip without sorting again. Local.
 */
#ifndef CCMSWEEP_WEIGHTED_RMST_H
#define CCMSWEEP_WEIGHTED_RMST_H

#include "stats/sample.h"

/** A prepared sample: observations in the order of time, and at equal times events first. */
struct weighted_rmst {
    int64_t within; /**< observations before the limit */
    double limit;   /**< of restricted means, > 0 */
    int64_t labels; /**< L, highest label + 1 */
    int64_t *label; /**< (n) index of the weight of each observation */
    double *died;   /**< (n) 1: event, 0: censored */
    double *gap;    /**< (n) time since the one before, or since 0 */
    double last;    /**< time of the last before the limit, or 0 */
    double *size;   /**< (L) number of a label's observations */
    double *sum;    /**< (L) of their min(time, limit); NULL when some are censored before it */
};

/** Prepare a sample; label (n): index of each observation's weight. The caller frees the content
 *  with weighted_rmst_fini. */
void weighted_rmst_init(struct weighted_rmst *weighted, const struct sample *sample,
                        const int64_t *label, double limit);

/** Free what it holds, and clear it. */
void weighted_rmst_fini(struct weighted_rmst *weighted);

/** Restricted mean with these weights (L; of each label, a count); NaN when all are 0. Where
 *  nothing is censored before the limit it is the mean of min(time, limit), and no curve is made.
 */
double weighted_rmst_mean(const struct weighted_rmst *weighted, const double *weight) MUST_USE;

#endif
