// SPDX-License-Identifier: MIT
#include "model/squash.h"
#include <math.h>

#ifndef REAL_F64
/* 25·ln2/2 in f32: where the published program's tanh becomes exactly ±1 (PyTorch's vectorised
 * kernel on a CPU). With `exact`, rounding alone decides, from |z| of 9.011 on. */
static const float CLIFF = 8.664339742F;

struct squash squash_of(const struct settings *settings)
{
    return (struct squash){
        .kind = settings->networks.squash,
        .cliff = settings->networks.tanh == TANH_PYTORCH ? CLIFF : INFINITY,
        .cliff_f64 = INFINITY,
    };
}
#endif

/* Infinities apart, since inf/inf is NaN: sums of finite weights can overflow, and an actor that is
 * as saturated as can be should be ±1 here as it is with tanh. Finite z need no care: 1 + |z| does
 * not overflow. A NaN is not above anything and stays. */
static real softsign(real z)
{
    return isinf(z) ? real_copysign(1, z) : z / (1 + real_abs(z));
}

/* Comparisons and not fminf, which would make 1 of a NaN. */
static real clip(real z)
{
    return z > 1 ? 1 : z < -1 ? -1 : z;
}

/* Halving is exact, so it does not matter whether it comes before or after the product with dL/dy.
 */
static real inverting_slope(real z, real d_y)
{
    if (d_y < 0)
        return (1 - z) * (real)0.5;
    if (d_y > 0)
        return (1 + z) * (real)0.5;
    /* No direction. A NaN of z must not get lost: 0·(1/2) would be 0. */
    return isnan(z) ? z : (real)0.5;
}

void REAL(squash_outputs)(const struct squash *squash, const struct kernels *kernels, size_t count,
                          const real *z, real *y)
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
        REAL(kernels_at)(kernels)->tanh(count, z, squash->REAL(cliff), y);
    }
}

void REAL(squash_forward)(const struct squash *squash, const struct kernels *kernels, size_t count,
                          const real *z, real *y, real *slope)
{
    REAL(squash_outputs)(squash, kernels, count, z, y);
    switch (squash->kind) {
    case SQUASH_SOFTSIGN:
        for (size_t k = 0; k < count; k++)
            slope[k] = (1 - real_abs(y[k])) * (1 - real_abs(y[k]));
        break;
    case SQUASH_INVERTING:
        for (size_t k = 0; k < count; k++)
            slope[k] = inverting_slope(z[k], 0);
        break;
    case SQUASH_TANH:
    default:
        for (size_t k = 0; k < count; k++)
            slope[k] = 1 - y[k] * y[k];
    }
}

void REAL(squash_backward)(const struct squash *squash, size_t count, const real *z,
                           const float *d_y, real *slope, real *d_z)
{
    for (size_t k = 0; squash->kind == SQUASH_INVERTING && k < count; k++)
        slope[k] = inverting_slope(z[k], (real)d_y[k]);
    for (size_t k = 0; k < count; k++)
        d_z[k] = (real)d_y[k] * slope[k];
}
