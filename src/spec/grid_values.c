// SPDX-License-Identifier: MIT
/* The values of one axis: from the text of a list, a range or a spaced form to numbers, in the
 * order of the text. grid.c knows no texts of values.
 *
 * An axis must not have the same value twice, since a cell would then appear twice. A spec can have
 * a million values, so equal ones are found by sorting and not by comparing each with each. */
#include "base/rng.h"
#include "base/text.h"
#include "spec/grid.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACED                                                                                     \
    "{logspace: [low, high], count: N} or {loguniform: [low, high], count: N, draw_seed: S}"

/* text_quote puts the text between quotes and makes control characters harmless; the quotes are cut
 * off, because the sentences that use it have the key in front, without quotes. */
const char *grid_show(const char *text, char *shown)
{
    text_quote(text, shown);
    shown[strlen(shown) - 1] = '\0';
    return shown + 1;
}

/* NaN is `none`: two of them are equal here, although they are not for C. */
int grid_compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) - isnan(a);
    return (a > b) - (a < b);
}

int grid_compare_items(const void *a, const void *b)
{
    return grid_compare(*(const double *)a, *(const double *)b);
}

size_t grid_distinct(double *values, size_t count)
{
    size_t left = 0;
    qsort(values, count, sizeof *values, grid_compare_items);
    for (size_t i = 0; i < count; i++) {
        if (left == 0 || grid_compare(values[i], values[left - 1]) != 0)
            values[left++] = values[i];
    }
    return left;
}

enum status grid_refuse(const struct setting *row, const char *key, const char *what,
                        const char *shape, struct fault *fault)
{
    char text[256];
    settings_expect(row, text, sizeof text);
    return fault_set(fault, STATUS_INPUT, "%s: %s, expected %s%s", key, what, shape, text);
}

/* Whether a key names one end of an interval. */
static bool is_end(const char *key)
{
    const char *const dot = strrchr(key, '.');
    return dot != NULL && (strcmp(dot, ".low") == 0 || strcmp(dot, ".high") == 0);
}

/* The nearest key is proposed without ".low" when the user has not written an end either: an
 * interval is usually given as a whole. */
enum status grid_refuse_key(const char *key, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    char hint[128] = "";
    const struct setting *const near = settings_nearest(key);
    if (near != NULL) {
        const bool stem = is_end(near->key) && !is_end(key);
        const size_t length =
            stem ? (size_t)(strrchr(near->key, '.') - near->key) : strlen(near->key);
        snprintf(hint, sizeof hint, "; did you mean %.*s?", (int)length, near->key);
    }
    return fault_set(fault, STATUS_INPUT,
                     "%s: unknown key, expected one that 'ccmsweep spec --defaults' lists%s",
                     grid_show(key, shown), hint);
}

/* YAML's own form of a list, [301, 298], as the text that settings_read takes. Each item is looked
 * at first: pasted together, wrong ones could make a list that nobody wrote. */
static enum status read_list(const struct setting *row, const char *key,
                             const struct yaml_node *node, double *number, struct fault *fault)
{
    char text[SETTING_TEXT] = "[";
    char what[128], shown[TEXT_QUOTED];
    if (node->count > SETTING_LIST_ITEMS) {
        snprintf(what, sizeof what, "a list of %zu items", node->count);
        return grid_refuse(row, key, what, "", fault);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *const item = &node->items[i];
        if (item->kind != YAML_VALUE)
            return grid_refuse(row, key, "a list with a list or mapping inside", "", fault);
        const size_t digits = strspn(item->text, "0123456789");
        if (digits == 0 || digits > 18 || item->text[digits] != '\0') {
            snprintf(what, sizeof what, "%s in a list is not a whole number",
                     text_quote(item->text, shown));
            return grid_refuse(row, key, what, "", fault);
        }
        text_add(text, sizeof text, "%s%ld", i > 0 ? "," : "", strtol(item->text, NULL, 10));
    }
    text_add(text, sizeof text, "]");
    return settings_read(row, text, number, fault);
}

/* The wrong shapes are named one by one, before settings_read looks at the text: "a list" helps
 * more than "'[0.1' is not a number". Quotes mean text in YAML, so "0.1" in quotes is refused for a
 * number. */
enum status grid_read_value(const struct setting *row, const char *key,
                            const struct yaml_node *node, double *number, struct fault *fault)
{
    if (node->kind == YAML_LIST && row->type == TYPE_LIST)
        return read_list(row, key, node, number, fault);
    if (node->kind == YAML_LIST)
        return grid_refuse(row, key, "a list", "", fault);
    if (node->kind == YAML_MAPPING)
        return fault_set(fault, STATUS_INPUT, "%s: a mapping, expected a value or a list of values",
                         key);
    if (*node->text == '\0' && !node->quoted)
        return fault_set(fault, STATUS_INPUT, "%s: no value, expected one", key);
    if (node->quoted && row->type != TYPE_CHOICE && row->type != TYPE_LIST)
        return grid_refuse(row, key, "text in quotes", "", fault);
    return settings_read(row, node->text, number, fault);
}

/* The values that are being read, in an array that grows by doubling: how many there will be is not
 * known before ranges are read. */
struct growing {
    struct grid_values *values;
    size_t room;
};

static void append(struct growing *to, double number)
{
    struct grid_values *const values = to->values;
    if (values->count == to->room) {
        to->room = to->room > 0 ? 2 * to->room : 16;
        double *const more = realloc(values->values, to->room * sizeof *more);
        if (more == NULL)
            fault_no_memory(to->room * sizeof *more);
        values->values = more;
    }
    values->values[values->count++] = number;
}

/* "digits-digits", without blanks. A negative number begins with '-' and "1e-4" has a letter, so
 * neither is taken for a range. */
static bool is_range(const struct yaml_node *node)
{
    if (node->kind != YAML_VALUE || node->quoted)
        return false;
    const size_t first = strspn(node->text, "0123456789");
    const char *const second = node->text + first + 1;
    return first > 0 && node->text[first] == '-' && *second != '\0' &&
           second[strspn(second, "0123456789")] == '\0';
}

/* The ends of "low-high", both included. Each is read like a single value, so it has the same range
 * and messages. The caller puts file and line in front of the sentence. */
static enum status read_range(const struct setting *row, const struct yaml_node *node,
                              double ends[2], struct fault *fault)
{
    char shown[TEXT_QUOTED];
    char text[64];
    const size_t length = strlen(node->text);
    if (row->type != TYPE_INTEGER) {
        char what[128];
        snprintf(what, sizeof what, "%s is a range, which only whole numbers have",
                 text_quote(node->text, shown));
        return grid_refuse(row, row->key, what, "", fault);
    }
    /* Too long for two numbers: settings_read refuses it in its own words. */
    if (length >= sizeof text)
        return settings_read(row, node->text, ends, fault);
    memcpy(text, node->text, length + 1);
    char *const dash = strchr(text, '-');
    *dash = '\0';
    enum status status = settings_read(row, text, &ends[0], fault);
    if (status == STATUS_OK)
        status = settings_read(row, dash + 1, &ends[1], fault);
    if (status == STATUS_OK && ends[0] > ends[1])
        status = fault_set(fault, STATUS_INPUT, "%s: %s runs backwards, expected %.0f-%.0f",
                           row->key, text_quote(node->text, shown), ends[1], ends[0]);
    return status;
}

static enum status refuse_many(const struct setting *row, struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT, "%s: too many values, expected at most %d", row->key,
                     GRID_LIMIT);
}

/* One item of a list, or a value that stands alone. */
static enum status read_item(const struct setting *row, const struct yaml_node *item,
                             struct growing *to, struct fault *fault)
{
    double ends[2] = {0};
    if (item->kind == YAML_MAPPING || (item->kind == YAML_LIST && row->type != TYPE_LIST))
        return fault_set(fault, STATUS_INPUT,
                         "%s: a list or mapping inside a list, expected single values", row->key);
    const bool range = is_range(item);
    const enum status status = range ? read_range(row, item, ends, fault)
                                     : grid_read_value(row, row->key, item, ends, fault);
    if (status != STATUS_OK)
        return status;
    /* Before anything is appended: "0-4294967295" must not fill the memory first. */
    if ((range ? ends[1] - ends[0] : 0) >= (double)(GRID_LIMIT - to->values->count))
        return refuse_many(row, fault);
    append(to, ends[0]);
    for (double number = ends[0] + 1; range && number <= ends[1]; number++)
        append(to, number);
    return STATUS_OK;
}

/* Say which shapes are possible here. Under `exclude` a single value is one of them, and a spaced
 * form is not. */
static enum status refuse_shape(const struct setting *row, const char *what, bool match,
                                struct fault *fault)
{
    if (match)
        return grid_refuse(row, row->key, what, "a value or a list of values, each ", fault);
    return grid_refuse(row, row->key, what,
                       row->type == TYPE_INTEGER ? "a list of values or a range such as 0-9, each "
                                                 : "a list of values, each ",
                       fault);
}

/* What {logspace: …} or {loguniform: …} says. */
struct spaced {
    bool drawn;
    double low, high;
    int64_t count, draw_seed; /* -1: not given */
};

static enum status refuse_spaced(const struct setting *row, const char *what, struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT, "%s: %s, expected " SPACED, row->key, what);
}

static enum status read_ends(const struct setting *row, const struct yaml_node *node,
                             struct spaced *spaced, struct fault *fault)
{
    char what[128];
    /* Ends are above 0, so this says that a form was read before. */
    if (spaced->low > 0) {
        return refuse_spaced(row, "both logspace and loguniform", fault);
    }
    if (node->kind != YAML_LIST || node->count != 2) {
        snprintf(what, sizeof what, "%s is not a list of two ends", node->key);
        return refuse_spaced(row, what, fault);
    }
    enum status status = grid_read_value(row, row->key, &node->items[0], &spaced->low, fault);
    if (status == STATUS_OK)
        status = grid_read_value(row, row->key, &node->items[1], &spaced->high, fault);
    if (status == STATUS_OK && !(spaced->low > 0 && spaced->high > spaced->low))
        status = fault_set(fault, STATUS_INPUT,
                           "%s: the ends of %s are %s and %s, expected the first above 0 and below "
                           "the second",
                           row->key, node->key, node->items[0].text, node->items[1].text);
    spaced->drawn = strcmp(node->key, "loguniform") == 0;
    return status;
}

/* Read `count` or `draw_seed`, which are not settings and have no row. */
static enum status read_whole(const struct setting *row, const struct yaml_node *node, int64_t low,
                              int64_t high, int64_t *whole, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    const bool value = node->kind == YAML_VALUE && !node->quoted;
    if (value && text_parse_integer(node->text, whole) && *whole >= low && *whole <= high)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT, "%s: %s is %s, expected a whole number from %lld to %lld",
                     row->key, node->key,
                     value ? text_quote(node->text, shown) : "not a plain value", (long long)low,
                     (long long)high);
}

/* One key of a spaced form. The keys may come in any order, so what is missing shows only at the
 * end, in read_spaced. */
static enum status read_part(const struct setting *row, const struct yaml_node *node,
                             struct spaced *spaced, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    char what[128];
    if (strcmp(node->key, "logspace") == 0 || strcmp(node->key, "loguniform") == 0)
        return read_ends(row, node, spaced, fault);
    if (strcmp(node->key, "count") == 0)
        return read_whole(row, node, 2, GRID_SPACED_LIMIT, &spaced->count, fault);
    if (strcmp(node->key, "draw_seed") == 0)
        return read_whole(row, node, 0, UINT32_MAX, &spaced->draw_seed, fault);
    snprintf(what, sizeof what, "unknown key %s", text_quote(node->key, shown));
    return refuse_spaced(row, what, fault);
}

/* `*line` is where the fault is. */
static enum status read_spaced(const struct setting *row, const struct yaml_node *node,
                               struct spaced *spaced, int *line, struct fault *fault)
{
    *spaced = (struct spaced){.count = -1, .draw_seed = -1};
    if (row->type != TYPE_REAL)
        return refuse_shape(row, "a mapping", false, fault);
    for (size_t i = 0; i < node->count; i++) {
        const enum status status = read_part(row, &node->items[i], spaced, fault);
        if (status != STATUS_OK) {
            *line = node->items[i].key_line;
            return status;
        }
    }
    const char *what = NULL;
    if (spaced->low == 0)
        what = "a mapping without logspace or loguniform";
    else if (spaced->count < 0)
        what = "no count";
    else if (spaced->drawn && spaced->draw_seed < 0)
        what = "loguniform without draw_seed";
    else if (!spaced->drawn && spaced->draw_seed >= 0)
        what = "logspace with draw_seed";
    return what == NULL ? STATUS_OK : refuse_spaced(row, what, fault);
}

/* Values with all their digits would make poor labels. Rounded to 6 digits, they are what the
 * tables and the printed spec show, and are read back to the same bits. */
static double round_to_six(const struct setting *row, double value)
{
    char text[TEXT_NUMBER];
    snprintf(text, sizeof text, "%.6g", value);
    CHECK(settings_read(row, text, &value, NULL) == STATUS_OK);
    return value;
}

/* Even steps of the logarithm with both ends, or numpy.random.RandomState(draw_seed)'s
 * exp(uniform(log(low), log(high))) in the order of the draws. */
static void make_spaced(const struct setting *row, const struct spaced *spaced, struct growing *to)
{
    struct numpy_rng rng;
    numpy_seed(&rng, (uint32_t)(spaced->drawn ? spaced->draw_seed : 0));
    const double low = log(spaced->low);
    const double high = log(spaced->high);
    for (int64_t i = 0; i < spaced->count; i++) {
        const double share = (double)i / (double)(spaced->count - 1);
        double value =
            exp(spaced->drawn ? numpy_uniform(&rng, low, high) : low + (high - low) * share);
        /* The ends are taken as given: exp(log(x)) need not be x. */
        if (!spaced->drawn && i == 0)
            value = spaced->low;
        if (!spaced->drawn && i == spaced->count - 1)
            value = spaced->high;
        append(to, round_to_six(row, value));
    }
}

/* Place of a value among all. */
struct placed {
    double number;
    size_t place;
};

/* Equal values in the order of their places, so that of two the second is reported as the repeated
 * one. And qsort is not stable. */
static int compare_placed(const void *a, const void *b)
{
    const struct placed *const x = a;
    const struct placed *const y = b;
    const int order = grid_compare(x->number, y->number);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* Set the order of values that do not ascend. Most lists do, and need no memory for an order.
 * Equal neighbours do not ascend, so a list with a repeated value always gets an order, in which
 * find_repeat looks. */
static void find_order(struct grid_values *values)
{
    bool ascending = true;
    for (size_t i = 1; i < values->count && ascending; i++)
        ascending = grid_compare(values->values[i - 1], values->values[i]) < 0;
    if (ascending)
        return;
    struct placed *const sorted = fault_alloc(values->count, sizeof *sorted);
    for (size_t i = 0; i < values->count; i++)
        sorted[i] = (struct placed){values->values[i], i};
    qsort(sorted, values->count, sizeof *sorted, compare_placed);
    values->order = fault_alloc(values->count, sizeof *values->order);
    for (size_t i = 0; i < values->count; i++)
        values->order[i] = (uint32_t)sorted[i].place;
    free(sorted);
}

/* The first value, in the order of the text, that was there before, and where. False when there is
 * none. */
static bool find_repeat(const struct grid_values *values, size_t places[2])
{
    const uint32_t *const order = values->order;
    places[1] = values->count;
    for (size_t i = 1; order != NULL && i < values->count; i++) {
        if (grid_compare(values->values[order[i - 1]], values->values[order[i]]) == 0 &&
            order[i] < places[1]) {
            places[0] = order[i - 1];
            places[1] = order[i];
        }
    }
    return places[1] < values->count;
}

/* The item of a list that gave the value at `place`. Ranges are read again for this, instead of
 * keeping the source of each of a million values for a message that is rare. */
static const struct yaml_node *find_source(const struct setting *row, const struct yaml_node *node,
                                           size_t place)
{
    size_t i = 0;
    for (size_t before = 0; i < node->count; i++) {
        double ends[2] = {0};
        if (is_range(&node->items[i]))
            CHECK(read_range(row, &node->items[i], ends, NULL) == STATUS_OK);
        before += (size_t)(ends[1] - ends[0]) + 1;
        if (place < before)
            break;
    }
    CHECK(i < node->count);
    return &node->items[i];
}

/* What the user wrote for a value; for a list in YAML's own form, its `number` as text. */
static const char *show_item(const struct yaml_node *item, const char *number, char *shown)
{
    return grid_show(item->kind == YAML_VALUE ? item->text : number, shown);
}

/* Two drawn values can become equal by rounding; otherwise the user wrote the value twice, perhaps
 * within two ranges, and the message names both places. */
static enum status refuse_repeat(const struct setting *row, const struct yaml_node *node,
                                 const struct grid_values *values, const char *name,
                                 struct fault *fault)
{
    size_t places[2] = {0};
    char number[SETTING_TEXT];
    if (!find_repeat(values, places))
        return STATUS_OK;
    settings_write(row, values->values[places[0]], number, sizeof number);
    if (node->kind == YAML_MAPPING)
        return fault_set(
            fault, STATUS_INPUT,
            "%s:%d: %s: %s comes twice when rounded to 6 digits, expected fewer values "
            "or another draw_seed",
            name, node->line, row->key, number);
    char shown[2][TEXT_QUOTED];
    const struct yaml_node *const first = find_source(row, node, places[0]);
    const struct yaml_node *const second = find_source(row, node, places[1]);
    return fault_set(
        fault, STATUS_INPUT,
        "%s:%d: %s: %s is given twice, by %s in line %d and by %s in line %d, expected "
        "once",
        name, first->line, row->key, number, show_item(first, number, shown[0]), first->line,
        show_item(second, number, shown[1]), second->line);
}

/* All values in the order of the text, repeated ones included. `line` is where the sentence points
 * to: the item or the key that is wrong, not the beginning of the list. */
static enum status collect(const struct setting *row, const struct yaml_node *node, bool match,
                           struct growing *to, const char *name, struct fault *fault)
{
    struct spaced spaced;
    enum status status = STATUS_OK;
    int line = node->line;
    if (node->kind == YAML_MAPPING && match) {
        status = refuse_shape(row, "a mapping", match, fault);
    } else if (node->kind == YAML_MAPPING) {
        status = read_spaced(row, node, &spaced, &line, fault);
        if (status == STATUS_OK)
            make_spaced(row, &spaced, to);
    } else if (node->kind == YAML_VALUE && !match && !is_range(node) && *node->text != '\0') {
        status = refuse_shape(row, "a single value", match, fault);
    } else if (node->kind == YAML_VALUE) {
        status = read_item(row, node, to, fault);
    } else if (node->count == 0) {
        status = refuse_shape(row, "an empty list", match, fault);
    }
    for (size_t i = 0; node->kind == YAML_LIST && i < node->count && status == STATUS_OK; i++) {
        line = node->items[i].line;
        status = read_item(row, &node->items[i], to, fault);
    }
    if (status != STATUS_OK)
        fault_prefix(fault, "%s:%d", name, line);
    return status;
}

enum status grid_read_values(const struct setting *row, const struct yaml_node *node, bool match,
                             struct grid_values *values, const char *name, struct fault *fault)
{
    *values = (struct grid_values){0};
    struct growing to = {.values = values};
    enum status status = collect(row, node, match, &to, name, fault);
    if (status == STATUS_OK) {
        find_order(values);
        status = refuse_repeat(row, node, values, name, fault);
    }
    if (status != STATUS_OK)
        grid_values_fini(values);
    return status;
}

void grid_values_fini(struct grid_values *values)
{
    free(values->values);
    free(values->order);
    *values = (struct grid_values){0};
}
