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

#endif
