// SPDX-License-Identifier: MIT
/* Wide rows are kernels of a level of CPU (kernels_tmpl.c); rows that would not fill the lanes of a
 * sum, such as an actor's three outputs, are short loops here. */
#include "model/layer_norm.h"
#include <math.h>

enum { WIDE = 16 };

static size_t row_of(const struct REAL(layer_norm) * norm, int r)
{
    return (size_t)(norm->list != NULL ? norm->list[r] : r);
}

/* û first, in `unit` or in the place of y, then y: x and y may be the same. */
static real narrow_forward(size_t n, const real *x, const real *gamma, const real *beta, real *unit,
                           real *y)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t k = 0; k < n; k++)
        sum += (double)x[k];
    const double mean = sum / (double)n;
    for (size_t k = 0; k < n; k++)
        squares += ((double)x[k] - mean) * ((double)x[k] - mean);
    const double scale = 1.0 / sqrt(squares / (double)n + NORM_EPS);
    for (size_t k = 0; k < n; k++) {
        const real u = (real)(((double)x[k] - mean) * scale);
        if (unit != NULL)
            unit[k] = u;
        y[k] = gamma[k] * u + beta[k];
    }
    return (real)scale;
}

static void narrow_backward(size_t n, const real *unit, real scale, const real *gamma,
                            const real *d_y, real *d_x)
{
    double sum = 0.0;
    double along = 0.0;
    for (size_t k = 0; k < n; k++) {
        const double d = (double)gamma[k] * (double)d_y[k];
        sum += d;
        along += d * (double)unit[k];
    }
    sum /= (double)n;
    along /= (double)n;
    for (size_t k = 0; k < n; k++) {
        const double d = (double)gamma[k] * (double)d_y[k];
        d_x[k] = (real)((d - sum - (double)unit[k] * along) * (double)scale);
    }
}

void REAL(layer_norm_forward)(const struct kernels *kernels, const struct REAL(layer_norm) * norm,
                              const real *beta, const real *x, real *y)
{
    const size_t n = (size_t)norm->n;
    for (int r = 0; r < norm->rows; r++) {
        const size_t row = row_of(norm, r);
        const size_t at = row * n;
        real *unit = norm->unit != NULL ? norm->unit + at : NULL;
        const real scale = n < WIDE ? narrow_forward(n, x + at, norm->gamma, beta, unit, y + at)
                                    : REAL(kernels_at)(kernels)->norm_forward(
                                          n, x + at, norm->gamma, beta, unit, y + at);
        if (norm->scale != NULL)
            norm->scale[row] = scale;
    }
}

void REAL(layer_norm_backward)(const struct kernels *kernels, const struct REAL(layer_norm) * norm,
                               const real *d_y, real *d_x)
{
    const size_t n = (size_t)norm->n;
    for (int r = 0; r < norm->rows; r++) {
        const size_t row = row_of(norm, r);
        const size_t at = row * n;
        if (n < WIDE)
            narrow_backward(n, norm->unit + at, norm->scale[row], norm->gamma, d_y + at, d_x + at);
        else
            REAL(kernels_at)
        (kernels)->norm_backward(n, norm->unit + at, norm->scale[row], norm->gamma, d_y + at,
                                 d_x + at);
    }
}

/* Blocks of columns, whose sums stay in f64 while all rows go by. */
void REAL(layer_norm_gradient)(const struct REAL(layer_norm) * norm, const real *d_y, real *d_gamma,
                               real *d_beta)
{
    const size_t n = (size_t)norm->n;
    for (size_t from = 0; from < n; from += WIDE) {
        const size_t count = n - from < WIDE ? n - from : WIDE;
        double gamma[WIDE] = {0};
        double beta[WIDE] = {0};
        for (int r = 0; r < norm->rows; r++) {
            const size_t at = row_of(norm, r) * n + from;
            for (size_t k = 0; k < count; k++) {
                gamma[k] += (double)d_y[at + k] * (double)norm->unit[at + k];
                beta[k] += (double)d_y[at + k];
            }
        }
        for (size_t k = 0; k < count; k++) {
            d_gamma[from + k] = (real)gamma[k];
            d_beta[from + k] = (real)beta[k];
        }
    }
}
