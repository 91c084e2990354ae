// SPDX-License-Identifier: MIT
#include "run/reuse.h"
#include "base/text.h"
#include "spec/grid.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/stop_signal.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- runs ---- */

/* The notes come first, for the commit's fsync covers them: how long the run took is worth as much
 * to the estimates here as there. */
static enum status copy_run(struct store *store, int64_t run, const struct store *other,
                            int64_t from, struct fault *fault)
{
    void *block = NULL;
    struct record record;
    struct store_notes notes;
    enum status status = store_load_new(other, from, &record, &block, fault);
    if (status == STATUS_OK)
        status = store_notes(other, from, &notes, fault);
    if (status == STATUS_OK)
        status = store_note_copy(store, run, &notes, fault);
    if (status == STATUS_OK)
        status = store_commit(store, run, &record, fault);
    free(block);
    return status;
}

/* All rows are compared with their checksums before any are copied: a new commit record would
 * certify damaged ones. What is done here stays, unless the preferred file has something else or
 * it is damaged; then its record goes first, so that a kill leaves a run that is to be copied
 * again. */
static enum status take(struct store *store, int64_t run, struct sources *sources,
                        const struct identity *identity, struct fault *fault)
{
    struct source_choice choice;
    enum status status = sources_look(sources, identity, fault);
    if (status == STATUS_OK)
        status = sources_choose(sources, identity, &choice, fault);
    if (status != STATUS_OK)
        return status;
    sources->decided += choice.decided;
    if (choice.source == NULL || choice.source == sources->own)
        return STATUS_OK;
    const bool replaces = store_state(store, run) == STORE_DONE;
    if (replaces)
        status = store_uncommit(store, run, fault);
    if (status == STATUS_OK)
        status = copy_run(store, run, choice.source->store, choice.run->run, fault);
    choice.source->copied += status == STATUS_OK;
    choice.source->replaced += status == STATUS_OK && replaces;
    return status;
}

/* Of what is given up here nothing is copied: it stays that until --retry. */
static bool is_given_up(const struct store *store, int64_t run, const struct sources *sources,
                        const struct identity *identity)
{
    return store_state(store, run) == STORE_DONE && !sources_own(sources, identity);
}

static void count_held(struct sources *sources, const struct identity *identity)
{
    for (size_t i = 0; i < sources->count; i++)
        sources->of[i].held += sources_has(&sources->of[i], identity);
}

/* \return with `*run`: how many were looked at, fewer than all when asked to stop */
static enum status copy_runs(struct store *store, struct sources *sources,
                             struct progress *progress, int64_t *run, struct fault *fault)
{
    enum status status = STATUS_OK;
    progress_start(progress, 0, clock_now());
    for (*run = 0; *run < store_runs(store) && status == STATUS_OK && !stop_requested(); ++*run) {
        struct identity identity;
        progress_count(progress, "looked at", *run, store_runs(store), clock_now());
        status = store_identity(store, *run, &identity, fault);
        if (status == STATUS_OK && !is_given_up(store, *run, sources, &identity))
            status = take(store, *run, sources, &identity, fault);
        if (status == STATUS_OK)
            count_held(sources, &identity);
    }
    progress_fini(progress);
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
void reuse_compare_labels(const struct spec *here, const struct spec *there, const char *path,
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

static void say_copied(const struct source *from, struct progress *progress)
{
    const char *const plural = from->copied == 1 ? "" : "s";
    if (from->replaced > 0)
        progress_say(progress,
                     "%" PRId64 " run%s copied from %s, %" PRId64 " of them in place of others",
                     from->copied, plural, from->path, from->replaced);
    else if (from->copied > 0)
        progress_say(progress, "%" PRId64 " run%s copied from %s", from->copied, plural,
                     from->path);
    else if (from->held > 0)
        progress_say(progress,
                     "0 runs copied from %s: %s%" PRId64 " that it has of this sweep %s done or "
                     "given up here already",
                     from->path, from->held == 1 ? "the " : "all ", from->held,
                     from->held == 1 ? "is" : "are");
    else
        progress_say(progress, "0 runs copied from %s: it has no finished run of this sweep",
                     from->path);
}

/* What was decided, and whether anything was changed at all. */
static void say_all(const struct store *store, const char *path, const struct sources *sources,
                    struct progress *progress)
{
    int64_t copied = 0, left = 0;
    for (size_t i = 0; i < sources->count; i++) {
        if (&sources->of[i] != sources->own)
            say_copied(&sources->of[i], progress);
        copied += sources->of[i].copied;
    }
    if (sources->prefer != NULL && sources->decided > 0)
        progress_say(progress,
                     "the files differ in %" PRId64 " cell%s, of which --prefer took that of %s",
                     sources->decided, sources->decided == 1 ? "" : "s", sources->prefer->path);
    else if (sources->prefer != NULL)
        progress_say(progress, "the files differ in no cell: --prefer decided nothing");
    for (int64_t run = 0; run < store_runs(store); run++)
        left += store_state(store, run) != STORE_DONE;
    if (copied == 0 && left == 0)
        progress_say(progress, "nothing was changed in %s, whose cells were all done", path);
}

enum status reuse_runs(struct store *store, const char *path, const struct sources_asked *asked,
                       struct progress *progress, struct fault *fault)
{
    struct sources sources;
    int64_t looked_at = 0;
    enum status status = sources_open(&sources, asked, store, path, progress, fault);
    for (size_t i = 1; i < sources.count && status == STATUS_OK; i++)
        reuse_compare_labels(store_spec(store), store_spec(sources.of[i].store), sources.of[i].path,
                             progress);
    if (status == STATUS_OK)
        status = copy_runs(store, &sources, progress, &looked_at, fault);
    if (status == STATUS_OK && looked_at == store_runs(store))
        say_all(store, path, &sources, progress);
    sources_close(&sources);
    return status;
}

/* ---- before anything is made ---- */

/* The sentence has the first cell in which files differ, and here the number of all others: it may
 * be one of ten thousand, or all of them. */
static void count_others(const struct sources *sources, const struct spec *spec, int64_t from,
                         struct identities *identities, struct fault *fault)
{
    int64_t others = 0;
    for (int64_t index = from; index < spec_cells(spec); index++) {
        struct settings cell;
        spec_cell(spec, index, &cell);
        const struct identity identity = identities_next(identities, &cell);
        others += !sources_agree(sources, &identity);
    }
    if (others > 0)
        text_add(fault->text, sizeof fault->text, "; %" PRId64 " more cell%s differ%s", others,
                 others == 1 ? "" : "s", others == 1 ? "s" : "");
}

/* Rows are read where files differ. */
static enum status refuse_stopped(struct fault *fault)
{
    return fault_set(fault, STATUS_STOPPED,
                     "stopped while files were compared, nothing was copied; run the same command "
                     "again");
}

static enum status check_cells(const struct sources *sources, const struct spec *spec,
                               struct fault *fault)
{
    struct identities *identities = identities_new(TRAINER_ALGORITHM_VERSION);
    enum status status = STATUS_OK;
    int64_t index = 0;
    while (index < spec_cells(spec) && status == STATUS_OK) {
        struct settings cell;
        struct source_choice choice;
        spec_cell(spec, index++, &cell);
        const struct identity identity = identities_next(identities, &cell);
        status = stop_requested() ? refuse_stopped(fault)
                                  : sources_choose(sources, &identity, &choice, fault);
    }
    if (status == STATUS_INPUT)
        count_others(sources, spec, index, identities, fault);
    identities_free(&identities);
    return status;
}

/* The own file must be another one: compared by device and inode, for two names may lead to the
 * same file. */
static enum status check_own(const struct stat *here, const struct sources_asked *asked,
                             struct fault *fault)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < asked->count && status == STATUS_OK; i++) {
        struct stat there;
        status = disk_look(asked->paths[i], 0, &there, fault);
        if (status != STATUS_OK)
            fault_prefix(fault, "--reuse");
        else if (here->st_mode != 0 && here->st_dev == there.st_dev && here->st_ino == there.st_ino)
            status = fault_set(fault, STATUS_INPUT, "--reuse: %s is the file of this sweep itself",
                               asked->paths[i]);
    }
    return status;
}

enum status reuse_check(const char *path, const struct spec *spec,
                        const struct sources_asked *asked, struct fault *fault)
{
    struct stat here;
    struct store *own = NULL;
    struct sources sources = {0};
    enum status status = disk_look(path, 0, &here, fault);
    if (status == STATUS_OK)
        status = check_own(&here, asked, fault);
    if (status == STATUS_OK && here.st_mode != 0)
        status = store_open(&own, path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = sources_open(&sources, asked, own, path, NULL, fault);
    if (status == STATUS_OK)
        status = check_cells(&sources, spec, fault);
    sources_close(&sources);
    store_close(&own);
    return status;
}
