// SPDX-License-Identifier: MIT
#include "report/rate_table.h"
#include "base/text.h"
#include <ccmsweep/fault.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* When a run stopped, or what that is later than. */
struct moment {
    int64_t episode; /* -1: nothing is known */
    bool after;
};

/* Runs of one pair of learning rates. */
struct group {
    double rates[SURVEY_RATES];
    int64_t runs, done, outcomes[OUTCOME_COUNT];
    int64_t timed; /* stopped or censored */
    struct moment first, median, last;
};

struct table {
    size_t count;
    struct group *groups;
};

static bool is_timed(const struct surveyed *r)
{
    return r->standing == STANDING_DONE &&
           (r->outcome == OUTCOME_STOPPED || r->outcome == OUTCOME_CENSORED);
}

/* A censored time is later than an equal one that was seen. */
static int compare_moments(const void *a, const void *b)
{
    const struct moment *const x = a;
    const struct moment *const y = b;
    if (x->episode != y->episode)
        return x->episode < y->episode ? -1 : 1;
    return x->after - y->after;
}

/* Time `place` of all, when each "after" may be any later one: exact only if nothing before it is
 * open, else not earlier than it stands. */
static struct moment moment_at(const struct moment *sorted, int64_t place)
{
    if (sorted[place].after)
        return sorted[place];
    for (int64_t i = 0; i < place; i++) {
        if (sorted[i].after)
            return (struct moment){sorted[place].episode - 1, true};
    }
    return sorted[place];
}

static void sum_up(struct group *group, struct moment *times)
{
    qsort(times, (size_t)group->timed, sizeof *times, compare_moments);
    if (group->timed == 0)
        return;
    group->first = times[0];
    for (int64_t i = 0; i < group->timed && group->first.after; i++)
        group->first = times[i].after ? group->first : times[i];
    group->median = moment_at(times, (group->timed - 1) / 2);
    group->last = moment_at(times, group->timed - 1);
}

static void add_run(struct group *group, const struct survey *survey, int64_t run)
{
    const struct surveyed *const r = &survey->run[run];
    for (int i = 0; i < SURVEY_RATES; i++)
        group->rates[i] = survey->axis[i].values[run];
    group->timed += is_timed(r);
    group->runs++;
    if (r->standing == STANDING_DONE) {
        group->done++;
        group->outcomes[r->outcome]++;
    }
}

static struct table make_table(const struct survey *survey)
{
    static const struct moment unknown = {-1, false};
    const size_t groups = (size_t)survey->groups;
    struct table table = {.count = groups, .groups = fault_alloc(groups, sizeof *table.groups)};
    struct moment *const times = fault_alloc((size_t)survey->runs, sizeof *times);
    struct moment **const places = fault_alloc(groups, sizeof *places);
    for (int64_t run = 0; run < survey->runs; run++)
        add_run(&table.groups[survey->run[run].group], survey, run);
    struct moment *next = times;
    for (size_t g = 0; g < groups; g++) {
        places[g] = next;
        next += table.groups[g].timed;
        table.groups[g].first = table.groups[g].median = table.groups[g].last = unknown;
    }
    for (int64_t run = 0; run < survey->runs; run++) {
        const struct surveyed *const r = &survey->run[run];
        const bool stopped = r->outcome == OUTCOME_STOPPED;
        if (is_timed(r))
            *places[r->group]++ = (struct moment){stopped ? r->stopping : r->total, !stopped};
    }
    for (size_t g = 0; g < groups; g++)
        sum_up(&table.groups[g], places[g] - table.groups[g].timed);
    free(places);
    free(times);
    return table;
}

/* ---- for people ---- */

/* Columns of outcomes, some of which are shown only when there is something in them. */
static const struct {
    enum outcome outcome;
    bool always;
} shown[] = {
    {OUTCOME_STOPPED, true}, {OUTCOME_CENSORED, true},     {OUTCOME_DIVERGED, false},
    {OUTCOME_FAILED, false}, {OUTCOME_QUARANTINED, false},
};
enum { SHOWN = sizeof shown / sizeof *shown, RATE_WIDTH = 9, TIME_WIDTH = 7 };

static bool is_shown(const struct survey *survey, int column)
{
    return shown[column].always || survey->outcomes[shown[column].outcome] > 0;
}

static int wider(int width, int other)
{
    return other > width ? other : width;
}

/* Learning rates are written so that no two of them look the same. */
static void measure(const struct table *table, int widths[SURVEY_RATES])
{
    char text[TEXT_NUMBER];
    for (int i = 0; i < SURVEY_RATES; i++) {
        widths[i] = RATE_WIDTH;
        for (size_t g = 0; g < table->count; g++)
            widths[i] =
                wider(widths[i], text_write_real(table->groups[g].rates[i], text, sizeof text));
    }
}

static void print_moment(FILE *file, struct moment moment)
{
    char text[TEXT_NUMBER] = "-";
    if (moment.episode >= 0)
        snprintf(text, sizeof text, "%s%" PRId64, moment.after ? "> " : "", moment.episode);
    fprintf(file, " %*s", TIME_WIDTH, text);
}

static void print_group(FILE *file, const struct survey *survey, const struct group *group,
                        const int widths[SURVEY_RATES])
{
    char text[TEXT_NUMBER];
    for (int i = 0; i < SURVEY_RATES; i++) {
        text_write_real(group->rates[i], text, sizeof text);
        fprintf(file, "%*s  ", widths[i], text);
    }
    fprintf(file, "%5" PRId64 "  %5" PRId64, group->runs, group->done);
    for (int i = 0; i < SHOWN; i++) {
        const int width = wider(8, (int)strlen(outcome_name(shown[i].outcome)));
        if (is_shown(survey, i))
            fprintf(file, "  %*" PRId64, width, group->outcomes[shown[i].outcome]);
    }
    fprintf(file, "  %17s", "");
    print_moment(file, group->first);
    print_moment(file, group->median);
    print_moment(file, group->last);
    fputc('\n', file);
}

void table_print(FILE *file, const struct survey *survey)
{
    struct table table = make_table(survey);
    int widths[SURVEY_RATES];
    measure(&table, widths);
    for (int i = 0; i < SURVEY_RATES; i++)
        fprintf(file, "%*s  ", widths[i], survey->axis[i].name);
    fprintf(file, "%5s  %5s", "runs", "done");
    for (int i = 0; i < SHOWN; i++) {
        if (is_shown(survey, i))
            fprintf(file, "  %8s", outcome_name(shown[i].outcome));
    }
    fprintf(file, "  stopping episode: %*s %*s %*s\n", TIME_WIDTH, "first", TIME_WIDTH, "median",
            TIME_WIDTH, "last");
    for (size_t g = 0; g < table.count; g++)
        print_group(file, survey, &table.groups[g], widths);
    if (survey->outcomes[OUTCOME_CENSORED] > 0)
        fputs("> N: later than N; a censored run had not stopped by its limit.\n", file);
    if (survey->outcomes[OUTCOME_DIVERGED] > 0)
        fputs("Diverged runs have no stopping episode and count neither as stopped nor as "
              "censored.\n",
              file);
    for (size_t a = SURVEY_RATES; a < survey->axes; a++)
        fprintf(file, "%s%s%s", a == SURVEY_RATES ? "Each row has cells that differ in " : ", ",
                survey->axis[a].name, a + 1 == survey->axes ? ".\n" : "");
    free(table.groups);
}

/* ---- JSON ---- */

static void set_moment(json_t *row, const char *name, struct moment moment)
{
    char after[32];
    const bool known = moment.episode >= 0;
    snprintf(after, sizeof after, "%s_after", name);
    json_object_set_new(row, name,
                        known && !moment.after ? json_integer(moment.episode) : json_null());
    json_object_set_new(row, after,
                        known && moment.after ? json_integer(moment.episode) : json_null());
}

static json_t *group_json(const void *groups, int64_t g)
{
    const struct group *const group = (const struct group *)groups + g;
    json_t *const row = json_pack("{s:f, s:f, s:I, s:I}", "actor_lr", group->rates[SURVEY_ACTOR_LR],
                                  "critic_lr", group->rates[SURVEY_CRITIC_LR], "runs",
                                  (json_int_t)group->runs, "done", (json_int_t)group->done);
    for (int i = 0; i < SHOWN; i++)
        json_object_set_new(row, outcome_name(shown[i].outcome),
                            json_integer(group->outcomes[shown[i].outcome]));
    set_moment(row, "first", group->first);
    set_moment(row, "median", group->median);
    set_moment(row, "last", group->last);
    return row;
}

void table_stream(struct stream *stream, const char *key, const struct survey *survey)
{
    struct table table = make_table(survey);
    stream_list(stream, key, (int64_t)table.count, group_json, table.groups);
    free(table.groups);
}
