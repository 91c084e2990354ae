// SPDX-License-Identifier: MIT
/* Differences paired by seed, and the permutation of a log-rank test over seeds. */
#include "stats/curve.h"
#include "stats/logrank.h"
#include "stats/paired.h"
#include "stats_case.h"

enum { LIMIT = 1000 };

static const struct bootstrap how = {.draws = 1000, .seed = 1, .confidence = 0.95};
static struct numpy_rng rng;
static struct sample_case a, b, c, d;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 8);
    return 0;
}

/* Share of all 2^n signs with a mean as far from 0 as that of the differences. */
static double flipped(const double *difference, int n)
{
    int hits = 0;
    double own = 0.0;
    for (int i = 0; i < n; i++)
        own += difference[i];
    for (unsigned signs = 0; signs < 1u << n; signs++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++)
            sum += (signs >> i) & 1u ? -difference[i] : difference[i];
        hits += fabs(sum) >= fabs(own) - 1e-9;
    }
    return (double)hits / (double)(1u << n);
}

/* With one limit and one run a seed it is the sign-flip test of the differences. */
static void test_exact_p(void **state)
{
    (void)state;
    for (int n = 2; n <= PAIRED_EXACT; n++) {
        double difference[PAIRED_EXACT], mean = 0.0;
        case_draw(&a, &rng, n, 300.0, LIMIT, false);
        case_draw(&b, &rng, n, 500.0, LIMIT, false);
        for (int i = 0; i < n; i++)
            mean += (difference[i] = a.time[i] - b.time[i]) / n;
        const struct paired paired = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
        assert_int_equal(paired.pairs, n);
        assert_true(paired.exact);
        assert_close(paired.difference, mean, 1e-11, "n %d", n);
        assert_close(paired.p, flipped(difference, n), 1e-14, "p, n %d", n);
        assert_true(paired.p >= paired.least_p);
        assert_true(n == 2 ? isnan(paired.between.lower)
                           : paired.between.lower < mean && mean < paired.between.upper);
    }
}

static void test_random_p(void **state)
{
    (void)state;
    enum { N = 15, TRIES = 20000 };
    double difference[N];
    case_draw(&a, &rng, N, 300.0, LIMIT, false);
    case_draw(&b, &rng, N, 400.0, LIMIT, false);
    for (int i = 0; i < N; i++)
        difference[i] = a.time[i] - b.time[i];
    const struct paired paired = paired_rmst(&a.sample, &b.sample, LIMIT, &how, TRIES);
    const double p = flipped(difference, N);
    assert_false(paired.exact);
    assert_true(p > 0.01 && fabs(paired.p - p) < 5.0 * sqrt(p * (1.0 - p) / TRIES));
}

/* Flips that tie with what is seen count, though their sums round differently. */
static void test_ties(void **state)
{
    (void)state;
    for (int n = 2; n <= PAIRED_EXACT; n++) {
        double difference[PAIRED_EXACT];
        case_draw(&a, &rng, n, 3.0, LIMIT, false);
        case_draw(&b, &rng, n, 4.0, LIMIT, false);
        for (int i = 0; i < n; i++)
            difference[i] = (a.time[i] *= 0.1) - (b.time[i] *= 0.1);
        const struct paired paired = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
        assert_close(paired.p, flipped(difference, n), 1e-14, "n %d", n);
    }
}

/* A sample of flips holds the one that was seen: p is not 0. */
static void test_random_p_is_not_zero(void **state)
{
    (void)state;
    case_begin(&a, true, false);
    case_begin(&b, true, false);
    for (int seed = 0; seed < 15; seed++) {
        case_add(&a, 100.0 + seed, 1, seed);
        case_add(&b, 200.0 + seed, 1, seed);
    }
    assert_true(paired_rmst(&a.sample, &b.sample, LIMIT, &how, 3).p == 0.25);
}

static void test_least_p_is_reached(void **state)
{
    (void)state;
    case_of(&a, (double[]){10, 20, 30, 40, 50, 60}, 6);
    case_of(&b, (double[]){15, 26, 37, 48, 59, -500}, 6);
    const struct paired far = paired_rmst(&a.sample, &b.sample, 400.0, &how, 1);
    assert_true(far.p == far.least_p && far.p == 0.03125);
    /* One of six is far: nobody knows how far the next would be. */
    assert_true(far.between.upper > 0.0 && far.between.lower < -200.0);
    b.time[5] = 70.0;
    b.status[5] = 1;
    const struct paired near = paired_rmst(&a.sample, &b.sample, 400.0, &how, 1);
    assert_true(near.p == far.p && near.between.upper < 0.0);
}

/* Turning the sides round changes but the sign. */
static void test_sides(void **state)
{
    (void)state;
    case_draw(&a, &rng, 9, 300.0, LIMIT, true);
    case_draw(&b, &rng, 9, 500.0, LIMIT, true);
    const struct paired forth = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
    const struct paired back = paired_rmst(&b.sample, &a.sample, LIMIT, &how, 1);
    assert_true(forth.difference == -back.difference && forth.p == back.p);
    assert_close(forth.between.lower, -back.between.upper, 1e-12, "interval");
    assert_close(forth.between.upper, -back.between.lower, 1e-12, "interval");
}

/* Censored early, with many actors a seed: the difference is that of the two curves. */
static void test_difference_of_curves(void **state)
{
    (void)state;
    struct curve curve_a, curve_b;
    case_draw(&a, &rng, 120, 300.0, LIMIT, true);
    case_draw(&b, &rng, 120, 500.0, LIMIT, true);
    for (int i = 0; i < 120; i++)
        a.cluster[i] = b.cluster[i] = i / 20;
    curve_init(&curve_a, &a.sample, 0.95);
    curve_init(&curve_b, &b.sample, 0.95);
    const struct paired paired = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
    assert_int_equal(paired.pairs, 6);
    assert_close(paired.difference,
                 curve_rmst(&curve_a, LIMIT).mean - curve_rmst(&curve_b, LIMIT).mean, 1e-11,
                 "difference");
    curve_fini(&curve_b);
    curve_fini(&curve_a);
}

static void test_seeds_of_one_alone_are_left_out(void **state)
{
    (void)state;
    case_begin(&a, true, false);
    case_begin(&b, true, false);
    for (int seed = 0; seed < 5; seed++) {
        case_add(&a, 100.0 + seed, 1, seed);
        case_add(&b, 200.0 + 2.0 * seed, 1, 6 - seed);
    }
    const struct paired paired = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
    assert_int_equal(paired.pairs, 3);
    assert_int_equal(paired.left_out, 4);
    /* Seeds 2, 3, 4 of a; b has them fifth, fourth and third. */
    assert_close(paired.difference, 103.0 - 206.0, 1e-12, "difference");
}

static void test_too_few(void **state)
{
    (void)state;
    case_of(&a, (double[]){100}, 1);
    case_of(&b, (double[]){150}, 1);
    const struct paired one = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
    assert_int_equal(one.pairs, 1);
    assert_close(one.difference, -50.0, 1e-12, "difference");
    assert_true(isnan(one.p) && isnan(one.between.lower) && one.least_p == 1.0);
    case_of(&c, (double[]){100, 200.1, 300}, 3);
    case_of(&d, (double[]){150, 250.1, 350}, 3);
    const struct paired alike = paired_rmst(&c.sample, &d.sample, LIMIT, &how, 1);
    assert_true(isnan(alike.between.lower) && isnan(alike.between.upper) && alike.p == 0.25);
    b.cluster[0] = 1;
    const struct paired none = paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1);
    assert_int_equal(none.pairs, 0);
    assert_int_equal(none.left_out, 2);
    assert_true(isnan(none.difference) && isnan(none.p) && isnan(none.between.upper));
    case_of(&b, NULL, 0);
    assert_int_equal(paired_rmst(&a.sample, &b.sample, LIMIT, &how, 1).pairs, 0);
}

/* Two groups, a run of each for every seed. */
static void groups_draw(int seeds, double mean_0, double mean_1)
{
    case_begin(&a, true, false);
    for (int i = 0; i < 2 * seeds; i++) {
        const double time = ceil(draw_exponential(&rng, i % 2 == 0 ? mean_0 : mean_1));
        case_add(&a, fmin(time, LIMIT), time <= LIMIT, i / 2);
        a.group[i] = i % 2;
    }
}

static double p_of(int32_t groups, int64_t permutations, uint32_t seed)
{
    return logrank_permuted(&a.sample, a.group, groups, permutations, seed).p;
}

/* All flips up to twelve seeds, a sample of them beyond. */
static void permuted_logrank(int seeds)
{
    enum { TRIES = 20000 };
    groups_draw(seeds, 200.0, 400.0);
    const double own = logrank_test(&a.sample, a.group, 2, NULL, NULL).chi2;
    const struct permuted got = logrank_permuted(&a.sample, a.group, 2, TRIES, 4);
    assert_true(got.p == p_of(2, TRIES, 4));
    assert_true(got.exact == (seeds <= 12) && got.exact == (got.p == p_of(2, 1, 9)));
    const double least = ldexp(1.0, 1 - seeds);
    assert_true(got.least_p == (got.exact ? least : fmax(least, 1.0 / (1.0 + TRIES))));
    int hits = 0;
    for (unsigned flips = 0; flips < 1u << seeds; flips++) {
        for (int i = 0; i < 2 * seeds; i++)
            a.group[i] = ((int)(flips >> (i / 2)) + i) & 1;
        hits += logrank_test(&a.sample, a.group, 2, NULL, NULL).chi2 >= own * (1.0 - 1e-9);
    }
    const double p = hits / (double)(1u << seeds);
    assert_true(p > 0.0 && (p < 0.99 || seeds == 2));
    assert_true(got.exact ? got.p == p : fabs(got.p - p) < 5.0 * sqrt(p * (1.0 - p) / TRIES));
}

static void test_permuted_logrank(void **state)
{
    (void)state;
    permuted_logrank(2);
    permuted_logrank(7);
    permuted_logrank(12);
    permuted_logrank(13);
}

/* Renaming the groups of all seeds alike changes nothing: 6 of 36 are as extreme as can be. */
static void test_permuted_names(void **state)
{
    (void)state;
    case_of(&a, (double[]){11, 53, 211, 17, 61, 307}, 6);
    for (int i = 0; i < 6; i++) {
        a.cluster[i] = i / 3;
        a.group[i] = i % 3;
    }
    const struct permuted got = logrank_permuted(&a.sample, a.group, 3, 1, 1);
    assert_true(got.exact && got.p == 1.0 / 6.0 && got.least_p == 1.0 / 6.0);
}

/* What a seed has in all strata, or twice in one, is one draw: copies of runs teach nothing. */
static void test_permuted_as_a_whole(void **state)
{
    (void)state;
    enum { SEEDS = 7, COPIES = 4, TRIES = 20000 };
    groups_draw(SEEDS, 200.0, 600.0);
    const double p = p_of(2, TRIES, 4);
    for (int i = 2 * SEEDS; i < 2 * SEEDS * COPIES; i++) {
        a.time[i] = a.time[i % (2 * SEEDS)];
        a.status[i] = a.status[i % (2 * SEEDS)];
        a.cluster[i] = a.cluster[i % (2 * SEEDS)];
        a.group[i] = a.group[i % (2 * SEEDS)];
    }
    for (int i = 0; i < 2 * SEEDS * COPIES; i++)
        a.stratum[i] = i / (2 * SEEDS);
    a.sample.count = 2 * SEEDS * COPIES;
    a.sample.stratum = a.stratum;
    assert_true(p > 0.001 && p < 0.9);
    assert_true(p_of(2, TRIES, 4) == p);
    a.sample.stratum = NULL;
    const double pooled = p_of(2, TRIES, 4);
    assert_true(fabs(pooled - p) < 0.5 * p + 0.01);
}

/* Groups of a seed that lie in different strata, or are there more often, do not trade places. */
static void test_permuted_among_alike(void **state)
{
    (void)state;
    case_of(&a, (double[]){10, 20, 30, 40}, 4);
    a.sample.stratum = a.stratum;
    for (int i = 0; i < 4; i++) {
        a.stratum[i] = i / 2;
        a.cluster[i] = a.group[i] = i % 2;
    }
    assert_int_equal(logrank_test(&a.sample, a.group, 2, NULL, NULL).df, 1);
    assert_true(isnan(p_of(2, 10, 1)));
    for (int i = 0; i < 4; i++) {
        a.cluster[i] = 0;
        a.stratum[i] = a.group[i] = i / 2;
    }
    assert_true(isnan(p_of(2, 10, 1)));
    a.sample.stratum = NULL;
    assert_true(p_of(2, 10, 1) == 1.0);
    a.group[1] = 1;
    assert_true(isnan(p_of(2, 10, 1)));
}

static void test_nothing_to_test(void **state)
{
    (void)state;
    const double tied[] = {161, 161, 161, 161}, late[] = {-50, -50, -60, -60};
    const double *const times[] = {tied, late};
    for (int k = 0; k < 2; k++) {
        case_of(&a, times[k], 4);
        a.group[2] = a.group[3] = 1;
        const struct logrank test = logrank_test(&a.sample, a.group, 2, NULL, NULL);
        assert_int_equal(test.df, 0);
        assert_true(test.chi2 == 0.0 && isnan(test.p));
        a.cluster[2] = a.cluster[0];
        assert_true(isnan(p_of(2, 10, 1)));
    }
    case_of(&a, NULL, 0);
    assert_int_equal(logrank_test(&a.sample, a.group, 3, NULL, NULL).df, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_exact_p, begin),
        cmocka_unit_test_setup(test_random_p, begin),
        cmocka_unit_test_setup(test_ties, begin),
        cmocka_unit_test_setup(test_random_p_is_not_zero, begin),
        cmocka_unit_test_setup(test_least_p_is_reached, begin),
        cmocka_unit_test_setup(test_sides, begin),
        cmocka_unit_test_setup(test_difference_of_curves, begin),
        cmocka_unit_test_setup(test_seeds_of_one_alone_are_left_out, begin),
        cmocka_unit_test_setup(test_too_few, begin),
        cmocka_unit_test_setup(test_permuted_logrank, begin),
        cmocka_unit_test_setup(test_permuted_names, begin),
        cmocka_unit_test_setup(test_permuted_as_a_whole, begin),
        cmocka_unit_test_setup(test_permuted_among_alike, begin),
        cmocka_unit_test_setup(test_nothing_to_test, begin),
    };
    return cmocka_run_group_tests_name("paired", tests, NULL, NULL);
}
