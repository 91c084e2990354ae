// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "query/aggregate.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number and the run it is of. */
struct keyed {
    double value;
    int64_t run;
};

/* `none` of a real, NaN, is last. */
static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *const x = a;
    const struct keyed *const y = b;
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) ? 1 : -1;
    if (x->value < y->value || x->value > y->value)
        return x->value < y->value ? -1 : 1;
    return (x->run > y->run) - (x->run < y->run);
}

static bool differ(double a, double b)
{
    return isnan(a) != isnan(b) || a < b || a > b;
}

/* Number the different values (runs) from 0 as they rise. \param first (runs) a run of each, or
 * NULL \return how many there are */
static int64_t label(int64_t runs, const double *values, int64_t *index, int64_t *first)
{
    struct keyed *const keyed = fault_alloc((size_t)runs, sizeof *keyed);
    for (int64_t run = 0; run < runs; run++)
        keyed[run] = (struct keyed){values[run], run};
    qsort(keyed, (size_t)runs, sizeof *keyed, compare_keyed);
    int64_t count = 0;
    for (int64_t i = 0; i < runs; i++) {
        if (i == 0 || differ(keyed[i].value, keyed[i - 1].value)) {
            if (first != NULL)
                first[count] = keyed[i].run;
            count++;
        }
        index[keyed[i].run] = count - 1;
    }
    free(keyed);
    return count;
}

/* ---- axes ---- */

static const char *const rates[] = {"actor_lr", "critic_lr"};
static const char *const rate_keys[] = {"training.actor_lr", "training.critic_lr"};

/* Axes that the sweep has, the learning rates among them in any case. */
static size_t axes_of(const struct survey *survey)
{
    return 2 + survey->axes;
}

static const char *name_of(const struct survey *survey, size_t axis)
{
    return axis < 2 ? rates[axis] : survey->axis[axis - 2].name;
}

static const char *key_of(const struct survey *survey, size_t axis)
{
    return axis < 2 ? rate_keys[axis] : survey->axis[axis - 2].row->key;
}

static double value_of(const struct survey *survey, size_t axis, int64_t run)
{
    if (axis < 2)
        return axis == 0 ? survey->run[run].actor_lr : survey->run[run].critic_lr;
    return survey->axis[axis - 2].values[run];
}

static void add_axis(struct aggregate *aggregate, size_t which)
{
    const struct survey *const survey = aggregate->survey;
    const size_t runs = (size_t)survey->runs;
    struct aggregate_axis *const axis = &aggregate->axis[aggregate->axes++];
    double *const values = fault_alloc(runs, sizeof *values);
    for (int64_t run = 0; run < survey->runs; run++)
        values[run] = value_of(survey, which, run);
    *axis = (struct aggregate_axis){.name = name_of(survey, which),
                                    .run = fault_alloc(runs, sizeof *axis->run),
                                    .index = fault_alloc(runs, sizeof *axis->index),
                                    .other = which < 2 ? NULL : &survey->axis[which - 2]};
    axis->count = label(survey->runs, values, axis->index, axis->run);
    free(values);
}

/* Axes may be named as they are in the file or in the spec. */
static size_t find_axis(const struct survey *survey, const char *name)
{
    size_t found = 0;
    while (found < axes_of(survey) && strcmp(name, name_of(survey, found)) != 0 &&
           strcmp(name, key_of(survey, found)) != 0)
        found++;
    return found;
}

static enum status refuse_axis(const struct survey *survey, const char *name, struct fault *fault)
{
    char quoted[TEXT_QUOTED], names[AGGREGATE_NAME] = "";
    for (size_t a = 0; a < axes_of(survey); a++)
        text_add(names, sizeof names, "%s%s", a > 0 ? ", " : "", name_of(survey, a));
    if (strcmp(name, "seed") == 0 || strcmp(name, "training.seed") == 0)
        return fault_set(
            fault, STATUS_INPUT,
            "--by: seed is what runs of a configuration differ in, expected some of %s", names);
    return fault_set(fault, STATUS_INPUT,
                     "--by: %s is no axis in which runs of the file differ, expected some of %s",
                     text_quote(name, quoted), names);
}

static enum status add_named(struct aggregate *aggregate, const char *name, bool *taken,
                             struct fault *fault)
{
    const size_t which = find_axis(aggregate->survey, name);
    if (which == axes_of(aggregate->survey))
        return refuse_axis(aggregate->survey, name, fault);
    if (taken[which])
        return fault_set(fault, STATUS_INPUT, "--by: %s is named twice, expected once", name);
    taken[which] = true;
    add_axis(aggregate, which);
    return STATUS_OK;
}

static enum status read_axes(struct aggregate *aggregate, struct fault *fault)
{
    const struct survey *const survey = aggregate->survey;
    const size_t most = axes_of(survey);
    bool *const taken = fault_alloc(most, sizeof *taken);
    aggregate->axis = fault_alloc(most, sizeof *aggregate->axis);
    enum status status = STATUS_OK;
    const char *const by = aggregate->request.by;
    if (by == NULL) {
        for (size_t a = 0; a < most; a++)
            add_axis(aggregate, a);
    } else {
        char *const names = fault_alloc(strlen(by) + 1, 1);
        memcpy(names, by, strlen(by) + 1);
        char *rest = names;
        for (char *name; status == STATUS_OK && (name = strsep(&rest, ",")) != NULL;)
            status = add_named(aggregate, name, taken, fault);
        free(names);
    }
    aggregate->pooled = 0;
    for (size_t a = 0; by != NULL && a < most; a++) {
        int64_t first = 0;
        for (int64_t run = 0; !taken[a] && run < survey->runs; run++)
            first += differ(value_of(survey, a, run), value_of(survey, a, 0));
        aggregate->pooled += first > 0;
    }
    free(taken);
    return status;
}

/* ---- configurations ---- */

/* Number configurations as their first runs come in the plan. */
static void order_by_plan(struct aggregate *aggregate, int64_t count)
{
    int64_t *const number = fault_alloc((size_t)count, sizeof *number);
    for (int64_t i = 0; i < count; i++)
        number[i] = -1;
    for (int64_t run = 0; run < aggregate->survey->runs; run++) {
        int64_t *const at = &number[aggregate->of_run[run]];
        if (*at < 0)
            *at = aggregate->configurations++;
        aggregate->of_run[run] = *at;
    }
    free(number);
}

enum status aggregate_group(struct aggregate *aggregate, struct fault *fault)
{
    const enum status status = read_axes(aggregate, fault);
    if (status != STATUS_OK)
        return status;
    const int64_t runs = aggregate->survey->runs;
    double *const values = fault_alloc((size_t)runs, sizeof *values);
    int64_t count = 1;
    aggregate->of_run = fault_alloc((size_t)runs, sizeof *aggregate->of_run);
    for (int64_t a = 0; a < aggregate->axes; a++) {
        /* Below 2^53, as neither count is above the number of runs. */
        for (int64_t run = 0; run < runs; run++)
            values[run] = (double)(aggregate->of_run[run] * aggregate->axis[a].count +
                                   aggregate->axis[a].index[run]);
        count = label(runs, values, aggregate->of_run, NULL);
    }
    free(values);
    order_by_plan(aggregate, count);
    return STATUS_OK;
}

/* ---- in words ---- */

static void write_value(const struct aggregate_axis *axis, const struct survey *survey, int64_t run,
                        char *text, size_t size)
{
    const struct surveyed *const r = &survey->run[run];
    if (axis->other != NULL)
        survey_axis_write(axis->other, run, text, size);
    else
        text_write_real(strcmp(axis->name, "actor_lr") == 0 ? r->actor_lr : r->critic_lr, text,
                        size);
}

void aggregate_value(const struct aggregate *aggregate, int64_t axis, int64_t configuration,
                     char *text, size_t size)
{
    write_value(&aggregate->axis[axis], aggregate->survey,
                aggregate->configuration[configuration].first, text, size);
}

void aggregate_name(const struct aggregate *aggregate, int64_t configuration, int64_t without,
                    char *text, size_t size)
{
    text[0] = '\0';
    for (int64_t a = 0; a < aggregate->axes; a++) {
        char value[80];
        if (a == without)
            continue;
        aggregate_value(aggregate, a, configuration, value, sizeof value);
        text_add(text, size, "%s%s %s", text[0] != '\0' ? ", " : "", aggregate->axis[a].name,
                 value);
    }
    if (text[0] == '\0')
        text_add(text, size, "all runs");
}
