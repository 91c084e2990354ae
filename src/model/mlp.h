// SPDX-License-Identifier: MIT
/**
 * Networks of two hidden layers over one flat parameter block.
 *
 * Parameters of a network lie as fc1.weight (I, H1), fc1.bias (H1), fc2.weight (H1, H2), fc2.bias
 * (H2), fc3.weight (O, H2), fc3.bias (O), then γ and β of each layer with a normalisation, f32. The
 * hidden layers' weights are PyTorch's transposed: one input's weights to all units lie side by
 * side, which is how every product reads them.
 * Gradients, targets and moments have the same layout, so that optimiser, norms and change
 * detection are loops over one array.
 */
#ifndef CCMSWEEP_MLP_H
#define CCMSWEEP_MLP_H

#include "base/rng.h"
#include "model/kernels.h"
#include "model/real.h"
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>

enum { MLP_LAYERS = 3 };

/** Extents and offsets. Layer l has its weight at weight[l] and its bias (out[l]) at bias[l]. */
struct mlp {
    int in[MLP_LAYERS], out[MLP_LAYERS];
    size_t weight[MLP_LAYERS], bias[MLP_LAYERS];
    bool normed[MLP_LAYERS]; /**< layer l has a normalisation, γ and β (out[l]) … */
    size_t gamma[MLP_LAYERS], beta[MLP_LAYERS]; /**< … are here */
    size_t size;                                /**< number of parameters */
    enum activation activation;                 /**< of the hidden units */
};

/** Table of offsets for inputs → hidden1 → hidden2 → outputs. */
struct mlp mlp_make(int inputs, int hidden1, int hidden2, int outputs, enum activation activation);

/** Give a layer a normalisation: its parameters come behind all others so far. */
void mlp_normalise(struct mlp *mlp, int layer);

/** What a product into a hidden layer does with its sums, and one back through it. */
static inline enum finish mlp_finish(const struct mlp *mlp)
{
    return mlp->activation == ACTIVATION_RELU ? FINISH_RELU : FINISH_PLAIN;
}
static inline enum finish mlp_finish_back(const struct mlp *mlp)
{
    return mlp->activation == ACTIVATION_RELU ? FINISH_MASK : FINISH_PLAIN;
}

/** Where the weight from input `in` to output `out` of a layer lies. */
static inline size_t mlp_at(const struct mlp *mlp, int layer, int out, int in)
{
    if (layer == MLP_LAYERS - 1)
        return mlp->weight[layer] + (size_t)out * (size_t)mlp->in[layer] + (size_t)in;
    return mlp->weight[layer] + (size_t)in * (size_t)mlp->out[layer] + (size_t)out;
}

/**
 * Initial weights as published: each layer, weight then bias, in PyTorch's order (output by
 * output), U(-1/√fan_in, 1/√fan_in); then weight and bias of the last layer are drawn again from
 * U(-bound, bound), unless `bound` is NaN. γ are 1 and β 0, without a draw.
 * \param theta (mlp->size) written
 */
void mlp_init(const struct mlp *mlp, float *theta, struct torch_rng *rng, double bound);

/** Hidden layer: y (rows, out) = x (rows, in) · weight + bias, and its activation. \param x_row row
 *  stride */
void REAL(mlp_hidden)(struct compute *compute, const struct mlp *mlp, int layer, const real *theta,
                      int rows, const real *x, size_t x_row, real *y);

/** Output layer: y (rows, out) = x (rows, in) · weightᵀ + bias. */
void REAL(mlp_output)(struct compute *compute, const struct mlp *mlp, const real *theta, int rows,
                      const real *x, real *y);

/** sum (n) = column sums of x (rows, n), in ascending order of the rows. */
void mlp_column_sums(struct compute *compute, int rows, int n, const float *x, float *sum);

/** to (columns, rows) = transposed from (rows, columns). */
void REAL(mlp_transpose)(int rows, int columns, const real *from, real *to);

/** First parameter of a layer and one past its last (weight and bias together). */
size_t mlp_layer_begin(const struct mlp *mlp, int layer);
size_t mlp_layer_end(const struct mlp *mlp, int layer);

#endif
