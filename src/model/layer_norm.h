// SPDX-License-Identifier: MIT
/**
 * Layer normalisation: each row of a matrix to mean 0 and variance 1, then a scale and a shift that
 * are trained, as PyTorch's LayerNorm with its eps of 1e-5:
 *
 *     mean = Σ x/n,  var = Σ (x - mean)²/n,  û = (x - mean)/√(var + 1e-5),  y = γ∘û + β
 *
 * Sums and differences are f64, results f32; a row's sums have 16 lanes where it has 16 values or
 * more, else they run in ascending order. No multiply-add is fused: all levels of CPU give the same
 * bits.
 */
#ifndef CCMSWEEP_LAYER_NORM_H
#define CCMSWEEP_LAYER_NORM_H

#include "model/kernels.h"
#include "model/real.h"

/** The rows of a pass. Matrices are (·, n) row-major without gaps; a row lies at the same place in
 *  all of them and in `scale`. */
struct REAL(layer_norm) {
    int rows, n;
    const int32_t *list; /**< (rows) numbers of the rows that take part; NULL: 0 … rows - 1 */
    const real *gamma;   /**< (n) */
    real *unit;          /**< (·, n) û, kept for the backward pass; NULL: it is not kept */
    real *scale;         /**< (·) 1/√(var + 1e-5), likewise */
};

/** y = γ∘û + β of each row, and its û and scale where they are kept.
 *  \param beta (n) \param x, y (·, n) may be the same */
void REAL(layer_norm_forward)(const struct kernels *kernels, const struct REAL(layer_norm) * norm,
                              const real *beta, const real *x, real *y);

/** dL/dx from dL/dy: with d = γ∘dL/dy it is (d - mean(d) - û·mean(d∘û))·scale.
 *  \param d_y, d_x (·, n) may be the same */
void REAL(layer_norm_backward)(const struct kernels *kernels, const struct REAL(layer_norm) * norm,
                               const real *d_y, real *d_x);

/** dL/dγ = Σ dL/dy∘û and dL/dβ = Σ dL/dy over the rows, in their order. \param d_gamma, d_beta (n)
 *  written */
void REAL(layer_norm_gradient)(const struct REAL(layer_norm) * norm, const real *d_y, real *d_gamma,
                               real *d_beta);

#endif
