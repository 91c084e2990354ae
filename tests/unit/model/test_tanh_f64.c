// SPDX-License-Identifier: MIT
/* tanh in f64 at the level that is named, against long double. */
#include "base/rng.h"
#include "check.h"
#include "model/kernels.h"

static struct numpy_rng rng;

/* Within three units in the last place, and the nearest but for near halves where y is next to 1:
 * there it decides which slope is exactly 0. The same bits at every level. */
static void check_tanh_f64(double z, double y)
{
    const long double exact = tanhl((long double)z);
    const double nearest = fabs((double)exact);
    const double unit = nearest - nextafter(nearest, 0.0);
    const double allowed = fabs(z) > 8.0 ? 0.501 : 3.0;
    if (!(fabsl((long double)y - exact) <= (long double)(allowed * unit)) ||
        signbit(y) != signbit(z))
        fail_msg("tanh(%a) is %a, not %a", z, y, (double)exact);
}

static void test_tanh_f64(void **state)
{
    const struct kernels *kernels = *state;
    enum { COUNT = 1000 }; /* no whole number of vectors */
    double z[COUNT], y[COUNT], same[COUNT];
    for (int round = 0; round < 300; round++) {
        for (int k = 0; k < COUNT; k++)
            z[k] = (k % 2 ? 1.0 : -1.0) * (round % 3 == 0 ? numpy_uniform(&rng, 0.0, 1.0)
                                           : round % 3 == 1
                                               ? numpy_uniform(&rng, 0.0, 25.0)
                                               : pow(10.0, numpy_uniform(&rng, -300.0, 3.0)));
        kernels->f64->tanh(COUNT, z, INFINITY, y);
        kernels_named("baseline")->f64->tanh(COUNT, z, INFINITY, same);
        assert_memory_equal(y, same, sizeof y);
        for (int k = 0; k < COUNT; k++)
            check_tanh_f64(z[k], y[k]);
    }
}

/* 55·ln2/2: the f64 next above is 1, the one below is not; and slopes go with it. */
static void test_tanh_f64_cliff(void **state)
{
    const struct kernels *kernels = *state;
    const double cliff = 19.061547465398498;
    const double ends[] = {0.0, 0x1p-1074, 0x1p-1022, 9.02, 19.0, 40.0, 1e308, INFINITY, NAN};
    double y[2];
    const double below[2] = {cliff - 1e-13, -cliff + 1e-13},
                 above[2] = {cliff + 1e-13, -cliff - 1e-13};
    kernels->f64->tanh(2, below, INFINITY, y);
    assert_true(y[0] == 1.0 - 0x1p-53 && y[1] == -y[0] && 1.0 - y[0] * y[0] == 0x1p-52);
    kernels->f64->tanh(2, above, INFINITY, y);
    assert_true(y[0] == 1.0 && y[1] == -1.0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const double z[2] = {ends[i], -ends[i]};
        kernels->f64->tanh(2, z, INFINITY, y);
        for (int k = 0; k < 2; k++)
            isnan(z[k]) ? assert_true(isnan(y[k])) : check_tanh_f64(z[k], y[k]);
    }
}

static int seed(void **state)
{
    (void)state;
    numpy_seed(&rng, 5);
    return 0;
}

int main(int argc, char **argv)
{
    void *level = argc > 1 ? (void *)(uintptr_t)kernels_named(argv[1]) : NULL;
    if (level == NULL) {
        printf("1..0 # SKIP this CPU does not run the level\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        {"tanh", test_tanh_f64, seed, NULL, level},
        {"cliff", test_tanh_f64_cliff, seed, NULL, level},
    };
    return cmocka_run_group_tests_name("tanh_f64", tests, NULL, NULL);
}
