// SPDX-License-Identifier: MIT
/*
 * The tables of --against. What is pooled over the other axes is the finding, and one short table
 * of it comes before all others; what each configuration says, scores and profiles come last. A
 * table is a family of tests, or its rows of one quantity are, and a note says which.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include "report/aggregate_report.h"
#include "report/aggregate_sheets_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The quantity as people call it; `limit` is that of RMST. */
static void write_quantity(enum against_quantity quantity, int64_t limit, char *text, size_t size)
{
    static const char *const names[AGAINST_QUANTITIES] = {
        [AGAINST_NEVER] = "never",
        [AGAINST_END] = "return at the end",
        [AGAINST_TRAINING] = "return in training",
        [AGAINST_EVALUATION] = "return at the last evaluation",
    };
    if (quantity == AGAINST_RMST)
        snprintf(text, size, "RMST(%" PRId64 ")", limit);
    else
        snprintf(text, size, "%s", names[quantity]);
}

/* Whether any run has it: where none was evaluated, a table of nothing but reasons would be no
 * use. */
static bool exists(const struct aggregate *aggregate, enum against_quantity quantity)
{
    if (quantity != AGAINST_EVALUATION)
        return true;
    for (int64_t run = 0; run < aggregate->table->runs; run++) {
        if (!isnan(against_return(aggregate, quantity, run)))
            return true;
    }
    return false;
}

/* A value of the axis. */
static void write_value(const struct aggregate *aggregate, int64_t value, char *text, size_t size)
{
    aggregate_value(aggregate, aggregate->against->axis, against_example(aggregate, value), text,
                    size);
}

static void put_value(const struct aggregate *aggregate, int64_t value, struct sheet *sheet)
{
    char text[SETTING_TEXT], other[SETTING_TEXT];
    write_value(aggregate, value, text, sizeof text);
    write_value(aggregate, aggregate->against->value, other, sizeof other);
    sheet_entry(sheet, "%s less %s", text, other);
}

/* \return whether it has no interval, though it is estimable */
static bool put_difference(const struct against_difference *d, struct sheet *sheet)
{
    const struct paired *const paired = &d->found.paired;
    sheet_entry(sheet, "%" PRId64, paired->pairs);
    if (d->estimable)
        sheets_put_interval(sheet, paired->difference, paired->between,
                            d->quantity == AGAINST_RMST ? 1 : 2);
    else
        sheet_entry(sheet, "not estimable");
    sheets_put_p(sheet, paired->p);
    sheets_put_p(sheet, d->found.adjusted);
    sheet_entry(sheet, "%s", d->note);
    return sheets_lacks_interval(paired->difference, paired->between);
}

/* Which tests were adjusted together, with their numbers. */
static void note_families(const struct aggregate *aggregate, struct sheet *sheet)
{
    char text[512] = "", name[64];
    for (int q = 0; q < AGAINST_QUANTITIES; q++) {
        if (!exists(aggregate, (enum against_quantity)q))
            continue;
        write_quantity((enum against_quantity)q, aggregate->options.limit, name, sizeof name);
        text_add(text, sizeof text, "%s%s %" PRId64, q > 0 ? ", " : "", name,
                 aggregate->against->tests_pooled[q]);
    }
    sheet_note(sheet,
               "p Holm: adjusted within a family, which is the tests of one quantity in this table "
               "(%s). Below, the configurations are compared one by one; there each table is a "
               "family.",
               text);
}

void sheets_add_pooled(const struct aggregate *aggregate, struct sheets *sheets)
{
    const struct against *const against = aggregate->against;
    char name[64], value[SETTING_TEXT];
    int64_t lacking = 0;
    if (against == NULL || against->pooled == 0)
        return;
    write_value(aggregate, against->value, value, sizeof value);
    struct sheet *const sheet = sheets_add(
        sheets, sheet_new("%s: differences from %s, pooled over all other axes, paired by seed",
                          aggregate_axis(aggregate, against->axis), value));
    sheet_column(sheet, true, "quantity");
    sheet_column(sheet, false, "%s", aggregate_axis(aggregate, against->axis));
    sheet_column(sheet, false, "configurations");
    sheets_put_difference_headings(aggregate, sheet);
    for (int64_t i = 0; i < against->pooled; i++) {
        const struct against_difference *const d = &against->pool[i];
        if (!exists(aggregate, d->quantity))
            continue;
        write_quantity(d->quantity, aggregate->options.limit, name, sizeof name);
        sheet_entry(sheet, "%s", name);
        put_value(aggregate, d->value, sheet);
        sheet_entry(sheet, "%" PRId64, d->tasks);
        lacking += put_difference(d, sheet);
    }
    sheet_note(
        sheet,
        "difference: mean over pairs of runs with the same seed and the same values of all "
        "other axes; for RMST, mean over configurations. Above 0: more than with %s. never: share "
        "of runs without the event by %" PRId64 ".",
        value, aggregate->options.limit);
    note_families(aggregate, sheet);
    sheets_note_lack(sheet, lacking, ", or none had the event");
}

/* ---- one by one ---- */

/* The columns are the other axes, which both configurations share, then "a less b" of this axis. */
static struct sheet *begin_quantity(const struct aggregate *aggregate,
                                    enum against_quantity quantity, struct sheets *sheets)
{
    static const char *const titles[AGAINST_QUANTITIES] = {
        [AGAINST_NEVER] = "Share of runs without the event,",
        [AGAINST_END] = "Return at the end",
        [AGAINST_TRAINING] = "Return in training",
        [AGAINST_EVALUATION] = "Return at the last evaluation",
    };
    char name[64], value[SETTING_TEXT];
    write_quantity(quantity, aggregate->options.limit, name, sizeof name);
    write_value(aggregate, aggregate->against->value, value, sizeof value);
    struct sheet *const sheet = sheets_add(
        sheets, sheet_new("%s less that with %s %s, all other axes equal, paired by seed",
                          titles[quantity] != NULL ? titles[quantity] : name,
                          aggregate_axis(aggregate, aggregate->against->axis), value));
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        if (a != aggregate->against->axis)
            sheet_column(sheet, false, "%s", aggregate_axis(aggregate, a));
    }
    sheet_column(sheet, false, "%s", aggregate_axis(aggregate, aggregate->against->axis));
    if (quantity == AGAINST_NEVER) {
        sheet_column(sheet, false, "only this");
        sheet_column(sheet, false, "only %s", value);
    }
    sheets_put_difference_headings(aggregate, sheet);
    return sheet;
}

static void add_quantity(const struct aggregate *aggregate, enum against_quantity quantity,
                         struct sheets *sheets)
{
    const struct against *const against = aggregate->against;
    struct sheet *const sheet = begin_quantity(aggregate, quantity, sheets);
    int64_t lacking = 0;
    for (int64_t i = 0; i < against->comparisons; i++) {
        const struct against_difference *const d = &against->comparison[i];
        char value[SETTING_TEXT];
        if (d->quantity != quantity)
            continue;
        for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
            aggregate_value(aggregate, a, d->found.a, value, sizeof value);
            if (a != against->axis)
                sheet_entry(sheet, "%s", value);
        }
        put_value(aggregate, d->value, sheet);
        if (quantity == AGAINST_NEVER) {
            sheets_put_whole(sheet, d->only_a);
            sheets_put_whole(sheet, d->only_b);
        }
        lacking += put_difference(d, sheet);
    }
    if (quantity == AGAINST_NEVER)
        sheet_note(sheet, "only: pairs of runs in which this one alone never has the event. p: "
                          "McNemar's exact test, where each seed has one pair.");
    sheet_note(sheet, "p Holm: adjusted for the %" PRId64 " tests of this table.",
               against->tests_compared[quantity]);
    sheets_note_lack(sheet, lacking, quantity <= AGAINST_NEVER ? ", or none had the event" : "");
}

/* ---- scores ---- */

static void add_scores(const struct aggregate *aggregate, struct sheets *sheets)
{
    const struct against *const against = aggregate->against;
    const char *const axis = aggregate_axis(aggregate, against->axis);
    char name[64], value[SETTING_TEXT], percent[32];
    int64_t lacking = 0;
    aggregate_percent(aggregate, percent, sizeof percent);
    write_value(aggregate, against->value, value, sizeof value);
    struct sheet *const sheet =
        sheets_add(sheets, sheet_new("Returns by %s, over all other axes", axis));
    sheet_column(sheet, true, "quantity");
    sheet_column(sheet, false, "%s", axis);
    sheet_column(sheet, false, "runs");
    sheet_column(sheet, false, "combinations");
    sheet_column(sheet, false, "IQM [%s]", percent);
    sheet_column(sheet, false, "P(improvement over %s) [%s]", value, percent);
    sheet_column(sheet, true, "note");
    for (int64_t i = 0; i < against->scores; i++) {
        const struct against_score *const s = &against->score[i];
        if (!exists(aggregate, s->quantity))
            continue;
        write_quantity(s->quantity, aggregate->options.limit, name, sizeof name);
        sheet_entry(sheet, "%s", name);
        write_value(aggregate, s->value, name, sizeof name);
        sheet_entry(sheet, "%s", name);
        sheet_entry(sheet, "%" PRId64, s->runs);
        sheet_entry(sheet, "%" PRId64, s->tasks);
        if (s->estimable)
            sheets_put_interval(sheet, s->iqm.value, s->iqm.between, 2);
        else
            sheet_entry(sheet, "not estimable");
        sheets_put_interval(sheet, s->improvement.value, s->improvement.between, 2);
        sheet_entry(sheet, "%s", s->note);
        lacking += sheets_lacks_interval(s->iqm.value, s->iqm.between);
    }
    sheet_note(sheet,
               "combinations: of the values of all other axes, that have runs with this value and "
               "with %s; only these are used. IQM: interquartile mean over all their runs. "
               "P(improvement): probability that a run has a larger return than one with %s of "
               "the same combination; 0.5: neither is better.",
               value, value);
    sheets_note_lack(sheet, lacking, "");
}

/* ---- profiles ---- */

/* The points at which profiles of a return are told in short, each once.
 * \param point (AGAINST_SHARES) rising \return how many there are */
static int take_points(const struct against *against, enum against_quantity quantity,
                       int64_t *point)
{
    int count = 0;
    for (int c = 0; c < AGAINST_SHARES; c++) {
        const int64_t next = against->short_point[quantity][c];
        if (count == 0 || next > point[count - 1])
            point[count++] = next;
    }
    return count;
}

/* So many digits that two points that follow each other differ in them. */
static int digits_of(const struct against_score *s)
{
    const double step = s->tau[1] - s->tau[0];
    return step > 0 ? (int)fmin(fmax(ceil(-log10(step)), 0), 17) : 2;
}

/* The score of the value whose profile says which points are shown; NULL: no profile is
 * estimable. */
static const struct against_score *leading_score(const struct against *against,
                                                 enum against_quantity quantity)
{
    for (int64_t i = 0; i < against->scores; i++) {
        const struct against_score *const s = &against->score[i];
        if (s->quantity == quantity && s->value == against->lead[quantity])
            return s;
    }
    return NULL;
}

static void add_profile(const struct aggregate *aggregate, enum against_quantity quantity,
                        struct sheets *sheets)
{
    const struct against *const against = aggregate->against;
    const struct against_score *const lead = leading_score(against, quantity);
    const char *const axis = aggregate_axis(aggregate, against->axis);
    char name[SETTING_TEXT], percent[32];
    int64_t point[AGAINST_SHARES], lacking = 0;
    if (lead == NULL)
        return;
    const int columns = take_points(against, quantity, point);
    write_quantity(quantity, aggregate->options.limit, name, sizeof name);
    aggregate_percent(aggregate, percent, sizeof percent);
    struct sheet *const sheet = sheets_add(
        sheets, sheet_new("Performance profile by %s, %s: share of runs above a value [%s]", axis,
                          name, percent));
    sheet_column(sheet, false, "%s", axis);
    for (int c = 0; c < columns; c++)
        sheet_column(sheet, false, "> %.*f", digits_of(lead), lead->tau[point[c]]);
    for (int64_t i = 0; i < against->scores; i++) {
        const struct against_score *const s = &against->score[i];
        if (s->quantity != quantity || !s->estimable)
            continue;
        write_value(aggregate, s->value, name, sizeof name);
        sheet_entry(sheet, "%s", name);
        for (int c = 0; c < columns; c++) {
            const struct estimate *const share = &s->share[point[c]];
            sheets_put_interval(sheet, share->value, share->between, 2);
            lacking += sheets_lacks_interval(share->value, share->between);
        }
    }
    write_value(aggregate, lead->value, name, sizeof name);
    sheet_note(
        sheet,
        "Columns: of %d returns those at which the share of %s is nearest to 0.9, 0.75, 0.5, "
        "0.25 and 0.1; CSV and JSON have all. Intervals hold for each return alone.",
        AGAINST_POINTS, name);
    sheets_note_lack(sheet, lacking, "");
}

void sheets_add_against(const struct aggregate *aggregate, struct sheets *sheets)
{
    const struct against *const against = aggregate->against;
    if (against == NULL || against->comparisons == 0)
        return;
    for (int q = 0; q < AGAINST_QUANTITIES; q++) {
        if (exists(aggregate, (enum against_quantity)q))
            add_quantity(aggregate, (enum against_quantity)q, sheets);
    }
    if (against->scores > 0)
        add_scores(aggregate, sheets);
    for (int q = AGAINST_END; q < AGAINST_QUANTITIES; q++)
        add_profile(aggregate, (enum against_quantity)q, sheets);
}
