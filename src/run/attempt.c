// SPDX-License-Identifier: MIT
/*
 * Every step here can be the last one: the process may be killed between any two lines. So the
 * order of writes is chosen such that after a kill at any point the file is either as before the
 * step, or the next start repeats it. The functions say where the order matters.
 */
#include "run/attempt.h"
#include "base/build.h"
#include "model/kernels.h"
#include "run/comparison.h"
#include "run/crash_mark.h"
#include "store/checkpoint.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "sys/inject.h"
#include <math.h>

/* How often /volatile learns where a run is: seldom enough not to load a shared disk with small
 * writes of many ranks, often enough for somebody who looks at `status`. */
static const double note_every_s = 10;

/* When a suspect saves its first checkpoint. Until then no other suspect is tried, so it is soon;
 * but a cell that exhausts the memory or crashes at its start should have done so by then. */
static const double suspect_saves_s = 5;

/* Whether what happens to a run is written into the file. */
static bool is_kept(const struct attempt *a)
{
    return a->store != NULL && !a->again;
}

/* The checkpoint carries the identity of the cell: one that belongs to another cell, or to another
 * version of the algorithm, is not loaded. */
static enum status save(struct attempt *a, struct fault *fault)
{
    const struct identity identity = identity_of(trainer_settings(a->trainer));
    return checkpoint_save(a->path, a->run, &identity, trainer_state(a->trainer),
                           trainer_state_size(a->trainer), fault);
}

/* `train` names the file where a rank names the run: the user of a file with one run has never
 * heard of "run 0". */
static void say_checkpoint_gone(const struct attempt *a)
{
    if (a->begins_again)
        progress_say(a->progress,
                     "run %lld was stopped, but its checkpoint in %s.ckpt is gone; beginning again",
                     (long long)a->run, a->path);
    else
        progress_say(a->progress,
                     "%s was stopped, but its checkpoint in %s.ckpt is gone; beginning again",
                     a->path, a->path);
}

/* Bytes of the record of a cell with another limit. */
static int64_t record_bytes(struct settings cell, int64_t limit)
{
    cell.training.episodes = limit;
    const struct extents extents = record_extents(&cell);
    return (int64_t)record_size(&extents);
}

/* The limit of episodes of the cell whose checkpoint is there: the run's own, or the smaller one
 * that it had before the sweep was extended, whose cell differs in nothing else. 0: of neither. Of
 * a state only the record depends on the limit (trainer_extend): its size leaves few limits, and
 * the identity decides. */
static int64_t find_limit(const struct attempt *a)
{
    enum { PADDING = 4096 }; /* more than the state has behind its record */
    struct identity there;
    struct settings cell = *trainer_settings(a->trainer);
    const int64_t own = cell.training.episodes;
    const size_t whole = trainer_state_size(a->trainer);
    size_t size = 0;
    if (!checkpoint_identity(a->path, a->run, &there, &size) || size > whole)
        return 0;
    const int64_t bytes = record_bytes(cell, own) - (int64_t)(whole - size);
    int64_t limit = 1, above = own, found = 0;
    while (limit < above) {
        const int64_t middle = limit + (above - limit) / 2;
        if (record_bytes(cell, middle) < bytes - PADDING)
            limit = middle + 1;
        else
            above = middle;
    }
    struct identities *identities = identities_new(TRAINER_ALGORITHM_VERSION);
    for (; found == 0 && limit <= own && record_bytes(cell, limit) <= bytes + PADDING; limit++) {
        cell.training.episodes = limit;
        const struct identity identity = identities_next(identities, &cell);
        found = identity_equal(&identity, &there) ? limit : 0;
    }
    identities_free(&identities);
    return found;
}

/* The state of a smaller limit is read to where a training with that limit has it. */
static enum status load_shorter(struct attempt *a, int64_t limit, enum checkpoint_answer *answer,
                                struct fault *fault)
{
    struct settings cell = *trainer_settings(a->trainer);
    cell.training.episodes = limit;
    struct trainer *shorter = trainer_new(&cell);
    const struct identity identity = identity_of(&cell);
    void *const state = trainer_state(shorter);
    const size_t size = trainer_state_size(shorter);
    *answer = checkpoint_load(a->path, a->run, &identity, state, size, fault);
    enum status status = STATUS_INPUT;
    if (*answer == CHECKPOINT_LOADED)
        status = trainer_load(shorter, state, size, fault);
    if (status == STATUS_OK)
        trainer_extend(a->trainer, shorter);
    trainer_free(&shorter);
    return status;
}

static enum status load_own(struct attempt *a, enum checkpoint_answer *answer, struct fault *fault)
{
    const struct identity identity = identity_of(trainer_settings(a->trainer));
    void *const state = trainer_state(a->trainer);
    const size_t size = trainer_state_size(a->trainer);
    *answer = checkpoint_load(a->path, a->run, &identity, state, size, fault);
    return *answer == CHECKPOINT_LOADED ? trainer_load(a->trainer, state, size, fault)
                                        : STATUS_INPUT;
}

/* Load the checkpoint, and tell the user what happened to it. It is read directly into the state of
 * the trainer: a copy would need two thirds of the memory of the trainer. */
static enum status resume(struct attempt *a, struct fault *fault)
{
    enum checkpoint_answer answer = CHECKPOINT_ABSENT;
    const int64_t limit = find_limit(a);
    const bool own = limit == 0 || limit == trainer_settings(a->trainer)->training.episodes;
    const enum status status =
        own ? load_own(a, &answer, fault) : load_shorter(a, limit, &answer, fault);
    if (answer == CHECKPOINT_ABSENT) {
        /* A run that was killed early has none yet; one that was stopped had one. */
        if (store_state(a->store, a->run) == STORE_INTERRUPTED)
            say_checkpoint_gone(a);
        return STATUS_OK;
    }
    /* The checkpoint was made by another arithmetic (kernels of another CPU), with which this
     * machine would compute other bits. In a single training the user decides, who may have the
     * other machine; in a sweep a cell that begins again costs less than a sweep that stops. */
    if (status == STATUS_FAULT && !a->begins_again) {
        fault_prefix(fault, "%s", a->path);
        return status;
    }
    if (status != STATUS_OK) {
        trainer_reset(a->trainer); /* half of a bad state may have been taken over */
        progress_say(a->progress, "%s; beginning again", fault->text);
    } else if (!a->begins_again) {
        progress_say(a->progress, "%s: resuming after episode %lld", a->path,
                     (long long)trainer_episode(a->trainer));
    }
    return STATUS_OK;
}

/* Where and with what this attempt runs: a later start warns when results come from different
 * programs or CPUs (session.c, compare_origins). */
static enum status note_start(struct attempt *a, struct fault *fault)
{
    char name[64];
    char cpu[64];
    host_name(name, sizeof name);
    host_cpu(cpu, sizeof cpu);
    const struct store_host host = {.host = name,
                                    .cpu = cpu,
                                    .cpu_level = kernels_best()->level,
                                    .revision = build_revision(),
                                    .rank = a->rank};
    return store_note_start(a->store, a->run, &host, clock_utc(), fault);
}

/* The order matters: the crash mark is aimed before the file says that the run is in flight, so
 * that no crash in between is held against whatever else was in flight. */
enum status attempt_claim(struct attempt *a, int64_t run, struct fault *fault)
{
    struct store_failures failures;
    a->run = run;
    if (!is_kept(a))
        return STATUS_OK;
    enum status status = store_check_place(a->store, fault);
    if (status == STATUS_OK)
        status = store_failures(a->store, run, &failures, fault);
    if (status != STATUS_OK)
        return status;
    const struct store_place place = store_place(a->store, run);
    a->suspect = failures.suspect != 0 || failures.crashes > 0;
    failures.flight = FLIGHT_OPEN;
    crash_mark_aim(&place);
    status = store_note_failures(a->store, run, &failures, fault);
    inject(INJECT_BEGIN, run);
    return status;
}

/* Take the claim back: the run was refused, and did not cause the loss of a job. Errors are
 * ignored, since the caller already has a sentence, which one about the notes would hide. */
static void unclaim(struct attempt *a)
{
    struct store_failures failures;
    crash_mark_aim(NULL);
    if (store_failures(a->store, a->run, &failures, NULL) == STATUS_OK) {
        failures.flight = FLIGHT_NONE;
        (void)!store_note_failures(a->store, a->run, &failures, NULL);
    }
}

enum status attempt_begin(struct attempt *a, struct trainer *trainer, struct fault *fault)
{
    a->trainer = trainer;
    a->noted_s = a->saved_s = clock_now();
    if (!is_kept(a))
        return STATUS_OK;
    const enum status status = resume(a, fault);
    if (status == STATUS_OK)
        return note_start(a, fault);
    unclaim(a);
    return status;
}

/* The claim comes before the trainer is made: the memory of the largest cell may be what kills the
 * process, and then the run must be known as the one in flight. */
enum status attempt_start(struct attempt *a, int64_t cell, struct fault *fault)
{
    struct settings settings;
    CHECK(a->own == NULL);
    store_cell(a->store, cell, &settings);
    const enum status status = attempt_claim(a, cell, fault);
    if (status != STATUS_OK)
        return status;
    a->own = trainer_new(&settings);
    return attempt_begin(a, a->own, fault);
}

bool attempt_continues(const struct attempt *a)
{
    return !trainer_done(a->trainer);
}

/* Note how far the run is and the time it took since the last note: so a kill costs the notes ten
 * seconds at most, and the times of several attempts add up. */
static enum status note_progress(struct attempt *a, struct fault *fault)
{
    const struct trainer_progress at = trainer_progress(a->trainer);
    const double now_s = clock_now();
    /* A file that was truncated would be extended with zeros by a write, and its damage hidden. */
    enum status status = store_check_place(a->store, fault);
    if (status == STATUS_OK)
        status =
            store_note_progress(a->store, a->run, at.episode, at.actors_moving, clock_utc(), fault);
    if (status == STATUS_OK)
        status = store_note_end(a->store, a->run, now_s - a->noted_s, clock_utc(), fault);
    a->noted_s = now_s;
    return status;
}

/* Nothing is held against the run any more, except its crash count when that is kept. A loss from
 * outside can hit anybody, so coming further clears it. A crash is the run's own: it may come again
 * at the same place, and a checkpoint before that place proves nothing. */
static enum status clear_failures(struct attempt *a, enum flight flight, bool keeps_crashes,
                                  struct fault *fault)
{
    struct store_failures failures;
    enum status status = store_failures(a->store, a->run, &failures, fault);
    if (status != STATUS_OK)
        return status;
    a->suspect = false;
    failures = (struct store_failures){.flight = (int32_t)flight,
                                       .crashes = keeps_crashes ? failures.crashes : 0};
    return store_note_failures(a->store, a->run, &failures, fault);
}

/* A suspect saves early, so that the next suspect can be tried soon. A training that is done is
 * committed next, and needs no checkpoint. */
static bool is_due(const struct attempt *a, double now_s)
{
    double every_s = a->checkpoint_s > 0 ? a->checkpoint_s : INFINITY;
    if (a->suspect)
        every_s = fmin(every_s, suspect_saves_s);
    return now_s - a->saved_s >= every_s && !trainer_done(a->trainer);
}

/* A checkpoint only saves time, so a full disk must not end the training; and one warning is
 * enough, for the disk stays full. A suspect without a checkpoint has not come further. */
static enum status save_when_due(struct attempt *a, double now_s, struct fault *fault)
{
    if (!is_due(a, now_s))
        return STATUS_OK;
    const enum status status = store_check_place(a->store, fault);
    if (status != STATUS_OK)
        return status;
    struct fault warning;
    const enum status saved = save(a, &warning);
    if (saved != STATUS_OK && !a->warned)
        progress_say(a->progress, "no checkpoint: %s; training continues", warning.text);
    a->warned = a->warned || saved != STATUS_OK;
    a->saved_s = clock_now();
    if (saved == STATUS_OK && a->suspect)
        return clear_failures(a, FLIGHT_OPEN, true, fault);
    return STATUS_OK;
}

enum status attempt_episode(struct attempt *a, struct fault *fault)
{
    trainer_advance(a->trainer, 1);
    if (!is_kept(a))
        return STATUS_OK;
    inject(INJECT_EPISODE, a->run);
    const double now_s = clock_now();
    enum status status = save_when_due(a, now_s, fault);
    if (status == STATUS_OK && now_s - a->noted_s >= note_every_s)
        status = note_progress(a, fault);
    return status;
}

/* A run that its limit has ended is saved as it is, for a larger limit: before the commit, or a
 * kill in between would leave a finished run without it. That it could not be saved is told. */
static bool keep(struct attempt *a)
{
    struct fault warning;
    if (!a->keeps || !trainer_ended_by_limit(a->trainer))
        return false;
    if (save(a, &warning) == STATUS_OK)
        return true;
    progress_say(a->progress, "the last checkpoint of run %lld is not kept: %s", (long long)a->run,
                 warning.text);
    return false;
}

/* The notes come first, because the commit's fsync covers them too. The crash mark is taken off
 * only behind the commit: a crash inside it is still this run's. The checkpoint goes last: killed
 * before, the run is committed and the next start removes it; the other way round the work of
 * hours could be lost with it. */
enum status attempt_commit(struct attempt *a, double *wall_s, struct fault *fault)
{
    struct store_notes notes;
    const bool kept = keep(a);
    enum status status = note_progress(a, fault);
    if (status == STATUS_OK)
        status = store_notes(a->store, a->run, &notes, fault);
    if (status == STATUS_OK)
        status = store_commit(a->store, a->run, trainer_record(a->trainer), fault);
    crash_mark_aim(NULL);
    if (status == STATUS_OK)
        status = clear_failures(a, FLIGHT_NONE, true, fault);
    struct fault warning;
    if (status == STATUS_OK && !kept && checkpoint_remove(a->path, a->run, &warning) != STATUS_OK)
        progress_say(a->progress, "%s", warning.text);
    if (status == STATUS_OK)
        *wall_s = notes.wall_s;
    return status;
}

/* Whoever stops politely has no crash to explain: the crash count is cleared too. Without a new
 * checkpoint the run is not marked as interrupted, or the next start would miss one. */
enum status attempt_stop(struct attempt *a, struct fault *fault)
{
    struct fault warning;
    const bool saved = save(a, &warning) == STATUS_OK;
    if (!saved)
        progress_say(a->progress,
                     "no checkpoint: %s; the run will resume from the last one, if there is one",
                     warning.text);
    enum status status = note_progress(a, fault);
    if (status == STATUS_OK && saved)
        status = store_interrupt(a->store, a->run, fault);
    crash_mark_aim(NULL);
    if (status == STATUS_OK)
        status = clear_failures(a, FLIGHT_NONE, false, fault);
    return status;
}

enum status attempt_end(struct attempt *a, struct message *said, struct fault *fault)
{
    const struct record *const record = trainer_record(a->trainer);
    const bool done = trainer_done(a->trainer);
    *said = (struct message){.type = done ? MESSAGE_DONE : MESSAGE_STOPPED,
                             .cell = a->run,
                             .outcome = *record->outcome,
                             .stopping = *record->stopping_episode};
    enum status status = STATUS_OK;
    if (a->again && done)
        status = comparison_make(a->store, a->run, record, &said->compared, NULL, fault);
    else if (!a->again)
        status = done ? attempt_commit(a, &said->seconds, fault) : attempt_stop(a, fault);
    attempt_fini(a);
    return status;
}

void attempt_fini(struct attempt *a)
{
    trainer_free(&a->own);
    a->trainer = NULL;
}
