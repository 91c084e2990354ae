// SPDX-License-Identifier: MIT
/**
 * Networks of two hidden ReLU layers over one flat parameter block.
 *
 * Parameters of a network lie as fc1.weight (H1, I), fc1.bias (H1), fc2.weight (H2, H1), fc2.bias
 * (H2), fc3.weight (O, H2), fc3.bias (O): PyTorch's layout, f32. Gradients, targets and moments
 * have the same layout, so that optimiser, norms and change detection are loops over one array.
 */
#ifndef CCMSWEEP_MLP_H
#define CCMSWEEP_MLP_H

#include <ccmsweep/rng.h>
#include <stddef.h>

enum { MLP_LAYERS = 3 };

/** Extents and offsets. Layer l has weight (out[l], in[l]) at weight[l] and bias at bias[l]. */
struct mlp {
    int in[MLP_LAYERS], out[MLP_LAYERS];
    size_t weight[MLP_LAYERS], bias[MLP_LAYERS];
    size_t size; /**< number of parameters */
};

/** Table of offsets for inputs → hidden1 → hidden2 → outputs. */
struct mlp mlp_make(int inputs, int hidden1, int hidden2, int outputs);

/**
 * Initial weights as published: each layer, weight then bias, U(-1/√fan_in, 1/√fan_in); then weight
 * and bias of the last layer are drawn again from U(-bound, bound).
 * \param theta (mlp->size) written
 */
void mlp_init(const struct mlp *mlp, float *theta, struct torch_rng *rng, double bound);

/**
 * One layer: y (rows, out) = x (rows, in) · weightᵀ + bias, then ReLU when `relu`.
 * \param ldx, ldy row strides
 */
void mlp_layer(const struct mlp *mlp, int layer, const float *theta, int rows, const float *x,
               int ldx, float *y, int ldy, int relu);

/** max(y, 0) in place over a contiguous block. A NaN becomes 0 no more than in PyTorch: it stays.
 */
void mlp_relu(float *y, size_t count);

/** Gradient by a ReLU's input: d_a = d_h where its output h > 0, else 0; `d_a` may be `d_h`. */
void mlp_relu_backward(const float *d_h, const float *h, size_t count, float *d_a);

/**
 * Gradient of a layer's parameters: d_weight = d_yᵀ · x, d_bias = column sums of d_y; written, not
 * added, into the layer's place in `d_theta`.
 */
void mlp_layer_gradient(const struct mlp *mlp, int layer, int rows, const float *d_y, int ldy,
                        const float *x, int ldx, float *d_theta);

/** First parameter of a layer and one past its last (weight and bias together). */
size_t mlp_layer_begin(const struct mlp *mlp, int layer);
size_t mlp_layer_end(const struct mlp *mlp, int layer);

/** L2 norm of f32 values, summed in f64. */
double mlp_norm(const float *x, size_t count);

#endif
