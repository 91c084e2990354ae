// SPDX-License-Identifier: MIT
/**
 * A vector of one level of CPU, and sums in 16 lanes, which are the same at every level.
 *
 * Only this file names instructions of a processor. kernels_tmpl.c (with kernels_normed.h), the
 * only file that includes it, is written once for vectors of VL reals (real.h), because everything
 * here depends on the compiler flags of a level and on the precision. GCC's vector extension does
 * the rest: an operator on `vec` works element by element, and a comparison gives a mask of all
 * ones (true) or zeros (false) for each element.
 */
#ifndef CCMSWEEP_KERNELS_VECTOR_H
#define CCMSWEEP_KERNELS_VECTOR_H

#include "model/real.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __AVX512F__ || defined __AVX2__
#include <immintrin.h>
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

/** Bytes of a vector, and VL reals in it. A tile of a product has up to MR rows, and up to WIDE
 *  rows when it is four vectors wide; one of dots DR by DR sums: what the registers hold (x86-64
 *  has 32 vectors with AVX-512, else 16; a sum of dots takes twice as many in f64). FUSED: a
 *  multiply-add rounds once. */
#if defined __AVX512F__
enum { VECTOR = 64, MR = 8, WIDE = 5, DR = sizeof(real) == sizeof(float) ? 4 : 2, FUSED = 1 };
#define LEVEL "avx512"
#elif defined __AVX2__
enum { VECTOR = 32, MR = 6, WIDE = 2, DR = sizeof(real) == sizeof(float) ? 2 : 1, FUSED = 1 };
#define LEVEL "avx2"
#else
enum { VECTOR = 16, MR = 4, WIDE = 2, DR = 1 };
#define LEVEL "baseline"
#if defined __ARM_NEON && defined __aarch64__
enum { FUSED = 1 };
#else
enum { FUSED = 0 };
#endif
#endif

/** A long sum has 16 lanes at every level, in PARTS vectors. With as many lanes as a vector has
 *  reals, the order of additions, and so the bits, would depend on the CPU. */
enum { VL = VECTOR / sizeof(real), LANES = 16, PARTS = LANES / VL, NR_MAX = 8 };

/** A vector in a register; the same in memory, where only the alignment of a real is given and
 *  any real may lie; the result of a comparison. */
typedef real vec __attribute__((vector_size(VECTOR)));
typedef real unaligned __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));
typedef real_integer mask __attribute__((vector_size(VECTOR)));

/** Always inlined: callers give constants for counts of rows and vectors, and only then are loops
 *  unrolled and sums kept in registers. */
#define INLINE static inline __attribute__((always_inline))

/** VL reals from any address. */
INLINE vec load(const real *x)
{
    return *(const unaligned *)x;
}

/** VL reals to any address. */
INLINE void store(real *x, vec v)
{
    *(unaligned *)x = v;
}

/** x in every element. Subtracting 0 changes no bit, not even the sign of -0. */
INLINE vec all(real x)
{
    return x - (vec){0};
}

/** a·b + c, rounded once where FUSED. An intrinsic, because the build forbids the compiler to
 *  contract a·b + c by itself (-ffp-contract=off): whether it does could depend on its version. */
INLINE vec multiply_add(vec a, vec b, vec c)
{
#if defined __AVX512F__ && defined REAL_F64
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined __AVX512F__
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX2__ && defined REAL_F64
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined __AVX2__
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __ARM_NEON && defined __aarch64__ && defined REAL_F64
    return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif defined __ARM_NEON && defined __aarch64__
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/** The same of one real, with the same rounding: for columns that fill no vector. */
INLINE real multiply_add1(real a, real b, real c)
{
#ifdef REAL_F64
    return FUSED ? __builtin_fma(a, b, c) : a * b + c;
#else
    return FUSED ? __builtin_fmaf(a, b, c) : a * b + c;
#endif
}

/** v where `keep` is true, else 0. */
INLINE vec where(mask keep, vec v)
{
    return (vec)((mask)v & keep);
}

/** v where `first` is true, else w. */
INLINE vec choose(mask first, vec v, vec w)
{
    return (vec)(((mask)v & first) | ((mask)w & ~first));
}

/** max(v, 0). A NaN is not below 0 and stays, so that a training that diverges is seen to. */
INLINE vec relu(vec v)
{
    return (vec)((mask)v & ~(mask)(v < (vec){0}));
}

/** The first `count` of LANES values, zeros for the rest: a sum's remainder then takes the same
 *  path as its whole blocks. */
INLINE void load_lanes(const real *x, size_t count, vec v[PARTS])
{
    if (__builtin_expect(count < LANES, 0)) {
        real block[LANES] = {0};
        memcpy(block, x, count * sizeof *x);
        for (int p = 0; p < PARTS; p++)
            v[p] = load(block + p * VL);
        return;
    }
    for (int p = 0; p < PARTS; p++)
        v[p] = load(x + p * VL);
}

/** Zeros in all lanes. */
INLINE void clear(vec v[PARTS])
{
    for (int p = 0; p < PARTS; p++)
        v[p] = (vec){0};
}

/** The first `count` of LANES values to memory; what lies behind them is not touched. */
INLINE void store_lanes(real *x, size_t count, const vec v[PARTS])
{
    if (__builtin_expect(count < LANES, 0)) {
        real block[LANES];
        for (int p = 0; p < PARTS; p++)
            store(block + p * VL, v[p]);
        memcpy(x, block, count * sizeof *x);
        return;
    }
    for (int p = 0; p < PARTS; p++)
        store(x + p * VL, v[p]);
}

/** Sum of the lanes, in halves: 16 to 8 to 4 to 2 to 1, the same order at every level. */
INLINE real fold(const vec v[PARTS])
{
    real lane[LANES];
    for (int p = 0; p < PARTS; p++)
        store(lane + p * VL, v[p]);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/** The same in f64. */
INLINE double fold_wide(double lane[LANES])
{
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/** Σ x in f64. */
INLINE double sum_wide(size_t n, const real *x)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += (double)x[i + l];
    for (size_t l = 0; i + l < n; l++)
        lane[l] += (double)x[i + l];
    return fold_wide(lane);
}

/** Σ (x - a)·(y - b) in f64, where a product of two f32 is exact and does not overflow. No
 *  multiply-add is fused, so that all levels give the same bits. */
INLINE double dot_wide(size_t n, const real *x, double a, const real *y, double b)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += ((double)x[i + l] - a) * ((double)y[i + l] - b);
    for (size_t l = 0; i + l < n; l++)
        lane[l] += ((double)x[i + l] - a) * ((double)y[i + l] - b);
    return fold_wide(lane);
}

#endif
