// SPDX-License-Identifier: MIT
/* Everything that is done to a setting by its row of the table (settings_table.c). Nothing
 * describes a setting a second time: a row that is added is parsed, printed, documented, stored and
 * compared without another line.
 *
 * Values are handled as doubles, whatever their type: every value of every row is exact in a double
 * (whole numbers stay below 2^53, lists and labels have numbers), so one path serves parsing,
 * ranges, comparison and storage. */
#include "base/labels.h"
#include "base/lists.h"
#include "base/settings_internal.h"
#include "base/text.h"
#include <ccmsweep/settings.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a preset decides beyond its name, in the order of the preset's choices. */
static const struct {
    const char *preset, *key;
    const char *values[2];
} decided[] = {
    {"environment.preset", "environment.size_unit", {"1024", "1"}},
    {"environment.preset", "environment.energy_law", {"square", "linear"}},
    {"training.rules", "training.critic_mean", {"rows", "transitions"}},
    {"training.rules", "training.time_limit", {"terminal", "bootstrap"}},
    {"training.rules", "training.explore_among", {"all", "proposers"}},
    {"training.rules", "training.streams", {"shared", "separate"}},
    {"training.rules", "replay.weighting", {"squared", "plain"}},
    {"training.rules", "replay.priority", {"squared_sum", "mean_absolute"}},
};

/* The three kinds of member behind a row: double, int64_t, and an enum, which is an unsigned int.
 */
_Static_assert(sizeof(enum environment_preset) == sizeof(unsigned), "an enum is an unsigned int");

static bool is_whole(const struct setting *row)
{
    return row->type == TYPE_INTEGER || row->type == TYPE_LIST || row->type == TYPE_LABEL;
}

/* memcpy, since the place of a member is known by its offset alone; the compiler makes it a load.
 */
double settings_number(const struct settings *s, const struct setting *row)
{
    const char *const at = (const char *)s + row->offset;
    if (row->type == TYPE_REAL) {
        double real = 0;
        memcpy(&real, at, sizeof real);
        return real;
    }
    if (is_whole(row)) {
        int64_t whole = 0;
        memcpy(&whole, at, sizeof whole);
        return (double)whole;
    }
    unsigned choice = 0;
    memcpy(&choice, at, sizeof choice);
    return (double)choice;
}

void settings_put(struct settings *s, const struct setting *row, double number)
{
    char *const at = (char *)s + row->offset;
    if (row->type == TYPE_REAL) {
        memcpy(at, &number, sizeof number);
    } else if (is_whole(row)) {
        const int64_t whole = (int64_t)number;
        memcpy(at, &whole, sizeof whole);
    } else {
        const unsigned choice = (unsigned)number;
        memcpy(at, &choice, sizeof choice);
    }
}

/* The value of `none`: NaN, or -1 where the type has no NaN. Neither is in the range of its row. */
static bool is_none(const struct setting *row, double value)
{
    return row->optional && (row->type == TYPE_REAL ? isnan(value) : value == -1);
}

static bool in_range(const struct setting *row, double value)
{
    if (row->type == TYPE_LIST)
        return lists_known(value);
    if (row->type == TYPE_LABEL)
        return labels_text(value) != NULL;
    return (row->open_low ? value > row->min : value >= row->min) && value <= row->max;
}

const struct setting *settings_label(void)
{
    static const struct setting row = {.key = "label",
                                       .type = TYPE_LABEL,
                                       .class = CLASS_LABEL,
                                       .offset = offsetof(struct settings, label),
                                       .unit = "1",
                                       .help = "name that the spec gives what a block of it sets"};
    return &row;
}

const struct setting *settings_find(const char *key)
{
    if (strcmp(key, settings_label()->key) == 0)
        return settings_label();
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    return NULL;
}

/* Length of the key without ".low" or ".high": a user names an interval by one key, whose value has
 * both ends. */
static size_t stem_length(const char *key)
{
    /* Only the last part counts: a section or a name may have these letters elsewhere. */
    const size_t length = strlen(key);
    const char *const end = strrchr(key, '.');
    if (end != NULL && (strcmp(end, ".low") == 0 || strcmp(end, ".high") == 0))
        return (size_t)(end - key);
    return length;
}

const struct setting *settings_find_interval(const char *stem)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        const size_t length = stem_length(table[i].key);
        if (table[i].key[length] != '\0' && strlen(stem) == length &&
            strncmp(table[i].key, stem, length) == 0)
            return &table[i];
    }
    return NULL;
}

static const char *name_of(const char *key)
{
    const char *const dot = strchr(key, '.');
    return dot == NULL ? key : dot + 1;
}

/* The four names without a section are those that have options of `train`: one list, in the table.
 */
const struct setting *settings_named(const char *name)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    const struct setting *row = settings_find(name);
    for (size_t i = 0; i < rows && row == NULL; i++) {
        if (table[i].option != NULL && strcmp(name_of(table[i].key), name) == 0)
            row = &table[i];
    }
    return row;
}

const struct setting *settings_nearest(const char *key)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    const struct setting *nearest = NULL;
    const size_t typed = strlen(name_of(key));
    /* At most half of what was typed: for a key of two letters anything would be near. */
    int best = typed / 2 < 3 ? (int)(typed / 2) : 3;
    for (size_t i = 0; i < rows; i++) {
        char stem[64];
        snprintf(stem, sizeof stem, "%.*s", (int)stem_length(table[i].key), table[i].key);
        /* The whole key, the key of an interval without its end, and the name alone, which finds
         * the right name in a wrong section. */
        const int distances[] = {
            text_distance(key, table[i].key),
            text_distance(key, stem),
            text_distance(name_of(key), name_of(stem)),
        };
        for (size_t k = 0; k < sizeof distances / sizeof *distances; k++) {
            if (distances[k] < best || (distances[k] == best && nearest == NULL)) {
                best = distances[k];
                nearest = &table[i];
            }
        }
    }
    return nearest;
}

static int expect_choice(const struct setting *row, char *text, size_t size)
{
    char names[256] = "";
    for (size_t i = 0, used = 0; row->choices[i] != NULL && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                 row->choices[i]);
    return snprintf(text, size, "one of %s", names);
}

int settings_expect(const struct setting *row, char *text, size_t size)
{
    if (row->type == TYPE_CHOICE)
        return expect_choice(row, text, size);
    char low[TEXT_NUMBER];
    char high[TEXT_NUMBER];
    if (row->type == TYPE_LIST)
        return snprintf(
            text, size,
            "a list such as 301+298 of up to %d whole numbers from %.0f that sum up to at "
            "most %d, or none",
            SETTING_LIST_ITEMS, row->min, SETTING_LIST_SUM);
    if (row->type == TYPE_LABEL)
        return snprintf(text, size,
                        "a name of up to %d letters, digits, '.', '-' and '_', not none",
                        SETTING_LABEL_BYTES);
    const bool whole = row->type == TYPE_INTEGER;
    if (whole) {
        snprintf(low, sizeof low, "%.0f", row->min);
        snprintf(high, sizeof high, "%.0f", row->max);
    } else {
        text_write_real(row->min, low, sizeof low);
        text_write_real(row->max, high, sizeof high);
    }
    return snprintf(text, size, "a %s %s %s %s %s%s", whole ? "whole number" : "number",
                    row->open_low ? "above" : "from", low, row->open_low ? "and at most" : "to",
                    high, row->optional ? ", or none" : "");
}

const struct setting *settings_preset(size_t index)
{
    static const char *const keys[] = {"environment.preset", "training.rules"};
    return index < sizeof keys / sizeof *keys ? settings_find(keys[index]) : NULL;
}

const struct setting *settings_preset_of(const struct setting *row)
{
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        if (strcmp(row->key, decided[i].key) == 0)
            return settings_find(decided[i].preset);
    }
    return NULL;
}

bool settings_silent(const struct setting *row, double number)
{
    double usual = 0;
    if (!row->later)
        return false;
    CHECK(settings_read(row, row->fallback, &usual, NULL) == STATUS_OK);
    return number == usual || (isnan(number) && isnan(usual));
}

bool settings_is_value(const struct setting *row, double value)
{
    return is_none(row, value) || in_range(row, value);
}

enum status settings_refuse(const struct setting *row, const char *text, const char *what,
                            struct fault *fault)
{
    char quoted[TEXT_QUOTED];
    char expected[256];
    settings_expect(row, expected, sizeof expected);
    return fault_set(fault, STATUS_INPUT, "%s: %s is %s, expected %s", row->key,
                     text_quote(text, quoted), what, expected);
}

/* Set what `preset` decides when its choice is `choice`; nothing when it is not a preset. The
 * values are the table's own: a refusal would be a mistake in the table. */
static void apply_preset(struct settings *s, const struct setting *preset, int choice)
{
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        if (strcmp(decided[i].preset, preset->key) == 0)
            CHECK(settings_set(s, settings_find(decided[i].key), decided[i].values[choice], NULL) ==
                  STATUS_OK);
    }
}

static enum status read_choice(const struct setting *row, const char *text, double *number,
                               struct fault *fault)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *number = i;
            return STATUS_OK;
        }
    }
    return settings_refuse(row, text, "unknown", fault);
}

/* An item and what separates it from the next: '+', or in brackets ','. Returns its end or NULL. */
static const char *read_list_item(const char *text, bool brackets, int64_t *item)
{
    char digits[16];
    text += strspn(text, " ");
    const size_t length = strspn(text, "0123456789");
    if (length >= sizeof digits)
        return NULL;
    memcpy(digits, text, length);
    digits[length] = '\0';
    text += length;
    text += strspn(text, " ");
    const bool good = text_parse_integer(digits, item);
    return good && (*text == '\0' || *text == '+' || (brackets && *text == ',')) ? text : NULL;
}

static enum status read_label(const struct setting *row, const char *text, double *number,
                              struct fault *fault)
{
    if (!labels_valid(text))
        return settings_refuse(row, text, "not a label", fault);
    *number = labels_keep(text);
    return STATUS_OK;
}

/* "301+298", "[301, 298]", "none", "[]". */
static enum status read_list(const struct setting *row, const char *text, double *number,
                             struct fault *fault)
{
    char copy[SETTING_TEXT];
    int64_t items[SETTING_LIST_ITEMS];
    size_t count = 0;
    int64_t sum = 0;
    const size_t length = strlen(text);
    const bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (length >= sizeof copy)
        return settings_refuse(row, text, "too long", fault);
    snprintf(copy, sizeof copy, "%.*s", (int)length - 2 * brackets, text + brackets);
    const bool empty = brackets ? copy[strspn(copy, " ")] == '\0' : strcmp(copy, "none") == 0;
    for (const char *at = empty ? NULL : copy; at != NULL; at = *at == '\0' ? NULL : at + 1) {
        int64_t item = 0;
        at = read_list_item(at, brackets, &item);
        if (at == NULL)
            return settings_refuse(row, text, "not a list of whole numbers", fault);
        sum += item;
        if (count == SETTING_LIST_ITEMS || (double)item < row->min || sum > SETTING_LIST_SUM)
            return settings_refuse(row, text, "out of range", fault);
        items[count++] = item;
    }
    *number = lists_keep(items, count);
    return STATUS_OK;
}

enum status settings_read(const struct setting *row, const char *text, double *number,
                          struct fault *fault)
{
    if (row->type == TYPE_CHOICE)
        return read_choice(row, text, number, fault);
    if (row->type == TYPE_LIST)
        return read_list(row, text, number, fault);
    if (row->type == TYPE_LABEL)
        return read_label(row, text, number, fault);
    if (row->optional && strcmp(text, "none") == 0) {
        *number = row->type == TYPE_REAL ? NAN : -1;
        return STATUS_OK;
    }
    double real = 0;
    int64_t whole = 0;
    if (row->type == TYPE_INTEGER) {
        if (!text_parse_integer(text, &whole))
            return settings_refuse(row, text, "not a whole number", fault);
        /* exact: a number beyond 2^53 is out of range whatever it is rounded to */
        real = (double)whole;
    } else if (!text_parse_real(text, &real)) {
        return settings_refuse(row, text, "not a number", fault);
    }
    if (!in_range(row, real))
        return settings_refuse(row, text, "out of range", fault);
    *number = real + 0.0; /* -0 is 0: equal values are the same cell */
    return STATUS_OK;
}

enum status settings_set(struct settings *s, const struct setting *row, const char *text,
                         struct fault *fault)
{
    double number = 0;
    const enum status status = settings_read(row, text, &number, fault);
    if (status != STATUS_OK)
        return status;
    settings_put(s, row, number);
    if (row->type == TYPE_CHOICE)
        apply_preset(s, row, (int)number);
    return STATUS_OK;
}

void settings_init(struct settings *s)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < rows; i++)
        /* Defaults go through the parser as a user's values do, so that a default out of its own
         * range cannot be built in unnoticed. */
        CHECK(settings_set(s, &table[i], table[i].fallback, NULL) == STATUS_OK);
}

/* Items joined by '+': without blanks and commas, the text is one word in tables, in CSV, and among
 * the words of flag_meanings. */
static int write_list(double number, char *text, size_t size)
{
    int64_t items[SETTING_LIST_ITEMS];
    char list[SETTING_TEXT] = "none";
    const size_t count = settings_list((int64_t)number, items);
    for (size_t i = 0, used = 0; i < count; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%" PRId64, i > 0 ? "+" : "",
                                 items[i]);
    return snprintf(text, size, "%s", list);
}

int settings_write(const struct setting *row, double number, char *text, size_t size)
{
    if (row->type == TYPE_LIST)
        return write_list(number, text, size);
    if (row->type == TYPE_LABEL) {
        const char *const label = labels_text(number);
        return snprintf(text, size, "%s", label != NULL ? label : "none");
    }
    if (is_none(row, number))
        return snprintf(text, size, "none");
    if (row->type == TYPE_CHOICE)
        return snprintf(text, size, "%s", row->choices[(int)number]);
    if (row->type == TYPE_INTEGER)
        /* Whole numbers are below 2^53, so all digits are right. */
        return snprintf(text, size, "%.0f", number);
    return text_write_real(number, text, size);
}

int settings_get(const struct settings *s, const struct setting *row, char *text, size_t size)
{
    return settings_write(row, settings_number(s, row), text, size);
}

int settings_name_cell(const struct settings *cell, char *text, size_t size)
{
    char actor[TEXT_NUMBER], critic[TEXT_NUMBER];
    text_write_real(cell->training.actor_lr, actor, sizeof actor);
    text_write_real(cell->training.critic_lr, critic, sizeof critic);
    const char *const label = labels_text((double)cell->label);
    return snprintf(text, size, "%s%s%sactor_lr %s, critic_lr %s, seed %" PRId64,
                    label != NULL ? "label " : "", label != NULL ? label : "",
                    label != NULL ? ", " : "", actor, critic, cell->training.seed);
}

bool settings_equal(const struct settings *a, const struct settings *b, const struct setting *row)
{
    const size_t size = row->type == TYPE_CHOICE ? sizeof(unsigned) : sizeof(double);
    /* The bytes first: a plan compares every setting of a million cells, and most are the same. */
    return memcmp((const char *)a + row->offset, (const char *)b + row->offset, size) == 0 ||
           (isnan(settings_number(a, row)) && isnan(settings_number(b, row)));
}
