// SPDX-License-Identifier: MIT
/* Scores over tasks: figures that can be told by hand. test_compared.c has those of NumPy and
 * SciPy. */
#include "stats/improvement.h"
#include "stats/paired_mean.h"
#include "stats_case.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 400 };

static const struct bootstrap how = {.draws = 1000, .seed = 1, .confidence = 0.95};
static struct numpy_rng rng;

/* Scores that own their tables. */
static struct runs {
    struct scores scores;
    double value[MOST];
    int64_t seed[MOST], task[MOST];
} x, y;

static void empty(struct runs *runs)
{
    runs->scores = (struct scores){.value = runs->value, .seed = runs->seed, .task = runs->task};
}

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 12);
    empty(&x);
    empty(&y);
    return 0;
}

static void add(struct runs *runs, int64_t task, int64_t seed, double value)
{
    const int64_t i = runs->scores.count++;
    assert_in_range(i, 0, MOST - 1);
    runs->task[i] = task;
    runs->seed[i] = seed;
    runs->value[i] = value;
}

/* One task, whose seeds count from 0. */
static void fill(struct runs *runs, const double *values, int count)
{
    empty(runs);
    for (int i = 0; i < count; i++)
        add(runs, 3, i, values[i]);
}

static struct estimate better(void)
{
    return improvement(&x.scores, &y.scores, &how);
}

static bool same(struct estimate a, struct estimate b)
{
    return a.value == b.value && a.error == b.error && a.between.lower == b.between.lower &&
           a.between.upper == b.between.upper && a.clusters == b.clusters;
}

static void test_improvement_by_hand(void **state)
{
    (void)state;
    fill(&x, (double[]){1, 2, 3}, 3);
    fill(&y, (double[]){3, 1, 2}, 3);
    assert_true(better().value == 0.5);
    /* Of 2·3 pairs four are higher and two level. */
    fill(&x, (double[]){2, 2}, 2);
    fill(&y, (double[]){1, 2, 0}, 3);
    assert_close(better().value, 5.0 / 6.0, 1e-15, "ties");
    fill(&y, (double[]){2, 2, 2}, 3);
    assert_true(better().value == 0.5);
    fill(&y, (double[]){-5}, 1);
    assert_true(better().value == 1.0);
}

/* Every task counts alike, however many runs it has; scores of two tasks are not compared. */
static void test_improvement_over_tasks(void **state)
{
    (void)state;
    for (int seed = 0; seed < 8; seed++) {
        add(&x, 0, seed, 1000.0 + seed);
        add(&y, 0, seed, 2000.0);
    }
    add(&x, 1, 0, 1.0);
    add(&y, 1, 0, 0.0);
    assert_true(better().value == 0.5);
    /* What only one side has is no part of it, nor are seeds that are there alone. */
    const struct estimate both = better();
    add(&x, 2, 99, 1.0);
    add(&y, -4, 98, 7.0);
    assert_true(same(better(), both) && both.clusters == 8);
}

/* Turning the sides round gives the rest to 1, and the order of scores is all that counts. */
static void test_improvement_mirrored(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        add(&x, i % 4, i / 4, floor(4.0 * numpy_gaussian(&rng)) + 1.0);
        add(&y, i % 4, i / 4, floor(4.0 * numpy_gaussian(&rng)));
    }
    const struct estimate forth = better();
    const struct estimate back = improvement(&y.scores, &x.scores, &how);
    assert_close(forth.value, 1.0 - back.value, 1e-14, "value");
    assert_close(forth.between.lower, 1.0 - back.between.upper, 1e-12, "interval");
    assert_close(forth.between.upper, 1.0 - back.between.lower, 1e-12, "interval");
    assert_true(forth.between.lower < forth.value && forth.value < forth.between.upper);
    for (int i = 0; i < 40; i++) {
        x.value[i] = exp(x.value[i] / 8.0);
        y.value[i] = exp(y.value[i] / 8.0);
    }
    assert_true(same(better(), forth));
}

/* The same runs under other tasks are the same seeds: an interval as wide. */
static void test_seeds_are_the_unit(void **state)
{
    (void)state;
    const double tau[] = {0.0, 0.5};
    struct estimate once[2], often[2];
    for (int seed = 0; seed < 12; seed++) {
        add(&x, 0, seed, numpy_gaussian(&rng) + 0.4);
        add(&y, 0, seed, numpy_gaussian(&rng));
    }
    const struct estimate one = better();
    scores_profile(&x.scores, 2, tau, &how, once);
    for (int i = 12; i < 60; i++) {
        add(&x, i / 12, x.seed[i - 12], x.value[i - 12]);
        add(&y, i / 12, y.seed[i - 12], y.value[i - 12]);
    }
    const struct estimate five = better();
    scores_profile(&x.scores, 2, tau, &how, often);
    assert_close(five.value, one.value, 1e-14, "value");
    assert_close(five.error, one.error, 1e-12, "error");
    assert_close(five.between.lower, one.between.lower, 1e-12, "lower");
    for (int k = 0; k < 2; k++)
        assert_true(same(often[k], once[k]) && once[k].error > 0.1);
}

/* No draw differs: no interval. Nor with one seed or none. */
static void test_nothing_to_say(void **state)
{
    (void)state;
    const double tau[] = {0.0, 1e9, 2.0};
    struct estimate share[3];
    fill(&x, (double[]){5, 6, 7, 8}, 4);
    fill(&y, (double[]){1, 2, 3, 4}, 4);
    assert_true(better().value == 1.0 && isnan(better().between.lower));
    scores_profile(&x.scores, 3, tau, &how, share);
    assert_true(share[0].value == 1.0 && isnan(share[0].between.lower));
    assert_true(share[1].value == 0.0 && isnan(share[1].between.upper));
    fill(&x, (double[]){0.1, 0.1, 0.1, 0.1, 0.1}, 5);
    assert_close(scores_iqm(&x.scores, &how).value, 0.1, 1e-15, "iqm");
    assert_true(isnan(scores_iqm(&x.scores, &how).between.lower));
    fill(&x, (double[]){5}, 1);
    fill(&y, (double[]){5}, 1);
    assert_true(better().value == 0.5 && isnan(better().error) && better().clusters == 1);
    empty(&x);
    assert_true(isnan(better().value) && isnan(better().between.lower) && better().clusters == 0);
    scores_profile(&x.scores, 3, tau, &how, share);
    assert_true(isnan(share[2].value) && isnan(share[2].between.lower));
    assert_true(isnan(scores_iqm(&x.scores, &how).value));
}

/* Two of eight are dropped at either end, of whatever task. */
static void test_interquartile_mean(void **state)
{
    (void)state;
    const double value[] = {100, 4, 1, 3, -70, 2, 60, -9};
    for (int i = 0; i < 8; i++)
        add(&x, i % 2, i / 2, value[i]);
    const struct estimate got = scores_iqm(&x.scores, &how);
    assert_true(got.value == 2.5 && got.clusters == 4);
    assert_true(got.between.lower < 2.5 && 2.5 < got.between.upper);
}

/* A score equal to tau is not above it, and tau may come in any order. */
static void test_profile(void **state)
{
    (void)state;
    const double tau[] = {3.0, 0.0, 2.0, 2.5, 4.0};
    const double want[] = {0.25, 1.0, 0.5, 0.5, 0.0};
    struct estimate share[5], alone;
    fill(&x, (double[]){1, 2, 3, 4}, 4);
    scores_profile(&x.scores, 5, tau, &how, share);
    for (int k = 0; k < 5; k++) {
        assert_true(share[k].value == want[k] && share[k].clusters == 4);
        scores_profile(&x.scores, 1, &tau[k], &how, &alone);
        assert_true(isnan(alone.between.lower) ? isnan(share[k].between.lower)
                                               : same(alone, share[k]));
    }
    assert_true(share[2].between.lower >= 0.0 && share[2].between.upper <= 1.0);
    assert_true(same(share[2], share[3]) && share[0].between.lower == 0.0);
    scores_profile(&x.scores, 0, NULL, &how, NULL);
}

enum { IMPROVEMENT, IQM, PROFILE, MEAN, FIGURES };

/* In a process of its own: whether computing the figure aborts. */
static bool aborts(int figure)
{
    int status;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        struct estimate share;
        fclose(stderr);
        if (figure == IMPROVEMENT)
            (void)better().value;
        else if (figure == IQM)
            (void)scores_iqm(&x.scores, &how).value;
        else if (figure == PROFILE)
            scores_profile(&x.scores, 1, &(double){0.0}, &how, &share);
        else
            (void)paired_mean(&(struct pairs){3, x.value, y.value, x.seed}, &how, 1).p;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Who has no value for a run leaves it out. */
static void test_values_that_are_not_finite(void **state)
{
    (void)state;
    const double wrong[] = {NAN, (double)INFINITY, -(double)INFINITY};
    for (int figure = 0; figure < FIGURES; figure++) {
        fill(&x, (double[]){1, 2, 3}, 3);
        fill(&y, (double[]){1, 2, 3}, 3);
        assert_false(aborts(figure));
        for (int k = 0; k < 3; k++) {
            x.value[1] = wrong[k];
            assert_true(aborts(figure));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_improvement_by_hand, begin),
        cmocka_unit_test_setup(test_improvement_over_tasks, begin),
        cmocka_unit_test_setup(test_improvement_mirrored, begin),
        cmocka_unit_test_setup(test_seeds_are_the_unit, begin),
        cmocka_unit_test_setup(test_nothing_to_say, begin),
        cmocka_unit_test_setup(test_interquartile_mean, begin),
        cmocka_unit_test_setup(test_profile, begin),
        cmocka_unit_test_setup(test_values_that_are_not_finite, begin),
    };
    return cmocka_run_group_tests_name("scores", tests, NULL, NULL);
}
