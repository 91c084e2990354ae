// SPDX-License-Identifier: MIT
/**
 * What the sources of the aggregate's tables share. aggregate_sheets.c makes the tables that
 * describe each configuration by itself, aggregate_between.c those of comparisons and tests,
 * aggregate_against_sheets.c those of --against; all use the entries of aggregate_entries.c. Local.
 */
#ifndef CCMSWEEP_AGGREGATE_SHEETS_INTERNAL_H
#define CCMSWEEP_AGGREGATE_SHEETS_INTERNAL_H

#include "query/aggregate.h"
#include "report/sheet.h"

/** Tables in the order in which they are shown. */
struct sheets {
    size_t count;
    struct sheet **sheet; /**< (count) */
};

/** Append a sheet, and take ownership of it. Returns it. */
struct sheet *sheets_add(struct sheets *sheets, struct sheet *sheet);

/** Add an entry "value [lower, upper]", or the value alone when there is no interval, with `digits`
 *  digits after the decimal point. */
void sheets_put_interval(struct sheet *sheet, double value, struct bounds between, int digits);

/** The same for a time, which can be later than everything that was observed of `c`. */
void sheets_put_time(struct sheet *sheet, const struct configuration *c, double value,
                     struct bounds between);

/** Add a whole number as an entry; a negative one means that there is none: a dash is shown. */
void sheets_put_whole(struct sheet *sheet, int64_t value);

/** Add a p as an entry; NaN means that there was no test: a dash is shown. */
void sheets_put_p(struct sheet *sheet, double p);

/** Begin the columns of a difference: seeds, difference with its interval, p, p Holm, note. */
void sheets_put_difference_headings(const struct aggregate *aggregate, struct sheet *sheet);

/** Whether a value is known but does not have an interval. */
bool sheets_lacks_interval(double value, struct bounds between) MUST_USE;

/** Add a note that says why `lacking` figures do not have an interval. \param why one more possible
 *  reason, ", or ..."; "": there is none */
void sheets_note_lack(struct sheet *sheet, int64_t lacking, const char *why);

/** Begin a column for each axis. */
void sheets_put_headings(const struct aggregate *aggregate, struct sheet *sheet);

/** Add an entry for each axis: the values of a configuration. */
void sheets_put_values(const struct aggregate *aggregate, int64_t configuration,
                       struct sheet *sheet);

/** Add the table of what --against finds, pooled over the other axes, if it was asked for. */
void sheets_add_pooled(const struct aggregate *aggregate, struct sheets *sheets);

/** Add its tables for each quantity, of scores and of profiles. */
void sheets_add_against(const struct aggregate *aggregate, struct sheets *sheets);

/** Add the tables of the comparisons with the reference, of those between neighbours along each
 *  axis, and of the tests, if there are any. */
void sheets_add_between(const struct aggregate *aggregate, struct sheets *sheets);

#endif
