// SPDX-License-Identifier: MIT
/** The plan for people, and as JSON. All calls are local. */
#ifndef CCMSWEEP_PLAN_REPORT_H
#define CCMSWEEP_PLAN_REPORT_H

#include "query/plan.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or is removed. */
enum { PLAN_SCHEMA_VERSION = 1 };

/** What the report is to show. */
struct plan_options {
    const char *spec; /**< name of the file of the spec */
    const char *path; /**< of the file of the sweep; NULL: there is none */
    int64_t workers;  /**< number to compute the wall time for; 0: some usual numbers */
    bool alone;       /**< the worker is one process without MPI */
    bool list;        /**< also list every cell */
};

/** Write the report for people. */
void plan_print(FILE *file, const struct plan *plan, const struct plan_options *options);

/** Write the same as one JSON object. \return false when the stream did not take all of it
 *
 *  Keys of plan:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `spec`: its name
 *  - `cells`: number of cells
 *  - `first`, `last`: the first and the last cell: `cell`, its number, and its value on each axis
 *  - `axes`: `name` (as in the file), `setting` (its key), `count` and rising `values` of each
 *    axis; a list is an array, and longer ones come later; labels are in the order of the spec
 *  - `labels`: each `label` with what it `sets`, the settings that are part of it, by name; `null`
 *    when the blocks of the grid have none
 *  - `file`: `path`, and the number of cells `finished`, `interrupted` and `left`; `null` when no
 *    file is given. With `--extend`, of a narrower file, `finished` are those that stay so
 *  - `extension`: with `--extend`, of a file that is narrower: runs that are `copied`, `continued`
 *    behind their old limit, trained `anew` (damaged ones too), not finished (`open`), and cells
 *    `added`; else `null`
 *  - `expected`: `from` (`finished` or `calibration`), `finished_cells` that were used,
 *    `calibration_s`, the seconds that the calibration took, `total_core_hours`, `left_core_hours`,
 *    `left_s`, `longest_cell_s`, and `spread`, the relative standard deviation of a cell
 *  - `wall`: by number of `workers`: `wall_s`
 *  - `file_bytes`, `memory_bytes`, `checkpoint_bytes`: size of the file; memory and checkpoint of a
 *    rank. A run that an extension continues behind its old limit takes the memory of two
 *  - `list`: with `--list`, each cell: `cell`, its axes, `expected_s`, and with a file its `state`,
 *    of an extension that in which it leaves the cell
 */
bool plan_print_json(FILE *file, const struct plan *plan,
                     const struct plan_options *options) MUST_USE;

#endif
