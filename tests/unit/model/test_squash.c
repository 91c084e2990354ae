// SPDX-License-Identifier: MIT
/* From pre-activations to outputs and back: the definitions value by value, the ends of the range
 * of f32, and what they come to in trainings of the published size. */
#include "check.h"
#include "model/squash.h"
#include <ccmsweep/trainer.h>
#include <float.h>

enum { COUNT = 4000, N = 50 };

static struct squash squash_with(const char *words)
{
    const struct settings s = settings_with(words);
    return squash_of(&s);
}

static const struct squash softsign = {.kind = SQUASH_SOFTSIGN};
static const struct squash inverting = {.kind = SQUASH_INVERTING};

/* COUNT values of both signs, of every size that a pre-activation has. */
static void spread_values(float z[COUNT])
{
    for (int k = 0; k < COUNT; k++)
        z[k] = (k % 2 == 0 ? 1.0F : -1.0F) * (float)exp(-20.0 + 0.01 * k);
}

static void forward(const struct squash *squash, size_t count, const float *z, float *y,
                    float *slope)
{
    squash_forward(squash, kernels_best(), count, z, y, slope);
}

static void test_tanh(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        float z, y, slope;
    } cases[] = {
        {"networks.tanh=pytorch", 8.6643390F, 0x1.fffffep-1F, 0x1p-23F},
        {"networks.tanh=pytorch", 8.6643410F, 1.0F, 0.0F},
        {"networks.tanh=exact", 8.6643410F, 0x1.fffffep-1F, 0x1p-23F},
        {"networks.tanh=exact", -9.02F, -1.0F, 0.0F},
        {"networks.tanh=exact", INFINITY, 1.0F, 0.0F},
        {"", 0.0F, 0.0F, 1.0F},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const struct squash squash = squash_with(cases[k].words);
        const float d_y = -3.0F;
        float y, slope, d_z;
        forward(&squash, 1, &cases[k].z, &y, &slope);
        assert_true(y == cases[k].y && slope == cases[k].slope);
        squash_backward(&squash, 1, &cases[k].z, &d_y, &slope, &d_z);
        assert_true(slope == cases[k].slope && d_z == d_y * slope);
    }
}

static void test_softsign(void **state)
{
    (void)state;
    float z[COUNT], y[COUNT], slope[COUNT], d_y[COUNT], d_z[COUNT], kept[COUNT];
    spread_values(z);
    forward(&softsign, COUNT, z, y, slope);
    for (int k = 0; k < COUNT; k++) {
        const double size = fabs((double)z[k]);
        const double rest = 1.0 - fabs((double)y[k]);
        assert_close((double)y[k], (double)z[k] / (1.0 + size), 0x1.8p-23, "y of %g", size);
        assert_close((double)slope[k], rest * rest, 0x1p-22, "slope of %g", size);
        /* Of y in f32, whose last place is all that is left of 1 - |y| far out. */
        assert_true(fabs(sqrt((double)slope[k]) - 1.0 / (1.0 + size)) < 0x1p-22);
        d_y[k] = (float)(k % 7 - 3);
        kept[k] = slope[k];
    }
    squash_backward(&softsign, COUNT, z, d_y, slope, d_z);
    assert_memory_equal(slope, kept, sizeof kept);
    for (int k = 0; k < COUNT; k++)
        assert_true(d_z[k] == d_y[k] * slope[k]);
}

/* y is exactly ±1, and the slope exactly 0, from 2^24 on only: 16,777,216. */
static void test_softsign_far_out(void **state)
{
    (void)state;
    float z, y, slope;
    for (uint32_t k = 0; k < 100000; k++) {
        z = 16777215.0F - (float)k * (k < 1000 ? 1.0F : 167.0F);
        forward(&softsign, 1, &z, &y, &slope);
        assert_true(y < 1.0F && slope > 0.0F);
    }
    static const float flat[] = {0x1p24F, -0x1p24F, 0x1p25F,  1e7F * 4.0F, 1e30F,
                                 FLT_MAX, -FLT_MAX, INFINITY, -INFINITY};
    for (size_t k = 0; k < sizeof flat / sizeof flat[0]; k++) {
        forward(&softsign, 1, &flat[k], &y, &slope);
        assert_true(y == copysignf(1.0F, flat[k]) && slope == 0.0F);
    }
}

static void test_inverting(void **state)
{
    (void)state;
    static const float inf = INFINITY;
    static const struct {
        float z, d_y, y, slope;
    } cases[] = {
        {0.0F, -4.0F, 0.0F, 0.5F},   {0.0F, 4.0F, 0.0F, 0.5F},     {0.5F, -4.0F, 0.5F, 0.25F},
        {0.5F, 4.0F, 0.5F, 0.75F},   {-0.5F, -4.0F, -0.5F, 0.75F}, {-0.5F, 4.0F, -0.5F, 0.25F},
        {1.0F, -4.0F, 1.0F, 0.0F},   {1.0F, 4.0F, 1.0F, 1.0F},     {-1.0F, -4.0F, -1.0F, 1.0F},
        {-1.0F, 4.0F, -1.0F, 0.0F},  {5.0F, -4.0F, 1.0F, -2.0F},   {5.0F, 4.0F, 1.0F, 3.0F},
        {-5.0F, -4.0F, -1.0F, 3.0F}, {-5.0F, 4.0F, -1.0F, -2.0F},  {7e4F, -1.0F, 1.0F, -34999.5F},
        {0.5F, -0.0F, 0.5F, 0.5F},   {5.0F, 0.0F, 1.0F, 0.5F},     {inf, 0.0F, 1.0F, 0.5F},
        {inf, -1.0F, 1.0F, -inf},    {-inf, -1.0F, -1.0F, inf},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        float y, slope, d_z;
        forward(&inverting, 1, &cases[k].z, &y, &slope);
        assert_true(y == cases[k].y && slope == 0.5F);
        squash_backward(&inverting, 1, &cases[k].z, &cases[k].d_y, &slope, &d_z);
        assert_true(slope == cases[k].slope && d_z == cases[k].d_y * cases[k].slope);
    }
}

/* A step of descent along dL/dz moves a value outside of [-1, 1] towards it, whatever dL/dy. */
static void test_inverting_pulls_back(void **state)
{
    (void)state;
    float z[COUNT], y[COUNT], slope[COUNT], d_z[COUNT];
    spread_values(z);
    for (int sign = -1; sign <= 1; sign += 2) {
        float d_y[COUNT];
        for (int k = 0; k < COUNT; k++)
            d_y[k] = (float)sign;
        forward(&inverting, COUNT, z, y, slope);
        squash_backward(&inverting, COUNT, z, d_y, slope, d_z);
        for (int k = 0; k < COUNT; k++) {
            if (fabsf(z[k]) > 1.0F)
                assert_true(d_z[k] * z[k] > 0.0F);
            else
                assert_true(d_z[k] * d_y[k] >= 0.0F);
        }
    }
}

static void test_nan_stays(void **state)
{
    static const enum squash_kind kinds[] = {SQUASH_TANH, SQUASH_SOFTSIGN, SQUASH_INVERTING};
    static const float slopes[] = {-1.0F, 0.0F, 1.0F};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        const struct squash squash = {.kind = kinds[k], .cliff = INFINITY};
        const float nan = NAN, half = 0.5F;
        float y, slope, d_z;
        for (size_t j = 0; j < 3; j++) {
            forward(&squash, 1, &nan, &y, &slope);
            assert_true(isnan(y) && isnan(slope));
            squash_backward(&squash, 1, &nan, &slopes[j], &slope, &d_z);
            assert_true(isnan(d_z));
        }
        forward(&squash, 1, &half, &y, &slope);
        squash_backward(&squash, 1, &half, &nan, &slope, &d_z);
        assert_true(isnan(d_z) && !isnan(slope));
    }
}

/* A training of the published size with the learning rates (0.1, 0.01). */
static struct trainer *train(const char *squash, int64_t episodes)
{
    char words[128];
    snprintf(words, sizeof words,
             "training.actor_lr=0.1 training.critic_lr=0.01 networks.squash=%s", squash);
    struct settings s = settings_with(words);
    s.training.episodes = episodes;
    struct trainer *t = trainer_new(&s);
    trainer_advance(t, episodes);
    return t;
}

static double largest_z(const struct record *r, int64_t log)
{
    return fmax(fabs(r->preactivation_min[log]), fabs(r->preactivation_max[log]));
}

/* Where tanh has every slope exactly 0 from episode 3 on, softsign drifts as far and has none. */
static void test_softsign_has_no_hard_stop(void **state)
{
    (void)state;
    enum { EPISODES = 100 };
    struct trainer *hard = train("tanh", 10);
    struct trainer *soft = train("softsign", EPISODES);
    const struct record *tanh_record = trainer_record(hard);
    const struct record *r = trainer_record(soft);
    for (int i = 0; i < N; i++) {
        assert_int_equal(tanh_record->hard_saturation[i], 3);
        assert_int_equal(tanh_record->cause[i], CAUSE_TANH_HARD);
        assert_int_equal(r->hard_saturation[i], -1);
        assert_int_equal(r->gradient_zero_first[i], -1);
        assert_int_equal(r->first_still[i], -1);
        assert_int_equal(r->cause[i], CAUSE_NONE);
    }
    /* 1.6e4 and 8.4e5 were measured, and a share of 0.94 in the first log. */
    assert_true(largest_z(r, 0) > 1e3 && largest_z(r, EPISODES / 10 - 1) > 1e5);
    for (int k = 0; k < EPISODES / 10; k++)
        assert_true(r->saturation[k] > 0.9 && largest_z(r, k) < 1.6e7);
    for (int k = 0; k < EPISODES / 10 * N; k++)
        assert_true(r->tanh_slope_zero[k] == 0.0F && r->tanh_slope_mean[k] > 0.0F);
    trainer_free(&hard);
    trainer_free(&soft);
}

/* The first steps of 0.1 throw them as far out as with tanh; then they come back, and stay. */
static void test_inverting_comes_back(void **state)
{
    (void)state;
    enum { EPISODES = 60 };
    struct trainer *t = train("inverting", EPISODES);
    const struct record *r = trainer_record(t);
    /* 84 was measured, then 0.8 to 1.0. */
    assert_true(r->preactivation_std[0] > 10.0);
    for (int k = 1; k < EPISODES / 10; k++)
        assert_true(r->preactivation_std[k] < 3.0);
    for (int i = 0; i < N; i++)
        assert_int_equal(r->first_still[i], -1);
    trainer_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tanh),
        cmocka_unit_test(test_softsign),
        cmocka_unit_test(test_softsign_far_out),
        cmocka_unit_test(test_inverting),
        cmocka_unit_test(test_inverting_pulls_back),
        cmocka_unit_test(test_nan_stays),
        cmocka_unit_test(test_softsign_has_no_hard_stop),
        cmocka_unit_test(test_inverting_comes_back),
    };
    return cmocka_run_group_tests_name("squash", tests, NULL, NULL);
}
