// SPDX-License-Identifier: MIT
/* Runs that are copied from another file. */
#include "run/extend.h"
#include "run/reuse.h"
#include "store_case.h"
#include "sys/stop_signal.h"
#include <signal.h>

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

static enum status reuse(struct store *other, const char *path, const char *from,
                         struct progress *progress, struct fault *fault)
{
    const struct sources_asked asked = {.paths = &from, .count = 1};
    return reuse_runs(other, path, &asked, progress, fault);
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
    assert_ok(reuse(other, path, folder.path, &progress, &fault));
    static const enum store_state expected[] = {STORE_PENDING, STORE_DONE, STORE_DONE,
                                                STORE_PENDING, STORE_PENDING};
    for (int run = 0; run < 5; run++)
        assert_int_equal(store_state(other, run), expected[run]);
    assert_true(holds_salted(other, 1, 12) && holds_salted(other, 2, 11));
    assert_ok(store_check(other, 1, &fault));
    struct store_notes notes;
    assert_ok(store_notes(other, 1, &notes, &fault));
    assert_true(notes.wall_s == 12.5 && strcmp(notes.host, "there") == 0);
    /* What is done here must be the same there, and is left alone. */
    store_close(&other);
    assert_int_equal(unlink(path), 0);
    other = store_made(path, wider);
    commit_salted(other, 1, 99);
    assert_refused(reuse(other, path, folder.path, &progress, &fault), STATUS_INPUT,
                   "two files differ in the cell");
    assert_true(holds_salted(other, 1, 99));
    assert_int_equal(store_state(other, 2), STORE_PENDING);
    commit_salted(other, 1, 12);
    assert_ok(reuse(other, path, folder.path, &progress, &fault));
    assert_true(holds_salted(other, 1, 12) && holds_salted(other, 2, 11));
    /* Rows that are not those committed there are not copied. */
    filled_flip(0);
    assert_ok(store_uncommit(other, 2, &fault));
    assert_ok(reuse(other, path, folder.path, &progress, &fault));
    assert_int_equal(store_state(other, 2), STORE_PENDING);
    assert_refused(reuse(other, path, "/nowhere/x.h5", &progress, &fault), STATUS_INPUT,
                   "No such file");
    store_close(&other);
    spec_free(&wider);
    fclose(said);
}

/* Another process commits a run again while it is compared: both count, and are equal. */
static void test_what_changes_meanwhile_is_looked_at_again(void **state)
{
    (void)state;
    struct fault fault;
    char path[200];
    const char *const paths[] = {folder.path};
    const struct sources_asked asked = {.paths = paths, .count = 1};
    struct sources sources;
    struct source_choice choice;
    struct identity identity;
    snprintf(path, sizeof path, "%s/other.h5", folder.name);
    struct store *other = store_made(path, spec);
    commit_salted(store, 1, 11);
    commit_salted(other, 1, 12);
    assert_ok(store_identity(store, 1, &identity, &fault));
    assert_ok(sources_open(&sources, &asked, other, path, NULL, &fault));
    commit_salted(store, 1, 12);
    assert_ok(sources_choose(&sources, &identity, &choice, &fault));
    assert_ptr_equal(choice.source, sources.own);
    assert_true(sources_has(&sources.of[0], &identity) && sources_has(&sources.of[1], &identity));
    /* Taken back, it does not count. */
    commit_salted(store, 1, 13);
    sources_close(&sources);
    assert_ok(sources_open(&sources, &asked, other, path, NULL, &fault));
    assert_ok(store_uncommit(store, 1, &fault));
    assert_ok(sources_choose(&sources, &identity, &choice, &fault));
    assert_ptr_equal(choice.source, sources.own);
    assert_true(sources_has(&sources.of[0], &identity));
    assert_false(sources_has(&sources.of[1], &identity));
    sources_close(&sources);
    store_close(&other);
}

/* The last one: a stop is not taken back. */
static void test_a_stop_ends_comparing(void **state)
{
    (void)state;
    struct fault fault;
    char path[200];
    FILE *said = NULL;
    struct progress progress = quiet(&said);
    const char *const from = folder.path;
    const struct sources_asked asked = {.paths = &from, .count = 1};
    struct spec *wider = spec_small("grid: {seed: [4, 5, 6, 7]}\n");
    snprintf(path, sizeof path, "%s/none.h5", folder.name);
    commit_salted(store, 0, 11);
    assert_ok(reuse_check(path, spec, &asked, &fault));
    assert_ok(extend_look(folder.path, wider, false, &progress, &fault));
    stop_install(false, false);
    assert_int_equal(raise(SIGTERM), 0);
    assert_refused(reuse_check(path, spec, &asked, &fault), STATUS_STOPPED, "nothing was copied");
    assert_refused(store_compare(store, NULL, &fault), STATUS_STOPPED, "compared with their");
    assert_refused(extend_look(folder.path, wider, false, &progress, &fault), STATUS_STOPPED,
                   "which is as it was");
    spec_free(&wider);
    fclose(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_of_another_file_are_copied, begin, end),
        cmocka_unit_test_setup_teardown(test_what_changes_meanwhile_is_looked_at_again, begin, end),
        cmocka_unit_test_setup_teardown(test_a_stop_ends_comparing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
