// SPDX-License-Identifier: MIT
/** What the tests of the store share: a folder, specs, records of known values. */
#ifndef CCMSWEEP_TESTS_STORE_CASE_H
#define CCMSWEEP_TESTS_STORE_CASE_H

#include "check.h"
#include <ccmsweep/record.h>
#include <ccmsweep/spec.h>
#include <ccmsweep/store.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fails with the sentence when a call that should succeed does not. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        fault.text[0] = '\0';                                                                      \
        if ((call) != STATUS_OK)                                                                   \
            fail_msg("%s: %s", #call, fault.text);                                                 \
    } while (0)

/* A call must return `status` with a sentence that contains `words`. */
#define assert_refused(call, status, words)                                                        \
    do {                                                                                           \
        fault.text[0] = '\0';                                                                      \
        assert_int_equal((call), (status));                                                        \
        if (strstr(fault.text, (words)) == NULL)                                                   \
            fail_msg("'%s' does not say '%s'", fault.text, (words));                               \
    } while (0)

static const struct store_program test_program = {.version = "1.2.3",
                                                  .revision = "abcdef",
                                                  .compiler = "a compiler",
                                                  .flags = "-O2",
                                                  .libraries = "some libraries"};

/* Give up root's right to everything for a while; returns who to become again. */
static inline uid_t become_nobody(void)
{
    const uid_t self = geteuid();
    if (self == 0)
        assert_int_equal(seteuid(65534), 0);
    return self;
}

static inline void become(uid_t self)
{
    if (self == 0)
        assert_int_equal(seteuid(0), 0);
}

/* A folder of the test's own; `path` is that of a file in it that does not exist. */
struct folder {
    char name[64], path[128];
};

static inline void folder_init(struct folder *folder)
{
    snprintf(folder->name, sizeof folder->name, "/tmp/ccmsweep-test-XXXXXX");
    if (mkdtemp(folder->name) == NULL)
        fail_msg("cannot make a folder");
    snprintf(folder->path, sizeof folder->path, "%s/run.h5", folder->name);
}

/* Number of entries whose name contains `part`; `remove` also removes them. */
static inline int folder_entries(const char *name, const char *part, bool remove_them)
{
    int count = 0;
    DIR *folder = opendir(name);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strstr(entry->d_name, part) == NULL)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%.200s/%.255s", name, entry->d_name);
        count++;
        if (!remove_them || remove(path) == 0)
            continue;
        folder_entries(path, "", true);
        remove(path);
    }
    closedir(folder);
    return count;
}

static inline void folder_fini(struct folder *folder)
{
    folder_entries(folder->name, "", true);
    rmdir(folder->name);
}

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

/* Content of a file; the caller frees it. */
static inline unsigned char *file_read(const char *path, size_t *size)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    *size = (size_t)about.st_size;
    unsigned char *bytes = malloc(*size + 1);
    FILE *file = fopen(path, "rb");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline void file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Change one byte in place. */
static inline void file_flip(const char *path, long offset, int mask)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_true(byte != EOF);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    fputc(byte ^ mask, file);
    assert_int_equal(fclose(file), 0);
}

#endif
