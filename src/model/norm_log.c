// SPDX-License-Identifier: MIT
#include "model/norm_log.h"
#include <math.h>

/* The fields of one normalisation, named after what it puts out. */
struct fields {
    double *own, *accumulated, *gamma, *beta;
};

static struct fields fields_of(const struct record *r, bool critic, int layer)
{
    const struct fields fields[2][MLP_LAYERS] = {
        {
            {r->actor_norm_h1_grad_own, r->actor_norm_h1_grad_accumulated, r->actor_norm_h1_gamma,
             r->actor_norm_h1_beta},
            {r->actor_norm_h2_grad_own, r->actor_norm_h2_grad_accumulated, r->actor_norm_h2_gamma,
             r->actor_norm_h2_beta},
            {r->actor_norm_z_grad_own, r->actor_norm_z_grad_accumulated, r->actor_norm_z_gamma,
             r->actor_norm_z_beta},
        },
        {
            {r->critic_norm_h1_grad_own, r->critic_norm_h1_grad_accumulated,
             r->critic_norm_h1_gamma, r->critic_norm_h1_beta},
            {r->critic_norm_h2_grad_own, r->critic_norm_h2_grad_accumulated,
             r->critic_norm_h2_gamma, r->critic_norm_h2_beta},
        },
    };
    return fields[critic][layer];
}

void norm_log_add(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t actor, struct reals gradient, bool own)
{
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (!mlp->normed[l])
            continue;
        const struct fields fields = fields_of(r, actor == NORM_LOG_CRITIC, l);
        double *figure = (own ? fields.own : fields.accumulated) + log;
        /* β lies behind γ. */
        const double squares =
            reals_squares(kernels, reals_at(gradient, mlp->gamma[l]), 2 * (size_t)mlp->out[l]);
        /* By number and not because the figure is NaN: that may be an actor's. */
        *figure = (actor <= 0 ? 0.0 : *figure) + squares;
    }
}

void norm_log_end(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t agents, struct reals theta, bool trained)
{
    const int64_t networks = agents == NORM_LOG_CRITIC ? 1 : agents;
    for (int l = 0; l < MLP_LAYERS; l++) {
        if (!mlp->normed[l])
            continue;
        const struct fields fields = fields_of(r, agents == NORM_LOG_CRITIC, l);
        const size_t out = (size_t)mlp->out[l];
        double gamma = 0.0;
        double beta = 0.0;
        for (int64_t i = 0; i < networks; i++) {
            const struct reals one = reals_at(theta, (size_t)i * mlp->size);
            gamma += sqrt(reals_squares(kernels, reals_at(one, mlp->gamma[l]), out));
            beta += sqrt(reals_squares(kernels, reals_at(one, mlp->beta[l]), out));
        }
        fields.gamma[log] = gamma / (double)networks;
        fields.beta[log] = beta / (double)networks;
        if (!trained)
            continue;
        fields.own[log] = sqrt(fields.own[log] / (double)networks);
        fields.accumulated[log] = sqrt(fields.accumulated[log] / (double)networks);
    }
}
