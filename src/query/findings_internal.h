// SPDX-License-Identifier: MIT
/**
 * What the rules of aggregate_findings.h share, and the parts of aggregate_find. Local.
 */
#ifndef CCMSWEEP_FINDINGS_INTERNAL_H
#define CCMSWEEP_FINDINGS_INTERNAL_H

#include "query/aggregate_findings.h"

/** Of an axis so many values are named, of comparisons so many differences. */
enum { FINDING_VALUES = 6, FINDING_DIFFERENCES = 3 };

/** Findings that are being made. */
struct findings {
    const struct aggregate *aggregate;
    bool *spoken; /**< (configurations) the end of all their runs is known, and they have two
                       seeds */
    int64_t count;
    struct finding *finding; /**< (count) grows, so pointers into it do not last */
};

/** Add one, without a sentence. Borrowed until the next is added. */
struct finding *findings_add(struct findings *findings, enum finding_rule rule, int64_t runs);

/** Append to its sentence; cut after a whole word. */
void finding_say(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Add a number; more than FINDING_NUMBERS are not kept. */
void finding_number(struct finding *finding, const char *name, double value, struct bounds between);

/** A number without an interval. */
void finding_count(struct finding *finding, const char *name, double value);

/** Append "73.6 [62.4, 89.5]": a difference without its sign. */
void finding_say_difference(struct finding *finding, double difference, struct bounds between,
                            int digits);

/** Whether a difference is supported, and 1 above, -1 below 0; 0: it is not supported. */
int finding_sign(const struct aggregate *aggregate, const struct comparison *comparison) MUST_USE;

/** How runs with and without the event are called: "stopped" for the published definition, that of
 *  all actors, which is what a reader takes it for; for any other "had the event". */
struct finding_words {
    const char *did, *does, *earlier, *later;
};
struct finding_words finding_words(const struct aggregate *aggregate) MUST_USE;

/** Number of configurations of a set. \param in (configurations) */
int64_t finding_set_count(const struct aggregate *aggregate, const bool *in) MUST_USE;

/** Number of runs of a set. */
int64_t finding_set_runs(const struct aggregate *aggregate, const bool *in) MUST_USE;

/** Append what the configurations of a set have in common, such that no other has it: "actor_lr
 *  0.01 and 0.1, and with actor_lr 0.001 at critic_lr 0.1". What is in no such group is counted.
 *  The set is neither empty nor all of them. */
void finding_say_set(struct finding *finding, const struct aggregate *aggregate, const bool *in);

/** Whether an axis has numbers, which have an order of their own. */
bool finding_is_number(const struct aggregate *aggregate, int64_t axis) MUST_USE;

/** Index of the value that a configuration has of an axis. */
int64_t finding_place(const struct aggregate *aggregate, int64_t axis,
                      int64_t configuration) MUST_USE;

/** Whether a value, by its index, of an axis of numbers is no number: `none`, of a setting that is
 *  switched off. It is the last of its axis, and not the largest. */
bool finding_is_off(const struct aggregate *aggregate, int64_t axis, int64_t value) MUST_USE;

/** Write a value of an axis, by its index. SETTING_TEXT bytes are enough. */
void finding_value(const struct aggregate *aggregate, int64_t axis, int64_t value, char *text,
                   size_t size);

/** Append values of an axis: "0.01, 0.1 and 1"; numbers that are neighbours as "0.0001 to 0.1".
 *  \param has (values) */
void finding_say_values(struct finding *finding, const struct aggregate *aggregate, int64_t axis,
                        const bool *has);

/* The rules; each adds what it finds. */

/** FINDING_ALL to FINDING_NONE, and FINDING_UNDECIDED. */
void findings_of_shares(struct findings *findings);

/** FINDING_AXIS, FINDING_REFERENCE, FINDING_NO_DIFFERENCE. */
void findings_of_differences(struct findings *findings);

/** FINDING_AGAINST_RMST and its two others. */
void findings_of_against(struct findings *findings);

/** Append to FINDING_NO_DIFFERENCE which values --against shows no difference for; adds nothing
 *  when every quantity that could be tested has a finding. \param finding NULL: there is none yet
 *  \return the finding, NULL without */
struct finding *findings_of_no_difference(struct findings *findings, struct finding *finding);

/** FINDING_RETURN. */
void findings_of_returns(struct findings *findings);

#endif
