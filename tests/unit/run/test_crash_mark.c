// SPDX-License-Identifier: MIT
/* What a process leaves behind when a fault of its own ends it. */
#include "run/crash_mark.h"
#include "store/schema.h"
#include "store_case.h"
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

static void overflow_the_stack(volatile char *from)
{
    volatile char more[4096];
    more[0] = *from;
    if (more[0] == 0) /* always */
        overflow_the_stack(more);
    *from = more[0];
}

/* A child works on run 1 and dies; returns the signal that it died of. */
static int die(int number, bool aimed)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        crash_mark_install();
        const struct store_place place = store_place(store, 1);
        crash_mark_aim(&place);
        if (!aimed)
            crash_mark_aim(NULL);
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
    struct store_failures failures;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(die(numbers[i], true), numbers[i]);
        assert_ok(store_failures(store, 1, &failures, &fault));
        assert_int_equal(failures.crashes, i + 1);
        assert_int_equal(failures.flight, FLIGHT_CRASHED);
    }
    assert_int_equal(die(0, true), SIGSEGV);
    assert_int_equal(die(SIGKILL, true), SIGKILL);
    assert_int_equal(die(SIGSEGV, false), SIGSEGV);
    assert_ok(store_failures(store, 1, &failures, &fault));
    assert_int_equal(failures.crashes, 6);
    assert_ok(store_failures(store, 0, &failures, &fault));
    assert_int_equal(failures.crashes + failures.flight, 0);
    assert_ok(store_failures(store, 2, &failures, &fault));
    assert_int_equal(failures.crashes + failures.flight, 0);
}

/* The count of run 1 as it stands in the file, whatever that is. */
static void put_count(int32_t count)
{
    const struct store_place place = store_place(store, 1);
    assert_int_equal(pwrite(place.fd, &count, sizeof count, place.crashes_at), sizeof count);
}

static int32_t got_count(void)
{
    int32_t count = -1;
    const struct store_place place = store_place(store, 1);
    assert_int_equal(pread(place.fd, &count, sizeof count, place.crashes_at), sizeof count);
    return count;
}

static void test_the_count_neither_overflows_nor_grows_from_damage(void **state)
{
    (void)state;
    const int32_t most = (int32_t)schema_note(NOTE_CRASHES).most;
    const struct {
        int32_t before, after;
    } cases[] = {{most - 1, most}, {most, most}, {most + 1, 1}, {INT32_MAX, 1}, {-7, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_count(cases[i].before);
        assert_int_equal(die(SIGSEGV, true), SIGSEGV);
        assert_int_equal(got_count(), cases[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crashes_leave_marks, begin, end),
        cmocka_unit_test_setup_teardown(test_the_count_neither_overflows_nor_grows_from_damage,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
