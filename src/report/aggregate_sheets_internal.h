// SPDX-License-Identifier: MIT
/**
 * What the two sources of the aggregate's tables share: aggregate_sheets.c makes those of the
 * configurations one by one, aggregate_between.c those of comparisons and tests. Local.
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

/** Put a cell: "value [lower, upper]", or the value alone where there is no interval, with so many
 *  digits behind the point. */
void sheets_put_interval(struct sheet *sheet, double value, struct bounds between, int digits);

/** Begin a column for each axis. */
void sheets_put_headings(const struct aggregate *aggregate, struct sheet *sheet);

/** Put a cell for each axis: the values of a configuration. */
void sheets_put_values(const struct aggregate *aggregate, int64_t configuration,
                       struct sheet *sheet);

/** Add what there is of comparisons with the reference, of those between neighbours along each
 *  axis, and of tests. */
void sheets_add_between(const struct aggregate *aggregate, struct sheets *sheets);

#endif
