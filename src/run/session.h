// SPDX-License-Identifier: MIT
/**
 * One start of a sweep, as rank 0 prepares and ends it: the lock, the file and its content, the
 * cells that are to be trained and their order.
 *
 *     session_check     finds what is wrong before anything is created
 *     session_prepare   locks the file; creates it, or checks that it is of this spec
 *     (all ranks open the store)
 *     session_begin     applies the failure policy to what an earlier start left, removes stray
 *                       files, and queues the other cells
 *     (cells are trained)
 *     session_end       removes stray files and writes the end into the log of starts
 *
 * Rank 0 only. Knows no messages and no trainer.
 */
#ifndef CCMSWEEP_SESSION_H
#define CCMSWEEP_SESSION_H

#include "run/progress.h"
#include "run/scheduler.h"
#include "run/sources.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include "store/store.h"
#include "sys/lock.h"

/** The order in which cells are given to workers. */
enum session_order { ORDER_EXPECTED, ORDER_PLAN, ORDER_RANDOM };

/** Names of the orders, NULL-terminated. */
extern const char *const session_orders[];

/** What the user asks for. */
struct session_options {
    const char *path; /**< of the file, resolved (disk_resolve): all beside it is named after it */
    bool dry_run;     /**< session_check alone is called, and is to say what would be done */
    bool extend;      /**< make the sweep of the file that of the spec, if that is wider */
    struct sources_asked reuse; /**< files whose runs may be copied */
    double lock_wait_s;
    double end; /**< seconds since 1970-01-01 UTC; INFINITY: no end */
    enum session_order order;
    int max_lost;       /**< losses in a row after which the lone suspect has failed */
    int64_t max_failed; /**< failed and quarantined runs at which the sweep ends; 0: no limit */
    bool fail_fast;     /**< the first crash ends the sweep */
    bool check;         /**< compare the rows of all done runs with their commit records */
    bool retry[OUTCOME_COUNT]; /**< outcomes to be tried again */
    const bool *chosen;        /**< (cells) those that may be trained and tried again; NULL: all */
    int64_t most; /**< number of chosen cells that are to be done in the end; -1: all */
};

struct session {
    const struct session_options *options;
    const struct spec *spec;
    struct progress *progress; /**< where messages for the user go; borrowed */
    struct lock *lock;
    struct store *store; /**< borrowed, from session_begin on */
    struct cost *cost;
    struct scheduler *scheduler;     /**< NULL before session_begin */
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    int64_t failed_elsewhere; /**< runs that are not chosen, and have failed or are quarantined */
    int64_t queued;           /**< cells that this start is to train */
    int64_t learnt, sort_at;  /**< finished cells; when the order is looked at again */
    double start_by, stop_at; /**< no cell starts after the first; work stops at the second. UTC */
    int64_t log_row;
};

/** Find what can be refused before anything is made: the file, if it is there, is of this spec and
 *  can be written, what stands beside it can be used, and those whose runs are to be copied are of
 *  other sweeps and agree. `session` has options and spec. \return STATUS_INPUT, STATUS_FAULT
 *  with a sentence */
enum status session_check(const struct session *session, struct fault *fault) MUST_USE;

/** Lock the file's name, then make the file or find that it is of this spec. `session` has options,
 *  spec and progress. \return STATUS_STOPPED when asked to while it waits, STATUS_LOCKED,
 * STATUS_INPUT, STATUS_FAULT with a sentence; what is held is freed by session_fini in any case */
enum status session_prepare(struct session *session, struct fault *fault) MUST_USE;

/** Look at the runs of the store, apply the failure policy (failure_policy.h), copy runs of another
 *  file if the user asked for it, and queue the cells that are left.
 *  \param workers number of workers that will ask for cells
 *  \param ranks   number of ranks, for the log of starts */
enum status session_begin(struct session *session, struct store *store, int workers, int ranks,
                          struct fault *fault) MUST_USE;

/** The options with which the user asked for a part of the cells ("--only and --limit-cells");
 *  NULL: all are to be done. */
const char *session_part(const struct session *session) MUST_USE;

/** Learn from the time of a finished cell. From time to time also sort those that wait again. */
void session_learn(struct session *session, int64_t cell, double seconds);

/** True when so many cells failed or were quarantined that the sweep must end. */
bool session_gives_up(const struct session *session) MUST_USE;

/** Remove stray files and write the end into the log of starts. \param ends status with which the
 *  program ends */
enum status session_end(struct session *session, enum status ends, struct fault *fault) MUST_USE;

/** Free everything, the lock last. The store must already be closed. */
void session_fini(struct session *session);

#endif
