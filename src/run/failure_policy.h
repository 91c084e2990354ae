// SPDX-License-Identifier: MIT
/**
 * The failure policy: which run may have caused the loss of a job, and which is not tried again.
 *
 * When a job is lost, some runs were in flight. If one of them left a crash mark, that run caused
 * the loss, and the others are innocent. If no run did (SIGKILL, memory, a node, the time limit), a
 * suspect that was in flight is taken to have lost the job again. If there was no suspect, all runs
 * that were in flight become suspects. Only one suspect is in flight at a time (scheduler.h), and
 * it is innocent again as soon as it has a newer checkpoint. So the policy counts the losses in a
 * row of a lone suspect that made no progress.
 *
 * Rank 0 decides once, at the start of a job, from the notes in the file. It knows no ranks and no
 * messages. Local.
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

/** When a run is not tried again. */
struct failure_limits {
    int crashes; /**< number of crashes that quarantines it */
    int losses;  /**< losses in a row as the lone suspect, after which it has failed */
};

/** How a run is treated. */
enum failure_decision {
    DECISION_INNOCENT,    /**< nothing is held against it */
    DECISION_SUSPECT,     /**< tried as the only suspect in flight; also a run that has crashed */
    DECISION_FAILED,      /**< not tried again: lost too many jobs */
    DECISION_QUARANTINED, /**< not tried again: crashed too often */
};

/** A run that is not done and has failures. */
struct failure_case {
    int64_t run;
    struct store_failures noted;    /**< as the file has them */
    struct store_failures failures; /**< as they are after the decision */
    enum failure_decision decision;
};

/** All such runs of a file, ascending. Must be zeroed before the first use. */
struct failure_policy {
    struct failure_case *cases;
    size_t count, room;
};

/**
 * Decide about runs after a job has ended and before the next one begins. Afterwards no run is
 * marked as in flight.
 * \param cases (count) `failures` as the file has them; they are updated, and `decision` is set
 * \return number of runs that were in flight when the job was lost
 */
size_t failure_policy_decide(struct failure_case *cases, size_t count,
                             const struct failure_limits *limits);

/**
 * Decide about all runs of a file, write what has changed into it, and commit the runs that are not
 * tried again as failed or quarantined. When the last start wrote its end into the log, runs in
 * flight are not suspected, except those with a crash mark. Prints what it found. Rank 0 only.
 * \param policy zeroed; the caller owns it, with any status: failure_policy_fini
 * \return STATUS_FAULT with a sentence when the disk fails
 */
enum status failure_policy_apply(struct failure_policy *policy, struct store *store,
                                 const struct failure_limits *limits, struct progress *progress,
                                 struct fault *fault) MUST_USE;

/** True when this run is tried as the only suspect in flight. */
bool failure_policy_suspects(const struct failure_policy *policy, int64_t run) MUST_USE;

/** Free what it holds. */
void failure_policy_fini(struct failure_policy *policy);

/** Make runs of these outcomes pending again, without their failures, so that they are tried again.
 *  Prints how many. The store must have been inspected (store_inspect), so that the outcomes of
 *  runs that are done are valid. Rank 0 only.
 *  \param retried (OUTCOME_COUNT) by outcome
 *  \param chosen  (runs) those that are meant; NULL: all */
enum status failure_policy_retry(struct store *store, const bool *retried, const bool *chosen,
                                 struct progress *progress, struct fault *fault) MUST_USE;

/** After a stop on request: clear the failures of all runs that are not done. Rank 0 only. */
enum status failure_policy_clear(struct store *store, struct fault *fault) MUST_USE;

/** Note that this rank ends the job because of a fault of the system, so that the next start does
 *  not suspect the runs that were in flight. If the disk fails, this note may not be written
 *  either. The runs are then suspects, which costs time but no result. Any rank. */
void failure_policy_note_fault(struct store *store);

#endif
