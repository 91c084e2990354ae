// SPDX-License-Identifier: MIT
#include <ccmsweep/identity.h>
#include <ccmsweep/trainer.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char version_key[] = "algorithm_version";

struct line {
    const char *key;
    const struct setting *row; /* NULL: the algorithm's version */
};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

static struct line *sorted_lines(size_t *count)
{
    size_t rows = 0;
    const struct setting *table = settings_table(&rows);
    struct line *lines = fault_alloc(rows + 1, sizeof *lines);
    size_t used = 0;
    lines[used++].key = version_key;
    for (size_t i = 0; i < rows; i++) {
        if (table[i].class != CLASS_OPERATION)
            lines[used++] = (struct line){.key = table[i].key, .row = &table[i]};
    }
    qsort(lines, used, sizeof *lines, compare_keys);
    *count = used;
    return lines;
}

size_t identity_lines(const struct settings *cell, char *text, size_t size)
{
    size_t count = 0;
    struct line *lines = sorted_lines(&count);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        char value[128];
        if (lines[i].row != NULL)
            settings_get(cell, lines[i].row, value, sizeof value);
        else
            snprintf(value, sizeof value, "%d", TRAINER_ALGORITHM_VERSION);
        const int added =
            snprintf(length < size ? text + length : NULL, length < size ? size - length : 0,
                     "%s=%s\n", lines[i].key, value);
        CHECK(added > 0);
        length += (size_t)added;
    }
    free(lines);
    return length;
}

struct identity identity_of(const struct settings *cell)
{
    char text[16384];
    const size_t length = identity_lines(cell, text, sizeof text);
    CHECK(length < sizeof text);
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
