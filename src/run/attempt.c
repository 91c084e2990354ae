// SPDX-License-Identifier: MIT
#include "run/attempt.h"
#include "base/build.h"
#include "model/kernels.h"
#include "run/crash_mark.h"
#include "store/checkpoint.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "sys/inject.h"
#include <math.h>

/* How often /volatile learns where a run is. */
static const double note_every_s = 10;

/* When a suspect saves its first checkpoint: until then no other suspect is tried. */
static const double suspect_saves_s = 5;

static enum status save(struct worker *w, struct fault *fault)
{
    const struct identity identity = identity_of(trainer_settings(w->trainer));
    return checkpoint_save(w->path, w->run, &identity, trainer_state(w->trainer),
                           trainer_state_size(w->trainer), fault);
}

/* Take over the checkpoint, and say what became of it. It is read to where the trainer has its
 * state: a copy of that would be two thirds of what the trainer takes. */
static enum status resume(struct worker *w, struct fault *fault)
{
    const struct identity identity = identity_of(trainer_settings(w->trainer));
    void *const state = trainer_state(w->trainer);
    const size_t size = trainer_state_size(w->trainer);
    const enum checkpoint_answer answer =
        checkpoint_load(w->path, w->run, &identity, state, size, fault);
    const bool stopped = store_state(w->store, w->run) == STORE_INTERRUPTED;
    enum status status = STATUS_INPUT;
    if (answer == CHECKPOINT_ABSENT && !stopped)
        return STATUS_OK;
    if (answer == CHECKPOINT_LOADED)
        status = trainer_load(w->trainer, state, size, fault);
    if (status == STATUS_FAULT && !w->begins_again) {
        fault_prefix(fault, "%s", w->path);
        return status;
    }
    if (status != STATUS_OK && answer != CHECKPOINT_ABSENT)
        trainer_reset(w->trainer);
    if (answer == CHECKPOINT_ABSENT && w->begins_again)
        progress_say(w->progress,
                     "run %lld was stopped, but its checkpoint in %s.ckpt is gone; beginning again",
                     (long long)w->run, w->path);
    else if (answer == CHECKPOINT_ABSENT)
        progress_say(w->progress,
                     "%s was stopped, but its checkpoint in %s.ckpt is gone; beginning again",
                     w->path, w->path);
    else if (status != STATUS_OK)
        progress_say(w->progress, "%s; beginning again", fault->text);
    else if (!w->begins_again)
        progress_say(w->progress, "%s: going on after episode %lld", w->path,
                     (long long)trainer_episode(w->trainer));
    return STATUS_OK;
}

static enum status note_start(struct worker *w, struct fault *fault)
{
    char name[64];
    char cpu[64];
    host_name(name, sizeof name);
    host_cpu(cpu, sizeof cpu);
    const struct store_host host = {.host = name,
                                    .cpu = cpu,
                                    .cpu_level = kernels_best()->level,
                                    .revision = build_revision(),
                                    .rank = w->rank};
    return store_note_start(w->store, w->run, &host, clock_utc(), fault);
}

enum status worker_claim(struct worker *w, int64_t run, struct fault *fault)
{
    struct store_failures failures;
    w->run = run;
    if (w->store == NULL)
        return STATUS_OK;
    enum status status = store_check_place(w->store, fault);
    if (status == STATUS_OK)
        status = store_failures(w->store, run, &failures, fault);
    if (status != STATUS_OK)
        return status;
    const struct store_place place = store_place(w->store, run);
    w->suspect = failures.suspect != 0 || failures.crashes > 0;
    failures.flight = FLIGHT_OPEN;
    crash_mark_aim(&place);
    status = store_note_failures(w->store, run, &failures, fault);
    inject(INJECT_BEGIN, run);
    return status;
}

enum status worker_begin(struct worker *w, struct trainer *trainer, struct fault *fault)
{
    w->trainer = trainer;
    w->noted_s = w->saved_s = clock_now();
    if (w->store == NULL)
        return STATUS_OK;
    enum status status = resume(w, fault);
    if (status == STATUS_OK)
        return note_start(w, fault);
    /* The run stays what it was. */
    struct store_failures failures;
    crash_mark_aim(NULL);
    if (store_failures(w->store, w->run, &failures, NULL) == STATUS_OK) {
        failures.flight = FLIGHT_NONE;
        (void)!store_note_failures(w->store, w->run, &failures, NULL);
    }
    return status;
}

/* Note how far the run is and the time it took since the last note. */
static enum status note_progress(struct worker *w, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(w->trainer);
    const double now_s = clock_now();
    /* What is written into a file that was cut short would make it longer again. */
    enum status status = store_check_place(w->store, fault);
    if (status == STATUS_OK)
        status =
            store_note_progress(w->store, w->run, at.episode, at.actors_moving, clock_utc(), fault);
    if (status == STATUS_OK)
        status = store_note_end(w->store, w->run, now_s - w->noted_s, clock_utc(), fault);
    w->noted_s = now_s;
    return status;
}

/* Nothing is held against the run but crash marks, if they are kept. */
static enum status clear_failures(struct worker *w, enum flight flight, bool keeps_marks,
                                  struct fault *fault)
{
    struct store_failures failures;
    enum status status = store_failures(w->store, w->run, &failures, fault);
    if (status != STATUS_OK)
        return status;
    w->suspect = false;
    failures = (struct store_failures){.flight = (int32_t)flight,
                                       .crashes = keeps_marks ? failures.crashes : 0};
    return store_note_failures(w->store, w->run, &failures, fault);
}

static bool is_due(const struct worker *w, double now_s)
{
    double every_s = w->checkpoint_s > 0 ? w->checkpoint_s : INFINITY;
    if (w->suspect)
        every_s = fmin(every_s, suspect_saves_s);
    return now_s - w->saved_s >= every_s && !trainer_done(w->trainer);
}

static enum status save_when_due(struct worker *w, double now_s, struct fault *fault)
{
    if (!is_due(w, now_s))
        return STATUS_OK;
    const enum status status = store_check_place(w->store, fault);
    if (status != STATUS_OK)
        return status;
    struct fault warning;
    const enum status saved = save(w, &warning);
    if (saved != STATUS_OK && !w->warned)
        progress_say(w->progress, "no checkpoint: %s; training goes on", warning.text);
    w->warned = w->warned || saved != STATUS_OK;
    w->saved_s = clock_now();
    if (saved == STATUS_OK && w->suspect)
        return clear_failures(w, FLIGHT_OPEN, true, fault);
    return STATUS_OK;
}

enum status worker_episode(struct worker *w, struct fault *fault)
{
    trainer_advance(w->trainer, 1);
    if (w->store == NULL)
        return STATUS_OK;
    inject(INJECT_EPISODE, w->run);
    const double now_s = clock_now();
    enum status status = save_when_due(w, now_s, fault);
    if (status == STATUS_OK && now_s - w->noted_s >= note_every_s)
        status = note_progress(w, fault);
    return status;
}

enum status worker_commit(struct worker *w, double *wall_s, struct fault *fault)
{
    struct store_notes notes;
    enum status status = note_progress(w, fault);
    if (status == STATUS_OK)
        status = store_notes(w->store, w->run, &notes, fault);
    if (status == STATUS_OK)
        status = store_commit(w->store, w->run, trainer_record(w->trainer), fault);
    crash_mark_aim(NULL);
    if (status == STATUS_OK)
        status = clear_failures(w, FLIGHT_NONE, true, fault);
    struct fault warning;
    if (status == STATUS_OK && checkpoint_remove(w->path, w->run, &warning) != STATUS_OK)
        progress_say(w->progress, "%s", warning.text);
    if (status == STATUS_OK)
        *wall_s = notes.wall_s;
    return status;
}

enum status worker_stop(struct worker *w, struct fault *fault)
{
    struct fault warning;
    const bool saved = save(w, &warning) == STATUS_OK;
    if (!saved)
        progress_say(w->progress,
                     "no checkpoint: %s; the run goes on from the last one, if there is one",
                     warning.text);
    enum status status = note_progress(w, fault);
    if (status == STATUS_OK && saved)
        status = store_interrupt(w->store, w->run, fault);
    crash_mark_aim(NULL);
    if (status == STATUS_OK)
        status = clear_failures(w, FLIGHT_NONE, false, fault);
    return status;
}
