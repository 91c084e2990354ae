// SPDX-License-Identifier: MIT
#include "base/rng.h"
#include "check.h"
#include "csv.h"

/* rng.csv lists, per generator and seed, consecutive draws: this replays them in order. */
struct replayed {
    struct numpy_rng numpy;
    struct python_rng python;
    struct torch_rng torch;
    char generator[16];
    double seed;
    int32_t pool[50], taken[10];
};

static double numpy_draw(struct replayed *r, const char *call)
{
    if (strncmp(call, "normal(", 7) == 0)
        return 0.001 + 0.0 * numpy_gaussian(&r->numpy);
    if (strncmp(call, "randn", 5) == 0)
        return numpy_gaussian(&r->numpy);
    if (strncmp(call, "uniform(", 8) == 0) {
        double low, high;
        assert_int_equal(sscanf(call, "uniform(%lf,%lf", &low, &high), 2);
        return numpy_uniform(&r->numpy, low, high);
    }
    return numpy_double(&r->numpy);
}

static double python_draw(struct replayed *r, const char *call, int index)
{
    if (strncmp(call, "uniform(", 8) == 0)
        return python_uniform(&r->python, 2.5, 7.5);
    if (strncmp(call, "shuffle", 7) == 0) {
        for (int i = 0; index == 0 && i < 50; i++)
            r->pool[i] = i;
        if (index == 0)
            python_shuffle(&r->python, r->pool, 50);
        return r->pool[index];
    }
    if (strncmp(call, "sample", 6) == 0) {
        if (index == 0)
            python_sample(&r->python, r->pool, 50, r->taken, 10);
        return r->taken[index];
    }
    return python_uniform(&r->python, 0.0, 1.0);
}

static double torch_draw(struct replayed *r, const char *call)
{
    if (strncmp(call, "Linear(7", 8) == 0)
        return (double)torch_uniform(&r->torch, -1.0 / sqrt(7.0), 1.0 / sqrt(7.0));
    return (double)torch_uniform(&r->torch, -0.003, 0.003);
}

/* A new generator or seed starts afresh. */
static void restart(struct replayed *r, const char *generator, double seed)
{
    if (strcmp(generator, r->generator) == 0 && seed == r->seed)
        return;
    snprintf(r->generator, sizeof r->generator, "%s", generator);
    r->seed = seed;
    numpy_seed(&r->numpy, (uint32_t)seed);
    python_seed(&r->python, (uint32_t)seed);
    torch_seed(&r->torch, (uint32_t)seed);
}

static void test_published_draws(void **state)
{
    (void)state;
    struct csv csv = csv_load("golden/rng.csv");
    struct replayed r = {.seed = -1.0};
    for (int row = 0; row < csv.rows; row++) {
        const char *generator = csv_text(&csv, row, "generator");
        const char *call = csv_text(&csv, row, "call");
        const int index = (int)csv_real(&csv, row, "index");
        restart(&r, generator, csv_real(&csv, row, "seed"));
        const double got = generator[0] == 'n'   ? numpy_draw(&r, call)
                           : generator[0] == 'p' ? python_draw(&r, call, index)
                                                 : torch_draw(&r, call);
        assert_close(got, csv_real(&csv, row, "value"), 0.0, "%s %s [%d]", generator, call, index);
    }
    assert_int_equal(csv.rows, 230);
    csv_free(&csv);
}

static void test_reseeding_drops_the_cached_gaussian(void **state)
{
    (void)state;
    struct numpy_rng rng;
    numpy_seed(&rng, 42);
    const double first = numpy_gaussian(&rng);
    numpy_seed(&rng, 42);
    assert_true(numpy_gaussian(&rng) == first);
}

/* Of NumPy 1.24: r = RandomState([seed, stream]); r.random_sample(), r.randn(). */
static void test_streams_are_those_of_numpy(void **state)
{
    (void)state;
    struct numpy_rng rng;
    numpy_seed_stream(&rng, 42, 1);
    assert_true(numpy_double(&rng) == 0.5649283078895424);
    assert_true(numpy_double(&rng) == 0.38389450975701744);
    assert_true(numpy_gaussian(&rng) == -0.10646405688267188);
    numpy_seed_stream(&rng, 42, 2);
    assert_true(numpy_gaussian(&rng) == 0.6193362906262256);
    assert_true(numpy_gaussian(&rng) == -1.8907018756759915);
    assert_true(numpy_double(&rng) == 0.010971810483135447);
    numpy_seed_stream(&rng, 4294967295, 3);
    assert_true(numpy_double(&rng) == 0.6604556343450628);
}

static void test_below_is_uniform_and_in_range(void **state)
{
    (void)state;
    struct python_rng rng;
    int count[7] = {0};
    python_seed(&rng, 1);
    for (int k = 0; k < 70000; k++) {
        const uint32_t draw = python_below(&rng, 7);
        assert_true(draw < 7);
        count[draw]++;
    }
    for (int k = 0; k < 7; k++)
        assert_in_range(count[k], 9500, 10500);
    assert_int_equal(python_below(&rng, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_draws),
        cmocka_unit_test(test_reseeding_drops_the_cached_gaussian),
        cmocka_unit_test(test_streams_are_those_of_numpy),
        cmocka_unit_test(test_below_is_uniform_and_in_range),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
