// SPDX-License-Identifier: MIT
#include "model/squash.h"
#include <float.h>
#include <math.h>

/* 25·ln2/2 in f32: where the published program's tanh becomes exactly ±1 (PyTorch's vectorised
 * kernel on a CPU). With `exact`, rounding alone decides, from |z| of 9.011 on. */
static const float CLIFF = 8.664339742F;

struct squash squash_of(const struct settings *settings)
{
    return (struct squash){
        .kind = settings->networks.squash,
        .cliff = settings->networks.tanh == TANH_PYTORCH ? CLIFF : INFINITY,
    };
}

/* Infinities apart, since inf/inf is NaN: sums of finite weights can overflow, and an actor that is
 * as saturated as can be should be ±1 here as it is with tanh. Finite z need no care: 1 + |z| does
 * not overflow. A NaN is not above anything and stays. */
static float softsign(float z)
{
    return fabsf(z) > FLT_MAX ? copysignf(1.0F, z) : z / (1.0F + fabsf(z));
}

/* Comparisons and not fminf, which would make 1 of a NaN. */
static float clip(float z)
{
    return z > 1.0F ? 1.0F : z < -1.0F ? -1.0F : z;
}

/* Halving is exact, so it does not matter whether it comes before or after the product with dL/dy.
 */
static float inverting_slope(float z, float d_y)
{
    if (d_y < 0.0F)
        return (1.0F - z) * 0.5F;
    if (d_y > 0.0F)
        return (1.0F + z) * 0.5F;
    /* No direction. A NaN of z must not get lost: 0·(1/2) would be 0. */
    return isnan(z) ? z : 0.5F;
}

void squash_outputs(const struct squash *squash, const struct kernels *kernels, size_t count,
                    const float *z, float *y)
{
    switch (squash->kind) {
    case SQUASH_SOFTSIGN:
        for (size_t k = 0; k < count; k++)
            y[k] = softsign(z[k]);
        break;
    case SQUASH_INVERTING:
        for (size_t k = 0; k < count; k++)
            y[k] = clip(z[k]);
        break;
    case SQUASH_TANH:
    default:
        kernels->tanh(count, z, squash->cliff, y);
    }
}

void squash_forward(const struct squash *squash, const struct kernels *kernels, size_t count,
                    const float *z, float *y, float *slope)
{
    squash_outputs(squash, kernels, count, z, y);
    switch (squash->kind) {
    case SQUASH_SOFTSIGN:
        for (size_t k = 0; k < count; k++)
            slope[k] = (1.0F - fabsf(y[k])) * (1.0F - fabsf(y[k]));
        break;
    case SQUASH_INVERTING:
        for (size_t k = 0; k < count; k++)
            slope[k] = inverting_slope(z[k], 0.0F);
        break;
    case SQUASH_TANH:
    default:
        for (size_t k = 0; k < count; k++)
            slope[k] = 1.0F - y[k] * y[k];
    }
}

void squash_backward(const struct squash *squash, size_t count, const float *z, const float *d_y,
                     float *slope, float *d_z)
{
    for (size_t k = 0; squash->kind == SQUASH_INVERTING && k < count; k++)
        slope[k] = inverting_slope(z[k], d_y[k]);
    for (size_t k = 0; k < count; k++)
        d_z[k] = d_y[k] * slope[k];
}
