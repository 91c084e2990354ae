// SPDX-License-Identifier: MIT
/**
 * How far a sweep is, as rank 0 shows it while others work.
 *
 * It shows counts, cells per hour, the time that is left with its uncertainty, and the last
 * finished cell with its stopping episode, through progress.h. The time left is that of list
 * scheduling: the rest of the longest running cell, or all expected work divided by the workers,
 * whichever is more. Its uncertainty is twice the standard deviation that expectations had so far.
 * This code reads no clock. Local.
 */
#ifndef CCMSWEEP_SWEEP_PROGRESS_H
#define CCMSWEEP_SWEEP_PROGRESS_H

#include "run/comm.h"
#include "run/progress.h"
#include "run/scheduler.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include <ccmsweep/record.h>

struct sweep_progress {
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
 *  owns it: sweep_progress_fini. */
void sweep_progress_start(struct sweep_progress *sweep, double now_s);

/** Free what it holds. */
void sweep_progress_fini(struct sweep_progress *sweep);

/** A cell has finished (MESSAGE_DONE). */
void sweep_progress_count(struct sweep_progress *sweep, const struct message *done);

/** Show how far it all is, if it is time. */
void sweep_progress_show(struct sweep_progress *sweep, double now_s);

/** Seconds left, and twice its standard deviation. NAN when nothing is known. */
double sweep_progress_left(struct sweep_progress *sweep, double now_s, double *uncertainty_s);

/** Number of runs that are done; of these, those that failed or are quarantined. */
int64_t sweep_progress_done(const struct sweep_progress *sweep) MUST_USE;
int64_t sweep_progress_failed(const struct sweep_progress *sweep) MUST_USE;

#endif
