// SPDX-License-Identifier: MIT
/* Values of all rows of one sample at once (the header has the formula). Used for TD targets, for
 * the ranking of proposals, and by best_response for its first pass. Each needs the values of many
 * rows that differ in ten inputs, and not their hidden units: where those are needed,
 * critic_evaluate does it. */
#include "model/linear_region.h"
#include "model/mec.h"
#include <string.h>

/* PACK: mixed units are packed in multiples of a whole block of lanes, so that no product has a
 * rest. */
enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, PACK = 16 };

static struct signs bind_signs(int units, struct arena *scratch)
{
    const size_t n = (size_t)units;
    return (struct signs){
        .on = arena_take(scratch, n, sizeof(int32_t)),
        .mixed = arena_take(scratch, n, sizeof(int32_t)),
        .lo = arena_take(scratch, n, sizeof(float)),
        .hi = arena_take(scratch, n, sizeof(float)),
    };
}

void linear_region_bind(struct linear_region *region, const struct critic *critic,
                        struct arena *scratch)
{
    const size_t n = (size_t)critic->agents;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    const size_t packed = (h1 + PACK - 1) / PACK * PACK;
    *region = (struct linear_region){
        .critic = critic,
        .first = bind_signs(critic->mlp.out[0], scratch),
        .second = bind_signs(critic->mlp.out[1], scratch),
        .basis = arena_take(scratch, (O + 1) * h1, sizeof(float)),
        .start = arena_take(scratch, (O + 1) * h2, sizeof(float)),
        .affine = arena_take(scratch, (O + 1) * h2, sizeof(float)),
        .z_mixed = arena_take(scratch, packed, sizeof(float)),
        .w_mixed = arena_take(scratch, O * packed, sizeof(float)),
        .u_mixed = arena_take(scratch, n * packed, sizeof(float)),
        .z2 = arena_take(scratch, n * h2, sizeof(float)),
    };
}

void linear_region_begin(struct linear_region *region, const float *theta)
{
    const struct mlp *mlp = &region->critic->mlp;
    const size_t h1 = (size_t)mlp->out[0];
    const size_t h2 = (size_t)mlp->out[1];
    memcpy(region->basis, theta + critic_own_inputs(region->critic), O * h1 * sizeof(float));
    memset(region->start, 0, O * h2 * sizeof(float));
    memcpy(region->start + O * h2, theta + mlp->bias[1], h2 * sizeof(float));
}

/* Sort units by the extremes of their sums. Without a branch: an entry that does not belong to its
 * list is overwritten by the next. A unit whose sums are NaN in every row has kept the extremes'
 * start, +INFINITY and -INFINITY, and so is on: the NaN reaches the values. */
static void sort_signs(struct signs *signs, int units, const float *margin)
{
    int on = 0;
    int mixed = 0;
    for (int k = 0; k < units; k++) {
        const float distance = margin != NULL ? margin[k] : 0.0F;
        const bool is_on = signs->lo[k] > distance;
        const bool is_off = signs->hi[k] <= -distance;
        signs->on[on] = k;
        on += is_on;
        signs->mixed[mixed] = k;
        mixed += !is_on && !is_off;
    }
    signs->on_count = on;
    signs->mixed_count = mixed;
}

/* Coefficients of the own inputs and the constant: what the units that are on contribute. One
 * product for both: z is the last row of the basis, and b2 the start of that row alone. */
static void form_affine(struct linear_region *region, const float *theta, const float *z)
{
    const struct critic *critic = region->critic;
    const size_t h1 = (size_t)critic->mlp.out[0];
    const size_t h2 = (size_t)critic->mlp.out[1];
    memcpy(region->basis + O * h1, z, h1 * sizeof *z);
    struct product p = product_of(O + 1, (int)h2, (int)h1, region->basis,
                                  theta + critic->mlp.weight[1], region->affine);
    p.k = region->first.on_count;
    p.inner = region->first.on;
    p.start = region->start;
    p.start_row = h2;
    compute_product(critic->compute, &p);
}

/* z2 (rows, H2) = constant + own · coefficients. */
static void add_affine(struct linear_region *region, int rows, const float *own)
{
    const int h2 = region->critic->mlp.out[1];
    struct product p = product_of(rows, h2, O, own, region->affine, region->z2);
    p.start = region->affine + O * (size_t)h2;
    compute_product(region->critic->compute, &p);
}

/* Sums of the mixed units alone, packed side by side; returns the distance between rows. Copying
 * their weights costs O + 1 rows' worth; it makes the product dense, for all rows of the sample.
 * Padding has zero weights and gives zeros. */
static size_t evaluate_mixed(struct linear_region *region, const float *z, int rows,
                             const float *own)
{
    const struct signs *signs = &region->first;
    const size_t h1 = (size_t)region->critic->mlp.out[0];
    const size_t count = (size_t)signs->mixed_count;
    const size_t packed = (count + PACK - 1) / PACK * PACK;
    for (size_t k = 0; k < packed; k++) {
        const size_t unit = k < count ? (size_t)signs->mixed[k] : 0;
        region->z_mixed[k] = k < count ? z[unit] : 0.0F;
        for (size_t x = 0; x < O; x++)
            region->w_mixed[x * packed + k] = k < count ? region->basis[x * h1 + unit] : 0.0F;
    }
    struct product p = product_of(rows, (int)packed, O, own, region->w_mixed, region->u_mixed);
    p.start = region->z_mixed;
    p.finish = FINISH_RELU;
    compute_product(region->critic->compute, &p);
    return packed;
}

/* z2 += what the mixed units contribute. */
static void add_mixed(struct linear_region *region, const float *theta, int rows, size_t packed)
{
    const struct mlp *mlp = &region->critic->mlp;
    struct product p = product_of(rows, mlp->out[1], region->first.mixed_count, region->u_mixed,
                                  theta + mlp->weight[1], region->z2);
    p.a_row = packed;
    p.inner = region->first.mixed;
    p.packed = true;
    p.start = region->z2;
    p.start_row = p.c_row;
    compute_product(region->critic->compute, &p);
}

void linear_region_values(struct linear_region *region, const float *theta, const float *z,
                          int rows, const float *own, const float *margin1, const float *margin2,
                          float *q)
{
    const struct mlp *mlp = &region->critic->mlp;
    const struct kernels *kernels = region->critic->compute->kernels;
    /* First layer: which units have one sign in all rows. Only their extremes are formed, not
     * their sums. */
    kernels->range(rows, mlp->out[0], O, z, own, region->basis, region->first.lo, region->first.hi);
    sort_signs(&region->first, mlp->out[0], margin1);
    form_affine(region, theta, z);
    add_affine(region, rows, own);
    if (region->first.mixed_count > 0)
        add_mixed(region, theta, rows, evaluate_mixed(region, z, rows, own));
    /* Second layer: values, and the extremes of its sums, which best_response sorts with its
     * margins. */
    kernels->heads(rows, mlp->out[1], region->z2, theta + mlp->weight[2], theta[mlp->bias[2]],
                   region->second.lo, region->second.hi, q);
    sort_signs(&region->second, mlp->out[1], margin2);
}

void linear_region_evaluate(struct linear_region *region, const float *theta, const float *joint,
                            struct critic_rows *rows)
{
    const size_t h1 = (size_t)region->critic->mlp.out[0];
    linear_region_begin(region, theta);
    for (int r = 0; r < rows->count;) {
        const int count = critic_rows_group(rows, r);
        linear_region_values(region, theta, joint + (size_t)rows->sample[r] * h1, count,
                             rows->own + (size_t)r * O, NULL, NULL, rows->q + r);
        r += count;
    }
}
