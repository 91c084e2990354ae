// SPDX-License-Identifier: MIT
#include <ccmsweep/actors.h>
#include <ccmsweep/blas.h>
#include <ccmsweep/mec.h>
#include <math.h>

enum { S = MEC_STATE, A = MEC_ACTION };

static const float CLIFF = 8.664339742F;

void actors_bind(struct actors *actors, const struct settings *settings, int rows,
                 struct arena *scratch)
{
    const size_t b = (size_t)rows;
    const size_t h1 = (size_t)settings->networks.actor_hidden1;
    const size_t h2 = (size_t)settings->networks.actor_hidden2;
    *actors = (struct actors){
        .mlp = mlp_make(S, (int)h1, (int)h2, A),
        .agents = (int)settings->environment.agents,
        .tanh = settings->networks.tanh,
        .d_z = arena_take(scratch, b * A, sizeof(float)),
        .d_h2 = arena_take(scratch, b * h2, sizeof(float)),
        .d_h1 = arena_take(scratch, b * h1, sizeof(float)),
        .d_a2 = arena_take(scratch, b * h2, sizeof(float)),
        .d_a1 = arena_take(scratch, b * h1, sizeof(float)),
    };
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
    };
}

float actors_tanh(enum tanh_kind kind, float z)
{
    if (kind == TANH_PYTORCH && fabsf(z) > CLIFF)
        return copysignf(1.0F, z);
    return tanhf(z);
}

void actors_forward(const struct actors *actors, const float *theta, int i, int rows,
                    const float *state, struct activations *x, float *action)
{
    const struct mlp *mlp = &actors->mlp;
    const int n = actors->agents;
    const size_t at = (size_t)i * (size_t)rows;
    const float *own = theta + (size_t)i * mlp->size;
    float *h1 = x->h1 + at * (size_t)mlp->out[0];
    float *h2 = x->h2 + at * (size_t)mlp->out[1];
    float *z = x->z + at * A;
    float *y = x->y + at * A;
    mlp_layer(mlp, 0, own, rows, state + (size_t)i * S, n * S, h1, mlp->out[0], 1);
    mlp_layer(mlp, 1, own, rows, h1, mlp->out[0], h2, mlp->out[1], 1);
    mlp_layer(mlp, 2, own, rows, h2, mlp->out[1], z, A, 0);
    for (int b = 0; b < rows; b++) {
        for (int k = 0; k < A; k++) {
            y[b * A + k] = actors_tanh(actors->tanh, z[b * A + k]);
            action[(size_t)b * (size_t)(n * A) + (size_t)(i * A + k)] = y[b * A + k];
        }
    }
}

void actors_backward(struct actors *actors, const float *theta, int i, int rows, const float *state,
                     const struct activations *x, const float *d_y, float *gradient)
{
    const struct mlp *mlp = &actors->mlp;
    const int width1 = mlp->out[0];
    const int width2 = mlp->out[1];
    const size_t at = (size_t)i * (size_t)rows;
    const float *own = theta + (size_t)i * mlp->size;
    const float *h1 = x->h1 + at * (size_t)width1;
    const float *h2 = x->h2 + at * (size_t)width2;
    const float *y = x->y + at * A;
    for (int k = 0; k < rows * A; k++)
        actors->d_z[k] = d_y[k] * (1.0F - y[k] * y[k]);
    blas_nn(rows, width2, A, actors->d_z, A, own + mlp->weight[2], width2, 0.0F, actors->d_h2,
            width2);
    mlp_relu_backward(actors->d_h2, h2, (size_t)rows * (size_t)width2, actors->d_a2);
    blas_nn(rows, width1, width2, actors->d_a2, width2, own + mlp->weight[1], width1, 0.0F,
            actors->d_h1, width1);
    mlp_relu_backward(actors->d_h1, h1, (size_t)rows * (size_t)width1, actors->d_a1);
    mlp_layer_gradient(mlp, 2, rows, actors->d_z, A, h2, width2, gradient);
    mlp_layer_gradient(mlp, 1, rows, actors->d_a2, width2, h1, width1, gradient);
    mlp_layer_gradient(mlp, 0, rows, actors->d_a1, width1, state + (size_t)i * S,
                       actors->agents * S, gradient);
}
