// SPDX-License-Identifier: MIT
/**
 * Findings: at most eight sentences on what a sweep shows, made by rules from the estimates.
 *
 * A sentence appears only where an interval, and where there is a test its p, supports it; each
 * names the numbers that it rests on. Nothing is estimated here. Configurations that agree are one
 * sentence, which names them by values of axes. A configuration is spoken of only when the end of
 * all its runs is known, and when it has two seeds. What is left out or not settled is said too.
 * Local.
 */
#ifndef CCMSWEEP_AGGREGATE_FINDINGS_H
#define CCMSWEEP_AGGREGATE_FINDINGS_H

#include "query/aggregate.h"

/** Most findings that there are, numbers of one, and bytes of a sentence and of a name. */
enum { FINDINGS_MOST = 8, FINDING_NUMBERS = 12, FINDING_TEXT = 1024, FINDING_NAME = 96 };

/** The rules, each with what has to hold. An interval *excludes one half* where all of it is above
 *  or below 0.5. A difference is *supported* where its interval excludes 0 and its p, adjusted by
 *  Holm, is below 1 - confidence. */
enum finding_rule {
    FINDING_ALL,            /**< all runs had the event, and at most a half may not */
    FINDING_MOST,           /**< most had it: of the share that never does, likewise */
    FINDING_FEW,            /**< most did not: at most a half may */
    FINDING_NONE,           /**< none had it by the limit, and at most a half may */
    FINDING_AXIS,           /**< neighbours along an axis have supported differences */
    FINDING_REFERENCE,      /**< the same for the reference, where one was asked for */
    FINDING_AGAINST_RMST,   /**< pooled differences of --against are supported: in RMST, */
    FINDING_AGAINST_NEVER,  /**< in the share without the event, */
    FINDING_AGAINST_RETURN, /**< in a return */
    FINDING_RETURN,         /**< wherever the first and the last value of an axis can be compared,
                                 the intervals of the return are apart, in the same direction */
    FINDING_UNDECIDED,      /**< configurations whose interval does not exclude one half */
    FINDING_NO_DIFFERENCE,  /**< axes and values that were tested, and of which no p is small */
    FINDING_LEFT_OUT, /**< configurations with runs whose end is not known, or with one seed */
    FINDING_RULES
};

/** A number of a sentence, with its interval if it has one; otherwise that is NaN. */
struct finding_number {
    char name[FINDING_NAME];
    double value;
    struct bounds between;
};

struct finding {
    enum finding_rule rule;
    int64_t runs;                /**< number of runs that it rests on */
    char sentence[FINDING_TEXT]; /**< without the full stop; begins with a small letter */
    int64_t numbers;
    struct finding_number number[FINDING_NUMBERS];
};

/** Name of a rule, as in reports: "all", "no_difference". */
const char *finding_name(enum finding_rule rule) MUST_USE;

/** Set `findings` and `finding` of the aggregate, which are freed with it: first what is left out,
 *  if the sweep is not finished; then what rests on most runs; last what is not settled, and what
 *  is left out of a sweep that is finished. Beyond FINDINGS_MOST, those that rest on fewest runs
 *  are dropped, but none of those that say what is not settled. All else of the aggregate must be
 *  there. */
void aggregate_find(struct aggregate *aggregate);

#endif
