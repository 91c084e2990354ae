// SPDX-License-Identifier: MIT
/* A store's file that fails, or holds what the program never writes: what is said, and by whom it
 * is not believed. */
/* Both names of a call are defined below, so neither may be turned into the other. */
#undef _FILE_OFFSET_BITS
#include "store/schema.h"
#include "store_case.h"
#include "sys/disk.h"
#include <ccmsweep/trainer.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <sys/syscall.h>

static struct folder folder;
static struct spec *spec;
static struct fault fault;

/* Reads fail from that one on; 0: none. HDF5's are among them. */
static struct {
    int calls, fail_from, error;
} reads;

static ssize_t read_or_fail(int fd, void *bytes, size_t size, off64_t offset)
{
    if (reads.fail_from > 0 && ++reads.calls >= reads.fail_from) {
        errno = reads.error;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, size, offset);
}

/* HDF5 calls the one, the program the other. */
ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return read_or_fail(fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset)
{
    return read_or_fail(fd, bytes, size, offset);
}

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec = spec_small("grid: {seed: [5, 6, 7], actor_lr: [0.1, 0.2]}\n");
    struct store *store = store_made(folder.path, spec);
    for (int64_t run = 0; run < 4; run++)
        commit_salted(store, run, (uint32_t)run);
    store_close(&store);
    return 0;
}

static int end(void **state)
{
    (void)state;
    reads.fail_from = 0;
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

static enum status look(enum store_mode mode)
{
    struct store *store = NULL;
    struct fault damage;
    enum status status = store_open(&store, folder.path, mode, &fault);
    if (status == STATUS_OK)
        status = store_inspect(store, true, &fault);
    if (status == STATUS_OK)
        status = store_verify(store, 1, &damage, &fault);
    if (status == STATUS_OK)
        status = store_compare(store, NULL, &fault);
    store_close(&store);
    return status;
}

/* Whatever cannot be read now says nothing of the file. */
static void test_a_read_that_fails_is_a_fault_of_the_system(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ESTALE};
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        int failed = 0;
        for (int n = 1, step = 1;; n += step, step = n > 20 ? 7 : 1) {
            fault.text[0] = '\0';
            reads.calls = 0;
            reads.fail_from = n;
            reads.error = errors[e];
            const enum status status = look(n % 2 == 0 ? STORE_READ : STORE_WRITE);
            const bool all = reads.calls < n;
            reads.fail_from = 0;
            if (all) {
                assert_int_equal(status, STATUS_OK);
                break;
            }
            failed++;
            if (status != STATUS_FAULT || strstr(fault.text, strerror(errors[e])) == NULL)
                fail_msg("read %d: %d, %s", n, (int)status, fault.text);
        }
        assert_true(failed > 20);
    }
}

static void test_only_regular_files_are_opened(void **state)
{
    (void)state;
    char name[160];
    int fd = -1;
    snprintf(name, sizeof name, "%s/fifo", folder.name);
    assert_int_equal(mkfifo(name, 0666), 0);
    assert_refused(disk_open_regular(name, O_RDONLY, &fd, &fault), STATUS_INPUT,
                   "it is a FIFO, expected a file");
    assert_refused(disk_open_regular("/dev/null", O_RDWR, &fd, &fault), STATUS_INPUT,
                   "it is a device, expected a file");
    assert_refused(disk_open_regular(folder.name, O_RDONLY, &fd, &fault), STATUS_INPUT,
                   "Is a directory");
    assert_refused(disk_open_regular("/nowhere/x", O_RDONLY, &fd, &fault), STATUS_INPUT,
                   "No such file or directory");
    assert_int_equal(fd, -1);
    assert_ok(disk_open_regular(folder.path, O_RDONLY, &fd, &fault));
    close(fd);
}

/* Identities that are made one after the other are those that are made alone. */
static void test_identities_in_a_row(void **state)
{
    (void)state;
    struct settings cell;
    struct identities *all = identities_new(TRAINER_ALGORITHM_VERSION);
    for (int round = 0; round < 2; round++) {
        for (int64_t run = 0; run < spec_cells(spec); run++) {
            spec_cell(spec, run, &cell);
            const struct identity alone = identity_of(&cell);
            for (int again = 0; again < 2; again++) {
                const struct identity next = identities_next(all, &cell);
                assert_true(identity_equal(&alone, &next));
            }
        }
    }
    identities_free(&all);
    assert_null(all);
}

/* Every whole number of a record, below and above what can be. */
static void test_values_that_no_training_leaves(void **state)
{
    (void)state;
    static const int32_t never[] = {INT32_MIN, -2, INT32_MAX};
    size_t count = 0, refused = 0;
    const struct field *const fields = record_fields(&count);
    struct settings cell;
    struct filled filled;
    char why[RECORD_WHY] = "";
    spec_cell(spec, 0, &cell);
    filled_init(&filled, &cell, 1);
    if (!record_check(&filled.record, &cell, why))
        fail_msg("%s", why);
    for (size_t f = 0; f < count; f++) {
        int32_t *values = NULL;
        const int64_t length = record_count(&fields[f], &filled.extents);
        if (fields[f].type != FIELD_I32 || length == 0)
            continue;
        memcpy(&values, (const char *)&filled.record + fields[f].offset, sizeof values);
        const int32_t kept = values[length - 1];
        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
            const bool counts = strcmp(fields[f].unit, "row") == 0 || fields[f].dims[2] == DIM_BIN;
            values[length - 1] = never[i];
            why[0] = '\0';
            if (never[i] == INT32_MAX && counts)
                continue;
            assert_false(record_check(&filled.record, &cell, why));
            assert_true(why[0] != '\0');
            refused++;
        }
        values[length - 1] = kept;
    }
    assert_true(refused > 40);
    filled_fini(&filled);
}

/* Change one whole number in the file. */
static void put(const char *name, hsize_t run, hsize_t actor, int rank, int32_t value)
{
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const hid_t one = H5Screate(H5S_SCALAR);
    const hsize_t place[2] = {run, actor};
    assert_int_equal(H5Sget_simple_extent_ndims(space), rank);
    assert_true(H5Sselect_elements(space, H5S_SELECT_SET, 1, place) >= 0);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_INT32, one, space, H5P_DEFAULT, &value) >= 0);
    H5Sclose(one);
    H5Sclose(space);
    H5Dclose(dataset);
    assert_true(H5Fclose(file) >= 0);
}

static int64_t row_bytes(const struct store *store)
{
    struct settings cell;
    store_cell(store, 0, &cell);
    const struct extents extents = record_extents(&cell);
    return (int64_t)record_size(&extents);
}

static void test_a_damaged_run_does_not_count(void **state)
{
    (void)state;
    struct store *store = NULL;
    put("outcome", 0, 0, 1, 77);
    put("cause", 1, 3, 2, 99);
    put("total_episodes", 2, 0, 1, 1000000);
    assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
    assert_int_equal(store_state(store, 0), STORE_DAMAGED);
    assert_string_equal(store_damage(store, 0), "its outcome is 77");
    assert_int_equal(store_state(store, 1), STORE_DONE);
    assert_ok(store_inspect(store, false, &fault));
    assert_int_equal(store_state(store, 1), STORE_DONE);
    assert_string_equal(store_damage(store, 2), "its total_episodes is 1000000, expected 1 to 12");
    assert_ok(store_inspect(store, true, &fault));
    assert_string_equal(store_damage(store, 1), "its cause of actor 3 is 99, expected -1 to 5");
    assert_int_equal(store_state(store, 3), STORE_DONE);
    assert_int_equal(store_state(store, 4), STORE_PENDING);
    assert_null(store_damage(store, 4));
    store_close(&store);
}

/* Values that a training could have left: only the checksum tells. Some
 * runs are not chosen, and some not done. */
static void test_rows_that_are_not_those_committed(void **state)
{
    (void)state;
    const bool chosen[6] = {false, true, true, true, true, true};
    struct store *store = NULL;
    put("first_still", 0, 8, 2, 1);
    put("last_change", 2, 0, 2, 1);
    put("n_selected", 3, 11, 2, 3);
    put("cause", 4, 0, 2, 1);
    for (int which = 0; which < 2; which++) {
        assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
        assert_int_equal(store_done_bytes(store), 4 * row_bytes(store));
        assert_ok(store_inspect(store, true, &fault));
        assert_int_equal(store_done_bytes(store), 4 * row_bytes(store));
        assert_ok(store_compare(store, which == 0 ? chosen : NULL, &fault));
        assert_int_equal(store_state(store, 0), which == 0 ? STORE_DONE : STORE_DAMAGED);
        assert_int_equal(store_state(store, 1), STORE_DONE);
        for (int64_t run = 2; run < 4; run++)
            assert_string_equal(store_damage(store, run),
                                "its rows are not those that were committed");
        assert_int_equal(store_state(store, 4), STORE_PENDING);
        store_close(&store);
    }
}

/* A run that another process takes back, after it was found done, is not damaged. */
static void test_a_run_taken_back_is_not_damaged(void **state)
{
    (void)state;
    struct store *reader = NULL, *writer = NULL;
    assert_ok(store_open(&writer, folder.path, STORE_WRITE, &fault));
    assert_ok(store_open(&reader, folder.path, STORE_READ, &fault));
    assert_ok(store_uncommit(writer, 1, &fault));
    assert_ok(store_uncommit(writer, 2, &fault));
    commit_salted(writer, 2, 40);
    assert_int_equal(store_state(reader, 1), STORE_DONE);
    assert_ok(store_compare(reader, NULL, &fault));
    assert_int_equal(store_state(reader, 1), STORE_PENDING);
    assert_int_equal(store_state(reader, 2), STORE_DONE);
    store_close(&reader);
    store_close(&writer);
}

/* A text of the file need not end in NUL; in memory it does, and it can be written again. */
static void test_a_text_that_fills_its_room(void **state)
{
    (void)state;
    static const char *const texts[] = {"host", "cpu", "cpu_level", "revision"};
    struct store *store = NULL;
    struct store_notes notes;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char name[32], values[6 * 64];
        memset(values, 'A', sizeof values);
        snprintf(name, sizeof name, "volatile/%s", texts[i]);
        const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
        const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
        const hid_t type = H5Dget_type(dataset);
        assert_true(H5Dget_storage_size(dataset) <= sizeof values);
        assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        H5Tclose(type);
        H5Dclose(dataset);
        assert_true(H5Fclose(file) >= 0);
    }
    assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
    assert_ok(store_notes(store, 1, &notes, &fault));
    assert_int_equal(strlen(notes.host), 64);
    assert_int_equal(strlen(notes.cpu), 64);
    assert_int_equal(strlen(notes.cpu_level), 16);
    assert_int_equal(strlen(notes.revision), 64);
    assert_ok(store_note_copy(store, 2, &notes, &fault));
    assert_ok(store_notes(store, 2, &notes, &fault));
    assert_int_equal(strlen(notes.revision), 63);
    store_close(&store);
}

/* A log of starts whose number is the largest there is continues from the last one that can be. */
static void test_a_number_of_a_start_that_cannot_be(void **state)
{
    (void)state;
    struct store *store = NULL;
    const int64_t most = INT64_MAX;
    const struct store_start start = {.host = "h", .job = "", .revision = "r"};
    int64_t row = -1;
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, "volatile/start_log_number", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const hid_t one = H5Screate(H5S_SCALAR);
    const hsize_t place = 9;
    assert_true(H5Sselect_elements(space, H5S_SELECT_SET, 1, &place) >= 0);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_INT64, one, space, H5P_DEFAULT, &most) >= 0);
    H5Sclose(one);
    H5Sclose(space);
    H5Dclose(dataset);
    assert_true(H5Fclose(file) >= 0);
    assert_ok(store_open(&store, folder.path, STORE_WRITE, &fault));
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(store_log_start(store, &start, 1000, &row, &fault));
        assert_int_equal(row, i);
    }
    store_close(&store);
}

/* A file in which every dataset is as it was, but one is chunked. */
static void test_another_layout_is_only_read(void **state)
{
    (void)state;
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t extents[] = {6, 9}, chunk[] = {1, 9};
    const hid_t space = H5Screate_simple(2, extents, NULL);
    assert_true(H5Ldelete(file, "cause", H5P_DEFAULT) >= 0);
    assert_true(H5Pset_chunk(properties, 2, chunk) >= 0);
    const hid_t dataset =
        H5Dcreate2(file, "cause", H5T_STD_I32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(properties);
    assert_true(H5Fclose(file) >= 0);
    struct store *store = NULL;
    assert_refused(store_open(&store, folder.path, STORE_WRITE, &fault), STATUS_INPUT,
                   "can be read but not continued: cause is not stored as ccmsweep stores it");
    assert_ok(store_open(&store, folder.path, STORE_READ, &fault));
    assert_refused(store_check_layout(store, &fault), STATUS_INPUT, "not continued");
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_read_that_fails_is_a_fault_of_the_system, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_only_regular_files_are_opened, begin, end),
        cmocka_unit_test_setup_teardown(test_identities_in_a_row, begin, end),
        cmocka_unit_test_setup_teardown(test_values_that_no_training_leaves, begin, end),
        cmocka_unit_test_setup_teardown(test_a_damaged_run_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_rows_that_are_not_those_committed, begin, end),
        cmocka_unit_test_setup_teardown(test_a_run_taken_back_is_not_damaged, begin, end),
        cmocka_unit_test_setup_teardown(test_a_text_that_fills_its_room, begin, end),
        cmocka_unit_test_setup_teardown(test_a_number_of_a_start_that_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(test_another_layout_is_only_read, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
