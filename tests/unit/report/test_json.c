// SPDX-License-Identifier: MIT
/* JSON written item by item has the bytes that jansson writes of the whole. */
#include "check.h"
#include "report/json.h"
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 5 };

/* Values of all kinds, empty ones and line feeds in text; some are left out. */
static json_t *make(const void *of, int64_t i)
{
    if (*(const int64_t *)of == i)
        return NULL;
    switch (i) {
    case 0:
        return json_pack("{s:i, s:[i, i], s:{}, s:[]}", "a", 1, "b", 2, 3, "c", "d");
    case 1:
        return json_string("one\ntwo \"three\"");
    case 2:
        return json_real(0.1);
    case 3:
        return json_array();
    default:
        return json_pack("[{s:n}, b]", "x", 1);
    }
}

static json_t *head(void)
{
    return json_pack("{s:s, s:{s:[{s:i}]}, s:{}}", "text", "line\nfeed", "deep", "of", "it", 1,
                     "none");
}

static char *write_whole(int64_t without, int64_t count, size_t format)
{
    json_t *const object = head();
    json_t *const list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, make(&without, i));
    json_object_set_new(object, "list", list);
    json_object_set_new(object, "inner", json_pack("{s:i, s:O, s:{}}", "x", 1, "again", list, "y"));
    json_object_set_new(object, "last", json_null());
    char *const text = json_dumps(object, format);
    json_decref(object);
    return text;
}

static char *write_stream(int64_t without, int64_t count, int indent)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    struct json_stream stream = json_stream_begin(file, indent);
    json_stream_set_all(&stream, head());
    json_stream_list(&stream, "list", count, make, &without);
    json_stream_open(&stream, "inner");
    json_stream_set(&stream, "x", json_integer(1));
    json_stream_list(&stream, "again", count, make, &without);
    json_stream_open(&stream, "y");
    json_stream_close(&stream);
    json_stream_close(&stream);
    json_stream_set(&stream, "last", json_null());
    assert_true(json_stream_end(&stream));
    assert_int_equal(fclose(file), 0);
    assert_true(size > 0 && text[size - 1] == '\n');
    text[size - 1] = '\0';
    return text;
}

static void test_bytes_are_those_of_the_whole(void **state)
{
    (void)state;
    for (int64_t count = 0; count <= ITEMS; count++) {
        for (int64_t without = -1; without < count; without++) {
            for (int indent = 0; indent <= 2; indent++) {
                char *const whole = write_whole(
                    without, count, indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
                char *const items = write_stream(without, count, indent);
                assert_string_equal(items, whole);
                free(items);
                free(whole);
            }
        }
    }
}

static void test_lost_output_is_told(void **state)
{
    (void)state;
    const int64_t without = -1;
    FILE *const full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    struct json_stream stream = json_stream_begin(full, 2);
    json_stream_list(&stream, "list", ITEMS, make, &without);
    assert_false(json_stream_end(&stream));
    fclose(full);
}

static void test_value_that_was_not_made_is_told(void **state)
{
    (void)state;
    FILE *const file = tmpfile();
    assert_non_null(file);
    struct json_stream stream = json_stream_begin(file, 2);
    json_stream_set(&stream, "a", NULL);
    assert_false(json_stream_end(&stream));
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_those_of_the_whole),
        cmocka_unit_test(test_lost_output_is_told),
        cmocka_unit_test(test_value_that_was_not_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
