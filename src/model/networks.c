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

void networks_bind(struct networks *nets, const struct settings *settings, int samples,
                   struct arena *state, struct arena *scratch)
{
    const int channels = (int)settings->environment.channels;
    nets->settings = settings;
    nets->compute = (struct compute){.kernels = kernels_best()};
    actors_bind(&nets->actors, settings, &nets->compute, samples, scratch);
    critic_bind(&nets->critic, settings, &nets->compute, samples, channels, scratch);
    nets->actor = bind_family(nets->actors.mlp.size * (size_t)settings->environment.agents, state);
    nets->critic_family = bind_family(nets->critic.mlp.size, state);
    input_norm_bind(&nets->input, settings, state);
}

/* Targets are copies and moments 0, as published. */
static void start(struct family *family)
{
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
        float *theta = nets->actor.theta + (size_t)i * actor->size;
        mlp_init(actor, theta, rng, again ? bound : NAN);
        /* After the draws, so that they are the same with and without this setting. */
        if (!isnan(bias))
            theta[actor->bias[2]] = (float)bias;
    }
    mlp_init(&nets->critic.mlp, nets->critic_family.theta, rng, critic_again ? bound : NAN);
    start(&nets->actor);
    start(&nets->critic_family);
    input_norm_clear(&nets->input);
}
