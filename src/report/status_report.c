// SPDX-License-Identifier: MIT
/*
 * `status` for people and as JSON. The words are for somebody who looks for ten seconds: how far it
 * is, when it will be done, and what needs attention. What is not known is "?" or null, never a
 * guess. What a cell is called and why it needs attention is decided once (name_cell, reason_of),
 * for both forms.
 */
#include "report/status_report.h"
#include "base/text.h"
#include "report/json.h"
#include "report/rate_table.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Number of cells of each kind that are listed; the others are counted. --cells lists them all. */
enum { TOLD = 10 };

/* Bytes for the reason why a cell needs attention. */
enum { REASON = RECORD_WHY + 64 };

static int64_t running_of(const struct run_table *table)
{
    return table->states[RUN_STATE_RUNNING];
}

static int64_t left_of(const struct run_table *table)
{
    return table->runs - table->states[RUN_STATE_DONE];
}

/* UTC, not local time: the machine of the sweep and that of the reader may be in different
 * zones. */
static void write_date(double time_s, char *text, size_t size)
{
    const time_t whole = (time_t)time_s;
    struct tm utc;
    snprintf(text, size, "?");
    if (isfinite(time_s) && gmtime_r(&whole, &utc) != NULL)
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &utc);
}

/* Below a minute a duration of whole seconds would be too coarse: short cells take a few. */
static void write_seconds(double seconds, char *text, size_t size)
{
    if (isfinite(seconds) && seconds < 60)
        snprintf(text, size, "%.2g s", seconds);
    else
        text_duration(seconds, text, size);
}

/* Seconds of wall time left, and their margin; NaN when nothing is known, or when nothing is being
 * trained and there is no rate at which the work shrinks. */
static double left_s(const struct run_table *table, double *margin_s)
{
    const double workers = (double)running_of(table);
    *margin_s = table->left_margin_s / workers;
    return workers > 0 ? table->left_s / workers : NAN;
}

/* "run 3 (actor_lr 0.1, critic_lr 0.01, seed 2, environment_agents 20)" */
static void name_cell(const struct run_table *table, int64_t run, char *text, size_t size)
{
    text[0] = '\0';
    char value[SETTING_TEXT];
    text_add(text, size, "run %" PRId64 " (", run);
    for (size_t i = 0; i < table->axes; i++) {
        const struct run_axis *const axis = &table->axis[i];
        if (axis->of_label)
            continue;
        run_table_axis_write(axis, run, value, sizeof value);
        text_add(text, size, "%s%s %s", i > 0 ? ", " : "", axis->name, value);
        if (axis == &table->rate[RUN_TABLE_CRITIC_LR])
            text_add(text, size, ", seed %" PRId64, table->run[run].seed);
    }
    text_add(text, size, ")");
}

/* Runs that no start trains again unless it is asked to (--retry). */
static bool is_given_up(const struct run_row *r)
{
    return r->outcome == OUTCOME_FAILED || r->outcome == OUTCOME_QUARANTINED;
}

/* ---- for people ---- */

/* Twelve digits of the hash, and the mark of a source that had been changed. */
static void write_revision(const char *revision, char *text, size_t size)
{
    const size_t digits = strspn(revision, "0123456789abcdef");
    snprintf(text, size, "%.*s%s", (int)(digits > 12 ? 12 : digits), revision, revision + digits);
}

/* Which sweep it is, and whether a process works on it now: the first thing to know when the
 * numbers below do not move. */
static void print_head(FILE *file, const struct status_report *report)
{
    const struct run_table *const table = &report->table;
    char revision[80] = "";
    write_revision(table->start.revision, revision, sizeof revision);
    fprintf(file, "sweep     %s, %" PRId64 " cell%s, %s%s%salgorithm version %u\n", report->path,
            table->runs, table->runs == 1 ? "" : "s", revision[0] != '\0' ? "revision " : "",
            revision, revision[0] != '\0' ? ", " : "", store_algorithm_version(report->store));
    if (report->held)
        fprintf(file, "lock      held by %s\n", report->holder[0] != '\0' ? report->holder : "?");
    else
        fputs("lock      free: no process works on it\n", file);
}

/* An exit code in words, after a comma; "" for one that has no meaning here. */
static const char *words_of(int code, int64_t left)
{
    switch (code) {
    case STATUS_OK:
        return left > 0 ? ", the part that was asked for is done" : ", complete";
    case STATUS_FAULT:
        return ", a fault of the system";
    case STATUS_CELLS:
        return ", some cells failed";
    case STATUS_STOPPED:
        return ", stopped early";
    default:
        return "";
    }
}

/* Without an end it is running if the lock is held; otherwise it was killed before it could write
 * its end. */
static void print_start(FILE *file, const struct status_report *report)
{
    const struct run_table_start *const start = &report->table.start;
    char began[64], ended[64];
    if (start->number == 0)
        return;
    write_date(start->time, began, sizeof began);
    write_date(start->end, ended, sizeof ended);
    fprintf(file, "start     no. %" PRId64 " on %s, %d rank%s, host %s%s%s", start->number, began,
            start->ranks, start->ranks == 1 ? "" : "s", start->host,
            start->job[0] != '\0' ? ", SLURM job " : "", start->job);
    if (isfinite(start->end))
        fprintf(file, "; ended on %s with code %d%s\n", ended, start->status,
                words_of(start->status, left_of(&report->table)));
    else
        fputs(report->held ? "; still running\n" : "; ended unexpectedly\n", file);
}

/* Of a sweep that has grown, how it has. */
static void print_extensions(FILE *file, const struct run_table *table)
{
    for (size_t i = 0; i < table->extensions; i++) {
        const struct run_table_extension *const e = &table->extension[i];
        char date[64];
        write_date(e->time, date, sizeof date);
        fprintf(file, "extended  on %s from %" PRId64 " to %" PRId64 " cells\n", date, e->before,
                e->after);
    }
}

/* Rare states are shown only when a run is in them. */
static void print_counts(FILE *file, const struct run_table *table)
{
    const int64_t *const n = table->states;
    const int64_t *const o = table->outcomes;
    fprintf(file, "cells     %" PRId64 ":", table->runs);
    for (int i = 0; i < RUN_STATE_COUNT; i++) {
        if (n[i] > 0 || i == RUN_STATE_DONE || i == RUN_STATE_RUNNING || i == RUN_STATE_PENDING)
            fprintf(file, "%s %" PRId64 " %s", i > 0 ? "," : "", n[i],
                    run_state_name((enum run_state)i));
    }
    fprintf(file,
            "\noutcomes  %" PRId64 " stopped, %" PRId64 " censored, %" PRId64 " diverged, %" PRId64
            " failed, %" PRId64 " quarantined\n",
            o[OUTCOME_STOPPED], o[OUTCOME_CENSORED], o[OUTCOME_DIVERGED], o[OUTCOME_FAILED],
            o[OUTCOME_QUARANTINED]);
}

/* Share of the sweep that is done: all cells that are done, and of each begun cell the share of its
 * episodes. Episodes can be compared between any cells, while times are known only when cells have
 * finished. */
static double share_done(const struct run_table *table)
{
    double cells = (double)table->states[RUN_STATE_DONE];
    for (int64_t i = 0; i < table->runs; i++) {
        const struct run_row *const run = &table->run[i];
        if (run->state != RUN_STATE_DONE && run->episode > 0)
            cells += (double)run->episode / (double)run->limit;
    }
    return cells / (double)table->runs;
}

/* What is not known is "?". Without running cells there is no ETA at all: the work does not shrink,
 * and any time would be a guess about the next start. */
static void print_progress(FILE *file, const struct run_table *table)
{
    char median[32], p90[32], left[32], least[32], most[32];
    double margin_s = NAN;
    const double wall_s = left_s(table, &margin_s);
    write_seconds(table->median_s, median, sizeof median);
    write_seconds(table->p90_s, p90, sizeof p90);
    write_seconds(wall_s, left, sizeof left);
    write_seconds(fmax(wall_s - margin_s, 0), least, sizeof least);
    write_seconds(wall_s + margin_s, most, sizeof most);
    fprintf(file, "progress  %.1f %%", 100 * share_done(table));
    if (isfinite(table->median_s))
        fprintf(file, "   a cell takes %s (90 of 100 at most %s)", median, p90);
    if (left_of(table) > 0 && isfinite(table->left_s))
        fprintf(file, "   left %.3g core-hours", table->left_s / 3600);
    else if (left_of(table) > 0)
        fputs("   left ?", file);
    if (running_of(table) > 0 && isfinite(wall_s))
        fprintf(file, ", ETA %s [%s - %s]", left, least, most);
    else if (running_of(table) > 0)
        fputs(", ETA ?", file);
    fputc('\n', file);
}

/* Why a cell needs attention, NULL if it does not. The worst comes first: one sentence is given,
 * and a run that crashed and was lost is more urgently a crash. */
static const char *reason_of(const struct run_row *r, char *text, size_t size)
{
    if (r->outcome == OUTCOME_QUARANTINED)
        snprintf(text, size, "quarantined: crashed %d time%s", r->failures.crashes,
                 r->failures.crashes == 1 ? "" : "s");
    else if (r->outcome == OUTCOME_FAILED)
        snprintf(text, size, "failed: %d jobs in a row were lost with it", r->failures.lost);
    else if (r->damage != NULL)
        snprintf(text, size, "is damaged: %s; run --check trains it again", r->damage);
    else if (r->state == RUN_STATE_DONE)
        return NULL;
    else if (r->failures.crashes > 0)
        snprintf(text, size, "crashed %d time%s so far", r->failures.crashes,
                 r->failures.crashes == 1 ? "" : "s");
    else if (r->state == RUN_STATE_LOST)
        snprintf(text, size, "was in flight when its job ended unexpectedly");
    else if (r->failures.suspect != 0)
        snprintf(text, size, "suspect: was in flight when a job was lost, %d time%s alone",
                 r->failures.lost, r->failures.lost == 1 ? "" : "s");
    else
        return NULL;
    return text;
}

/* Number of cells with crash marks, and of the marks of all cells. */
static int64_t count_crashes(const struct run_table *table, int64_t *marks)
{
    int64_t cells = 0;
    *marks = 0;
    for (int64_t run = 0; run < table->runs; run++) {
        *marks += table->run[run].failures.crashes;
        cells += table->run[run].failures.crashes > 0;
    }
    return cells;
}

static int64_t count_suspects(const struct run_table *table)
{
    int64_t suspects = 0;
    for (int64_t run = 0; run < table->runs; run++)
        suspects +=
            table->run[run].state != RUN_STATE_DONE && table->run[run].failures.suspect != 0;
    return suspects;
}

/* List the cells that are given up, or all others that need attention. Two calls, so that a long
 * list of lost cells does not push the failed ones out of the ten that are shown. */
static void print_reasons(FILE *file, const struct run_table *table, bool given_up)
{
    int64_t told = 0;
    for (int64_t run = 0; run < table->runs; run++) {
        char name[4096], reason[REASON];
        if (is_given_up(&table->run[run]) != given_up ||
            reason_of(&table->run[run], reason, sizeof reason) == NULL || ++told > TOLD)
            continue;
        name_cell(table, run, name, sizeof name);
        fprintf(file, "attention %s %s\n", name, reason);
    }
    if (told > TOLD)
        fprintf(file, "attention %" PRId64 " more%s: see --cells\n", told - TOLD,
                given_up ? " failed or quarantined" : "");
}

static void print_attention(FILE *file, const struct run_table *table)
{
    const int64_t lost = table->states[RUN_STATE_LOST];
    int64_t marks = 0;
    const int64_t crashed = count_crashes(table, &marks);
    print_reasons(file, table, true);
    print_reasons(file, table, false);
    if (crashed > 0)
        fprintf(file, "crashes   %" PRId64 " mark%s on %" PRId64 " cell%s so far\n", marks,
                marks == 1 ? "" : "s", crashed, crashed == 1 ? "" : "s");
    if (lost > 0)
        fprintf(file,
                "lost      a job, with %" PRId64 " cell%s in flight: the same command resumes "
                "%s\n",
                lost, lost == 1 ? "" : "s", lost == 1 ? "it" : "them");
}

/* ---- every cell ---- */

/* Columns of --cells whose width depends on the sweep: the label if there is one, the learning
 * rates, seed and host of the run, then the other axes. They are measured before the first line is
 * printed. */
struct cell_column {
    const struct run_axis *axis; /* NULL: seed or host */
    bool host;
    int width;
};

/* \return the columns, `*count` of them; the caller frees them */
static struct cell_column *list_columns(const struct run_table *table, size_t *count)
{
    struct cell_column *const columns = fault_alloc(table->axes + 2, sizeof *columns);
    *count = 0;
    for (size_t a = 0; a < table->axes; a++) {
        if (!table->axis[a].of_label)
            columns[(*count)++].axis = &table->axis[a];
        if (&table->axis[a] == &table->rate[RUN_TABLE_CRITIC_LR]) {
            (*count)++; /* the seed */
            columns[(*count)++].host = true;
        }
    }
    return columns;
}

/* The text of a run in one of these columns: used to measure and to print, so that both agree. */
static void write_cell(const struct run_table *table, int64_t run, const struct cell_column *column,
                       char *text, size_t size)
{
    const struct run_row *const r = &table->run[run];
    if (column->axis != NULL)
        run_table_axis_write(column->axis, run, text, size);
    else if (column->host)
        snprintf(text, size, "%s", r->host[0] != '\0' ? r->host : "-");
    else
        snprintf(text, size, "%" PRId64, r->seed);
}

static const char *name_column(const struct cell_column *column)
{
    return column->axis != NULL ? column->axis->name : column->host ? "host" : "seed";
}

static void measure_cells(const struct run_table *table, struct cell_column *columns, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        columns[c].width = (int)strlen(name_column(&columns[c]));
        for (int64_t run = 0; run < table->runs; run++) {
            char text[SETTING_TEXT];
            write_cell(table, run, &columns[c], text, sizeof text);
            const int width = (int)strlen(text);
            columns[c].width = width > columns[c].width ? width : columns[c].width;
        }
    }
}

/* The stopping episode of a run, "> N" when it is censored, or how far a run is that is not
 * done. */
static void write_episode(const struct run_row *r, char *text, size_t size)
{
    if (r->state != RUN_STATE_DONE && r->episode > 0)
        snprintf(text, size, "%d of %" PRId64, r->episode, r->limit);
    else if (r->outcome == OUTCOME_STOPPED)
        snprintf(text, size, "%d", r->stopping);
    else if (r->outcome == OUTCOME_CENSORED)
        snprintf(text, size, "> %d", r->total);
    else if (r->outcome == OUTCOME_DIVERGED)
        snprintf(text, size, "%d", r->total);
    else
        snprintf(text, size, "-");
}

/* The outcome says more than "done". */
static const char *state_of(const struct run_row *r)
{
    return r->state == RUN_STATE_DONE ? outcome_name((enum outcome)r->outcome)
                                      : run_state_name(r->state);
}

static void print_cell(FILE *file, const struct run_table *table, int64_t run,
                       const struct cell_column *columns, size_t count)
{
    const struct run_row *const r = &table->run[run];
    const struct cell_column *host = columns;
    char text[SETTING_TEXT], episode[48], seconds[32] = "-", reason[REASON];
    const char *const why = reason_of(r, reason, sizeof reason);
    fprintf(file, "%6" PRId64, run);
    for (size_t c = 0; c < count; c++) {
        host = columns[c].host ? &columns[c] : host;
        write_cell(table, run, &columns[c], text, sizeof text);
        if (!columns[c].host)
            fprintf(file, "  %*s", columns[c].width, text);
    }
    write_episode(r, episode, sizeof episode);
    if (isfinite(r->wall_s))
        write_seconds(r->wall_s, seconds, sizeof seconds);
    fprintf(file, "  %-11s  %15s  %8s  %8d", state_of(r), episode, seconds, r->attempts);
    write_cell(table, run, host, text, sizeof text);
    fprintf(file, "  %-*s%s%s\n", why != NULL ? host->width : 0, text, why != NULL ? "  " : "",
            why != NULL ? why : "");
}

/* The host comes last although it is measured with the others: names are long and of different
 * lengths, and only the reason follows, which has no width. */
static void print_cells(FILE *file, const struct run_table *table)
{
    size_t count = 0;
    struct cell_column *const columns = list_columns(table, &count);
    measure_cells(table, columns, count);
    fprintf(file, "\n%6s", "run");
    for (size_t c = 0; c < count; c++) {
        if (!columns[c].host)
            fprintf(file, "  %*s", columns[c].width, name_column(&columns[c]));
    }
    fprintf(file, "  %-11s  %15s  %8s  %8s  %s\n", "state", "episode", "took", "attempts", "host");
    for (int64_t run = 0; run < table->runs; run++)
        print_cell(file, table, run, columns, count);
    free(columns);
}

static void print_explained(FILE *file, const struct status_report *report)
{
    char name[4096];
    const struct explanation *const e = &report->explained;
    name_cell(&report->table, e->run, name, sizeof name);
    fprintf(file, "%s of %s: %s\n", name, report->path, state_of(&report->table.run[e->run]));
    for (size_t i = 0; i < e->count; i++)
        fprintf(file, "- %s\n", e->of[i]);
}

void status_print(FILE *file, const struct status_report *report, bool cells)
{
    if (report->explained.count > 0) {
        print_explained(file, report);
        return;
    }
    print_head(file, report);
    print_start(file, report);
    print_extensions(file, &report->table);
    print_counts(file, &report->table);
    print_progress(file, &report->table);
    print_attention(file, &report->table);
    fputc('\n', file);
    rate_table_print(file, &report->table);
    if (cells)
        print_cells(file, &report->table);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_text(text) : json_null();
}

/* null before the first start; `end` and `code` are null when a start has not written its end. */
static json_t *start_json(const struct run_table_start *start)
{
    if (start->number == 0)
        return json_null();
    return json_pack("{s:I, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "number",
                     (json_int_t)start->number, "time", json_real_or_null(start->time), "end",
                     json_real_or_null(start->end), "code", json_whole_or_null(start->status),
                     "ranks", start->ranks, "host", text_or_null(start->host), "job",
                     text_or_null(start->job), "revision", text_or_null(start->revision));
}

static json_t *extensions_json(const struct run_table *table)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < table->extensions; i++) {
        const struct run_table_extension *const e = &table->extension[i];
        json_array_append_new(list, json_pack("{s:o, s:I, s:I}", "time", json_real_or_null(e->time),
                                              "before", (json_int_t)e->before, "after",
                                              (json_int_t)e->after));
    }
    return list;
}

/* The other axes, the label first. The learning rates and the seed have keys of their own, which
 * every sweep has. */
static json_t *axes_json(const struct run_table *table, int64_t run)
{
    json_t *const object = json_object();
    for (size_t i = 0; i < table->axes; i++) {
        if (!table->axis[i].of_label && !run_table_is_rate(table, &table->axis[i]))
            json_object_set_new(object, table->axis[i].name,
                                json_setting(table->axis[i].row, table->axis[i].values[run]));
    }
    return object;
}

static json_t *cell_json(const void *of, int64_t run)
{
    const struct run_table *const table = of;
    const struct run_row *const r = &table->run[run];
    char reason[REASON];
    const char *const why = reason_of(r, reason, sizeof reason);
    json_t *const object = json_pack(
        "{s:I, s:f, s:f, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "run", (json_int_t)run,
        "actor_lr", table->rate[RUN_TABLE_ACTOR_LR].values[run], "critic_lr",
        table->rate[RUN_TABLE_CRITIC_LR].values[run], "seed", (json_int_t)r->seed, "axes",
        axes_json(table, run), "state", run_state_name(r->state), "outcome",
        r->state == RUN_STATE_DONE ? json_string(outcome_name((enum outcome)r->outcome))
                                   : json_null(),
        "stopping_episode", json_whole_or_null(r->stopping), "total_episodes",
        json_whole_or_null(r->total), "episode", json_whole_or_null(r->episode), "actors_moving",
        json_whole_or_null(r->moving), "wall_s", json_real_or_null(r->wall_s));
    json_object_set_new(object, "attempts", json_integer(r->attempts));
    json_object_set_new(object, "host", text_or_null(r->host));
    json_object_set_new(object, "crashes", json_integer(r->failures.crashes));
    json_object_set_new(object, "lost", json_integer(r->failures.lost));
    json_object_set_new(object, "suspect", json_boolean(r->failures.suspect != 0));
    json_object_set_new(object, "reason", why != NULL ? json_string(why) : json_null());
    return object;
}

/* NULL for a cell that needs no attention. */
static json_t *attention_json(const void *of, int64_t run)
{
    const struct run_table *const table = of;
    char reason[REASON];
    const bool told = reason_of(&table->run[run], reason, sizeof reason) != NULL;
    return told ? cell_json(table, run) : NULL;
}

static json_t *explained_json(const struct status_report *report)
{
    json_t *const object = cell_json(&report->table, report->explained.run);
    json_t *const sentences = json_array();
    for (size_t i = 0; i < report->explained.count; i++)
        json_array_append_new(sentences, json_text(report->explained.of[i]));
    json_object_set_new(object, "sentences", sentences);
    return object;
}

/* Number of runs by state, and of those that are done by outcome. */
static void set_counts(json_t *object, const struct run_table *table)
{
    int64_t marks = 0;
    json_t *const states = json_object();
    json_t *const outcomes = json_object();
    for (int i = 0; i < RUN_STATE_COUNT; i++)
        json_object_set_new(states, run_state_name((enum run_state)i),
                            json_integer(table->states[i]));
    for (int i = OUTCOME_STOPPED; i <= OUTCOME_QUARANTINED; i++)
        json_object_set_new(outcomes, outcome_name((enum outcome)i),
                            json_integer(table->outcomes[i]));
    (void)count_crashes(table, &marks);
    json_object_set_new(object, "cells", json_integer(table->runs));
    json_object_set_new(object, "states", states);
    json_object_set_new(object, "outcomes", outcomes);
    json_object_set_new(object, "crash_marks", json_integer(marks));
    json_object_set_new(object, "suspects", json_integer(count_suspects(table)));
}

/* `left_core_s` is work, `eta_s` wall time: the latter is null while no cell is running. */
static void set_times(json_t *object, const struct run_table *table)
{
    double margin_s = NAN;
    const double wall_s = left_s(table, &margin_s);
    json_object_set_new(object, "median_s", json_real_or_null(table->median_s));
    json_object_set_new(object, "p90_s", json_real_or_null(table->p90_s));
    json_object_set_new(object, "left_core_s", json_real_or_null(table->left_s));
    json_object_set_new(object, "eta_s", json_real_or_null(wall_s));
    json_object_set_new(object, "eta_margin_s", json_real_or_null(margin_s));
}

bool status_print_json(FILE *file, const struct status_report *report, bool cells, bool line)
{
    const struct run_table *const table = &report->table;
    json_t *const object =
        json_pack("{s:i, s:o, s:f, s:i, s:b, s:o, s:o, s:o}", "schema_version",
                  STATUS_SCHEMA_VERSION, "file", text_or_null(report->path), "time", report->now,
                  "algorithm_version", (int)store_algorithm_version(report->store), "locked",
                  (int)report->held, "holder", text_or_null(report->held ? report->holder : ""),
                  "last_start", start_json(&table->start), "extensions", extensions_json(table));
    CHECK(object != NULL);
    set_counts(object, table);
    set_times(object, table);
    if (report->explained.count > 0)
        json_object_set_new(object, "explained", explained_json(report));
    struct json_stream stream = json_stream_begin(file, line ? 0 : 2);
    json_stream_set_all(&stream, object);
    rate_table_stream(&stream, "grid", table);
    json_stream_list(&stream, "attention", table->runs, attention_json, table);
    if (cells)
        json_stream_list(&stream, "list", table->runs, cell_json, table);
    return json_stream_end(&stream);
}
