// SPDX-License-Identifier: MIT
/* What actors and the critic have in common: where parameters lie, how they are drawn, and dense
 * layers. */
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

void mlp_hidden(struct compute *compute, const struct mlp *mlp, int layer, const float *theta,
                int rows, const float *x, size_t x_row, float *y)
{
    struct product p =
        product_of(rows, mlp->out[layer], mlp->in[layer], x, theta + mlp->weight[layer], y);
    p.a_row = x_row;
    p.start = theta + mlp->bias[layer];
    p.finish = mlp_finish(mlp);
    compute_product(compute, &p);
}

/* Few outputs, and a weight with the inputs of an output side by side: sums along both rows, where
 * a product would have vectors with three or one of their floats in use. */
void mlp_output(struct compute *compute, const struct mlp *mlp, const float *theta, int rows,
                const float *x, float *y)
{
    const int layer = MLP_LAYERS - 1;
    const size_t in = (size_t)mlp->in[layer];
    const struct dots d = {
        .m = rows,
        .n = mlp->out[layer],
        .k = mlp->in[layer],
        .a = x,
        .a_row = in,
        .b = theta + mlp->weight[layer],
        .b_row = in,
        .c = y,
        .c_row = (size_t)mlp->out[layer],
        .start = theta + mlp->bias[layer],
    };
    compute_dots(compute, &d);
}

void mlp_column_sums(struct compute *compute, int rows, int n, const float *x, float *sum)
{
    /* A matrix of ones with a single element: both of its strides are 0 or never used. */
    static const float one = 1.0F;
    struct product p = product_of_transposed(1, n, rows, &one, x, sum);
    p.a_col = 0;
    compute_product(compute, &p);
}

void mlp_transpose(int rows, int columns, const float *from, float *to)
{
    /* In blocks, so that neither the reads nor the writes leave a cache line before it is used up.
     */
    enum { BLOCK = 16 };
    for (int r = 0; r < rows; r += BLOCK)
        for (int c = 0; c < columns; c += BLOCK)
            for (int i = r; i < rows && i < r + BLOCK; i++)
                for (int j = c; j < columns && j < c + BLOCK; j++)
                    to[(size_t)j * (size_t)rows + (size_t)i] =
                        from[(size_t)i * (size_t)columns + (size_t)j];
}

size_t mlp_layer_begin(const struct mlp *mlp, int layer)
{
    return mlp->weight[layer];
}

size_t mlp_layer_end(const struct mlp *mlp, int layer)
{
    return mlp->bias[layer] + (size_t)mlp->out[layer];
}
