// SPDX-License-Identifier: MIT
#include "model/critic_norm_log.h"
#include <math.h>

enum { HIDDEN = MLP_LAYERS - 1 };

void critic_norm_log_gradient(struct record *record, const struct kernels *kernels, int64_t log,
                              const struct mlp *critic, const float *gradient, bool own)
{
    double *const owns[HIDDEN] = {record->critic_norm_h1_grad_own, record->critic_norm_h2_grad_own};
    double *const sums[HIDDEN] = {record->critic_norm_h1_grad_accumulated,
                                  record->critic_norm_h2_grad_accumulated};
    for (int l = 0; l < HIDDEN && critic->normed[l]; l++) {
        /* β lies behind γ. */
        const size_t count = 2 * (size_t)critic->out[l];
        (own ? owns : sums)[l][log] = sqrt(kernels->squares(count, gradient + critic->gamma[l]));
    }
}

void critic_norm_log_parameters(struct record *record, const struct kernels *kernels, int64_t log,
                                const struct mlp *critic, const float *theta)
{
    double *const gamma[HIDDEN] = {record->critic_norm_h1_gamma, record->critic_norm_h2_gamma};
    double *const beta[HIDDEN] = {record->critic_norm_h1_beta, record->critic_norm_h2_beta};
    for (int l = 0; l < HIDDEN && critic->normed[l]; l++) {
        const size_t count = (size_t)critic->out[l];
        gamma[l][log] = sqrt(kernels->squares(count, theta + critic->gamma[l]));
        beta[l][log] = sqrt(kernels->squares(count, theta + critic->beta[l]));
    }
}
