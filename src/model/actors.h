// SPDX-License-Identifier: MIT
/**
 * The N actors: small networks state (7) → H1 → H2 → action (3) with a squash at their end, one per
 * agent, held as one strided block of parameters.
 *
 * Letters: N agents, B samples, S = 7, A = 3, P parameters of one actor.
 *
 * The tanh cliff: the derivative is 1 - y·y in f32 of the f32 output y. Once y is exactly ±1 it is
 * exactly 0, and with it the gradient. Any smoother formula loses the phenomenon (squash.h).
 *
 * The actors are f32 as published, or f64 (networks.actor_precision; real.h), which has its cliff
 * elsewhere. States come and actions leave in f32 with both. Actors of f64 compute in the arrays
 * whose names end in _f64; those of f32 beside them are copies for the critic and for the logs, in
 * which what is 0 is 0 and what is not 0 is not, however small.
 */
#ifndef CCMSWEEP_ACTORS_H
#define CCMSWEEP_ACTORS_H

#include "model/arena.h"
#include "model/kernels.h"
#include "model/mlp.h"
#include "model/real.h"
#include "model/squash.h"
#include <ccmsweep/settings.h>

/** Activations of all actors on a batch, kept for the backward pass. */
struct activations {
    float *h1;    /**< (N, B, H1) hidden units, as the second layer reads them */
    float *h2;    /**< (N, B, H2) hidden units, as the third layer reads them */
    float *z;     /**< (N, B, A) pre-activations: inputs of the squash */
    float *y;     /**< (N, B, A) its outputs */
    float *slope; /**< (N, B, A) what the backward pass multiplies dL/dy by; see squash.h */
    /** (N, B, out) what comes out of each layer and its ReLU, in front of a normalisation; h1, h2
     *  and z themselves where there is none */
    float *before[MLP_LAYERS];
    /** (N, B, out) û and (N, B) scale of a normalisation (layer_norm.h); NULL without one */
    float *unit[MLP_LAYERS], *scale[MLP_LAYERS];
    /** (B, A) squash of an actor's outputs before a normalisation, for logs */
    float *squashed;
    /** The same of actors of f64, else NULL. Then of the arrays above only `before` of the hidden
     *  layers is filled, by actors_show, beside z, y, slope, and `before` of z. */
    double *h1_f64, *h2_f64, *z_f64, *y_f64, *slope_f64;
    double *before_f64[MLP_LAYERS], *unit_f64[MLP_LAYERS], *scale_f64[MLP_LAYERS];
};

/** Shape of the family and scratch for one backward pass. Parameters come with each call. */
struct actors {
    struct mlp mlp;
    struct compute *compute; /**< borrowed */
    int agents;
    bool f64; /**< the actors are f64 */
    struct squash squash;
    float *d_z;  /**< (B, A) of the last actors_backward */
    float *d_u;  /**< (B, A) gradient by the last layer's sums; d_z itself without a norm */
    float *d_h2; /**< (B, H2) dL/dh2, of the last actors_chain */
    float *d_h1; /**< (B, H1) dL/dh1, of the last actors_chain */
    float *d_a2; /**< (B, H2) gradient by the second layer's sums */
    float *d_a1; /**< (B, H1) gradient by the first layer's sums */
    float *w2;   /**< (H2, H1) the second layer's weight transposed */
    double *d_z_f64, *d_u_f64, *d_h2_f64, *d_h1_f64, *d_a2_f64, *d_a1_f64, *w2_f64; /**< of f64 */
    double *state_f64; /**< (B, S) states of the actor at hand */
    int32_t *active;   /**< (B) samples of the last actors_backward whose d_z is not 0 */
    int active_count;
};

/** Shape of one actor. */
struct mlp actors_shape(const struct settings *settings);

/** Lay out the scratch for batches of up to `rows`. `compute` is borrowed. */
void actors_bind(struct actors *actors, const struct settings *settings, struct compute *compute,
                 int rows, struct arena *scratch);

/** Lay out activations for batches of up to `rows`. */
void activations_bind(struct activations *x, const struct actors *actors, int rows,
                      struct arena *scratch);

/**
 * Forward pass of actor i on B samples; fills its part of `x` and its columns of `action`.
 * \param theta  (N, P) parameters of all actors
 * \param state  (B, N·S) joint states; the actor sees its own row only
 * \param action (B, N·A) joint action; columns 3i … 3i+2 are written
 */
void actors_forward(const struct actors *actors, const float *theta, int i, int rows,
                    const float *state, struct activations *x, float *action);
void actors_forward_f64(const struct actors *actors, const double *theta, int i, int rows,
                        const float *state, struct activations *x, float *action);

/** The same of actors of either precision. */
void actors_act(const struct actors *actors, struct reals theta, int i, int rows,
                const float *state, struct activations *x, float *action);

/** Make `before` of the hidden layers of actor i readable in f32. */
void actors_show(const struct actors *actors, int i, int rows, struct activations *x);

/** y (count) = the squash of z, as the forward pass has it. */
void actors_squash(const struct actors *actors, size_t count, const float *z, float *y);

/** Samples of actor i on which a slope is not 0, after its forward pass: where its gradient needs
 *  dL/dy. With the squash `inverting` all.
 *  \param list (rows) written \return how many */
int actors_sloping(const struct activations *x, int i, int rows, int32_t *list);

/**
 * Backward pass of actor i from dL/dy to its parameters' gradient. Samples that pass nothing back
 * cost nothing.
 * \param d_y (B, A) gradient of the loss by the actor's outputs
 * \param pull 2λ/(B·A) of the penalty on pre-activations, λ·mean of z²: pull·z is added to dL/dz
 * \param gradient (P) written
 * Leaves d_z, d_u, d_a2 and d_a1 (of samples with a gradient) in the struct, and in x's slopes what
 * was used.
 */
void actors_backward(struct actors *actors, const float *theta, int i, int rows, const float *state,
                     const struct activations *x, const float *d_y, double pull, float *gradient);
void actors_backward_f64(struct actors *actors, const double *theta, int i, int rows,
                         const float *state, const struct activations *x, const float *d_y,
                         double pull, double *gradient);

/** The same of actors of either precision. */
void actors_back(struct actors *actors, struct reals theta, int i, int rows, const float *state,
                 const struct activations *x, const float *d_y, double pull, struct reals gradient);

/** After actors_backward: d_h2 and d_h1 of the same pass, for the log of the chain, in f32 as d_z
 *  is then. */
void actors_chain(struct actors *actors, const float *theta, int i, int rows);
void actors_chain_f64(struct actors *actors, const double *theta, int i, int rows);

/** The same of actors of either precision. */
void actors_log_chain(struct actors *actors, struct reals theta, int i, int rows);

#endif
