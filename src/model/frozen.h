// SPDX-License-Identifier: MIT
/**
 * The frozen critic, as the actors of a training step climb it one after the other.
 *
 * After its own update the critic stays as it is for N passes. Pass i asks for the maximising row
 * of each sample and for dQ/da_i there, then actor i moves. In a log episode the gradients of all
 * passes are summed as well (what the study logged). How this is done best depends on what kind of
 * function the critic is; each kind has a file of its own, and a table of functions in frozen.c.
 *
 * Letters: N agents, B samples, A = 3, P parameters of an actor, Pc of the critic. f32, but what is
 * of actors of f64.
 */
#ifndef CCMSWEEP_FROZEN_H
#define CCMSWEEP_FROZEN_H

#include "model/accumulated.h"
#include "model/actors.h"
#include "model/affine_response.h"
#include "model/arena.h"
#include "model/best_response.h"
#include "model/normed_response.h"
#include "model/normed_sums.h"
#include "model/values.h"

/** The maximising row of one sample. */
struct choice {
    int32_t agent; /**< or CRITIC_NOBODY */
    float value;   /**< its Q */
    float slack;   /**< rows whose values differ by less may be exchanged */
};

struct frozen {
    const struct frozen_kind *kind;
    struct best_response br;        /**< of a piecewise linear critic */
    struct accumulated sums;        /**< the same */
    struct affine_response ar;      /**< of a critic without activations */
    struct normed_response normed;  /**< of a critic with normalisations */
    struct normed_sums normed_sums; /**< the same */
};

/** Lay out for `samples` samples; all others are borrowed. */
void frozen_bind(struct frozen *frozen, struct critic *critic, struct actors *actors,
                 struct values *values, int samples, struct arena *scratch);

/** Freeze the critic, which must have been turned (critic_turn).
 *  \param state (B, N·S), action (B, N·A): borrowed until the next start; the caller changes
 *         actions and reports it with frozen_moved */
void frozen_start(struct frozen *frozen, const float *theta, const float *state,
                  const float *action);

/** Find the maximising rows of `count` listed samples at the present actions. */
void frozen_find(struct frozen *frozen, int count, const int32_t *list);

/** d_y (B, A) = d_q·dQ/da_i on the listed samples, whose rows must be known. \param d_q (B) */
void frozen_gradient(struct frozen *frozen, int i, int count, const int32_t *list, const float *d_q,
                     float *d_y);

/** Actor i's actions have changed, for the first time since the start. \param before, after
 *  (B, A) */
void frozen_moved(struct frozen *frozen, int i, const float *before, const float *after);

/** The row of a sample that frozen_find has found. */
struct choice frozen_choice(const struct frozen *frozen, int b);

/** Begin the sums of a log with the critic's own gradient (Pc). \param d_q (B) borrowed until the
 *  end, set before the first pass */
void frozen_log_begin(struct frozen *frozen, const float *critic, const float *d_q);

/** Pass i: its rows are known on all samples. \param gradient (P) own gradient of actor i */
void frozen_log_pass(struct frozen *frozen, int i, struct reals gradient);

/** After actor i's update. \param before, after (B, A) its actions */
void frozen_log_moved(struct frozen *frozen, int i, const float *before, const float *after);

/** Form the sums. \param theta (N, P) updated actors, with x their activations
 *  \param actor (N, P), critic (Pc): set to the sums, borrowed until the next log */
void frozen_log_end(struct frozen *frozen, struct reals theta, const struct activations *x,
                    struct reals *actor, const float **critic);

#endif
