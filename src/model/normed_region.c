// SPDX-License-Identifier: MIT
/* Rows of a critic with normalisations (the header has the formula). Used for TD targets and for
 * the ranking of proposals, and by normed_response for each of its passes. */
#include "model/normed_region.h"
#include "model/mec.h"
#include <math.h>
#include <string.h>

/* D: own inputs and the constant. PACK: mixed units are packed in whole blocks of lanes. */
enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, D = O + 1, PACK = 16 };
enum sign { SIGN_OFF, SIGN_ON, SIGN_MIXED };

/* A sample is laid out again when it has so many more mixed units, besides half as many again:
 * this decides the cost only. */
enum { SPARE_MIXED = 16 };

void normed_region_bind(struct normed_region *region, const struct critic *critic, int samples,
                        struct arena *scratch)
{
    const size_t b = (size_t)samples;
    const size_t n = (size_t)critic->agents;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    const size_t packed = (h1 + PACK - 1) / PACK * PACK;
    *region = (struct normed_region){
        .critic = critic,
        .z = arena_take(scratch, b * h1, sizeof(float)),
        .z_on = arena_take(scratch, b * h1, sizeof(float)),
        .lo = arena_take(scratch, b * h1, sizeof(float)),
        .hi = arena_take(scratch, b * h1, sizeof(float)),
        .sign = arena_take(scratch, b * h1, sizeof(uint8_t)),
        .mixed = arena_take(scratch, b * h1, sizeof(int32_t)),
        .count = arena_take(scratch, b, sizeof(int32_t)),
        .laid = arena_take(scratch, b, sizeof(int32_t)),
        .affine = arena_take(scratch, b * D * h2, sizeof(float)),
        .gram = arena_take(scratch, b * D * D, sizeof(double)),
        .total = arena_take(scratch, b * D, sizeof(double)),
        .basis = arena_take(scratch, D * h1, sizeof(float)),
        .none = arena_take(scratch, h1, sizeof(float)),
        .on = arena_take(scratch, h1, sizeof(int32_t)),
        .any = arena_take(scratch, h1, sizeof(uint8_t)),
        .z_mixed = arena_take(scratch, packed, sizeof(float)),
        .w_mixed = arena_take(scratch, O * packed, sizeof(float)),
        .u_mixed = arena_take(scratch, n * packed, sizeof(float)),
        .z2 = arena_take(scratch, n * h2, sizeof(float)),
        .h2 = arena_take(scratch, n * h2, sizeof(float)),
        .squares = arena_take(scratch, n, sizeof(double)),
    };
    row_norms_bind(&region->norms, n, scratch);
}

static int width1(const struct normed_region *region)
{
    return region->critic->mlp.out[0];
}

static int width2(const struct normed_region *region)
{
    return region->critic->mlp.out[1];
}

static bool is_linear(const struct normed_region *region)
{
    return region->critic->mlp.activation == ACTIVATION_LINEAR;
}

void normed_region_begin(struct normed_region *region, const float *theta)
{
    const size_t h1 = (size_t)width1(region);
    region->own_weight = theta + critic_own_inputs(region->critic);
    memset(region->none, 0, h1 * sizeof(float));
}

/* Sort the units of sample b. Those whose sums are NaN are mixed: so the NaN reaches the values.
 * Returns how many are on. */
static int sort_units(struct normed_region *region, int b)
{
    const int h1 = width1(region);
    const size_t at = (size_t)b * (size_t)h1;
    const float *z = region->z + at;
    const float *lo = region->lo + at;
    const float *hi = region->hi + at;
    int on = 0;
    int mixed = 0;
    for (int k = 0; k < h1; k++) {
        const bool is_on = is_linear(region) || z[k] + lo[k] > 0.0F;
        const bool is_off = !is_on && z[k] + hi[k] <= 0.0F;
        region->on[on] = k;
        on += is_on;
        region->mixed[at + (size_t)mixed] = k;
        mixed += !is_on && !is_off;
        region->sign[at + (size_t)k] = is_on ? SIGN_ON : is_off ? SIGN_OFF : SIGN_MIXED;
    }
    region->count[b] = region->laid[b] = mixed;
    return on;
}

/* z of the units that are on, and the row and column of V·Vᵀ that it has. */
static void take_z(struct normed_region *region, int b)
{
    const size_t h1 = (size_t)width1(region);
    const size_t at = (size_t)b * h1;
    double *gram = region->gram + (size_t)b * D * D;
    double out[O + 2];
    for (size_t k = at; k < at + h1; k++)
        region->z_on[k] = region->sign[k] == SIGN_ON ? region->z[k] : 0.0F;
    region->critic->compute->kernels->moments(h1, O, region->own_weight, region->z_on + at, out);
    for (int x = 0; x < D; x++)
        gram[x * D + O] = gram[O * D + x] = out[x];
    region->total[b * D + O] = out[O + 1];
}

void normed_region_lay_out(struct normed_region *region, int b, int rows, const float *own)
{
    const size_t h1 = (size_t)width1(region);
    const size_t h2 = (size_t)width2(region);
    const struct kernels *kernels = region->critic->compute->kernels;
    double *gram = region->gram + (size_t)b * D * D;
    double out[O + 2];
    if (!is_linear(region))
        kernels->range(rows, (int)h1, O, region->none, own, region->own_weight,
                       region->lo + (size_t)b * h1, region->hi + (size_t)b * h1);
    const int on = sort_units(region, b);
    take_z(region, b);
    memset(region->basis, 0, O * h1 * sizeof(float));
    for (size_t x = 0; x < O; x++)
        for (int p = 0; p < on; p++)
            region->basis[x * h1 + (size_t)region->on[p]] =
                region->own_weight[x * h1 + (size_t)region->on[p]];
    memcpy(region->basis + O * h1, region->z_on + (size_t)b * h1, h1 * sizeof(float));
    for (int x = 0; x < O; x++) {
        kernels->moments(h1, (size_t)x, region->basis, region->basis + (size_t)x * h1, out);
        for (int y = 0; y <= x; y++)
            gram[x * D + y] = gram[y * D + x] = out[y];
        region->total[b * D + x] = out[x + 1];
    }
    struct product p = product_of(D, (int)h2, (int)h1, region->basis, region->critic->folded.w2,
                                  region->affine + (size_t)b * D * h2);
    p.k = on;
    p.inner = region->on;
    compute_product(region->critic->compute, &p);
}

void normed_region_add(struct normed_region *region, int b, const float *part)
{
    const size_t h1 = (size_t)width1(region);
    float *lo = region->lo + (size_t)b * h1;
    float *hi = region->hi + (size_t)b * h1;
    for (size_t k = 0; k < h1; k++) {
        /* A NaN takes the place of what is there. */
        lo[k] = lo[k] <= part[k] ? lo[k] : part[k];
        hi[k] = hi[k] >= part[k] ? hi[k] : part[k];
    }
}

/* Take unit k, which is on, out of what was summed over those. */
static void take_out(struct normed_region *region, int b, int k)
{
    const size_t h1 = (size_t)width1(region);
    const size_t h2 = (size_t)width2(region);
    const float *c = region->critic->folded.w2 + (size_t)k * h2;
    double *gram = region->gram + (size_t)b * D * D;
    for (size_t x = 0; x < O; x++) {
        const float w = region->own_weight[x * h1 + (size_t)k];
        float *affine = region->affine + ((size_t)b * D + x) * h2;
        for (size_t m = 0; m < h2; m++)
            affine[m] -= w * c[m];
        for (size_t y = 0; y < O; y++)
            gram[x * D + y] -= (double)w * (double)region->own_weight[y * h1 + (size_t)k];
        region->total[(size_t)b * D + x] -= (double)w;
    }
}

/* Put unit k into the ascending list of the mixed ones. */
static void mix(struct normed_region *region, int b, int k)
{
    int32_t *mixed = region->mixed + (size_t)b * (size_t)width1(region);
    int p = region->count[b]++;
    for (; p > 0 && mixed[p - 1] > k; p--)
        mixed[p] = mixed[p - 1];
    mixed[p] = k;
}

bool normed_region_follow(struct normed_region *region, int b)
{
    const int h1 = width1(region);
    const size_t at = (size_t)b * (size_t)h1;
    uint8_t *sign = region->sign + at;
    int strays = 0;
    if (is_linear(region))
        return true;
    for (int k = 0; k < h1; k++) {
        const float z = region->z[at + (size_t)k];
        const bool on = z + region->lo[at + (size_t)k] > 0.0F;
        const bool off = z + region->hi[at + (size_t)k] <= 0.0F;
        region->on[strays] = k;
        strays += (sign[k] == SIGN_ON && !on) || (sign[k] == SIGN_OFF && !off);
    }
    if (region->count[b] + strays > region->laid[b] + region->laid[b] / 2 + SPARE_MIXED)
        return false;
    for (int p = 0; p < strays; p++) {
        const int k = region->on[p];
        if (sign[k] == SIGN_ON)
            take_out(region, b, k);
        sign[k] = SIGN_MIXED;
        mix(region, b, k);
    }
    return true;
}

/* Units that are on in some listed sample, into region->on: where a critic has dead units, half of
 * them are in none. */
static int list_on(struct normed_region *region, int count, const int32_t *list)
{
    const size_t h1 = (size_t)width1(region);
    int on = 0;
    memset(region->any, 0, h1);
    for (int i = 0; i < count; i++) {
        const uint8_t *sign = region->sign + (size_t)list[i] * h1;
        for (size_t k = 0; k < h1; k++)
            region->any[k] |= sign[k] == SIGN_ON;
    }
    for (size_t k = 0; k < h1; k++) {
        region->on[on] = (int32_t)k;
        on += region->any[k];
    }
    return on;
}

void normed_region_renew(struct normed_region *region, int count, const int32_t *list)
{
    const int h1 = width1(region);
    const size_t h2 = (size_t)width2(region);
    for (int i = 0; i < count; i++)
        take_z(region, list[i]);
    /* One product of all samples is faster than one with a shorter list for each. */
    struct product p = product_of(count, (int)h2, h1, region->z_on, region->critic->folded.w2,
                                  region->affine + O * h2);
    p.c_row = D * h2;
    p.outer = list;
    p.k = list_on(region, count, list);
    p.inner = region->on;
    compute_product(region->critic->compute, &p);
}

/* Units of the mixed ones, packed side by side; returns the distance between rows. */
static size_t evaluate_mixed(struct normed_region *region, int b, int rows, const float *own)
{
    const size_t h1 = (size_t)width1(region);
    const size_t count = (size_t)region->count[b];
    const size_t packed = (count + PACK - 1) / PACK * PACK;
    const int32_t *mixed = region->mixed + (size_t)b * h1;
    for (size_t k = 0; k < packed; k++) {
        const size_t unit = k < count ? (size_t)mixed[k] : 0;
        region->z_mixed[k] = k < count ? region->z[(size_t)b * h1 + unit] : 0.0F;
        for (size_t x = 0; x < O; x++)
            region->w_mixed[x * packed + k] = k < count ? region->own_weight[x * h1 + unit] : 0.0F;
    }
    struct product p = product_of(rows, (int)packed, O, own, region->w_mixed, region->u_mixed);
    p.start = region->z_mixed;
    p.finish = FINISH_RELU;
    compute_product(region->critic->compute, &p);
    return packed;
}

/* What the scale of row r is made of. */
static void measure_row(struct normed_region *region, int b, int r, const float *own,
                        const float *mixed)
{
    const double *gram = region->gram + (size_t)b * D * D;
    const double *total = region->total + (size_t)b * D;
    const double units = (double)width1(region);
    double v[D] = {[O] = 1.0};
    double along[D] = {0};
    double out[2];
    for (int x = 0; x < O; x++)
        v[x] = (double)own[x];
    for (int y = 0; y < D; y++)
        for (int x = 0; x < D; x++)
            along[x] += gram[y * D + x] * v[y];
    region->critic->compute->kernels->moments((size_t)region->count[b], 0, NULL, mixed, out);
    double squares = out[0];
    double sum = out[1];
    for (int x = 0; x < D; x++) {
        sum += total[x] * v[x];
        squares += along[x] * v[x];
    }
    const double mean = sum / units;
    const double variance = squares / units - mean * mean;
    region->squares[r] = squares;
    region->norms.mean1[r] = (float)mean;
    /* Rounding may take it below 0; a NaN stays. */
    region->norms.scale1[r] = (float)(1.0 / sqrt((variance < 0.0 ? 0.0 : variance) + NORM_EPS));
}

void normed_region_values(struct normed_region *region, int b, int rows, const float *own, float *q)
{
    const struct critic *critic = region->critic;
    const size_t h1 = (size_t)width1(region);
    const size_t h2 = (size_t)width2(region);
    const float *affine = region->affine + (size_t)b * D * h2;
    size_t packed = 0;
    struct product p = product_of(rows, (int)h2, O, own, affine, region->z2);
    p.start = affine + O * h2;
    compute_product(critic->compute, &p);
    if (region->count[b] > 0) {
        packed = evaluate_mixed(region, b, rows, own);
        p = product_of(rows, (int)h2, region->count[b], region->u_mixed, critic->folded.w2,
                       region->z2);
        p.a_row = packed;
        p.inner = region->mixed + (size_t)b * h1;
        p.packed = true;
        p.start = region->z2;
        p.start_row = p.c_row;
        compute_product(critic->compute, &p);
    }
    for (int r = 0; r < rows; r++)
        measure_row(region, b, r, own + (size_t)r * O, region->u_mixed + (size_t)r * packed);
    folded_heads(&critic->folded, &critic->mlp, critic->compute->kernels, 0, rows, region->z2,
                 region->h2, &region->norms, q);
}

void normed_region_evaluate(struct normed_region *region, const float *theta, const float *joint,
                            struct critic_rows *rows)
{
    const size_t h1 = (size_t)width1(region);
    critic_fold(region->critic, theta);
    normed_region_begin(region, theta);
    for (int r = 0; r < rows->count;) {
        const int count = critic_rows_group(rows, r);
        const float *own = rows->own + (size_t)r * O;
        memcpy(region->z, joint + (size_t)rows->sample[r] * h1, h1 * sizeof(float));
        normed_region_lay_out(region, 0, count, own);
        normed_region_values(region, 0, count, own, rows->q + r);
        r += count;
    }
}
