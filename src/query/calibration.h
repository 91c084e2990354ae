// SPDX-License-Identifier: MIT
/**
 * Calibration: how many seconds a unit of cost (cost.h) takes on this machine, by trying.
 *
 * For as long as no cell of a sweep has finished, a few episodes of its most important sizes are
 * trained, and nothing is kept of them. Local.
 */
#ifndef CCMSWEEP_CALIBRATION_H
#define CCMSWEEP_CALIBRATION_H

#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>

enum { CALIBRATION_SIZES = 64 };

/** Cells whose episodes are equally large, with actors that move. */
struct calibration_size {
    struct settings cell; /**< one of them, made to move, without evaluation, of few episodes */
    double episode_units; /**< of one episode */
    double units;         /**< of all cells of that size */
};

/** What there is to try. {0} at first. */
struct calibration {
    size_t count;
    struct calibration_size sizes[CALIBRATION_SIZES];
    double took_s; /**< set by calibration_run: wall time of all trials */
};

/** Remember the size of a cell. Sizes beyond CALIBRATION_SIZES are left out. */
void calibration_add(struct calibration *calibration, const struct settings *cell);

/**
 * Train the three sizes with most units, for `seconds` in all, and return the seconds of CPU time
 * that a unit takes, weighted with their units. Sizes are left out whose episodes take so long that
 * 25 do not fit into a third of the time, or whose trainer calibration_affords does not; when that
 * are all, the published size stands in for them. The other sizes are forgotten.
 */
double calibration_run(struct calibration *calibration, double seconds);

/** Bytes that a trainer of `cell` holds, give or take a fifth; without making one. */
double calibration_memory(const struct settings *cell);

/** True when a trainer of so many bytes may be made just to look at it: below 1 GB and a quarter of
 *  the machine's memory. */
bool calibration_affords(double memory);

#endif
