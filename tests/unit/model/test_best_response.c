// SPDX-License-Identifier: MIT
/*
 * The maximising row against all rows evaluated anew in f64, while actors move one after the other:
 * near enough to the reference that bounds decide, far enough that rows take over from each other.
 */
#include "check.h"
#include "model/best_response.h"
#include "model/mec.h"
#include "model/networks.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, N = 40, B = 8, H1 = 64, H2 = 32 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct linear_region region;
    struct best_response br;
    struct numpy_rng rng;
    float states[B * N * S], actions[B * N * A];
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, B, &w->state, &w->scratch);
    linear_region_bind(&w->region, &w->nets.critic, &w->scratch);
    best_response_bind(&w->br, &w->nets.critic, &w->region, B, &w->scratch);
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL "environment.agents=40 networks.critic_hidden1=64 "
                                      "networks.critic_hidden2=32");
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    free(w->state.base);
    free(w->scratch.base);
    free(w);
    return 0;
}

/* All agents but every seventh propose. `own` scales the weights of what is a row's own; a high
 * `bias` leaves few units mixed, so that bounds are tight and every term of them decides. */
static void draw_world(struct world *w, uint32_t seed, double own, double bias)
{
    const struct mlp *mlp = &w->nets.critic.mlp;
    float *theta = w->nets.critic_family.theta;
    numpy_seed(&w->rng, seed);
    for (size_t k = 0; k < mlp->size; k++)
        theta[k] = (float)(0.1 * numpy_gaussian(&w->rng));
    for (int x = w->nets.critic.joint; x < mlp->in[0]; x++)
        for (int k = 0; k < H1; k++)
            theta[mlp_at(mlp, 0, k, x)] *= (float)own;
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < mlp->out[l]; k++)
            theta[mlp->bias[l] + (size_t)k] += (float)(l == 0 ? bias : 10.0 * bias);
    for (int k = 0; k < B * N * S; k++)
        w->states[k] = (float)numpy_gaussian(&w->rng);
    for (int k = 0; k < B * N * A; k++)
        w->actions[k] = (float)numpy_uniform(&w->rng, -1.0, 1.0);
    for (int k = 0; k < B * N; k++)
        w->actions[k * A] = k % 7 == 0 ? -0.5F : fabsf(w->actions[k * A]) + 0.2F;
}

/* The row found is the best one, or one whose value differs by no more than its slack. */
static void check_rows(struct world *w)
{
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    for (int b = 0; b < B; b++) {
        double joint[H1];
        float own[O];
        double best = -INFINITY;
        double found = NAN;
        const float *state = w->states + b * N * S;
        const float *action = w->actions + b * N * A;
        critic_joint_f64(critic, theta, state, action, joint);
        for (int j = 0; j < N; j++) {
            if (action[j * A] < 0.0F)
                continue;
            critic_own(critic, j, state, action, own);
            const double q = critic_value_f64(critic, theta, joint, own);
            best = fmax(best, q);
            found = j == w->br.at[b].agent ? q : found;
        }
        const double slack = (double)w->br.at[b].slack;
        assert_true(found >= best - slack);
        assert_true(fabs((double)best_response_value(&w->br, b) - found) <= slack);
    }
}

/* Every actor moves by `step` in turn, all the same way, so that values go together. */
static void run_passes(struct world *w, double step)
{
    static const int32_t all[B] = {0, 1, 2, 3, 4, 5, 6, 7};
    float before[B * A], after[B * A];
    critic_turn(&w->nets.critic, w->nets.critic_family.theta);
    best_response_start(&w->br, w->nets.critic_family.theta, w->states, w->actions);
    for (int i = 0; i < N; i++) {
        best_response_find(&w->br, B, all);
        check_rows(w);
        for (int b = 0; b < B; b++)
            for (int k = 0; k < A; k++) {
                float *a = &w->actions[(b * N + i) * A + k];
                const double by = step * numpy_uniform(&w->rng, 0.5, 1.0);
                before[b * A + k] = *a;
                *a += *a < 0.0F && k == 0 ? 0.0F : (float)by;
                after[b * A + k] = *a;
            }
        best_response_moved(&w->br, i, before, after);
    }
}

/* Joint actions without weight: a row moves by its own part alone, and mixed units in it count. */
static void test_own_moves_alone(void **state)
{
    struct world *w = *state;
    const struct mlp *mlp = &w->nets.critic.mlp;
    for (uint32_t seed = 0; seed < 60; seed++) {
        draw_world(w, seed, 2.0, 0.0);
        for (int x = N * S; x < w->nets.critic.joint; x++)
            for (int k = 0; k < H1; k++)
                w->nets.critic_family.theta[mlp_at(mlp, 0, k, x)] = 0.0F;
        run_passes(w, seed % 2 ? 0.03 : 0.3);
    }
}

static void test_rows_that_take_over(void **state)
{
    struct world *w = *state;
    static const double steps[] = {0.0003, 0.003, 0.03, 0.1};
    static const double own[] = {0.1, 0.5, 2.0};
    static const double biases[] = {0.0, 3.0, 10.0};
    w->br.tally = (struct response_tally){0};
    for (uint32_t seed = 0; seed < 144; seed++) {
        draw_world(w, seed, own[seed % 3], biases[seed / 12 % 3]);
        run_passes(w, steps[seed / 3 % 4]);
    }
    const struct response_tally *t = &w->br.tally;
    /* Bounds decide: challengers there are, but most rows are left out. */
    assert_true(t->challengers > 1e4 && t->rows < 0.3 * t->passes * N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_moves_alone, open_world, close_world),
        cmocka_unit_test_setup_teardown(test_rows_that_take_over, open_world, close_world),
    };
    return cmocka_run_group_tests_name("best_response", tests, NULL, NULL);
}
