// SPDX-License-Identifier: MIT
#include <ccmsweep/spec.h>
#include <ccmsweep/text.h>
#include <string.h>

enum { HELP_COLUMNS = 77, HELP_INDENT = 8 };

static int section_length(const struct setting *row)
{
    return (int)(strchr(row->key, '.') - row->key);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool is_low(const struct setting *row)
{
    return ends_with(row->key, ".low");
}

static int without(const char *text, const char *end)
{
    return (int)(strlen(text) - (ends_with(text, end) ? strlen(end) : 0));
}

/* What a setting means and may be: "size of a task, in MB: each a number above 0 and at most 1e6"
 */
static void describe(const struct setting *row, char *text, size_t size)
{
    char expected[256];
    settings_expect(row, expected, sizeof expected);
    const bool plain = strcmp(row->unit, "1") == 0;
    snprintf(text, size, "%.*s%s%s%s: %s%s", without(row->help, ": lower end"), row->help,
             plain ? "" : " [", plain ? "" : row->unit, plain ? "" : "]",
             is_low(row) ? "[low, high], each " : "", expected);
}

/* "[low, high]" of an interval, or the one value. */
static void write_value(const struct settings *cell, const struct setting *row, char *text,
                        size_t size)
{
    char first[TEXT_NUMBER];
    char second[TEXT_NUMBER];
    settings_get(cell, row, first, sizeof first);
    if (is_low(row)) {
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
    char value[2 * TEXT_NUMBER + 4];
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
    for (size_t i = 0; i < count; i += is_low(&table[i]) ? 2 : 1) {
        char text[512];
        describe(&table[i], text, sizeof text);
        print_section(file, &before, &table[i]);
        fprintf(file, "  # %s\n", text);
        print_row(file, &defaults, &table[i], settings_from_preset(&table[i]) ? "  # " : "  ");
    }
    fputs(
        "\n# Lists of values: every combination is a training of its own. A key of `training` can\n"
        "# stand alone, any other setting by its full key. One training at a time: `train` takes\n"
        "# a grid of one combination.\n"
        "# grid:\n"
        "#   actor_lr: [0.1, 0.01]\n"
        "#   environment.agents: [20, 50]\n",
        file);
}

void spec_print(FILE *file, const struct settings *cell)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    const struct setting *before = NULL;
    for (size_t i = 0; i < count; i += is_low(&table[i]) ? 2 : 1) {
        print_section(file, &before, &table[i]);
        print_row(file, cell, &table[i], "  ");
    }
}

static bool is_axis(const struct spec *spec, const struct setting *row)
{
    for (size_t i = 0; i < spec_axes(spec); i++) {
        if (spec_axis(spec, i).row == row)
            return true;
    }
    return false;
}

/* True for a row that has one value in all cells, though it may not be given. */
static bool is_fixed(const struct spec *spec, const struct setting *row)
{
    const bool varies = settings_from_preset(row) && !spec_gives(spec, row) &&
                        is_axis(spec, settings_find("environment.preset"));
    return !is_axis(spec, row) && !varies;
}

static void print_grid(FILE *file, const struct spec *spec)
{
    for (size_t i = 0; i < spec_axes(spec); i++) {
        const struct spec_axis axis = spec_axis(spec, i);
        fprintf(file, "%s  %s: [", i == 0 ? "\ngrid:\n" : "", axis.row->key);
        for (size_t k = 0; k < axis.count; k++)
            fprintf(file, "%s%s", k > 0 ? ", " : "", axis.values[k]);
        fputs("]\n", file);
    }
}

void spec_print_resolved(FILE *file, const struct spec *spec)
{
    struct settings cell;
    spec_cell(spec, 0, &cell);
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    const struct setting *before = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!is_fixed(spec, &table[i]))
            continue;
        print_section(file, &before, &table[i]);
        if (is_low(&table[i]) && is_fixed(spec, &table[i + 1])) {
            print_row(file, &cell, &table[i++], "  ");
        } else {
            char value[TEXT_NUMBER];
            settings_get(&cell, &table[i], value, sizeof value);
            fprintf(file, "  %s: %s\n", table[i].key + section_length(&table[i]) + 1, value);
        }
    }
    print_grid(file, spec);
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
    for (size_t i = 0; i < count; i += is_low(&table[i]) ? 2 : 1) {
        char value[2 * TEXT_NUMBER + 4];
        char text[512];
        write_value(&defaults, &table[i], value, sizeof value);
        describe(&table[i], text, sizeof text);
        fprintf(file, "  %.*s=%s\n", without(table[i].key, ".low"), table[i].key, value);
        print_wrapped(file, text);
    }
}
