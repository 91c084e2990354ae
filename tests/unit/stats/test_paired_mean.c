// SPDX-License-Identifier: MIT
/* Differences paired by seed, of plain numbers and of shares, and pooled over tasks: figures that
 * can be told by hand. test_compared.c has those of NumPy and SciPy. */
#include "stats/mcnemar.h"
#include "stats/paired_mean.h"
#include "stats_case.h"

enum { LIMIT = 1000, MOST = 400 };

static const struct bootstrap how = {.draws = 1000, .seed = 1, .confidence = 0.95};
static struct numpy_rng rng;

/* Pairs that own their tables. */
static struct {
    int64_t count, seed[MOST];
    double a[MOST], b[MOST];
    bool is_a[MOST], is_b[MOST];
} all;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 11);
    all.count = 0;
    return 0;
}

static void add(int64_t seed, double a, double b)
{
    const int64_t i = all.count++;
    assert_in_range(i, 0, MOST - 1);
    all.seed[i] = seed;
    all.a[i] = a;
    all.b[i] = b;
    all.is_a[i] = a > 0.0;
    all.is_b[i] = b > 0.0;
}

static struct paired mean(int64_t permutations)
{
    return paired_mean(&(struct pairs){all.count, all.a, all.b, all.seed}, &how, permutations);
}

static struct mcnemar share(void)
{
    return mcnemar_exact(all.count, all.is_a, all.is_b, all.seed, &how);
}

/* Pairs of which only a, only b, both and none are true, each of its own seed. */
static struct mcnemar share_of(int only_a, int only_b, int both, int none)
{
    const int counts[] = {only_a, only_b, both, none};
    all.count = 0;
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < counts[kind]; i++)
            add(all.count, kind == 0 || kind == 2, kind == 1 || kind == 2);
    }
    return share();
}

/* Times of a and b in two tasks with these seeds, all events. */
static struct sample_case side[2][2];

static void pooled_begin(void)
{
    for (int s = 0; s < 2; s++)
        for (int task = 0; task < 2; task++)
            case_begin(&side[s][task], true, false);
}

static void pooled_add(int task, int64_t seed, double a, double b)
{
    case_add(&side[0][task], a, 1, seed);
    case_add(&side[1][task], b, 1, seed);
}

static struct paired pooled(int64_t tasks)
{
    const struct sample a[] = {side[0][0].sample, side[0][1].sample};
    const struct sample b[] = {side[1][0].sample, side[1][1].sample};
    return paired_rmst_pooled(tasks, a, b, LIMIT, &how, 1);
}

static void assert_alike(struct paired one, struct paired other)
{
    assert_int_equal(one.pairs, other.pairs);
    assert_close(one.difference, other.difference, 1e-12, "difference");
    assert_close(one.between.lower, other.between.lower, 1e-9, "lower");
    assert_close(one.between.upper, other.between.upper, 1e-9, "upper");
    assert_true(one.p == other.p && one.exact == other.exact && one.least_p == other.least_p);
}

/* Differences 1, 2, 3 and -4: in two of 16 ways their sum is 0, else it is as far from 0 as 2. */
static void test_by_hand(void **state)
{
    (void)state;
    add(7, 3.0, 2.0);
    add(5, 3.0, 1.0);
    add(9, 1.0, -2.0);
    add(1, -2.0, 2.0);
    const struct paired got = mean(1);
    assert_true(got.pairs == 4 && got.left_out == 0 && got.exact);
    assert_true(got.difference == 0.5 && got.least_p == 0.125);
    int hits = 0;
    for (int signs = 0; signs < 16; signs++) {
        const int sum = (signs & 1 ? 1 : -1) + (signs & 2 ? 2 : -2) + (signs & 4 ? 3 : -3) +
                        (signs & 8 ? -4 : 4);
        hits += sum >= 2 || sum <= -2;
    }
    assert_true(got.p == hits / 16.0 && hits == 14);
}

/* 0.3 - 0.1 and 0.7 - 0.5 differ in their last bits, but the data are ties. */
static void test_ties(void **state)
{
    (void)state;
    add(0, 0.3, 0.1);
    add(1, 0.5, 0.7);
    add(2, 0.9, 0.7);
    assert_true(0.3 - 0.1 != 0.9 - 0.7);
    /* Sums of three are ±0.2 or ±0.6: none is nearer to 0. */
    assert_true(mean(1).p == 1.0);
    assert_close(mean(1).difference, 0.2 / 3.0, 1e-12, "difference");
}

/* What a seed has in all tasks is one draw and one flip: copies of runs teach nothing. */
static void test_copies_teach_nothing(void **state)
{
    (void)state;
    enum { SEEDS = 9, COPIES = 5 };
    for (int seed = 0; seed < SEEDS; seed++)
        add(seed, numpy_gaussian(&rng) + 0.7, numpy_gaussian(&rng));
    const struct paired one = mean(1);
    assert_true(one.p > one.least_p && one.p < 0.9);
    for (int i = SEEDS; i < SEEDS * COPIES; i++)
        add(all.seed[i - SEEDS], all.a[i - SEEDS], all.b[i - SEEDS]);
    assert_alike(mean(1), one);
}

static void test_more_seeds_than_are_flipped_in_all_ways(void **state)
{
    (void)state;
    for (int seed = 0; seed < 15; seed++)
        add(seed, 2.0 + seed, 1.0);
    const struct paired got = mean(3);
    assert_true(!got.exact && got.p == 0.25);
    assert_true(got.between.lower > 0.0 && got.between.upper > got.difference);
    assert_true(mean(1999).p == 1.0 / 2000.0);
}

static void test_sides(void **state)
{
    (void)state;
    for (int seed = 0; seed < 8; seed++)
        add(seed, numpy_gaussian(&rng), numpy_gaussian(&rng) + 0.5);
    const struct paired forth = mean(1);
    const struct paired back =
        paired_mean(&(struct pairs){all.count, all.b, all.a, all.seed}, &how, 1);
    assert_true(forth.difference == -back.difference && forth.p == back.p);
    assert_close(forth.between.lower, -back.between.upper, 1e-12, "interval");
    assert_close(forth.between.upper, -back.between.lower, 1e-12, "interval");
}

static void test_too_few(void **state)
{
    (void)state;
    const struct paired none = mean(1);
    assert_int_equal(none.pairs, 0);
    assert_true(isnan(none.difference) && isnan(none.p) && isnan(none.between.lower));
    assert_true(none.least_p == 1.0);
    add(4, 5.0, 2.0);
    add(4, 6.0, 1.0);
    const struct paired one = mean(1);
    assert_int_equal(one.pairs, 1);
    assert_true(one.difference == 4.0 && isnan(one.p) && isnan(one.between.lower));
    add(5, 1.0, 0.0);
    const struct paired two = mean(1);
    assert_true(two.difference == 3.0 && two.p == 0.5 && isnan(two.between.upper));
}

/* All differ alike: the test can be made, but no width is no interval. */
static void test_all_equal(void **state)
{
    (void)state;
    for (int seed = 0; seed < 6; seed++)
        add(seed, 1e7 / (3.0 + seed) + 0.3, 1e7 / (3.0 + seed));
    assert_true(all.a[1] - all.b[1] != all.a[2] - all.b[2]);
    const struct paired alike = mean(1);
    assert_true(isnan(alike.between.lower) && isnan(alike.between.upper));
    assert_true(alike.p == 0.03125);
    for (int seed = 0; seed < 6; seed++)
        all.a[seed] = all.b[seed];
    assert_true(mean(1).p == 1.0 && mean(1).difference == 0.0 && isnan(mean(1).between.lower));
}

/* 5 against 1: 2·(1 + 6)/2^6. Pairs that agree change the difference, not p. */
static void test_shares_by_hand(void **state)
{
    (void)state;
    const struct mcnemar got = share_of(5, 1, 3, 1);
    assert_true(got.pairs == 10 && got.only_a == 5 && got.only_b == 1);
    assert_close(got.difference, 0.4, 1e-15, "difference");
    assert_true(got.p == 0.21875 && got.least_p == sample_least_p(10));
    assert_true(got.between.lower < 0.4 && 0.4 < got.between.upper && got.between.upper <= 1.0);
    assert_true(share_of(1, 5, 0, 40).p == 0.21875);
    assert_true(share_of(5, 0, 2, 0).p == 2.0 / 32.0);
    assert_true(share_of(3, 3, 1, 1).p == 1.0 && share_of(3, 3, 1, 1).difference == 0.0);
    assert_true(share_of(6, 0, 0, 0).p == got.least_p * 16.0);
}

/* Two-sided binomial of any number of pairs: 2·Σ C(n, k)/2^n over k up to the smaller count. */
static void test_shares_are_binomial(void **state)
{
    (void)state;
    for (int n = 1; n <= 200; n += 7) {
        for (int only_a = 0; only_a <= n; only_a += 1 + n / 9) {
            const int fewer = only_a < n - only_a ? only_a : n - only_a;
            double tail = 0.0;
            for (int k = 0; k <= fewer; k++)
                tail += exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) - n * M_LN2);
            const double p = share_of(only_a, n - only_a, 1, 1).p;
            assert_close(p, fmin(1.0, 2.0 * tail), 1e-11, "%d of %d", only_a, n);
            assert_true(p <= 1.0);
        }
    }
}

static void test_shares_without_a_spread(void **state)
{
    (void)state;
    const struct mcnemar agree = share_of(0, 0, 4, 3);
    assert_true(agree.p == 1.0 && agree.difference == 0.0 && isnan(agree.between.lower));
    assert_true(share_of(5, 0, 0, 0).difference == 1.0 &&
                isnan(share_of(5, 0, 0, 0).between.upper));
    const struct mcnemar one = share_of(1, 0, 0, 0);
    assert_true(one.pairs == 1 && one.difference == 1.0 && isnan(one.p) && one.least_p == 1.0);
    const struct mcnemar none = share_of(0, 0, 0, 0);
    assert_true(none.pairs == 0 && isnan(none.difference) && isnan(none.p));
}

/* A seed that differs in three tasks is one seed: as many pairs of other seeds would say more. */
static void test_shares_of_several_tasks(void **state)
{
    (void)state;
    const struct mcnemar once = share_of(4, 1, 2, 2);
    for (int copy = 0; copy < 2; copy++) {
        for (int i = 0; i < 9; i++)
            add(all.seed[i], all.a[i], all.b[i]);
    }
    const struct mcnemar thrice = share();
    assert_true(thrice.p == once.p && thrice.pairs == 9 && thrice.only_a == 12);
    assert_close(thrice.difference, once.difference, 1e-15, "difference");
    assert_close(thrice.between.lower, once.between.lower, 1e-9, "lower");
    assert_true(share_of(12, 3, 6, 6).p < once.p / 5.0);
    /* Seeds with 2, 1 and -1 more: as far as 2 are 2, -2, 4 and -4 in 6 of 8 ways. */
    all.count = 0;
    add(1, 1.0, 0.0);
    add(1, 1.0, 0.0);
    add(2, 1.0, 0.0);
    add(3, 0.0, 1.0);
    assert_true(share().p == 0.75 && share().pairs == 3);
}

static void test_pooled_copies_teach_nothing(void **state)
{
    (void)state;
    pooled_begin();
    for (int seed = 0; seed < 10; seed++) {
        const double a = draw_exponential(&rng, 300.0), b = draw_exponential(&rng, 500.0);
        pooled_add(0, seed, fmin(a, LIMIT), fmin(b, LIMIT));
        pooled_add(1, seed, fmin(a, LIMIT), fmin(b, LIMIT));
    }
    assert_alike(pooled(2), pooled(1));
    assert_true(pooled(1).p > pooled(1).least_p);
}

/* Two tasks, four seeds. A flip turns the differences of a seed in both. */
static void test_pooled_by_hand(void **state)
{
    (void)state;
    const double of_task[2][4] = {{4, 1, 2, 3}, {-2, 1, 2, -1}};
    pooled_begin();
    for (int seed = 0; seed < 4; seed++) {
        for (int task = 0; task < 2; task++)
            pooled_add(task, seed, 100.0 + seed + of_task[task][seed], 100.0 + seed);
    }
    /* Sums of both tasks are 2, 2, 4 and 2: of 16 ways 2 are as far as 10. */
    const struct paired got = pooled(2);
    assert_close(got.difference, 10.0 / 8.0, 1e-12, "difference");
    assert_true(got.p == 2.0 / 16.0 && got.pairs == 4 && got.left_out == 0);
    /* Each task counts once, however many observations it has. */
    for (int copy = 0; copy < 3; copy++) {
        for (int seed = 0; seed < 4; seed++)
            pooled_add(1, seed, 100.0 + seed + of_task[1][seed], 100.0 + seed);
    }
    assert_close(pooled(2).difference, 10.0 / 8.0, 1e-12, "difference");
}

/* A task in which only one side has runs is no part; seeds without a partner are counted. */
static void test_pooled_with_gaps(void **state)
{
    (void)state;
    pooled_begin();
    for (int seed = 0; seed < 6; seed++)
        pooled_add(0, seed, 100.0 + 7.0 * seed, 90.0 + seed);
    const struct paired one = pooled(1);
    for (int seed = 0; seed < 6; seed++)
        case_add(&side[0][1], 500.0, 1, seed);
    assert_alike(pooled(2), one);
    assert_int_equal(pooled(2).left_out, 6);
    /* One seed in both: the second task is its difference alone, and a draw without it has but the
     * first. */
    case_add(&side[1][1], 480.0, 1, 3);
    const struct paired two = pooled(2);
    assert_close(two.difference, (one.difference + 20.0) / 2.0, 1e-12, "difference");
    assert_true(two.pairs == 6 && two.left_out == 5 && isfinite(two.between.lower));
    assert_int_equal(pooled(0).pairs, 0);
    assert_int_equal(pooled(0).left_out, 0);
    assert_true(isnan(pooled(0).difference) && isnan(pooled(0).p));
}

/* Restricted means differ by no more than the limit. */
static void test_pooled_ends(void **state)
{
    (void)state;
    pooled_begin();
    for (int task = 0; task < 2; task++) {
        pooled_add(task, 1, 5.0, 990.0);
        pooled_add(task, 2, 980.0, 3.0);
        pooled_add(task, 3, 400.0, 410.0 + task);
    }
    assert_true(pooled(2).between.lower == -LIMIT && pooled(2).between.upper == LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_by_hand, begin),
        cmocka_unit_test_setup(test_ties, begin),
        cmocka_unit_test_setup(test_copies_teach_nothing, begin),
        cmocka_unit_test_setup(test_more_seeds_than_are_flipped_in_all_ways, begin),
        cmocka_unit_test_setup(test_sides, begin),
        cmocka_unit_test_setup(test_too_few, begin),
        cmocka_unit_test_setup(test_all_equal, begin),
        cmocka_unit_test_setup(test_shares_by_hand, begin),
        cmocka_unit_test_setup(test_shares_are_binomial, begin),
        cmocka_unit_test_setup(test_shares_without_a_spread, begin),
        cmocka_unit_test_setup(test_shares_of_several_tasks, begin),
        cmocka_unit_test_setup(test_pooled_copies_teach_nothing, begin),
        cmocka_unit_test_setup(test_pooled_by_hand, begin),
        cmocka_unit_test_setup(test_pooled_with_gaps, begin),
        cmocka_unit_test_setup(test_pooled_ends, begin),
    };
    return cmocka_run_group_tests_name("paired_mean", tests, NULL, NULL);
}
