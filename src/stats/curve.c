// SPDX-License-Identifier: MIT
/* Kaplan-Meier curves and what is read from them, with the conventions of R's survival where there
 * is a choice, so that each figure can be compared with one that others can make. */
#include "stats/curve.h"
#include "stats/event_times.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* Term of Greenwood's sum at a point; where all that are left have the event there is none. */
static double greenwood(int64_t at_risk, int64_t died)
{
    const double n = (double)at_risk, d = (double)died;
    return at_risk == died ? 0.0 : d / (n * (n - d));
}

/* Events and censored observations of each different time, and from the last time backwards how
 * many were still at risk. */
static void count(struct curve *curve, const struct event_times *times, const struct sample *sample)
{
    for (int64_t i = 0; i < sample->count; i++) {
        int64_t *const counted = sample->status[i] > 0 ? curve->died : curve->censored;
        counted[times->at[i]]++;
        curve->events += sample->status[i] > 0;
    }
    int64_t at_risk = 0;
    for (int64_t i = curve->points - 1; i >= 0; i--)
        curve->at_risk[i] = at_risk += curve->died[i] + curve->censored[i];
}

/* The curve, and the log-log interval: symmetric in log(-log S), so that its ends stay within 0
 * and 1 also with few observations. Where S is 1 or 0 that scale has no value, and there is no
 * interval. */
static void estimate(struct curve *curve)
{
    const double z = gsl_cdf_ugaussian_Qinv((1.0 - curve->confidence) / 2.0);
    double survival = 1.0, variance = 0.0;
    for (int64_t i = 0; i < curve->points; i++) {
        survival *= (double)(curve->at_risk[i] - curve->died[i]) / (double)curve->at_risk[i];
        variance += greenwood(curve->at_risk[i], curve->died[i]);
        const double error = sqrt(variance), log_survival = log(survival);
        const bool inside = survival < 1.0 && survival > 0.0;
        const double spread = inside ? z * error / log_survival : (double)NAN;
        curve->survival[i] = survival;
        curve->error[i] = survival > 0.0 ? survival * error : (double)NAN;
        curve->lower[i] = exp(-exp(log(-log_survival) - spread));
        curve->upper[i] = exp(-exp(log(-log_survival) + spread));
    }
}

void curve_init(struct curve *curve, const struct sample *sample, double confidence)
{
    CHECK(confidence > 0.0 && confidence < 1.0);
    struct event_times times;
    event_times_init(&times, sample);
    const size_t points = (size_t)times.count + 1;
    *curve = (struct curve){
        .points = times.count,
        .count = sample->count,
        .confidence = confidence,
        .time = times.time,
        .at_risk = fault_alloc(points, sizeof *curve->at_risk),
        .died = fault_alloc(points, sizeof *curve->died),
        .censored = fault_alloc(points, sizeof *curve->censored),
        .survival = fault_alloc(points, sizeof *curve->survival),
        .error = fault_alloc(points, sizeof *curve->error),
        .lower = fault_alloc(points, sizeof *curve->lower),
        .upper = fault_alloc(points, sizeof *curve->upper),
    };
    /* The curve has taken it over. */
    times.time = NULL;
    count(curve, &times, sample);
    estimate(curve);
    event_times_fini(&times);
}

void curve_fini(struct curve *curve)
{
    free(curve->time);
    free(curve->at_risk);
    free(curve->died);
    free(curve->censored);
    free(curve->survival);
    free(curve->error);
    free(curve->lower);
    free(curve->upper);
    *curve = (struct curve){0};
}

int64_t curve_find(const struct curve *curve, double time)
{
    int64_t low = 0, high = curve->points;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (curve->time[middle] <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

/* Where an end of the interval reaches the threshold; NaN when the curve has no interval. */
static double end_reach(const struct curve *curve, const double *end, double threshold)
{
    int64_t at = 0;
    while (at < curve->points && isnan(end[at]))
        at++;
    return at == curve->points ? (double)NAN
                               : event_times_reach(curve->points, curve->time, end, threshold);
}

double curve_quantile(const struct curve *curve, double probability, struct bounds *interval)
{
    CHECK(probability > 0.0 && probability < 1.0);
    const double threshold = 1.0 - probability;
    if (interval != NULL)
        *interval = (struct bounds){.lower = end_reach(curve, curve->lower, threshold),
                                    .upper = end_reach(curve, curve->upper, threshold)};
    return curve->points == 0
               ? (double)NAN
               : event_times_reach(curve->points, curve->time, curve->survival, threshold);
}

struct rmst curve_rmst(const struct curve *curve, double limit)
{
    CHECK(limit > 0.0 && isfinite(limit));
    if (curve->points == 0)
        return (struct rmst){.mean = NAN, .error = NAN, .extended = true};
    const int64_t last = curve_find(curve, limit);
    /* From the limit backwards: `after` is the area behind a time, which is what an event there
     * would have moved, and so both the mean and its variance come from one pass. */
    double after = 0.0, end = limit, variance = 0.0;
    for (int64_t i = last; i >= 0; i--) {
        after += (end - curve->time[i]) * curve->survival[i];
        end = curve->time[i];
        variance += after * after * greenwood(curve->at_risk[i], curve->died[i]);
    }
    const int64_t final = curve->points - 1;
    return (struct rmst){.mean = end + after,
                         .error = sqrt(variance),
                         .extended = curve->time[final] < limit && curve->survival[final] > 0.0};
}

static double survival_at(const struct curve *curve, double time)
{
    const int64_t at = curve_find(curve, time);
    return at < 0 ? 1.0 : curve->survival[at];
}

/* Sign of a - b at a time; 0 where they agree. */
static int order_at(const struct curve *a, const struct curve *b, double time)
{
    const double difference = survival_at(a, time) - survival_at(b, time);
    return (difference > 1e-12) - (difference < -1e-12);
}

/* Step by step over the times of both curves. An order is kept over times at which they agree:
 * touching is not crossing. */
double curve_crossing(const struct curve *a, const struct curve *b, double limit)
{
    int64_t i = 0, j = 0;
    int before = 0;
    while (i < a->points && j < b->points) {
        const double time = fmin(a->time[i], b->time[j]);
        if (time > limit)
            break;
        const int now = order_at(a, b, time);
        if (now * before < 0)
            return time;
        before = now != 0 ? now : before;
        i += a->time[i] <= time;
        j += b->time[j] <= time;
    }
    return NAN;
}
