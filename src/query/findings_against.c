// SPDX-License-Identifier: MIT
/*
 * Findings on what --against asks for: values of an axis, pooled over all other axes.
 *
 * A pooled difference says nothing of a value that is above the reference in some configurations
 * and below it in others, so of such a value it is told how many there are of each.
 */
#include "query/aggregate_against.h"
#include "query/findings_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* What is told of a quantity. */
struct told {
    enum finding_rule rule;
    enum against_quantity quantity;
    int digits;
    const char *name, *below, *above, *short_above;
};

/* What is supported of a value. */
enum verdict { BELOW, ABOVE, BOTH, NEITHER, SILENT };

static struct told rmst_of(const struct aggregate *aggregate)
{
    const struct finding_words words = finding_words(aggregate);
    return (struct told){FINDING_AGAINST_RMST, AGAINST_RMST, 1,      "RMST",
                         words.earlier,        words.later,  "later"};
}

static const struct told never = {FINDING_AGAINST_NEVER,
                                  AGAINST_NEVER,
                                  2,
                                  "the share without the event",
                                  "the share without the event is lower",
                                  "the share without the event is higher",
                                  "higher"};
static const struct told end = {FINDING_AGAINST_RETURN,
                                AGAINST_END,
                                1,
                                "the return at the end",
                                "the return at the end is lower",
                                "the return at the end is higher",
                                "higher"};
static const struct told evaluation = {FINDING_AGAINST_RETURN,
                                       AGAINST_EVALUATION,
                                       1,
                                       "the return at the last evaluation",
                                       "the return at the last evaluation is lower",
                                       "the return at the last evaluation is higher",
                                       "higher"};

/* The pooled difference of a value; NULL: there is none. */
static const struct against_difference *pooled(const struct against *against,
                                               enum against_quantity quantity, int64_t value)
{
    for (int64_t i = 0; i < against->pooled; i++) {
        if (against->pool[i].quantity == quantity && against->pool[i].value == value)
            return &against->pool[i];
    }
    return NULL;
}

/* That at the last evaluation does not depend on how long the training was. */
static struct told return_of(const struct against *against)
{
    for (int64_t i = 0; i < against->pooled; i++) {
        if (against->pool[i].quantity == AGAINST_EVALUATION && against->pool[i].estimable)
            return evaluation;
    }
    return end;
}

/* Number of configurations with a value that are supported below and above, and of all. */
struct sides {
    int64_t below, above, all;
};

static struct sides count_sides(const struct aggregate *aggregate, enum against_quantity quantity,
                                int64_t value)
{
    struct sides sides = {0, 0, 0};
    for (int64_t i = 0; i < aggregate->against->comparisons; i++) {
        const struct against_difference *const d = &aggregate->against->comparison[i];
        if (d->quantity != quantity || d->value != value)
            continue;
        const int sign = finding_sign(aggregate, &d->found);
        sides.all++;
        sides.below += sign < 0;
        sides.above += sign > 0;
    }
    return sides;
}

/* A value that lacks runs is known of the others only, and a run that diverged is not one that
 * stopped: both show in RMST, which then is not estimable, or says what it lacks. */
static enum verdict judge(const struct aggregate *aggregate, enum against_quantity quantity,
                          int64_t value)
{
    const struct against_difference *const d = pooled(aggregate->against, quantity, value);
    const struct against_difference *const time = pooled(aggregate->against, AGAINST_RMST, value);
    if (d == NULL || !d->estimable ||
        (quantity <= AGAINST_NEVER && (!time->estimable || time->lacking > 0)))
        return SILENT;
    const struct sides sides = count_sides(aggregate, quantity, value);
    const int sign = finding_sign(aggregate, &d->found);
    if (sides.below > 0 && sides.above > 0)
        return BOTH;
    /* A pooled difference speaks for all only if none that is supported is on the other side, and
     * without one single configurations may still differ. */
    if (sign < 0 ? sides.above > 0 : sign > 0 ? sides.below > 0 : sides.below + sides.above > 0)
        return SILENT;
    if (sign != 0)
        return sign < 0 ? BELOW : ABOVE;
    /* Without an interval, as when all pairs differ equally, a small p shows a difference all the
     * same; but by how much is not known. */
    return d->found.adjusted >= 1.0 - aggregate->options.confidence ? NEITHER : SILENT;
}

/* A label is a name by itself. */
static void say_value(struct finding *finding, const struct aggregate *aggregate, int64_t value)
{
    const int64_t axis = aggregate->against->axis;
    char text[SETTING_TEXT];
    finding_value(aggregate, axis, value, text, sizeof text);
    if (grouping_lead(&aggregate->grouping, axis) == aggregate->table->label)
        finding_say(finding, "%s", text);
    else
        finding_say(finding, "%s %s", aggregate_axis(aggregate, axis), text);
}

static bool pools(const struct aggregate *aggregate)
{
    bool several = aggregate->grouping.pooled > 0;
    for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++)
        several = several ||
                  (axis != aggregate->against->axis && aggregate->grouping.axis[axis].count > 1);
    return several;
}

/* The value of a verdict that is farthest from 0 of those not said yet; NULL: all are. */
static const struct against_difference *next_value(const struct against *against,
                                                   enum against_quantity quantity,
                                                   const enum verdict *verdict, enum verdict wanted,
                                                   const bool *said)
{
    const struct against_difference *next = NULL;
    for (int64_t i = 0; i < against->pooled; i++) {
        const struct against_difference *const d = &against->pool[i];
        if (d->quantity == quantity && verdict[d->value] == wanted && !said[d->value] &&
            (next == NULL ||
             fabs(d->found.paired.difference) > fabs(next->found.paired.difference)))
            next = d;
    }
    return next;
}

/* What a pooled difference would hide. */
static void keep_sides(struct finding *finding, const char *value, const struct sides *sides)
{
    char name[SETTING_TEXT + 8];
    snprintf(name, sizeof name, "%s below", value);
    finding_count(finding, name, (double)sides->below);
    snprintf(name, sizeof name, "%s above", value);
    finding_count(finding, name, (double)sides->above);
}

static void say_one(struct finding *finding, const struct aggregate *aggregate,
                    const struct told *told, enum verdict wanted,
                    const struct against_difference *d)
{
    const struct paired *const paired = &d->found.paired;
    const struct sides sides = count_sides(aggregate, told->quantity, d->value);
    char text[SETTING_TEXT];
    say_value(finding, aggregate, d->value);
    finding_value(aggregate, aggregate->against->axis, d->value, text, sizeof text);
    if (wanted == BOTH) {
        finding_say(finding, " (in %" PRId64 " and in %" PRId64 " of %" PRId64 ")", sides.below,
                    sides.above, sides.all);
        keep_sides(finding, text, &sides);
        return;
    }
    finding_say(finding, " by ");
    finding_say_difference(finding, paired->difference, paired->between, told->digits);
    finding_number(finding, text, paired->difference, paired->between);
}

/* Append the values of a verdict; those that are farthest from 0 by name. */
static void say_verdict(struct finding *finding, const struct aggregate *aggregate,
                        const struct told *told, const enum verdict *verdict, enum verdict wanted)
{
    const struct against *const against = aggregate->against;
    bool *const said =
        fault_alloc((size_t)aggregate->grouping.axis[against->axis].count, sizeof *said);
    const struct against_difference *d = NULL;
    int64_t count = 0, rest = 0;
    while ((d = next_value(against, told->quantity, verdict, wanted, said)) != NULL) {
        said[d->value] = true;
        if (count++ >= FINDING_DIFFERENCES) {
            rest++;
            continue;
        }
        if (count > 1)
            finding_say(finding, ", ");
        else if (wanted == BOTH)
            finding_say(finding, "%s%s in some configurations and %s in others with ",
                        finding->numbers > 0 ? "; " : "", told->below, told->short_above);
        else
            finding_say(finding, "%s%s with ", finding->numbers > 0 ? "; " : "",
                        wanted == BELOW ? told->below : told->above);
        say_one(finding, aggregate, told, wanted, d);
    }
    if (rest > 0)
        finding_say(finding, " and %" PRId64 " more", rest);
    if (count > 0 && wanted != BOTH && told->quantity == AGAINST_RMST)
        finding_say(finding, " (episodes of RMST(%" PRId64 "))", aggregate->options.limit);
    free(said);
}

/* What is supported of each value of the axis; the caller frees it. \param counts (SILENT + 1) out:
 * number of values by verdict */
static enum verdict *judge_all(const struct aggregate *aggregate, enum against_quantity quantity,
                               int64_t *counts)
{
    const int64_t values = aggregate->grouping.axis[aggregate->against->axis].count;
    enum verdict *const verdict = fault_alloc((size_t)values, sizeof *verdict);
    for (int v = 0; v <= SILENT; v++)
        counts[v] = 0;
    for (int64_t value = 0; value < values; value++) {
        verdict[value] = judge(aggregate, quantity, value);
        counts[verdict[value]]++;
    }
    return verdict;
}

static void find(struct findings *findings, const struct told *told)
{
    const struct aggregate *const aggregate = findings->aggregate;
    int64_t counts[SILENT + 1];
    enum verdict *const verdict = judge_all(aggregate, told->quantity, counts);
    if (counts[BELOW] + counts[ABOVE] + counts[BOTH] > 0) {
        struct finding *const finding = findings_add(findings, told->rule, aggregate->table->runs);
        finding_say(finding, "compared with ");
        say_value(finding, aggregate, aggregate->against->value);
        finding_say(finding, "%s, ", pools(aggregate) ? ", pooled over all other axes" : "");
        say_verdict(finding, aggregate, told, verdict, BELOW);
        say_verdict(finding, aggregate, told, verdict, ABOVE);
        say_verdict(finding, aggregate, told, verdict, BOTH);
    }
    free(verdict);
}

void findings_of_against(struct findings *findings)
{
    if (findings->aggregate->against == NULL)
        return;
    const struct told rmst = rmst_of(findings->aggregate);
    const struct told returns = return_of(findings->aggregate->against);
    find(findings, &rmst);
    find(findings, &never);
    find(findings, &returns);
}

/* ---- without a difference ---- */

/* Append the values without a difference of a quantity. Whether seeds suffice is the same for
 * all. */
static struct finding *find_none(struct findings *findings, const struct told *told,
                                 struct finding *finding)
{
    const struct aggregate *const aggregate = findings->aggregate;
    const struct against *const against = aggregate->against;
    const int64_t values = aggregate->grouping.axis[against->axis].count;
    int64_t counts[SILENT + 1];
    enum verdict *const verdict = judge_all(aggregate, told->quantity, counts);
    bool *const none = fault_alloc((size_t)values, sizeof *none);
    bool small = true;
    for (int64_t value = 0; value < values; value++) {
        none[value] = verdict[value] == NEITHER;
        if (none[value])
            small = small && pooled(against, told->quantity, value)->found.small;
    }
    if (counts[NEITHER] > 0) {
        const bool first = finding == NULL;
        if (first)
            finding = findings_add(findings, FINDING_NO_DIFFERENCE, 0);
        finding_say(finding, "%s ", first ? "no difference is shown from" : "; from");
        say_value(finding, aggregate, against->value);
        finding_say(finding, " in %s for ", told->name);
        finding_say_values(finding, aggregate, against->axis, none);
        finding_say(finding, "%s", small ? " (too few seeds or permutations)" : "");
        finding_count(finding, against_name(told->quantity), (double)counts[NEITHER]);
    }
    free(verdict);
    free(none);
    return finding;
}

struct finding *findings_of_no_difference(struct findings *findings, struct finding *finding)
{
    if (findings->aggregate->against == NULL)
        return finding;
    const struct told rmst = rmst_of(findings->aggregate);
    const struct told returns = return_of(findings->aggregate->against);
    finding = find_none(findings, &rmst, finding);
    return find_none(findings, &returns, finding);
}
