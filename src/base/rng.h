// SPDX-License-Identifier: MIT
/**
 * Random numbers: one Mersenne Twister, three generators that turn its words into numbers exactly
 * as NumPy's legacy RandomState, Python's random.Random and PyTorch's CPU generator do.
 *
 * They differ in seeding and in how a draw becomes a number; the published trainings use all three.
 * The structs hold no pointers and no padding, so a saved state is a copy of their bytes.
 */
#ifndef CCMSWEEP_RNG_H
#define CCMSWEEP_RNG_H

#include <stdbool.h>
#include <stdint.h>

/** MT19937 (Matsumoto & Nishimura 1998): 624 words and the position of the next one. */
struct mt19937 {
    uint32_t word[624];
    uint32_t next;
};

/** Seed by one word (`init_genrand`). */
void mt19937_seed(struct mt19937 *mt, uint32_t seed);

/** Seed by an array holding the one word `seed` (`init_by_array([seed])`). */
void mt19937_seed_array(struct mt19937 *mt, uint32_t seed);

/** Seed by two words (`init_by_array([seed, stream])`): generators of one seed that have nothing in
 *  common. NumPy does the same for RandomState([seed, stream]). */
void mt19937_seed_stream(struct mt19937 *mt, uint32_t seed, uint32_t stream);

/** Next tempered word, uniform on 0 … 2^32-1. */
uint32_t mt19937_next(struct mt19937 *mt);

/** Uniform on [0, 1), 53 bits from two words: (a·2^26 + b) / 2^53, a = word >> 5, b = word >> 6. */
double mt19937_double(struct mt19937 *mt);

/** NumPy's legacy RandomState: used for the environment, the exploration noise, and the decision
 *  whether to explore. */
struct numpy_rng {
    struct mt19937 mt;
    uint32_t cached; /**< 1: `gaussian` holds the second value of the last pair */
    double gaussian;
};

/** Seed and drop the cached gaussian. */
void numpy_seed(struct numpy_rng *rng, uint32_t seed);

/** Seed as RandomState([seed, stream]) does, and drop the cached gaussian. */
void numpy_seed_stream(struct numpy_rng *rng, uint32_t seed, uint32_t stream);

/** Uniform on [0, 1), as mt19937_double. */
double numpy_double(struct numpy_rng *rng);

/** low + (high - low)·numpy_double. */
double numpy_uniform(struct numpy_rng *rng, double low, double high);

/** Standard normal by Marsaglia's polar method; every second call returns the cached value. */
double numpy_gaussian(struct numpy_rng *rng);

/** Python's random.Random: used for replay sampling and the order of random exploration. */
struct python_rng {
    struct mt19937 mt;
};

/** Seed as random.seed(int) does for a non-negative seed below 2^32. */
void python_seed(struct python_rng *rng, uint32_t seed);

/** low + (high - low)·x, where x is drawn as by numpy_double. */
double python_uniform(struct python_rng *rng, double low, double high);

/** Uniform on 0 … n-1 (n ≥ 1): draws bit_length(n) bits, and again until they are below n. */
uint32_t python_below(struct python_rng *rng, uint32_t n);

/** Fisher-Yates from the end: for i = n-1 … 1 swap i with python_below(i+1). */
void python_shuffle(struct python_rng *rng, int32_t *items, int n);

/** random.sample in its form with a pool: for i = 0 … k-1 take pool[j], j = python_below(n-i), and
 *  replace it by pool[n-i-1]. k ≤ n. The order of `pool` (n) changes; `taken` (k) is written. */
void python_sample(struct python_rng *rng, int32_t *pool, int n, int32_t *taken, int k);

/** PyTorch's CPU generator: used for initial weights. */
struct torch_rng {
    struct mt19937 mt;
};

/** Seed as torch.manual_seed does for a seed below 2^32. */
void torch_seed(struct torch_rng *rng, uint32_t seed);

/** f32 uniform on [low, high): fma(x, high - low, low) with x = (word & 0xFFFFFF)·2^-24; the bounds
 *  are f64 rounded to f32, as is their difference. */
float torch_uniform(struct torch_rng *rng, double low, double high);

#endif
