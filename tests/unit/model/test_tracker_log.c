// SPDX-License-Identifier: MIT
/*
 * What the tracker records in log episodes: norms, shares, tanh inputs, histograms and detections.
 * Expected numbers are worked out from the definitions.
 */
#include "tracker_case.h"

/* Layer l gets the norm 5·scale·(l+1), from its first and its last parameter; the whole has
 * 5·scale·√14. */
static void put_layers(const struct mlp *mlp, float *gradient, float scale)
{
    fill(gradient, mlp->size, 0.0F);
    for (int l = 0; l < MLP_LAYERS; l++) {
        gradient[mlp_layer_begin(mlp, l)] = 3.0F * scale * (float)(l + 1);
        gradient[mlp_layer_end(mlp, l) - 1] = -4.0F * scale * (float)(l + 1);
    }
}

static void test_update(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    float values[][2] = {{3.0F, 4.0F}, {3.0F, 0.0F}, {0.0F, 4.0F}};
    const struct reals before = {.f32 = values[0]}, after = {.f32 = values[1]};
    const struct reals less = {.f32 = values[2]};
    begin(w, 6);
    tracker_update(&w->tracker, 2, 2, before, after);
    tracker_update(&w->tracker, -1, 2, before, less);
    assert_close((double)r->actor_update[5 + 2], 4.0, 0.0, "actor");
    assert_close((double)r->actor_update_relative[5 + 2], 0.8, 1e-7, "actor, relative");
    assert_close(r->critic_update[1], 3.0, 0.0, "critic");
    assert_close(r->critic_update_relative[1], 0.6, 1e-15, "critic, relative");
    assert_true(isnan(r->actor_update[5 + 1]) && isnan(r->actor_update[2]));
    tracker_update(&w->tracker, -1, 2, before, after);
    assert_close(r->critic_update[1], 4.0, 0.0, "critic");
    assert_close(r->critic_update_relative[1], 0.8, 1e-15, "critic, relative");
}

static void test_log_of_a_pass(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    fill(w->d_y, B * A, 0.25F);
    fill(w->actors.d_z, B * A, 0.5F);
    fill(w->actors.d_h2, B * H2, 0.75F);
    fill(w->actors.d_h1, B * H1, 1.25F);
    fill(y_of(w, 2), 3, -1.0F);
    for (int b = 0; b < B; b++) {
        float *h1 = w->x.h1 + (2 * B + b) * H1;
        float *h2 = w->x.h2 + (2 * B + b) * H2;
        h1[0] = h1[H1 - 1] = 0.0F;
        h1[3] = b == B - 1 ? 1.0F : 0.0F; /* alive on the last row */
        h2[1] = h2[2] = h2[5] = 0.0F;
        h2[0] = b == 0 ? 1.0F : 0.0F; /* alive on the first */
    }
    begin(w, 6);
    act(w, 2, MOVED);
    const int row = 5 + 2;
    assert_close((double)r->grad_norm_y[row], 0.25 * sqrt(12.0), 1e-6, "y");
    assert_close((double)r->grad_norm_z[row], 0.5 * sqrt(12.0), 1e-6, "z");
    assert_close((double)r->grad_norm_h2[row], 0.75 * sqrt(24.0), 1e-6, "h2");
    assert_close((double)r->grad_norm_h1[row], 1.25 * sqrt(32.0), 1e-6, "h1");
    assert_close((double)r->tanh_slope_mean[row], 0.5625, 0.0, "slope");
    assert_close((double)r->tanh_slope_zero[row], 0.25, 0.0, "slopes of zero");
    assert_close((double)r->actor_dead[row * 2], 0.25, 0.0, "dead of h1");
    assert_close((double)r->actor_dead[row * 2 + 1], 0.5, 0.0, "dead of h2");
    assert_true(isnan(r->grad_norm_y[2]) && isnan(r->grad_norm_y[row + 1]));
    begin(w, 7);
    act(w, 3, MOVED);
    assert_true(isnan(r->grad_norm_y[row + 1]));
}

/* Scales: actors (i+1)/2 own and i+1 accumulated, critic 3 and 7. Σ (i+1)² / N = 11. */
static void test_log_of_gradients(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    const struct mlp *mlp = &w->actors.mlp;
    begin(w, 6);
    put_layers(&w->critic.mlp, w->critic_gradient, 3.0F);
    judge(w, MOVED);
    for (int i = 0; i < 5; i++) {
        put_layers(mlp, w->gradient + (size_t)i * mlp->size, 0.5F * (float)(i + 1));
        act(w, i, MOVED);
        put_layers(mlp, w->gradient + (size_t)i * mlp->size, (float)(i + 1));
    }
    put_layers(&w->critic.mlp, w->critic_gradient, 7.0F);
    tracker_accumulated(&w->tracker, mlp, (struct reals){.f32 = w->gradient}, &w->critic.mlp,
                        w->critic_gradient);
    end(w);
    for (int l = 0; l < MLP_LAYERS; l++) {
        for (int i = 0; i < 5; i++) {
            const int at = (5 + i) * MLP_LAYERS + l;
            const double scale = 5.0 * (i + 1) * (l + 1);
            assert_close((double)r->actor_layer_grad_own[at], 0.5 * scale, 1e-6, "own %d", at);
            assert_close((double)r->actor_layer_grad_accumulated[at], scale, 1e-6, "sum %d", at);
        }
        assert_close(r->critic_layer_grad_own[3 + l], 15.0 * (l + 1), 1e-12, "own %d", l);
        assert_close(r->critic_layer_grad_accumulated[3 + l], 35.0 * (l + 1), 1e-12, "sum %d", l);
    }
    assert_close(r->actor_grad_own[1], 2.5 * sqrt(14.0 * 11.0), 1e-12, "actors");
    assert_close(r->actor_grad_accumulated[1], 5.0 * sqrt(14.0 * 11.0), 1e-12, "actors' sums");
    assert_close(r->critic_grad_own[1], 15.0 * sqrt(14.0), 1e-12, "critic");
    assert_close(r->critic_grad_accumulated[1], 35.0 * sqrt(14.0), 1e-12, "critic's sum");
    assert_close(r->gradient_ratio_own[1], sqrt(11.0) / 6.0, 1e-12, "ratio");
    assert_close(r->gradient_ratio_accumulated[1], sqrt(11.0) / 7.0, 1e-12, "ratio of sums");
    assert_true(isnan(r->actor_grad_own[0]) && isnan(r->critic_grad_own[2]));
}

static void test_episode_row(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    const struct mec_step sums = {
        .reward = -12.5, .energy_violation = 1.0, .deadline_violation = 3.0};
    float actors[] = {3.0F, 4.0F};
    const float critic[] = {6.0F, 8.0F};
    begin(w, 3);
    act(w, 1, STILL);
    act(w, 4, STILL);
    tracker_end(&w->tracker, &sums, 2, (struct reals){.f32 = actors}, 2, critic);
    assert_close(r->reward[2], -12.5, 0.0, "reward");
    assert_close(r->energy_violation[2], 0.25, 0.0, "energy");
    assert_close(r->deadline_violation[2], 0.75, 0.0, "deadline");
    assert_int_equal(r->actors_stopped[2], 2);
    assert_close(r->actor_param_norm[0], 5.0, 0.0, "actors");
    assert_close(r->critic_param_norm[0], 10.0, 0.0, "critic");
}

static void test_dead_units_of_the_critic(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    for (int b = 0; b < B; b++) {
        for (int k = 0; k < 4; k++)
            w->rows.h1[b * C1 + 5 * k] = 0.0F;
        w->rows.h1[b * C1 + 1] = b == B - 1 ? 1.0F : 0.0F;
        fill(w->rows.h2 + b * C2, 9, 0.0F);
    }
    begin(w, 6);
    judge(w, MOVED);
    assert_close((double)r->critic_dead[2], 0.25, 0.0, "h1");
    assert_close((double)r->critic_dead[3], 0.75, 0.0, "h2");
    assert_true(isnan(r->critic_dead[1]));
}

/* Figures of one group of tanh inputs, in the order of the record's fields. */
enum { FIGURES = 7 };

static void check_group(const struct record *r, int log, int action, const double want[FIGURES])
{
    const int at = action < 0 ? log : log * A + action;
    const double *const all[FIGURES] = {
        r->preactivation_mean, r->preactivation_std,   r->preactivation_min,  r->preactivation_max,
        r->saturation,         r->preactivation_above, r->preactivation_below};
    const double *const one[FIGURES] = {r->action_preactivation_mean, r->action_preactivation_std,
                                        r->action_preactivation_min,  r->action_preactivation_max,
                                        r->action_saturation,         r->action_preactivation_above,
                                        r->action_preactivation_below};
    for (int k = 0; k < FIGURES; k++)
        assert_close((action < 0 ? all : one)[k][at], want[k], 1e-14, "log %d, action %d, %d", log,
                     action, k);
}

/* By action: 1, 3 thrice and 5 twice; -2, -2.5 thrice and 4 twice; 0, 2 thrice and -6 twice. ±2 and
 * an output of 0.9 lie on the limits and do not count. */
static void test_preactivations(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    const float z1[] = {1.0F, -2.0F, 0.0F, 3.0F, -2.5F, 2.0F};
    const float y1[] = {0.5F, -0.95F, 0.9F, 0.95F, -0.85F, 0.89F};
    const float z2[] = {5.0F, 4.0F, -6.0F}, y2[] = {0.2F, 0.99F, -0.99F};
    const float z3[] = {0.5F, 0.25F, -0.5F}, y3[] = {0.1F, 0.2F, 0.3F};
    begin(w, 2);
    tracker_forward(&w->tracker, 2, z1, y1, 3.0);
    end(w);
    begin(w, 3);
    tracker_forward(&w->tracker, 1, z2, y2, 2.0);
    end(w);
    begin(w, 6);
    tracker_forward(&w->tracker, 1, z3, y3, 5.0);
    end(w);
    check_group(r, 0, 0, (double[]){2.75, sqrt(2.4375), 1.0, 5.0, 0.375, 0.625, 0.0});
    check_group(r, 0, 1, (double[]){-0.6875, sqrt(7.37109375), -2.5, 4.0, 0.625, 0.25, 0.375});
    check_group(r, 0, 2, (double[]){-0.75, sqrt(9.9375), -6.0, 2.0, 0.25, 0.0, 0.25});
    const double std = sqrt(226.75 / 24.0 - 0.4375 * 0.4375);
    check_group(r, 0, -1, (double[]){0.4375, std, -6.0, 5.0, 10.0 / 24.0, 7.0 / 24.0, 5.0 / 24.0});
    for (int k = 0; k < A; k++)
        check_group(r, 1, k, (double[]){(double)z3[k], 0, (double)z3[k], (double)z3[k], 0, 0, 0});
    check_group(r, 1, -1,
                (double[]){0.25 / 3.0, sqrt(0.5625 / 3 - 0.0625 / 9), -0.5, 0.5, 0, 0, 0});
}

/* Edge of bin 30 is 0, of 31 + k it is 10^(k/4-2), of 29 - k its negative. The f32 nearest to
 * 0.01 lies below it. */
static void test_histogram(void **state)
{
    struct world *w = *state;
    static const struct {
        float z;
        int bin;
    } cases[] = {
        {0.0F, 30},     {-0.0F, 30},     {1e-30F, 30},   {-1e-30F, 29},  {0.01F, 30},
        {-0.01F, 29},   {0.0101F, 31},   {-0.0101F, 28}, {1.0F, 39},     {-1.0F, 21},
        {0.999F, 38},   {-0.999F, 21},   {-1.001F, 20},  {10.0F, 43},    {-10.0F, 17},
        {1e5F, 59},     {-1e5F, 1},      {1e6F, 59},     {-1e6F, 0},     {99999.0F, 58},
        {-99999.0F, 1}, {-100001.0F, 0}, {INFINITY, 59}, {-INFINITY, 0},
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    int32_t want[A][RECORD_BINS] = {{0}};
    float z[(CASES + 1) * A];
    for (int c = 0; c < CASES; c++) {
        z[c * A] = cases[c].z;
        z[c * A + 1] = cases[c / 2].z;
        z[c * A + 2] = 0.5F;
        want[0][cases[c].bin]++;
        want[1][cases[c / 2].bin]++;
        want[2][37]++;
    }
    fill(z + CASES * A, A, NAN);
    begin(w, 10);
    tracker_snapshot(&w->tracker, CASES + 1, z);
    begin(w, 11);
    tracker_snapshot(&w->tracker, 1, z);
    const int32_t *counts = w->tracker.record.preactivation_histogram;
    assert_memory_equal(counts + A * RECORD_BINS, want, sizeof want);
    assert_int_equal(counts[0], -1);
    assert_int_equal(counts[2 * A * RECORD_BINS], -1);
}

/* A log with `above` and `below` of its 12 tanh inputs saturated and gradients of these norms. */
static void log_at(struct world *w, int64_t episode, int above, int below, float actor,
                   float critic)
{
    float z[B * A] = {0}, y[B * A] = {0};
    fill(z, (size_t)above, 3.0F);
    fill(z + above, (size_t)below, -3.0F);
    begin(w, episode);
    w->critic_gradient[0] = critic;
    judge(w, MOVED);
    for (int i = 0; i < 5; i++) {
        w->gradient[(size_t)i * w->actors.mlp.size] = actor;
        act(w, i, MOVED);
    }
    tracker_forward(&w->tracker, B, z, y, 1.0);
    end(w);
}

static void check_detections(const struct world *w, int saturated, int vanished, int asymmetry)
{
    const int32_t *episode = w->tracker.record.detection_episode;
    assert_int_equal(episode[DETECTION_SATURATED], saturated);
    assert_int_equal(episode[DETECTION_VANISHED], vanished);
    assert_int_equal(episode[DETECTION_ASYMMETRY], asymmetry);
}

static void test_saturated(void **state)
{
    struct world *w = *state;
    log_at(w, 3, 6, 6, 1.0F, 1.0F); /* 1: the window is not full */
    check_detections(w, -1, -1, -1);
    log_at(w, 6, 0, 0, 1.0F, 1.0F); /* mean 1/2, the threshold itself */
    check_detections(w, -1, -1, -1);
    log_at(w, 9, 5, 6, 1.0F, 1.0F); /* 11/24 */
    check_detections(w, -1, -1, -1);
    log_at(w, 12, 1, 1, 1.0F, 1.0F); /* 13/24 */
    check_detections(w, 12, -1, -1);
    log_at(w, 15, 6, 6, 1.0F, 1.0F); /* 14/24 */
    check_detections(w, 12, -1, -1);
}

static void test_vanished_with_the_critic(void **state)
{
    struct world *w = *state;
    log_at(w, 3, 0, 0, 0.0F, 0.0F);
    check_detections(w, -1, -1, -1);
    log_at(w, 6, 0, 0, 1.0F, 0.25F); /* mean 1/2, the threshold itself */
    check_detections(w, -1, -1, -1);
    log_at(w, 9, 0, 0, 0.0F, 1.0F); /* 1/2 again */
    check_detections(w, -1, -1, -1);
    log_at(w, 12, 0, 0, 0.75F, -0.125F); /* actors 3/8, critic 9/16 */
    check_detections(w, -1, 12, 12);
    tracker_clear(&w->tracker);
    log_at(w, 3, 0, 0, 0.0F, 0.0F);
    log_at(w, 6, 0, 0, 0.75F, 0.75F);
    check_detections(w, -1, 6, -1);
    log_at(w, 9, 0, 0, 0.0F, 0.25F); /* 1/2: the critic has not vanished */
    check_detections(w, -1, 6, 9);
    log_at(w, 12, 0, 0, 0.0F, 1.0F);
    check_detections(w, -1, 6, 9);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_update),
        WITH_WORLD(test_log_of_a_pass),
        WITH_WORLD(test_log_of_gradients),
        WITH_WORLD(test_episode_row),
        WITH_WORLD(test_dead_units_of_the_critic),
        WITH_WORLD(test_preactivations),
        WITH_WORLD(test_histogram),
        WITH_WORLD(test_saturated),
        WITH_WORLD(test_vanished_with_the_critic),
    };
    return cmocka_run_group_tests_name("tracker_log", tests, NULL, NULL);
}
