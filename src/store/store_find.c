// SPDX-License-Identifier: MIT
/*
 * Looking for all that is wrong in an open file, for `verify`. What the other readers check is
 * called from here. Added is what does not matter to them, because it changes no result, but shows
 * that another program has written into the file: a commit record that is neither empty nor valid,
 * values behind a run's own extents, notes, bytes behind the end.
 *
 * The file may be in use. Only what has an order in the commit protocol can be seen half-written:
 * a commit record is therefore read a second time before it is called wrong.
 */
#include "spec/identity.h"
#include "store/commit.h"
#include "store/dataset_internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Commit records of one piece. */
enum { FIND_ROWS = 4096 };

/* ---- the file ---- */

/* HDF5 itself finds a file that is shorter than it should be. */
static void find_tail(const struct store *store, struct defects *defects)
{
    haddr_t end = 0;
    struct h5_words words;
    h5_listen(&words);
    const bool known = H5Fget_eoa(store->file, &end) >= 0;
    h5_deafen();
    if (known && store->foreign[0] == '\0' && (haddr_t)store->size > end)
        defects_say(defects, -1, "",
                    "%s was changed by another program: it has %" PRId64 " byte%s behind its end",
                    store->path, store->size - (int64_t)end,
                    store->size - (int64_t)end == 1 ? "" : "s");
}

/* ---- commit records ---- */

static bool is_empty(const uint8_t bytes[COMMIT_SIZE])
{
    static const uint8_t none[COMMIT_SIZE] = {0};
    return memcmp(bytes, none, COMMIT_SIZE) == 0;
}

static void add_record(const struct store *store, int64_t run, const uint8_t bytes[COMMIT_SIZE],
                       struct defects *defects)
{
    struct commit commit;
    char why[96] = "torn, or was changed by another program";
    const bool sound = commit_unpack(&commit, bytes);
    if (sound && commit.run != run)
        snprintf(why, sizeof why, "that of run %" PRId64, commit.run);
    else if (sound && commit.algorithm_version != store->algorithm_version)
        snprintf(why, sizeof why, "of version %" PRIu32 " of the algorithm",
                 commit.algorithm_version);
    else if (sound)
        snprintf(why, sizeof why, "that of a cell with other settings");
    defects_say(defects, run, "commit", "the commit record of run %" PRId64 " of %s is %s", run,
                store->path, why);
}

/* Looks again at a record that is neither empty nor valid by the settings. One that is valid by the
 * identity in the file was found when that was compared with the settings. */
static enum status look_again(const struct store *store, int64_t run, struct defects *defects,
                              struct fault *fault)
{
    uint8_t bytes[COMMIT_SIZE];
    struct settings cell;
    struct identity there;
    struct identities *identities = identities_new(store->algorithm_version);
    store_cell(store, run, &cell);
    const struct identity own = identities_next(identities, &cell);
    const struct slab slab = slab_bytes(run, 1, COMMIT_SIZE);
    identities_free(&identities);
    enum status status = store_identity(store, run, &there, fault);
    if (status == STATUS_OK)
        status = dataset_read(store, store->commits, &slab, bytes, fault,
                              "cannot read the commit records of %s", store->path);
    if (status == STATUS_OK && !is_empty(bytes) &&
        !commit_holds(NULL, bytes, run, store->algorithm_version, &own) &&
        !commit_holds(NULL, bytes, run, store->algorithm_version, &there))
        add_record(store, run, bytes, defects);
    return status;
}

/* A start that ended with code 0 left no run whose rows are written and whose record is not. Runs
 * may wait: it may have been asked for a part of the sweep. But they have no outcome: one that a
 * kill inside a commit had left was taken back (store_clear_outcomes), and who takes a run back
 * takes its outcome too. So nothing but another program can empty a record since. Of a start that
 * was stopped or gave up this is not known: older programs took nothing back.
 * \param outcomes (runs) \param completed set */
static enum status read_completed(const struct store *store, bool held, int32_t *outcomes,
                                  bool *completed, struct fault *fault)
{
    int64_t row = 0;
    int code = 0;
    enum status status = store_log_last(store, &row, &code, fault);
    *completed = status == STATUS_OK && !held && row >= 0 && code == STATUS_OK;
    if (*completed)
        status = store_column(store, record_field("outcome"), outcomes, fault);
    return status;
}

static enum status find_records(const struct store *store, bool held, struct defects *defects,
                                struct store_found *found, struct fault *fault)
{
    uint8_t(*const commits)[COMMIT_SIZE] = fault_alloc(FIND_ROWS, COMMIT_SIZE);
    struct identities *identities = identities_new(store->algorithm_version);
    int32_t *const outcomes = fault_alloc((size_t)store->runs, sizeof *outcomes);
    bool completed = false;
    enum status status = read_completed(store, held, outcomes, &completed, fault);
    for (int64_t run = 0, rows = 0; status == STATUS_OK && run < store->runs; run += rows) {
        rows = store->runs - run < FIND_ROWS ? store->runs - run : FIND_ROWS;
        const struct slab slab = slab_bytes(run, rows, COMMIT_SIZE);
        status = dataset_read(store, store->commits, &slab, commits, fault,
                              "cannot read the commit records of %s", store->path);
        for (int64_t i = 0; status == STATUS_OK && i < rows; i++) {
            struct settings cell;
            store_cell(store, run + i, &cell);
            const struct identity own = identities_next(identities, &cell);
            found->records += !is_empty(commits[i]);
            if (is_empty(commits[i]) && completed && outcome_is_final(outcomes[run + i]))
                defects_say(defects, run + i, "commit",
                            "run %" PRId64
                            " of %s has an outcome and no commit record, although the last "
                            "start ended with all that it was asked for",
                            run + i, store->path);
            else if (!is_empty(commits[i]) &&
                     !commit_holds(NULL, commits[i], run + i, store->algorithm_version, &own))
                status = look_again(store, run + i, defects, fault);
        }
    }
    identities_free(&identities);
    free(outcomes);
    free(commits);
    return status;
}

/* ---- rows ---- */

static enum status find_damage(struct store *store, struct defects *defects,
                               struct store_found *found, struct fault *fault)
{
    enum status status = store_inspect(store, true, fault);
    for (int64_t run = 0; run < store->runs && status == STATUS_OK; run++)
        found->rows += store_state(store, run) == STORE_DONE;
    found->bytes = status == STATUS_OK ? store_done_bytes(store) : 0;
    if (status == STATUS_OK)
        status = store_compare(store, NULL, fault);
    for (int64_t run = 0; run < store->runs && status == STATUS_OK; run++) {
        if (store_damage(store, run) != NULL)
            defects_say(defects, run, "", "run %" PRId64 " of %s is damaged: %s", run, store->path,
                        store_damage(store, run));
    }
    return status;
}

/* ---- behind a run's own extents ---- */

static struct extents widest(const struct store *store)
{
    struct extents widest = {.of = {[DIM_NONE] = 1}};
    for (int64_t run = 0; run < store->runs; run++) {
        struct settings cell;
        store_cell(store, run, &cell);
        const struct extents own = record_extents(&cell);
        for (int d = 0; d < DIM_COUNT; d++)
            widest.of[d] = own.of[d] > widest.of[d] ? own.of[d] : widest.of[d];
    }
    return widest;
}

/* Whether the values of a field outside of a run's own extents are those of `fill`. Both have the
 * extents of the file. */
static bool is_filled(const struct field *field, const struct extents *own,
                      const struct extents *file, const char *values, const char *fill)
{
    int64_t mine[3], all[3];
    const bool exists = record_count(field, own) > 0;
    for (int d = 0; d < 3; d++) {
        all[d] = file->of[field->dims[d]];
        mine[d] = exists ? own->of[field->dims[d]] : 0;
    }
    const size_t size = record_value_size(field);
    for (int64_t i = 0; i < all[0]; i++) {
        for (int64_t j = 0; j < all[1]; j++) {
            const int64_t from = i < mine[0] && j < mine[1] ? mine[2] : 0;
            const size_t at = (size_t)((i * all[1] + j) * all[2] + from) * size;
            if (memcmp(values + at, fill + at, (size_t)(all[2] - from) * size) != 0)
                return false;
        }
    }
    return true;
}

static enum status find_values(const struct store *store, int64_t run, const struct extents *file,
                               const struct record *fill, void *values, struct defects *defects,
                               struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    struct settings cell;
    store_cell(store, run, &cell);
    const struct extents own = record_extents(&cell);
    enum status status = STATUS_OK;
    for (size_t f = 0; f < count && status == STATUS_OK; f++) {
        const char *filled = NULL;
        memcpy(&filled, (const char *)fill + fields[f].offset, sizeof filled);
        if (record_count(&fields[f], &own) == record_count(&fields[f], file) ||
            !store_has(store, &fields[f]))
            continue;
        status = store_read_runs(store, run, 1, &fields[f], file, values, fault);
        if (status == STATUS_OK && !is_filled(&fields[f], &own, file, values, filled))
            defects_say(defects, run, fields[f].name,
                        "%s was changed by another program: %s of run %" PRId64
                        " has values behind the run's own extents",
                        store->path, fields[f].name, run);
    }
    return status;
}

/* Rows of which a run uses a part only: no checksum covers the rest, which stays as it was made.
 * Rows that another program has packed are passed over when they cannot be read: that was found. */
static enum status find_rest(const struct store *store, struct defects *defects,
                             struct fault *fault)
{
    struct record fill;
    const struct extents file = widest(store);
    void *const filled = fault_alloc(record_size(&file), 1);
    void *const values = fault_alloc(record_size(&file), 1);
    record_bind(&fill, &file, filled);
    record_clear(&fill, &file);
    enum status status = STATUS_OK;
    for (int64_t run = 0; run < store->runs && status == STATUS_OK; run++) {
        status = find_values(store, run, &file, &fill, values, defects, fault);
        if (status == STATUS_INPUT && store->foreign[0] != '\0')
            status = STATUS_OK;
    }
    free(values);
    free(filled);
    return status;
}

/* What cannot be read for its content is a defect, and the other parts are looked at. */
static enum status keep(enum status status, struct defects *defects, const struct fault *fault)
{
    if (status != STATUS_INPUT)
        return status;
    defects_add(defects, -1, "", -1, fault->text);
    return STATUS_OK;
}

enum status store_find(struct store *store, bool held, struct defects *defects,
                       struct store_found *found, struct fault *fault)
{
    struct fault sentence;
    *found = (struct store_found){0};
    if (store_check_layout(store, &sentence) != STATUS_OK)
        defects_add(defects, -1, "", -1, sentence.text);
    find_tail(store, defects);
    store_find_names(store, defects);
    enum status status = keep(find_records(store, held, defects, found, fault), defects, fault);
    if (status == STATUS_OK)
        status = keep(find_damage(store, defects, found, fault), defects, fault);
    if (status == STATUS_OK)
        status = keep(find_rest(store, defects, fault), defects, fault);
    if (status == STATUS_OK)
        status = keep(store_find_notes(store, defects, fault), defects, fault);
    return status;
}
