// SPDX-License-Identifier: MIT
/**
 * The board: how far a sweep is, as rank 0 shows it while others work.
 *
 * Counts, cells per hour, the time that is left with its uncertainty, and the last finished cell
 * with its stopping episode. Drawn through progress.h. The time left is that of list scheduling:
 * the longest running cell, or all that is expected over the workers, whichever is more; its
 * uncertainty, twice the standard deviation that expectations had so far. Reads no clock. Local.
 */
#ifndef CCMSWEEP_SWEEP_PROGRESS_H
#define CCMSWEEP_SWEEP_PROGRESS_H

#include "run/comm.h"
#include "run/progress.h"
#include "run/scheduler.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include <ccmsweep/record.h>

struct board {
    struct progress *progress; /* borrowed, as all that follows */
    const struct spec *spec;
    const struct cost *cost;
    const struct scheduler *scheduler;
    int64_t runs;
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    int64_t finished;                /**< since the start of the program */
    double began_s, summed_s;        /**< clock at the start; when `waiting_s` was summed up */
    double waiting_s, squares_s2;    /**< expected of cells that wait: sum, and sum of squares */
    struct message last;             /**< of a finished cell; cell -1 before */
    int workers;
    struct {
        int64_t cell;
        double since_s;
    } * seats; /**< (workers) what each has, and since when */
};

/** Begin to count. The caller fills in the borrowed things, runs, outcomes and workers first, and
 *  owns it: board_fini. */
void board_start(struct board *board, double now_s);

/** Free what it holds. */
void board_fini(struct board *board);

/** A cell has finished (MESSAGE_DONE). */
void board_count(struct board *board, const struct message *done);

/** Show how far it all is, if it is time. */
void board_show(struct board *board, double now_s);

/** Seconds left, and twice its standard deviation. NAN when nothing is known. */
double board_left(struct board *board, double now_s, double *uncertainty_s);

/** Number of runs that are done; of these, those that failed or are quarantined. */
int64_t board_done(const struct board *board) MUST_USE;
int64_t board_failed(const struct board *board) MUST_USE;

#endif
