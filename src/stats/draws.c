// SPDX-License-Identifier: MIT
#include <ccmsweep/draws.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>

void draws_check(const struct bootstrap *how)
{
    CHECK(how->draws >= 1 && how->confidence > 0.0 && how->confidence < 1.0);
}

/* Inverse of Hall's T + gT²/3 + g²T³/27 + g/6 = ((1 + gT/3)³ - 1)/g + g/6, without the difference
 * of cube roots, which would lose its digits where g is small. */
static double unskew(double end, double skewness)
{
    const double from = end - skewness / 6.0;
    const double root = cbrt(1.0 + skewness * from);
    return 3.0 * from / (root * root + root + 1.0);
}

/* Some draws are not known but late: the others say how far down the figure may be. */
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
    if (freedom < 1 || n < 2)
        return made;
    const double mean = gsl_stats_mean(draw, 1, n);
    made.error = gsl_stats_sd_m(draw, 1, n, mean);
    if (freedom < 2 || !isfinite(value))
        return made;
    const double scale = sqrt((double)clusters / (double)freedom);
    const double end = gsl_cdf_tdist_Qinv((1.0 - how->confidence) / 2.0, (double)freedom);
    if (isnan(made.error)) {
        made.between = open_interval(value, draw, how->draws, scale * end);
        return made;
    }
    const double skewness =
        made.error > 0.0 ? gsl_stats_skew_m_sd(draw, 1, n, mean, made.error) : 0.0;
    const double step = scale * made.error;
    made.between = (struct bounds){value - step * fmax(end, unskew(end, skewness)),
                                   value - step * fmin(-end, unskew(-end, skewness))};
    return made;
}
