// SPDX-License-Identifier: MIT
/** What tests with files share: a folder of their own, small files, another user. */
#ifndef CCMSWEEP_TESTS_FOLDER_CASE_H
#define CCMSWEEP_TESTS_FOLDER_CASE_H

#include "check.h"
#include <ccmsweep/fault.h>
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

/* A path in the folder, in one of some places. */
static inline const char *folder_in(const struct folder *folder, const char *name)
{
    static char places[8][256];
    static unsigned next;
    char *const place = places[next++ % 8];
    snprintf(place, sizeof places[0], "%s/%s", folder->name, name);
    return place;
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

static inline void file_put(const char *path, const char *text)
{
    file_write(path, text, strlen(text));
}

static inline void file_holds(const char *path, const char *text)
{
    size_t size = 0;
    unsigned char *const found = file_read(path, &size);
    found[size] = '\0';
    assert_string_equal((char *)found, text);
    free(found);
}

static inline mode_t file_mode(const char *path)
{
    struct stat about;
    assert_int_equal(lstat(path, &about), 0);
    return about.st_mode;
}

#endif
