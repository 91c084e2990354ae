// SPDX-License-Identifier: MIT
/* The plan of a sweep that has begun: what is finished, and what the rest is expected to take. */
#include "model/trainer_view.h"
#include "own_folder.h"
#include "query/plan.h"
#include "spec/cost.h"
#include "store_case.h"
#include <ccmsweep/trainer.h>

/* 6 cells in 2 groups of 3 seeds, the second of ten times as many agents. */
#define SHORT "training: {episodes: 12}\ntracking: {log_every: 3, snapshot_every: 6}\n"
static const char grid[] = SHORT "grid:\n  environment.agents: [3, 30]\n  seed: [1, 2, 3]\n";

static void finish(struct store *store, int64_t run, double wall_s)
{
    struct fault fault = {""};
    const struct store_host host = {.host = "h", .cpu = "c", .cpu_level = "l", .revision = "r"};
    assert_ok(store_note_start(store, run, &host, 1000, &fault));
    assert_ok(store_note_end(store, run, wall_s, 1000 + wall_s, &fault));
    commit_salted(store, run, 1);
}

static void test_what_is_left_is_expected(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_of(grid);
    struct store *store = store_made(folder.path, spec);
    finish(store, 0, 2.0);
    finish(store, 2, 4.0);
    assert_ok(store_interrupt(store, 3, &fault));
    struct plan *plan = NULL;
    assert_ok(plan_new(&plan, spec, store, NULL, &fault));
    struct settings small, large;
    spec_cell(spec, 0, &small);
    spec_cell(spec, 3, &large);
    const double larger = 3.0 * cost_units(&large) / cost_units(&small);
    assert_int_equal(plan->cells, 6);
    assert_int_equal(plan->finished, 2);
    assert_int_equal(plan->learnt, 2);
    assert_int_equal(plan->interrupted, 1);
    static const enum store_state states[] = {STORE_DONE,        STORE_PENDING, STORE_DONE,
                                              STORE_INTERRUPTED, STORE_PENDING, STORE_PENDING};
    for (int i = 0; i < 6; i++)
        assert_int_equal(plan->states[i], states[i]);
    assert_true(isnan(plan->calibration_s));
    assert_close(plan->left_s, 3.0 + 3 * larger, 1e-12, "one of the group, three by size");
    assert_close(plan->total_s, 6.0 + 3.0 + 3 * larger, 1e-12, "with what was spent");
    assert_close(plan->longest_s, larger, 1e-12, "longest");
    assert_close(plan_wall(plan, 1), plan->left_s, 1e-12, "alone");
    assert_close(plan_wall(plan, 2), plan->left_s / 2, 1e-12, "even shares");
    assert_close(plan_wall(plan, 100), larger, 1e-12, "not before the longest cell");
    plan_free(&plan);
    assert_null(plan);
    plan_free(&plan);
    plan_free(NULL);
    store_close(&store);
    spec_free(&spec);
}

/* A finished cell whose time was not noted is finished all the same. */
static void test_times_may_be_missing(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_of(grid);
    struct store *store = store_made(folder.path, spec);
    commit_salted(store, 5, 1);
    struct plan *plan = NULL;
    assert_ok(plan_new(&plan, spec, store, NULL, &fault));
    assert_int_equal(plan->finished, 1);
    assert_int_equal(plan->learnt, 0);
    assert_true(plan->calibration_s > 0);
    assert_close(plan->total_s, plan->left_s, 0, "nothing known to be spent");
    plan_free(&plan);
    store_close(&store);
    spec_free(&spec);
}

static void test_axes_list_each_value_once(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec =
        spec_of("training: {episodes: 5, batch: 4}\nenvironment: {agents: 3}\ngrid:\n"
                "  networks.proposal_bias: [0.5, none, -2]\n"
                "  environment.seed: [7, none]\n  actor_lr: [0.1, 0.02, 1e-3]\n");
    struct plan *plan = NULL;
    assert_ok(plan_new(&plan, spec, NULL, NULL, &fault));
    static const struct {
        const char *key;
        size_t count;
        double first, last;
    } axes[] = {{"training.actor_lr", 3, 1e-3, 0.1},
                {"training.critic_lr", 1, 1e-3, 1e-3},
                {"training.seed", 1, 42, 42},
                {"networks.proposal_bias", 3, -2, (double)NAN},
                {"environment.seed", 2, -1, 7}};
    assert_int_equal(plan->axis_count, sizeof axes / sizeof *axes);
    for (size_t a = 0; a < plan->axis_count; a++) {
        const struct plan_axis *axis = &plan->axes[a];
        assert_string_equal(axis->row->key, axes[a].key);
        assert_int_equal(axis->count, axes[a].count);
        assert_close(axis->values[0], axes[a].first, 0, "first of %s", axes[a].key);
        assert_close(axis->values[axis->count - 1], axes[a].last, 0, "last of %s", axes[a].key);
    }
    plan_free(&plan);
    spec_free(&spec);
}

static void test_memory_is_that_of_the_largest_trainer(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_of(SHORT "grid:\n  environment.agents: [3, 30, 10]\n");
    struct settings cell;
    struct plan *plan = NULL;
    assert_ok(plan_new(&plan, spec, NULL, NULL, &fault));
    spec_cell(spec, 1, &cell);
    struct trainer *t = trainer_new(&cell);
    /* The process comes on top; tests/cli/test_memory.py compares with what workers take. */
    assert_true(plan->memory > (double)trainer_memory(t) + 4e6);
    assert_true(plan_memory(plan, false) > plan_memory(plan, true));
    assert_close(plan->checkpoint, (double)trainer_state_size(t) + 128, 0, "checkpoint");
    trainer_free(&t);
    plan_free(&plan);
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_left_is_expected, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_times_may_be_missing, folder_begin, folder_end),
        cmocka_unit_test(test_axes_list_each_value_once),
        cmocka_unit_test(test_memory_is_that_of_the_largest_trainer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
