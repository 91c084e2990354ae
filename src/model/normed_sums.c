// SPDX-License-Identifier: MIT
/* The gradients that the published program logged, of a critic with normalisations. Only log
 * episodes come here. */
#include "model/normed_sums.h"
#include "model/mec.h"
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

void normed_sums_bind(struct normed_sums *sums, struct actors *actors,
                      const struct normed_response *nr, struct arena *scratch)
{
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t b = (size_t)nr->samples;
    const size_t n = (size_t)actors->agents;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    *sums = (struct normed_sums){
        .actors = actors,
        .nr = nr,
        .actor = reals_take(scratch, n * actors->mlp.size, actors->f64),
        .critic = arena_take(scratch, mlp->size, sizeof(float)),
        .passes = arena_take(scratch, mlp->size, sizeof(float)),
        .back2 = arena_take(scratch, h2, sizeof(float)),
        .sum = arena_take(scratch, b * h1, sizeof(float)),
        .d1 = arena_take(scratch, b * h1, sizeof(float)),
        .d2 = arena_take(scratch, b * h2, sizeof(float)),
        .d_y = arena_take(scratch, n * b * A, sizeof(float)),
        .slopes = arena_take(scratch, b * A, sizeof(float)),
        .extra = reals_take(scratch, actors->mlp.size, actors->f64),
    };
}

void normed_sums_begin(struct normed_sums *sums, const float *critic, const float *d_q)
{
    const struct mlp *mlp = &sums->nr->critic->mlp;
    const size_t b = (size_t)sums->nr->samples;
    sums->d_q = d_q;
    memcpy(sums->critic, critic, mlp->size * sizeof *critic);
    memset(sums->passes, 0, mlp->size * sizeof(float));
    memset(sums->back2, 0, (size_t)mlp->out[1] * sizeof(float));
    memset(sums->sum, 0, b * (size_t)mlp->out[0] * sizeof(float));
    memset(sums->d_y, 0, (size_t)sums->actors->agents * b * A * sizeof(float));
}

/* c (m, n) += x (k, m)ᵀ · d (k, n) */
static void add_product(const struct normed_sums *sums, int m, int n, int k, const float *x,
                        const float *d, float *c)
{
    struct product p = product_of_transposed(m, n, k, x, d, c);
    p.start = c;
    p.start_row = p.c_row;
    compute_product(sums->nr->critic->compute, &p);
}

/* d_y (rows, A) of actor a += sign · d (rows, H1) · w (A, H1)ᵀ, on rows from b on. */
static void add_slopes(struct normed_sums *sums, int a, int b, int rows, const float *d,
                       const float *w, float sign)
{
    const size_t h1 = (size_t)sums->nr->critic->mlp.out[0];
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
    float *d_y = sums->d_y + (size_t)(a * sums->nr->samples + b) * A;
    compute_dots(sums->nr->critic->compute, &dots);
    for (int k = 0; k < rows * A; k++)
        d_y[k] += sign * sums->slopes[k];
}

/* Weights (A, H1) of actor a's actions among the joint inputs. */
static const float *joint_actions(const struct normed_sums *sums, int a)
{
    const struct critic *critic = sums->nr->critic;
    return sums->nr->theta + critic->mlp.weight[0] +
           (size_t)(critic->agents * S + a * A) * (size_t)critic->mlp.out[0];
}

/* Sums over rows by the second layer's and the output's parameters, of the maximising row of sample
 * b; d2 becomes what its units are multiplied by. */
static void add_row(struct normed_sums *sums, int b)
{
    const struct normed_response *nr = sums->nr;
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    const size_t at = (size_t)b;
    const float d_q = sums->d_q[b];
    const float *h = nr->h2 + at * h2;
    float *d2 = sums->d2 + at * h2;
    float *gradient = sums->passes;
    for (size_t k = 0; k < h1; k++) {
        sums->d1[at * h1 + k] = d_q * nr->d1[at * h1 + k];
        sums->sum[at * h1 + k] += sums->d1[at * h1 + k];
    }
    for (size_t m = 0; m < h2; m++) {
        const float d = d_q * nr->d2[at * h2 + m];
        const float unit = (h[m] - nr->norms.mean2[b]) * nr->norms.scale2[b];
        d2[m] = nr->norms.scale1[b] * d;
        sums->back2[m] += nr->norms.mean1[b] * d2[m];
        gradient[mlp->bias[1] + m] += d;
        gradient[mlp->weight[2] + m] += d_q * unit;
    }
    gradient[mlp->bias[2]] += d_q;
}

void normed_sums_pass(struct normed_sums *sums, int i, struct reals gradient)
{
    const struct normed_response *nr = sums->nr;
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t size = sums->actors->mlp.size;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t own = mlp->weight[0] + (size_t)nr->critic->joint * h1;
    for (int b = 0; b < nr->samples; b++)
        add_row(sums, b);
    add_product(sums, O, mlp->out[0], nr->samples, nr->own, sums->d1, sums->passes + own);
    add_product(sums, mlp->out[0], mlp->out[1], nr->samples, nr->units, sums->d2,
                sums->passes + mlp->weight[1]);
    /* A row of an actor that has been updated also gives it, by its own inputs, a part of dL/dy. */
    for (int b = 0; b < nr->samples; b++)
        if (nr->at[b].agent != CRITIC_NOBODY && nr->at[b].agent < i)
            add_slopes(sums, nr->at[b].agent, b, 1, sums->d1 + (size_t)b * h1,
                       nr->theta + own + S * h1, 1.0F);
    reals_copy(reals_at(sums->actor, (size_t)i * size), gradient, size);
    /* At this point `sum` has the passes up to and including i. Taken off here, and added as a
     * whole in end_actor, it leaves those after i. */
    add_slopes(sums, i, 0, nr->samples, sums->sum, joint_actions(sums, i), -1.0F);
}

void normed_sums_moved(struct normed_sums *sums, int i, const float *before, const float *after)
{
    /* normed_sums_end multiplies all of `sum` by the new actions, but the passes so far had the
     * old ones: correct by (old - new) times what they have summed up. */
    const struct critic *critic = sums->nr->critic;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t first = (size_t)(critic->agents * S + i * A);
    for (int k = 0; k < sums->nr->samples * A; k++)
        sums->slopes[k] = before[k] - after[k];
    add_product(sums, A, (int)h1, sums->nr->samples, sums->slopes, sums->sum,
                sums->passes + critic->mlp.weight[0] + first * h1);
}

/* Passes after its own give actor a the gradient of its updated self. */
static void end_actor(struct normed_sums *sums, int a, struct reals theta,
                      const struct activations *x)
{
    const struct normed_response *nr = sums->nr;
    const size_t size = sums->actors->mlp.size;
    add_slopes(sums, a, 0, nr->samples, sums->sum, joint_actions(sums, a), 1.0F);
    actors_back(sums->actors, theta, a, nr->samples, nr->state, x,
                sums->d_y + (size_t)(a * nr->samples) * A, 0.0, sums->extra);
    reals_add(reals_at(sums->actor, (size_t)a * size), sums->extra, size);
}

void normed_sums_end(struct normed_sums *sums, struct reals theta, const struct activations *x)
{
    const struct normed_response *nr = sums->nr;
    const struct critic *critic = nr->critic;
    const struct mlp *mlp = &critic->mlp;
    const int width = mlp->out[0];
    const int n = critic->agents;
    float *w1 = sums->passes + mlp->weight[0];
    float *b1 = sums->passes + mlp->bias[0];
    add_product(sums, n * S, width, nr->samples, nr->state, sums->sum, w1);
    add_product(sums, n * A, width, nr->samples, nr->action, sums->sum,
                w1 + (size_t)(n * S) * (size_t)width);
    for (int b = 0; b < nr->samples; b++)
        for (int k = 0; k < width; k++)
            b1[k] += sums->sum[(size_t)b * (size_t)width + (size_t)k];
    folded_gradient(mlp, nr->theta, sums->back2, sums->passes + mlp->bias[1],
                    sums->passes[mlp->bias[2]], sums->passes);
    for (size_t k = 0; k < mlp->size; k++)
        sums->critic[k] += sums->passes[k];
    for (int a = 0; a < n - 1; a++)
        end_actor(sums, a, theta, x);
}
