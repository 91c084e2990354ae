// SPDX-License-Identifier: MIT
/**
 * One block of memory, handed out in pieces. Bind twice: without a block to measure, then with it.
 *
 * Whatever changes during a training lies in one arena, so that its whole state is one block of
 * bytes that can be copied out and in; scratch lies in another. Nothing is given back.
 */
#ifndef CCMSWEEP_ARENA_H
#define CCMSWEEP_ARENA_H

#include <stddef.h>

/** `base` NULL: measuring, every piece is NULL. `used` is the size so far. */
struct arena {
    char *base;
    size_t used;
};

/** Next piece of count·size bytes, 64-byte aligned when the base is. */
static inline void *arena_take(struct arena *arena, size_t count, size_t size)
{
    char *piece = arena->base != NULL ? arena->base + arena->used : NULL;
    arena->used += (count * size + 63) / 64 * 64;
    return piece;
}

#endif
