// SPDX-License-Identifier: MIT
/*
 * The result of a run depends on its settings alone, and the identity of a cell is a hash of these
 * settings and of the version of the algorithm. So equal identities mean equal results, in whatever
 * file they are.
 */
#include "run/reuse.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A finished run of the other file. */
struct entry {
    struct identity identity;
    int64_t run;
};

/* By identity alone: the same cell may have another number in the other file. */
static int compare(const void *a, const void *b)
{
    const struct entry *const x = a;
    const struct entry *const y = b;
    return memcmp(x->identity.bytes, y->identity.bytes, IDENTITY_SIZE);
}

static enum status list_finished(const struct store *other, struct entry **entries, size_t *count,
                                 struct fault *fault)
{
    const size_t runs = (size_t)store_runs(other);
    int32_t *const outcomes = fault_alloc(runs, sizeof *outcomes);
    *entries = fault_alloc(runs, sizeof **entries);
    *count = 0;
    enum status status = store_column(other, record_field("outcome"), outcomes, fault);
    for (int64_t run = 0; run < (int64_t)runs && status == STATUS_OK; run++) {
        const int32_t outcome = outcomes[run];
        const bool trained = outcome == OUTCOME_STOPPED || outcome == OUTCOME_CENSORED ||
                             outcome == OUTCOME_DIVERGED;
        /* A damaged run is listed as well: the user is told only if this sweep needs it. */
        if (store_damage(other, run) == NULL && (store_state(other, run) != STORE_DONE || !trained))
            continue;
        (*entries)[*count].run = run;
        status = store_identity(other, run, &(*entries)[*count].identity, fault);
        (*count)++;
    }
    qsort(*entries, *count, sizeof **entries, compare);
    free(outcomes);
    return status;
}

/* The notes come first, for the commit's fsync covers them: how long the run took is worth as much
 * to the estimates here as there. */
static enum status copy_run(struct store *store, int64_t run, const struct store *other,
                            int64_t from, struct fault *fault)
{
    struct settings cell;
    struct record record;
    struct store_notes notes;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    enum status status = store_load(other, from, &record, fault);
    if (status == STATUS_OK)
        status = store_notes(other, from, &notes, fault);
    if (status == STATUS_OK)
        status = store_note_copy(store, run, &notes, fault);
    if (status == STATUS_OK)
        status = store_commit(store, run, &record, fault);
    free(block);
    return status;
}

/* What is done here is left alone. The rows are compared with their checksums before they are
 * copied: a new commit record would certify damaged ones. */
static enum status copy_runs(struct store *store, const struct store *other,
                             struct progress *progress, int64_t *copied, struct fault *fault)
{
    struct entry *entries = NULL;
    size_t count = 0;
    enum status status = list_finished(other, &entries, &count, fault);
    for (int64_t run = 0; run < store_runs(store) && status == STATUS_OK && !stop_requested();
         run++) {
        struct entry key;
        struct fault damage;
        if (store_state(store, run) == STORE_DONE)
            continue;
        status = store_identity(store, run, &key.identity, fault);
        const struct entry *const found =
            status == STATUS_OK ? bsearch(&key, entries, count, sizeof *entries, compare) : NULL;
        if (found == NULL)
            continue;
        status = store_verify(other, found->run, &damage, fault);
        if (status != STATUS_OK)
            break;
        if (damage.text[0] != '\0') {
            progress_say(progress, "%s; it is not copied", damage.text);
            continue;
        }
        status = copy_run(store, run, other, found->run, fault);
        *copied += status == STATUS_OK;
    }
    free(entries);
    return status;
}

enum status reuse_runs(struct store *store, const char *path, struct progress *progress,
                       struct fault *fault)
{
    struct store *other = NULL;
    int64_t copied = 0;
    enum status status = store_open(&other, path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = copy_runs(store, other, progress, &copied, fault);
    store_close(&other);
    if (status == STATUS_OK)
        progress_say(progress,
                     copied > 0 ? "%" PRId64 " run%s copied from %s"
                                : "%" PRId64
                                  " run%s copied from %s: none of the cells that are left "
                                  "here is finished there",
                     copied, copied == 1 ? "" : "s", path);
    return status;
}
