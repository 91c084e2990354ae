// SPDX-License-Identifier: MIT
/* The table by learning rates, made of what a file says about its runs. */
#include "base/text.h"
#include "report/rate_table.h"
#include "run_table_case.h"
#include <jansson.h>

#define HEADER " actor_lr  critic_lr   runs   done   stopped  censored"
#define TIMES  "  stopping episode:   first    half    last\n"

static void assert_table(const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    rate_table_print(file, &table);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void test_pairs_are_in_the_order_of_the_plan(void **state)
{
    (void)state;
    make("grid: {seed: [1, 2, 3], critic_lr: [0.3, 0.2], actor_lr: [0.1, 1e-5]}\n");
    static const int stops[] = {9, 4, 2, 0, 7, 6, 0, 0, 8};
    for (int run = 0; run < 9; run++) {
        if (stops[run] > 0)
            finish(run, OUTCOME_STOPPED, stops[run], 1);
    }
    take(false);
    assert_int_equal(table.groups, 4);
    assert_table(HEADER TIMES "      0.1        0.3      3      3         3         0"
                              "                          2       4       9\n"
                              "      0.1        0.2      3      2         2         0"
                              "                          6       6       7\n"
                              "     1e-5        0.3      3      1         1         0"
                              "                          8       8       8\n"
                              "     1e-5        0.2      3      0         0         0"
                              "                          -       -       -\n");
}

static void test_rates_never_look_the_same(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.123456789, 0.1234567891]}\n");
    take(false);
    assert_table("    actor_lr  critic_lr   runs   done   stopped  censored" TIMES
                 " 0.123456789      0.001      1      0         0         0"
                 "                          -       -       -\n"
                 "0.1234567891      0.001      1      0         0         0"
                 "                          -       -       -\n");
}

/* What the cells of a row differ in: a preset and what it decides is one axis with one name, and
 * what changes with a learning rate has one value in a row. */
static void test_axes_are_named_once(void **state)
{
    (void)state;
    static const char row[] = "                          -       -       -\n";
    make("grid:\n"
         "  - {actor_lr: [0.1], gamma: [0.9], replay.alpha: [0.5, 0.6], seed: [1],\n"
         "     environment.preset: [published-2026, published-2024]}\n"
         "  - {actor_lr: [0.2], gamma: [0.99], replay.alpha: [0.5, 0.6], seed: [1],\n"
         "     environment.preset: [published-2026, published-2024]}\n");
    take(false);
    assert_int_equal(table.axes, 7);
    char expected[1024];
    snprintf(expected, sizeof expected, "%s%s%s%s%s", HEADER TIMES,
             "      0.1      0.001      4      0         0         0", row,
             "      0.2      0.001      4      0         0         0", row);
    text_add(expected, sizeof expected,
             "Each row has cells that differ in environment_preset, replay_alpha.\n");
    assert_table(expected);
}

static void test_all_outcomes_are_in_the_table(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1, 0.2], seed: [1, 2, 3, 4, 5, 6]}\n");
    finish(0, OUTCOME_STOPPED, 7, 1);
    finish(1, OUTCOME_CENSORED, 12, 1);
    finish(2, OUTCOME_DIVERGED, 3, 1);
    finish(3, OUTCOME_FAILED, 2, 1);
    finish(4, OUTCOME_QUARANTINED, 2, 1);
    finish(6, OUTCOME_DIVERGED, 3, 1);
    work(7, 5, 1);
    take(true);
    assert_table(HEADER "  diverged    failed  quarantined" TIMES
                        "      0.1      0.001      6      5         1         1         1"
                        "         1            1                          7       7    > 12\n"
                        "      0.2      0.001      6      1         0         0         1"
                        "         0            0                          -       -       -\n"
                        "> N: later than N; a censored run had not stopped by its limit.\n"
                        "Diverged runs count neither as stopped nor as censored here, even if all "
                        "actors had been still before.\n");
}

/* The table as a reader of the JSON has it; the caller owns it. */
static json_t *read_table(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    struct json_stream stream = json_stream_begin(file, 2);
    rate_table_stream(&stream, "grid", &table);
    assert_true(json_stream_end(&stream));
    assert_int_equal(fclose(file), 0);
    json_t *const object = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(object);
    json_t *const grid = json_incref(json_object_get(object, "grid"));
    json_decref(object);
    return grid;
}

/* Runs of one pair: stops, and limits as negative numbers. */
static void assert_times(const char *text_of_spec, const int *runs, size_t count,
                         const char *expected)
{
    void *state = NULL;
    make_of(spec_of(text_of_spec));
    for (size_t i = 0; i < count; i++) {
        if (runs[i] != 0)
            finish((int64_t)i, runs[i] > 0 ? OUTCOME_STOPPED : OUTCOME_CENSORED, abs(runs[i]), 1);
    }
    take(false);
    json_t *const grid = read_table();
    assert_int_equal(json_array_size(grid), 1);
    static const char *const keys[] = {"first", "median", "last"};
    char text[64] = "";
    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_after", keys[i]);
        const json_t *const exact = json_object_get(json_array_get(grid, 0), keys[i]);
        const json_t *const after = json_object_get(json_array_get(grid, 0), key);
        assert_true(json_is_null(exact) || json_is_null(after));
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%lld", i > 0 ? " " : "",
                 json_is_null(after) ? "" : ">",
                 json_is_null(after) && json_is_null(exact)
                     ? -1LL
                     : (long long)json_integer_value(json_is_null(after) ? exact : after));
    }
    assert_string_equal(text, expected);
    json_decref(grid);
    end(&state);
    folder_begin(&state);
}

static void test_a_censored_run_is_later_than_its_limit(void **state)
{
    (void)state;
    static const char three[] = "training: {episodes: 12}\ngrid: {seed: [1, 2, 3]}\n";
    assert_times(three, (const int[]){0, 0, 0}, 3, "-1 -1 -1");
    assert_times(three, (const int[]){-12, 0, -12}, 3, ">12 >12 >12");
    assert_times(three, (const int[]){-12, 5, -12}, 3, "5 >12 >12");
    assert_times(three, (const int[]){-12, 5, 12}, 3, "5 12 >12");
    assert_times(three, (const int[]){7, -12, 0}, 3, "7 7 >12");
    assert_times(three, (const int[]){7, 3, 12}, 3, "3 7 12");
}

static void test_a_run_that_was_censored_early_may_stop_late(void **state)
{
    (void)state;
    static const char four[] = "grid: {episodes: [6, 12], seed: [1, 2]}\n";
    assert_times(four, (const int[]){-6, 0, 9, 10}, 4, "9 >8 >9");
    assert_times(four, (const int[]){-6, -6, 9, 10}, 4, "9 >6 >9");
    assert_times(four, (const int[]){-6, 6, 4, -12}, 4, "4 6 >12");
    assert_times(four, (const int[]){4, 5, -12, 12}, 4, "4 5 >12");
}

static void test_json_of_the_table(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1, 0.2], seed: [1, 2]}\n");
    finish(2, OUTCOME_DIVERGED, 3, 1);
    finish(3, OUTCOME_CENSORED, 12, 1);
    take(false);
    json_t *const grid = read_table();
    json_t *const expected =
        json_pack("{s:f, s:f, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:n, s:i, s:n, s:i, s:n, s:i}",
                  "actor_lr", 0.2, "critic_lr", 0.001, "runs", 2, "done", 2, "stopped", 0,
                  "censored", 1, "diverged", 1, "failed", 0, "quarantined", 0, "first",
                  "first_after", 12, "median", "median_after", 12, "last", "last_after", 12);
    assert_int_equal(json_array_size(grid), 2);
    assert_true(json_equal(json_array_get(grid, 1), expected));
    json_decref(expected);
    json_decref(grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pairs_are_in_the_order_of_the_plan, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_rates_never_look_the_same, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_axes_are_named_once, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_all_outcomes_are_in_the_table, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_censored_run_is_later_than_its_limit, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_run_that_was_censored_early_may_stop_late,
                                        folder_begin, end),
        cmocka_unit_test_setup_teardown(test_json_of_the_table, folder_begin, end),
    };
    return cmocka_run_group_tests_name("rate_table", tests, NULL, NULL);
}
