// SPDX-License-Identifier: MIT
/* The log-rank test and its permutation. A permutation repeats the test thousands of times with
 * other groups, so everything that does not depend on the groups is summed once (table_init), and
 * a repetition costs as many steps as there are observations, times the groups. */
#include "stats/logrank.h"
#include "base/rng.h"
#include "stats/event_times.h"
#include "stats/exchangeable.h"
#include "stats/factorize.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A test made ready: observations by stratum, within it from the last time to the first, so that
 * those at risk are those passed. How many are at risk and die at a time does not depend on groups,
 * so each observation carries its part of the sums, over the times of its stratum up to its own. */
struct table {
    int64_t count;
    int32_t groups;
    size_t *order;  /* (n) number of the observation */
    double *died;   /* (n) 1: event */
    double *hazard; /* (n) sum of d / n: its part of what is expected */
    double *spread; /* (n) sum of v n, its part of its own group's variance, and below */
    double *shared; /* (n) sum of v = d (n - d) / ((n - 1) n^2), that it takes from its group's
                       covariance with that of each observation not earlier than it */
    bool *opens;    /* (n) is the first of its stratum */
    double scale;   /* sum of `spread` */
    double *at_risk, *observed, *expected, *own; /* (groups) */
    double *joint; /* (groups, groups) sum of `shared` of the row's observations, once for each of
                      the column's before it in this order */
    gsl_vector *excess, *projected;
    gsl_matrix *variance, *vectors;
    gsl_vector *values;
    gsl_eigen_symmv_workspace *work;
};

/* From `first`, the last of a stratum but for its ties, to where the next one begins: sum up over
 * times, from the first on. */
static void sum_stratum(struct table *table, const int64_t *key, int64_t first, int64_t end)
{
    double hazard = 0.0, spread = 0.0, shared = 0.0;
    for (int64_t to = end, from; to > first; to = from) {
        double d = 0.0;
        for (from = to; from > first && key[table->order[from - 1]] == key[table->order[to - 1]];)
            d += table->died[--from];
        const double n = (double)(to - first);
        if (n > 1.0) {
            const double v = d * (n - d) / ((n - 1.0) * n * n);
            spread += v * n;
            shared += v;
        }
        hazard += d / n;
        for (int64_t k = from; k < to; k++) {
            table->hazard[k] = hazard;
            table->spread[k] = spread;
            table->shared[k] = shared;
            table->scale += spread;
        }
    }
}

/* Put the observations in the table's order, and sum up what each carries. */
static void sort(struct table *table, const struct sample *sample)
{
    struct event_times times;
    event_times_init(&times, sample);
    const size_t n = (size_t)sample->count;
    int64_t *const key = fault_alloc(n + 1, sizeof *key); /* equal when stratum and time are */
    int64_t *const zone = fault_alloc(n + 1, sizeof *zone);
    if (sample->stratum != NULL)
        factorize(sample->count, sample->stratum, zone);
    for (size_t i = 0; i < n; i++)
        /* One key for both: strata rising, times falling. */
        key[i] = (zone[i] + 1) * times.count - 1 - times.at[i];
    gsl_sort_long_index(table->order, key, 1, n);
    for (size_t k = 0; k < n; k++) {
        table->died[k] = sample->status[table->order[k]] > 0 ? 1.0 : 0.0;
        table->opens[k] = k == 0 || zone[table->order[k]] != zone[table->order[k - 1]];
    }
    for (int64_t first = 0, end; first < table->count; first = end) {
        for (end = first + 1; end < table->count && !table->opens[end];)
            end++;
        sum_stratum(table, key, first, end);
    }
    free(zone);
    free(key);
    event_times_fini(&times);
}

static void table_init(struct table *table, const struct sample *sample, const int32_t *group,
                       int32_t groups)
{
    CHECK(groups >= 1);
    const size_t n = (size_t)sample->count + 1, k = (size_t)groups;
    for (int64_t i = 0; i < sample->count; i++)
        CHECK(group[i] >= 0 && group[i] < groups);
    *table = (struct table){.count = sample->count,
                            .groups = groups,
                            .order = fault_alloc(n, sizeof *table->order),
                            .died = fault_alloc(n, sizeof *table->died),
                            .hazard = fault_alloc(n, sizeof *table->hazard),
                            .spread = fault_alloc(n, sizeof *table->spread),
                            .shared = fault_alloc(n, sizeof *table->shared),
                            .opens = fault_alloc(n, sizeof *table->opens),
                            .at_risk = fault_alloc(k, sizeof *table->at_risk),
                            .observed = fault_alloc(k, sizeof *table->observed),
                            .expected = fault_alloc(k, sizeof *table->expected),
                            .own = fault_alloc(k, sizeof *table->own),
                            .joint = fault_alloc(k * k, sizeof *table->joint),
                            .excess = gsl_vector_alloc(k),
                            .projected = gsl_vector_alloc(k),
                            .variance = gsl_matrix_alloc(k, k),
                            .vectors = gsl_matrix_alloc(k, k),
                            .values = gsl_vector_alloc(k),
                            .work = gsl_eigen_symmv_alloc(k)};
    sort(table, sample);
}

static void table_fini(struct table *table)
{
    free(table->order);
    free(table->died);
    free(table->hazard);
    free(table->spread);
    free(table->shared);
    free(table->opens);
    free(table->at_risk);
    free(table->observed);
    free(table->expected);
    free(table->own);
    free(table->joint);
    gsl_vector_free(table->excess);
    gsl_vector_free(table->projected);
    gsl_matrix_free(table->variance);
    gsl_matrix_free(table->vectors);
    gsl_vector_free(table->values);
    gsl_eigen_symmv_free(table->work);
}

/* Observed and expected events and the covariances of these groups, in one pass: `at_risk` counts,
 * by group, the observations of the stratum that were not earlier. */
static void sum_up(struct table *table, const int32_t *group)
{
    const size_t groups = (size_t)table->groups;
    double *const at_risk = table->at_risk;
    for (size_t g = 0; g < groups; g++)
        table->observed[g] = table->expected[g] = table->own[g] = 0.0;
    memset(table->joint, 0, groups * groups * sizeof *table->joint);
    for (int64_t k = 0; k < table->count; k++) {
        const size_t g = (size_t)group[k];
        double *const row = table->joint + g * groups;
        if (table->opens[k])
            memset(at_risk, 0, groups * sizeof *at_risk);
        for (size_t h = 0; h < groups; h++)
            row[h] += table->shared[k] * at_risk[h];
        at_risk[g] += 1.0;
        table->observed[g] += table->died[k];
        table->expected[g] += table->hazard[k];
        table->own[g] += table->spread[k] - table->shared[k];
    }
}

/* The variance is symmetric; its halves were summed once for each pair of observations. */
static void fill_variance(struct table *table)
{
    const size_t groups = (size_t)table->groups;
    for (size_t g = 0; g < groups; g++) {
        gsl_vector_set(table->excess, g, table->observed[g] - table->expected[g]);
        for (size_t h = 0; h < groups; h++)
            gsl_matrix_set(table->variance, g, h,
                           (g == h ? table->own[g] : 0.0) - table->joint[g * groups + h] -
                               table->joint[h * groups + g]);
    }
}

/* (observed - expected) against the inverse of its variance, in the directions that have any: one
 * never has, as the sum over groups is fixed.
 * \param group (n) in the table's order */
static struct logrank quadratic_form(struct table *table, const int32_t *group)
{
    struct logrank test = {.p = NAN};
    sum_up(table, group);
    fill_variance(table);
    gsl_eigen_symmv(table->variance, table->values, table->vectors, table->work);
    gsl_blas_dgemv(CblasTrans, 1.0, table->vectors, table->excess, 0.0, table->projected);
    for (size_t e = 0; e < table->values->size; e++) {
        const double value = gsl_vector_get(table->values, e);
        const double along = gsl_vector_get(table->projected, e);
        /* Where the variance is 0, rounding leaves far less than this of the scale. */
        if (value <= 1e-11 * table->scale)
            continue;
        test.chi2 += along * along / value;
        test.df++;
    }
    return test;
}

struct logrank logrank_test(const struct sample *sample, const int32_t *group, int32_t groups,
                            double *observed, double *expected)
{
    struct table table;
    table_init(&table, sample, group, groups);
    int32_t *const ordered = fault_alloc((size_t)sample->count + 1, sizeof *ordered);
    for (int64_t k = 0; k < sample->count; k++)
        ordered[k] = group[table.order[k]];
    struct logrank test = quadratic_form(&table, ordered);
    if (test.df > 0)
        test.p = gsl_cdf_chisq_Q(test.chi2, test.df);
    for (int32_t g = 0; g < groups; g++) {
        if (observed != NULL)
            observed[g] = table.observed[g];
        if (expected != NULL)
            expected[g] = table.expected[g];
    }
    free(ordered);
    table_fini(&table);
    return test;
}

/* ---- permutation ---- */

/* Part of a bundle. */
struct run {
    int64_t cluster, shape, at; /* `at`: place in the table's order */
    int32_t group;
};

/* The runs of a cluster and group, which keep together. */
struct bundle {
    const struct run *run;
    int64_t count;
};

/* Bundles of one cluster and shape, which can trade places, are neighbours. */
struct bundles {
    struct run *run;       /* (n) */
    struct bundle *bundle; /* (count) */
    int32_t *group;        /* (count) as it is at present */
    int64_t count;
    bool mixed; /* some can trade places */
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* 0: can trade places. */
static int compare_places(const struct run *x, const struct run *y)
{
    const int cluster = compare_numbers(x->cluster, y->cluster);
    return cluster != 0 ? cluster : compare_numbers(x->shape, y->shape);
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *const x = a, *const y = b;
    const int places = compare_places(x, y);
    return places != 0 ? places : compare_numbers(x->group, y->group);
}

/* Runs in the order of bundles: by cluster, shape and group. The shape of a cluster's runs of one
 * group says in which strata they are and how many; only bundles of one shape can trade places. */
static void fill_runs(struct bundles *bundles, const struct sample *sample, const int32_t *group,
                      int32_t groups, const size_t *order)
{
    const size_t n = (size_t)sample->count;
    int64_t *const cluster = fault_alloc(n + 1, sizeof *cluster);
    int64_t *const unit = fault_alloc(n + 1, sizeof *unit);
    int64_t *const shape = fault_alloc(n + 1, sizeof *shape);
    factorize(sample->count, sample->cluster, cluster);
    for (size_t i = 0; i < n; i++)
        unit[i] = cluster[i] * groups + group[i];
    exchangeable_label(sample->count, unit, sample->stratum, shape);
    for (size_t k = 0; k < n; k++) {
        const size_t i = order[k];
        bundles->run[k] = (struct run){cluster[i], shape[i], (int64_t)k, group[i]};
    }
    qsort(bundles->run, n, sizeof *bundles->run, compare_runs);
    free(shape);
    free(unit);
    free(cluster);
}

static void bundles_init(struct bundles *bundles, const struct sample *sample, const int32_t *group,
                         int32_t groups, const size_t *order)
{
    const size_t n = (size_t)sample->count + 1;
    *bundles = (struct bundles){.run = fault_alloc(n, sizeof *bundles->run),
                                .bundle = fault_alloc(n, sizeof *bundles->bundle),
                                .group = fault_alloc(n, sizeof *bundles->group)};
    fill_runs(bundles, sample, group, groups, order);
    for (int64_t i = 0; i < sample->count; i++) {
        const struct run *const run = &bundles->run[i];
        if (i == 0 || compare_runs(&run[-1], run) != 0) {
            bundles->mixed |= i > 0 && compare_places(&run[-1], run) == 0;
            bundles->group[bundles->count] = run->group;
            bundles->bundle[bundles->count++] = (struct bundle){.run = run};
        }
        bundles->bundle[bundles->count - 1].count++;
    }
}

static void bundles_fini(struct bundles *bundles)
{
    free(bundles->run);
    free(bundles->bundle);
    free(bundles->group);
}

/* Behind the bundles that can trade places with that one. */
static int64_t end_of_set(const struct bundles *bundles, int64_t from)
{
    const struct bundle *const bundle = bundles->bundle;
    int64_t to = from + 1;
    while (to < bundles->count && compare_places(bundle[from].run, bundle[to].run) == 0)
        to++;
    return to;
}

/* Let bundles trade places, with all their runs: one draw for all strata. */
static void shuffle(struct bundles *bundles, struct python_rng *rng)
{
    for (int64_t from = 0, to; from < bundles->count; from = to) {
        to = end_of_set(bundles, from);
        python_shuffle(rng, bundles->group + from, (int)(to - from));
    }
}

static void swap(int32_t *a, int32_t *b)
{
    const int32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* The next order of different items; false: that was the last one, and they rise again. */
static bool next_order(int32_t *item, int64_t count)
{
    int64_t tail = count - 1; /* from here on they fall */
    while (tail > 0 && item[tail - 1] > item[tail])
        tail--;
    if (tail > 0) {
        int64_t larger = count - 1;
        while (item[larger] < item[tail - 1])
            larger--;
        swap(&item[tail - 1], &item[larger]);
    }
    for (int64_t i = tail, j = count - 1; i < j; i++, j--)
        swap(&item[i], &item[j]);
    return tail > 0;
}

/* The next way to permute all; false: all have been, and the first one is back. */
static bool next_way(struct bundles *bundles)
{
    for (int64_t from = 0, to; from < bundles->count; from = to) {
        to = end_of_set(bundles, from);
        if (next_order(bundles->group + from, to - from))
            return true;
    }
    return false;
}

/* How many ways there are, and how many of them give the same chi2 at least: where all sets have
 * all groups they may be renamed. */
static double count_ways(const struct bundles *bundles, double *alike)
{
    double ways = 1.0, first = 0.0;
    bool same = true;
    for (int64_t from = 0, to; from < bundles->count; from = to) {
        double orders = 1.0;
        to = end_of_set(bundles, from);
        for (int64_t i = 2; i <= to - from; i++)
            orders *= (double)i;
        first = from == 0 ? orders : first;
        same = same && orders == first;
        ways *= orders;
    }
    *alike = same ? first : 1.0;
    return ways;
}

/* The groups as they are at present, in the table's order. */
static void deal(const struct bundles *bundles, int32_t *group)
{
    for (int64_t b = 0; b < bundles->count; b++) {
        const struct bundle *const bundle = &bundles->bundle[b];
        for (int64_t i = 0; i < bundle->count; i++)
            group[bundle->run[i].at] = bundles->group[b];
    }
}

/* Share of the ways with a chi2 as large as that of the first, or larger. */
static double permute(struct table *table, struct bundles *bundles, int32_t *dealt, double chi2,
                      int64_t permutations, uint32_t seed, bool exact)
{
    /* A little below, so that a way with the same chi2 counts although its sums were rounded
     * differently. */
    const double far = chi2 * (1.0 - 1e-9);
    struct python_rng rng;
    int64_t hits = 1, tries = 1; /* the first way itself */
    python_seed(&rng, seed);
    while (exact ? next_way(bundles) : tries <= permutations) {
        if (!exact)
            shuffle(bundles, &rng);
        deal(bundles, dealt);
        hits += quadratic_form(table, dealt).chi2 >= far;
        tries++;
    }
    return (double)hits / (double)tries;
}

struct permuted logrank_permuted(const struct sample *sample, const int32_t *group, int32_t groups,
                                 int64_t permutations, uint32_t seed)
{
    CHECK(permutations >= 1);
    struct table table;
    struct bundles bundles;
    struct permuted permuted = {.p = NAN, .least_p = NAN};
    table_init(&table, sample, group, groups);
    bundles_init(&bundles, sample, group, groups, table.order);
    int32_t *const dealt = fault_alloc((size_t)sample->count + 1, sizeof *dealt);
    deal(&bundles, dealt);
    const struct logrank test = quadratic_form(&table, dealt);
    /* Without a degree of freedom chi2 is 0 for every way, and without bundles that can trade
     * places there is one way only: neither is a test. */
    if (test.df > 0 && bundles.mixed) {
        double alike;
        const double ways = count_ways(&bundles, &alike);
        permuted.exact = ways <= LOGRANK_EXACT;
        permuted.least_p =
            fmax(alike / ways, permuted.exact ? 0.0 : 1.0 / (1.0 + (double)permutations));
        permuted.p =
            permute(&table, &bundles, dealt, test.chi2, permutations, seed, permuted.exact);
    }
    free(dealt);
    bundles_fini(&bundles);
    table_fini(&table);
    return permuted;
}
