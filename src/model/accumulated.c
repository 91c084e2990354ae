// SPDX-License-Identifier: MIT
/* The gradients that the published program logged, from sums over passes (the header says why the
 * sums suffice). A pass adds to the sums (accumulated_pass); a stretch turns its sums into
 * gradient when its row is replaced (end_stretch); the rest follows once at the end
 * (accumulated_end). Only log episodes come here. */
#include "model/accumulated.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

void accumulated_bind(struct accumulated *sums, struct actors *actors,
                      const struct best_response *br, struct arena *scratch)
{
    const struct mlp *mlp = &br->critic->mlp;
    const size_t b = (size_t)br->samples;
    const size_t n = (size_t)actors->agents;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    *sums = (struct accumulated){
        .actors = actors,
        .br = br,
        .actor = reals_take(scratch, n * actors->mlp.size, actors->f64),
        .critic = arena_take(scratch, mlp->size, sizeof(float)),
        .sum = arena_take(scratch, b * h1, sizeof(float)),
        .stretch_d1 = arena_take(scratch, b * h1, sizeof(float)),
        .stretch_h = arena_take(scratch, b * h1, sizeof(float)),
        .z2 = arena_take(scratch, b * h2, sizeof(float)),
        .own = arena_take(scratch, b * O, sizeof(float)),
        .d2 = arena_take(scratch, h2, sizeof(float)),
        .h2 = arena_take(scratch, h2, sizeof(float)),
        .d_y = arena_take(scratch, n * b * A, sizeof(float)),
        .slopes = arena_take(scratch, b * A, sizeof(float)),
        .extra = reals_take(scratch, actors->mlp.size, actors->f64),
        .agent = arena_take(scratch, b, sizeof(int32_t)),
        .version = arena_take(scratch, b, sizeof(int32_t)),
        .from = arena_take(scratch, b, sizeof(int32_t)),
        .passes = arena_take(scratch, b, sizeof(int32_t)),
        .on = arena_take(scratch, h1 > h2 ? h1 : h2, sizeof(int32_t)),
    };
}

void accumulated_begin(struct accumulated *sums, const float *critic, const float *d_q)
{
    const struct critic *c = sums->br->critic;
    const size_t b = (size_t)sums->br->samples;
    const size_t h1 = (size_t)c->mlp.out[0];
    sums->d_q = d_q;
    memcpy(sums->critic, critic, c->mlp.size * sizeof *critic);
    memset(sums->sum, 0, b * h1 * sizeof(float));
    memset(sums->d_y, 0, (size_t)sums->actors->agents * b * A * sizeof(float));
    for (size_t k = 0; k < b; k++)
        sums->version[k] = -1;
}

/* c (m, n) += x (k, m)ᵀ · d (k, n); `list` (m), when given, are the rows of C and columns of x. */
static void add_product(const struct accumulated *sums, int m, int n, int k, const float *x,
                        const float *d, const int32_t *list, float *c)
{
    struct product p = product_of_transposed(m, n, k, x, d, c);
    p.start = c;
    p.start_row = p.c_row;
    p.outer = list;
    compute_product(sums->br->critic->compute, &p);
}

/* d_y (rows, A) of actor a += sign · d (rows, H1) · w (A, H1)ᵀ, on rows from b on. The sign serves
 * Σ_{p>a} as the sum over all passes less that over passes up to a: the first is known only at the
 * end, the second only at pass a. */
static void add_slopes(struct accumulated *sums, int a, int b, int rows, const float *d,
                       const float *w, float sign)
{
    const size_t h1 = (size_t)sums->br->critic->mlp.out[0];
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
    float *d_y = sums->d_y + (size_t)(a * sums->br->samples + b) * A;
    compute_dots(sums->br->critic->compute, &dots);
    for (int k = 0; k < rows * A; k++)
        d_y[k] += sign * sums->slopes[k];
}

/* Σ h2 of the stretch: affine in h1 while no unit of the second layer switches. */
static void sum_second_layer(struct accumulated *sums, int b, int on)
{
    const struct critic *critic = sums->br->critic;
    const float *theta = sums->br->theta;
    const size_t h2 = (size_t)critic->mlp.out[1];
    const float *b2 = theta + critic->mlp.bias[1];
    const size_t h1 = (size_t)critic->mlp.out[0];
    struct product p = product_of(1, (int)h2, on, sums->stretch_h + (size_t)b * h1,
                                  theta + critic->mlp.weight[1], sums->h2);
    p.inner = sums->on;
    compute_product(critic->compute, &p);
    for (size_t m = 0; m < h2; m++)
        sums->h2[m] += (float)sums->passes[b] * b2[m];
}

/* Add what the stretch's row gives to everything but the joint inputs, and end the stretch. Within
 * it no unit of the second layer switches (the certificate of best_response), so d2 is one vector
 * and the gradient of the second layer is d2 times the sum of h1. A row of actor a in passes after
 * a's own also gives a, by its own inputs, a part of dL/dy. */
static void end_stretch(struct accumulated *sums, int b)
{
    const struct best_response *br = sums->br;
    const struct mlp *mlp = &br->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    const float *w3 = br->theta + mlp->weight[2];
    const float *z2 = sums->z2 + (size_t)b * h2;
    const float *d1 = sums->stretch_d1 + (size_t)b * h1;
    const float *h = sums->stretch_h + (size_t)b * h1;
    const float passes = (float)sums->passes[b];
    const float d_q = sums->d_q[b];
    float *gradient = sums->critic;
    const int on = br->critic->compute->kernels->positive(1, (int)h1, h, sums->on);
    sum_second_layer(sums, b, on);
    for (size_t m = 0; m < h2; m++) {
        sums->d2[m] = z2[m] > 0.0F ? d_q * w3[m] : 0.0F;
        gradient[mlp->bias[1] + m] += passes * sums->d2[m];
        gradient[mlp->weight[2] + m] += z2[m] > 0.0F ? d_q * sums->h2[m] : 0.0F;
    }
    gradient[mlp->bias[2]] += passes * d_q;
    add_product(sums, on, (int)h2, 1, h, sums->d2, sums->on, gradient + mlp->weight[1]);
    float *own = gradient + mlp->weight[0] + (size_t)br->critic->joint * h1;
    add_product(sums, O, (int)h1, 1, sums->own + (size_t)b * O, d1, NULL, own);
    if (sums->agent[b] != CRITIC_NOBODY && sums->from[b] > sums->agent[b])
        add_slopes(sums, sums->agent[b], b, 1, d1,
                   br->theta + mlp->weight[0] + (size_t)(br->critic->joint + S) * h1, 1.0F);
    sums->version[b] = -1;
}

/* Remember the row as it is in this pass: by the end of the stretch it may have been replaced. */
static void begin_stretch(struct accumulated *sums, int b, int i)
{
    const struct best_response *br = sums->br;
    const size_t n = (size_t)br->critic->agents;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    const size_t h2 = (size_t)br->critic->mlp.out[1];
    const size_t at = (size_t)b;
    sums->agent[b] = br->at[b].agent;
    sums->version[b] = br->at[b].version;
    sums->from[b] = i;
    sums->passes[b] = 0;
    critic_own(br->critic, br->at[b].agent, br->state + at * n * S, br->action + at * n * A,
               sums->own + at * O);
    memcpy(sums->z2 + at * h2, br->z2 + at * h2, h2 * sizeof(float));
    memset(sums->stretch_d1 + at * h1, 0, h1 * sizeof(float));
    memset(sums->stretch_h + at * h1, 0, h1 * sizeof(float));
}

/* d1 and h1 of the present pass. u + δ has the units of the first layer as they are now, also those
 * that have switched since the row was evaluated; t holds as long as the certificate does. */
static void add_pass(struct accumulated *sums, int b)
{
    const struct best_response *br = sums->br;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    const size_t at = (size_t)b * h1;
    const float d_q = sums->d_q[b];
    for (size_t k = at; k < at + h1; k++) {
        const float u = br->u[k] + br->shift[k];
        const float d1 = u > 0.0F ? d_q * br->t[k] : 0.0F;
        sums->sum[k] += d1;
        sums->stretch_d1[k] += d1;
        sums->stretch_h[k] += u > 0.0F ? u : 0.0F;
    }
    sums->passes[b]++;
}

void accumulated_pass(struct accumulated *sums, int i, struct reals gradient)
{
    const struct best_response *br = sums->br;
    const size_t size = sums->actors->mlp.size;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    for (int b = 0; b < br->samples; b++) {
        if (sums->version[b] != br->at[b].version) {
            if (sums->version[b] >= 0)
                end_stretch(sums, b);
            begin_stretch(sums, b, i);
        }
        add_pass(sums, b);
        if (sums->agent[b] == i) /* its own inputs change now */
            end_stretch(sums, b);
    }
    reals_copy(reals_at(sums->actor, (size_t)i * size), gradient, size);
    /* At this point `sum` has the passes up to and including i. Taken off here, and added as a
     * whole in end_actor, it leaves those after i. */
    const float *w =
        br->theta + br->critic->mlp.weight[0] + (size_t)(br->critic->agents * S + i * A) * h1;
    add_slopes(sums, i, 0, br->samples, sums->sum, w, -1.0F);
}

void accumulated_moved(struct accumulated *sums, int i, const float *before, const float *after)
{
    /* accumulated_end multiplies all of `sum` by the new actions, but the passes so far had the
     * old ones: correct by (old - new) times what they have summed up. */
    const struct critic *critic = sums->br->critic;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t first = (size_t)(critic->agents * S + i * A);
    for (int k = 0; k < sums->br->samples * A; k++)
        sums->slopes[k] = before[k] - after[k];
    add_product(sums, A, (int)h1, sums->br->samples, sums->slopes, sums->sum, NULL,
                sums->critic + critic->mlp.weight[0] + first * h1);
}

/* Passes after its own give actor a the gradient of its updated self. */
static void end_actor(struct accumulated *sums, int a, struct reals theta,
                      const struct activations *x)
{
    const struct best_response *br = sums->br;
    const size_t size = sums->actors->mlp.size;
    const size_t h1 = (size_t)br->critic->mlp.out[0];
    const float *w =
        br->theta + br->critic->mlp.weight[0] + (size_t)(br->critic->agents * S + a * A) * h1;
    add_slopes(sums, a, 0, br->samples, sums->sum, w, 1.0F);
    actors_back(sums->actors, theta, a, br->samples, br->state, x,
                sums->d_y + (size_t)(a * br->samples) * A, 0.0, sums->extra);
    reals_add(reals_at(sums->actor, (size_t)a * size), sums->extra, size);
}

void accumulated_end(struct accumulated *sums, struct reals theta, const struct activations *x)
{
    const struct best_response *br = sums->br;
    const struct critic *critic = br->critic;
    const int width = critic->mlp.out[0];
    const int n = critic->agents;
    float *w1 = sums->critic + critic->mlp.weight[0];
    for (int b = 0; b < br->samples; b++)
        if (sums->version[b] >= 0)
            end_stretch(sums, b);
    add_product(sums, n * S, width, br->samples, br->state, sums->sum, NULL, w1);
    add_product(sums, n * A, width, br->samples, br->action, sums->sum, NULL,
                w1 + (size_t)(n * S) * (size_t)width);
    float *b1 = sums->critic + critic->mlp.bias[0];
    for (int b = 0; b < br->samples; b++)
        for (size_t k = 0; k < (size_t)width; k++)
            b1[k] += sums->sum[(size_t)b * (size_t)width + k];
    for (int a = 0; a < n - 1; a++)
        end_actor(sums, a, theta, x);
}
