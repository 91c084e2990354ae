// SPDX-License-Identifier: MIT
/* The three generators of the published program. NumPy, Python and PyTorch each make numbers from
 * words in their own way, which is repeated here step by step, rejected draws included: one word
 * too many or too few shifts all that follow. */
#include "base/rng.h"
#include <math.h>

enum { WORDS = 624, SHIFT = 397 };

_Static_assert(sizeof(struct numpy_rng) == 626 * sizeof(uint32_t) + sizeof(double),
               "a saved state must hold no padding");

void mt19937_seed(struct mt19937 *mt, uint32_t seed)
{
    mt->word[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++)
        mt->word[i] = 1812433253u * (mt->word[i - 1] ^ (mt->word[i - 1] >> 30)) + i;
    mt->next = WORDS;
}

/* init_by_array of the authors' mt19937ar.c, for keys that are far shorter than the state. */
static void seed_words(struct mt19937 *mt, const uint32_t *words, uint32_t count)
{
    mt19937_seed(mt, 19650218u);
    uint32_t i = 1;
    for (uint32_t k = 0; k < WORDS; k++) {
        const uint32_t last = mt->word[i - 1];
        const uint32_t j = k % count;
        mt->word[i] = (mt->word[i] ^ ((last ^ (last >> 30)) * 1664525u)) + words[j] + j;
        if (++i == WORDS) {
            mt->word[0] = mt->word[WORDS - 1];
            i = 1;
        }
    }
    for (int k = 0; k < WORDS - 1; k++) {
        const uint32_t last = mt->word[i - 1];
        mt->word[i] = (mt->word[i] ^ ((last ^ (last >> 30)) * 1566083941u)) - i;
        if (++i == WORDS) {
            mt->word[0] = mt->word[WORDS - 1];
            i = 1;
        }
    }
    /* Its highest bit is all that counts of this word, and a state that is all 0 would stay so. */
    mt->word[0] = 0x80000000u;
}

void mt19937_seed_array(struct mt19937 *mt, uint32_t seed)
{
    seed_words(mt, &seed, 1);
}

void mt19937_seed_stream(struct mt19937 *mt, uint32_t seed, uint32_t stream)
{
    seed_words(mt, (const uint32_t[]){seed, stream}, 2);
}

/* What the upper bit of one word and the lower ones of the next turn into. */
static uint32_t twist(uint32_t word, uint32_t next)
{
    const uint32_t y = (word & 0x80000000u) | (next & 0x7fffffffu);
    return (y >> 1) ^ (-(y & 1u) & 0x9908b0dfu);
}

/* All 624 words at once, in three ranges in place of an index modulo 624: divisions would cost
 * more than the rest. */
static void refill(struct mt19937 *mt)
{
    uint32_t *const word = mt->word;
    for (int i = 0; i < WORDS - SHIFT; i++)
        word[i] = word[i + SHIFT] ^ twist(word[i], word[i + 1]);
    for (int i = WORDS - SHIFT; i < WORDS - 1; i++)
        word[i] = word[i + SHIFT - WORDS] ^ twist(word[i], word[i + 1]);
    word[WORDS - 1] = word[SHIFT - 1] ^ twist(word[WORDS - 1], word[0]);
    mt->next = 0;
}

uint32_t mt19937_next(struct mt19937 *mt)
{
    if (mt->next >= WORDS)
        refill(mt);
    /* Tempering, as the authors define it: the recurrence alone spreads its words less evenly. */
    uint32_t y = mt->word[mt->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* 53 bits from two words, as many as a double has: NumPy and Python make it in the same way. */
double mt19937_double(struct mt19937 *mt)
{
    const double a = mt19937_next(mt) >> 5;
    const double b = mt19937_next(mt) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
}

void numpy_seed(struct numpy_rng *rng, uint32_t seed)
{
    mt19937_seed(&rng->mt, seed);
    rng->cached = 0;
    rng->gaussian = 0.0;
}

void numpy_seed_stream(struct numpy_rng *rng, uint32_t seed, uint32_t stream)
{
    mt19937_seed_stream(&rng->mt, seed, stream);
    rng->cached = 0;
    rng->gaussian = 0.0;
}

double numpy_double(struct numpy_rng *rng)
{
    return mt19937_double(&rng->mt);
}

double numpy_uniform(struct numpy_rng *rng, double low, double high)
{
    return low + (high - low) * mt19937_double(&rng->mt);
}

double numpy_gaussian(struct numpy_rng *rng)
{
    /* The value is cleared with the flag, so that equal states have equal bytes. */
    if (rng->cached != 0) {
        rng->cached = 0;
        const double value = rng->gaussian;
        rng->gaussian = 0.0;
        return value;
    }
    /* A point in the unit disc; its two coordinates give two independent values, in NumPy's order:
     * the second is returned first. */
    double x1, x2, r2;
    do {
        x1 = 2.0 * mt19937_double(&rng->mt) - 1.0;
        x2 = 2.0 * mt19937_double(&rng->mt) - 1.0;
        r2 = x1 * x1 + x2 * x2;
    } while (r2 >= 1.0 || r2 == 0.0);
    const double f = sqrt(-2.0 * log(r2) / r2);
    rng->gaussian = f * x1;
    rng->cached = 1;
    return f * x2;
}

void python_seed(struct python_rng *rng, uint32_t seed)
{
    mt19937_seed_array(&rng->mt, seed);
}

double python_uniform(struct python_rng *rng, double low, double high)
{
    return low + (high - low) * mt19937_double(&rng->mt);
}

/* Rejection, as random.Random does it: 2^k draws with k the bit length of n, of which half are lost
 * at worst (when n is a power of two, which has k = log2(n) + 1). */
uint32_t python_below(struct python_rng *rng, uint32_t n)
{
    const int bits = 32 - __builtin_clz(n);
    uint32_t draw;
    do {
        draw = mt19937_next(&rng->mt) >> (32 - bits);
    } while (draw >= n);
    return draw;
}

void python_shuffle(struct python_rng *rng, int32_t *items, int n)
{
    for (int i = n - 1; i >= 1; i--) {
        const uint32_t j = python_below(rng, (uint32_t)i + 1);
        const int32_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

void python_sample(struct python_rng *rng, int32_t *pool, int n, int32_t *taken, int k)
{
    for (int i = 0; i < k; i++) {
        const uint32_t j = python_below(rng, (uint32_t)(n - i));
        taken[i] = pool[j];
        pool[j] = pool[n - i - 1];
    }
}

void torch_seed(struct torch_rng *rng, uint32_t seed)
{
    mt19937_seed(&rng->mt, seed);
}

float torch_uniform(struct torch_rng *rng, double low, double high)
{
    const float x = (float)(mt19937_next(&rng->mt) & 0xFFFFFFu) * 0x1p-24f;
    const float from = (float)low;
    /* Fused also where the CPU has no such instruction (the C library computes it): PyTorch's
     * kernel is. */
    return fmaf(x, (float)high - from, from);
}
