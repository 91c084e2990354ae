// SPDX-License-Identifier: MIT
/**
 * The aggregate in four forms with the same figures: the tables of aggregate_sheets, rounded, for
 * people and for LaTeX; all figures, with curves and to the last bit, in CSV and JSON. Local.
 */
#ifndef CCMSWEEP_AGGREGATE_REPORT_H
#define CCMSWEEP_AGGREGATE_REPORT_H

#include "query/aggregate.h"
#include "report/sheet.h"
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or goes. */
enum { AGGREGATE_SCHEMA_VERSION = 2 };

/** Where the figures come from. */
struct aggregate_source {
    const char *path;          /**< of the sweep's file */
    const struct store *store; /**< open */
    double now;                /**< after 1970-01-01 UTC */
    bool held;                 /**< a process works on the file */
};

/** What an interval is called: "95 %". Cut at `size`. */
void aggregate_percent(const struct aggregate *aggregate, char *text, size_t size);

/** What the times are of, in words: "first_still of the last actor". Cut at `size`. */
void aggregate_times(const struct aggregate *aggregate, char *text, size_t size);

/** Tables for people: what changes together if anything does, the grid if there is one, then a row
 *  a configuration, then comparisons. \param count out
 *  \return (count) sheets; the caller frees each, and the array */
struct sheet **aggregate_sheets(const struct aggregate *aggregate, size_t *count) MUST_USE;

/** Write it for people. */
void aggregate_print(FILE *file, const struct aggregate *aggregate,
                     const struct aggregate_source *source);

/** Write it as tables of LaTeX, which need the packages booktabs and longtable. */
void aggregate_print_latex(FILE *file, const struct aggregate *aggregate,
                           const struct aggregate_source *source);

/** Write it as CSV, one row for each figure. */
void aggregate_print_csv(FILE *file, const struct aggregate *aggregate);

/** Write it as one JSON object. \return false when the stream did not take all of it */
bool aggregate_print_json(FILE *file, const struct aggregate *aggregate,
                          const struct aggregate_source *source) MUST_USE;

#endif
