// SPDX-License-Identifier: MIT
/*
 * The kernels for one level of CPU. The build compiles this file twice for each level, with that
 * level's compiler flags: in f32, and those that actors of f64 need in f64 (real.h).
 *
 * What all kernels here have in common, said once:
 * - Bits. kernels.h defines them, not this file. An element of a product is one chain of
 *   multiply-adds in ascending order of the inner index: tiles divide m and n between registers,
 *   never k. A long sum has 16 lanes (kernels_vector.h). So the width of a vector, the size of a
 *   tile and the way in which rows are divided into strips change no bit.
 * - Ends. What does not fill a vector or a block is computed by the same chain, one element at a
 *   time or with zeros for what is missing, never in another order.
 * - NaN. A comparison with NaN is false. Each is written so that a NaN stays in the result (a unit
 *   whose sums are NaN counts as on): the training must see it and end as diverged.
 * - Constants. Functions marked INLINE take counts of rows and vectors that are constants at every
 *   call, so that the compiler unrolls loops and keeps the arrays of sums in registers. That is why
 *   the same call is repeated below for each number of rows.
 */
#include "model/kernels.h"
#include "model/kernels_vector.h"
#include <math.h>
#include <string.h>
#ifndef REAL_F64
#include "model/kernels_normed.h"
#endif

/* How the inner index p reaches A's columns and B's rows: both by p itself, A by p and B by
 * inner[p], or both by inner[p]. A constant in a tile, so that a dense product pays for no list. */
enum reach { REACH_ALL, REACH_PACKED, REACH_BOTH };

/* Row of A and C with number i. */
INLINE size_t row_of(const struct REAL(product) * q, int i)
{
    return (size_t)(q->outer != NULL ? q->outer[i] : i);
}

/* mr rows by nr vectors of C at (i, j); `mr`, `nr` and `reach` are constants. The mr·nr sums stay
 * in registers over the whole inner loop: each step loads nr vectors of B and mr values of A for
 * mr·nr multiply-adds, and C is written once. `start` is where the chain begins and not a
 * term added at its end: so it is defined, and so bias and partial sums cost nothing. */
INLINE void tile(const struct REAL(product) * q, int i, int j, int mr, int nr, enum reach reach)
{
    const real *a[MR];
    const real *b = q->b + j;
    vec sum[MR][NR_MAX];
    for (int r = 0; r < mr; r++) {
        const size_t row = row_of(q, i + r);
        a[r] = q->a + row * q->a_row;
        for (int s = 0; s < nr; s++)
            sum[r][s] =
                q->start != NULL ? load(q->start + row * q->start_row + j + s * VL) : (vec){0};
    }
    for (int p = 0; p < q->k; p++) {
        const size_t at = (size_t)(reach == REACH_ALL ? p : q->inner[p]);
        const size_t column = (reach == REACH_PACKED ? (size_t)p : at) * q->a_col;
        vec y[NR_MAX];
        for (int s = 0; s < nr; s++)
            y[s] = load(b + at * q->b_row + s * VL);
        for (int r = 0; r < mr; r++) {
            const vec x = all(a[r][column]);
            for (int s = 0; s < nr; s++)
                sum[r][s] = multiply_add(x, y[s], sum[r][s]);
        }
    }
    for (int r = 0; r < mr; r++) {
        const size_t row = row_of(q, i + r);
        for (int s = 0; s < nr; s++) {
            vec v = sum[r][s];
            if (q->finish == FINISH_RELU)
                v = relu(v);
            else if (q->finish == FINISH_MASK)
                v = where(load(q->mask + row * q->mask_row + j + s * VL) > (vec){0}, v);
            store(q->c + row * q->c_row + j + s * VL, v);
        }
    }
}

/* The columns that fill no vector, one at a time: the same chain of multiply-adds. */
static void tile_rest(const struct REAL(product) * q, int i, int j, int mr)
{
    for (int r = i; r < i + mr; r++) {
        const size_t row = row_of(q, r);
        for (int s = j; s < q->n; s++) {
            real sum = q->start != NULL ? q->start[row * q->start_row + (size_t)s] : 0;
            for (int p = 0; p < q->k; p++) {
                const size_t at = (size_t)(q->inner != NULL ? q->inner[p] : p);
                const size_t column = (q->packed ? (size_t)p : at) * q->a_col;
                sum = multiply_add1(q->a[row * q->a_row + column], q->b[at * q->b_row + (size_t)s],
                                    sum);
            }
            if (q->finish == FINISH_RELU)
                sum = sum < 0 ? 0 : sum;
            else if (q->finish == FINISH_MASK)
                sum = q->mask[row * q->mask_row + (size_t)s] > 0 ? sum : 0;
            q->c[row * q->c_row + (size_t)s] = sum;
        }
    }
}

/* All columns of a strip of mr rows. A multiply-add waits some four cycles for the one before it
 * in its chain, so few rows take wide tiles, for enough chains side by side. */
INLINE void strip(const struct REAL(product) * q, int i, int mr, enum reach reach)
{
    const int nr = mr == 1 ? 8 : mr <= WIDE ? 4 : 2;
    int j = 0;
    for (; j + nr * VL <= q->n; j += nr * VL)
        tile(q, i, j, mr, nr, reach);
    for (; j + VL <= q->n; j += VL)
        tile(q, i, j, mr, 1, reach);
    if (j < q->n)
        tile_rest(q, i, j, mr);
}

/* A strip for each number of rows, as constants. A level with a smaller MR never calls those
 * above it; MR < 5 ? MR : 5 keeps them within its arrays. */
#define STRIPS(reach)                                                                              \
    static __attribute__((noinline)) void strip_##reach(const struct REAL(product) * q, int i,     \
                                                        int mr)                                    \
    {                                                                                              \
        switch (mr) {                                                                              \
        case 1:                                                                                    \
            strip(q, i, 1, reach);                                                                 \
            break;                                                                                 \
        case 2:                                                                                    \
            strip(q, i, 2, reach);                                                                 \
            break;                                                                                 \
        case 3:                                                                                    \
            strip(q, i, 3, reach);                                                                 \
            break;                                                                                 \
        case 4:                                                                                    \
            strip(q, i, 4, reach);                                                                 \
            break;                                                                                 \
        case 5:                                                                                    \
            strip(q, i, MR < 5 ? MR : 5, reach);                                                   \
            break;                                                                                 \
        case 6:                                                                                    \
            strip(q, i, MR < 6 ? MR : 6, reach);                                                   \
            break;                                                                                 \
        case 7:                                                                                    \
            strip(q, i, MR < 7 ? MR : 7, reach);                                                   \
            break;                                                                                 \
        default:                                                                                   \
            strip(q, i, MR, reach);                                                                \
            break;                                                                                 \
        }                                                                                          \
    }
STRIPS(REACH_ALL)
STRIPS(REACH_PACKED)
STRIPS(REACH_BOTH)

/* Rows are divided into strips of nearly equal height, not into full ones and a rest: 9 rows are
 * 5 + 4, as a strip of 1 row would use B badly. */
static void product(const struct REAL(product) * q)
{
    if (q->m <= 0 || q->n <= 0)
        return;
    const int strips = (q->m + MR - 1) / MR;
    for (int s = 0, i = 0; s < strips; s++) {
        const int rows = (q->m - i + strips - s - 1) / (strips - s);
        if (q->inner == NULL)
            strip_REACH_ALL(q, i, rows);
        else if (q->packed)
            strip_REACH_PACKED(q, i, rows);
        else
            strip_REACH_BOTH(q, i, rows);
        i += rows;
    }
}

/* mr by nr sums of products along k, which lies side by side in both A and B: each sum has its own
 * 16 lanes, and the start is added behind the folded sum. */
INLINE void dots_tile(const struct REAL(dots) * q, int i, int j, int mr, int nr)
{
    vec sum[DR][DR][PARTS];
    for (int r = 0; r < mr; r++)
        for (int s = 0; s < nr; s++)
            for (int p = 0; p < PARTS; p++)
                sum[r][s][p] = (vec){0};
    const real *a = q->a + (size_t)i * q->a_row;
    const real *b = q->b + (size_t)j * q->b_row;
    for (int k = 0; k < q->k; k += LANES) {
        const size_t count = (size_t)(q->k - k < LANES ? q->k - k : LANES);
        vec y[DR][PARTS];
        for (int s = 0; s < nr; s++)
            load_lanes(b + (size_t)s * q->b_row + k, count, y[s]);
        for (int r = 0; r < mr; r++) {
            vec x[PARTS];
            load_lanes(a + (size_t)r * q->a_row + k, count, x);
            for (int s = 0; s < nr; s++)
                for (int p = 0; p < PARTS; p++)
                    sum[r][s][p] = multiply_add(x[p], y[s][p], sum[r][s][p]);
        }
    }
    for (int r = 0; r < mr; r++)
        for (int s = 0; s < nr; s++)
            q->c[(size_t)(i + r) * q->c_row + (size_t)(j + s)] =
                (q->start != NULL ? q->start[j + s] : 0) + fold(sum[r][s]);
}

static void dots(const struct REAL(dots) * q)
{
    int i = 0;
    for (; i + DR <= q->m; i += DR) {
        int j = 0;
        for (; j + DR <= q->n; j += DR)
            dots_tile(q, i, j, DR, DR);
        for (; j < q->n; j++)
            dots_tile(q, i, j, DR, 1);
    }
    for (; i < q->m; i++)
        for (int j = 0; j < q->n; j++)
            dots_tile(q, i, j, 1, 1);
}

#ifndef REAL_F64
/* Extremes over rows of ns·VL columns from j on. The sums themselves are not kept: their signs are
 * all that is asked, and storing (rows, n) of them would cost more than forming them. A NaN is
 * neither lower nor higher than what is there and so passes unseen: see sort_signs. */
INLINE void range_tile(int rows, int n, int k, const float *z, const float *x, const float *w,
                       int j, int ns, float *lo, float *hi)
{
    vec low[4], high[4];
    for (int s = 0; s < ns; s++) {
        low[s] = all(INFINITY);
        high[s] = all(-INFINITY);
    }
    for (int r = 0; r < rows; r++) {
        vec sum[4];
        for (int s = 0; s < ns; s++)
            sum[s] = load(z + j + s * VL);
        for (int p = 0; p < k; p++) {
            const vec a = all(x[r * k + p]);
            for (int s = 0; s < ns; s++)
                sum[s] = multiply_add(a, load(w + (size_t)p * (size_t)n + j + s * VL), sum[s]);
        }
        for (int s = 0; s < ns; s++) {
            low[s] = choose(sum[s] < low[s], sum[s], low[s]);
            high[s] = choose(sum[s] > high[s], sum[s], high[s]);
        }
    }
    for (int s = 0; s < ns; s++) {
        store(lo + j + s * VL, low[s]);
        store(hi + j + s * VL, high[s]);
    }
}

static void range(int rows, int n, int k, const float *z, const float *x, const float *w, float *lo,
                  float *hi)
{
    int j = 0;
    for (; j + 4 * VL <= n; j += 4 * VL)
        range_tile(rows, n, k, z, x, w, j, 4, lo, hi);
    for (; j + VL <= n; j += VL)
        range_tile(rows, n, k, z, x, w, j, 1, lo, hi);
    for (; j < n; j++) {
        lo[j] = INFINITY;
        hi[j] = -INFINITY;
        for (int r = 0; r < rows; r++) {
            float sum = z[j];
            for (int p = 0; p < k; p++)
                sum = multiply_add1(x[r * k + p], w[(size_t)p * (size_t)n + (size_t)j], sum);
            lo[j] = sum < lo[j] ? sum : lo[j];
            hi[j] = sum > hi[j] ? sum : hi[j];
        }
    }
}

/* Five sums in one pass: reading the arrays is what it costs. `shift` is advanced first, since all
 * sums are about where the sample is now. */
static void move(struct move *move)
{
    const struct move m = *move;
    const size_t n = (size_t)m.n;
    vec value[PARTS], distance[PARTS], moved[PARTS], together[PARTS], apart[PARTS];
    clear(value), clear(distance), clear(moved), clear(together), clear(apart);
    for (size_t k = 0; k < n; k += LANES) {
        const size_t count = n - k < LANES ? n - k : LANES;
        vec s[PARTS], x[PARTS], y[PARTS];
        load_lanes(m.shift + k, count, s);
        for (int a = 0; a < 3; a++) {
            load_lanes(m.w + (size_t)a * n + k, count, x);
            for (int p = 0; p < PARTS; p++)
                s[p] = multiply_add(all(m.by[a]), x[p], s[p]);
        }
        store_lanes(m.shift + k, count, s);
        load_lanes(m.u + k, count, x);
        load_lanes(m.h + k, count, y);
        vec change[PARTS];
        for (int p = 0; p < PARTS; p++) {
            change[p] = relu(x[p] + s[p]) - y[p];
            distance[p] = multiply_add(change[p], change[p], distance[p]);
            moved[p] = multiply_add(s[p], s[p], moved[p]);
        }
        load_lanes(m.t + k, count, x);
        for (int p = 0; p < PARTS; p++)
            value[p] = multiply_add(x[p], change[p], value[p]);
        load_lanes(m.common + k, count, x);
        load_lanes(m.bound + k, count, y);
        for (int p = 0; p < PARTS; p++) {
            together[p] = multiply_add(x[p], s[p], together[p]);
            /* |shift|: all bits but the sign */
            apart[p] = multiply_add(y[p], (vec)((mask)s[p] & 0x7fffffff), apart[p]);
        }
    }
    move->value = fold(value);
    move->distance = fold(distance);
    move->moved = fold(moved);
    move->together = fold(together);
    move->apart = fold(apart);
}

/* The three actions share the masked t, which is formed in registers and not stored. */
static void slopes(int n, const float *w, const float *u, const float *shift, const float *t,
                   float out[3])
{
    vec sum[3][PARTS];
    for (int a = 0; a < 3; a++)
        clear(sum[a]);
    for (int k = 0; k < n; k += LANES) {
        const size_t count = (size_t)(n - k < LANES ? n - k : LANES);
        vec x[PARTS], y[PARTS], d[PARTS];
        load_lanes(u + k, count, x);
        load_lanes(shift + k, count, y);
        load_lanes(t + k, count, d);
        for (int p = 0; p < PARTS; p++)
            d[p] = where(x[p] + y[p] > (vec){0}, d[p]);
        for (int a = 0; a < 3; a++) {
            load_lanes(w + (size_t)a * (size_t)n + (size_t)k, count, y);
            for (int p = 0; p < PARTS; p++)
                sum[a][p] = multiply_add(d[p], y[p], sum[a][p]);
        }
    }
    for (int a = 0; a < 3; a++)
        out[a] = fold(sum[a]);
}

/* Extremes take in one more row: those of heads, whose rows are there anyway. */
INLINE void widen(float *lo, float *hi, size_t count, const vec x[PARTS])
{
    vec y[PARTS];
    load_lanes(lo, count, y);
    for (int p = 0; p < PARTS; p++)
        y[p] = choose(x[p] < y[p], x[p], y[p]);
    store_lanes(lo, count, y);
    load_lanes(hi, count, y);
    for (int p = 0; p < PARTS; p++)
        y[p] = choose(x[p] > y[p], x[p], y[p]);
    store_lanes(hi, count, y);
}

/* The second layer's ReLU, the output and, where asked for, the extremes in one pass: z is read
 * once and relu(z) is never stored. */
static void heads(int rows, int n, const float *z, const float *w, float b, float *lo, float *hi,
                  float *q)
{
    for (int k = 0; lo != NULL && k < n; k++) {
        lo[k] = INFINITY;
        hi[k] = -INFINITY;
    }
    for (int r = 0; r < rows; r++) {
        const float *row = z + (size_t)r * (size_t)n;
        vec sum[PARTS];
        clear(sum);
        for (int k = 0; k < n; k += LANES) {
            const size_t count = (size_t)(n - k < LANES ? n - k : LANES);
            vec x[PARTS], y[PARTS];
            load_lanes(row + k, count, x);
            if (lo != NULL)
                widen(lo + k, hi + k, count, x);
            load_lanes(w + k, count, y);
            for (int p = 0; p < PARTS; p++)
                sum[p] = multiply_add(relu(x[p]), y[p], sum[p]);
        }
        q[r] = b + fold(sum);
    }
}

/* Blocks of 16 columns, so that the inner loop is a vector. The list is written without a branch:
 * whether a unit is on cannot be predicted, and a mispredicted branch costs more than a store that
 * the next one overwrites. */
static int positive(int rows, int n, const float *x, int32_t *list)
{
    int count = 0;
    for (int j = 0; j < n; j += LANES) {
        const int width = n - j < LANES ? n - j : LANES;
        int32_t found[LANES] = {0};
        for (int r = 0; r < rows; r++) {
            const float *row = x + (size_t)r * (size_t)n + (size_t)j;
            for (int l = 0; l < width; l++)
                found[l] |= !(row[l] <= 0.0F); /* true for a NaN */
        }
        for (int l = 0; l < width; l++) {
            list[count] = j + l;
            count += found[l];
        }
    }
    return count;
}

#endif

/* t/(t + 2), in f64 from a half on as 1 - 2/(t + 2), which rounds like tanh itself where that is
 * next to 1: so y is exactly 1 from where 2/(t + 2) is half a unit of its last place, at |z| of
 * 19.0615. */
INLINE real quotient(double t)
{
#ifdef REAL_F64
    const double q = (t > 2.0 ? 2.0 : t) / (t + 2.0);
    return t > 2.0 ? 1.0 - q : q;
#else
    return (float)(t / (t + 2.0));
#endif
}

/* tanh(x) = t/(t + 2) with t = exp(2|x|) - 1, in f64: exp(r)·2^k with |r| ≤ ln2/2 by Taylor's
 * series to r^13, whose rest is below 2^-57, so that only one f32 in some 10^8 is not the nearest.
 * Our own, because glibc's tanhf is not the nearest for a quarter of its arguments, and because a
 * library may change its bits: 1 - y² decides which actors still learn. Loops over lanes with no
 * call and no branch become vectors; multiplications and additions are rounded one by one, so that
 * all levels agree, also the one without a fused multiply-add. */
INLINE void tanh_lanes(const real z[LANES], real cliff, real y[LANES])
{
    static const double c[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0,
                               1.0 / 3628800.0,    1.0 / 362880.0,    1.0 / 40320.0,
                               1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,
                               1.0 / 24.0,         1.0 / 6.0,         0.5};
    const double to_integer = 0x1.8p52;
    double r[LANES], p[LANES], scale[LANES];
    for (int l = 0; l < LANES; l++) {
        double x = 2.0 * fabs((double)z[l]);
        x = x > 40.0 ? 40.0 : x; /* tanh is 1 before, in f64 too, and the exponent stays in range */
        /* Adding 1.5·2^52 rounds to a whole number k, which is then in the lowest bits. */
        const double shifted = x * 0x1.71547652b82fep0 + to_integer;
        const double k = shifted - to_integer;
        /* x - k·ln2, with ln2 in two parts of which k times the first is exact */
        r[l] = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
        p[l] = c[0];
        uint64_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        bits = (bits + 1023) << 52; /* the exponent field of 2^k */
        memcpy(&scale[l], &bits, sizeof bits);
    }
    for (size_t i = 1; i < sizeof c / sizeof *c; i++)
        for (int l = 0; l < LANES; l++)
            p[l] = p[l] * r[l] + c[i];
    for (int l = 0; l < LANES; l++) {
        /* exp - 1 without forming exp: for small x the 1 would take t's digits */
        const double t = scale[l] * (p[l] * r[l] * r[l] + r[l]) + (scale[l] - 1.0);
        const real q = quotient(t);
        y[l] = real_copysign(real_abs(z[l]) > cliff ? 1 : q, z[l]);
    }
}

static void tanh_all(size_t n, const real *z, real cliff, real *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        tanh_lanes(z + i, cliff, y + i);
    if (i < n) {
        real in[LANES] = {0};
        real out[LANES];
        memcpy(in, z + i, (n - i) * sizeof *z);
        tanh_lanes(in, cliff, out);
        memcpy(y + i, out, (n - i) * sizeof *y);
    }
}

/* Adam's step (adam.h), and what it did, found on the way: a second pass over the parameters would
 * cost as much as the first. Multiplications and additions are rounded one by one, so that all
 * levels agree.
 * The loop has no branch and no call, so that it becomes vectors. */
static struct adam_effect adam(const struct adam *a, size_t count, real *restrict theta,
                               real *restrict m, real *restrict v, const real *restrict g)
{
    const real beta1 = (real)a->beta1;
    const real one_minus_beta1 = (real)a->one_minus_beta1;
    const real beta2 = (real)a->beta2;
    const real one_minus_beta2 = (real)a->one_minus_beta2;
    const real step_size = (real)a->step_size;
    const real root_correction = (real)a->root_correction;
    const real eps = (real)a->eps;
    struct adam_bits bits = {0};
    for (size_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + one_minus_beta1 * g[i];
        v[i] = beta2 * v[i] + one_minus_beta2 * g[i] * g[i];
        const real next = theta[i] - step_size * m[i] / (real_sqrt(v[i]) / root_correction + eps);
        adam_look(&bits, theta[i], next, g[i]);
        theta[i] = next;
    }
    return adam_saw(&bits);
}

static double squares(size_t n, const real *x)
{
    return dot_wide(n, x, 0.0, x, 0.0);
}

/* Three passes over a row that stays in the first cache. û takes the place of y where it is not
 * kept, before y takes its. */
static real norm_forward(size_t n, const real *x, const real *gamma, const real *beta, real *unit,
                         real *y)
{
    const double mean = sum_wide(n, x) / (double)n;
    const double scale = 1.0 / sqrt(dot_wide(n, x, mean, x, mean) / (double)n + NORM_EPS);
    real *u = unit != NULL ? unit : y;
    for (size_t k = 0; k < n; k++)
        u[k] = (real)(((double)x[k] - mean) * scale);
    for (size_t k = 0; k < n; k++)
        y[k] = gamma[k] * u[k] + beta[k];
    return (real)scale;
}

/* What changes all of a row alike, and what changes its length, does not reach dL/dx: the mean of
 * d = γ∘dL/dy and its part along û are taken off. A product of two f32 is exact in f64. */
static void norm_backward(size_t n, const real *unit, real scale, const real *gamma,
                          const real *d_y, real *d_x)
{
    double all_alike[LANES] = {0};
    double along[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES) {
        const size_t count = n - i < LANES ? n - i : LANES;
        for (size_t l = 0; l < count; l++) {
            const double d = (double)gamma[i + l] * (double)d_y[i + l];
            all_alike[l] += d;
            along[l] += d * (double)unit[i + l];
        }
    }
    const double mean = fold_wide(all_alike) / (double)n;
    const double part = fold_wide(along) / (double)n;
    for (size_t k = 0; k < n; k++) {
        const double d = (double)gamma[k] * (double)d_y[k];
        d_x[k] = (real)((d - mean - (double)unit[k] * part) * (double)scale);
    }
}

/* Declared here and in kernels.c, not in a header: which levels exist depends on the processor. */
extern const struct kernels_f64 KERNELS_F64;
#ifdef REAL_F64
const struct kernels_f64 KERNELS_F64 = {
    .product = product,
    .dots = dots,
    .tanh = tanh_all,
    .adam = adam,
    .squares = squares,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
};
#else
extern const struct kernels KERNELS;
const struct kernels KERNELS = {
    .f64 = &KERNELS_F64,
    .level = LEVEL,
    .fused = FUSED,
    .product = product,
    .dots = dots,
    .range = range,
    .move = move,
    .slopes = slopes,
    .heads = heads,
    .positive = positive,
    .tanh = tanh_all,
    .adam = adam,
    .squares = squares,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .spread = spread,
    .moments = moments,
    .normed_heads = normed_heads,
};
#endif
