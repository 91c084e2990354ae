// SPDX-License-Identifier: MIT
/* A setting whose value is a list, in a spec: as one value, as an axis, refused, and printed. */
#include "spec_case.h"

#define KEY "training.earlier_episodes"
#define LIST                                                                                       \
    "a list such as 301+298 of up to 32 whole numbers from 1 that sum up to at most 100000, or "   \
    "none"

static struct malformed malformed[] = {
    {"list in a list", "training:\n  earlier_episodes: [1, [2]]\n",
     "s.yaml:2: " KEY ": a list with a list or mapping inside, expected " LIST},
    {"list in a list of the grid", "grid:\n  " KEY ": [[1, [2]]]\n",
     "s.yaml:2: " KEY ": a list with a list or mapping inside, expected " LIST},
    {"mapping among lists", "grid:\n  " KEY ": [[1], {a: 2}]\n",
     "s.yaml:2: " KEY ": a list or mapping inside a list, expected single values"},
    {"mapping for a list", "training:\n  earlier_episodes: {a: 2}\n",
     "s.yaml:2: " KEY ": a mapping, expected a value or a list of values"},
    {"range of lists", "grid:\n  " KEY ": [3-4]\n",
     "s.yaml:2: " KEY ": '3-4' is a range, which only whole numbers have, expected " LIST},
    {"list twice", "grid:\n  " KEY ":\n    - 3+4\n    - none\n    - [3, 4]\n",
     "s.yaml:3: " KEY ": 3+4 is given twice, by 3+4 in line 3 and by 3+4 in line 5, expected once"},
    {"spaced lists", "grid:\n  " KEY ": {logspace: [1, 2], count: 2}\n",
     "s.yaml:2: " KEY ": a mapping, expected a list of values, each " LIST},
    {"item out of range", "grid:\n  " KEY ": [[3, 0]]\n",
     "s.yaml:2: " KEY ": '[3,0]' is out of range, expected " LIST},
    {"empty item", "training:\n  earlier_episodes: [\"\"]\n",
     "s.yaml:2: " KEY ": '' in a list is not a whole number, expected " LIST},
    {"item that is not there", "training:\n  earlier_episodes:\n    - 3\n    -\n",
     "s.yaml:2: " KEY ": '' in a list is not a whole number, expected " LIST},
    {"two numbers in an item", "grid:\n  " KEY ": [[\"3, 4\", 5]]\n",
     "s.yaml:2: " KEY ": '3, 4' in a list is not a whole number, expected " LIST},
    {"list of one word in a list", "training:\n  earlier_episodes: [3+4, 5]\n",
     "s.yaml:2: " KEY ": '3+4' in a list is not a whole number, expected " LIST},
    {"too many items",
     "training:\n  earlier_episodes: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
     "1, "
     "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n",
     "s.yaml:2: " KEY ": a list of 33 items, expected " LIST},
    {"too few agents", "environment: {agents: 49}\ntraining:\n  earlier_episodes: [3]\n",
     "s.yaml:3: " KEY
     ": what earlier runs drew is not known with so few environment.agents for the "
     "environment.channels, expected (agents - 2 channels)^2 to be at least 18 agents, as with 50 "
     "and 10 or 22 and 1"},
};

/* The number that stands for a list of this text. */
static int64_t number_of(const char *text)
{
    char words[128];
    snprintf(words, sizeof words, KEY "=%s", text);
    return settings_with(words).training.earlier_episodes;
}

/* As one value a list may have brackets or not. */
static void test_one_list(void **state)
{
    static const char *const forms[] = {"[301, 298]", "301+298", "'301+298'",
                                        "\n    - 301\n    - 298"};
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[128];
        snprintf(text, sizeof text, "training:\n  earlier_episodes: %s\n", forms[i]);
        struct spec *spec = parse(text);
        assert_int_equal(cell_of(spec, 0).training.earlier_episodes, number_of("301+298"));
        spec_free(&spec);
    }
}

/* As an axis, where brackets of its own hold several values; the order is the one of the text. */
static void test_an_axis_of_lists(void **state)
{
    static const char *const want[] = {"301+298", "301", "301+299", "none"};
    (void)state;
    struct spec *spec = parse("grid: {" KEY ": [[301, 298], 301, '301+299', []]}\n");
    assert_int_equal(spec_cells(spec), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(cell_of(spec, i).training.earlier_episodes, number_of(want[i]));
    spec_free(&spec);
    spec = parse("grid:\n  " KEY ": [3, 4, 3+4]\n  exclude: [{" KEY ": [[3, 4], 4]}]\n");
    assert_int_equal(spec_cells(spec), 1);
    assert_int_equal(cell_of(spec, 0).training.earlier_episodes, number_of("3"));
    spec_free(&spec);
}

/* Counted over all blocks, each list once. */
static void test_too_many_lists(void **state)
{
    (void)state;
    for (int count = 200; count < 202; count++) {
        char text[4096];
        struct fault fault = {""};
        int length = snprintf(text, sizeof text, "grid:\n  - " KEY ": [none");
        for (int i = 1; i < 150; i++)
            length += snprintf(text + length, sizeof text - (size_t)length, ", %d", i);
        length += snprintf(text + length, sizeof text - (size_t)length,
                           "]\n  - environment.seeding: [continued]\n    " KEY ": [1");
        for (int i = 150; i < count; i++)
            length += snprintf(text + length, sizeof text - (size_t)length, ", %d", i);
        snprintf(text + length, sizeof text - (size_t)length, "]\n");
        struct spec *spec = parse(text);
        const enum status status = spec_check(spec, &fault);
        assert_int_equal(status, count > 200 ? STATUS_INPUT : STATUS_OK);
        if (count > 200)
            assert_string_equal(fault.text, "s.yaml:1: grid: " KEY
                                            " has 201 different lists, expected at most 200");
        spec_free(&spec);
    }
}

/* The text in a file is read again as the same cells. */
static void test_printed_lists(void **state)
{
    (void)state;
    struct spec *spec = parse("grid: {" KEY ": [[4, 3], none, 4]}\n");
    char *const text = text_of(print_resolved, spec);
    assert_non_null(strstr(text, "\n  " KEY ": [4+3, none, 4]\n"));
    struct spec *again = parse(text);
    assert_int_equal(spec_cells(again), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cell_of(again, i).training.earlier_episodes,
                         cell_of(spec, i).training.earlier_episodes);
    free(text);
    spec_free(&again);
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_one_list),
        cmocka_unit_test(test_an_axis_of_lists),
        cmocka_unit_test(test_too_many_lists),
        cmocka_unit_test(test_printed_lists),
    };
    return run_malformed("spec_lists", malformed, sizeof malformed / sizeof *malformed, others,
                         sizeof others / sizeof *others);
}
