// SPDX-License-Identifier: MIT
/*
 * First the values of every setting are numbered (label), then settings whose numbers determine
 * each other become one axis, then the numbers of all axes together make the groups. From the first
 * step on only small whole numbers are compared, so a value that is NaN (`none`) needs care in one
 * place only.
 */
#include "query/grouping.h"
#include "base/text.h"
#include "stats/factorize.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value and the run that has it, for sorting. */
struct keyed {
    double value;
    int64_t run;
};

/* By value, then by run. NaN (`none` of a real) is last, and equal to itself here: an ordinary
 * comparison would make qsort inconsistent. */
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

/* NaN does not differ from NaN: both mean `none`. */
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

void grouping_expected(const struct setting *row, int64_t runs, const double *values, char *text,
                       size_t size)
{
    int64_t *const index = fault_alloc((size_t)runs, sizeof *index);
    int64_t *const first = fault_alloc((size_t)runs, sizeof *first);
    const int64_t count = label(runs, values, index, first);
    text[0] = '\0';
    for (int64_t i = 0; i < count && i < GROUPING_LISTED; i++) {
        char value[SETTING_TEXT];
        settings_write(row, values[first[i]], value, sizeof value);
        text_add(text, size, "%s%s",
                 i > 0       ? ", "
                 : count > 1 ? "expected one of "
                             : "expected ",
                 value);
    }
    if (count > GROUPING_LISTED)
        text_add(text, size, " and %" PRId64 " more", count - GROUPING_LISTED);
    if (row->type == TYPE_LABEL && values[first[0]] <= 0)
        snprintf(text, size, "as none has a label");
    free(first);
    free(index);
}

/* ---- what changes together ---- */

/* The values of a setting, and the set of settings that change together with it. */
struct labels {
    int64_t count, *index, *run; /* as in struct grouping_axis */
    size_t set;                  /* the first setting that changes with it; itself if none before */
    size_t lead;                 /* after which the set is named; this and `taken`: of its first
                                    setting */
    bool named, taken;           /* named: by the user. taken: the set is an axis already */
    bool of_label;               /* the set is part of the axis of the label, or pooled with it */
};

/* Whether runs with the same value of `a` have the same value of `b`. Nothing decides a setting
 * that never changes, because it cannot be the reason for any difference. */
static bool decides(const struct labels *a, const struct labels *b, int64_t runs)
{
    if (a->count < b->count || b->count < 2)
        return false;
    for (int64_t run = 0; run < runs; run++) {
        if (b->index[run] != b->index[a->run[a->index[run]]])
            return false;
    }
    return true;
}

/* Whether each of two settings decides the other. With the same number of values, a map from one
 * onto the other is one to one: checking one direction is enough. */
static bool go_together(const struct labels *a, const struct labels *b, int64_t runs)
{
    return a->count == b->count && decides(a, b, runs);
}

/* The setting of a set that the spec names; of a preset and the settings that it decides, the
 * preset. A reader expects the name that the spec has. A label is the name of all that changes with
 * it. */
static size_t lead_of(const struct run_table *table, const struct labels *all, size_t set)
{
    for (size_t a = set; a < table->axes; a++) {
        if (all[a].set == set && &table->axis[a] == table->label)
            return a;
    }
    for (size_t a = set; a < table->axes; a++) {
        if (all[a].set == set && table->axis[a].written)
            return a;
    }
    return set;
}

/* Number the values of all settings, and find for each the first setting that changes with it. To
 * change together is transitive, so comparing with the first setting of each set is enough. */
static struct labels *label_all(const struct run_table *table)
{
    const size_t runs = (size_t)table->runs;
    struct labels *const all = fault_alloc(table->axes, sizeof *all);
    for (size_t a = 0; a < table->axes; a++) {
        struct labels *const own = &all[a];
        own->index = fault_alloc(runs, sizeof *own->index);
        own->run = fault_alloc(runs, sizeof *own->run);
        own->count = label(table->runs, table->axis[a].values, own->index, own->run);
        own->set = 0;
        while (own->set < a &&
               (all[own->set].set != own->set || !go_together(&all[own->set], own, table->runs)))
            own->set++;
    }
    for (size_t a = 0; a < table->axes; a++)
        all[a].lead = lead_of(table, all, all[a].set);
    return all;
}

/* The axes have taken over the arrays of the settings after which they are named. */
static void free_labels(const struct run_table *table, struct labels *all)
{
    for (size_t a = 0; a < table->axes; a++) {
        const struct labels *const set = &all[all[a].set];
        if (set->taken && set->lead == a)
            continue;
        free(all[a].index);
        free(all[a].run);
    }
    free(all);
}

/* ---- axes ---- */

/* Add the set of a setting as an axis with the name of that setting, unless the set is an axis
 * already. */
static void add_axis(struct grouping *grouping, struct labels *all, size_t lead)
{
    const struct run_table *const table = grouping->table;
    const size_t set = all[lead].set;
    if (all[set].taken)
        return;
    struct grouping_axis *const axis = &grouping->axis[grouping->axes++];
    all[set].taken = true;
    all[set].lead = lead;
    *axis = (struct grouping_axis){
        .count = all[lead].count, .run = all[lead].run, .index = all[lead].index};
    axis->setting = fault_alloc(table->axes, sizeof *axis->setting);
    axis->setting[axis->settings++] = &table->axis[lead];
    for (size_t a = 0; a < table->axes; a++) {
        if (a != lead && all[a].set == set)
            axis->setting[axis->settings++] = &table->axis[a];
    }
}

/* A setting can be named as in the file (dataset) or as in the spec (key). */
static size_t find_axis(const struct run_table *table, const char *name)
{
    size_t found = 0;
    while (found < table->axes && strcmp(name, table->axis[found].name) != 0 &&
           strcmp(name, table->axis[found].row->key) != 0)
        found++;
    return found;
}

void grouping_hint(const struct run_table *table, const char *name, char *hint, size_t size)
{
    const struct setting *const near = settings_nearest(name);
    hint[0] = '\0';
    for (size_t a = 0; a < table->axes; a++) {
        if (table->axis[a].row == near)
            text_add(hint, size, "; did you mean %s?", near->key);
    }
}

/* The message lists what could have been named. The seed is a setting as well, so it gets a
 * sentence of its own. */
static enum status refuse_axis(const struct run_table *table, const char *name, struct fault *fault)
{
    char quoted[TEXT_QUOTED], hint[GROUPING_HINT], names[GROUPING_NAMES] = "";
    for (size_t a = 0; a < table->axes; a++)
        text_add(names, sizeof names, "%s%s", a > 0 ? ", " : "", table->axis[a].name);
    if (strcmp(name, "seed") == 0 || strcmp(name, "training.seed") == 0)
        return fault_set(
            fault, STATUS_INPUT,
            "--by: seed is what runs of a configuration differ in, expected some of %s", names);
    grouping_hint(table, name, hint, sizeof hint);
    return fault_set(
        fault, STATUS_INPUT,
        "--by: %s is not an axis in which runs of the file differ, expected some of %s%s",
        text_quote(name, quoted), names, hint);
}

static enum status add_named(struct grouping *grouping, struct labels *all, const char *name,
                             struct fault *fault)
{
    const size_t which = find_axis(grouping->table, name);
    if (which == grouping->table->axes)
        return refuse_axis(grouping->table, name, fault);
    if (all[which].named)
        return fault_set(fault, STATUS_INPUT, "--by: %s is named twice, expected once", name);
    all[which].named = true;
    /* To name two settings that change together is allowed: it is one axis, and was not named
     * twice. */
    add_axis(grouping, all, which);
    return STATUS_OK;
}

static enum status add_all_named(struct grouping *grouping, struct labels *all, const char *by,
                                 struct fault *fault)
{
    enum status status = STATUS_OK;
    char *const names = fault_alloc(strlen(by) + 1, 1);
    memcpy(names, by, strlen(by) + 1);
    char *rest = names;
    for (char *name; status == STATUS_OK && (name = strsep(&rest, ",")) != NULL;)
        status = add_named(grouping, all, name, fault);
    free(names);
    return status;
}

/* The sets that the label decides, and that the user did not name, are part of its axis. Of the
 * settings that the label decides one by one, either all of a set are such or none is. */
static void join_label(struct grouping *grouping, struct labels *all)
{
    const struct run_table *const table = grouping->table;
    struct grouping_axis *axis = NULL;
    for (int64_t i = 0; i < grouping->axes; i++) {
        for (size_t s = 0; s < grouping->axis[i].settings; s++)
            axis = grouping->axis[i].setting[s] == table->label ? &grouping->axis[i] : axis;
    }
    for (size_t a = 0; a < table->axes; a++) {
        const size_t set = all[a].set;
        if (!table->axis[a].of_label || all[set].taken)
            continue;
        all[set].of_label = true;
        if (axis != NULL)
            axis->setting[axis->settings++] = &table->axis[a];
    }
}

/* Whether a set is compared with others as one axis: one that is part of the label is not. */
static bool is_set(const struct labels *all, size_t set)
{
    return all[set].set == set && !all[set].of_label;
}

/* Two sets that are both pooled are left out: neither is compared. */
static void find_decisions(struct grouping *grouping, const struct labels *all)
{
    const struct run_table *const table = grouping->table;
    grouping->decision = fault_alloc(table->axes * table->axes, sizeof *grouping->decision);
    for (size_t a = 0; a < table->axes; a++) {
        for (size_t b = 0; b < table->axes; b++) {
            if (is_set(all, a) && is_set(all, b) && a != b && (all[a].taken || all[b].taken) &&
                decides(&all[b], &all[a], table->runs))
                grouping->decision[grouping->decisions++] = (struct grouping_decision){
                    .axis = &table->axis[all[a].lead], .by = &table->axis[all[b].lead]};
        }
    }
}

/* The axes that `by` names, or all. A set that changes but is not an axis is counted as pooled. */
static enum status find_axes(struct grouping *grouping, const char *by, struct fault *fault)
{
    const struct run_table *const table = grouping->table;
    struct labels *const all = label_all(table);
    enum status status = STATUS_OK;
    grouping->axis = fault_alloc(table->axes, sizeof *grouping->axis);
    for (size_t a = 0; by == NULL && a < table->axes; a++) {
        if (all[all[a].set].lead == a && !table->axis[a].of_label)
            add_axis(grouping, all, a);
    }
    if (by != NULL)
        status = add_all_named(grouping, all, by, fault);
    join_label(grouping, all);
    for (size_t a = 0; a < table->axes; a++)
        grouping->pooled += is_set(all, a) && !all[a].taken && all[a].count > 1;
    find_decisions(grouping, all);
    free_labels(table, all);
    return status;
}

const struct run_axis *grouping_lead(const struct grouping *grouping, int64_t axis)
{
    return grouping->axis[axis].setting[0];
}

/* ---- groups ---- */

/* Number the groups anew, in the order of their first runs in the plan: a reader expects the order
 * of the spec, and label() has numbered them by value. */
static void order_by_plan(struct grouping *grouping, int64_t count)
{
    int64_t *const number = fault_alloc((size_t)count, sizeof *number);
    for (int64_t i = 0; i < count; i++)
        number[i] = -1;
    for (int64_t run = 0; run < grouping->table->runs; run++) {
        int64_t *const at = &number[grouping->of_run[run]];
        if (*at < 0)
            *at = grouping->groups++;
        grouping->of_run[run] = *at;
    }
    free(number);
}

enum status grouping_make(struct grouping *grouping, const struct run_table *table, const char *by,
                          struct fault *fault)
{
    *grouping = (struct grouping){.table = table};
    const enum status status = find_axes(grouping, by, fault);
    if (status != STATUS_OK) {
        grouping_fini(grouping);
        return status;
    }
    const int64_t runs = table->runs;
    double *const values = fault_alloc((size_t)runs, sizeof *values);
    int64_t count = 1;
    grouping->of_run = fault_alloc((size_t)runs, sizeof *grouping->of_run);
    /* Axes are added one by one, and the combinations numbered anew each time. The number of all
     * possible combinations could overflow; here neither factor is larger than the number of runs,
     * and the product is below 2^53, so that a double holds it exactly. */
    for (int64_t a = 0; a < grouping->axes; a++) {
        const struct grouping_axis *const axis = &grouping->axis[a];
        for (int64_t run = 0; run < runs; run++)
            values[run] = (double)(grouping->of_run[run] * axis->count + axis->index[run]);
        count = label(runs, values, grouping->of_run, NULL);
    }
    free(values);
    order_by_plan(grouping, count);
    return STATUS_OK;
}

void grouping_fini(struct grouping *grouping)
{
    for (int64_t a = 0; a < grouping->axes; a++) {
        free(grouping->axis[a].setting);
        free(grouping->axis[a].run);
        free(grouping->axis[a].index);
    }
    free(grouping->axis);
    free(grouping->decision);
    free(grouping->of_run);
    *grouping = (struct grouping){0};
}

int64_t grouping_others(const struct grouping *grouping, int64_t axis, int64_t count,
                        const int64_t *run, int64_t *number)
{
    int64_t numbers = 1;
    for (int64_t i = 0; i < count; i++)
        number[i] = 0;
    for (int64_t a = 0; a < grouping->axes; a++) {
        const struct grouping_axis *const other = &grouping->axis[a];
        if (a == axis)
            continue;
        for (int64_t i = 0; i < count; i++)
            number[i] = number[i] * other->count + other->index[run != NULL ? run[i] : i];
        numbers = factorize(count, number, number);
    }
    return numbers;
}
