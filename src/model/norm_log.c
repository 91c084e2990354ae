// SPDX-License-Identifier: MIT
#include "model/norm_log.h"
#include <math.h>

enum { HIDDEN = MLP_LAYERS - 1 };

/* The fields of one normalisation, named after what it puts out. */
struct fields {
    double *own, *accumulated, *gamma, *beta;
};

static struct fields fields_of(const struct record *r, int layer)
{
    const struct fields fields[MLP_LAYERS] = {
        {r->actor_norm_h1_grad_own, r->actor_norm_h1_grad_accumulated, r->actor_norm_h1_gamma,
         r->actor_norm_h1_beta},
        {r->actor_norm_h2_grad_own, r->actor_norm_h2_grad_accumulated, r->actor_norm_h2_gamma,
         r->actor_norm_h2_beta},
        {r->actor_norm_z_grad_own, r->actor_norm_z_grad_accumulated, r->actor_norm_z_gamma,
         r->actor_norm_z_beta},
    };
    return fields[layer];
}

void norm_log_add(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t actor, struct reals gradient, bool own)
{
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (!mlp->normed[l])
            continue;
        const struct fields fields = fields_of(r, l);
        double *figure = (own ? fields.own : fields.accumulated) + log;
        const double squares =
            reals_squares(kernels, reals_at(gradient, mlp->gamma[l]), 2 * (size_t)mlp->out[l]);
        /* By number and not because the figure is NaN: that may be an actor's. */
        *figure = (actor == 0 ? 0.0 : *figure) + squares;
    }
}

void norm_log_finish(const struct record *r, int64_t log, const struct mlp *mlp, int64_t agents)
{
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (!mlp->normed[l])
            continue;
        const struct fields fields = fields_of(r, l);
        fields.own[log] = sqrt(fields.own[log] / (double)agents);
        fields.accumulated[log] = sqrt(fields.accumulated[log] / (double)agents);
    }
}

void norm_log_parameters(const struct record *r, const struct kernels *kernels, int64_t log,
                         const struct mlp *mlp, int64_t agents, struct reals theta)
{
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (!mlp->normed[l])
            continue;
        const struct fields fields = fields_of(r, l);
        const size_t out = (size_t)mlp->out[l];
        double gamma = 0.0;
        double beta = 0.0;
        for (int64_t i = 0; i < agents; i++) {
            const struct reals own = reals_at(theta, (size_t)i * mlp->size);
            gamma += sqrt(reals_squares(kernels, reals_at(own, mlp->gamma[l]), out));
            beta += sqrt(reals_squares(kernels, reals_at(own, mlp->beta[l]), out));
        }
        fields.gamma[log] = gamma / (double)agents;
        fields.beta[log] = beta / (double)agents;
    }
}

void norm_log_critic_gradient(struct record *record, const struct kernels *kernels, int64_t log,
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

void norm_log_critic_parameters(struct record *record, const struct kernels *kernels, int64_t log,
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
