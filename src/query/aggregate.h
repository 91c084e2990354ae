// SPDX-License-Identifier: MIT
/**
 * The aggregate: what a sweep says about one event, by configuration and between configurations.
 *
 * A configuration is a set of runs that have the same values of the chosen axes. When these are all
 * axes of the sweep, its runs differ in the seed alone; when they are fewer, the runs of several
 * configurations of the sweep are pooled. The unit of all intervals and tests is the seed: the runs
 * of one seed are one cluster. A cohort (cohort.h) is made into samples, and samples into estimates
 * (stats). This code knows no file and prints nothing; aggregate_report.h does. Local.
 *
 * In curves, quantiles, restricted means and log-rank tests a run without the event is censored at
 * the last episode that is known of it: the limit, or the episode in which it diverged, ended early
 * or was last noted. Only the limit is independent of the event; the warnings say so. In the
 * cumulative incidence divergence is an event with a cause of its own.
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

/** More configurations than this are compared only when asked (--compare). */
enum { AGGREGATE_COMPARED = 100 };

/** What the user asks for. */
struct aggregate_options {
    enum event event;
    enum endpoint endpoint;
    const char *by;        /**< "actor_lr,critic_lr": axes of a configuration; NULL: all but seed */
    const char *reference; /**< "actor_lr=0.1,critic_lr=0.01"; NULL: the best */
    const char *against;   /**< "critic_lr=0.01": a value of an axis; NULL: nothing */
    int64_t limit;         /**< output: the limit of the cohort; a value given here is ignored */
    double confidence;     /**< in (0, 1) */
    int64_t bootstrap;     /**< draws; 0: by the number of runs */
    int64_t permutations;  /**< 0: by the number of runs */
    uint32_t draw_seed;
    bool compare;    /**< compare, whatever the number of configurations is */
    bool unverified; /**< the rows were not compared with their checksums: a warning says so */
};

/** Returns of the runs of a configuration. */
struct aggregate_returns {
    int64_t runs;    /**< finished runs that have this return */
    int64_t missing; /**< runs that should have it but do not: not estimable unless 0. At stopping
                          these are all observed runs without the event; else finished runs whose
                          numbers are not finite, or that were not evaluated */
    struct estimate mean, iqm; /**< NaN when not estimable */
};

/** A configuration. Samples point into the aggregate's arrays. */
struct configuration {
    int64_t first;             /**< its first run */
    int64_t runs;              /**< of the plan */
    int64_t fates[FATE_COUNT]; /**< number of runs by fate; the sum is `runs` */
    int64_t seeds;             /**< number of different seeds of the sample */
    struct sample sample;      /**< the observed runs; status 1: event */
    struct curve curve;
    struct incidence incidence; /**< cause c is number c + 1 */
    int64_t moved;              /**< number of events after which an actor moved again */
    int64_t min, max;           /**< episodes of the first and the last event; -1 without */
    double follow_up;           /**< last time of any observation; NaN without */
    double median;              /**< of the Kaplan-Meier curve; INFINITY: later than `follow_up` */
    struct bounds median_between;
    struct rmst rmst; /**< its error is Greenwood's; NaN with one seed, without an event, or when
                           all events are in the same episode: the spread is then unknown, not 0 */
    struct estimate spread; /**< of rmst, by bootstrap over seeds; its interval is NaN like that
                                 error */
    struct estimate iqm;    /**< of the times; NaN unless the unknown times are the largest */
    int64_t never;          /**< runs observed up to the limit without the event */
    int64_t settled;        /**< of this many runs whose end is known: `never`, events, diverged */
    struct bounds never_between;
    int64_t tails;              /**< actors with a momentum tail */
    int64_t still_before_zero;  /**< actors that were still before their gradient was 0 (struct
                                     member) */
    struct estimate tail;       /**< mean over runs of the mean over the actors with a tail */
    int64_t tail_min, tail_max; /**< over these actors; 0 without any */
    struct aggregate_returns returns[RETURN_COUNT];
};

/** The difference of two configurations: a minus b. */
struct comparison {
    int64_t axis; /**< axis along which they are neighbours; -1: b is the reference */
    int64_t a, b;
    struct paired paired;
    double adjusted; /**< p adjusted by Holm, for the comparisons along this axis or with the
                          reference */
    double crossing; /**< episode in which the curves cross; NaN: they do not */
    double least;    /**< the smallest p that is possible with these pairs and permutations; NaN: no
                          test */
    bool small;      /**< `least` is so large that p cannot become significant in this family */
    bool eventless;  /**< neither has an event: the difference is 0, without interval and test */
    bool one_sided;  /**< one of them has no event, so its spread is unknown */
};

/** A log-rank test of the values of an axis. */
struct axis_test {
    int64_t axis;
    int64_t within; /**< -1: stratified by all other axes; else the tested configurations have the
                         same values of the other axes as this one */
    int64_t runs;   /**< number of observations */
    int64_t groups; /**< number of values with an observation */
    struct logrank test;
    struct permuted permuted; /**< over seeds */
    double adjusted; /**< p by permutation, or without it p of chi2, adjusted by Holm: for the
                        stratified tests, or for the tests of this axis within the others */
    bool small;      /**< p cannot become significant in this family */
    double crossing; /**< first episode in which the curves of two neighbours cross; NaN: they do
                          not */
};

struct aggregate {
    struct aggregate_options options; /**< with the defaults filled in */
    const struct run_table *table;    /**< borrowed */
    const struct cohort *cohort;      /**< borrowed */
    struct grouping grouping;         /**< each group of runs is a configuration */
    int64_t configurations;
    struct configuration *configuration; /**< in the order of the plan */
    int64_t reference;                   /**< a configuration; -1: nothing was compared */
    int64_t comparisons;
    struct comparison *comparison; /**< with the reference, then by axis */
    int64_t tests;
    struct axis_test *test;  /**< by axis: stratified, then within the others */
    struct against *against; /**< aggregate_against.h; NULL: not asked for */
    int64_t warnings;
    char **warning; /**< (warnings) sentences without the full stop */
    int64_t findings;
    struct finding *finding; /**< (findings) aggregate_findings.h */
    /* memory of the samples, by configuration and run (observations) */
    double *time;
    int32_t *status, *cause;
    int64_t *seed, *member;
};

/**
 * Compute all estimates, comparisons, tests and warnings. Random draws come from python_below,
 * whose generator is seeded with options.draw_seed anew for each figure, so that a figure depends
 * on its own sample alone.
 *
 * The default reference is the configuration with the largest restricted mean; among equals, the
 * one with the highest mean return at the end; then the first.
 * \param cohort of the same run table; it has the event and the endpoint of the options. The caller
 *               ensures that at least one run goes as far as its limit (cohort_last_limit)
 * \return STATUS_INPUT with a sentence when `by` names something that is not an axis, the seed, or
 *         an axis twice; when `reference` does not name exactly one configuration; or when
 *         `against` is not exactly one value of an axis
 */
enum status aggregate_new(struct aggregate **aggregate, const struct aggregate_options *options,
                          const struct run_table *table, const struct cohort *cohort,
                          struct fault *fault) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void aggregate_free(struct aggregate **aggregate);

/** Write the value that a configuration has of an axis, that is, of the setting after which the
 *  axis is named. Cut at `size`. */
void aggregate_value(const struct aggregate *aggregate, int64_t axis, int64_t configuration,
                     char *text, size_t size);

/** What each value of an axis that a label names sets, as labels_describe has it. \return (count)
 *  texts; the caller frees each and the array */
char **aggregate_sets(const struct grouping_axis *axis) MUST_USE;

/** Name of an axis: the dataset name of the setting after which it is named. Borrowed. */
const char *aggregate_axis(const struct aggregate *aggregate, int64_t axis) MUST_USE;

/** The value that a configuration has of a setting of an axis, as a number of settings_number. */
double aggregate_number(const struct aggregate *aggregate, const struct run_axis *setting,
                        int64_t configuration) MUST_USE;

/** Write the values that a configuration has of all axes except `without` (-1: of all axes):
 *  "actor_lr 0.1, critic_lr 0.01"; "all runs" when no axis is left. Cut at
 *  `size`, after a whole word. */
void aggregate_name(const struct aggregate *aggregate, int64_t configuration, int64_t without,
                    char *text, size_t size);

/** Write why a comparison says little, or "": "curves cross at 233", "too few seeds: p is at
 *  least 0.25". AGGREGATE_NOTE bytes are enough. */
void comparison_note(const struct comparison *comparison, char *text, size_t size);

/** The same for a test. */
void test_note(const struct axis_test *test, char *text, size_t size);

/** Name of a cause of the cumulative incidence, by its index. */
const char *aggregate_cause(int cause) MUST_USE;

/** How intervals are made: draws, their seed and the confidence of the options.
 *  Here, as aggregate.c calls its parts, which need it too. */
static inline struct bootstrap aggregate_bootstrap(const struct aggregate *aggregate)
{
    return (struct bootstrap){.draws = aggregate->options.bootstrap,
                              .seed = aggregate->options.draw_seed,
                              .confidence = aggregate->options.confidence};
}

/* Parts of aggregate_new, each in a file of its own. */

/** Find the reference, compare and test. \return STATUS_INPUT when the requested reference does not
 *  exist */
enum status aggregate_compare(struct aggregate *aggregate, struct fault *fault) MUST_USE;

/** Compare every configuration with the one that has the value options.against and equals it in all
 *  other axes; score the values of that axis. \return STATUS_INPUT when it is not exactly one
 *  value of an axis */
enum status aggregate_against(struct aggregate *aggregate, struct fault *fault) MUST_USE;

/** Make the warnings. */
void aggregate_warn(struct aggregate *aggregate);

/* Parts of these. */

/** Clear in `fits` (configurations) those that "name=value" excludes. An axis that is not named
 *  excludes nothing.
 *  \param option that has the condition, "--reference": the sentence begins with it
 *  \param word the condition; cut at its "="
 *  \param named out: the setting, one of an axis of the configurations; NULL: not wanted
 *  \return STATUS_INPUT with a sentence when the name is not an axis, the value is not one, or no
 *          configuration has it */
enum status aggregate_narrow(const struct aggregate *aggregate, const char *option, char *word,
                             bool *fits, const struct run_axis **named,
                             struct fault *fault) MUST_USE;

/** Adjust the p of `count` comparisons together: set `adjusted`, `least` and `small` of each. */
void aggregate_adjust(const struct aggregate *aggregate, int64_t count,
                      struct comparison *const *family);

#endif
