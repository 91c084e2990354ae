// SPDX-License-Identifier: MIT
/* Shares, families of tests, items by label, and when a sample is too small. */
#include "check.h"
#include "stats/factorize.h"
#include "stats/sample.h"
#include <gsl/gsl_cdf.h>

static void test_least_p(void **state)
{
    (void)state;
    assert_true(sample_least_p(0) == 1.0 && sample_least_p(1) == 1.0);
    assert_true(sample_least_p(5) == 0.0625 && sample_least_p(6) == 0.03125);
}

static void test_size(void **state)
{
    (void)state;
    assert_int_equal(sample_size(0, 0.95), SAMPLE_SINGLE);
    assert_int_equal(sample_size(1, 0.95), SAMPLE_SINGLE);
    assert_int_equal(sample_size(2, 0.95), SAMPLE_SMALL);
    assert_int_equal(sample_size(5, 0.95), SAMPLE_SMALL);
    assert_int_equal(sample_size(6, 0.95), SAMPLE_FAIR);
    assert_int_equal(sample_size(6, 0.99), SAMPLE_SMALL);
    assert_int_equal(sample_size(8, 0.99), SAMPLE_FAIR);
}

static void test_clusters(void **state)
{
    (void)state;
    const int64_t cluster[] = {7, -3, 7, INT64_MAX, -3};
    assert_int_equal(sample_clusters(5, cluster), 3);
    assert_int_equal(sample_clusters(5, NULL), 5);
    assert_int_equal(sample_clusters(0, cluster), 0);
}

/* Items of a label keep their order, and a label without items has an empty part. */
static void test_items_by_label(void **state)
{
    (void)state;
    const int64_t label[] = {2, 0, 3, 2, 0, 2};
    const int64_t starts[] = {0, 2, 2, 5, 6}, items[] = {1, 4, 0, 3, 5, 2};
    int64_t start[5] = {-1, -1, -1, -1, -1}, item[6];
    factorize_order(6, label, 4, start, item);
    assert_memory_equal(start, starts, sizeof starts);
    assert_memory_equal(item, items, sizeof items);
    factorize_order(0, label, 1, start, item);
    assert_true(start[0] == 0 && start[1] == 0);
}

static double binomial(int64_t hits, int64_t trials, double share)
{
    const double n = (double)trials, k = (double)hits;
    return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(share) +
               (n - k) * log1p(-share));
}

/* Whatever the share is, the interval of what is seen holds it as often as was asked for. */
static void test_share_covers(void **state)
{
    (void)state;
    for (int64_t trials = 1; trials <= 40; trials += 3) {
        for (double share = 0.01; share < 1.0; share += 0.01) {
            double covered = 0.0;
            for (int64_t hits = 0; hits <= trials; hits++) {
                const struct bounds b = sample_share(hits, trials, 0.9);
                if (b.lower <= share && share <= b.upper)
                    covered += binomial(hits, trials, share);
            }
            assert_true(covered >= 0.9);
        }
    }
}

/* Limits for "none of n seeds stopped": 97.5 % with one seed, 31 % with ten. */
static void test_share_of_none(void **state)
{
    (void)state;
    assert_close(sample_share(0, 1, 0.95).upper, 0.975, 1e-12, "1");
    assert_close(sample_share(0, 10, 0.95).upper, 1.0 - pow(0.025, 0.1), 1e-12, "10");
    assert_true(sample_share(0, 10, 0.95).lower == 0.0);
    assert_true(sample_share(10, 10, 0.95).upper == 1.0);
    assert_close(sample_share(10, 10, 0.95).lower, pow(0.025, 0.1), 1e-12, "10 of 10");
    assert_true(sample_share(0, 0, 0.95).lower == 0.0 && sample_share(0, 0, 0.95).upper == 1.0);
}

/* The ends are the shares with which as many hits or more, or as few or less, are just so rare. */
static void test_share_of_many(void **state)
{
    (void)state;
    for (int trials = 1; trials <= 1000; trials += 1 + trials / 7) {
        for (int hits = 0; hits <= trials; hits++) {
            const struct bounds b = sample_share(hits, trials, 0.95);
            const unsigned n = (unsigned)trials, k = (unsigned)hits;
            if (k > 0)
                assert_close(gsl_cdf_binomial_Q(k - 1, b.lower, n), 0.025, 1e-9, "%u of %u", k, n);
            if (k < n)
                assert_close(gsl_cdf_binomial_P(k, b.upper, n), 0.025, 1e-9, "%u of %u", k, n);
        }
    }
}

static void test_share_of_most(void **state)
{
    (void)state;
    for (int64_t hits = 0; hits <= SAMPLE_TRIALS; hits += SAMPLE_TRIALS / 8) {
        const struct bounds b = sample_share(hits, SAMPLE_TRIALS, 0.99);
        const double share = (double)hits / SAMPLE_TRIALS;
        const double half = 2.5758293 * sqrt(share * (1.0 - share) / SAMPLE_TRIALS) + 6e-6;
        assert_true(share - half <= b.lower && b.lower <= share);
        assert_true(share <= b.upper && b.upper <= share + half);
    }
}

static void test_holm(void **state)
{
    (void)state;
    double p[] = {0.01, NAN, 0.04, 0.03, 0.005, 0.9};
    const double want[] = {0.04, NAN, 0.09, 0.09, 0.025, 0.9};
    sample_holm(6, p, p);
    for (int i = 0; i < 6; i++)
        assert_close(p[i], want[i], 1e-12, "%d", i);
    double large[] = {0.6, 0.6};
    sample_holm(2, large, large);
    assert_true(large[0] == 1.0 && large[1] == 1.0);
    sample_holm(0, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_p),        cmocka_unit_test(test_size),
        cmocka_unit_test(test_clusters),       cmocka_unit_test(test_share_covers),
        cmocka_unit_test(test_share_of_none),  cmocka_unit_test(test_share_of_many),
        cmocka_unit_test(test_share_of_most),  cmocka_unit_test(test_holm),
        cmocka_unit_test(test_items_by_label),
    };
    return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
