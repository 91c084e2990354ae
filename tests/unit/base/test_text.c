// SPDX-License-Identifier: MIT
/* Sentences that are too long end after a whole word; numbers are written whole. */
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

/* Six digits would make one of two seeds, and 100 % of a confidence that is less. */
static void test_numbers_have_all_their_digits(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *shortest, *real;
    } cases[] = {{20240101, "20240101", "20240101"},
                 {400, "4e+02", "400"},
                 {1e-5, "1e-05", "1e-5"},
                 {123456.78901, "123456.78901", "123456.78901"},
                 {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
                 {-2, "-2", "-2"}};
    char text[TEXT_NUMBER];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_write_shortest(cases[i].value, 1, text);
        assert_string_equal(text, cases[i].shortest);
        text_write_real(cases[i].value, text, sizeof text);
        assert_string_equal(text, cases[i].real);
    }
    assert_int_equal(text_write_shortest(400, 15, text), 15);
    assert_string_equal(text, "400");
    assert_int_equal(text_write_shortest_single(0.1F, 6, text), 6);
    assert_string_equal(text, "0.1");
    assert_int_equal(text_write_shortest_single(16777215.0F, 6, text), 8);
    assert_string_equal(text, "16777215");
}

static void test_shares_have_no_digits_of_their_own(void **state)
{
    (void)state;
    static const struct {
        double share;
        const char *percent, *rest;
    } cases[] = {{0.95, "95", "0.05"},
                 {0.29, "29", "0.71"},
                 {0.999, "99.9", "0.001"},
                 {0.99999999, "99.999999", "0.00000001"},
                 {1e-7, "0.00001", "0.9999999"},
                 {0.5, "50", "0.5"},
                 {0, "0", "1"},
                 {1, "100", "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEXT_NUMBER];
        text_write_percent(cases[i].share, text, sizeof text);
        assert_string_equal(text, cases[i].percent);
        text_write_rest(cases[i].share, text, sizeof text);
        assert_string_equal(text, cases[i].rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_ends_after_a_word),
        cmocka_unit_test(test_takes_nothing_more),
        cmocka_unit_test(test_between_characters),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_numbers_have_all_their_digits),
        cmocka_unit_test(test_shares_have_no_digits_of_their_own),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
