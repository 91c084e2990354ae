// SPDX-License-Identifier: MIT
/* All networks of a training as two families of flat arrays: the optimiser, targets and
 * checkpoints are loops over them that know no layer. */
#include "model/networks.h"
#include <math.h>
#include <string.h>

static struct family bind_family(size_t size, struct arena *state)
{
    return (struct family){
        .size = size,
        .theta = arena_take(state, size, sizeof(float)),
        .target = arena_take(state, size, sizeof(float)),
        .m = arena_take(state, size, sizeof(float)),
        .v = arena_take(state, size, sizeof(float)),
    };
}

static struct family bind_family_f64(size_t size, struct arena *state)
{
    return (struct family){
        .size = size,
        .theta_f64 = arena_take(state, size, sizeof(double)),
        .target_f64 = arena_take(state, size, sizeof(double)),
        .m_f64 = arena_take(state, size, sizeof(double)),
        .v_f64 = arena_take(state, size, sizeof(double)),
    };
}

void networks_bind(struct networks *nets, const struct settings *settings, int samples,
                   struct arena *state, struct arena *scratch)
{
    const int channels = (int)settings->environment.channels;
    nets->settings = settings;
    nets->compute = (struct compute){.kernels = kernels_best()};
    actors_bind(&nets->actors, settings, &nets->compute, samples, scratch);
    critic_bind(&nets->critic, settings, &nets->compute, samples, channels, scratch);
    const size_t size = nets->actors.mlp.size * (size_t)settings->environment.agents;
    nets->actor = nets->actors.f64 ? bind_family_f64(size, state) : bind_family(size, state);
    if (nets->actors.f64)
        nets->drawn = arena_take(scratch, nets->actors.mlp.size, sizeof(float));
    nets->critic_family = bind_family(nets->critic.mlp.size, state);
    input_norm_bind(&nets->input, settings, state);
}

/* Targets are copies and moments 0, as published. */
static void start(struct family *family)
{
    if (family->theta_f64 != NULL) {
        memcpy(family->target_f64, family->theta_f64, family->size * sizeof(double));
        memset(family->m_f64, 0, family->size * sizeof(double));
        memset(family->v_f64, 0, family->size * sizeof(double));
        return;
    }
    memcpy(family->target, family->theta, family->size * sizeof(float));
    memset(family->m, 0, family->size * sizeof(float));
    memset(family->v, 0, family->size * sizeof(float));
}

void networks_init(struct networks *nets, struct torch_rng *rng)
{
    const struct mlp *actor = &nets->actors.mlp;
    const double bound = nets->settings->networks.output_init;
    const bool again = nets->settings->networks.actor_output_init == OUTPUT_BOUND;
    const bool critic_again = nets->settings->networks.critic_output_init == OUTPUT_BOUND;
    const double bias = nets->settings->networks.proposal_bias;
    for (int i = 0; i < nets->actors.agents; i++) {
        const size_t at = (size_t)i * actor->size;
        float *theta = nets->actors.f64 ? nets->drawn : nets->actor.theta + at;
        mlp_init(actor, theta, rng, again ? bound : NAN);
        /* After the draws, so that they are the same with and without this setting. */
        if (!isnan(bias))
            theta[actor->bias[2]] = (float)bias;
        for (size_t k = 0; nets->actors.f64 && k < actor->size; k++)
            nets->actor.theta_f64[at + k] = (double)theta[k];
    }
    mlp_init(&nets->critic.mlp, nets->critic_family.theta, rng, critic_again ? bound : NAN);
    start(&nets->actor);
    start(&nets->critic_family);
    input_norm_clear(&nets->input);
}

double networks_clip_actor(const struct networks *nets, const struct optimizer *optimizer,
                           struct reals gradient)
{
    const struct kernels *kernels = nets->compute.kernels;
    return nets->actors.f64
               ? optimizer_clip_f64(optimizer, kernels, &nets->actors.mlp, gradient.f64)
               : optimizer_clip(optimizer, kernels, &nets->actors.mlp, gradient.f32);
}

struct adam_effect networks_update_actor(struct networks *nets, int i,
                                         const struct optimizer *optimizer, struct reals gradient,
                                         struct reals before)
{
    const struct kernels *kernels = nets->compute.kernels;
    const struct mlp *mlp = &nets->actors.mlp;
    const struct family *f = &nets->actor;
    const double tau = nets->settings->training.tau;
    const size_t at = (size_t)i * mlp->size;
    struct adam_effect effect;
    if (nets->actors.f64) {
        effect = optimizer_step_f64(optimizer, kernels, mlp, f->theta_f64 + at, f->m_f64 + at,
                                    f->v_f64 + at, gradient.f64, before.f64);
        adam_soft_update_f64(tau, mlp->size, f->target_f64 + at, f->theta_f64 + at);
    } else {
        effect = optimizer_step(optimizer, kernels, mlp, f->theta + at, f->m + at, f->v + at,
                                gradient.f32, before.f32);
        adam_soft_update(tau, mlp->size, f->target + at, f->theta + at);
    }
    return effect;
}
