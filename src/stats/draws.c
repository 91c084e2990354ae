// SPDX-License-Identifier: MIT
/* From draws to an interval, the same for all figures; bootstrap.h has the formula and why it is
 * not one of quantiles. */
#include "stats/draws.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

void draws_check(const struct bootstrap *how)
{
    CHECK(how->draws >= 1 && how->confidence > 0.0 && how->confidence < 1.0);
}

/* Some draws are not known but late (INFINITY), so they have no standard deviation, and the upper
 * end is open. The draws below the value say how far down the figure may be. */
static struct bounds open_interval(double value, const double *draw, int64_t draws, double reach)
{
    double squares = 0.0;
    int64_t below = 0;
    for (int64_t b = 0; b < draws; b++) {
        if (draw[b] > value)
            continue;
        squares += (value - draw[b]) * (value - draw[b]);
        below++;
    }
    if (below == 0)
        return (struct bounds){NAN, NAN};
    return (struct bounds){value - reach * sqrt(squares / (double)below), INFINITY};
}

struct estimate draws_estimate(double value, const double *draw, const struct bootstrap *how,
                               int64_t clusters, int64_t strata)
{
    draws_check(how);
    const size_t n = (size_t)how->draws;
    const int64_t freedom = clusters - strata;
    struct estimate made = {
        .value = value, .error = NAN, .between = {NAN, NAN}, .clusters = clusters};
    /* With one cluster in each stratum every draw is the sample itself: no error is known, not one
     * of 0. */
    if (freedom < 1 || n < 2)
        return made;
    const double mean = gsl_stats_mean(draw, 1, n);
    made.error = gsl_stats_sd_m(draw, 1, n, mean);
    if (freedom < 2 || !isfinite(value))
        return made;
    /* The draws of n values have a standard deviation that is too small by √(f/n), f = n - Z. */
    const double scale = sqrt((double)clusters / (double)freedom);
    const double end = gsl_cdf_tdist_Qinv((1.0 - how->confidence) / 2.0, (double)freedom);
    if (isnan(made.error)) {
        made.between = open_interval(value, draw, how->draws, scale * end);
        return made;
    }
    /* Draws that are all equal have no skewness to ask for. */
    const double drawn = made.error > 0.0 ? gsl_stats_skew_m_sd(draw, 1, n, mean, made.error) : 0.0;
    const double skewness = drawn * sqrt((double)(clusters * freedom)) / (double)(freedom - 1);
    const double shift = skewness * (1.0 + 2.0 * end * end) / 6.0;
    made.between = (struct bounds){value - scale * made.error * (end + fmax(-shift, 0.0)),
                                   value + scale * made.error * (end + fmax(shift, 0.0))};
    return made;
}

void draws_drop_flat(struct estimate *estimate, double scale)
{
    if (estimate->error <= 1e-12 * scale)
        estimate->between = (struct bounds){NAN, NAN};
}
