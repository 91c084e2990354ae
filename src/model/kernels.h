// SPDX-License-Identifier: MIT
/**
 * The arithmetic of a training: products of small matrices and what goes with them.
 *
 * Compiled once for each level of CPU (kernels_tmpl.c); kernels_best() picks the highest that this
 * CPU runs. Which bits come out is defined here and not by the level: every element of a
 * product is one chain of multiply-adds in ascending order of the inner index, so that a vector
 * unit of any width gives the same; every sum over a long vector is kept in 16 lanes (element k in
 * lane k mod 16), which are folded in halves at its end. Levels with a fused multiply-add (avx2,
 * avx512, and a 64-bit ARM's baseline) give the same bits as each other; x86-64's baseline rounds
 * the product and gives others.
 *
 * The shapes of a training are small and half of what they hold is 0 behind a ReLU. They run here
 * at the speed that a BLAS reaches on large dense ones, take lists of rows instead of zeros, and no
 * library's choice of a kernel decides the bits.
 *
 * All matrices are row-major; a "row" is the distance between rows in elements. Kernels of f32
 * serve the critic and, as published, the actors; those of f64 are for actors of that precision
 * (real.h) and keep the same rules for bits.
 */
#ifndef CCMSWEEP_KERNELS_H
#define CCMSWEEP_KERNELS_H

#include "model/adam.h"
#include "model/real.h"
#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a layer normalisation adds to a variance: PyTorch's default. */
#define NORM_EPS 1e-5

/** What a product does with its sums. */
enum finish {
    FINISH_PLAIN,
    FINISH_RELU, /**< max(c, 0); a NaN stays */
    FINISH_MASK, /**< c where mask > 0, else 0: back through a ReLU whose output is `mask` */
};

/**
 * C (m, n) = start + A (m, k) · B (k, n), then finished.
 *
 * `inner` (k), when given, are the rows of B that take part, and the columns of A too unless A is
 * packed; `outer` (m), when given, are the rows of A, of C and of a start with rows.
 */
struct REAL(product) {
    int m, n, k;
    const real *a;
    size_t a_row, a_col; /**< A[i][p] = a[i·a_row + p·a_col]: a transposed A has them exchanged */
    const real *b;
    size_t b_row;
    real *c;
    size_t c_row;
    const real *start; /**< NULL: zeros; C itself to add to it */
    size_t start_row;  /**< 0: one row for all, a bias */
    const int32_t *inner;
    const int32_t *outer;
    bool packed; /**< column p of A goes with row inner[p] of B */
    enum finish finish;
    const real *mask; /**< (m, n) */
    size_t mask_row;
};

/** C (m, n) = A (m, k) · B (k, n) of matrices without gaps. The caller changes what differs. */
static inline struct REAL(product)
    REAL(product_of)(int m, int n, int k, const real *a, const real *b, real *c)
{
    return (struct REAL(product)){
        .m = m,
        .n = n,
        .k = k,
        .a = a,
        .a_row = (size_t)k,
        .a_col = 1,
        .b = b,
        .b_row = (size_t)n,
        .c = c,
        .c_row = (size_t)n,
        .mask_row = (size_t)n,
    };
}

/** C (m, n) = A (k, m)ᵀ · B (k, n), likewise: a gradient by weights. */
static inline struct REAL(product)
    REAL(product_of_transposed)(int m, int n, int k, const real *a, const real *b, real *c)
{
    struct REAL(product) p = REAL(product_of)(m, n, k, a, b, c);
    p.a_row = 1;
    p.a_col = (size_t)m;
    return p;
}

/** C (m, n) = start + A (m, k) · B (n, k)ᵀ: sums over k in 16 lanes. `start` (n) or NULL. */
struct REAL(dots) {
    int m, n, k;
    const real *a;
    size_t a_row;
    const real *b;
    size_t b_row;
    real *c;
    size_t c_row;
    const real *start;
};

/** One move of a sample, seen by its maximising row: see best_response.h. */
struct move {
    int n;                       /**< hidden units */
    const float *w;              /**< (3, n) weights of the three actions that moved */
    float by[3];                 /**< how far they moved */
    float *shift;                /**< (n) distance of the sums from the reference, advanced */
    const float *u;              /**< (n) sums of the row at the reference */
    const float *h;              /**< (n) the row's hidden units when it was last evaluated */
    const float *t;              /**< (n) dQ/dh of the row */
    const float *common, *bound; /**< (n) */
    float value;                 /**< out: Σ t·(relu(u + shift) - h) */
    float distance;              /**< out: Σ (relu(u + shift) - h)² */
    float moved;                 /**< out: Σ shift² */
    float together;              /**< out: Σ common·shift */
    float apart;                 /**< out: Σ bound·|shift| */
};

/**
 * The second hidden layer and the output of rows of a critic with normalisations (folded.h):
 *
 *     h = relu(scale·z + shift),  q = b + unit·(h·w),  unit = 1/√(var h + 1e-5), w without a mean
 */
struct normed_heads {
    int rows, n;
    const float *z;     /**< (rows, n) */
    const float *scale; /**< (rows) */
    const float *shift; /**< (n) */
    const float *w;     /**< (n) */
    float b;
    bool relu;   /**< false: h = scale·z + shift */
    float *h;    /**< (rows, n) written; may be z */
    float *mean; /**< (rows) written: of h over the units */
    float *unit; /**< (rows) written */
    float *q;    /**< (rows) written */
};

struct product;
struct dots;
struct product_f64;
struct dots_f64;

/** The kernels of f64 of a level: as those of the same names in struct kernels. */
struct kernels_f64 {
    void (*product)(const struct product_f64 *p);
    void (*dots)(const struct dots_f64 *d);
    void (*tanh)(size_t n, const double *z, double cliff, double *y);
    struct adam_effect (*adam)(const struct adam *adam, size_t count, double *theta, double *m,
                               double *v, const double *g);
    double (*squares)(size_t n, const double *x);
    double (*norm_forward)(size_t n, const double *x, const double *gamma, const double *beta,
                           double *unit, double *y);
    void (*norm_backward)(size_t n, const double *unit, double scale, const double *gamma,
                          const double *d_y, double *d_x);
};

struct kernels {
    const struct kernels_f64 *f64;
    const char *level; /**< "avx512", "avx2" or "baseline" */
    bool fused;        /**< multiply-adds round once */

    void (*product)(const struct product *p);
    void (*dots)(const struct dots *d);

    /** Smallest and largest first-layer sum of each unit over rows: of z (n) + x (rows, k) · w
     *  (k, n). \param lo, hi (n) written */
    void (*range)(int rows, int n, int k, const float *z, const float *x, const float *w, float *lo,
                  float *hi);

    void (*move)(struct move *m);

    /** out[a] = Σ_k [u + shift > 0]·t·w[a], w (3, n). */
    void (*slopes)(int n, const float *w, const float *u, const float *shift, const float *t,
                   float out[3]);

    /** Values q (rows) = b + relu(z (rows, n)) · w, and each column's extremes lo, hi (n) unless
     *  they are NULL. */
    void (*heads)(int rows, int n, const float *z, const float *w, float b, float *lo, float *hi,
                  float *q);

    /** Indices of the columns of x (rows, n) that hold a positive value or a NaN, which must not
     *  get lost. \return how many */
    int (*positive)(int rows, int n, const float *x, int32_t *list);

    /** y = tanh(z), correctly rounded (in f64 within three units in the last place, and correctly
     *  where it rounds to ±1); exactly ±1 where |z| > cliff. */
    void (*tanh)(size_t n, const float *z, float cliff, float *y);

    struct adam_effect (*adam)(const struct adam *adam, size_t count, float *theta, float *m,
                               float *v, const float *g);

    /** Σ x² in f64. (Of f64 values below 1e-162 the square is 0, above 1e154 infinite.) */
    double (*squares)(size_t n, const float *x);

    /** Layer normalisation of one row of n (layer_norm.h): y = γ∘û + β, with û to `unit` unless it
     *  is NULL. x and y may be the same. \return 1/√(var + NORM_EPS) */
    float (*norm_forward)(size_t n, const float *x, const float *gamma, const float *beta,
                          float *unit, float *y);

    /** Back through it, from dL/dy to dL/dx, which may be the same. */
    void (*norm_backward)(size_t n, const float *unit, float scale, const float *gamma,
                          const float *d_y, float *d_x);

    /** Mean and 1/√(var + 1e-5) of x (n), from sums in f64. */
    void (*spread)(size_t n, const float *x, float *mean, float *scale);

    /** out[a] = Σ w[a]·z for the k rows of w (k, n); out[k] = Σ z²; out[k + 1] = Σ z; in f64. */
    void (*moments)(size_t n, size_t k, const float *w, const float *z, double *out);

    void (*normed_heads)(const struct normed_heads *heads);
};

/** The level in use and a tally of what it was asked for. */
struct compute {
    const struct kernels *kernels;
    double flop; /**< multiplications and additions of products so far, those with skipped zeros
                  * not counted */
};

/** The kernels of a level in the precision at hand. */
static inline const struct REAL(kernels) * REAL(kernels_at)(const struct kernels *kernels)
{
#ifdef REAL_F64
    return kernels->f64;
#else
    return kernels;
#endif
}

/** C = start + A·B, counted. */
static inline void REAL(compute_product)(struct compute *compute, const struct REAL(product) * p)
{
    compute->flop += 2.0 * p->m * p->n * p->k;
    REAL(kernels_at)(compute->kernels)->product(p);
}

/** C = start + A·Bᵀ, counted. */
static inline void REAL(compute_dots)(struct compute *compute, const struct REAL(dots) * d)
{
    compute->flop += 2.0 * d->m * d->n * d->k;
    REAL(kernels_at)(compute->kernels)->dots(d);
}

/** Σ x² of numbers of either precision, in f64. */
static inline double reals_squares(const struct kernels *kernels, struct reals x, size_t count)
{
    return x.f64 != NULL ? kernels->f64->squares(count, x.f64) : kernels->squares(count, x.f32);
}

/** STATUS_INPUT with a sentence when the environment variable CCMSWEEP_LEVEL names no level, or one
 *  that this CPU does not run. */
enum status kernels_check(struct fault *fault) MUST_USE;

/** The highest level that this CPU runs, or the one that CCMSWEEP_LEVEL names, if this CPU runs it.
 *  Never NULL. */
const struct kernels *kernels_best(void) MUST_USE;

/** The level of that name, NULL when it does not exist or this CPU does not run it. */
const struct kernels *kernels_named(const char *level) MUST_USE;

#endif
