// SPDX-License-Identifier: MIT
/**
 * What the sources of the spec share: how it is kept. For src/spec/spec*.c alone.
 *
 * spec.c keeps the levels and gives cells, spec_read.c reads the file, spec_check.c looks for what
 * shows only when all levels are given.
 */
#ifndef CCMSWEEP_SPEC_INTERNAL_H
#define CCMSWEEP_SPEC_INTERNAL_H

#include "spec/grid.h"
#include "spec/spec.h"

/** Where a value comes from; a later one wins. */
enum spec_level { SPEC_NOWHERE, SPEC_FILE, SPEC_SET, SPEC_OPTION };

/** What was given for one setting. */
struct spec_given {
    enum spec_level level;
    int line;      /**< in the file */
    bool axis;     /**< it is an axis of the grid; no number then */
    double number; /**< as settings_read gives it */
};

/** Presets, as settings_preset has them; each has two choices. A combination of choices is a
 *  number whose bit p is the choice of preset p. */
enum { SPEC_PRESETS = 2, SPEC_COMBINATIONS = 1 << SPEC_PRESETS };

/** The cells of one block. */
struct spec_part {
    struct grid_block grid;
    const struct grid_axis *preset[SPEC_PRESETS]; /**< the axis of each preset, or NULL */
    int64_t first;                                /**< its first cell */
};

struct spec {
    char *name;                              /**< of the file, NULL without one */
    char *text;                              /**< of the file, "" without one */
    int grid_line;                           /**< 0: no grid */
    size_t rows;                             /**< of the settings table */
    struct spec_given *given;                /**< (rows) */
    size_t parts;                            /**< blocks, at least 1 */
    struct spec_part *part;                  /**< (parts) */
    unsigned presets;                        /**< the combination of those that are not axes */
    struct settings base[SPEC_COMBINATIONS]; /**< the values outside the grid, by combination */
};

/** Place of a row in the settings table. */
size_t spec_index(const struct setting *row) MUST_USE;

/** Row at a place of the settings table. */
const struct setting *spec_row(size_t index) MUST_USE;

/** Forget all blocks and make room for `count`. */
void spec_clear_blocks(struct spec *spec, size_t count);

/** Work out bases and cells from what the file gave. */
void spec_complete(struct spec *spec);

/** The rows that `key` means: 2 for an interval, from `*row` on, else 1, or 0 for none. */
size_t spec_find(const char *key, const struct setting **row) MUST_USE;

/** Read the value of the setting `key`, or both ends of an interval, from `node`.
 *  \return STATUS_INPUT with "key: what, expected …". */
enum status spec_read_setting(const char *key, const struct yaml_node *node, double numbers[2],
                              struct fault *fault) MUST_USE;

#endif
