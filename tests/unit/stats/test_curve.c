// SPDX-License-Identifier: MIT
/* Kaplan-Meier curves and incidence by cause: identities, and what has no definition elsewhere. */
#include "stats/curve.h"
#include "stats/incidence.h"
#include "stats_case.h"

enum { LIMIT = 2000, TRIES = 100 };

static struct numpy_rng rng;
static struct sample_case c;
static struct curve curve;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 6);
    return 0;
}

static int end(void **state)
{
    (void)state;
    curve_fini(&curve);
    return 0;
}

static void draw(int count, double mean, double limit, bool by_chance)
{
    curve_fini(&curve);
    case_draw(&c, &rng, count, mean, limit, by_chance);
    curve_init(&curve, &c.sample, 0.95);
}

/* With nothing censored before one common limit the curve is 1 - ECDF, the restricted mean is the
 * mean of min(T, limit), and its error is the root of their variance / n. */
static void test_one_limit_is_counting(void **state)
{
    (void)state;
    for (int n = 1; n < TRIES; n++) {
        draw(n, 40.0 * n, LIMIT, false);
        for (int64_t p = 0; p < curve.points; p++) {
            int later = 0;
            for (int i = 0; i < n; i++)
                later += c.time[i] > curve.time[p] || c.status[i] == 0;
            assert_close(curve.survival[p], (double)later / n, 1e-12, "S, n %d", n);
        }
        double sum = 0.0, squares = 0.0;
        for (int i = 0; i < n; i++)
            sum += c.time[i] / n;
        for (int i = 0; i < n; i++)
            squares += (c.time[i] - sum) * (c.time[i] - sum) / n;
        const struct rmst rmst = curve_rmst(&curve, LIMIT);
        assert_close(rmst.mean, sum, 1e-12, "mean, n %d", n);
        assert_false(rmst.extended);
        assert_close(rmst.error, sqrt(squares / n), 1e-9, "error, n %d", n);
    }
}

static void test_shares_sum_up(void **state)
{
    (void)state;
    for (int n = 1; n < TRIES; n++) {
        struct incidence incidence;
        draw(n, 300.0, LIMIT, true);
        incidence_init(&incidence, &c.sample, 3, 0.95);
        assert_int_equal(incidence.points, curve.points);
        for (int64_t p = 0; p < curve.points; p++) {
            const double *const share = incidence.share + p;
            assert_close(share[0] + share[curve.points] + share[2 * curve.points],
                         1.0 - curve.survival[p], 1e-12, "n %d", n);
            assert_close(incidence.survival[p], curve.survival[p], 1e-14, "n %d", n);
            assert_int_equal(incidence.at_risk[p], curve.at_risk[p]);
        }
        incidence_fini(&incidence);
    }
}

/* One cause alone is 1 - S, with Greenwood's error. */
static void test_one_cause_is_the_curve(void **state)
{
    (void)state;
    struct incidence incidence;
    draw(60, 300.0, LIMIT, true);
    for (int64_t i = 0; i < c.sample.count; i++)
        c.status[i] = c.status[i] > 0;
    incidence_init(&incidence, &c.sample, 1, 0.95);
    for (int64_t p = 0; p < curve.points; p++)
        if (curve.survival[p] > 0.0)
            assert_close(incidence.error[p], curve.error[p], 1e-12, "point %d", (int)p);
    incidence_fini(&incidence);
}

/* Where all had the event of one cause the share is exactly 1, and there is no interval. */
static void test_all_of_one_cause(void **state)
{
    (void)state;
    for (int n = 2; n < TRIES; n++) {
        struct incidence incidence;
        draw(n, 300.0, 1e9, false);
        for (int64_t i = 0; i < c.sample.count; i++)
            c.status[i] = 2;
        incidence_init(&incidence, &c.sample, 2, 0.95);
        const int64_t last = 2 * incidence.points - 1;
        assert_true(incidence.share[last] == 1.0);
        assert_true(isnan(incidence.lower[last]) && isnan(incidence.upper[last]));
        incidence_fini(&incidence);
    }
}

static void test_empty_sample(void **state)
{
    (void)state;
    struct incidence incidence;
    struct bounds between;
    case_of(&c, NULL, 0);
    curve_init(&curve, &c.sample, 0.95);
    incidence_init(&incidence, &c.sample, 2, 0.95);
    assert_int_equal(curve.points, 0);
    assert_int_equal(incidence.points, 0);
    assert_true(isnan(curve_quantile(&curve, 0.5, &between)));
    assert_true(isnan(between.lower) && isnan(between.upper));
    assert_true(isnan(curve_rmst(&curve, 10.0).mean) && isnan(curve_rmst(&curve, 10.0).error));
    assert_int_equal(curve_find(&curve, 10.0), -1);
    incidence_fini(&incidence);
}

static void make(const double *times, int count)
{
    curve_fini(&curve);
    case_of(&c, times, count);
    curve_init(&curve, &c.sample, 0.95);
}

static void test_quantiles_not_reached(void **state)
{
    (void)state;
    struct bounds between;
    make((double[]){-LIMIT, -LIMIT, -LIMIT}, 3);
    assert_true(isinf(curve_quantile(&curve, 0.5, &between)));
    assert_true(isnan(between.lower) && isnan(between.upper));

    make((double[]){5, 6, -LIMIT, -LIMIT, -LIMIT, -LIMIT, -LIMIT, -LIMIT}, 8);
    assert_true(isinf(curve_quantile(&curve, 0.5, &between)));
    assert_true(isfinite(between.lower) && isinf(between.upper));

    make((double[]){161, 161, 161}, 3);
    assert_true(curve_quantile(&curve, 0.5, &between) == 161.0);
    assert_true(isnan(between.lower) && isnan(between.upper));
}

/* Half have stopped and the others never do: the median is the last stop, not half-way to the
 * limit; where another stop follows it is half-way to that. */
static void test_median_of_a_flat_curve(void **state)
{
    (void)state;
    make((double[]){100, 161, -LIMIT, -LIMIT}, 4);
    assert_true(curve_quantile(&curve, 0.5, NULL) == 161.0);
    make((double[]){100, 161, -170, 200, -LIMIT, 180}, 6);
    assert_true(curve_quantile(&curve, 1.0 / 3.0, NULL) == (161.0 + 180.0) / 2.0);
}

static void test_curve_beyond_its_observations(void **state)
{
    (void)state;
    make((double[]){100, -200}, 2);
    const struct rmst rmst = curve_rmst(&curve, 300.0);
    assert_true(rmst.extended);
    assert_close(rmst.mean, 100.0 + 0.5 * 200.0, 1e-14, "mean");
    assert_false(curve_rmst(&curve, 200.0).extended);
    assert_true(curve_rmst(&curve, 50.0).mean == 50.0 && curve_rmst(&curve, 50.0).error == 0.0);
    make((double[]){100, 200}, 2);
    assert_false(curve_rmst(&curve, 300.0).extended);
    assert_close(curve_rmst(&curve, 300.0).mean, 150.0, 1e-14, "mean");
}

static void test_find(void **state)
{
    (void)state;
    make((double[]){100, 200, -300}, 3);
    const double at[] = {0, 99.9, 100, 199, 200, 300, 1e9};
    const int64_t want[] = {-1, -1, 0, 0, 1, 2, 2};
    for (int i = 0; i < 7; i++)
        assert_int_equal(curve_find(&curve, at[i]), want[i]);
}

static double crossing(const double *times, int count, double limit)
{
    struct sample_case other;
    struct curve b;
    case_of(&other, times, count);
    curve_init(&b, &other.sample, 0.95);
    const double forth = curve_crossing(&curve, &b, limit),
                 back = curve_crossing(&b, &curve, limit);
    assert_true(forth == back || (isnan(forth) && isnan(back)));
    curve_fini(&b);
    return forth;
}

static void test_crossing(void **state)
{
    (void)state;
    make((double[]){10, 20, 90, 95}, 4);
    assert_true(crossing((double[]){50, 60, 70, 80}, 4, LIMIT) == 70.0);
    assert_true(isnan(crossing((double[]){50, 60, 70, 80}, 4, 69.0)));
    /* They touch and part again. */
    assert_true(isnan(crossing((double[]){15, 25, 91, 96}, 4, LIMIT)));
    assert_true(isnan(crossing((double[]){10, 20, 90, 95}, 4, LIMIT)));
    /* After the last observation of one of them there is nothing to compare. */
    assert_true(crossing((double[]){5, -30, -30, -30}, 4, LIMIT) == 20.0);
    assert_true(isnan(crossing((double[]){5, -8, -8, -8}, 4, LIMIT)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_limit_is_counting, begin, end),
        cmocka_unit_test_setup_teardown(test_shares_sum_up, begin, end),
        cmocka_unit_test_setup_teardown(test_one_cause_is_the_curve, begin, end),
        cmocka_unit_test_setup_teardown(test_all_of_one_cause, begin, end),
        cmocka_unit_test_setup_teardown(test_empty_sample, begin, end),
        cmocka_unit_test_setup_teardown(test_quantiles_not_reached, begin, end),
        cmocka_unit_test_setup_teardown(test_median_of_a_flat_curve, begin, end),
        cmocka_unit_test_setup_teardown(test_curve_beyond_its_observations, begin, end),
        cmocka_unit_test_setup_teardown(test_find, begin, end),
        cmocka_unit_test_setup_teardown(test_crossing, begin, end),
    };
    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
