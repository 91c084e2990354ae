// SPDX-License-Identifier: MIT
/*
 * Comparing the rows of many runs with the checksums in their commit records, for readers: a value
 * that another program has changed is then a sentence and not a wrong estimate.
 *
 * Only the checksum knows most changes: an episode of an event or a reward can be any of many. It
 * covers all rows of a run, so nothing less than all of them must be read. The time is that of
 * SHA-256, if the runs are read many at once: with small rows, a read of a field for each run took
 * more than the hashing.
 */
#include "store/commit.h"
#include "store/dataset_internal.h"
#include "sys/stop_signal.h"
#include <stdlib.h>
#include <string.h>

/* Limits of one piece: bytes of rows, unless a single run has more, and runs. */
enum { COMPARE_BYTES = 1 << 20, COMPARE_RUNS = 4096 };

/* Consecutive runs of the same extents. `rows` has field after field, each (runs, its values) and
 * padded to a multiple of 8 bytes. */
struct compared {
    int64_t run, runs;
    struct extents extents;
    uint8_t (*commits)[COMMIT_SIZE];
    uint8_t *rows;
    size_t size; /* of `rows` */
};

static bool is_wanted(const struct store *store, const bool *chosen, int64_t run)
{
    return (chosen == NULL || chosen[run]) && store_state(store, run) == STORE_DONE;
}

/* From a run that is wanted on, at least one. The memory is kept from piece to piece: taking it
 * anew, with its pages, took as long as the hashing. */
static void plan_compared(const struct store *store, const bool *chosen, int64_t run,
                          struct compared *piece)
{
    struct settings cell;
    store_cell(store, run, &cell);
    piece->run = run;
    piece->runs = 1;
    piece->extents = record_extents(&cell);
    const size_t size = record_size(&piece->extents);
    while (++run < store->runs && piece->runs < COMPARE_RUNS &&
           (size_t)(piece->runs + 1) * size <= COMPARE_BYTES && is_wanted(store, chosen, run)) {
        store_cell(store, run, &cell);
        const struct extents own = record_extents(&cell);
        if (memcmp(&own, &piece->extents, sizeof own) != 0)
            break;
        piece->runs++;
    }
    if ((size_t)piece->runs * size <= piece->size)
        return;
    free(piece->rows);
    piece->size = (size_t)piece->runs * size;
    piece->rows = fault_alloc(piece->size, 1);
}

/* Bytes that a run has of a field. */
static size_t row_size(const struct field *field, const struct extents *extents)
{
    return (size_t)record_count(field, extents) * record_value_size(field);
}

static uint8_t *after_field(const struct compared *piece, const struct field *field, uint8_t *at)
{
    return at + ((size_t)piece->runs * row_size(field, &piece->extents) + 7) / 8 * 8;
}

/* Record first: a run that is taken back meanwhile loses it before its rows change. */
static enum status read_compared(const struct store *store, const struct compared *piece,
                                 struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    const struct slab records = slab_bytes(piece->run, piece->runs, COMMIT_SIZE);
    enum status status = dataset_read(store, store->commits, &records, piece->commits, fault,
                                      "cannot read the commit records of %s", store->path);
    uint8_t *at = piece->rows;
    for (size_t f = 0; f < count && status == STATUS_OK; f++) {
        status =
            store_read_runs(store, piece->run, piece->runs, &fields[f], &piece->extents, at, fault);
        at = after_field(piece, &fields[f], at);
    }
    return status;
}

/* Row `i` of the piece as a record. */
static struct record record_of(const struct compared *piece, int64_t i)
{
    size_t count = 0;
    struct record record;
    const struct field *const fields = record_fields(&count);
    uint8_t *at = piece->rows;
    for (size_t f = 0; f < count; f++) {
        const size_t size = row_size(&fields[f], &piece->extents);
        uint8_t *const values = size > 0 ? at + (size_t)i * size : NULL;
        memcpy((char *)&record + fields[f].offset, &values, sizeof values);
        at = after_field(piece, &fields[f], at);
    }
    return record;
}

static bool is_committed(const struct store *store, const struct compared *piece, int64_t i)
{
    uint8_t half[COMMIT_HALF];
    char why[RECORD_WHY];
    struct commit commit;
    struct settings cell;
    const struct record record = record_of(piece, i);
    store_cell(store, piece->run + i, &cell);
    commit_hash_rows(&record, &piece->extents, half);
    return commit_unpack(&commit, piece->commits[i]) &&
           memcmp(commit.rows, half, COMMIT_HALF) == 0 && record_check(&record, &cell, why);
}

/* Whatever does not agree here is looked at alone, which finds out why: there the run may turn out
 * to have been taken back, or a row of another one not to be unpacked. */
static enum status compare_piece(struct store *store, const struct compared *piece,
                                 struct fault *fault)
{
    const enum status read = read_compared(store, piece, fault);
    enum status status = read == STATUS_INPUT ? STATUS_OK : read;
    for (int64_t i = 0; i < piece->runs && status == STATUS_OK; i++) {
        if (read != STATUS_OK || !is_committed(store, piece, i))
            status = store_compare_alone(store, piece->run + i, fault);
    }
    return status;
}

enum status store_compare(struct store *store, const bool *chosen, struct fault *fault)
{
    struct compared piece = {.commits = fault_alloc(COMPARE_RUNS, COMMIT_SIZE)};
    enum status status = STATUS_OK;
    for (int64_t run = 0; run < store->runs && status == STATUS_OK;) {
        if (!is_wanted(store, chosen, run)) {
            run++;
            continue;
        }
        plan_compared(store, chosen, run, &piece);
        status = stop_requested()
                     ? fault_set(fault, STATUS_STOPPED,
                                 "stopped while the rows of %s were compared with their checksums",
                                 store->path)
                     : compare_piece(store, &piece, fault);
        run += piece.runs;
    }
    free(piece.rows);
    free(piece.commits);
    return status;
}

int64_t store_done_bytes(const struct store *store)
{
    int64_t bytes = 0;
    for (int64_t run = 0; run < store->runs; run++) {
        struct settings cell;
        if (store_state(store, run) != STORE_DONE)
            continue;
        store_cell(store, run, &cell);
        const struct extents extents = record_extents(&cell);
        bytes += (int64_t)record_size(&extents);
    }
    return bytes;
}
