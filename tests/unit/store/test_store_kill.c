// SPDX-License-Identifier: MIT
/* The store under kills, power cuts and full disks: the file is absent or right, and what was done
 * stays done. */
#include "disk_faults.h"
#include "store_case.h"
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum { RUNS = 3, SECTOR = 512 };

/* Read by the leak checker: HDF5 keeps what it has of a file that it could not write out. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

static struct folder folder;
static struct spec *spec;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec = spec_small("grid: {seed: [5, 6, 7]}\n");
    disk_reset();
    return 0;
}

static int end(void **state)
{
    (void)state;
    disk_reset();
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

/* Wait for a child; true when it was killed, false when it left with 0. */
static bool was_killed(pid_t child)
{
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    const bool killed = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
    if (!killed && !(WIFEXITED(how) && WEXITSTATUS(how) == 0))
        fail_msg("the child ended with %#x", how);
    return killed;
}

/* The file can be opened, each run that counts as done is right: returns how many (a bit each). */
static int done_runs(void)
{
    struct fault fault = {""};
    struct store *store = NULL;
    int done = 0;
    assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
    for (int run = 0; run < RUNS; run++) {
        if (store_state(store, run) != STORE_DONE)
            continue;
        assert_ok(store_check(store, run, &fault));
        assert_true(holds_salted(store, run, (uint32_t)run + 40));
        done |= 1 << run;
    }
    store_close(&store);
    return done;
}

static enum status create(void)
{
    struct fault fault = {""};
    return store_create(folder.path, spec, &test_program, &fault);
}

/* Killed at every system call of a creation in turn. */
static void test_a_kill_in_a_creation(void **state)
{
    (void)state;
    bool killed = true, existed = false;
    int at = 1;
    for (; killed; at++) {
        unlink(folder.path);
        const pid_t child = fork();
        if (child == 0) {
            disk_reset();
            disk.kill_at = at;
            _exit((int)create());
        }
        killed = was_killed(child);
        const bool exists = access(folder.path, F_OK) == 0;
        assert_true(exists || !existed); /* from the rename on it is there */
        existed = exists;
        if (exists)
            assert_int_equal(done_runs(), 0);
        assert_true(folder_entries(folder.name, ".ccmsweep-tmp.", false) <= 1);
    }
    assert_true(existed && at > 100);
    assert_int_equal(create(), STATUS_OK);
    assert_int_equal(folder_entries(folder.name, "", false), 1);
}

static int commit_in_child(int run, int kill_at)
{
    const pid_t child = fork();
    if (child == 0) {
        struct fault fault = {""};
        struct store *store = NULL;
        if (store_open(&store, folder.path, STORE_WRITE, &fault) != STATUS_OK)
            _exit(1);
        disk_reset();
        disk.kill_at = kill_at;
        commit_salted(store, run, (uint32_t)run + 40);
        store_close(&store);
        _exit(0);
    }
    return was_killed(child);
}

/* Killed at every system call of a commit in turn: all others stay done, this one is or is not. */
static void test_a_kill_in_a_commit(void **state)
{
    (void)state;
    bool killed = true, was_done = false;
    int at = 1;
    assert_int_equal(create(), STATUS_OK);
    assert_false(commit_in_child(0, 0));
    size_t size = 0;
    unsigned char *bytes = file_read(folder.path, &size);
    for (; killed; at++) {
        file_write(folder.path, bytes, size);
        killed = commit_in_child(1, at);
        const int done = done_runs();
        assert_true(done == 1 || done == 3);
        assert_true(done == 3 || !was_done);
        was_done = done == 3;
    }
    free(bytes);
    assert_true(was_done && at > 50);
}

/* The same command again and again, killed at any instant, until it is through; the file is then
 * that of an uninterrupted one. */
static void test_kills_at_random_instants(void **state)
{
    (void)state;
    assert_int_equal(create(), STATUS_OK);
    for (int run = 0; run < RUNS; run++)
        assert_false(commit_in_child(run, 0));
    size_t size = 0, again = 0;
    unsigned char *expected = file_read(folder.path, &size);
    int kills = 0, done = 0;
    srandom(1);
    unlink(folder.path);
    for (int round = 0; kills < 25; round++) {
        if (done == 7) {
            unsigned char *bytes = file_read(folder.path, &again);
            assert_int_equal(again, size);
            assert_memory_equal(bytes, expected, size);
            free(bytes);
            unlink(folder.path);
            done = 0;
        }
        const pid_t child = fork();
        if (child == 0) {
            struct fault fault = {""};
            struct store *store = NULL;
            if (access(folder.path, F_OK) != 0 && create() != STATUS_OK)
                _exit(1);
            if (store_open(&store, folder.path, STORE_WRITE, &fault) != STATUS_OK)
                _exit(2);
            for (int run = 0; run < RUNS; run++) {
                if (store_state(store, run) != STORE_DONE)
                    commit_salted(store, run, (uint32_t)run + 40);
            }
            store_close(&store);
            _exit(0);
        }
        usleep((useconds_t)(random() % 30000));
        kill(child, SIGKILL);
        kills += was_killed(child);
        if (access(folder.path, F_OK) != 0) {
            assert_int_equal(done, 0);
            continue;
        }
        const int now = done_runs();
        assert_int_equal(now & done, done);
        done = now;
        assert_true(round < 1000);
    }
    free(expected);
}

/* A power cut at some event: writes before the last fsync are on the disk, of the later ones any
 * sectors. */
static void cut_power(unsigned char *image, size_t size, size_t events)
{
    size_t synced = 0;
    for (size_t i = 0; i < events; i++)
        synced = disk.log[i].call == DISK_SYNC ? i : synced;
    for (size_t i = 0; i < events; i++) {
        const struct disk_event *event = &disk.log[i];
        if (event->call != DISK_WRITE)
            continue;
        size_t done = 0;
        while (done < event->size) {
            const size_t at = (size_t)event->offset + done;
            const size_t rest = event->size - done;
            const size_t piece = SECTOR - at % SECTOR < rest ? SECTOR - at % SECTOR : rest;
            assert_true(at + piece <= size);
            if (i < synced || random() % 2 == 0)
                memcpy(image + at, event->bytes + done, piece);
            done += piece;
        }
    }
}

/* Number of images after a power cut in a commit in which run 1 is done but its rows are wrong. */
static int wrong_after_power_cuts(unsigned char *before, size_t size, int *done)
{
    struct fault fault = {""};
    int wrong = 0;
    *done = 0;
    for (size_t events = 0; events <= disk.logged; events++) {
        for (int i = 0; i < 4; i++) {
            unsigned char *image = malloc(size);
            assert_non_null(image);
            memcpy(image, before, size);
            cut_power(image, size, events);
            file_write(folder.path, image, size);
            free(image);
            struct store *store = NULL;
            assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
            assert_int_equal(store_state(store, 0), STORE_DONE);
            assert_ok(store_check(store, 0, &fault));
            if (store_state(store, 1) == STORE_DONE) {
                (*done)++;
                wrong += !holds_salted(store, 1, 41);
            }
            store_close(&store);
        }
    }
    return wrong;
}

static void test_power_cuts_in_a_commit(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct store *store = NULL;
    size_t size = 0;
    int done = 0;
    assert_int_equal(create(), STATUS_OK);
    assert_false(commit_in_child(0, 0));
    unsigned char *before = file_read(folder.path, &size);
    assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
    disk_reset();
    disk.watch = true;
    commit_salted(store, 1, 41);
    disk.watch = false;
    store_close(&store);
    srandom(2);
    assert_int_equal(wrong_after_power_cuts(before, size, &done), 0);
    assert_true(done > 0);
    /* The model bites: without the first fsync a run counts whose rows are not there. */
    size_t first = 0;
    while (disk.log[first].call != DISK_SYNC)
        first++;
    free(disk.log[first].bytes);
    memmove(&disk.log[first], &disk.log[first + 1], (disk.logged - first - 1) * sizeof disk.log[0]);
    disk.logged--;
    assert_true(wrong_after_power_cuts(before, size, &done) > 0);
    free(before);
}

/* Whatever fails, the sentence has the system's words and the run is not done. */
static void test_a_failing_disk_at_a_commit(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct store *store = store_made(folder.path, spec);
    struct settings cell;
    struct filled filled;
    spec_cell(spec, 0, &cell);
    filled_init(&filled, &cell, 1);
    disk_reset();
    commit_salted(store, 1, 3);
    const int events = disk.events;
    for (int at = 1; at <= events; at++) {
        disk_reset();
        disk.fail_from = at;
        disk.error = at % 2 == 0 ? ENOSPC : EIO;
        assert_refused(store_commit(store, 0, &filled.record, &fault), STATUS_FAULT,
                       strerror(disk.error));
        assert_non_null(strstr(fault.text, folder.path));
        assert_int_equal(store_state(store, 0), STORE_PENDING);
        store_close(&store); /* on the same bad disk */
        disk_reset();
        /* After a failed last fsync the record may be there: then its rows are right. */
        assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
        assert_true(at == events || store_state(store, 0) == STORE_PENDING);
        assert_int_equal(store_state(store, 1), STORE_DONE);
    }
    assert_ok(store_commit(store, 0, &filled.record, &fault));
    filled_fini(&filled);
    store_close(&store);
}

/* A disk that is full from any system call of a creation on: a sentence and no file. */
static void test_a_disk_full_at_a_creation(void **state)
{
    (void)state;
    struct fault fault = {""};
    disk_reset();
    assert_int_equal(create(), STATUS_OK);
    const int events = disk.events;
    unlink(folder.path);
    int refused = 0;
    for (int at = 1; at <= events; at += at < 20 || at > events - 20 ? 1 : 7) {
        disk_reset();
        disk.fail_from = at;
        disk.error = ENOSPC;
        const enum status status = store_create(folder.path, spec, &test_program, &fault);
        disk_reset();
        const bool exists = access(folder.path, F_OK) == 0;
        /* Only the folder's fsync comes after the rename. */
        assert_true(!exists || at >= events - 1);
        if (status == STATUS_OK)
            fail_msg("call %d of %d failed and nobody noticed", at, events);
        assert_int_equal(status, STATUS_FAULT);
        if (strstr(fault.text, "No space left on device") == NULL)
            fail_msg("call %d of %d: %s", at, events, fault.text);
        assert_int_equal(folder_entries(folder.name, "", false), exists);
        refused++;
    }
    assert_true(refused > 50);
}

/* The same with the kernel's own words, on a real file system that is too small. */
static void test_a_small_file_system(void **state)
{
    (void)state;
    struct fault fault = {""};
    if (mount("tmpfs", folder.name, "tmpfs", 0, "size=64k") != 0) {
        print_message("# a small file system: not tried, cannot mount: %s\n", strerror(errno));
        skip();
    }
    const enum status status = store_create(folder.path, spec, &test_program, &fault);
    const int entries = folder_entries(folder.name, "", false);
    assert_int_equal(umount(folder.name), 0);
    assert_int_equal(status, STATUS_FAULT);
    assert_non_null(strstr(fault.text, "No space left on device"));
    assert_int_equal(entries, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_kill_in_a_creation, begin, end),
        cmocka_unit_test_setup_teardown(test_a_kill_in_a_commit, begin, end),
        cmocka_unit_test_setup_teardown(test_kills_at_random_instants, begin, end),
        cmocka_unit_test_setup_teardown(test_power_cuts_in_a_commit, begin, end),
        cmocka_unit_test_setup_teardown(test_a_failing_disk_at_a_commit, begin, end),
        cmocka_unit_test_setup_teardown(test_a_disk_full_at_a_creation, begin, end),
        cmocka_unit_test_setup_teardown(test_a_small_file_system, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
