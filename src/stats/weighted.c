// SPDX-License-Identifier: MIT
#include <ccmsweep/weighted.h>
#include <math.h>
#include <stdlib.h>

/* Where the curve is not needed for a restricted mean. */
static void sum_up(struct weighted *weighted, const struct sample *sample)
{
    for (int64_t i = 0; i < sample->count; i++)
        if (sample->status[i] == 0 && sample->time[i] < weighted->limit)
            return;
    const size_t labels = (size_t)weighted->labels + 1;
    weighted->sum = fault_alloc(labels, sizeof *weighted->sum);
    weighted->size = fault_alloc(labels, sizeof *weighted->size);
    for (int64_t i = 0; i < sample->count; i++) {
        weighted->sum[weighted->label[i]] += fmin(sample->time[i], weighted->limit);
        weighted->size[weighted->label[i]] += 1.0;
    }
}

void weighted_init(struct weighted *weighted, const struct sample *sample, const int64_t *label,
                   double limit)
{
    *weighted = (struct weighted){
        .count = sample->count, .status = sample->status, .label = label, .limit = limit};
    for (int64_t i = 0; i < sample->count; i++)
        if (label[i] >= weighted->labels)
            weighted->labels = label[i] + 1;
    if (limit > 0.0)
        sum_up(weighted, sample);
    ticks_init(&weighted->ticks, sample);
    const size_t ticks = (size_t)weighted->ticks.count + 1;
    weighted->died = fault_alloc(ticks, sizeof *weighted->died);
    weighted->left = fault_alloc(ticks, sizeof *weighted->left);
    weighted->survival = fault_alloc(ticks, sizeof *weighted->survival);
}

void weighted_fini(struct weighted *weighted)
{
    ticks_fini(&weighted->ticks);
    free(weighted->sum);
    free(weighted->size);
    free(weighted->died);
    free(weighted->left);
    free(weighted->survival);
    *weighted = (struct weighted){0};
}

/* Make the curve; returns the sum of the weights. Weights that are counts give exact sums. */
static double curve(struct weighted *w, const double *weight)
{
    const int64_t ticks = w->ticks.count;
    for (int64_t t = 0; t < ticks; t++)
        w->died[t] = w->left[t] = 0.0;
    double all = 0.0;
    for (int64_t i = 0; i < w->count; i++) {
        const double own = weight[w->label[i]];
        const int64_t at = w->ticks.at[i];
        w->left[at] += own;
        w->died[at] += w->status[i] > 0 ? own : 0.0;
        all += own;
    }
    double at_risk = all, survival = 1.0;
    for (int64_t t = 0; t < ticks; t++) {
        if (w->died[t] > 0.0)
            survival *= (at_risk - w->died[t]) / at_risk;
        w->survival[t] = survival;
        at_risk -= w->left[t];
    }
    return all;
}

static double mean_of_sums(const struct weighted *weighted, const double *weight)
{
    double sum = 0.0, size = 0.0;
    for (int64_t c = 0; c < weighted->labels; c++) {
        sum += weight[c] * weighted->sum[c];
        size += weight[c] * weighted->size[c];
    }
    return size > 0.0 ? sum / size : (double)NAN;
}

double weighted_rmst(struct weighted *weighted, const double *weight)
{
    if (weighted->sum != NULL)
        return mean_of_sums(weighted, weight);
    if (curve(weighted, weight) <= 0.0)
        return NAN;
    const double *const time = weighted->ticks.time;
    double mean = 0.0, from = 0.0, survival = 1.0;
    for (int64_t t = 0; t < weighted->ticks.count && time[t] < weighted->limit; t++) {
        mean += survival * (time[t] - from);
        from = time[t];
        survival = weighted->survival[t];
    }
    return mean + survival * (weighted->limit - from);
}

double weighted_quantile(struct weighted *weighted, const double *weight, double probability)
{
    if (curve(weighted, weight) <= 0.0)
        return NAN;
    return ticks_reach(weighted->ticks.count, weighted->ticks.time, weighted->survival,
                       1.0 - probability);
}
