// SPDX-License-Identifier: MIT
/*
 * Which axis and value --against names. Any setting of an axis can name it, but a setting that is
 * part of the label has the same value in several labels. Which of them is meant is not for the
 * program to choose: runs would be compared with those of any label.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include <stdlib.h>
#include <string.h>

int64_t against_axis(const struct grouping *grouping, const struct run_axis *setting)
{
    for (int64_t a = 0; a < grouping->axes; a++) {
        for (size_t s = 0; s < grouping->axis[a].settings; s++) {
            if (grouping->axis[a].setting[s] == setting)
                return a;
        }
    }
    return -1;
}

/* \param has (values of the axis) which of them fit */
static enum status refuse_several(const struct aggregate *aggregate,
                                  const struct grouping_axis *axis, const bool *has,
                                  struct fault *fault)
{
    const struct run_axis *const lead = axis->setting[0];
    char values[GROUPING_NAMES] = "", value[SETTING_TEXT], first[SETTING_TEXT] = "";
    for (int64_t i = 0; i < axis->count; i++) {
        if (!has[i])
            continue;
        run_table_axis_write(lead, axis->run[i], value, sizeof value);
        text_add(values, sizeof values, "%s%s", values[0] != '\0' ? ", " : "", value);
        if (first[0] == '\0')
            memcpy(first, value, sizeof first);
    }
    return fault_set(fault, STATUS_INPUT,
                     "--against: %s is of the %ss %s; expected one, such as %s=%s",
                     aggregate->options.against, lead->name, values, lead->name, first);
}

/* Of the axes of the sweep this setting is of one that has more values, where `by` separated it
 * from the label. Runs with the same seed and the same values of all other axes are then several.
 */
static enum status check_label(const struct aggregate *aggregate, const struct grouping_axis *axis,
                               const struct run_axis *setting, int64_t run, struct fault *fault)
{
    struct grouping full;
    char value[SETTING_TEXT];
    enum status status = STATUS_OK;
    /* This cannot fail: only names that a user gives can be wrong. */
    CHECK(grouping_make(&full, aggregate->table, NULL, NULL) == STATUS_OK);
    const struct grouping_axis *const whole = &full.axis[against_axis(&full, setting)];
    if (whole->count != axis->count) {
        const char *const name = whole->setting[0]->name;
        run_table_axis_write(whole->setting[0], run, value, sizeof value);
        status = fault_set(fault, STATUS_INPUT,
                           "--against: %s is part of the %s, and several have the same; expected "
                           "one, such as %s=%s, with %s in place of %s in --by",
                           setting->name, name, name, value, name, setting->name);
    }
    grouping_fini(&full);
    return status;
}

/* Take the value of the axis that all fitting configurations have. */
static enum status take_value(const struct aggregate *aggregate, const struct run_axis *setting,
                              const bool *fits, struct against *against, struct fault *fault)
{
    against->axis = against_axis(&aggregate->grouping, setting);
    const struct grouping_axis *const axis = &aggregate->grouping.axis[against->axis];
    bool *const has = fault_alloc((size_t)axis->count, sizeof *has);
    int64_t values = 0;
    enum status status = STATUS_OK;
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        const int64_t value = axis->index[aggregate->configuration[c].first];
        if (!fits[c] || has[value])
            continue;
        has[value] = true;
        against->value = value;
        values++;
    }
    if (values > 1)
        status = refuse_several(aggregate, axis, has, fault);
    else
        status = check_label(aggregate, axis, setting, axis->run[against->value], fault);
    free(has);
    return status;
}

enum status against_ask(const struct aggregate *aggregate, struct against *against,
                        struct fault *fault)
{
    const char *const text = aggregate->options.against;
    const size_t count = (size_t)aggregate->configurations, length = strlen(text) + 1;
    const struct run_axis *setting = NULL;
    bool *const fits = fault_alloc(count, sizeof *fits);
    char *const word = fault_alloc(length, 1);
    memcpy(word, text, length);
    memset(fits, true, count * sizeof *fits);
    enum status status = aggregate_narrow(aggregate, "--against", word, fits, &setting, fault);
    if (status == STATUS_OK)
        status = take_value(aggregate, setting, fits, against, fault);
    free(word);
    free(fits);
    return status;
}
