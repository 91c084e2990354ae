// SPDX-License-Identifier: MIT
/*
 * Which runs are done, as their commit records say. A file that is being written can be scanned:
 * every record is checked by its own checksum, so half of one reads as "not yet". The states are
 * kept in memory, one byte per run, and read from the file again only for a run that
 * store_look_again names.
 */
#include "store/commit.h"
#include "store/dataset_internal.h"
#include "sys/disk.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Runs of one piece: a read of 4096 records (256 KiB) costs hardly more than a read of one. */
enum { SCAN_ROWS = 4096 };

/* What is read of some runs: records, the identities that they must agree with, and outcomes. */
struct sample {
    uint8_t (*commits)[COMMIT_SIZE];
    struct identity *identities;
    int32_t *outcomes;
};

/* Records first, outcomes last: store_uncommit writes in this order too. */
static enum status read_sample(const struct store *store, int64_t run, int64_t rows,
                               const struct sample *sample, struct fault *fault)
{
    static const char sentence[] = "cannot read the commit records of %s";
    const struct slab records = slab_bytes(run, rows, COMMIT_SIZE);
    const struct slab cells = slab_bytes(run, rows, IDENTITY_SIZE);
    const struct slab values = slab_values(run, rows);
    enum status status = dataset_read(store, store->commits, &records, sample->commits, fault,
                                      sentence, store->path);
    if (status == STATUS_OK)
        status = dataset_read(store, store->identities, &cells, sample->identities, fault, sentence,
                              store->path);
    if (status == STATUS_OK)
        status = dataset_read(store, store_outcomes(store), &values, sample->outcomes, fault,
                              sentence, store->path);
    return status;
}

static enum store_state state_without(int32_t outcome)
{
    return outcome == OUTCOME_INTERRUPTED ? STORE_INTERRUPTED : STORE_PENDING;
}

/* Called when the outcome is not the one that was committed. In a file that is in use this happens
 * without damage: the record was read, then another process took it back and wrote the outcome,
 * then the outcome was read. The record goes first there, so it is read again: it is damage only
 * when the record still holds. */
static enum status look_closer(struct store *store, int64_t run, struct fault *fault)
{
    uint8_t bytes[1][COMMIT_SIZE];
    struct identity identity;
    struct commit commit;
    char why[RECORD_WHY];
    int32_t outcome = 0;
    const struct sample one = {.commits = bytes, .identities = &identity, .outcomes = &outcome};
    const enum status status = read_sample(store, run, 1, &one, fault);
    if (status != STATUS_OK)
        return status;
    store->states[run] = (uint8_t)state_without(outcome);
    if (!commit_holds(&commit, bytes[0], run, store->algorithm_version, &identity))
        return STATUS_OK;
    store->states[run] = STORE_DONE;
    if (outcome_is_final(outcome) && outcome == (int32_t)commit.outcome)
        return STATUS_OK;
    if (outcome_is_final(outcome))
        snprintf(why, sizeof why, "its outcome is %" PRId32 ", and %d was committed", outcome,
                 (int)commit.outcome);
    else
        snprintf(why, sizeof why, "its outcome is %" PRId32, outcome);
    store_mark(store, run, why);
    return STATUS_OK;
}

/* Decides the state of one run from what was read of it. */
static enum status look(struct store *store, int64_t run, const struct sample *sample, int64_t i,
                        struct fault *fault)
{
    struct commit commit;
    const int32_t outcome = sample->outcomes[i];
    /* The record decides. The outcome repeats what it says, for readers that know nothing of
     * records. */
    const bool held = commit_holds(&commit, sample->commits[i], run, store->algorithm_version,
                                   &sample->identities[i]);
    if (held && (!outcome_is_final(outcome) || outcome != (int32_t)commit.outcome))
        return look_closer(store, run, fault);
    store->states[run] = (uint8_t)(held ? STORE_DONE : state_without(outcome));
    return STATUS_OK;
}

static struct sample make_sample(size_t rows)
{
    return (struct sample){.commits = fault_alloc(rows, COMMIT_SIZE),
                           .identities = fault_alloc(rows, sizeof(struct identity)),
                           .outcomes = fault_alloc(rows, sizeof(int32_t))};
}

static void free_sample(const struct sample *sample)
{
    free(sample->outcomes);
    free(sample->identities);
    free(sample->commits);
}

enum status store_scan(struct store *store, int64_t run, int64_t runs, struct fault *fault)
{
    const struct sample sample = make_sample((size_t)(runs < SCAN_ROWS ? runs : SCAN_ROWS));
    const int64_t end = run + runs;
    enum status status = STATUS_OK;
    /* In pieces, so that a sweep of a million cells takes no more memory than one of a few
     * thousand. */
    for (int64_t rows = 0; status == STATUS_OK && run < end; run += rows) {
        rows = end - run < SCAN_ROWS ? end - run : SCAN_ROWS;
        status = read_sample(store, run, rows, &sample, fault);
        for (int64_t i = 0; status == STATUS_OK && i < rows; i++)
            status = look(store, run + i, &sample, i, fault);
    }
    free_sample(&sample);
    return status;
}

/* Outcomes first, so that a record never holds before its outcome: the order of a commit. */
static enum status fill_commits(struct store *store, int64_t run, int64_t rows,
                                const struct sample *sample, struct fault *fault)
{
    static const char sentence[] = "cannot write the commit records of %s";
    const struct slab records = slab_bytes(run, rows, COMMIT_SIZE);
    const struct slab cells = slab_bytes(run, rows, IDENTITY_SIZE);
    const struct slab values = slab_values(run, rows);
    enum status status = dataset_read(store, store->identities, &cells, sample->identities, fault,
                                      "cannot read the identities of %s", store->path);
    for (int64_t i = 0; i < rows; i++) {
        struct commit commit = {.run = run + i,
                                .outcome = OUTCOME_STOPPED,
                                .algorithm_version = store->algorithm_version};
        memcpy(commit.identity, sample->identities[i].bytes, COMMIT_HALF);
        commit_pack(&commit, sample->commits[i]);
        sample->outcomes[i] = (int32_t)commit.outcome;
    }
    if (status == STATUS_OK)
        status = dataset_write(store, store_outcomes(store), &values, sample->outcomes, fault,
                               sentence, store->path);
    if (status == STATUS_OK)
        status = dataset_write(store, store->commits, &records, sample->commits, fault, sentence,
                               store->path);
    return status;
}

enum status store_fill_commits(struct store *store, struct fault *fault)
{
    const struct sample sample = make_sample(SCAN_ROWS);
    enum status status = STATUS_OK;
    for (int64_t run = 0, rows = 0; status == STATUS_OK && run < store->runs; run += rows) {
        rows = store->runs - run < SCAN_ROWS ? store->runs - run : SCAN_ROWS;
        status = fill_commits(store, run, rows, &sample, fault);
    }
    free_sample(&sample);
    return status;
}

enum store_state store_state(const struct store *store, int64_t run)
{
    CHECK(run >= 0 && run < store->runs);
    /* Ranks other than 0 look when they are given a run. If every rank scanned all of them, the
     * file would be read as often as there are ranks. */
    if (store->states[run] == STORE_UNKNOWN) {
        /* The state is a cache, so `store` is const for callers. A read that fails here is not
         * reported: the run is trained, and writing its rows will show what is wrong with the
         * disk. */
        struct store *const looked = (struct store *)(uintptr_t)store;
        if (store_scan(looked, run, 1, NULL) != STATUS_OK)
            return STORE_PENDING;
    }
    return (enum store_state)store->states[run];
}

void store_mark(struct store *store, int64_t run, const char *why)
{
    /* Damage is rare: the list is allocated with the first damaged run. */
    if (store->damages == NULL)
        store->damages = fault_alloc((size_t)store->runs, sizeof *store->damages);
    free(store->damages[run]);
    store->damages[run] = disk_name("%s", why);
    store->states[run] = STORE_DAMAGED;
}

const char *store_damage(const struct store *store, int64_t run)
{
    CHECK(run >= 0 && run < store->runs);
    return store->states[run] == STORE_DAMAGED ? store->damages[run] : NULL;
}

void store_look_again(struct store *store, int64_t run)
{
    CHECK(run >= 0 && run < store->runs);
    store->states[run] = STORE_UNKNOWN;
}
