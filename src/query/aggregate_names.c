// SPDX-License-Identifier: MIT
/*
 * How axes and configurations are called. In one place, so that warnings, tables, CSV and JSON use
 * the same names, which a user can give back to --by and --reference.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include "query/label_parts.h"
#include <stdlib.h>
#include <string.h>

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

char **aggregate_sets(const struct grouping_axis *axis)
{
    const size_t parts = axis->settings - 1;
    struct label_part *const part = fault_alloc(parts + 1, sizeof *part);
    char **const texts = fault_alloc((size_t)axis->count, sizeof *texts);
    for (size_t p = 0; p < parts; p++)
        part[p] = (struct label_part){.row = axis->setting[p + 1]->row,
                                      .of_run = axis->setting[p + 1]->values};
    labels_compare(parts, part, axis->count, axis->run);
    for (int64_t i = 0; i < axis->count; i++) {
        char text[4096];
        labels_describe(parts, part, axis->run[i], text, sizeof text);
        texts[i] = fault_alloc(strlen(text) + 1, 1);
        memcpy(texts[i], text, strlen(text));
    }
    free(part);
    return texts;
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
