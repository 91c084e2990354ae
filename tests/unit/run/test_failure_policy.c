// SPDX-License-Identifier: MIT
/* Which run may have lost a job, and which is not tried any more: the decision, and what it does to
 * a file. */
#include "run/failure_policy.h"
#include "store_case.h"

#define OPEN    FLIGHT_OPEN
#define CRASHED FLIGHT_CRASHED
#define NONE    FLIGHT_NONE

static const struct failure_limits limits = {.crashes = 3, .losses = 2};

/* ---- the decision ---- */

static void test_a_crash_leaves_the_others_innocent(void **state)
{
    (void)state;
    struct failure_case c[] = {{.failures = {OPEN, 0, 0, 0}},
                               {.failures = {CRASHED, 1, 0, 0}},
                               {.failures = {OPEN, 0, 1, 1}},
                               {.failures = {NONE, 0, 0, 0}}};
    assert_int_equal(failure_policy_decide(c, 4, &limits), 3);
    assert_int_equal(c[0].decision, DECISION_INNOCENT);
    assert_int_equal(c[1].decision, DECISION_SUSPECT); /* tried alone: it may crash again */
    assert_int_equal(c[2].decision, DECISION_SUSPECT); /* as before, and not one loss more */
    assert_int_equal(c[3].decision, DECISION_INNOCENT);
    assert_int_equal(c[0].failures.suspect, 0);
    assert_int_equal(c[2].failures.lost, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(c[i].failures.flight, NONE);
}

static void test_the_crash_limit_quarantines(void **state)
{
    (void)state;
    struct failure_case c[] = {{.failures = {CRASHED, 2, 0, 0}}, {.failures = {CRASHED, 3, 0, 0}}};
    assert_int_equal(failure_policy_decide(c, 2, &limits), 2);
    assert_int_equal(c[0].decision, DECISION_SUSPECT);
    assert_int_equal(c[1].decision, DECISION_QUARANTINED);
    const struct failure_limits fast = {.crashes = 1, .losses = 2};
    assert_int_equal(failure_policy_decide(c, 2, &fast), 0);
    assert_int_equal(c[0].decision, DECISION_QUARANTINED);
}

static void test_a_loss_makes_suspects_and_counts_the_lone_one(void **state)
{
    (void)state;
    struct failure_case c[] = {{.failures = {OPEN, 0, 0, 0}},
                               {.failures = {OPEN, 0, 0, 0}},
                               {.failures = {NONE, 0, 0, 0}}};
    assert_int_equal(failure_policy_decide(c, 3, &limits), 2);
    assert_int_equal(c[0].decision, DECISION_SUSPECT);
    assert_int_equal(c[1].decision, DECISION_SUSPECT);
    assert_int_equal(c[2].decision, DECISION_INNOCENT);
    /* The first is tried beside the third, and the job is lost again. */
    c[0].failures.flight = c[2].failures.flight = OPEN;
    assert_int_equal(failure_policy_decide(c, 3, &limits), 2);
    assert_int_equal(c[0].failures.lost, 1);
    assert_int_equal(c[1].failures.lost, 0);
    assert_int_equal(c[2].decision, DECISION_INNOCENT);
    c[0].failures.flight = OPEN;
    assert_int_equal(failure_policy_decide(c, 3, &limits), 1);
    assert_int_equal(c[0].decision, DECISION_FAILED);
    assert_int_equal(c[1].decision, DECISION_SUSPECT);
    /* After an end in order nothing is in flight and nothing changes. */
    assert_int_equal(failure_policy_decide(c, 3, &limits), 0);
    assert_int_equal(c[0].failures.lost, 2);
}

/* Both limits at once: what the run did itself counts for more. */
static void test_crashes_come_before_losses(void **state)
{
    (void)state;
    struct failure_case c[] = {{.failures = {NONE, 3, 1, 2}}};
    assert_int_equal(failure_policy_decide(c, 1, &limits), 0);
    assert_int_equal(c[0].decision, DECISION_QUARANTINED);
    assert_int_equal(failure_policy_decide(NULL, 0, &limits), 0);
}

/* ---- a file ---- */

enum { RUNS = 20 };

static struct folder folder;
static struct spec *spec;
static struct store *store;
static struct failure_policy policy;
static struct progress progress;
static FILE *said;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec = spec_small("grid: {actor_lr: [0.00123456789], seed: 1-20}\n");
    store = store_made(folder.path, spec);
    said = tmpfile();
    assert_non_null(said);
    progress_init(&progress, PROGRESS_NONE, said);
    return 0;
}

static int end(void **state)
{
    (void)state;
    failure_policy_fini(&policy);
    fclose(said);
    store_close(&store);
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

static void note(int64_t run, struct store_failures failures)
{
    assert_ok(store_note_failures(store, run, &failures, &fault));
}

static void assert_noted(int64_t run, struct store_failures expected)
{
    struct store_failures found;
    assert_ok(store_failures(store, run, &found, &fault));
    assert_memory_equal(&found, &expected, sizeof found);
}

static void assert_outcome(int64_t run, enum outcome expected)
{
    int32_t outcomes[RUNS];
    assert_ok(store_column(store, record_field("outcome"), outcomes, &fault));
    assert_int_equal(outcomes[run], expected);
}

/* A start that was lost, or that told of its end with a code. */
static void log_start(int code)
{
    int64_t row = -1;
    const struct store_start start = {.host = "h", .job = "", .revision = "r", .ranks = 1};
    assert_ok(store_log_start(store, &start, 1, &row, &fault));
    if (code >= 0)
        assert_ok(store_log_end(store, row, code, 2, &fault));
}

static void apply(void)
{
    failure_policy_fini(&policy);
    assert_ok(failure_policy_apply(&policy, store, &limits, &progress, &fault));
}

/* All that has been said since it was asked last. */
static const char *words(void)
{
    static char text[4096];
    rewind(said);
    text[fread(text, 1, sizeof text - 1, said)] = '\0';
    rewind(said);
    assert_int_equal(ftruncate(fileno(said), 0), 0);
    return text;
}

static void test_a_new_file_has_nothing_to_decide(void **state)
{
    (void)state;
    apply();
    assert_int_equal(policy.count, 0);
    assert_false(failure_policy_suspects(&policy, 0));
    assert_string_equal(words(), "");
}

static void test_a_lost_start_makes_suspects(void **state)
{
    (void)state;
    log_start(-1);
    commit_salted(store, 3, 1);
    note(3, (struct store_failures){.flight = OPEN}); /* done: killed behind its commit */
    for (int64_t run = 4; run < RUNS; run++)          /* more than the list has room for at first */
        note(run, (struct store_failures){.flight = OPEN});
    apply();
    assert_int_equal(policy.count, RUNS - 4);
    for (int64_t run = 0; run < RUNS; run++)
        assert_int_equal(failure_policy_suspects(&policy, run), run >= 4);
    assert_noted(4, (struct store_failures){.suspect = 1});
    assert_noted(RUNS - 1, (struct store_failures){.suspect = 1});
    assert_string_equal(words(), "ccmsweep: the last start was lost with 16 cells in flight\n");
    /* Killed before anything was begun: the same once more, and nothing is in flight. */
    apply();
    assert_true(failure_policy_suspects(&policy, 4));
    assert_string_equal(words(), "");
}

static void test_a_start_that_told_of_its_end_makes_none(void **state)
{
    (void)state;
    log_start(STATUS_FAULT);
    note(1, (struct store_failures){.flight = OPEN});
    note(2, (struct store_failures){.flight = OPEN, .suspect = 1, .lost = 1});
    note(4, (struct store_failures){.flight = CRASHED, .crashes = 1});
    apply();
    assert_noted(1, (struct store_failures){0});
    assert_noted(2, (struct store_failures){.suspect = 1, .lost = 1});
    assert_noted(4, (struct store_failures){.crashes = 1});
    assert_true(!failure_policy_suspects(&policy, 1) && failure_policy_suspects(&policy, 2) &&
                failure_policy_suspects(&policy, 4));
    assert_string_equal(words(), "ccmsweep: the last start was lost with 1 cell in flight\n");
}

/* A rank that ends the job says so in the log, whatever the log had. */
static void test_a_fault_is_noted(void **state)
{
    (void)state;
    int64_t row = 7;
    int code = 7;
    failure_policy_note_fault(store); /* no start yet: nothing to write */
    assert_ok(store_log_last(store, &row, &code, &fault));
    assert_int_equal(row, -1);
    log_start(-1);
    note(1, (struct store_failures){.flight = OPEN});
    failure_policy_note_fault(store);
    assert_ok(store_log_last(store, &row, &code, &fault));
    assert_true(row == 0 && code == STATUS_FAULT);
    apply();
    assert_noted(1, (struct store_failures){0});
}

static void test_limits_end_the_tries(void **state)
{
    (void)state;
    log_start(-1);
    note(5, (struct store_failures){.flight = OPEN, .suspect = 1, .lost = 1});
    note(6, (struct store_failures){.flight = OPEN});
    note(7, (struct store_failures){.crashes = 3});
    apply();
    assert_outcome(5, OUTCOME_FAILED);
    assert_outcome(7, OUTCOME_QUARANTINED);
    assert_int_equal(store_state(store, 6), STORE_PENDING);
    assert_false(failure_policy_suspects(&policy, 5) || failure_policy_suspects(&policy, 6) ||
                 failure_policy_suspects(&policy, 7));
    assert_string_equal(
        words(),
        "ccmsweep: the last start was lost with 2 cells in flight\n"
        "ccmsweep: run 5 (actor_lr 0.00123456789, critic_lr 0.001, seed 6) failed: 2 jobs in a "
        "row were lost while it was trained\n"
        "ccmsweep: run 7 (actor_lr 0.00123456789, critic_lr 0.001, seed 8) is quarantined: it "
        "crashed 3 times\n");
    /* They are done now, and no case any more; tried again they have no past. */
    apply();
    assert_int_equal(policy.count, 0);
    static const bool failed[OUTCOME_COUNT] = {[OUTCOME_FAILED] = true};
    static const bool quarantined[OUTCOME_COUNT] = {[OUTCOME_QUARANTINED] = true};
    commit_salted(store, 9, 1);
    assert_ok(failure_policy_retry(store, failed, NULL, &progress, &fault));
    assert_int_equal(store_state(store, 5), STORE_PENDING);
    assert_noted(5, (struct store_failures){0});
    assert_outcome(7, OUTCOME_QUARANTINED);
    assert_outcome(9, OUTCOME_STOPPED);
    assert_string_equal(words(), "ccmsweep: 1 cell to be tried again\n");
    assert_ok(failure_policy_retry(store, quarantined, NULL, &progress, &fault));
    assert_ok(failure_policy_retry(store, quarantined, NULL, &progress, &fault));
    assert_noted(7, (struct store_failures){0});
    assert_string_equal(words(), "ccmsweep: 1 cell to be tried again\n"
                                 "ccmsweep: 0 cells to be tried again\n");
}

static void test_a_polite_stop_clears_all(void **state)
{
    (void)state;
    note(0, (struct store_failures){.crashes = 2});
    note(9, (struct store_failures){.suspect = 1, .lost = 1});
    note(RUNS - 1, (struct store_failures){.flight = OPEN});
    assert_ok(failure_policy_clear(store, &fault));
    for (int64_t run = 0; run < RUNS; run++)
        assert_noted(run, (struct store_failures){0});
}

/* What the program never writes is as if it had not been written. */
static void test_damaged_notes_are_no_failures(void **state)
{
    (void)state;
    log_start(-1);
    note(2, (struct store_failures){.flight = 77, .crashes = -5, .suspect = 9, .lost = INT32_MAX});
    apply();
    assert_int_equal(policy.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_leaves_the_others_innocent),
        cmocka_unit_test(test_the_crash_limit_quarantines),
        cmocka_unit_test(test_a_loss_makes_suspects_and_counts_the_lone_one),
        cmocka_unit_test(test_crashes_come_before_losses),
        cmocka_unit_test_setup_teardown(test_a_new_file_has_nothing_to_decide, begin, end),
        cmocka_unit_test_setup_teardown(test_a_lost_start_makes_suspects, begin, end),
        cmocka_unit_test_setup_teardown(test_a_start_that_told_of_its_end_makes_none, begin, end),
        cmocka_unit_test_setup_teardown(test_a_fault_is_noted, begin, end),
        cmocka_unit_test_setup_teardown(test_limits_end_the_tries, begin, end),
        cmocka_unit_test_setup_teardown(test_a_polite_stop_clears_all, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_notes_are_no_failures, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
