// SPDX-License-Identifier: MIT
/*
 * What rank 0 does before the first cell and after the last one. Nothing of it is repeated while
 * cells are trained, except for session_learn. Two rules explain the order of the steps: whatever
 * can be refused is refused before anything is made, and whatever was found before the lock was
 * held is looked at again.
 */
#include "run/session.h"
#include "base/build.h"
#include "base/rng.h"
#include "base/text.h"
#include "model/kernels.h"
#include "run/extend.h"
#include "run/failure_policy.h"
#include "run/reuse.h"
#include "store/carried.h"
#include "store/checkpoint.h"
#include "store/extension.h"
#include "store/sidecar.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/host.h"
#include "sys/stop_signal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const session_orders[] = {"expected", "plan", "random", NULL};

static enum status create(const struct session *s, struct fault *fault)
{
    const struct store_program program = store_this_program();
    const enum status status = store_create(s->options->path, s->spec, &program, fault);
    /* Checkpoints of a file that was removed: their identities could match runs of the new one,
     * and who removes a file wants its runs trained anew. */
    if (status != STATUS_OK)
        return status;
    checkpoint_tidy(s->options->path, NULL, 0);
    return carried_settle(s->options->path, NULL, fault);
}

/* A file of other cells is refused, unless it is to be extended to this spec and can be. What
 * becomes of its runs is known only when their rows were compared (extend.c).
 * \param extends whether it is */
static enum status check_cells(const struct session *s, const struct store *store, bool *extends,
                               struct fault *fault)
{
    struct extension *extension = NULL;
    *extends = s->options->extend && !store_is_of(store, s->spec);
    if (s->options->extend && !*extends && s->options->dry_run)
        progress_say(s->progress, "nothing to extend: %s has the cells of the spec already",
                     s->options->path);
    if (!*extends)
        return extension_match(store, s->options->path, s->spec, fault);
    const enum status status = extension_new(&extension, store, s->options->path, s->spec, fault);
    extension_free(&extension);
    return status;
}

/* A file that is there must be one that this command may write into. The cheap and certain refusals
 * come first; extension_match says what differs, which is what a user most often needs. */
static enum status check_file(const struct session *s, bool *extends, struct fault *fault)
{
    struct stat entry;
    struct store *store = NULL;
    const char *const path = s->options->path;
    enum status status = disk_look(path, 0, &entry, fault);
    *extends = false;
    if (status == STATUS_OK && entry.st_mode == 0 && s->options->extend)
        return fault_set(fault, STATUS_INPUT,
                         "--extend: there is no %s, expected the file of a sweep", path);
    if (status != STATUS_OK || entry.st_mode == 0)
        return status;
    if (!S_ISREG(entry.st_mode))
        return fault_set(fault, STATUS_INPUT,
                         "--output: %s is not a file, expected the name of one", path);
    status = store_open(&store, path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = store_check_algorithm(store, fault);
    if (status == STATUS_OK)
        status = store_check_layout(store, fault);
    if (status == STATUS_OK)
        status = check_cells(s, store, extends, fault);
    if (status == STATUS_OK)
        status = disk_check_access(path, fault);
    store_close(&store);
    return status;
}

/* Whoever holds it may be a job that was killed just now, so this waits. In short steps, because a
 * signal must be able to end the wait; and without a word at first, because a lock that is released
 * within a second is the usual case of a requeued job. */
static enum status lock(struct session *s, struct fault *fault)
{
    static const double look_every_s = 0.2, told_after_s = 1;
    const double wait_s = s->options->lock_wait_s, began_s = clock_now();
    bool told = false;
    while (true) {
        const double left_s = fmax(0, wait_s - (clock_now() - began_s));
        const enum status status =
            lock_acquire(&s->lock, s->options->path, fmin(left_s, look_every_s), fault);
        if (status != STATUS_LOCKED || left_s <= look_every_s)
            return status;
        if (stop_requested())
            return fault_set(fault, STATUS_STOPPED,
                             "stopped while %s was in use by another process", s->options->path);
        if (!told && clock_now() - began_s >= told_after_s) {
            char wait[TEXT_NUMBER];
            text_write_real(wait_s, wait, sizeof wait);
            progress_say(s->progress, "%s is in use; waiting up to %s s for it", s->options->path,
                         wait);
        }
        told = told || clock_now() - began_s >= told_after_s;
    }
}

/* What can be refused is refused before anything is made, the lock's file included. */
enum status session_check(const struct session *s, struct fault *fault)
{
    struct fault warning;
    bool extends = false;
    enum status status = check_file(s, &extends, fault);
    if (status == STATUS_OK)
        status = sidecar_check(s->options->path, &warning, fault);
    if (status == STATUS_OK && warning.text[0] != '\0')
        progress_say(s->progress, "warning: %s", warning.text);
    if (status == STATUS_OK && extends && s->options->dry_run)
        status = extend_look(s->options->path, s->spec, s->options->check, s->progress, fault);
    if (status == STATUS_OK && s->options->reuse.count > 0)
        status = reuse_check(s->options->path, s->spec, &s->options->reuse, fault);
    return status;
}

/* What an extension has left that was killed is completed first, so that the checkpoints are those
 * of the file; a second extension then begins as if the first had never been killed. */
static enum status continue_file(struct session *s, struct fault *fault)
{
    const struct session_options *const options = s->options;
    struct store *store = NULL;
    bool extends = false;
    enum status status = check_file(s, &extends, fault);
    if (status == STATUS_OK)
        status = store_open(&store, options->path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = carried_settle(options->path, store_spec(store), fault);
    store_close(&store);
    if (status != STATUS_OK || !extends)
        return status;
    status = extend_file(options->path, s->spec, options->check, s->progress, fault);
    return status == STATUS_OK ? carried_settle(options->path, s->spec, fault) : status;
}

enum status session_prepare(struct session *s, struct fault *fault)
{
    struct stat entry;
    enum status status = session_check(s, fault);
    if (status == STATUS_OK)
        status = lock(s, fault);
    /* All that was found may be out of date: whoever held the lock may have made the file. */
    if (status == STATUS_OK)
        status = disk_look(s->options->path, 0, &entry, fault);
    if (status == STATUS_OK && (entry.st_mode != 0 || s->options->extend))
        return continue_file(s, fault);
    return status == STATUS_OK ? create(s, fault) : status;
}

/* ---- what the file has ---- */

/* The rows of everything that is done, or would be if its rows were right, against the checksums of
 * the commit records. Reading all rows takes long, so it can be stopped on the way. */
static enum status check_rows(struct session *s, struct fault *fault)
{
    for (int64_t run = 0; run < store_runs(s->store) && !stop_requested(); run++) {
        struct fault damage;
        const enum store_state state = store_state(s->store, run);
        if (state != STORE_DONE && state != STORE_DAMAGED)
            continue;
        enum status status = store_verify(s->store, run, &damage, fault);
        if (status != STATUS_OK)
            return status;
        if (damage.text[0] == '\0')
            continue;
        progress_say(s->progress, "%s; it is to be trained again", damage.text);
        status = store_uncommit(s->store, run, fault);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* What is done must be what a training can leave, or nobody could go by it. */
static enum status refuse_damage(const struct session *s, struct fault *fault)
{
    const enum status status = store_inspect(s->store, true, fault);
    for (int64_t run = 0; run < store_runs(s->store) && status == STATUS_OK; run++) {
        const char *const why = store_damage(s->store, run);
        if (why != NULL)
            return fault_set(fault, STATUS_INPUT,
                             "run %" PRId64 " of %s is damaged: %s; run --check trains again what "
                             "is not what was committed",
                             run, s->options->path, why);
    }
    return status;
}

/* What an earlier start has kept for a larger limit cannot be made again without training. */
static void say_removed(const struct session *s, const bool *limited)
{
    int64_t count = 0;
    for (int64_t run = 0; run < store_runs(s->store); run++)
        count += limited[run] && checkpoint_exists(s->options->path, run);
    if (count > 0)
        progress_say(s->progress,
                     "checkpoint.keep is none: the checkpoint%s of %" PRId64
                     " run%s that the limit has ended %s removed",
                     count == 1 ? "" : "s", count, count == 1 ? "" : "s",
                     count == 1 ? "is" : "are");
}

/* Checkpoints of runs that are done, but for those that are kept for a larger limit, and
 * temporaries: what kills at the wrong moment have left. */
static enum status tidy(const struct session *s, struct fault *fault)
{
    struct settings cell;
    const int64_t runs = store_runs(s->store);
    bool *const wanted = fault_alloc((size_t)runs, sizeof *wanted);
    spec_cell(s->spec, 0, &cell);
    const bool keeps = cell.checkpoint.keep == KEEP_CENSORED;
    const enum status status = extension_limited(s->store, wanted, fault);
    if (status == STATUS_OK && !keeps)
        say_removed(s, wanted);
    for (int64_t run = 0; run < runs; run++)
        wanted[run] = (keeps && wanted[run]) || store_state(s->store, run) != STORE_DONE;
    if (status == STATUS_OK) {
        checkpoint_tidy(s->options->path, wanted, runs);
        disk_remove_temporaries(s->options->path);
    }
    free(wanted);
    return status;
}

/* Tell when runs that are done come from another program or machine: `size` bytes of text each. A
 * warning and no refusal: results may differ in the last bits, which the user may accept. */
static enum status compare_origin(const struct session *s, enum schema_note note, const char *ours,
                                  const char *what, struct fault *fault)
{
    const size_t size = schema_note(note).size, runs = (size_t)store_runs(s->store);
    char *const texts = fault_alloc(runs, size);
    const char *other = NULL;
    int64_t count = 0;
    const enum status status = store_note_column(s->store, note, texts, fault);
    for (size_t run = 0; run < runs && status == STATUS_OK; run++) {
        const char *const text = texts + run * size;
        if (store_state(s->store, (int64_t)run) != STORE_DONE || *text == '\0' ||
            strncmp(text, ours, size - 1) == 0)
            continue;
        other = other == NULL ? text : other;
        count++;
    }
    if (other != NULL)
        progress_say(s->progress,
                     "warning: %" PRId64 " run%s of the file %s %s %.*s, this is %s: see "
                     "/volatile/%s",
                     count, count == 1 ? "" : "s", count == 1 ? "was" : "were", what,
                     (int)strnlen(other, size), other, ours, schema_note(note).name);
    free(texts);
    return status;
}

/* Another revision may compute something else; another CPU takes another time, and one without a
 * fused multiply-add rounds differently. */
static enum status compare_origins(const struct session *s, struct fault *fault)
{
    char cpu[64];
    host_cpu(cpu, sizeof cpu);
    enum status status =
        compare_origin(s, NOTE_REVISION, build_revision(), "made by revision", fault);
    if (status == STATUS_OK)
        status = compare_origin(s, NOTE_CPU, cpu, "made on another CPU,", fault);
    if (status == STATUS_OK)
        status = compare_origin(s, NOTE_CPU_LEVEL, kernels_best()->level,
                                "made with the kernels of CPU level", fault);
    return status;
}

/* ---- what is to be done ---- */

static bool is_chosen(const struct session *s, int64_t run)
{
    return s->options->chosen == NULL || s->options->chosen[run];
}

/* Count what is done, and learn what cells take. Runs that were given up have taken nothing: they
 * would make their neighbours look free. Times that no attempt has noted are 0 or NaN, and teach
 * nothing. Outcomes index arrays safely here, because refuse_damage has looked at them. */
static enum status learn(struct session *s, struct fault *fault)
{
    const size_t runs = (size_t)store_runs(s->store);
    double *const seconds = fault_alloc(runs, sizeof *seconds);
    int32_t *const outcomes = fault_alloc(runs, sizeof *outcomes);
    enum status status = store_note_column(s->store, NOTE_WALL, seconds, fault);
    if (status == STATUS_OK)
        status = store_column(s->store, record_field("outcome"), outcomes, fault);
    for (int64_t run = 0; run < store_runs(s->store) && status == STATUS_OK; run++) {
        if (store_state(s->store, run) != STORE_DONE)
            continue;
        const bool failed = outcomes[run] == OUTCOME_FAILED || outcomes[run] == OUTCOME_QUARANTINED;
        s->outcomes[outcomes[run]]++;
        s->failed_elsewhere += failed && !is_chosen(s, run);
        if (!failed && seconds[run] > 0) {
            cost_learn(s->cost, run, seconds[run]);
            s->learnt++;
        }
    }
    free(outcomes);
    free(seconds);
    return status;
}

/* Longest first, so that no long cell is left over at the end, when all other workers are idle. A
 * random order is another one at each start, as its user wants it. */
static void sort(struct session *s)
{
    const int64_t runs = store_runs(s->store);
    if (s->options->order == ORDER_PLAN)
        return;
    float *const keys = fault_alloc((size_t)runs, sizeof *keys);
    struct mt19937 generator;
    mt19937_seed(&generator, (uint32_t)getpid());
    for (int64_t run = 0; run < runs; run++)
        keys[run] = s->options->order == ORDER_RANDOM ? (float)mt19937_next(&generator)
                                                      : (float)cost_expect(s->cost, run);
    scheduler_sort(s->scheduler, keys);
    free(keys);
}

/* Sorting a hundred thousand cells after each of them would cost rank 0 more than it gains: early
 * cells teach much and later ones little, so the next sort comes after four times as many. */
void session_learn(struct session *s, int64_t cell, double seconds)
{
    cost_learn(s->cost, cell, seconds);
    if (++s->learnt < s->sort_at || s->options->order != ORDER_EXPECTED)
        return;
    sort(s);
    s->sort_at = 4 * s->learnt;
}

const char *session_part(const struct session *s)
{
    const bool some = s->options->chosen != NULL;
    if (s->options->most < 0)
        return some ? "--only" : NULL;
    return some ? "--only and --limit-cells" : "--limit-cells";
}

/* The cells that are left out stay as they are: pending for the next start, whatever it asks for.
 * Cells that were begun come first, or a part that was killed would begin others in their place. */
static void leave_out(struct session *s, int64_t done)
{
    const int64_t runs = store_runs(s->store);
    if (s->options->most < 0)
        return;
    float *const keys = fault_alloc((size_t)runs, sizeof *keys);
    for (int64_t run = 0; run < runs; run++)
        keys[run] = store_state(s->store, run) != STORE_DONE && is_chosen(s, run) &&
                    checkpoint_exists(s->options->path, run);
    scheduler_sort(s->scheduler, keys);
    free(keys);
    scheduler_limit(s->scheduler, s->options->most - done);
    sort(s);
}

static void queue_up(struct session *s, const struct failure_policy *policy, int workers)
{
    const int64_t runs = store_runs(s->store);
    int64_t done = 0;
    s->scheduler = scheduler_new(workers, runs);
    for (int64_t run = 0; run < runs; run++) {
        if (!is_chosen(s, run))
            continue;
        if (store_state(s->store, run) == STORE_DONE)
            done++;
        else
            scheduler_add(s->scheduler, run, failure_policy_suspects(policy, run));
    }
    s->sort_at = 4 * (s->learnt > 0 ? s->learnt : 1);
    sort(s);
    leave_out(s, done);
    s->queued = scheduler_waiting(s->scheduler);
}

/* When to stop, so that checkpoints are written before the end: a share of the time there is, at
 * most a minute, and an episode of the largest cell, for a worker looks up between two episodes.
 * And when to start no more: a cell that reaches no checkpoint would be trained for nothing. */
static void plan_stop(struct session *s)
{
    const double now = clock_utc();
    double episode_s = 0;
    s->start_by = s->stop_at = s->options->end;
    if (isinf(s->options->end))
        return;
    for (int64_t run = 0; run < store_runs(s->store); run++) {
        struct settings cell;
        store_cell(s->store, run, &cell);
        const double expected_s = cost_expect(s->cost, run) / (double)cell.training.episodes;
        episode_s = fmax(episode_s, expected_s);
    }
    /* Runs that stop early play some ten times fewer episodes than their limit, so that an episode
     * takes ten times its share of what the whole cell is expected to take. */
    const double reach_s = 10 * episode_s + fmax(0.5, fmin(60, 0.05 * (s->options->end - now)));
    s->stop_at = s->options->end - reach_s;
    s->start_by = s->stop_at - 10 * episode_s;
}

/* Whoever asks later why a sweep took so many starts finds here where each ran, and how far the
 * sweep was then. */
static enum status log_start(struct session *s, int ranks, struct fault *fault)
{
    char name[64];
    host_name(name, sizeof name);
    const char *const job = getenv("SLURM_JOB_ID");
    int64_t done = 0;
    for (int64_t run = 0; run < store_runs(s->store); run++)
        done += store_state(s->store, run) == STORE_DONE;
    const struct store_start start = {.host = name,
                                      .job = job != NULL ? job : "",
                                      .revision = build_revision(),
                                      .process = getpid(),
                                      .ranks = ranks,
                                      .done = (int32_t)done};
    return store_log_start(s->store, &start, clock_utc(), &s->log_row, fault);
}

static enum status count_and_queue(struct session *s, const struct failure_policy *policy,
                                   int workers, struct fault *fault)
{
    const enum status status = learn(s, fault);
    if (status == STATUS_OK) {
        queue_up(s, policy, workers);
        plan_stop(s);
    }
    return status;
}

/* Taken back first: what the user wants tried again is then decided about like any other run. */
static enum status apply_policy(struct session *s, struct failure_policy *policy,
                                struct fault *fault)
{
    const struct session_options *const options = s->options;
    const struct failure_limits limits = {.crashes = options->fail_fast ? 1 : FAILURE_CRASH_LIMIT,
                                          .losses = options->max_lost};
    enum status status = STATUS_OK;
    if (options->retry[OUTCOME_FAILED] || options->retry[OUTCOME_QUARANTINED])
        status =
            failure_policy_retry(s->store, options->retry, options->chosen, s->progress, fault);
    return status == STATUS_OK ? failure_policy_apply(policy, s->store, &limits, s->progress, fault)
                               : status;
}

/* Only after the copies is it known what is left, so they come before tidying, counting and the
 * queue. */
static enum status begin_logged(struct session *s, const struct failure_policy *policy, int workers,
                                struct fault *fault)
{
    enum status status = STATUS_OK;
    if (s->options->reuse.count > 0)
        status = reuse_runs(s->store, s->options->path, &s->options->reuse, s->progress, fault);
    if (status == STATUS_OK)
        status = store_clear_outcomes(s->store, fault);
    if (status == STATUS_OK)
        status = tidy(s, fault);
    if (status == STATUS_OK)
        status = count_and_queue(s, policy, workers, fault);
    if (status == STATUS_OK)
        status = compare_origins(s, fault);
    struct fault ignored;
    if (status != STATUS_OK)
        (void)!store_log_end(s->store, s->log_row, (int)status, clock_utc(), &ignored);
    return status;
}

/* The order matters. What is damaged is found before anything counts it. Failures are decided about
 * before runs are copied: a run that is given up stays that, until --retry. The log has the start
 * before the first copy: after a kill in between, no earlier start says that it left no run half
 * written (store_find.c). */
enum status session_begin(struct session *s, struct store *store, int workers, int ranks,
                          struct fault *fault)
{
    struct failure_policy policy = {0};
    s->store = store;
    s->log_row = -1;
    s->cost = cost_new(s->spec);
    enum status status = s->options->check ? check_rows(s, fault) : STATUS_OK;
    if (status == STATUS_OK)
        status = refuse_damage(s, fault);
    if (status == STATUS_OK)
        status = apply_policy(s, &policy, fault);
    if (status == STATUS_OK)
        status = log_start(s, ranks, fault);
    if (status == STATUS_OK)
        status = begin_logged(s, &policy, workers, fault);
    failure_policy_fini(&policy);
    return status;
}

/* Outcomes of earlier starts count too: a sweep that was given up ends at once when it is started
 * again without --retry or a higher limit. */
bool session_gives_up(const struct session *s)
{
    const int64_t failed = s->outcomes[OUTCOME_FAILED] + s->outcomes[OUTCOME_QUARANTINED];
    const int64_t limit = s->options->fail_fast ? 1 : s->options->max_failed;
    return limit > 0 && failed >= limit;
}

enum status session_end(struct session *s, enum status ends, struct fault *fault)
{
    /* A file that was removed meanwhile can still be written to while it is open, and its content
     * would be lost. */
    enum status status = store_check_place(s->store, fault);
    if (status == STATUS_OK && ends == STATUS_STOPPED)
        status = failure_policy_clear(s->store, fault);
    if (status == STATUS_OK)
        status = tidy(s, fault);
    if (status != STATUS_OK || s->log_row < 0)
        return status;
    return store_log_end(s->store, s->log_row, (int)ends, clock_utc(), fault);
}

/* The lock is released last: a process that waits for it may write as soon as it is free. */
void session_fini(struct session *s)
{
    scheduler_free(&s->scheduler);
    cost_free(&s->cost);
    lock_release(&s->lock);
}
