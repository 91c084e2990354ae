// SPDX-License-Identifier: MIT
/**
 * Acting: from the environment's state to actions, accepted agents and the step's reward.
 *
 * The client-master scheme: every actor proposes an action, the critic as master accepts at most K
 * proposals that fit the server's storage. Training adds noise and explores; evaluation does
 * neither.
 */
#ifndef CCMSWEEP_ROLLOUT_H
#define CCMSWEEP_ROLLOUT_H

#include <ccmsweep/arena.h>
#include <ccmsweep/mec.h>
#include <ccmsweep/networks.h>
#include <ccmsweep/rng.h>
#include <stdbool.h>
#include <stdint.h>

/** Scratch of acting. N agents. */
struct rollout {
    struct networks *nets;
    struct activations x; /**< of the last step, one sample */
    struct critic_rows rows;
    double *state, *action;     /**< (N, 7), (N, 3) */
    double *compute, *transmit; /**< (N) */
    float *state_part, *joint;  /**< (1, H1) */
    int32_t *order, *pool;      /**< (N) */
};

/** Generators and noise of a training step; NULL where a greedy one is wanted. */
struct exploration {
    struct numpy_rng *numpy;
    struct python_rng *python;
    double epsilon; /**< standard deviation of the noise and probability of a random selection */
};

/** One acted step. */
struct rollout_step {
    struct mec_step environment;
    bool over_limit; /**< more proposals than channels, or than the storage holds */
};

/** Lay out the scratch; `nets` is borrowed and must be bound. */
void rollout_bind(struct rollout *rollout, struct networks *nets, struct arena *scratch);

/**
 * Act once and step the environment.
 * \param rng      the environment's generator (the same as explore->numpy in training)
 * \param explore  NULL: greedy
 * \param state    (N, 7) f32 written: the state acted on
 * \param action   (N, 3) f32 written: actions with noise, clipped to [-1, 1]
 * \param accepted (N) written
 */
struct rollout_step rollout_act(struct rollout *rollout, struct mec *mec, struct numpy_rng *rng,
                                const struct exploration *explore, float *state, float *action,
                                uint8_t *accepted);

#endif
