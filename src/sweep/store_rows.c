// SPDX-License-Identifier: MIT
#include <ccmsweep/commit.h>
#include <ccmsweep/disk.h>
#include <ccmsweep/store_inside.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Either `to` or `from` is NULL. */
static bool transfer(const struct store *store, hid_t dataset, const struct slab *slab, void *to,
                     const void *from)
{
    const hsize_t start[STORE_RANK] = {(hsize_t)slab->run};
    hsize_t count[STORE_RANK] = {(hsize_t)slab->runs};
    for (int i = 1; i < slab->rank; i++)
        count[i] = slab->inner[i - 1];
    const hid_t file = H5Dget_space(dataset);
    const hid_t memory = H5Screate_simple(slab->rank, count, NULL);
    const hid_t type = H5Dget_type(dataset); /* opening it made sure that it is ours */
    bool done = file >= 0 && memory >= 0 && type >= 0 &&
                H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    if (done)
        done = (to != NULL ? H5Dread(dataset, type, memory, file, store->transfer, to)
                           : H5Dwrite(dataset, type, memory, file, store->transfer, from)) >= 0;
    H5Tclose(type);
    H5Sclose(memory);
    H5Sclose(file);
    return done;
}

bool slab_read(const struct store *store, hid_t dataset, const struct slab *slab, void *values)
{
    return transfer(store, dataset, slab, values, NULL);
}

bool slab_write(const struct store *store, hid_t dataset, const struct slab *slab,
                const void *values)
{
    return transfer(store, dataset, slab, NULL, values);
}

struct slab slab_values(int64_t run, int64_t runs)
{
    return (struct slab){.run = run, .runs = runs, .rank = 1};
}

struct slab slab_bytes(int64_t run, int64_t runs, int bytes)
{
    return (struct slab){.run = run, .runs = runs, .rank = 2, .inner = {(hsize_t)bytes}};
}

struct slab slab_field(const struct field *field, const struct extents *extents, int64_t run)
{
    struct slab slab = slab_values(run, 1);
    for (int i = 0; i < 3 && field->dims[i] != DIM_NONE; i++)
        slab.inner[slab.rank++ - 1] = (hsize_t)extents->of[field->dims[i]];
    return slab;
}

static void *field_values(const struct record *record, const struct field *field)
{
    void *values = NULL;
    memcpy(&values, (const char *)record + field->offset, sizeof values);
    return values;
}

hid_t store_outcomes(const struct store *store)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    for (size_t f = 0; f < count; f++) {
        if (fields[f].offset == offsetof(struct record, outcome))
            return store->fields[f];
    }
    return H5I_INVALID_HID;
}

static struct extents run_extents(const struct store *store, int64_t run)
{
    struct settings cell;
    store_cell(store, run, &cell);
    return record_extents(&cell);
}

static enum status write_rows(const struct store *store, int64_t run, const struct record *record,
                              const struct extents *extents, struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    enum status status = STATUS_OK;
    struct h5_words words;
    h5_listen(&words);
    for (size_t f = 0; status == STATUS_OK && f < count; f++) {
        const struct slab slab = slab_field(&fields[f], extents, run);
        if (record_count(&fields[f], extents) > 0 &&
            !slab_write(store, store->fields[f], &slab, field_values(record, &fields[f])))
            status =
                h5_fault(fault, STATUS_FAULT, &words, "cannot write %s of run %" PRId64 " to %s",
                         fields[f].name, run, store->path);
    }
    h5_deafen();
    return status;
}

static enum status read_identity(const struct store *store, int64_t run, struct identity *identity,
                                 struct fault *fault)
{
    const struct slab slab = slab_bytes(run, 1, IDENTITY_SIZE);
    struct h5_words words;
    h5_listen(&words);
    const bool read = slab_read(store, store->identities, &slab, identity->bytes);
    h5_deafen();
    return read ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words,
                           "cannot read the identity of run %" PRId64 " from %s", run, store->path);
}

static enum status write_commit(const struct store *store, const struct commit *commit,
                                struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE];
    commit_pack(commit, bytes);
    const struct slab slab = slab_bytes(commit->run, 1, COMMIT_SIZE);
    struct h5_words words;
    h5_listen(&words);
    const bool written = slab_write(store, store->commits, &slab, bytes);
    h5_deafen();
    return written ? STATUS_OK
                   : h5_fault(fault, STATUS_FAULT, &words,
                              "cannot write the commit record of run %" PRId64 " to %s",
                              commit->run, store->path);
}

enum status store_commit(struct store *store, int64_t run, const struct record *record,
                         struct fault *fault)
{
    CHECK(store->mode == STORE_WRITE && run >= 0 && run < store->runs);
    const enum outcome outcome = (enum outcome)record->outcome[0];
    CHECK(outcome != OUTCOME_PENDING && outcome != OUTCOME_INTERRUPTED);
    const struct extents extents = run_extents(store, run);
    struct commit commit = {
        .run = run, .outcome = outcome, .algorithm_version = store->algorithm_version};
    struct identity identity;
    commit_hash_rows(record, &extents, commit.rows);
    enum status status = read_identity(store, run, &identity, fault);
    if (status != STATUS_OK)
        return status;
    memcpy(commit.identity, identity.bytes, COMMIT_HALF);
    status = write_rows(store, run, record, &extents, fault);
    /* The record may reach the disk only when the rows have: else a run could count without. */
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    if (status == STATUS_OK)
        status = write_commit(store, &commit, fault);
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_DONE;
    return status;
}

/* Tell readers where a run stands that has no commit record. */
static enum status write_outcome(struct store *store, int64_t run, enum outcome outcome,
                                 struct fault *fault)
{
    const int32_t value = (int32_t)outcome;
    const struct slab slab = slab_values(run, 1);
    struct h5_words words;
    h5_listen(&words);
    const bool written = slab_write(store, store_outcomes(store), &slab, &value);
    h5_deafen();
    return written
               ? STATUS_OK
               : h5_fault(fault, STATUS_FAULT, &words, "cannot mark run %" PRId64 " of %s as %s",
                          run, store->path, outcome_name(outcome));
}

enum status store_interrupt(struct store *store, int64_t run, struct fault *fault)
{
    CHECK(store->mode == STORE_WRITE && store_state(store, run) != STORE_DONE);
    enum status status = write_outcome(store, run, OUTCOME_INTERRUPTED, fault);
    if (status == STATUS_OK)
        status = disk_sync(store->fd, store->path, fault);
    if (status == STATUS_OK)
        store->states[run] = STORE_INTERRUPTED;
    return status;
}

enum status store_read(const struct store *store, int64_t run, const struct field *field,
                       void *values, struct fault *fault)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    const struct extents extents = run_extents(store, run);
    if (record_count(field, &extents) == 0)
        return STATUS_OK;
    const struct slab slab = slab_field(field, &extents, run);
    struct h5_words words;
    h5_listen(&words);
    const bool read = slab_read(store, store->fields[field - fields], &slab, values);
    h5_deafen();
    return read ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words, "cannot read %s of run %" PRId64 " from %s",
                           field->name, run, store->path);
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

static enum status read_commit(const struct store *store, int64_t run, uint8_t *bytes,
                               struct fault *fault)
{
    const struct slab slab = slab_bytes(run, 1, COMMIT_SIZE);
    struct h5_words words;
    h5_listen(&words);
    const bool read = slab_read(store, store->commits, &slab, bytes);
    h5_deafen();
    return read ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words,
                           "cannot read the commit record of run %" PRId64 " from %s", run,
                           store->path);
}

enum status store_check(const struct store *store, int64_t run, struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE], half[COMMIT_HALF];
    struct commit commit;
    struct identity identity;
    const struct extents extents = run_extents(store, run);
    void *block = fault_alloc(record_size(&extents), 1);
    struct record record;
    record_bind(&record, &extents, block);
    enum status status = read_commit(store, run, bytes, fault);
    if (status == STATUS_OK)
        status = read_identity(store, run, &identity, fault);
    if (status == STATUS_OK)
        status = store_load(store, run, &record, fault);
    if (status == STATUS_OK) {
        commit_hash_rows(&record, &extents, half);
        if (!commit_holds(&commit, bytes, run, store->algorithm_version, &identity))
            status =
                fault_set(fault, STATUS_FAULT, "run %" PRId64 " of %s has no valid commit record",
                          run, store->path);
        else if (memcmp(commit.rows, half, COMMIT_HALF) != 0)
            status = fault_set(fault, STATUS_FAULT,
                               "run %" PRId64 " of %s is damaged: its rows are not those that were "
                               "committed",
                               run, store->path);
    }
    free(block);
    return status;
}

/* One value of /volatile, read or written. Failures are told once, by the caller. */
static bool read_note(const struct store *store, int64_t run, enum schema_note note, void *value)
{
    const struct slab slab = slab_values(run, 1);
    return slab_read(store, store->notes[note], &slab, value);
}

static bool write_note(const struct store *store, int64_t run, enum schema_note note,
                       const void *value)
{
    const struct slab slab = slab_values(run, 1);
    return slab_write(store, store->notes[note], &slab, value);
}

static bool write_text(const struct store *store, int64_t run, enum schema_note note,
                       const char *text)
{
    char value[64] = "";
    const size_t size = schema_note(note).size;
    CHECK(size <= sizeof value);
    const size_t length = strlen(text);
    memcpy(value, text, length < size ? length : size - 1);
    return write_note(store, run, note, value);
}

static enum status noted(const struct store *store, int64_t run, bool done,
                         const struct h5_words *words, struct fault *fault)
{
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, words,
                           "cannot write /volatile for run %" PRId64 " of %s", run, store->path);
}

enum status store_note_start(struct store *store, int64_t run, const struct store_host *host,
                             double now, struct fault *fault)
{
    CHECK(store->mode == STORE_WRITE && run >= 0 && run < store->runs);
    int32_t attempts = 0;
    struct h5_words words;
    h5_listen(&words);
    bool done = read_note(store, run, NOTE_ATTEMPTS, &attempts);
    if (done && attempts == 0)
        done = write_note(store, run, NOTE_START, &now);
    attempts++;
    done = done && write_note(store, run, NOTE_ATTEMPTS, &attempts) &&
           write_text(store, run, NOTE_HOST, host->host) &&
           write_text(store, run, NOTE_CPU, host->cpu) &&
           write_text(store, run, NOTE_CPU_LEVEL, host->cpu_level) &&
           write_text(store, run, NOTE_REVISION, host->revision);
    enum status status = noted(store, run, done, &words, fault);
    if (status == STATUS_OK && store->states[run] == STORE_INTERRUPTED) {
        status = write_outcome(store, run, OUTCOME_PENDING, fault);
        store->states[run] = STORE_PENDING;
    }
    return status;
}

enum status store_note_progress(struct store *store, int64_t run, int64_t episode,
                                int64_t actors_moving, double now, struct fault *fault)
{
    CHECK(store->mode == STORE_WRITE && run >= 0 && run < store->runs);
    const int32_t reached = (int32_t)episode, moving = (int32_t)actors_moving;
    struct h5_words words;
    h5_listen(&words);
    const bool done = write_note(store, run, NOTE_PROGRESS_EPISODE, &reached) &&
                      write_note(store, run, NOTE_PROGRESS_MOVING, &moving) &&
                      write_note(store, run, NOTE_PROGRESS_TIME, &now);
    return noted(store, run, done, &words, fault);
}

enum status store_note_end(struct store *store, int64_t run, double wall_s, double now,
                           struct fault *fault)
{
    CHECK(store->mode == STORE_WRITE && run >= 0 && run < store->runs);
    double sum = NAN;
    struct h5_words words;
    h5_listen(&words);
    bool done = read_note(store, run, NOTE_WALL, &sum);
    sum = isnan(sum) ? wall_s : sum + wall_s;
    done =
        done && write_note(store, run, NOTE_WALL, &sum) && write_note(store, run, NOTE_END, &now);
    return noted(store, run, done, &words, fault);
}

enum status store_notes(const struct store *store, int64_t run, struct store_notes *notes,
                        struct fault *fault)
{
    CHECK(run >= 0 && run < store->runs);
    *notes = (struct store_notes){0};
    struct h5_words words;
    h5_listen(&words);
    const bool done = read_note(store, run, NOTE_START, &notes->start) &&
                      read_note(store, run, NOTE_END, &notes->end) &&
                      read_note(store, run, NOTE_WALL, &notes->wall_s) &&
                      read_note(store, run, NOTE_ATTEMPTS, &notes->attempts) &&
                      read_note(store, run, NOTE_HOST, notes->host) &&
                      read_note(store, run, NOTE_CPU, notes->cpu) &&
                      read_note(store, run, NOTE_CPU_LEVEL, notes->cpu_level) &&
                      read_note(store, run, NOTE_REVISION, notes->revision) &&
                      read_note(store, run, NOTE_PROGRESS_EPISODE, &notes->progress_episode) &&
                      read_note(store, run, NOTE_PROGRESS_MOVING, &notes->progress_moving) &&
                      read_note(store, run, NOTE_PROGRESS_TIME, &notes->progress_time);
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words,
                           "cannot read /volatile for run %" PRId64 " of %s", run, store->path);
}
