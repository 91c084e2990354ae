// SPDX-License-Identifier: MIT
/**
 * Values of the rows of a list, without their hidden units: for TD targets and for the ranking of
 * proposals. Which way is the fastest depends on what kind of function the critic is: by linear
 * regions (linear_region.h) with ReLUs, in closed form (affine.h) without activations, or by shared
 * signs (normed_region.h) with normalisations.
 */
#ifndef CCMSWEEP_VALUES_H
#define CCMSWEEP_VALUES_H

#include "model/affine.h"
#include "model/arena.h"
#include "model/critic.h"
#include "model/linear_region.h"
#include "model/normed_region.h"

/** Scratch of the critic's way: one of the three. */
struct values {
    const struct critic *critic; /**< borrowed */
    const struct values_kind *kind;
    struct linear_region region; /**< of a piecewise linear critic */
    struct normed_region normed; /**< of one with normalisations */
    struct affine affine;        /**< of a critic without activations: its own inputs */
};

/** Lay out scratch; `critic` is borrowed. */
void values_bind(struct values *values, const struct critic *critic, struct arena *scratch);

/** Fill q of all rows. \param joint (B, H1) of critic_joint */
void values_find(struct values *values, const float *theta, const float *joint,
                 struct critic_rows *rows);

#endif
