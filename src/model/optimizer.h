// SPDX-License-Identifier: MIT
/**
 * What an optimiser makes of a gradient: clipping, weight decay, then the step of Adam, RMSProp or
 * SGD. The published program has Adam alone; INTERVENTIONS.md has the formulas of the others.
 *
 * A network is one flat block of `size` parameters (mlp.h), with moments m and v and a gradient of
 * the same layout. Everything f32, for actors of that precision f64 (real.h); sums of squares are
 * f64. All functions are local.
 */
#ifndef CCMSWEEP_OPTIMIZER_H
#define CCMSWEEP_OPTIMIZER_H

#include "model/adam.h"
#include "model/kernels.h"
#include "model/mlp.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** What one step of a family's networks takes: the same for all actors. */
struct optimizer {
    enum optimizer_kind kind;
    struct adam adam;                 /**< scalars of its step */
    double lr, momentum;              /**< of RMSProp and SGD */
    double decay;                     /**< learning rate times weight decay; 0: none */
    double clip;                      /**< largest norm of a gradient; NaN: any */
    enum zero_gradient zero_gradient; /**< what is done when all of a gradient is exactly 0 */
    bool rests;                       /**< the networks are not updated in this training step */
};

/** Whether the actors are not updated in training step `t` (1 the first time): they are in the
 *  steps 1, 1 + d, 1 + 2d, … with d = training.actor_every. */
bool optimizer_rests(const struct settings *settings, int64_t t);

/** The optimiser of the actors, or of the critic, in training step `t`. The actors' Adam counts
 *  their own updates. */
struct optimizer optimizer_of_actors(const struct settings *settings, int64_t t);
struct optimizer optimizer_of_critic(const struct settings *settings, int64_t t);

/**
 * Scale the gradient of one network to a norm of at most `clip`, as PyTorch's clip_grad_norm_ does:
 * g ← g·min(1, clip/(‖g‖ + 1e-6)), the factor in the gradient's precision and from the norms of all
 * tensors: weights, biases, and γ and β of normalisations. A norm that is not a number makes the
 * whole gradient so.
 * \param gradient (mlp->size)
 * \return the norm before; NaN without a `clip`, and nothing is done then
 */
double optimizer_clip(const struct optimizer *optimizer, const struct kernels *kernels,
                      const struct mlp *mlp, float *gradient);
double optimizer_clip_f64(const struct optimizer *optimizer, const struct kernels *kernels,
                          const struct mlp *mlp, double *gradient);

/**
 * Update the parameters of one network.
 * \param theta, m, v, gradient (mlp->size); the gradient is read
 * \param before (mlp->size) scratch, written where there is weight decay
 */
struct adam_effect optimizer_step(const struct optimizer *optimizer, const struct kernels *kernels,
                                  const struct mlp *mlp, float *theta, float *m, float *v,
                                  const float *gradient, float *before);
struct adam_effect optimizer_step_f64(const struct optimizer *optimizer,
                                      const struct kernels *kernels, const struct mlp *mlp,
                                      double *theta, double *m, double *v, const double *gradient,
                                      double *before);

#endif
