// SPDX-License-Identifier: MIT
/**
 * The aggregate in its four forms. All of them say the same figures: for people and in LaTeX those
 * of aggregate_sheets, rounded; in CSV and JSON all of them, with curves, to the last bit. Local.
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
    bool held;                 /**< somebody works on the file */
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

/** Write it as tables of LaTeX, which want the packages booktabs and longtable. */
void aggregate_print_latex(FILE *file, const struct aggregate *aggregate,
                           const struct aggregate_source *source);

/** Write it as CSV, a row a figure. */
void aggregate_print_csv(FILE *file, const struct aggregate *aggregate);

/** Write it as one JSON object. \return false when the stream took not all of it */
bool aggregate_print_json(FILE *file, const struct aggregate *aggregate,
                          const struct aggregate_source *source) MUST_USE;

#endif
