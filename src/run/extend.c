// SPDX-License-Identifier: MIT
/*
 * Until the rename nothing of the old file is touched, and whatever a kill leaves is removed by the
 * next start: the temporary of the new file, and the folder of its checkpoints. So the new file is
 * written without the order of a commit, and made durable once.
 */
#include "run/extend.h"
#include "base/build.h"
#include "base/text.h"
#include "run/reuse.h"
#include "store/carried.h"
#include "store/checkpoint.h"
#include "store/extension.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/host.h"
#include "sys/inject.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The old file and the new one. */
struct work {
    const char *path;
    const struct spec *wider;
    struct progress *progress;
    struct store *old, *new;
    struct extension *extension;
    char *temporary; /* name of the new file */
    char tag[CARRIED_TAG];
};

/* ---- the runs ---- */

/* A record of the old extents, then one of the new. */
static enum status copy_rows(const struct work *w, int64_t run, struct fault *fault)
{
    struct settings before, after;
    struct record narrow, wide;
    const int64_t to = w->extension->to[run];
    store_cell(w->old, run, &before);
    store_cell(w->new, to, &after);
    const struct extents from = record_extents(&before), into = record_extents(&after);
    void *block = NULL;
    void *const wider = fault_alloc(record_size(&into), 1);
    record_bind(&wide, &into, wider);
    enum status status = store_load_new(w->old, run, &narrow, &block, fault);
    if (status == STATUS_OK) {
        record_widen(&narrow, &from, &wide, &into);
        status = store_put(w->new, to, &wide, fault);
    }
    free(wider);
    free(block);
    return status;
}

/* A run that goes on is as one that was stopped politely: it has a checkpoint to be missed. One
 * that is copied may have a checkpoint that is kept for a larger limit, and keeps it; if not,
 * tidying removes it. */
static enum status copy_run(const struct work *w, int64_t run, struct fault *fault)
{
    const int64_t to = w->extension->to[run];
    const enum growth growth = (enum growth)w->extension->growth[run];
    enum status status = STATUS_OK;
    if (growth == GROWTH_COPIED)
        status = copy_rows(w, run, fault);
    if (growth == GROWTH_CONTINUED || store_state(w->old, run) == STORE_INTERRUPTED)
        status = store_put_state(w->new, to, STORE_INTERRUPTED, fault);
    if (status == STATUS_OK && growth != GROWTH_ANEW && growth != GROWTH_DAMAGED &&
        checkpoint_exists(w->path, run))
        status = carried_add(w->path, w->tag, run, to, fault);
    return status;
}

static enum status refuse_stopped(const struct work *w, struct fault *fault)
{
    return fault_set(fault, STATUS_STOPPED,
                     "stopped while extending %s, which is as it was; run the same command again",
                     w->path);
}

static enum status copy_runs(const struct work *w, struct fault *fault)
{
    enum status status = STATUS_OK;
    progress_start(w->progress, 0, clock_now());
    for (int64_t run = 0; run < w->extension->runs && status == STATUS_OK; run++) {
        progress_count(w->progress, "copied", run, w->extension->runs, clock_now());
        status = stop_requested() ? refuse_stopped(w, fault) : copy_run(w, run, fault);
    }
    progress_fini(w->progress);
    return status;
}

/* What a training took that is thrown away does not count as what its cell took. */
static enum status take_notes(const struct work *w, struct fault *fault)
{
    const struct extension *const e = w->extension;
    int64_t *const to = fault_alloc((size_t)e->runs, sizeof *to);
    for (int64_t run = 0; run < e->runs; run++)
        to[run] =
            e->growth[run] == GROWTH_ANEW || e->growth[run] == GROWTH_DAMAGED ? -1 : e->to[run];
    const enum status status = store_take_notes(w->new, w->old, to, fault);
    free(to);
    return status;
}

/* Behind the starts of the old file, which are taken over. */
static enum status log_extension(const struct work *w, struct fault *fault)
{
    char host[64], words[32];
    const struct extension *const e = w->extension;
    int64_t row = 0, done = 0;
    host_name(host, sizeof host);
    snprintf(words, sizeof words, STORE_EXTENSION, e->runs, e->cells);
    for (int64_t run = 0; run < e->runs; run++)
        done += store_state(w->old, run) == STORE_DONE;
    const struct store_start start = {.host = host,
                                      .job = words,
                                      .revision = build_revision(),
                                      .process = getpid(),
                                      .ranks = 0,
                                      .done = (int32_t)done};
    const double now = clock_utc();
    const enum status status = store_log_start(w->new, &start, now, &row, fault);
    return status == STATUS_OK ? store_log_end(w->new, row, STATUS_OK, now, fault) : status;
}

/* ---- the files ---- */

/* What is done must be what was committed: a new commit record would certify anything else. */
static enum status open_old(struct work *w, bool check, struct fault *fault)
{
    enum status status = store_open(&w->old, w->path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = store_inspect(w->old, true, fault);
    if (status == STATUS_OK)
        status = store_compare(w->old, NULL, fault);
    if (status == STATUS_STOPPED)
        return refuse_stopped(w, fault);
    for (int64_t run = 0; status == STATUS_OK && run < store_runs(w->old); run++) {
        const char *const why = store_damage(w->old, run);
        if (why != NULL && !check)
            return fault_set(fault, STATUS_INPUT,
                             "run %" PRId64 " of %s is damaged: %s; run --check trains again what "
                             "is not what was committed",
                             run, w->path, why);
        if (why != NULL)
            progress_say(w->progress, "run %" PRId64 " of %s is damaged: %s; it is trained again",
                         run, w->path, why);
    }
    if (status == STATUS_OK)
        status = extension_new(&w->extension, w->old, w->path, w->wider, fault);
    return status;
}

static enum status fill_new(struct work *w, struct fault *fault)
{
    enum status status = store_open(&w->new, w->temporary, STORE_WRITE, fault);
    inject(INJECT_EXTEND, 0);
    if (status == STATUS_OK)
        status = take_notes(w, fault);
    if (status == STATUS_OK)
        status = copy_runs(w, fault);
    if (status == STATUS_OK)
        status = log_extension(w, fault);
    if (status == STATUS_OK)
        status = store_sync(w->new, fault);
    store_close(&w->new);
    return status;
}

static enum status replace(struct work *w, struct fault *fault)
{
    const struct store_program program = store_this_program();
    enum status status = store_create_beside(w->path, w->wider, &program, &w->temporary, fault);
    if (status != STATUS_OK)
        return status;
    carried_tag(w->wider, w->tag);
    status = carried_begin(w->path, w->tag, fault);
    if (status == STATUS_OK)
        status = fill_new(w, fault);
    if (status == STATUS_OK)
        status = carried_sync(w->path, w->tag, fault);
    inject(INJECT_EXTEND, 1);
    if (status == STATUS_OK)
        status = disk_rename(w->temporary, w->path, fault);
    inject(INJECT_EXTEND, 2);
    if (status != STATUS_OK)
        unlink(w->temporary);
    return status;
}

static void say_what(const struct work *w, const char *doing)
{
    static const char *const words[GROWTH_COUNT] = {
        [GROWTH_COPIED] = "finished",
        [GROWTH_CONTINUED] = "to go on behind their old limit",
        [GROWTH_ANEW] = "to be trained anew with the larger limit",
        [GROWTH_OPEN] = "not finished",
        [GROWTH_DAMAGED] = "damaged",
    };
    const struct extension *const e = w->extension;
    char text[256] = "";
    for (int growth = 0; growth < GROWTH_COUNT; growth++) {
        if (e->count[growth] > 0)
            text_add(text, sizeof text, "%s%" PRId64 " %s", text[0] != '\0' ? ", " : "",
                     e->count[growth], words[growth]);
    }
    progress_say(w->progress, "%s %s from %" PRId64 " to %" PRId64 " cells: %s, %" PRId64 " new",
                 doing, w->path, e->runs, e->cells, text, e->cells - e->runs);
}

enum status extend_look(const char *path, const struct spec *wider, bool check,
                        struct progress *progress, struct fault *fault)
{
    struct work work = {.path = path, .wider = wider, .progress = progress};
    const enum status status = open_old(&work, check, fault);
    if (status == STATUS_OK)
        say_what(&work, "would extend");
    store_close(&work.old);
    extension_free(&work.extension);
    return status;
}

enum status extend_file(const char *path, const struct spec *wider, bool check,
                        struct progress *progress, struct fault *fault)
{
    struct work work = {.path = path, .wider = wider, .progress = progress};
    enum status status = open_old(&work, check, fault);
    if (status == STATUS_OK) {
        reuse_compare_labels(wider, store_spec(work.old), path, progress);
        say_what(&work, "extending");
        status = replace(&work, fault);
    }
    store_close(&work.old);
    /* What was begun of its checkpoints goes, when the new file has not come about. */
    struct fault ignored;
    if (status != STATUS_OK && work.tag[0] != '\0')
        (void)!carried_settle(path, NULL, &ignored);
    extension_free(&work.extension);
    free(work.temporary);
    return status;
}
