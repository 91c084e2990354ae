// SPDX-License-Identifier: MIT
/* What a run says of an event: its fate, time and cause, momentum tail and returns. */
#include "own_folder.h"
#include "query/cohort.h"
#include "store_case.h"
#include <math.h>

enum { ACTORS = 9, EPISODES = 12 };

static struct spec *spec;
static struct store *store;
static struct run_table table;
static struct cohort cohort;
static struct fault fault;

static int end(void **state)
{
    cohort_fini(&cohort);
    run_table_fini(&table);
    store_close(&store);
    spec_free(&spec);
    return folder_end(state);
}

static void make(const char *grid)
{
    spec = spec_small(grid);
    store = store_made(folder.path, spec);
}

static void take(enum event event, enum endpoint endpoint, int64_t limit)
{
    cohort_fini(&cohort);
    run_table_fini(&table);
    assert_ok(run_table_take(store, false, &table, &fault));
    assert_ok(cohort_take(store, &table, event, endpoint, limit, &cohort, &fault));
    assert_int_equal(cohort.runs, store_runs(store));
}

/* Rows of a run that ended in this way after `total` episodes, its rewards 1, 2, …; to be changed,
 * then committed. */
static struct filled rows_of(int64_t run, enum outcome outcome, int32_t total)
{
    struct filled filled;
    struct settings cell;
    store_cell(store, run, &cell);
    filled_clear(&filled, &cell);
    *filled.record.outcome = (int32_t)outcome;
    *filled.record.total_episodes = total;
    for (int32_t i = 0; i < total; i++)
        filled.record.reward[i] = i + 1;
    return filled;
}

static void commit(int64_t run, struct filled *filled)
{
    assert_ok(store_commit(store, run, &filled->record, &fault));
    filled_fini(filled);
}

/* A run whose actors had the event in these episodes. */
static void finish(int64_t run, enum outcome outcome, int32_t total, const int32_t *still)
{
    struct filled filled = rows_of(run, outcome, total);
    memcpy(filled.record.first_still, still, ACTORS * sizeof *still);
    commit(run, &filled);
}

static const int32_t all_still[ACTORS] = {3, 4, 5, 6, 7, 8, 8, 4, 3};
static const int32_t some_still[ACTORS] = {3, -1, 5, -1, -1, -1, -1, -1, 3};

static void assert_member(int64_t run, enum fate fate, int32_t time)
{
    assert_string_equal(fate_name(cohort.member[run].fate), fate_name(fate));
    assert_int_equal(cohort.member[run].time, time);
}

static void test_who_moves_after_the_event(void **state)
{
    (void)state;
    static const int32_t still[] = {2, 3, 4, 5, 6, 7, 7, 3, 2}; /* never after the event, in 8 */
    static const int32_t late[] = {2, 3, 4, 5, 6, 7, 8, 3, 2};  /* in it */
    static const int32_t open[] = {2, 3, -1, 5, 6, 7, 7, 3, 2}; /* not known of one */
    static const int32_t *const changes[] = {still, late, open};
    make("grid: {seed: 1-3}\n");
    for (int64_t run = 0; run < 3; run++) {
        struct filled filled = rows_of(run, OUTCOME_STOPPED, 10);
        memcpy(filled.record.first_still, all_still, sizeof all_still);
        memcpy(filled.record.last_change, changes[run], sizeof still);
        commit(run, &filled);
    }
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES);
    assert_false(cohort.member[0].moved);
    assert_true(cohort.member[1].moved && cohort.member[2].moved);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, 7); /* nobody has the event */
    assert_false(cohort.member[0].moved || cohort.member[1].moved || cohort.member[2].moved);
    take(EVENT_FIRST_STILL, ENDPOINT_HALF, EPISODES);
    assert_false(cohort.member[1].moved || cohort.member[2].moved);
}

/* What came first counts, as in a run that was trained up to the limit only. */
static void test_a_run_that_diverges_after_the_event(void **state)
{
    (void)state;
    make("grid: {seed: 1-2}\n");
    finish(0, OUTCOME_DIVERGED, 10, all_still);
    finish(1, OUTCOME_DIVERGED, 8, all_still);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES);
    assert_member(0, FATE_EVENT, 8);
    assert_member(1, FATE_EVENT, 8);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, 7);
    assert_member(0, FATE_CENSORED, 7);
    take(EVENT_FIRST_STILL, ENDPOINT_HALF, EPISODES);
    assert_member(0, FATE_EVENT, 5);
    take(EVENT_GRADIENT_ZERO, ENDPOINT_ALL, EPISODES);
    assert_member(0, FATE_DIVERGED, 10);
}

static void test_each_run_has_one_fate(void **state)
{
    (void)state;
    static const struct store_host host = {"h", "c", "avx2", "r", 0};
    make("grid: {seed: 1-9}\n");
    finish(0, OUTCOME_STOPPED, 10, all_still);
    finish(1, OUTCOME_CENSORED, EPISODES, some_still);
    finish(2, OUTCOME_DIVERGED, 7, some_still);
    finish(3, OUTCOME_STOPPED, 10, some_still);
    finish(4, OUTCOME_FAILED, -1, some_still);
    finish(5, OUTCOME_QUARANTINED, -1, some_still);
    assert_ok(store_note_start(store, 6, &host, 50, &fault));
    assert_ok(store_note_progress(store, 6, 5, 4, 60, &fault));
    assert_ok(store_note_start(store, 7, &host, 50, &fault));
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES);
    assert_member(0, FATE_EVENT, 8);
    assert_member(1, FATE_CENSORED, EPISODES);
    assert_member(2, FATE_DIVERGED, 7);
    assert_member(3, FATE_ENDED, 10);
    assert_member(4, FATE_FAILED, -1);
    assert_member(5, FATE_QUARANTINED, -1);
    assert_member(6, FATE_UNFINISHED, 5);
    assert_member(7, FATE_PENDING, -1);
    assert_member(8, FATE_PENDING, -1);
    for (int64_t run = 0; run < 9; run++) {
        assert_int_equal(member_is_observed(&cohort.member[run]), run < 4 || run == 6);
        assert_int_equal(member_is_finished(&cohort.member[run]), run < 4);
    }
}

static void test_what_comes_after_the_limit_is_censored_there(void **state)
{
    (void)state;
    make("grid: {seed: 1-4}\n");
    finish(0, OUTCOME_STOPPED, 10, all_still);
    finish(1, OUTCOME_DIVERGED, 7, some_still);
    finish(2, OUTCOME_STOPPED, 9, some_still);
    finish(3, OUTCOME_CENSORED, EPISODES, some_still);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, 8);
    assert_member(0, FATE_EVENT, 8);
    assert_member(1, FATE_DIVERGED, 7);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, 7);
    for (int64_t run = 0; run < 4; run++)
        assert_member(run, FATE_CENSORED, 7);
}

static void test_the_endpoint_is_of_an_actor(void **state)
{
    (void)state;
    make("grid: {seed: 1-2}\n");
    finish(0, OUTCOME_STOPPED, 10, all_still);
    finish(1, OUTCOME_CENSORED, EPISODES, some_still);
    take(EVENT_FIRST_STILL, ENDPOINT_HALF, EPISODES);
    assert_member(0, FATE_EVENT, 5); /* fifth of nine */
    assert_member(1, FATE_CENSORED, EPISODES);
    take(EVENT_FIRST_STILL, ENDPOINT_FIRST, EPISODES);
    assert_member(0, FATE_EVENT, 3);
    assert_member(1, FATE_EVENT, 3);
}

static void test_each_event_has_its_field(void **state)
{
    (void)state;
    make("grid: {seed: [1]}\n");
    struct filled filled = rows_of(0, OUTCOME_STOPPED, 11);
    int32_t *const fields[EVENT_COUNT] = {
        filled.record.first_still, filled.record.gradient_zero_first, filled.record.gradient_zero,
        filled.record.hard_saturation, filled.record.last_change};
    for (int e = 0; e < EVENT_COUNT; e++) {
        for (int i = 0; i < ACTORS; i++)
            fields[e][i] = 2 + e;
    }
    commit(0, &filled);
    for (int e = 0; e < EVENT_COUNT; e++) {
        take((enum event)e, ENDPOINT_ALL, EPISODES);
        assert_member(0, FATE_EVENT, 2 + e);
    }
}

static void test_the_cause_is_of_the_first_actor_among_equals(void **state)
{
    (void)state;
    make("grid: {seed: 1-2}\n");
    for (int64_t run = 0; run < 2; run++) {
        struct filled filled =
            rows_of(run, run == 0 ? OUTCOME_STOPPED : OUTCOME_CENSORED, run == 0 ? 10 : EPISODES);
        memcpy(filled.record.first_still, run == 0 ? all_still : some_still, sizeof all_still);
        for (int i = 0; i < ACTORS; i++)
            filled.record.cause[i] = CAUSE_MIXED;
        filled.record.cause[5] = CAUSE_TANH_HARD; /* 8, as the next one */
        filled.record.cause[6] = CAUSE_CRITIC_DEAD;
        commit(run, &filled);
    }
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES);
    assert_int_equal(cohort.member[0].cause, CAUSE_TANH_HARD);
    assert_int_equal(cohort.member[1].cause, CAUSE_NONE);
}

static void test_a_tail_is_what_momentum_moved(void **state)
{
    (void)state;
    make("grid: {seed: 1-2}\n");
    struct filled filled = rows_of(0, OUTCOME_STOPPED, 11);
    filled.record.gradient_zero[2] = 4; /* moved in 4, 5, 6 without a gradient */
    filled.record.last_change[2] = 6;
    filled.record.gradient_zero[3] = 4;
    filled.record.last_change[4] = 9;
    filled.record.gradient_zero[7] = 5;
    filled.record.last_change[7] = 5;
    filled.record.gradient_zero[8] = 3;
    filled.record.last_change[8] = 2; /* until the last gradient */
    filled.record.gradient_zero[6] = 5;
    filled.record.last_change[6] = 3;
    commit(0, &filled);
    finish(1, OUTCOME_STOPPED, 10, all_still);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES);
    const struct member *const m = cohort.member;
    assert_true(m[0].actors == 3 && m[0].tail_min == 0 && m[0].tail_max == 3);
    assert_true(m[0].tail_mean == 4.0 / 3.0 && m[0].still_before_zero == 1);
    assert_true(m[1].actors == 0 && m[1].still_before_zero == 0 && isnan(m[1].tail_mean));
}

static void test_returns_end_with_their_episode(void **state)
{
    (void)state;
    spec = spec_of("training: {episodes: 400}\nenvironment: {agents: 9}\n"
                   "evaluation: {every: 50, episodes: 1}\ngrid: {seed: 1-3}\n");
    store = store_made(folder.path, spec);
    struct filled filled = rows_of(0, OUTCOME_STOPPED, 299);
    for (int i = 0; i < ACTORS; i++)
        filled.record.first_still[i] = 198;
    filled.record.evaluation_reward[4] = -4;
    filled.record.evaluation_reward[5] = NAN; /* of episode 300 */
    commit(0, &filled);
    filled = rows_of(1, OUTCOME_DIVERGED, 30);
    filled.record.reward[29] = -INFINITY;
    commit(1, &filled);
    take(EVENT_FIRST_STILL, ENDPOINT_ALL, 400);
    const double *const returns = cohort.member[0].returns;
    assert_true(returns[RETURN_STOPPING] == 148.5); /* 99 … 198 */
    assert_true(returns[RETURN_END] == 249.5);      /* 200 … 299 */
    assert_true(returns[RETURN_TRAINING] == 150);
    assert_true(returns[RETURN_EVALUATION] == -4);
    for (int i = 0; i < RETURN_COUNT; i++)
        assert_true(isnan(cohort.member[1].returns[i]) && isnan(cohort.member[2].returns[i]));
}

static void test_cells_may_differ_in_shape(void **state)
{
    (void)state;
    spec = spec_of("tracking: {log_every: 3, snapshot_every: 6}\n"
                   "grid: {environment.agents: [3, 9], training.episodes: [12, 20], seed: [1]}\n");
    store = store_made(folder.path, spec);
    for (int64_t run = 0; run < 4; run++) {
        struct filled filled = rows_of(run, OUTCOME_CENSORED, run % 2 == 0 ? 12 : 20);
        for (int64_t i = 0; i < filled.extents.of[DIM_ACTOR]; i++)
            filled.record.first_still[i] = (int32_t)(run < 2 ? 7 - i : 11 - i);
        commit(run, &filled);
    }
    take(EVENT_FIRST_STILL, ENDPOINT_HALF, 20);
    assert_int_equal(cohort_common_limit(&table), 12);
    assert_int_equal(cohort_last_limit(&table), 20);
    assert_member(0, FATE_EVENT, 6);
    assert_member(1, FATE_EVENT, 6);
    assert_member(2, FATE_EVENT, 7);
    assert_member(3, FATE_EVENT, 7);
    assert_true(cohort.member[2].returns[RETURN_END] == 6.5);
    assert_true(cohort.member[3].returns[RETURN_END] == 10.5);
    take(EVENT_LAST_CHANGE, ENDPOINT_ALL, 20);
    assert_member(2, FATE_CENSORED, 12);
    assert_member(3, FATE_CENSORED, 20);
}

static void test_damage_is_a_fault(void **state)
{
    (void)state;
    make("grid: {seed: 1-2}\n");
    finish(1, OUTCOME_CENSORED, EPISODES, some_still);
    assert_ok(run_table_take(store, false, &table, &fault));
    table.run[1].total = EPISODES + 1;
    assert_refused(
        cohort_take(store, &table, EVENT_FIRST_STILL, ENDPOINT_ALL, EPISODES, &cohort, &fault),
        STATUS_FAULT, "run 1 is damaged: 13 episodes, expected 1 to 12");
    assert_null(cohort.member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_moves_after_the_event, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_run_that_diverges_after_the_event, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_each_run_has_one_fate, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_what_comes_after_the_limit_is_censored_there,
                                        folder_begin, end),
        cmocka_unit_test_setup_teardown(test_the_endpoint_is_of_an_actor, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_each_event_has_its_field, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_the_cause_is_of_the_first_actor_among_equals,
                                        folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_tail_is_what_momentum_moved, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_returns_end_with_their_episode, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_cells_may_differ_in_shape, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_damage_is_a_fault, folder_begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
