// SPDX-License-Identifier: MIT
#include "model/preactivations.h"
#include <math.h>

enum { A = MEC_ACTION };

void preactivations_clear(struct preactivations sums[A])
{
    for (int k = 0; k < A; k++)
        sums[k] = (struct preactivations){.min = INFINITY, .max = -INFINITY};
}

void preactivations_count(struct preactivations sums[A], float limit, int rows, const float *z,
                          const float *y, double times)
{
    /* A pass is summed up first and then taken `times` as often: the published program evaluates
     * the same actor again and again, and its statistics count every time. Extremes count once. */
    for (int k = 0; k < A; k++) {
        struct preactivations *sum = &sums[k];
        struct preactivations pass = {.min = sum->min, .max = sum->max};
        for (int b = 0; b < rows; b++) {
            const double value = (double)z[b * A + k];
            pass.sum += value;
            pass.sum_squares += value * value;
            pass.min = value < pass.min ? value : pass.min;
            pass.max = value > pass.max ? value : pass.max;
            pass.saturated += fabsf(y[b * A + k]) > 0.9F ? 1.0 : 0.0;
            pass.above += z[b * A + k] > limit ? 1.0 : 0.0;
            pass.below += z[b * A + k] < -limit ? 1.0 : 0.0;
        }
        sum->count += times * rows;
        sum->sum += times * pass.sum;
        sum->sum_squares += times * pass.sum_squares;
        sum->min = pass.min;
        sum->max = pass.max;
        sum->saturated += times * pass.saturated;
        sum->above += times * pass.above;
        sum->below += times * pass.below;
    }
}

/* All three action dimensions together: sums add up, extremes are taken again. */
static struct preactivations merge(const struct preactivations part[A])
{
    struct preactivations all = part[0];
    for (int k = 1; k < A; k++) {
        all.count += part[k].count;
        all.sum += part[k].sum;
        all.sum_squares += part[k].sum_squares;
        all.min = fmin(all.min, part[k].min);
        all.max = fmax(all.max, part[k].max);
        all.saturated += part[k].saturated;
        all.above += part[k].above;
        all.below += part[k].below;
    }
    return all;
}

/* Rounding may take the variance below 0 where all values are equal. */
static double deviation(const struct preactivations *p, double mean)
{
    return sqrt(fmax(p->sum_squares / p->count - mean * mean, 0.0));
}

void preactivations_log(const struct record *r, int64_t log, const struct preactivations sums[A])
{
    const struct preactivations all = merge(sums);
    const struct preactivations *groups[] = {&all, &sums[0], &sums[1], &sums[2]};
    for (int g = 0; g < 1 + A; g++) {
        const struct preactivations *p = groups[g];
        const int64_t row = g == 0 ? log : log * A + g - 1;
        const double mean = p->sum / p->count;
        (g == 0 ? r->preactivation_mean : r->action_preactivation_mean)[row] = mean;
        (g == 0 ? r->preactivation_std : r->action_preactivation_std)[row] = deviation(p, mean);
        (g == 0 ? r->preactivation_min : r->action_preactivation_min)[row] = p->min;
        (g == 0 ? r->preactivation_max : r->action_preactivation_max)[row] = p->max;
        (g == 0 ? r->saturation : r->action_saturation)[row] = p->saturated / p->count;
        (g == 0 ? r->preactivation_above : r->action_preactivation_above)[row] =
            p->above / p->count;
        (g == 0 ? r->preactivation_below : r->action_preactivation_below)[row] =
            p->below / p->count;
    }
}

void preactivations_log_squash(const struct record *r, int64_t log,
                               const struct preactivations sums[A])
{
    const struct preactivations p = merge(sums);
    r->squash_input_mean[log] = p.sum / p.count;
    r->squash_input_std[log] = deviation(&p, p.sum / p.count);
    r->squash_input_min[log] = p.min;
    r->squash_input_max[log] = p.max;
    r->squash_input_saturation[log] = p.saturated / p.count;
    r->squash_input_above[log] = p.above / p.count;
    r->squash_input_below[log] = p.below / p.count;
}
