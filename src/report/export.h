// SPDX-License-Identifier: MIT
/**
 * The content of a file as text files that other programs read: tables (CSV), or the files of the
 * published study. Only one run at a time is in memory. The file is only read; local.
 */
#ifndef CCMSWEEP_EXPORT_H
#define CCMSWEEP_EXPORT_H

#include "base/text.h"
#include "query/run_table.h"
#include "store/store.h"

/** Tables that can be written, and what identifies a row of each. */
enum export_table {
    EXPORT_RUNS,        /**< run */
    EXPORT_ACTORS,      /**< run, actor */
    EXPORT_LOGS,        /**< run, logged episode */
    EXPORT_EPISODES,    /**< run, episode */
    EXPORT_EVALUATIONS, /**< run, episode with an evaluation */
    EXPORT_ACTOR_LOGS,  /**< run, logged episode, actor */
    EXPORT_HISTOGRAMS,  /**< run, episode with a snapshot, action, bin */
    EXPORT_TABLES
};

/** Name of a table: its file is NAME.csv. */
const char *export_table_name(enum export_table table) MUST_USE;

/** What is exported, and where to. */
struct export
{
    const struct store *store;
    const struct run_table *table;
    const char *folder;   /**< exists */
    const bool *chosen;   /**< (runs) */
    const int64_t *place; /**< (runs) chosen runs before it with the same learning rates */
};

/** True for a run that has rows: it is done, and was trained to its end. */
bool export_has_rows(const struct export *e, int64_t run) MUST_USE;

/** Write a real as Python does, since the study wrote its files with Python: it always has a point
 *  or an exponent, and if it is not finite, it is NaN, Infinity or -Infinity. */
void export_real(double value, char text[TEXT_NUMBER]);

/** Write the name that the folder of a run has in the study: actor_0.1_critic_0.01_run_0. */
void export_study_name(const struct export *e, int64_t run, char *text, size_t size);

/** Write tables, in the order of runs. \param wanted (EXPORT_TABLES) */
enum status export_tables(const struct export *e, const bool *wanted, struct fault *fault) MUST_USE;

/**
 * Write the files of the published study with exactly its keys: for each run that has rows a folder
 * with results.json and tracking_data.json, and for all of them experiment_status.json. The
 * gradients in them are the accumulated ones. The study also has the mean of all outputs; this
 * program does not record it and writes NaN. As in the study, `stopping_episode` is the number of
 * episodes when the actors did not stop. Only `per_actor_stopped` shows that: its null means
 * censored.
 */
enum status export_study(const struct export *e, struct fault *fault) MUST_USE;

#endif
