// SPDX-License-Identifier: MIT
/* The store: what is written is read, what is torn or foreign is known for what it is. */
#include "disk_faults.h"
#include "store/commit.h"
#include "store_case.h"
#include <ccmsweep/trainer.h>
#include <hdf5.h>

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

static struct store *reopen(struct store **store, enum store_mode mode)
{
    struct fault fault = {""};
    store_close(store);
    assert_ok(store_open(store, folder.path, mode, &fault));
    return *store;
}

/* Where the raw data of a dataset begins in the file. */
static long offset_of(const char *name)
{
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const haddr_t offset = H5Dget_offset(dataset);
    assert_true(offset != HADDR_UNDEF);
    H5Dclose(dataset);
    H5Fclose(file);
    return (long)offset;
}

static void test_what_is_committed_is_read(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    struct settings cell;
    struct filled empty, read;
    assert_int_equal(store_runs(store), 3);
    store_cell(store, 2, &cell);
    assert_int_equal(cell.training.seed, 7);
    assert_int_equal(cell.environment.agents, 9);
    assert_int_equal(store_state(store, 0), STORE_PENDING);
    commit_salted(store, 1, 77);
    assert_int_equal(store_state(store, 1), STORE_DONE);
    reopen(&store, STORE_READ);
    assert_int_equal(store_state(store, 0), STORE_PENDING);
    assert_int_equal(store_state(store, 1), STORE_DONE);
    assert_int_equal(store_state(store, 2), STORE_PENDING);
    assert_true(holds_salted(store, 1, 77));
    assert_false(holds_salted(store, 1, 78));
    assert_ok(store_check(store, 1, &fault));
    assert_refused(store_check(store, 0, &fault), STATUS_INPUT, "no valid commit record");
    for (int run = 0; run < 3; run += 2) { /* the neighbours are still at fill */
        filled_clear(&empty, &cell);
        filled_clear(&read, &cell);
        memset(read.block, 99, read.size);
        assert_ok(store_load(store, run, &read.record, &fault));
        assert_int_equal(*read.record.outcome, OUTCOME_PENDING);
        size_t count = 0;
        const struct field *fields = record_fields(&count);
        for (size_t f = 0; f < count; f++) {
            const size_t at = fields[f].offset;
            const void *a = NULL, *b = NULL;
            memcpy(&a, (const char *)&empty.record + at, sizeof a);
            memcpy(&b, (const char *)&read.record + at, sizeof b);
            const size_t size =
                (size_t)record_count(&fields[f], &empty.extents) * record_value_size(&fields[f]);
            if (size > 0 && memcmp(a, b, size) != 0)
                fail_msg("%s is not at fill", fields[f].name);
        }
        filled_fini(&read);
        filled_fini(&empty);
    }
    store_close(&store);
    spec_free(&spec);
}

static void test_shorter_runs_use_a_part(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_of("tracking: {log_every: 3, snapshot_every: 6}\n"
                                "grid: {episodes: [12, 6], environment.agents: [9, 2]}\n");
    struct store *store = store_made(folder.path, spec);
    assert_int_equal(store_runs(store), 4);
    for (int run = 3; run >= 0; run--)
        commit_salted(store, run, (uint32_t)run);
    reopen(&store, STORE_WRITE);
    for (int run = 0; run < 4; run++) {
        assert_true(holds_salted(store, run, (uint32_t)run));
        assert_ok(store_check(store, run, &fault));
    }
    store_close(&store);
    double rewards[12];
    const hid_t file = H5Fopen(folder.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    int32_t episodes[4], actors[4];
    const hid_t extent = H5Dopen2(file, "extent_episode", H5P_DEFAULT);
    const hid_t agents = H5Dopen2(file, "extent_actor", H5P_DEFAULT);
    const hid_t reward = H5Dopen2(file, "reward", H5P_DEFAULT);
    double all[4][12];
    assert_true(H5Dread(extent, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, episodes) >= 0);
    assert_true(H5Dread(agents, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, actors) >= 0);
    assert_true(H5Dread(reward, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
    H5Dclose(reward);
    H5Dclose(agents);
    H5Dclose(extent);
    H5Fclose(file);
    reopen(&store, STORE_READ);
    for (int run = 0; run < 4; run++) {
        struct settings cell;
        size_t count = 0;
        const struct field *field = record_fields(&count);
        while (strcmp(field->name, "reward") != 0)
            field++;
        store_cell(store, run, &cell);
        assert_int_equal(episodes[run], cell.training.episodes);
        assert_int_equal(actors[run], cell.environment.agents);
        assert_ok(store_read(store, run, field, rewards, &fault));
        for (int e = 0; e < 12; e++) {
            assert_int_equal(isnan(all[run][e]), e >= episodes[run]);
            assert_true(e >= episodes[run] || all[run][e] == rewards[e]);
        }
    }
    store_close(&store);
    spec_free(&spec);
}

/* One bit of any byte, or any torn prefix, and the run is not done. */
static void test_damaged_commit_records_do_not_count(void **state)
{
    (void)state;
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    commit_salted(store, 1, 3);
    store_close(&store);
    const long at = offset_of("commit") + COMMIT_SIZE;
    size_t size = 0;
    unsigned char *bytes = file_read(folder.path, &size);
    for (int byte = 0; byte < COMMIT_SIZE; byte++) {
        file_flip(folder.path, at + byte, 1 << byte % 8);
        assert_int_equal(store_state(reopen(&store, STORE_READ), 1), STORE_PENDING);
        store_close(&store);
        file_flip(folder.path, at + byte, 1 << byte % 8);
    }
    assert_int_equal(store_state(reopen(&store, STORE_READ), 1), STORE_DONE);
    for (int length = 0; length < COMMIT_SIZE; length++) {
        unsigned char torn[COMMIT_SIZE] = {0};
        store_close(&store);
        memcpy(torn, bytes + at, (size_t)length);
        memcpy(torn + length, bytes + at - COMMIT_SIZE, (size_t)(COMMIT_SIZE - length));
        unsigned char *image = malloc(size);
        assert_non_null(image);
        memcpy(image, bytes, size);
        memcpy(image + at, torn, sizeof torn);
        file_write(folder.path, image, size);
        free(image);
        assert_int_equal(store_state(reopen(&store, STORE_READ), 1), STORE_PENDING);
    }
    free(bytes);
    store_close(&store);
    spec_free(&spec);
}

/* A flipped bit in any field of a committed run is found. */
static void test_damaged_rows_are_found(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    struct settings cell;
    size_t count = 0, checked = 0;
    const struct field *fields = record_fields(&count);
    spec_cell(spec, 1, &cell);
    const struct extents extents = record_extents(&cell);
    commit_salted(store, 1, 3);
    for (size_t f = 0; f < count; f++) {
        const long size =
            (long)record_count(&fields[f], &extents) * (long)record_value_size(&fields[f]);
        if (size == 0)
            continue;
        store_close(&store);
        const long at = offset_of(fields[f].name) + size; /* row 1 */
        const long places[] = {at, at + size / 2, at + size - 1};
        for (int i = 0; i < 3; i++) {
            file_flip(folder.path, places[i], 16);
            reopen(&store, STORE_READ);
            /* What can be seen without the hash. */
            assert_int_equal(store_state(store, 1),
                             strcmp(fields[f].name, "outcome") == 0 ? STORE_DAMAGED : STORE_DONE);
            assert_refused(store_check(store, 1, &fault), STATUS_INPUT, "is damaged");
            file_flip(folder.path, places[i], 16);
        }
        checked++;
    }
    assert_true(checked > 50);
    assert_ok(store_check(reopen(&store, STORE_READ), 1, &fault));
    store_close(&store);
    spec_free(&spec);
}

/* A record that is whole but says something else: of another run, cell, algorithm or format. */
static void test_foreign_commit_records_do_not_count(void **state)
{
    (void)state;
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    struct settings cell;
    store_close(&store);
    const long at = offset_of("commit") + COMMIT_SIZE;
    const long outcome_at = offset_of("outcome") + (long)sizeof(int32_t);
    const int32_t outcome = OUTCOME_STOPPED;
    spec_cell(spec, 1, &cell);
    const struct identity identity = identity_of(&cell);
    for (int flaw = 0; flaw < 5; flaw++) {
        struct commit commit = {.run = flaw == 1 ? 2 : 1,
                                .outcome = OUTCOME_STOPPED,
                                .algorithm_version = TRAINER_ALGORITHM_VERSION + (flaw == 2)};
        uint8_t record[COMMIT_SIZE];
        memcpy(commit.identity, identity.bytes, COMMIT_HALF);
        commit.identity[15] ^= flaw == 3;
        commit_pack(&commit, record);
        if (flaw == 4)
            memset(record, 255, sizeof record);
        size_t size = 0;
        unsigned char *bytes = file_read(folder.path, &size);
        memcpy(bytes + at, record, sizeof record);
        memcpy(bytes + outcome_at, &outcome, sizeof outcome);
        file_write(folder.path, bytes, size);
        free(bytes);
        assert_int_equal(store_state(reopen(&store, STORE_READ), 1),
                         flaw == 0 ? STORE_DONE : STORE_PENDING);
        store_close(&store);
    }
    spec_free(&spec);
}

static void test_commit_records_are_what_the_header_says(void **state)
{
    (void)state;
    struct commit commit = {.run = 0x0102030405060708,
                            .outcome = OUTCOME_CENSORED,
                            .algorithm_version = 0x11223344},
                  read;
    uint8_t bytes[COMMIT_SIZE];
    memset(commit.rows, 'r', sizeof commit.rows);
    memset(commit.identity, 'i', sizeof commit.identity);
    commit_pack(&commit, bytes);
    assert_memory_equal(bytes, "CCMC\1\0\0\0\2\0\0\0\x44\x33\x22\x11\x08\7\6\5\4\3\2\1", 24);
    assert_memory_equal(bytes + 24, "rrrrrrrrrrrrrrrriiiiiiiiiiiiiiii", 32);
    assert_true(commit_unpack(&read, bytes));
    assert_int_equal(read.run, commit.run);
    assert_int_equal(read.outcome, commit.outcome);
    assert_int_equal(read.algorithm_version, commit.algorithm_version);
    assert_memory_equal(read.rows, commit.rows, COMMIT_HALF);
    assert_memory_equal(read.identity, commit.identity, COMMIT_HALF);
}

static void test_interrupted_runs_are_not_done(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    assert_ok(store_interrupt(store, 2, &fault));
    assert_int_equal(store_state(store, 2), STORE_INTERRUPTED);
    assert_int_equal(store_state(reopen(&store, STORE_WRITE), 2), STORE_INTERRUPTED);
    assert_int_equal(store_state(store, 1), STORE_PENDING);
    commit_salted(store, 2, 4);
    assert_int_equal(store_state(reopen(&store, STORE_WRITE), 2), STORE_DONE);
    store_close(&store);
    spec_free(&spec);
}

static void test_notes_are_kept_beside(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    struct store_notes notes;
    char wide[200];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    const struct store_host host = {
        .host = "node7", .cpu = wide, .cpu_level = "avx2", .revision = ""};
    assert_ok(store_notes(store, 1, &notes, &fault));
    assert_true(isnan(notes.start) && isnan(notes.end) && isnan(notes.wall_s));
    assert_true(notes.attempts == 0 && notes.progress_episode == -1 && notes.host[0] == '\0');
    disk_reset();
    disk.watch = true;
    assert_ok(store_note_start(store, 1, &host, 100, &fault));
    assert_ok(store_note_progress(store, 1, 6, 3, 150, &fault));
    assert_ok(store_note_end(store, 1, 60.5, 160, &fault));
    assert_ok(store_note_start(store, 1, &host, 200, &fault));
    assert_ok(store_note_end(store, 1, 10, 220, &fault));
    for (size_t i = 0; i < disk.logged; i++)
        assert_int_equal(disk.log[i].call, DISK_WRITE); /* never an fsync */
    disk.watch = false;
    assert_ok(store_notes(reopen(&store, STORE_READ), 1, &notes, &fault));
    assert_true(notes.start == 100 && notes.end == 220 && notes.wall_s == 70.5);
    assert_true(notes.progress_time == 150 && notes.progress_episode == 6);
    assert_int_equal(notes.progress_moving, 3);
    assert_int_equal(notes.attempts, 2);
    assert_string_equal(notes.host, "node7");
    assert_string_equal(notes.cpu_level, "avx2");
    assert_string_equal(notes.revision, "");
    assert_int_equal(strlen(notes.cpu), 63);
    assert_ok(store_notes(store, 2, &notes, &fault));
    assert_int_equal(notes.attempts, 0);
    store_close(&store);
    spec_free(&spec);
}

/* Rows, fsync, the record alone in one write, fsync; nothing before, between or behind. */
static void test_a_commit_has_its_order(void **state)
{
    (void)state;
    struct spec *spec = spec_small(three_seeds);
    struct store *store = store_made(folder.path, spec);
    disk_reset();
    disk.watch = true;
    commit_salted(store, 1, 3);
    disk.watch = false;
    store_close(&store);
    const long at = offset_of("commit");
    const size_t last = disk.logged - 1;
    assert_int_equal(disk.log[last].call, DISK_SYNC);
    assert_int_equal(disk.log[last - 1].call, DISK_WRITE);
    assert_int_equal(disk.log[last - 1].offset, at + COMMIT_SIZE);
    assert_int_equal(disk.log[last - 1].size, COMMIT_SIZE);
    assert_int_equal(disk.log[last - 2].call, DISK_SYNC);
    size_t rows = 0, count = 0;
    struct settings cell;
    spec_cell(spec, 1, &cell);
    const struct extents extents = record_extents(&cell);
    const struct field *fields = record_fields(&count);
    for (size_t f = 0; f < count; f++) {
        if (record_count(&fields[f], &extents) == 0)
            continue;
        assert_int_equal(disk.log[rows].call, DISK_WRITE); /* one write for one field */
        const size_t size =
            (size_t)record_count(&fields[f], &extents) * record_value_size(&fields[f]);
        assert_int_equal(disk.log[rows].size, size);
        assert_int_equal(disk.log[rows].offset, offset_of(fields[f].name) + (long)size);
        rows++;
    }
    assert_int_equal(rows, last - 2);
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_committed_is_read, begin, end),
        cmocka_unit_test_setup_teardown(test_shorter_runs_use_a_part, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_commit_records_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_rows_are_found, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign_commit_records_do_not_count, begin, end),
        cmocka_unit_test(test_commit_records_are_what_the_header_says),
        cmocka_unit_test_setup_teardown(test_interrupted_runs_are_not_done, begin, end),
        cmocka_unit_test_setup_teardown(test_notes_are_kept_beside, begin, end),
        cmocka_unit_test_setup_teardown(test_a_commit_has_its_order, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
