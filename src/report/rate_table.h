// SPDX-License-Identifier: MIT
/**
 * Outcomes by label, if there are any, and pair of learning rates, for people and as JSON. Other
 * axes are pooled.
 *
 * The stopping episode of a censored run is later than its limit, by how much is unknown; one that
 * diverged, failed or is quarantined has none, is counted on its own and is never taken for a
 * stopped or a censored one. Of the stopped and censored runs of a pair together:
 *
 * - first: the earliest stop that was seen.
 * - half: the episode by which half of the runs, or more, had stopped. JSON calls it `median`;
 *   people read "half", so that they do not take it for the median of a Kaplan-Meier curve, which
 *   `aggregate` estimates from the same runs.
 * - last: the episode by which all of them had stopped.
 *
 * "> N" is said of what is only known to be later than N: a figure that a censored run decides.
 * Where runs of one pair have different limits, a run that was censored early may have stopped
 * before or after the others, and "> N" is the most that can be said. Local.
 */
#ifndef CCMSWEEP_RATE_TABLE_H
#define CCMSWEEP_RATE_TABLE_H

#include "query/run_table.h"
#include "report/json.h"
#include <stdio.h>

/** Print the table: one row for each pair in the order of the plan, and below it what "> N" and
 *  "diverged" mean, if they appear. Columns of outcomes that no run has are left out, except for
 *  stopped and censored. */
void rate_table_print(FILE *file, const struct run_table *table);

/** Write the same as a member of `stream`, an array of objects. `first`, `median`, `last` are null
 * when they are not known; what they are later than, if that is known, is in `first_after`,
 * `median_after`, `last_after`, which else are null. */
void rate_table_stream(struct json_stream *stream, const char *key, const struct run_table *table);

#endif
