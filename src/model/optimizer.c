// SPDX-License-Identifier: MIT
/* What an optimiser's step takes: the same for f32 and f64, whose steps are in optimizer_tmpl.c. */
#include "model/optimizer.h"

static struct optimizer optimizer_with(const struct settings *s, double lr, double clip, int64_t t)
{
    return (struct optimizer){
        .kind = s->training.optimizer,
        .adam = adam_scalars(lr, s->training.adam_beta1, s->training.adam_beta2,
                             s->training.adam_eps, t),
        .lr = lr,
        .momentum = s->training.momentum,
        .decay = lr * s->training.weight_decay,
        .clip = clip,
    };
}

bool optimizer_rests(const struct settings *settings, int64_t t)
{
    return (t - 1) % settings->training.actor_every != 0;
}

struct optimizer optimizer_of_actors(const struct settings *settings, int64_t t)
{
    const int64_t update = (t - 1) / settings->training.actor_every + 1;
    struct optimizer optimizer = optimizer_with(settings, settings->training.actor_lr,
                                                settings->training.clip_actor, update);
    optimizer.zero_gradient = settings->training.zero_gradient;
    optimizer.rests = optimizer_rests(settings, t);
    return optimizer;
}

struct optimizer optimizer_of_critic(const struct settings *settings, int64_t t)
{
    return optimizer_with(settings, settings->training.critic_lr, settings->training.clip_critic,
                          t);
}
