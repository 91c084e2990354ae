// SPDX-License-Identifier: MIT
#include "store/commit.h"
#include "store/store_internal.h"
#include "sys/disk.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Looked at in one go. */
enum { SCAN_ROWS = 4096 };

/* What is read of some runs. */
struct sample {
    uint8_t (*commits)[COMMIT_SIZE];
    struct identity *identities;
    int32_t *outcomes;
};

static bool read_sample(const struct store *store, int64_t run, int64_t rows,
                        const struct sample *sample)
{
    const struct slab records = slab_bytes(run, rows, COMMIT_SIZE);
    const struct slab cells = slab_bytes(run, rows, IDENTITY_SIZE);
    const struct slab values = slab_values(run, rows);
    return slab_read(store, store->commits, &records, sample->commits) &&
           slab_read(store, store->identities, &cells, sample->identities) &&
           slab_read(store, store_outcomes(store), &values, sample->outcomes);
}

static enum store_state state_without(int32_t outcome)
{
    return outcome == OUTCOME_INTERRUPTED ? STORE_INTERRUPTED : STORE_PENDING;
}

/* The outcome is not the one that was committed. Whoever takes a record back does so before the
 * outcome: it is damage only when the record still holds. */
static bool look_closer(struct store *store, int64_t run)
{
    uint8_t bytes[1][COMMIT_SIZE];
    struct identity identity;
    struct commit commit;
    char why[RECORD_WHY];
    int32_t outcome = 0;
    const struct sample one = {.commits = bytes, .identities = &identity, .outcomes = &outcome};
    if (!read_sample(store, run, 1, &one))
        return false;
    store->states[run] = (uint8_t)state_without(outcome);
    if (!commit_holds(&commit, bytes[0], run, store->algorithm_version, &identity))
        return true;
    store->states[run] = STORE_DONE;
    if (outcome_is_final(outcome) && outcome == (int32_t)commit.outcome)
        return true;
    if (outcome_is_final(outcome))
        snprintf(why, sizeof why, "its outcome is %" PRId32 ", and %d was committed", outcome,
                 (int)commit.outcome);
    else
        snprintf(why, sizeof why, "its outcome is %" PRId32, outcome);
    store_mark(store, run, why);
    return true;
}

static bool look(struct store *store, int64_t run, const struct sample *sample, int64_t i)
{
    struct commit commit;
    const int32_t outcome = sample->outcomes[i];
    const bool held = commit_holds(&commit, sample->commits[i], run, store->algorithm_version,
                                   &sample->identities[i]);
    if (held && (!outcome_is_final(outcome) || outcome != (int32_t)commit.outcome))
        return look_closer(store, run);
    store->states[run] = (uint8_t)(held ? STORE_DONE : state_without(outcome));
    return true;
}

enum status store_scan(struct store *store, int64_t run, int64_t runs, struct fault *fault)
{
    const size_t room = (size_t)(runs < SCAN_ROWS ? runs : SCAN_ROWS);
    const struct sample sample = {.commits = fault_alloc(room, COMMIT_SIZE),
                                  .identities = fault_alloc(room, sizeof *sample.identities),
                                  .outcomes = fault_alloc(room, sizeof *sample.outcomes)};
    const int64_t end = run + runs;
    struct h5_words words;
    h5_listen(&words);
    bool read = true;
    for (int64_t rows = 0; read && run < end; run += rows) {
        rows = end - run < SCAN_ROWS ? end - run : SCAN_ROWS;
        read = read_sample(store, run, rows, &sample);
        for (int64_t i = 0; read && i < rows; i++)
            read = look(store, run + i, &sample, i);
    }
    h5_deafen();
    free(sample.outcomes);
    free(sample.identities);
    free(sample.commits);
    return read ? STATUS_OK
                : h5_fault(fault, h5_status(&words), &words, "cannot read the commit records of %s",
                           store->path);
}

enum status store_fill_commits(struct store *store, struct fault *fault)
{
    uint8_t(*const commits)[COMMIT_SIZE] = fault_alloc(SCAN_ROWS, COMMIT_SIZE);
    struct identity *const identities = fault_alloc(SCAN_ROWS, sizeof *identities);
    int32_t *const outcomes = fault_alloc(SCAN_ROWS, sizeof *outcomes);
    struct h5_words words;
    h5_listen(&words);
    bool done = true;
    for (int64_t run = 0, rows = 0; done && run < store->runs; run += rows) {
        rows = store->runs - run < SCAN_ROWS ? store->runs - run : SCAN_ROWS;
        const struct slab cells = slab_bytes(run, rows, IDENTITY_SIZE);
        const struct slab records = slab_bytes(run, rows, COMMIT_SIZE);
        done = slab_read(store, store->identities, &cells, identities);
        for (int64_t i = 0; i < rows; i++) {
            struct commit commit = {.run = run + i,
                                    .outcome = OUTCOME_STOPPED,
                                    .algorithm_version = store->algorithm_version};
            memcpy(commit.identity, identities[i].bytes, COMMIT_HALF);
            commit_pack(&commit, commits[i]);
            outcomes[i] = (int32_t)commit.outcome;
        }
        const struct slab values = slab_values(run, rows);
        done = done && slab_write(store, store_outcomes(store), &values, outcomes) &&
               slab_write(store, store->commits, &records, commits);
    }
    h5_deafen();
    free(outcomes);
    free(identities);
    free(commits);
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words, "cannot write the commit records of %s",
                           store->path);
}

enum store_state store_state(const struct store *store, int64_t run)
{
    CHECK(run >= 0 && run < store->runs);
    if (store->states[run] == STORE_UNKNOWN) {
        /* What cannot be read now is found out when it is written. */
        struct store *const looked = (struct store *)(uintptr_t)store;
        if (store_scan(looked, run, 1, NULL) != STATUS_OK)
            return STORE_PENDING;
    }
    return (enum store_state)store->states[run];
}

void store_mark(struct store *store, int64_t run, const char *why)
{
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
