// SPDX-License-Identifier: MIT
/**
 * The grid of a spec: lists of values of settings, and the combinations of them that are cells.
 *
 * A block is what is given under `grid:`, or one item of its list: axes, under `exclude:`
 * combinations to leave out, and under `label:` its name. Its combinations are numbered with the
 * first axis outermost: actor_lr, critic_lr, the other axes in the order of the file, seed. These
 * three are axes of every block. It knows YAML trees and settings, but not where else a setting may
 * be given: that is the task of spec.h. Every function is local; sentences begin with "name:line:"
 * only where a function takes a name.
 */
#ifndef CCMSWEEP_GRID_H
#define CCMSWEEP_GRID_H

#include "spec/yaml_tree.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GRID_LIMIT = 1000000,         /**< combinations of all blocks together, excluded ones too */
    GRID_SPACED_LIMIT = 10000,    /**< values that one logspace or loguniform makes */
    GRID_LISTS_LIMIT = 200,       /**< different lists: their texts are an attribute in the file */
    GRID_EXCLUSIONS_LIMIT = 1000, /**< mappings under one `exclude` */
    GRID_LABELS_LIMIT = 500,      /**< labels: they are an attribute in the file as well */
};

/** Values of a setting, as settings_read gives them, no two the same. */
struct grid_values {
    size_t count;
    double *values;  /**< (count) */
    uint32_t *order; /**< (count) their places, the smallest value's first; NULL when they ascend */
};

/** One axis of a block. */
struct grid_axis {
    const struct setting *row;
    int line;   /**< of its key, 0 when it is not in the grid */
    bool fixed; /**< one value that the grid does not give: grid_fix */
    struct grid_values is;
    size_t stride; /**< combinations from one value to the next */
};

/** One key of a mapping under `exclude`. */
struct grid_key {
    const struct setting *row;
    struct grid_values out; /**< ascending, none first */
};

/** A combination is left out when every key of one such mapping holds its value. */
struct grid_exclusion {
    int line;
    size_t count;
    struct grid_key *keys; /**< (count) */
};

struct grid_block {
    int line;
    double label; /**< number of settings_label; 0: it has none */
    int label_line;
    size_t axes, exclusions;
    struct grid_axis *axis;           /**< (axes), outermost first */
    struct grid_exclusion *exclusion; /**< (exclusions) */
    size_t combinations;              /**< product of the axes' lengths */
    size_t cells;                     /**< combinations that are not left out */
    uint32_t *kept; /**< (cells) their combinations, ascending; NULL when none is left out */
};

/**
 * Read the block `node`, a mapping, of the text `name` into `*block`, which is overwritten; `line`
 * is where it begins. Axes that are missing are not added: grid_fix, and then grid_resolve.
 * \return STATUS_INPUT with "name:line: key: what, expected …"; the caller owns the content all the
 *         same: grid_fini.
 */
enum status grid_read(struct grid_block *block, const struct yaml_node *node, int line,
                      const char *name, struct fault *fault) MUST_USE;

/** Give the axis of `row` the one value `number`; without such an axis nothing happens, but for the
 *  three that every block has, which are added. Call grid_resolve when done. */
void grid_fix(struct grid_block *block, const struct setting *row, double number);

/** True for the three settings that are axes of every block: actor_lr, critic_lr, seed. */
bool grid_always(const struct setting *row) MUST_USE;

/** Put the axes in order, count, and find the combinations to keep: at most 4 bytes a cell. */
void grid_resolve(struct grid_block *block);

/** The axis of `row`, or NULL. Borrowed. */
const struct grid_axis *grid_axis(const struct grid_block *block,
                                  const struct setting *row) MUST_USE;

/** The value that `axis` has in combination `combination` of its block. */
double grid_value(const struct grid_axis *axis, size_t combination) MUST_USE;

/** The combination of cell `cell` (0 … cells-1) of a block. */
size_t grid_combination(const struct grid_block *block, size_t cell) MUST_USE;

/** True when `number` is one of the values of `key`. */
bool grid_matches(const struct grid_key *key, double number) MUST_USE;

/** Write the places of the values of `axis` that `key` matches, ascending, into `places`, which has
 *  room for as many as `key` has. \return their number */
size_t grid_places(const struct grid_axis *axis, const struct grid_key *key, uint32_t *places);

/** Free the content and leave an empty block. */
void grid_fini(struct grid_block *block);

/**
 * Read the values of `row` from `node`, of the text `name`: a list of values and, for whole
 * numbers, of ranges `0-9`; a range alone; for reals {logspace: …} or {loguniform: …}. With
 * `match`, as under `exclude`, also a single value but nothing spaced. In the order of the text.
 * \return STATUS_INPUT with "name:line: key: what, expected …"; else the caller owns
 *         the content: grid_values_fini.
 */
enum status grid_read_values(const struct setting *row, const struct yaml_node *node, bool match,
                             struct grid_values *values, const char *name,
                             struct fault *fault) MUST_USE;

/** Free the content and leave no values. */
void grid_values_fini(struct grid_values *values);

/** Read the one value of `row`, called `key` in sentences, from `node`, as settings_read.
 *  \return STATUS_INPUT with "key: what, expected …". */
enum status grid_read_value(const struct setting *row, const char *key,
                            const struct yaml_node *node, double *number,
                            struct fault *fault) MUST_USE;

/** Refuse an unknown key, naming the nearest. \return STATUS_INPUT with "key: unknown key, …". */
enum status grid_refuse_key(const char *key, struct fault *fault) MUST_USE;

/** Refuse with "key: what, expected <shape><what row takes>". \return STATUS_INPUT. */
enum status grid_refuse(const struct setting *row, const char *key, const char *what,
                        const char *shape, struct fault *fault) MUST_USE;

/** `text` as a message may show it: cut, and without what a terminal might act on. `shown` has
 *  room for TEXT_QUOTED bytes. Returns the start of it. */
const char *grid_show(const char *text, char *shown);

/** Order of two numbers of one row: ascending, NaN first, and equal to itself. */
int grid_compare(double a, double b) MUST_USE;

/** The same for qsort and bsearch, of two doubles. */
int grid_compare_items(const void *a, const void *b);

/** Sort values of one row and drop those that are there before. Returns how many are left. */
size_t grid_distinct(double *values, size_t count) MUST_USE;

#endif
