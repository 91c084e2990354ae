// SPDX-License-Identifier: MIT
/**
 * Accumulated gradients of a log episode: what the published program logged.
 *
 * It zeroes actor i's gradient only before pass i, so that at the end of a training step actor i
 * holds the sum of its gradients from passes i … N-1, and the critic its loss gradient and those
 * of all N actor passes. Forming each of the 1275 and adding them would cost some ten training
 * steps. All are linear in d1, the gradient by the first layer's sums of a pass's maximising rows,
 * and what they are multiplied by changes seldom, so sums of d1 over passes come first:
 *
 * - states (the same in all passes): one product with the sum over all passes;
 * - action of actor a (old in passes ≤ a, new after): old·Σ_{p≤a} d1 + new·Σ_{p>a} d1;
 * - a row's own inputs and its second layer (the same while the row is neither replaced nor
 *   evaluated anew): a product with the sums over that *stretch* of passes, in which h2 and the
 *   gradient are affine in h1;
 * - actor a in passes p > a: its activations are those after its update, so one backward pass with
 *   the sum of dL/dy. Inverting gradients are not linear in dL/dy: there this is the definition.
 *
 * The first, the second and the last are the same for critics with normalisations (joint_sums.h).
 *
 * Letters: N agents, B samples, A = 3, O = 10 own inputs, H1, H2 hidden units of the critic, P
 * parameters of an actor, Pc of the critic. f32, but what is of actors of f64.
 */
#ifndef CCMSWEEP_ACCUMULATED_H
#define CCMSWEEP_ACCUMULATED_H

#include "model/best_response.h"
#include "model/joint_sums.h"

/** Sums of one training step. */
struct accumulated {
    struct joint_sums joint;        /**< its `actor` and `gradient` are the results */
    const struct best_response *br; /**< borrowed */
    const float *d_q;               /**< (B) of the present step, borrowed */
    float *stretch_d1, *stretch_h;  /**< (B, H1) Σ d1 and Σ h1 over the present stretch */
    float *z2;                      /**< (B, H2) second-layer sums of its row */
    float *own;                     /**< (B, O) own inputs of its row */
    float *d2, *h2;                 /**< (H2) gradient by those sums, and Σ h2 */
    int32_t *agent, *version;       /**< (B) of its row; version -1: no stretch */
    int32_t *from, *passes;         /**< (B) its first pass and how many */
    int32_t *on;                    /**< (max(H1, H2)) */
};

/** Lay out. `actors` and `br` are borrowed. */
void accumulated_bind(struct accumulated *sums, struct actors *actors,
                      const struct best_response *br, struct arena *scratch);

/** Begin a step with the critic's own gradient (Pc). \param d_q (B) borrowed until the end, set
 *  before the first pass */
void accumulated_begin(struct accumulated *sums, const float *critic, const float *d_q);

/** Pass i: its maximising rows are known on all samples. \param gradient (P) own gradient of actor
 *  i */
void accumulated_pass(struct accumulated *sums, int i, struct reals gradient);

/** Form the sums. \param theta (N, P) updated actors, with x their activations */
void accumulated_end(struct accumulated *sums, struct reals theta, const struct activations *x);

#endif
