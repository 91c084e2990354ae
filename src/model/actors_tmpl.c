// SPDX-License-Identifier: MIT
/* Passes of the actors, in f32 and in f64 (real.h). Each actor is small (2691 parameters as
 * published); what saves time is to leave out samples that pass nothing back, which are nearly all
 * once tanh has saturated. */
#include "model/actors.h"
#include "model/layer_norm.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

/* The states of actor i as its first layer reads them, a row every `*row` values: in f32 its own
 * columns of the joint states, without a copy. */
static const real *own_states(const struct actors *actors, int i, int rows, const float *state,
                              size_t *row)
{
    const size_t joint = (size_t)(actors->agents * S);
#ifdef REAL_F64
    for (int b = 0; b < rows; b++)
        for (int k = 0; k < S; k++)
            actors->state_f64[b * S + k] = (double)state[(size_t)b * joint + (size_t)(i * S + k)];
    *row = S;
    return actors->state_f64;
#else
    (void)rows;
    *row = joint;
    return state + (size_t)i * S;
#endif
}

/* Make what was computed readable in f32, where it is not. */
static void show(size_t count, const real *x, float *to)
{
#ifdef REAL_F64
    reals_narrow(count, x, to);
#else
    (void)count, (void)x, (void)to;
#endif
}

/* The normalisation behind a layer of one actor: rows from `at` on, its parameters `own`. */
static struct REAL(layer_norm) norm_of(const struct actors *actors, const struct activations *x,
                                       const real *own, int layer, size_t at, int rows)
{
    const struct mlp *mlp = &actors->mlp;
    return (struct REAL(layer_norm)){
        .rows = rows,
        .n = mlp->out[layer],
        .gamma = own + mlp->gamma[layer],
        .unit = x->REAL(unit)[layer] + at * (size_t)mlp->out[layer],
        .scale = x->REAL(scale)[layer] + at,
    };
}

/* y (rows, out) of a layer that has a normalisation; the others have written it themselves. */
static void normalise(const struct actors *actors, const struct activations *x, const real *own,
                      int layer, size_t at, int rows, real *y)
{
    if (!actors->mlp.normed[layer])
        return;
    const struct REAL(layer_norm) norm = norm_of(actors, x, own, layer, at, rows);
    const real *before = x->REAL(before)[layer] + at * (size_t)actors->mlp.out[layer];
    REAL(layer_norm_forward)
    (actors->compute->kernels, &norm, own + actors->mlp.beta[layer], before, y);
}

void REAL(actors_forward)(const struct actors *actors, const real *theta, int i, int rows,
                          const float *state, struct activations *x, float *action)
{
    const struct mlp *mlp = &actors->mlp;
    const size_t n = (size_t)actors->agents;
    const size_t at = (size_t)i * (size_t)rows;
    const real *own = theta + (size_t)i * mlp->size;
    const size_t at1 = at * (size_t)mlp->out[0];
    const size_t at2 = at * (size_t)mlp->out[1];
    real *h1 = x->REAL(h1) + at1;
    real *h2 = x->REAL(h2) + at2;
    real *z = x->REAL(z) + at * A;
    const size_t outputs = (size_t)rows * A;
    size_t state_row;
    const real *own_state = own_states(actors, i, rows, state, &state_row);
    REAL(mlp_hidden)
    (actors->compute, mlp, 0, own, rows, own_state, state_row, x->REAL(before)[0] + at1);
    normalise(actors, x, own, 0, at, rows, h1);
    REAL(mlp_hidden)
    (actors->compute, mlp, 1, own, rows, h1, (size_t)mlp->out[0], x->REAL(before)[1] + at2);
    normalise(actors, x, own, 1, at, rows, h2);
    REAL(mlp_output)(actors->compute, mlp, own, rows, h2, x->REAL(before)[2] + at * A);
    normalise(actors, x, own, 2, at, rows, z);
    REAL(squash_forward)
    (&actors->squash, actors->compute->kernels, outputs, z, x->REAL(y) + at * A,
     x->REAL(slope) + at * A);
    show(outputs, z, x->z + at * A);
    show(outputs, x->REAL(before)[2] + at * A, x->before[2] + at * A);
    show(outputs, x->REAL(y) + at * A, x->y + at * A);
    show(outputs, x->REAL(slope) + at * A, x->slope + at * A);
    for (size_t b = 0; b < (size_t)rows; b++)
        memcpy(action + b * (n * A) + (size_t)i * A, x->y + (at + b) * A, A * sizeof *action);
}

/* dL/dz, and the samples where it is not 0. The others are left out of every product below: what
 * they would add is exactly 0. A NaN is not 0 and stays in. */
static void start_backward(struct actors *actors, int rows, const real *z, real *slope,
                           const float *d_y, double pull)
{
    const real pulled = (real)pull;
    real *d_z = actors->REAL(d_z);
    int count = 0;
    REAL(squash_backward)(&actors->squash, (size_t)rows * A, z, d_y, slope, d_z);
    for (int b = 0; b < rows; b++) {
        bool some = false;
        for (int k = b * A; k < (b + 1) * A; k++) {
            if (pulled != 0)
                d_z[k] += pulled * z[k];
            some |= d_z[k] != 0;
        }
        actors->active[count] = b;
        count += some;
    }
    actors->active_count = count;
}

/* d_in (rows, n) = d_out (rows, k) · w (k, n) on the active samples, and back through the
 * activation of the units `h` where they are given. */
static void back(const struct actors *actors, int n, int k, const real *d_out, const real *w,
                 const real *h, real *d_in)
{
    struct REAL(product) p = REAL(product_of)(actors->active_count, n, k, d_out, w, d_in);
    p.outer = actors->active;
    p.finish = h != NULL ? mlp_finish_back(&actors->mlp) : FINISH_PLAIN;
    p.mask = h;
    REAL(compute_product)(actors->compute, &p);
}

/* Back through the normalisation behind a layer, on the active samples: d_y (rows, out) to d_x,
 * which may be the same, and the gradient by γ and β. */
static void norm_back(const struct actors *actors, const struct activations *x, const real *own,
                      int layer, size_t at, const real *d_y, real *d_x, real *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    struct REAL(layer_norm) norm = norm_of(actors, x, own, layer, at, actors->active_count);
    norm.list = actors->active;
    REAL(layer_norm_gradient)
    (&norm, d_y, gradient + mlp->gamma[layer], gradient + mlp->beta[layer]);
    REAL(layer_norm_backward)(actors->compute->kernels, &norm, d_y, d_x);
}

/* d_in (rows, out) of a hidden layer's sums, from d_out (rows, k) · w (k, out) by what comes out of
 * it: through its normalisation, if it has one, and its activation. */
static void hidden_back(const struct actors *actors, const struct activations *x, const real *own,
                        int layer, size_t at, int k, const real *d_out, const real *w, real *d_in,
                        real *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    const size_t n = (size_t)mlp->out[layer];
    const real *before = x->REAL(before)[layer] + at * n;
    back(actors, (int)n, k, d_out, w, mlp->normed[layer] ? NULL : before, d_in);
    if (!mlp->normed[layer])
        return;
    norm_back(actors, x, own, layer, at, d_in, d_in, gradient);
    for (int r = 0; mlp->activation == ACTIVATION_RELU && r < actors->active_count; r++) {
        const size_t row = (size_t)actors->active[r] * n;
        for (size_t u = row; u < row + n; u++)
            d_in[u] = before[u] > 0 ? d_in[u] : 0;
    }
}

/* gradient (m, n) = x (samples, m)ᵀ · d (samples, n), over the active samples. */
static void weight_gradient(const struct actors *actors, int m, const real *x, size_t x_row, int n,
                            const real *d, real *gradient)
{
    struct REAL(product) p =
        REAL(product_of_transposed)(m, n, actors->active_count, x, d, gradient);
    p.a_col = x_row;
    p.inner = actors->active;
    REAL(compute_product)(actors->compute, &p);
}

/* gradient (n) = Σ d (samples, n) over the active samples: a product with a column of ones. One is
 * enough, as the distance between its rows is 0. */
static void bias_gradient(const struct actors *actors, int n, const real *d, real *gradient)
{
    static const real one = 1;
    weight_gradient(actors, 1, &one, 0, n, d, gradient);
}

void REAL(actors_backward)(struct actors *actors, const real *theta, int i, int rows,
                           const float *state, const struct activations *x, const float *d_y,
                           double pull, real *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    const int width1 = mlp->out[0];
    const int width2 = mlp->out[1];
    const size_t at = (size_t)i * (size_t)rows;
    const real *own = theta + (size_t)i * mlp->size;
    const real *h1 = x->REAL(h1) + at * (size_t)width1;
    const real *h2 = x->REAL(h2) + at * (size_t)width2;
    size_t state_row;
    const real *own_state = own_states(actors, i, rows, state, &state_row);
    start_backward(actors, rows, x->REAL(z) + at * A, x->REAL(slope) + at * A, d_y, pull);
    /* What inverting gradients have used is known only now. */
    show((size_t)rows * A, x->REAL(slope) + at * A, x->slope + at * A);
    /* Nothing passes the squash: the gradient is exactly 0, which is the event under study. */
    if (actors->active_count == 0) {
        memset(gradient, 0, mlp->size * sizeof *gradient);
        return;
    }
    if (mlp->normed[2])
        norm_back(actors, x, own, 2, at, actors->REAL(d_z), actors->REAL(d_u), gradient);
    REAL(mlp_transpose)(width1, width2, own + mlp->weight[1], actors->REAL(w2));
    hidden_back(actors, x, own, 1, at, A, actors->REAL(d_u), own + mlp->weight[2],
                actors->REAL(d_a2), gradient);
    hidden_back(actors, x, own, 0, at, width2, actors->REAL(d_a2), actors->REAL(w2),
                actors->REAL(d_a1), gradient);
    /* The output layer's weight is (A, H2), so x and d trade places here. */
    weight_gradient(actors, A, actors->REAL(d_u), A, width2, h2, gradient + mlp->weight[2]);
    weight_gradient(actors, width1, h1, (size_t)width1, width2, actors->REAL(d_a2),
                    gradient + mlp->weight[1]);
    weight_gradient(actors, S, own_state, state_row, width1, actors->REAL(d_a1),
                    gradient + mlp->weight[0]);
    bias_gradient(actors, A, actors->REAL(d_u), gradient + mlp->bias[2]);
    bias_gradient(actors, width2, actors->REAL(d_a2), gradient + mlp->bias[1]);
    bias_gradient(actors, width1, actors->REAL(d_a1), gradient + mlp->bias[0]);
}

/* The same products up to the activations, for logs only: they show at which layer a gradient is
 * lost. Inactive samples keep their 0: the products write active ones only. */
void REAL(actors_chain)(struct actors *actors, const real *theta, int i, int rows)
{
    const struct mlp *mlp = &actors->mlp;
    const int width1 = mlp->out[0];
    const int width2 = mlp->out[1];
    const real *own = theta + (size_t)i * mlp->size;
    memset(actors->REAL(d_h2), 0, (size_t)rows * (size_t)width2 * sizeof(real));
    memset(actors->REAL(d_h1), 0, (size_t)rows * (size_t)width1 * sizeof(real));
    REAL(mlp_transpose)(width1, width2, own + mlp->weight[1], actors->REAL(w2));
    back(actors, width2, A, actors->REAL(d_u), own + mlp->weight[2], NULL, actors->REAL(d_h2));
    back(actors, width1, width2, actors->REAL(d_a2), actors->REAL(w2), NULL, actors->REAL(d_h1));
    show((size_t)rows * A, actors->REAL(d_z), actors->d_z);
    show((size_t)rows * (size_t)width2, actors->REAL(d_h2), actors->d_h2);
    show((size_t)rows * (size_t)width1, actors->REAL(d_h1), actors->d_h1);
}
