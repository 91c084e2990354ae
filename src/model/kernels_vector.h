// SPDX-License-Identifier: MIT
/**
 * A vector of one level of CPU, and sums in 16 lanes, which are the same at every level.
 *
 * Only this file names instructions of a processor. kernels_tmpl.c (with kernels_normed.h), the
 * only file that includes it, is written once for vectors of VL floats, because everything here
 * depends on the compiler flags of a level. GCC's vector extension does the rest: an operator on
 * `vec` works element by element, and a comparison gives a mask of all ones (true) or zeros (false)
 * for each element.
 */
#ifndef CCMSWEEP_KERNELS_VECTOR_H
#define CCMSWEEP_KERNELS_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __AVX512F__ || defined __AVX2__
#include <immintrin.h>
#elif defined __ARM_NEON
#include <arm_neon.h>
#endif

/** VL floats in a vector. A tile of a product has up to MR rows, one of dots DR by DR sums: what
 *  the registers hold (x86-64 has 32 vectors with AVX-512, else 16). FUSED: a multiply-add rounds
 *  once. */
#if defined __AVX512F__
enum { VL = 16, MR = 8, DR = 4, FUSED = 1 };
#define LEVEL "avx512"
#elif defined __AVX2__
enum { VL = 8, MR = 6, DR = 2, FUSED = 1 };
#define LEVEL "avx2"
#else
enum { VL = 4, MR = 4, DR = 1 };
#define LEVEL "baseline"
#if defined __ARM_NEON && defined __aarch64__
enum { FUSED = 1 };
#else
enum { FUSED = 0 };
#endif
#endif

/** A long sum has 16 lanes at every level, in PARTS vectors. With as many lanes as a vector has
 *  floats, the order of additions, and so the bits, would depend on the CPU. */
enum { LANES = 16, PARTS = LANES / VL, NR_MAX = 8 };

/** A vector in a register; the same in memory, where only the alignment of a float is given and
 *  any float may lie; the result of a comparison. */
typedef float vec __attribute__((vector_size(VL * sizeof(float))));
typedef float unaligned
    __attribute__((vector_size(VL * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t mask __attribute__((vector_size(VL * sizeof(float))));

/** Always inlined: callers give constants for counts of rows and vectors, and only then are loops
 *  unrolled and sums kept in registers. */
#define INLINE static inline __attribute__((always_inline))

/** VL floats from any address. */
INLINE vec load(const float *x)
{
    return *(const unaligned *)x;
}

/** VL floats to any address. */
INLINE void store(float *x, vec v)
{
    *(unaligned *)x = v;
}

/** x in every element. Subtracting 0 changes no bit, not even the sign of -0. */
INLINE vec all(float x)
{
    return x - (vec){0};
}

/** a·b + c, rounded once where FUSED. An intrinsic, because the build forbids the compiler to
 *  contract a·b + c by itself (-ffp-contract=off): whether it does could depend on its version. */
INLINE vec multiply_add(vec a, vec b, vec c)
{
#if defined __AVX512F__
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX2__
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __ARM_NEON && defined __aarch64__
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/** The same of one float, with the same rounding: for columns that fill no vector. */
INLINE float multiply_add1(float a, float b, float c)
{
    return FUSED ? __builtin_fmaf(a, b, c) : a * b + c;
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
INLINE void load_lanes(const float *x, size_t count, vec v[PARTS])
{
    if (__builtin_expect(count < LANES, 0)) {
        float block[LANES] = {0};
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
INLINE void store_lanes(float *x, size_t count, const vec v[PARTS])
{
    if (__builtin_expect(count < LANES, 0)) {
        float block[LANES];
        for (int p = 0; p < PARTS; p++)
            store(block + p * VL, v[p]);
        memcpy(x, block, count * sizeof *x);
        return;
    }
    for (int p = 0; p < PARTS; p++)
        store(x + p * VL, v[p]);
}

/** Sum of the lanes, in halves: 16 to 8 to 4 to 2 to 1, the same order at every level. */
INLINE float fold(const vec v[PARTS])
{
    float lane[LANES];
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

#endif
