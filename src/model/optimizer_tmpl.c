// SPDX-License-Identifier: MIT
/* The optimisers beside the published one, and what can be put before them, in f32 and in f64.
 * Adam itself is a kernel (kernels_tmpl.c): it takes a tenth of a published episode. The others are
 * plain loops, which the compiler makes vectors of; all round operation by operation, so every
 * level of CPU agrees. */
#include "model/optimizer.h"
#include <math.h>
#include <string.h>

/* The square of one tensor's norm, which is rounded in between, as clip_grad_norm_ does. */
static double tensor_square(const struct kernels *kernels, size_t count, const real *gradient)
{
    const real norm = (real)sqrt(REAL(kernels_at)(kernels)->squares(count, gradient));
    return (double)norm * (double)norm;
}

double REAL(optimizer_clip)(const struct optimizer *optimizer, const struct kernels *kernels,
                            const struct mlp *mlp, real *gradient)
{
    double squares = 0.0;
    if (isnan(optimizer->clip))
        return NAN;
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t out = (size_t)mlp->out[l];
        const size_t weights = mlp->bias[l] - mlp->weight[l];
        squares += tensor_square(kernels, weights, gradient + mlp->weight[l]) +
                   tensor_square(kernels, out, gradient + mlp->bias[l]);
        if (mlp->normed[l])
            squares += tensor_square(kernels, out, gradient + mlp->gamma[l]) +
                       tensor_square(kernels, out, gradient + mlp->beta[l]);
    }
    const double norm = sqrt(squares);
    const real factor = (real)optimizer->clip / ((real)norm + (real)1e-6);
    /* Not fminf, which would make 1 of a NaN. */
    const real scale = factor > 1 ? 1 : factor;
    for (size_t k = 0; k < mlp->size; k++)
        gradient[k] *= scale;
    return norm;
}

/* v = 0.99·v + 0.01·g²; θ -= lr·g/(√v + 1e-8): PyTorch's defaults. */
static struct adam_effect step_rmsprop(const struct optimizer *o, size_t count, real *theta,
                                       real *v, const real *g)
{
    const real lr = (real)o->lr;
    const real keep = (real)0.99;
    const real add = (real)0.01;
    const real eps = (real)1e-8;
    struct adam_bits bits = {0};
    for (size_t k = 0; k < count; k++) {
        v[k] = keep * v[k] + add * g[k] * g[k];
        const real next = theta[k] - lr * g[k] / (real_sqrt(v[k]) + eps);
        adam_look(&bits, theta[k], next, g[k]);
        theta[k] = next;
    }
    return adam_saw(&bits);
}

/* u = μ·u + g; θ -= lr·u, with u in the place of Adam's first moment. */
static struct adam_effect step_sgd(const struct optimizer *o, size_t count, real *theta, real *m,
                                   const real *g)
{
    const real lr = (real)o->lr;
    const real momentum = (real)o->momentum;
    struct adam_bits bits = {0};
    for (size_t k = 0; k < count; k++) {
        m[k] = momentum * m[k] + g[k];
        const real next = theta[k] - lr * m[k];
        adam_look(&bits, theta[k], next, g[k]);
        theta[k] = next;
    }
    return adam_saw(&bits);
}

static struct adam_effect take_step(const struct optimizer *o, const struct kernels *kernels,
                                    size_t count, real *theta, real *m, real *v,
                                    const real *gradient)
{
    switch (o->kind) {
    case OPTIMIZER_RMSPROP:
        return step_rmsprop(o, count, theta, v, gradient);
    case OPTIMIZER_SGD:
        return step_sgd(o, count, theta, m, gradient);
    case OPTIMIZER_ADAM:
    default:
        return REAL(kernels_at)(kernels)->adam(&o->adam, count, theta, m, v, gradient);
    }
}

struct adam_effect REAL(optimizer_step)(const struct optimizer *optimizer,
                                        const struct kernels *kernels, const struct mlp *mlp,
                                        real *theta, real *m, real *v, const real *gradient,
                                        real *before)
{
    /* The event under study. What moves on without a gradient is momentum, and weight decay. */
    if (optimizer->zero_gradient != ZERO_KEEP && real_all_zero(mlp->size, gradient)) {
        if (optimizer->zero_gradient == ZERO_RESET_MOMENTS)
            memset(m, 0, mlp->size * sizeof *m);
        return (struct adam_effect){.finite = true, .gradient_zero = true, .gradient_finite = true};
    }
    const real decay = (real)optimizer->decay;
    if (decay == 0)
        return take_step(optimizer, kernels, mlp->size, theta, m, v, gradient);
    memcpy(before, theta, mlp->size * sizeof *theta);
    for (int l = 0; l < MLP_LAYERS; l++)
        for (size_t k = mlp->weight[l]; k < mlp->bias[l]; k++)
            theta[k] -= decay * theta[k];
    struct adam_effect effect = take_step(optimizer, kernels, mlp->size, theta, m, v, gradient);
    /* From before the decay: the step alone may have taken it back, or have done nothing. */
    effect.changed = memcmp(before, theta, mlp->size * sizeof *theta) != 0;
    return effect;
}
