// SPDX-License-Identifier: MIT
/* A network without activations as one affine map (the header has the formulas). The map itself is
 * f64, as it decides between rows that lie near each other; gradients are f32 products like those
 * of every other network. */
#include "model/affine.h"
#include <string.h>

/* As wide as a vector unit may be: the compiler takes what it has, and the sum is the same. */
enum { LANES = 8 };

bool affine_is(const struct mlp *mlp)
{
    return mlp->activation == ACTIVATION_LINEAR && !mlp->normed[0] && !mlp->normed[1];
}

void affine_bind(struct affine *affine, const struct mlp *mlp, struct compute *compute, int from,
                 bool gradient, struct arena *scratch)
{
    const size_t h1 = (size_t)mlp->out[0];
    *affine = (struct affine){
        .mlp = *mlp,
        .compute = compute,
        .from = from,
        .last = arena_take(scratch, (size_t)mlp->out[1], sizeof(double)),
        .head = arena_take(scratch, h1, sizeof(double)),
        .slope = arena_take(scratch, (size_t)(mlp->in[0] - from), sizeof(double)),
    };
    if (gradient) {
        affine->head_f32 = arena_take(scratch, h1, sizeof(float));
        affine->h1 = arena_take(scratch, h1, sizeof(float));
        affine->h2 = arena_take(scratch, (size_t)mlp->out[1], sizeof(float));
    }
}

double affine_dot(int n, const float *x, const double *w)
{
    double lane[LANES] = {0.0};
    int k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (double)x[k + l] * w[k + l];
    for (int l = 0; k < n; k++, l++)
        lane[l] += (double)x[k] * w[k];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* out[i] = weight (inputs, n)[from + i] · back (n): what comes back to a layer's inputs. A row of a
 * hidden layer's weight has those of one input to all units (mlp.h). */
static void bring_back(const struct mlp *mlp, int layer, const float *theta, int from,
                       const double *back, double *out)
{
    const int n = mlp->out[layer];
    const float *weight = theta + mlp->weight[layer];
    for (int i = from; i < mlp->in[layer]; i++)
        out[i - from] = affine_dot(n, weight + (size_t)i * (size_t)n, back);
}

void affine_form(struct affine *affine, const float *theta)
{
    const struct mlp *mlp = &affine->mlp;
    affine->theta = theta;
    for (int m = 0; m < mlp->out[1]; m++)
        affine->last[m] = (double)theta[mlp->weight[2] + (size_t)m];
    bring_back(mlp, 1, theta, 0, affine->last, affine->head);
    bring_back(mlp, 0, theta, affine->from, affine->head, affine->slope);
    affine->offset =
        (double)theta[mlp->bias[2]] + affine_dot(mlp->out[1], theta + mlp->bias[1], affine->last);
    affine->constant = affine->offset + affine_dot(mlp->out[0], theta + mlp->bias[0], affine->head);
}

/* c (m, n) = start + x (m) ⊗ y (n). */
static void outer(const struct affine *affine, int m, int n, const float *x, const float *y,
                  const float *start, float *c)
{
    struct product p = product_of_transposed(m, n, 1, x, y, c);
    p.start = start;
    p.start_row = p.c_row;
    compute_product(affine->compute, &p);
}

/* h (out) = x (in) · W + d·b: what goes forward through a hidden layer. */
static void bring_forward(const struct affine *affine, int layer, const float *x, float d, float *h)
{
    const struct mlp *mlp = &affine->mlp;
    const float *theta = affine->theta;
    const int n = mlp->out[layer];
    struct product p = product_of(1, n, mlp->in[layer], x, theta + mlp->weight[layer], h);
    outer(affine, 1, n, &d, theta + mlp->bias[layer], NULL, h);
    p.start = h;
    compute_product(affine->compute, &p);
}

/* An offset into what may be no array. */
static const float *past(const float *start, size_t offset)
{
    return start == NULL ? NULL : start + offset;
}

void affine_gradient(struct affine *affine, const float *x, float d, const float *start,
                     float *gradient)
{
    const struct mlp *mlp = &affine->mlp;
    const float *w3 = affine->theta + mlp->weight[2];
    const int h1 = mlp->out[0];
    const int h2 = mlp->out[1];
    bring_forward(affine, 0, x, d, affine->h1);
    bring_forward(affine, 1, affine->h1, d, affine->h2);
    for (int k = 0; k < h1; k++)
        affine->head_f32[k] = (float)affine->head[k];
    const float one = 1.0F;
    const struct {
        size_t at;
        int m, n;
        const float *x, *y;
    } parts[] = {
        {mlp->weight[0], mlp->in[0], h1, x, affine->head_f32},
        {mlp->bias[0], 1, h1, &d, affine->head_f32},
        {mlp->weight[1], h1, h2, affine->h1, w3},
        {mlp->bias[1], 1, h2, &d, w3},
        {mlp->weight[2], 1, h2, &one, affine->h2},
        {mlp->bias[2], 1, 1, &one, &d},
    };
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        outer(affine, parts[k].m, parts[k].n, parts[k].x, parts[k].y, past(start, parts[k].at),
              gradient + parts[k].at);
}
