// SPDX-License-Identifier: MIT
/*
 * Layer normalisation against its definition in f64, and its backward pass against central
 * differences of that: narrow and wide rows, in place, on a list of rows, with values of any size.
 */
#include "base/rng.h"
#include "check.h"
#include "model/layer_norm.h"
#include <stdlib.h>

enum { ROWS = 5, MOST = 130 };

static const int widths[] = {1, 2, 3, 6, 15, 16, 17, 31, 64, MOST};

/* How large and how far from 0 the values are: of an actor's sums as drawn, of one after some
 * updates at a learning rate of 0.1, and with nearly all of them alike. */
static const struct {
    double size, centre;
} sizes[] = {{1.0, 0.0}, {3e4, 1e3}, {1e-3, 2.0}, {1.0, 50.0}};

struct rows {
    struct numpy_rng rng;
    float x[ROWS * MOST], y[ROWS * MOST], unit[ROWS * MOST], scale[ROWS];
    float gamma[MOST], beta[MOST], d_y[ROWS * MOST], d_x[ROWS * MOST];
};

static struct rows *draw(int n, double size, double centre)
{
    struct rows *w = calloc(1, sizeof *w);
    numpy_seed(&w->rng, (uint32_t)n);
    for (int k = 0; k < ROWS * n; k++) {
        w->x[k] = (float)(centre + size * numpy_gaussian(&w->rng));
        w->d_y[k] = (float)numpy_gaussian(&w->rng);
    }
    for (int k = 0; k < n; k++) {
        w->gamma[k] = (float)numpy_gaussian(&w->rng);
        w->beta[k] = (float)numpy_gaussian(&w->rng);
    }
    return w;
}

static struct layer_norm norm_of(struct rows *w, int n)
{
    return (struct layer_norm){
        .rows = ROWS, .n = n, .gamma = w->gamma, .unit = w->unit, .scale = w->scale};
}

/* û of one row, and what it was divided by. */
static double define(int n, const double *x, double *unit)
{
    double mean = 0.0, variance = 0.0;
    for (int k = 0; k < n; k++)
        mean += x[k] / n;
    for (int k = 0; k < n; k++)
        variance += (x[k] - mean) * (x[k] - mean) / n;
    for (int k = 0; k < n; k++)
        unit[k] = (x[k] - mean) / sqrt(variance + 1e-5);
    return sqrt(variance + 1e-5);
}

static void widen(const float *x, int n, double *to)
{
    for (int k = 0; k < n; k++)
        to[k] = (double)x[k];
}

static void check_forward(const struct kernels *kernels, int n, double size, double centre)
{
    struct rows *w = draw(n, size, centre);
    const struct layer_norm norm = norm_of(w, n);
    layer_norm_forward(kernels, &norm, w->beta, w->x, w->y);
    for (int r = 0; r < ROWS; r++) {
        double x[MOST], unit[MOST];
        widen(w->x + r * n, n, x);
        assert_close((double)w->scale[r] * define(n, x, unit), 1.0, 1e-7, "scale of row %d", r);
        for (int k = 0; k < n; k++) {
            const double u = (double)w->unit[r * n + k];
            assert_true(fabs(u - unit[k]) <= 1e-7 * fabs(unit[k]) + 1e-12);
            assert_true(w->y[r * n + k] == w->gamma[k] * w->unit[r * n + k] + w->beta[k]);
        }
    }
    free(w);
}

static void test_forward(void **state)
{
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            check_forward(*state, widths[i], sizes[s].size, sizes[s].centre);
}

/* Σ over a row of d_y·y. */
static double loss(int n, const struct rows *w, int r, const double *x)
{
    double unit[MOST], sum = 0.0;
    define(n, x, unit);
    for (int k = 0; k < n; k++)
        sum += (double)w->d_y[r * n + k] * ((double)w->gamma[k] * unit[k] + (double)w->beta[k]);
    return sum;
}

static void check_backward(const struct kernels *kernels, int n, double size, double centre)
{
    struct rows *w = draw(n, size, centre);
    const struct layer_norm norm = norm_of(w, n);
    layer_norm_forward(kernels, &norm, w->beta, w->x, w->y);
    layer_norm_backward(kernels, &norm, w->d_y, w->d_x);
    for (int r = 0; r < ROWS; r++) {
        double x[MOST];
        widen(w->x + r * n, n, x);
        for (int k = 0; k < n; k++) {
            /* A step in the unit of û: small against its curvature, large against rounding. */
            const double step = 1e-4 / (double)w->scale[r];
            const double kept = x[k];
            x[k] = kept + step;
            const double up = loss(n, w, r, x);
            x[k] = kept - step;
            const double down = loss(n, w, r, x);
            x[k] = kept;
            const double want = (up - down) / (2.0 * step);
            if (fabs((double)w->d_x[r * n + k] - want) > 2e-6 * n * (double)w->scale[r])
                fail_msg("%d of row %d of %d: %.9g, want %.9g", k, r, n, (double)w->d_x[r * n + k],
                         want);
        }
    }
    free(w);
}

static void test_backward(void **state)
{
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            check_backward(*state, widths[i], sizes[s].size, sizes[s].centre);
}

/* Listed rows only, in the order of the list; nothing else is touched. */
static void test_gradient_of_listed_rows(void **state)
{
    const int32_t list[] = {1, 4, 3};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const int n = widths[i];
        struct rows *w = draw(n, 1.0, 0.0);
        float d_gamma[MOST], d_beta[MOST];
        struct layer_norm norm = norm_of(w, n);
        norm.rows = 3;
        norm.list = list;
        layer_norm_forward(*state, &norm, w->beta, w->x, w->y);
        layer_norm_backward(*state, &norm, w->d_y, w->d_x);
        layer_norm_gradient(&norm, w->d_y, d_gamma, d_beta);
        for (int r = 0; r < ROWS; r++)
            assert_true((w->scale[r] != 0.0F) == (r == 1 || r == 3 || r == 4));
        for (int k = 0; k < n; k++) {
            double gamma = 0.0, beta = 0.0;
            for (int r = 0; r < 3; r++) {
                const int at = list[r] * n + k;
                gamma += (double)w->d_y[at] * (double)w->unit[at];
                beta += (double)w->d_y[at];
            }
            assert_true(d_gamma[k] == (float)gamma && d_beta[k] == (float)beta);
            assert_true(w->y[k] == 0.0F && w->d_x[2 * n + k] == 0.0F);
        }
        free(w);
    }
}

/* All levels of CPU give the bits of the baseline, also in place and without û. */
static void test_bits(void **state)
{
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const int n = widths[i];
        struct rows *a = draw(n, 3.0, 2.0);
        struct rows *b = draw(n, 3.0, 2.0);
        const struct layer_norm norm = norm_of(a, n);
        struct layer_norm other = norm_of(b, n);
        layer_norm_forward(kernels_named("baseline"), &norm, a->beta, a->x, a->y);
        layer_norm_backward(kernels_named("baseline"), &norm, a->d_y, a->d_x);
        layer_norm_forward(*state, &other, b->beta, b->x, b->y);
        layer_norm_backward(*state, &other, b->d_y, b->d_y);
        assert_memory_equal(a->y, b->y, sizeof a->y);
        assert_memory_equal(a->unit, b->unit, sizeof a->unit);
        assert_memory_equal(a->scale, b->scale, sizeof a->scale);
        assert_memory_equal(a->d_x, b->d_y, (size_t)(ROWS * n) * sizeof(float));
        other.unit = other.scale = NULL;
        layer_norm_forward(*state, &other, b->beta, b->x, b->x);
        assert_memory_equal(a->y, b->x, sizeof a->y);
        free(a);
        free(b);
    }
}

static void test_nan_stays(void **state)
{
    for (size_t i = 1; i < sizeof widths / sizeof *widths; i++) {
        struct rows *w = draw(widths[i], 1.0, 0.0);
        const struct layer_norm norm = norm_of(w, widths[i]);
        w->x[0] = NAN;
        w->x[widths[i]] = INFINITY;
        layer_norm_forward(*state, &norm, w->beta, w->x, w->y);
        for (int k = 0; k < 2 * widths[i]; k++)
            assert_true(isnan(w->y[k]));
        assert_true(isfinite(w->y[2 * widths[i]]));
        free(w);
    }
}

#define AT_LEVEL(test)                                                                             \
    {                                                                                              \
#test, test, NULL, NULL, level                                                             \
    }

int main(int argc, char **argv)
{
    void *level = argc > 1 ? (void *)(uintptr_t)kernels_named(argv[1]) : NULL;
    if (level == NULL) {
        printf("1..0 # SKIP this CPU does not run the level\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        AT_LEVEL(test_forward), AT_LEVEL(test_backward),  AT_LEVEL(test_gradient_of_listed_rows),
        AT_LEVEL(test_bits),    AT_LEVEL(test_nan_stays),
    };
    return cmocka_run_group_tests_name("layer_norm", tests, NULL, NULL);
}
