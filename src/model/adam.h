// SPDX-License-Identifier: MIT
/**
 * Adam (Kingma & Ba 2015, algorithm 1) in f32 or f64, in PyTorch's order of operations.
 *
 *     m = β1·m + (1-β1)·g      v = β2·v + (1-β2)·g²
 *     θ -= (lr/(1-β1^t))·m / (√v/√(1-β2^t) + eps)
 *
 * The scalars are formed in f64 and each is rounded to the precision of the step. After a gradient
 * has become exactly zero m decays as β1^k and θ keeps moving until the step is below half a unit
 * in the last place: the momentum tail, at β1 = 0.9 about 158 steps in f32, 349 in f64. The step
 * itself is one of the kernels (kernels.h): one pass over a flat block of parameters, moments m
 * and v and gradient.
 */
#ifndef CCMSWEEP_ADAM_H
#define CCMSWEEP_ADAM_H

#include "model/real.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Scalars of step t. */
struct adam {
    double beta1, one_minus_beta1, beta2, one_minus_beta2, step_size, root_correction, eps;
};

/** Scalars for learning rate `lr` at step `t` (1 the first time). */
struct adam adam_scalars(double lr, double beta1, double beta2, double eps, int64_t t);

/** What a step did to the parameters, and what its gradient was. */
struct adam_effect {
    bool changed;         /**< a parameter differs from before in at least one bit */
    bool finite;          /**< all parameters are finite */
    bool gradient_zero;   /**< all of the gradient is exactly 0 */
    bool gradient_finite; /**< all of the gradient is finite */
};

/** The same, in bits that are gathered over the parameters. Bits are compared, not values: -0 for 0
 *  is a change, and a NaN that stays is not one. */
struct adam_bits {
    real_bits difference, not_finite, slope, wild;
};

/** One parameter before and after the step, and its gradient. */
static inline void adam_look(struct adam_bits *bits, real before, real after, real gradient)
{
    bits->difference |= real_to_bits(after) ^ real_to_bits(before);
    bits->not_finite |= (real_to_bits(after) & REAL_EXPONENT) == REAL_EXPONENT;
    bits->slope |= real_to_bits(gradient) & REAL_MAGNITUDE; /* -0 is 0, a subnormal is not */
    bits->wild |= (real_to_bits(gradient) & REAL_EXPONENT) == REAL_EXPONENT;
}

/** What the bits say. */
static inline struct adam_effect adam_saw(const struct adam_bits *bits)
{
    return (struct adam_effect){
        .changed = bits->difference != 0,
        .finite = bits->not_finite == 0,
        .gradient_zero = bits->slope == 0,
        .gradient_finite = bits->wild == 0,
    };
}

/** Soft update target = (1-τ)·target + τ·source; τ = 1 copies. */
void adam_soft_update(double tau, size_t count, float *target, const float *source);
void adam_soft_update_f64(double tau, size_t count, double *target, const double *source);

#endif
