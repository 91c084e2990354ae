// SPDX-License-Identifier: MIT
/*
 * The rows of runs, and the protocol that makes them count.
 *
 * One run is written by one rank, and no two ranks write the same one at the same time, so nothing
 * here needs a message or a lock. A commit is rows, fsync, record, fsync (store_commit). Killing
 * any process at any instant leaves either no valid record (the run is done again, to the same
 * bytes) or a valid one whose rows are on the disk. A simulated loss of power (each write that no
 * later fsync covers kept or lost at random, sector by sector) left every run with a valid record
 * right in all of 300 disk images; with the record first and without fsync, 297 had a wrong one.
 */
#include "store/commit.h"
#include "store/dataset_internal.h"
#include "sys/disk.h"
#include "sys/inject.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The array of a field in a record. memcpy, because the members have different pointer types. */
static void *field_values(const struct record *record, const struct field *field)
{
    void *values = NULL;
    memcpy(&values, (const char *)record + field->offset, sizeof values);
    return values;
}

static struct extents run_extents(const struct store *store, int64_t run)
{
    struct settings cell;
    store_cell(store, run, &cell);
    return record_extents(&cell);
}

/* Writes all fields of a run, `outcome` among them: a reader of `outcome` alone may therefore see a
 * run end a moment before it counts. */
static enum status write_rows(const struct store *store, int64_t run, const struct record *record,
                              const struct extents *extents, struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    enum status status = STATUS_OK;
    for (size_t f = 0; status == STATUS_OK && f < count; f++) {
        const struct slab slab = slab_field(&fields[f], extents, run);
        if (record_count(&fields[f], extents) > 0)
            status = dataset_write(store, store->fields[f], &slab, field_values(record, &fields[f]),
                                   fault, "cannot write %s of run %" PRId64 " to %s",
                                   fields[f].name, run, store->path);
    }
    return status;
}

enum status store_identity(const struct store *store, int64_t run, struct identity *identity,
                           struct fault *fault)
{
    /* From the file and not computed from the settings: a reader compares the record with the
     * identity in the file, so this is the one that must agree. Opening the file has compared the
     * two. */
    const struct slab slab = slab_bytes(run, 1, IDENTITY_SIZE);
    return dataset_read(store, store->identities, &slab, identity->bytes, fault,
                        "cannot read the identity of run %" PRId64 " from %s", run, store->path);
}

static enum status write_commit(const struct store *store, const struct commit *commit,
                                struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE];
    commit_pack(commit, bytes);
    const struct slab slab = slab_bytes(commit->run, 1, COMMIT_SIZE);
    return dataset_write(store, store->commits, &slab, bytes, fault,
                         "cannot write the commit record of run %" PRId64 " to %s", commit->run,
                         store->path);
}

/* Writes the record once the rows are on the disk. Without the first fsync the kernel could write
 * the record first, and a loss of power would leave a run that counts without its rows. The second
 * fsync makes the record itself durable before rank 0 is told. A failed fsync is never repeated:
 * Linux may drop the pages that it could not write, so that the next fsync succeeds without them.
 * The caller ends the process instead. */
static enum status write_synced_commit(struct store *store, const struct commit *commit,
                                       struct fault *fault)
{
    enum status status = disk_sync(store->fd, store->path, fault);
    inject(INJECT_RECORD, commit->run);
    if (status == STATUS_OK)
        status = write_commit(store, commit, fault);
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    return status;
}

/* The descriptor stays valid when its file is removed or another one is renamed over it, and writes
 * to it succeed: without this check a sweep could train for days into a file that nobody can
 * find. */
enum status store_check_place(const struct store *store, struct fault *fault)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    char start[sizeof signature] = "";
    struct stat entry;
    errno = 0;
    if (!disk_is_in_place(store->fd, store->path)) {
        if (errno != 0 && errno != ENOENT && errno != ENOTDIR)
            return fault_set(fault, STATUS_FAULT, "cannot look at %s: %s", store->path,
                             strerror(errno));
        return fault_set(fault, STATUS_FAULT,
                         "%s was removed or replaced while it was in use, and what was committed "
                         "in it is lost",
                         store->path);
    }
    if (fstat(store->fd, &entry) < 0 || pread(store->fd, start, sizeof start, 0) < 0)
        return fault_set(fault, STATUS_FAULT, "cannot read %s: %s", store->path, strerror(errno));
    /* The size alone is not enough: a file that was cut to nothing may have grown again by what was
     * written into it since. Its signature is then zeros. */
    if (entry.st_size == store->size && memcmp(start, signature, sizeof start) == 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_FAULT,
                     "%s was cut short or written over while it was in use, and what was committed "
                     "in it is lost",
                     store->path);
}

static struct commit commit_of(const struct store *store, int64_t run, const struct settings *cell,
                               const struct record *record, const struct extents *extents)
{
    CHECK(outcome_is_final(*record->outcome));
    struct commit commit = {.run = run,
                            .outcome = (enum outcome) * record->outcome,
                            .algorithm_version = store->algorithm_version};
    /* Not read from the file, with which opening it has compared it: MPI-IO can hide that a read
     * has failed, and a record with another identity would not count. */
    const struct identity identity = identity_of(cell);
    commit_hash_rows(record, extents, commit.rows);
    memcpy(commit.identity, identity.bytes, COMMIT_HALF);
    return commit;
}

enum status store_commit(struct store *store, int64_t run, const struct record *record,
                         struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    struct settings cell;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    /* The order is the protocol: rows, sync, record, sync. A kill between any two of these leaves a
     * run that does not count, and which is trained again to the same rows. */
    struct commit commit;
    enum status status = store_check_place(store, fault);
    /* Only in the program with faults: the wrong order, which the kill tests must find. */
    if (status == STATUS_OK && inject_reversed()) {
        commit = commit_of(store, run, &cell, record, &extents);
        status = write_synced_commit(store, &commit, fault);
        inject(INJECT_COMMIT, run);
    }
    if (status == STATUS_OK)
        status = write_rows(store, run, record, &extents, fault);
    inject(INJECT_ROWS, run);
    if (status != STATUS_OK)
        return status;
    /* A hint that the disk can begin while the rows are hashed here. It makes nothing durable, and
     * whether it works does not matter: the fsync below decides. */
    sync_file_range(store->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    commit = commit_of(store, run, &cell, record, &extents);
    status = write_synced_commit(store, &commit, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_DONE;
    inject(INJECT_COMMIT, run);
    return status;
}

/* The order of a commit does not matter here: nobody opens the file before it has its name. */
enum status store_put(struct store *store, int64_t run, const struct record *record,
                      struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    struct settings cell;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    const struct commit commit = commit_of(store, run, &cell, record, &extents);
    enum status status = write_rows(store, run, record, &extents, fault);
    inject(INJECT_ROWS, run);
    if (status == STATUS_OK)
        status = write_commit(store, &commit, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_DONE;
    return status;
}

enum status store_sync(struct store *store, struct fault *fault)
{
    CHECK(store_is_writable(store));
    struct h5_words words;
    h5_listen(&words);
    const bool flushed = H5Fflush(store->file, H5F_SCOPE_LOCAL) >= 0;
    h5_deafen();
    if (!flushed)
        return h5_fault(fault, STATUS_FAULT, &words, "cannot write %s", store->path);
    return disk_sync(store->fd, store->path, fault);
}

enum status store_put_state(struct store *store, int64_t run, enum store_state state,
                            struct fault *fault)
{
    CHECK(state == STORE_PENDING || state == STORE_INTERRUPTED);
    store->states[run] = (uint8_t)state;
    return store_write_outcome(
        store, run, state == STORE_PENDING ? OUTCOME_PENDING : OUTCOME_INTERRUPTED, fault);
}

/* The outcome of a run without a commit record is for readers only; no decision is based on it
 * except whether the run was interrupted. */
enum status store_write_outcome(struct store *store, int64_t run, enum outcome outcome,
                                struct fault *fault)
{
    const int32_t value = (int32_t)outcome;
    const struct slab slab = slab_values(run, 1);
    return dataset_write(store, store_outcomes(store), &slab, &value, fault,
                         "cannot mark run %" PRId64 " of %s as %s", run, store->path,
                         outcome_name(outcome));
}

enum status store_uncommit(struct store *store, int64_t run, struct fault *fault)
{
    CHECK(store_is_writable(store));
    /* The record goes before the outcome: were it the other way round, a kill between the two would
     * leave a run that counts and whose outcome is pending, which is damage (store_scan.c). */
    static const uint8_t none[COMMIT_SIZE] = {0};
    const struct slab slab = slab_bytes(run, 1, COMMIT_SIZE);
    enum status status =
        dataset_write(store, store->commits, &slab, none, fault,
                      "cannot clear the commit record of run %" PRId64 " of %s", run, store->path);
    if (status == STATUS_OK)
        status = store_write_outcome(store, run, OUTCOME_PENDING, fault);
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_PENDING;
    return status;
}

enum status store_clear_outcomes(struct store *store, struct fault *fault)
{
    int32_t *const outcomes = fault_alloc((size_t)store->runs, sizeof *outcomes);
    enum status status = store_column(store, record_field("outcome"), outcomes, fault);
    for (int64_t run = 0; run < store->runs && status == STATUS_OK; run++) {
        if (!outcome_is_final(outcomes[run]) || store_state(store, run) != STORE_PENDING)
            continue;
        /* Once more, for store_state says nothing of a read that failed. */
        status = store_scan(store, run, 1, fault);
        if (status == STATUS_OK && store->states[run] == STORE_PENDING)
            status = store_write_outcome(store, run, OUTCOME_PENDING, fault);
    }
    free(outcomes);
    return status;
}

enum status store_interrupt(struct store *store, int64_t run, struct fault *fault)
{
    CHECK(store_is_writable(store));
    /* A stop may come after a commit and before its message to rank 0: the run is done all the
     * same. */
    if (store_state(store, run) == STORE_DONE)
        return STATUS_OK;
    enum status status = store_write_outcome(store, run, OUTCOME_INTERRUPTED, fault);
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_INTERRUPTED;
    return status;
}

enum status store_read(const struct store *store, int64_t run, const struct field *field,
                       void *values, struct fault *fault)
{
    const struct extents extents = run_extents(store, run);
    return store_read_runs(store, run, 1, field, &extents, values, fault);
}

/* Run by run; a run that is known to be damaged is not read, and its values are 0. */
static enum status read_each(const struct store *store, int64_t run, int64_t runs,
                             const struct field *field, const struct extents *extents, void *values,
                             struct fault *fault)
{
    const size_t size = (size_t)record_count(field, extents) * record_value_size(field);
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < runs && status == STATUS_OK; i++) {
        void *const row = (char *)values + (size_t)i * size;
        if (store_damage(store, run + i) != NULL)
            memset(row, 0, size);
        else
            status = store_read_runs(store, run + i, 1, field, extents, row, fault);
    }
    return status;
}

enum status store_read_runs(const struct store *store, int64_t run, int64_t runs,
                            const struct field *field, const struct extents *extents, void *values,
                            struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    /* A run without logs has no rows of them, and a dataset that no cell needs is not in the
     * file. */
    if (record_count(field, extents) == 0)
        return STATUS_OK;
    struct slab slab = slab_field(field, extents, run);
    slab.runs = runs;
    const hid_t dataset = store->fields[field - fields];
    const enum status status =
        dataset_read(store, dataset, &slab, values, fault,
                     "cannot read %s of run %" PRId64 " from %s", field->name, run, store->path);
    if (status != STATUS_INPUT || runs == 1 || store->foreign[0] == '\0')
        return status;
    /* Another program has packed the rows, and a packed piece can be damaged alone. */
    return read_each(store, run, runs, field, extents, values, fault);
}

bool store_has(const struct store *store, const struct field *field)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    return field->only == DIM_NONE || store->fields[field - fields] >= 0;
}

enum status store_column(const struct store *store, const struct field *field, void *values,
                         struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    CHECK(field->dims[0] == DIM_NONE);
    const struct slab slab = slab_values(0, store->runs);
    return dataset_read(store, store->fields[field - fields], &slab, values, fault,
                        "cannot read %s from %s", field->name, store->path);
}

enum status store_load(const struct store *store, int64_t run, struct record *record,
                       struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    enum status status = STATUS_OK;
    for (size_t f = 0; status == STATUS_OK && f < count; f++)
        status = store_read(store, run, &fields[f], field_values(record, &fields[f]), fault);
    return status;
}

enum status store_load_new(const struct store *store, int64_t run, struct record *record,
                           void **block, struct fault *fault)
{
    struct settings cell;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    *block = fault_alloc(record_size(&extents), 1);
    record_bind(record, &extents, *block);
    return store_load(store, run, record, fault);
}

static enum status read_commit(const struct store *store, int64_t run, uint8_t *bytes,
                               struct fault *fault)
{
    const struct slab slab = slab_bytes(run, 1, COMMIT_SIZE);
    return dataset_read(store, store->commits, &slab, bytes, fault,
                        "cannot read the commit record of run %" PRId64 " from %s", run,
                        store->path);
}

enum status store_committed(const struct store *store, int64_t run, struct commit *commit,
                            struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE];
    struct identity identity;
    enum status status = read_commit(store, run, bytes, fault);
    if (status == STATUS_OK)
        status = store_identity(store, run, &identity, fault);
    if (status == STATUS_OK &&
        !commit_holds(commit, bytes, run, store->algorithm_version, &identity))
        *commit = (struct commit){.run = -1};
    return status;
}

/* What is wrong with a run that says it is done. */
enum flaw {
    FLAW_NONE,
    FLAW_PACKED, /* rows that another program has packed, and that cannot be unpacked */
    FLAW_RECORD, /* its commit record does not hold */
    FLAW_ROWS,   /* not those that were committed, or not those of a training */
};

/* A fault of the system goes to `fault`, a flaw of the rows is told by `flaw` and `why`: a caller
 * that reads many runs leaves out the damaged ones, but must not take a failing disk for damage. */
static enum status find_flaw(const struct store *store, int64_t run, const struct settings *cell,
                             struct record *record, enum flaw *flaw, char why[RECORD_WHY],
                             struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE], half[COMMIT_HALF];
    struct commit commit;
    struct identity identity;
    const struct extents extents = record_extents(cell);
    enum status status = read_commit(store, run, bytes, fault);
    if (status == STATUS_OK)
        status = store_identity(store, run, &identity, fault);
    if (status == STATUS_OK)
        status = store_load(store, run, record, fault);
    *flaw = status == STATUS_INPUT && store->foreign[0] != '\0' ? FLAW_PACKED : FLAW_NONE;
    if (status != STATUS_OK)
        return *flaw == FLAW_PACKED ? STATUS_OK : status;
    /* First whether the record is valid, then whether the rows are those whose hash it contains,
     * and last whether a training can have left them: each question makes sense only after the one
     * before. The last one finds rows that were committed by a faulty program. */
    commit_hash_rows(record, &extents, half);
    if (!commit_holds(&commit, bytes, run, store->algorithm_version, &identity)) {
        *flaw = FLAW_RECORD;
    } else if (memcmp(commit.rows, half, COMMIT_HALF) != 0) {
        *flaw = FLAW_ROWS;
        snprintf(why, RECORD_WHY, "its rows are not those that were committed");
    } else if (!record_check(record, cell, why)) {
        *flaw = FLAW_ROWS;
    }
    return STATUS_OK;
}

static enum status look_at_rows(const struct store *store, int64_t run, enum flaw *flaw,
                                char why[RECORD_WHY], struct fault *fault)
{
    struct settings cell;
    struct record record;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    const enum status status = find_flaw(store, run, &cell, &record, flaw, why, fault);
    free(block);
    return status;
}

enum status store_verify(const struct store *store, int64_t run, struct fault *damage,
                         struct fault *fault)
{
    enum flaw flaw = FLAW_NONE;
    char why[RECORD_WHY];
    damage->text[0] = '\0';
    const enum status status = look_at_rows(store, run, &flaw, why, fault);
    if (status == STATUS_OK && flaw == FLAW_PACKED)
        *damage = *fault;
    else if (status == STATUS_OK && flaw == FLAW_RECORD)
        fault_set(damage, STATUS_INPUT, "run %" PRId64 " of %s has no valid commit record", run,
                  store->path);
    else if (status == STATUS_OK && flaw == FLAW_ROWS)
        fault_set(damage, STATUS_INPUT, "run %" PRId64 " of %s is damaged: %s", run, store->path,
                  why);
    return status;
}

enum status store_compare_alone(struct store *store, int64_t run, struct fault *fault)
{
    /* Twice: in a file that is in use, a run can be taken back and trained again while its rows are
     * read. Its record goes first there, so it is read again before the rows are called damaged. */
    for (int look = 0; look < 2 && store_state(store, run) == STORE_DONE; look++) {
        enum flaw flaw = FLAW_NONE;
        char why[RECORD_WHY];
        enum status status = look_at_rows(store, run, &flaw, why, fault);
        if (status != STATUS_OK || flaw == FLAW_NONE)
            return status;
        status = store_scan(store, run, 1, fault);
        if (status != STATUS_OK)
            return status;
        if (look == 1 && flaw != FLAW_RECORD && store_state(store, run) == STORE_DONE)
            store_mark(store, run, flaw == FLAW_PACKED ? fault->text : why);
    }
    return STATUS_OK;
}

enum status store_check(const struct store *store, int64_t run, struct fault *fault)
{
    struct fault damage;
    const enum status status = store_verify(store, run, &damage, fault);
    if (status != STATUS_OK || damage.text[0] == '\0')
        return status;
    return fault_set(fault, STATUS_INPUT, "%s", damage.text);
}
