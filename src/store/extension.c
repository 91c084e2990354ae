// SPDX-License-Identifier: MIT
/*
 * Cells are compared by what they have in common whatever their limits: the identity that they
 * would have with a limit of 1. Runs and cells of one such key are put together by their limits.
 */
#include "store/extension.h"
#include "base/text.h"
#include "model/tracker.h"
#include "store/checkpoint.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A cell without its limit, its limit, and its number in the spec or in the file. */
struct entry {
    struct identity key;
    int64_t episodes;
    int64_t number;
    bool taken; /* of a cell: a run becomes it */
};

static int compare(const void *a, const void *b)
{
    const struct entry *const x = a, *const y = b;
    const int order = memcmp(x->key.bytes, y->key.bytes, IDENTITY_SIZE);
    return order != 0 ? order : (x->episodes > y->episodes) - (x->episodes < y->episodes);
}

static bool same_key(const struct entry *a, const struct entry *b)
{
    return identity_equal(&a->key, &b->key);
}

/* The cells of a spec, sorted by key and limit. \return owned by the caller (free) */
static struct entry *list_cells(const struct spec *spec)
{
    const int64_t cells = spec_cells(spec);
    struct entry *const entries = fault_alloc((size_t)cells, sizeof *entries);
    struct identities *identities = identities_new(TRAINER_ALGORITHM_VERSION);
    for (int64_t i = 0; i < cells; i++) {
        struct settings cell;
        spec_cell(spec, i, &cell);
        entries[i] = (struct entry){.episodes = cell.training.episodes, .number = i};
        cell.training.episodes = 1;
        entries[i].key = identities_next(identities, &cell);
    }
    identities_free(&identities);
    qsort(entries, (size_t)cells, sizeof *entries, compare);
    return entries;
}

static void take(struct extension *e, const struct entry *run, struct entry *cell)
{
    e->to[run->number] = cell->number;
    cell->taken = true;
}

/* Puts together runs and cells of one key, both in ascending order of their limits. Equal limits
 * first; then each other run gets the smallest larger limit that is left, which leaves the most to
 * the runs behind it. */
static void match_group(struct extension *e, const struct entry *runs, size_t run_count,
                        struct entry *cells, size_t cell_count)
{
    for (int exact = 1; exact >= 0; exact--) {
        for (size_t r = 0; r < run_count; r++) {
            for (size_t c = 0; c < cell_count && e->to[runs[r].number] < 0; c++) {
                const bool fits = exact ? cells[c].episodes == runs[r].episodes
                                        : cells[c].episodes > runs[r].episodes;
                if (fits && !cells[c].taken)
                    take(e, &runs[r], &cells[c]);
            }
        }
    }
}

/* Length of the group of one key that begins at `first`. */
static size_t group_of(const struct entry *entries, size_t first, size_t count)
{
    size_t end = first + 1;
    while (end < count && same_key(&entries[first], &entries[end]))
        end++;
    return end - first;
}

static void match_all(struct extension *e, const struct spec *there, const struct spec *wider)
{
    struct entry *const runs = list_cells(there), *const cells = list_cells(wider);
    const size_t run_count = (size_t)e->runs, cell_count = (size_t)e->cells;
    size_t r = 0, c = 0;
    while (r < run_count && c < cell_count) {
        const int order = memcmp(runs[r].key.bytes, cells[c].key.bytes, IDENTITY_SIZE);
        const size_t in_runs = group_of(runs, r, run_count);
        const size_t in_cells = group_of(cells, c, cell_count);
        if (order == 0)
            match_group(e, &runs[r], in_runs, &cells[c], in_cells);
        r += order <= 0 ? in_runs : 0;
        c += order >= 0 ? in_cells : 0;
    }
    free(cells);
    free(runs);
}

/* ---- refusing ---- */

static int count_differences(const struct settings *a, const struct settings *b)
{
    size_t rows = 0;
    int count = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++)
        count += table[i].class != CLASS_OPERATION && !settings_equal(a, b, &table[i]);
    return count;
}

/* The cell that differs from the run in the fewest settings. */
static int64_t find_nearest(const struct settings *run, const struct spec *wider)
{
    int64_t nearest = 0;
    int least = -1;
    for (int64_t i = 0; i < spec_cells(wider); i++) {
        struct settings cell;
        spec_cell(wider, i, &cell);
        const int count = count_differences(run, &cell);
        if (least < 0 || count < least) {
            least = count;
            nearest = i;
        }
    }
    return nearest;
}

enum { WORDS = 2560 };

/* Which run is no cell of the spec, and in what it differs from the nearest one. */
static void describe_missing(const struct store *store, int64_t run, const struct spec *wider,
                             char text[WORDS])
{
    struct settings there, cell;
    size_t rows = 0;
    char name[SETTING_TEXT];
    const char *between = "";
    const struct setting *const table = settings_table(&rows);
    store_cell(store, run, &there);
    spec_cell(wider, find_nearest(&there, wider), &cell);
    settings_name_cell(&there, name, sizeof name);
    snprintf(text, WORDS,
             "run %" PRId64 " (%s) is not a cell of the spec; compared with the nearest one, ", run,
             name);
    /* That the limit is larger is no reason, if there is another difference. */
    const bool grows =
        there.training.episodes < cell.training.episodes && count_differences(&there, &cell) > 1;
    for (size_t i = 0; i < rows; i++) {
        char a[SETTING_TEXT], b[SETTING_TEXT];
        if (table[i].class == CLASS_OPERATION || settings_equal(&there, &cell, &table[i]) ||
            (grows && strcmp(table[i].key, "training.episodes") == 0))
            continue;
        settings_get(&there, &table[i], a, sizeof a);
        settings_get(&cell, &table[i], b, sizeof b);
        text_add(text, WORDS, "%s%s is %s in the file and %s in the spec", between, table[i].key, a,
                 b);
        between = "; ";
    }
}

/* ---- what becomes of the runs ---- */

/* Columns of the file that say how a run ended. */
struct ends {
    int32_t *outcome, *total, *stopping;
};

static enum status read_ends(const struct store *store, struct ends *ends, struct fault *fault)
{
    const struct {
        const char *name;
        int32_t **values;
    } columns[] = {{"outcome", &ends->outcome},
                   {"total_episodes", &ends->total},
                   {"stopping_episode", &ends->stopping}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        *columns[i].values = fault_alloc((size_t)store_runs(store), sizeof(int32_t));
        if (status == STATUS_OK)
            status = store_column(store, record_field(columns[i].name), *columns[i].values, fault);
    }
    return status;
}

static void free_ends(const struct ends *ends)
{
    free(ends->outcome);
    free(ends->total);
    free(ends->stopping);
}

static enum growth growth_of(const struct extension *e, const struct store *store, const char *path,
                             const struct spec *wider, const struct ends *ends, int64_t run)
{
    struct settings before, after;
    if (store_damage(store, run) != NULL)
        return GROWTH_DAMAGED;
    if (store_state(store, run) != STORE_DONE)
        return GROWTH_OPEN;
    store_cell(store, run, &before);
    spec_cell(wider, e->to[run], &after);
    if (before.training.episodes == after.training.episodes ||
        !tracker_ended_by_limit(&before, ends->outcome[run], ends->total[run], ends->stopping[run]))
        return GROWTH_COPIED;
    struct identity kept;
    const struct identity own = identity_of(&before);
    return checkpoint_identity(path, run, &kept, NULL) && identity_equal(&kept, &own)
               ? GROWTH_CONTINUED
               : GROWTH_ANEW;
}

static enum status find_growth(struct extension *e, const struct store *store, const char *path,
                               const struct spec *wider, struct fault *fault)
{
    struct ends ends = {0};
    const enum status status = read_ends(store, &ends, fault);
    for (int64_t run = 0; run < e->runs && status == STATUS_OK; run++) {
        const enum growth growth = growth_of(e, store, path, wider, &ends, run);
        e->growth[run] = (uint8_t)growth;
        e->count[growth]++;
    }
    free_ends(&ends);
    return status;
}

enum status extension_limited(const struct store *store, bool *limited, struct fault *fault)
{
    struct ends ends = {0};
    const enum status status = read_ends(store, &ends, fault);
    for (int64_t run = 0; run < store_runs(store) && status == STATUS_OK; run++) {
        struct settings cell;
        store_cell(store, run, &cell);
        limited[run] =
            store_state(store, run) == STORE_DONE &&
            tracker_ended_by_limit(&cell, ends.outcome[run], ends.total[run], ends.stopping[run]);
    }
    free_ends(&ends);
    return status;
}

/* \param missing the first run that is no cell of the spec, else -1 (output) */
static struct extension *match(const struct store *store, const struct spec *wider,
                               int64_t *missing)
{
    struct extension *e = fault_alloc(1, sizeof *e);
    *e = (struct extension){.runs = store_runs(store), .cells = spec_cells(wider)};
    e->to = fault_alloc((size_t)e->runs, sizeof *e->to);
    e->growth = fault_alloc((size_t)e->runs, sizeof *e->growth);
    for (int64_t run = 0; run < e->runs; run++)
        e->to[run] = -1;
    match_all(e, store_spec(store), wider);
    *missing = -1;
    for (int64_t run = 0; run < e->runs && *missing < 0; run++)
        *missing = e->to[run] < 0 ? run : -1;
    return e;
}

enum status extension_new(struct extension **extension, const struct store *store, const char *path,
                          const struct spec *wider, struct fault *fault)
{
    int64_t missing = -1;
    char words[WORDS];
    struct extension *e = match(store, wider, &missing);
    enum status status = STATUS_OK;
    if (missing >= 0) {
        describe_missing(store, missing, wider, words);
        status = fault_set(fault, STATUS_INPUT,
                           "%s cannot be extended to this spec: %s; expected all cells of the file "
                           "and others, or the same with more training.episodes",
                           path, words);
    }
    if (status == STATUS_OK)
        status = find_growth(e, store, path, wider, fault);
    if (status != STATUS_OK)
        extension_free(&e);
    *extension = e;
    return status;
}

/* Some of the cells may have a larger limit in the spec. */
static bool grows(const struct extension *e, const struct store *store, const struct spec *wider)
{
    bool larger = false;
    for (int64_t run = 0; run < e->runs && !larger; run++) {
        struct settings before, after;
        store_cell(store, run, &before);
        spec_cell(wider, e->to[run], &after);
        larger = before.training.episodes < after.training.episodes;
    }
    return larger;
}

enum status extension_match(const struct store *store, const char *path, const struct spec *spec,
                            struct fault *fault)
{
    int64_t missing = -1;
    char words[WORDS];
    if (store_is_of(store, spec))
        return STATUS_OK;
    struct extension *e = match(store, spec, &missing);
    if (missing >= 0) {
        describe_missing(store, missing, spec, words);
        fault_set(fault, STATUS_INPUT,
                  "%s was made for other cells (%" PRId64 ", and the spec has %" PRId64
                  "): %s: give another file (run --reuse copies what this one has), or the spec it "
                  "was made for",
                  path, e->runs, e->cells, words);
    } else if (e->cells > e->runs) {
        fault_set(fault, STATUS_INPUT,
                  "%s was made for %" PRId64 " of the %" PRId64 " cells of the spec%s, and %" PRId64
                  " are new: run --extend makes it the file of them all, or give another file "
                  "(run --reuse copies what this one has)",
                  path, e->runs, e->cells,
                  grows(e, store, spec) ? ", with fewer training.episodes" : "",
                  e->cells - e->runs);
    } else {
        store_differ(store, spec, fault);
    }
    extension_free(&e);
    return STATUS_INPUT;
}

void extension_free(struct extension **extension)
{
    if (extension == NULL || *extension == NULL)
        return;
    free((*extension)->to);
    free((*extension)->growth);
    free(*extension);
    *extension = NULL;
}
