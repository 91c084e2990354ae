// SPDX-License-Identifier: MIT
#include <ccmsweep/bootstrap.h>
#include <ccmsweep/draws.h>
#include <ccmsweep/resample.h>
#include <ccmsweep/weighted.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

static void check(const struct bootstrap *how)
{
    CHECK(how->draws >= 1 && how->confidence > 0.0 && how->confidence < 1.0);
}

/* Share of the draws below the lower end. */
static double tail(const struct bootstrap *how, int64_t clusters, int64_t strata)
{
    const double plain = (1.0 - how->confidence) / 2.0;
    if (!how->expanded)
        return plain;
    const double freedom = (double)(clusters - strata);
    return gsl_cdf_ugaussian_P(sqrt((double)clusters / freedom) *
                               gsl_cdf_tdist_Pinv(plain, freedom));
}

/* Quantile by linear interpolation. Selecting one draw leaves the larger ones behind it; sorting
 * all would take longer than making them. */
static double quantile(double *draw, int64_t draws, double share)
{
    const double place = share * (double)(draws - 1);
    const int64_t below = (int64_t)place;
    const double part = place - (double)below;
    const double low = gsl_stats_select(draw, 1, (size_t)draws, (size_t)below);
    if (part <= 0.0)
        return low;
    double high = INFINITY;
    for (int64_t b = below + 1; b < draws; b++)
        high = draw[b] < high ? draw[b] : high;
    return isinf(high) ? high : low + part * (high - low);
}

struct bounds draws_interval(double *draw, const struct bootstrap *how, int64_t clusters,
                             int64_t strata)
{
    check(how);
    if (clusters <= strata)
        return (struct bounds){NAN, NAN};
    const double share = tail(how, clusters, strata);
    return (struct bounds){quantile(draw, how->draws, share),
                           quantile(draw, how->draws, 1.0 - share)};
}

static struct estimate summarise(double value, double *draw, const struct bootstrap *how,
                                 const struct resample *resample)
{
    const bool varies = resample->clusters > resample->strata && how->draws >= 2;
    return (struct estimate){
        .value = value,
        .error = varies ? gsl_stats_sd(draw, 1, (size_t)how->draws) : (double)NAN,
        .between = draws_interval(draw, how, resample->clusters, resample->strata),
        .clusters = resample->clusters,
    };
}

static struct estimate nothing(void)
{
    return (struct estimate){NAN, NAN, {NAN, NAN}, 0};
}

static double *ones(int64_t count)
{
    double *const weight = fault_alloc((size_t)count, sizeof *weight);
    for (int64_t c = 0; c < count; c++)
        weight[c] = 1.0;
    return weight;
}

/* What is estimated of a curve. */
struct target {
    double limit;       /* of a restricted mean; 0: a quantile */
    double probability; /* of a quantile */
};

static double of_curve(struct weighted *weighted, const double *weight, const struct target *target)
{
    return target->limit > 0.0 ? weighted_rmst(weighted, weight)
                               : weighted_quantile(weighted, weight, target->probability);
}

static struct estimate estimate_curve(const struct sample *sample, const struct target *target,
                                      const struct bootstrap *how)
{
    check(how);
    if (sample->count == 0)
        return nothing();
    struct resample resample;
    struct weighted weighted;
    resample_init(&resample, sample->count, sample->cluster, sample->stratum, how->seed);
    weighted_init(&weighted, sample, resample.label, target->limit);
    double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
    double *const weight = ones(resample.clusters);
    const double value = of_curve(&weighted, weight, target);
    for (int64_t b = 0; b < how->draws; b++) {
        resample_draw(&resample, weight);
        draw[b] = of_curve(&weighted, weight, target);
    }
    const struct estimate estimate = summarise(value, draw, how, &resample);
    free(weight);
    free(draw);
    weighted_fini(&weighted);
    resample_fini(&resample);
    return estimate;
}

struct estimate bootstrap_rmst(const struct sample *sample, double limit,
                               const struct bootstrap *how)
{
    CHECK(limit > 0.0 && isfinite(limit));
    return estimate_curve(sample, &(struct target){.limit = limit}, how);
}

struct estimate bootstrap_quantile(const struct sample *sample, double probability,
                                   const struct bootstrap *how)
{
    CHECK(probability > 0.0 && probability < 1.0);
    return estimate_curve(sample, &(struct target){.probability = probability}, how);
}

/* Mean of what is left when ⌊share·n⌋ values are dropped at either end. Values rise, each counts as
 * often as the weight of its label says. */
static double trimmed_mean(int64_t count, const double *sorted, const int64_t *label,
                           const double *weight, double share)
{
    double all = 0.0;
    for (int64_t i = 0; i < count; i++)
        all += weight[label[i]];
    const double from = floor(share * all), to = all - from;
    double sum = 0.0, seen = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double next = seen + weight[label[i]];
        const double low = seen > from ? seen : from, high = next < to ? next : to;
        if (high > low)
            sum += (high - low) * sorted[i];
        seen = next;
    }
    return sum / (to - from);
}

static struct estimate estimate_mean(const struct values *values, double share,
                                     const struct bootstrap *how)
{
    check(how);
    if (values->count == 0)
        return nothing();
    const size_t n = (size_t)values->count;
    for (size_t i = 0; i < n; i++)
        CHECK(values->value[i] > -(double)INFINITY);
    struct resample resample;
    resample_init(&resample, values->count, values->cluster, values->stratum, how->seed);
    size_t *const order = fault_alloc(n, sizeof *order);
    double *const sorted = fault_alloc(n, sizeof *sorted);
    int64_t *const label = fault_alloc(n, sizeof *label);
    double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
    double *const weight = ones(resample.clusters);
    gsl_sort_index(order, values->value, 1, n);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = values->value[order[i]];
        label[i] = resample.label[order[i]];
    }
    const double value = trimmed_mean(values->count, sorted, label, weight, share);
    for (int64_t b = 0; b < how->draws; b++) {
        resample_draw(&resample, weight);
        draw[b] = trimmed_mean(values->count, sorted, label, weight, share);
    }
    const struct estimate estimate = summarise(value, draw, how, &resample);
    free(weight);
    free(draw);
    free(label);
    free(sorted);
    free(order);
    resample_fini(&resample);
    return estimate;
}

struct estimate bootstrap_mean(const struct values *values, const struct bootstrap *how)
{
    return estimate_mean(values, 0.0, how);
}

struct estimate bootstrap_iqm(const struct values *values, const struct bootstrap *how)
{
    return estimate_mean(values, 0.25, how);
}
