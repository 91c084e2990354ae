// SPDX-License-Identifier: MIT
/*
 * The tables of the configurations. Each add_* function makes one sheet, or none when it would be
 * empty: a column or a sheet is shown only when some configuration has something in it, so that the
 * usual case (all runs are done, nothing diverged) stays short enough to read.
 */
#include "base/text.h"
#include "report/aggregate_report.h"
#include "report/aggregate_sheets_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A grid with more columns does not fit on a terminal, and more than a few grids are not an
 * overview. */
enum { GRID_COLUMNS = 10, GRIDS = 8 };

/* Whether any configuration has runs of a fate. */
static bool has_fate(const struct aggregate *aggregate, int fate)
{
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        if (aggregate->configuration[i].fates[fate] > 0)
            return true;
    }
    return false;
}

/* Trained to their end, whatever the end was; as member_is_finished. */
static int64_t done_of(const struct configuration *c)
{
    return c->fates[FATE_EVENT] + c->fates[FATE_CENSORED] + c->fates[FATE_DIVERGED] +
           c->fates[FATE_ENDED];
}

/* `shown` (FATE_COUNT) selects the columns, here as in put_count_headings. */
static void put_counts(struct sheet *sheet, const struct configuration *c, const bool *shown)
{
    sheet_entry(sheet, "%" PRId64 "/%" PRId64, done_of(c), c->runs);
    for (int f = 0; f < FATE_COUNT; f++) {
        if (shown[f])
            sheet_entry(sheet, "%" PRId64, c->fates[f]);
    }
}

static void put_count_headings(struct sheet *sheet, const bool *shown)
{
    sheet_column(sheet, false, "done");
    for (int f = 0; f < FATE_COUNT; f++) {
        if (shown[f])
            sheet_column(sheet, false, "%s", fate_name((enum fate)f));
    }
}

/* A sheet of its own for the fates of runs, when there are other fates than event and censored; the
 * sheet of times has columns for these two only. */
static void add_counts(const struct aggregate *aggregate, struct sheets *sheets)
{
    bool shown[FATE_COUNT] = {[FATE_EVENT] = true, [FATE_CENSORED] = true}, others = false;
    for (int f = FATE_CENSORED + 1; f < FATE_COUNT; f++) {
        shown[f] = has_fate(aggregate, f);
        others = others || shown[f];
    }
    if (!others)
        return;
    struct sheet *const sheet = sheets_add(sheets, sheet_new("What became of the runs"));
    sheets_put_headings(aggregate, sheet);
    put_count_headings(sheet, shown);
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        sheets_put_values(aggregate, i, sheet);
        put_counts(sheet, &aggregate->configuration[i], shown);
    }
}

/* The interval beside RMST is the bootstrap one, the error is Greenwood's: aggregate.c withholds
 * both together. `never` has an exact interval, which exists also for 0 and 1. */
static void put_times(struct sheet *sheet, const struct configuration *c)
{
    const struct bounds none = {NAN, NAN};
    sheets_put_whole(sheet, c->min);
    sheets_put_time(sheet, c, c->median, c->median_between);
    sheets_put_whole(sheet, c->max);
    sheets_put_interval(sheet, c->rmst.mean, c->spread.between, 1);
    sheets_put_interval(sheet, c->rmst.error, none, 2);
    sheets_put_interval(sheet, c->settled > 0 ? (double)c->never / (double)c->settled : (double)NAN,
                        c->never_between, 2);
}

/* The main table. `lacking` counts the rows whose mean has no interval: the note that explains it
 * is left out when there is no such row. */
static void add_times(const struct aggregate *aggregate, struct sheets *sheets)
{
    const bool shown[FATE_COUNT] = {[FATE_EVENT] = true, [FATE_CENSORED] = true};
    const int64_t limit = aggregate->options.limit;
    char times[128], percent[32];
    aggregate_times(aggregate, times, sizeof times);
    aggregate_percent(aggregate, percent, sizeof percent);
    struct sheet *const sheet = sheets_add(sheets, sheet_new("Episode of %s", times));
    sheets_put_headings(aggregate, sheet);
    put_count_headings(sheet, shown);
    sheet_column(sheet, false, "min");
    sheet_column(sheet, false, "median (KM) [%s]", percent);
    sheet_column(sheet, false, "max");
    sheet_column(sheet, false, "RMST(%" PRId64 ") [%s]", limit, percent);
    sheet_column(sheet, false, "SE");
    sheet_column(sheet, false, "never [%s]", percent);
    int64_t lacking = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        sheets_put_values(aggregate, i, sheet);
        put_counts(sheet, c, shown);
        put_times(sheet, c);
        lacking += sheets_lacks_interval(c->rmst.mean, c->spread.between);
    }
    sheet_note(sheet,
               "done: runs trained to their end, of those planned. RMST(%" PRId64
               "): mean episode of the event, where a later one counts as %" PRId64
               "; SE: its standard error; its interval is by bootstrap over seeds. never: share of "
               "runs without the event by %" PRId64 ". > N: later than N.",
               limit, limit, limit);
    sheets_note_lack(sheet, lacking, ", or none had the event");
}

/* ---- why ---- */

/* Cumulative incidence of a cause at the last time, which is the share of runs by the limit. */
static double last_share(const struct configuration *c, int cause, struct bounds *between)
{
    const int64_t last = cause * c->incidence.points + c->incidence.points - 1;
    *between = (struct bounds){NAN, NAN};
    if (c->incidence.points == 0)
        return NAN;
    *between = (struct bounds){c->incidence.lower[last], c->incidence.upper[last]};
    return c->incidence.share[last];
}

/* Whether any configuration has an event of this cause; the others have no column. */
static bool is_met(const struct aggregate *aggregate, int cause)
{
    struct bounds between;
    bool met = false;
    for (int64_t i = 0; i < aggregate->configurations; i++)
        met = met || last_share(&aggregate->configuration[i], cause, &between) > 0;
    return met;
}

static void put_causes(struct sheet *sheet, const struct configuration *c, const bool *met)
{
    for (int cause = 0; cause < AGGREGATE_CAUSES; cause++) {
        struct bounds between;
        const double share = last_share(c, cause, &between);
        if (met[cause])
            sheets_put_interval(sheet, share, between, 2);
    }
}

/* Why actors stopped, and how long momentum alone moved them. Both are about the mechanism, so they
 * share a table, which most readers of the times do not need. */
static void add_causes(const struct aggregate *aggregate, struct sheets *sheets)
{
    char percent[32];
    bool met[AGGREGATE_CAUSES];
    aggregate_percent(aggregate, percent, sizeof percent);
    struct sheet *const sheet = sheets_add(
        sheets, sheet_new("Cumulative incidence by cause up to %" PRId64 ", and the momentum tail",
                          aggregate->options.limit));
    sheets_put_headings(aggregate, sheet);
    for (int cause = 0; cause < AGGREGATE_CAUSES; cause++) {
        met[cause] = is_met(aggregate, cause);
        if (met[cause])
            sheet_column(sheet, false, "%s [%s]", aggregate_cause(cause), percent);
    }
    sheet_column(sheet, false, "IQM [%s]", percent);
    sheet_column(sheet, false, "still_before_zero");
    sheet_column(sheet, false, "actors");
    sheet_column(sheet, false, "tail [%s]", percent);
    sheet_column(sheet, false, "min");
    sheet_column(sheet, false, "max");
    int64_t lacking = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        lacking += sheets_lacks_interval(c->iqm.value, c->iqm.between) ||
                   sheets_lacks_interval(c->tail.value, c->tail.between);
        sheets_put_values(aggregate, i, sheet);
        put_causes(sheet, c, met);
        sheets_put_time(sheet, c, c->iqm.value, c->iqm.between);
        sheets_put_whole(sheet, c->still_before_zero);
        sheets_put_whole(sheet, c->tails);
        sheets_put_interval(sheet, c->tail.value, c->tail.between, 1);
        sheet_entry(sheet, c->tails > 0 ? "%" PRId64 : "-", c->tail_min);
        sheet_entry(sheet, c->tails > 0 ? "%" PRId64 : "-", c->tail_max);
    }
    sheet_note(sheet,
               "IQM: interquartile mean of the episode of the event; - where censoring leaves "
               "it unknown. tail: number of episodes in which momentum alone moved an actor, "
               "after its gradient had become 0 for good: mean of the means of runs, min and "
               "max over so many actors. still_before_zero: actors that were still before "
               "that, with gradients too small to move them.");
    sheets_note_lack(sheet, lacking, "");
}

/* ---- returns ---- */

/* A mean of only the runs that have the return would compare a selected group, so the entry says
 * why it has no number. */
static void put_return(const struct aggregate_returns *r, const struct estimate *estimate,
                       struct sheet *sheet)
{
    if (r->missing > 0)
        sheet_entry(sheet, "not estimable");
    else
        sheets_put_interval(sheet, estimate->value, estimate->between, 2);
}

static void add_returns(const struct aggregate *aggregate, int which, struct sheets *sheets)
{
    static const struct {
        const char *what, *up_to; /* where the window of episodes ends; NULL: there is no window */
    } titles[RETURN_COUNT] = {
        [RETURN_STOPPING] = {"Return at stopping", "the event"},
        [RETURN_END] = {"Return at the end", "the end"},
        [RETURN_TRAINING] = {"Return in training: mean of all episodes", NULL},
        [RETURN_EVALUATION] = {"Return at the last evaluation", NULL},
    };
    char percent[32];
    int64_t runs = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++)
        runs += aggregate->configuration[i].returns[which].runs;
    if (runs == 0)
        return;
    aggregate_percent(aggregate, percent, sizeof percent);
    struct sheet *const sheet =
        sheets_add(sheets, titles[which].up_to == NULL
                               ? sheet_new("%s", titles[which].what)
                               : sheet_new("%s: mean of the %d episodes up to %s",
                                           titles[which].what, COHORT_WINDOW, titles[which].up_to));
    sheets_put_headings(aggregate, sheet);
    sheet_column(sheet, false, "runs");
    sheet_column(sheet, false, "mean [%s]", percent);
    sheet_column(sheet, false, "IQM [%s]", percent);
    int64_t missing = 0, lacking = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct aggregate_returns *const r = &aggregate->configuration[i].returns[which];
        sheets_put_values(aggregate, i, sheet);
        sheet_entry(sheet, "%" PRId64 "/%" PRId64, r->runs, r->runs + r->missing);
        put_return(r, &r->mean, sheet);
        put_return(r, &r->iqm, sheet);
        missing += r->missing;
        lacking += sheets_lacks_interval(r->mean.value, r->mean.between);
    }
    if (missing > 0)
        sheet_note(sheet, "not estimable: some runs do not have this return, and they are not a "
                          "random sample.");
    sheets_note_lack(sheet, lacking, "");
}

/* ---- axes ---- */

/* What labels mean: all settings that are part of them would be more columns than a page has. */
static void add_labels(const struct grouping_axis *axis, struct sheets *sheets)
{
    char **const sets = aggregate_sets(axis);
    struct sheet *const sheet =
        sheets_add(sheets, sheet_new("%s, and what it sets", axis->setting[0]->name));
    sheet_column(sheet, false, "%s", axis->setting[0]->name);
    sheet_column(sheet, true, "sets");
    for (int64_t i = 0; i < axis->count; i++) {
        char label[SETTING_TEXT];
        run_table_axis_write(axis->setting[0], axis->run[i], label, sizeof label);
        sheet_entry(sheet, "%s", label);
        sheet_entry(sheet, "%s", sets[i][0] != '\0' ? sets[i] : "-");
        free(sets[i]);
    }
    sheet_note(sheet, "sets: what differs from most labels.");
    free(sets);
}

/* What the values of an axis mean when other settings change together with the one that names it.
 * Comes first: all tables below show only the naming setting. */
static void add_together(const struct aggregate *aggregate, struct sheets *sheets)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        if (axis->settings < 2)
            continue;
        if (axis->setting[0] == aggregate->table->label) {
            add_labels(axis, sheets);
            continue;
        }
        struct sheet *const sheet =
            sheets_add(sheets, sheet_new("%s, and what changes with it", axis->setting[0]->name));
        for (size_t s = 0; s < axis->settings; s++)
            sheet_column(sheet, false, "%s", axis->setting[s]->name);
        for (int64_t i = 0; i < axis->count; i++) {
            for (size_t s = 0; s < axis->settings; s++) {
                char value[SETTING_TEXT];
                run_table_axis_write(axis->setting[s], axis->run[i], value, sizeof value);
                sheet_entry(sheet, "%s", value);
            }
        }
    }
}

/* ---- grid ---- */

/* Whether two configurations belong to the same grid. A grid has the first two axes as rows and
 * columns; there is one for each combination of values of the others. */
static bool share_grid(const struct aggregate *aggregate, int64_t c, int64_t d)
{
    const int64_t run = aggregate->configuration[c].first;
    const int64_t other = aggregate->configuration[d].first;
    for (int64_t a = 2; a < aggregate->grouping.axes; a++) {
        const int64_t *const index = aggregate->grouping.axis[a].index;
        if (index[run] != index[other])
            return false;
    }
    return true;
}

/* The entry of a grid at a row and a column, for the values of the other axes that `like` has.
 * Empty when the plan has no such configuration (blocks need not fill a grid); "- (0/0)" when none
 * of its runs is known. */
static void put_place(const struct aggregate *aggregate, int64_t row, int64_t column, int64_t like,
                      struct sheet *sheet)
{
    const struct grouping_axis *const axis = aggregate->grouping.axis;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        if (axis[0].index[c->first] != row || axis[1].index[c->first] != column ||
            !share_grid(aggregate, i, like))
            continue;
        if (c->sample.count == 0)
            sheet_entry(sheet, "- (0/0)");
        else
            sheet_entry(sheet, "%.1f (%" PRId64 "/%" PRId64 ")", c->rmst.mean, c->fates[FATE_EVENT],
                        c->sample.count);
        return;
    }
    sheet_entry(sheet, "%s", "");
}

/* Whether it is the first configuration of its grid: then the grid is made from it. */
static bool begins_grid(const struct aggregate *aggregate, int64_t c)
{
    for (int64_t d = 0; d < c; d++) {
        if (share_grid(aggregate, c, d))
            return false;
    }
    return true;
}

/* The value of an axis by its index. Values are written by configuration, so a run that has the
 * value leads to a configuration that has it. */
static void write_axis(const struct aggregate *aggregate, int64_t axis, int64_t index, char *text,
                       size_t size)
{
    const int64_t run = aggregate->grouping.axis[axis].run[index];
    aggregate_value(aggregate, axis, aggregate->grouping.of_run[run], text, size);
}

static void add_grid(const struct aggregate *aggregate, int64_t like, struct sheets *sheets)
{
    char times[128], value[SETTING_TEXT], others[AGGREGATE_NAME] = "";
    aggregate_times(aggregate, times, sizeof times);
    for (int64_t a = 2; a < aggregate->grouping.axes; a++) {
        aggregate_value(aggregate, a, like, value, sizeof value);
        text_add(others, sizeof others, ", %s %s", aggregate_axis(aggregate, a), value);
    }
    struct sheet *const sheet =
        sheets_add(sheets, sheet_new("Mean episode of %s, restricted to %" PRId64
                                     " (runs with the event/observed)%s",
                                     times, aggregate->options.limit, others));
    sheet_column(sheet, false, "%s / %s", aggregate_axis(aggregate, 0),
                 aggregate_axis(aggregate, 1));
    for (int64_t k = 0; k < aggregate->grouping.axis[1].count; k++) {
        write_axis(aggregate, 1, k, value, sizeof value);
        sheet_column(sheet, false, "%s", value);
    }
    for (int64_t row = 0; row < aggregate->grouping.axis[0].count; row++) {
        write_axis(aggregate, 0, row, value, sizeof value);
        sheet_entry(sheet, "%s", value);
        for (int64_t k = 0; k < aggregate->grouping.axis[1].count; k++)
            put_place(aggregate, row, k, like, sheet);
    }
}

/* All grids or none: some of them could be taken for all. The grids are found by comparing pairs of
 * configurations, which takes quadratic time, hence the bound on their number. */
static void add_grids(const struct aggregate *aggregate, struct sheets *sheets)
{
    if (aggregate->grouping.axes < 2 || aggregate->grouping.axis[1].count > GRID_COLUMNS ||
        aggregate->configurations > AGGREGATE_COMPARED)
        return;
    int64_t grids = 0;
    for (int64_t c = 0; c < aggregate->configurations; c++)
        grids += begins_grid(aggregate, c);
    for (int64_t c = 0; grids <= GRIDS && c < aggregate->configurations; c++) {
        if (begins_grid(aggregate, c))
            add_grid(aggregate, c, sheets);
    }
}

/* First what --against finds, then what the values mean, the overview, then the figures of each
 * configuration, and last what is said about two of them or about an axis. */
struct sheet **aggregate_sheets(const struct aggregate *aggregate, size_t *count)
{
    struct sheets sheets = {.count = 0};
    sheets_add_pooled(aggregate, &sheets);
    add_together(aggregate, &sheets);
    add_grids(aggregate, &sheets);
    add_counts(aggregate, &sheets);
    add_times(aggregate, &sheets);
    add_causes(aggregate, &sheets);
    for (int which = 0; which < RETURN_COUNT; which++)
        add_returns(aggregate, which, &sheets);
    sheets_add_between(aggregate, &sheets);
    sheets_add_against(aggregate, &sheets);
    *count = sheets.count;
    return sheets.sheet;
}
