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
    const double factor = n > 1.0 ? d * (n - d) / (n - 1.0) : 0.0;
    for (int32_t g = 0; g < table->groups; g++) {
        const double share = table->at_risk[g] / n;
        table->observed[g] += table->died[g];
        table->expected[g] += d * share;
        for (int32_t h = 0; h < table->groups; h++)
            *gsl_matrix_ptr(table->variance, (size_t)g, (size_t)h) +=
                factor * share * ((g == h ? 1.0 : 0.0) - table->at_risk[h] / n);
    }
}

static void sum_up(struct table *table, const int32_t *status, const int32_t *group)
{
    for (int32_t g = 0; g < table->groups; g++)
        table->observed[g] = table->expected[g] = table->at_risk[g] = table->died[g] = 0.0;
    gsl_matrix_set_zero(table->variance);
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
    double largest = 0.0;
    struct logrank test = {.p = NAN};
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

/* Observations ordered by block. */
struct blocks {
    size_t *order;  /* (n) */
    int64_t *block; /* (n) of each observation */
    bool mixed;     /* some block has two observations or more */
};

static void blocks_init(struct blocks *blocks, const struct sample *sample)
{
    const size_t n = (size_t)sample->count;
    int64_t *const cluster = fault_alloc(n + 1, sizeof *cluster);
    int64_t *const zone = fault_alloc(n + 1, sizeof *zone);
    *blocks = (struct blocks){.order = fault_alloc(n + 1, sizeof *blocks->order),
                              .block = fault_alloc(n + 1, sizeof *blocks->block)};
    const int64_t clusters = ticks_label(sample->count, sample->cluster, cluster);
    if (sample->stratum != NULL)
        ticks_label(sample->count, sample->stratum, zone);
    for (size_t i = 0; i < n; i++)
        blocks->block[i] = zone[i] * clusters + cluster[i];
    gsl_sort_long_index(blocks->order, blocks->block, 1, n);
    for (size_t k = 1; k < n; k++)
        blocks->mixed |= blocks->block[blocks->order[k]] == blocks->block[blocks->order[k - 1]];
    free(zone);
    free(cluster);
}

/* Shuffle the groups within each block. */
static void shuffle(const struct blocks *blocks, int64_t count, int32_t *group, int32_t *items,
                    struct python_rng *rng)
{
    for (int64_t from = 0, to; from < count; from = to) {
        for (to = from;
             to < count && blocks->block[blocks->order[to]] == blocks->block[blocks->order[from]];
             to++)
            items[to - from] = group[blocks->order[to]];
        python_shuffle(rng, items, (int)(to - from));
        for (int64_t k = from; k < to; k++)
            group[blocks->order[k]] = items[k - from];
    }
}

double logrank_permuted(const struct sample *sample, const int32_t *group, int32_t groups,
                        int64_t permutations, uint32_t seed)
{
    CHECK(permutations >= 1);
    struct table table;
    struct blocks blocks;
    struct python_rng rng;
    table_init(&table, sample, group, groups);
    blocks_init(&blocks, sample);
    python_seed(&rng, seed);
    sum_up(&table, sample->status, group);
    const struct logrank test = quadratic_form(&table);
    const bool makes_sense = test.df > 0 && blocks.mixed;
    int32_t *const mixed = fault_alloc((size_t)sample->count + 1, sizeof *mixed);
    int32_t *const items = fault_alloc((size_t)sample->count + 1, sizeof *items);
    for (int64_t i = 0; i < sample->count; i++)
        mixed[i] = group[i];
    int64_t hits = 0;
    for (int64_t t = 0; makes_sense && t < permutations; t++) {
        shuffle(&blocks, sample->count, mixed, items, &rng);
        sum_up(&table, sample->status, mixed);
        hits += quadratic_form(&table).chi2 >= test.chi2 * (1.0 - 1e-9);
    }
    free(items);
    free(mixed);
    free(blocks.order);
    free(blocks.block);
    table_fini(&table);
    return makes_sense ? (1.0 + (double)hits) / (1.0 + (double)permutations) : (double)NAN;
}
