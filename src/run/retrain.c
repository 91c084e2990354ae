// SPDX-License-Identifier: MIT
#include "run/retrain.h"
#include "base/build.h"
#include "base/rng.h"
#include "run/attempt.h"
#include "run/backoff.h"
#include "run/comparison.h"
#include "run/dispatch.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- which runs ---- */

/* Runs whose settings are not those that were trained would differ from the first episode on. */
static bool *list_unfit(const struct store *store, const struct defects *defects)
{
    bool *const unfit = fault_alloc((size_t)store_runs(store), sizeof *unfit);
    for (size_t i = 0; i < defects->count; i++) {
        const struct defect *const defect = &defects->of[i];
        if (defect->run >= 0 && strcmp(defect->dataset, "identity") == 0)
            unfit[defect->run] = true;
    }
    return unfit;
}

static enum status list_trained(const struct store *store, const struct defects *defects,
                                int32_t *pool, int *count, struct fault *fault)
{
    int32_t *const outcomes = fault_alloc((size_t)store_runs(store), sizeof *outcomes);
    bool *const unfit = list_unfit(store, defects);
    const enum status status = store_column(store, record_field("outcome"), outcomes, fault);
    *count = 0;
    for (int64_t run = 0; run < store_runs(store) && status == STATUS_OK; run++) {
        const enum store_state state = store_state(store, run);
        if ((state == STORE_DONE || state == STORE_DAMAGED) && !unfit[run] &&
            outcomes[run] != OUTCOME_FAILED && outcomes[run] != OUTCOME_QUARANTINED)
            pool[(*count)++] = (int32_t)run;
    }
    free(unfit);
    free(outcomes);
    return status;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

enum status retrain_draw(struct retrain *r, const struct defects *defects, int64_t wanted,
                         uint32_t seed, struct fault *fault)
{
    struct python_rng rng;
    int count = 0;
    int32_t *const pool = fault_alloc((size_t)store_runs(r->store), sizeof *pool);
    const enum status status = list_trained(r->store, defects, pool, &count, fault);
    r->among = count;
    r->count = wanted < 0 || wanted > count ? count : (int)wanted;
    r->runs = fault_alloc((size_t)r->count + 1, sizeof *r->runs);
    if (r->count < count) {
        python_seed(&rng, seed);
        python_sample(&rng, pool, count, r->runs, r->count);
    } else {
        memcpy(r->runs, pool, (size_t)count * sizeof *pool);
    }
    qsort(r->runs, (size_t)r->count, sizeof *r->runs, by_number);
    free(pool);
    return status;
}

void retrain_fini(struct retrain *r)
{
    free(r->runs);
    r->runs = NULL;
}

/* ---- what comes of them ---- */

static const char *explain(const char *there, const char *here)
{
    return comparison_rounds_differently(there, here)
               ? ": their arithmetic differs in the last bits, so nothing is proved; "
                 "verify it on a CPU like the first"
               : "";
}

static enum status add_difference(const struct retrain *r, int64_t run, const struct comparison *c,
                                  struct defects *defects, struct fault *fault)
{
    size_t count = 0;
    const char *const name = record_fields(&count)[c->first].name;
    char where[48] = "", others[48] = "";
    struct store_notes notes;
    struct fault sentence;
    const enum status status = store_notes(r->store, run, &notes, fault);
    if (status != STATUS_OK)
        return status;
    if (c->episode >= 0)
        snprintf(where, sizeof where, " from episode %d on", c->episode);
    if (c->fields > 1)
        snprintf(others, sizeof others, ", and %d more dataset%s", c->fields - 1,
                 c->fields > 2 ? "s" : "");
    fault_set(&sentence, STATUS_INPUT,
              "run %" PRId64 " of %s is not what this program computes: %s differs first%s%s; "
              "trained by revision %s on a CPU of level %s, again by %s on %s%s",
              run, r->path, name, where, others, notes.revision[0] != '\0' ? notes.revision : "?",
              notes.cpu_level[0] != '\0' ? notes.cpu_level : "?", build_revision(), c->level,
              explain(notes.cpu_level, c->level));
    progress_say(r->progress, "%s", sentence.text);
    defects_add(defects, run, name, c->episode, sentence.text);
    return STATUS_OK;
}

static enum status count_run(struct retrain *r, const struct message *event,
                             struct defects *defects, struct fault *fault)
{
    if (event->type != MESSAGE_DONE)
        return STATUS_OK;
    r->compared++;
    if (event->compared.fields > 0)
        return add_difference(r, event->cell, &event->compared, defects, fault);
    progress_say(r->progress, "run %" PRId64 ": equal in all bytes (%d of %d)", event->cell,
                 r->compared, r->count);
    return STATUS_OK;
}

/* ---- the trainings ---- */

static enum status train_alone(struct retrain *r, int64_t run, struct defects *defects,
                               struct fault *fault)
{
    struct attempt attempt = {
        .store = r->store, .path = r->path, .progress = r->progress, .again = true};
    struct message event;
    enum status status = attempt_start(&attempt, run, fault);
    while (status == STATUS_OK && attempt_continues(&attempt) && !stop_requested())
        status = attempt_episode(&attempt, fault);
    if (status == STATUS_OK)
        status = attempt_end(&attempt, &event, fault);
    attempt_fini(&attempt);
    return status == STATUS_OK ? count_run(r, &event, defects, fault) : status;
}

static enum status hand_out(struct retrain *r, struct defects *defects, struct fault *fault)
{
    struct dispatch dispatch;
    struct message event;
    struct backoff backoff = {0};
    struct scheduler *scheduler = scheduler_new(r->comm->size - 1, r->count);
    enum status status = STATUS_OK;
    for (int i = 0; i < r->count; i++)
        scheduler_add(scheduler, r->runs[i], false);
    dispatch_init(&dispatch, r->comm, scheduler);
    while (status == STATUS_OK && !dispatch_over(&dispatch)) {
        if (stop_requested())
            dispatch_stop(&dispatch);
        if (!dispatch_turn(&dispatch, &event)) {
            backoff_sleep(&backoff);
            continue;
        }
        backoff_reset(&backoff);
        status = count_run(r, &event, defects, fault);
    }
    dispatch_fini(&dispatch);
    scheduler_free(&scheduler);
    return status;
}

enum status retrain_all(struct retrain *r, struct defects *defects, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (r->comm->size > 1)
        status = hand_out(r, defects, fault);
    for (int i = 0; i < r->count && status == STATUS_OK && r->comm->size == 1 && !stop_requested();
         i++)
        status = train_alone(r, r->runs[i], defects, fault);
    if (status != STATUS_OK || r->compared == r->count)
        return status;
    return fault_set(fault, STATUS_STOPPED,
                     "%s: stopped by a signal when %d of %d runs had been trained again", r->path,
                     r->compared, r->count);
}
