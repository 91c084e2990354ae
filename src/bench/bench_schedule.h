// SPDX-License-Identifier: MIT
/**
 * What the sweep around the trainings costs on this machine: handing out cells, making the file and
 * looking through it, committing.
 *
 * The cells do nothing, so that what is left is the sweep's own time. They go through the scheduler
 * and the messages of `run`, and the files through `store`: what is measured is what runs.
 */
#ifndef CCMSWEEP_BENCH_SCHEDULE_H
#define CCMSWEEP_BENCH_SCHEDULE_H

#include "run/comm.h"
#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** What to measure with. */
struct bench_schedule_options {
    int64_t cells;      /**< that do nothing: 1 to SPEC_CELLS_LIMIT */
    int64_t commits;    /**< of rows of the published size: 1 or more */
    const char *folder; /**< for the temporary files; borrowed */
};

/** What was measured. */
struct bench_schedule {
    int64_t cells;
    int ranks;
    double cells_per_s;
    double median_us, p99_us; /**< of rank 0's time for a cell */
    double bytes_per_cell;    /**< of rank 0's memory */
    double create_s, scan_s;  /**< of the file of as many runs */
    int64_t commits;
    double row_mb;             /**< 1e6 bytes of a run's rows */
    double commit_ms, bare_ms; /**< medians */
};

/** Measure. Rank 0 only; the others are in bench_schedule_follow meanwhile. Files are removed at
 *  the end. \return STATUS_INPUT, STATUS_FAULT with a sentence: the folder or its disk fails */
enum status bench_schedule_measure(struct bench_schedule *measured, const struct comm *comm,
                                   const struct bench_schedule_options *options,
                                   struct fault *fault) MUST_USE;

/** What a rank other than 0 does meanwhile: it takes cells, and says at once that each is done. */
void bench_schedule_follow(const struct comm *comm);

/** Write the report for people. Local. */
void bench_schedule_print(FILE *file, const struct bench_schedule *measured);

/** Write the same as one JSON object. Local. \return false when the stream did not take all of
 *  it.
 *
 *  Keys of bench schedule:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `cells`, `ranks`: how many cells that do nothing; how many ranks
 *  - `cells_per_s`, `rank_0_median_us`, `rank_0_p99_us`: cells a second; time of rank 0 for a cell
 *  - `bytes_per_cell`: memory of rank 0 for a planned cell
 *  - `create_s`, `scan_s`: time to make the file and to look through it
 *  - `commits`, `commit_mb`, `commit_ms`, `bare_ms`: number and size of commits; time of one, and
 *    of bare writes of as many bytes
 */
bool bench_schedule_print_json(FILE *file, const struct bench_schedule *measured) MUST_USE;

#endif
