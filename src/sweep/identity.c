// SPDX-License-Identifier: MIT
#include <ccmsweep/identity.h>
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

static const char version_key[] = "algorithm_version";

/* Room for all lines; for their number; and for one value. */
enum { TEXT_MAX = 16384, LINES_MAX = 128, VALUE_MAX = 64 };

struct line {
    const char *key;
    const struct setting *row; /* NULL: the algorithm's version */
};

/* By insertion: a few dozen rows that stand in sections already. */
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

/* %.17g, and the same sooner for the whole numbers among reals. */
static int write_real(double value, char text[VALUE_MAX])
{
    const bool whole =
        fabs(value) < 1e15 && value == trunc(value) && !(value == 0 && signbit(value));
    return whole ? snprintf(text, VALUE_MAX, "%" PRId64, (int64_t)value)
                 : snprintf(text, VALUE_MAX, "%.17g", value);
}

static int write_value(const struct settings *cell, const struct setting *row, char text[VALUE_MAX])
{
    if (row == NULL)
        return snprintf(text, VALUE_MAX, "%d", TRAINER_ALGORITHM_VERSION);
    const double number = settings_number(cell, row);
    if (row->type == TYPE_CHOICE || (row->optional && (isnan(number) || number == -1)))
        return settings_write(row, number, text, VALUE_MAX);
    return write_real(number, text);
}

/* The lines, with a NUL behind them; returns their length. */
static size_t write_lines(const struct settings *cell, char text[TEXT_MAX])
{
    struct line lines[LINES_MAX];
    const size_t count = sort_lines(lines);
    char *to = text;
    for (size_t i = 0; i < count; i++) {
        char value[VALUE_MAX];
        const int length = write_value(cell, lines[i].row, value);
        const size_t key = strlen(lines[i].key);
        CHECK(length > 0 && length < VALUE_MAX);
        CHECK((size_t)(text + TEXT_MAX - to) > key + (size_t)length + 2);
        memcpy(to, lines[i].key, key);
        to += key;
        *to++ = '=';
        memcpy(to, value, (size_t)length);
        to += length;
        *to++ = '\n';
    }
    *to = '\0';
    return (size_t)(to - text);
}

size_t identity_lines(const struct settings *cell, char *text, size_t size)
{
    char whole[TEXT_MAX];
    const size_t length = write_lines(cell, whole);
    if (size > 0)
        snprintf(text, size, "%s", whole);
    return length;
}

struct identity identity_of(const struct settings *cell)
{
    char text[TEXT_MAX];
    const size_t length = write_lines(cell, text);
    struct identity identity;
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, length, (const uint8_t *)text);
    sha256_digest(&hash, sizeof identity.bytes, identity.bytes);
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
