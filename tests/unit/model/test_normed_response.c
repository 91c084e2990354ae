// SPDX-License-Identifier: MIT
/*
 * The best response of a critic with normalisations against all rows evaluated in f64, and its
 * slopes against differences in f64, while actors move one after the other: signs of units change,
 * rows begin and cease to propose, at last nobody does.
 */
#include "check.h"
#include "model/mec.h"
#include "model/networks.h"
#include "model/normed_response.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, N = 24, B = 8, H1 = 64, H2 = 32 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct normed_response nr;
    struct numpy_rng rng;
    float states[B * N * S], actions[B * N * A];
    int slopes, kinks; /* compared, and left out at a kink */
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, B, &w->state, &w->scratch);
    normed_response_bind(&w->nr, &w->nets.critic, B, &w->scratch);
}

static int open_with(void **state, const char *words)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL "environment.agents=24 networks.critic_hidden1=64 "
                                      "networks.critic_hidden2=32 networks.critic_norm=hidden");
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    *state = w;
    return 0;
}

static int open_world(void **state)
{
    return open_with(state, "");
}

static int open_linear_world(void **state)
{
    return open_with(state, "networks.critic_activation=linear");
}

static int close_world(void **state)
{
    struct world *w = *state;
    free(w->state.base);
    free(w->scratch.base);
    free(w);
    return 0;
}

/* All agents but every seventh propose; `own` scales the weights of what is a row's own. */
static void draw_world(struct world *w, uint32_t seed, double own)
{
    const struct mlp *mlp = &w->nets.critic.mlp;
    float *theta = w->nets.critic_family.theta;
    numpy_seed(&w->rng, seed);
    for (size_t k = 0; k < mlp->size; k++)
        theta[k] = (float)(0.3 * numpy_gaussian(&w->rng));
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < mlp->out[l]; k++)
            theta[mlp->gamma[l] + (size_t)k] += 1.0F;
    for (int x = w->nets.critic.joint; x < mlp->in[0]; x++)
        for (int k = 0; k < H1; k++)
            theta[mlp_at(mlp, 0, k, x)] *= (float)own;
    for (int k = 0; k < B * N * S; k++)
        w->states[k] = (float)numpy_gaussian(&w->rng);
    for (int k = 0; k < B * N * A; k++)
        w->actions[k] = (float)numpy_uniform(&w->rng, -1.0, 1.0);
    for (int k = 0; k < B * N; k++)
        w->actions[k * A] = k % 7 == 0 ? -0.5F : fabsf(w->actions[k * A]);
}

/* Value of agent j's row of sample b in f64. */
static double value_of(const struct world *w, int b, int j, const float *action)
{
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    double joint[H1];
    float own[O];
    critic_joint_f64(critic, theta, w->states + b * N * S, action, joint);
    critic_own(critic, j, w->states + b * N * S, action, own);
    return critic_value_f64(critic, theta, joint, own);
}

/* The row found is the best one, or one whose value differs by no more than its slack. */
static void check_row(struct world *w, int b)
{
    const struct normed_sample *at = &w->nr.at[b];
    const float *action = w->actions + b * N * A;
    double best = -INFINITY;
    int rows = 0;
    for (int j = 0; j < N; j++) {
        if (action[j * A] < 0.0F)
            continue;
        best = fmax(best, value_of(w, b, j, action));
        rows++;
    }
    if (rows == 0)
        best = value_of(w, b, CRITIC_NOBODY, action);
    const double found = value_of(w, b, at->agent, action);
    assert_true(rows == 0 ? at->agent == CRITIC_NOBODY : action[at->agent * A] >= 0.0F);
    assert_true(found >= best - (double)at->slack);
    assert_true(fabs((double)at->value - found) <= (double)at->slack);
    assert_true((double)at->slack < 1e-3 * (1.0 + fabs(found)));
}

/* Slopes of the row by actor i's actions. A difference may cross a kink of some unit: then a
 * smaller one says something else. */
static void check_slopes(struct world *w, int i, int b, const float d_y[A], float d_q)
{
    const int agent = w->nr.at[b].agent;
    for (int k = 0; k < A; k++) {
        float action[N * A];
        double slope[2];
        for (int half = 0; half < 2; half++) {
            const float step = half ? 0x1p-13F : 0x1p-12F;
            memcpy(action, w->actions + b * N * A, sizeof action);
            float *a = &action[i * A + k];
            const float kept = *a;
            *a = kept + step;
            const double up = value_of(w, b, agent, action), above = (double)*a;
            *a = kept - step;
            slope[half] = (up - value_of(w, b, agent, action)) / (above - (double)*a);
        }
        w->slopes++;
        w->kinks += fabs(slope[0] - slope[1]) > 2e-6 * (1.0 + fabs(slope[1]));
        if (fabs(slope[0] - slope[1]) > 2e-6 * (1.0 + fabs(slope[1])))
            continue;
        if (fabs((double)d_y[k] / (double)d_q - slope[1]) > 1e-5 * (1.0 + fabs(slope[1])))
            fail_msg("actor %d, sample %d, action %d: %.9g, want %.9g", i, b, k,
                     (double)d_y[k] / (double)d_q, slope[1]);
    }
}

/* Some samples are not asked for in some passes, and some actors do not move on some samples. */
static void run_passes(struct world *w, double step)
{
    float before[B * A], after[B * A], d_y[B * A], d_q[B];
    critic_turn(&w->nets.critic, w->nets.critic_family.theta);
    normed_response_start(&w->nr, w->nets.critic_family.theta, w->states, w->actions);
    for (int b = 0; b < B; b++)
        d_q[b] = 1.0F + (float)b;
    for (int i = 0; i < N; i++) {
        int32_t list[B];
        int count = 0;
        for (int b = 0; b < B; b++)
            if (numpy_double(&w->rng) < 0.7)
                list[count++] = b;
        normed_response_find(&w->nr, count, list);
        normed_response_gradient(&w->nr, i, count, list, d_q, d_y);
        for (int r = 0; r < count; r++) {
            check_row(w, list[r]);
            check_slopes(w, i, list[r], d_y + list[r] * A, d_q[list[r]]);
        }
        for (int b = 0; b < B; b++) {
            const bool still = numpy_double(&w->rng) < 0.2;
            for (int k = 0; k < A; k++) {
                float *a = &w->actions[(b * N + i) * A + k];
                before[b * A + k] = *a;
                *a += still ? 0.0F : (float)(step * numpy_uniform(&w->rng, -1.0, 1.0));
                after[b * A + k] = *a;
            }
        }
        normed_response_moved(&w->nr, i, before, after);
    }
}

static void test_best_row(void **state)
{
    static const double steps[] = {0.0003, 0.01, 0.3, 3.0};
    static const double own[] = {0.1, 0.5, 2.0};
    for (uint32_t seed = 0; seed < 36; seed++) {
        draw_world(*state, seed, own[seed % 3]);
        run_passes(*state, steps[seed / 3 % 4]);
    }
    const struct world *w = *state;
    assert_true(w->slopes > 10000 && w->kinks * 10 < w->slopes);
}

/* One after the other all agents cease to propose, then begin again. */
static void test_until_nobody_proposes(void **state)
{
    static const int32_t all[B] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct world *w = *state;
    float before[B * A], after[B * A];
    for (uint32_t seed = 0; seed < 10; seed++) {
        draw_world(w, seed, 1.0);
        for (int b = 0; b < B * N; b++)
            w->actions[b * A] = fabsf(w->actions[b * A]) * (seed % 2 ? 1.0F : -1.0F) - 1e-6F;
        critic_turn(&w->nets.critic, w->nets.critic_family.theta);
        normed_response_start(&w->nr, w->nets.critic_family.theta, w->states, w->actions);
        for (int i = 0; i < N; i++) {
            normed_response_find(&w->nr, B, all);
            for (int b = 0; b < B; b++)
                check_row(w, b);
            for (int b = 0; b < B; b++)
                for (int k = 0; k < A; k++) {
                    float *a = &w->actions[(b * N + i) * A + k];
                    before[b * A + k] = *a;
                    *a = k == 0 ? -*a : *a;
                    after[b * A + k] = *a;
                }
            normed_response_moved(&w->nr, i, before, after);
        }
        normed_response_find(&w->nr, B, all);
        for (int b = 0; b < B; b++)
            check_row(w, b);
        assert_true((w->nr.at[0].agent == CRITIC_NOBODY) == (seed % 2 == 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_best_row, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_best_row, open_linear_world, close_world),
        cmocka_unit_test_setup_teardown(test_until_nobody_proposes, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_until_nobody_proposes, open_linear_world, close_world),
    };
    return cmocka_run_group_tests_name("normed_response", tests, NULL, NULL);
}
