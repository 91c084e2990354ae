// SPDX-License-Identifier: MIT
/*
 * The rules are those of the failure policy; here they are told of one run, from the notes that the
 * policy decides by.
 */
#include "report/status_explain.h"
#include "base/text.h"
#include "store/checkpoint.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All that is known of the run. */
struct known {
    const struct run_table *table;
    const struct run_row *row;
    struct store_notes notes;
    double first_start; /* time of the first start on the file; NaN: not known */
    bool held, checkpoint;
};

static void add(struct explanation *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct explanation *e, const char *format, ...)
{
    enum { SENTENCE = 1024 };
    CHECK(e->count < sizeof e->of / sizeof *e->of);
    char *const text = fault_alloc(SENTENCE, 1);
    va_list values;
    va_start(values, format);
    text_add_list(text, SENTENCE, format, values);
    va_end(values);
    e->of[e->count++] = text;
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static void write_time(double time_s, char *text, size_t size)
{
    const time_t whole = (time_t)time_s;
    struct tm utc;
    snprintf(text, size, "a time that is not noted");
    if (isfinite(time_s) && gmtime_r(&whole, &utc) != NULL)
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &utc);
}

/* ---- what happened ---- */

static void add_attempts(struct explanation *e, const struct known *k)
{
    char began[64], ended[64];
    const struct store_notes *const n = &k->notes;
    if (k->row->attempts == 0)
        return;
    write_time(n->start, began, sizeof began);
    write_time(n->end, ended, sizeof ended);
    add(e,
        "It was begun or resumed %d time%s, first at %s, last by rank %d on host %s (CPU level %s, "
        "revision %s).",
        k->row->attempts, plural(k->row->attempts), began, n->rank < 0 ? 0 : n->rank,
        n->host[0] != '\0' ? n->host : "?", n->cpu_level[0] != '\0' ? n->cpu_level : "?",
        n->revision[0] != '\0' ? n->revision : "?");
    if (isfinite(n->wall_s))
        add(e, "All attempts together took %.3g s, up to %s.", n->wall_s, ended);
    if (isfinite(n->end) && n->end < k->first_start)
        add(e, "All of this was before the first start on this file: it was copied from another "
               "file (run --reuse).");
}

/* Whether nothing of the run is noted since the last extension, and something before. */
static bool is_before_extension(const struct known *k)
{
    const struct run_table *const t = k->table;
    return t->extensions > 0 && k->row->attempts > 0 &&
           !(k->notes.start >= t->extension[t->extensions - 1].time) &&
           !(k->notes.end >= t->extension[t->extensions - 1].time);
}

/* An extension keeps the notes of runs that go on, and removes those of runs that are trained
 * anew. */
static void add_extension(struct explanation *e, const struct known *k)
{
    const struct run_table *const t = k->table;
    if (t->extensions == 0)
        return;
    const struct run_table_extension *const last = &t->extension[t->extensions - 1];
    char when[64];
    write_time(last->time, when, sizeof when);
    const char *what = "no attempt of this run is noted";
    if (k->row->attempts > 0 && k->notes.start >= last->time)
        what = "what is noted of this run is newer";
    else if (k->row->attempts > 0 && !is_before_extension(k))
        what = "this run was begun before, and went on after";
    else if (k->row->attempts > 0)
        what = "what is noted of this run is older";
    add(e, "The file was extended at %s from %" PRId64 " to %" PRId64 " cells (run --extend); %s.",
        when, last->before, last->after, what);
}

/* Whether the process of another run crashed in the last start: the flights of earlier starts have
 * been settled. */
static bool another_crashed(const struct known *k)
{
    for (int64_t run = 0; run < k->table->runs; run++) {
        const struct run_row *const row = &k->table->run[run];
        if (row != k->row && row->failures.flight == FLIGHT_CRASHED)
            return true;
    }
    return false;
}

/* What is held against a run that is not done, by the rules of run/failure_policy.h. */
static void add_failures(struct explanation *e, const struct known *k)
{
    const struct store_failures *const f = &k->row->failures;
    if (f->crashes > 0)
        add(e,
            "Its process has crashed %d time%s while it was trained; the third crash quarantines "
            "it (the first with --fail-fast).",
            f->crashes, plural(f->crashes));
    if (f->suspect != 0)
        add(e, "It is a suspect: it was in flight when a job was lost, and has reached no newer "
               "checkpoint since.");
    if (f->lost > 0)
        add(e,
            "%d job%s in a row %s lost while it was the only suspect; after --max-lost of them (10 "
            "unless given) it has failed.",
            f->lost, plural(f->lost), f->lost == 1 ? "was" : "were");
    if (f->suspect != 0 || f->crashes > 0)
        add(e, "So it is trained before all others and with no other suspect beside it.");
    if (f->suspect != 0 || f->lost > 0 || f->crashes > 0)
        add(e, "A newer checkpoint clears it of the jobs that were lost, a stop on request also of "
               "its crashes.");
}

static void add_done(struct explanation *e, const struct known *k)
{
    const struct run_row *const r = k->row;
    switch (r->outcome) {
    case OUTCOME_STOPPED:
        add(e,
            "It is done: all its actors were still from episode %d on, and %d episodes were "
            "played.",
            r->stopping, r->total);
        break;
    case OUTCOME_CENSORED:
        add(e,
            "It is done: its limit of %" PRId64 " episodes came before all its actors were "
            "still.",
            r->limit);
        break;
    case OUTCOME_DIVERGED:
        add(e,
            "It is done: its numbers overflowed in episode %d, which is a result and is not "
            "tried again.",
            r->total);
        break;
    case OUTCOME_QUARANTINED:
        add(e,
            "It is quarantined: its process crashed %d time%s. No start tries it again but run "
            "--retry quarantined, which forgets the crashes.",
            r->failures.crashes, plural(r->failures.crashes));
        break;
    default:
        add(e,
            "It has failed: %d job%s in a row %s lost while it was the only suspect. No start "
            "tries it again but run --retry failed, which forgets the losses.",
            r->failures.lost, plural(r->failures.lost), r->failures.lost == 1 ? "was" : "were");
    }
}

/* ---- where it is ---- */

static void add_state(struct explanation *e, const struct known *k)
{
    const struct run_row *const r = k->row;
    char noted[64];
    write_time(k->notes.progress_time, noted, sizeof noted);
    if (r->state == RUN_STATE_RUNNING)
        add(e, "It is being trained now.");
    else if (r->state == RUN_STATE_INTERRUPTED && is_before_extension(k))
        add(e,
            "It had come to a smaller limit, or been interrupted by a stop on request, before the "
            "sweep was extended, and goes on.");
    else if (r->state == RUN_STATE_INTERRUPTED)
        add(e, "It was interrupted by a stop on request, which counts against no run.");
    else if (r->failures.flight == FLIGHT_CRASHED)
        add(e, "Its own process crashed in the last start, which ended the job.");
    else if (r->state == RUN_STATE_LOST && another_crashed(k))
        add(e, "It was in flight when the process of another run crashed, which ended the job.");
    else if (r->state == RUN_STATE_LOST)
        add(e,
            "It was in flight when its job ended unexpectedly: killed, out of memory or time, or "
            "by a crash that left no mark.");
    else if (r->attempts > 0)
        add(e, "It was begun, and its last attempt did not reach the end.");
    else
        add(e, "It has not been begun.");
    if (r->episode > 0)
        add(e, "Its last note is of episode %d of at most %" PRId64 ", at %s.", r->episode,
            r->limit, noted);
}

/* ---- what comes ---- */

static void add_next(struct explanation *e, const struct known *k)
{
    const struct run_table *const t = k->table;
    const struct run_table_start *const start = &t->start;
    const bool extended = t->extensions > 0 && t->extension[t->extensions - 1].time > start->time;
    if (k->row->state == RUN_STATE_RUNNING)
        return;
    if (k->checkpoint)
        add(e, "There is a checkpoint, from which it is resumed.");
    else if (k->row->attempts > 0)
        add(e, "There is no checkpoint, so it is trained from the first episode on.");
    if (k->held)
        add(e, "A process works on the sweep: it waits for a free worker, or is not of the part "
               "that was asked for (--only, --limit-cells).");
    else if (start->number == 0 || extended)
        add(e, "The sweep has not been started since %s: the same command as before trains it.",
            extended ? "it was extended" : "its file was made");
    else if (isfinite(start->end) && start->status == STATUS_OK)
        add(e, "The last start ended when the part that it was asked for was done (--only, "
               "--limit-cells), of which this run was not: a start without these trains it.");
    else if (isfinite(start->end) && start->status == STATUS_CELLS)
        add(e,
            "The last start ended because cells had failed: it gave up (--max-failed, "
            "--fail-fast), or was asked for a part (--only, --limit-cells) of which this run was "
            "not. A start without these options, or with --retry, trains it.");
    else
        add(e, "No process works on the sweep: the same command as before trains it.");
}

/* The log of starts is a ring, in which the first start may have been overwritten. */
static enum status find_first_start(const struct store *store, double *time, struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS];
    double times[SCHEMA_STARTS];
    enum status status = store_note_column(store, NOTE_LOG_NUMBER, numbers, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_LOG_TIME, times, fault);
    *time = NAN;
    for (int i = 0; i < SCHEMA_STARTS && status == STATUS_OK; i++) {
        if (numbers[i] == 1)
            *time = times[i];
    }
    return status;
}

enum status explanation_make(struct explanation *e, const struct store *store,
                             const struct run_table *table, int64_t run, const char *path,
                             bool held, struct fault *fault)
{
    struct known k = {.table = table, .row = &table->run[run], .held = held};
    *e = (struct explanation){.run = run};
    enum status status = store_notes(store, run, &k.notes, fault);
    if (status == STATUS_OK)
        status = find_first_start(store, &k.first_start, fault);
    if (status != STATUS_OK)
        return status;
    k.checkpoint = checkpoint_exists(path, run);
    const bool done = k.row->state == RUN_STATE_DONE, damaged = k.row->damage != NULL;
    if (!done && !damaged)
        add_state(e, &k);
    add_attempts(e, &k);
    add_extension(e, &k);
    if (damaged) {
        add(e,
            "It was committed, but is damaged, and does not count: %s. run --check trains it "
            "again; without it no start goes on with this file.",
            k.row->damage);
    } else if (done) {
        add_done(e, &k);
    } else {
        add_failures(e, &k);
        add_next(e, &k);
    }
    return STATUS_OK;
}

void explanation_fini(struct explanation *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->of[i]);
    *e = (struct explanation){0};
}
