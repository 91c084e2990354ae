// SPDX-License-Identifier: MIT
/**
 * The cohort: what each run of a sweep says about one event, as an observation of a time.
 *
 * From an open file, also while it is written, to one row a run: when the chosen event came, or
 * how long it is known not to have come and why no more is known. Every run of the plan has exactly
 * one fate, so that nothing is left out in silence. With it: cause, momentum tail and returns. It
 * computes no statistics. Rows of a run are read in pieces of some MB. Local.
 */
#ifndef CCMSWEEP_COHORT_H
#define CCMSWEEP_COHORT_H

#include "query/run_table.h"

/** Events of an actor: fields of the record. */
enum event {
    EVENT_FIRST_STILL,
    EVENT_GRADIENT_ZERO_FIRST,
    EVENT_GRADIENT_ZERO,
    EVENT_HARD_SATURATION,
    EVENT_LAST_CHANGE,
    EVENT_COUNT
};

/** Of which of a run's N actors, in the order in which they have it, the event is the run's. */
enum endpoint {
    ENDPOINT_ALL,   /**< the last */
    ENDPOINT_HALF,  /**< the ⌈N/2⌉-th */
    ENDPOINT_FIRST, /**< the first */
    ENDPOINT_COUNT
};

/** What became of a run up to the limit. */
enum fate {
    FATE_EVENT,       /**< it had the event */
    FATE_CENSORED,    /**< the limit came first: the cohort's or the run's own */
    FATE_DIVERGED,    /**< its numbers overflowed first: it can never have the event */
    FATE_ENDED,       /**< it ended before its limit, as all actors were still, without the event */
    FATE_UNFINISHED,  /**< running, interrupted or lost; known up to the last episode noted */
    FATE_PENDING,     /**< not begun, or nothing of it is known */
    FATE_FAILED,      /**< could not be trained: a gap */
    FATE_QUARANTINED, /**< crashed its process too often: a gap */
    FATE_COUNT
};

/** Returns of a run: sums of rewards of an episode, averaged over some. */
enum returns {
    RETURN_STOPPING,   /**< over the COHORT_WINDOW episodes that end with that of the event */
    RETURN_END,        /**< over the last COHORT_WINDOW episodes played */
    RETURN_TRAINING,   /**< over all episodes played */
    RETURN_EVALUATION, /**< of the last greedy evaluation */
    RETURN_COUNT
};

/** Episodes of a return; where there are fewer, all of them. */
enum { COHORT_WINDOW = 100 };

/** A run. */
struct member {
    enum fate fate;
    int32_t time;   /**< of the event, else the last episode up to which it is known not to have
                         come; -1: pending, failed, quarantined. Never above the limit */
    int32_t cause;  /**< enum cause of the actor whose event it is, that with the lowest number
                         among equals; CAUSE_NONE without an event */
    int32_t actors; /**< with a momentum tail: last_change not before gradient_zero */
    int32_t still_before_zero;  /**< actors that have both, but were still before: their gradients
                                     had become too small to move them before they were 0 */
    int32_t tail_min, tail_max; /**< episodes; last_change - gradient_zero + 1 of actors with a
                                     tail: how long momentum alone moved them; 0 without */
    double tail_mean;           /**< over these actors; NaN without */
    bool moved; /**< it had the event first_still of all actors, and some actor moved after it, or
                   was not watched for tracking.absorb episodes, so that it might have */
    double returns[RETURN_COUNT]; /**< NaN: there is none, or not all of it is finite */
};

struct cohort {
    int64_t runs;
    enum event event;
    enum endpoint endpoint;
    int64_t limit;
    struct member *member; /**< (runs) as in the survey */
};

/** The smallest limit of episodes of all runs: up to it every run can be watched. */
int64_t cohort_common_limit(const struct run_table *table) MUST_USE;

/** The largest of them: beyond it nobody was watched. */
int64_t cohort_last_limit(const struct run_table *table) MUST_USE;

/**
 * Read the observations of all runs.
 * \param survey of the same store; says where the runs stand
 * \param limit  ≥ 1; whatever comes later is censored there
 * \return STATUS_OK: the caller owns the content, cohort_fini. Else it is empty
 */
enum status cohort_take(const struct store *store, const struct run_table *table, enum event event,
                        enum endpoint endpoint, int64_t limit, struct cohort *cohort,
                        struct fault *fault) MUST_USE;

/** Free what it holds. */
void cohort_fini(struct cohort *cohort);

/** True for a member that is an observation of a time. */
bool member_is_observed(const struct member *member) MUST_USE;

/** True for a member whose training is over, so that it has returns. */
bool member_is_finished(const struct member *member) MUST_USE;

/** Names as options and reports have them: "first_still", "all", "ended_early", "stopping". */
const char *event_name(enum event event) MUST_USE;
const char *endpoint_name(enum endpoint endpoint) MUST_USE;
const char *fate_name(enum fate fate) MUST_USE;
const char *returns_name(enum returns returns) MUST_USE;

#endif
