// SPDX-License-Identifier: MIT
/** Settings of the training step and of the networks, four values of each kind, one by one and in
 *  drawn combinations. */
#ifndef CCMSWEEP_TESTS_REMEDIES_CASE_H
#define CCMSWEEP_TESTS_REMEDIES_CASE_H

#include "base/rng.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const remedies[][4] = {
    {"training.clip_actor=1e-6", "training.clip_actor=0.01", "training.clip_actor=1",
     "training.clip_actor=1e6"},
    {"training.clip_critic=1e-3", "training.clip_critic=1", "training.clip_critic=1000",
     "training.clip_critic=1e20"},
    /* Gradients of 1e7 as they are: rates at which a step of SGD leaves finite figures. */
    {"training.optimizer=sgd training.actor_lr=1e-6 training.critic_lr=1e-13",
     "training.optimizer=sgd training.actor_lr=1e-6 training.critic_lr=1e-13 "
     "training.momentum=0.9",
     "training.optimizer=rmsprop", "training.adam_beta1=0.5"},
    {"training.weight_decay=0.01", "training.weight_decay=0.5", "training.weight_decay=1",
     "training.weight_decay=1e-9"},
    {"training.zero_gradient=skip", "training.zero_gradient=reset_moments",
     "training.zero_gradient=skip", "training.zero_gradient=reset_moments"},
    {"training.reward_scale=0.01", "training.reward_scale=0.1", "training.reward_scale=3",
     "training.reward_scale=1e-5"},
    {"training.preactivation_penalty=0.001", "training.preactivation_penalty=1",
     "training.preactivation_penalty=1e-6", "training.preactivation_penalty=100"},
    {"training.actor_every=2", "training.actor_every=3",
     "training.actor_every=2 tracking.log_every=2", "training.actor_every=2 tracking.log_every=3"},
    {"networks.actor_precision=f64", "networks.actor_precision=f64",
     "networks.actor_precision=f64 training.tau=0.5", "networks.actor_precision=f64"},
    {"networks.squash=softsign", "networks.squash=inverting", "networks.squash=softsign",
     "networks.squash=inverting"},
    {"networks.input_norm=range", "networks.input_norm=running", "networks.input_norm=range",
     "networks.input_norm=running"},
    {"training.rules=corrected", "training.critic_mean=transitions",
     "training.time_limit=bootstrap", "training.tau=0.25"},
    {"networks.actor_norm=output", "networks.actor_norm=hidden",
     "networks.actor_norm=output networks.actor_output_init=none",
     "networks.actor_norm=hidden networks.actor_output_init=none"},
    {"networks.critic_norm=hidden", "networks.critic_norm=hidden", "networks.critic_norm=hidden",
     "networks.critic_norm=hidden networks.critic_activation=linear"},
};

enum { REMEDIES = sizeof remedies / sizeof remedies[0], REMEDIES_TEXT = 768 };

/* Words for settings, each behind a blank: of the first 4·REMEDIES one value alone, then drawn
 * combinations. */
static inline void write_remedies(size_t k, struct numpy_rng *rng, char words[REMEDIES_TEXT])
{
    const bool alone = k < 4 * (size_t)REMEDIES;
    size_t length = 0;
    words[0] = '\0';
    for (size_t kind = 0; kind < REMEDIES; kind++)
        if (alone ? k / 4 == kind : numpy_double(rng) < 0.4)
            length +=
                (size_t)snprintf(words + length, REMEDIES_TEXT - length, " %s",
                                 remedies[kind][alone ? k % 4 : (size_t)(4.0 * numpy_double(rng))]);
    /* These two do not go together, and are refused. */
    if (strstr(words, "inverting") != NULL && strstr(words, "actor_norm=output") != NULL)
        memcpy(strstr(words, "inverting"), "softsign ", strlen("inverting"));
}

#endif
