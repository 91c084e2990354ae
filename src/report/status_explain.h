// SPDX-License-Identifier: MIT
/**
 * What became of one run, in sentences: why it waits, is a suspect or was tried again, and what the
 * next start does with it. Local.
 */
#ifndef CCMSWEEP_STATUS_EXPLAIN_H
#define CCMSWEEP_STATUS_EXPLAIN_H

#include "query/run_table.h"

/** Sentences in the order of what happened; what comes next is last. */
struct explanation {
    int64_t run;
    size_t count;
    char *of[16]; /**< (count) owned */
};

/**
 * Explain a run from what its file says of it.
 * \param path of the store's file, for its checkpoints
 * \param held a process holds the lock of the file
 * \return not STATUS_OK when the notes cannot be read; nothing is owned then
 */
enum status explanation_make(struct explanation *explanation, const struct store *store,
                             const struct run_table *table, int64_t run, const char *path,
                             bool held, struct fault *fault) MUST_USE;

/** Free what it holds. */
void explanation_fini(struct explanation *explanation);

#endif
