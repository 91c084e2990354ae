// SPDX-License-Identifier: MIT
/**
 * The best response of a frozen critic without activations, and the gradients of a log.
 *
 * Such a critic is affine in its inputs (affine.h): with G the slopes of the joint inputs and g
 * those of a row's own, the value of row j of sample b is
 *
 *     Q(b, j) = constant + G·(states, actions of b) + g·(state, action of j) ,
 *
 * the last term, its *score*, being 0 for "nobody". The first is the same for all rows, so that the
 * maximising row is the one of the largest score among the agents that propose, the lowest among
 * equals. When actor i moves, only its own score changes, and whether it proposes. dQ/da_i is the
 * same in all samples, but for the row's own part:
 *
 *     dL/dy_i = d_q·(G[actions of i] + [row is i's]·g[actions]) .
 *
 * **The sums of a log.** Every gradient by the critic's parameters follows from Σ d_q·x and Σ d_q
 * over samples and passes (affine_gradient). States are the same in all N passes; the actions of
 * agent a are old in a + 1 of them and new in N - 1 - a; a row's own inputs are added up pass by
 * pass. Actor a gets in passes p > a the gradient of its updated self, from
 * Σ dL/dy_a = d_q·((N - 1 - a)·G[actions of a] + (passes p > a with a's row)·g[actions]).
 *
 * **Rounding.** Values and scores are f64 sums and rounded to f32 at the end. The states are given;
 * the actions are f32 results of the actors' passes. The *slack* is a few roundings of f32 of the
 * sum's terms,
 *
 *     2^-21·(|constant| + ‖(G, g)‖·‖x‖) ,
 *
 * x all inputs: by so much a step whose actors act in f64 may find other values.
 *
 * Letters: N agents, B samples, S = 7, A = 3, O = S + A, I inputs, P parameters of an actor, Pc of
 * the critic.
 */
#ifndef CCMSWEEP_AFFINE_RESPONSE_H
#define CCMSWEEP_AFFINE_RESPONSE_H

#include "model/actors.h"
#include "model/arena.h"
#include "model/critic.h"
#include <stdint.h>

struct affine_response {
    struct critic *critic; /**< borrowed, turned */
    struct actors *actors; /**< borrowed */
    int samples;
    const float *state;     /**< (B, N·S) */
    const float *action;    /**< (B, N·A), changing */
    const float *d_q;       /**< (B) of a log, borrowed */
    double *joint;          /**< (B) Q without a row's score */
    double *score;          /**< (B, N), of all agents, proposing or not */
    int32_t *agent;         /**< (B) of the maximising row, or CRITIC_NOBODY */
    float *slack;           /**< (B) */
    double *x;              /**< (I) Σ d_q·x over the passes of a log */
    int32_t *later;         /**< (N, B) passes after a's own with a's row */
    float *x_f32;           /**< (I) */
    float *d_y;             /**< (B, A) */
    struct reals extra;     /**< (P) one backward pass */
    struct reals actor_sum; /**< (N, P) result of a log */
    float *critic_sum;      /**< (Pc) */
};

/** Lay out for `samples` samples; `critic` and `actors` are borrowed. */
void affine_response_bind(struct affine_response *ar, struct critic *critic, struct actors *actors,
                          int samples, struct arena *scratch);

/** Freeze the critic, as it was turned, and find all maximising rows.
 *  \param state (B, N·S), action (B, N·A): borrowed until the next start */
void affine_response_start(struct affine_response *ar, const float *state, const float *action);

/** d_y (B, A) = d_q·dQ/da_i on the listed samples. \param d_q (B) */
void affine_response_gradient(const struct affine_response *ar, int i, int count,
                              const int32_t *list, const float *d_q, float *d_y);

/** Actor i's actions have changed; the maximising rows follow. \param before, after (B, A) */
void affine_response_moved(struct affine_response *ar, int i, const float *before,
                           const float *after);

/** Q of the maximising row. */
float affine_response_value(const struct affine_response *ar, int b);

/** Begin the sums with the critic's own gradient (Pc), copied. \param d_q (B) borrowed until the
 *  end, set before the first pass */
void affine_response_log_begin(struct affine_response *ar, const float *critic, const float *d_q);

/** Pass i. \param gradient (P) own gradient of actor i */
void affine_response_log_pass(struct affine_response *ar, int i, struct reals gradient);

/** After actor i's update. \param before, after (B, A) its actions */
void affine_response_log_moved(struct affine_response *ar, int i, const float *before,
                               const float *after);

/** Form actor_sum and critic_sum. \param theta (N, P) updated actors, with x their activations */
void affine_response_log_end(struct affine_response *ar, struct reals theta,
                             const struct activations *x);

#endif
