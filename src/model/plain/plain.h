// SPDX-License-Identifier: MIT
/**
 * The plain training step in f64: every pass evaluates all proposers of all samples and goes back
 * through the rows of the maximum. It shares no arithmetic with the model and sees its parameters
 * only through mlp_at, so that it stays what faster ways of computing the same are held to.
 *
 * Two things are f32 as in the model, for they decide: y = tanh(z) (or another squash) of z rounded
 * to f32, and its slope, 1 - y²; with actors of f64 only y as the critic sees it. Beside each value
 * goes the error that an evaluation in the model's precision may make (roundings added in
 * quadrature). From it follow how near two gradients must be, which agents lie too near y = 0 to
 * say whether they propose, and which ReLUs lie on their kink: there both sides are right.
 *
 * Letters: N agents, B samples, S = 7, A = 3, R rows, P and Pc parameters of an actor, of the
 * critic.
 */
#ifndef CCMSWEEP_PLAIN_H
#define CCMSWEEP_PLAIN_H

#include "model/real.h"
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAIN_NOBODY = -1 };

/** Does an agent propose? MAYBE: its y is 0 within rounding. */
enum plain_proposal { PLAIN_NO, PLAIN_MAYBE, PLAIN_YES };

/** Networks, joint states and actions of the batch at hand, and the values of its proposals. */
struct plain;

/** How a gradient compares. */
struct plain_match {
    bool agrees;     /**< distance ≤ allowed, with `flipped` ReLUs on the other side */
    double norm;     /**< L2 norm of the plain step's gradient */
    double distance; /**< L2 norm of the difference */
    double allowed;  /**< 1e-5·norm + what rounding may do */
    int kinks;       /**< ReLUs within rounding of their kink; counted only where it matters */
    int flipped;     /**< of these, how many had to be taken on the other side */
    double loss;     /**< of the critic's update */
};

/** A plain step for batches of `samples`; free with plain_free. */
struct plain *plain_new(const struct settings *settings, int samples);

/** Free and clear. */
void plain_free(struct plain **o);

/** Take the critic. \param theta (Pc) in the model's layout, copied */
void plain_set_critic(struct plain *o, const float *theta);

/** Take joint states. \param state (B, N·S) borrowed */
void plain_set_state(struct plain *o, const float *state);

/** Take joint actions as they are, without error. \param action (B, N·A) copied */
void plain_set_action(struct plain *o, const float *action);

/** Let actor i act on the states; the others' actions stay. \param theta (P) of actor i */
void plain_act(struct plain *o, int i, struct reals theta);

/** Evaluate all proposers and "nobody" of all samples with the present critic, states, actions. */
void plain_evaluate(struct plain *o);

/** Does agent j (or PLAIN_NOBODY) propose in sample b? "Nobody" does when no one else does. */
enum plain_proposal plain_proposal(const struct plain *o, int b, int j);

/** Q of a proposal after plain_evaluate. */
double plain_q(const struct plain *o, int b, int j);

/** Agent of the largest Q of sample b, the lowest among equals. An agent that may propose is a
 *  candidate only when it is `given`. */
int plain_best(const struct plain *o, int b, int given);

/** True when the rows of agents i and j in sample b are equal in every hidden unit of the first
 *  layer, or have none on in the second: their Q are then equal to the last bit in any precision.
 */
bool plain_same(const struct plain *o, int b, int i, int j);

/** True when all slopes of actor i on sample b are exactly 0, or may be within rounding. */
bool plain_flat(const struct plain *o, int b, int i);

/** Single out rows (sample[r], agent[r]) for a gradient and evaluate them with their errors. */
void plain_set_rows(struct plain *o, int rows, const int32_t *sample, const int32_t *agent);

/** Q of a row singled out. \param error written: what f32 may be off by */
double plain_row(const struct plain *o, int r, double *error);

/**
 * Pass of actor i: gradient of -mean_b(w_b·Q_b) + λ·mean(z²) by its parameters, where row b of
 * the B rows singled out is the maximum of sample b; a sample with w = 0 does not count. All
 * actors have acted.
 * \param theta (P) actor i's \param weight (B) \param got (P) gradient to compare
 */
struct plain_match plain_match_actor(struct plain *o, int i, struct reals theta,
                                     const double *weight, const double *got);

/**
 * Critic's update: gradient of the mean over the rows singled out of (w·Q - w·target)², or by the
 * settings of w·(Q - target)², and of the mean over samples of the means over their rows.
 * \param weight, target (B) \param got (Pc) gradient to compare
 */
struct plain_match plain_match_critic(struct plain *o, const double *weight, const float *target,
                                      const double *got);

#endif
