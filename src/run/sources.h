// SPDX-License-Identifier: MIT
/**
 * The files whose runs a sweep may take over, its own among them: which of them has a cell, and
 * whether those that have it have the same. Rank 0 only. Reads only.
 */
#ifndef CCMSWEEP_SOURCES_H
#define CCMSWEEP_SOURCES_H

#include "run/progress.h"
#include "spec/identity.h"
#include "store/store.h"

/** What the user asks for. */
struct sources_asked {
    const char *const *paths; /**< (count) files of sweeps; borrowed */
    size_t count;
    const char *prefer; /**< one of these, or the sweep's own file: it decides where files differ;
                             NULL: none does */
};

/** A run that is stopped, censored or diverged. */
struct source_run {
    struct identity identity;
    uint8_t rows[COMMIT_HALF]; /**< of the hash of its rows, as its commit record has it */
    int64_t run;
    enum {
        SOURCE_UNSEEN,  /**< not read */
        SOURCE_INTACT,  /**< those of its commit record */
        SOURCE_DAMAGED, /**< others, or the record is gone: the run does not count */
    } rows_are;
};

/** A file. */
struct source {
    const char *path; /**< borrowed */
    struct store *store;
    struct source_run *runs; /**< (count) by identity */
    size_t count;
    int64_t held, copied, replaced; /**< for the caller to count: runs that are cells of the sweep;
                                         those taken; those of them that took the place of others */
};

struct sources {
    struct source *of; /**< (count) the sweep's own file first, if there is one */
    size_t count;
    const struct source *own;    /**< NULL: there is none yet */
    const struct source *prefer; /**< NULL: none */
    struct source_run **holders; /**< (count) for sources_choose */
    struct progress *progress;   /**< where damage is told; NULL: nowhere. Borrowed */
    int64_t decided;             /**< for the caller to count: cells that `prefer` decided about */
};

/** A run of a file that has a cell. */
struct source_choice {
    struct source *source; /**< NULL: no file has it */
    struct source_run *run;
    bool decided; /**< the files differ, and the preferred one has decided */
};

/**
 * Open the files and list their runs.
 * \param sources the caller owns the content, with any status: sources_close
 * \param own     the sweep's own file, open; stays the caller's. NULL: there is none yet
 * \param path    of the own file
 * \return STATUS_INPUT when one is not the file of a sweep, or `prefer` none of them
 */
enum status sources_open(struct sources *sources, const struct sources_asked *asked,
                         struct store *own, const char *path, struct progress *progress,
                         struct fault *fault) MUST_USE;

/** Close them, except the own one. */
void sources_close(struct sources *sources);

/**
 * Choose the run of a cell. All runs that files have of it must be equal, by their commit records;
 * else that of the preferred file is chosen. Then it is the own one, or that of the first file. A
 * run whose rows are not those of its commit record does not count. Rows are read, to find that,
 * only where runs differ: sources_look reads them all.
 * \return STATUS_INPUT when runs differ that none decides about, with a sentence: in which
 *         datasets, from which episode on, and where each was trained
 */
enum status sources_choose(const struct sources *sources, const struct identity *identity,
                           struct source_choice *choice, struct fault *fault) MUST_USE;

/** Whether the own file has a finished run of the cell. */
bool sources_own(const struct sources *sources, const struct identity *identity) MUST_USE;

/** Whether all files that have a cell have it with equal commit records, or the preferred file has
 *  it. Nothing is read. */
bool sources_agree(const struct sources *sources, const struct identity *identity) MUST_USE;

/** Whether a file has a run of the cell that counts. */
bool sources_has(const struct source *source, const struct identity *identity) MUST_USE;

/** Read the rows of all runs that files have of a cell, if another one than the own file has it,
 *  and compare them with their commit records, each once. Damage is told.
 *  \return not STATUS_OK when they cannot be read */
enum status sources_look(const struct sources *sources, const struct identity *identity,
                         struct fault *fault) MUST_USE;

#endif
