// SPDX-License-Identifier: MIT
/* The joint inputs' part of what the published program logged. Only log episodes come here. */
#include "model/joint_sums.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

void joint_sums_bind(struct joint_sums *sums, struct actors *actors, const struct critic *critic,
                     int samples, struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t n = (size_t)actors->agents;
    *sums = (struct joint_sums){
        .actors = actors,
        .critic = critic,
        .samples = samples,
        .actor = reals_take(scratch, n * actors->mlp.size, actors->f64),
        .gradient = arena_take(scratch, critic->mlp.size, sizeof(float)),
        .sum = arena_take(scratch, b * (size_t)critic->mlp.out[0], sizeof(float)),
        .d_y = arena_take(scratch, n * b * A, sizeof(float)),
        .slopes = arena_take(scratch, b * A, sizeof(float)),
        .extra = reals_take(scratch, actors->mlp.size, actors->f64),
    };
}

void joint_sums_begin(struct joint_sums *sums)
{
    const size_t b = (size_t)sums->samples;
    memset(sums->sum, 0, b * (size_t)sums->critic->mlp.out[0] * sizeof(float));
    memset(sums->d_y, 0, (size_t)sums->actors->agents * b * A * sizeof(float));
}

void joint_sums_add_product(const struct joint_sums *sums, int m, int n, int k, const float *x,
                            const float *d, const int32_t *list, float *c)
{
    struct product p = product_of_transposed(m, n, k, x, d, c);
    p.start = c;
    p.start_row = p.c_row;
    p.outer = list;
    compute_product(sums->critic->compute, &p);
}

/* The sign serves Σ_{p>a} as the sum over all passes less that over passes up to a: the first is
 * known only at the end, the second only at pass a. */
void joint_sums_add_slopes(struct joint_sums *sums, int a, int b, int rows, const float *d,
                           const float *w, float sign)
{
    const size_t h1 = (size_t)sums->critic->mlp.out[0];
    const struct dots dots = {
        .m = rows,
        .n = A,
        .k = (int)h1,
        .a = d,
        .a_row = h1,
        .b = w,
        .b_row = h1,
        .c = sums->slopes,
        .c_row = A,
    };
    float *d_y = sums->d_y + (size_t)(a * sums->samples + b) * A;
    compute_dots(sums->critic->compute, &dots);
    for (int k = 0; k < rows * A; k++)
        d_y[k] += sign * sums->slopes[k];
}

void joint_sums_pass(struct joint_sums *sums, const float *theta, int i, struct reals gradient)
{
    const size_t size = sums->actors->mlp.size;
    reals_copy(reals_at(sums->actor, (size_t)i * size), gradient, size);
    /* At this point `sum` has the passes up to and including i. Taken off here, and added as a
     * whole in end_actor, it leaves those after i. */
    joint_sums_add_slopes(sums, i, 0, sums->samples, sums->sum,
                          theta + critic_joint_actions(sums->critic, i), -1.0F);
}

void joint_sums_moved(struct joint_sums *sums, int i, const float *before, const float *after)
{
    /* joint_sums_end multiplies all of `sum` by the new actions, but the passes so far had the old
     * ones: correct by (old - new) times what they have summed up. */
    for (int k = 0; k < sums->samples * A; k++)
        sums->slopes[k] = before[k] - after[k];
    joint_sums_add_product(sums, A, sums->critic->mlp.out[0], sums->samples, sums->slopes,
                           sums->sum, NULL, sums->gradient + critic_joint_actions(sums->critic, i));
}

/* Passes after its own give actor a the gradient of its updated self. */
static void end_actor(struct joint_sums *sums, const float *theta, int a, const float *state,
                      struct reals actors, const struct activations *x)
{
    const size_t size = sums->actors->mlp.size;
    joint_sums_add_slopes(sums, a, 0, sums->samples, sums->sum,
                          theta + critic_joint_actions(sums->critic, a), 1.0F);
    actors_back(sums->actors, actors, a, sums->samples, state, x,
                sums->d_y + (size_t)(a * sums->samples) * A, 0.0, sums->extra);
    reals_add(reals_at(sums->actor, (size_t)a * size), sums->extra, size);
}

void joint_sums_end(struct joint_sums *sums, const float *theta, const float *state,
                    const float *action, struct reals actors, const struct activations *x)
{
    const struct critic *critic = sums->critic;
    const int width = critic->mlp.out[0];
    const int n = critic->agents;
    float *b1 = sums->gradient + critic->mlp.bias[0];
    joint_sums_add_product(sums, n * S, width, sums->samples, state, sums->sum, NULL,
                           sums->gradient + critic->mlp.weight[0]);
    joint_sums_add_product(sums, n * A, width, sums->samples, action, sums->sum, NULL,
                           sums->gradient + critic_joint_actions(critic, 0));
    for (int b = 0; b < sums->samples; b++)
        for (size_t k = 0; k < (size_t)width; k++)
            b1[k] += sums->sum[(size_t)b * (size_t)width + k];
    for (int a = 0; a < n - 1; a++)
        end_actor(sums, theta, a, state, actors, x);
}
