// SPDX-License-Identifier: MIT
/**
 * One start of a sweep, as rank 0 prepares and closes it: the lock, the file, what is in it, what
 * is to be done and in which order.
 *
 *     session_check     what may be wrong before anything is made
 *     session_prepare   the lock, and a file of this spec: made, or found and matched
 *     (all ranks open the store)
 *     session_begin     what an earlier start left is decided about and tidied; the rest queues up
 *     (cells are trained)
 *     session_end       the log of starts; strays; words for the end
 *
 * Rank 0 only. Knows no messages and no trainer.
 */
#ifndef CCMSWEEP_SESSION_H
#define CCMSWEEP_SESSION_H

#include "run/progress.h"
#include "run/scheduler.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include "store/store.h"
#include "sys/lock.h"

/** In which order cells are given out. */
enum session_order { ORDER_EXPECTED, ORDER_PLAN, ORDER_RANDOM };

/** Names of the orders, NULL-terminated. */
extern const char *const session_orders[];

/** What the user asks for. */
struct session_options {
    const char *path;  /**< of the file, resolved (disk_resolve): all beside it is named after it */
    const char *reuse; /**< file whose runs may be copied, NULL for none */
    double lock_wait_s;
    double end; /**< seconds since 1970-01-01 UTC; INFINITY for none */
    enum session_order order;
    int max_lost;       /**< losses in a row after which the lone suspect has failed */
    int64_t max_failed; /**< failed and quarantined runs that end the sweep; 0: no number does */
    bool fail_fast;     /**< the first crash ends the sweep */
    bool check;         /**< compare the rows of all done runs with their commit records */
    bool retry[OUTCOME_COUNT]; /**< outcomes to be tried again */
};

struct session {
    const struct session_options *options;
    const struct spec *spec;
    struct progress *progress; /**< where it says what the user should know; borrowed */
    struct lock *lock;
    struct store *store; /**< borrowed, from session_begin on */
    struct cost *cost;
    struct scheduler *scheduler;     /**< NULL before session_begin */
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    int64_t learnt, sort_at;         /**< finished cells; when the order is looked at again */
    double start_by, stop_at; /**< after this no cell is started; at this the work stops. UTC */
    int64_t log_row;
};

/** Find what can be refused before anything is made: the file, if it is there, is of this spec and
 *  can be written, what stands beside it can be used, and the one whose runs are to be copied is
 * another sweep's. `session` has options and spec. \return STATUS_INPUT, STATUS_FAULT with a
 * sentence */
enum status session_check(const struct session *session, struct fault *fault) MUST_USE;

/** Lock the file's name, then make the file or find that it is of this spec. `session` has options,
 *  spec and progress. \return STATUS_STOPPED when asked to while it waits, STATUS_LOCKED,
 * STATUS_INPUT, STATUS_FAULT with a sentence; what is held is freed by session_fini in any case */
enum status session_prepare(struct session *session, struct fault *fault) MUST_USE;

/** Look at what the store has, give up what must be (failure_policy.h), copy what may be, queue up
 *  the rest.
 *  \param workers that will ask for cells
 *  \param ranks   for the log of starts */
enum status session_begin(struct session *session, struct store *store, int workers, int ranks,
                          struct fault *fault) MUST_USE;

/** Learn from a finished cell, and put those that wait into a better order when it is worth it. */
void session_learn(struct session *session, int64_t cell, double seconds);

/** True when so many cells failed or were quarantined that the sweep is to end. */
bool session_gives_up(const struct session *session) MUST_USE;

/** Write the end into the log of starts and tidy up. \param status with which the program ends */
enum status session_end(struct session *session, enum status ends, struct fault *fault) MUST_USE;

/** Free what is held, the lock last. The store must be closed before. */
void session_fini(struct session *session);

#endif
