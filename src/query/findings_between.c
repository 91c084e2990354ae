// SPDX-License-Identifier: MIT
/*
 * Findings on differences between configurations: along axes, from a reference, and of returns.
 */
#include "query/aggregate_against.h"
#include "query/findings_internal.h"
#include "stats/factorize.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EARLIER, LATER, SIDES };

/* The comparisons of a family, by what they support. */
struct tally {
    int64_t pairs;       /* with a test, between configurations that may be spoken of */
    int64_t none;        /* of them without a significant p */
    int64_t side[SIDES]; /* of them supported, by sign */
    const struct comparison *least[SIDES], *most[SIDES]; /* by distance from 0 */
    int64_t runs; /* of the configurations of supported differences */
    bool small;   /* no test could reach the level */
};

/* Whether one of the two has the larger value: not a setting that is switched off, unless that and
 * another one are all there is. */
static bool is_ordered(const struct aggregate *aggregate, const struct comparison *c)
{
    return c->axis < 0 || aggregate->grouping.axis[c->axis].count == 2 ||
           !(finding_is_off(aggregate, c->axis, finding_place(aggregate, c->axis, c->a)) ||
             finding_is_off(aggregate, c->axis, finding_place(aggregate, c->axis, c->b)));
}

/* Count the comparisons along an axis; -1: with the reference. */
static struct tally count(const struct findings *findings, int64_t axis)
{
    const struct aggregate *const aggregate = findings->aggregate;
    struct tally tally = {.small = true};
    bool *const in = fault_alloc((size_t)aggregate->configurations, sizeof *in);
    for (int64_t i = 0; i < aggregate->comparisons; i++) {
        const struct comparison *const c = &aggregate->comparison[i];
        if (c->axis != axis || !findings->spoken[c->a] || !findings->spoken[c->b] ||
            isnan(c->adjusted) || !is_ordered(aggregate, c))
            continue;
        tally.pairs++;
        tally.none += c->adjusted >= 1.0 - aggregate->options.confidence;
        tally.small = tally.small && c->small;
        const int sign = finding_sign(aggregate, c);
        if (sign == 0)
            continue;
        const int side = sign < 0 ? EARLIER : LATER;
        const double far = fabs(c->paired.difference);
        if (tally.side[side]++ == 0)
            tally.least[side] = tally.most[side] = c;
        if (far < fabs(tally.least[side]->paired.difference))
            tally.least[side] = c;
        if (far > fabs(tally.most[side]->paired.difference))
            tally.most[side] = c;
        in[c->a] = in[c->b] = true;
    }
    tally.runs = finding_set_runs(aggregate, in);
    free(in);
    return tally;
}

/* "in all 12 pairs of configurations", where there are several. */
static void say_all(struct finding *finding, int64_t pairs, const char *what)
{
    if (pairs == 2)
        finding_say(finding, " in both %s", what);
    else if (pairs > 2)
        finding_say(finding, " in all %" PRId64 " %s", pairs, what);
}

static void keep(struct finding *finding, const char *name, const struct comparison *c)
{
    finding_number(finding, name, c->paired.difference, c->paired.between);
}

/* "by 73.6 [62.4, 89.5] to 351.1 [337.5, 362.2]", the numbers with their signs. */
static void say_side(struct finding *finding, const struct tally *tally, int side)
{
    const struct comparison *const least = tally->least[side], *const most = tally->most[side];
    finding_say(finding, "by ");
    finding_say_difference(finding, least->paired.difference, least->paired.between, 1);
    keep(finding, side == EARLIER ? "least_earlier" : "least_later", least);
    if (most != least) {
        finding_say(finding, " to ");
        finding_say_difference(finding, most->paired.difference, most->paired.between, 1);
        keep(finding, side == EARLIER ? "most_earlier" : "most_later", most);
    }
}

/* What follows the claim of the side that has more: in how many pairs, by how much, and what the
 * others are. \param what the pairs are called */
static void say_tally(struct finding *finding, const struct aggregate *aggregate,
                      const struct tally *tally, int side, const char *what)
{
    const int other = side == EARLIER ? LATER : EARLIER;
    if (tally->side[side] == tally->pairs)
        say_all(finding, tally->pairs, what);
    else
        finding_say(finding, " in %" PRId64 " of %" PRId64 " %s", tally->side[side], tally->pairs,
                    what);
    finding_say(finding, ", ");
    say_side(finding, tally, side);
    finding_say(finding, " episodes of RMST(%" PRId64 ")", aggregate->options.limit);
    if (tally->side[other] > 0) {
        finding_say(finding, "; %s in %" PRId64 ", ", other == EARLIER ? "earlier" : "later",
                    tally->side[other]);
        say_side(finding, tally, other);
    }
    if (tally->none > 0)
        finding_say(finding, "; %" PRId64 " show%s no difference", tally->none,
                    tally->none == 1 ? "s" : "");
    const int64_t open = tally->pairs - tally->none - tally->side[EARLIER] - tally->side[LATER];
    if (open > 0)
        finding_say(finding, "; of %" PRId64 " the p is small and no interval supports it", open);
    finding_count(finding, "pairs", (double)tally->pairs);
    finding_count(finding, "earlier", (double)tally->side[EARLIER]);
    finding_count(finding, "later", (double)tally->side[LATER]);
}

/* The larger value comes first in a comparison: a difference below 0 is one of the larger value.
 * More than two values have to be numbers, or "the larger" means nothing. */
static void find_along(struct findings *findings, int64_t axis)
{
    const struct aggregate *const aggregate = findings->aggregate;
    const struct finding_words words = finding_words(aggregate);
    const struct tally tally = count(findings, axis);
    const bool two = aggregate->grouping.axis[axis].count == 2 || tally.pairs == 1;
    const int side = tally.side[LATER] > tally.side[EARLIER] ? LATER : EARLIER;
    const char *const name = aggregate_axis(aggregate, axis);
    if (tally.side[side] == 0 || !(two || finding_is_number(aggregate, axis)))
        return;
    struct finding *const finding = findings_add(findings, FINDING_AXIS, tally.runs);
    finding_say(finding, "%s with ", side == EARLIER ? words.earlier : words.later);
    if (two) {
        char a[SETTING_TEXT], b[SETTING_TEXT];
        aggregate_value(aggregate, axis, tally.most[side]->a, a, sizeof a);
        aggregate_value(aggregate, axis, tally.most[side]->b, b, sizeof b);
        finding_say(finding, "%s %s than with %s", name, a, b);
    } else {
        finding_say(finding, "the larger of two neighbouring values of %s", name);
    }
    say_tally(finding, aggregate, &tally, side, "tested pairs of configurations");
}

/* Only one that was asked for: the default one is the best of the same data, and would seem too
 * good. */
static void find_reference(struct findings *findings)
{
    const struct aggregate *const aggregate = findings->aggregate;
    const struct finding_words words = finding_words(aggregate);
    const struct tally tally = count(findings, -1);
    const int side = tally.side[LATER] > tally.side[EARLIER] ? LATER : EARLIER;
    char name[AGGREGATE_NAME];
    if (aggregate->options.reference == NULL || tally.side[side] == 0)
        return;
    struct finding *const finding = findings_add(findings, FINDING_REFERENCE, tally.runs);
    aggregate_name(aggregate, aggregate->reference, -1, name, sizeof name);
    finding_say(finding, "%s than with %s", side == EARLIER ? words.earlier : words.later, name);
    say_tally(finding, aggregate, &tally, side, "tested configurations");
}

/* No difference along an axis is said where there was something to test. */
static void find_no_difference(struct findings *findings)
{
    const struct aggregate *const aggregate = findings->aggregate;
    struct finding *finding = NULL;
    for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++) {
        const struct tally tally = count(findings, axis);
        if (tally.pairs == 0 || tally.none < tally.pairs)
            continue;
        if (finding == NULL)
            finding = findings_add(findings, FINDING_NO_DIFFERENCE, 0);
        finding_say(
            finding, "%s%s (%" PRId64 " %s%s)",
            finding->numbers > 0 ? ", " : "no difference is shown between neighbouring values of ",
            aggregate_axis(aggregate, axis), tally.pairs, tally.pairs == 1 ? "pair" : "pairs",
            tally.small ? ", too few seeds or permutations" : "");
        finding_count(finding, aggregate_axis(aggregate, axis), (double)tally.pairs);
    }
    finding = findings_of_no_difference(findings, finding);
    if (finding != NULL)
        finding_say(finding, "; that does not show that there is none");
}

void findings_of_differences(struct findings *findings)
{
    for (int64_t axis = 0; axis < findings->aggregate->grouping.axes; axis++)
        find_along(findings, axis);
    find_reference(findings);
    find_no_difference(findings);
}

/* ---- returns ---- */

/* Returns that can be compared, the one that says most first, and how they are called. Those in
 * training are over different numbers of episodes. */
static const struct {
    enum returns which;
    enum against_quantity quantity;
    const char *words;
} compared[] = {
    {RETURN_EVALUATION, AGAINST_EVALUATION, "the return at the last evaluation"},
    {RETURN_END, AGAINST_END, "the return at the end"},
};

/* Of which configurations a return cannot be compared: of a run at least it is not known, or its
 * training did not go to the end (aggregate_lack.c). The caller frees it. */
static bool *find_lacking(const struct findings *findings, enum against_quantity quantity)
{
    const struct aggregate *const aggregate = findings->aggregate;
    bool *const lacking = fault_alloc((size_t)aggregate->configurations, sizeof *lacking);
    for (int64_t run = 0; run < aggregate->cohort->runs; run++) {
        struct against_lack lack = {{0}};
        char note[AGGREGATE_NOTE] = "";
        against_lack_add(aggregate, quantity, run, &lack);
        if (against_lack_write(&lack, note, sizeof note))
            lacking[aggregate->grouping.of_run[run]] = true;
    }
    for (int64_t c = 0; c < aggregate->configurations; c++)
        lacking[c] = lacking[c] || !findings->spoken[c];
    return lacking;
}

/* The configurations with the first and with the last value of an axis, of equal other axes. Where
 * there are more than two values, the last is the largest number: `none` comes behind it. */
struct ends {
    int64_t places, value; /* the index of the last value */
    int64_t *first, *last; /* (places) -1: there is none */
};

static struct ends find_ends(const struct aggregate *aggregate, int64_t axis)
{
    const int64_t configurations = aggregate->configurations;
    const struct grouping *const grouping = &aggregate->grouping;
    int64_t *const place = fault_alloc((size_t)configurations, sizeof *place);
    struct ends ends = {.first = fault_alloc((size_t)configurations, sizeof *ends.first),
                        .last = fault_alloc((size_t)configurations, sizeof *ends.last)};
    int64_t *const run = fault_alloc((size_t)configurations, sizeof *run);
    for (int64_t c = 0; c < configurations; c++)
        run[c] = aggregate->configuration[c].first;
    ends.places = grouping_others(grouping, axis, configurations, run, place);
    free(run);
    ends.value = grouping->axis[axis].count - 1;
    if (ends.value > 1 && finding_is_off(aggregate, axis, ends.value))
        ends.value--;
    for (int64_t c = 0; c < configurations; c++)
        ends.first[c] = ends.last[c] = -1;
    for (int64_t c = 0; c < configurations; c++) {
        const int64_t value = finding_place(aggregate, axis, c);
        if (value == 0)
            ends.first[place[c]] = c;
        else if (value == ends.value)
            ends.last[place[c]] = c;
    }
    free(place);
    return ends;
}

/* A pair of configurations whose intervals are apart, and how many there are. */
struct apart {
    int64_t pairs, higher, lower;
    int64_t first, last; /* of the pair that is least apart */
    double gap;
    bool *in; /* (configurations) of all pairs */
};

static void compare_ends(const struct aggregate *aggregate, const struct ends *ends,
                         const bool *lacking, enum returns which, struct apart *apart)
{
    for (int64_t i = 0; i < ends->places; i++) {
        if (ends->first[i] < 0 || ends->last[i] < 0 || lacking[ends->first[i]] ||
            lacking[ends->last[i]])
            continue;
        const struct bounds first =
            aggregate->configuration[ends->first[i]].returns[which].mean.between;
        const struct bounds last =
            aggregate->configuration[ends->last[i]].returns[which].mean.between;
        apart->pairs++;
        apart->higher += last.lower > first.upper;
        apart->lower += last.upper < first.lower;
        const double gap = fmax(last.lower - first.upper, first.lower - last.upper);
        if (apart->pairs == 1 || gap < apart->gap) {
            apart->gap = gap;
            apart->first = ends->first[i];
            apart->last = ends->last[i];
        }
        apart->in[ends->first[i]] = apart->in[ends->last[i]] = true;
    }
}

static void say_return(struct finding *finding, const char *name, const struct estimate *mean)
{
    finding_say(finding, "%.1f [%.1f, %.1f]", mean->value, mean->between.lower,
                mean->between.upper);
    finding_number(finding, name, mean->value, mean->between);
}

static void say_apart(struct finding *finding, const struct aggregate *aggregate, int64_t axis,
                      int64_t value, int which, const struct apart *apart)
{
    const enum returns returns = compared[which].which;
    char first[SETTING_TEXT], last[SETTING_TEXT];
    finding_value(aggregate, axis, 0, first, sizeof first);
    finding_value(aggregate, axis, value, last, sizeof last);
    finding_say(finding, "%s is %s with %s %s than with %s", compared[which].words,
                apart->higher > 0 ? "higher" : "lower", aggregate_axis(aggregate, axis), last,
                first);
    say_all(finding, apart->pairs, "pairs of configurations");
    if (apart->pairs > 1)
        finding_say(finding, "; where they are closest");
    finding_say(finding, ": ");
    say_return(finding, "last", &aggregate->configuration[apart->last].returns[returns].mean);
    finding_say(finding, " and ");
    say_return(finding, "first", &aggregate->configuration[apart->first].returns[returns].mean);
    finding_count(finding, "pairs", (double)apart->pairs);
}

/* \return whether the return could be compared at all */
static bool find_return(struct findings *findings, int64_t axis, int which, const bool *lacking)
{
    const struct aggregate *const aggregate = findings->aggregate;
    struct ends ends = find_ends(aggregate, axis);
    struct apart apart = {.in = fault_alloc((size_t)aggregate->configurations, sizeof *apart.in)};
    compare_ends(aggregate, &ends, lacking, compared[which].which, &apart);
    if (apart.pairs > 0 && (apart.higher == apart.pairs || apart.lower == apart.pairs))
        say_apart(findings_add(findings, FINDING_RETURN, finding_set_runs(aggregate, apart.in)),
                  aggregate, axis, ends.value, which, &apart);
    free(ends.first);
    free(ends.last);
    free(apart.in);
    return apart.pairs > 0;
}

/* Intervals that do not overlap are further apart than a test at the same level needs, and all
 * pairs along the axis have to agree: there is no p, so the rule is strict. The axis of --against
 * has differences of its own. */
void findings_of_returns(struct findings *findings)
{
    const struct aggregate *const aggregate = findings->aggregate;
    bool *lacking[sizeof compared / sizeof *compared];
    const int returns = (int)(sizeof compared / sizeof *compared);
    for (int which = 0; which < returns; which++)
        lacking[which] = find_lacking(findings, compared[which].quantity);
    for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++) {
        const int64_t values = aggregate->grouping.axis[axis].count;
        bool found = values < 2 || (values > 2 && !finding_is_number(aggregate, axis)) ||
                     (aggregate->against != NULL && aggregate->against->axis == axis);
        for (int which = 0; which < returns && !found; which++)
            found = find_return(findings, axis, which, lacking[which]);
    }
    for (int which = 0; which < returns; which++)
        free(lacking[which]);
}
