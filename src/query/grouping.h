// SPDX-License-Identifier: MIT
/**
 * Grouping: runs of a sweep put together by their values of some axes.
 *
 * Settings that determine each other are one axis: a preset changes what it decides, and a block of
 * the grid may change two settings at once. As axes of their own they could not be told apart: no
 * two runs differ in one of them alone, so that each would have nothing to be compared with. What
 * changes together is looked up in all runs of the plan, whether they are trained or not. It knows
 * no event and no estimate. Local.
 */
#ifndef CCMSWEEP_GROUPING_H
#define CCMSWEEP_GROUPING_H

#include "query/run_table.h"

/** Room for the names of all axes. */
enum { GROUPING_NAMES = 4096 };

/** An axis. The first of its settings gives it its name and the order of its values. */
struct grouping_axis {
    size_t settings;
    const struct run_axis **setting; /**< (settings) borrowed from the survey. First the one
                                               that was asked for by name; else the first that the
                                               spec's grid names; else the first of them all. Then
                                               those that change with it, as the survey has them */
    int64_t count;                   /**< different values */
    int64_t *run;   /**< (count) a run that has the value; rising, `none` of a real last */
    int64_t *index; /**< (runs) which value a run has */
};

struct grouping {
    const struct run_table *table; /**< borrowed */
    int64_t axes;
    struct grouping_axis *axis; /**< (axes) */
    int64_t pooled; /**< axes in which runs of a group may differ, the seed not counted */
    int64_t groups;
    int64_t *of_run; /**< (runs) group; groups are numbered as their first runs come in the plan */
};

/**
 * Group the runs.
 * \param by "actor_lr,critic_lr": axes, by the name of any of their settings in the file or in the
 *           spec; NULL: all
 * \return STATUS_OK: the caller owns the content, grouping_fini. STATUS_INPUT with a sentence when
 *         `by` names no axis, or the seed, or a setting twice; there is then nothing to free
 */
enum status grouping_make(struct grouping *grouping, const struct run_table *table, const char *by,
                          struct fault *fault) MUST_USE;

/** Free what it holds; an empty one is fine. */
void grouping_fini(struct grouping *grouping);

/** The setting that an axis is named by. */
const struct run_axis *grouping_lead(const struct grouping *grouping, int64_t axis) MUST_USE;

#endif
