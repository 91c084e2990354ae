// SPDX-License-Identifier: MIT
/* /volatile: what is held against runs, the log of starts; runs that are done again. */
#include "store_case.h"

static struct folder folder;
static struct spec *spec;
static struct store *store;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec = spec_small("grid: {seed: [5, 6, 7]}\n");
    store = store_made(folder.path, spec);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_close(&store);
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

static void reopen(void)
{
    struct fault fault;
    store_close(&store);
    assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
}

static void test_failures_are_kept(void **state)
{
    (void)state;
    struct fault fault;
    const struct store_failures written = {
        .flight = FLIGHT_OPEN, .crashes = 2, .suspect = 1, .lost = 7};
    struct store_failures read = {9, 9, 9, 9};
    int32_t lost[3];
    assert_ok(store_failures(store, 1, &read, &fault));
    assert_true(read.flight == 0 && read.crashes == 0 && read.suspect == 0 && read.lost == 0);
    assert_ok(store_note_failures(store, 1, &written, &fault));
    reopen();
    assert_ok(store_failures(store, 1, &read, &fault));
    assert_memory_equal(&read, &written, sizeof read);
    assert_ok(store_note_column(store, NOTE_LOST, lost, &fault));
    assert_true(lost[0] == 0 && lost[1] == 7 && lost[2] == 0);
}

static void test_a_start_is_in_flight(void **state)
{
    (void)state;
    struct fault fault;
    struct store_failures failures;
    struct store_notes notes;
    const struct store_host host = {"h", "c", "avx2", "r", 3};
    assert_ok(store_note_start(store, 2, &host, 50, &fault));
    assert_ok(store_note_progress(store, 2, 9, 4, 60, &fault));
    reopen();
    assert_ok(store_failures(store, 2, &failures, &fault));
    assert_int_equal(failures.flight, FLIGHT_OPEN);
    assert_ok(store_notes(store, 2, &notes, &fault));
    assert_int_equal(notes.rank, 3);
    int32_t attempts[3];
    assert_ok(store_note_column(store, NOTE_PROGRESS_ATTEMPT, attempts, &fault));
    assert_true(attempts[0] == -1 && attempts[2] == 1);
}

static void test_the_log_of_starts_goes_round(void **state)
{
    (void)state;
    struct fault fault;
    int64_t row = -1, last = 7, numbers[SCHEMA_STARTS];
    int code = 7;
    assert_ok(store_log_last(store, &last, &code, &fault));
    assert_true(last == -1 && code == -1);
    int32_t statuses[SCHEMA_STARTS], done[SCHEMA_STARTS];
    char jobs[SCHEMA_STARTS][32];
    for (int i = 1; i <= SCHEMA_STARTS + 2; i++) {
        const struct store_start start = {
            .host = "h", .job = "77", .revision = "r", .process = i, .ranks = 3, .done = i};
        assert_ok(store_log_start(store, &start, i, &row, &fault));
        assert_int_equal(row, (i - 1) % SCHEMA_STARTS);
        assert_ok(store_log_last(store, &last, &code, &fault));
        assert_true(last == row && code == -1);
        if (i % 2 == 0)
            assert_ok(store_log_end(store, row, STATUS_STOPPED, i + 0.5, &fault));
    }
    reopen();
    assert_ok(store_log_last(store, &last, &code, &fault));
    assert_true(last == 1 && code == STATUS_STOPPED);
    assert_ok(store_note_column(store, NOTE_LOG_NUMBER, numbers, &fault));
    assert_ok(store_note_column(store, NOTE_LOG_STATUS, statuses, &fault));
    assert_ok(store_note_column(store, NOTE_LOG_DONE, done, &fault));
    assert_ok(store_note_column(store, NOTE_LOG_JOB, jobs, &fault));
    assert_true(numbers[0] == SCHEMA_STARTS + 1 && numbers[1] == SCHEMA_STARTS + 2 &&
                numbers[2] == 3);
    assert_true(statuses[0] == -1 && statuses[1] == STATUS_STOPPED && statuses[2] == -1);
    assert_int_equal(done[1], SCHEMA_STARTS + 2);
    assert_string_equal(jobs[5], "77");
}

static void test_a_run_is_taken_back_and_done_again(void **state)
{
    (void)state;
    struct fault fault;
    size_t size = 0, again = 0;
    commit_salted(store, 0, 1);
    commit_salted(store, 1, 2);
    unsigned char *before = file_read(folder.path, &size);
    assert_ok(store_uncommit(store, 1, &fault));
    assert_int_equal(store_state(store, 1), STORE_PENDING);
    int32_t outcomes[3];
    assert_ok(store_column(store, record_field("outcome"), outcomes, &fault));
    assert_true(outcomes[0] == OUTCOME_STOPPED && outcomes[1] == OUTCOME_PENDING);
    reopen();
    assert_int_equal(store_state(store, 0), STORE_DONE);
    assert_int_equal(store_state(store, 1), STORE_PENDING);
    commit_salted(store, 1, 2);
    unsigned char *after = file_read(folder.path, &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failures_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_a_start_is_in_flight, begin, end),
        cmocka_unit_test_setup_teardown(test_the_log_of_starts_goes_round, begin, end),
        cmocka_unit_test_setup_teardown(test_a_run_is_taken_back_and_done_again, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
