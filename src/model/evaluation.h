// SPDX-License-Identifier: MIT
/**
 * Evaluation: greedy episodes on environments of their own seeds.
 *
 * Episode e of an evaluation plays the training's devices (others where environments continue a
 * generator, as published) with tasks drawn from a generator seeded with e, without noise or
 * exploration. Generators are made anew each time, so that evaluating
 * leaves no trace in the training.
 */
#ifndef CCMSWEEP_EVALUATION_H
#define CCMSWEEP_EVALUATION_H

#include "model/arena.h"
#include "model/mec.h"
#include "model/rollout.h"
#include <ccmsweep/settings.h>

/** Scratch of an evaluation: E environments in lockstep. N agents, T steps. */
struct evaluation {
    const struct settings *settings; /**< borrowed */
    struct rollout *rollout;         /**< borrowed */
    struct mec *mec;                 /**< (E) all of the same devices */
    struct numpy_rng *rng;           /**< (E) */
    float *state, *action;           /**< (E, N, 7), (E, N, 3) */
    uint8_t *accepted;               /**< (E, N) */
    struct rollout_step *step;       /**< (T, E) */
};

/** Means over the episodes of one evaluation. */
struct evaluation_result {
    double reward;             /**< mean sum of step rewards */
    double over_limit;         /**< share of steps whose proposals exceed the server's limits */
    double deadline_violation; /**< share of (step, agent) pairs */
    double energy_violation;   /**< share of (step, agent) pairs */
};

/** How many environments an evaluation plays side by side: what its rollout must have room for. */
int evaluation_lockstep(const struct settings *settings);

/** Lay out the scratch, devices included: between its calls an evaluation keeps only these. */
void evaluation_bind(struct evaluation *evaluation, const struct settings *settings,
                     struct rollout *rollout, struct arena *scratch);

/** Draw the devices from `rng`, as the training's environment draws its own. Call once. */
void evaluation_construct(struct evaluation *evaluation, struct numpy_rng *rng);

/** Play evaluation.episodes greedy episodes with the present networks. */
struct evaluation_result evaluation_run(struct evaluation *evaluation);

#endif
