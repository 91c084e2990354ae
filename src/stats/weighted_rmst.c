// SPDX-License-Identifier: MIT
/* Restricted means for thousands of weights of one sample: sorted once, then one pass over the
 * observations before the limit for each draw. Where nothing is censored before the limit the
 * curve is not needed at all, and a draw costs one step for each cluster. */
#include "stats/weighted_rmst.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct item {
    double time;
    int64_t label;
    bool died;
};

/* By time, events before censoring at the same time (an observation is at risk at the time it is
 * censored), then by label: the order, and so the bits, must not depend on the C library's qsort.
 */
static int compare(const void *a, const void *b)
{
    const struct item *const x = a, *const y = b;
    if (x->time < y->time || x->time > y->time)
        return x->time < y->time ? -1 : 1;
    if (x->died != y->died)
        return y->died - x->died;
    return (x->label > y->label) - (x->label < y->label);
}

static struct item *sort(const struct sample *sample, const int64_t *label)
{
    struct item *const item = fault_alloc((size_t)sample->count + 1, sizeof *item);
    for (int64_t i = 0; i < sample->count; i++)
        item[i] = (struct item){sample->time[i], label[i], sample->status[i] > 0};
    qsort(item, (size_t)sample->count, sizeof *item, compare);
    return item;
}

void weighted_rmst_init(struct weighted_rmst *weighted, const struct sample *sample,
                        const int64_t *label, double limit)
{
    sample_check(sample);
    CHECK(limit > 0.0 && isfinite(limit));
    struct item *const item = sort(sample, label);
    const size_t n = (size_t)sample->count + 1;
    *weighted = (struct weighted_rmst){.limit = limit,
                                       .label = fault_alloc(n, sizeof *weighted->label),
                                       .died = fault_alloc(n, sizeof *weighted->died),
                                       .gap = fault_alloc(n, sizeof *weighted->gap)};
    for (int64_t i = 0; i < sample->count; i++)
        weighted->labels = label[i] >= weighted->labels ? label[i] + 1 : weighted->labels;
    weighted->size = fault_alloc((size_t)weighted->labels + 1, sizeof *weighted->size);
    weighted->sum = fault_alloc((size_t)weighted->labels + 1, sizeof *weighted->sum);
    /* `whole`: nobody is censored before the limit. */
    bool whole = true;
    for (int64_t i = 0; i < sample->count; i++) {
        weighted->label[i] = item[i].label;
        weighted->died[i] = item[i].died ? 1.0 : 0.0;
        weighted->gap[i] = item[i].time - (i > 0 ? item[i - 1].time : 0.0);
        weighted->size[item[i].label] += 1.0;
        weighted->sum[item[i].label] += fmin(item[i].time, limit);
        if (item[i].time >= limit)
            continue;
        weighted->within++;
        weighted->last = item[i].time;
        whole = whole && item[i].died;
    }
    if (!whole) {
        free(weighted->sum);
        weighted->sum = NULL;
    }
    free(item);
}

void weighted_rmst_fini(struct weighted_rmst *weighted)
{
    free(weighted->label);
    free(weighted->died);
    free(weighted->gap);
    free(weighted->size);
    free(weighted->sum);
    *weighted = (struct weighted_rmst){0};
}

/* Area under the Kaplan-Meier curve, without a branch, which could not be predicted. Sums of counts
 * are exact, so an observation that was not drawn gives a factor of exactly 1. */
static double area(const struct weighted_rmst *weighted, const double *weight, double all)
{
    double at_risk = all, survival = 1.0, sum = 0.0;
    for (int64_t i = 0; i < weighted->within; i++) {
        const double own = weight[weighted->label[i]];
        /* Behind the last observation that a draw took, at_risk and `own` are 0: a factor of 1. */
        const double before = at_risk > DBL_MIN ? at_risk : DBL_MIN;
        sum += survival * weighted->gap[i];
        survival *= (before - own * weighted->died[i]) / before;
        at_risk -= own;
    }
    return sum + survival * (weighted->limit - weighted->last);
}

double weighted_rmst_mean(const struct weighted_rmst *weighted, const double *weight)
{
    double all = 0.0, sum = 0.0;
    for (int64_t c = 0; c < weighted->labels; c++) {
        all += weight[c] * weighted->size[c];
        sum += weighted->sum != NULL ? weight[c] * weighted->sum[c] : 0.0;
    }
    if (all <= 0.0)
        return NAN;
    return weighted->sum != NULL ? sum / all : area(weighted, weight, all);
}
