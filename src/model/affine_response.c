// SPDX-License-Identifier: MIT
/* The frozen critic where it is one affine map (the header derives what is used here). Nothing is
 * evaluated after the start: a move changes one score of each sample. */
#include "model/affine_response.h"
#include "model/mec.h"
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

/* A few roundings of f32 (header, "Rounding"). */
static const double ROUNDING = 0x1p-21;

void affine_response_bind(struct affine_response *ar, struct critic *critic, struct actors *actors,
                          int samples, struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t n = (size_t)critic->agents;
    const size_t inputs = (size_t)critic->mlp.in[0];
    *ar = (struct affine_response){
        .critic = critic,
        .actors = actors,
        .samples = samples,
        .joint = arena_take(scratch, b, sizeof(double)),
        .score = arena_take(scratch, b * n, sizeof(double)),
        .agent = arena_take(scratch, b, sizeof(int32_t)),
        .slack = arena_take(scratch, b, sizeof(float)),
        .x = arena_take(scratch, inputs, sizeof(double)),
        .later = arena_take(scratch, n * b, sizeof(int32_t)),
        .x_f32 = arena_take(scratch, inputs, sizeof(float)),
        .d_y = arena_take(scratch, b * A, sizeof(float)),
        .extra = reals_take(scratch, actors->mlp.size, actors->f64),
        .actor_sum = reals_take(scratch, n * actors->mlp.size, actors->f64),
        .critic_sum = arena_take(scratch, critic->mlp.size, sizeof(float)),
    };
}

/* Slopes (A) of agent i's actions among the joint inputs. */
static const double *joint_actions(const struct affine_response *ar, int i)
{
    return ar->critic->affine.slope + ar->critic->agents * S + i * A;
}

/* Slopes (O) of a row's own inputs. */
static const double *own_inputs(const struct affine_response *ar)
{
    return ar->critic->affine.slope + ar->critic->joint;
}

static double find_score(const struct affine_response *ar, int b, int j)
{
    const size_t n = (size_t)ar->critic->agents;
    float own[O];
    critic_own(ar->critic, j, ar->state + (size_t)b * n * S, ar->action + (size_t)b * n * A, own);
    return affine_dot(O, own, own_inputs(ar));
}

static bool proposes(const struct affine_response *ar, int b, int j)
{
    return ar->action[((size_t)b * (size_t)ar->critic->agents + (size_t)j) * A] >= 0.0F;
}

/* Whether a row of score x takes the place of one of score y that came before it: a NaN gives way
 * to any number, as in critic_best. */
static bool beats(double x, double y)
{
    return x > y || y != y;
}

/* Q(b, j). Rows are compared by it and not by their scores: where own inputs add nothing to a
 * value, rows are equal in any evaluation, and the lowest agent is wanted. */
static double value(const struct affine_response *ar, int b, int32_t j)
{
    return ar->joint[b] + (j == CRITIC_NOBODY ? 0.0 : ar->score[b * ar->critic->agents + j]);
}

/* The largest value among the agents that propose, in ascending order: the first among equals. */
static void find_best(struct affine_response *ar, int b)
{
    int32_t best = CRITIC_NOBODY;
    for (int32_t j = 0; j < ar->critic->agents; j++)
        if (proposes(ar, b, j) &&
            (best == CRITIC_NOBODY || beats(value(ar, b, j), value(ar, b, best))))
            best = j;
    ar->agent[b] = best;
}

/* ‖x‖², of f64. */
static double squares(int n, const double *x)
{
    double sum = 0.0;
    for (int k = 0; k < n; k++)
        sum += x[k] * x[k];
    return sum;
}

void affine_response_start(struct affine_response *ar, const float *state, const float *action)
{
    const struct critic *critic = ar->critic;
    const struct kernels *kernels = critic->compute->kernels;
    const int n = critic->agents;
    const double *slope = critic->affine.slope;
    const double length = sqrt(squares(critic->mlp.in[0], slope));
    ar->state = state;
    ar->action = action;
    for (int b = 0; b < ar->samples; b++) {
        const float *joint_state = state + (size_t)b * (size_t)(n * S);
        const float *joint_action = action + (size_t)b * (size_t)(n * A);
        /* An agent's own state is in the inputs a second time, and actions are at most 1. */
        const double inputs =
            2.0 * sqrt(kernels->squares((size_t)(n * S), joint_state)) + sqrt((n + 1) * A);
        ar->joint[b] = critic->affine.constant + affine_dot(n * S, joint_state, slope) +
                       affine_dot(n * A, joint_action, slope + n * S);
        ar->slack[b] = (float)(ROUNDING * (fabs(critic->affine.constant) + length * inputs));
        for (int j = 0; j < n; j++)
            ar->score[b * n + j] = find_score(ar, b, j);
        find_best(ar, b);
    }
}

void affine_response_gradient(const struct affine_response *ar, int i, int count,
                              const int32_t *list, const float *d_q, float *d_y)
{
    const double *joint = joint_actions(ar, i);
    const double *own = own_inputs(ar) + S;
    for (int r = 0; r < count; r++) {
        const int b = list[r];
        for (int k = 0; k < A; k++)
            d_y[b * A + k] =
                (float)((double)d_q[b] * (joint[k] + (ar->agent[b] == i ? own[k] : 0.0)));
    }
}

/* Actor i's row of sample b has another score, or proposes otherwise, than when the maximum was
 * found. A maximising row that has risen stays it, and another one can only take its place. */
static void rank_again(struct affine_response *ar, int i, int b, bool risen)
{
    const int32_t best = ar->agent[b];
    const bool inside = proposes(ar, b, i);
    if (best == i) {
        if (!inside || !risen)
            find_best(ar, b);
        return;
    }
    const double own = value(ar, b, i);
    const double most = value(ar, b, best);
    if (inside && (best == CRITIC_NOBODY || beats(own, most) || (own == most && i < best)))
        ar->agent[b] = i;
}

void affine_response_moved(struct affine_response *ar, int i, const float *before,
                           const float *after)
{
    const double *joint = joint_actions(ar, i);
    for (int b = 0; b < ar->samples; b++) {
        double *score = &ar->score[b * ar->critic->agents + i];
        const double was = *score;
        for (int k = 0; k < A; k++)
            ar->joint[b] += joint[k] * ((double)after[b * A + k] - (double)before[b * A + k]);
        *score = find_score(ar, b, i);
        rank_again(ar, i, b, *score >= was);
    }
}

float affine_response_value(const struct affine_response *ar, int b)
{
    return (float)value(ar, b, ar->agent[b]);
}

void affine_response_log_begin(struct affine_response *ar, const float *critic, const float *d_q)
{
    const size_t n = (size_t)ar->critic->agents;
    ar->d_q = d_q;
    memcpy(ar->critic_sum, critic, ar->critic->mlp.size * sizeof *critic);
    memset(ar->x, 0, (size_t)ar->critic->mlp.in[0] * sizeof *ar->x);
    memset(ar->later, 0, n * (size_t)ar->samples * sizeof *ar->later);
}

void affine_response_log_pass(struct affine_response *ar, int i, struct reals gradient)
{
    const size_t n = (size_t)ar->critic->agents;
    const size_t size = ar->actors->mlp.size;
    double *x = ar->x + ar->critic->joint;
    for (int b = 0; b < ar->samples; b++) {
        const int32_t j = ar->agent[b];
        float own[O];
        critic_own(ar->critic, j, ar->state + (size_t)b * n * S, ar->action + (size_t)b * n * A,
                   own);
        for (int k = 0; k < O; k++)
            x[k] += (double)ar->d_q[b] * (double)own[k];
        if (j != CRITIC_NOBODY && i > j)
            ar->later[j * ar->samples + b]++;
    }
    reals_copy(reals_at(ar->actor_sum, (size_t)i * size), gradient, size);
}

void affine_response_log_moved(struct affine_response *ar, int i, const float *before,
                               const float *after)
{
    const int n = ar->critic->agents;
    double *x = ar->x + n * S + i * A;
    for (int b = 0; b < ar->samples; b++)
        for (int k = 0; k < A; k++)
            x[k] += (double)ar->d_q[b] *
                    ((i + 1) * (double)before[b * A + k] + (n - 1 - i) * (double)after[b * A + k]);
}

/* Passes after its own give actor a the gradient of its updated self. */
static void end_actor(struct affine_response *ar, int a, struct reals theta,
                      const struct activations *x)
{
    const double *joint = joint_actions(ar, a);
    const double *own = own_inputs(ar) + S;
    const size_t size = ar->actors->mlp.size;
    const int passes = ar->critic->agents - 1 - a;
    for (int b = 0; b < ar->samples; b++)
        for (int k = 0; k < A; k++)
            ar->d_y[b * A + k] =
                (float)((double)ar->d_q[b] *
                        (passes * joint[k] + ar->later[a * ar->samples + b] * own[k]));
    actors_back(ar->actors, theta, a, ar->samples, ar->state, x, ar->d_y, 0.0, ar->extra);
    reals_add(reals_at(ar->actor_sum, (size_t)a * size), ar->extra, size);
}

void affine_response_log_end(struct affine_response *ar, struct reals theta,
                             const struct activations *x)
{
    const int n = ar->critic->agents;
    double total = 0.0;
    for (int b = 0; b < ar->samples; b++) {
        const float *state = ar->state + (size_t)b * (size_t)(n * S);
        for (int k = 0; k < n * S; k++)
            ar->x[k] += n * (double)ar->d_q[b] * (double)state[k];
        total += n * (double)ar->d_q[b];
    }
    for (int k = 0; k < ar->critic->mlp.in[0]; k++)
        ar->x_f32[k] = (float)ar->x[k];
    affine_gradient(&ar->critic->affine, ar->x_f32, (float)total, ar->critic_sum, ar->critic_sum);
    for (int a = 0; a < n - 1; a++)
        end_actor(ar, a, theta, x);
}
