// SPDX-License-Identifier: MIT
/* The header derives what is used here. All sums over the units of one row are f64 and in ascending
 * order; sums over rows are products and belong to critic.c. */
#include "model/folded.h"
#include <math.h>
#include <string.h>

void folded_bind(struct folded *folded, const struct mlp *mlp, struct arena *scratch)
{
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    folded->w2 = arena_take(scratch, h1 * h2, sizeof(float));
    folded->b2 = arena_take(scratch, h2, sizeof(float));
    folded->w3 = arena_take(scratch, h2, sizeof(float));
    folded->b3 = arena_take(scratch, 1, sizeof(float));
    folded->exact = arena_take(scratch, 2 * h2, sizeof(double));
}

void row_norms_bind(struct row_norms *norms, size_t rows, struct arena *scratch)
{
    norms->mean1 = arena_take(scratch, rows, sizeof(float));
    norms->scale1 = arena_take(scratch, rows, sizeof(float));
    norms->mean2 = arena_take(scratch, rows, sizeof(float));
    norms->scale2 = arena_take(scratch, rows, sizeof(float));
}

/* C and β·W2 + b2. Unit by unit, as the weights of a unit to all of the next layer lie side by
 * side. */
static void fold_second_layer(const struct folded *folded, const struct mlp *mlp,
                              const float *theta)
{
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    const float *w2 = theta + mlp->weight[1];
    const float *gamma = theta + mlp->gamma[0];
    const float *beta = theta + mlp->beta[0];
    double *mean = folded->exact;
    double *shift = folded->exact + h2;
    for (size_t m = 0; m < h2; m++) {
        mean[m] = 0.0;
        shift[m] = (double)theta[mlp->bias[1] + m];
    }
    for (size_t k = 0; k < h1; k++) {
        for (size_t m = 0; m < h2; m++) {
            const double w = (double)w2[k * h2 + m];
            mean[m] += (double)gamma[k] * w;
            shift[m] += (double)beta[k] * w;
        }
    }
    for (size_t m = 0; m < h2; m++) {
        mean[m] /= (double)h1;
        folded->b2[m] = (float)shift[m];
    }
    for (size_t k = 0; k < h1; k++)
        for (size_t m = 0; m < h2; m++)
            folded->w2[k * h2 + m] = (float)((double)gamma[k] * (double)w2[k * h2 + m] - mean[m]);
}

void folded_take(const struct folded *folded, const struct mlp *mlp, const float *theta)
{
    const size_t h2 = (size_t)mlp->out[1];
    const float *w3 = theta + mlp->weight[2];
    const float *gamma = theta + mlp->gamma[1];
    const float *beta = theta + mlp->beta[1];
    double mean = 0.0;
    double shift = (double)theta[mlp->bias[2]];
    fold_second_layer(folded, mlp, theta);
    for (size_t m = 0; m < h2; m++) {
        mean += (double)gamma[m] * (double)w3[m];
        shift += (double)beta[m] * (double)w3[m];
    }
    mean /= (double)h2;
    *folded->b3 = (float)shift;
    for (size_t m = 0; m < h2; m++)
        folded->w3[m] = (float)((double)gamma[m] * (double)w3[m] - mean);
}

void folded_heads(const struct folded *folded, const struct mlp *mlp, const struct kernels *kernels,
                  int r, int rows, const float *z2, float *h2, const struct row_norms *norms,
                  float *q)
{
    const size_t at = (size_t)r * (size_t)mlp->out[1];
    const struct normed_heads heads = {
        .rows = rows,
        .n = mlp->out[1],
        .z = z2 + at,
        .scale = norms->scale1 + r,
        .shift = folded->b2,
        .w = folded->w3,
        .b = *folded->b3,
        .relu = mlp->activation == ACTIVATION_RELU,
        .h = h2 + at,
        .mean = norms->mean2 + r,
        .unit = norms->scale2 + r,
        .q = q + r,
    };
    kernels->normed_heads(&heads);
}

float folded_back_heads(const struct folded *folded, const struct mlp *mlp, const float *h2,
                        float d_q, float *d_a2)
{
    const size_t width = (size_t)mlp->out[1];
    const bool all = mlp->activation == ACTIVATION_LINEAR;
    double mean = 0.0;
    double variance = 0.0;
    double along = 0.0;
    for (size_t m = 0; m < width; m++)
        mean += (double)h2[m];
    mean /= (double)width;
    for (size_t m = 0; m < width; m++) {
        variance += ((double)h2[m] - mean) * ((double)h2[m] - mean);
        along += ((double)h2[m] - mean) * (double)folded->w3[m];
    }
    const double scale = 1.0 / sqrt(variance / (double)width + NORM_EPS);
    along *= scale / (double)width;
    double sum = 0.0;
    for (size_t m = 0; m < width; m++) {
        const double unit = ((double)h2[m] - mean) * scale;
        const double d = (double)d_q * ((double)folded->w3[m] - unit * along) * scale;
        d_a2[m] = all || h2[m] > 0.0F ? (float)d : 0.0F;
        sum += (double)d_a2[m] * ((double)h2[m] - (double)folded->b2[m]);
    }
    return (float)(sum / (double)mlp->out[0]);
}

void folded_back_first(const struct mlp *mlp, const struct row_norms *norms, int r, const float *h1,
                       float along, float *d_a1)
{
    const bool all = mlp->activation == ACTIVATION_LINEAR;
    const float mean = norms->mean1[r];
    const float scale = norms->scale1[r];
    for (int k = 0; k < mlp->out[0]; k++) {
        const float d = (d_a1[k] - (h1[k] - mean) * scale * along) * scale;
        d_a1[k] = all || h1[k] > 0.0F ? d : 0.0F;
    }
}

void folded_gradient(const struct mlp *mlp, const float *theta, const float *back2,
                     const float *sum2, float sum3, float *gradient)
{
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    for (size_t k = 0; k < h1; k++) {
        const float *w = theta + mlp->weight[1] + k * h2;
        const float gamma = theta[mlp->gamma[0] + k];
        const float beta = theta[mlp->beta[0] + k];
        float *d = gradient + mlp->weight[1] + k * h2;
        double by_gamma = 0.0;
        double by_beta = 0.0;
        for (size_t m = 0; m < h2; m++) {
            const float unit = d[m] - back2[m];
            by_gamma += (double)w[m] * (double)unit;
            by_beta += (double)w[m] * (double)sum2[m];
            d[m] = gamma * unit + beta * sum2[m];
        }
        gradient[mlp->gamma[0] + k] = (float)by_gamma;
        gradient[mlp->beta[0] + k] = (float)by_beta;
    }
    for (size_t m = 0; m < h2; m++) {
        const float w = theta[mlp->weight[2] + m];
        float *d = gradient + mlp->weight[2] + m;
        gradient[mlp->gamma[1] + m] = w * *d;
        gradient[mlp->beta[1] + m] = w * sum3;
        *d = theta[mlp->gamma[1] + m] * *d + theta[mlp->beta[1] + m] * sum3;
    }
}
