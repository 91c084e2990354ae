// SPDX-License-Identifier: MIT
/**
 * The values of all rows of one sample, by the signs that they share.
 *
 * The rows of a sample differ in O = 10 of the critic's J + O inputs, so that most hidden units
 * have one sign in all of them: a unit is *on* (its sum positive in every row), *off* (in no row)
 * or *mixed*. With z the joint part of the first layer's sums, x the own inputs of a row, W° their
 * weights, and subscripts for the units taken,
 *
 *     z2 = b2 + z_on·W2_on + x·(W°_on·W2_on) + relu(z_mixed + x·W°_mixed)·W2_mixed ,
 *
 * exact up to rounding. The first three terms are affine in x with coefficients that are formed
 * once per sample, at the price of O + 1 rows; a row then costs O + |mixed| multiply-adds a unit
 * of the second layer instead of H1, and |mixed| is about a twelfth of H1.
 *
 * Letters: R rows, O own inputs, H1, H2 hidden units.
 */
#ifndef CCMSWEEP_LINEAR_REGION_H
#define CCMSWEEP_LINEAR_REGION_H

#include "model/arena.h"
#include "model/critic.h"

/** Units of one hidden layer by their signs. */
struct signs {
    int on_count, mixed_count;
    int32_t *on, *mixed; /**< ascending; a unit in neither list is off */
    float *lo, *hi;      /**< smallest and largest sum over the rows */
};

/** Scratch, and the signs that the last linear_region_values found. */
struct linear_region {
    const struct critic *critic; /**< borrowed */
    struct signs first, second;
    float *basis;   /**< (O + 1, H1) W°, and z of the sample */
    float *start;   /**< (O + 1, H2) zeros, and b2 */
    float *affine;  /**< (O + 1, H2) coefficients of x, and the constant */
    float *z_mixed; /**< (H1) packed */
    float *w_mixed; /**< (O, H1) packed */
    float *u_mixed; /**< (N, H1) packed */
    float *z2;      /**< (N, H2) */
};

/** Lay out for samples of up to one row per agent. */
void linear_region_bind(struct linear_region *region, const struct critic *critic,
                        struct arena *scratch);

/** Take over the critic's parameters; once for each change of theta. */
void linear_region_begin(struct linear_region *region, const float *theta);

/**
 * Values of the rows of one sample, and which units share their signs.
 * \param z   (H1) joint part of the first layer's sums
 * \param own (rows, O) own inputs
 * \param margin1, margin2 (H1), (H2): a unit is on or off only when its sums are further from 0
 *        than this; NULL: no margin
 * \param q   (rows) written
 */
void linear_region_values(struct linear_region *region, const float *theta, const float *z,
                          int rows, const float *own, const float *margin1, const float *margin2,
                          float *q);

/** Values of all rows of a list, sample by sample. \param joint (B, H1) of critic_joint */
void linear_region_evaluate(struct linear_region *region, const float *theta, const float *joint,
                            struct critic_rows *rows);

#endif
