// SPDX-License-Identifier: MIT
/* What the runs of a file become in a wider spec, and what comes along. */
#include "own_folder.h"
#include "store/carried.h"
#include "store/checkpoint.h"
#include "store/extension.h"
#include "store_case.h"
#include <unistd.h>

static struct spec *spec, *wider;
static struct store *store;
static struct extension *extension;
static struct fault fault;

static int end(void **state)
{
    extension_free(&extension);
    extension_free(&extension);
    store_close(&store);
    spec_free(&spec);
    spec_free(&wider);
    return folder_end(state);
}

static void make(const char *here, const char *there)
{
    spec = spec_small(here);
    wider = spec_small(there);
    store = store_made(folder.path, spec);
}

static void assert_becomes(const int64_t *cells)
{
    assert_ok(extension_new(&extension, store, folder.path, wider, &fault));
    for (int64_t run = 0; run < store_runs(store); run++)
        assert_int_equal(extension->to[run], cells[run]);
}

static void test_runs_are_found_by_their_settings(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.2, 0.1], seed: [7, 5]}\n",
         "grid:\n  - {label: b, actor_lr: [0.3, 0.1], seed: [5, 6, 7]}\n"
         "  - {label: a, actor_lr: [0.2], seed: [5, 7]}\n");
    assert_becomes((const int64_t[]){7, 6, 5, 3});
    assert_int_equal(extension->cells, 8);
    assert_int_equal(extension->count[GROWTH_OPEN], 4);
}

/* The same limit first; then each gets the smallest larger one that is left. */
static void test_limits_may_grow(void **state)
{
    (void)state;
    spec = spec_of("grid: {training.episodes: [12, 6, 9], seed: [1, 2]}\n");
    wider = spec_of("grid: {training.episodes: [30, 9, 20], seed: [2, 1]}\n");
    store = store_made(folder.path, spec);
    assert_becomes((const int64_t[]){1, 0, 5, 4, 3, 2});
}

static void test_what_is_no_cell_is_named(void **state)
{
    (void)state;
    make("grid: {training.batch: [8, 16], seed: [1, 2]}\n",
         "grid: {training.batch: [8], seed: [2, 1, 3]}\n");
    assert_refused(extension_new(&extension, store, folder.path, wider, &fault), STATUS_INPUT,
                   "run 2 (actor_lr 0.0001, critic_lr 0.001, seed 1)");
    assert_null(extension);
    assert_non_null(strstr(fault.text, "one, training.batch is 16 in the file and 8 in the spec;"));
    spec_free(&wider);
    wider = spec_of("training: {episodes: 11}\nenvironment: {agents: 9}\n"
                    "tracking: {log_every: 3, snapshot_every: 6}\n"
                    "grid: {training.batch: [8, 16], seed: [1, 2]}\n");
    assert_refused(extension_new(&extension, store, folder.path, wider, &fault), STATUS_INPUT,
                   "training.episodes is 12 in the file and 11 in the spec");
}

static void commit_ended(int64_t run, enum outcome outcome, int32_t total, int32_t stopping)
{
    struct settings cell;
    struct filled filled;
    store_cell(store, run, &cell);
    filled_init(&filled, &cell, 1);
    *filled.record.outcome = (int32_t)outcome;
    *filled.record.total_episodes = total;
    *filled.record.stopping_episode = stopping;
    assert_ok(store_commit(store, run, &filled.record, &fault));
    filled_fini(&filled);
}

static void save(int64_t run)
{
    struct settings cell;
    store_cell(store, run, &cell);
    const struct identity identity = identity_of(&cell);
    assert_ok(checkpoint_save(folder.path, run, &identity, &run, sizeof run, &fault));
}

/* A stop is followed by 3 episodes here, and the limit is 12. */
static void test_what_the_limit_has_ended_goes_on(void **state)
{
    (void)state;
    static const char *const same = "training: {episodes: 12, episodes_after_stop: 3}\n"
                                    "grid: {seed: [1, 2, 3, 4, 5, 6, 7, 8]}\n";
    static const char *const more = "training: {episodes: 13, episodes_after_stop: 3}\n"
                                    "grid: {seed: [1, 2, 3, 4, 5, 6, 7, 8]}\n";
    static const enum growth growths[] = {GROWTH_CONTINUED, GROWTH_ANEW,   GROWTH_COPIED,
                                          GROWTH_ANEW,      GROWTH_COPIED, GROWTH_COPIED,
                                          GROWTH_OPEN,      GROWTH_OPEN};
    spec = spec_of(same);
    wider = spec_of(more);
    store = store_made(folder.path, spec);
    commit_ended(0, OUTCOME_CENSORED, 12, -1);
    commit_ended(1, OUTCOME_CENSORED, 12, -1);
    commit_ended(2, OUTCOME_STOPPED, 12, 9);
    commit_ended(3, OUTCOME_STOPPED, 12, 10);
    commit_ended(4, OUTCOME_DIVERGED, 12, -1);
    commit_ended(5, OUTCOME_FAILED, -1, -1);
    save(0);
    save(6);
    assert_ok(extension_new(&extension, store, folder.path, wider, &fault));
    for (int run = 0; run < 8; run++) {
        assert_int_equal(extension->to[run], run);
        if (extension->growth[run] != growths[run])
            fail_msg("run %d: %d, expected %d", run, extension->growth[run], (int)growths[run]);
    }
    bool limited[8] = {false};
    assert_ok(extension_limited(store, limited, &fault));
    for (int run = 0; run < 8; run++)
        assert_int_equal(limited[run], run == 0 || run == 1 || run == 3);
    /* To other cells with the same limit all of them are copied. */
    extension_free(&extension);
    spec_free(&wider);
    wider = spec_of("training: {episodes: 12, episodes_after_stop: 3}\ngrid: {seed: [0-8]}\n");
    assert_ok(extension_new(&extension, store, folder.path, wider, &fault));
    assert_int_equal(extension->count[GROWTH_COPIED], 6);
}

/* ---- checkpoints ---- */

static bool has(int64_t run, int64_t saved)
{
    struct settings cell;
    struct identity identity;
    if (!checkpoint_identity(folder.path, run, &identity, NULL))
        return false;
    store_cell(store, saved, &cell);
    const struct identity wanted = identity_of(&cell);
    return identity_equal(&identity, &wanted);
}

static void carry(const char *tag)
{
    assert_ok(carried_begin(folder.path, tag, &fault));
    assert_ok(carried_add(folder.path, tag, 0, 1, &fault));
    assert_ok(carried_add(folder.path, tag, 1, 3, &fault));
    assert_ok(carried_sync(folder.path, tag, &fault));
}

static void test_checkpoints_are_those_of_the_file(void **state)
{
    (void)state;
    char tag[CARRIED_TAG], next[300], mine[300];
    make("grid: {seed: [1, 2, 3]}\n", "grid: {seed: [0, 1, 4, 2, 3]}\n");
    for (int run = 0; run < 3; run++)
        save(run);
    snprintf(mine, sizeof mine, "%s.ckpt/notes", folder.path);
    assert_int_equal(symlink("nowhere", mine), 0);
    carried_tag(wider, tag);
    snprintf(next, sizeof next, "%s.ckpt.next-%s", folder.path, tag);
    /* As long as the file is the old one, what was begun is removed. */
    carry(tag);
    assert_int_equal(access(next, F_OK), 0);
    assert_ok(carried_settle(folder.path, spec, &fault));
    assert_int_not_equal(access(next, F_OK), 0);
    assert_true(has(0, 0) && has(1, 1) && has(2, 2));
    /* Begun again from nothing; then the file is the new one. What is not ours stays. */
    carry(tag);
    assert_ok(carried_begin(folder.path, tag, &fault));
    assert_refused(carried_add(folder.path, tag, 7, 1, &fault), STATUS_FAULT, "No such file");
    carry(tag);
    assert_ok(carried_settle(folder.path, wider, &fault));
    assert_int_not_equal(access(next, F_OK), 0);
    assert_true(has(1, 0) && has(3, 1));
    assert_false(checkpoint_exists(folder.path, 0) || checkpoint_exists(folder.path, 2));
    char where[32] = "";
    assert_int_equal(readlink(mine, where, sizeof where), strlen("nowhere"));
    assert_ok(carried_settle(folder.path, wider, &fault));
    assert_true(has(1, 0) && has(3, 1));
    /* Half done by a kill: some old checkpoints are gone, and the new ones are to come. */
    assert_ok(carried_begin(folder.path, tag, &fault));
    assert_ok(carried_add(folder.path, tag, 3, 0, &fault));
    assert_ok(checkpoint_remove(folder.path, 1, &fault));
    assert_ok(carried_settle(folder.path, wider, &fault));
    assert_true(has(0, 1));
    assert_false(checkpoint_exists(folder.path, 1) || checkpoint_exists(folder.path, 3));
    /* What stays in the folder, as a checkpoint that cannot be removed, takes the place of nothing
     * that was carried. */
    char stuck[310], carried[310];
    snprintf(stuck, sizeof stuck, "%s.ckpt/stuck", folder.path);
    snprintf(carried, sizeof carried, "%s/stuck", next);
    save(0);
    assert_ok(carried_begin(folder.path, tag, &fault));
    assert_ok(carried_add(folder.path, tag, 0, 1, &fault));
    assert_int_equal(symlink("old", stuck) + symlink("new", carried), 0);
    assert_refused(carried_settle(folder.path, wider, &fault), STATUS_FAULT, "not empty");
    assert_int_equal(unlink(stuck), 0);
    assert_ok(carried_settle(folder.path, wider, &fault));
    assert_true(has(1, 0) && readlink(stuck, where, sizeof where) == 3 && where[0] == 'n');
    save(0);
    /* A new file has none. */
    assert_ok(carried_begin(folder.path, tag, &fault));
    assert_ok(carried_add(folder.path, tag, 0, 1, &fault));
    assert_ok(carried_settle(folder.path, NULL, &fault));
    assert_int_not_equal(access(next, F_OK), 0);
}

/* ---- what is written beside the rows ---- */

static void test_notes_come_along(void **state)
{
    (void)state;
    struct store_notes notes;
    struct store_failures failures = {FLIGHT_CRASHED, 2, 0, 0}, found;
    const struct store_host host = {"there", "c", "avx2", "r", 1};
    const struct store_start start = {"a", "4711", "rev", 12, 3, 0};
    int64_t row = 0;
    int code = 0;
    make("grid: {seed: [1, 2]}\n", "grid: {seed: [0, 2, 1]}\n");
    assert_ok(store_note_start(store, 1, &host, 50, &fault));
    assert_ok(store_note_failures(store, 1, &failures, &fault));
    assert_ok(store_note_start(store, 0, &host, 60, &fault));
    assert_ok(store_log_start(store, &start, 1000, &row, &fault));
    char path[300];
    snprintf(path, sizeof path, "%s/other.h5", folder.name);
    struct store *other = store_made(path, wider);
    assert_ok(store_take_notes(other, store, (const int64_t[]){-1, 1}, &fault));
    assert_ok(store_notes(other, 1, &notes, &fault));
    assert_true(notes.start == 50 && notes.attempts == 1 && strcmp(notes.host, "there") == 0);
    assert_ok(store_failures(other, 1, &found, &fault));
    assert_memory_equal(&found, &failures, sizeof found);
    for (int run = 0; run <= 2; run += 2) {
        assert_ok(store_notes(other, run, &notes, &fault));
        assert_int_equal(notes.attempts, 0);
    }
    /* An extension is a row of the log, and the last start is still the one that was lost. */
    const struct store_start extended = {"a", "2 to 3 cells", "rev", 12, 0, 0};
    assert_ok(store_log_start(other, &extended, 2000, &row, &fault));
    assert_int_equal(row, 1);
    assert_ok(store_log_end(other, row, STATUS_OK, 2000, &fault));
    assert_ok(store_log_last(other, &row, &code, &fault));
    assert_true(row == 0 && code == -1);
    assert_ok(store_log_start(other, &start, 3000, &row, &fault));
    assert_int_equal(row, 2);
    store_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_are_found_by_their_settings, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_limits_may_grow, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_cell_is_named, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_what_the_limit_has_ended_goes_on, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_checkpoints_are_those_of_the_file, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_notes_come_along, folder_begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
