// SPDX-License-Identifier: MIT
/**
 * The N actors: small networks state (7) → H1 → H2 → action (3) with tanh, one per agent, held as
 * one strided block of parameters.
 *
 * Letters: N agents, B samples, S = 7, A = 3, P parameters of one actor.
 *
 * The tanh cliff: the derivative is 1 - y·y in f32 of the f32 output y. Once y is exactly ±1 it is
 * exactly 0, and with it the gradient. Any smoother formula loses the phenomenon.
 */
#ifndef CCMSWEEP_ACTORS_H
#define CCMSWEEP_ACTORS_H

#include <ccmsweep/arena.h>
#include <ccmsweep/mlp.h>
#include <ccmsweep/settings.h>

/** Activations of all actors on a batch, kept for the backward pass. */
struct activations {
    float *h1; /**< (N, B, H1) after ReLU */
    float *h2; /**< (N, B, H2) after ReLU */
    float *z;  /**< (N, B, A) tanh inputs */
    float *y;  /**< (N, B, A) tanh outputs */
};

/** Shape of the family and scratch for one backward pass. Parameters come with each call. */
struct actors {
    struct mlp mlp;
    int agents;
    enum tanh_kind tanh;
    float *d_z;  /**< (B, A) of the last actors_backward */
    float *d_h2; /**< (B, H2) dL/dh2 before the ReLU's mask */
    float *d_h1; /**< (B, H1) dL/dh1 before the ReLU's mask */
    float *d_a2; /**< (B, H2) masked */
    float *d_a1; /**< (B, H1) masked */
};

/** Lay out the scratch for batches of up to `rows`. */
void actors_bind(struct actors *actors, const struct settings *settings, int rows,
                 struct arena *scratch);

/** Lay out activations for batches of up to `rows`. */
void activations_bind(struct activations *x, const struct actors *actors, int rows,
                      struct arena *scratch);

/** tanh as the setting says: `pytorch` gives exactly ±1 beyond |z| = 8.664339742 (25·ln2/2 in f32),
 *  as PyTorch's vectorised CPU kernel does; `exact` is the C library's tanhf, ±1 from 9.011. */
float actors_tanh(enum tanh_kind kind, float z);

/**
 * Forward pass of actor i on B samples; fills its part of `x` and its columns of `action`.
 * \param theta  (N, P) parameters of all actors
 * \param state  (B, N·S) joint states; the actor sees its own row only
 * \param action (B, N·A) joint action; columns 3i … 3i+2 are written
 */
void actors_forward(const struct actors *actors, const float *theta, int i, int rows,
                    const float *state, struct activations *x, float *action);

/**
 * Backward pass of actor i from dL/dy to its parameters' gradient.
 * \param d_y (B, A) gradient of the loss by the actor's outputs
 * \param gradient (P) written
 * Leaves d_z, d_h2 and d_h1 in the struct for whoever wants the chain.
 */
void actors_backward(struct actors *actors, const float *theta, int i, int rows, const float *state,
                     const struct activations *x, const float *d_y, float *gradient);

#endif
