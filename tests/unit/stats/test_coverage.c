// SPDX-License-Identifier: MIT
/*
 * Do intervals hold the truth, and do tests err, as often as they say? By simulation, from fixed
 * seeds. With 2000 samples a share near 0.95 is known to ±0.015 (three standard deviations). Times
 * are exponential, so that what is estimated has a closed form. Intervals over few seeds have
 * test_intervals.c.
 */
#include "stats/curve.h"
#include "stats/incidence.h"
#include "stats/logrank.h"
#include "stats_case.h"

enum { SAMPLES = 2000, LIMIT = 300 };

static struct numpy_rng rng;
static struct sample_case a;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 2000);
    return 0;
}

static bool holds(struct bounds bounds, double truth)
{
    return bounds.lower <= truth && truth <= bounds.upper;
}

static void assert_share(const char *what, int hits, double low, double high)
{
    const double share = hits / (double)SAMPLES;
    print_message("# %s: %.3f\n", what, share);
    if (share < low || share > high)
        fail_msg("%s: %.3f, wanted from %.3f to %.3f", what, share, low, high);
}

/* Restricted mean of an exponential time. */
static double restricted(double mean)
{
    return mean * -expm1(-LIMIT / mean);
}

/* n times of mean 200, censored by chance and at LIMIT. */
static void draw(struct sample_case *c, int count)
{
    case_begin(c, true, false);
    for (int i = 0; i < count; i++) {
        const double time = draw_exponential(&rng, 200.0);
        const double end = fmin(LIMIT, draw_exponential(&rng, 600.0));
        case_add(c, fmin(time, end), time <= end, i);
    }
}

static void test_curve(void **state)
{
    (void)state;
    int share = 0, mean = 0, median = 0;
    for (int s = 0; s < SAMPLES; s++) {
        struct curve curve;
        struct bounds between;
        draw(&a, 60);
        curve_init(&curve, &a.sample, 0.95);
        const int64_t at = curve_find(&curve, 150.0);
        share += holds((struct bounds){curve.lower[at], curve.upper[at]}, exp(-0.75));
        const struct rmst rmst = curve_rmst(&curve, LIMIT);
        mean += fabs(rmst.mean - restricted(200.0)) <= 1.959964 * rmst.error;
        assert_true(curve_quantile(&curve, 0.5, &between) > 0.0);
        median += holds(between, 200.0 * log(2.0));
        curve_fini(&curve);
    }
    assert_share("S(150), log-log", share, 0.93, 0.97);
    assert_share("restricted mean, Greenwood", mean, 0.925, 0.965);
    assert_share("median, Brookmeyer and Crowley", median, 0.925, 0.975);
}

static void test_incidence(void **state)
{
    (void)state;
    int hits = 0;
    for (int s = 0; s < SAMPLES; s++) {
        struct incidence incidence;
        draw(&a, 60);
        for (int64_t i = 0; i < a.sample.count; i++)
            if (a.status[i] > 0 && numpy_double(&rng) < 0.3)
                a.status[i] = 2;
        incidence_init(&incidence, &a.sample, 2, 0.95);
        int64_t at = 2 * incidence.points - 1;
        while (incidence.time[at - incidence.points] > 150.0)
            at--;
        hits +=
            holds((struct bounds){incidence.lower[at], incidence.upper[at]}, 0.3 * -expm1(-0.75));
        incidence_fini(&incidence);
    }
    assert_share("incidence of a cause", hits, 0.93, 0.97);
}

static void test_logrank(void **state)
{
    (void)state;
    int plain = 0, stratified = 0, permuted = 0;
    for (int s = 0; s < SAMPLES; s++) {
        draw(&a, 60);
        for (int i = 0; i < 60; i++) {
            a.group[i] = i % 3;
            a.stratum[i] = i / 30;
            a.cluster[i] = i / 3;
            a.time[i] *= 1.0 + (double)a.stratum[i];
        }
        plain += logrank_test(&a.sample, a.group, 3, NULL, NULL).p <= 0.05;
        a.sample.stratum = a.stratum;
        stratified += logrank_test(&a.sample, a.group, 3, NULL, NULL).p <= 0.05;
        permuted += logrank_permuted(&a.sample, a.group, 3, 199, (uint32_t)s).p <= 0.05;
    }
    assert_share("log-rank, p <= 0.05", plain, 0.035, 0.07);
    assert_share("stratified log-rank, p <= 0.05", stratified, 0.035, 0.07);
    assert_share("permuted log-rank, p <= 0.05", permuted, 0.035, 0.065);
}

/* What a seed and a group have in common goes through all strata: nothing that tells the groups
 * apart, but four times the same chance. */
static void test_logrank_of_seeds_in_strata(void **state)
{
    (void)state;
    enum { SEEDS = 10, STRATA = 4, GROUPS = 2 };
    int permuted = 0;
    for (int s = 0; s < SAMPLES; s++) {
        draw(&a, SEEDS * STRATA * GROUPS);
        for (int i = 0; i < SEEDS * STRATA * GROUPS; i++) {
            a.stratum[i] = i / (SEEDS * GROUPS);
            a.cluster[i] = i / GROUPS % SEEDS;
            a.group[i] = i % GROUPS;
            /* Mostly that of the first stratum. */
            a.time[i] = 0.1 * a.time[i] + a.time[i % (SEEDS * GROUPS)];
            a.status[i] = 1;
        }
        a.sample.stratum = a.stratum;
        permuted += logrank_permuted(&a.sample, a.group, GROUPS, 199, (uint32_t)s).p <= 0.05;
    }
    assert_share("permuted log-rank of seeds in strata, p <= 0.05", permuted, 0.035, 0.065);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_curve, begin),
        cmocka_unit_test_setup(test_incidence, begin),
        cmocka_unit_test_setup(test_logrank, begin),
        cmocka_unit_test_setup(test_logrank_of_seeds_in_strata, begin),
    };
    return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
