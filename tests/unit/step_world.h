// SPDX-License-Identifier: MIT
/** Networks, a replay and a step that are drawn, and ways to bend them to what is hard. */
#ifndef CCMSWEEP_TESTS_STEP_WORLD_H
#define CCMSWEEP_TESTS_STEP_WORLD_H

#include "model/trainer_view.h"
#include "step_check.h"
#include <stdbool.h>
#include <stdint.h>

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct mlp actor, critic;
    struct replay replay;
    struct tracker tracker;
    struct step step;
    struct numpy_rng rng;
    struct python_rng python;
    int64_t t; /* training steps so far */
};

/* Set before the first world: networks without activations. */
extern bool is_linear;

struct settings settings_of(const char *words);
double within(struct world *w, double low, double high);
struct world *open_world(const char *words, uint32_t seed);
void close_world(struct world *w);
void step_and_check(struct world *w, int every, struct counts *counts);
struct reals critic_of(struct world *w);
int agents(const struct world *w);
void as_drawn(struct world *w);
void wide(struct world *w);
void near_ties(struct world *w);
void blind_critic(struct world *w);
void twins(struct world *w);
void all_saturated(struct world *w);
void some_saturated(struct world *w);
void at_the_cliff(struct world *w);
void at_the_edges(struct world *w);
void nobody_proposes(struct world *w);
void one_proposes(struct world *w);
void all_propose(struct world *w);
void on_the_verge(struct world *w);
void dead_critic(struct world *w);
void dead_actors(struct world *w);
void on_kinks(struct world *w);

#endif
