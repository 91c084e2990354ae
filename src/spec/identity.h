// SPDX-License-Identifier: MIT
/**
 * The identity of a cell: what its result depends on, as 32 bytes.
 *
 * SHA-256 over one line `key=value\n` for every setting of class result or shape and one for
 * `algorithm_version`, sorted by key as bytes; a setting that was added later has no line where it
 * has its default (settings_silent). Reals are written with %.17g, whole numbers with
 * their digits, choices by name, and `none` where a setting has none: anyone can do it again. Two
 * cells of equal identity have equal results in every bit, on one kind of machine. It knows no file
 * and no place in a sweep. All functions are local.
 */
#ifndef CCMSWEEP_IDENTITY_H
#define CCMSWEEP_IDENTITY_H

#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDENTITY_SIZE = 32 };

struct identity {
    uint8_t bytes[IDENTITY_SIZE];
};

/** The identity of a complete cell. */
struct identity identity_of(const struct settings *cell) MUST_USE;

/** Identities of many cells, one after the other: what a cell has in common with the one before is
 *  not written and hashed again. The caller owns it: identities_free. Never NULL.
 *  \param version of the algorithm that is part of them */
struct identities *identities_new(uint32_t version) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void identities_free(struct identities **identities);

/** The identity of the next complete cell. */
struct identity identities_next(struct identities *identities,
                                const struct settings *cell) MUST_USE;

/** True when both are the same. */
bool identity_equal(const struct identity *a, const struct identity *b) MUST_USE;

/** Write the lines that are hashed into `text`, cut at `size`; always ends in NUL when size > 0.
 *  \return the whole length without the NUL, as snprintf does */
size_t identity_lines(const struct settings *cell, char *text, size_t size);

/** Write 64 hexadecimal digits and a NUL into `text`; returns it. */
const char *identity_hex(const struct identity *identity, char text[2 * IDENTITY_SIZE + 1]);

#endif
