// SPDX-License-Identifier: MIT
/*
 * The small table at the end of `run` and in `status`. It counts, and does not estimate: it must be
 * right at any moment of a sweep, when the runs that are done are not a random part of all runs. So
 * every time in it is either one that was seen or a bound, "> N".
 */
#include "report/rate_table.h"
#include "base/text.h"
#include "query/grouping.h"
#include <ccmsweep/fault.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The stopping episode of a run, or the episode that it is later than. */
struct moment {
    int64_t episode; /* -1: unknown */
    bool after;
};

/* The runs of one label and pair of learning rates. */
struct group {
    double label, rates[RUN_TABLE_RATES]; /* label: 0 for none */
    int64_t runs, done, outcomes[OUTCOME_COUNT];
    int64_t timed; /* stopped or censored */
    struct moment first, median, last;
};

struct grid {
    size_t count;
    struct group *groups;
};

/* This is a count of runs by how they ended. Diverged, failed and quarantined runs ended otherwise
 * than by stopping or at their limit: not even a bound is known. A run all of whose actors had been
 * still before it diverged has a stopping episode in its row, and the event in `aggregate`. */
static bool is_timed(const struct run_row *r)
{
    return r->state == RUN_STATE_DONE &&
           (r->outcome == OUTCOME_STOPPED || r->outcome == OUTCOME_CENSORED);
}

/* "Later than 600" comes after "600". */
static int compare_moments(const void *a, const void *b)
{
    const struct moment *const x = a;
    const struct moment *const y = b;
    if (x->episode != y->episode)
        return x->episode < y->episode ? -1 : 1;
    return x->after - y->after;
}

/* The time at `place` of the sorted times, when each "later than N" can be any later episode. It is
 * exact only if no time before it is open: an open time could move behind it, and this one would
 * move forward in rank. Then only a bound is known: it is not earlier than the time that is at this
 * place now. */
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

/* The first stop that was seen; if none was, the earliest bound. */
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

static void add_run(struct group *group, const struct run_table *table, int64_t run)
{
    const struct run_row *const r = &table->run[run];
    for (int i = 0; i < RUN_TABLE_RATES; i++)
        group->rates[i] = table->rate[i].values[run];
    group->label = table->label != NULL ? table->label->values[run] : 0;
    group->timed += is_timed(r);
    group->runs++;
    if (r->state == RUN_STATE_DONE) {
        group->done++;
        group->outcomes[r->outcome]++;
    }
}

/* Counts, then gives each group its part of one array of times, then fills these parts: no array
 * grows. */
static struct grid make_table(const struct run_table *table)
{
    static const struct moment unknown = {-1, false};
    const size_t groups = (size_t)table->groups;
    struct grid grid = {.count = groups, .groups = fault_alloc(groups, sizeof *grid.groups)};
    struct moment *const times = fault_alloc((size_t)table->runs, sizeof *times);
    struct moment **const places = fault_alloc(groups, sizeof *places);
    for (int64_t run = 0; run < table->runs; run++)
        add_run(&grid.groups[table->run[run].group], table, run);
    struct moment *next = times;
    for (size_t g = 0; g < groups; g++) {
        places[g] = next;
        next += grid.groups[g].timed;
        grid.groups[g].first = grid.groups[g].median = grid.groups[g].last = unknown;
    }
    for (int64_t run = 0; run < table->runs; run++) {
        const struct run_row *const r = &table->run[run];
        const bool stopped = r->outcome == OUTCOME_STOPPED;
        if (is_timed(r))
            *places[r->group]++ = (struct moment){stopped ? r->stopping : r->total, !stopped};
    }
    for (size_t g = 0; g < groups; g++)
        sum_up(&grid.groups[g], places[g] - grid.groups[g].timed);
    free(places);
    free(times);
    return grid;
}

/* ---- for people ---- */

/* The columns of outcomes; the rare ones are shown only when some run has that outcome. */
static const struct {
    enum outcome outcome;
    bool always;
} shown[] = {
    {OUTCOME_STOPPED, true}, {OUTCOME_CENSORED, true},     {OUTCOME_DIVERGED, false},
    {OUTCOME_FAILED, false}, {OUTCOME_QUARANTINED, false},
};
enum { SHOWN = sizeof shown / sizeof *shown, RATE_WIDTH = 9, TIME_WIDTH = 7 };

/* The place of the label's width behind those of the learning rates. */
enum { RATE_LABEL = RUN_TABLE_RATES };

static bool is_shown(const struct run_table *table, int column)
{
    return shown[column].always || table->outcomes[shown[column].outcome] > 0;
}

static int wider(int width, int other)
{
    return other > width ? other : width;
}

/* Learning rates are written with all their digits, so that two different ones never look the same;
 * the columns are as wide as that needs. */
static void measure(const struct grid *grid, int widths[RATE_LABEL + 1])
{
    char text[SETTING_TEXT];
    widths[RATE_LABEL] = (int)strlen("label");
    for (size_t g = 0; g < grid->count; g++)
        widths[RATE_LABEL] =
            wider(widths[RATE_LABEL],
                  settings_write(settings_label(), grid->groups[g].label, text, sizeof text));
    for (int i = 0; i < RUN_TABLE_RATES; i++) {
        widths[i] = RATE_WIDTH;
        for (size_t g = 0; g < grid->count; g++)
            widths[i] =
                wider(widths[i], text_write_real(grid->groups[g].rates[i], text, sizeof text));
    }
}

static void print_moment(FILE *file, struct moment moment)
{
    char text[TEXT_NUMBER] = "-";
    if (moment.episode >= 0)
        snprintf(text, sizeof text, "%s%" PRId64, moment.after ? "> " : "", moment.episode);
    fprintf(file, " %*s", TIME_WIDTH, text);
}

static void print_group(FILE *file, const struct run_table *table, const struct group *group,
                        const int widths[RATE_LABEL + 1])
{
    char text[SETTING_TEXT];
    settings_write(settings_label(), group->label, text, sizeof text);
    if (table->label != NULL)
        fprintf(file, "%-*s  ", widths[RATE_LABEL], text);
    for (int i = 0; i < RUN_TABLE_RATES; i++) {
        text_write_real(group->rates[i], text, sizeof text);
        fprintf(file, "%*s  ", widths[i], text);
    }
    fprintf(file, "%5" PRId64 "  %5" PRId64, group->runs, group->done);
    for (int i = 0; i < SHOWN; i++) {
        const int width = wider(8, (int)strlen(outcome_name(shown[i].outcome)));
        if (is_shown(table, i))
            fprintf(file, "  %*" PRId64, width, group->outcomes[shown[i].outcome]);
    }
    fprintf(file, "  %17s", "");
    print_moment(file, group->first);
    print_moment(file, group->median);
    print_moment(file, group->last);
    fputc('\n', file);
}

/* Settings that determine each other are one axis and have one name, as in `aggregate`. An axis
 * that a learning rate is part of has one value in a row. */
static void print_others(FILE *file, const struct run_table *table)
{
    struct grouping grouping;
    const char *before = "Each row has cells that differ in ";
    /* This cannot fail: only names that a user gives can be wrong. */
    CHECK(grouping_make(&grouping, table, NULL, NULL) == STATUS_OK);
    for (int64_t a = 0; a < grouping.axes; a++) {
        bool rate = false;
        for (size_t s = 0; s < grouping.axis[a].settings; s++)
            rate = rate || run_table_is_rate(table, grouping.axis[a].setting[s]);
        if (rate || grouping_lead(&grouping, a) == table->label)
            continue;
        fprintf(file, "%s%s", before, grouping_lead(&grouping, a)->name);
        before = ", ";
    }
    fputs(before[0] == ',' ? ".\n" : "", file);
    grouping_fini(&grouping);
}

void rate_table_print(FILE *file, const struct run_table *table)
{
    struct grid grid = make_table(table);
    int widths[RATE_LABEL + 1];
    measure(&grid, widths);
    if (table->label != NULL)
        fprintf(file, "%-*s  ", widths[RATE_LABEL], table->label->name);
    for (int i = 0; i < RUN_TABLE_RATES; i++)
        fprintf(file, "%*s  ", widths[i], table->rate[i].name);
    fprintf(file, "%5s  %5s", "runs", "done");
    for (int i = 0; i < SHOWN; i++) {
        if (is_shown(table, i))
            fprintf(file, "  %8s", outcome_name(shown[i].outcome));
    }
    fprintf(file, "  stopping episode: %*s %*s %*s\n", TIME_WIDTH, "first", TIME_WIDTH, "half",
            TIME_WIDTH, "last");
    for (size_t g = 0; g < grid.count; g++)
        print_group(file, table, &grid.groups[g], widths);
    if (table->outcomes[OUTCOME_CENSORED] > 0)
        fputs("> N: later than N; a censored run had not stopped by its limit.\n", file);
    if (table->outcomes[OUTCOME_DIVERGED] > 0)
        fputs("Diverged runs count neither as stopped nor as censored here, even if all actors had "
              "been still before.\n",
              file);
    print_others(file, table);
    free(grid.groups);
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
    json_t *const row = json_object();
    if (group->label > 0)
        json_object_set_new(row, "label", json_setting(settings_label(), group->label));
    json_object_update_new(
        row, json_pack("{s:f, s:f, s:I, s:I}", "actor_lr", group->rates[RUN_TABLE_ACTOR_LR],
                       "critic_lr", group->rates[RUN_TABLE_CRITIC_LR], "runs",
                       (json_int_t)group->runs, "done", (json_int_t)group->done));
    for (int i = 0; i < SHOWN; i++)
        json_object_set_new(row, outcome_name(shown[i].outcome),
                            json_integer(group->outcomes[shown[i].outcome]));
    set_moment(row, "first", group->first);
    set_moment(row, "median", group->median);
    set_moment(row, "last", group->last);
    return row;
}

void rate_table_stream(struct json_stream *stream, const char *key, const struct run_table *table)
{
    struct grid grid = make_table(table);
    json_stream_list(stream, key, (int64_t)grid.count, group_json, grid.groups);
    free(grid.groups);
}
