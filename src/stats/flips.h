// SPDX-License-Identifier: MIT
/** Inside of stats: from a difference between two sides that are paired by seed to its interval
 *  over pairs and its p by flipping. Local. */
#ifndef CCMSWEEP_FLIPS_H
#define CCMSWEEP_FLIPS_H

#include "stats/paired.h"

/** A difference that can be computed for every draw and every flip of its pairs. */
struct flips {
    int64_t pairs;
    double scale; /**< ≥ 0, size of what is subtracted: less than 1e-12 of it is rounding */
    /** a less b, where pair p counts times[p] (pairs; NULL: once) and trades sides where flip[p]
     *  (pairs; NULL: never). NaN without pairs only; `of` is that below. */
    double (*difference)(void *of, const double *times, const bool *flip);
    void *of;
};

/** Estimate and test it, as paired.h has it; the interval is not clipped, and left_out is 0.
 *  \param permutations ≥ 1 */
struct paired flips_paired(const struct flips *flips, const struct bootstrap *how,
                           int64_t permutations) MUST_USE;

#endif
