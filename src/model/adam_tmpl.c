// SPDX-License-Identifier: MIT
/* The scalars of Adam's step; the loop over the parameters is a kernel (kernels_tmpl.c). */
#include "model/adam.h"
#include <math.h>
#include <string.h>

#ifndef REAL_F64
/* In f64 and rounded once each by the step, as the published program has them. Formed in f32,
 * 1 - β2 would have lost ten of its 24 bits, and every step would differ. */
struct adam adam_scalars(double lr, double beta1, double beta2, double eps, int64_t t)
{
    return (struct adam){
        .beta1 = beta1,
        .one_minus_beta1 = 1.0 - beta1,
        .beta2 = beta2,
        .one_minus_beta2 = 1.0 - beta2,
        .step_size = lr / (1.0 - pow(beta1, (double)t)),
        .root_correction = sqrt(1.0 - pow(beta2, (double)t)),
        .eps = eps,
    };
}
#endif

void REAL(adam_soft_update)(double tau, size_t count, real *target, const real *source)
{
    /* The published setting. A copy, because 0·target is not 0 where a target is infinite, and
     * because it is faster. */
    if (tau == 1.0) {
        memcpy(target, source, count * sizeof *target);
        return;
    }
    const real keep = (real)(1.0 - tau);
    const real take = (real)tau;
    for (size_t i = 0; i < count; i++)
        target[i] = keep * target[i] + take * source[i];
}
