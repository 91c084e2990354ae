// SPDX-License-Identifier: MIT
#include <ccmsweep/commit.h>
#include <ccmsweep/store_inside.h>
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
            store->states[run + i] = commit_holds(NULL, sample.commits[i], run + i,
                                                  store->algorithm_version, &sample.identities[i])
                                         ? STORE_DONE
                                     : sample.outcomes[i] == OUTCOME_INTERRUPTED ? STORE_INTERRUPTED
                                                                                 : STORE_PENDING;
    }
    h5_deafen();
    free(sample.outcomes);
    free(sample.identities);
    free(sample.commits);
    return read ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words, "cannot read the commit records of %s",
                           store->path);
}

enum status store_fill_commits(struct store *store, struct fault *fault)
{
    uint8_t(*const commits)[COMMIT_SIZE] = fault_alloc(SCAN_ROWS, COMMIT_SIZE);
    struct identity *const identities = fault_alloc(SCAN_ROWS, sizeof *identities);
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
        }
        done = done && slab_write(store, store->commits, &records, commits);
    }
    h5_deafen();
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

void store_look_again(struct store *store, int64_t run)
{
    CHECK(run >= 0 && run < store->runs);
    store->states[run] = STORE_UNKNOWN;
}
