// SPDX-License-Identifier: MIT
/* The identity of a cell. The text that is hashed is the contract (identity.h, sweeps/README.md):
 * whoever wants to can compute it elsewhere, so nothing here may depend on the order of the table,
 * the locale or the machine. */
#include "spec/identity.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char version_key[] = "algorithm_version";

/* Most lines, longest line and longest value. All three are checked, so a table that outgrows them
 * is found by the first test that makes an identity. */
enum { LINES_MAX = 128, LINE_MAX_SIZE = SETTING_TEXT + 64, VALUE_MAX = SETTING_TEXT };

struct line {
    const char *key;
    const struct setting *row; /* NULL: the algorithm's version */
};

/* Sort the lines by key, as bytes. By insertion: there are a few dozen rows, which stand in
 * sections already. Settings of class operation change no result and are left out. */
static size_t sort_lines(struct line lines[LINES_MAX])
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    CHECK(rows < LINES_MAX);
    lines[0] = (struct line){.key = version_key};
    size_t used = 1;
    for (size_t i = 0; i < rows; i++) {
        if (table[i].class == CLASS_OPERATION)
            continue;
        size_t at = used++;
        for (; at > 0 && strcmp(lines[at - 1].key, table[i].key) > 0; at--)
            lines[at] = lines[at - 1];
        lines[at] = (struct line){.key = table[i].key, .row = &table[i]};
    }
    return used;
}

/* Write %.17g. Whole numbers below 1e15, which are most, give the same text as integers, and
 * faster. -0 is left to %.17g, which writes its sign. */
static int write_real(double value, char text[VALUE_MAX])
{
    const bool whole =
        fabs(value) < 1e15 && value == trunc(value) && !(value == 0 && signbit(value));
    return whole ? snprintf(text, VALUE_MAX, "%" PRId64, (int64_t)value)
                 : snprintf(text, VALUE_MAX, "%.17g", value);
}

/* `number` is the value of the setting, or the version of the algorithm when `row` is NULL. Names,
 * lists and `none` are written as settings_write does; it does not write numbers with 17 digits. */
static int write_value(const struct setting *row, double number, char text[VALUE_MAX])
{
    if (row != NULL && (row->type == TYPE_CHOICE || row->type == TYPE_LIST ||
                        (row->optional && (isnan(number) || number == -1))))
        return settings_write(row, number, text, VALUE_MAX);
    return write_real(number, text);
}

/* Writes `key=value`, a line; returns its length, 0 for a setting of which nothing is said. */
static size_t write_line(const struct line *line, double number, char text[LINE_MAX_SIZE])
{
    char value[VALUE_MAX];
    text[0] = '\0';
    if (line->row != NULL && settings_silent(line->row, number))
        return 0;
    const int length = write_value(line->row, number, value);
    CHECK(length > 0 && length < VALUE_MAX);
    const int whole = snprintf(text, LINE_MAX_SIZE, "%s=%s\n", line->key, value);
    CHECK(whole > 0 && whole < LINE_MAX_SIZE);
    return (size_t)whole;
}

static double number_of(const struct line *line, const struct settings *cell, uint32_t version)
{
    return line->row != NULL ? settings_number(cell, line->row) : version;
}

size_t identity_lines(const struct settings *cell, char *text, size_t size)
{
    struct line lines[LINES_MAX];
    const size_t count = sort_lines(lines);
    size_t used = 0;
    if (size > 0)
        *text = '\0';
    for (size_t i = 0; i < count; i++) {
        char line[LINE_MAX_SIZE];
        const double number = number_of(&lines[i], cell, TRAINER_ALGORITHM_VERSION);
        const size_t length = write_line(&lines[i], number, line);
        if (used < size)
            snprintf(text + used, size - used, "%s", line);
        used += length;
    }
    return used;
}

/* Cells that follow each other differ in few settings, mostly in the seed. For each line this keeps
 * the number that it was last written for, and the state of the hash before it; the next cell
 * starts at the first line that differs. */
struct identities {
    uint32_t version;
    size_t count, known; /* lines; those of which the above is known */
    struct line lines[LINES_MAX];
    double numbers[LINES_MAX];
    struct sha256_ctx before[LINES_MAX];
};

struct identities *identities_new(uint32_t version)
{
    struct identities *const made = fault_alloc(1, sizeof *made);
    made->version = version;
    made->count = sort_lines(made->lines);
    sha256_init(&made->before[0]);
    return made;
}

void identities_free(struct identities **identities)
{
    if (identities == NULL)
        return;
    free(*identities);
    *identities = NULL;
}

struct identity identities_next(struct identities *all, const struct settings *cell)
{
    size_t same = 0;
    for (; same < all->known; same++) {
        const double number = number_of(&all->lines[same], cell, all->version);
        /* Compared as bits: NaN (`none`) must be equal to itself. */
        if (memcmp(&number, &all->numbers[same], sizeof number) != 0)
            break;
    }
    /* All lines are the same as before. The state behind the last line is not kept, so the last one
     * is hashed again. */
    same = same == all->count ? same - 1 : same;
    struct sha256_ctx hash = all->before[same];
    for (size_t i = same; i < all->count; i++) {
        char line[LINE_MAX_SIZE];
        all->before[i] = hash;
        all->numbers[i] = number_of(&all->lines[i], cell, all->version);
        sha256_update(&hash, write_line(&all->lines[i], all->numbers[i], line),
                      (const uint8_t *)line);
    }
    all->known = all->count;
    struct identity identity;
    sha256_digest(&hash, sizeof identity.bytes, identity.bytes);
    return identity;
}

/* The same code for one cell: two ways of hashing could differ. */
struct identity identity_of(const struct settings *cell)
{
    struct identities *one = identities_new(TRAINER_ALGORITHM_VERSION);
    const struct identity identity = identities_next(one, cell);
    identities_free(&one);
    return identity;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

const char *identity_hex(const struct identity *identity, char text[2 * IDENTITY_SIZE + 1])
{
    for (size_t i = 0; i < IDENTITY_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", identity->bytes[i]);
    return text;
}
