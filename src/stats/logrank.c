// SPDX-License-Identifier: MIT
#include <ccmsweep/logrank.h>
#include <ccmsweep/rng.h>
#include <ccmsweep/ticks.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A test made ready: observations ordered by stratum, within it from the last time to the first, so
 * that those at risk are those passed. */
struct table {
    int64_t count;
    int32_t groups;
    size_t *order;   /* (n) */
    int64_t *key;    /* (n) stratum and time as one number, equal when both are */
    int64_t *zone;   /* (n) stratum */
    double *at_risk; /* (groups) */
    double *died;    /* (groups) at one time */
    double *observed, *expected;
    double *spread; /* (groups, groups) variance, its upper triangle */
    gsl_vector *excess, *projected;
    gsl_matrix *variance, *vectors;
    gsl_vector *values;
    gsl_eigen_symmv_workspace *work;
};

static void sort(struct table *table, const struct sample *sample)
{
    struct ticks ticks;
    ticks_init(&ticks, sample);
    const size_t n = (size_t)sample->count;
    if (sample->stratum != NULL)
        ticks_label(sample->count, sample->stratum, table->zone);
    for (size_t i = 0; i < n; i++)
        table->key[i] = (table->zone[i] + 1) * ticks.count - 1 - ticks.at[i];
    gsl_sort_long_index(table->order, table->key, 1, n);
    ticks_fini(&ticks);
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
                            .key = fault_alloc(n, sizeof *table->key),
                            .zone = fault_alloc(n, sizeof *table->zone),
                            .at_risk = fault_alloc(k, sizeof *table->at_risk),
                            .died = fault_alloc(k, sizeof *table->died),
                            .observed = fault_alloc(k, sizeof *table->observed),
                            .expected = fault_alloc(k, sizeof *table->expected),
                            .spread = fault_alloc(k * k, sizeof *table->spread),
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
    free(table->key);
    free(table->zone);
    free(table->at_risk);
    free(table->died);
    free(table->observed);
    free(table->expected);
    free(table->spread);
    gsl_vector_free(table->excess);
    gsl_vector_free(table->projected);
    gsl_matrix_free(table->variance);
    gsl_matrix_free(table->vectors);
    gsl_vector_free(table->values);
    gsl_eigen_symmv_free(table->work);
}

/* Add the events of one time, of which all of `died` and `at_risk` know. */
static void add_events(struct table *table)
{
    double n = 0.0, d = 0.0;
    for (int32_t g = 0; g < table->groups; g++) {
        n += table->at_risk[g];
        d += table->died[g];
    }
    if (d <= 0.0)
        return;
    const double factor = n > 1.0 ? d * (n - d) / ((n - 1.0) * n * n) : 0.0;
    for (int32_t g = 0; g < table->groups; g++) {
        const double at_risk = table->at_risk[g];
        double *const row = table->spread + (size_t)g * (size_t)table->groups;
        if (at_risk <= 0.0)
            continue;
        table->observed[g] += table->died[g];
        table->expected[g] += d * at_risk / n;
        row[g] += factor * at_risk * (n - at_risk);
        for (int32_t h = g + 1; h < table->groups; h++)
            row[h] -= factor * at_risk * table->at_risk[h];
    }
}

static void sum_up(struct table *table, const int32_t *status, const int32_t *group)
{
    for (int32_t g = 0; g < table->groups; g++)
        table->observed[g] = table->expected[g] = table->at_risk[g] = table->died[g] = 0.0;
    memset(table->spread, 0, (size_t)table->groups * (size_t)table->groups * sizeof(double));
    for (int64_t k = 0; k < table->count; k++) {
        const size_t i = table->order[k];
        table->at_risk[group[i]] += 1.0;
        table->died[group[i]] += status[i] > 0 ? 1.0 : 0.0;
        const bool last = k + 1 == table->count;
        const size_t next = last ? i : table->order[k + 1];
        if (!last && table->key[next] == table->key[i])
            continue;
        add_events(table);
        for (int32_t g = 0; g < table->groups; g++) {
            table->died[g] = 0.0;
            if (table->zone[next] != table->zone[i])
                table->at_risk[g] = 0.0;
        }
    }
}

/* (observed - expected) against the inverse of its variance, in the directions that have any: one
 * never has, as the sum over groups is fixed. */
static struct logrank quadratic_form(struct table *table)
{
    const size_t groups = (size_t)table->groups;
    double largest = 0.0;
    struct logrank test = {.p = NAN};
    for (size_t g = 0; g < groups; g++) {
        for (size_t h = g; h < groups; h++) {
            gsl_matrix_set(table->variance, g, h, table->spread[g * groups + h]);
            gsl_matrix_set(table->variance, h, g, table->spread[g * groups + h]);
        }
    }
    for (int32_t g = 0; g < table->groups; g++)
        gsl_vector_set(table->excess, (size_t)g, table->observed[g] - table->expected[g]);
    gsl_eigen_symmv(table->variance, table->values, table->vectors, table->work);
    gsl_blas_dgemv(CblasTrans, 1.0, table->vectors, table->excess, 0.0, table->projected);
    for (size_t e = 0; e < table->values->size; e++)
        largest = fmax(largest, gsl_vector_get(table->values, e));
    for (size_t e = 0; e < table->values->size; e++) {
        const double value = gsl_vector_get(table->values, e);
        const double along = gsl_vector_get(table->projected, e);
        if (value <= 1e-12 * largest)
            continue;
        test.chi2 += along * along / value;
        test.df++;
    }
    if (test.df > 0)
        test.p = gsl_cdf_chisq_Q(test.chi2, test.df);
    return test;
}

struct logrank logrank_test(const struct sample *sample, const int32_t *group, int32_t groups,
                            double *observed, double *expected)
{
    struct table table;
    table_init(&table, sample, group, groups);
    sum_up(&table, sample->status, group);
    const struct logrank test = quadratic_form(&table);
    for (int32_t g = 0; g < groups; g++) {
        if (observed != NULL)
            observed[g] = table.observed[g];
        if (expected != NULL)
            expected[g] = table.expected[g];
    }
    table_fini(&table);
    return test;
}

/* ---- permutation ---- */

struct run {
    int64_t cluster, zone, at; /* `at`: number of the observation */
    int32_t group;
};

/* All runs of a cluster and group, which keep together. */
struct bundle {
    const struct run *run;
    int64_t count;
};

struct bundles {
    struct run *run;       /* (n) by cluster, group, stratum */
    struct bundle *bundle; /* (count) those that trade places behind each other */
    int32_t *group;        /* (count) as it is at present */
    int64_t count;
    bool mixed; /* some can trade places */
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_runs(const void *a, const void *b)
{
    const struct run *const x = a, *const y = b;
    const int cluster = compare_numbers(x->cluster, y->cluster);
    const int group = compare_numbers(x->group, y->group);
    return cluster != 0 ? cluster : group != 0 ? group : compare_numbers(x->zone, y->zone);
}

/* 0: of one cluster, and with as many runs in the same strata. */
static int compare_shapes(const struct bundle *x, const struct bundle *y)
{
    int order = compare_numbers(x->run->cluster, y->run->cluster);
    if (order == 0)
        order = compare_numbers(x->count, y->count);
    for (int64_t i = 0; order == 0 && i < x->count; i++)
        order = compare_numbers(x->run[i].zone, y->run[i].zone);
    return order;
}

static int compare_bundles(const void *a, const void *b)
{
    const struct bundle *const x = a, *const y = b;
    const int shapes = compare_shapes(x, y);
    return shapes != 0 ? shapes : compare_numbers(x->run->group, y->run->group);
}

static void fill_runs(struct bundles *bundles, const struct sample *sample, const int32_t *group)
{
    const size_t n = (size_t)sample->count;
    int64_t *const cluster = fault_alloc(n + 1, sizeof *cluster);
    int64_t *const zone = fault_alloc(n + 1, sizeof *zone);
    ticks_label(sample->count, sample->cluster, cluster);
    if (sample->stratum != NULL)
        ticks_label(sample->count, sample->stratum, zone);
    for (size_t i = 0; i < n; i++)
        bundles->run[i] = (struct run){cluster[i], zone[i], (int64_t)i, group[i]};
    qsort(bundles->run, n, sizeof *bundles->run, compare_runs);
    free(zone);
    free(cluster);
}

static void bundles_init(struct bundles *bundles, const struct sample *sample, const int32_t *group)
{
    const size_t n = (size_t)sample->count + 1;
    *bundles = (struct bundles){.run = fault_alloc(n, sizeof *bundles->run),
                                .bundle = fault_alloc(n, sizeof *bundles->bundle),
                                .group = fault_alloc(n, sizeof *bundles->group)};
    fill_runs(bundles, sample, group);
    for (int64_t i = 0; i < sample->count; i++) {
        const struct run *const run = &bundles->run[i];
        if (i == 0 || run->cluster != run[-1].cluster || run->group != run[-1].group)
            bundles->bundle[bundles->count++] = (struct bundle){.run = run};
        bundles->bundle[bundles->count - 1].count++;
    }
    qsort(bundles->bundle, (size_t)bundles->count, sizeof *bundles->bundle, compare_bundles);
    for (int64_t b = 0; b < bundles->count; b++) {
        bundles->group[b] = bundles->bundle[b].run->group;
        bundles->mixed |=
            b > 0 && compare_shapes(&bundles->bundle[b - 1], &bundles->bundle[b]) == 0;
    }
}

static void bundles_fini(struct bundles *bundles)
{
    free(bundles->run);
    free(bundles->bundle);
    free(bundles->group);
}

/* Let the bundles of each cluster trade their groups: one draw for all strata. */
static void shuffle(struct bundles *bundles, int32_t *group, struct python_rng *rng)
{
    for (int64_t from = 0, to; from < bundles->count; from = to) {
        const struct bundle *const first = &bundles->bundle[from];
        for (to = from + 1; to < bundles->count && compare_shapes(first, &bundles->bundle[to]) == 0;
             to++)
            ;
        python_shuffle(rng, bundles->group + from, (int)(to - from));
    }
    for (int64_t b = 0; b < bundles->count; b++) {
        for (int64_t i = 0; i < bundles->bundle[b].count; i++)
            group[bundles->bundle[b].run[i].at] = bundles->group[b];
    }
}

double logrank_permuted(const struct sample *sample, const int32_t *group, int32_t groups,
                        int64_t permutations, uint32_t seed)
{
    CHECK(permutations >= 1);
    struct table table;
    struct bundles bundles;
    struct python_rng rng;
    table_init(&table, sample, group, groups);
    bundles_init(&bundles, sample, group);
    python_seed(&rng, seed);
    sum_up(&table, sample->status, group);
    const struct logrank test = quadratic_form(&table);
    const bool makes_sense = test.df > 0 && bundles.mixed;
    int32_t *const mixed = fault_alloc((size_t)sample->count + 1, sizeof *mixed);
    int64_t hits = 0;
    for (int64_t t = 0; makes_sense && t < permutations; t++) {
        shuffle(&bundles, mixed, &rng);
        sum_up(&table, sample->status, mixed);
        hits += quadratic_form(&table).chi2 >= test.chi2 * (1.0 - 1e-9);
    }
    free(mixed);
    bundles_fini(&bundles);
    table_fini(&table);
    return makes_sense ? (1.0 + (double)hits) / (1.0 + (double)permutations) : (double)NAN;
}
