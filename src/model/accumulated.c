// SPDX-License-Identifier: MIT
/* The gradients that the published program logged, from sums over passes (the header says why the
 * sums suffice). A pass adds to the sums (accumulated_pass); a stretch turns its sums into
 * gradient when its row is replaced (end_stretch); the rest follows once at the end
 * (accumulated_end). Only log episodes come here. */
#include "model/accumulated.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

void accumulated_bind(struct accumulated *sums, struct actors *actors,
                      const struct best_response *br, struct arena *scratch)
{
    const struct mlp *mlp = &br->critic->mlp;
    const size_t b = (size_t)br->samples;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    *sums = (struct accumulated){
        .br = br,
        .stretch_d1 = arena_take(scratch, b * h1, sizeof(float)),
        .stretch_h = arena_take(scratch, b * h1, sizeof(float)),
        .z2 = arena_take(scratch, b * h2, sizeof(float)),
        .own = arena_take(scratch, b * O, sizeof(float)),
        .d2 = arena_take(scratch, h2, sizeof(float)),
        .h2 = arena_take(scratch, h2, sizeof(float)),
        .agent = arena_take(scratch, b, sizeof(int32_t)),
        .version = arena_take(scratch, b, sizeof(int32_t)),
        .from = arena_take(scratch, b, sizeof(int32_t)),
        .passes = arena_take(scratch, b, sizeof(int32_t)),
        .on = arena_take(scratch, h1 > h2 ? h1 : h2, sizeof(int32_t)),
    };
    joint_sums_bind(&sums->joint, actors, br->critic, br->samples, scratch);
}

void accumulated_begin(struct accumulated *sums, const float *critic, const float *d_q)
{
    sums->d_q = d_q;
    joint_sums_begin(&sums->joint);
    memcpy(sums->joint.gradient, critic, sums->br->critic->mlp.size * sizeof *critic);
    for (int b = 0; b < sums->br->samples; b++)
        sums->version[b] = -1;
}

/* Σ h2 of the stretch: affine in h1 while no unit of the second layer switches. */
static void sum_second_layer(struct accumulated *sums, int b, int on)
{
    const struct critic *critic = sums->br->critic;
    const float *theta = sums->br->theta;
    const size_t h2 = (size_t)critic->mlp.out[1];
    const float *b2 = theta + critic->mlp.bias[1];
    const size_t h1 = (size_t)critic->mlp.out[0];
    struct product p = product_of(1, (int)h2, on, sums->stretch_h + (size_t)b * h1,
                                  theta + critic->mlp.weight[1], sums->h2);
    p.inner = sums->on;
    compute_product(critic->compute, &p);
    for (size_t m = 0; m < h2; m++)
        sums->h2[m] += (float)sums->passes[b] * b2[m];
}

/* Add what the stretch's row gives to everything but the joint inputs, and end the stretch. Within
 * it no unit of the second layer switches (the certificate of best_response), so d2 is one vector
 * and the gradient of the second layer is d2 times the sum of h1. A row of actor a in passes after
 * a's own also gives a, by its own inputs, a part of dL/dy. */
static void end_stretch(struct accumulated *sums, int b)
{
    const struct best_response *br = sums->br;
    const struct mlp *mlp = &br->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    const float *w3 = br->theta + mlp->weight[2];
    const float *z2 = sums->z2 + (size_t)b * h2;
    const float *d1 = sums->stretch_d1 + (size_t)b * h1;
    const float *h = sums->stretch_h + (size_t)b * h1;
    const float passes = (float)sums->passes[b];
    const float d_q = sums->d_q[b];
    float *gradient = sums->joint.gradient;
    const int on = br->critic->compute->kernels->positive(1, (int)h1, h, sums->on);
    sum_second_layer(sums, b, on);
    for (size_t m = 0; m < h2; m++) {
        sums->d2[m] = z2[m] > 0.0F ? d_q * w3[m] : 0.0F;
        gradient[mlp->bias[1] + m] += passes * sums->d2[m];
        gradient[mlp->weight[2] + m] += z2[m] > 0.0F ? d_q * sums->h2[m] : 0.0F;
    }
    gradient[mlp->bias[2]] += passes * d_q;
    joint_sums_add_product(&sums->joint, on, (int)h2, 1, h, sums->d2, sums->on,
                           gradient + mlp->weight[1]);
    joint_sums_add_product(&sums->joint, O, (int)h1, 1, sums->own + (size_t)b * O, d1, NULL,
                           gradient + critic_own_inputs(br->critic));
    if (sums->agent[b] != CRITIC_NOBODY && sums->from[b] > sums->agent[b])
        joint_sums_add_slopes(&sums->joint, sums->agent[b], b, 1, d1,
                              br->theta + critic_own_actions(br->critic), 1.0F);
    sums->version[b] = -1;
}

/* Remember the row as it is in this pass: by the end of the stretch it may have been replaced. */
static void begin_stretch(struct accumulated *sums, int b, int i)
{
    const struct best_response *br = sums->br;
    const size_t n = (size_t)br->critic->agents;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    const size_t h2 = (size_t)br->critic->mlp.out[1];
    const size_t at = (size_t)b;
    sums->agent[b] = br->at[b].agent;
    sums->version[b] = br->at[b].version;
    sums->from[b] = i;
    sums->passes[b] = 0;
    critic_own(br->critic, br->at[b].agent, br->state + at * n * S, br->action + at * n * A,
               sums->own + at * O);
    memcpy(sums->z2 + at * h2, br->z2 + at * h2, h2 * sizeof(float));
    memset(sums->stretch_d1 + at * h1, 0, h1 * sizeof(float));
    memset(sums->stretch_h + at * h1, 0, h1 * sizeof(float));
}

/* d1 and h1 of the present pass. u + δ has the units of the first layer as they are now, also those
 * that have switched since the row was evaluated; t holds as long as the certificate does. */
static void add_pass(struct accumulated *sums, int b)
{
    const struct best_response *br = sums->br;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    const size_t at = (size_t)b * h1;
    const float d_q = sums->d_q[b];
    for (size_t k = at; k < at + h1; k++) {
        const float u = br->u[k] + br->shift[k];
        const float d1 = u > 0.0F ? d_q * br->t[k] : 0.0F;
        sums->joint.sum[k] += d1;
        sums->stretch_d1[k] += d1;
        sums->stretch_h[k] += u > 0.0F ? u : 0.0F;
    }
    sums->passes[b]++;
}

void accumulated_pass(struct accumulated *sums, int i, struct reals gradient)
{
    const struct best_response *br = sums->br;
    for (int b = 0; b < br->samples; b++) {
        if (sums->version[b] != br->at[b].version) {
            if (sums->version[b] >= 0)
                end_stretch(sums, b);
            begin_stretch(sums, b, i);
        }
        add_pass(sums, b);
        if (sums->agent[b] == i) /* its own inputs change now */
            end_stretch(sums, b);
    }
    joint_sums_pass(&sums->joint, br->theta, i, gradient);
}

void accumulated_end(struct accumulated *sums, struct reals theta, const struct activations *x)
{
    const struct best_response *br = sums->br;
    for (int b = 0; b < br->samples; b++)
        if (sums->version[b] >= 0)
            end_stretch(sums, b);
    joint_sums_end(&sums->joint, br->theta, br->state, br->action, theta, x);
}
