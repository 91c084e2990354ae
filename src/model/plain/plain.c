// SPDX-License-Identifier: MIT
#include "model/plain/plain.h"
#include "model/actors.h"
#include "model/critic.h"
#include "model/mec.h"
#include "model/plain/plain_internal.h"
#include <ccmsweep/fault.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

struct plain *plain_new(const struct settings *settings, int samples)
{
    const int n = (int)settings->environment.agents;
    const size_t joint = (size_t)samples * (size_t)n * A;
    const size_t rows = (size_t)samples * (size_t)(n + 1);
    const size_t h1 = (size_t)settings->networks.critic_hidden1;
    const size_t h2 = (size_t)settings->networks.critic_hidden2;
    struct plain *o = fault_alloc(1, sizeof *o);
    *o = (struct plain){.agents = n,
                        .samples = samples,
                        .squash = settings->networks.squash,
                        .tanh = settings->networks.tanh,
                        .f64 = settings->networks.actor_precision == PRECISION_F64,
                        .squared = settings->replay.weighting == WEIGHTING_SQUARED,
                        .by_row = settings->training.critic_mean == MEAN_OF_ROWS,
                        .penalty = settings->training.preactivation_penalty};
    o->actor.mlp = actors_shape(settings);
    o->critic.mlp = critic_shape(settings);
    o->own_weight = pass_reals(O * h1);
    o->action = fault_alloc(joint, sizeof(float));
    o->action_error = pass_reals(joint);
    o->z = pass_reals(joint);
    o->z_error = pass_reals(joint);
    o->row = fault_alloc(rows, sizeof(int));
    o->h1 = pass_reals(rows * h1);
    o->h2 = pass_reals(rows * h2);
    o->q = pass_reals(rows);
    o->sample = fault_alloc(rows, sizeof(int32_t));
    o->agent = fault_alloc(rows, sizeof(int32_t));
    return o;
}

void plain_free(struct plain **at)
{
    struct plain *o = *at;
    void *const blocks[] = {o->own_weight, o->action, o->action_error, o->z,
                            o->z_error,    o->row,    o->h1,           o->h2,
                            o->q,          o->sample, o->agent,        o};
    net_free(&o->actor);
    net_free(&o->critic);
    pass_free(&o->rows);
    for (size_t k = 0; k < sizeof blocks / sizeof blocks[0]; k++)
        free(blocks[k]);
    *at = NULL;
}

void plain_set_critic(struct plain *o, const float *theta)
{
    const size_t h1 = (size_t)o->critic.mlp.out[0];
    const size_t in = (size_t)o->critic.mlp.in[0];
    net_take(&o->critic, (struct reals){.f32 = (float *)(uintptr_t)theta});
    for (size_t u = 0; u < h1; u++)
        for (size_t k = 0; k < O; k++)
            o->own_weight[k * h1 + u] = o->critic.weight[0][u * in + in - O + k];
}

void plain_set_state(struct plain *o, const float *state)
{
    o->state = state;
}

void plain_set_action(struct plain *o, const float *action)
{
    const size_t count = (size_t)o->samples * (size_t)o->agents * A;
    memcpy(o->action, action, count * sizeof(float));
    memset(o->action_error, 0, count * sizeof(double));
    memset(o->z_error, 0, count * sizeof(double));
    for (size_t k = 0; k < count; k++)
        o->z[k] = (double)action[k];
}

/* PyTorch's vectorised tanh is exactly ±1 beyond 25·ln2/2. */
static float tanh_of(enum tanh_kind kind, double z)
{
    const float x = (float)z;
    return kind == TANH_PYTORCH && fabsf(x) > 8.664339742F ? copysignf(1.0F, x) : tanhf(x);
}

/* y as the actors have it; the critic sees the f32 of it. */
double plain_squashed(const struct plain *o, double z)
{
    const double x = o->f64 ? z : (double)(float)z;
    switch (o->squash) {
    case SQUASH_SOFTSIGN:
        if (isinf(x))
            return copysign(1.0, x);
        return o->f64 ? x / (1.0 + fabs(x)) : (double)((float)x / (1.0F + fabsf((float)x)));
    case SQUASH_INVERTING:
        return x > 1.0 ? 1.0 : x < -1.0 ? -1.0 : x;
    case SQUASH_TANH:
    default:
        return o->f64 ? tanh(z) : (double)tanh_of(o->tanh, z);
    }
}

/* dy/dz; with inverting gradients of the clipping, which is not what they are multiplied by. */
double plain_slope_of(const struct plain *o, double y)
{
    const float near = (float)y;
    if (o->squash == SQUASH_INVERTING)
        return fabs(y) < 1.0 ? 1.0 : 0.0;
    if (o->squash == SQUASH_SOFTSIGN)
        return o->f64 ? (1.0 - fabs(y)) * (1.0 - fabs(y))
                      : (double)((1.0F - fabsf(near)) * (1.0F - fabsf(near)));
    return o->f64 ? 1.0 - y * y : (double)(1.0F - near * near);
}

/* Error of the slope at z: of z, and of y by two units in the last place. Where y is ±1 for sure
 * the slope is 0 for sure: softsign is from 2^25 on (in f64 2^54), where 1 + z is z and 1 - 1/z is
 * 1. */
double plain_slope_error(const struct plain *o, double z, double error)
{
    const double y = plain_squashed(o, z);
    const double rise = plain_slope_of(o, y);
    const double units = o->f64 ? 0x1p-51 : 0x1p-22;
    if (o->squash == SQUASH_SOFTSIGN) {
        const double rest = o->f64 ? 1.0 - fabs(y) : (double)(1.0F - fabsf((float)y));
        return fabs(z) - error >= (o->f64 ? 0x1p54 : 0x1p25)
                   ? 0.0
                   : units * (rest + units / 2.0) + 2.0 * rest * rise * error;
    }
    if (plain_slope_of(o, plain_squashed(o, fmax(0.0, fabs(z) - error))) == 0.0)
        return 0.0;
    return units + 2.0 * fabs(y) * rise * error;
}

/* Error of y: z's, and a rounding where there is one. Inverting gradients have a kink at ±1. */
static double output_error(const struct plain *o, double z, double error)
{
    const double least = o->squash == SQUASH_INVERTING ? fmax(0.0, fabs(z) - error) : z;
    return fmin(1.0, plain_slope_of(o, plain_squashed(o, least)) * error) +
           (plain_slope_error(o, z, error) > 0.0 ? 0x1p-23 : 0.0);
}

struct pass plain_actor_pass(struct plain *o, int i, struct reals theta)
{
    net_take(&o->actor, theta);
    struct pass p = pass_new(&o->actor, o->samples);
    for (int b = 0; b < o->samples; b++)
        for (int k = 0; k < S; k++)
            p.value[0][b * S + k] = (double)o->state[(b * o->agents + i) * S + k];
    pass_forward(&p);
    return p;
}

void plain_act(struct plain *o, int i, struct reals theta)
{
    struct pass p = plain_actor_pass(o, i, theta);
    for (int b = 0; b < o->samples; b++) {
        for (int k = 0; k < A; k++) {
            const int at = (b * o->agents + i) * A + k;
            o->z[at] = p.value[MLP_LAYERS][b * A + k];
            o->z_error[at] = p.error[MLP_LAYERS][b * A + k];
            o->action[at] = (float)plain_squashed(o, o->z[at]);
            o->action_error[at] = output_error(o, o->z[at], o->z_error[at]);
        }
    }
    pass_free(&p);
}

enum plain_proposal plain_proposal(const struct plain *o, int b, int j)
{
    if (j == PLAIN_NOBODY) {
        enum plain_proposal most = PLAIN_NO;
        for (int k = 0; k < o->agents; k++)
            if (plain_proposal(o, b, k) > most)
                most = plain_proposal(o, b, k);
        return most == PLAIN_YES ? PLAIN_NO : most == PLAIN_NO ? PLAIN_YES : PLAIN_MAYBE;
    }
    if (j < 0 || j >= o->agents)
        return PLAIN_NO;
    const int at = (b * o->agents + j) * A;
    if (o->z_error[at] > 0.0 && fabs(o->z[at]) <= PASS_KINK * o->z_error[at] && o->z[at] != 0.0)
        return PLAIN_MAYBE;
    return o->z[at] >= 0.0 ? PLAIN_YES : PLAIN_NO;
}

/* Input of a row: joint states, joint actions, own state, own action. */
static void fill_row(const struct plain *o, int b, int j, double *x, double *error)
{
    const int n = o->agents;
    double *own = x + n * O;
    for (int k = 0; k < n * S; k++)
        x[k] = (double)o->state[b * n * S + k];
    for (int k = 0; k < n * A; k++) {
        x[n * S + k] = (double)o->action[b * n * A + k];
        error[n * S + k] = o->action_error[b * n * A + k];
    }
    for (int k = 0; k < O && j != PLAIN_NOBODY; k++) {
        own[k] = k < S ? x[j * S + k] : x[n * S + j * A + k - S];
        error[n * O + k] = k < S ? 0.0 : error[n * S + j * A + k - S];
    }
}

/* A hidden unit of the critic. */
static double unit(const struct plain *o, double sum)
{
    return o->critic.mlp.activation == ACTIVATION_RELU ? fmax(sum, 0.0) : sum;
}

/* What the next layer takes in of the critic's hidden units h (rows, n): they, or normalised. */
static void normalised(const struct plain *o, int layer, int rows, const double *h, double *y)
{
    const struct net *net = &o->critic;
    const int n = net->mlp.out[layer];
    memcpy(y, h, (size_t)rows * (size_t)n * sizeof *y);
    for (int r = 0; r < rows && net->mlp.normed[layer]; r++, y += n) {
        double mean = 0.0, variance = 0.0;
        for (int u = 0; u < n; u++)
            mean += y[u] / n;
        for (int u = 0; u < n; u++)
            variance += (y[u] - mean) * (y[u] - mean) / n;
        for (int u = 0; u < n; u++)
            y[u] =
                net->gamma[layer][u] * (y[u] - mean) / sqrt(variance + 1e-5) + net->beta[layer][u];
    }
}

/* First layer of all proposals: the part of the joint inputs once per sample, then its own. */
static int first_layer(struct plain *o)
{
    const int h1 = o->critic.mlp.out[0];
    const int in = o->critic.mlp.in[0];
    double *x = pass_reals((size_t)(o->samples * in));
    double *unused = pass_reals((size_t)in);
    double *joint = pass_reals((size_t)(o->samples * h1));
    int rows = 0;
    for (int b = 0; b < o->samples; b++)
        fill_row(o, b, PLAIN_NOBODY, x + b * in, unused);
    pass_product(o->samples, h1, in, x, o->critic.weight[0], joint);
    for (int b = 0; b < o->samples; b++) {
        for (int j = PLAIN_NOBODY; j < o->agents; j++) {
            o->row[b * (o->agents + 1) + j + 1] = -1;
            if (plain_proposal(o, b, j) == PLAIN_NO)
                continue;
            double *h = o->h1 + (size_t)rows * (size_t)h1;
            for (int u = 0; u < h1; u++)
                h[u] = joint[b * h1 + u] + o->critic.bias[0][u];
            fill_row(o, b, j, x, unused);
            for (int k = 0; k < O && j != PLAIN_NOBODY; k++)
                for (int u = 0; u < h1; u++)
                    h[u] += x[in - O + k] * o->own_weight[k * h1 + u];
            for (int u = 0; u < h1; u++)
                h[u] = unit(o, h[u]);
            o->row[b * (o->agents + 1) + j + 1] = rows++;
        }
    }
    free(x);
    free(unused);
    free(joint);
    return rows;
}

void plain_evaluate(struct plain *o)
{
    const int h1 = o->critic.mlp.out[0];
    const int h2 = o->critic.mlp.out[1];
    const int rows = first_layer(o);
    double *in = pass_reals((size_t)rows * (size_t)(h1 > h2 ? h1 : h2));
    normalised(o, 0, rows, o->h1, in);
    pass_product(rows, h2, h1, in, o->critic.weight[1], o->h2);
    for (int k = 0; k < rows * h2; k++)
        o->h2[k] = unit(o, o->h2[k] + o->critic.bias[1][k % h2]);
    normalised(o, 1, rows, o->h2, in);
    for (int r = 0; r < rows; r++) {
        o->q[r] = o->critic.bias[2][0];
        for (int u = 0; u < h2; u++)
            o->q[r] += in[r * h2 + u] * o->critic.weight[2][u];
    }
    free(in);
}

static int row_of(const struct plain *o, int b, int j)
{
    const int row = o->row[b * (o->agents + 1) + j + 1];
    CHECK(row >= 0);
    return row;
}

double plain_q(const struct plain *o, int b, int j)
{
    return o->q[row_of(o, b, j)];
}

int plain_best(const struct plain *o, int b, int given)
{
    int best = given;
    for (int j = PLAIN_NOBODY; j < o->agents; j++)
        if (plain_proposal(o, b, j) == PLAIN_YES &&
            (best < PLAIN_NOBODY || plain_q(o, b, j) > plain_q(o, b, best) ||
             (j < best && plain_q(o, b, j) >= plain_q(o, b, best))))
            best = j;
    return best;
}

bool plain_same(const struct plain *o, int b, int i, int j)
{
    const size_t h1 = (size_t)o->critic.mlp.out[0];
    const size_t h2 = (size_t)o->critic.mlp.out[1];
    const size_t x = (size_t)row_of(o, b, i);
    const size_t y = (size_t)row_of(o, b, j);
    bool dead = true;
    for (size_t u = 0; u < h2; u++)
        dead &= o->h2[x * h2 + u] == 0.0 && o->h2[y * h2 + u] == 0.0;
    return dead || memcmp(o->h1 + x * h1, o->h1 + y * h1, h1 * sizeof(double)) == 0;
}

bool plain_flat(const struct plain *o, int b, int i)
{
    for (int k = 0; k < A; k++) {
        const int at = (b * o->agents + i) * A + k;
        const double most = fabs(o->z[at]) + PASS_KINK * o->z_error[at];
        /* Between 2^24 and 2^25 (2^53 and 2^54) softsign is 1 or the next below it, as 1 + z is
         * rounded. */
        const bool flat = o->squash == SQUASH_INVERTING ? false
                          : o->squash == SQUASH_SOFTSIGN
                              ? most >= (o->f64 ? 0x1p53 : 0x1p24)
                              : plain_slope_of(o, plain_squashed(o, most)) == 0.0;
        if (!flat)
            return false;
    }
    return true;
}

void plain_set_rows(struct plain *o, int rows, const int32_t *sample, const int32_t *agent)
{
    const size_t in = (size_t)o->critic.mlp.in[0];
    pass_free(&o->rows);
    o->rows = pass_new(&o->critic, rows);
    for (int r = 0; r < rows; r++) {
        o->sample[r] = sample[r];
        o->agent[r] = agent[r];
        fill_row(o, sample[r], agent[r], o->rows.value[0] + (size_t)r * in,
                 o->rows.error[0] + (size_t)r * in);
    }
    pass_forward(&o->rows);
}

double plain_row(const struct plain *o, int r, double *error)
{
    *error = o->rows.error[MLP_LAYERS][r];
    return o->rows.value[MLP_LAYERS][r];
}
