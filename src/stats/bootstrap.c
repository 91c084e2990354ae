// SPDX-License-Identifier: MIT
/* Figures with an interval over clusters. A draw is a weight for each cluster (resample), so that
 * nothing is copied or sorted again: each figure is made ready once and evaluated for the sample
 * itself, with all weights 1, and for every draw by the same function. */
#include "stats/bootstrap.h"
#include "stats/draws.h"
#include "stats/resample.h"
#include "stats/weighted_rmst.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

void bootstrap_clip(struct bounds *bounds, double least, double most)
{
    if (isnan(bounds->lower))
        return;
    bounds->lower = fmax(bounds->lower, least);
    bounds->upper = fmin(bounds->upper, most);
}

/* No clusters: no value and no interval. */
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

struct estimate bootstrap_rmst(const struct sample *sample, double limit,
                               const struct bootstrap *how)
{
    draws_check(how);
    if (sample->count == 0)
        return nothing();
    struct resample resample;
    struct weighted_rmst weighted;
    resample_init(&resample, sample->count, sample->cluster, sample->stratum, how->seed);
    weighted_rmst_init(&weighted, sample, resample.label, limit);
    double *const draw = fault_alloc((size_t)how->draws, sizeof *draw);
    double *const weight = ones(resample.clusters);
    /* Weights of 1 are the sample itself: value and draws come from the same sums. */
    const double value = weighted_rmst_mean(&weighted, weight);
    for (int64_t b = 0; b < how->draws; b++) {
        resample_draw(&resample, weight);
        draw[b] = weighted_rmst_mean(&weighted, weight);
    }
    struct estimate estimate = draws_estimate(value, draw, how, resample.clusters, resample.strata);
    bootstrap_clip(&estimate.between, 0.0, limit);
    free(weight);
    free(draw);
    weighted_rmst_fini(&weighted);
    resample_fini(&resample);
    return estimate;
}

/* Values made ready to count as often as their cluster is drawn. */
struct pile {
    int64_t count, clusters;
    double *sorted;     /* (n) rising */
    int64_t *label;     /* (n) cluster of each */
    double *sum, *size; /* (clusters) of its values; how many */
};

static void pile_init(struct pile *pile, const struct values *values,
                      const struct resample *resample)
{
    const size_t n = (size_t)values->count, clusters = (size_t)resample->clusters;
    size_t *const order = fault_alloc(n, sizeof *order);
    *pile = (struct pile){.count = values->count,
                          .clusters = resample->clusters,
                          .sorted = fault_alloc(n, sizeof *pile->sorted),
                          .label = fault_alloc(n, sizeof *pile->label),
                          .sum = fault_alloc(clusters, sizeof *pile->sum),
                          .size = fault_alloc(clusters, sizeof *pile->size)};
    gsl_sort_index(order, values->value, 1, n);
    for (size_t i = 0; i < n; i++) {
        /* +INFINITY means too late to be seen; -INFINITY would mean nothing and would make a mean
         * NaN. */
        CHECK(values->value[i] > -(double)INFINITY);
        pile->sorted[i] = values->value[order[i]];
        pile->label[i] = resample->label[order[i]];
        pile->sum[pile->label[i]] += pile->sorted[i];
        pile->size[pile->label[i]] += 1.0;
    }
    free(order);
}

static void pile_fini(struct pile *pile)
{
    free(pile->sorted);
    free(pile->label);
    free(pile->sum);
    free(pile->size);
}

/* From the sums of the clusters: a draw costs one step for each cluster and none for each value. */
static double mean_of(const struct pile *pile, const double *weight)
{
    double sum = 0.0, size = 0.0;
    for (int64_t c = 0; c < pile->clusters; c++) {
        sum += weight[c] > 0.0 ? weight[c] * pile->sum[c] : 0.0; /* that may be INFINITY */
        size += weight[c] * pile->size[c];
    }
    return sum / size;
}

/* Mean of what is left when a quarter of the values, rounded down, is dropped at either end. Values
 * are in rising order, so a value that counts w times covers the places from `seen` to seen + w; it
 * counts with the part of them that lies between the dropped ends. */
static double iqm_of(const struct pile *pile, const double *weight)
{
    double all = 0.0;
    for (int64_t c = 0; c < pile->clusters; c++)
        all += weight[c] * pile->size[c];
    const double from = floor(0.25 * all), to = all - from;
    double sum = 0.0, seen = 0.0;
    for (int64_t i = 0; seen < to; i++) {
        const double next = seen + weight[pile->label[i]];
        const double low = seen > from ? seen : from, high = next < to ? next : to;
        if (high > low)
            sum += (high - low) * pile->sorted[i];
        seen = next;
    }
    return sum / (to - from);
}

void bootstrap_means(const struct values *values, const struct bootstrap *how,
                     struct estimate *mean, struct estimate *iqm)
{
    enum { KINDS = 2 };
    struct estimate *const out[KINDS] = {mean, iqm};
    double (*const of[KINDS])(const struct pile *, const double *) = {mean_of, iqm_of};
    draws_check(how);
    for (int k = 0; k < KINDS; k++) {
        if (out[k] != NULL)
            *out[k] = nothing();
    }
    if (values->count == 0)
        return;
    struct resample resample;
    struct pile pile;
    resample_init(&resample, values->count, values->cluster, values->stratum, how->seed);
    pile_init(&pile, values, &resample);
    double *const draw = fault_alloc(KINDS * (size_t)how->draws, sizeof *draw);
    double *const weight = ones(resample.clusters);
    for (int k = 0; k < KINDS; k++) {
        if (out[k] != NULL)
            out[k]->value = of[k](&pile, weight);
    }
    /* Both figures of each draw, so that they can be compared, and the draws are made once. */
    for (int64_t b = 0; b < how->draws; b++) {
        resample_draw(&resample, weight);
        for (int k = 0; k < KINDS; k++) {
            if (out[k] != NULL)
                draw[k * how->draws + b] = of[k](&pile, weight);
        }
    }
    for (int k = 0; k < KINDS; k++) {
        if (out[k] != NULL)
            *out[k] = draws_estimate(out[k]->value, draw + k * how->draws, how, resample.clusters,
                                     resample.strata);
    }
    free(weight);
    free(draw);
    pile_fini(&pile);
    resample_fini(&resample);
}
