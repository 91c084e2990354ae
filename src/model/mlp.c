// SPDX-License-Identifier: MIT
/* What actors and the critic have in common: where parameters lie, how they are drawn. */
#include "model/mlp.h"
#include <math.h>
#include <string.h>

struct mlp mlp_make(int inputs, int hidden1, int hidden2, int outputs, enum activation activation)
{
    struct mlp mlp = {.in = {inputs, hidden1, hidden2},
                      .out = {hidden1, hidden2, outputs},
                      .activation = activation};
    for (int l = 0; l < MLP_LAYERS; l++) {
        mlp.weight[l] = mlp.size;
        mlp.bias[l] = mlp.size + (size_t)mlp.in[l] * (size_t)mlp.out[l];
        mlp.size = mlp.bias[l] + (size_t)mlp.out[l];
    }
    return mlp;
}

void mlp_normalise(struct mlp *mlp, int layer)
{
    mlp->normed[layer] = true;
    mlp->gamma[layer] = mlp->size;
    mlp->beta[layer] = mlp->size + (size_t)mlp->out[layer];
    mlp->size += 2 * (size_t)mlp->out[layer];
}

/* In PyTorch's order of draws, output by output, although hidden weights are stored input by
 * input: mlp_at finds the place. The order decides which number each weight gets. */
static void draw_layer(const struct mlp *mlp, int layer, float *theta, struct torch_rng *rng,
                       double bound)
{
    for (int o = 0; o < mlp->out[layer]; o++)
        for (int i = 0; i < mlp->in[layer]; i++)
            theta[mlp_at(mlp, layer, o, i)] = torch_uniform(rng, -bound, bound);
    for (int o = 0; o < mlp->out[layer]; o++)
        theta[mlp->bias[layer] + (size_t)o] = torch_uniform(rng, -bound, bound);
}

void mlp_init(const struct mlp *mlp, float *theta, struct torch_rng *rng, double bound)
{
    for (int l = 0; l < MLP_LAYERS; l++)
        draw_layer(mlp, l, theta, rng, 1.0 / sqrt(mlp->in[l]));
    /* A second draw of the last layer. The first is not left out: the published program makes it
     * too, and the generator must have moved on by as many numbers. */
    if (!isnan(bound))
        draw_layer(mlp, MLP_LAYERS - 1, theta, rng, bound);
    for (int l = 0; l < MLP_LAYERS; l++) {
        for (int k = 0; mlp->normed[l] && k < mlp->out[l]; k++) {
            theta[mlp->gamma[l] + (size_t)k] = 1.0F;
            theta[mlp->beta[l] + (size_t)k] = 0.0F;
        }
    }
}

void mlp_column_sums(struct compute *compute, int rows, int n, const float *x, float *sum)
{
    /* A matrix of ones with a single element: both of its strides are 0 or never used. */
    static const float one = 1.0F;
    struct product p = product_of_transposed(1, n, rows, &one, x, sum);
    p.a_col = 0;
    compute_product(compute, &p);
}

size_t mlp_layer_begin(const struct mlp *mlp, int layer)
{
    return mlp->weight[layer];
}

size_t mlp_layer_end(const struct mlp *mlp, int layer)
{
    return mlp->bias[layer] + (size_t)mlp->out[layer];
}
