// SPDX-License-Identifier: MIT
/*
 * Looking at the whole numbers of finished runs before anybody uses them. The checksum of a run's
 * rows covers everything, but comparing it means reading all rows (store_compare.c). The numbers
 * that decide which group, event or index a run belongs to are a few per run: they are compared
 * with what a training can leave (record_check.c) each time a file is read, so that a changed byte
 * becomes a sentence and not a crash or a wrong estimate.
 */
#include "store/store_internal.h"
#include <stdlib.h>

/* Limits of one piece: runs, and bytes of a field. So a file of a million runs does not take more
 * memory than one of a few thousand, and each field of a piece is one read. */
enum { INSPECT_ROWS = 4096, INSPECT_BYTES = 4 << 20 };

/* Runs that are looked at, with what their bounds need and room for a field of theirs. */
struct view {
    int64_t run, runs;
    struct extents extents; /* the largest of them */
    int32_t *outcomes, *totals, *values;
};

/* Whole numbers of a run, a detection or an actor; neither floating-point numbers nor rows of
 * episodes and logs, which would mean reading most of the file. */
static bool is_inspected(const struct field *field, bool actors)
{
    const enum dimension dim = field->dims[0];
    return field->type == FIELD_I32 && field->dims[1] == DIM_NONE &&
           (dim == DIM_NONE || dim == DIM_DETECTION || (actors && dim == DIM_ACTOR));
}

/* As many runs as fit, from `run` on, at least one. HDF5 reads a box, so the widest run of a piece
 * makes the rows of all its runs as wide. */
static struct view plan_view(const struct store *store, int64_t run)
{
    struct view view = {.run = run, .extents.of = {[DIM_NONE] = 1}};
    for (; run < store->runs && view.runs < INSPECT_ROWS; run++, view.runs++) {
        struct settings cell;
        store_cell(store, run, &cell);
        const struct extents own = record_extents(&cell);
        struct extents wider = view.extents;
        for (int d = 0; d < DIM_COUNT; d++)
            wider.of[d] = own.of[d] > wider.of[d] ? own.of[d] : wider.of[d];
        const int64_t bytes = (view.runs + 1) * wider.of[DIM_ACTOR] * (int64_t)sizeof(int32_t);
        if (view.runs > 0 && bytes > INSPECT_BYTES)
            break;
        view.extents = wider;
    }
    return view;
}

/* Marks the runs whose values of the field no training leaves. Each run is compared within its own
 * extents, not those of the piece. */
static void check_values(struct store *store, const struct view *view, const struct field *field)
{
    const int64_t width = record_count(field, &view->extents);
    for (int64_t i = 0; i < view->runs; i++) {
        struct settings cell;
        char why[RECORD_WHY];
        /* The file may be in use: a run whose outcome is gone was taken back after it was found
         * done. */
        if (store_state(store, view->run + i) != STORE_DONE || !outcome_is_final(view->outcomes[i]))
            continue;
        store_cell(store, view->run + i, &cell);
        const struct extents own = record_extents(&cell);
        const struct record_bounds bounds =
            record_bounds(&cell, view->outcomes[i], view->totals[i]);
        if (!record_holds(field, view->values + i * width, record_count(field, &own), &bounds, why))
            store_mark(store, view->run + i, why);
    }
}

static enum status inspect_view(struct store *store, const struct view *view, bool actors,
                                struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    enum status status = store_read_runs(store, view->run, view->runs, record_field("outcome"),
                                         &view->extents, view->outcomes, fault);
    if (status == STATUS_OK)
        status = store_read_runs(store, view->run, view->runs, record_field("total_episodes"),
                                 &view->extents, view->totals, fault);
    for (size_t f = 0; f < count && status == STATUS_OK; f++) {
        if (!is_inspected(&fields[f], actors))
            continue;
        status = store_read_runs(store, view->run, view->runs, &fields[f], &view->extents,
                                 view->values, fault);
        if (status == STATUS_OK)
            check_values(store, view, &fields[f]);
    }
    return status;
}

/* Nothing is read for a piece without finished runs, such as most pieces of a new sweep. */
static bool has_done(const struct store *store, const struct view *view)
{
    for (int64_t i = 0; i < view->runs; i++) {
        if (store_state(store, view->run + i) == STORE_DONE)
            return true;
    }
    return false;
}

/* Marks the runs of a piece whose rows of a field cannot be unpacked. */
static enum status mark_unreadable(struct store *store, const struct view *view,
                                   const struct field *field, void *values, struct fault *fault)
{
    for (int64_t run = view->run; run < view->run + view->runs; run++) {
        if (store_state(store, run) != STORE_DONE)
            continue;
        const enum status status =
            store_read_runs(store, run, 1, field, &view->extents, values, fault);
        if (status == STATUS_INPUT)
            store_mark(store, run, fault->text);
        else if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Another program may have packed the rows (h5repack), and one damaged piece must not hide the runs
 * of all others. So everything is read once: piece by piece, and run by run where that fails. */
static enum status inspect_packed(struct store *store, struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    enum status status = STATUS_OK;
    for (int64_t run = 0; run < store->runs && status == STATUS_OK;) {
        struct view view = plan_view(store, run);
        for (size_t f = 0; f < count && status == STATUS_OK; f++) {
            const size_t values = (size_t)record_count(&fields[f], &view.extents);
            const size_t bytes = values * record_value_size(&fields[f]);
            if (values == 0)
                continue;
            const int64_t most = (int64_t)(INSPECT_BYTES / bytes);
            view.runs = view.runs > most && most > 0 ? most : view.runs;
        }
        for (size_t f = 0; f < count && status == STATUS_OK; f++) {
            void *const values =
                fault_alloc((size_t)(view.runs * record_count(&fields[f], &view.extents)) + 1,
                            record_value_size(&fields[f]));
            status = store_read_runs(store, view.run, view.runs, &fields[f], &view.extents, values,
                                     fault);
            if (status == STATUS_INPUT)
                status = mark_unreadable(store, &view, &fields[f], values, fault);
            free(values);
        }
        run += view.runs;
    }
    return status;
}

enum status store_inspect(struct store *store, bool actors, struct fault *fault)
{
    enum status status = store->foreign[0] != '\0' ? inspect_packed(store, fault) : STATUS_OK;
    for (int64_t run = 0; run < store->runs && status == STATUS_OK;) {
        struct view view = plan_view(store, run);
        const size_t runs = (size_t)view.runs;
        const int64_t width = view.extents.of[DIM_ACTOR] > DETECTION_COUNT
                                  ? view.extents.of[DIM_ACTOR]
                                  : DETECTION_COUNT;
        view.outcomes = fault_alloc(runs, sizeof *view.outcomes);
        view.totals = fault_alloc(runs, sizeof *view.totals);
        view.values = fault_alloc(runs * (size_t)width, sizeof *view.values);
        if (has_done(store, &view))
            status = inspect_view(store, &view, actors, fault);
        free(view.values);
        free(view.totals);
        free(view.outcomes);
        run += view.runs;
    }
    return status;
}
