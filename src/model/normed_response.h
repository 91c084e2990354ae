// SPDX-License-Identifier: MIT
/**
 * The best response of a frozen critic with normalisations: max_j Q(b, j) while the actors change
 * one by one.
 *
 * The scale of a row hangs on all of its units, so that no linear region and no useful bound spares
 * a row (best_response.h has both for a critic without normalisations). Each pass evaluates all
 * rows of the samples that were asked for and have moved since, sample by sample and at the price
 * of their mixed units (normed_region.h). The maximising row goes back through both normalisations
 * once for each evaluation: dQ/da_i is then W1[actions of i] times its gradient by the first
 * layer's sums, for every i.
 *
 * *Slack*: two ways of evaluating a row differ by less than
 *
 *     2^-21·(|b3| + Σ_m (|w3_m| + |û_m|·|Q - b3|/H2)·(|b2_m| + ‖C_m‖·‖r‖/s1)/s2)
 *         + 2^-24·‖dQ/da1‖·‖W1_k‖·‖x‖ ,
 *
 * a few roundings of the terms in each layer's sums: r the row's units, s1 and s2 its deviations,
 * m over the units of the second layer that are not surely off, ‖W1_k‖ the root mean square over
 * units, x all inputs; w3, b2, b3 and C are folded.
 *
 * Letters: B samples, N agents, A = 3, O = 10 own inputs, H1, H2 hidden units. f32.
 */
#ifndef CCMSWEEP_NORMED_RESPONSE_H
#define CCMSWEEP_NORMED_RESPONSE_H

#include "model/arena.h"
#include "model/critic.h"
#include "model/normed_region.h"
#include <stdbool.h>
#include <stdint.h>

/** One sample. */
struct normed_sample {
    bool known;    /**< laid out */
    bool moved;    /**< an action has changed since its rows were evaluated */
    bool nobody;   /**< the "nobody" row was laid out or added */
    int32_t agent; /**< of the maximising row, or CRITIC_NOBODY */
    float value;   /**< its Q */
    float slack;
};

struct normed_response {
    struct critic *critic; /**< borrowed, folded and turned */
    const float *theta;    /**< of the frozen critic */
    const float *state;    /**< (B, N·S) */
    const float *action;   /**< (B, N·A), changing */
    struct normed_region region;
    struct normed_sample *at; /**< (B) */
    float *state_part;        /**< (B, H1) of critic_joint_state */
    float *own;               /**< (B, O) own inputs of the maximising row */
    float *units;             /**< (B, H1) its units of the first layer */
    float *h2;                /**< (B, H2) and of the second */
    float *d2, *d1;           /**< (B, H2), (B, H1) dQ by its sums of the second, first layer */
    float *along;             /**< (B) of folded_back_heads */
    float *scale;             /**< (B) the first part of its slack */
    struct row_norms norms;   /**< (B) of the maximising row */
    float *by;                /**< (B, A) how far actions moved */
    float *own_moved, *part;  /**< (B, O), (B, H1) rows that moved, and their own parts */
    float *reach;             /**< (H2) ‖C_m‖ */
    float *row_own, *row_q;   /**< (N, O), (N) rows under evaluation */
    int32_t *row_agent;       /**< (N) */
    int32_t *on;              /**< (H2) units of the second layer with a slope in some sample */
    int32_t *list, *follow;   /**< (B) samples to evaluate; of these, not to be laid out */
    float first_norm;         /**< root mean square of ‖W1_k‖ */
    int samples;
};

/** Lay out for `samples` samples; `critic` is borrowed. */
void normed_response_bind(struct normed_response *nr, struct critic *critic, int samples,
                          struct arena *scratch);

/** Freeze the critic, which must have been turned (critic_turn). No sample is known.
 *  \param state (B, N·S), action (B, N·A): borrowed until the next start; the caller changes
 *         actions and reports it with normed_response_moved */
void normed_response_start(struct normed_response *nr, const float *theta, const float *state,
                           const float *action);

/** Find the maximising rows of `count` listed samples at the present actions. */
void normed_response_find(struct normed_response *nr, int count, const int32_t *list);

/** d_y (B, A) = d_q·dQ/da_i on the listed samples, whose rows must be known. \param d_q (B) */
void normed_response_gradient(const struct normed_response *nr, int i, int count,
                              const int32_t *list, const float *d_q, float *d_y);

/** Actor i's actions have changed, for the first time since the start. \param before, after
 *  (B, A) */
void normed_response_moved(struct normed_response *nr, int i, const float *before,
                           const float *after);

#endif
