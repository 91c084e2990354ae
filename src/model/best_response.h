// SPDX-License-Identifier: MIT
/**
 * The best response of the frozen critic: max_j Q(b, j) while the actors change one by one.
 *
 * After its own update the critic is frozen for N actor passes. Pass i needs, for each sample b,
 * the row (b, j) of the largest Q among the agents that propose, and dQ/da_i there. Between two
 * passes one actor has moved, by Δa_i (three numbers a sample). Evaluating all rows anew would cost
 * N times what the rest of the pass does. Here a row is evaluated only when it might have become
 * the maximum, and the maximising row again only when it may have left its linear region.
 * Everything below is exact up to rounding.
 *
 * Notation of one sample. z: joint part of the first layer's sums at the *reference*, the joint
 * action when the sample was last laid out. Row j adds o_j = x_j·W° of its own inputs. δ: change
 * of the joint part since, the same for all rows; δ += Δa_i·W1[actions of i]. Then
 *
 *     h1_j = relu(z + o_j + δ),   z2_j = b2 + h1_j·W2,   Q_j = b3 + relu(z2_j)·w3 .
 *
 * **The maximising row.** Its value was evaluated, at h, with t = W2·(w3 ⊙ [z2 > 0]). As long as
 * no sum of its second layer changes sign, its value has moved by
 *
 *     ΔQ = t·(h1 - h)      and      dQ/da_i = W1[actions of i]·(t ⊙ [h1 > 0]) ,
 *
 * whatever units of the first layer have switched. *Certificate*: by Cauchy and Schwarz the sum of
 * unit m has moved by at most ‖W2_m‖·‖h1 - h‖, so no sign changes while ‖h1 - h‖ < radius, with
 * radius = min_m |z2_m|/‖W2_m‖. When it fails, or the row's own inputs have moved, the row is
 * evaluated again: a *renewal*.
 *
 * **The other rows.** When a sample is laid out, all its rows are evaluated, and the units of both
 * layers sorted into those that are on in every row, off in every row, and the mixed ones
 * (linear_region.h), where on and off must hold by a margin:
 *
 *     first layer:  |z + o_j| > κ·(‖W1[actions of all], k‖ + ‖W°[actions], k‖)
 *     second layer: |z2_j| > ρ·‖W2_m‖ .
 *
 * While the joint action has moved by less than κ (‖Δa‖ over all actors) and a row's sums by less
 * than ρ (‖δ‖ + ‖own part‖), no unit outside the mixed ones switches, in any row. Let
 *
 *     c = W2·(w3 ⊙ on2)  on the units of the first layer that are on or mixed,
 *     v = |W2|·(|w3| ⊙ mixed2) there, plus |c| on the mixed ones of the first layer.
 *
 * Then all rows move *together* by C = Σ_on c·δ and each differs from that by at most
 * E = v·|δ|: units that are on in all rows and feed units that are on in all rows move all values
 * alike, and only mixed units can make rows differ. (ReLU is 1-Lipschitz: a mixed unit of the first
 * layer moves by at most |δ_k|, one of the second by at most |W2_m|·|δ|.) When actor j itself has
 * moved, row j also moves by the same two terms of its own part. So from a value q_j at the
 * reference,
 *
 *     Q_j ≤ q_j + C + E + e_j ,
 *
 * e_j being what its own move or a later evaluation at another δ' added (E(δ'), by the triangle
 * inequality). An agent that begins to propose brings a row that the units were not sorted for, and
 * the sample is laid out again, as it is when the maximising row goes. Only rows whose bound
 * exceeds the maximum are evaluated. (The Lipschitz bound over all units, |W2|·|w3| in place of v,
 * is some thousand times looser in a training of the published size.)
 *
 * **Rounding.** C, E and ΔQ are f32 sums in 16 lanes, whose rounding is at most
 * (H1/16 + 8)·2^-24·(‖c‖ + ‖v‖ + ‖t‖)·‖δ‖. Two ways of evaluating one row differ by less than the
 * *slack*,
 *
 *     2^-21·(|b3| + Σ_m |w3_m|·(|b2_m| + ‖W2_m‖·‖h1‖)) + 2^-24·‖t_on‖·‖W1_k‖·‖x‖ ,
 *
 * a few roundings of the terms in each layer's sums: m over the units of the second layer that are
 * not surely off, t_on where h1 > 0, ‖W1_k‖ the root mean square over units, x all inputs. (Not a
 * worst case, which would be useless. In ten million passes of trainings with 10 to 500 agents the
 * tracked value was never further than 0.56 of it from the row evaluated anew.) Both are added to
 * the bound. Rows whose values differ by less may be exchanged; otherwise the row found is the
 * maximising one, the lowest agent among rows that are exactly equal.
 *
 * Samples on which no actor needs a gradient (every 1 - y² exactly 0) are never laid out, and
 * samples on which Δa_i is exactly 0 cost nothing in pass i.
 *
 * Letters: B samples, N agents, H1, H2 hidden units. f32.
 */
#ifndef CCMSWEEP_BEST_RESPONSE_H
#define CCMSWEEP_BEST_RESPONSE_H

#include "model/arena.h"
#include "model/critic.h"
#include "model/linear_region.h"
#include <stdbool.h>
#include <stdint.h>

/** One sample. */
struct response {
    bool known;      /**< laid out at a reference */
    bool moved;      /**< an action has changed since the maximum was found */
    bool row_moved;  /**< the own inputs of the maximising row have changed */
    bool outdated;   /**< a row was added, or the maximising one is gone */
    int32_t agent;   /**< of the maximising row, or CRITIC_NOBODY */
    int32_t version; /**< raised whenever the row is evaluated */
    float value;     /**< its Q when it was evaluated */
    float radius;    /**< its certificate */
    float slack;     /**< its rounding, see above */
    float kappa;     /**< κ */
    float rho;       /**< ρ */
    float rounding;  /**< (H1/16 + 8)·2^-24·(‖c‖ + ‖v‖ + ‖t‖) */
    float inputs;    /**< bound of ‖x‖ */
    float travelled; /**< Σ|Δa|² since the reference */
    float own;       /**< largest |Δa_j| of a row's own move */
    float rival;     /**< largest q_j + e_j of another row: an upper bound */
    float change;    /**< ΔQ of the row since it was evaluated */
    float distance;  /**< ‖h1 - h‖² */
    float shift2;    /**< ‖δ‖² */
    float together;  /**< C */
    float apart;     /**< E */
};

/** What it took, since the training began. */
struct response_tally {
    double passes;      /**< (sample, actor) pairs that needed the maximum */
    double rows;        /**< rows evaluated for them, laying out included */
    double challengers; /**< of these: rows whose bound exceeded the maximum */
    double layouts;     /**< samples laid out */
    double renewals;    /**< maximising rows evaluated again */
    double flips;       /**< of these: rows with a unit of the second layer that had switched */
};

struct best_response {
    struct critic *critic;        /**< borrowed, with w2 turned */
    struct linear_region *region; /**< borrowed */
    const float *theta;           /**< of the frozen critic */
    const float *state;           /**< (B, N·S) */
    const float *action;          /**< (B, N·A), changing */
    struct response *at;          /**< (B) */
    struct response_tally tally;
    float *state_part;        /**< (B, H1) of critic_joint_state */
    float *z, *shift;         /**< (B, H1) z and δ */
    float *u, *h, *t;         /**< (B, H1) the row: z + o, h and t */
    float *z2;                /**< (B, H2) the row when it was evaluated */
    float *common, *bound;    /**< (B, H1) c and v; c is 0 on mixed units */
    float *common_own;        /**< (B, A) c · W°[actions] */
    float *bound_own;         /**< (B, A) v · |W°[actions]| */
    float *q, *e;             /**< (B, N) */
    uint8_t *inside;          /**< (B, N) rows that were laid out */
    float *abs_w2, *abs_w3;   /**< (H2, H1), (H2) absolute values */
    float *abs_own;           /**< (A, H1) |W°[actions]| */
    float *reach;             /**< (H1) ‖W1[actions of all], k‖ + ‖W°[actions], k‖ */
    float *norm2;             /**< (H2) ‖W2_m‖ */
    float *margin1, *margin2; /**< (H1), (H2) */
    float *spare;             /**< (H1) */
    float *row_own, *row_h, *row_z2, *row_q; /**< (N, …) rows under evaluation */
    int32_t *row_agent, *on, *fresh;         /**< (N), (max(H1, H2)), (B) */
    float first_norm;                        /**< root mean square of ‖W1_k‖ */
    float own_reach;                         /**< ‖W°[actions]‖ */
    float spread;                            /**< ρ for a κ of 1 */
    int samples;
};

/** Lay out for `samples` samples; `critic` and `region` are borrowed. */
void best_response_bind(struct best_response *br, struct critic *critic,
                        struct linear_region *region, int samples, struct arena *scratch);

/** Freeze the critic. No sample is known. `critic` must have been turned (critic_turn).
 *  \param state (B, N·S), action (B, N·A): borrowed until the next start; the caller changes
 *         actions and reports it with best_response_moved */
void best_response_start(struct best_response *br, const float *theta, const float *state,
                         const float *action);

/** Find the maximising rows of `count` listed samples at the present actions. */
void best_response_find(struct best_response *br, int count, const int32_t *list);

/** d_y (B, A) = d_q·dQ/da_i on the listed samples, whose rows must be known. \param d_q (B) */
void best_response_gradient(const struct best_response *br, int i, int count, const int32_t *list,
                            const float *d_q, float *d_y);

/** Actor i's actions have changed, for the first time since the start. \param before, after
 *  (B, A) */
void best_response_moved(struct best_response *br, int i, const float *before, const float *after);

/** Q of the maximising row of a known sample. */
float best_response_value(const struct best_response *br, int b);

#endif
