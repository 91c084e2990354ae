// SPDX-License-Identifier: MIT
/**
 * The critic: one network that values every agent's proposal.
 *
 * Letters: N agents, B samples, R rows, S = 7, A = 3, J = N·(S+A) joint inputs, O = S+A own inputs,
 * H1, H2 hidden units. Input of a row (b, j): [states of all agents N·S | actions of all agents N·A
 * | state of j S | action of j A]; the "nobody" row has zeros in the last O.
 *
 * The first J inputs are the same for all rows of a sample, so their part of the first layer is
 * formed once per sample (critic_joint) and a row adds O multiply-adds. Gradients use the same
 * split: rows of a sample are summed before they meet the joint inputs. Rows of one sample also
 * share most of the units that ReLUs leave on, and units that are off in all of them take part in
 * no product; leaving out terms that are exactly 0 changes no bit. Normalisations of the hidden
 * layers are folded into the weights (folded.h), so that this holds with them too; "hidden units"
 * are then those before they are normalised. A critic without activations and normalisations is one
 * affine map (affine.h): its second layer is formed as the first is, a part once for each sample,
 * and its gradient from sums over the rows alone.
 */
#ifndef CCMSWEEP_CRITIC_H
#define CCMSWEEP_CRITIC_H

#include "model/affine.h"
#include "model/arena.h"
#include "model/folded.h"
#include "model/kernels.h"
#include "model/mlp.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

enum { CRITIC_NOBODY = -1 };

/** Rows under evaluation, in ascending (sample, agent) order, with their activations. */
struct critic_rows {
    int count, capacity;
    int32_t *sample;        /**< (R) */
    int32_t *agent;         /**< (R) or CRITIC_NOBODY */
    float *own;             /**< (R, O) own inputs */
    float *h1;              /**< (R, H1) hidden units */
    float *h2;              /**< (R, H2) hidden units */
    float *q;               /**< (R) */
    struct row_norms norms; /**< of a critic with normalisations */
};

/** Shape and scratch. Parameters come with each call. */
struct critic {
    struct mlp mlp;
    struct compute *compute; /**< borrowed */
    int agents;
    int joint;            /**< J */
    float *d_a2;          /**< (R, H2) gradient by the second layer's sums, of the last backward */
    float *d_a1;          /**< (R, H1) gradient by the first layer's sums, of the last backward */
    float *d_joint;       /**< (B, H1) d_a1 summed over the rows of a sample */
    float *w2;            /**< (H2, H1) the second layer's weight, folded or not, transposed by
                      *   critic_turn */
    int32_t *on;          /**< (max(H1, H2)) units that are on in some row of a sample */
    double *exact;        /**< (H1 + H2) of critic_value_f64 */
    struct folded folded; /**< with normalisations: of the last critic_fold, evaluation, turn */
    float *along;         /**< (R) of folded_back_heads */
    float *scaled;        /**< (R, H2) d_a2 times each row's 1/s */
    float *sums;          /**< (H2) Σ (m/s)·d_a2 over rows */
    /** Without activations, in place of the gradients and w2 above: */
    struct affine affine; /**< of critic_turn */
    float *joint_h2;      /**< (B, H2) second layer's sums without a row's own inputs */
    float *own_h2;        /**< (O, H2) weights of own inputs there, W°·W2 */
    float *d_sample;      /**< (B) d_q summed over the rows of a sample */
    float *x;             /**< (J + O) d_q·input summed over all rows */
    int32_t *list;        /**< (B) samples with a row */
};

/** Whether the critic's hidden layers are normalised. */
static inline bool critic_normed(const struct critic *critic)
{
    return critic->mlp.normed[0];
}

/** Shape of the critic. */
struct mlp critic_shape(const struct settings *settings);

/** Lay out scratch for up to `samples` samples of up to `per_sample` rows. */
void critic_bind(struct critic *critic, const struct settings *settings, struct compute *compute,
                 int samples, int per_sample, struct arena *scratch);

/** Lay out a list of up to `capacity` rows. \param hidden with room for h1 and h2 */
void critic_rows_bind(struct critic_rows *rows, const struct critic *critic, int capacity,
                      bool hidden, struct arena *scratch);

/** Part of the first layer's sums that the joint states decide, bias included: out (B, H1) =
 *  state (B, N·S) · W1[:N·S] + b1, on the `count` samples of `list`, or on the first `count` when
 *  `list` is NULL. */
void critic_joint_state(const struct critic *critic, const float *theta, int count,
                        const int32_t *list, const float *state, float *out);

/** Whole joint part: out (B, H1) = state_part + action (B, N·A) · W1[N·S:J], on the same kind of
 *  list. `out` may be `state_part`. */
void critic_joint(const struct critic *critic, const float *theta, int count, const int32_t *list,
                  const float *state_part, const float *action, float *out);

/** Start an empty list. */
void critic_rows_clear(struct critic_rows *rows);

/** Append row (sample, agent); `state`, `action` are the sample's joint arrays. */
void critic_rows_add(struct critic_rows *rows, const struct critic *critic, int sample, int agent,
                     const float *state, const float *action);

/** Append all agents of one sample that propose (action[j][0] ≥ 0), else "nobody". */
void critic_rows_add_proposers(struct critic_rows *rows, const struct critic *critic, int sample,
                               const float *state, const float *action);

/** Where the weights (A, H1) of agent i's actions among the joint inputs lie, and those (O, H1) of
 *  a row's own inputs; its own actions (A, H1) are the last of them. */
size_t critic_joint_actions(const struct critic *critic, int i);
size_t critic_own_inputs(const struct critic *critic);
size_t critic_own_actions(const struct critic *critic);

/** Own inputs (O) of an agent's row. */
void critic_own(const struct critic *critic, int agent, const float *state, const float *action,
                float *own);

/** Rows of the sample that row r belongs to: from r on, how many. */
int critic_rows_group(const struct critic_rows *rows, int r);

/** Fold the normalisations into the weights, for whoever reads critic->folded; without any nothing
 *  is done. */
void critic_fold(const struct critic *critic, const float *theta);

/** Fill h1, h2 and q of all rows. \param joint (B, H1) of critic_joint */
void critic_evaluate(const struct critic *critic, const float *theta, const float *joint,
                     struct critic_rows *rows);

/** Row of the largest q among q (count), the first among equals. A NaN never wins against a
 *  number. */
int critic_best(const float *q, int count);

/** critic_joint of one sample, state and action together, in f64. \param out (H1) written */
void critic_joint_f64(const struct critic *critic, const float *theta, const float *state,
                      const float *action, double *out);

/** Value of one row in f64: slow; it decides between values that f32 cannot distinguish.
 *  \param joint (H1) of critic_joint_f64 \param own (O) */
double critic_value_f64(const struct critic *critic, const float *theta, const double *joint,
                        const float *own);

/** Turn the second layer's weight round for critic_backward, or form the affine map of a critic
 *  without activations; once for each change of theta, which must then stay where it is. */
void critic_turn(struct critic *critic, const float *theta);

/** Backward pass of evaluated rows: from d_q (R) to d_a2 and d_a1 in the struct. Nothing without
 *  activations, where both are d_q times the same vector in every row. */
void critic_backward(struct critic *critic, const float *theta, const struct critic_rows *rows,
                     const float *d_q);

/**
 * Gradient by the parameters after critic_backward.
 * \param state, action joint arrays of the `samples` samples
 * \param gradient (mlp.size) written
 */
void critic_parameter_gradient(struct critic *critic, const float *theta, int samples,
                               const struct critic_rows *rows, const float *d_q, const float *state,
                               const float *action, float *gradient);

#endif
