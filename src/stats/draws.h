// SPDX-License-Identifier: MIT
/** Inside of stats: from draws of a bootstrap to an estimate with its interval. Local. */
#ifndef CCMSWEEP_DRAWS_H
#define CCMSWEEP_DRAWS_H

#include "stats/bootstrap.h"

/** End the program when `how` is not a valid way to draw. */
void draws_check(const struct bootstrap *how);

/** The estimate of a figure of which this is the value, and draw (how->draws, not NaN) the draws:
 *  error and interval as bootstrap.h has them. */
struct estimate draws_estimate(double value, const double *draw, const struct bootstrap *how,
                               int64_t clusters, int64_t strata) MUST_USE;

/** Take the interval away when the draws do not spread, but for rounding: an error of at most 1e-12
 *  of `scale` (≥ 0), the size of the values. No width would claim certainty. */
void draws_drop_flat(struct estimate *estimate, double scale);

#endif
