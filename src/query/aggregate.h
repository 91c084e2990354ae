// SPDX-License-Identifier: MIT
/**
 * The aggregate: what a sweep says about one event, by configuration and between configurations.
 *
 * A configuration is what runs have in common that differ in their seed; with fewer axes than the
 * sweep has, those of several cells are pooled. A seed is one cluster, in a configuration and
 * between them. From a cohort (cohort.h) it makes samples, and from samples estimates (stats); it
 * knows no file and prints nothing. How it is shown is in aggregate_report.h. Local.
 *
 * In curves, quantiles, restricted means and log-rank tests a run without the event is censored at
 * the last episode known: at the limit, where it diverged, ended early, or has come so far. Only
 * the first is independent of the event, which the warnings say. In the cumulative incidence a
 * diverged run is an event of a cause of its own.
 */
#ifndef CCMSWEEP_AGGREGATE_H
#define CCMSWEEP_AGGREGATE_H

#include "query/cohort.h"
#include "query/grouping.h"
#include "stats/bootstrap.h"
#include "stats/curve.h"
#include "stats/incidence.h"
#include "stats/logrank.h"
#include "stats/paired.h"
#include <stdbool.h>

/** Causes in the cumulative incidence: those of record.h, of events, and diverging. */
enum { AGGREGATE_DIVERGED = CAUSE_COUNT, AGGREGATE_CAUSES };

/** Room for the name of a configuration of many axes, and for a note. */
enum { AGGREGATE_NAME = GROUPING_NAMES, AGGREGATE_NOTE = 192 };

/** Above so many configurations they are compared only when asked. */
enum { AGGREGATE_COMPARED = 100 };

/** What is asked. */
struct aggregate_request {
    enum event event;
    enum endpoint endpoint;
    const char *by;        /**< "actor_lr,critic_lr": axes of a configuration; NULL: all but seed */
    const char *reference; /**< "actor_lr=0.1,critic_lr=0.01"; NULL: the best */
    int64_t limit;         /**< that of the cohort; what stands here before is not looked at */
    double confidence;     /**< in (0, 1) */
    int64_t bootstrap;     /**< draws; 0: by the number of runs */
    int64_t permutations;  /**< 0: by the number of runs */
    uint32_t draw_seed;
    bool compare; /**< whatever the number of configurations */
};

/** Returns of the runs of a configuration. */
struct aggregate_returns {
    int64_t runs;    /**< finished ones that have it */
    int64_t missing; /**< runs that should and have it not: not estimable unless 0. At stopping all
                          that are observed and had no event, else finished ones whose numbers are
                          not finite or that were not evaluated */
    struct estimate mean, iqm; /**< NaN when not estimable */
};

/** A configuration. Samples point into the aggregate's arrays. */
struct configuration {
    int64_t first;             /**< its first run */
    int64_t runs;              /**< of the plan */
    int64_t fates[FATE_COUNT]; /**< of them; they sum up to `runs` */
    int64_t seeds;             /**< different seeds that were observed */
    struct sample sample;      /**< runs that were observed; status 1: event */
    struct curve curve;
    struct incidence incidence; /**< cause c is number c + 1 */
    int64_t moved;              /**< of the events, those after which an actor moved again */
    int64_t min, max;           /**< first and last event, -1 without */
    double follow_up;           /**< last time of the sample; NaN without */
    double median;              /**< INFINITY: later than `follow_up` */
    struct bounds median_between;
    struct rmst rmst; /**< its error is Greenwood's; NaN with one seed, without an event, or when
                           all had it in the same episode: that spread is not 0 but unknown */
    struct estimate spread; /**< by bootstrap over seeds; interval as that error */
    struct estimate iqm;    /**< of the times; NaN when what is unknown is not the largest */
    int64_t never;          /**< observed up to the limit without the event */
    int64_t settled;        /**< of so many: these, those with the event, and diverged ones */
    struct bounds never_between;
    int64_t tails;              /**< actors with a momentum tail */
    int64_t still_before_zero;  /**< actors still before their gradient was 0, as in a member */
    struct estimate tail;       /**< mean over runs of the mean over such actors */
    int64_t tail_min, tail_max; /**< over these actors; 0 without */
    struct aggregate_returns returns[RETURN_COUNT];
};

/** Configuration a less configuration b. */
struct comparison {
    int64_t axis; /**< along which they are neighbours; -1: b is the reference */
    int64_t a, b;
    struct paired paired;
    double adjusted; /**< p by Holm, within the comparisons of this axis, or with the reference */
    double crossing; /**< where the curves cross; NaN: they do not */
    double least;    /**< p cannot be less, for few pairs or few permutations; NaN: no test */
    bool small;      /**< so that it cannot become significant in this family */
    bool eventless;  /**< neither has the event: a difference of 0, no interval, no test */
    bool one_sided;  /**< one of them has no event, so that its spread is not known */
};

/** A log-rank test of the values of an axis. */
struct axis_test {
    int64_t axis;
    int64_t within; /**< -1: stratified by all other axes; else a configuration whose values of the
                         other axes those tested have */
    int64_t runs;   /**< observations */
    int64_t groups; /**< values with an observation */
    struct logrank test;
    struct permuted permuted; /**< over seeds */
    double adjusted; /**< its p, or without that of chi2, by Holm, of the stratified tests or those
                        of this axis within the others */
    bool small;      /**< p cannot become significant in this family */
    double crossing; /**< first time two neighbours' curves cross there; NaN: none do */
};

struct aggregate {
    struct aggregate_request request; /**< with what it left open filled in */
    const struct run_table *table;    /**< borrowed */
    const struct cohort *cohort;      /**< borrowed */
    struct grouping grouping;         /**< of the runs: each group is a configuration */
    int64_t configurations;
    struct configuration *configuration; /**< in the order of the plan */
    int64_t reference;                   /**< configuration; -1: not compared, or nothing to */
    int64_t comparisons;
    struct comparison *comparison; /**< with the reference, then by axis */
    int64_t tests;
    struct axis_test *test; /**< by axis: stratified, then within the others */
    int64_t warnings;
    char **warning; /**< (warnings) sentences without a final stop */
    /* memory of the samples, by configuration and run (observations) */
    double *time;
    int32_t *status, *cause;
    int64_t *seed, *member;
};

/**
 * Make it all. Draws come from python_below's generator on request.draw_seed, anew for each figure,
 * so that a figure depends on its own sample alone.
 *
 * The best configuration is that with the largest restricted mean, among equals that with the
 * highest mean return at the end, then the first.
 * \param cohort of the same survey; its event, endpoint and limit are those of the request. Whoever
 *               takes it sees to it that some run goes as far as the limit (cohort_last_limit)
 * \return STATUS_INPUT with a sentence when `by` names no axis, or `seed`, or one twice; or
 *         `reference` no configuration
 */
enum status aggregate_new(struct aggregate **aggregate, const struct aggregate_request *request,
                          const struct run_table *table, const struct cohort *cohort,
                          struct fault *fault) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void aggregate_free(struct aggregate **aggregate);

/** Write the value of an axis that a configuration has: of the setting that names the axis. Cut at
 *  `size`. */
void aggregate_value(const struct aggregate *aggregate, int64_t axis, int64_t configuration,
                     char *text, size_t size);

/** Name of an axis: that of the dataset of the setting that it is named by. Borrowed. */
const char *aggregate_axis(const struct aggregate *aggregate, int64_t axis) MUST_USE;

/** The number of a setting of an axis that a configuration has, as settings_number gives it. */
double aggregate_number(const struct aggregate *aggregate, const struct run_axis *setting,
                        int64_t configuration) MUST_USE;

/** Write the values of all axes of a configuration but `without` (-1: of all):
 *  "actor_lr 0.1, critic_lr 0.01"; "all runs" where none is left. Ends with
 *  a whole word at `size`. */
void aggregate_name(const struct aggregate *aggregate, int64_t configuration, int64_t without,
                    char *text, size_t size);

/** Why a comparison says little, or "": "curves cross at 233", "too few seeds: p is 0.25 at least";
 *  AGGREGATE_NOTE bytes hold it. */
void comparison_note(const struct comparison *comparison, char *text, size_t size);

/** The same of a test. */
void test_note(const struct axis_test *test, char *text, size_t size);

/** Name of a cause of the incidence, by its index. */
const char *aggregate_cause(int cause) MUST_USE;

/* Parts of aggregate_new, in a file each. */

/** Find the reference and compare. \return STATUS_INPUT when the one asked for does not exist */
enum status aggregate_compare(struct aggregate *aggregate, struct fault *fault) MUST_USE;

/** Write the warnings. */
void aggregate_warn(struct aggregate *aggregate);

#endif
