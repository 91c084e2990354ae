// SPDX-License-Identifier: MIT
/*
 * Sentences of findings: their numbers, and which configurations they are about.
 *
 * A set of configurations is named by values of one axis where all configurations that have the
 * value belong to it; then by a value of one axis and values of another. The largest group comes
 * first. That finds what a person would say of a grid, and is never wrong of one that has gaps,
 * since only configurations that there are count.
 */
#include "base/text.h"
#include "query/findings_internal.h"
#include "stats/factorize.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Groups that a sentence names; what is in no group is counted. */
enum { GROUPS = 4 };

struct finding *findings_add(struct findings *findings, enum finding_rule rule, int64_t runs)
{
    const size_t size = (size_t)(findings->count + 1) * sizeof *findings->finding;
    struct finding *const grown = realloc(findings->finding, size);
    if (grown == NULL)
        fault_no_memory(size);
    findings->finding = grown;
    struct finding *const made = &grown[findings->count++];
    *made = (struct finding){.rule = rule, .runs = runs};
    return made;
}

void finding_say(struct finding *finding, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    text_add_list(finding->sentence, sizeof finding->sentence, format, values);
    va_end(values);
}

void finding_number(struct finding *finding, const char *name, double value, struct bounds between)
{
    if (finding->numbers == FINDING_NUMBERS)
        return;
    struct finding_number *const number = &finding->number[finding->numbers++];
    *number = (struct finding_number){.value = value, .between = between};
    text_add(number->name, sizeof number->name, "%s", name);
}

void finding_count(struct finding *finding, const char *name, double value)
{
    finding_number(finding, name, value, (struct bounds){NAN, NAN});
}

void finding_say_difference(struct finding *finding, double difference, struct bounds between,
                            int digits)
{
    const bool below = difference < 0;
    finding_say(finding, "%.*f [%.*f, %.*f]", digits, fabs(difference), digits,
                below ? -between.upper : between.lower, digits,
                below ? -between.lower : between.upper);
}

/* A test that can hold its level comes first, as of many intervals some exclude 0 by chance. */
int finding_sign(const struct aggregate *aggregate, const struct comparison *comparison)
{
    const struct bounds between = comparison->paired.between;
    if (isnan(comparison->adjusted) ||
        comparison->adjusted >= 1.0 - aggregate->options.confidence || isnan(between.lower))
        return 0;
    return between.lower > 0 ? 1 : between.upper < 0 ? -1 : 0;
}

struct finding_words finding_words(const struct aggregate *aggregate)
{
    static const struct finding_words stops = {"stopped", "stop", "actors stop earlier",
                                               "actors stop later"};
    static const struct finding_words other = {"had the event", "have the event",
                                               "the event comes earlier", "the event comes later"};
    const struct aggregate_options *const options = &aggregate->options;
    return options->event == EVENT_FIRST_STILL && options->endpoint == ENDPOINT_ALL ? stops : other;
}

/* ---- values ---- */

bool finding_is_number(const struct aggregate *aggregate, int64_t axis)
{
    const enum setting_type type = grouping_lead(&aggregate->grouping, axis)->row->type;
    return type == TYPE_REAL || type == TYPE_INTEGER;
}

void finding_value(const struct aggregate *aggregate, int64_t axis, int64_t value, char *text,
                   size_t size)
{
    const struct grouping *const grouping = &aggregate->grouping;
    run_table_axis_write(grouping_lead(grouping, axis), grouping->axis[axis].run[value], text,
                         size);
}

bool finding_is_off(const struct aggregate *aggregate, int64_t axis, int64_t value)
{
    const struct grouping *const grouping = &aggregate->grouping;
    return finding_is_number(aggregate, axis) &&
           isnan(grouping_lead(grouping, axis)->values[grouping->axis[axis].run[value]]);
}

void finding_say_values(struct finding *finding, const struct aggregate *aggregate, int64_t axis,
                        const bool *has)
{
    const int64_t values = aggregate->grouping.axis[axis].count;
    int64_t count = 0, first = -1, last = -1;
    for (int64_t v = 0; v < values; v++) {
        count += has[v];
        first = has[v] && first < 0 ? v : first;
        last = has[v] ? v : last;
    }
    const bool range = count > 3 && last - first + 1 == count &&
                       finding_is_number(aggregate, axis) && !finding_is_off(aggregate, axis, last);
    for (int64_t v = first, said = 0; v >= 0 && v <= last; v++) {
        char text[SETTING_TEXT];
        if (!has[v] || (range && v != first && v != last))
            continue;
        finding_value(aggregate, axis, v, text, sizeof text);
        if (said == FINDING_VALUES - 1 && count > FINDING_VALUES) {
            finding_say(finding, " and %" PRId64 " more", count - said);
            return;
        }
        finding_say(finding, "%s%s",
                    said == 0   ? ""
                    : range     ? " to "
                    : v == last ? " and "
                                : ", ",
                    text);
        said++;
    }
}

/* ---- sets of configurations ---- */

int64_t finding_set_count(const struct aggregate *aggregate, const bool *in)
{
    int64_t count = 0;
    for (int64_t c = 0; c < aggregate->configurations; c++)
        count += in[c];
    return count;
}

int64_t finding_set_runs(const struct aggregate *aggregate, const bool *in)
{
    int64_t runs = 0;
    for (int64_t c = 0; c < aggregate->configurations; c++)
        runs += in[c] ? aggregate->configuration[c].runs : 0;
    return runs;
}

int64_t finding_place(const struct aggregate *aggregate, int64_t axis, int64_t configuration)
{
    return aggregate->grouping.axis[axis].index[aggregate->configuration[configuration].first];
}

/* Configurations that have `value` of `outer` (-1: all) and one of some values of `axis`, which
 * only configurations of the set have. */
struct group {
    int64_t outer, value, axis;
    int64_t gain; /* number of configurations that no group before it has */
};

/* A set that is being named. */
struct cover {
    const struct aggregate *aggregate;
    const bool *in;     /* (configurations) */
    bool *covered;      /* (configurations) by the groups so far */
    int64_t *number;    /* (configurations) of its values of the two axes of a group */
    int64_t *out, *new; /* (configurations) by number: not in the set; in it and not covered */
};

/* Count by the values of two axes, of which `outer` can be -1. */
static void count_values(const struct cover *cover, int64_t outer, int64_t axis)
{
    const struct aggregate *const aggregate = cover->aggregate;
    const int64_t count = aggregate->configurations;
    for (int64_t c = 0; c < count; c++) {
        const int64_t value = outer < 0 ? 0 : finding_place(aggregate, outer, c);
        cover->number[c] =
            value * aggregate->grouping.axis[axis].count + finding_place(aggregate, axis, c);
        cover->out[c] = cover->new[c] = 0;
    }
    factorize(count, cover->number, cover->number);
    for (int64_t c = 0; c < count; c++) {
        cover->out[cover->number[c]] += !cover->in[c];
        cover->new[cover->number[c]] += cover->in[c] && !cover->covered[c];
    }
}

/* Whether a configuration is in a group, of which count_values has counted the axes. */
static bool is_in(const struct cover *cover, const struct group *group, int64_t c)
{
    const int64_t number = cover->number[c];
    return cover->out[number] == 0 && cover->new[number] > 0 &&
           (group->outer < 0 || finding_place(cover->aggregate, group->outer, c) == group->value);
}

/* Keep the better of `best` and the best group of these axes. The first of equals stays. */
static void try_axes(const struct cover *cover, int64_t outer, int64_t axis, struct group *best)
{
    const struct grouping *const grouping = &cover->aggregate->grouping;
    const int64_t values = outer < 0 ? 1 : grouping->axis[outer].count;
    int64_t *const gain = fault_alloc((size_t)values, sizeof *gain);
    count_values(cover, outer, axis);
    for (int64_t c = 0; c < cover->aggregate->configurations; c++) {
        const int64_t value = outer < 0 ? 0 : finding_place(cover->aggregate, outer, c);
        gain[value] += cover->out[cover->number[c]] == 0 && !cover->covered[c];
    }
    for (int64_t value = 0; value < values; value++) {
        if (gain[value] > best->gain)
            *best = (struct group){outer, value, axis, gain[value]};
    }
    free(gain);
}

static struct group find_group(const struct cover *cover)
{
    const int64_t axes = cover->aggregate->grouping.axes;
    struct group best = {-1, 0, 0, 0};
    for (int64_t axis = 0; axis < axes; axis++)
        try_axes(cover, -1, axis, &best);
    const bool one = best.gain > 0;
    for (int64_t outer = 0; !one && outer < axes; outer++) {
        for (int64_t axis = 0; axis < axes; axis++) {
            if (axis != outer)
                try_axes(cover, outer, axis, &best);
        }
    }
    return best;
}

/* Append a group, and cover its configurations. */
static void say_group(struct finding *finding, const struct cover *cover, const struct group *group)
{
    const struct aggregate *const aggregate = cover->aggregate;
    bool *const has = fault_alloc((size_t)aggregate->grouping.axis[group->axis].count, sizeof *has);
    count_values(cover, group->outer, group->axis);
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        if (!is_in(cover, group, c))
            continue;
        has[finding_place(aggregate, group->axis, c)] = true;
        cover->covered[c] = true;
    }
    if (group->outer >= 0) {
        char value[SETTING_TEXT];
        finding_value(aggregate, group->outer, group->value, value, sizeof value);
        finding_say(finding, "%s %s at ", aggregate_axis(aggregate, group->outer), value);
    }
    finding_say(finding, "%s ", aggregate_axis(aggregate, group->axis));
    finding_say_values(finding, aggregate, group->axis, has);
    free(has);
}

void finding_say_set(struct finding *finding, const struct aggregate *aggregate, const bool *in)
{
    const size_t count = (size_t)aggregate->configurations;
    int64_t left = finding_set_count(aggregate, in), said = 0;
    const struct cover cover = {.aggregate = aggregate,
                                .in = in,
                                .covered = fault_alloc(count, sizeof(bool)),
                                .number = fault_alloc(count, sizeof(int64_t)),
                                .out = fault_alloc(count, sizeof(int64_t)),
                                .new = fault_alloc(count, sizeof(int64_t))};
    for (; left > 0 && said < GROUPS; said++) {
        const struct group group = find_group(&cover);
        if (group.gain == 0)
            break;
        finding_say(finding, "%s", said > 0 ? ", and with " : "");
        say_group(finding, &cover, &group);
        left -= group.gain;
    }
    if (left > 0 && said > 0)
        finding_say(finding, ", and with %" PRId64 " other configuration%s", left,
                    left == 1 ? "" : "s");
    else if (left > 0)
        finding_say(finding, "%" PRId64 " of %" PRId64 " configurations", left,
                    aggregate->configurations);
    free(cover.covered);
    free(cover.number);
    free(cover.out);
    free(cover.new);
}
