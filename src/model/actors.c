// SPDX-License-Identifier: MIT
/* Shape and scratch of the actors, and which of the two precisions a pass is computed in. */
#include "model/actors.h"
#include "model/mec.h"

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

/* What a pass of actors of f64 writes. */
static void bind_f64(struct actors *actors, size_t b, struct arena *scratch)
{
    const size_t h1 = (size_t)actors->mlp.out[0];
    const size_t h2 = (size_t)actors->mlp.out[1];
    actors->d_z_f64 = arena_take(scratch, b * A, sizeof(double));
    actors->d_h2_f64 = arena_take(scratch, b * h2, sizeof(double));
    actors->d_h1_f64 = arena_take(scratch, b * h1, sizeof(double));
    actors->d_a2_f64 = arena_take(scratch, b * h2, sizeof(double));
    actors->d_a1_f64 = arena_take(scratch, b * h1, sizeof(double));
    actors->w2_f64 = arena_take(scratch, h1 * h2, sizeof(double));
    actors->state_f64 = arena_take(scratch, b * S, sizeof(double));
    actors->d_u_f64 = actors->mlp.normed[MLP_LAYERS - 1]
                          ? arena_take(scratch, b * A, sizeof(double))
                          : actors->d_z_f64;
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
        .f64 = settings->networks.actor_precision == PRECISION_F64,
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
    if (actors->f64)
        bind_f64(actors, b, scratch);
}

static void bind_activations_f64(struct activations *x, const struct actors *actors, size_t count,
                                 struct arena *scratch)
{
    const struct mlp *mlp = &actors->mlp;
    x->h1_f64 = arena_take(scratch, count * (size_t)mlp->out[0], sizeof(double));
    x->h2_f64 = arena_take(scratch, count * (size_t)mlp->out[1], sizeof(double));
    x->z_f64 = arena_take(scratch, count * A, sizeof(double));
    x->y_f64 = arena_take(scratch, count * A, sizeof(double));
    x->slope_f64 = arena_take(scratch, count * A, sizeof(double));
    double *const after[MLP_LAYERS] = {x->h1_f64, x->h2_f64, x->z_f64};
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t values = count * (size_t)mlp->out[l];
        const bool normed = mlp->normed[l];
        x->before_f64[l] = normed ? arena_take(scratch, values, sizeof(double)) : after[l];
        x->unit_f64[l] = normed ? arena_take(scratch, values, sizeof(double)) : NULL;
        x->scale_f64[l] = normed ? arena_take(scratch, count, sizeof(double)) : NULL;
    }
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
    if (actors->f64)
        bind_activations_f64(x, actors, count, scratch);
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

void actors_act(const struct actors *actors, struct reals theta, int i, int rows,
                const float *state, struct activations *x, float *action)
{
    if (actors->f64)
        actors_forward_f64(actors, theta.f64, i, rows, state, x, action);
    else
        actors_forward(actors, theta.f32, i, rows, state, x, action);
}

void actors_back(struct actors *actors, struct reals theta, int i, int rows, const float *state,
                 const struct activations *x, const float *d_y, double pull, struct reals gradient)
{
    if (actors->f64)
        actors_backward_f64(actors, theta.f64, i, rows, state, x, d_y, pull, gradient.f64);
    else
        actors_backward(actors, theta.f32, i, rows, state, x, d_y, pull, gradient.f32);
}

void actors_log_chain(struct actors *actors, struct reals theta, int i, int rows)
{
    if (actors->f64)
        actors_chain_f64(actors, theta.f64, i, rows);
    else
        actors_chain(actors, theta.f32, i, rows);
}

void actors_show(const struct actors *actors, int i, int rows, struct activations *x)
{
    for (int l = 0; actors->f64 && l < MLP_LAYERS - 1; l++) {
        const size_t count = (size_t)rows * (size_t)actors->mlp.out[l];
        const size_t at = (size_t)i * count;
        reals_narrow(count, x->before_f64[l] + at, x->before[l] + at);
    }
}
