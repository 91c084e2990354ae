// SPDX-License-Identifier: MIT
/**
 * The run table: what the file of a sweep says about all its runs, read at once.
 *
 * `status`, `aggregate` and `export` begin with it, and so does the table at the end of `run`.
 * Whole columns are read, never run by run, so that it takes a moment even for ten thousand cells.
 * It knows no clock and prints nothing. Local.
 */
#ifndef CCMSWEEP_RUN_TABLE_H
#define CCMSWEEP_RUN_TABLE_H

#include "store/store.h"

/** The state of a run. Each run is in exactly one. */
enum run_state {
    RUN_STATE_DONE,        /**< its commit record is valid, whatever the outcome */
    RUN_STATE_RUNNING,     /**< in flight, and a process holds the lock of the file */
    RUN_STATE_INTERRUPTED, /**< stopped politely, with a checkpoint */
    RUN_STATE_LOST,        /**< in flight when its job ended unexpectedly; resumes when run again */
    RUN_STATE_PENDING,     /**< not begun */
    RUN_STATE_COUNT
};

/** A run. Its settings, except for these two, are in the axes. */
struct run_row {
    int64_t seed, limit; /**< limit of episodes */
    int64_t pair;        /**< number of its pair of learning rates, in the order of the plan */
    int64_t group;       /**< the same, of its label and pair */
    enum run_state state;
    int32_t outcome;  /**< of a run that is done, else OUTCOME_PENDING or OUTCOME_INTERRUPTED */
    int32_t stopping; /**< stopping episode of a run that is done; otherwise, or without one, -1 */
    int32_t total;    /**< number of episodes of a run that is done; otherwise -1 */
    int32_t episode;  /**< last episode played, as far as is known */
    int32_t moving;   /**< number of actors that moved then; -1: unknown */
    int32_t attempts;
    double wall_s; /**< NaN: unknown */
    char host[65]; /**< of the last attempt; "": there was none */
    struct store_failures failures;
    const char *damage; /**< what is wrong with its rows, which then do not count (store_damage);
                             NULL: no damage is known. Owned by the store */
};

/** A setting in which two runs differ, a learning rate, which is always an axis, or the label. The
 *  seed is not an axis: the runs of a configuration differ in it. */
struct run_axis {
    const struct setting *row;
    char name[64];  /**< name of its dataset */
    bool written;   /**< the grid of the spec names it; false: it follows from another (a preset) */
    bool of_label;  /**< part of the label (label_parts.h), so no axis of its own */
    double *values; /**< (runs) as settings_number gives them */
};

/** Indices of the learning rates. */
enum { RUN_TABLE_ACTOR_LR, RUN_TABLE_CRITIC_LR, RUN_TABLE_RATES };

/** An extension of the sweep to more cells, or to more episodes. */
struct run_table_extension {
    double time;           /**< seconds after 1970-01-01 UTC */
    int64_t before, after; /**< cells */
};

/** The last start of the program on the file. */
struct run_table_start {
    int64_t number;   /**< from 1, without extensions; 0: no start is known */
    double time, end; /**< seconds after 1970-01-01 UTC; end NaN: killed, or still running */
    int32_t status, ranks;
    char host[65], job[33], revision[65];
};

struct run_table {
    int64_t runs;
    struct run_row *run; /**< (runs) */
    int64_t pairs, groups;
    size_t axes;
    struct run_axis *axis; /**< (axes) the label if there is one, the learning rates, then others in
                                the order of settings */
    const struct run_axis *label; /**< the first of these; NULL: the runs have none */
    const struct run_axis *rate;  /**< (RUN_TABLE_RATES) of these; the seed is shown behind them */
    int64_t states[RUN_STATE_COUNT];
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    struct run_table_start start;
    size_t extensions;
    struct run_table_extension *extension; /**< (extensions) that are in the log, oldest first */
    double median_s, p90_s;       /**< of the times of trained cells; NaN: none has finished */
    double left_s, left_margin_s; /**< expected seconds of work on what is left, for one worker, and
                                     twice their standard deviation; NaN: nothing is known */
};

/* How left_s is computed: the expected time of a cell is that of cost.h. Of a cell that has begun
 * the share that is done is subtracted: its episodes divided by the mean number of episodes of the
 * trained cells of its group, or, when there are none, its time so far divided by its expected
 * time. The deviation has two parts: how much the cells that are left differ, and how uncertain an
 * expectation from few finished cells is. */

/**
 * Read the table. \param held a process holds the lock of the file: runs in flight are being
 * trained
 * \return STATUS_OK: the caller owns the content, run_table_fini. Otherwise it is empty
 */
enum status run_table_take(const struct store *store, bool held, struct run_table *table,
                           struct fault *fault) MUST_USE;

/** Free what it holds. */
void run_table_fini(struct run_table *table);

/** Whether an axis of the table is a learning rate. */
bool run_table_is_rate(const struct run_table *table, const struct run_axis *axis) MUST_USE;

/** Write the value that a run has of an axis, as settings_write does ("none", "exact", "0.99"). */
void run_table_axis_write(const struct run_axis *axis, int64_t run, char *text, size_t size);

/** Name of a state: "done", "running", ... */
const char *run_state_name(enum run_state state) MUST_USE;

#endif
