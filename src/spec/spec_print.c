// SPDX-License-Identifier: MIT
/* Specs as text: the commented defaults, one cell, and the resolved spec that is stored in the file
 * of a sweep. What is printed is read back to the same cells; printing the resolved form again
 * gives the same bytes. */
#include "base/text.h"
#include "spec/spec_internal.h"
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMNS = 77, HELP_INDENT = 8 };

/* A key is "section.name". */
static int section_length(const struct setting *row)
{
    return (int)(strchr(row->key, '.') - row->key);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Length of a text without an ending, if it has it. An interval is printed once, under the name and
 * meaning of its lower row without ".low" and ": lower end". */
static int without(const char *text, const char *end)
{
    return (int)(strlen(text) - (ends_with(text, end) ? strlen(end) : 0));
}

/* What a setting means and may be: "size of a task [MB]: [low, high], each a number above 0 and at
 * most 1e6". */
static void describe(const struct setting *row, char *text, size_t size)
{
    char expected[256];
    settings_expect(row, expected, sizeof expected);
    const bool plain = strcmp(row->unit, "1") == 0;
    snprintf(text, size, "%.*s%s%s%s: %s%s", without(row->help, ": lower end"), row->help,
             plain ? "" : " [", plain ? "" : row->unit, plain ? "" : "]",
             row->interval ? "[low, high], each " : "", expected);
}

/* "[low, high]" of an interval, or the one value. */
static void write_value(const struct settings *cell, const struct setting *row, char *text,
                        size_t size)
{
    char first[SETTING_TEXT];
    char second[SETTING_TEXT];
    settings_get(cell, row, first, sizeof first);
    if (row->interval) {
        settings_get(cell, row + 1, second, sizeof second);
        snprintf(text, size, "[%s, %s]", first, second);
    } else {
        snprintf(text, size, "%s", first);
    }
}

/* The heading of a row's section, unless the row printed before stands under it already. */
static void print_section(FILE *file, const struct setting **before, const struct setting *row)
{
    const int length = section_length(row);
    if (*before == NULL || strncmp((*before)->key, row->key, (size_t)length + 1) != 0)
        fprintf(file, "%s%.*s:\n", *before == NULL ? "" : "\n", length, row->key);
    *before = row;
}

/* One "key: value" line, an interval with both ends. */
static void print_row(FILE *file, const struct settings *cell, const struct setting *row,
                      const char *margin)
{
    const int section = section_length(row);
    char value[2 * SETTING_TEXT + 4];
    write_value(cell, row, value, sizeof value);
    fprintf(file, "%s%.*s: %s\n", margin, without(row->key, ".low") - section - 1,
            row->key + section + 1, value);
}

void spec_print_defaults(FILE *file)
{
    struct settings defaults;
    settings_init(&defaults);
    fputs(
        "# Every setting of ccmsweep with its default. A spec needs only what differs.\n"
        "# Settings of `checkpoint` never change a result; all others are part of what is run.\n\n",
        file);
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    const struct setting *before = NULL;
    for (size_t i = 0; i < count; i += table[i].interval ? 2 : 1) {
        char text[512];
        describe(&table[i], text, sizeof text);
        print_section(file, &before, &table[i]);
        fprintf(file, "  # %s\n", text);
        /* What a preset decides is a comment: as a value it would have precedence over the preset,
         * and changing the preset's line would change nothing. */
        print_row(file, &defaults, &table[i], settings_preset_of(&table[i]) ? "  # " : "  ");
    }
    fputs(
        "\n# Lists of values: every combination is a training of its own, numbered with actor_lr\n"
        "# outermost, then critic_lr, the other settings as they stand here, and seed innermost.\n"
        "# A key of `training` can stand alone, any other setting by its full key. The spaced\n"
        "# forms round to 6 digits; loguniform draws with NumPy's RandomState(draw_seed). What\n"
        "# matches a mapping of `exclude` is left out. `grid` can also be a list of such blocks:\n"
        "# the trainings of the first, then those of the second, and so on; with `label: NAME` in\n"
        "# each, its trainings have that name. `train` takes a grid of one cell.\n"
        "# grid:\n"
        "#   actor_lr: {logspace: [1e-4, 1e-1], count: 7}\n"
        "#   critic_lr: {loguniform: [1e-4, 1e-1], count: 20, draw_seed: 1}\n"
        "#   environment.agents: [20, 50]\n"
        "#   seed: 0-9\n"
        "#   exclude:\n"
        "#     - {environment.agents: 20, seed: [0-4, 7]}\n",
        file);
}

void spec_print(FILE *file, const struct settings *cell)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    const struct setting *before = NULL;
    for (size_t i = 0; i < count; i += table[i].interval ? 2 : 1) {
        print_section(file, &before, &table[i]);
        print_row(file, cell, &table[i], "  ");
    }
}

/* The state of printing a resolved spec. A block without cells, which --set can leave behind, is
 * not printed: the reader refuses a block whose exclusions leave nothing. */
struct printing {
    FILE *file;
    const struct spec *spec;
    bool brief;    /* leave out what older files do not have, where it has its default */
    bool *in_grid; /* (rows) a block that is printed gives the row */
    size_t blocks; /* that are printed */
    bool begun;    /* a line of the block stands there already */
};

/* Find what the grid will give. A setting is printed either in every block of the grid or in its
 * section, never in both: the reader would refuse it as given twice. */
static void look_at_blocks(struct printing *p)
{
    for (size_t i = 0; i < p->spec->parts; i++) {
        const struct grid_block *const grid = &p->spec->part[i].grid;
        p->blocks += grid->cells > 0;
        for (size_t a = 0; a < grid->axes; a++) {
            if (grid->cells > 0 && !grid->axis[a].fixed)
                p->in_grid[spec_index(grid->axis[a].row)] = true;
        }
    }
}

/* Whether a row is printed in its section: it has one value in all cells. When the preset is an
 * axis, what it decides differs between cells and must not be printed, unless it was given. */
static bool is_fixed(const struct printing *p, size_t row)
{
    const struct spec_given *const given = &p->spec->given[row];
    const struct setting *const preset = settings_preset_of(spec_row(row));
    const bool follows_preset = preset != NULL && (given->level == SPEC_NOWHERE || given->axis);
    return !p->in_grid[row] && !(follows_preset && p->in_grid[spec_index(preset)]);
}

/* True for a row of one value that a reader of the text fills in by itself: its default, which no
 * preset of the text changes. */
static bool is_left_out(const struct printing *p, const struct settings *cell, size_t index)
{
    const struct setting *const row = spec_row(index);
    const struct setting *const preset = settings_preset_of(row);
    return p->brief && settings_silent(row, settings_number(cell, row)) &&
           (preset == NULL || (is_fixed(p, spec_index(preset)) &&
                               settings_silent(preset, settings_number(cell, preset))));
}

/* Values in brackets. Three or more whole numbers in a row become a range, so that a sweep of a
 * million seeds has a short text. */
static void print_values(FILE *file, const struct setting *row, const double *values, size_t count)
{
    fputc('[', file);
    for (size_t i = 0; i < count; i++) {
        char text[SETTING_TEXT];
        size_t last = i;
        while (row->type == TYPE_INTEGER && last + 1 < count && values[i] >= 0 &&
               values[last + 1] == values[last] + 1)
            last++;
        settings_write(row, values[i], text, sizeof text);
        fprintf(file, "%s%s", i > 0 ? ", " : "", text);
        if (last < i + 2)
            continue;
        settings_write(row, values[last], text, sizeof text);
        fprintf(file, "-%s", text);
        i = last;
    }
    fputc(']', file);
}

/* Begin a line of a block. */
static void print_key(struct printing *p, const struct setting *row)
{
    fprintf(p->file, "%s%s: ", p->blocks == 1 ? "  " : p->begun ? "    " : "  - ", row->key);
    p->begun = true;
}

static void print_axis(struct printing *p, const struct setting *row, const double *values,
                       size_t count)
{
    print_key(p, row);
    print_values(p->file, row, values, count);
    fputc('\n', p->file);
}

/* In quotes where it begins with a mark: a single '-' is the item of a list in YAML. */
static void print_label(struct printing *p, const struct grid_block *grid)
{
    char text[SETTING_TEXT];
    if (grid->label == 0)
        return;
    settings_write(settings_label(), grid->label, text, sizeof text);
    const char *const quote = strchr(".-_", text[0]) != NULL ? "'" : "";
    print_key(p, settings_label());
    fprintf(p->file, "%s%s%s\n", quote, text, quote);
}

/* When another block has an axis that this one lacks, the setting is not in its section any more
 * (is_fixed), so this block must give its one value itself. Not so for what its own preset axis
 * decides, which has several values here. */
static void print_lacking(struct printing *p, const struct spec_part *part)
{
    struct settings cell;
    spec_cell(p->spec, part->first, &cell);
    for (size_t i = 0; i < p->spec->rows; i++) {
        const struct setting *const row = spec_row(i);
        const double number = settings_number(&cell, row);
        const struct setting *const preset = settings_preset_of(row);
        const struct grid_axis *const axis = preset != NULL ? grid_axis(&part->grid, preset) : NULL;
        const bool varies = axis != NULL && axis->is.count > 1;
        if (p->in_grid[i] && grid_axis(&part->grid, row) == NULL && !varies)
            print_axis(p, row, &number, 1);
    }
}

/* The values of an axis that a key of an exclusion matches. In the order of the axis, whatever
 * their order in the exclusion was: so the printed text is stable. */
static void print_matches(FILE *file, const struct grid_axis *axis, const struct grid_key *key)
{
    uint32_t *const places = fault_alloc(key->out.count, sizeof *places);
    const size_t count = grid_places(axis, key, places);
    double *const values = fault_alloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = axis->is.values[places[i]];
    print_values(file, axis->row, values, count);
    free(values);
    free(places);
}

/* Whether an exclusion can still match. When --set has replaced an axis by a value that the mapping
 * does not name, it cannot, and the reader would refuse it as one that matches nothing. */
static bool can_match(const struct grid_block *grid, const struct grid_exclusion *exclusion)
{
    for (size_t k = 0; k < exclusion->count; k++) {
        const struct grid_axis *const axis = grid_axis(grid, exclusion->keys[k].row);
        if (axis->fixed && !grid_matches(&exclusion->keys[k], axis->is.values[0]))
            return false;
    }
    return true;
}

/* The key of an axis that has become fixed is left out: its value matches (can_match), and the axis
 * need not be in the printed grid. */
static void print_exclusion(FILE *file, const struct grid_block *grid,
                            const struct grid_exclusion *exclusion)
{
    const char *before = "- {";
    for (size_t k = 0; k < exclusion->count; k++) {
        const struct grid_axis *const axis = grid_axis(grid, exclusion->keys[k].row);
        if (axis->fixed)
            continue;
        fprintf(file, "%s%s: ", before, axis->row->key);
        print_matches(file, axis, &exclusion->keys[k]);
        before = ", ";
    }
    fputs("}\n", file);
}

static void print_block(struct printing *p, const struct spec_part *part)
{
    const struct grid_block *const grid = &part->grid;
    p->begun = false;
    print_label(p, grid);
    for (size_t i = 0; i < grid->axes; i++) {
        const struct grid_axis *const axis = &grid->axis[i];
        if (i + 1 == grid->axes) /* seed stays last */
            print_lacking(p, part);
        if (p->in_grid[spec_index(axis->row)])
            print_axis(p, axis->row, axis->is.values, axis->is.count);
    }
    const char *const margin = p->blocks == 1 ? "  " : "    ";
    bool any = false;
    for (size_t e = 0; e < grid->exclusions; e++) {
        if (!can_match(grid, &grid->exclusion[e]))
            continue;
        if (!any)
            fprintf(p->file, "%sexclude:\n", margin);
        any = true;
        fprintf(p->file, "%s  ", margin);
        print_exclusion(p->file, grid, &grid->exclusion[e]);
    }
}

/* Without any axis or label that the user gave there is no grid: the three fixed ones are printed
 * in their section. */
static void print_grid(struct printing *p)
{
    bool any = p->spec->part[0].grid.label > 0;
    for (size_t i = 0; i < p->spec->rows && !any; i++)
        any = p->in_grid[i];
    if (any)
        fputs("\ngrid:\n", p->file);
    for (size_t i = 0; i < p->spec->parts && any; i++) {
        if (p->spec->part[i].grid.cells > 0)
            print_block(p, &p->spec->part[i]);
    }
}

static void print_resolved(FILE *file, const struct spec *spec, bool brief)
{
    struct printing p = {.file = file, .spec = spec, .brief = brief};
    p.in_grid = fault_alloc(spec->rows, sizeof *p.in_grid);
    look_at_blocks(&p);
    struct settings cell;
    spec_cell(spec, 0, &cell);
    const struct setting *before = NULL;
    for (size_t i = 0; i < spec->rows; i++) {
        const struct setting *const row = spec_row(i);
        if (!is_fixed(&p, i) || is_left_out(&p, &cell, i))
            continue;
        print_section(file, &before, row);
        /* Both ends in one line, unless one of them is an axis. */
        if (row->interval && is_fixed(&p, i + 1)) {
            print_row(file, &cell, row, "  ");
            i++;
        } else {
            char value[SETTING_TEXT];
            settings_get(&cell, row, value, sizeof value);
            fprintf(file, "  %s: %s\n", row->key + section_length(row) + 1, value);
        }
    }
    print_grid(&p);
    free(p.in_grid);
}

void spec_print_resolved(FILE *file, const struct spec *spec)
{
    print_resolved(file, spec, false);
}

char *spec_resolved(const struct spec *spec)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    if (file == NULL)
        fault_no_memory(YAML_TREE_LIMIT);
    print_resolved(file, spec, true);
    if (fclose(file) != 0)
        fault_no_memory(size);
    return text;
}

/* Print words of `text`, broken at spaces so that lines keep within HELP_COLUMNS. */
static void print_wrapped(FILE *file, const char *text)
{
    int column = 0;
    while (*text != '\0') {
        const int length = (int)strcspn(text, " ");
        if (column == 0 || column + 1 + length > HELP_COLUMNS) {
            column =
                fprintf(file, "%s%*s%.*s", column > 0 ? "\n" : "", HELP_INDENT, "", length, text) -
                (column > 0);
        } else {
            column += fprintf(file, " %.*s", length, text);
        }
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', file);
}

void spec_print_help(FILE *file)
{
    struct settings defaults;
    settings_init(&defaults);
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    for (size_t i = 0; i < count; i += table[i].interval ? 2 : 1) {
        char value[2 * SETTING_TEXT + 4];
        char text[512];
        write_value(&defaults, &table[i], value, sizeof value);
        describe(&table[i], text, sizeof text);
        fprintf(file, "  %.*s=%s\n", without(table[i].key, ".low"), table[i].key, value);
        print_wrapped(file, text);
    }
}
