// SPDX-License-Identifier: MIT
/**
 * Probability of improvement: how often a run of x has a higher score than one of y, in a task that
 * is drawn. It says nothing of how much higher. Local.
 */
#ifndef CCMSWEEP_IMPROVEMENT_H
#define CCMSWEEP_IMPROVEMENT_H

#include "stats/scores.h"

/**
 * Mean over tasks of P(x > y) + P(x = y)/2, over all pairs of a run of x and one of y in the task:
 * Mann and Whitney's U over n·m, as rliable's probability_of_improvement has it.
 *
 * Runs are not paired by seed in it, but a draw takes whole seeds, of x and y together and in all
 * tasks at once, because runs of one seed begin alike. Tasks in which only one side has runs are no
 * part of it. Where seeds differ between sides or tasks, a draw may hold no run of one side of a
 * task: the task is no part of that draw, and a draw without any task is made again. The interval
 * lies within 0 and 1; NaN where no draw differs. `clusters` are the seeds of either side. Without
 * a task that both have NaN.
 */
struct estimate improvement(const struct scores *x, const struct scores *y,
                            const struct bootstrap *how) MUST_USE;

#endif
