// SPDX-License-Identifier: MIT
/**
 * The values of all rows of a sample, by the signs that they share, of a critic whose hidden layers
 * are normalised.
 *
 * As in linear_region.h, most units of the first layer have one sign in all rows of a sample: they
 * are *on*, *off* or else *mixed*. With the normalisations folded into the weights (folded.h), z
 * the joint part of the first layer's sums, x the own inputs of a row and W° their weights, its
 * sums in the second layer before their scale are
 *
 *     r·C = z_on·C_on + x·(W°_on·C_on) + relu(z_mixed + x·W°_mixed)·C_mixed ,
 *
 * and with v = (x, 1) and V = (W°; z) over the units that are on, what its scale is made of is
 *
 *     Σ r = v·(V·1) + Σ r_mixed ,   Σ r² = v·(V·Vᵀ)·v + Σ r_mixed² ,
 *
 * so that a row costs O + |mixed| multiply-adds a unit of the second layer instead of H1. Without
 * ReLUs all units are on.
 *
 * A sample is *laid out* at a z. When z moves, which is the same for all of its rows, only the
 * terms with z_on are formed anew. A unit that does not keep its sign joins the mixed ones, and
 * leaves the sums of those that are on; so the result stays exact up to rounding, and only the cost
 * grows, until the sample is laid out again. There is no bound that would spare a row: the scale of
 * a row hangs on all of its units.
 *
 * Letters: B samples, R rows, N agents, O own inputs, H1, H2 hidden units. f32, sums over units
 * f64.
 */
#ifndef CCMSWEEP_NORMED_REGION_H
#define CCMSWEEP_NORMED_REGION_H

#include "model/arena.h"
#include "model/critic.h"
#include <stdbool.h>
#include <stdint.h>

/** Samples, and scratch for the rows of one. */
struct normed_region {
    const struct critic *critic; /**< borrowed; its folded weights are those that are used */
    const float *own_weight;     /**< (O, H1) W°, of theta */
    float *z;                    /**< (B, H1) joint parts: the caller's */
    float *z_on;                 /**< (B, H1) of the units that are on, else 0 */
    float *lo, *hi;              /**< (B, H1) extremes of the rows' own parts */
    uint8_t *sign;               /**< (B, H1) */
    int32_t *mixed;              /**< (B, H1) ascending */
    int32_t *count, *laid;       /**< (B) mixed units now and when the sample was laid out */
    float *affine;               /**< (B, O + 1, H2) V·C_on */
    double *gram;                /**< (B, O + 1, O + 1) V·Vᵀ */
    double *total;               /**< (B, O + 1) V·1 */
    float *basis;                /**< (O + 1, H1) V of one sample */
    float *none;                 /**< (H1) zeros */
    int32_t *on;                 /**< (H1) */
    uint8_t *any;                /**< (H1) units that are on in some sample */
    float *z_mixed;              /**< (H1) packed */
    float *w_mixed;              /**< (O, H1) packed */
    float *u_mixed;              /**< (N, H1) packed */
    float *z2, *h2;              /**< (N, H2) sums r·C and units of the rows */
    double *squares;             /**< (N) Σ r² of the rows */
    struct row_norms norms;      /**< (N) of the rows */
};

/** Lay out for `samples` samples of up to one row per agent. */
void normed_region_bind(struct normed_region *region, const struct critic *critic, int samples,
                        struct arena *scratch);

/** Take over the critic's parameters, which must have been folded. */
void normed_region_begin(struct normed_region *region, const float *theta);

/** Lay out sample b at its z. \param own (rows, O) own inputs of its rows */
void normed_region_lay_out(struct normed_region *region, int b, int rows, const float *own);

/** A row is added to a sample that was laid out, or its own inputs have changed. \param part (H1)
 *  its own part of the sums, x·W° */
void normed_region_add(struct normed_region *region, int b, const float *part);

/** Follow z since the sample was laid out. \return false: too many signs have changed, and it has
 *  to be laid out again */
bool normed_region_follow(struct normed_region *region, int b) MUST_USE;

/** Form what hangs on z anew, on `count` listed samples that have followed it. */
void normed_region_renew(struct normed_region *region, int count, const int32_t *list);

/** Values of rows of sample b. Leaves z2, h2, squares and norms. \param own (rows, O)
 *  \param q (rows) written */
void normed_region_values(struct normed_region *region, int b, int rows, const float *own,
                          float *q);

/** Values of all rows of a list, with sample 0 as scratch. \param joint (B, H1) of critic_joint */
void normed_region_evaluate(struct normed_region *region, const float *theta, const float *joint,
                            struct critic_rows *rows);

#endif
