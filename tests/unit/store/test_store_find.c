// SPDX-License-Identifier: MIT
/* All that is wrong in a file: what the program has written is in order, and every single byte that
 * it does not write itself is found. */
#include "store/schema.h"
#include "store_case.h"
#include <hdf5.h>

static struct folder folder;
static struct spec *spec;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec =
        spec_of("tracking: {log_every: 3, snapshot_every: 6}\n"
                "grid: {training.episodes: [12, 7], environment.agents: [9, 3], seed: [5, 6]}\n");
    struct store *store = store_made(folder.path, spec);
    for (int64_t run = 0; run < 6; run++)
        commit_salted(store, run, (uint32_t)run);
    store_close(&store);
    return 0;
}

static int end(void **state)
{
    (void)state;
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

/* Looks for everything, and whether runs could be read. */
static bool look(struct defects *defects, struct store_found *found)
{
    struct store *store = NULL;
    *defects = (struct defects){0};
    assert_ok(store_open_defects(&store, folder.path, defects, &fault));
    const bool read = store != NULL;
    if (read)
        assert_ok(store_find(store, false, defects, found, &fault));
    store_close(&store);
    return read;
}

static void test_a_file_in_order(void **state)
{
    (void)state;
    struct defects defects;
    struct store_found found;
    assert_true(look(&defects, &found));
    assert_int_equal(defects.count, 0);
    assert_int_equal(found.records, 6);
    assert_int_equal(found.rows, 6);
    assert_true(found.bytes > 0);
}

/* Where the values of a dataset are. */
static int64_t place_of(const char *name, int64_t *size)
{
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const int64_t place = (int64_t)H5Dget_offset(dataset);
    *size = (int64_t)H5Dget_storage_size(dataset);
    H5Dclose(dataset);
    H5Fclose(file);
    return place;
}

/* Rows of finished runs, what is behind their extents, records, identities: bytes of some
 * datasets in turn. Run 6 and 7 are not done: nothing is known of their rows. */
static void test_each_byte(void **state)
{
    (void)state;
    static const char *const names[] = {
        "outcome", "first_still",    "reward",  "actor_moving", "commit",         "identity",
        "seed",    "extent_episode", "episode", "detection",    "critic_grad_own"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        int64_t size = 0, looks = 0, missed = 0;
        const int64_t start = place_of(names[n], &size);
        for (int64_t at = 0; at<size; at += size> 300 ? 53 : 11) {
            struct defects defects;
            struct store_found found;
            file_flip(folder.path, start + at, 4);
            (void)look(&defects, &found);
            looks++;
            missed += defects.count == 0;
            defects_fini(&defects);
            file_flip(folder.path, start + at, 4);
        }
        const bool of_rows = n < 4 || n == 10;
        assert_true(of_rows ? 4 * missed <= looks + 4 : missed == 0);
    }
    test_a_file_in_order(state);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    struct defects defects;
    struct store_found found;
    struct store *store = NULL;
    size_t size = 0;
    free(file_read(folder.path, &size));
    assert_int_equal(truncate(folder.path, (off_t)size - 9), 0);
    assert_false(look(&defects, &found));
    assert_int_equal(defects.count, 1);
    assert_non_null(strstr(defects.of[0].text, "cut short"));
    defects_fini(&defects);
    assert_int_equal(unlink(folder.path), 0);
    assert_refused(store_open_defects(&store, folder.path, &defects, &fault), STATUS_INPUT,
                   "No such file");
    assert_int_equal(defects.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_in_order, begin, end),
        cmocka_unit_test_setup_teardown(test_each_byte, begin, end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
