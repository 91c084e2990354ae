// SPDX-License-Identifier: MIT
/** What the tests of the store share: specs, records of known values. */
#ifndef CCMSWEEP_TESTS_STORE_CASE_H
#define CCMSWEEP_TESTS_STORE_CASE_H

#include "folder_case.h"
#include "spec/spec.h"
#include "store/store.h"
#include <ccmsweep/record.h>
#include <stdbool.h>
#include <stdlib.h>

static const struct store_program test_program = {.version = "1.2.3",
                                                  .revision = "abcdef",
                                                  .compiler = "a compiler",
                                                  .flags = "-O2",
                                                  .libraries = "some libraries"};

/* A spec from its text. */
static inline struct spec *spec_of(const char *text)
{
    struct fault fault = {""};
    struct spec *spec = spec_new();
    if (spec_parse(spec, text, strlen(text), "test.yaml", &fault) != STATUS_OK ||
        spec_check(spec, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    return spec;
}

/* Small records; `more` is appended (a grid). */
static inline struct spec *spec_small(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text,
             "training: {episodes: 12}\nenvironment: {agents: 9}\n"
             "tracking: {log_every: 3, snapshot_every: 6}\n%s",
             more);
    return spec_of(text);
}

/* A record and its memory. */
struct filled {
    struct extents extents;
    struct record record;
    void *block;
    size_t size;
};

static inline void filled_clear(struct filled *filled, const struct settings *cell)
{
    filled->extents = record_extents(cell);
    filled->size = record_size(&filled->extents);
    filled->block = calloc(filled->size, 1);
    assert_non_null(filled->block);
    record_bind(&filled->record, &filled->extents, filled->block);
    record_clear(&filled->record, &filled->extents);
}

/* Every value of every field is known, and another for another `salt`. */
static inline void filled_init(struct filled *filled, const struct settings *cell, uint32_t salt)
{
    filled_clear(filled, cell);
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    for (size_t f = 0; f < count; f++) {
        unsigned char *at = NULL;
        memcpy(&at, (const char *)&filled->record + fields[f].offset, sizeof at);
        for (int64_t i = 0; i < record_count(&fields[f], &filled->extents); i++) {
            const int large = (int)((salt * 7919 + f * 613 + (size_t)i * 31) % 30011) + 1;
            /* Whole numbers within what a finished run can have. */
            const int value = fields[f].type == FIELD_I32 ? large % 2 + 1 : large;
            const double f64 = value + 0.25;
            const float f32 = (float)value + 0.5F;
            const void *from = fields[f].type == FIELD_F64   ? (const void *)&f64
                               : fields[f].type == FIELD_F32 ? (const void *)&f32
                                                             : (const void *)&value;
            const size_t size = record_value_size(&fields[f]);
            memcpy(at + (size_t)i * size, from, size);
        }
    }
    *filled->record.outcome = OUTCOME_STOPPED;
    *filled->record.total_episodes = (int32_t)cell->training.episodes;
}

static inline void filled_fini(struct filled *filled)
{
    free(filled->block);
}

/* Make the file of `spec` and open it for writing. */
static inline struct store *store_made(const char *path, const struct spec *spec)
{
    struct fault fault = {""};
    struct store *store = NULL;
    assert_ok(store_create(path, spec, &test_program, &fault));
    assert_ok(store_open(&store, path, STORE_WRITE, &fault));
    return store;
}

static inline void commit_salted(struct store *store, int64_t run, uint32_t salt)
{
    struct fault fault = {""};
    struct settings cell;
    struct filled filled;
    store_cell(store, run, &cell);
    filled_init(&filled, &cell, salt);
    assert_ok(store_commit(store, run, &filled.record, &fault));
    filled_fini(&filled);
}

/* True when the run's rows in the file are those of commit_salted, byte for byte. */
static inline bool holds_salted(const struct store *store, int64_t run, uint32_t salt)
{
    struct fault fault = {""};
    struct settings cell;
    struct filled expected, read;
    store_cell(store, run, &cell);
    filled_init(&expected, &cell, salt);
    filled_clear(&read, &cell);
    assert_ok(store_load(store, run, &read.record, &fault));
    const bool same = memcmp(read.block, expected.block, read.size) == 0;
    filled_fini(&read);
    filled_fini(&expected);
    return same;
}

#endif
