// SPDX-License-Identifier: MIT
/* What a sweep shows of itself: counts, the time left, the last finished cell. */
#include "run/sweep_progress.h"
#include "store_case.h"
#include <math.h>

static struct spec *spec;
static struct cost *cost;
static struct scheduler *scheduler;
static struct progress progress;
static struct sweep_progress sweep;
static FILE *said;

static int begin(void **state)
{
    (void)state;
    spec = spec_small("grid: {actor_lr: [0.1, 0.001], seed: 1-4}\n");
    cost = cost_new(spec);
    scheduler = scheduler_new(2, 8);
    for (int64_t cell = 0; cell < 8; cell++)
        scheduler_add(scheduler, cell, false);
    said = tmpfile();
    assert_non_null(said);
    progress_init(&progress, PROGRESS_LINES, said);
    sweep = (struct sweep_progress){.progress = &progress,
                                    .spec = spec,
                                    .cost = cost,
                                    .scheduler = scheduler,
                                    .runs = 8,
                                    .workers = 2};
    sweep_progress_start(&sweep, 100);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sweep_progress_fini(&sweep);
    scheduler_free(&scheduler);
    cost_free(&cost);
    spec_free(&spec);
    fclose(said);
    return 0;
}

static void finish(int worker, enum outcome outcome, int32_t stopping, double seconds)
{
    const int64_t cell = scheduler_cell(scheduler, worker);
    scheduler_end(scheduler, worker);
    cost_learn(cost, cell, seconds);
    sweep_progress_count(&sweep, &(struct message){.type = MESSAGE_DONE,
                                                   .cell = cell,
                                                   .outcome = (int32_t)outcome,
                                                   .stopping = stopping,
                                                   .seconds = seconds});
}

static void test_time_left(void **state)
{
    (void)state;
    double margin_s = 0;
    assert_true(isnan(sweep_progress_left(&sweep, 100, &margin_s)) && isnan(margin_s));
    assert_int_equal(scheduler_next(scheduler, 0), 0);
    sweep_progress_show(&sweep, 100);
    finish(0, OUTCOME_STOPPED, 9, 10);
    assert_int_equal(scheduler_next(scheduler, 0), 1);
    assert_int_equal(scheduler_next(scheduler, 1), 2);
    sweep_progress_show(&sweep, 110); /* sees both begin */
    /* Ten seconds for each of its group; the other group by the heuristic. */
    const double other_s = cost_expect(cost, 4);
    const double work_s = 2 * 10 + 10 + 4 * other_s;
    assert_true(fabs(sweep_progress_left(&sweep, 112, &margin_s) - ((work_s - 2 * 2) / 2)) < 1e-9);
    assert_true(fabs(margin_s - (2 * 0.5 * sqrt(3 * 100 + 4 * other_s * other_s) / 2)) < 1e-9);
    /* A cell that takes longer than expected is due any moment, and no sooner. */
    assert_true(fabs(sweep_progress_left(&sweep, 130, &margin_s) - ((10 + 4 * other_s) / 2)) <
                1e-9);
}

static void test_the_longest_cell_bounds_it(void **state)
{
    (void)state;
    double margin_s = 0;
    assert_int_equal(scheduler_next(scheduler, 0), 0);
    finish(0, OUTCOME_STOPPED, 9, 40);
    for (int i = 0; i < 6; i++) {
        assert_true(scheduler_next(scheduler, 0) >= 0);
        finish(0, OUTCOME_CENSORED, -1, 40);
    }
    assert_int_equal(scheduler_next(scheduler, 1), 7);
    sweep_progress_show(&sweep, 200);
    assert_true(fabs(sweep_progress_left(&sweep, 210, &margin_s) - (30)) < 1e-9);
    assert_int_equal(sweep_progress_done(&sweep), 7);
    assert_int_equal(sweep_progress_failed(&sweep), 0);
}

static void test_lines(void **state)
{
    (void)state;
    char text[512];
    assert_int_equal(scheduler_next(scheduler, 0), 0);
    finish(0, OUTCOME_STOPPED, 9, 10);
    assert_int_equal(scheduler_next(scheduler, 0), 1);
    finish(0, OUTCOME_DIVERGED, -1, 10);
    assert_int_equal(scheduler_next(scheduler, 0), 2);
    sweep_progress_show(&sweep, 105); /* too early for a line */
    sweep_progress_show(&sweep, 120);
    rewind(said);
    assert_non_null(fgets(text, sizeof text, said));
    assert_non_null(strstr(text,
                           "ccmsweep: 2 of 8 cells done, 1 running, 5 waiting, diverged 1; 360 an "
                           "hour, "));
    assert_non_null(strstr(text, " to go; last: actor_lr 0.1, critic_lr 0.001, seed 2 diverged\n"));
    assert_null(fgets(text, sizeof text, said));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_time_left, begin, end),
        cmocka_unit_test_setup_teardown(test_the_longest_cell_bounds_it, begin, end),
        cmocka_unit_test_setup_teardown(test_lines, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
