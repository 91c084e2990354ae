// SPDX-License-Identifier: MIT
#include <ccmsweep/blas.h>
#include <ccmsweep/critic.h>
#include <ccmsweep/fault.h>
#include <ccmsweep/mec.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

void critic_bind(struct critic *critic, const struct settings *settings, int samples,
                 int per_sample, struct arena *scratch)
{
    const int n = (int)settings->environment.agents;
    const size_t h1 = (size_t)settings->networks.critic_hidden1;
    const size_t h2 = (size_t)settings->networks.critic_hidden2;
    const size_t rows = (size_t)samples * (size_t)per_sample;
    *critic = (struct critic){
        .mlp = mlp_make(n * O + O, (int)h1, (int)h2, 1),
        .agents = n,
        .joint = n * O,
        .own = O,
        .d_a2 = arena_take(scratch, rows * h2, sizeof(float)),
        .d_a1 = arena_take(scratch, rows * h1, sizeof(float)),
        .d_joint = arena_take(scratch, (size_t)samples * h1, sizeof(float)),
    };
}

void critic_rows_bind(struct critic_rows *rows, const struct critic *critic, int capacity,
                      struct arena *scratch)
{
    const size_t r = (size_t)capacity;
    *rows = (struct critic_rows){
        .capacity = capacity,
        .sample = arena_take(scratch, r, sizeof(int32_t)),
        .agent = arena_take(scratch, r, sizeof(int32_t)),
        .own = arena_take(scratch, r * O, sizeof(float)),
        .h1 = arena_take(scratch, r * (size_t)critic->mlp.out[0], sizeof(float)),
        .h2 = arena_take(scratch, r * (size_t)critic->mlp.out[1], sizeof(float)),
        .q = arena_take(scratch, r, sizeof(float)),
    };
}

void critic_joint_state(const struct critic *critic, const float *theta, int samples,
                        const float *state, float *out)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    for (int b = 0; b < samples; b++)
        memcpy(out + (size_t)b * (size_t)h1, theta + mlp->bias[0], (size_t)h1 * sizeof *out);
    blas_nt(samples, h1, critic->agents * S, state, critic->agents * S, theta + mlp->weight[0],
            mlp->in[0], 1.0F, out, h1);
}

void critic_joint(const struct critic *critic, const float *theta, int samples,
                  const float *state_part, const float *action, float *out)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    memcpy(out, state_part, (size_t)samples * (size_t)h1 * sizeof *out);
    blas_nt(samples, h1, critic->agents * A, action, critic->agents * A,
            theta + mlp->weight[0] + critic->agents * S, mlp->in[0], 1.0F, out, h1);
}

void critic_rows_clear(struct critic_rows *rows)
{
    rows->count = 0;
}

void critic_rows_add(struct critic_rows *rows, const struct critic *critic, int sample, int agent,
                     const float *state, const float *action)
{
    CHECK(rows->count < rows->capacity && agent < critic->agents);
    const int r = rows->count++;
    float *own = rows->own + (size_t)r * O;
    rows->sample[r] = sample;
    rows->agent[r] = agent;
    if (agent == CRITIC_NOBODY) {
        memset(own, 0, O * sizeof *own);
        return;
    }
    memcpy(own, state + (size_t)agent * S, S * sizeof *own);
    memcpy(own + S, action + (size_t)agent * A, A * sizeof *own);
}

void critic_rows_add_proposers(struct critic_rows *rows, const struct critic *critic, int sample,
                               const float *state, const float *action)
{
    const int before = rows->count;
    for (int j = 0; j < critic->agents; j++)
        if (action[(size_t)j * A] >= 0.0F)
            critic_rows_add(rows, critic, sample, j, state, action);
    if (rows->count == before)
        critic_rows_add(rows, critic, sample, CRITIC_NOBODY, state, action);
}

void critic_evaluate(const struct critic *critic, const float *theta, const float *joint,
                     struct critic_rows *rows)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    const int h2 = mlp->out[1];
    const size_t width = (size_t)h1;
    for (int r = 0; r < rows->count; r++)
        memcpy(rows->h1 + (size_t)r * width, joint + (size_t)rows->sample[r] * width,
               width * sizeof(float));
    blas_nt(rows->count, h1, O, rows->own, O, theta + mlp->weight[0] + critic->joint, mlp->in[0],
            1.0F, rows->h1, h1);
    mlp_relu(rows->h1, (size_t)rows->count * width);
    mlp_layer(mlp, 1, theta, rows->count, rows->h1, h1, rows->h2, h2, 1);
    mlp_layer(mlp, 2, theta, rows->count, rows->h2, h2, rows->q, 1, 0);
}

static void copy_row(const struct critic *critic, const struct critic_rows *from, int r,
                     struct critic_rows *to)
{
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    const size_t source = (size_t)r;
    const size_t target = (size_t)to->count++;
    to->sample[target] = from->sample[r];
    to->agent[target] = from->agent[r];
    to->q[target] = from->q[r];
    memcpy(to->own + target * O, from->own + source * O, O * sizeof(float));
    memcpy(to->h1 + target * h1, from->h1 + source * h1, h1 * sizeof(float));
    memcpy(to->h2 + target * h2, from->h2 + source * h2, h2 * sizeof(float));
}

void critic_best(const struct critic *critic, const struct critic_rows *rows,
                 struct critic_rows *best)
{
    critic_rows_clear(best);
    for (int r = 0; r < rows->count;) {
        int top = r;
        int next = r + 1;
        for (; next < rows->count && rows->sample[next] == rows->sample[r]; next++)
            if (rows->q[next] > rows->q[top] || (rows->q[top] != rows->q[top]))
                top = next;
        copy_row(critic, rows, top, best);
        r = next;
    }
}

void critic_backward(struct critic *critic, const float *theta, const struct critic_rows *rows,
                     const float *d_q)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    const int h2 = mlp->out[1];
    const int count = rows->count;
    const float *w3 = theta + mlp->weight[2];
    for (int r = 0; r < count; r++)
        for (int k = 0; k < h2; k++)
            critic->d_a2[(size_t)r * (size_t)h2 + (size_t)k] = d_q[r] * w3[k];
    mlp_relu_backward(critic->d_a2, rows->h2, (size_t)count * (size_t)h2, critic->d_a2);
    blas_nn(count, h1, h2, critic->d_a2, h2, theta + mlp->weight[1], h1, 0.0F, critic->d_a1, h1);
    mlp_relu_backward(critic->d_a1, rows->h1, (size_t)count * (size_t)h1, critic->d_a1);
}

void critic_action_gradient(const struct critic *critic, const float *theta,
                            const struct critic_rows *rows, int i, float *d_y)
{
    const struct mlp *mlp = &critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const float *w1 = theta + mlp->weight[0];
    const float *own_action = w1 + critic->joint + S;
    blas_nn(rows->count, A, (int)h1, critic->d_a1, (int)h1, w1 + critic->agents * S + i * A,
            mlp->in[0], 0.0F, d_y, A);
    for (int r = 0; r < rows->count; r++)
        if (rows->agent[r] == i)
            blas_nn(1, A, (int)h1, critic->d_a1 + (size_t)r * h1, (int)h1, own_action, mlp->in[0],
                    1.0F, d_y + (size_t)r * A, A);
}

void critic_parameter_gradient(struct critic *critic, int samples, const struct critic_rows *rows,
                               const float *d_q, const float *state, const float *action,
                               float *gradient)
{
    const struct mlp *mlp = &critic->mlp;
    const int h1 = mlp->out[0];
    const int in = mlp->in[0];
    const size_t width = (size_t)h1;
    float *d_w1 = gradient + mlp->weight[0];
    float *d_b1 = gradient + mlp->bias[0];
    memset(critic->d_joint, 0, (size_t)samples * width * sizeof(float));
    for (int r = 0; r < rows->count; r++) {
        float *sum = critic->d_joint + (size_t)rows->sample[r] * width;
        for (size_t k = 0; k < width; k++)
            sum[k] += critic->d_a1[(size_t)r * width + k];
    }
    memset(d_b1, 0, width * sizeof *d_b1);
    for (int b = 0; b < samples; b++)
        for (size_t k = 0; k < width; k++)
            d_b1[k] += critic->d_joint[(size_t)b * width + k];
    const int states = critic->agents * S;
    const int actions = critic->agents * A;
    blas_tn(h1, states, samples, critic->d_joint, h1, state, states, 0.0F, d_w1, in);
    blas_tn(h1, actions, samples, critic->d_joint, h1, action, actions, 0.0F, d_w1 + states, in);
    blas_tn(h1, O, rows->count, critic->d_a1, h1, rows->own, O, 0.0F, d_w1 + critic->joint, in);
    mlp_layer_gradient(mlp, 1, rows->count, critic->d_a2, mlp->out[1], rows->h1, h1, gradient);
    mlp_layer_gradient(mlp, 2, rows->count, d_q, 1, rows->h2, mlp->out[1], gradient);
}
