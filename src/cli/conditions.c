// SPDX-License-Identifier: MIT
#include "cli/conditions.h"
#include "query/grouping.h"
#include "store/schema.h"
#include <stdlib.h>
#include <string.h>

/* One KEY=VALUE. */
struct condition {
    const char *text;
    const struct setting *row;
    double number;
};

struct conditions {
    const struct spec *spec;
    const char *what;
    char *words; /* all texts, cut at commas */
    struct condition *of;
    size_t count;
};

/* The short name that --set accepts, if there is one. */
static const char *name_of(const struct setting *row)
{
    const char *const dot = strchr(row->key, '.');
    return dot != NULL && settings_named(dot + 1) == row ? dot + 1 : row->key;
}

/* All settings that are an axis of some block, each once. */
static void list_axes(const struct spec *spec, char *text, size_t size)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    text_add(text, size, "%s", spec_labelled(spec) ? "label, " : "");
    bool first = true;
    for (size_t i = 0; i < rows; i++) {
        bool is_axis = false;
        for (size_t block = 0; block < spec_blocks(spec) && !is_axis; block++) {
            for (size_t a = 0; a < spec_axes(spec, block) && !is_axis; a++)
                is_axis = spec_axis(spec, block, a).row == &table[i];
        }
        if (is_axis)
            text_add(text, size, "%s%s", first ? "" : ", ", name_of(&table[i]));
        first = first && !is_axis;
    }
}

static enum status refuse_key(const struct conditions *c, const char *key, struct fault *fault)
{
    char axes[GROUPING_NAMES] = "";
    const struct setting *const near = settings_nearest(key);
    list_axes(c->spec, axes, sizeof axes);
    return fault_set(fault, STATUS_INPUT,
                     "'%s' is not a setting, expected one such as %s; the axes are %s", key,
                     near != NULL ? near->key : "training.seed", axes);
}

/* The key may be that of the spec or the name of a column in the file, as for --by of aggregate. */
static enum status read_condition(struct conditions *c, const char *text, struct fault *fault)
{
    const char *const value = strchr(text, '=');
    struct condition *const condition = &c->of[c->count++];
    if (value == NULL)
        return fault_set(fault, STATUS_INPUT, "'%s' has no '=', expected KEY=VALUE", text);
    char *const key = strndup(text, (size_t)(value - text));
    if (key == NULL)
        fault_no_memory(strlen(text));
    *condition = (struct condition){.text = text, .row = schema_axis_setting(key)};
    const enum status status = condition->row == NULL ? refuse_key(c, key, fault)
                                                      : settings_read(condition->row, value + 1,
                                                                      &condition->number, fault);
    free(key);
    return status;
}

/* Each value is put into a copy of the cell, and the two are compared by settings_equal: bit for
 * bit, after the same reading that a spec gets. So 1e-1 matches 0.1, and `none` matches `none`,
 * which is NaN in memory. */
static bool has(const struct settings *cell, const struct condition *condition)
{
    struct settings wanted = *cell;
    settings_put(&wanted, condition->row, condition->number);
    return settings_equal(&wanted, cell, condition->row);
}

static bool meets(const struct conditions *c, const struct settings *cell)
{
    for (size_t i = 0; i < c->count; i++) {
        bool any = false;
        for (size_t k = 0; k < c->count && !any; k++)
            any = c->of[k].row == c->of[i].row && has(cell, &c->of[k]);
        if (!any)
            return false;
    }
    return true;
}

/* A value that no cell has is a mistake, also beside one that some have. */
static enum status check_value(const struct conditions *c, const struct condition *condition,
                               struct fault *fault)
{
    const int64_t cells = spec_cells(c->spec);
    double *const values = fault_alloc((size_t)cells, sizeof *values);
    char expected[GROUPING_NAMES];
    bool met = false;
    for (int64_t index = 0; index < cells && !met; index++) {
        struct settings cell;
        spec_cell(c->spec, index, &cell);
        met = has(&cell, condition);
        values[index] = settings_number(&cell, condition->row);
    }
    if (!met)
        grouping_expected(condition->row, cells, values, expected, sizeof expected);
    free(values);
    return met ? STATUS_OK
               : fault_set(fault, STATUS_INPUT, "no %s has %s, %s", c->what, condition->text,
                           expected);
}

static enum status read_all(struct conditions *c, struct fault *fault)
{
    enum status status = STATUS_OK;
    for (char *rest = c->words; rest != NULL && status == STATUS_OK;)
        status = read_condition(c, strsep(&rest, ","), fault);
    for (size_t i = 0; i < c->count && status == STATUS_OK; i++)
        status = check_value(c, &c->of[i], fault);
    return status;
}

static enum status choose(const struct conditions *c, bool **chosen, struct fault *fault)
{
    const int64_t cells = spec_cells(c->spec);
    bool any = false;
    *chosen = fault_alloc((size_t)cells, sizeof **chosen);
    for (int64_t index = 0; index < cells; index++) {
        struct settings cell;
        spec_cell(c->spec, index, &cell);
        (*chosen)[index] = meets(c, &cell);
        any = any || (*chosen)[index];
    }
    if (any)
        return STATUS_OK;
    free(*chosen);
    *chosen = NULL;
    return fault_set(fault, STATUS_INPUT, "no %s has all of these values", c->what);
}

enum status conditions_choose(const struct option_names *texts, const struct spec *spec,
                              const char *option, const char *what, bool **chosen,
                              struct fault *fault)
{
    struct conditions c = {.spec = spec, .what = what};
    size_t size = 1, most = 1, used = 0;
    for (size_t i = 0; i < texts->count; i++)
        size += strlen(texts->of[i]) + 1;
    if (texts->count > 0)
        c.words = fault_alloc(size, 1);
    for (size_t i = 0; i < texts->count; i++)
        used +=
            (size_t)snprintf(c.words + used, size - used, "%s%s", i > 0 ? "," : "", texts->of[i]);
    for (size_t i = 0; i < used; i++)
        most += c.words[i] == ',';
    c.of = fault_alloc(most, sizeof *c.of);
    *chosen = NULL;
    enum status status = read_all(&c, fault);
    if (status == STATUS_OK)
        status = choose(&c, chosen, fault);
    if (status != STATUS_OK)
        fault_prefix(fault, "%s", option);
    free(c.of);
    free(c.words);
    return status;
}
