// SPDX-License-Identifier: MIT
/**
 * What `verify` prints: each defect, and what was compared. For people and as JSON. Local.
 */
#ifndef CCMSWEEP_VERIFY_REPORT_H
#define CCMSWEEP_VERIFY_REPORT_H

#include "store/defects.h"
#include "store/store.h"
#include <stdbool.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or goes. */
enum { VERIFY_SCHEMA_VERSION = 1 };

/** What was found out about a file. */
struct verify_report {
    const char *path;
    bool held; /**< a process holds the lock */
    char holder[512];
    const struct store *store; /**< NULL: its runs cannot be read */
    struct store_found found;
    struct defects defects;
    const int32_t
        *drawn; /**< (draws) runs that were to be trained again; NULL: none were asked for */
    int draws, trained; /**< how many; and how many were, to their end */
    int64_t draw_seed;  /**< -1: all finished runs, not drawn */
};

/** Write "2 findings". Cut at `size`. */
void verify_count(const struct verify_report *report, char *text, size_t size);

/** Print each defect as a line, and a last line that says what was compared. */
void verify_print(FILE *file, const struct verify_report *report);

/** Print it as one JSON object. \return false when the stream did not take all of it
 *
 *  Keys of verify:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `file`: its name
 *  - `locked`, `holder`: whether a process is working on it; which one and since when, in words
 *  - `readable`: whether runs could be read; if not, the numbers below are `null`
 *  - `runs`, `finished`: number of runs; of those that are done and not damaged
 *  - `commit_records`: number of commit records that are not empty
 *  - `compared_runs`, `compared_bytes`: finished runs whose rows were compared with their
 *    checksums, and the size of these rows
 *  - `retrained`: with `--retrain`: `runs` that were to be trained again, `draw_seed` with which
 *    they were drawn (`null` when all were taken), and how many were `compared`; otherwise `null`
 *  - `findings`: all that is wrong: `text`, a sentence, and where it is: `run`, `dataset`,
 *    `episode`, `null` where it is not of one
 */
bool verify_print_json(FILE *file, const struct verify_report *report) MUST_USE;

#endif
