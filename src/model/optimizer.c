// SPDX-License-Identifier: MIT
/* The optimisers beside the published one, and what can be put before them. Adam itself is a kernel
 * (kernels_tmpl.c): it takes a tenth of a published episode. The others are plain loops, which the
 * compiler makes vectors of; all round operation by operation, so every level of CPU agrees. */
#include "model/optimizer.h"
#include <math.h>
#include <string.h>

static struct optimizer optimizer_with(const struct settings *s, double lr, double clip, int64_t t)
{
    return (struct optimizer){
        .kind = s->training.optimizer,
        .adam = adam_scalars(lr, s->training.adam_beta1, s->training.adam_beta2,
                             s->training.adam_eps, t),
        .lr = (float)lr,
        .momentum = (float)s->training.momentum,
        .decay = (float)(lr * s->training.weight_decay),
        .clip = clip,
    };
}

bool optimizer_rests(const struct settings *settings, int64_t t)
{
    return (t - 1) % settings->training.actor_every != 0;
}

struct optimizer optimizer_of_actors(const struct settings *settings, int64_t t)
{
    const int64_t update = (t - 1) / settings->training.actor_every + 1;
    struct optimizer optimizer = optimizer_with(settings, settings->training.actor_lr,
                                                settings->training.clip_actor, update);
    optimizer.zero_gradient = settings->training.zero_gradient;
    optimizer.rests = optimizer_rests(settings, t);
    return optimizer;
}

struct optimizer optimizer_of_critic(const struct settings *settings, int64_t t)
{
    return optimizer_with(settings, settings->training.critic_lr, settings->training.clip_critic,
                          t);
}

/* The square of one tensor's norm, which is rounded to f32 in between, as clip_grad_norm_ does. */
static double tensor_square(const struct kernels *kernels, size_t count, const float *gradient)
{
    const float norm = (float)sqrt(kernels->squares(count, gradient));
    return (double)norm * (double)norm;
}

double optimizer_clip(const struct optimizer *optimizer, const struct kernels *kernels,
                      const struct mlp *mlp, float *gradient)
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
    const float factor = (float)optimizer->clip / ((float)norm + 1e-6F);
    /* Not fminf, which would make 1 of a NaN. */
    const float scale = factor > 1.0F ? 1.0F : factor;
    for (size_t k = 0; k < mlp->size; k++)
        gradient[k] *= scale;
    return norm;
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* What a step did, in bits that are gathered: the same questions as the kernel of Adam asks. */
struct seen {
    uint32_t difference, not_finite, slope, wild;
};

static const uint32_t INFINITE = 0x7f800000U;

static void see(struct seen *seen, float next, float last, float gradient)
{
    seen->difference |= bits_of(next) ^ bits_of(last);
    seen->not_finite |= (bits_of(next) & INFINITE) == INFINITE;
    seen->slope |= bits_of(gradient) & 0x7fffffffU; /* -0 is 0, a subnormal is not */
    seen->wild |= (bits_of(gradient) & INFINITE) == INFINITE;
}

static struct adam_effect effect_of(const struct seen *seen)
{
    return (struct adam_effect){
        .changed = seen->difference != 0,
        .finite = seen->not_finite == 0,
        .gradient_zero = seen->slope == 0,
        .gradient_finite = seen->wild == 0,
    };
}

/* v = 0.99·v + 0.01·g²; θ -= lr·g/(√v + 1e-8): PyTorch's defaults. */
static struct adam_effect step_rmsprop(const struct optimizer *o, size_t count, float *theta,
                                       float *v, const float *g)
{
    struct seen seen = {0};
    for (size_t k = 0; k < count; k++) {
        v[k] = 0.99F * v[k] + 0.01F * g[k] * g[k];
        const float next = theta[k] - o->lr * g[k] / (sqrtf(v[k]) + 1e-8F);
        see(&seen, next, theta[k], g[k]);
        theta[k] = next;
    }
    return effect_of(&seen);
}

/* u = μ·u + g; θ -= lr·u, with u in the place of Adam's first moment. */
static struct adam_effect step_sgd(const struct optimizer *o, size_t count, float *theta, float *m,
                                   const float *g)
{
    struct seen seen = {0};
    for (size_t k = 0; k < count; k++) {
        m[k] = o->momentum * m[k] + g[k];
        const float next = theta[k] - o->lr * m[k];
        see(&seen, next, theta[k], g[k]);
        theta[k] = next;
    }
    return effect_of(&seen);
}

static struct adam_effect take_step(const struct optimizer *o, const struct kernels *kernels,
                                    size_t count, float *theta, float *m, float *v,
                                    const float *gradient)
{
    switch (o->kind) {
    case OPTIMIZER_RMSPROP:
        return step_rmsprop(o, count, theta, v, gradient);
    case OPTIMIZER_SGD:
        return step_sgd(o, count, theta, m, gradient);
    case OPTIMIZER_ADAM:
    default:
        return kernels->adam(&o->adam, count, theta, m, v, gradient);
    }
}

static bool is_zero(const float *gradient, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (gradient[k] != 0.0F)
            return false;
    return true;
}

struct adam_effect optimizer_step(const struct optimizer *optimizer, const struct kernels *kernels,
                                  const struct mlp *mlp, float *theta, float *m, float *v,
                                  const float *gradient, float *before)
{
    /* The event under study. What moves on without a gradient is momentum, and weight decay. */
    if (optimizer->zero_gradient != ZERO_KEEP && is_zero(gradient, mlp->size)) {
        if (optimizer->zero_gradient == ZERO_RESET_MOMENTS)
            memset(m, 0, mlp->size * sizeof *m);
        return (struct adam_effect){.finite = true, .gradient_zero = true, .gradient_finite = true};
    }
    if (optimizer->decay == 0.0F)
        return take_step(optimizer, kernels, mlp->size, theta, m, v, gradient);
    memcpy(before, theta, mlp->size * sizeof *theta);
    for (int l = 0; l < MLP_LAYERS; l++)
        for (size_t k = mlp->weight[l]; k < mlp->bias[l]; k++)
            theta[k] -= optimizer->decay * theta[k];
    struct adam_effect effect = take_step(optimizer, kernels, mlp->size, theta, m, v, gradient);
    /* From before the decay: the step alone may have taken it back, or have done nothing. */
    effect.changed = memcmp(before, theta, mlp->size * sizeof *theta) != 0;
    return effect;
}
