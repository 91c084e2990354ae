// SPDX-License-Identifier: MIT
/**
 * Grouping: the runs of a sweep, grouped by their values of some axes.
 *
 * Settings that determine each other are one axis. A preset, for example, changes all settings that
 * it decides, and a block of the grid may change two settings at once. As separate axes their
 * effects could not be distinguished: no two runs differ in one of them alone, so there would be
 * nothing to compare. Which settings change together is found from all runs of the plan, trained or
 * not. This code knows no event and no estimate. Local.
 */
#ifndef CCMSWEEP_GROUPING_H
#define CCMSWEEP_GROUPING_H

#include "query/run_table.h"

/** Bytes that hold the names of all axes, or grouping_expected; and a hint. */
enum { GROUPING_NAMES = 4096, GROUPING_HINT = 128 };

/** Number of values that a sentence lists. */
enum { GROUPING_LISTED = 24 };

/** An axis. Its name and the order of its values are those of its first setting. */
struct grouping_axis {
    size_t settings;
    const struct run_axis **setting; /**< (settings) borrowed from the run table. First the one that
                                          the user named; else the first that the grid of the spec
                                          names; else the first of all. Then those that change with
                                          it, in the order of the table */
    int64_t count;                   /**< number of different values */
    int64_t *run;   /**< (count) a run with each value; values ascend, `none` of a real is last */
    int64_t *index; /**< (runs) the value of each run, from 0 */
};

/** An axis whose value follows from that of another, but not the reverse. Runs that differ in it
 *  also differ in the other, so their effects cannot be distinguished. */
struct grouping_decision {
    const struct run_axis *axis; /**< the settings after which the two are named; borrowed */
    const struct run_axis *by;
};

struct grouping {
    const struct run_table *table; /**< borrowed */
    int64_t axes;
    struct grouping_axis *axis; /**< (axes) */
    int64_t decisions;
    struct grouping_decision *decision; /**< (decisions) of axes, and between an axis and what is
                                             pooled; ordered by the axis that is decided */
    int64_t pooled; /**< number of axes in which runs of a group may differ, without the seed */
    int64_t groups;
    int64_t *of_run; /**< (runs) group of each run, numbered in the order of their first runs in the
                          plan */
};

/**
 * Group the runs.
 * \param by "actor_lr,critic_lr": axes, by the name of any of their settings in the file or in the
 *           spec; NULL: all
 * \return STATUS_OK: the caller owns the content, grouping_fini. STATUS_INPUT with a sentence when
 *         `by` names something that is not an axis, the seed, or a setting twice; there is then
 *         nothing to free
 */
enum status grouping_make(struct grouping *grouping, const struct run_table *table, const char *by,
                          struct fault *fault) MUST_USE;

/** Write "; did you mean networks.squash?" for a name that is not an axis but near one of the
 *  table, such as the key without its section; otherwise nothing. Cut at `size`. */
void grouping_hint(const struct run_table *table, const char *name, char *hint, size_t size);

/** Write what can be asked for, when no run has what was: "expected one of 0.9, 0.95, 0.99", the
 *  different values as they rise; of more than GROUPING_LISTED the first ones, "and 3 more"; where
 *  runs have no label and one was asked for, "as none has a label".
 *  \param values (runs) of the setting, as settings_number gives them
 *  \param size GROUPING_NAMES are enough for numbers and names; cut there */
void grouping_expected(const struct setting *row, int64_t runs, const double *values, char *text,
                       size_t size);

/** Free what it holds; it may be empty. */
void grouping_fini(struct grouping *grouping);

/** The setting after which an axis is named. */
const struct run_axis *grouping_lead(const struct grouping *grouping, int64_t axis) MUST_USE;

/** Number values of all axes but one (-1: of all): equal numbers, from 0, where these are equal.
 *  Made dense after each axis, so that they do not overflow.
 *  \param run (count) runs whose values are meant; NULL: runs 0 to count - 1
 *  \param number (count) set
 *  \return how many numbers there are; 1 without other axes */
int64_t grouping_others(const struct grouping *grouping, int64_t axis, int64_t count,
                        const int64_t *run, int64_t *number);

#endif
