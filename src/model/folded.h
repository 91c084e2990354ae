// SPDX-License-Identifier: MIT
/**
 * A critic with normalised hidden layers, its normalisations folded into the weights around them.
 *
 * Let r = relu(W x + b) be a layer's units, H of them, m their mean and s = √(var + 1e-5). The next
 * layer takes in γ∘(r - m)/s + β. Since Σ_k (r_k - m) = 0,
 *
 *     (γ∘(r - m)/s + β)·W2 = (r·C)/s + β·W2 ,   C = γ∘W2 less the mean of each of its columns,
 *
 * so that m falls out, and the zeros of r take part in no product, as without a normalisation. With
 * C, β·W2 + b2, and for the output w = γ∘w3 less its mean and β·w3 + b3, which depend on parameters
 * only, a row needs the scale 1/s of each layer. Back through a layer, from e = dL/d(sums of the
 * next one), û = (r - m)/s:
 *
 *     dL/dr = (C·e - û·(e·(r·C)/s)/H)/s ,
 *     dL/dW2 = γ∘D + β·Σ e ,  dL/dγ_k = W2_k·D_k ,  dL/dβ_k = W2_k·Σ e ,
 *     D = Σ over rows of û·e = Σ r·(e/s) - Σ (m/s)·e .
 *
 * Letters: R rows, H1, H2 hidden units. f32.
 */
#ifndef CCMSWEEP_FOLDED_H
#define CCMSWEEP_FOLDED_H

#include "model/arena.h"
#include "model/kernels.h"
#include "model/mlp.h"

/** What depends on the parameters alone. */
struct folded {
    float *w2;     /**< (H1, H2) C */
    float *b2;     /**< (H2) β·W2 + b2 */
    float *w3;     /**< (H2) γ∘w3 less its mean */
    float *b3;     /**< (1) β·w3 + b3 */
    double *exact; /**< (2·H2) sums over units */
};

/** Mean and scale of the units of R rows in both layers. */
struct row_norms {
    float *mean1, *scale1; /**< (R) m and 1/s of the first layer */
    float *mean2, *scale2; /**< (R) of the second */
};

/** Lay out for a critic of this shape. */
void folded_bind(struct folded *folded, const struct mlp *mlp, struct arena *scratch);

/** Lay out for `rows` rows. */
void row_norms_bind(struct row_norms *norms, size_t rows, struct arena *scratch);

/** Fold; before each use of other parameters. */
void folded_take(const struct folded *folded, const struct mlp *mlp, const float *theta);

/** The second layer and the output of `rows` rows from r on, whose scale1 is known.
 *  \param z2 (R, H2) sums r·C \param h2 (R, H2) the units, written; may be z2
 *  \param q (R) written */
void folded_heads(const struct folded *folded, const struct mlp *mlp, const struct kernels *kernels,
                  int r, int rows, const float *z2, float *h2, const struct row_norms *norms,
                  float *q);

/** Back from the output of a row to the sums of the second layer. Mean and scale are formed anew in
 *  f64: where few units are on most of a gradient falls out. \param h2 (H2) its units
 *  \param d_a2 (H2) written
 *  \return (e·(r·C)/s)/H1, e = d_a2, for folded_back_first */
float folded_back_heads(const struct folded *folded, const struct mlp *mlp, const float *h2,
                        float d_q, float *d_a2);

/** And on to the sums of the first one. \param h1 (H1) its units \param along of folded_back_heads
 *  \param d_a1 (H1) C·e; replaced */
void folded_back_first(const struct mlp *mlp, const struct row_norms *norms, int r, const float *h1,
                       float along, float *d_a1);

/**
 * Gradient by the parameters of the second layer and the output, and by those of both
 * normalisations, from sums over rows.
 * \param back2 (H2) Σ (m/s)·e  \param sum2 (H2) Σ e  \param sum3 Σ d_q
 * \param gradient (mlp.size): where the second layer's weight has its gradient Σ r·(e/s), and where
 *        the output's has it Σ û·d_q, both replaced; γ and β written
 */
void folded_gradient(const struct mlp *mlp, const float *theta, const float *back2,
                     const float *sum2, float sum3, float *gradient);

#endif
