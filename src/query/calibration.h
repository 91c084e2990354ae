// SPDX-License-Identifier: MIT
/**
 * Calibration: measures how many seconds a unit of cost (cost.h) takes on this machine.
 *
 * It is used while no cell of a sweep has finished: a few episodes of the sizes with most of the
 * work are trained, and their results are thrown away. Local.
 */
#ifndef CCMSWEEP_CALIBRATION_H
#define CCMSWEEP_CALIBRATION_H

#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>

enum { CALIBRATION_SIZES = 64 };

/** Cells whose episodes need the same work while their actors move. */
struct calibration_size {
    struct settings cell; /**< one of them, changed so that actors move; no evaluation, few
                               episodes */
    double episode_units; /**< units of one episode */
    double units;         /**< units of all cells of that size */
};

/** The sizes that can be tried. Begin with {0}. */
struct calibration {
    size_t count;
    struct calibration_size sizes[CALIBRATION_SIZES];
    double took_s; /**< set by calibration_run: wall time of all trials */
};

/** Remember the size of a cell. Sizes beyond CALIBRATION_SIZES are left out. */
void calibration_add(struct calibration *calibration, const struct settings *cell);

/**
 * Train the three sizes with most units, for about `seconds` in total. Returns the seconds of CPU
 * time that a unit takes: a mean of these sizes, weighted with their units. A size is left out when
 * 25 of its episodes do not fit into a third of the time, or when its trainer needs too much memory
 * (calibration_affords). When all are left out, the published size is tried instead. A size whose
 * first 20 episodes take longer than expected does not count; when none counts, because the machine
 * is slow or busy, the unit is 0.007 s. The sizes that were not tried are removed from
 * `calibration`.
 */
double calibration_run(struct calibration *calibration, double seconds);

/** Bytes that a trainer of `cell` holds, right within a fifth; no trainer is made. */
double calibration_memory(const struct settings *cell);

/** True when a trainer of so many bytes may be made only to measure it: below 1 GB, and below a
 *  quarter of the memory of the machine. */
bool calibration_affords(double memory);

#endif
