// SPDX-License-Identifier: MIT
/* The gradients that the published program logged, of a critic with normalisations. Only log
 * episodes come here. */
#include "model/normed_sums.h"
#include "model/mec.h"
#include <string.h>

enum { O = MEC_STATE + MEC_ACTION };

void normed_sums_bind(struct normed_sums *sums, struct actors *actors,
                      const struct normed_response *nr, struct arena *scratch)
{
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t b = (size_t)nr->samples;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    *sums = (struct normed_sums){
        .nr = nr,
        .critic = arena_take(scratch, mlp->size, sizeof(float)),
        .back2 = arena_take(scratch, h2, sizeof(float)),
        .d1 = arena_take(scratch, b * h1, sizeof(float)),
        .d2 = arena_take(scratch, b * h2, sizeof(float)),
    };
    joint_sums_bind(&sums->joint, actors, nr->critic, nr->samples, scratch);
}

void normed_sums_begin(struct normed_sums *sums, const float *critic, const float *d_q)
{
    const struct mlp *mlp = &sums->nr->critic->mlp;
    sums->d_q = d_q;
    joint_sums_begin(&sums->joint);
    memcpy(sums->critic, critic, mlp->size * sizeof *critic);
    memset(sums->joint.gradient, 0, mlp->size * sizeof(float));
    memset(sums->back2, 0, (size_t)mlp->out[1] * sizeof(float));
}

/* Sums over rows by the second layer's and the output's parameters, of the maximising row of sample
 * b; d2 becomes what its units are multiplied by. */
static void add_row(struct normed_sums *sums, int b)
{
    const struct normed_response *nr = sums->nr;
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    const size_t at = (size_t)b;
    const float d_q = sums->d_q[b];
    const float *h = nr->h2 + at * h2;
    float *d2 = sums->d2 + at * h2;
    float *gradient = sums->joint.gradient;
    for (size_t k = 0; k < h1; k++) {
        sums->d1[at * h1 + k] = d_q * nr->d1[at * h1 + k];
        sums->joint.sum[at * h1 + k] += sums->d1[at * h1 + k];
    }
    for (size_t m = 0; m < h2; m++) {
        const float d = d_q * nr->d2[at * h2 + m];
        const float unit = (h[m] - nr->norms.mean2[b]) * nr->norms.scale2[b];
        d2[m] = nr->norms.scale1[b] * d;
        sums->back2[m] += nr->norms.mean1[b] * d2[m];
        gradient[mlp->bias[1] + m] += d;
        gradient[mlp->weight[2] + m] += d_q * unit;
    }
    gradient[mlp->bias[2]] += d_q;
}

void normed_sums_pass(struct normed_sums *sums, int i, struct reals gradient)
{
    const struct normed_response *nr = sums->nr;
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    float *passes = sums->joint.gradient;
    for (int b = 0; b < nr->samples; b++)
        add_row(sums, b);
    joint_sums_add_product(&sums->joint, O, mlp->out[0], nr->samples, nr->own, sums->d1, NULL,
                           passes + critic_own_inputs(nr->critic));
    joint_sums_add_product(&sums->joint, mlp->out[0], mlp->out[1], nr->samples, nr->units, sums->d2,
                           NULL, passes + mlp->weight[1]);
    /* A row of an actor that has been updated also gives it, by its own inputs, a part of dL/dy. */
    for (int b = 0; b < nr->samples; b++)
        if (nr->at[b].agent != CRITIC_NOBODY && nr->at[b].agent < i)
            joint_sums_add_slopes(&sums->joint, nr->at[b].agent, b, 1, sums->d1 + (size_t)b * h1,
                                  nr->theta + critic_own_actions(nr->critic), 1.0F);
    joint_sums_pass(&sums->joint, nr->theta, i, gradient);
}

void normed_sums_end(struct normed_sums *sums, struct reals theta, const struct activations *x)
{
    const struct normed_response *nr = sums->nr;
    const struct mlp *mlp = &nr->critic->mlp;
    float *passes = sums->joint.gradient;
    joint_sums_end(&sums->joint, nr->theta, nr->state, nr->action, theta, x);
    folded_gradient(mlp, nr->theta, sums->back2, passes + mlp->bias[1], passes[mlp->bias[2]],
                    passes);
    for (size_t k = 0; k < mlp->size; k++)
        sums->critic[k] += passes[k];
}
