// SPDX-License-Identifier: MIT
/** What the two halves of the plain step share: evaluation (plain.c) and gradients (match.c). */
#ifndef CCMSWEEP_PLAIN_INTERNAL_H
#define CCMSWEEP_PLAIN_INTERNAL_H

#include "model/plain/pass.h"
#include "model/plain/plain.h"

struct plain {
    int agents, samples;
    enum squash_kind squash;
    enum tanh_kind tanh;
    bool f64;             /* the actors are */
    bool squared, by_row; /* the critic's loss: weights squared; a mean over rows */
    double penalty;       /* of the actors' loss */
    struct net actor, critic;
    double *own_weight;      /* (O, H1) of the critic's own inputs */
    const float *state;      /* (B, N·S) */
    float *action;           /* (B, N·A) */
    double *action_error;    /* (B, N·A) */
    double *z, *z_error;     /* (B, N·A) */
    int *row;                /* (B, N + 1): row of agent j at j + 1, -1 none */
    double *h1, *h2, *q;     /* (R, H1), (R, H2), (R) of the proposals */
    int32_t *sample, *agent; /* (R) of the rows singled out */
    struct pass rows;        /* the rows singled out */
};

/** y = squash(z), in the precision of the actors. */
double plain_squashed(const struct plain *o, double z);

/** dy/dz where the squash puts out y; with inverting gradients that of the clipping. */
double plain_slope_of(const struct plain *o, double y);

/** Error of the slope at z, which is off by `error`. */
double plain_slope_error(const struct plain *o, double z, double error);

/** Actor i on the states, forward. Free with pass_free. */
struct pass plain_actor_pass(struct plain *o, int i, struct reals theta);

#endif
