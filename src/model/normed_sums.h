// SPDX-License-Identifier: MIT
/**
 * Accumulated gradients of a log episode for a critic with normalisations (accumulated.h says what
 * they are).
 *
 * What all passes share is formed from sums over passes, as for other critics (joint_sums.h). What
 * belongs to a row, its own inputs and the layers behind the first, is added pass by pass, as rows
 * of one more backward pass: the scale of a row changes in each.
 *
 * Letters: N agents, B samples, A = 3, O = 10 own inputs, H1, H2 hidden units of the critic, P
 * parameters of an actor, Pc of the critic. f32.
 */
#ifndef CCMSWEEP_NORMED_SUMS_H
#define CCMSWEEP_NORMED_SUMS_H

#include "model/joint_sums.h"
#include "model/normed_response.h"

/** Sums of one training step. */
struct normed_sums {
    struct joint_sums joint;          /**< of all passes; its `actor` is a result */
    const struct normed_response *nr; /**< borrowed */
    const float *d_q;                 /**< (B) of the present step, borrowed */
    float *critic;                    /**< (Pc) result: the own gradient and that of all passes */
    float *back2;                     /**< (H2) Σ (m/s)·d2 of folded_gradient */
    float *d1, *d2;                   /**< (B, H1), (B, H2) of the present pass */
};

/** Lay out. `actors` and `nr` are borrowed. */
void normed_sums_bind(struct normed_sums *sums, struct actors *actors,
                      const struct normed_response *nr, struct arena *scratch);

/** Begin a step with the critic's own gradient (Pc). \param d_q (B) borrowed until the end, set
 *  before the first pass */
void normed_sums_begin(struct normed_sums *sums, const float *critic, const float *d_q);

/** Pass i: its maximising rows are known on all samples. \param gradient (P) own gradient of actor
 *  i */
void normed_sums_pass(struct normed_sums *sums, int i, struct reals gradient);

/** Form the sums. \param theta (N, P) updated actors, with x their activations */
void normed_sums_end(struct normed_sums *sums, struct reals theta, const struct activations *x);

#endif
