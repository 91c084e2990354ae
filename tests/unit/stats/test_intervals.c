// SPDX-License-Identifier: MIT
/*
 * Do intervals over few seeds hold the truth as often as they say? By simulation, from fixed seeds:
 * means, restricted means, differences, interquartile means and probabilities of improvement at 3,
 * 5 and 10 seeds. The argument is the number of samples. A share of 0.96 of 1000 is known to ±0.02
 * (three standard deviations), so that quantiles of the draws (0.75 at three seeds, 0.91 at five)
 * fail. Samples whose values all agree say nothing of a spread; others are drawn for them, as no
 * interval is given.
 */
#include "stats/bootstrap.h"
#include "stats/improvement.h"
#include "stats/paired_mean.h"
#include "stats_case.h"
#include <stdlib.h>

enum { SIZES = 3, DRAWS = 400 };

static const int sizes[SIZES] = {3, 5, 10};
static int samples;
static struct numpy_rng rng;
static struct sample_case a, b;

static int begin(void **state)
{
    (void)state;
    numpy_seed(&rng, 2000);
    return 0;
}

static struct bootstrap how_of(int sample)
{
    return (struct bootstrap){.draws = DRAWS, .seed = (uint32_t)sample, .confidence = 0.95};
}

static bool holds(struct bounds bounds, double truth)
{
    return bounds.lower <= truth && truth <= bounds.upper;
}

static void assert_share(const char *what, int seeds, int hits, double low, double high)
{
    const double share = (double)hits / samples;
    print_message("# %s, %d seeds: %.3f\n", what, seeds, share);
    if (share < low || share > high)
        fail_msg("%s, %d seeds: %.3f, wanted from %.3f to %.3f", what, seeds, share, low, high);
}

/* ---- means ---- */

static double draw_normal(void)
{
    return numpy_gaussian(&rng);
}

static double draw_skewed(void)
{
    return draw_exponential(&rng, 1.0);
}

static double draw_lognormal(void)
{
    return exp(0.5 * numpy_gaussian(&rng));
}

/* Whether mean and interquartile mean of a sample of one value a seed hold theirs. */
static void means_of(double (*draw)(void), int seeds, int strata, int sample, struct estimate *mean,
                     struct estimate *iqm)
{
    double value[CASE_MOST];
    int64_t stratum[CASE_MOST];
    const struct bootstrap how = how_of(sample);
    for (int i = 0; i < seeds * strata; i++) {
        stratum[i] = i / seeds;
        value[i] = draw() + 10.0 * (double)stratum[i];
    }
    const struct values values = {
        .count = seeds * strata, .value = value, .stratum = strata > 1 ? stratum : NULL};
    bootstrap_means(&values, &how, mean, iqm);
}

static void means_held(const char *what, double (*draw)(void), double truth, double low)
{
    for (int k = 0; k < SIZES; k++) {
        int hits = 0;
        for (int s = 0; s < samples; s++) {
            struct estimate mean;
            means_of(draw, sizes[k], 1, s, &mean, NULL);
            hits += holds(mean.between, truth);
        }
        assert_share(what, sizes[k], hits, low, 0.98);
    }
}

static void test_means(void **state)
{
    (void)state;
    means_held("mean, normal", draw_normal, 0.0, 0.93);
    means_held("mean, exponential", draw_skewed, 1.0, 0.90);
    means_held("mean, lognormal", draw_lognormal, exp(0.125), 0.90);
}

/* Of a normal value it is that of the middle half; what is cut off leaves few to tell the spread.
 */
static void test_interquartile_means(void **state)
{
    (void)state;
    for (int k = 0; k < SIZES; k++) {
        int hits = 0;
        for (int s = 0; s < samples; s++) {
            struct estimate iqm;
            means_of(draw_normal, sizes[k], 1, s, NULL, &iqm);
            hits += holds(iqm.between, 0.0);
        }
        assert_share("interquartile mean, normal", sizes[k], hits, 0.93, 1.0);
    }
}

/* Two kinds of seeds that differ by far more than seeds of one kind do. */
static void test_strata(void **state)
{
    (void)state;
    for (int k = 0; k < SIZES; k++) {
        int hits = 0;
        double width = 0.0;
        for (int s = 0; s < samples; s++) {
            struct estimate mean;
            means_of(draw_normal, sizes[k], 2, s, &mean, NULL);
            hits += holds(mean.between, 5.0);
            width += (mean.between.upper - mean.between.lower) / samples;
        }
        assert_share("mean, two strata, normal", sizes[k], hits, 0.93, 0.985);
        assert_true(width < 3.0);
    }
}

/* ---- restricted means ---- */

enum censoring { BY_LIMIT, BY_CHANCE };

/* Exponential times of mean 1 of which a third is censored, by the limit or by chance before it. */
static void draw_times(enum censoring censoring, int seeds, double limit)
{
    case_begin(&a, true, false);
    for (int seed = 0; seed < seeds; seed++) {
        const double time = draw_exponential(&rng, 1.0);
        const double chance = censoring == BY_CHANCE ? draw_exponential(&rng, 2.0) : limit;
        const double end = fmin(limit, chance);
        case_add(&a, fmin(time, end), time <= end, seed);
    }
}

static void restricted_means_held(const char *what, enum censoring censoring, double limit)
{
    for (int k = 0; k < SIZES; k++) {
        int hits = 0;
        for (int s = 0; s < samples;) {
            const struct bootstrap how = how_of(s);
            draw_times(censoring, sizes[k], limit);
            const struct estimate e = bootstrap_rmst(&a.sample, limit, &how);
            assert_true(e.between.lower >= 0.0 && e.between.upper <= limit);
            if (e.error <= 1e-12 * e.value)
                continue;
            hits += holds(e.between, -expm1(-limit));
            s++;
        }
        assert_share(what, sizes[k], hits, 0.90, 0.995);
    }
}

static void test_restricted_means(void **state)
{
    (void)state;
    restricted_means_held("restricted mean, a third beyond the limit", BY_LIMIT, log(3.0));
    restricted_means_held("restricted mean, a third censored by chance", BY_CHANCE, 5.0);
}

/* Many actors of one seed are one seed, and taking each for one does not hold. */
static void test_actors_are_no_seeds(void **state)
{
    (void)state;
    enum { SEEDS = 10, ACTORS = 10, LIMIT = 300 };
    const double truth = 0.5 * (80.0 * -expm1(-LIMIT / 80.0) + 320.0 * -expm1(-LIMIT / 320.0));
    int by_seed = 0, by_actor = 0;
    for (int s = 0; s < samples; s++) {
        const struct bootstrap how = how_of(s);
        case_begin(&a, true, false);
        for (int i = 0; i < SEEDS * ACTORS; i++) {
            static double mean;
            if (i % ACTORS == 0)
                mean = numpy_double(&rng) < 0.5 ? 80.0 : 320.0;
            const double time = draw_exponential(&rng, mean);
            case_add(&a, fmin(time, LIMIT), time <= LIMIT, i / ACTORS);
        }
        by_seed += holds(bootstrap_rmst(&a.sample, LIMIT, &how).between, truth);
        a.sample.cluster = NULL;
        by_actor += holds(bootstrap_rmst(&a.sample, LIMIT, &how).between, truth);
    }
    assert_share("restricted mean, ten actors a seed", SEEDS, by_seed, 0.93, 0.995);
    assert_share("restricted mean, actors taken for seeds", SEEDS, by_actor, 0.0, 0.8);
}

/* ---- differences ---- */

/* Two configurations that share what is the seed's: a is 20 later, or both are exponential. */
static void draw_pairs(bool normal, int seeds)
{
    case_begin(&a, true, false);
    case_begin(&b, true, false);
    for (int seed = 0; seed < seeds; seed++) {
        const double common = 200.0 + 30.0 * numpy_gaussian(&rng);
        for (int side = 0; side < 2; side++) {
            const double time =
                normal ? common + (side == 0 ? 20.0 : 0.0) + 10.0 * numpy_gaussian(&rng)
                       : draw_exponential(&rng, common);
            const double end = normal ? 1000.0 : fmin(400.0, draw_exponential(&rng, 600.0));
            case_add(side == 0 ? &a : &b, fmin(time, end), time <= end, seed);
        }
    }
}

static void differences_held(const char *what, bool normal, double limit, double truth)
{
    for (int k = 0; k < SIZES; k++) {
        int held = 0, rejected = 0;
        for (int s = 0; s < samples; s++) {
            const struct bootstrap how = how_of(s);
            draw_pairs(normal, sizes[k]);
            const struct paired paired = paired_rmst(&a.sample, &b.sample, limit, &how, 1);
            held += holds(paired.between, truth);
            rejected += paired.p <= 0.05;
        }
        assert_share(what, sizes[k], held, 0.93, 0.995);
        if (!normal) /* nothing differs */
            assert_share("  p <= 0.05", sizes[k], rejected, 0.0, 0.065);
    }
}

static void test_differences(void **state)
{
    (void)state;
    differences_held("difference, normal", true, 1000.0, 20.0);
    differences_held("difference, exponential, censored", false, 400.0, 0.0);
}

/* ---- over tasks ---- */

enum { TASKS = 4 };

/* Values of both sides in all tasks: x is `more` higher, and a seed is good or bad for x in all
 * tasks alike. */
static struct {
    double x[CASE_MOST], y[CASE_MOST];
    int64_t count, seed[CASE_MOST], task[CASE_MOST];
} tasks;

static void draw_tasks(int seeds, double more)
{
    tasks.count = 0;
    for (int seed = 0; seed < seeds; seed++) {
        const double own = numpy_gaussian(&rng);
        for (int task = 0; task < TASKS; task++) {
            const int64_t i = tasks.count++;
            const double difficulty = 10.0 * task;
            tasks.x[i] = difficulty + more + own + numpy_gaussian(&rng);
            tasks.y[i] = difficulty + numpy_gaussian(&rng);
            tasks.seed[i] = seed;
            tasks.task[i] = task;
        }
    }
}

static void test_means_over_tasks(void **state)
{
    (void)state;
    for (int k = 0; k < SIZES; k++) {
        int held = 0, rejected = 0;
        for (int s = 0; s < samples; s++) {
            const struct bootstrap how = how_of(s);
            draw_tasks(sizes[k], 0.0);
            const struct paired mean =
                paired_mean(&(struct pairs){tasks.count, tasks.x, tasks.y, tasks.seed}, &how, 1);
            held += holds(mean.between, 0.0);
            rejected += mean.p <= 0.05;
        }
        assert_share("difference over tasks, normal", sizes[k], held, 0.93, 0.985);
        assert_share("  p <= 0.05", sizes[k], rejected, 0.0, 0.07);
    }
}

/* Where all of x is above all of y there is no interval. P(x > y) is that of a normal value of mean
 * 1 and variance 3 being above 0. */
static void test_improvement(void **state)
{
    (void)state;
    const double truth = erfc(-1.0 / sqrt(6.0)) / 2.0;
    for (int k = 0; k < SIZES; k++) {
        int held = 0;
        for (int s = 0; s < samples;) {
            const struct bootstrap how = how_of(s);
            draw_tasks(sizes[k], 1.0);
            const struct estimate e =
                improvement(&(struct scores){tasks.count, tasks.x, tasks.seed, tasks.task},
                            &(struct scores){tasks.count, tasks.y, tasks.seed, tasks.task}, &how);
            if (isnan(e.between.lower))
                continue;
            held += holds(e.between, truth);
            s++;
        }
        assert_share("probability of improvement, normal", sizes[k], held, 0.92, 1.0);
    }
}

int main(int argc, char **argv)
{
    samples = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_means, begin),
        cmocka_unit_test_setup(test_interquartile_means, begin),
        cmocka_unit_test_setup(test_strata, begin),
        cmocka_unit_test_setup(test_restricted_means, begin),
        cmocka_unit_test_setup(test_actors_are_no_seeds, begin),
        cmocka_unit_test_setup(test_differences, begin),
        cmocka_unit_test_setup(test_means_over_tasks, begin),
        cmocka_unit_test_setup(test_improvement, begin),
    };
    return cmocka_run_group_tests_name("intervals", tests, NULL, NULL);
}
