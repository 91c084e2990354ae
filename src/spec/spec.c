// SPDX-License-Identifier: MIT
/* A spec in memory: what was given at which level, the blocks of the grid, and cells made from
 * both.
 *
 * A cell is made when it is asked for, from a base (what stands outside the grid) and one value for
 * each axis. There can be a million cells, so none is stored. The preset decides other settings and
 * may itself be an axis, so there is one base for each preset. */
#include "base/text.h"
#include "spec/spec_internal.h"
#include <stdlib.h>
#include <string.h>

/* Arrays by setting have one item for each row of the table, at the row's place. */
size_t spec_index(const struct setting *row)
{
    size_t count = 0;
    return (size_t)(row - settings_table(&count));
}

const struct setting *spec_row(size_t index)
{
    size_t count = 0;
    return settings_table(&count) + index;
}

static const struct setting *preset_row(size_t p)
{
    const struct setting *const preset = settings_preset(p);
    CHECK(preset != NULL && preset->max < 2 && settings_preset(SPEC_PRESETS) == NULL);
    return preset;
}

static bool is_given(const struct spec_given *given)
{
    return given->level != SPEC_NOWHERE && !given->axis;
}

static bool is_preset(const struct setting *row)
{
    return row == preset_row(0) || row == preset_row(1);
}

/* Fill the base of each combination of presets: defaults, then what the presets decide, then what
 * was given outside the grid, which has precedence over a preset whatever the order of the lines
 * is. */
static void make_bases(struct spec *spec)
{
    spec->presets = 0;
    for (size_t p = 0; p < SPEC_PRESETS; p++) {
        const struct spec_given *const given = &spec->given[spec_index(preset_row(p))];
        if (is_given(given))
            spec->presets |= (unsigned)given->number << p;
    }
    for (unsigned c = 0; c < SPEC_COMBINATIONS; c++) {
        settings_init(&spec->base[c]);
        for (size_t p = 0; p < SPEC_PRESETS; p++)
            CHECK(settings_set(&spec->base[c], preset_row(p), preset_row(p)->choices[c >> p & 1U],
                               NULL) == STATUS_OK);
        for (size_t i = 0; i < spec->rows; i++) {
            if (is_given(&spec->given[i]) && !is_preset(spec_row(i)))
                settings_put(&spec->base[c], spec_row(i), spec->given[i].number);
        }
    }
}

/* Number the cells after blocks have changed. The pointer to the axis of the preset is set anew,
 * because grid_resolve moves axes. */
static void count_cells(struct spec *spec)
{
    int64_t first = 0;
    for (size_t i = 0; i < spec->parts; i++) {
        struct spec_part *const part = &spec->part[i];
        part->first = first;
        for (size_t p = 0; p < SPEC_PRESETS; p++)
            part->preset[p] = grid_axis(&part->grid, preset_row(p));
        first += (int64_t)part->grid.cells;
    }
}

/* Called when the file is read, and for an empty spec. actor_lr, critic_lr and seed get their base
 * value as a fixed axis where the block does not list them; no preset decides them, so base[0] is
 * as good as any. */
void spec_complete(struct spec *spec)
{
    make_bases(spec);
    for (size_t i = 0; i < spec->parts; i++) {
        struct grid_block *const grid = &spec->part[i].grid;
        for (size_t k = 0; k < spec->rows; k++) {
            const struct setting *const row = spec_row(k);
            const struct grid_axis *const axis = grid_axis(grid, row);
            if (grid_always(row) && (axis == NULL || axis->fixed))
                grid_fix(grid, row, settings_number(&spec->base[0], row));
        }
        grid_resolve(grid);
    }
    count_cells(spec);
}

void spec_clear_blocks(struct spec *spec, size_t count)
{
    for (size_t i = 0; i < spec->parts; i++)
        grid_fini(&spec->part[i].grid);
    free(spec->part);
    spec->parts = 0;
    spec->part = fault_alloc(count, sizeof *spec->part);
}

struct spec *spec_new(void)
{
    struct spec *const spec = fault_alloc(1, sizeof *spec);
    const struct yaml_node nothing = {.kind = YAML_MAPPING};
    CHECK(settings_table(&spec->rows) != NULL);
    spec->given = fault_alloc(spec->rows, sizeof *spec->given);
    spec->text = fault_alloc(1, 1);
    /* Without a grid there is one empty block, so that no other code needs a case for it: its only
     * combination is the one cell. */
    spec_clear_blocks(spec, 1);
    CHECK(grid_read(&spec->part[spec->parts++].grid, &nothing, 0, "", NULL) == STATUS_OK);
    spec_complete(spec);
    return spec;
}

void spec_free(struct spec **spec)
{
    if (spec == NULL || *spec == NULL)
        return;
    spec_clear_blocks(*spec, 0);
    free((*spec)->part);
    free((*spec)->given);
    free((*spec)->name);
    free((*spec)->text);
    free(*spec);
    *spec = NULL;
}

/* Put what --set or an option gives in the place of what a lower or the same level gave, in every
 * block. Options may come in any order on the command line, so a higher level that is there already
 * stays. */
static void override(struct spec *spec, const struct setting *row, struct spec_given new)
{
    struct spec_given *const old = &spec->given[spec_index(row)];
    if (old->level > new.level)
        return;
    *old = new;
    for (size_t i = 0; i < spec->parts; i++) {
        struct grid_block *const grid = &spec->part[i].grid;
        grid_fix(grid, row, new.number);
        if (grid_axis(grid, row) != NULL)
            grid_resolve(grid);
    }
    make_bases(spec);
    count_cells(spec);
}

/* An interval is two rows of the table, one after the other, which one key means. */
size_t spec_find(const char *key, const struct setting **row)
{
    const struct setting *const interval = settings_find_interval(key);
    *row = interval != NULL ? interval : settings_named(key);
    return interval != NULL ? 2 : *row != NULL;
}

enum status spec_read_setting(const char *key, const struct yaml_node *node, double numbers[2],
                              struct fault *fault)
{
    const struct setting *row = NULL;
    const size_t count = spec_find(key, &row);
    if (count == 0)
        return grid_refuse_key(key, fault);
    if (count == 1)
        return grid_read_value(row, key, node, numbers, fault);
    const bool list = node->kind == YAML_LIST;
    if (!list || node->count != 2)
        return grid_refuse(row, key, list ? "not two values" : "a single value",
                           "a list [low, high], each ", fault);
    for (size_t i = 0; i < count; i++) {
        if (node->items[i].kind != YAML_VALUE)
            return fault_set(fault, STATUS_INPUT,
                             "%s: a list or mapping inside a list, expected single values", key);
        const enum status status =
            grid_read_value(&row[i], key, &node->items[i], &numbers[i], fault);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* --set has no YAML, but takes an interval as a spec does: make "[low, high]" a list of two values,
 * in place. A text of any other form is left alone, and refused by the function that reads it. */
static void split_interval(char *text, struct yaml_node *node, struct yaml_node values[2])
{
    const size_t length = strlen(text);
    char *const comma = strchr(text, ',');
    if (length < 2 || text[0] != '[' || text[length - 1] != ']' || comma == NULL)
        return;
    text[length - 1] = '\0';
    *comma = '\0';
    char *const parts[] = {text + 1, comma + 1};
    for (size_t i = 0; i < 2; i++) {
        values[i] = (struct yaml_node){.text = parts[i] + strspn(parts[i], " ")};
        for (size_t end = strlen(values[i].text); end > 0 && values[i].text[end - 1] == ' '; end--)
            values[i].text[end - 1] = '\0';
    }
    *node = (struct yaml_node){.kind = YAML_LIST, .count = 2, .items = values};
}

/* Nothing is changed unless all numbers are good: an interval has two. */
static enum status set_key(struct spec *spec, const char *key, char *text, struct fault *fault)
{
    struct yaml_node values[2];
    struct yaml_node node = {.text = text};
    double numbers[2] = {0};
    const struct setting *row = NULL;
    const size_t count = spec_find(key, &row);
    if (row == settings_label())
        return fault_set(fault, STATUS_INPUT,
                         "%s: the name of a block of the grid, expected it in the spec alone", key);
    if (count == 2)
        split_interval(text, &node, values);
    /* No quotes and no YAML here: an empty value is a wrong one, not a missing one. */
    const enum status status = count == 1 ? settings_read(row, text, numbers, fault)
                                          : spec_read_setting(key, &node, numbers, fault);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        override(spec, &row[i], (struct spec_given){.level = SPEC_SET, .number = numbers[i]});
    return status;
}

enum status spec_set(struct spec *spec, const char *assignment, struct fault *fault)
{
    /* A copy, which is cut at '=': the command line is only borrowed. */
    char *const key = fault_alloc(strlen(assignment) + 1, 1);
    memcpy(key, assignment, strlen(assignment));
    char *const mark = strchr(key, '=');
    enum status status = STATUS_INPUT;
    if (mark == NULL || mark == key) {
        char quoted[TEXT_QUOTED];
        fault_set(fault, status, "%s is not an assignment, expected KEY=VALUE",
                  text_quote(assignment, quoted));
    } else {
        *mark = '\0';
        status = set_key(spec, key, mark + 1, fault);
    }
    if (status != STATUS_OK)
        fault_prefix(fault, "--set");
    free(key);
    return status;
}

enum status spec_option(struct spec *spec, const struct setting *row, const char *text,
                        struct fault *fault)
{
    CHECK(row->option != NULL);
    struct spec_given new = {.level = SPEC_OPTION};
    const enum status status = settings_read(row, text, &new.number, fault);
    if (status == STATUS_OK)
        override(spec, row, new);
    else
        fault_prefix(fault, "--%s", row->option);
    return status;
}

int64_t spec_cells(const struct spec *spec)
{
    const struct spec_part *const last = &spec->part[spec->parts - 1];
    return last->first + (int64_t)last->grid.cells;
}

/* The block that a cell is in: the last one that begins at the cell or before. Blocks without cells
 * begin where the next one does, so they are passed over. */
static size_t find_part(const struct spec *spec, int64_t cell)
{
    size_t low = 0;
    size_t high = spec->parts;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (spec->part[middle].first <= cell)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void spec_cell(const struct spec *spec, int64_t index, struct settings *cell)
{
    CHECK(index >= 0 && index < spec_cells(spec));
    const struct spec_part *const part = &spec->part[find_part(spec, index)];
    const size_t combination = grid_combination(&part->grid, (size_t)(index - part->first));
    /* The base first, then the axes: an axis has precedence over what a preset decides. */
    unsigned presets = spec->presets;
    for (size_t p = 0; p < SPEC_PRESETS; p++) {
        if (part->preset[p] != NULL)
            presets = (presets & ~(1U << p)) | (unsigned)grid_value(part->preset[p], combination)
                                                   << p;
    }
    *cell = spec->base[presets];
    for (size_t i = 0; i < part->grid.axes; i++) {
        const struct grid_axis *const axis = &part->grid.axis[i];
        settings_put(cell, axis->row, grid_value(axis, combination));
    }
    cell->label = (int64_t)part->grid.label;
}

enum status spec_check_single(const struct spec *spec, struct fault *fault)
{
    const int64_t cells = spec_cells(spec);
    if (cells == 1)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT, "%s:%d: grid: %lld cells, expected one", spec->name,
                     spec->grid_line, (long long)cells);
}

/* All have one, or none has (check_label of spec_read.c). */
bool spec_labelled(const struct spec *spec)
{
    return spec->part[0].grid.label > 0;
}

size_t spec_blocks(const struct spec *spec)
{
    return spec->parts;
}

int64_t spec_block_first(const struct spec *spec, size_t block)
{
    CHECK(block <= spec->parts);
    return block < spec->parts ? spec->part[block].first : spec_cells(spec);
}

size_t spec_axes(const struct spec *spec, size_t block)
{
    CHECK(block < spec->parts);
    return spec->part[block].grid.axes;
}

struct spec_axis spec_axis(const struct spec *spec, size_t block, size_t index)
{
    CHECK(index < spec_axes(spec, block));
    const struct grid_axis *const axis = &spec->part[block].grid.axis[index];
    return (struct spec_axis){.row = axis->row,
                              .given = !axis->fixed,
                              .count = axis->is.count,
                              .values = axis->is.values};
}

bool spec_gives(const struct spec *spec, const struct setting *row)
{
    return spec->given[spec_index(row)].level != SPEC_NOWHERE;
}

const char *spec_text(const struct spec *spec)
{
    return spec->text;
}
