// SPDX-License-Identifier: MIT
/** What the tests of specs share: tables of specs that are refused, and specs from texts. */
#ifndef CCMSWEEP_TESTS_SPEC_CASE_H
#define CCMSWEEP_TESTS_SPEC_CASE_H

#include "check.h"
#include "spec/spec.h"
#include <stdlib.h>

#define UNKNOWN "unknown key, expected one that 'ccmsweep spec --defaults' lists"
#define BATCH   "a whole number from 1 to 4096"
#define SEED    "a whole number from 0 to 4294967295"
#define RATE    "a number above 0 and at most 10"

/* Content, and the sentence; name and line stand in front of it: "s.yaml:2: …". */
struct malformed {
    const char *title, *text, *sentence;
};

/* Everything a command does with a spec of one cell. */
static inline void refuse_bytes(const char *text, size_t length, const char *sentence)
{
    struct fault fault = {""};
    struct spec *spec = spec_new();
    enum status status = spec_parse(spec, text, length, "s.yaml", &fault);
    if (status == STATUS_OK)
        status = spec_check(spec, &fault);
    if (status == STATUS_OK)
        status = spec_check_single(spec, &fault);
    assert_int_equal(status, STATUS_INPUT);
    assert_string_equal(fault.text, sentence);
    spec_free(&spec);
    assert_null(spec);
}

static inline void test_malformed(void **state)
{
    const struct malformed *const m = *state;
    refuse_bytes(m->text, strlen(m->text), m->sentence);
}

/* One test for each row of a table, and the others behind them. */
static inline int run_malformed(const char *name, struct malformed *table, size_t rows,
                                const struct CMUnitTest *others, size_t count)
{
    struct CMUnitTest *const tests = calloc(rows + count, sizeof *tests);
    if (tests == NULL)
        return 1;
    for (size_t i = 0; i < rows; i++)
        tests[i] = (struct CMUnitTest){
            .name = table[i].title, .test_func = test_malformed, .initial_state = &table[i]};
    memcpy(tests + rows, others, count * sizeof *others);
    const int failed = _cmocka_run_group_tests(name, tests, rows + count, NULL, NULL);
    free(tests);
    return failed;
}

/* A spec from a text that is taken. The caller frees it. */
static inline struct spec *parse(const char *text)
{
    struct fault fault = {""};
    struct spec *const spec = spec_new();
    if (spec_parse(spec, text, strlen(text), "s.yaml", &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    return spec;
}

/* A cell of a spec without contradictions. */
static inline struct settings cell_of(const struct spec *spec, int64_t index)
{
    struct settings cell;
    struct fault fault = {""};
    if (spec_check(spec, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    spec_cell(spec, index, &cell);
    return cell;
}

/* What `print` writes. The caller frees it. */
static inline char *text_of(void (*print)(FILE *file, const void *what), const void *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    print(file, what);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* The same as a spec. */
static inline struct spec *reparse(void (*print)(FILE *file, const void *what), const void *what)
{
    char *const text = text_of(print, what);
    struct spec *const spec = parse(text);
    free(text);
    return spec;
}

static inline void print_resolved(FILE *file, const void *what)
{
    spec_print_resolved(file, what);
}

#endif
