// SPDX-License-Identifier: MIT
/**
 * Prioritised replay: a ring of transitions and a binary tree of priority sums.
 *
 * The tree is an array of 2·capacity - 1 f64, leaf i at i + capacity - 1, every parent the running
 * sum of its children, kept by adding differences upward (as published: the order of additions
 * decides the bits of the root). Source: Schaul et al. 2016, with p = (error + 0.01)^0.6 on sums of
 * squared errors.
 */
#ifndef CCMSWEEP_REPLAY_H
#define CCMSWEEP_REPLAY_H

#include "base/rng.h"
#include "model/arena.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** One transition as the caller holds it. */
struct transition {
    const float *state;      /**< (N, 7) */
    const float *action;     /**< (N, 3), with exploration noise */
    const float *next_state; /**< (N, 7) */
    const uint8_t *accepted; /**< (N) */
    float reward;
    float done; /**< 1 on the last step of an episode, which counts as terminal */
};

/**
 * The ring and its tree; C = capacity. All arrays lie in the state arena.
 *
 * The next state of a transition is the state of the next one in its episode, so observations have
 * a ring of their own, in which each is stored once: replay_state, replay_next_state.
 */
struct replay {
    int agents;
    int64_t capacity;
    int64_t steps;        /**< T, transitions of an episode */
    int64_t observations; /**< O, least number of rows that keeps C transitions whole */
    double alpha, error_floor, probability_floor, beta_step;
    float *observation; /**< (O, N·7) */
    float *action;      /**< (C, N·3) */
    float *reward;      /**< (C) */
    float *done;        /**< (C) */
    uint8_t *accepted;  /**< (C, N) */
    double *tree;       /**< (2C - 1) */
    struct {
        int64_t stored; /**< transitions held, ≤ C */
        int64_t next;   /**< slot of the next one */
        int64_t added;  /**< transitions ever added */
        double beta;    /**< exponent of the importance-sampling weights */
    } * at;
};

/** Take the constants of section replay and lay out the ring and its tree, all of it state. */
void replay_bind(struct replay *replay, const struct settings *settings, struct arena *state);

/** Empty it. */
void replay_clear(struct replay *replay, double beta_start);

/**
 * Copy a transition into the next slot of the ring with the priority of `error`. Returns the slot.
 * Episodes come whole and in order: every T-th transition is `done`, no other is, and the state of
 * one that does not begin an episode is, bit for bit, the next state of the one before (a bug
 * otherwise; checked).
 */
int64_t replay_add(struct replay *replay, const struct transition *transition, double error);

/** State of the transition in `slot`, (N, 7). Borrowed: valid until the next add. */
const float *replay_state(const struct replay *replay, int64_t slot);

/** Next state of the transition in `slot`, (N, 7). Borrowed: valid until the next add. */
const float *replay_next_state(const struct replay *replay, int64_t slot);

/** Give a slot the priority (error + error_floor)^alpha, also when the error is not finite. */
void replay_update(struct replay *replay, int64_t slot, double error);

/** Slot reached by descending the tree with `s` (left when s ≤ left). A sum that rounding carried
 *  past the last stored transition yields the last stored one. */
int64_t replay_find(const struct replay *replay, double s);

/**
 * Draw `batch` slots, one from each of `batch` equal segments of the root, and their weights.
 * Advances β by beta_step (at most to 1) first.
 * \param slot   (batch) written
 * \param weight (batch) (stored·(p + floor)/(root + floor))^-β divided by the batch's maximum
 */
void replay_sample(struct replay *replay, struct python_rng *rng, int batch, int64_t *slot,
                   double *weight);

#endif
