// SPDX-License-Identifier: MIT
/*
 * How axes and configurations are called. In one place, so that warnings, tables, CSV and JSON use
 * the same names, which a user can give back to --by and --reference.
 */
#include "base/text.h"
#include "query/aggregate_against.h"

const char *aggregate_cause(int cause)
{
    return cause == AGGREGATE_DIVERGED ? "diverged" : cause_name((enum cause)cause);
}

const char *aggregate_axis(const struct aggregate *aggregate, int64_t axis)
{
    return grouping_lead(&aggregate->grouping, axis)->name;
}

const char *against_name(enum against_quantity quantity)
{
    static const char *const names[AGAINST_QUANTITIES] = {
        [AGAINST_RMST] = "rmst",
        [AGAINST_NEVER] = "never",
        [AGAINST_END] = "return_end",
        [AGAINST_TRAINING] = "return_training",
        [AGAINST_EVALUATION] = "return_evaluation",
    };
    return names[quantity];
}

int64_t against_example(const struct aggregate *aggregate, int64_t value)
{
    const struct grouping *const grouping = &aggregate->grouping;
    return grouping->of_run[grouping->axis[aggregate->against->axis].run[value]];
}

/* All runs of a configuration have the same values of its axes, so the first run shows them. */
double aggregate_number(const struct aggregate *aggregate, const struct run_axis *setting,
                        int64_t configuration)
{
    return setting->values[aggregate->configuration[configuration].first];
}

void aggregate_value(const struct aggregate *aggregate, int64_t axis, int64_t configuration,
                     char *text, size_t size)
{
    run_table_axis_write(grouping_lead(&aggregate->grouping, axis),
                         aggregate->configuration[configuration].first, text, size);
}

void aggregate_name(const struct aggregate *aggregate, int64_t configuration, int64_t without,
                    char *text, size_t size)
{
    text[0] = '\0';
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        char value[SETTING_TEXT];
        if (a == without)
            continue;
        aggregate_value(aggregate, a, configuration, value, sizeof value);
        text_add(text, size, "%s%s %s", text[0] != '\0' ? ", " : "", aggregate_axis(aggregate, a),
                 value);
    }
    if (text[0] == '\0')
        text_add(text, size, "all runs");
}
