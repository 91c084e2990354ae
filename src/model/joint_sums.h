// SPDX-License-Identifier: MIT
/**
 * What the sums of a log have in common for critics with and without normalisations (accumulated.h
 * says what they are, and why sums of d1 over passes suffice): the part of the joint inputs, and
 * from it dL/dy of each actor in the passes after its own.
 *
 * Letters: N agents, B samples, S = 7, A = 3, J joint inputs, H1 hidden units of the critic's first
 * layer, P parameters of an actor, Pc of the critic. d1: gradient by the first layer's sums of a
 * pass's maximising rows. f32; what belongs to actors of f64 is f64.
 */
#ifndef CCMSWEEP_JOINT_SUMS_H
#define CCMSWEEP_JOINT_SUMS_H

#include "model/actors.h"
#include "model/arena.h"
#include "model/critic.h"

/** Sums of one training step. */
struct joint_sums {
    struct actors *actors;       /**< borrowed */
    const struct critic *critic; /**< borrowed */
    int samples;
    struct reals actor; /**< (N, P) result */
    float *gradient;    /**< (Pc) by the critic's parameters: others begin it, and add their own */
    float *sum;         /**< (B, H1) Σ d1 over all passes so far: added up by others */
    float *d_y;         /**< (N, B, A) Σ_{p>a} dL/dy of actor a */
    float *slopes;      /**< (B, A) */
    struct reals extra; /**< (P) one backward pass */
};

/** Lay out for `samples` samples. `actors` and `critic` are borrowed. */
void joint_sums_bind(struct joint_sums *sums, struct actors *actors, const struct critic *critic,
                     int samples, struct arena *scratch);

/** Begin a step with empty sums; the gradient stays as it is. */
void joint_sums_begin(struct joint_sums *sums);

/** c (m, n) += x (k, m)ᵀ · d (k, n); `list` (m), when given, are the rows of c and columns of x. */
void joint_sums_add_product(const struct joint_sums *sums, int m, int n, int k, const float *x,
                            const float *d, const int32_t *list, float *c);

/** d_y (rows, A) of actor a += sign · d (rows, H1) · w (A, H1)ᵀ, on rows from b on. */
void joint_sums_add_slopes(struct joint_sums *sums, int a, int b, int rows, const float *d,
                           const float *w, float sign);

/** Pass i, whose d1 are in `sum`. \param theta (Pc) \param gradient (P) own gradient of actor i */
void joint_sums_pass(struct joint_sums *sums, const float *theta, int i, struct reals gradient);

/** After actor i's update. \param before, after (B, A) its actions */
void joint_sums_moved(struct joint_sums *sums, int i, const float *before, const float *after);

/** Add what the first layer's joint inputs and bias have to `gradient`, and form `actor`.
 *  \param theta (Pc) of the frozen critic \param state (B, N·S), action (B, N·A) after all updates
 *  \param actors (N, P) updated parameters, with x their activations */
void joint_sums_end(struct joint_sums *sums, const float *theta, const float *state,
                    const float *action, struct reals actors, const struct activations *x);

#endif
