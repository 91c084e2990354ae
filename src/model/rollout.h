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

#include "base/rng.h"
#include "model/arena.h"
#include "model/mec.h"
#include "model/networks.h"
#include "model/values.h"
#include <stdbool.h>
#include <stdint.h>

/** Scratch of acting in up to E environments side by side. N agents. */
struct rollout {
    struct networks *nets;
    int capacity;         /**< E */
    struct activations x; /**< of the last step, one sample for each environment */
    struct critic_rows rows;
    struct values values;
    double *action; /**< (E, N, 3) */
    double *state;  /**< (N, 7) */
    float *seen;    /**< (E, N, 7) what the networks see of it; NULL: the state itself */
    double *compute, *transmit; /**< (N) */
    float *joint;               /**< (E, H1) */
    double *joint_f64, *value;  /**< (H1), (N) */
    int32_t *order, *pool;      /**< (N) */
    int32_t *ranked;            /**< (E) environments whose proposals the critic ranks */
};

/** Generators and noise of a step in training; NULL for a greedy step. As published, noise and coin
 *  come from the environment's own generator. */
struct exploration {
    struct numpy_rng *noise;  /**< of the actions */
    struct mt19937 *coin;     /**< whether to explore */
    struct python_rng *order; /**< of a random selection */
    double epsilon; /**< standard deviation of the noise and probability of a random selection */
};

/** One acted step. */
struct rollout_step {
    struct mec_step environment;
    bool over_limit; /**< more proposals than channels, or than the storage holds */
};

/** ε of an episode, of the number of those that are finished. */
double rollout_epsilon(const struct settings *settings, int64_t finished);

/** Lay out the scratch; `nets` is borrowed and must be bound. \param capacity E */
void rollout_bind(struct rollout *rollout, struct networks *nets, int capacity,
                  struct arena *scratch);

/**
 * Act once in `count` environments side by side and step each. What happens in one does not depend
 * on the others.
 * \param mec      (count)
 * \param rng      (count) the environments' generators
 * \param explore  for one environment; NULL: greedy
 * \param state    (count, N, 7) f32 written: the states acted on, as the environment has them
 * \param action   (count, N, 3) f32 written: actions with noise, clipped to [-1, 1]
 * \param accepted (count, N) written
 * \param step     (count) written
 */
void rollout_act(struct rollout *rollout, int count, struct mec *mec, struct numpy_rng *rng,
                 const struct exploration *explore, float *state, float *action, uint8_t *accepted,
                 struct rollout_step *step);

#endif
