// SPDX-License-Identifier: MIT
/* What a file says about all of its runs. */
#include "run_table_case.h"
#include <math.h>
#include <sys/wait.h>

static void hold_against(int64_t run, enum flight flight, int crashes, int suspect, int lost)
{
    const struct store_failures failures = {(int32_t)flight, crashes, suspect, lost};
    assert_ok(store_note_failures(store, run, &failures, &fault));
}

/* ---- counts ---- */

static void test_each_run_is_in_one_state(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1, 0.2], seed: [1, 2, 3, 4, 5, 6]}\n");
    finish(0, OUTCOME_STOPPED, 7, 1);
    finish(1, OUTCOME_CENSORED, 12, 1);
    finish(2, OUTCOME_DIVERGED, 5, 1);
    finish(3, OUTCOME_FAILED, 3, 1);
    finish(4, OUTCOME_QUARANTINED, 3, 1);
    work(5, 6, 2.5);
    work(6, 6, 2.5);
    hold_against(6, FLIGHT_CRASHED, 2, 0, 0);
    work(7, 4, 1);
    assert_ok(store_interrupt(store, 7, &fault));
    hold_against(7, FLIGHT_NONE, 0, 0, 0);
    hold_against(8, FLIGHT_NONE, 0, 1, 3);
    take(true);
    assert_int_equal(table.runs, 12);
    static const int64_t held[RUN_STATE_COUNT] = {5, 1, 1, 1, 4};
    assert_memory_equal(table.states, held, sizeof held);
    for (int i = OUTCOME_STOPPED; i <= OUTCOME_QUARANTINED; i++)
        assert_int_equal(table.outcomes[i], 1);
    take(false);
    static const int64_t left[RUN_STATE_COUNT] = {5, 0, 1, 2, 4};
    assert_memory_equal(table.states, left, sizeof left);
    assert_int_equal(table.run[8].failures.suspect, 1);
    assert_int_equal(table.run[8].failures.lost, 3);
    assert_int_equal(table.run[6].failures.crashes, 2);
}

static double rate(int axis, int64_t run)
{
    return table.rate[axis].values[run];
}

static void test_a_run_has_what_the_file_has(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1, 0.2], critic_lr: [0.3], seed: [1, 2]}\n");
    finish(1, OUTCOME_STOPPED, 7, 1.5);
    work(2, 6, 2.5);
    work(2, 8, 0.5);
    take(true);
    const struct run_row *const done = &table.run[1];
    assert_true(rate(RUN_TABLE_ACTOR_LR, 1) == 0.1 && rate(RUN_TABLE_CRITIC_LR, 1) == 0.3 &&
                done->seed == 2);
    assert_true(done->limit == 12 && done->outcome == OUTCOME_STOPPED);
    assert_true(done->stopping == 7 && done->total == 7 && done->wall_s == 1.5);
    const struct run_row *const running = &table.run[2];
    assert_true(rate(RUN_TABLE_ACTOR_LR, 2) == 0.2 && running->seed == 1);
    assert_true(running->outcome == OUTCOME_PENDING && running->stopping == -1);
    assert_true(running->total == -1 && running->episode == 8 && running->moving == 4);
    assert_true(running->attempts == 2 && running->wall_s == 3);
    assert_string_equal(running->host, "h");
    const struct run_row *const untouched = &table.run[3];
    assert_true(untouched->episode == -1 && untouched->moving == -1 && untouched->attempts == 0);
    assert_true(isnan(untouched->wall_s));
    assert_string_equal(untouched->host, "");
    assert_true(table.start.number == 0 && table.axes == RUN_TABLE_RATES);
}

static void test_rows_that_do_not_count_are_not_shown(void **state)
{
    (void)state;
    make("grid: {seed: [1, 2]}\n");
    finish(1, OUTCOME_STOPPED, 7, 1);
    assert_ok(store_uncommit(store, 1, &fault));
    take(false);
    assert_int_equal(table.states[RUN_STATE_PENDING], 2);
    assert_true(table.run[1].outcome == OUTCOME_PENDING && table.run[1].stopping == -1);
    assert_true(isnan(table.median_s) && isnan(table.left_s));
}

/* The commit records are looked at when the file is opened, and the outcomes later. */
static void test_a_run_taken_back_meanwhile_is_not_done(void **state)
{
    (void)state;
    int go[2];
    make("grid: {seed: [1, 2]}\n");
    finish(1, OUTCOME_STOPPED, 7, 1);
    finish(0, OUTCOME_STOPPED, 7, 1);
    store_close(&store);
    assert_int_equal(pipe(go), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte;
        if (read(go[0], &byte, 1) != 1 ||
            store_open(&store, folder.path, STORE_WRITE, &fault) != STATUS_OK)
            _exit(1);
        _exit(store_uncommit(store, 1, &fault) == STATUS_OK ? 0 : 1);
    }
    int answer = -1;
    assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &answer, 0), child);
    assert_int_equal(answer, 0);
    close(go[0]);
    close(go[1]);
    take(true);
    assert_int_equal(table.states[RUN_STATE_DONE], 1);
    assert_int_equal(table.states[RUN_STATE_PENDING], 1);
    assert_int_equal(table.outcomes[OUTCOME_PENDING], 0);
    assert_int_equal(table.outcomes[OUTCOME_STOPPED], 1);
}

static void test_the_last_start_is_found(void **state)
{
    (void)state;
    make("grid: {seed: [1, 2]}\n");
    const struct store_start start = {"a", "4711", "rev", 12, 3, 0};
    int64_t row = 0;
    for (int i = 0; i < SCHEMA_STARTS + 2; i++) {
        assert_ok(store_log_start(store, &start, 1000 + i, &row, &fault));
        assert_ok(store_log_end(store, row, 75, 2000 + i, &fault));
    }
    take(false);
    assert_int_equal(table.start.number, SCHEMA_STARTS + 2);
    assert_true(table.start.time == 1001 + SCHEMA_STARTS);
    assert_true(table.start.end == 2001 + SCHEMA_STARTS);
    assert_true(table.start.status == 75 && table.start.ranks == 3);
    assert_string_equal(table.start.host, "a");
    assert_string_equal(table.start.job, "4711");
    assert_string_equal(table.start.revision, "rev");
    assert_ok(store_log_start(store, &start, 5000, &row, &fault));
    take(false);
    assert_true(isnan(table.start.end) && table.start.status == -1);
    /* An extension is a row of the log and no start. */
    const int64_t before = table.start.number;
    const struct store_start extended = {"a", "2 to 3 cells", "rev", 12, 0, 0};
    assert_ok(store_log_start(store, &extended, 6000, &row, &fault));
    assert_ok(store_log_end(store, row, 0, 6000, &fault));
    take(false);
    assert_int_equal(table.start.number, before);
    assert_ok(store_log_start(store, &start, 7000, &row, &fault));
    take(false);
    assert_int_equal(table.start.number, before + 1);
}

static void assert_axis(size_t axis, int64_t run, const char *expected)
{
    char text[64];
    run_table_axis_write(&table.axis[axis], run, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_settings_that_differ_are_axes(void **state)
{
    (void)state;
    make("grid: {networks.tanh: [exact, pytorch], training.gamma: [0.9, 0.99], "
         "environment.seed: [none, 7]}\n");
    take(false);
    assert_int_equal(table.runs, 8);
    assert_int_equal(table.axes, 5);
    assert_string_equal(table.axis[0].name, "actor_lr");
    assert_string_equal(table.axis[1].name, "critic_lr");
    assert_string_equal(table.axis[2].name, "gamma");
    assert_string_equal(table.axis[3].name, "networks_tanh");
    assert_string_equal(table.axis[4].name, "environment_seed");
    assert_axis(2, 0, "0.9");
    assert_axis(2, 7, "0.99");
    assert_axis(3, 3, "exact");
    assert_axis(3, 4, "pytorch");
    assert_axis(4, 0, "none");
    assert_axis(4, 7, "7");
}

/* ---- time ---- */

/* Groups are pairs within a label, numbered in the order of the plan; pairs are those of all. */
static void test_labels_have_groups_of_their_own(void **state)
{
    (void)state;
    make("grid:\n"
         "  - {label: z, actor_lr: [0.1, 0.2], seed: [1, 2]}\n"
         "  - {label: a, actor_lr: [0.2, 0.3], environment.channels: [1], seed: [1]}\n"
         "  - {label: m, gamma: [0.5, 0.6], actor_lr: [0.1], environment.channels: [1], seed: "
         "[1]}\n");
    take(false);
    static const int64_t pairs[] = {0, 0, 1, 1, 1, 2, 0, 0};
    static const int64_t groups[] = {0, 0, 1, 1, 2, 3, 4, 4};
    assert_int_equal(table.pairs, 3);
    assert_int_equal(table.groups, 5);
    for (int run = 0; run < 8; run++) {
        assert_int_equal(table.run[run].pair, pairs[run]);
        assert_int_equal(table.run[run].group, groups[run]);
    }
    /* The label before the rates; what is constant within each label is a part of it. */
    static const char *const names[] = {"label", "actor_lr", "critic_lr", "gamma",
                                        "environment_channels"};
    assert_int_equal(table.axes, 5);
    for (int a = 0; a < 5; a++) {
        assert_string_equal(table.axis[a].name, names[a]);
        assert_int_equal(table.axis[a].of_label, a == 4);
    }
    assert_ptr_equal(table.label, &table.axis[0]);
    for (size_t a = 0; a < table.axes; a++)
        assert_int_equal(run_table_is_rate(&table, &table.axis[a]), a == 1 || a == 2);
    char text[SETTING_TEXT];
    run_table_axis_write(table.label, 5, text, sizeof text);
    assert_string_equal(text, "a");
}

static void test_nothing_is_expected_of_what_is_not_known(void **state)
{
    (void)state;
    make("grid: {seed: [1, 2, 3]}\n");
    work(0, 6, 5);
    finish(1, OUTCOME_FAILED, 6, 5);
    take(true);
    assert_true(isnan(table.left_s) && isnan(table.left_margin_s));
    assert_true(isnan(table.median_s) && isnan(table.p90_s));
}

static void test_what_is_left(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1], seed: [1, 2, 3, 4, 5]}\n");
    finish(0, OUTCOME_STOPPED, 8, 100);
    finish(1, OUTCOME_CENSORED, 12, 200);
    /* Cells like it have 10 episodes and take 150 s. Time spent for nothing says nothing. */
    work(2, 5, 1000);
    work(3, 11, 40);
    take(true);
    assert_true(table.median_s == 100 && table.p90_s == 200);
    assert_true(fabs(table.left_s - (75 + 0 + 150)) < 1e-9);
    const double margin_s = 2 * 0.5 * sqrt(75.0 * 75 + 150.0 * 150 + 225.0 * 225 / 2);
    assert_true(fabs(table.left_margin_s - margin_s) < 1e-9);
    for (int run = 2; run < 5; run++)
        finish(run, OUTCOME_DIVERGED, 6, 300);
    take(true);
    assert_true(table.left_s == 0 && table.left_margin_s == 0);
    assert_true(table.median_s == 300 && table.p90_s == 1300);
}

static void test_a_cell_of_an_unknown_kind_is_done_in_the_time_it_took(void **state)
{
    (void)state;
    make("grid: {critic_lr: [0.1, 0.2], seed: [1, 2]}\n");
    finish(0, OUTCOME_CENSORED, 12, 100);
    work(2, 3, 30);
    take(true);
    assert_true(fabs(table.left_s - (100 + 70 + 100)) < 1e-9);
    work(2, 4, 500);
    take(true);
    assert_true(fabs(table.left_s - (100 + 0 + 100)) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_run_is_in_one_state, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_run_has_what_the_file_has, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_rows_that_do_not_count_are_not_shown, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_run_taken_back_meanwhile_is_not_done, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_the_last_start_is_found, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_settings_that_differ_are_axes, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_labels_have_groups_of_their_own, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_nothing_is_expected_of_what_is_not_known, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_what_is_left, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_cell_of_an_unknown_kind_is_done_in_the_time_it_took,
                                        folder_begin, end),
    };
    return cmocka_run_group_tests_name("run_table", tests, NULL, NULL);
}
