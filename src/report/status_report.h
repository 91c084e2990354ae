// SPDX-License-Identifier: MIT
/**
 * What `status` prints of a sweep, for people and as JSON. Local.
 */
#ifndef CCMSWEEP_STATUS_REPORT_H
#define CCMSWEEP_STATUS_REPORT_H

#include "query/run_table.h"
#include "store/store.h"
#include <stdbool.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or goes. */
enum { STATUS_SCHEMA_VERSION = 2 };

/** A sweep at one moment. */
struct status_report {
    const char *path;
    double now; /**< seconds since 1970-01-01 UTC */
    bool held;  /**< a process holds the lock */
    char holder[512];
    struct store *store;
    struct run_table table;
};

/** Print it in words. \param cells also a line for every cell */
void status_print(FILE *file, const struct status_report *report, bool cells);

/** Print it as one JSON object; what is unknown is null. \param cells also every cell
 *  \param line all of it on one line \return false when the stream did not take all of it */
bool status_print_json(FILE *file, const struct status_report *report, bool cells,
                       bool line) MUST_USE;

#endif
