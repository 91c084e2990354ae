// SPDX-License-Identifier: MIT
/**
 * Inside of stats: the different times of a sample in rising order, and the one rule by which a
 * curve that steps down is said to reach a level. Local.
 */
#ifndef CCMSWEEP_EVENT_TIMES_H
#define CCMSWEEP_EVENT_TIMES_H

#include "stats/sample.h"

/** Different times; equal ones are one tick. */
struct event_times {
    int64_t count; /**< T */
    double *time;  /**< (T) rising */
    int64_t *at;   /**< (n) tick of each observation */
};

/** Make them of a sample whose times, statuses and count are checked here: what is wrong with them
 *  is a bug. The caller frees the content with event_times_fini. */
void event_times_init(struct event_times *times, const struct sample *sample);

/** Free what it holds, and clear it. */
void event_times_fini(struct event_times *times);

/** Time at which `level` (T; falling; NaN: passed over) is first at `threshold` or below, or the
 *  middle of that and the next time with a lower level when it is at it (within 1.5e-8); INFINITY
 *  when it never is. `time` (T). */
double event_times_reach(int64_t count, const double *time, const double *level,
                         double threshold) MUST_USE;

#endif
