// SPDX-License-Identifier: MIT
/**
 * What `status` prints of a sweep, for people and as JSON. Local.
 */
#ifndef CCMSWEEP_STATUS_REPORT_H
#define CCMSWEEP_STATUS_REPORT_H

#include "query/run_table.h"
#include "report/status_explain.h"
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
    struct explanation explained; /**< of one run; without sentences: none was asked for */
};

/** Print it in words; the explanation of a run alone, if there is one.
 *  \param cells also a line for every cell */
void status_print(FILE *file, const struct status_report *report, bool cells);

/** Print it as one JSON object; what is unknown is null. \param cells also every cell
 *  \param line all of it on one line \return false when the stream did not take all of it
 *
 *  Keys of status:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `file`, `time`: its name; now, in seconds after 1970-01-01 UTC
 *  - `algorithm_version`: version of the algorithm with which the file was begun
 *  - `locked`, `holder`: whether a process is working on it; which one and since when, in words
 *  - `last_start`: `number`, `time`, `end`, exit `code`, `ranks`, `host`, SLURM `job`, `revision`
 *    of the program; `end` and `code` are `null` while it runs or when it was killed; `null` for
 *    the file of a `train`
 *  - `extensions`: `run --extend`: `time`, number of cells `before` and `after`; the oldest first
 *  - `cells`, `states`, `outcomes`: number of cells; by state; those that are done, by outcome
 *  - `crash_marks`, `suspects`: crash marks of all cells together; number of cells that are
 *    suspects
 *  - `median_s`, `p90_s`: seconds that trained cells took: median, and the most that 90 of 100 took
 *  - `left_core_s`: expected work on the unfinished cells, in seconds of one core
 *  - `eta_s`, `eta_margin_s`: expected seconds left with the number of cells that are being trained
 *    now, and twice their standard deviation
 *  - `grid`: the table: `label` if there are any, `actor_lr`, `critic_lr`, `runs`, `done`, number
 *    by outcome, and `first`, `median` (the column *half*) and `last` stopping episode; where one
 *    is only known to be later than an episode it is `null`, and the episode is in `first_after`,
 *    `median_after`, `last_after`
 *  - `attention`: cells to look at: `run`, `actor_lr`, `critic_lr`, `seed`, `axes` (all other
 *    settings in which cells differ, without those that are part of a label), `state`, `outcome`,
 *    `stopping_episode`, `total_episodes` (of a cell that is done), `episode` (last one noted),
 *    `actors_moving` then, `wall_s`, `attempts`, `host`, `crashes`, `lost` (jobs in a row),
 *    `suspect`, `reason`
 *  - `list`: with `--cells`: the same of every cell
 *  - `explained`: with `--explain`: the same of that run, and `sentences`: its history
 */
bool status_print_json(FILE *file, const struct status_report *report, bool cells,
                       bool line) MUST_USE;

#endif
