// SPDX-License-Identifier: MIT
/*
 * The tables of comparisons and tests. They are apart from the tables of configurations
 * (aggregate_sheets.c) because a row of theirs is about two configurations, or about an axis.
 */
#include "report/aggregate_report.h"
#include "report/aggregate_sheets_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void put_comparison(const struct comparison *comparison, struct sheet *sheet)
{
    char note[AGGREGATE_NOTE];
    comparison_note(comparison, note, sizeof note);
    sheet_entry(sheet, "%" PRId64, comparison->paired.pairs);
    sheets_put_interval(sheet, comparison->paired.difference, comparison->paired.between, 1);
    sheets_put_p(sheet, comparison->paired.p);
    sheets_put_p(sheet, comparison->adjusted);
    sheet_entry(sheet, "%s", note);
}

/* The comparisons with the reference come first in the array (axis -1). A reference that was not
 * given but chosen by its result is favoured by chance (the winner's curse), so the note says what
 * was done. */
static void add_reference(const struct aggregate *aggregate, struct sheets *sheets)
{
    char name[AGGREGATE_NAME];
    const bool chosen = aggregate->options.reference == NULL;
    aggregate_name(aggregate, aggregate->reference, -1, name, sizeof name);
    struct sheet *const sheet = sheets_add(
        sheets, sheet_new("RMST(%" PRId64 ") less that of %s%s, paired by seed",
                          aggregate->options.limit, name, chosen ? " (stops latest)" : ""));
    sheets_put_headings(aggregate, sheet);
    sheets_put_difference_headings(aggregate, sheet);
    for (int64_t i = 0; i < aggregate->comparisons && aggregate->comparison[i].axis < 0; i++) {
        sheets_put_values(aggregate, aggregate->comparison[i].a, sheet);
        put_comparison(&aggregate->comparison[i], sheet);
    }
    if (chosen)
        sheet_note(sheet,
                   "stops latest: the largest restricted mean; among equals, the highest return "
                   "at the end. It was chosen from these data, so new seeds would probably show "
                   "smaller differences; --reference names another.");
}

/* One sheet for an axis. It is made with its first row: an axis without neighbours has no sheet.
 * The columns are the other axes, which both configurations share, then "a less b" of this axis. */
static void add_neighbours(const struct aggregate *aggregate, int64_t axis, struct sheets *sheets)
{
    struct sheet *sheet = NULL;
    for (int64_t i = 0; i < aggregate->comparisons; i++) {
        const struct comparison *const c = &aggregate->comparison[i];
        char above[SETTING_TEXT], below[SETTING_TEXT];
        if (c->axis != axis)
            continue;
        if (sheet == NULL) {
            sheet = sheets_add(
                sheets, sheet_new("RMST(%" PRId64 ") of neighbours in %s, paired by seed",
                                  aggregate->options.limit, aggregate_axis(aggregate, axis)));
            for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
                if (a != axis)
                    sheet_column(sheet, false, "%s", aggregate_axis(aggregate, a));
            }
            sheet_column(sheet, false, "%s", aggregate_axis(aggregate, axis));
            sheets_put_difference_headings(aggregate, sheet);
        }
        for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
            aggregate_value(aggregate, a, c->a, above, sizeof above);
            if (a != axis)
                sheet_entry(sheet, "%s", above);
        }
        aggregate_value(aggregate, axis, c->a, above, sizeof above);
        aggregate_value(aggregate, axis, c->b, below, sizeof below);
        sheet_entry(sheet, "%s less %s", above, below);
        put_comparison(c, sheet);
    }
}

/* "others as strata" only when other axes have several values; with one axis alone there is one
 * stratum, and the word would suggest a choice that was not made. */
static void put_test(const struct aggregate *aggregate, const struct axis_test *t,
                     struct sheet *sheet)
{
    char within[AGGREGATE_NAME] = "all", note[AGGREGATE_NOTE];
    test_note(t, note, sizeof note);
    if (t->within >= 0)
        aggregate_name(aggregate, t->within, t->axis, within, sizeof within);
    for (int64_t a = 0; t->within < 0 && a < aggregate->grouping.axes; a++) {
        if (a != t->axis && aggregate->grouping.axis[a].count > 1)
            snprintf(within, sizeof within, "others as strata");
    }
    sheet_entry(sheet, "%s", aggregate_axis(aggregate, t->axis));
    sheet_entry(sheet, "%s", within);
    sheet_entry(sheet, "%" PRId64, t->runs);
    sheet_entry(sheet, "%.4g", t->test.chi2);
    sheet_entry(sheet, "%" PRId32, t->test.df);
    sheets_put_p(sheet, t->test.p);
    sheets_put_p(sheet, t->permuted.p);
    sheets_put_p(sheet, t->adjusted);
    sheet_entry(sheet, "%s", note);
}

static void add_tests(const struct aggregate *aggregate, struct sheets *sheets)
{
    struct sheet *const sheet = sheets_add(sheets, sheet_new("Log-rank tests"));
    sheet_column(sheet, true, "between values of");
    sheet_column(sheet, true, "within");
    sheet_column(sheet, false, "runs");
    sheet_column(sheet, false, "chi2");
    sheet_column(sheet, false, "df");
    sheet_column(sheet, false, "p chi2");
    sheet_column(sheet, false, "p permuted");
    sheet_column(sheet, false, "p Holm");
    sheet_column(sheet, true, "note");
    for (int64_t i = 0; i < aggregate->tests; i++)
        put_test(aggregate, &aggregate->test[i], sheet);
    sheet_note(
        sheet,
        "p permuted: values are exchanged within seeds, in all ways up to %d, otherwise in %" PRId64
        " of them, where p is at least 1/%" PRId64 ". Where curves cross, a large p says little.",
        LOGRANK_EXACT, aggregate->options.permutations, aggregate->options.permutations + 1);
}

void sheets_add_between(const struct aggregate *aggregate, struct sheets *sheets)
{
    if (aggregate->comparisons > 0) {
        add_reference(aggregate, sheets);
        for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++)
            add_neighbours(aggregate, axis, sheets);
    }
    if (aggregate->tests > 0)
        add_tests(aggregate, sheets);
}
