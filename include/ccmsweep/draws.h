// SPDX-License-Identifier: MIT
/** Inside of stats: from draws of a bootstrap to the ends of an interval. Local. */
#ifndef CCMSWEEP_DRAWS_H
#define CCMSWEEP_DRAWS_H

#include <ccmsweep/bootstrap.h>

/** Interval of the draws (how->draws, not NaN; put into another order), as bootstrap.h has it:
 * quantiles by linear interpolation (type 7 of Hyndman & Fan, as NumPy's). NaN unless there are
 * more clusters than strata. */
struct bounds draws_interval(double *draw, const struct bootstrap *how, int64_t clusters,
                             int64_t strata) MUST_USE;

#endif
