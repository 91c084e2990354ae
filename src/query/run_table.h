// SPDX-License-Identifier: MIT
/**
 * The survey: what a sweep's file says about all of its runs, read at once.
 *
 * For `status` and for the table at the end of `run`. Columns are read whole, never run by run, so
 * that ten thousand cells take a blink. It knows no clock and prints nothing. Local.
 */
#ifndef CCMSWEEP_RUN_TABLE_H
#define CCMSWEEP_RUN_TABLE_H

#include "store/store.h"

/** Where a run stands. Each run is in one state. */
enum run_state {
    RUN_STATE_DONE,        /**< its commit record holds; whatever its outcome */
    RUN_STATE_RUNNING,     /**< in flight, and somebody holds the file */
    RUN_STATE_INTERRUPTED, /**< a polite stop left it, with a checkpoint */
    RUN_STATE_LOST,        /**< in flight when its job ended out of order; goes on when run again */
    RUN_STATE_PENDING,     /**< not begun */
    RUN_STATE_COUNT
};

/** A run as the survey has it. Its settings, but for these two, are in the axes. */
struct run_row {
    int64_t seed, limit; /**< limit of episodes */
    int64_t group;       /**< runs of the same pair of learning rates, numbered as in the plan */
    enum run_state state;
    int32_t outcome;  /**< of a run that is done, else OUTCOME_PENDING or OUTCOME_INTERRUPTED */
    int32_t stopping; /**< stopping episode of a run that is done; -1 for none */
    int32_t total;    /**< episodes that a run that is done has; -1 for none */
    int32_t episode;  /**< last one played, as far as is known */
    int32_t moving;   /**< actors that moved then, -1 unknown */
    int32_t attempts;
    double wall_s; /**< NaN unknown */
    char host[65]; /**< of the last attempt; "" for none */
    struct store_failures trouble;
    const char *damage; /**< what is wrong with its rows, which then do not count (store_damage);
                             NULL: nothing is known to be. Of the store */
};

/** A setting in which two runs differ, or a learning rate, which always is an axis. The seed is not
 *  one of them: it is what the runs of a configuration differ in. */
struct run_axis {
    const struct setting *row;
    char name[64];  /**< of its dataset */
    bool written;   /**< the spec's grid names it; false: it follows from another (of a preset) */
    double *values; /**< (runs) as settings_number gives them */
};

/** The first axes, in this order. */
enum { RUN_TABLE_ACTOR_LR, RUN_TABLE_CRITIC_LR, RUN_TABLE_RATES };

/** The last start of the program on the file. */
struct run_table_start {
    int64_t number;   /**< from 1; 0: none is known */
    double time, end; /**< after 1970-01-01 UTC; end NaN: killed, or going on */
    int32_t status, ranks;
    char host[65], job[33], revision[65];
};

struct run_table {
    int64_t runs;
    struct run_row *run; /**< (runs) */
    int64_t groups;
    size_t axes;
    struct run_axis *axis; /**< (axes) in the order of the settings: the rates, then others */
    int64_t states[RUN_STATE_COUNT];
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    struct run_table_start start;
    double median_s, p90_s;       /**< that trained cells took; NaN: none has finished */
    double left_s, left_margin_s; /**< expected work of one worker on what is left, and twice its
                                     standard deviation; NaN: nothing is known */
};

/* What is expected of a cell is in cost.h. A cell that was begun is done in the share of its
 * episodes that it has played; how many it will have is the mean of the trained cells of its group,
 * and without any it is done in the time that it took. The deviation is that of the cells left, and
 * that of what is known from few finished ones. */

/**
 * Read it all. \param held somebody holds the file's lock: what is in flight is being trained
 * \return STATUS_OK: the caller owns the content, run_table_fini. Else it is empty
 */
enum status run_table_take(const struct store *store, bool held, struct run_table *table,
                           struct fault *fault) MUST_USE;

/** Free what it holds. */
void run_table_fini(struct run_table *table);

/** Write a run's value of an axis as settings_write does ("none", "exact", "0.99"). */
void run_table_axis_write(const struct run_axis *axis, int64_t run, char *text, size_t size);

/** Name of a standing. */
const char *run_state_name(enum run_state state) MUST_USE;

#endif
