// SPDX-License-Identifier: MIT
/**
 * The spec: what a user asked for, from a YAML file, --set and options, as cells of settings.
 *
 *     struct spec *spec = spec_new();
 *     spec_load(spec, "sweep.yaml", &fault);     // at most once
 *     spec_set(spec, "training.batch=32", &fault);
 *     spec_check(spec, &fault);                  // contradictions, in every cell
 *     spec_cell(spec, 0, &settings);
 *
 * A file has the sections of the settings table and `grid`. An interval is a list of two,
 * `power_dbm: [1, 24]`; its ends can be given singly as `power_dbm.low` and `power_dbm.high`.
 *
 * `grid` is a block or a list of blocks. Each key of a block is a setting of class result or shape
 * (a full key, or one of `training` without its section) with its values, which make it an axis: a
 * list, a range `0-9` of whole numbers (alone or in a list), {logspace: [low, high], count: N} or
 * {loguniform: [low, high], count: N, draw_seed: S}. Spaced and drawn values are rounded to 6
 * significant digits; the draws are exp(uniform(log(low), log(high))) of NumPy's RandomState(S).
 * `exclude`, a list of mappings from axes to values, leaves out what matches all keys of one of
 * them. `label` names the cells of a block (settings_label): each block has a label of its own, or
 * none has one. The cells of a spec are the remaining combinations of block 0, then those of block
 * 1, … In a block actor_lr is outermost, then critic_lr, then the other axes in the order of the
 * file; seed is innermost. No two cells may be the same.
 *
 * A later level has precedence over an earlier one: default, file, --set, option (the file is read
 * first, the others in any order). A value given by --set or an option also replaces that setting's
 * axis in every block. The preset in force gives the constants it decides; an explicit value at any
 * level has precedence over it. Every function is local; it knows no files but the spec's, no MPI
 * and no HDF5.
 */
#ifndef CCMSWEEP_SPEC_H
#define CCMSWEEP_SPEC_H

#include "base/text.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct spec;

/** Most cells a spec may have, those left out by `exclude` counted. */
enum { SPEC_CELLS_LIMIT = 1000000 };

/** An empty spec: one cell of defaults. Never NULL. The caller owns it: spec_free. */
struct spec *spec_new(void) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void spec_free(struct spec **spec);

/** Read the file `path`, which must not be larger than YAML_TREE_LIMIT, and parse it as spec_parse
 *  does. \return STATUS_INPUT also when it cannot be read. */
enum status spec_load(struct spec *spec, const char *path, struct fault *fault) MUST_USE;

/** Parse `length` bytes of YAML as the spec's file, called `name` in messages. May be called once
 *  for a spec. \return STATUS_INPUT with "name:line: key: what, expected …"; the spec can then only
 *  be freed. */
enum status spec_parse(struct spec *spec, const char *text, size_t length, const char *name,
                       struct fault *fault) MUST_USE;

/** Take over "section.key=value" as --set gives it; a value of an interval is "[low, high]". Given
 *  again, the later one wins. \return STATUS_INPUT with "--set: key: what, expected …". */
enum status spec_set(struct spec *spec, const char *assignment, struct fault *fault) MUST_USE;

/** Take over the value of a command-line option (`row->option` is not NULL).
 *  \return STATUS_INPUT with "--option: key: what, expected …". */
enum status spec_option(struct spec *spec, const struct setting *row, const char *text,
                        struct fault *fault) MUST_USE;

/** Look for contradictions in every cell, for cells given twice, and whether what
 *  spec_print_resolved writes can be read again. To be called when all levels are given. A second
 *  or less for a million cells.
 *  \return STATUS_INPUT with a sentence that names where the value to blame was given. */
enum status spec_check(const struct spec *spec, struct fault *fault) MUST_USE;

/** Number of cells: 1 without a grid; 0 only when spec_check refuses. */
int64_t spec_cells(const struct spec *spec) MUST_USE;

/** Fill `cell` with the complete settings of cell `index` (0 … spec_cells-1). Fast: copies parsed
 *  values, a fraction of a microsecond. */
void spec_cell(const struct spec *spec, int64_t index, struct settings *cell);

/** Refuse a spec with more than one cell. \return STATUS_INPUT with "name:line: grid: …". */
enum status spec_check_single(const struct spec *spec, struct fault *fault) MUST_USE;

/** One axis of a block. */
struct spec_axis {
    const struct setting *row;
    bool given; /**< by the grid; else one value of --set, an option, a section or the default */
    size_t count;
    const double *values; /**< (count), as settings_read gives them; borrowed */
};

/** True when the blocks of the grid have labels. */
bool spec_labelled(const struct spec *spec) MUST_USE;

/** Number of blocks of the grid, 1 without a grid. */
size_t spec_blocks(const struct spec *spec) MUST_USE;

/** First cell of a block; spec_cells for `block` = spec_blocks. A block may be empty. */
int64_t spec_block_first(const struct spec *spec, size_t block) MUST_USE;

/** Number of axes of a block: those of the file, and actor_lr, critic_lr and seed always. */
size_t spec_axes(const struct spec *spec, size_t block) MUST_USE;

/** Axis `index` (0 … spec_axes-1) of a block, outermost first. */
struct spec_axis spec_axis(const struct spec *spec, size_t block, size_t index) MUST_USE;

/** True when a value or an axis was given for `row` at any level. */
bool spec_gives(const struct spec *spec, const struct setting *row) MUST_USE;

/** The file's text as it was read, for the provenance; "" without a file. Borrowed. */
const char *spec_text(const struct spec *spec) MUST_USE;

/** Write the complete commented spec of all defaults. It parses back to the defaults; what a
 *  preset decides is there as a comment, so that changing the preset's line is enough. */
void spec_print_defaults(FILE *file);

/** Write `cell` as a spec with every setting. It parses back to the same bits. */
void spec_print(FILE *file, const struct settings *cell);

/** Write every setting of `spec`, its grid behind them with all values written out. It parses back
 *  to the same cells in the same order, and what is then printed is the same text. */
void spec_print_resolved(FILE *file, const struct spec *spec);

/** The same as a string, for the file of a sweep: without those settings of which nothing is said
 *  there (settings_silent). Owned by the caller (free). Never NULL. */
char *spec_resolved(const struct spec *spec) MUST_USE;

/** Write every setting with its unit, range, default and meaning, as --help shows them: lines of at
 *  most 79 columns. */
void spec_print_help(FILE *file);

#endif
