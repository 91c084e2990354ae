// SPDX-License-Identifier: MIT
/* Checks of samples, and rules for small ones: how few seeds are too few, the exact interval of a
 * share, and Holm's adjustment of a family of tests. */
#include "stats/sample.h"
#include "stats/factorize.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_roots.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

void sample_check(const struct sample *sample)
{
    CHECK(sample->count >= 0);
    for (int64_t i = 0; i < sample->count; i++) {
        CHECK(isfinite(sample->time[i]) && sample->time[i] >= 0.0);
        CHECK(sample->status[i] >= 0);
    }
}

enum sample_size sample_size(int64_t clusters, double confidence)
{
    /* One seed says nothing about another one. */
    if (clusters < 2)
        return SAMPLE_SINGLE;
    return sample_least_p(clusters) > 1.0 - confidence ? SAMPLE_SMALL : SAMPLE_FAIR;
}

double sample_least_p(int64_t pairs)
{
    return pairs < 1 ? 1.0 : exp2(1.0 - (double)pairs);
}

int64_t sample_clusters(int64_t count, const int64_t *cluster)
{
    int64_t *const label = fault_alloc((size_t)count + 1, sizeof *label);
    const int64_t clusters = factorize(count, cluster, label);
    free(label);
    return clusters;
}

/* A beta distribution, and the probability whose quantile is sought. */
struct beta {
    double a, b, probability;
};

/* Distance of the distribution's value from the probability, for the solver. */
static double beyond(double x, void *parameters)
{
    const struct beta *const beta = parameters;
    return gsl_cdf_beta_P(x, beta->a, beta->b) - beta->probability;
}

/* Quantile by Brent's method: gsl_cdf_beta_Pinv does not converge for some of a hundred trials. */
static double beta_quantile(struct beta beta)
{
    gsl_function function = {.function = beyond, .params = &beta};
    gsl_root_fsolver *const solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    gsl_root_fsolver_set(solver, &function, 0.0, 1.0);
    /* An accuracy of 1e-14 takes far fewer steps; the limit only makes sure that the loop ends. */
    for (int i = 0; i < 200; i++) {
        gsl_root_fsolver_iterate(solver);
        const double low = gsl_root_fsolver_x_lower(solver);
        if (gsl_root_test_interval(low, gsl_root_fsolver_x_upper(solver), 0.0, 1e-14) == 0)
            break;
    }
    const double root = gsl_root_fsolver_root(solver);
    gsl_root_fsolver_free(solver);
    return root;
}

struct bounds sample_share(int64_t hits, int64_t trials, double confidence)
{
    CHECK(0 <= hits && hits <= trials && trials <= SAMPLE_TRIALS);
    CHECK(confidence > 0.0 && confidence < 1.0);
    const double tail = (1.0 - confidence) / 2.0, k = (double)hits, n = (double)trials;
    return (struct bounds){
        .lower = hits == 0 ? 0.0 : beta_quantile((struct beta){k, n - k + 1.0, tail}),
        .upper = hits == trials ? 1.0 : beta_quantile((struct beta){k + 1.0, n - k, 1.0 - tail}),
    };
}

void sample_holm(int64_t count, const double *p, double *adjusted)
{
    double *const sorted = fault_alloc((size_t)count + 1, sizeof *sorted);
    size_t *const from = fault_alloc((size_t)count + 1, sizeof *from);
    size_t *const order = fault_alloc((size_t)count + 1, sizeof *order);
    size_t family = 0;
    for (int64_t i = 0; i < count; i++) {
        adjusted[i] = p[i];
        if (isnan(p[i]))
            continue;
        from[family] = (size_t)i;
        sorted[family++] = p[i];
    }
    gsl_sort_index(order, sorted, 1, family);
    /* Rising p: each is multiplied by how many are not smaller, and never falls below the one
     * before, so that the order of the tests is kept. */
    double largest = 0.0;
    for (size_t j = 0; j < family; j++) {
        largest = fmax(largest, fmin(1.0, (double)(family - j) * sorted[order[j]]));
        adjusted[from[order[j]]] = largest;
    }
    free(order);
    free(from);
    free(sorted);
}
