// SPDX-License-Identifier: MIT
#include <ccmsweep/adam.h>
#include <math.h>
#include <string.h>

struct adam adam_scalars(double lr, double beta1, double beta2, double eps, int64_t t)
{
    return (struct adam){
        .beta1 = (float)beta1,
        .one_minus_beta1 = (float)(1.0 - beta1),
        .beta2 = (float)beta2,
        .one_minus_beta2 = (float)(1.0 - beta2),
        .step_size = (float)(lr / (1.0 - pow(beta1, (double)t))),
        .root_correction = (float)sqrt(1.0 - pow(beta2, (double)t)),
        .eps = (float)eps,
    };
}

static uint32_t bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

struct adam_effect adam_step(const struct adam *adam, size_t count, float *restrict theta,
                             float *restrict m, float *restrict v, const float *restrict g)
{
    const struct adam a = *adam;
    uint32_t difference = 0;
    uint32_t not_finite = 0;
    for (size_t i = 0; i < count; i++) {
        m[i] = a.beta1 * m[i] + a.one_minus_beta1 * g[i];
        v[i] = a.beta2 * v[i] + a.one_minus_beta2 * g[i] * g[i];
        const float next =
            theta[i] - a.step_size * m[i] / (sqrtf(v[i]) / a.root_correction + a.eps);
        difference |= bits(next) ^ bits(theta[i]);
        not_finite |= (bits(next) & 0x7f800000U) == 0x7f800000U;
        theta[i] = next;
    }
    return (struct adam_effect){.changed = difference != 0, .finite = not_finite == 0};
}

void adam_soft_update(double tau, size_t count, float *target, const float *source)
{
    if (tau == 1.0) {
        memcpy(target, source, count * sizeof *target);
        return;
    }
    const float keep = (float)(1.0 - tau);
    const float take = (float)tau;
    for (size_t i = 0; i < count; i++)
        target[i] = keep * target[i] + take * source[i];
}
