// SPDX-License-Identifier: MIT
/* Passes of the actors. Each actor is small (2691 parameters as published); what saves time is to
 * leave out samples that pass nothing back, which are nearly all once tanh has saturated. */
#include "model/actors.h"
#include "model/layer_norm.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

struct mlp actors_shape(const struct settings *settings)
{
    struct mlp mlp =
        mlp_make(S, (int)settings->networks.actor_hidden1, (int)settings->networks.actor_hidden2, A,
                 settings->networks.actor_activation);
    if (settings->networks.actor_norm == ACTOR_NORM_OUTPUT)
        mlp_normalise(&mlp, MLP_LAYERS - 1);
    for (int l = 0; settings->networks.actor_norm == ACTOR_NORM_HIDDEN && l < MLP_LAYERS - 1; l++)
        mlp_normalise(&mlp, l);
    return mlp;
}

void actors_bind(struct actors *actors, const struct settings *settings, struct compute *compute,
                 int rows, struct arena *scratch)
{
    const size_t b = (size_t)rows;
    const size_t h1 = (size_t)settings->networks.actor_hidden1;
    const size_t h2 = (size_t)settings->networks.actor_hidden2;
    *actors = (struct actors){
        .mlp = actors_shape(settings),
        .compute = compute,
        .agents = (int)settings->environment.agents,
        .squash = squash_of(settings),
        .d_z = arena_take(scratch, b * A, sizeof(float)),
        .d_h2 = arena_take(scratch, b * h2, sizeof(float)),
        .d_h1 = arena_take(scratch, b * h1, sizeof(float)),
        .d_a2 = arena_take(scratch, b * h2, sizeof(float)),
        .d_a1 = arena_take(scratch, b * h1, sizeof(float)),
        .w2 = arena_take(scratch, h1 * h2, sizeof(float)),
        .active = arena_take(scratch, b, sizeof(int32_t)),
    };
    actors->d_u = actors->mlp.normed[MLP_LAYERS - 1] ? arena_take(scratch, b * A, sizeof(float))
                                                     : actors->d_z;
}

void activations_bind(struct activations *x, const struct actors *actors, int rows,
                      struct arena *scratch)
{
    const size_t count = (size_t)actors->agents * (size_t)rows;
    *x = (struct activations){
        .h1 = arena_take(scratch, count * (size_t)actors->mlp.out[0], sizeof(float)),
        .h2 = arena_take(scratch, count * (size_t)actors->mlp.out[1], sizeof(float)),
        .z = arena_take(scratch, count * A, sizeof(float)),
        .y = arena_take(scratch, count * A, sizeof(float)),
        .slope = arena_take(scratch, count * A, sizeof(float)),
    };
    float *const after[MLP_LAYERS] = {x->h1, x->h2, x->z};
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t values = count * (size_t)actors->mlp.out[l];
        const bool normed = actors->mlp.normed[l];
        x->before[l] = normed ? arena_take(scratch, values, sizeof(float)) : after[l];
        x->unit[l] = normed ? arena_take(scratch, values, sizeof(float)) : NULL;
        x->scale[l] = normed ? arena_take(scratch, count, sizeof(float)) : NULL;
    }
    if (actors->mlp.normed[MLP_LAYERS - 1])
        x->squashed = arena_take(scratch, (size_t)rows * A, sizeof(float));
}

/* The normalisation behind a layer of one actor: rows from `at` on, its parameters `own`. */
static struct layer_norm norm_of(const struct actors *actors, const struct activations *x,
                                 const float *own, int layer, size_t at, int rows)
{
    const struct mlp *mlp = &actors->mlp;
    return (struct layer_norm){
        .rows = rows,
        .n = mlp->out[layer],
        .gamma = own + mlp->gamma[layer],
        .unit = x->unit[layer] + at * (size_t)mlp->out[layer],
        .scale = x->scale[layer] + at,
    };
}

/* y (rows, out) of a layer that has a normalisation; the others have written it themselves. */
static void normalise(const struct actors *actors, const struct activations *x, const float *own,
                      int layer, size_t at, int rows, float *y)
{
    if (!actors->mlp.normed[layer])
        return;
    const struct layer_norm norm = norm_of(actors, x, own, layer, at, rows);
    const float *before = x->before[layer] + at * (size_t)actors->mlp.out[layer];
    layer_norm_forward(actors->compute->kernels, &norm, own + actors->mlp.beta[layer], before, y);
}

void actors_forward(const struct actors *actors, const float *theta, int i, int rows,
                    const float *state, struct activations *x, float *action)
{
    const struct mlp *mlp = &actors->mlp;
    const size_t n = (size_t)actors->agents;
    const size_t at = (size_t)i * (size_t)rows;
    const float *own = theta + (size_t)i * mlp->size;
    const size_t at1 = at * (size_t)mlp->out[0];
    const size_t at2 = at * (size_t)mlp->out[1];
    float *h1 = x->h1 + at1;
    float *h2 = x->h2 + at2;
    float *y = x->y + at * A;
    /* The first layer reads the actor's own columns of the joint states, a row every N·S floats:
     * no copy. */
    mlp_hidden(actors->compute, mlp, 0, own, rows, state + (size_t)i * S, n * S,
               x->before[0] + at1);
    normalise(actors, x, own, 0, at, rows, h1);
    mlp_hidden(actors->compute, mlp, 1, own, rows, h1, (size_t)mlp->out[0], x->before[1] + at2);
    normalise(actors, x, own, 1, at, rows, h2);
    mlp_output(actors->compute, mlp, own, rows, h2, x->before[2] + at * A);
    normalise(actors, x, own, 2, at, rows, x->z + at * A);
    squash_forward(&actors->squash, actors->compute->kernels, (size_t)rows * A, x->z + at * A, y,
                   x->slope + at * A);
    for (int b = 0; b < rows; b++)
        memcpy(action + (size_t)b * (n * A) + (size_t)i * A, y + b * A, A * sizeof *y);
}

void actors_squash(const struct actors *actors, size_t count, const float *z, float *y)
{
    squash_outputs(&actors->squash, actors->compute->kernels, count, z, y);
}

int actors_sloping(const struct activations *x, int i, int rows, int32_t *list)
{
    const float *slope = x->slope + (size_t)i * (size_t)rows * A;
    int count = 0;
    for (int b = 0; b < rows; b++) {
        bool some = false;
        for (int k = 0; k < A; k++)
            some |= slope[b * A + k] != 0.0F;
        list[count] = b;
        count += some;
    }
    return count;
}

/* dL/dz, and the samples where it is not 0. The others are left out of every product below: what
 * they would add is exactly 0. A NaN is not 0 and stays in. */
static void start_backward(struct actors *actors, int rows, const float *z, float *slope,
                           const float *d_y, float pull)
{
    int count = 0;
    squash_backward(&actors->squash, (size_t)rows * A, z, d_y, slope, actors->d_z);
    for (int b = 0; b < rows; b++) {
        bool some = false;
        for (int k = b * A; k < (b + 1) * A; k++) {
            if (pull != 0.0F)
                actors->d_z[k] += pull * z[k];
            some |= actors->d_z[k] != 0.0F;
        }
        actors->active[count] = b;
        count += some;
    }
    actors->active_count = count;
}

/* d_in (rows, n) = d_out (rows, k) · w (k, n) on the active samples, and back through the
 * activation of the units `h` where they are given. */
static void back(const struct actors *actors, int n, int k, const float *d_out, const float *w,
                 const float *h, float *d_in)
{
    struct product p = product_of(actors->active_count, n, k, d_out, w, d_in);
    p.outer = actors->active;
    p.finish = h != NULL ? mlp_finish_back(&actors->mlp) : FINISH_PLAIN;
    p.mask = h;
    compute_product(actors->compute, &p);
}

/* Back through the normalisation behind a layer, on the active samples: d_y (rows, out) to d_x,
 * which may be the same, and the gradient by γ and β. */
static void norm_back(const struct actors *actors, const struct activations *x, const float *own,
                      int layer, size_t at, const float *d_y, float *d_x, float *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    struct layer_norm norm = norm_of(actors, x, own, layer, at, actors->active_count);
    norm.list = actors->active;
    layer_norm_gradient(&norm, d_y, gradient + mlp->gamma[layer], gradient + mlp->beta[layer]);
    layer_norm_backward(actors->compute->kernels, &norm, d_y, d_x);
}

/* d_in (rows, out) of a hidden layer's sums, from d_out (rows, k) · w (k, out) by what comes out of
 * it: through its normalisation, if it has one, and its activation. */
static void hidden_back(const struct actors *actors, const struct activations *x, const float *own,
                        int layer, size_t at, int k, const float *d_out, const float *w,
                        float *d_in, float *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    const size_t n = (size_t)mlp->out[layer];
    const float *before = x->before[layer] + at * n;
    back(actors, (int)n, k, d_out, w, mlp->normed[layer] ? NULL : before, d_in);
    if (!mlp->normed[layer])
        return;
    norm_back(actors, x, own, layer, at, d_in, d_in, gradient);
    for (int r = 0; mlp->activation == ACTIVATION_RELU && r < actors->active_count; r++) {
        const size_t row = (size_t)actors->active[r] * n;
        for (size_t u = row; u < row + n; u++)
            d_in[u] = before[u] > 0.0F ? d_in[u] : 0.0F;
    }
}

/* gradient (m, n) = x (samples, m)ᵀ · d (samples, n), over the active samples. */
static void weight_gradient(const struct actors *actors, int m, const float *x, size_t x_row, int n,
                            const float *d, float *gradient)
{
    struct product p = product_of_transposed(m, n, actors->active_count, x, d, gradient);
    p.a_col = x_row;
    p.inner = actors->active;
    compute_product(actors->compute, &p);
}

/* gradient (n) = Σ d (samples, n) over the active samples: a product with a column of ones. One is
 * enough, as the distance between its rows is 0. */
static void bias_gradient(const struct actors *actors, int n, const float *d, float *gradient)
{
    static const float one = 1.0F;
    weight_gradient(actors, 1, &one, 0, n, d, gradient);
}

void actors_backward(struct actors *actors, const float *theta, int i, int rows, const float *state,
                     const struct activations *x, const float *d_y, float pull, float *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    const int width1 = mlp->out[0];
    const int width2 = mlp->out[1];
    const size_t at = (size_t)i * (size_t)rows;
    const float *own = theta + (size_t)i * mlp->size;
    const float *h1 = x->h1 + at * (size_t)width1;
    const float *h2 = x->h2 + at * (size_t)width2;
    start_backward(actors, rows, x->z + at * A, x->slope + at * A, d_y, pull);
    /* Nothing passes the squash: the gradient is exactly 0, which is the event under study. */
    if (actors->active_count == 0) {
        memset(gradient, 0, mlp->size * sizeof *gradient);
        return;
    }
    if (mlp->normed[2])
        norm_back(actors, x, own, 2, at, actors->d_z, actors->d_u, gradient);
    mlp_transpose(width1, width2, own + mlp->weight[1], actors->w2);
    hidden_back(actors, x, own, 1, at, A, actors->d_u, own + mlp->weight[2], actors->d_a2,
                gradient);
    hidden_back(actors, x, own, 0, at, width2, actors->d_a2, actors->w2, actors->d_a1, gradient);
    /* The output layer's weight is (A, H2), so x and d trade places here. */
    weight_gradient(actors, A, actors->d_u, A, width2, h2, gradient + mlp->weight[2]);
    weight_gradient(actors, width1, h1, (size_t)width1, width2, actors->d_a2,
                    gradient + mlp->weight[1]);
    weight_gradient(actors, S, state + (size_t)i * S, (size_t)(actors->agents * S), width1,
                    actors->d_a1, gradient + mlp->weight[0]);
    bias_gradient(actors, A, actors->d_u, gradient + mlp->bias[2]);
    bias_gradient(actors, width2, actors->d_a2, gradient + mlp->bias[1]);
    bias_gradient(actors, width1, actors->d_a1, gradient + mlp->bias[0]);
}

/* The same products up to the activations, for logs only: they show at which layer a gradient is
 * lost. Inactive samples keep their 0: the products write active ones only. */
void actors_chain(struct actors *actors, const float *theta, int i, int rows)
{
    const struct mlp *mlp = &actors->mlp;
    const int width1 = mlp->out[0];
    const int width2 = mlp->out[1];
    const float *own = theta + (size_t)i * mlp->size;
    memset(actors->d_h2, 0, (size_t)rows * (size_t)width2 * sizeof(float));
    memset(actors->d_h1, 0, (size_t)rows * (size_t)width1 * sizeof(float));
    mlp_transpose(width1, width2, own + mlp->weight[1], actors->w2);
    back(actors, width2, A, actors->d_u, own + mlp->weight[2], NULL, actors->d_h2);
    back(actors, width1, width2, actors->d_a2, actors->w2, NULL, actors->d_h1);
}
