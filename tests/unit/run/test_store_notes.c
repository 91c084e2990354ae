// SPDX-License-Identifier: MIT
/* /volatile: what is held against runs, the log of starts, crash marks; runs that are done again or
 * copied from another file. */
#include "run/crash_mark.h"
#include "run/reuse.h"
#include "store_case.h"
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

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

static void test_trouble_is_kept(void **state)
{
    (void)state;
    struct fault fault;
    const struct store_trouble written = {
        .flight = FLIGHT_OPEN, .crashes = 2, .suspect = 1, .lost = 7};
    struct store_trouble read = {9, 9, 9, 9};
    int32_t lost[3];
    assert_ok(store_trouble(store, 1, &read, &fault));
    assert_true(read.flight == 0 && read.crashes == 0 && read.suspect == 0 && read.lost == 0);
    assert_ok(store_note_trouble(store, 1, &written, &fault));
    reopen();
    assert_ok(store_trouble(store, 1, &read, &fault));
    assert_memory_equal(&read, &written, sizeof read);
    assert_ok(store_note_column(store, NOTE_LOST, lost, &fault));
    assert_true(lost[0] == 0 && lost[1] == 7 && lost[2] == 0);
}

static void test_a_start_is_in_flight(void **state)
{
    (void)state;
    struct fault fault;
    struct store_trouble trouble;
    struct store_notes notes;
    const struct store_host host = {"h", "c", "avx2", "r", 3};
    assert_ok(store_note_start(store, 2, &host, 50, &fault));
    assert_ok(store_note_progress(store, 2, 9, 4, 60, &fault));
    reopen();
    assert_ok(store_trouble(store, 2, &trouble, &fault));
    assert_int_equal(trouble.flight, FLIGHT_OPEN);
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

/* Damage the reward of a run in the file. */
static void filled_flip(int64_t run)
{
    struct fault fault;
    struct settings cell;
    struct filled filled;
    size_t size = 0;
    store_cell(store, run, &cell);
    filled_clear(&filled, &cell);
    assert_ok(store_load(store, run, &filled.record, &fault));
    unsigned char *bytes = file_read(folder.path, &size);
    const unsigned char *const at = memmem(bytes, size, filled.record.reward, 12 * sizeof(double));
    assert_non_null(at);
    file_flip(folder.path, at - bytes + 3, 1);
    filled_fini(&filled);
    free(bytes);
}

static struct progress quiet(FILE **file)
{
    struct progress progress;
    *file = tmpfile();
    assert_non_null(*file);
    progress_init(&progress, PROGRESS_NONE, *file);
    return progress;
}

static void test_runs_of_another_file_are_copied(void **state)
{
    (void)state;
    struct fault fault;
    char path[200];
    FILE *said = NULL;
    struct progress progress = quiet(&said);
    const struct store_host host = {"there", "c", "avx2", "r", 1};
    commit_salted(store, 0, 11);
    assert_ok(store_note_start(store, 1, &host, 50, &fault));
    assert_ok(store_note_end(store, 1, 12.5, 70, &fault));
    commit_salted(store, 1, 12);
    struct spec *wider = spec_small("grid: {seed: [4, 6, 5, 8, 7]}\n");
    snprintf(path, sizeof path, "%s/wider.h5", folder.name);
    struct store *other = store_made(path, wider);
    assert_ok(reuse_runs(other, folder.path, &progress, &fault));
    static const enum store_state expected[] = {STORE_PENDING, STORE_DONE, STORE_DONE,
                                                STORE_PENDING, STORE_PENDING};
    for (int run = 0; run < 5; run++)
        assert_int_equal(store_state(other, run), expected[run]);
    assert_true(holds_salted(other, 1, 12) && holds_salted(other, 2, 11));
    assert_ok(store_check(other, 1, &fault));
    struct store_notes notes;
    assert_ok(store_notes(other, 1, &notes, &fault));
    assert_true(notes.wall_s == 12.5 && strcmp(notes.host, "there") == 0);
    /* What is done here is left alone. */
    store_close(&other);
    assert_int_equal(unlink(path), 0);
    other = store_made(path, wider);
    commit_salted(other, 1, 99);
    assert_ok(reuse_runs(other, folder.path, &progress, &fault));
    assert_true(holds_salted(other, 1, 99) && holds_salted(other, 2, 11));
    /* Rows that are not those committed there are not copied. */
    filled_flip(0);
    assert_ok(store_uncommit(other, 2, &fault));
    assert_ok(reuse_runs(other, folder.path, &progress, &fault));
    assert_int_equal(store_state(other, 2), STORE_PENDING);
    assert_refused(reuse_runs(other, "/nowhere/x.h5", &progress, &fault), STATUS_INPUT,
                   "No such file");
    store_close(&other);
    spec_free(&wider);
    fclose(said);
}

static void overflow_the_stack(volatile char *from)
{
    volatile char more[4096];
    more[0] = *from;
    if (more[0] == 0) /* always */
        overflow_the_stack(more);
    *from = more[0];
}

/* A child works on run 1 and dies; returns the signal that it died of. */
static int die(int number, bool blamed)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        crash_install();
        const struct store_place place = store_place(store, 1);
        crash_blame(&place);
        if (!blamed)
            crash_blame(NULL);
        if (number == 0)
            overflow_the_stack(&(char){0});
        else if (number == SIGABRT)
            abort();
        raise(number);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFSIGNALED(how) ? WTERMSIG(how) : 0;
}

static void test_crashes_leave_marks(void **state)
{
    (void)state;
    struct fault fault;
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct store_trouble trouble;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(die(numbers[i], true), numbers[i]);
        assert_ok(store_trouble(store, 1, &trouble, &fault));
        assert_int_equal(trouble.crashes, i + 1);
        assert_int_equal(trouble.flight, FLIGHT_CRASHED);
    }
    assert_int_equal(die(0, true), SIGSEGV);
    assert_int_equal(die(SIGKILL, true), SIGKILL);
    assert_int_equal(die(SIGSEGV, false), SIGSEGV);
    assert_ok(store_trouble(store, 1, &trouble, &fault));
    assert_int_equal(trouble.crashes, 6);
    assert_ok(store_trouble(store, 0, &trouble, &fault));
    assert_int_equal(trouble.crashes + trouble.flight, 0);
    assert_ok(store_trouble(store, 2, &trouble, &fault));
    assert_int_equal(trouble.crashes + trouble.flight, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trouble_is_kept, begin, end),
        cmocka_unit_test_setup_teardown(test_a_start_is_in_flight, begin, end),
        cmocka_unit_test_setup_teardown(test_the_log_of_starts_goes_round, begin, end),
        cmocka_unit_test_setup_teardown(test_a_run_is_taken_back_and_done_again, begin, end),
        cmocka_unit_test_setup_teardown(test_runs_of_another_file_are_copied, begin, end),
        cmocka_unit_test_setup_teardown(test_crashes_leave_marks, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
