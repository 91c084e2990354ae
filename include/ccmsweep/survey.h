// SPDX-License-Identifier: MIT
/**
 * The survey: what a sweep's file says about all of its runs, read at once.
 *
 * For `status` and for the table at the end of `run`. Columns are read whole, never run by run, so
 * that ten thousand cells take a blink. It knows no clock and prints nothing. Local.
 */
#ifndef CCMSWEEP_SURVEY_H
#define CCMSWEEP_SURVEY_H

#include <ccmsweep/store.h>

/** Where a run stands. Each run is in one state. */
enum standing {
    STANDING_DONE,        /**< its commit record holds; whatever its outcome */
    STANDING_RUNNING,     /**< in flight, and somebody holds the file */
    STANDING_INTERRUPTED, /**< a polite stop left it, with a checkpoint */
    STANDING_LOST,        /**< in flight when its job ended out of order; goes on when run again */
    STANDING_PENDING,     /**< not begun */
    STANDING_COUNT
};

/** A run as the survey has it. */
struct surveyed {
    double actor_lr, critic_lr;
    int64_t seed, limit; /**< limit of episodes */
    enum standing standing;
    int32_t outcome;  /**< of a run that is done, else OUTCOME_PENDING or OUTCOME_INTERRUPTED */
    int32_t stopping; /**< stopping episode of a run that is done; -1 for none */
    int32_t episode;  /**< last one played, as far as is known */
    int32_t moving;   /**< actors that moved then, -1 unknown */
    int32_t attempts;
    double wall_s; /**< NaN unknown */
    struct store_trouble trouble;
};

/** The last start of the program on the file. */
struct surveyed_start {
    int64_t number;   /**< from 1; 0: none is known */
    double time, end; /**< after 1970-01-01 UTC; end NaN: killed, or going on */
    int32_t status, ranks;
    char host[65], job[33];
};

struct survey {
    int64_t runs;
    struct surveyed *run; /**< (runs) */
    int64_t standings[STANDING_COUNT];
    int64_t outcomes[OUTCOME_COUNT]; /**< of runs that are done */
    struct surveyed_start start;
    double median_s, p90_s;     /**< that finished cells took; NaN: none has finished */
    double left_s, left_give_s; /**< expected work of one worker on what is left, and twice its
                                     standard deviation; NaN: nothing is known */
};

/**
 * Read it all. \param held somebody holds the file's lock: what is in flight is being trained
 * \return STATUS_OK: the caller owns the content, survey_fini. Else it is empty
 */
enum status survey_take(const struct store *store, bool held, struct survey *survey,
                        struct fault *fault) MUST_USE;

/** Free what it holds. */
void survey_fini(struct survey *survey);

/** Name of a standing. */
const char *standing_name(enum standing standing) MUST_USE;

#endif
