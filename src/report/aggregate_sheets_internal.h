// SPDX-License-Identifier: MIT
/**
 * What the sources of the aggregate's tables share: aggregate_sheets.c makes those of the
 * configurations one by one, aggregate_between.c those of comparisons and tests, both of the
 * entries of aggregate_entries.c. Local.
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

/** Take over a sheet as the last. Returns it. */
struct sheet *sheets_add(struct sheets *sheets, struct sheet *sheet);

/** Put an entry: "value [lower, upper]", or the value alone where there is no interval, with so
 *  many digits behind the point. */
void sheets_put_interval(struct sheet *sheet, double value, struct bounds between, int digits);

/** The same of a time that may be later than all that was seen. */
void sheets_put_time(struct sheet *sheet, const struct configuration *c, double value,
                     struct bounds between);

/** Put a whole number; one below 0 is none, and a dash. */
void sheets_put_whole(struct sheet *sheet, int64_t value);

/** Whether a value that is known has no interval. */
bool sheets_lacks_interval(double value, struct bounds between) MUST_USE;

/** Note why `lacking` figures stand alone. \param why what else it may be, "" or ", or ..." */
void sheets_note_lack(struct sheet *sheet, int64_t lacking, const char *why);

/** Begin a column for each axis. */
void sheets_put_headings(const struct aggregate *aggregate, struct sheet *sheet);

/** Put an entry for each axis: the values of a configuration. */
void sheets_put_values(const struct aggregate *aggregate, int64_t configuration,
                       struct sheet *sheet);

/** Add what there is of comparisons with the reference, of those between neighbours along each
 *  axis, and of tests. */
void sheets_add_between(const struct aggregate *aggregate, struct sheets *sheets);

#endif
