// SPDX-License-Identifier: MIT
/**
 * The failure policy: which run may have caused the loss of a job, and which is not tried any more.
 *
 * When a job is gone, some runs were in flight. If one of them left a crash mark, it was that one,
 * and the others are innocent. If none did (SIGKILL, memory, a node, the time limit), then a
 * suspect that was in flight has lost the job again; if there was none, all that were in flight
 * become suspects. Only one suspect is in flight at a time (scheduler.h), and it is innocent again
 * as soon as it has a newer checkpoint. So what is counted are losses in a row of a lone suspect
 * that got nowhere.
 *
 * Rank 0 decides this once, at the start of a job, from what the notes in the file say. It knows no
 * ranks and no messages. Local.
 */
#ifndef CCMSWEEP_FAILURE_POLICY_H
#define CCMSWEEP_FAILURE_POLICY_H

#include "run/progress.h"
#include "store/store.h"
#include <ccmsweep/record.h>
#include <stdbool.h>
#include <stddef.h>

/** The usual crash limit: one crash can be bad luck, three of the same run hardly. */
enum { FAILURE_CRASH_LIMIT = 3 };

/** When a run is not tried any more. */
struct failure_limits {
    int crashes; /**< crash count that quarantines it */
    int losses;  /**< losses in a row as the lone suspect, after which it has failed */
};

/** What is to be done with a run. */
enum failure_decision {
    DECISION_INNOCENT,    /**< nothing is held against it */
    DECISION_SUSPECT,     /**< to be tried alone among innocents; also what has crashed before */
    DECISION_FAILED,      /**< not tried any more: lost too many jobs */
    DECISION_QUARANTINED, /**< not tried any more: crashed too often */
};

/** A run that is not done and has failures. */
struct failure_case {
    int64_t run;
    struct store_failures noted;    /**< as the file has them */
    struct store_failures failures; /**< as they are once a decision is made */
    enum failure_decision decision;
};

/** All such runs of a file, ascending. Zeroed before the first use. */
struct failure_policy {
    struct failure_case *cases;
    size_t count, room;
};

/**
 * Decide about runs after a job is gone and before the next one begins. Nothing is in flight
 * afterwards.
 * \param cases (count) `failures` as the file has them, which are brought up to date; `decision` is
 *              set
 * \return number of runs that were in flight when the job was lost
 */
size_t failure_policy_decide(struct failure_case *cases, size_t count,
                             const struct failure_limits *limits);

/**
 * Decide about all runs of a file, note in the file what has changed, and commit as failed or
 * quarantined those that are not tried any more. When the last start told of its end nothing in
 * flight is suspected, crash marks excepted. Says what it found. Rank 0 only.
 * \param policy zeroed; the caller owns it: failure_policy_fini, whatever the status
 * \return STATUS_FAULT with a sentence when the disk fails
 */
enum status failure_policy_apply(struct failure_policy *policy, struct store *store,
                                 const struct failure_limits *limits, struct progress *progress,
                                 struct fault *fault) MUST_USE;

/** True when this run is to be tried alone. */
bool failure_policy_suspects(const struct failure_policy *policy, int64_t run) MUST_USE;

/** Free what it holds. */
void failure_policy_fini(struct failure_policy *policy);

/** Take back runs of these outcomes, with nothing held against them, so that they are tried again.
 * Says how many. The store has been inspected (store_inspect): outcomes of runs that are done are
 * ones that there are. Rank 0 only. \param retried (OUTCOME_COUNT) by outcome */
enum status failure_policy_retry(struct store *store, const bool *retried,
                                 struct progress *progress, struct fault *fault) MUST_USE;

/** A polite stop: nothing is held against any run that is not done. Rank 0 only. */
enum status failure_policy_clear(struct store *store, struct fault *fault) MUST_USE;

/** This rank ends the job, because of a fault of the system: the next start will hold nothing
 * against what was in flight. A disk that fails may keep this note too from being written; the runs
 * are then suspects, which costs time and no result. Any rank. */
void failure_policy_note_fault(struct store *store);

#endif
