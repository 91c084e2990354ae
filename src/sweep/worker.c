// SPDX-License-Identifier: MIT
#include <ccmsweep/build.h>
#include <ccmsweep/checkpoint.h>
#include <ccmsweep/clock.h>
#include <ccmsweep/host.h>
#include <ccmsweep/kernels.h>
#include <ccmsweep/stop.h>
#include <ccmsweep/worker.h>

/* How often /volatile learns where a run is. */
static const double note_every_s = 10;

static enum status save(struct worker *w, struct fault *fault)
{
    const size_t size = trainer_state_size(w->trainer);
    const struct identity identity = identity_of(trainer_settings(w->trainer));
    trainer_save(w->trainer, w->state, size);
    return checkpoint_save(w->path, w->run, &identity, w->state, size, fault);
}

enum status worker_resume(struct worker *w, struct fault *fault)
{
    if (w->store == NULL)
        return STATUS_OK;
    enum status status = STATUS_INPUT;
    const size_t size = trainer_state_size(w->trainer);
    const struct identity identity = identity_of(trainer_settings(w->trainer));
    const enum checkpoint_answer answer =
        checkpoint_load(w->path, w->run, &identity, w->state, size, fault);
    if (answer == CHECKPOINT_ABSENT && store_state(w->store, w->run) != STORE_INTERRUPTED)
        return STATUS_OK;
    if (answer == CHECKPOINT_LOADED)
        status = trainer_load(w->trainer, w->state, size, fault);
    if (status == STATUS_FAULT) {
        fault_prefix(fault, "%s", w->path);
        return status;
    }
    if (answer == CHECKPOINT_ABSENT)
        progress_say(w->progress,
                     "%s was stopped, but its checkpoint in %s.ckpt is gone; beginning again",
                     w->path, w->path);
    else if (status == STATUS_OK)
        progress_say(w->progress, "%s: going on after episode %lld", w->path,
                     (long long)trainer_episode(w->trainer));
    else
        progress_say(w->progress, "%s; beginning again", fault->text);
    return STATUS_OK;
}

static enum status note_start(struct worker *w, struct fault *fault)
{
    char name[64];
    char cpu[64];
    host_name(name, sizeof name);
    host_cpu(cpu, sizeof cpu);
    const struct store_host host = {
        .host = name, .cpu = cpu, .cpu_level = kernels_best()->level, .revision = build_revision()};
    return store_note_start(w->store, w->run, &host, clock_utc(), fault);
}

/* Note how far the run is and the time it took since the last note. */
static enum status note_progress(struct worker *w, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(w->trainer);
    const double now_s = clock_now();
    enum status status =
        store_note_progress(w->store, w->run, at.episode, at.actors_moving, clock_utc(), fault);
    if (status == STATUS_OK)
        status = store_note_end(w->store, w->run, now_s - w->noted_s, clock_utc(), fault);
    w->noted_s = now_s;
    return status;
}

/* Train until done or asked to leave. */
static enum status pull(struct worker *w, struct fault *fault)
{
    const double every_s = trainer_settings(w->trainer)->checkpoint.every_s;
    double saved_s = clock_now();
    progress_start(w->progress, trainer_episode(w->trainer), saved_s);
    while (!trainer_done(w->trainer) && !stop_requested()) {
        trainer_advance(w->trainer, 1);
        const double now_s = clock_now();
        const struct trainer_progress at = trainer_progress(w->trainer);
        progress_show(w->progress, &at, now_s);
        if (w->store == NULL)
            continue;
        if (every_s > 0 && now_s - saved_s >= every_s && !trainer_done(w->trainer)) {
            struct fault warning;
            if (save(w, &warning) != STATUS_OK)
                progress_say(w->progress, "no checkpoint: %s; training goes on", warning.text);
            saved_s = clock_now();
        }
        if (now_s - w->noted_s >= note_every_s) {
            const enum status status = note_progress(w, fault);
            if (status != STATUS_OK)
                return status;
        }
    }
    return STATUS_OK;
}

static enum status note_end(struct worker *w, double *wall_s, struct fault *fault)
{
    struct store_notes notes;
    enum status status = note_progress(w, fault);
    if (status == STATUS_OK)
        status = store_notes(w->store, w->run, &notes, fault);
    if (status == STATUS_OK)
        *wall_s = notes.wall_s;
    return status;
}

static enum status leave(struct worker *w, double *wall_s, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(w->trainer);
    const long long episode = (long long)at.episode;
    const long long episodes = (long long)at.episodes;
    if (w->store == NULL)
        return fault_set(fault, STATUS_STOPPED,
                         "stopped after episode %lld of %lld; nothing is kept without --output",
                         episode, episodes);
    enum status status = save(w, fault);
    if (status == STATUS_OK)
        status = note_end(w, wall_s, fault);
    if (status == STATUS_OK)
        status = store_interrupt(w->store, w->run, fault);
    if (status != STATUS_OK)
        return status;
    return fault_set(fault, STATUS_STOPPED,
                     "stopped after episode %lld of %lld; run the same command again to go on",
                     episode, episodes);
}

static enum status finish(struct worker *w, double *wall_s, struct fault *fault)
{
    if (w->store == NULL)
        return STATUS_OK;
    enum status status = note_end(w, wall_s, fault);
    if (status == STATUS_OK)
        status = store_commit(w->store, w->run, trainer_record(w->trainer), fault);
    if (status == STATUS_OK)
        status = checkpoint_remove(w->path, w->run, fault);
    return status;
}

enum status worker_train(struct worker *w, double *wall_s, struct fault *fault)
{
    const double began_s = clock_now();
    w->noted_s = began_s;
    enum status status = w->store == NULL ? STATUS_OK : note_start(w, fault);
    if (status == STATUS_OK)
        status = pull(w, fault);
    progress_fini(w->progress);
    *wall_s = clock_now() - began_s;
    if (status != STATUS_OK)
        return status;
    return trainer_done(w->trainer) ? finish(w, wall_s, fault) : leave(w, wall_s, fault);
}
