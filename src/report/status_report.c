// SPDX-License-Identifier: MIT
#include "report/status_report.h"
#include "base/text.h"
#include "report/json.h"
#include "report/rate_table.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Cells that are told by name; more are counted. */
enum { TOLD = 10 };

/* Room for what there is to say of one. */
enum { REASON = RECORD_WHY + 64 };

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
        text_duration(seconds, text, size);
}

/* Seconds of wall time left, and how far that may be off; NaN when nothing is known or runs. */
static double left_s(const struct survey *survey, double *give_s)
{
    const double workers = (double)running_of(survey);
    *give_s = survey->left_give_s / workers;
    return workers > 0 ? survey->left_s / workers : NAN;
}

/* "run 3 (actor_lr 0.1, critic_lr 0.01, seed 2, environment_agents 20)" */
static void name_cell(const struct survey *survey, int64_t run, char *text, size_t size)
{
    text[0] = '\0';
    text_add(text, size, "run %" PRId64 " (", run);
    for (size_t i = 0; i < survey->axes; i++) {
        char value[TEXT_NUMBER];
        survey_axis_write(&survey->axis[i], run, value, sizeof value);
        text_add(text, size, "%s%s %s", i > 0 ? ", " : "", survey->axis[i].name, value);
        if (i + 1 == SURVEY_RATES)
            text_add(text, size, ", seed %" PRId64, survey->run[run].seed);
    }
    text_add(text, size, ")");
}

static bool is_set_aside(const struct surveyed *r)
{
    return r->outcome == OUTCOME_FAILED || r->outcome == OUTCOME_QUARANTINED;
}

/* ---- for people ---- */

/* Twelve digits of the hash, and whether the source had been changed. */
static void write_revision(const char *revision, char *text, size_t size)
{
    const size_t digits = strspn(revision, "0123456789abcdef");
    snprintf(text, size, "%.*s%s", (int)(digits > 12 ? 12 : digits), revision, revision + digits);
}

static void print_head(FILE *file, const struct status_report *report)
{
    const struct survey *const survey = &report->survey;
    char revision[80] = "";
    write_revision(survey->start.revision, revision, sizeof revision);
    fprintf(file, "sweep     %s, %" PRId64 " cell%s, %s%s%salgorithm version %u\n", report->path,
            survey->runs, survey->runs == 1 ? "" : "s", revision[0] != '\0' ? "revision " : "",
            revision, revision[0] != '\0' ? ", " : "", store_algorithm_version(report->store));
    if (report->held)
        fprintf(file, "lock      held by %s\n", report->holder[0] != '\0' ? report->holder : "?");
    else
        fputs("lock      free: nobody works on it\n", file);
}

/* What an exit code says, with a comma in front; "" for one that says nothing. */
static const char *words_of(int code)
{
    switch (code) {
    case STATUS_OK:
        return ", complete";
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
        fprintf(file, "; ended on %s with code %d%s\n", ended, start->status,
                words_of(start->status));
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

/* Share of the sweep that is done: whole cells, and of those begun the share of their episodes. */
static double share_done(const struct survey *survey)
{
    double cells = (double)survey->standings[STANDING_DONE];
    for (int64_t i = 0; i < survey->runs; i++) {
        const struct surveyed *const run = &survey->run[i];
        if (run->standing != STANDING_DONE && run->episode > 0)
            cells += (double)run->episode / (double)run->limit;
    }
    return cells / (double)survey->runs;
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
    fprintf(file, "progress  %.1f %%", 100 * share_done(survey));
    if (isfinite(survey->median_s))
        fprintf(file, "   a cell takes %s (90 of 100 at most %s)", median, p90);
    if (left_of(survey) > 0 && isfinite(survey->left_s))
        fprintf(file, "   left %.3g core-hours", survey->left_s / 3600);
    else if (left_of(survey) > 0)
        fputs("   left ?", file);
    if (running_of(survey) > 0 && isfinite(wall_s))
        fprintf(file, ", ETA %s [%s - %s]", left, least, most);
    else if (running_of(survey) > 0)
        fputs(", ETA ?", file);
    fputc('\n', file);
}

static const char *reason_of(const struct surveyed *r, char *text, size_t size)
{
    if (r->outcome == OUTCOME_QUARANTINED)
        snprintf(text, size, "quarantined: crashed %d time%s", r->trouble.crashes,
                 r->trouble.crashes == 1 ? "" : "s");
    else if (r->outcome == OUTCOME_FAILED)
        snprintf(text, size, "failed: %d jobs in a row were lost with it", r->trouble.lost);
    else if (r->damage != NULL)
        snprintf(text, size, "is damaged: %s; run --check trains it again", r->damage);
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

/* Cells with a crash mark, and those marks together. */
static int64_t count_crashes(const struct survey *survey, int64_t *marks)
{
    int64_t cells = 0;
    *marks = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        *marks += survey->run[run].trouble.crashes;
        cells += survey->run[run].trouble.crashes > 0;
    }
    return cells;
}

static int64_t count_suspects(const struct survey *survey)
{
    int64_t suspects = 0;
    for (int64_t run = 0; run < survey->runs; run++)
        suspects +=
            survey->run[run].standing != STANDING_DONE && survey->run[run].trouble.suspect != 0;
    return suspects;
}

/* Cells that are set aside, or all others there is something to say of. */
static void print_reasons(FILE *file, const struct survey *survey, bool set_aside)
{
    int64_t told = 0;
    for (int64_t run = 0; run < survey->runs; run++) {
        char name[4096], reason[REASON];
        if (is_set_aside(&survey->run[run]) != set_aside ||
            reason_of(&survey->run[run], reason, sizeof reason) == NULL || ++told > TOLD)
            continue;
        name_cell(survey, run, name, sizeof name);
        fprintf(file, "attention %s %s\n", name, reason);
    }
    if (told > TOLD)
        fprintf(file, "attention %" PRId64 " more%s: see --cells\n", told - TOLD,
                set_aside ? " failed or quarantined" : "");
}

static void print_attention(FILE *file, const struct survey *survey)
{
    const int64_t lost = survey->standings[STANDING_LOST];
    int64_t marks = 0;
    const int64_t crashed = count_crashes(survey, &marks);
    print_reasons(file, survey, true);
    print_reasons(file, survey, false);
    if (crashed > 0)
        fprintf(file, "crashes   %" PRId64 " mark%s on %" PRId64 " cell%s so far\n", marks,
                marks == 1 ? "" : "s", crashed, crashed == 1 ? "" : "s");
    if (lost > 0)
        fprintf(file,
                "lost      a job, with %" PRId64 " cell%s in flight: the same command goes on with "
                "%s\n",
                lost, lost == 1 ? "" : "s", lost == 1 ? "it" : "them");
}

/* ---- every cell ---- */

/* Texts of a line that differ in length from sweep to sweep: the rates, two of the run, and the
 * other axes from CELL_AXIS on. */
enum { CELL_SEED = SURVEY_RATES, CELL_HOST, CELL_AXIS };

static size_t cells_of(const struct survey *survey)
{
    return CELL_AXIS + survey->axes - SURVEY_RATES;
}

static const struct surveyed_axis *axis_of(const struct survey *survey, size_t column)
{
    return &survey->axis[column < SURVEY_RATES ? column : column - CELL_AXIS + SURVEY_RATES];
}

static void write_cell(const struct survey *survey, int64_t run, size_t column, char *text,
                       size_t size)
{
    const struct surveyed *const r = &survey->run[run];
    if (column == CELL_SEED)
        snprintf(text, size, "%" PRId64, r->seed);
    else if (column == CELL_HOST)
        snprintf(text, size, "%s", r->host[0] != '\0' ? r->host : "-");
    else
        survey_axis_write(axis_of(survey, column), run, text, size);
}

static const char *name_column(const struct survey *survey, size_t column)
{
    return column == CELL_SEED   ? "seed"
           : column == CELL_HOST ? "host"
                                 : axis_of(survey, column)->name;
}

/* \return widths of the columns; the caller frees them */
static int *measure_cells(const struct survey *survey)
{
    const size_t count = cells_of(survey);
    int *const widths = fault_alloc(count, sizeof *widths);
    for (size_t c = 0; c < count; c++) {
        widths[c] = (int)strlen(name_column(survey, c));
        for (int64_t run = 0; run < survey->runs; run++) {
            char text[80];
            write_cell(survey, run, c, text, sizeof text);
            const int width = (int)strlen(text);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    return widths;
}

/* Where a run stopped, how far it is, or what that is later than. */
static void write_episode(const struct surveyed *r, char *text, size_t size)
{
    if (r->standing != STANDING_DONE && r->episode > 0)
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

static const char *state_of(const struct surveyed *r)
{
    return r->standing == STANDING_DONE ? outcome_name((enum outcome)r->outcome)
                                        : standing_name(r->standing);
}

static void print_cell(FILE *file, const struct survey *survey, int64_t run, const int *widths)
{
    const struct surveyed *const r = &survey->run[run];
    char text[80], episode[48], seconds[32] = "-", reason[REASON];
    const char *const why = reason_of(r, reason, sizeof reason);
    fprintf(file, "%6" PRId64, run);
    for (size_t c = 0; c < cells_of(survey); c++) {
        write_cell(survey, run, c, text, sizeof text);
        if (c != CELL_HOST)
            fprintf(file, "  %*s", widths[c], text);
    }
    write_episode(r, episode, sizeof episode);
    if (isfinite(r->wall_s))
        write_seconds(r->wall_s, seconds, sizeof seconds);
    fprintf(file, "  %-11s  %15s  %8s  %8d", state_of(r), episode, seconds, r->attempts);
    write_cell(survey, run, CELL_HOST, text, sizeof text);
    fprintf(file, "  %-*s%s%s\n", why != NULL ? widths[CELL_HOST] : 0, text,
            why != NULL ? "  " : "", why != NULL ? why : "");
}

static void print_cells(FILE *file, const struct survey *survey)
{
    int *const widths = measure_cells(survey);
    fprintf(file, "\n%6s", "run");
    for (size_t c = 0; c < cells_of(survey); c++) {
        if (c != CELL_HOST)
            fprintf(file, "  %*s", widths[c], name_column(survey, c));
    }
    fprintf(file, "  %-11s  %15s  %8s  %8s  %s\n", "state", "episode", "took", "attempts", "host");
    for (int64_t run = 0; run < survey->runs; run++)
        print_cell(file, survey, run, widths);
    free(widths);
}

void status_print(FILE *file, const struct status_report *report, bool cells)
{
    print_head(file, report);
    print_start(file, report);
    print_counts(file, &report->survey);
    print_progress(file, &report->survey);
    print_attention(file, &report->survey);
    fputc('\n', file);
    table_print(file, &report->survey);
    if (cells)
        print_cells(file, &report->survey);
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

/* A name from outside need not be UTF-8, which JSON is. */
static json_t *text_or_null(const char *text)
{
    char plain[4096];
    if (text[0] == '\0')
        return json_null();
    json_t *const string = json_string(text);
    if (string != NULL)
        return string;
    snprintf(plain, sizeof plain, "%s", text);
    for (char *c = plain; *c != '\0'; c++) {
        if ((unsigned char)*c > 126)
            *c = '?';
    }
    return json_string(plain);
}

static json_t *start_json(const struct surveyed_start *start)
{
    if (start->number == 0)
        return json_null();
    return json_pack("{s:I, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "number",
                     (json_int_t)start->number, "time", real_or_null(start->time), "end",
                     real_or_null(start->end), "code", whole_or_null(start->status), "ranks",
                     start->ranks, "host", text_or_null(start->host), "job",
                     text_or_null(start->job), "revision", text_or_null(start->revision));
}

static json_t *axes_json(const struct survey *survey, int64_t run)
{
    json_t *const object = json_object();
    for (size_t i = SURVEY_RATES; i < survey->axes; i++)
        json_object_set_new(object, survey->axis[i].name,
                            json_setting(survey->axis[i].row, survey->axis[i].values[run]));
    return object;
}

static json_t *cell_json(const void *of, int64_t run)
{
    const struct survey *const survey = of;
    const struct surveyed *const r = &survey->run[run];
    char reason[REASON];
    const char *const why = reason_of(r, reason, sizeof reason);
    json_t *const object = json_pack(
        "{s:I, s:f, s:f, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "run", (json_int_t)run,
        "actor_lr", survey->axis[SURVEY_ACTOR_LR].values[run], "critic_lr",
        survey->axis[SURVEY_CRITIC_LR].values[run], "seed", (json_int_t)r->seed, "axes",
        axes_json(survey, run), "state", standing_name(r->standing), "outcome",
        r->standing == STANDING_DONE ? json_string(outcome_name((enum outcome)r->outcome))
                                     : json_null(),
        "stopping_episode", whole_or_null(r->stopping), "total_episodes", whole_or_null(r->total),
        "episode", whole_or_null(r->episode), "actors_moving", whole_or_null(r->moving), "wall_s",
        real_or_null(r->wall_s));
    json_object_set_new(object, "attempts", json_integer(r->attempts));
    json_object_set_new(object, "host", text_or_null(r->host));
    json_object_set_new(object, "crashes", json_integer(r->trouble.crashes));
    json_object_set_new(object, "lost", json_integer(r->trouble.lost));
    json_object_set_new(object, "suspect", json_boolean(r->trouble.suspect != 0));
    json_object_set_new(object, "reason", why != NULL ? json_string(why) : json_null());
    return object;
}

/* NULL for a cell that needs no attention. */
static json_t *attention_json(const void *of, int64_t run)
{
    const struct survey *const survey = of;
    char reason[REASON];
    const bool told = reason_of(&survey->run[run], reason, sizeof reason) != NULL;
    return told ? cell_json(survey, run) : NULL;
}

/* Runs by where they stand, and those that are done by their outcome. */
static void set_counts(json_t *object, const struct survey *survey)
{
    int64_t marks = 0;
    json_t *const states = json_object();
    json_t *const outcomes = json_object();
    for (int i = 0; i < STANDING_COUNT; i++)
        json_object_set_new(states, standing_name((enum standing)i),
                            json_integer(survey->standings[i]));
    for (int i = OUTCOME_STOPPED; i <= OUTCOME_QUARANTINED; i++)
        json_object_set_new(outcomes, outcome_name((enum outcome)i),
                            json_integer(survey->outcomes[i]));
    (void)count_crashes(survey, &marks);
    json_object_set_new(object, "cells", json_integer(survey->runs));
    json_object_set_new(object, "states", states);
    json_object_set_new(object, "outcomes", outcomes);
    json_object_set_new(object, "crash_marks", json_integer(marks));
    json_object_set_new(object, "suspects", json_integer(count_suspects(survey)));
}

static void set_times(json_t *object, const struct survey *survey)
{
    double give_s = NAN;
    const double wall_s = left_s(survey, &give_s);
    json_object_set_new(object, "median_s", real_or_null(survey->median_s));
    json_object_set_new(object, "p90_s", real_or_null(survey->p90_s));
    json_object_set_new(object, "left_core_s", real_or_null(survey->left_s));
    json_object_set_new(object, "eta_s", real_or_null(wall_s));
    json_object_set_new(object, "eta_give_s", real_or_null(give_s));
}

bool status_print_json(FILE *file, const struct status_report *report, bool cells, bool line)
{
    const struct survey *const survey = &report->survey;
    json_t *const object = json_pack(
        "{s:i, s:o, s:f, s:i, s:b, s:o, s:o}", "schema_version", STATUS_SCHEMA_VERSION, "file",
        text_or_null(report->path), "time", report->now, "algorithm_version",
        (int)store_algorithm_version(report->store), "locked", (int)report->held, "holder",
        text_or_null(report->held ? report->holder : ""), "last_start", start_json(&survey->start));
    CHECK(object != NULL);
    set_counts(object, survey);
    set_times(object, survey);
    struct stream stream = stream_begin(file, line ? 0 : 2);
    stream_set_all(&stream, object);
    table_stream(&stream, "grid", survey);
    stream_list(&stream, "attention", survey->runs, attention_json, survey);
    if (cells)
        stream_list(&stream, "list", survey->runs, cell_json, survey);
    return stream_end(&stream);
}
