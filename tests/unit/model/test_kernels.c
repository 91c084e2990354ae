// SPDX-License-Identifier: MIT
/*
 * The kernels of the level that is named, of f32 and by test_kernels_f64.c of f64, against plain
 * loops: within rounding of f64 sums, and to the last bit of a chain of multiply-adds where the
 * header promises one.
 */
#include "base/rng.h"
#include "check.h"
#include "model/kernels.h"
#include <float.h>
#include <stdlib.h>

enum { MOST = 96 };
static const real LARGEST = sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX;

static struct numpy_rng rng;

static real draw(void)
{
    return (real)numpy_uniform(&rng, -1.0, 1.0);
}

static real *draws(size_t count)
{
    real *x = calloc(count + 1, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = draw();
    return x;
}

static real chain(bool fused, real a, real b, real sum)
{
    return !fused                          ? a * b + sum
           : sizeof(real) == sizeof(float) ? (real)fmaf((float)a, (float)b, (float)sum)
                                           : (real)fma((double)a, (double)b, (double)sum);
}

static real finished(const struct REAL(product) * p, int i, int j, real sum)
{
    if (p->finish == FINISH_RELU)
        return sum < 0 ? 0 : sum;
    if (p->finish == FINISH_MASK)
        return p->mask[(size_t)i * p->mask_row + (size_t)j] > 0 ? sum : 0;
    return sum;
}

/* The product as the header defines it, one element after the other. */
static void plain_product(const struct REAL(product) * p, bool fused)
{
    for (int i = 0; i < p->m; i++) {
        const int row = p->outer != NULL ? p->outer[i] : i;
        for (int j = 0; j < p->n; j++) {
            real sum = p->start != NULL ? p->start[(size_t)row * p->start_row + (size_t)j] : 0;
            for (int k = 0; k < p->k; k++) {
                const int at = p->inner != NULL ? p->inner[k] : k;
                const int column = p->packed ? k : at;
                sum = chain(fused, p->a[(size_t)row * p->a_row + (size_t)column * p->a_col],
                            p->b[(size_t)at * p->b_row + (size_t)j], sum);
            }
            p->c[(size_t)row * p->c_row + (size_t)j] = finished(p, row, j, sum);
        }
    }
}

/* Ascending indices below `most`, about two of three. */
static int some(int most, int32_t *list)
{
    int count = 0;
    for (int i = 0; i < most; i++)
        if (numpy_double(&rng) < 0.67)
            list[count++] = i;
    return count;
}

/* Random options of a product; C is larger than what is written, to see what should not be. */
static void compare_product(const struct kernels *kernels, int m, int n, int k)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(kernels);
    int32_t inner[MOST], outer[MOST];
    real *a = draws(MOST * MOST), *b = draws(MOST * MOST), *start = draws(MOST * MOST);
    real *mask = draws(MOST * MOST), *c = draws(MOST * MOST), *want = draws(MOST * MOST);
    memcpy(want, c, MOST * MOST * sizeof *c);
    struct REAL(product) p = {.m = m, .n = n, .k = k, .a = a, .a_row = MOST, .a_col = 1, .b = b};
    const uint32_t options = mt19937_next(&rng.mt);
    p.b_row = p.c_row = p.mask_row = MOST;
    p.mask = mask;
    p.finish = (enum finish)(options % 3);
    if (options & 16)
        p.a_row = 1, p.a_col = MOST;
    if (options & 32)
        p.inner = inner, p.k = some(k, inner), p.packed = (options & 64) != 0;
    if (options & 128)
        p.outer = outer, p.m = some(m, outer);
    for (size_t i = 0; i < MOST * MOST; i += 5)
        mask[i] = options & 2048 ? 0 : NAN;
    p.c = want;
    p.start = options & 256 ? (options & 512 ? want : start) : NULL;
    p.start_row = options & (512 + 1024) ? MOST : 0;
    plain_product(&p, kernels->fused);
    p.c = c;
    p.start = p.start == want ? c : p.start;
    precise->product(&p);
    assert_memory_equal(c, want, MOST * MOST * sizeof *c);
    real *const all[] = {a, b, start, mask, c, want};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_products(void **state)
{
    const struct kernels *kernels = *state;
    for (int m = 0; m <= 19; m++)
        for (int n = 0; n <= 70; n += m % 3 == 0 ? 1 : 7)
            compare_product(kernels, m, n, (m * 7 + n) % 40);
    compare_product(kernels, 90, 90, 90);
}

/* 39 columns are whole vectors and a rest at every level. */
static void test_product_keeps_nan(void **state)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(*state);
    enum { N = 39 };
    const real a[] = {1, NAN, -NAN}, b[N] = {0};
    real c[3 * N];
    struct REAL(product) p = REAL(product_of)(3, N, 1, a, b, c);
    p.finish = FINISH_RELU;
    precise->product(&p);
    for (int j = 0; j < N; j++)
        assert_true(c[j] == 0 && isnan(c[N + j]) && isnan(c[2 * N + j]));
}

/* A long sum as the header defines it: 16 lanes, folded in halves. */
static real lanes(bool fused, int n, const real *x, const real *y)
{
    real lane[16] = {0};
    for (int k = 0; k < n; k++)
        lane[k % 16] = chain(fused, x[k], y[k], lane[k % 16]);
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static void test_dots(void **state)
{
    const struct kernels *kernels = *state;
    const struct REAL(kernels) *precise = REAL(kernels_at)(kernels);
    for (int m = 0; m < 11; m++) {
        const int n = (m * 5 + 2) % 9;
        const int k = m * 7;
        real *a = draws((size_t)(m * k)), *b = draws((size_t)(n * k)), *start = draws((size_t)n);
        real c[99];
        const struct REAL(dots) d = {.m = m,
                                     .n = n,
                                     .k = k,
                                     .a = a,
                                     .a_row = (size_t)k,
                                     .b = b,
                                     .b_row = (size_t)k,
                                     .c = c,
                                     .c_row = (size_t)n,
                                     .start = m % 2 ? start : NULL};
        precise->dots(&d);
        for (int i = 0; i < m * n; i++) {
            const real want = lanes(kernels->fused, k, a + i / n * k, b + i % n * k);
            assert_true(c[i] == (m % 2 ? start[i % n] : 0) + want);
        }
        free(a);
        free(b);
        free(start);
    }
}

#ifndef REAL_F64
static void test_range(void **state)
{
    const struct kernels *kernels = *state;
    float lo[MOST], hi[MOST];
    for (int n = 1; n < MOST; n += 6) {
        const int rows = n % 9 + 1;
        float *z = draws((size_t)n), *x = draws((size_t)(rows * 10)), *w = draws((size_t)(10 * n));
        kernels->range(rows, n, 10, z, x, w, lo, hi);
        for (int j = 0; j < n; j++) {
            float low = INFINITY, high = -INFINITY;
            for (int r = 0; r < rows; r++) {
                float sum = z[j];
                for (int p = 0; p < 10; p++)
                    sum = chain(kernels->fused, x[r * 10 + p], w[p * n + j], sum);
                low = fminf(low, sum);
                high = fmaxf(high, sum);
            }
            assert_true(lo[j] == low && hi[j] == high);
        }
        free(z);
        free(x);
        free(w);
    }
}

static void test_move_and_slopes(void **state)
{
    const struct kernels *kernels = *state;
    for (int n = 1; n < MOST; n += 7) {
        const size_t count = (size_t)n;
        float *w = draws(3 * count), *shift = draws(count), *u = draws(count), *h = draws(count);
        u[count / 2] = -0.0F; /* with a shift of 0: a sum of exactly 0 is off */
        shift[count / 2] = 0.0F;
        float *t = draws(count), *common = draws(count), *bound = draws(count);
        float after[MOST], change[MOST], size[MOST], live[MOST], out[3];
        for (size_t a = 0; a < 3; a++)
            w[a * count + count / 2] = 0.0F;
        struct move m = {.n = n,
                         .w = w,
                         .by = {draw(), draw(), draw()},
                         .shift = shift,
                         .u = u,
                         .h = h,
                         .t = t,
                         .common = common,
                         .bound = bound};
        for (size_t k = 0; k < count; k++) {
            after[k] = shift[k];
            for (size_t a = 0; a < 3; a++)
                after[k] = chain(kernels->fused, m.by[a], w[a * count + k], after[k]);
            change[k] = fmaxf(u[k] + after[k], 0.0F) - h[k];
            size[k] = fabsf(after[k]);
            live[k] = u[k] + after[k] > 0.0F ? t[k] : 0.0F;
        }
        kernels->move(&m);
        assert_memory_equal(shift, after, count * sizeof *shift);
        assert_true(m.value == lanes(kernels->fused, n, t, change));
        assert_true(m.distance == lanes(kernels->fused, n, change, change));
        assert_true(m.moved == lanes(kernels->fused, n, after, after));
        assert_true(m.together == lanes(kernels->fused, n, common, after));
        assert_true(m.apart == lanes(kernels->fused, n, bound, size));
        kernels->slopes(n, w, u, shift, t, out);
        for (int a = 0; a < 3; a++) {
            assert_true(out[a] == lanes(kernels->fused, n, live, w + a * n));
            w[a * n + n / 2] = 1.0F; /* shows in the sum if the unit is taken */
        }
        kernels->slopes(n, w, u, shift, t, out);
        for (int a = 0; a < 3; a++)
            assert_true(out[a] == lanes(kernels->fused, n, live, w + a * n));
        float *const all[] = {w, shift, u, h, t, common, bound};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

static void test_heads(void **state)
{
    const struct kernels *kernels = *state;
    enum { ROWS = 7 };
    for (int n = 1; n < MOST; n += 11) {
        float *z = draws((size_t)(ROWS * n)), *w = draws((size_t)n);
        float lo[MOST], hi[MOST], positive[MOST], q[ROWS], again[ROWS];
        kernels->heads(ROWS, n, z, w, 0.25F, lo, hi, q);
        kernels->heads(ROWS, n, z, w, 0.25F, NULL, NULL, again);
        assert_memory_equal(q, again, sizeof q);
        for (int r = 0; r < ROWS; r++) {
            for (int k = 0; k < n; k++)
                positive[k] = fmaxf(z[r * n + k], 0.0F);
            assert_true(q[r] == 0.25F + lanes(kernels->fused, n, positive, w));
        }
        for (int k = 0; k < n; k++) {
            float low = INFINITY, high = -INFINITY;
            for (int r = 0; r < ROWS; r++) {
                low = fminf(low, z[r * n + k]);
                high = fmaxf(high, z[r * n + k]);
            }
            assert_true(lo[k] == low && hi[k] == high);
        }
        z[3 * n + n / 2] = NAN;
        kernels->heads(ROWS, n, z, w, 0.25F, NULL, NULL, again);
        for (int r = 0; r < ROWS; r++)
            assert_true(r == 3 ? isnan(again[r]) : again[r] == q[r]);
        free(z);
        free(w);
    }
}

/* The second half of a row with normalisations: its units, their spread and the value. */
static void test_normed_heads(void **state)
{
    const struct kernels *kernels = *state;
    enum { ROWS = 5 };
    for (int n = 1; n < MOST; n += 7) {
        float *z = draws((size_t)(ROWS * n)), *shift = draws((size_t)n), *w = draws((size_t)n);
        float *h = draws((size_t)(ROWS * n)), scale[ROWS], mean[ROWS], unit[ROWS], q[ROWS];
        float want[MOST], ones[MOST], from_mean[MOST];
        for (int r = 0; r < ROWS; r++)
            scale[r] = (float)(r + 1);
        for (int relu = 0; relu < 2; relu++) {
            const struct normed_heads heads = {ROWS, n,         z, scale, shift, w,
                                               0.5F, relu == 1, h, mean,  unit,  q};
            kernels->normed_heads(&heads);
            for (int r = 0; r < ROWS; r++) {
                for (int k = 0; k < n; k++) {
                    want[k] = chain(kernels->fused, scale[r], z[r * n + k], shift[k]);
                    want[k] = relu && want[k] < 0.0F ? 0.0F : want[k];
                    ones[k] = 1.0F;
                }
                assert_memory_equal(h + r * n, want, (size_t)n * sizeof *h);
                assert_true(mean[r] == lanes(kernels->fused, n, want, ones) / (float)n);
                for (int k = 0; k < n; k++)
                    from_mean[k] = want[k] - mean[r];
                const float variance = lanes(kernels->fused, n, from_mean, from_mean) / (float)n;
                assert_true(unit[r] == 1.0F / sqrtf(variance + 1e-5F));
                assert_true(q[r] == 0.5F + lanes(kernels->fused, n, want, w) * unit[r]);
            }
        }
        free(z), free(shift), free(w), free(h);
    }
}

static void test_positive(void **state)
{
    const struct kernels *kernels = *state;
    int32_t list[MOST];
    for (int n = 1; n < MOST; n += 5) {
        const int rows = n % 4 + 1;
        float *x = draws((size_t)(rows * n));
        int count = 0;
        x[n / 2] = NAN;
        const int found = kernels->positive(rows, n, x, list);
        for (int j = 0; j < n; j++) {
            bool some_row = false;
            for (int r = 0; r < rows; r++)
                some_row |= !(x[r * n + j] <= 0.0F);
            if (some_row)
                assert_int_equal(list[count++], j);
        }
        assert_int_equal(found, count);
        free(x);
    }
}

/* y is the nearest float of tanh(z), of either when that is halfway between two within 1e-7 of
 * their distance. */
static void check_tanh(float z, float y)
{
    const long double exact = tanhl((long double)z);
    const float nearest = (float)exact;
    const float other = nextafterf(nearest, exact > (long double)nearest ? INFINITY : -INFINITY);
    const long double excess =
        fabsl(exact - (long double)other) - fabsl(exact - (long double)nearest);
    const bool halfway = excess < 1e-7L * fabsl((long double)nearest - (long double)other);
    if (!(y == nearest || (halfway && y == other)) || signbit(y) != signbit(z))
        fail_msg("tanh(%a) is %a, not %a", (double)z, (double)y, (double)nearest);
}

/* Every magnitude from the smallest denormal on, in steps of a few hundred floats. */
static void test_tanh_is_the_nearest_float(void **state)
{
    const struct kernels *kernels = *state;
    const struct kernels *baseline = kernels_named("baseline");
    enum { COUNT = 1000 }; /* no whole number of vectors */
    float z[COUNT], y[COUNT], same[COUNT];
    for (uint32_t bits = 1; bits < 0x42000000;) {
        for (int k = 0; k < COUNT; k++) {
            memcpy(&z[k], &bits, sizeof bits);
            z[k] = k % 2 ? z[k] : -z[k];
            bits += 1 + mt19937_next(&rng.mt) % (bits < 0x38000000 ? 16384 : 512);
        }
        kernels->tanh(COUNT, z, INFINITY, y);
        baseline->tanh(COUNT, z, INFINITY, same);
        assert_memory_equal(y, same, sizeof y);
        for (int k = 0; k < COUNT; k++)
            check_tanh(z[k], y[k]);
    }
}

static void test_tanh_at_the_ends(void **state)
{
    const struct kernels *kernels = *state;
    const float ends[] = {0.0F, 1e-45F, FLT_MIN, 9.0108F, 9.0114F, 40.0F, FLT_MAX, INFINITY, NAN};
    float y[2];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const float z[2] = {ends[i], -ends[i]};
        kernels->tanh(2, z, INFINITY, y);
        for (int k = 0; k < 2; k++)
            isnan(z[k]) ? assert_true(isnan(y[k])) : check_tanh(z[k], y[k]);
    }
}

static void test_tanh_cliff(void **state)
{
    const struct kernels *kernels = *state;
    const float cliff = 8.664339742F;
    float z[37], y[37];
    for (int k = 0; k < 37; k++)
        z[k] = (k % 2 ? -1.0F : 1.0F) * (k < 18 ? cliff : nextafterf(cliff, 9.0F));
    kernels->tanh(37, z, cliff, y);
    for (int k = 0; k < 37; k++)
        assert_true(k < 18 ? fabsf(y[k]) < 1.0F : y[k] == copysignf(1.0F, z[k]));
}

#endif

/* PyTorch's order of operations, nothing fused; `volatile` keeps a compiler from that. */
static void plain_adam(const struct adam *a, real *theta, real *m, real *v, real g)
{
    volatile real first = (real)a->beta1 * *m;
    volatile real second = (real)a->one_minus_beta1 * g;
    *m = first + second;
    first = (real)a->beta2 * *v;
    second = (real)a->one_minus_beta2 * g;
    second = second * g;
    *v = first + second;
    first = (real)a->step_size * *m;
    second = real_sqrt(*v) / (real)a->root_correction;
    second = second + (real)a->eps;
    first = first / second;
    *theta = *theta - first;
}

/* Parameters of 0 and of the size of a step, so that every bit of the step shows. */
static void test_adam(void **state)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(*state);
    enum { COUNT = 83 };
    for (int64_t t = 1; t < 3000; t = t * 3 / 2 + 1) {
        const struct adam a = adam_scalars(0.3, 0.9, 0.999, t % 2 ? 1e-8 : 1e-2, t);
        real *theta = draws(COUNT), *m = draws(COUNT), *v = draws(COUNT), *g = draws(COUNT);
        real want[3][COUNT];
        for (int k = 0; k < COUNT; k++) {
            theta[k] = k % 2 ? theta[k] : (real)0.0;
            v[k] = real_abs(v[k]);
            want[0][k] = theta[k], want[1][k] = m[k], want[2][k] = v[k];
            plain_adam(&a, &want[0][k], &want[1][k], &want[2][k], g[k]);
        }
        const struct adam_effect effect = precise->adam(&a, COUNT, theta, m, v, g);
        assert_memory_equal(theta, want[0], sizeof want[0]);
        assert_memory_equal(m, want[1], sizeof want[1]);
        assert_memory_equal(v, want[2], sizeof want[2]);
        assert_true(effect.changed && effect.finite && effect.gradient_finite);
        assert_false(effect.gradient_zero);
        real *const all[] = {theta, m, v, g};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
}

/* Bits count, not values: -0 becomes 0, a NaN stays, and a finite gradient makes infinity. */
static void test_adam_effects_on_parameters(void **state)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(*state);
    struct adam a = adam_scalars(0.1, 0.9, 0.999, 1e-8, 1);
    for (int at = 0; at < 40; at++) {
        real theta[40] = {0}, m[40] = {0}, v[40] = {0}, g[40] = {0};
        theta[at] = m[at] = g[at] = -(real)0.0;
        struct adam_effect effect = precise->adam(&a, 40, theta, m, v, g);
        assert_true(effect.changed && effect.finite && effect.gradient_zero);
        assert_true(!signbit(theta[at]));
        theta[at] = at % 2 ? NAN : INFINITY;
        effect = precise->adam(&a, 40, theta, m, v, g);
        assert_true(!effect.changed && !effect.finite && effect.gradient_finite);
        theta[at] = -LARGEST;
        g[at] = (real)1.0;
        struct adam large = a;
        large.step_size = LARGEST;
        effect = precise->adam(&large, 40, theta, m, v, g);
        assert_true(effect.changed && !effect.finite && effect.gradient_finite);
        assert_true(isinf(theta[at]) && !effect.gradient_zero);
    }
}

static void test_adam_effects(void **state)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(*state);
    const struct adam a = adam_scalars(0.1, 0.9, 0.999, 1e-8, 1);
    for (int at = 0; at < 40; at++) {
        real theta[40], m[40] = {0}, v[40] = {0}, g[40] = {0};
        for (int k = 0; k < 40; k++)
            theta[k] = (real)1.0, g[k] = k % 2 ? (real)0.0 : -(real)0.0;
        struct adam_effect effect = precise->adam(&a, 40, theta, m, v, g);
        assert_true(!effect.changed && effect.finite);
        assert_true(effect.gradient_zero && effect.gradient_finite);
        g[at] = (real)1e-30;
        effect = precise->adam(&a, 40, theta, m, v, g);
        assert_true(effect.finite && !effect.gradient_zero && effect.gradient_finite);
        g[at] = at % 2 ? NAN : INFINITY;
        effect = precise->adam(&a, 40, theta, m, v, g);
        assert_true(effect.changed && !effect.finite);
        assert_true(!effect.gradient_zero && !effect.gradient_finite);
    }
}

/* In f64, 16 lanes folded in halves, the same bits at every level. */
static void test_squares(void **state)
{
    const struct REAL(kernels) *precise = REAL(kernels_at)(*state);
    for (size_t n = 0; n < 200; n++) {
        real *x = draws(n);
        double lane[16] = {0};
        double sum = 0.0;
        for (size_t k = 0; k < n; k++) {
            x[k] *= k % 3 ? (real)1.0 : (real)1e4;
            lane[k % 16] += (double)x[k] * (double)x[k];
            sum += (double)x[k] * (double)x[k];
        }
        for (int half = 8; half > 0; half /= 2)
            for (int l = 0; l < half; l++)
                lane[l] += lane[l + half];
        assert_true(precise->squares(n, x) == lane[0]);
        assert_close(lane[0], sum, 1e-14, "%zu squares", n);
        free(x);
    }
}

#ifndef REAL_F64
static double lanes_wide(size_t n, const float *x, const float *y)
{
    double lane[16] = {0};
    for (size_t k = 0; k < n; k++)
        lane[k % 16] += (double)x[k] * (double)y[k];
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* Likewise: what the scale of a row is made of. */
static void test_spread_and_moments(void **state)
{
    const struct kernels *kernels = *state;
    for (size_t n = 1; n < 200; n += 3) {
        enum { ROWS = 3 };
        float *x = draws(n), *w = draws(ROWS * n), *ones = draws(n);
        double out[ROWS + 2], mean = 0.0, variance = 0.0;
        float m, scale;
        for (size_t k = 0; k < n; k++) {
            ones[k] = 1.0F;
            x[k] += 1000.0F;
            mean += (double)x[k] / (double)n;
        }
        for (size_t k = 0; k < n; k++)
            variance += ((double)x[k] - mean) * ((double)x[k] - mean) / (double)n;
        kernels->moments(n, ROWS, w, x, out);
        for (size_t a = 0; a < ROWS; a++)
            assert_true(out[a] == lanes_wide(n, w + a * n, x));
        assert_true(out[ROWS] == lanes_wide(n, x, x));
        assert_true(out[ROWS + 1] == lanes_wide(n, x, ones));
        kernels->spread(n, x, &m, &scale);
        assert_true(m == (float)(lanes_wide(n, x, ones) / (double)n));
        assert_close((double)scale, 1.0 / sqrt(variance + 1e-5), 1e-7, "scale of %zu", n);
        free(x), free(w), free(ones);
    }
}
#endif

static int seed(void **state)
{
    (void)state;
    numpy_seed(&rng, 5);
    return 0;
}

#define AT_LEVEL(test)                                                                             \
    {                                                                                              \
#test, test, seed, NULL, level                                                             \
    }

int main(int argc, char **argv)
{
    void *level = argc > 1 ? (void *)(uintptr_t)kernels_named(argv[1]) : NULL;
    if (level == NULL) {
        printf("1..0 # SKIP this CPU does not run the level\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        AT_LEVEL(test_products),
        AT_LEVEL(test_product_keeps_nan),
        AT_LEVEL(test_dots),
#ifndef REAL_F64
        AT_LEVEL(test_range),
        AT_LEVEL(test_move_and_slopes),
        AT_LEVEL(test_heads),
        AT_LEVEL(test_normed_heads),
        AT_LEVEL(test_positive),
        AT_LEVEL(test_tanh_is_the_nearest_float),
        AT_LEVEL(test_tanh_at_the_ends),
        AT_LEVEL(test_tanh_cliff),
#endif
        AT_LEVEL(test_adam),
        AT_LEVEL(test_adam_effects),
        AT_LEVEL(test_adam_effects_on_parameters),
        AT_LEVEL(test_squares),
#ifndef REAL_F64
        AT_LEVEL(test_spread_and_moments),
#endif
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
