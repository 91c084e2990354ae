// SPDX-License-Identifier: MIT
/* The store's file: how it comes to be, and every file that is not one. */
#include "disk_faults.h"
#include "store/extension.h"
#include "store_case.h"
#include "sys/stop_signal.h"
#include <ccmsweep/trainer.h>
#include <hdf5.h>
#include <sys/wait.h>

static struct folder folder;
static const char three_seeds[] = "grid: {seed: [5, 6, 7]}\n";

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    disk_reset();
    return 0;
}

static int end(void **state)
{
    (void)state;
    disk_reset();
    folder_fini(&folder);
    return 0;
}

static enum status open_only(enum store_mode mode, struct fault *fault)
{
    struct store *store = NULL;
    const enum status status = store_open(&store, folder.path, mode, fault);
    assert_int_equal(store == NULL, status != STATUS_OK);
    store_close(&store);
    return status;
}

#define assert_not_opened(words)                                                                   \
    do {                                                                                           \
        assert_refused(open_only(STORE_READ, &fault), STATUS_INPUT, words);                        \
        assert_refused(open_only(STORE_WRITE, &fault), STATUS_INPUT, words);                       \
        assert_non_null(strstr(fault.text, folder.path));                                          \
    } while (0)

static enum status open_without_rights(struct fault *fault)
{
    struct store *store = NULL;
    const uid_t self = become_nobody();
    const enum status status = store_open(&store, folder.path, STORE_READ, fault);
    become(self);
    return status;
}

static void test_what_is_not_a_file_of_this_program(void **state)
{
    (void)state;
    struct fault fault = {""};
    assert_not_opened("No such file or directory");
    assert_int_equal(mkdir(folder.path, 0777), 0);
    assert_not_opened("Is a directory");
    assert_int_equal(rmdir(folder.path), 0);
    file_write(folder.path, "", 0);
    assert_not_opened("is not an HDF5 file");
    file_write(folder.path, "episode,reward\n1,2\n", 19);
    assert_not_opened("is not an HDF5 file");
    const hid_t file = H5Fcreate(folder.path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0 && H5Fclose(file) >= 0);
    assert_not_opened("is an HDF5 file, but not one of ccmsweep");
    assert_int_equal(chmod(folder.path, 0), 0);
    assert_refused(open_without_rights(&fault), STATUS_INPUT, "Permission denied");
}

static void test_a_file_cut_short(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    store_close(&store);
    size_t size = 0;
    unsigned char *bytes = file_read(folder.path, &size);
    const size_t lengths[] = {size - 1, size / 2, 4096, 50};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        file_write(folder.path, bytes, lengths[i]);
        assert_not_opened("is cut short");
    }
    file_write(folder.path, bytes, size);
    for (long at = 24; at < 96; at++) /* what the superblock has behind its version */
        file_flip(folder.path, at, 255);
    assert_not_opened("damaged");
    free(bytes);
    spec_free(&spec);
}

/* Overwrite a whole-number attribute of the root. */
static void set_attribute(const char *name, int32_t value)
{
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT32, &value) >= 0);
    H5Aclose(attribute);
    assert_true(H5Fclose(file) >= 0);
}

static void test_files_of_other_versions(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    commit_salted(store, 1, 3);
    store_close(&store);
    set_attribute("schema_version", STORE_SCHEMA_VERSION + 1);
    assert_not_opened("a newer version of ccmsweep");
    set_attribute("schema_version", STORE_SCHEMA_VERSION - 1);
    assert_not_opened("an older version of ccmsweep");
    set_attribute("schema_version", STORE_SCHEMA_VERSION);
    set_attribute("algorithm_version", TRAINER_ALGORITHM_VERSION + 1);
    assert_refused(open_only(STORE_WRITE, &fault), STATUS_INPUT, "of the algorithm");
    assert_ok(open_only(STORE_READ, &fault));
    set_attribute("algorithm_version", TRAINER_ALGORITHM_VERSION);
    assert_ok(open_only(STORE_WRITE, &fault));
    spec_free(&spec);
}

/* Another program took a dataset away, or put another in its place. */
static void test_files_that_were_changed(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    static const char *const names[] = {"reward",   "commit",   "identity", "volatile/attempts",
                                        "settings", "volatile", "outcome"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct store *store = store_made(folder.path, spec);
        store_close(&store);
        const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
        assert_true(H5Ldelete(file, names[i], H5P_DEFAULT) >= 0);
        assert_true(H5Fclose(file) >= 0);
        assert_not_opened("damaged or was changed");
    }
    for (int rows = 2; rows <= 4; rows++) { /* wrong extent, wrong type, wrong extent */
        struct store *store = store_made(folder.path, spec);
        store_close(&store);
        const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
        const hsize_t extent = (hsize_t)rows;
        const hid_t space = H5Screate_simple(1, &extent, NULL);
        assert_true(H5Ldelete(file, "outcome", H5P_DEFAULT) >= 0);
        const hid_t dataset = H5Dcreate2(file, "outcome", rows == 3 ? H5T_STD_I64LE : H5T_STD_I32LE,
                                         space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(dataset >= 0);
        H5Dclose(dataset);
        H5Sclose(space);
        assert_true(H5Fclose(file) >= 0);
        assert_not_opened("damaged or was changed");
    }
    spec_free(&spec);
}

static void test_another_spec_is_refused_by_key(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    struct spec *other = spec_small(three_seeds);
    assert_ok(extension_match(store, folder.path, spec, &fault));
    assert_ok(spec_set(other, "checkpoint.every_s=7", &fault));
    assert_ok(extension_match(store, folder.path, other, &fault));
    assert_ok(spec_set(other, "training.batch=32", &fault));
    assert_ok(spec_set(other, "training.gamma=0.5", &fault));
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "run 0 (actor_lr 0.0001, critic_lr 0.001, seed 5) is not a cell of the spec; "
                   "compared with the nearest one, training.batch is 64 in the file and 32 in the "
                   "spec; training.gamma is 0.99 in the file and 0.5 in the spec");
    assert_null(strstr(fault.text, "every_s"));
    spec_free(&other);
    other = spec_small("grid: {seed: [5, 6, 8]}\n");
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "seed 7) is not a cell of the spec; compared with the nearest one, "
                   "training.seed is 7 in the file and 5 in the spec: give another file");
    spec_free(&other);
    other = spec_small("grid: {seed: [5, 6]}\n");
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "for other cells (3, and the spec has 2): run 2 (");
    spec_free(&other);
    other = spec_small("grid: {seed: [5, 6, 7], actor_lr: [0.1, 0.2]}\n");
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "(3, and the spec has 6): run 0 (actor_lr 0.0001, critic_lr 0.001, seed 5) is "
                   "not a cell of the spec; compared with the nearest one, training.actor_lr is "
                   "0.0001 in the file and 0.1 in the spec: give another file");
    /* By the cells, wherever they are: what comes first here is new. */
    spec_free(&other);
    other = spec_small("grid: {seed: [4, 7, 5, 6, 8]}\n");
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "was made for 3 of the 5 cells of the spec, and 2 are new: run --extend makes");
    spec_free(&other);
    other = spec_small("grid: {seed: [7, 5, 6]}\n");
    assert_refused(extension_match(store, folder.path, other, &fault), STATUS_INPUT,
                   "training.seed is 5 in the file and 7 in the spec (run 0): give another file");
    spec_free(&other);
    store_close(&store);
    spec_free(&spec);
}

static void test_two_creations_make_the_same_bytes(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    size_t first_size = 0, second_size = 0;
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    unsigned char *first = file_read(folder.path, &first_size);
    /* What lies in freed memory must not show. */
    for (int i = 1; i < 200; i++) {
        void *dirt = malloc((size_t)i * 40);
        assert_non_null(dirt);
        memset(dirt, i, (size_t)i * 40);
        free(dirt);
    }
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    unsigned char *second = file_read(folder.path, &second_size);
    assert_int_equal(first_size, second_size);
    for (size_t i = 0; i < first_size; i++) {
        if (first[i] != second[i])
            fail_msg("byte %zu differs", i);
    }
    /* Opening for writing and closing changes nothing. */
    struct store *store = NULL;
    assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
    for (int closed = 0; closed < 2; closed++) {
        free(second);
        second = file_read(folder.path, &second_size);
        assert_int_equal(first_size, second_size);
        assert_memory_equal(first, second, first_size);
        store_close(&store);
    }
    free(second);
    free(first);
    spec_free(&spec);
}

/* All content, then room for it, then fsync, only then the name, then fsync of the folder. */
static void test_a_creation_has_its_order(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    static const enum disk_call last[] = {DISK_RESIZE, DISK_SYNC, DISK_RENAME, DISK_SYNC};
    disk.watch = true;
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    disk.watch = false;
    assert_true(disk.logged > 100);
    for (size_t i = 0; i < disk.logged; i++) {
        const size_t left = disk.logged - i;
        if (left <= 4)
            assert_int_equal(disk.log[i].call, last[4 - left]);
        else
            assert_true(disk.log[i].call == DISK_WRITE || disk.log[i].call == DISK_RESIZE);
    }
    spec_free(&spec);
}

/* A polite stop at any call of a creation: at most that call is finished, and nothing is left. */
static void test_a_creation_that_is_stopped(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    const int events = disk.events;
    assert_int_equal(unlink(folder.path), 0);
    int tried = 0;
    for (int at = 1; at < events - 2; at += 1 + at / 8) { /* up to the rename */
        const pid_t child = fork();
        if (child == 0) {
            stop_install(false, false);
            disk_reset();
            disk.stop_at = at;
            const enum status status = store_create(folder.path, spec, &test_program, &fault);
            /* At most a reservation, its sync and the removal come after it. */
            _exit(status != STATUS_STOPPED || disk.events > at + 3 ||
                  strstr(fault.text, "stopped while ") == NULL);
        }
        int how = 0;
        waitpid(child, &how, 0);
        if (how != 0)
            fail_msg("stopped at call %d of %d: %d", at, events, how);
        assert_int_equal(folder_entries(folder.name, "", false), 0);
        tried++;
    }
    assert_true(tried > 20);
    spec_free(&spec);
}

static void test_only_temporaries_are_cleared(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small("");
    static const char *const names[] = {"run.h5.ccmsweep-tmp.123", "run.h5.ccmsweep-tmp.",
                                        "run.h5.ccmsweep-tmp.12x", "run.h5.lock",
                                        "other.h5.ccmsweep-tmp.123"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder.name, names[i]);
        file_write(path, "x", 1);
    }
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    assert_int_equal(folder_entries(folder.name, "", false), 5);
    assert_int_equal(folder_entries(folder.name, "run.h5.ccmsweep-tmp.123", false), 0);
    spec_free(&spec);
}

static void test_where_nothing_can_be_created(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small("");
    char path[256];
    snprintf(path, sizeof path, "%s/missing/run.h5", folder.name);
    assert_refused(store_create(path, spec, &test_program, &fault), STATUS_INPUT,
                   "No such file or directory");
    file_write(folder.path, "x", 1);
    snprintf(path, sizeof path, "%s/run.h5", folder.path);
    assert_refused(store_create(path, spec, &test_program, &fault), STATUS_INPUT,
                   "Not a directory");
    assert_refused(store_create(folder.name, spec, &test_program, &fault), STATUS_INPUT,
                   "Is a directory");
    assert_int_equal(folder_entries(folder.name, "", false), 1);
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_not_a_file_of_this_program, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_cut_short, begin, end),
        cmocka_unit_test_setup_teardown(test_files_of_other_versions, begin, end),
        cmocka_unit_test_setup_teardown(test_files_that_were_changed, begin, end),
        cmocka_unit_test_setup_teardown(test_another_spec_is_refused_by_key, begin, end),
        cmocka_unit_test_setup_teardown(test_two_creations_make_the_same_bytes, begin, end),
        cmocka_unit_test_setup_teardown(test_a_creation_has_its_order, begin, end),
        cmocka_unit_test_setup_teardown(test_a_creation_that_is_stopped, begin, end),
        cmocka_unit_test_setup_teardown(test_only_temporaries_are_cleared, begin, end),
        cmocka_unit_test_setup_teardown(test_where_nothing_can_be_created, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
