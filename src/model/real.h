// SPDX-License-Identifier: MIT
/**
 * The precision of the actors: f32 as published, or f64 (networks.actor_precision).
 *
 * What is the same in both is written once, with `real` for float or double, in files whose names
 * end in _tmpl; meson.build compiles them for each precision, with REAL_F64 for the second.
 * REAL(name) is the name of a function, a type or a member in the precision at hand: `name`, or
 * `name_f64`. Everything else is compiled once and sees the names of f32. Outside of the templates
 * an array of either precision is a `struct reals`.
 */
#ifndef CCMSWEEP_REAL_H
#define CCMSWEEP_REAL_H

#include "model/arena.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** `real`; whole numbers of its size, without and with a sign; the bits of its exponent, and all
 *  but that of its sign. */
#ifdef REAL_F64
typedef double real;
typedef uint64_t real_bits;
typedef int64_t real_integer;
#define REAL(name)     name##_f64
#define REAL_EXPONENT  UINT64_C(0x7ff0000000000000)
#define REAL_MAGNITUDE UINT64_C(0x7fffffffffffffff)
#else
typedef float real;
typedef uint32_t real_bits;
typedef int32_t real_integer;
#define REAL(name)     name
#define REAL_EXPONENT  UINT32_C(0x7f800000)
#define REAL_MAGNITUDE UINT32_C(0x7fffffff)
#endif

/** √x, rounded once. */
static inline real real_sqrt(real x)
{
#ifdef REAL_F64
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

/** |x|, and |x| with the sign of another. */
static inline real real_abs(real x)
{
#ifdef REAL_F64
    return fabs(x);
#else
    return fabsf(x);
#endif
}
static inline real real_copysign(real x, real sign)
{
#ifdef REAL_F64
    return copysign(x, sign);
#else
    return copysignf(x, sign);
#endif
}

/** Whether all values are 0, whatever their sign. */
static inline bool real_all_zero(size_t count, const real *x)
{
    for (size_t k = 0; k < count; k++)
        if (x[k] != 0)
            return false;
    return true;
}

/** The bits of x. */
static inline real_bits real_to_bits(real x)
{
    real_bits bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/** An array of either precision: one of the two, the other is NULL. */
struct reals {
    float *f32;
    double *f64;
};

/** What begins `offset` values later. */
static inline struct reals reals_at(struct reals x, size_t offset)
{
    return x.f64 != NULL ? (struct reals){.f64 = x.f64 + offset}
                         : (struct reals){.f32 = x.f32 + offset};
}

/** The next `count` values of an arena. */
static inline struct reals reals_take(struct arena *arena, size_t count, bool f64)
{
    return f64 ? (struct reals){.f64 = arena_take(arena, count, sizeof(double))}
               : (struct reals){.f32 = arena_take(arena, count, sizeof(float))};
}

/** Copy values of equal precision. */
static inline void reals_copy(struct reals to, struct reals from, size_t count)
{
    if (from.f64 != NULL)
        memcpy(to.f64, from.f64, count * sizeof *to.f64);
    else
        memcpy(to.f32, from.f32, count * sizeof *to.f32);
}

/** Add values of equal precision. */
static inline void reals_add(struct reals to, struct reals from, size_t count)
{
    for (size_t k = 0; k < count && from.f32 != NULL; k++)
        to.f32[k] += from.f32[k];
    for (size_t k = 0; k < count && from.f64 != NULL; k++)
        to.f64[k] += from.f64[k];
}

/** The nearest f32 values, but none that is not 0 becomes 0: the smallest of f32 stands for it. */
static inline void reals_narrow(size_t count, const double *from, float *to)
{
    for (size_t k = 0; k < count; k++) {
        const float near = (float)from[k];
        to[k] = near == 0.0F && from[k] != 0.0 ? copysignf(0x1p-149F, near) : near;
    }
}

/** x[k] as f64. */
static inline double reals_value(struct reals x, size_t k)
{
    return x.f64 != NULL ? x.f64[k] : (double)x.f32[k];
}

#endif
