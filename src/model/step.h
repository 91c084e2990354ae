// SPDX-License-Identifier: MIT
/**
 * The training step: one update of the critic, then one of each actor in order.
 *
 * TD targets and the critic's rows are evaluated sample by sample (values.h, critic.h); the actors
 * ask for the best response of the frozen critic (frozen.h), on the samples where their squash has
 * a slope. src/model/plain has the same step written plainly, to compare with.
 *
 * Letters: N agents, B samples, S = 7, A = 3, R rows, P parameters of an actor, Pc of the critic.
 * Everything f32 unless said otherwise.
 */
#ifndef CCMSWEEP_STEP_H
#define CCMSWEEP_STEP_H

#include "base/rng.h"
#include "model/arena.h"
#include "model/frozen.h"
#include "model/networks.h"
#include "model/optimizer.h"
#include "model/phase.h"
#include "model/replay.h"
#include "model/tracker.h"
#include "model/values.h"
#include <stdint.h>

/** Transitions copied side by side. */
struct batch {
    int count;         /**< B */
    float *state;      /**< (B, N·S) as stored, or as the networks see it (input_norm.h) */
    float *action;     /**< (B, N·A) */
    float *next_state; /**< (B, N·S) likewise */
    float *reward;     /**< (B) */
    float *done;       /**< (B) */
    uint8_t *accepted; /**< (B, N) */
};

enum { STEP_NOT_NEEDED = -2 };

/** Scratch of the step, and what the last one drew and found. */
struct step {
    const struct settings *settings; /**< borrowed */
    struct networks *nets;           /**< borrowed */
    struct probe probe;
    struct batch batch; /**< training.batch transitions, states as the networks see them */
    int64_t *slot;      /**< (B) replay slots of the last draw */
    double *weight;     /**< (B) importance-sampling weights of the last draw */
    double *error; /**< (B) errors of the transitions in the last step_errors or critic update */
    float *target; /**< (B) TD targets of the last step_errors or critic update */
    struct activations x, target_x;
    float *action;                /**< (B, N·A) new actions of all actors */
    float *joint;                 /**< (B, H1) */
    struct critic_rows proposers; /**< of all samples, values only */
    struct critic_rows selected;  /**< accepted agents of all samples */
    struct values values;
    struct frozen frozen;
    float *d_q;             /**< (R) */
    float *d_y;             /**< (B, A) */
    float *y_before;        /**< (B, A) */
    int32_t *list;          /**< (B) samples that a pass needs */
    float *critic_gradient; /**< (Pc) of the critic's update */
    struct reals gradient;  /**< (N, P) own gradient of each pass, as its optimiser got it */
    double *norm;           /**< (N + 1) its norm before clipping, last the critic's; NaN: none */
    int32_t *chosen;        /**< (N, B) agent of the maximising row in pass i, or CRITIC_NOBODY;
                              *   STEP_NOT_NEEDED where every slope of actor i is exactly 0 */
    float *chosen_q;        /**< (N, B) its Q */
    float *slack;           /**< (N, B) rows whose values differ by less may be exchanged */
    float *before;          /**< (Pc) log episodes: parameters before an update */
    struct reals before_actor; /**< (P) the same of an actor */
};

/** Lay out room for `count` transitions. */
void batch_bind(struct batch *batch, const struct settings *settings, int count,
                struct arena *scratch);

/** Lay out scratch; `networks` must be bound for max(training.batch, training.steps) samples. */
void step_bind(struct step *step, const struct settings *settings, struct networks *nets,
               struct arena *scratch);

/**
 * TD targets and errors of transitions: target = c·r + γ·(1-done)·max over agents that propose by
 * the target actors of the target critic ("nobody" when none), c the reward scale; error = Σ over
 * accepted agents of (target - Q)², each square f32, the sum f64, or by replay.priority the mean of
 * |target - Q|. Writes step->target and step->error and leaves the evaluated rows in
 * step->selected. \param batch at most max(training.batch, training.steps), states as the networks
 * see them
 */
void step_errors(struct step *step, const struct batch *batch);

/**
 * One training step: draw, critic, actors 0 … N-1 each seeing the already updated ones, priorities.
 * \param rng replay sampling's generator
 * \param t   number of this training step, 1 the first time
 * The tracker is given all that is computed, and changes nothing.
 */
void step_run(struct step *step, struct replay *replay, struct python_rng *rng,
              struct tracker *tracker, int64_t t);

#endif
