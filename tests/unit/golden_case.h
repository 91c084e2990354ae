// SPDX-License-Identifier: MIT
/** A trace of the PyTorch reference, trained twice: with a log in every episode, which gives every
 *  figure, and with a log in every tenth, whose pre-activation rows the reference has. */
#ifndef CCMSWEEP_TESTS_GOLDEN_CASE_H
#define CCMSWEEP_TESTS_GOLDEN_CASE_H

#include "check.h"
#include "csv.h"
#include <ccmsweep/trainer.h>

#define GOLDEN_LAYERNORM                                                                           \
    "training.actor_lr=0.1 training.critic_lr=0.01 networks.actor_norm=output "                    \
    "networks.actor_output_init=none"

struct golden {
    const char *name;
    struct trainer *fine, *coarse;
};

/* Train `name` with the settings of `words`; `look` sees the fine training after each episode. */
static inline void golden_train(struct golden *golden, const char *name, const char *words,
                                int episodes, void (*look)(int episode))
{
    struct settings s = settings_with(words);
    s.training.episodes = episodes;
    golden->name = name;
    golden->coarse = trainer_new(&s);
    s.tracking.log_every = 1;
    golden->fine = trainer_new(&s);
    for (int e = 1; e <= episodes; e++) {
        trainer_advance(golden->fine, 1);
        look(e);
    }
    trainer_advance(golden->coarse, episodes);
    assert_true(trainer_done(golden->fine) && trainer_done(golden->coarse));
}

static inline void golden_free(struct golden *golden)
{
    trainer_free(&golden->fine);
    trainer_free(&golden->coarse);
}

/* A table of the trace. */
static inline struct csv golden_load(const struct golden *golden, const char *suffix)
{
    char name[200];
    snprintf(name, sizeof name, "golden/%s.%s.csv", golden->name, suffix);
    return csv_load(name);
}

#endif
