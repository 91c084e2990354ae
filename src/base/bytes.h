// SPDX-License-Identifier: MIT
/**
 * Whole numbers as little-endian bytes, for records of our own on the disk. Header only.
 */
#ifndef CCMSWEEP_BYTES_H
#define CCMSWEEP_BYTES_H

#include <stdint.h>

/** Write the lowest `size` (1 … 8) bytes of `value`, lowest first. */
static inline void bytes_put(uint8_t *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

/** Read `size` (1 … 8) bytes, lowest first. */
static inline uint64_t bytes_get(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

#endif
