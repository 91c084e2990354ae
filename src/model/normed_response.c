// SPDX-License-Identifier: MIT
/* The maximising row of a frozen critic with normalisations. In normed_response_find samples are
 * evaluated one by one, but what all of them need in the same way is one product. */
#include "model/normed_response.h"
#include "model/mec.h"
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

/* A few roundings of f32, the factor of the slack. */
static const float ROUNDING = 0x1p-21F;

void normed_response_bind(struct normed_response *nr, struct critic *critic, int samples,
                          struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t n = (size_t)critic->agents;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    *nr = (struct normed_response){
        .critic = critic,
        .samples = samples,
        .at = arena_take(scratch, b, sizeof(struct normed_sample)),
        .state_part = arena_take(scratch, b * h1, sizeof(float)),
        .own = arena_take(scratch, b * O, sizeof(float)),
        .units = arena_take(scratch, b * h1, sizeof(float)),
        .h2 = arena_take(scratch, b * h2, sizeof(float)),
        .d2 = arena_take(scratch, b * h2, sizeof(float)),
        .d1 = arena_take(scratch, b * h1, sizeof(float)),
        .along = arena_take(scratch, b, sizeof(float)),
        .scale = arena_take(scratch, b, sizeof(float)),
        .by = arena_take(scratch, b * A, sizeof(float)),
        .own_moved = arena_take(scratch, b * O, sizeof(float)),
        .part = arena_take(scratch, b * h1, sizeof(float)),
        .reach = arena_take(scratch, h2, sizeof(float)),
        .row_own = arena_take(scratch, n * O, sizeof(float)),
        .row_q = arena_take(scratch, n, sizeof(float)),
        .row_agent = arena_take(scratch, n, sizeof(int32_t)),
        .on = arena_take(scratch, h2, sizeof(int32_t)),
        .list = arena_take(scratch, b, sizeof(int32_t)),
        .follow = arena_take(scratch, b, sizeof(int32_t)),
    };
    normed_region_bind(&nr->region, critic, samples, scratch);
    row_norms_bind(&nr->norms, b, scratch);
}

static int width1(const struct normed_response *nr)
{
    return nr->critic->mlp.out[0];
}

static int width2(const struct normed_response *nr)
{
    return nr->critic->mlp.out[1];
}

static float norm(const struct normed_response *nr, size_t count, const float *x)
{
    return (float)sqrt(nr->critic->compute->kernels->squares(count, x));
}

void normed_response_start(struct normed_response *nr, const float *theta, const float *state,
                           const float *action)
{
    const struct mlp *mlp = &nr->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    nr->theta = theta;
    nr->state = state;
    nr->action = action;
    memset(nr->at, 0, (size_t)nr->samples * sizeof *nr->at);
    critic_joint_state(nr->critic, theta, nr->samples, NULL, state, nr->state_part);
    normed_region_begin(&nr->region, theta);
    nr->first_norm = norm(nr, (size_t)mlp->in[0] * h1, theta) / sqrtf((float)h1);
    for (size_t m = 0; m < (size_t)width2(nr); m++)
        nr->reach[m] = norm(nr, h1, nr->critic->w2 + m * h1);
}

/* Agents of sample b that propose, else "nobody", into the rows. Returns how many rows. */
static int list_rows(struct normed_response *nr, int b)
{
    const size_t n = (size_t)nr->critic->agents;
    const float *state = nr->state + (size_t)b * n * S;
    const float *action = nr->action + (size_t)b * n * A;
    int rows = 0;
    for (int j = 0; j < (int)n; j++)
        if (action[j * A] >= 0.0F)
            nr->row_agent[rows++] = j;
    if (rows == 0)
        nr->row_agent[rows++] = CRITIC_NOBODY;
    for (int r = 0; r < rows; r++)
        critic_own(nr->critic, nr->row_agent[r], state, action, nr->row_own + (size_t)r * O);
    return rows;
}

/* The part of the slack that the second layer and the output have, of row r of those evaluated.
 * Units that are off by more than rounding do not add to it. */
static float second_slack(const struct normed_response *nr, int r)
{
    const struct folded *folded = &nr->critic->folded;
    const struct normed_region *region = &nr->region;
    const float *z2 = region->z2 + (size_t)r * (size_t)width2(nr);
    const float *h2 = region->h2 + (size_t)r * (size_t)width2(nr);
    const bool all = nr->critic->mlp.activation == ACTIVATION_LINEAR;
    const float length = (float)sqrt(region->squares[r]) * region->norms.scale1[r];
    const float along = fabsf(nr->row_q[r] - *folded->b3) / (float)width2(nr);
    float sum = 0.0F;
    for (int m = 0; m < width2(nr); m++) {
        const float unit = fabsf(h2[m] - region->norms.mean2[r]) * region->norms.scale2[r];
        const float terms = fabsf(folded->b2[m]) + nr->reach[m] * length;
        const float a2 = folded->b2[m] + region->norms.scale1[r] * z2[m];
        if (all || !(a2 < -ROUNDING * terms))
            sum += (fabsf(folded->w3[m]) + unit * along) * terms;
    }
    return fabsf(*folded->b3) + sum * region->norms.scale2[r];
}

/* Row r of those just evaluated is the sample's maximising row. */
static void take_row(struct normed_response *nr, int b, int r)
{
    const struct normed_region *region = &nr->region;
    const size_t h2 = (size_t)width2(nr);
    const size_t at = (size_t)b * h2;
    struct normed_sample *sample = &nr->at[b];
    sample->agent = nr->row_agent[r];
    sample->value = nr->row_q[r];
    sample->moved = false;
    memcpy(nr->own + (size_t)b * O, nr->row_own + (size_t)r * O, O * sizeof(float));
    memcpy(nr->h2 + at, region->h2 + (size_t)r * h2, h2 * sizeof(float));
    nr->norms.mean1[b] = region->norms.mean1[r];
    nr->norms.scale1[b] = region->norms.scale1[r];
    nr->norms.mean2[b] = region->norms.mean2[r];
    nr->norms.scale2[b] = region->norms.scale2[r];
    nr->scale[b] = second_slack(nr, r);
    nr->along[b] =
        folded_back_heads(&nr->critic->folded, &nr->critic->mlp, nr->h2 + at, 1.0F, nr->d2 + at);
}

/* Lay sample b out if it is new or has left its signs behind. Returns whether it was. */
static bool lay_out(struct normed_response *nr, int b)
{
    struct normed_sample *sample = &nr->at[b];
    const int rows = list_rows(nr, b);
    const bool nobody = nr->row_agent[0] == CRITIC_NOBODY;
    if (sample->known && nobody && !sample->nobody)
        normed_region_add(&nr->region, b, nr->region.none);
    sample->nobody |= nobody;
    if (sample->known && normed_region_follow(&nr->region, b))
        return false;
    normed_region_lay_out(&nr->region, b, rows, nr->row_own);
    sample->known = true;
    return true;
}

/* Units of the second layer that have a slope on some sample of nr->list, into nr->on. */
static int list_slopes(const struct normed_response *nr, int count)
{
    const int h2 = width2(nr);
    int on = 0;
    memset(nr->on, 0, (size_t)h2 * sizeof *nr->on);
    for (int i = 0; i < count; i++) {
        const float *d2 = nr->d2 + (size_t)nr->list[i] * (size_t)h2;
        for (int m = 0; m < h2; m++)
            nr->on[m] |= d2[m] != 0.0F;
    }
    for (int m = 0; m < h2; m++)
        if (nr->on[m])
            nr->on[on++] = m;
    return on;
}

/* Back to the first layer's sums, on the samples of nr->list. */
static void go_back(struct normed_response *nr, int count)
{
    const struct critic *critic = nr->critic;
    const size_t h1 = (size_t)width1(nr);
    struct product p = product_of(count, (int)h1, O, nr->own, nr->region.own_weight, nr->units);
    p.start = nr->region.z;
    p.start_row = h1;
    p.outer = nr->list;
    p.finish = mlp_finish(&critic->mlp);
    compute_product(critic->compute, &p);
    p = product_of(count, (int)h1, width2(nr), nr->d2, critic->w2, nr->d1);
    p.outer = nr->list;
    p.k = list_slopes(nr, count);
    p.inner = nr->on;
    compute_product(critic->compute, &p);
    for (int i = 0; i < count; i++) {
        const int b = nr->list[i];
        const size_t n = (size_t)critic->agents;
        float *d1 = nr->d1 + (size_t)b * h1;
        folded_back_first(&critic->mlp, &nr->norms, b, nr->units + (size_t)b * h1, nr->along[b],
                          d1);
        const float inputs =
            2.0F * norm(nr, n * S, nr->state + (size_t)b * n * S) + sqrtf((float)((n + 1) * A));
        nr->at[b].slack =
            ROUNDING * nr->scale[b] + ROUNDING / 8.0F * norm(nr, h1, d1) * nr->first_norm * inputs;
    }
}

void normed_response_find(struct normed_response *nr, int count, const int32_t *list)
{
    int fresh = 0;
    int follow = 0;
    int moved = 0;
    for (int i = 0; i < count; i++)
        if (!nr->at[list[i]].known)
            nr->follow[fresh++] = list[i];
    critic_joint(nr->critic, nr->theta, fresh, nr->follow, nr->state_part, nr->action,
                 nr->region.z);
    for (int i = 0; i < count; i++) {
        const int b = list[i];
        if (nr->at[b].known && !nr->at[b].moved)
            continue;
        nr->list[moved++] = b;
        if (!lay_out(nr, b))
            nr->follow[follow++] = b;
    }
    normed_region_renew(&nr->region, follow, nr->follow);
    for (int i = 0; i < moved; i++) {
        const int b = nr->list[i];
        const int rows = list_rows(nr, b);
        normed_region_values(&nr->region, b, rows, nr->row_own, nr->row_q);
        take_row(nr, b, critic_best(nr->row_q, rows));
    }
    go_back(nr, moved);
}

/* out[k] = w[k]·d, of A rows of weights. */
static void slopes(const struct normed_response *nr, const float *d, const float *w, float out[A])
{
    const struct dots dots = {
        .m = 1,
        .n = A,
        .k = width1(nr),
        .a = d,
        .b = w,
        .b_row = (size_t)width1(nr),
        .c = out,
    };
    compute_dots(nr->critic->compute, &dots);
}

void normed_response_gradient(const struct normed_response *nr, int i, int count,
                              const int32_t *list, const float *d_q, float *d_y)
{
    const size_t h1 = (size_t)width1(nr);
    for (int r = 0; r < count; r++) {
        const int b = list[r];
        const float *d1 = nr->d1 + (size_t)b * h1;
        float joint[A];
        /* Actor i is in every row by the joint action, and in its own row a second time. */
        float own[A] = {0};
        slopes(nr, d1, nr->theta + critic_joint_actions(nr->critic, i), joint);
        if (nr->at[b].agent == i)
            slopes(nr, d1, nr->region.own_weight + S * h1, own);
        for (int k = 0; k < A; k++)
            d_y[b * A + k] = d_q[b] * (joint[k] + own[k]);
    }
}

/* The rows of actor i that propose, on the samples of nr->list, into what their signs hold for. */
static void add_rows(struct normed_response *nr, int i, int moved)
{
    const size_t n = (size_t)nr->critic->agents;
    const size_t h1 = (size_t)width1(nr);
    int rows = 0;
    for (int r = 0; r < moved; r++) {
        const size_t b = (size_t)nr->list[r];
        if (nr->action[(b * n + (size_t)i) * A] < 0.0F)
            continue;
        nr->follow[rows] = (int32_t)b;
        critic_own(nr->critic, i, nr->state + b * n * S, nr->action + b * n * A,
                   nr->own_moved + (size_t)rows * O);
        rows++;
    }
    const struct product p =
        product_of(rows, (int)h1, O, nr->own_moved, nr->region.own_weight, nr->part);
    compute_product(nr->critic->compute, &p);
    for (int r = 0; r < rows; r++)
        normed_region_add(&nr->region, nr->follow[r], nr->part + (size_t)r * h1);
}

void normed_response_moved(struct normed_response *nr, int i, const float *before,
                           const float *after)
{
    const size_t h1 = (size_t)width1(nr);
    int moved = 0;
    for (int b = 0; b < nr->samples; b++) {
        bool some = false;
        for (int k = b * A; k < (b + 1) * A; k++) {
            nr->by[k] = after[k] - before[k];
            some |= nr->by[k] != 0.0F;
        }
        if (!nr->at[b].known || !some)
            continue;
        nr->at[b].moved = true;
        nr->list[moved++] = b;
    }
    struct product p = product_of(moved, (int)h1, A, nr->by,
                                  nr->theta + critic_joint_actions(nr->critic, i), nr->region.z);
    p.outer = nr->list;
    p.start = nr->region.z;
    p.start_row = h1;
    compute_product(nr->critic->compute, &p);
    if (nr->critic->mlp.activation == ACTIVATION_RELU)
        add_rows(nr, i, moved);
}
