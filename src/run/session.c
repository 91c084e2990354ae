// SPDX-License-Identifier: MIT
#include "run/session.h"
#include "base/build.h"
#include "base/rng.h"
#include "model/kernels.h"
#include "run/failure_policy.h"
#include "run/reuse.h"
#include "store/checkpoint.h"
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

/* Crash marks that quarantine a run. */
enum { CRASHES = 3 };

static enum status create(const struct session *s, struct fault *fault)
{
    const struct store_program program = store_this_program();
    const enum status status = store_create(s->request->path, s->spec, &program, fault);
    /* Checkpoints of a file that is no more. */
    if (status == STATUS_OK)
        checkpoint_tidy(s->request->path, NULL, 0);
    return status;
}

/* What can be refused is refused before anything is made. */
static enum status check_file(const struct session *s, struct fault *fault)
{
    struct stat entry;
    struct store *store = NULL;
    const char *const path = s->request->path;
    enum status status = disk_look(path, 0, &entry, fault);
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
        status = store_match(store, s->spec, fault);
    if (status == STATUS_OK)
        status = disk_check_access(path, fault);
    store_close(&store);
    return status;
}

/* The file whose runs are to be copied must be one, and another one. */
static enum status check_reuse(const struct session *s, struct fault *fault)
{
    struct stat here, there;
    struct store *other = NULL;
    const char *const path = s->request->reuse;
    if (path == NULL)
        return STATUS_OK;
    enum status status = disk_look(path, 0, &there, fault);
    if (status == STATUS_OK)
        status = disk_look(s->request->path, 0, &here, fault);
    if (status == STATUS_OK && here.st_mode != 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return fault_set(fault, STATUS_INPUT, "--reuse: %s is the file of this sweep itself", path);
    if (status == STATUS_OK)
        status = store_open(&other, path, STORE_READ, fault);
    store_close(&other);
    if (status != STATUS_OK)
        fault_prefix(fault, "--reuse");
    return status;
}

/* Whoever holds it may be a job that was killed just now. */
static enum status lock(struct session *s, struct fault *fault)
{
    static const double look_every_s = 0.2, told_after_s = 1;
    const double wait_s = s->request->lock_wait_s, began_s = clock_now();
    bool told = false;
    while (true) {
        const double left_s = fmax(0, wait_s - (clock_now() - began_s));
        const enum status status =
            lock_acquire(&s->lock, s->request->path, fmin(left_s, look_every_s), fault);
        if (status != STATUS_LOCKED || left_s <= look_every_s)
            return status;
        if (stop_requested())
            return fault_set(fault, STATUS_STOPPED, "stopped while %s was in use by another run",
                             s->request->path);
        if (!told && clock_now() - began_s >= told_after_s)
            progress_say(s->progress, "%s is in use; waiting up to %.0f s for it", s->request->path,
                         wait_s);
        told = told || clock_now() - began_s >= told_after_s;
    }
}

enum status session_check(const struct session *s, struct fault *fault)
{
    struct fault warning;
    enum status status = check_file(s, fault);
    if (status == STATUS_OK)
        status = sidecar_check(s->request->path, &warning, fault);
    if (status == STATUS_OK && warning.text[0] != '\0')
        progress_say(s->progress, "warning: %s", warning.text);
    return status == STATUS_OK ? check_reuse(s, fault) : status;
}

enum status session_prepare(struct session *s, struct fault *fault)
{
    struct stat entry;
    enum status status = session_check(s, fault);
    if (status == STATUS_OK)
        status = lock(s, fault);
    /* It may have been made by whoever held the lock. */
    if (status == STATUS_OK)
        status = disk_look(s->request->path, 0, &entry, fault);
    if (status != STATUS_OK)
        return status;
    return entry.st_mode == 0 ? create(s, fault) : check_file(s, fault);
}

static void name_run(const struct session *s, int64_t run, char *text, size_t size)
{
    struct settings cell;
    spec_cell(s->spec, run, &cell);
    snprintf(text, size, "run %" PRId64 " (actor_lr %g, critic_lr %g, seed %" PRId64 ")", run,
             cell.training.actor_lr, cell.training.critic_lr, cell.training.seed);
}

/* ---- what the file has ---- */

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
        progress_say(s->progress, "%s; it is trained again", damage.text);
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
                             run, s->request->path, why);
    }
    return status;
}

/* Outcomes of all runs: of those that are done one that a run can have. */
static enum status read_outcomes(const struct session *s, int32_t **outcomes, struct fault *fault)
{
    *outcomes = fault_alloc((size_t)store_runs(s->store), sizeof **outcomes);
    return store_column(s->store, record_field("outcome"), *outcomes, fault);
}

/* Take back what is to be tried again, with nothing held against it. */
static enum status retry(struct session *s, const int32_t *outcomes, struct fault *fault)
{
    static const struct store_failures none = {0};
    int64_t count = 0;
    for (int64_t run = 0; run < store_runs(s->store); run++) {
        if (store_state(s->store, run) != STORE_DONE || !s->request->retry[outcomes[run]])
            continue;
        enum status status = store_note_failures(s->store, run, &none, fault);
        if (status == STATUS_OK)
            status = store_uncommit(s->store, run, fault);
        if (status != STATUS_OK)
            return status;
        count++;
    }
    progress_say(s->progress, "%" PRId64 " cell%s to be tried again", count, count == 1 ? "" : "s");
    return STATUS_OK;
}

/* Commit a run that is not trained any more. */
static enum status set_aside(struct session *s, int64_t run, enum verdict verdict,
                             const struct store_failures *trouble, struct fault *fault)
{
    struct settings cell;
    struct record record;
    char name[160];
    store_cell(s->store, run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    record_clear(&record, &extents);
    *record.outcome = verdict == VERDICT_FAILED ? OUTCOME_FAILED : OUTCOME_QUARANTINED;
    name_run(s, run, name, sizeof name);
    if (verdict == VERDICT_FAILED)
        progress_say(s->progress, "%s failed: %d jobs in a row were lost while it was trained",
                     name, trouble->lost);
    else
        progress_say(s->progress, "%s is quarantined: it crashed %d time%s", name, trouble->crashes,
                     trouble->crashes == 1 ? "" : "s");
    const enum status status = store_commit(s->store, run, &record, fault);
    free(block);
    return status;
}

/* The runs that are not done, and what is held against them. */
struct accused {
    size_t count;
    int64_t *runs;
    struct store_failures *before, *now;
    enum verdict *verdicts;
};

static enum status read_accused(const struct session *s, struct accused *a, struct fault *fault)
{
    static const enum schema_note notes[] = {NOTE_FLIGHT, NOTE_CRASHES, NOTE_SUSPECT, NOTE_LOST};
    const size_t runs = (size_t)store_runs(s->store);
    int32_t *const column = fault_alloc(runs, sizeof *column);
    int32_t(*const all)[4] = fault_alloc(runs, sizeof *all);
    enum status status = STATUS_OK;
    for (size_t n = 0; n < 4 && status == STATUS_OK; n++) {
        status = store_note_column(s->store, notes[n], column, fault);
        for (size_t run = 0; run < runs; run++)
            all[run][n] = column[run];
    }
    for (int pass = 0; pass < 2 && status == STATUS_OK; pass++) {
        a->count = 0;
        for (size_t run = 0; run < runs; run++) {
            const int32_t *const t = all[run];
            if (store_state(s->store, (int64_t)run) == STORE_DONE ||
                (t[0] | t[1] | t[2] | t[3]) == 0)
                continue;
            if (pass == 1) {
                a->runs[a->count] = (int64_t)run;
                a->now[a->count] = (struct store_failures){t[0], t[1], t[2], t[3]};
                a->before[a->count] = a->now[a->count];
            }
            a->count++;
        }
        if (pass == 0) {
            a->runs = fault_alloc(a->count, sizeof *a->runs);
            a->before = fault_alloc(a->count, sizeof *a->before);
            a->now = fault_alloc(a->count, sizeof *a->now);
            a->verdicts = fault_alloc(a->count, sizeof *a->verdicts);
        }
    }
    free(all);
    free(column);
    return status;
}

static void accused_fini(struct accused *a)
{
    free(a->runs);
    free(a->before);
    free(a->now);
    free(a->verdicts);
}

/* The last start told of its end: by a fault of the system, for which no cell is to blame. */
static void acquit(struct accused *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->now[i].flight == FLIGHT_OPEN)
            a->now[i].flight = FLIGHT_NONE;
    }
}

static enum status judge(struct session *s, struct accused *a, struct fault *fault)
{
    const struct blame_limits limits = {.crashes = s->request->fail_fast ? 1 : CRASHES,
                                        .losses = s->request->max_lost};
    int64_t row = -1;
    int code = -1;
    enum status status = read_accused(s, a, fault);
    if (status == STATUS_OK)
        status = store_log_last(s->store, &row, &code, fault);
    if (status != STATUS_OK)
        return status;
    if (code >= 0)
        acquit(a);
    const size_t flying = blame_judge(a->now, a->count, &limits, a->verdicts);
    if (flying > 0)
        progress_say(s->progress, "the last start was lost with %zu cell%s in flight", flying,
                     flying == 1 ? "" : "s");
    for (size_t i = 0; i < a->count && status == STATUS_OK; i++) {
        if (memcmp(&a->now[i], &a->before[i], sizeof a->now[i]) != 0)
            status = store_note_failures(s->store, a->runs[i], &a->now[i], fault);
        if (status == STATUS_OK &&
            (a->verdicts[i] == VERDICT_FAILED || a->verdicts[i] == VERDICT_QUARANTINE))
            status = set_aside(s, a->runs[i], a->verdicts[i], &a->now[i], fault);
    }
    return status;
}

/* A polite stop: nothing is held against anybody. */
static enum status clear_marks(const struct session *s, struct fault *fault)
{
    static const struct store_failures none = {0};
    struct accused accused = {0};
    enum status status = read_accused(s, &accused, fault);
    for (size_t i = 0; i < accused.count && status == STATUS_OK; i++)
        status = store_note_failures(s->store, accused.runs[i], &none, fault);
    accused_fini(&accused);
    return status;
}

/* Checkpoints of runs that are done, and temporaries. */
static void tidy(const struct session *s)
{
    const int64_t runs = store_runs(s->store);
    bool *const unfinished = fault_alloc((size_t)runs, sizeof *unfinished);
    for (int64_t run = 0; run < runs; run++)
        unfinished[run] = store_state(s->store, run) != STORE_DONE;
    checkpoint_tidy(s->request->path, unfinished, runs);
    disk_remove_temporaries(s->request->path);
    free(unfinished);
}

/* Tell when runs that are done come from another program or machine: `size` bytes of text each. */
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

static enum status learn(struct session *s, const int32_t *outcomes, struct fault *fault)
{
    double *const seconds = fault_alloc((size_t)store_runs(s->store), sizeof *seconds);
    const enum status status = store_note_column(s->store, NOTE_WALL, seconds, fault);
    for (int64_t run = 0; run < store_runs(s->store) && status == STATUS_OK; run++) {
        if (store_state(s->store, run) != STORE_DONE)
            continue;
        s->outcomes[outcomes[run]]++;
        if (outcomes[run] != OUTCOME_FAILED && outcomes[run] != OUTCOME_QUARANTINED &&
            seconds[run] > 0) {
            cost_learn(s->cost, run, seconds[run]);
            s->learnt++;
        }
    }
    free(seconds);
    return status;
}

static void sort(struct session *s)
{
    const int64_t runs = store_runs(s->store);
    if (s->request->order == ORDER_PLAN)
        return;
    float *const keys = fault_alloc((size_t)runs, sizeof *keys);
    struct mt19937 generator;
    mt19937_seed(&generator, (uint32_t)getpid());
    for (int64_t run = 0; run < runs; run++)
        keys[run] = s->request->order == ORDER_RANDOM ? (float)mt19937_next(&generator)
                                                      : (float)cost_expect(s->cost, run);
    scheduler_sort(s->scheduler, keys);
    free(keys);
}

void session_learn(struct session *s, int64_t cell, double seconds)
{
    cost_learn(s->cost, cell, seconds);
    if (++s->learnt < s->sort_at || s->request->order != ORDER_EXPECTED)
        return;
    sort(s);
    s->sort_at = 4 * s->learnt;
}

static void queue_up(struct session *s, const struct accused *a, int workers)
{
    const int64_t runs = store_runs(s->store);
    s->scheduler = scheduler_new(workers, runs);
    size_t next = 0;
    for (int64_t run = 0; run < runs; run++) {
        while (next < a->count && a->runs[next] < run)
            next++;
        const bool accused = next < a->count && a->runs[next] == run;
        if (store_state(s->store, run) != STORE_DONE)
            scheduler_add(s->scheduler, run, accused && a->verdicts[next] == VERDICT_SUSPECT);
    }
    s->sort_at = 4 * (s->learnt > 0 ? s->learnt : 1);
    sort(s);
}

/* When to stop, so that checkpoints are written before the end: a share of the time there is, at
 * most a minute, and an episode of the largest cell. */
static void plan_stop(struct session *s)
{
    const double now = clock_utc();
    double episode_s = 0;
    s->start_by = s->stop_at = s->request->end;
    if (isinf(s->request->end))
        return;
    for (int64_t run = 0; run < store_runs(s->store); run++) {
        struct settings cell;
        store_cell(s->store, run, &cell);
        const double expected_s = cost_expect(s->cost, run) / (double)cell.training.episodes;
        episode_s = fmax(episode_s, expected_s);
    }
    /* Runs that stop early play some ten times fewer episodes than their limit. */
    const double reach_s = 10 * episode_s + fmax(0.5, fmin(60, 0.05 * (s->request->end - now)));
    s->stop_at = s->request->end - reach_s;
    s->start_by = s->stop_at - 10 * episode_s;
}

static enum status log_start(struct session *s, int ranks, struct fault *fault)
{
    char name[64];
    host_name(name, sizeof name);
    const char *const job = getenv("SLURM_JOB_ID");
    int64_t done = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        done += s->outcomes[i];
    const struct store_start start = {.host = name,
                                      .job = job != NULL ? job : "",
                                      .revision = build_revision(),
                                      .process = getpid(),
                                      .ranks = ranks,
                                      .done = (int32_t)done};
    return store_log_start(s->store, &start, clock_utc(), &s->log_row, fault);
}

static enum status count_and_queue(struct session *s, const struct accused *a, int workers,
                                   struct fault *fault)
{
    int32_t *outcomes = NULL;
    enum status status = read_outcomes(s, &outcomes, fault);
    if (status == STATUS_OK)
        status = learn(s, outcomes, fault);
    free(outcomes);
    if (status == STATUS_OK) {
        queue_up(s, a, workers);
        plan_stop(s);
    }
    return status;
}

static enum status take_back(struct session *s, struct fault *fault)
{
    if (!s->request->retry[OUTCOME_FAILED] && !s->request->retry[OUTCOME_QUARANTINED])
        return STATUS_OK;
    int32_t *outcomes = NULL;
    enum status status = read_outcomes(s, &outcomes, fault);
    if (status == STATUS_OK)
        status = retry(s, outcomes, fault);
    free(outcomes);
    return status;
}

enum status session_begin(struct session *s, struct store *store, int workers, int ranks,
                          struct fault *fault)
{
    struct accused accused = {0};
    s->store = store;
    s->log_row = -1;
    s->cost = cost_new(s->spec);
    enum status status = s->request->check ? check_rows(s, fault) : STATUS_OK;
    if (status == STATUS_OK)
        status = refuse_damage(s, fault);
    if (status == STATUS_OK)
        status = take_back(s, fault);
    if (status == STATUS_OK)
        status = judge(s, &accused, fault);
    if (status == STATUS_OK && s->request->reuse != NULL)
        status = reuse_runs(s->store, s->request->reuse, s->progress, fault);
    if (status == STATUS_OK) {
        tidy(s);
        status = count_and_queue(s, &accused, workers, fault);
    }
    if (status == STATUS_OK)
        status = compare_origins(s, fault);
    if (status == STATUS_OK)
        status = log_start(s, ranks, fault);
    accused_fini(&accused);
    return status;
}

bool session_gives_up(const struct session *s)
{
    const int64_t failed = s->outcomes[OUTCOME_FAILED] + s->outcomes[OUTCOME_QUARANTINED];
    const int64_t limit = s->request->fail_fast ? 1 : s->request->max_failed;
    return limit > 0 && failed >= limit;
}

enum status session_end(struct session *s, enum status ends, struct fault *fault)
{
    enum status status = store_check_place(s->store, fault);
    if (status == STATUS_OK && ends == STATUS_STOPPED)
        status = clear_marks(s, fault);
    if (status != STATUS_OK)
        return status;
    tidy(s);
    if (s->log_row < 0)
        return STATUS_OK;
    return store_log_end(s->store, s->log_row, (int)ends, clock_utc(), fault);
}

void session_fini(struct session *s)
{
    scheduler_free(&s->scheduler);
    cost_free(&s->cost);
    lock_release(&s->lock);
}
