// SPDX-License-Identifier: MIT
/**
 * One value of an axis against its others: every configuration against its counterpart, which has
 * that value and equals it in all other axes.
 *
 * What is paired are runs, not means: two runs are a pair if they have the same seed and the same
 * values of all axes of the sweep but this one, whatever axes make a configuration. So pooled
 * configurations are compared in what both have. The pairs of a seed are drawn and exchanged
 * together. What is between other configurations is in aggregate_compare. Local.
 */
#ifndef CCMSWEEP_AGGREGATE_AGAINST_H
#define CCMSWEEP_AGGREGATE_AGAINST_H

#include "query/aggregate.h"

/** What is compared. */
enum against_quantity {
    AGAINST_RMST,       /**< restricted mean episode of the event */
    AGAINST_NEVER,      /**< share of runs that reach the limit without the event */
    AGAINST_END,        /**< return at the end */
    AGAINST_TRAINING,   /**< return in training */
    AGAINST_EVALUATION, /**< return at the last evaluation */
    AGAINST_QUANTITIES
};

/** Number of returns in a profile, and of those at which it is told in short. */
enum { AGAINST_POINTS = 51, AGAINST_SHARES = 5 };

/** Shares of runs at which a profile is told in short, from most to few. */
extern const double against_shares[AGAINST_SHARES];

/** A difference: a value of the axis minus the one that is asked for. */
struct against_difference {
    enum against_quantity quantity;
    int64_t value;           /**< of the axis, its index in the grouping */
    int64_t tasks;           /**< configurations with pairs; 1 unless pooled */
    struct comparison found; /**< a, b: -1 when pooled over the other axes. pairs: seeds; left_out:
                                  seeds of either side in no pair. Its family: of this quantity */
    int64_t only_a, only_b;  /**< pairs of runs in which only this one never had the event; -1:
                                  another quantity, or not estimable */
    int64_t lacking; /**< seeds of which a pair is left out, as nothing is observed of one of
                                  its runs; 0: another quantity */
    bool estimable;  /**< else difference, bounds and p are NaN, and the note says why */
    char note[AGGREGATE_NOTE]; /**< "" if there is nothing to say */
};

/** What the returns of a value of the axis are, over the other axes. */
struct against_score {
    enum against_quantity quantity; /**< a return */
    int64_t value;                  /**< of the axis; the one that is asked for has a score too */
    int64_t runs;
    int64_t tasks; /**< combinations of the other axes in which both values have runs; of the value
                        that is asked for: in which it and any other have */
    struct estimate iqm;
    struct estimate improvement; /**< probability that a run of this value has the larger return;
                                      NaN: not estimable, or it is the value that is asked for */
    bool estimable;              /**< iqm and profile are */
    const double *tau;           /**< (points) rising; borrowed, the same for all values */
    int64_t points;              /**< 0: not estimable */
    struct estimate *share;      /**< (points) of the runs whose return is above tau */
    char note[AGGREGATE_NOTE];
};

struct against {
    int64_t axis, value;  /**< that are asked for: of the grouping */
    int64_t *counterpart; /**< (configurations) -1: there is none; it is itself one */
    int64_t lacking;      /**< configurations that should have a counterpart, but do not */
    int64_t comparisons;  /**< by quantity, then by configuration */
    struct against_difference *comparison;
    int64_t pooled; /**< by quantity, then by value */
    struct against_difference *pool;
    int64_t scores; /**< by return, then by value */
    struct against_score *score;
    /** Number of p that were adjusted together. */
    int64_t tests_compared[AGAINST_QUANTITIES], tests_pooled[AGAINST_QUANTITIES];
    double *tau; /**< (AGAINST_QUANTITIES, AGAINST_POINTS) memory of the profiles */
    /** Of each return the value whose profile says where all are told in short: the one that is
     *  asked for, or else the first that has a profile; -1: none has. */
    int64_t lead[AGAINST_QUANTITIES];
    /** Points at which its share is nearest to against_shares. */
    int64_t short_point[AGAINST_QUANTITIES][AGAINST_SHARES];
};

/** Name as in reports: "rmst", "never", "return_end", ... */
const char *against_name(enum against_quantity quantity) MUST_USE;

/** The configuration that stands for a value of the axis: the first that has it. */
int64_t against_example(const struct aggregate *aggregate, int64_t value) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void against_free(struct against **against);

/* Parts of aggregate_against. */

/** Which runs are alike in all other axes, and what can be said of a run. */
struct against_plan {
    const struct aggregate *aggregate;
    int64_t axis, value; /**< as in struct against */
    int64_t tasks;
    int64_t *task;    /**< (runs) number of the values of all other axes of the sweep, from 0 */
    int64_t *partner; /**< (runs) run with the value that is asked for, of the same seed and task;
                           -1: there is none, or it has that value itself */
    int64_t *start;   /**< (configurations + 1) of each configuration in `run` */
    int64_t *run;     /**< (runs) by configuration, then in the order of the plan */
};

/** Find axis and value of options.against.
 *  \return STATUS_INPUT with a sentence: no run has it; several values of the axis have it; or `by`
 *          made an axis of a part of the label that does not tell labels apart */
enum status against_ask(const struct aggregate *aggregate, struct against *against,
                        struct fault *fault) MUST_USE;

/** The axis that has this setting; any setting of an axis can name it. -1: none has. */
int64_t against_axis(const struct grouping *grouping, const struct run_axis *setting) MUST_USE;

/** Why a quantity is not known of runs: their number, by reason. */
enum { AGAINST_LACKS = 9 };
struct against_lack {
    int64_t runs[AGAINST_LACKS];
};

/** Count the run in `lack` if the quantity is not known of it. For AGAINST_RMST the run must be
 *  observed. */
void against_lack_add(const struct aggregate *aggregate, enum against_quantity quantity,
                      int64_t run, struct against_lack *lack);

/** Append the reasons to `note`: "3 runs ended before their limit; 1 run diverged".
 *  \return whether there is any */
bool against_lack_write(const struct against_lack *lack, char *note, size_t size);

/** The return of a run; the quantity is one. */
double against_return(const struct aggregate *aggregate, enum against_quantity quantity,
                      int64_t run) MUST_USE;

/** Make the scores. */
void against_score_all(const struct against_plan *plan, struct against *against);

#endif
