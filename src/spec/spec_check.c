// SPDX-License-Identifier: MIT
/* What can be checked only when file, --set and options are all given: contradictions within a
 * cell, cells given twice, and the length of the printed spec. A sweep may take weeks, so
 * nothing is left to be found while it runs. */
#include "base/text.h"
#include "spec/spec_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)SPEC_CELLS_LIMIT == (int)GRID_LIMIT, "a grid is as large as a spec");

/* Where the cells of a block got a value from, as the start of a sentence: file and line, --set, or
 * the option. False for a default: then the other value of the contradiction is to blame. */
static bool name_place(const struct spec *spec, const struct spec_part *part,
                       const struct setting *row, char *place, size_t size)
{
    if (row == NULL)
        return false;
    const struct spec_given *const given = &spec->given[spec_index(row)];
    const struct grid_axis *const axis = grid_axis(&part->grid, row);
    if (given->level == SPEC_NOWHERE || (given->axis && (axis == NULL || axis->fixed)))
        return false;
    if (given->level == SPEC_FILE)
        snprintf(place, size, "%s:%d", spec->name, given->axis ? axis->line : given->line);
    else if (given->level == SPEC_SET)
        snprintf(place, size, "--set");
    else
        snprintf(place, size, "--%s", row->option);
    return true;
}

/* Every cell is checked, because a contradiction can arise from a combination of two axes. It names
 * two settings; the sentence begins with the place of the first one that the user gave. */
static enum status check_cells(const struct spec *spec, const struct spec_part *part,
                               struct fault *fault)
{
    for (size_t i = 0; i < part->grid.cells; i++) {
        struct settings cell;
        spec_cell(spec, part->first + (int64_t)i, &cell);
        const struct setting *culprits[2] = {NULL, NULL};
        const enum status status = settings_check(&cell, culprits, fault);
        if (status == STATUS_OK)
            continue;
        struct fault place = {""};
        if (name_place(spec, part, culprits[0], place.text, sizeof place.text) ||
            name_place(spec, part, culprits[1], place.text, sizeof place.text))
            fault_prefix(fault, "%s", place.text);
        return status;
    }
    return STATUS_OK;
}

/* A cell, and a hash that equal cells share: sorted by it, equal cells are neighbours. */
struct mark {
    uint64_t hash;
    int64_t cell;
};

static int compare_marks(const void *a, const void *b)
{
    const struct mark *const x = a;
    const struct mark *const y = b;
    if (x->hash != y->hash)
        return x->hash > y->hash ? 1 : -1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

/* The rows in which cells can differ: axes, and what a preset decides. Only these are hashed, of up
 * to a million cells. */
static size_t find_varying(const struct spec *spec, const struct setting **rows)
{
    size_t count = 0;
    for (size_t k = 0; k < spec->rows; k++) {
        const struct setting *const row = spec_row(k);
        bool varies = settings_preset_of(row) != NULL;
        for (size_t i = 0; i < spec->parts && !varies; i++) {
            const struct grid_axis *const axis = grid_axis(&spec->part[i].grid, row);
            varies = axis != NULL && !axis->fixed;
        }
        if (varies)
            rows[count++] = row;
    }
    return count;
}

/* The hash need not be perfect, since cells of equal hash are compared in full. It must only be the
 * same for equal cells, and spread different ones. */
static uint64_t hash_cell(const struct settings *cell, const struct setting *const *rows,
                          size_t count)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        const double number = settings_number(cell, rows[i]);
        memcpy(&bits, &number, sizeof bits);
        hash = (hash ^ bits) * 0x9E3779B97F4A7C15; /* 2^64 / golden ratio */
        hash ^= hash >> 32;
    }
    return hash;
}

static bool same_cell(const struct spec *spec, int64_t a, int64_t b)
{
    struct settings first;
    struct settings second;
    spec_cell(spec, a, &first);
    spec_cell(spec, b, &second);
    for (size_t i = 0; i < spec->rows; i++) {
        if (!settings_equal(&first, &second, spec_row(i)))
            return false;
    }
    return true;
}

/* The block of a cell, found one after the other: used for a message only. */
static const struct spec_part *part_of(const struct spec *spec, int64_t cell)
{
    const struct spec_part *part = NULL;
    for (size_t i = 0; i < spec->parts && spec->part[i].first <= cell; i++)
        part = &spec->part[i];
    return part;
}

/* Name the cell by its axes. What the preset decides is left out, as the preset itself is named. */
static enum status refuse_same(const struct spec *spec, const int64_t pair[2],
                               const struct setting *const *rows, size_t count, struct fault *fault)
{
    struct settings cell;
    char text[4096] = "";
    spec_cell(spec, pair[0], &cell);
    for (size_t i = 0; i < count; i++) {
        char value[SETTING_TEXT];
        settings_get(&cell, rows[i], value, sizeof value);
        if (settings_preset_of(rows[i]) == NULL)
            text_add(text, sizeof text, "%s%s %s", text[0] != '\0' ? ", " : "", rows[i]->key,
                     value);
    }
    const int first = part_of(spec, pair[0])->grid.line;
    const int second = part_of(spec, pair[1])->grid.line;
    return fault_set(fault, STATUS_INPUT,
                     "%s:%d: grid: a cell is given twice, by the block in line %d and by that in "
                     "line %d, expected once%s: %s",
                     spec->name, first, first, second,
                     spec_labelled(spec) ? ", as a label alone changes nothing" : "",
                     text[0] != '\0' ? text : "no axis tells them apart");
}

/* Refuse cells that are given twice. Within a block all cells differ, because values of an axis do;
 * so this concerns several blocks only. Of all pairs, the one whose second cell comes first is
 * reported: the message does not depend on the hash. */
static enum status check_repeats(const struct spec *spec, struct fault *fault)
{
    if (spec->parts == 1)
        return STATUS_OK;
    const int64_t cells = spec_cells(spec);
    struct mark *const marks = fault_alloc((size_t)cells, sizeof *marks);
    const struct setting **const rows = fault_alloc(spec->rows, sizeof *rows);
    const size_t count = find_varying(spec, rows);
    for (int64_t i = 0; i < cells; i++) {
        struct settings cell;
        spec_cell(spec, i, &cell);
        marks[i] = (struct mark){hash_cell(&cell, rows, count), i};
    }
    qsort(marks, (size_t)cells, sizeof *marks, compare_marks);
    int64_t pair[2] = {-1, cells};
    for (int64_t i = 0; i < cells; i++) {
        /* Cells of one hash ascend, so those after the pair found so far need no look. Without that
         * bound many equal cells would be compared each with each. */
        for (int64_t k = i + 1;
             k < cells && marks[k].hash == marks[i].hash && marks[k].cell < pair[1]; k++) {
            if (!same_cell(spec, marks[i].cell, marks[k].cell))
                continue;
            pair[0] = marks[i].cell;
            pair[1] = marks[k].cell;
        }
    }
    const enum status status =
        pair[0] < 0 ? STATUS_OK : refuse_same(spec, pair, rows, count, fault);
    free(rows);
    free(marks);
    return status;
}

/* The resolved spec is stored in the file of the sweep, and must be readable as a spec again. With
 * all values written out it can be longer than what the user wrote. */
static enum status check_length(const struct spec *spec, struct fault *fault)
{
    char *const text = spec_resolved(spec);
    const size_t size = strlen(text);
    free(text);
    if (size <= YAML_TREE_LIMIT)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "%s:%d: grid: %zu bytes with all values written out, expected at most %d",
                     spec->name, spec->grid_line, size, YAML_TREE_LIMIT);
}

/* How many different values all blocks give a setting. */
static size_t count_values(const struct spec *spec, const struct setting *row)
{
    size_t count = 0;
    for (size_t p = 0; p < spec->parts; p++) {
        const struct grid_axis *const axis = grid_axis(&spec->part[p].grid, row);
        count += axis != NULL ? axis->is.count : 0;
    }
    double *const values = fault_alloc(count + 1, sizeof *values);
    count = 0;
    for (size_t p = 0; p < spec->parts; p++) {
        const struct grid_axis *const axis = grid_axis(&spec->part[p].grid, row);
        for (size_t i = 0; axis != NULL && i < axis->is.count; i++)
            values[count++] = axis->is.values[i];
    }
    count = grid_distinct(values, count);
    free(values);
    return count;
}

/* The file has the texts of all lists in one attribute, which HDF5 allows 64 KB. */
static enum status check_lists(const struct spec *spec, struct fault *fault)
{
    for (size_t i = 0; i < spec->rows; i++) {
        const struct setting *const row = spec_row(i);
        const size_t count = row->type == TYPE_LIST ? count_values(spec, row) : 0;
        if (count > GRID_LISTS_LIMIT)
            return fault_set(fault, STATUS_INPUT,
                             "%s:%d: grid: %s has %zu different lists, expected at most %d",
                             spec->name, spec->grid_line, row->key, count, GRID_LISTS_LIMIT);
    }
    return STATUS_OK;
}

enum status spec_check(const struct spec *spec, struct fault *fault)
{
    if (spec_cells(spec) == 0)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: grid: no combination is left with --set and options, expected at "
                         "least one",
                         spec->name, spec->grid_line);
    for (size_t i = 0; i < spec->parts; i++) {
        const enum status status = check_cells(spec, &spec->part[i], fault);
        if (status != STATUS_OK)
            return status;
    }
    enum status status = check_lists(spec, fault);
    if (status == STATUS_OK)
        status = check_repeats(spec, fault);
    return status == STATUS_OK ? check_length(spec, fault) : status;
}
