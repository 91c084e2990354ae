// SPDX-License-Identifier: MIT
/*
 * The result of a run depends on its settings alone, and the identity of a cell is a hash of these
 * settings and of the version of the algorithm. So equal identities mean equal results, in whatever
 * file they are.
 */
#include "run/reuse.h"
#include "spec/grid.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <math.h>
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

/* ---- labels ---- */

/* The values that the cells of a block have of a setting: those of its axis, or `*one`. None where
 * a preset that varies in the block decides them. */
static struct spec_axis values_in(const struct spec *spec, size_t block, const struct setting *row,
                                  double *one)
{
    struct settings cell;
    bool varies = false;
    for (size_t a = 0; a < spec_axes(spec, block); a++) {
        const struct spec_axis axis = spec_axis(spec, block, a);
        if (axis.row == row)
            return axis;
        varies = varies || (axis.row == settings_preset_of(row) && axis.count > 1);
    }
    spec_cell(spec, spec_block_first(spec, block), &cell);
    *one = settings_number(&cell, row);
    return (struct spec_axis){.row = row, .count = !varies, .values = one};
}

static bool have_common(const struct spec_axis *a, const struct spec_axis *b)
{
    bool common = a->count == 0 || b->count == 0;
    for (size_t i = 0; i < a->count && !common; i++) {
        for (size_t k = 0; k < b->count && !common; k++)
            common = a->values[i] == b->values[k] || (isnan(a->values[i]) && isnan(b->values[k]));
    }
    return common;
}

/* Whether blocks of one label have a setting of which no value is common to both: then the label
 * stands for something else. \param text says what */
static bool differ(const struct spec *here, size_t block, const struct spec *there, size_t other,
                   char *text, size_t size)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        double one[2];
        char values[2][SETTING_TEXT];
        if (table[i].class == CLASS_OPERATION || grid_always(&table[i]))
            continue;
        const struct spec_axis a = values_in(here, block, &table[i], &one[0]);
        const struct spec_axis b = values_in(there, other, &table[i], &one[1]);
        if (have_common(&a, &b))
            continue;
        settings_write(&table[i], a.values[0], values[0], SETTING_TEXT);
        settings_write(&table[i], b.values[0], values[1], SETTING_TEXT);
        snprintf(text, size, "%s %s here and %s there", table[i].key, values[0], values[1]);
        return true;
    }
    return false;
}

static double label_of(const struct spec *spec, size_t block)
{
    struct settings cell;
    const int64_t first = spec_block_first(spec, block);
    if (first == spec_block_first(spec, block + 1))
        return 0; /* a block without cells */
    spec_cell(spec, first, &cell);
    return (double)cell.label;
}

/* Runs are copied by their settings, so nothing is wrong in the file; but a reader who knows the
 * other file would expect its labels to mean the same here. */
static void compare_labels(const struct spec *here, const struct spec *there, const char *path,
                           struct progress *progress)
{
    int64_t count = 0;
    char first[2 * SETTING_TEXT + 96] = "", name[SETTING_TEXT], text[sizeof first];
    for (size_t block = 0; block < spec_blocks(here); block++) {
        const double label = label_of(here, block);
        for (size_t other = 0; label > 0 && other < spec_blocks(there); other++) {
            if (label_of(there, other) != label ||
                !differ(here, block, there, other, text, sizeof text) || count++ > 0)
                continue;
            settings_write(settings_label(), label, name, sizeof name);
            memcpy(first, text, sizeof first);
        }
    }
    if (count == 1)
        progress_say(progress,
                     "warning: label %s stands for other settings in %s (%s); runs are copied by "
                     "their settings",
                     name, path, first);
    else if (count > 1)
        progress_say(progress,
                     "warning: label %s and %" PRId64 " more stand for other settings in %s (%s); "
                     "runs are copied by their settings",
                     name, count - 1, path, first);
}

enum status reuse_runs(struct store *store, const char *path, struct progress *progress,
                       struct fault *fault)
{
    struct store *other = NULL;
    int64_t copied = 0;
    enum status status = store_open(&other, path, STORE_READ, fault);
    if (status == STATUS_OK)
        compare_labels(store_spec(store), store_spec(other), path, progress);
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
