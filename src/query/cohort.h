// SPDX-License-Identifier: MIT
/**
 * The cohort: what each run of a sweep says about one event, as an observation of a time.
 *
 * It reads an open file, which another process may be writing, and makes one observation of each
 * run: the episode of the chosen event; or the last episode up to which the event is known not to
 * have come, and the reason why no more is known. Every run of the plan has exactly one fate, so
 * that no run is left out unnoticed. An observation also has the cause, the momentum tail and the
 * returns. This file computes no statistics. Rows are read in pieces of some MB. Local.
 */
#ifndef CCMSWEEP_COHORT_H
#define CCMSWEEP_COHORT_H

#include "query/run_table.h"

/** Events of an actor. Each is a field of the record (record.h). */
enum event {
    EVENT_FIRST_STILL,
    EVENT_GRADIENT_ZERO_FIRST,
    EVENT_GRADIENT_ZERO,
    EVENT_HARD_SATURATION,
    EVENT_LAST_CHANGE,
    EVENT_COUNT
};

/** Which actor decides: the event of a run is the event of one of its N actors, which are counted
 *  in the order in which they have it. */
enum endpoint {
    ENDPOINT_ALL,   /**< the last */
    ENDPOINT_HALF,  /**< the ⌈N/2⌉-th */
    ENDPOINT_FIRST, /**< the first */
    ENDPOINT_COUNT
};

/** What became of a run by the limit. */
enum fate {
    FATE_EVENT,    /**< it had the event, also if it diverged later */
    FATE_CENSORED, /**< the limit came first: the cohort's or the run's own */
    FATE_DIVERGED, /**< its numbers overflowed first: it can never have the event */
    FATE_ENDED, /**< all its actors were still, so it ended before its limit, without the event */
    FATE_UNFINISHED,  /**< running, interrupted or lost; it is known up to the last episode noted */
    FATE_PENDING,     /**< not begun, or nothing is known of it */
    FATE_FAILED,      /**< it could not be trained: a gap in the data */
    FATE_QUARANTINED, /**< it crashed its process too often: a gap in the data */
    FATE_COUNT
};

/** Returns of a run. The return of an episode is the sum of its rewards; each of these is a mean
 *  over some episodes. */
enum returns {
    RETURN_STOPPING,   /**< over COHORT_WINDOW episodes, the last of which is that of the event */
    RETURN_END,        /**< over the last COHORT_WINDOW episodes played */
    RETURN_TRAINING,   /**< over all episodes played */
    RETURN_EVALUATION, /**< of the last greedy evaluation */
    RETURN_COUNT
};

/** Number of episodes in a return. A run that has fewer gives all of them. */
enum { COHORT_WINDOW = 100 };

/** What is observed of a run. */
struct member {
    enum fate fate;
    int32_t time;  /**< episode of the event, otherwise the last episode up to which the event is
                        known not to have come; -1: pending, failed, quarantined. Never above the
                        limit */
    int32_t cause; /**< enum cause of the actor that decides, of several in the same episode the one
                        with the lowest number; CAUSE_NONE without an event */
    int32_t actors; /**< number of those with a tail: last_change is not before the episode that
                        precedes gradient_zero */
    int32_t still_before_zero;  /**< actors that have both, but were still before that episode:
                                     their gradients were too small to move them before they were
                                     0 */
    int32_t tail_min, tail_max; /**< last_change - gradient_zero + 1 of the actors with a tail: the
                                     number of episodes in which momentum alone moved them; 0 also
                                     without a tail */
    double tail_mean;           /**< mean over these actors; NaN without a tail */
    bool moved; /**< it had the event first_still of all actors, and an actor moved after it or may
                     have moved, because it was followed for fewer than tracking.absorb episodes */
    double returns[RETURN_COUNT]; /**< NaN: it does not exist, or is not finite */
};

struct cohort {
    int64_t runs;
    enum event event;
    enum endpoint endpoint;
    int64_t limit;
    struct member *member; /**< (runs) in the order of the run table */
};

/** The smallest limit of episodes of all runs: every run can be followed up to it. */
int64_t cohort_common_limit(const struct run_table *table) MUST_USE;

/** The largest limit of episodes of all runs: no run was followed beyond it. */
int64_t cohort_last_limit(const struct run_table *table) MUST_USE;

/**
 * Read the observations of all runs.
 * \param table of the same store; has the state of each run
 * \param limit ≥ 1; whatever comes later is censored there
 * \return STATUS_OK: the caller owns the content, cohort_fini. Otherwise it is empty, and `fault`
 *         has a sentence: a run is damaged, or the file cannot be read
 */
enum status cohort_take(const struct store *store, const struct run_table *table, enum event event,
                        enum endpoint endpoint, int64_t limit, struct cohort *cohort,
                        struct fault *fault) MUST_USE;

/** Free what it holds. */
void cohort_fini(struct cohort *cohort);

/** True when the run is an observation of a time: known at least up to some episode. */
bool member_is_observed(const struct member *member) MUST_USE;

/** True when the training of the run has ended, so that the run has returns. */
bool member_is_finished(const struct member *member) MUST_USE;

/** Names as in options and reports: "first_still", "all", "ended_early", "stopping". */
const char *event_name(enum event event) MUST_USE;
const char *endpoint_name(enum endpoint endpoint) MUST_USE;
const char *fate_name(enum fate fate) MUST_USE;
const char *returns_name(enum returns returns) MUST_USE;

#endif
