// SPDX-License-Identifier: MIT
/* Intervals over clusters: what is resampled, which ends are taken, when there is none. */
#include "stats/bootstrap.h"
#include "stats/curve.h"
#include "stats/draws.h"
#include "stats_case.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

static const struct bootstrap plain = {.draws = 2000, .seed = 1, .confidence = 0.95};
static struct numpy_rng rng;
static struct sample_case c;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 3);
    return 0;
}

static void assert_same(struct estimate a, struct estimate b)
{
    assert_memory_equal(&a.value, &b.value, sizeof a.value);
    assert_memory_equal(&a.error, &b.error, sizeof a.error);
    assert_memory_equal(&a.between, &b.between, sizeof a.between);
    assert_int_equal(a.clusters, b.clusters);
}

static struct estimate mean(const double *value, int64_t count, const int64_t *cluster,
                            const int64_t *stratum, const struct bootstrap *how)
{
    struct estimate mean;
    bootstrap_means(&(struct values){count, value, cluster, stratum}, how, &mean, NULL);
    return mean;
}

static struct estimate iqm(const double *value, int64_t count)
{
    struct estimate mean, iqm, alone;
    const struct values values = {.count = count, .value = value};
    bootstrap_means(&values, &plain, &mean, &iqm);
    bootstrap_means(&values, &plain, NULL, &alone);
    assert_same(iqm, alone);
    return iqm;
}

/* Draws of two are both, or one of them twice: the error is known, but no interval holds. */
static void test_two_values(void **state)
{
    (void)state;
    const struct bootstrap many = {.draws = 100000, .seed = 2, .confidence = 0.6};
    const double value[] = {10, 30};
    const struct estimate e = mean(value, 2, NULL, NULL, &many);
    assert_true(e.value == 20.0 && e.clusters == 2);
    assert_close(e.error, 20.0 / sqrt(8.0), 0.02, "error");
    assert_true(isnan(e.between.lower) && isnan(e.between.upper));
    const int64_t stratum[] = {1, 1, 2};
    assert_true(isnan(mean((double[]){1, 2, 3}, 3, NULL, stratum, &many).between.lower));
}

static void test_same_seed_same_bits(void **state)
{
    (void)state;
    case_draw(&c, &rng, 40, 200.0, 500.0, true);
    struct bootstrap other = plain;
    other.seed = 2;
    const struct estimate once = bootstrap_rmst(&c.sample, 500.0, &plain);
    assert_same(once, bootstrap_rmst(&c.sample, 500.0, &plain));
    assert_true(once.between.lower != bootstrap_rmst(&c.sample, 500.0, &other).between.lower);
}

static void test_clusters_are_the_unit(void **state)
{
    (void)state;
    struct sample_case single;
    case_begin(&c, true, false);
    case_begin(&single, true, false);
    for (int seed = 0; seed < 10; seed++) {
        const double time = draw_exponential(&rng, 100.0);
        case_add(&single, time, 1, seed);
        for (int actor = 0; actor < 50; actor++)
            case_add(&c, time, 1, 1000 - seed);
    }
    for (int i = 0; i < 10; i++)
        single.cluster[i] = 1000 - single.cluster[i];
    const struct estimate few = bootstrap_rmst(&single.sample, 1e4, &plain);
    const struct estimate many = bootstrap_rmst(&c.sample, 1e4, &plain);
    assert_int_equal(many.clusters, 10);
    assert_close(many.value, few.value, 1e-12, "value");
    assert_close(many.error, few.error, 1e-9, "error");
    assert_close(many.between.lower, few.between.lower, 1e-9, "lower");
    assert_close(many.between.upper, few.between.upper, 1e-9, "upper");
    c.sample.cluster = NULL;
    assert_true(bootstrap_rmst(&c.sample, 1e4, &plain).error < many.error / 5.0);
}

/* Strata keep their size: what differs between them alone does not vary. */
static void test_strata_keep_their_size(void **state)
{
    (void)state;
    const double value[] = {1, 1, 1, 100, 100, 100};
    const int64_t stratum[] = {4, 4, 4, 9, 9, 9};
    const struct estimate apart = mean(value, 6, NULL, stratum, &plain);
    assert_true(apart.between.lower == apart.value && apart.between.upper == apart.value);
    const struct estimate mixed = mean(value, 6, NULL, NULL, &plain);
    assert_true(mixed.between.upper - mixed.between.lower > 10.0);
    assert_close(apart.value, 50.5, 1e-14, "mean");
    const int64_t each[] = {1, 2, 3, 4, 5, 6};
    assert_true(isnan(mean(value, 6, NULL, each, &plain).between.lower));
}

/* Of a mean all is known: its error, its skewness without bias, and Student's interval. */
static void test_ends(void **state)
{
    (void)state;
    enum { N = 9 };
    const struct bootstrap wide = {.draws = 200000, .seed = 5, .confidence = 0.95};
    const double skewed[N] = {1, 1, 2, 2, 3, 3, 4, 8, 16},
                 even[N] = {-4, -3, -2, -1, 0, 1, 2, 3, 4};
    const double t = gsl_cdf_tdist_Pinv(0.975, N - 1);
    const struct estimate e = mean(even, N, NULL, NULL, &wide);
    const double half = t * gsl_stats_sd(even, 1, N) / sqrt(N);
    assert_close(e.error, gsl_stats_sd(even, 1, N) * sqrt((N - 1.0) / N / N), 0.01, "error");
    assert_close(e.between.lower, -half, 0.02, "lower");
    assert_close(e.between.upper, half, 0.02, "upper");
    const struct estimate u = mean(skewed, N, NULL, NULL, &wide);
    const double step = gsl_stats_sd(skewed, 1, N) / sqrt(N);
    double third = 0.0;
    for (int i = 0; i < N; i++)
        third += pow((skewed[i] - u.value) / gsl_stats_sd(skewed, 1, N), 3.0);
    const double g = third * N / (N - 1.0) / (N - 2.0) / sqrt(N);
    assert_true(g > 0.6);
    assert_close(u.between.lower, u.value - t * step, 0.02, "lower, Student's");
    assert_close(u.between.upper, u.value + step * (t + g * (1.0 + 2.0 * t * t) / 6.0), 0.02,
                 "upper, farther out");
}

/* The far end of what is skewed, and of its mirror, mirror each other. */
static void test_mirror(void **state)
{
    (void)state;
    double value[8], mirrored[8];
    for (int i = 0; i < 8; i++)
        mirrored[i] = -(value[i] = draw_exponential(&rng, 1.0));
    const struct estimate one = mean(value, 8, NULL, NULL, &plain);
    const struct estimate other = mean(mirrored, 8, NULL, NULL, &plain);
    assert_close(one.between.lower, -other.between.upper, 1e-12, "lower");
    assert_close(one.between.upper, -other.between.lower, 1e-12, "upper");
}

/* A restricted mean lies within 0 and the limit, and so does its interval. */
static void test_ends_within_what_can_be(void **state)
{
    (void)state;
    case_of(&c, (double[]){1, 2, 400, -500}, 4);
    const struct estimate e = bootstrap_rmst(&c.sample, 500.0, &plain);
    assert_true(e.between.lower == 0.0 && e.between.upper == 500.0);
    struct bounds none = {NAN, NAN};
    bootstrap_clip(&none, 0.0, 1.0);
    assert_true(isnan(none.lower) && isnan(none.upper));
}

static void test_interquartile_mean(void **state)
{
    (void)state;
    double value[40];
    for (int n = 1; n <= 40; n++) {
        for (int i = 0; i < n; i++)
            value[i] = numpy_gaussian(&rng);
        const struct estimate e = iqm(value, n);
        gsl_sort(value, 1, (size_t)n);
        assert_close(e.value, gsl_stats_trmean_from_sorted_data(0.25, value, 1, (size_t)n), 1e-12,
                     "n %d", n);
        assert_true(n <= 2 || (e.between.lower <= e.value && e.value <= e.between.upper));
    }
}

/* What is late leaves the upper end open; the lower is told by the draws below the value. */
static void test_ends_beside_infinity(void **state)
{
    (void)state;
    const struct bootstrap how = {.draws = 5, .confidence = 0.5};
    const double draw[] = {4, (double)INFINITY, 2, 3, 1};
    const struct estimate e = draws_estimate(3.0, draw, &how, 10, 1);
    const double reach = sqrt(10.0 / 9.0) * gsl_cdf_tdist_Pinv(0.75, 9.0);
    assert_close(e.between.lower, 3.0 - reach * sqrt(5.0 / 3.0), 1e-12, "lower");
    assert_true(isinf(e.between.upper) && isnan(e.error));
    assert_true(isnan(draws_estimate(0.5, draw, &how, 10, 1).between.upper));
    assert_true(isnan(draws_estimate(3.0, draw, &how, 3, 3).between.upper));
    assert_true(isnan(draws_estimate(3.0, draw, &how, 3, 2).between.upper));
}

/* A quarter of eight may be too late to have been seen; not three, and for a mean not one. */
static void test_not_estimable(void **state)
{
    (void)state;
    const double late[] = {1, 2, 3, 4, 5, 6, (double)INFINITY, (double)INFINITY};
    assert_true(iqm(late, 8).value == 4.5);
    assert_true(isinf(iqm(late, 8).between.upper) && isnan(iqm(late, 8).error));
    assert_true(isfinite(iqm(late, 8).between.lower));
    assert_true(isinf(mean(late, 8, NULL, NULL, &plain).value));
    const double later[] = {1, 2, 3, 4, 5, (double)INFINITY, (double)INFINITY, (double)INFINITY};
    assert_true(isinf(iqm(later, 8).value));
}

static void test_values_are_those_of_the_curve(void **state)
{
    (void)state;
    for (int n = 1; n <= 60; n++) {
        struct curve curve;
        const struct bootstrap few = {.draws = 20, .seed = 1, .confidence = 0.9};
        case_draw(&c, &rng, n, 200.0, 500.0, n % 3 > 0);
        curve_init(&curve, &c.sample, 0.95);
        assert_close(bootstrap_rmst(&c.sample, 450.0, &few).value, curve_rmst(&curve, 450.0).mean,
                     1e-12, "n %d", n);
        curve_fini(&curve);
    }
}

static void test_too_few(void **state)
{
    (void)state;
    case_of(&c, (double[]){100}, 1);
    const struct estimate one = bootstrap_rmst(&c.sample, 200.0, &plain);
    assert_true(one.value == 100.0 && one.clusters == 1);
    assert_true(isnan(one.error) && isnan(one.between.lower) && isnan(one.between.upper));
    case_of(&c, NULL, 0);
    const struct estimate none = bootstrap_rmst(&c.sample, 200.0, &plain);
    assert_true(isnan(none.value) && isnan(none.between.lower) && none.clusters == 0);
    assert_true(isnan(mean(NULL, 0, NULL, NULL, &plain).value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_two_values, begin),
        cmocka_unit_test_setup(test_same_seed_same_bits, begin),
        cmocka_unit_test_setup(test_clusters_are_the_unit, begin),
        cmocka_unit_test_setup(test_strata_keep_their_size, begin),
        cmocka_unit_test_setup(test_ends, begin),
        cmocka_unit_test_setup(test_mirror, begin),
        cmocka_unit_test_setup(test_ends_within_what_can_be, begin),
        cmocka_unit_test_setup(test_interquartile_mean, begin),
        cmocka_unit_test_setup(test_ends_beside_infinity, begin),
        cmocka_unit_test_setup(test_not_estimable, begin),
        cmocka_unit_test_setup(test_values_are_those_of_the_curve, begin),
        cmocka_unit_test_setup(test_too_few, begin),
    };
    return cmocka_run_group_tests_name("bootstrap", tests, NULL, NULL);
}
