// SPDX-License-Identifier: MIT
#include <ccmsweep/progress.h>
#include <ccmsweep/status_report.h>
#include <ccmsweep/table.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Cells that are told by name; more are counted. */
enum { TOLD = 10 };

static int64_t running_of(const struct survey *survey)
{
    return survey->standings[STANDING_RUNNING];
}

static int64_t left_of(const struct survey *survey)
{
    return survey->runs - survey->standings[STANDING_DONE];
}

static void write_date(double time_s, char *text, size_t size)
{
    const time_t whole = (time_t)time_s;
    struct tm utc;
    snprintf(text, size, "?");
    if (isfinite(time_s) && gmtime_r(&whole, &utc) != NULL)
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &utc);
}

static void write_seconds(double seconds, char *text, size_t size)
{
    if (isfinite(seconds) && seconds < 60)
        snprintf(text, size, "%.2g s", seconds);
    else
        progress_duration(seconds, text, size);
}

/* Seconds of wall time left, and how far that may be off; NaN when nothing is known or runs. */
static double left_s(const struct survey *survey, double *give_s)
{
    const double workers = (double)running_of(survey);
    *give_s = survey->left_give_s / workers;
    return workers > 0 ? survey->left_s / workers : NAN;
}

static void name_cell(const struct survey *survey, int64_t run, char *text, size_t size)
{
    const struct surveyed *const r = &survey->run[run];
    snprintf(text, size, "run %" PRId64 " (actor_lr %g, critic_lr %g, seed %" PRId64 ")", run,
             r->actor_lr, r->critic_lr, r->seed);
}

/* ---- for people ---- */

static void print_start(FILE *file, const struct status_report *report)
{
    const struct surveyed_start *const start = &report->survey.start;
    char began[64], ended[64];
    if (start->number == 0)
        return;
    write_date(start->time, began, sizeof began);
    write_date(start->end, ended, sizeof ended);
    fprintf(file, "start     no. %" PRId64 " on %s, %d rank%s, host %s%s%s", start->number, began,
            start->ranks, start->ranks == 1 ? "" : "s", start->host,
            start->job[0] != '\0' ? ", SLURM job " : "", start->job);
    if (isfinite(start->end))
        fprintf(file, "; ended on %s with code %d\n", ended, start->status);
    else
        fputs(report->held ? "; going on\n" : "; ended out of order\n", file);
}

static void print_counts(FILE *file, const struct survey *survey)
{
    const int64_t *const n = survey->standings;
    const int64_t *const o = survey->outcomes;
    fprintf(file, "cells     %" PRId64 ":", survey->runs);
    for (int i = 0; i < STANDING_COUNT; i++) {
        if (n[i] > 0 || i == STANDING_DONE || i == STANDING_RUNNING || i == STANDING_PENDING)
            fprintf(file, "%s %" PRId64 " %s", i > 0 ? "," : "", n[i],
                    standing_name((enum standing)i));
    }
    fprintf(file,
            "\noutcomes  %" PRId64 " stopped, %" PRId64 " censored, %" PRId64 " diverged, %" PRId64
            " failed, %" PRId64 " quarantined\n",
            o[OUTCOME_STOPPED], o[OUTCOME_CENSORED], o[OUTCOME_DIVERGED], o[OUTCOME_FAILED],
            o[OUTCOME_QUARANTINED]);
}

static void print_progress(FILE *file, const struct survey *survey)
{
    char median[32], p90[32], left[32], least[32], most[32];
    double give_s = NAN;
    const double wall_s = left_s(survey, &give_s);
    write_seconds(survey->median_s, median, sizeof median);
    write_seconds(survey->p90_s, p90, sizeof p90);
    write_seconds(wall_s, left, sizeof left);
    write_seconds(fmax(wall_s - give_s, 0), least, sizeof least);
    write_seconds(wall_s + give_s, most, sizeof most);
    fprintf(file, "progress  %.1f %%   a cell takes %s (90 of 100 below %s)",
            survey->runs > 0 ? 100 * (double)survey->standings[STANDING_DONE] / (double)survey->runs
                             : 100,
            median, p90);
    if (left_of(survey) == 0) {
        fputc('\n', file);
        return;
    }
    if (isnan(survey->left_s))
        fputs("   left ?", file);
    else
        fprintf(file, "   left %.3g core-hours", survey->left_s / 3600);
    if (running_of(survey) > 0)
        fprintf(file, ", ETA %s [%s - %s]", left, least, most);
    fputc('\n', file);
}

static const char *reason_of(const struct surveyed *r, char *text, size_t size)
{
    if (r->outcome == OUTCOME_QUARANTINED)
        snprintf(text, size, "quarantined: crashed %d time%s", r->trouble.crashes,
                 r->trouble.crashes == 1 ? "" : "s");
    else if (r->outcome == OUTCOME_FAILED)
        snprintf(text, size, "failed: %d jobs in a row were lost with it", r->trouble.lost);
    else if (r->standing == STANDING_DONE)
        return NULL;
    else if (r->trouble.crashes > 0)
        snprintf(text, size, "crashed %d time%s so far", r->trouble.crashes,
                 r->trouble.crashes == 1 ? "" : "s");
    else if (r->standing == STANDING_LOST)
        snprintf(text, size, "was in flight when its job ended out of order");
    else if (r->trouble.suspect != 0)
        snprintf(text, size, "suspect: was in flight when a job was lost, %d time%s alone",
                 r->trouble.lost, r->trouble.lost == 1 ? "" : "s");
    else
        return NULL;
    return text;
}

static void print_attention(FILE *file, const struct survey *survey)
{
    int64_t told = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        char name[160], reason[128];
        if (reason_of(&survey->run[run], reason, sizeof reason) == NULL)
            continue;
        if (++told > TOLD)
            continue;
        name_cell(survey, run, name, sizeof name);
        fprintf(file, "attention %s %s\n", name, reason);
    }
    if (told > TOLD)
        fprintf(file, "attention %" PRId64 " more: see --cells\n", told - TOLD);
}

static void print_cell(FILE *file, const struct surveyed *r, int64_t run, const char *host)
{
    char seconds[32], reason[128], what[64];
    const char *const why = reason_of(r, reason, sizeof reason);
    if (r->standing != STANDING_DONE)
        snprintf(what, sizeof what, "episode %d of %" PRId64, r->episode > 0 ? r->episode : 0,
                 r->limit);
    else if (r->outcome == OUTCOME_STOPPED)
        snprintf(what, sizeof what, "stopped at %d", r->stopping);
    else
        snprintf(what, sizeof what, "%s", outcome_name((enum outcome)r->outcome));
    write_seconds(r->wall_s, seconds, sizeof seconds);
    fprintf(file, "%6" PRId64 "  %9.6g  %9.6g  %6" PRId64 "  %-11s  %-20s  %8s  %d  %s%s%s\n", run,
            r->actor_lr, r->critic_lr, r->seed, standing_name(r->standing), what, seconds,
            r->attempts, host, why != NULL ? "  " : "", why != NULL ? why : "");
}

static enum status print_cells(FILE *file, const struct status_report *report, struct fault *fault)
{
    enum { HOST_SIZE = 64 };
    const struct survey *const survey = &report->survey;
    char(*const hosts)[HOST_SIZE] = fault_alloc((size_t)survey->runs, HOST_SIZE);
    const enum status status = store_note_column(report->store, NOTE_HOST, hosts, fault);
    if (status == STATUS_OK)
        fprintf(file, "\n%6s  %9s  %9s  %6s  %-11s  %-20s  %8s  %s  %s\n", "run", "actor_lr",
                "critic_lr", "seed", "state", "episode", "took", "attempts", "host");
    for (int64_t run = 0; run < survey->runs && status == STATUS_OK; run++) {
        char host[HOST_SIZE + 1] = "";
        memcpy(host, hosts[run], HOST_SIZE);
        print_cell(file, &survey->run[run], run, host);
    }
    free(hosts);
    return status;
}

enum status status_print(FILE *file, const struct status_report *report, bool cells,
                         struct fault *fault)
{
    const struct survey *const survey = &report->survey;
    fprintf(file, "sweep     %s, %" PRId64 " cell%s, algorithm version %u\n", report->path,
            survey->runs, survey->runs == 1 ? "" : "s", store_algorithm_version(report->store));
    if (report->held)
        fprintf(file, "lock      held by %s\n", report->holder[0] != '\0' ? report->holder : "?");
    else
        fputs("lock      free: nobody works on it\n", file);
    print_start(file, report);
    print_counts(file, survey);
    print_progress(file, survey);
    print_attention(file, survey);
    fputc('\n', file);
    table_print(file, survey);
    return cells ? print_cells(file, report, fault) : STATUS_OK;
}

/* ---- JSON ---- */

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole_or_null(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

static json_t *start_json(const struct surveyed_start *start)
{
    if (start->number == 0)
        return json_null();
    return json_pack("{s:I, s:o, s:o, s:o, s:i, s:s, s:s}", "number", (json_int_t)start->number,
                     "time", real_or_null(start->time), "end", real_or_null(start->end), "code",
                     whole_or_null(start->status), "ranks", start->ranks, "host", start->host,
                     "job", start->job);
}

static json_t *cell_json(const struct surveyed *r, int64_t run)
{
    char reason[128];
    const char *const why = reason_of(r, reason, sizeof reason);
    const bool done = r->standing == STANDING_DONE;
    return json_pack("{s:I, s:f, s:f, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o}", "run",
                     (json_int_t)run, "actor_lr", r->actor_lr, "critic_lr", r->critic_lr, "seed",
                     (json_int_t)r->seed, "state", standing_name(r->standing), "outcome",
                     done ? json_string(outcome_name((enum outcome)r->outcome)) : json_null(),
                     "stopping_episode", whole_or_null(r->stopping), "episode",
                     whole_or_null(r->episode), "actors_moving", whole_or_null(r->moving), "wall_s",
                     real_or_null(r->wall_s), "attempts", r->attempts, "crashes",
                     r->trouble.crashes, "reason", why != NULL ? json_string(why) : json_null());
}

static json_t *cells_json(const struct survey *survey, bool all)
{
    json_t *const array = json_array();
    for (int64_t run = 0; run < survey->runs; run++) {
        char reason[128];
        if (all || reason_of(&survey->run[run], reason, sizeof reason) != NULL)
            json_array_append_new(array, cell_json(&survey->run[run], run));
    }
    return array;
}

bool status_print_json(FILE *file, const struct status_report *report, bool cells)
{
    const struct survey *const survey = &report->survey;
    double give_s = NAN;
    const double wall_s = left_s(survey, &give_s);
    json_t *const states = json_object();
    json_t *const outcomes = json_object();
    for (int i = 0; i < STANDING_COUNT; i++)
        json_object_set_new(states, standing_name((enum standing)i),
                            json_integer(survey->standings[i]));
    for (int i = OUTCOME_STOPPED; i <= OUTCOME_QUARANTINED; i++)
        json_object_set_new(outcomes, outcome_name((enum outcome)i),
                            json_integer(survey->outcomes[i]));
    json_t *const object = json_pack(
        "{s:i, s:s, s:I, s:i, s:b, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "schema_version", STATUS_SCHEMA_VERSION, "file", report->path, "time",
        (json_int_t)report->now, "algorithm_version", (int)store_algorithm_version(report->store),
        "locked", report->held, "holder", report->held ? json_string(report->holder) : json_null(),
        "last_start", start_json(&survey->start), "cells", (json_int_t)survey->runs, "states",
        states, "outcomes", outcomes, "median_s", real_or_null(survey->median_s), "p90_s",
        real_or_null(survey->p90_s), "left_core_s", real_or_null(survey->left_s), "eta_s",
        real_or_null(wall_s), "eta_give_s", real_or_null(give_s), "grid", table_json(survey),
        "attention", cells_json(survey, false));
    if (object != NULL && cells)
        json_object_set_new(object, "list", cells_json(survey, true));
    const bool written =
        object != NULL && json_dumpf(object, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;
    json_decref(object);
    return written;
}
