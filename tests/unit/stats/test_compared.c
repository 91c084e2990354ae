// SPDX-License-Identifier: MIT
/* Comparisons of the runs of tests/data/compared with what NumPy and SciPy make of them: values,
 * errors, intervals and p, with the same draws. */
#include "csv.h"
#include "stats/improvement.h"
#include "stats/mcnemar.h"
#include "stats/paired_mean.h"
#include "stats_case.h"
#include <stdlib.h>

enum { TASKS = 4, PERMUTATIONS = 199, LIMIT = 500 };

static const struct bootstrap how = {.draws = 150, .seed = 7, .confidence = 0.9};
static struct csv cases, figures;

/* The runs of a case; of side 0, x, and 1, y. */
static struct {
    struct sample_case sample[2][TASKS];
    struct sample of[2][TASKS];
    struct scores scores[2];
    double value[2][CASE_MOST];
    int64_t seed[2][CASE_MOST], task[2][CASE_MOST];
    bool kept[2][CASE_MOST];
} runs;

/* Runs of x and y of the same seed and task, in the order of x. */
static struct {
    int64_t count, seed[CASE_MOST];
    double value[2][CASE_MOST];
    bool kept[2][CASE_MOST];
} both;

static void add_run(int row)
{
    const int side = strcmp(csv_text(&cases, row, "side"), "y") == 0;
    const int64_t seed = (int64_t)csv_real(&cases, row, "seed");
    const int64_t task = (int64_t)csv_real(&cases, row, "task");
    const int64_t i = runs.scores[side].count++;
    assert_in_range(i, 0, CASE_MOST - 1);
    assert_in_range(task, 0, TASKS - 1);
    runs.value[side][i] = csv_real(&cases, row, "value");
    runs.seed[side][i] = seed;
    runs.task[side][i] = task;
    runs.kept[side][i] = csv_real(&cases, row, "kept") > 0.0;
    case_add(&runs.sample[side][task], csv_real(&cases, row, "time"),
             (int)csv_real(&cases, row, "status"), seed);
}

static void join(void)
{
    both.count = 0;
    for (int64_t i = 0; i < runs.scores[0].count; i++) {
        for (int64_t j = 0; j < runs.scores[1].count; j++) {
            if (runs.seed[0][i] != runs.seed[1][j] || runs.task[0][i] != runs.task[1][j])
                continue;
            both.value[0][both.count] = runs.value[0][i];
            both.value[1][both.count] = runs.value[1][j];
            both.kept[0][both.count] = runs.kept[0][i];
            both.kept[1][both.count] = runs.kept[1][j];
            both.seed[both.count++] = runs.seed[0][i];
        }
    }
}

static void load(const char *name)
{
    for (int side = 0; side < 2; side++) {
        runs.scores[side] = (struct scores){
            .value = runs.value[side], .seed = runs.seed[side], .task = runs.task[side]};
        for (int task = 0; task < TASKS; task++)
            case_begin(&runs.sample[side][task], true, false);
    }
    for (int row = 0; row < cases.rows; row++) {
        if (strcmp(csv_text(&cases, row, "case"), name) == 0)
            add_run(row);
    }
    for (int side = 0; side < 2; side++)
        for (int task = 0; task < TASKS; task++)
            runs.of[side][task] = runs.sample[side][task].sample;
    join();
}

/* NaN where none is expected, or the same but for rounding; a value of 0 may be rounding too. */
static void assert_same(double got, int row, const char *column)
{
    const double want = csv_real(&figures, row, column);
    /* GSL's quantiles of Student's distribution are off by up to 6e-9 with four degrees of
     * freedom. */
    const bool end = strcmp(column, "lower") == 0 || strcmp(column, "upper") == 0;
    if (fabs(want) < 1e-12 && fabs(got) < 1e-12)
        return;
    assert_close(got, want, end ? 1e-7 : 1e-11, "%s %s %s", csv_text(&figures, row, "case"),
                 csv_text(&figures, row, "figure"), column);
}

static void assert_estimate(struct estimate got, int row)
{
    assert_same(got.value, row, "value");
    assert_same(got.error, row, "error");
    assert_same(got.between.lower, row, "lower");
    assert_same(got.between.upper, row, "upper");
    assert_int_equal(got.clusters, (int64_t)csv_real(&figures, row, "clusters"));
}

static void assert_paired(struct paired got, int row)
{
    assert_same(got.difference, row, "value");
    assert_same(got.between.lower, row, "lower");
    assert_same(got.between.upper, row, "upper");
    assert_same(got.p, row, "p");
    assert_int_equal(got.pairs, (int64_t)csv_real(&figures, row, "clusters"));
    assert_int_equal(got.left_out, (int64_t)csv_real(&figures, row, "left_out"));
    assert_true(got.exact == (got.pairs <= PAIRED_EXACT));
    assert_true(isnan(got.p) || got.p >= got.least_p);
}

static void compare_rmst(int row)
{
    assert_paired(paired_rmst_pooled(TASKS, runs.of[0], runs.of[1], LIMIT, &how, PERMUTATIONS),
                  row);
}

static void compare_mean(int row)
{
    const struct pairs pairs = {both.count, both.value[0], both.value[1], both.seed};
    assert_paired(paired_mean(&pairs, &how, PERMUTATIONS), row);
}

static void compare_share(int row)
{
    const struct mcnemar got =
        mcnemar_exact(both.count, both.kept[0], both.kept[1], both.seed, &how);
    const struct paired as_paired = {.pairs = got.pairs,
                                     .difference = got.difference,
                                     .between = got.between,
                                     .p = got.p,
                                     .least_p = got.least_p,
                                     .exact = got.pairs <= PAIRED_EXACT};
    assert_paired(as_paired, row);
}

static void compare_improvement(int row)
{
    assert_estimate(improvement(&runs.scores[0], &runs.scores[1], &how), row);
}

static void compare_iqm(int row)
{
    assert_estimate(scores_iqm(&runs.scores[0], &how), row);
}

/* All tau of the case at once, in the order of the file. */
static void compare_profile(int row)
{
    enum { TAUS = 6, FIRST_TAU = 25 };
    double tau[TAUS];
    struct estimate share[TAUS];
    if (csv_real(&figures, row, "tau") < FIRST_TAU)
        return;
    for (int k = 0; k < TAUS; k++)
        tau[k] = csv_real(&figures, row + k, "tau");
    scores_profile(&runs.scores[0], TAUS, tau, &how, share);
    for (int k = 0; k < TAUS; k++)
        assert_estimate(share[k], row + k);
}

static void compare(const char *figure, void (*with)(int row), int least)
{
    int compared = 0;
    for (int row = 0; row < figures.rows; row++) {
        if (strcmp(csv_text(&figures, row, "figure"), figure) != 0)
            continue;
        load(csv_text(&figures, row, "case"));
        with(row);
        compared++;
    }
    assert_true(compared >= least);
}

static void test_restricted_means(void **state)
{
    (void)state;
    compare("rmst", compare_rmst, 7);
}

static void test_means(void **state)
{
    (void)state;
    compare("mean", compare_mean, 7);
}

static void test_shares(void **state)
{
    (void)state;
    compare("share", compare_share, 7);
}

static void test_improvement(void **state)
{
    (void)state;
    compare("improvement", compare_improvement, 8);
}

static void test_interquartile_means(void **state)
{
    (void)state;
    compare("iqm", compare_iqm, 8);
}

static void test_profiles(void **state)
{
    (void)state;
    compare("profile", compare_profile, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restricted_means),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_improvement),
        cmocka_unit_test(test_interquartile_means),
        cmocka_unit_test(test_profiles),
    };
    cases = csv_load("compared/cases.csv");
    figures = csv_load("compared/figures.csv");
    const int failed = cmocka_run_group_tests_name("compared", tests, NULL, NULL);
    csv_free(&figures);
    csv_free(&cases);
    return failed;
}
