// SPDX-License-Identifier: MIT
/* Which cell comes next, who is to blame for a lost job, and when the work must stop. */
#include "base/rng.h"
#include "check.h"
#include "run/failure_policy.h"
#include "run/scheduler.h"
#include "sys/deadline.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_cells_come_in_order_and_once(void **state)
{
    (void)state;
    struct scheduler *s = scheduler_new(2, 4);
    for (int64_t cell = 0; cell < 4; cell++)
        scheduler_add(s, 3 - cell, false);
    assert_int_equal(scheduler_peek(s, 0), 3);
    assert_int_equal(scheduler_peek(s, 3), 0);
    assert_int_equal(scheduler_next(s, 0), 3);
    assert_int_equal(scheduler_next(s, 1), 2);
    assert_int_equal(scheduler_cell(s, 0), 3);
    assert_int_equal(scheduler_running(s), 2);
    assert_int_equal(scheduler_waiting(s), 2);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_cell(s, 1), -1);
    assert_int_equal(scheduler_next(s, 1), 1);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), 0);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), -1);
    assert_int_equal(scheduler_running(s), 1);
    scheduler_end(s, 0);
    assert_int_equal(scheduler_running(s) + scheduler_waiting(s), 0);
    scheduler_free(&s);
    assert_null(s);
}

static void test_longest_first_and_stable(void **state)
{
    (void)state;
    const float keys[] = {1, 5, 3, 5, 2};
    const int64_t order[] = {1, 3, 2, 4, 0};
    struct scheduler *s = scheduler_new(1, 5);
    for (int64_t cell = 0; cell < 5; cell++)
        scheduler_add(s, cell, false);
    scheduler_sort(s, keys);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scheduler_next(s, 0), order[i]);
        scheduler_end(s, 0);
    }
    /* What is given out already is out of it. */
    const float later[] = {9, 0, 1, 0, 4};
    scheduler_sort(s, later);
    const int64_t rest[] = {0, 4, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(scheduler_next(s, 0), rest[i]);
        scheduler_end(s, 0);
    }
    scheduler_free(&s);
}

static void test_one_suspect_at_a_time(void **state)
{
    (void)state;
    struct scheduler *s = scheduler_new(3, 6);
    for (int64_t cell = 0; cell < 6; cell++)
        scheduler_add(s, cell, cell >= 3);
    assert_int_equal(scheduler_next(s, 0), 3);
    assert_int_equal(scheduler_next(s, 1), 0);
    assert_int_equal(scheduler_next(s, 2), 1);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), 2);
    scheduler_end(s, 2);
    assert_int_equal(scheduler_waiting(s), 2);
    assert_int_equal(scheduler_next(s, 2), -1); /* only suspects wait, and one is tried */
    scheduler_trust(s, 1);                      /* not the one */
    assert_int_equal(scheduler_next(s, 2), -1);
    scheduler_trust(s, 0);
    assert_int_equal(scheduler_next(s, 2), 4); /* beside 3, which is innocent now */
    scheduler_end(s, 0);
    assert_int_equal(scheduler_next(s, 0), -1);
    scheduler_end(s, 2);
    assert_int_equal(scheduler_next(s, 0), 5);
    scheduler_free(&s);
}

/* Many workers, cells and suspects in random order: each cell once, never two suspects. */
static void test_random_histories(void **state)
{
    (void)state;
    enum { WORKERS = 5, CELLS = 60 };
    struct mt19937 draws;
    mt19937_seed(&draws, 7);
    for (int history = 0; history < 200; history++) {
        bool suspect[CELLS], given[CELLS] = {false};
        struct scheduler *s = scheduler_new(WORKERS, CELLS);
        for (int cell = 0; cell < CELLS; cell++) {
            suspect[cell] = mt19937_next(&draws) % 4 == 0;
            scheduler_add(s, cell, suspect[cell]);
        }
        int64_t running = 0;
        for (int left = CELLS; left > 0 || running > 0;) {
            const int w = (int)(mt19937_next(&draws) % WORKERS);
            int64_t cell = scheduler_cell(s, w);
            if (cell >= 0) {
                scheduler_end(s, w);
                running--;
            } else if ((cell = scheduler_next(s, w)) >= 0) {
                assert_false(given[cell]);
                given[cell] = true;
                running++;
                left--;
            }
            int suspects = 0;
            for (int i = 0; i < WORKERS; i++)
                suspects += scheduler_cell(s, i) >= 0 && suspect[scheduler_cell(s, i)];
            assert_true(suspects <= 1);
            assert_int_equal(scheduler_running(s), running);
            assert_int_equal(scheduler_waiting(s), left);
        }
        scheduler_free(&s);
    }
}

static const struct blame_limits limits = {.crashes = 3, .losses = 2};

#define OPEN    FLIGHT_OPEN
#define CRASHED FLIGHT_CRASHED
#define NONE    FLIGHT_NONE

static void test_a_crash_leaves_the_others_innocent(void **state)
{
    (void)state;
    struct store_failures t[] = {
        {OPEN, 0, 0, 0}, {CRASHED, 1, 0, 0}, {OPEN, 0, 1, 1}, {NONE, 0, 0, 0}};
    enum verdict v[4];
    assert_int_equal(blame_judge(t, 4, &limits, v), 3);
    assert_int_equal(v[0], VERDICT_INNOCENT);
    assert_int_equal(v[1], VERDICT_SUSPECT); /* tried alone: it may crash again */
    assert_int_equal(v[2], VERDICT_SUSPECT); /* as before, and not one loss more */
    assert_int_equal(v[3], VERDICT_INNOCENT);
    assert_int_equal(t[0].suspect, 0);
    assert_int_equal(t[2].lost, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(t[i].flight, FLIGHT_NONE);
}

static void test_three_marks_quarantine(void **state)
{
    (void)state;
    struct store_failures t[] = {{CRASHED, 2, 0, 0}, {CRASHED, 3, 0, 0}};
    enum verdict v[2];
    assert_int_equal(blame_judge(t, 2, &limits, v), 2);
    assert_int_equal(v[0], VERDICT_SUSPECT);
    assert_int_equal(v[1], VERDICT_QUARANTINE);
    const struct blame_limits fast = {.crashes = 1, .losses = 2};
    assert_int_equal(blame_judge(t, 2, &fast, v), 0);
    assert_int_equal(v[0], VERDICT_QUARANTINE);
}

static void test_a_loss_makes_suspects_and_counts_the_lone_one(void **state)
{
    (void)state;
    struct store_failures t[] = {{OPEN, 0, 0, 0}, {OPEN, 0, 0, 0}, {NONE, 0, 0, 0}};
    enum verdict v[3];
    assert_int_equal(blame_judge(t, 3, &limits, v), 2);
    assert_int_equal(v[0], VERDICT_SUSPECT);
    assert_int_equal(v[1], VERDICT_SUSPECT);
    assert_int_equal(v[2], VERDICT_INNOCENT);
    /* The first is tried beside the third, and the job is lost again. */
    t[0].flight = t[2].flight = FLIGHT_OPEN;
    assert_int_equal(blame_judge(t, 3, &limits, v), 2);
    assert_int_equal(t[0].lost, 1);
    assert_int_equal(t[1].lost, 0);
    assert_int_equal(v[2], VERDICT_INNOCENT);
    t[0].flight = FLIGHT_OPEN;
    blame_judge(t, 3, &limits, v);
    assert_int_equal(v[0], VERDICT_FAILED);
    assert_int_equal(v[1], VERDICT_SUSPECT);
    /* After an end in order nothing is in flight and nothing changes. */
    assert_int_equal(blame_judge(t, 3, &limits, v), 0);
    assert_int_equal(t[0].lost, 2);
}

static double parsed(const char *text)
{
    struct fault fault;
    double end = NAN;
    if (deadline_parse(text, 1000, &end, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    return end;
}

static void test_deadlines(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "+",
                                          "soon",
                                          "90m",
                                          "+90x",
                                          "+-5",
                                          "-5",
                                          "1e9",
                                          "2026-11-23",
                                          "2026-11-23T18:00+1",
                                          "2026-13-23T18:00",
                                          "2026-11-23T18:00Zulu"};
    struct fault fault;
    double end = 0;
    assert_true(parsed("+90m") == 1000 + 5400 && parsed("+1.5h") == 1000 + 5400);
    assert_true(parsed("+3") == 1003 && parsed("+2s") == 1002 && parsed("+1d") == 87400);
    assert_true(parsed("1795456800") == 1795456800);
    assert_true(parsed("2026-11-23T18:00Z") == 1795456800);
    assert_true(parsed("2026-11-23 18:00:05Z") == 1795456805);
    assert_true(parsed("2026-11-23T18:00+02:00") == 1795456800 - 7200);
    assert_true(parsed("2026-11-23T18:00:00-01:30") == 1795456800 + 5400);
    setenv("TZ", "UTC-3", 1);
    tzset();
    assert_true(parsed("2026-11-23T18:00") == 1795456800 - 3 * 3600);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (deadline_parse(refused[i], 1000, &end, &fault) != STATUS_INPUT)
            fail_msg("'%s' is taken for %f", refused[i], end);
        assert_non_null(strstr(fault.text, "expected +90m"));
    }
    unsetenv("SLURM_JOB_END_TIME");
    assert_true(isinf(deadline_of_job()));
    setenv("SLURM_JOB_END_TIME", "1795456800", 1);
    assert_true(deadline_of_job() == 1795456800);
    setenv("SLURM_JOB_END_TIME", "never", 1);
    assert_true(isinf(deadline_of_job()));
}

/* A scontrol first on the path that prints `says`. */
static double told_by_scontrol(const char *says)
{
    char folder[] = "/tmp/ccmsweep-test-XXXXXX", path[64], command[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/scontrol", folder);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\n[ \"$*$SLURM_TIME_FORMAT\" = 'show job 4711' ] || exit 1\n"
            "cat <<'.'\n%s\n.\n",
            says);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
    const char *const before = getenv("PATH");
    snprintf(command, sizeof command, "%s:%s", folder, before);
    char *const kept = strdup(before);
    setenv("PATH", command, 1);
    const double end = deadline_of_job();
    setenv("PATH", kept, 1);
    free(kept);
    assert_int_equal(unlink(path) + rmdir(folder), 0);
    return end;
}

static void test_scontrol_knows_the_end(void **state)
{
    (void)state;
    setenv("TZ", "UTC-3", 1);
    tzset();
    unsetenv("SLURM_JOB_END_TIME");
    setenv("SLURM_JOB_ID", "4711", 1);
    setenv("SLURM_TIME_FORMAT", "relative", 1); /* of the user, for other purposes */
    assert_true(told_by_scontrol("   StartTime=2026-11-23T17:00:00 EndTime=2026-11-23T18:00:00 "
                                 "Deadline=N/A") == 1795456800 - 3 * 3600);
    assert_true(told_by_scontrol("   EndTime=2026-11-23T18:00:00") == 1795456800 - 3 * 3600);
    assert_true(isinf(told_by_scontrol("   StartTime=2026-11-23T17:00:00 EndTime=Unknown D=1")));
    assert_true(isinf(told_by_scontrol("slurm_load_jobs error: Invalid job id specified")));
    unsetenv("SLURM_JOB_ID");
    assert_true(isinf(told_by_scontrol("   EndTime=2026-11-23T18:00:00")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_come_in_order_and_once),
        cmocka_unit_test(test_longest_first_and_stable),
        cmocka_unit_test(test_one_suspect_at_a_time),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_a_crash_leaves_the_others_innocent),
        cmocka_unit_test(test_three_marks_quarantine),
        cmocka_unit_test(test_a_loss_makes_suspects_and_counts_the_lone_one),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_scontrol_knows_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
