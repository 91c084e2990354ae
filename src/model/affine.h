// SPDX-License-Identifier: MIT
/**
 * A network of one output whose hidden units are their own sums, in closed form.
 *
 * Without an activation the three layers are one affine map,
 *
 *     Q(x) = b3 + ((x·W1 + b1)·W2 + b2)·w3 = offset + (x·W1 + b1)·head = constant + x·slope ,
 *
 * with head = W2·w3 and slope = W1·head. Every gradient by a parameter is an outer product of what
 * goes forward and what comes back, and both are linear, so that a sum over rows of d_r·∇Q(x_r)
 * needs only x = Σ d_r·x_r and d = Σ d_r:
 *
 *     W1: x ⊗ head,  b1: d·head,  W2: h ⊗ w3,  b2: d·w3,  w3: h·W2 + d·b2,  b3: d,
 *     where h = x·W1 + d·b1 .
 *
 * Head, slope and constant are f64 sums of f32 parameters in a fixed order (dot), so that they are
 * nearer to the map than an evaluation layer by layer, and the same on every CPU.
 *
 * Letters: I inputs, H1, H2 hidden units.
 */
#ifndef CCMSWEEP_AFFINE_H
#define CCMSWEEP_AFFINE_H

#include "model/arena.h"
#include "model/kernels.h"
#include "model/mlp.h"
#include <stdbool.h>

/** The map, and scratch of its gradient. */
struct affine {
    struct mlp mlp;
    struct compute *compute;   /**< borrowed */
    const float *theta;        /**< what it was formed of, borrowed */
    int from;                  /**< first input with a slope */
    double *last;              /**< (H2) w3 */
    double *head;              /**< (H1) */
    double *slope;             /**< (I - from) of inputs from `from` on */
    double offset;             /**< Q where the first layer's sums are 0 */
    double constant;           /**< Q where all inputs are 0 */
    float *head_f32, *h1, *h2; /**< (H1), (H1), (H2) of affine_gradient */
};

/** True when hidden units are their sums: no activation, no normalisation. */
bool affine_is(const struct mlp *mlp);

/** Lay out for slopes of the inputs from `from` on. \param gradient with scratch of
 *  affine_gradient \param compute borrowed */
void affine_bind(struct affine *affine, const struct mlp *mlp, struct compute *compute, int from,
                 bool gradient, struct arena *scratch);

/** Form the map; once for each change of theta, which affine_gradient reads again. */
void affine_form(struct affine *affine, const float *theta);

/** Σ x·w over n elements in f64: element k in lane k mod 8, lanes added in halves. */
double affine_dot(int n, const float *x, const double *w);

/**
 * Σ_r d_r·∇Q(x_r) by the parameters.
 * \param x (I) Σ d_r·x_r \param d Σ d_r
 * \param start (parameters) to add to, may be `gradient` itself; NULL: zeros
 * \param gradient (parameters) written
 */
void affine_gradient(struct affine *affine, const float *x, float d, const float *start,
                     float *gradient);

#endif
