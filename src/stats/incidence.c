// SPDX-License-Identifier: MIT
/* Cumulative incidence by cause. One minus a Kaplan-Meier curve that takes other causes as
 * censoring would be too high: an actor that has stopped for one cause cannot stop for another any
 * more. */
#include "stats/incidence.h"
#include "stats/event_times.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Events of each cause and those at risk, time by time. */
static void count(struct incidence *incidence, const struct event_times *times,
                  const struct sample *sample)
{
    for (int64_t i = 0; i < sample->count; i++) {
        const int32_t status = sample->status[i];
        CHECK(status <= incidence->causes);
        incidence->at_risk[times->at[i]]++;
        if (status > 0)
            incidence->died[(status - 1) * incidence->points + times->at[i]]++;
    }
    for (int64_t i = incidence->points - 2; i >= 0; i--)
        incidence->at_risk[i] += incidence->at_risk[i + 1];
}

/* Events of any cause at a point. */
static int64_t died_at(const struct incidence *incidence, int64_t point)
{
    int64_t died = 0;
    for (int32_t k = 0; k < incidence->causes; k++)
        died += incidence->died[k * incidence->points + point];
    return died;
}

static void estimate_survival(struct incidence *incidence)
{
    double survival = 1.0;
    for (int64_t i = 0; i < incidence->points; i++) {
        const double n = (double)incidence->at_risk[i];
        survival *= (n - (double)died_at(incidence, i)) / n;
        incidence->survival[i] = survival;
    }
}

/* As long as there is no other cause, the share is 1 - S. A sum of its steps could miss 1 by
 * rounding, and would then have an interval where there is none to give. */
static void estimate_share(struct incidence *incidence, int32_t k)
{
    bool alone = true;
    double sum = 0.0;
    for (int64_t i = 0; i < incidence->points; i++) {
        const int64_t at = k * incidence->points + i;
        const double before = i > 0 ? incidence->survival[i - 1] : 1.0;
        sum += before * (double)incidence->died[at] / (double)incidence->at_risk[i];
        alone = alone && incidence->died[at] == died_at(incidence, i);
        incidence->share[at] = alone ? 1.0 - incidence->survival[i] : sum;
    }
}

/*
 * Add the term of event time s to the variances of cause k at s and all later times. It is written
 * as the spread of what one observation at risk contributes (an event of k, another, none), so that
 * terms that vanish do so to rounding of themselves and not of their parts.
 */
static void add_term(struct incidence *incidence, int32_t k, int64_t s, double *variance)
{
    const double *const share = incidence->share + k * incidence->points;
    const double n = (double)incidence->at_risk[s];
    const double before = s > 0 ? incidence->survival[s - 1] : 1.0;
    const int64_t died = died_at(incidence, s), of_k = incidence->died[k * incidence->points + s];
    const double p = (double)died / n, p_k = (double)of_k / n, none = (n - (double)died) / n;
    for (int64_t t = s; t < incidence->points; t++) {
        const double lost = none > 0.0 ? (share[t] - share[s]) / none : 0.0;
        const double gain = before - lost, mean = p_k * gain - (p - p_k) * lost;
        variance[t] += (p_k * (gain - mean) * (gain - mean) +
                        (p - p_k) * (lost + mean) * (lost + mean) + none * mean * mean) /
                       n;
    }
}

/* Errors and log-log intervals of a cause. Quadratic in the number of event times, since an
 * influence changes with t; only times with an event have a term. */
static void spread(struct incidence *incidence, int32_t k)
{
    const double z = gsl_cdf_ugaussian_Qinv((1.0 - incidence->confidence) / 2.0);
    const int64_t first = k * incidence->points;
    double *const error = incidence->error + first;
    for (int64_t s = 0; s < incidence->points; s++)
        if (died_at(incidence, s) > 0)
            add_term(incidence, k, s, error);
    for (int64_t t = 0; t < incidence->points; t++) {
        const double share = incidence->share[first + t];
        error[t] = sqrt(error[t]);
        const bool inside = share > 0.0 && share < 1.0;
        const double give = inside ? z * error[t] / (share * log(share)) : (double)NAN;
        incidence->lower[first + t] = exp(-exp(log(-log(share)) - give));
        incidence->upper[first + t] = exp(-exp(log(-log(share)) + give));
    }
}

void incidence_init(struct incidence *incidence, const struct sample *sample, int32_t causes,
                    double confidence)
{
    CHECK(causes >= 1 && confidence > 0.0 && confidence < 1.0);
    struct event_times times;
    event_times_init(&times, sample);
    const size_t points = (size_t)times.count + 1, all = points * (size_t)causes;
    *incidence = (struct incidence){
        .points = times.count,
        .causes = causes,
        .confidence = confidence,
        .time = times.time,
        .at_risk = fault_alloc(points, sizeof *incidence->at_risk),
        .survival = fault_alloc(points, sizeof *incidence->survival),
        .died = fault_alloc(all, sizeof *incidence->died),
        .share = fault_alloc(all, sizeof *incidence->share),
        .error = fault_alloc(all, sizeof *incidence->error),
        .lower = fault_alloc(all, sizeof *incidence->lower),
        .upper = fault_alloc(all, sizeof *incidence->upper),
    };
    /* The incidence has taken it over. */
    times.time = NULL;
    count(incidence, &times, sample);
    estimate_survival(incidence);
    for (int32_t k = 0; k < causes; k++) {
        estimate_share(incidence, k);
        spread(incidence, k);
    }
    event_times_fini(&times);
}

void incidence_fini(struct incidence *incidence)
{
    free(incidence->time);
    free(incidence->at_risk);
    free(incidence->survival);
    free(incidence->died);
    free(incidence->share);
    free(incidence->error);
    free(incidence->lower);
    free(incidence->upper);
    *incidence = (struct incidence){0};
}
