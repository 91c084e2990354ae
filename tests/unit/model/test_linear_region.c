// SPDX-License-Identifier: MIT
/*
 * Values by shared signs against the critic's rows evaluated one by one, and the signs against the
 * sums they are about.
 */
#include "check.h"
#include "model/linear_region.h"
#include "model/mec.h"
#include "model/networks.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, MOST = 128 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct critic_rows rows;
    struct linear_region region;
    struct numpy_rng rng;
    float *states, *actions, *joint, *q;
};

static void bind(struct world *w)
{
    const int n = (int)w->settings.environment.agents;
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, n, &w->state, &w->scratch);
    critic_rows_bind(&w->rows, &w->nets.critic, n, true, &w->scratch);
    linear_region_bind(&w->region, &w->nets.critic, &w->scratch);
}

static void draw(struct world *w, size_t count, double scale, float *x)
{
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(scale * numpy_gaussian(&w->rng));
}

static struct world *open_world(const char *words, uint32_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL);
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    const size_t n = (size_t)w->nets.actors.agents;
    w->states = calloc(n * S, sizeof *w->states);
    w->actions = calloc(n * A, sizeof *w->actions);
    w->joint = calloc(MOST, sizeof *w->joint);
    w->q = calloc(n, sizeof *w->q);
    numpy_seed(&w->rng, seed);
    draw(w, w->nets.critic_family.size, 0.3, w->nets.critic_family.theta);
    draw(w, n * S, 1.0, w->states);
    draw(w, n * A, 1.0, w->actions);
    return w;
}

static void close_world(struct world *w)
{
    void *const all[] = {w->state.base, w->scratch.base, w->states, w->actions, w->joint, w->q, w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Every `step`-th agent's row, or the nobody row for a step of 0. */
static void add_rows(struct world *w, int step)
{
    critic_rows_clear(&w->rows);
    for (int j = 0; step > 0 && j < w->nets.actors.agents; j += step)
        critic_rows_add(&w->rows, &w->nets.critic, 0, j, w->states, w->actions);
    if (step == 0)
        critic_rows_add(&w->rows, &w->nets.critic, 0, CRITIC_NOBODY, w->states, w->actions);
}

static void evaluate(struct world *w, const float *margin1, const float *margin2)
{
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    critic_joint_state(critic, theta, 1, NULL, w->states, w->joint);
    critic_joint(critic, theta, 1, NULL, w->joint, w->actions, w->joint);
    critic_evaluate(critic, theta, w->joint, &w->rows);
    linear_region_begin(&w->region, theta);
    linear_region_values(&w->region, theta, w->joint, w->rows.count, w->rows.own, margin1, margin2,
                         w->q);
}

static void compare_values(const struct world *w)
{
    double largest = 1.0;
    for (int r = 0; r < w->rows.count; r++)
        largest = fmax(largest, fabs((double)w->rows.q[r]));
    for (int r = 0; r < w->rows.count; r++)
        assert_true(fabs((double)(w->q[r] - w->rows.q[r])) < 1e-5 * largest);
}

/* Each unit is in one list or in none, as its extremes and the margin say; lists ascend. */
static void check_signs(const struct signs *signs, int units, const float *margin)
{
    int on = 0;
    int mixed = 0;
    for (int k = 0; k < units; k++) {
        const float distance = margin != NULL ? margin[k] : 0.0F;
        if (signs->lo[k] > distance)
            assert_int_equal(signs->on[on++], k);
        else if (signs->hi[k] > -distance)
            assert_int_equal(signs->mixed[mixed++], k);
        assert_true(signs->lo[k] <= signs->hi[k]);
    }
    assert_int_equal(on, signs->on_count);
    assert_int_equal(mixed, signs->mixed_count);
}

/* Sum of unit k of a layer in row r, in f64, from the layer's inputs below. */
static double sum_of(const struct world *w, int layer, int k, int r)
{
    const struct mlp *mlp = &w->nets.critic.mlp;
    const float *theta = w->nets.critic_family.theta;
    const float *in = layer == 0 ? w->rows.own + r * O : w->rows.h1 + r * mlp->in[1];
    const int first = layer == 0 ? w->nets.critic.joint : 0;
    double sum = (double)(layer == 0 ? w->joint[k] : theta[mlp->bias[1] + (size_t)k]);
    for (int x = first; x < mlp->in[layer]; x++)
        sum += (double)theta[mlp_at(mlp, layer, k, x)] * (double)in[x - first];
    return sum;
}

/* Extremes of both layers are those of the rows' own sums. */
static void check_extremes(const struct world *w)
{
    const struct mlp *mlp = &w->nets.critic.mlp;
    const struct signs *const layers[] = {&w->region.first, &w->region.second};
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < mlp->out[l]; k++) {
            double lo = INFINITY;
            double hi = -INFINITY;
            for (int r = 0; r < w->rows.count; r++) {
                const double sum = sum_of(w, l, k, r);
                lo = fmin(lo, sum);
                hi = fmax(hi, sum);
            }
            const double near = 1e-5 * (1.0 + fabs(lo) + fabs(hi));
            assert_true(fabs((double)layers[l]->lo[k] - lo) < near);
            assert_true(fabs((double)layers[l]->hi[k] - hi) < near);
        }
}

static const char *const shapes[] = {
    "",
    "environment.agents=1 environment.channels=1",
    "environment.agents=20 networks.critic_hidden1=37 networks.critic_hidden2=21",
    "environment.agents=50 networks.critic_hidden1=128 networks.critic_hidden2=33",
    "environment.agents=3 networks.critic_hidden1=1 networks.critic_hidden2=1",
};

static void test_values_and_signs(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (uint32_t seed = 0; seed < 30; seed++) {
            struct world *w = open_world(shapes[s], seed);
            add_rows(w, (int)seed % 4);
            evaluate(w, NULL, NULL);
            compare_values(w);
            check_signs(&w->region.first, w->nets.critic.mlp.out[0], NULL);
            check_signs(&w->region.second, w->nets.critic.mlp.out[1], NULL);
            check_extremes(w);
            close_world(w);
        }
    }
}

static void test_margins(void **state)
{
    (void)state;
    float margin1[MOST], margin2[MOST];
    for (uint32_t seed = 0; seed < 30; seed++) {
        struct world *w = open_world(shapes[2], seed);
        for (int k = 0; k < MOST; k++) {
            margin1[k] = (float)numpy_uniform(&w->rng, 0.0, 2.0);
            margin2[k] = (float)numpy_uniform(&w->rng, 0.0, 5.0);
        }
        add_rows(w, 1);
        evaluate(w, margin1, margin2);
        compare_values(w);
        check_signs(&w->region.first, w->nets.critic.mlp.out[0], margin1);
        check_signs(&w->region.second, w->nets.critic.mlp.out[1], margin2);
        check_extremes(w);
        close_world(w);
    }
}

/* No unit on, in the first layer, in the second, or all on. */
static void test_extreme_biases(void **state)
{
    (void)state;
    for (int layer = 0; layer < 2; layer++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct world *w = open_world(shapes[2], 7);
            const struct mlp *mlp = &w->nets.critic.mlp;
            float *theta = w->nets.critic_family.theta;
            for (int k = 0; k < mlp->out[layer]; k++)
                theta[mlp->bias[layer] + (size_t)k] = (float)sign * 1e3F;
            add_rows(w, 1);
            evaluate(w, NULL, NULL);
            compare_values(w);
            const struct signs *signs = layer == 0 ? &w->region.first : &w->region.second;
            assert_int_equal(signs->on_count, sign > 0 ? mlp->out[layer] : 0);
            assert_int_equal(signs->mixed_count, 0);
            close_world(w);
        }
    }
}

/* Samples with any number of rows, one after the other; each has its own joint part. */
static void test_list_of_samples(void **state)
{
    (void)state;
    enum { SAMPLES = 5 };
    struct world *w = open_world(shapes[2], 9);
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    float joint[SAMPLES * MOST];
    draw(w, SAMPLES * MOST, 1.0, joint);
    critic_rows_clear(&w->rows);
    for (int b = 0; b < SAMPLES; b++)
        for (int j = b == 2 ? CRITIC_NOBODY : 0; j < (b == 2 ? 0 : b + 1); j++)
            critic_rows_add(&w->rows, critic, b, j, w->states, w->actions);
    critic_evaluate(critic, theta, joint, &w->rows);
    float want[20];
    memcpy(want, w->rows.q, (size_t)w->rows.count * sizeof *want);
    linear_region_evaluate(&w->region, theta, joint, &w->rows);
    assert_int_equal(w->rows.count, 1 + 2 + 1 + 4 + 5);
    for (int r = 0; r < w->rows.count; r++)
        assert_close((double)w->rows.q[r], (double)want[r], 1e-5, "row %d", r);
    close_world(w);
}

static void test_not_a_number(void **state)
{
    (void)state;
    struct world *w = open_world(shapes[2], 8);
    w->nets.critic_family.theta[5] = NAN;
    add_rows(w, 1);
    evaluate(w, NULL, NULL);
    for (int r = 0; r < w->rows.count; r++)
        assert_true(isnan(w->q[r]) && isnan(w->rows.q[r]));
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_signs), cmocka_unit_test(test_margins),
        cmocka_unit_test(test_extreme_biases),   cmocka_unit_test(test_list_of_samples),
        cmocka_unit_test(test_not_a_number),
    };
    return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
