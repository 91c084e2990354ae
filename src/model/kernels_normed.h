// SPDX-License-Identifier: MIT
/**
 * The kernels of a critic with normalisations: a part of kernels_tmpl.c in a file of its own.
 * kernels.h has the formulas.
 *
 * What decides a row's scale is summed in f64: a variance is a difference of large numbers.
 */
#ifndef CCMSWEEP_KERNELS_NORMED_H
#define CCMSWEEP_KERNELS_NORMED_H

#include "model/kernels.h"
#include "model/kernels_vector.h"
#include <math.h>

static void spread(size_t n, const float *x, float *mean, float *scale)
{
    const double m = sum_wide(n, x) / (double)n;
    *mean = (float)m;
    *scale = (float)(1.0 / sqrt(dot_wide(n, x, m, x, m) / (double)n + NORM_EPS));
}

static void moments(size_t n, size_t k, const float *w, const float *z, double *out)
{
    for (size_t a = 0; a < k; a++)
        out[a] = dot_wide(n, w + a * n, 0.0, z, 0.0);
    out[k] = dot_wide(n, z, 0.0, z, 0.0);
    out[k + 1] = sum_wide(n, z);
}

/* Units, their sum and their part in the value in one pass; the variance in a second one, over what
 * the first has just written. */
static void normed_heads(const struct normed_heads *heads)
{
    const struct normed_heads d = *heads;
    const size_t n = (size_t)d.n;
    for (int r = 0; r < d.rows; r++) {
        const float *z = d.z + (size_t)r * n;
        float *h = d.h + (size_t)r * n;
        vec sum[PARTS], value[PARTS];
        clear(sum), clear(value);
        for (size_t k = 0; k < n; k += LANES) {
            const size_t count = n - k < LANES ? n - k : LANES;
            vec x[PARTS], y[PARTS];
            load_lanes(z + k, count, x);
            load_lanes(d.shift + k, count, y);
            for (int p = 0; p < PARTS; p++)
                x[p] = multiply_add(all(d.scale[r]), x[p], y[p]);
            for (int p = 0; d.relu && p < PARTS; p++)
                x[p] = relu(x[p]);
            store_lanes(h + k, count, x);
            load_lanes(d.w + k, count, y);
            for (int p = 0; p < PARTS; p++) {
                sum[p] += x[p];
                value[p] = multiply_add(x[p], y[p], value[p]);
            }
        }
        const float mean = fold(sum) / (float)d.n;
        vec squares[PARTS];
        clear(squares);
        for (size_t k = 0; k < n; k += LANES) {
            float rest[LANES];
            for (size_t l = 0; n - k < LANES && l < LANES; l++)
                rest[l] = l < n - k ? h[k + l] : mean; /* what fills up a block is no unit */
            vec x[PARTS];
            load_lanes(n - k < LANES ? rest : h + k, LANES, x);
            for (int p = 0; p < PARTS; p++) {
                x[p] -= all(mean);
                squares[p] = multiply_add(x[p], x[p], squares[p]);
            }
        }
        d.mean[r] = mean;
        d.unit[r] = 1.0F / sqrtf(fold(squares) / (float)d.n + (float)NORM_EPS);
        d.q[r] = d.b + fold(value) * d.unit[r];
    }
}

#endif
