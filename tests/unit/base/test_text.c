// SPDX-License-Identifier: MIT
/* Sentences that are too long end after a whole word. */
#include "base/text.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>

static void test_fits(void **state)
{
    (void)state;
    char text[32] = "";
    text_add(text, sizeof text, "%d cells", 12);
    text_add(text, sizeof text, ", %s", "3 of them failed");
    assert_string_equal(text, "12 cells, 3 of them failed");
    text_add(text, sizeof text, "%s", " twic"); /* 31 bytes */
    assert_string_equal(text, "12 cells, 3 of them failed twic");
}

static void test_ends_after_a_word(void **state)
{
    (void)state;
    const char sentence[] = "actor_lr 0.1; critic_lr 0.01; seed 42";
    for (size_t size = 8; size < sizeof sentence; size++) {
        char text[sizeof sentence] = "";
        text_add(text, size, "%s", sentence);
        char *const mark = strstr(text, " …");
        assert_non_null(mark);
        assert_int_equal(strlen(mark), strlen(" …"));
        *mark = '\0';
        assert_memory_equal(text, sentence, strlen(text));
        assert_true(sentence[strlen(text)] == ' ' || strchr(text, ' ') == NULL);
    }
}

static void test_takes_nothing_more(void **state)
{
    (void)state;
    char text[24] = "";
    text_add(text, sizeof text, "first; second; third; fourth");
    assert_string_equal(text, "first; second; …");
    text_add(text, sizeof text, "; a");
    assert_string_equal(text, "first; second; …");
}

static void test_between_characters(void **state)
{
    (void)state;
    for (size_t size = 8; size < 20; size++) {
        char text[32] = "";
        text_add(text, size, "größergrößergrößer");
        const size_t length = strlen(text) - strlen(" …");
        assert_string_equal(text + length, " …");
        assert_memory_equal(text, "größergrößergrößer", length);
        assert_true(((unsigned char)"größergrößergrößer"[length] & 0xC0) != 0x80);
    }
}

/* Two of the longest paths fit; what is longer still ends after a word, prefixed or not. */
static void test_fault(void **state)
{
    (void)state;
    struct fault fault;
    char path[4096];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(fault_set(&fault, STATUS_FAULT, "%s: %s: No space left", path, path), 1);
    fault_prefix(&fault, "place");
    assert_int_equal(strlen(fault.text), 7 + 4095 + 2 + 4095 + 2 + strlen("No space left"));
    assert_non_null(strstr(fault.text, ": No space left"));
    assert_int_equal(fault_set(&fault, STATUS_INPUT, "%s and %s and %s", path, path, path), 2);
    assert_string_equal(fault.text + 2 * 4095 + 5, " and …");
    fault_set(&fault, STATUS_INPUT, "short");
    fault_set(&fault, STATUS_INPUT, "it was %s", fault.text);
    assert_string_equal(fault.text, "it was short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_ends_after_a_word),
        cmocka_unit_test(test_takes_nothing_more),
        cmocka_unit_test(test_between_characters),
        cmocka_unit_test(test_fault),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
