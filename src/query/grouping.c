// SPDX-License-Identifier: MIT
#include "query/grouping.h"
#include "base/text.h"
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

/* ---- what changes together ---- */

/* The values of a setting, and the set it is of. */
struct labels {
    int64_t count, *index, *run; /* as in struct grouping_axis */
    size_t set;                  /* the first setting that changes with it; itself if none before */
    bool named, taken;           /* by the user; the set, kept at its first setting */
};

/* Whether each value of one goes with one value of the other and the reverse. What never changes
 * goes with nothing, though it would fit: it is not why anything else is as it is. */
static bool go_together(const struct labels *a, const struct labels *b, int64_t runs)
{
    if (a->count != b->count || a->count < 2)
        return false;
    /* With as many values on both sides one direction is enough. */
    for (int64_t run = 0; run < runs; run++) {
        if (b->index[run] != b->index[a->run[a->index[run]]])
            return false;
    }
    return true;
}

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
    return all;
}

static void free_labels(const struct run_table *table, struct labels *all)
{
    for (size_t a = 0; a < table->axes; a++) {
        free(all[a].index);
        free(all[a].run);
    }
    free(all);
}

/* The setting of a set that the user wrote: of a preset and what it decides, the preset. */
static size_t lead_of(const struct run_table *table, const struct labels *all, size_t set)
{
    for (size_t a = set; a < table->axes; a++) {
        if (all[a].set == set && table->axis[a].written)
            return a;
    }
    return set;
}

/* ---- axes ---- */

/* Add the set of a setting as an axis of that name, unless it is one already. */
static void add_axis(struct grouping *grouping, struct labels *all, size_t lead)
{
    const struct run_table *const table = grouping->table;
    const size_t set = all[lead].set;
    if (all[set].taken)
        return;
    struct grouping_axis *const axis = &grouping->axis[grouping->axes++];
    all[set].taken = true;
    *axis = (struct grouping_axis){
        .count = all[lead].count, .run = all[lead].run, .index = all[lead].index};
    all[lead].run = all[lead].index = NULL;
    axis->setting = fault_alloc(table->axes, sizeof *axis->setting);
    axis->setting[axis->settings++] = &table->axis[lead];
    for (size_t a = 0; a < table->axes; a++) {
        if (a != lead && all[a].set == set)
            axis->setting[axis->settings++] = &table->axis[a];
    }
}

/* Settings may be named as they are in the file or in the spec. */
static size_t find_axis(const struct run_table *table, const char *name)
{
    size_t found = 0;
    while (found < table->axes && strcmp(name, table->axis[found].name) != 0 &&
           strcmp(name, table->axis[found].row->key) != 0)
        found++;
    return found;
}

static enum status refuse_axis(const struct run_table *table, const char *name, struct fault *fault)
{
    char quoted[TEXT_QUOTED], names[GROUPING_NAMES] = "";
    for (size_t a = 0; a < table->axes; a++)
        text_add(names, sizeof names, "%s%s", a > 0 ? ", " : "", table->axis[a].name);
    if (strcmp(name, "seed") == 0 || strcmp(name, "training.seed") == 0)
        return fault_set(
            fault, STATUS_INPUT,
            "--by: seed is what runs of a configuration differ in, expected some of %s", names);
    return fault_set(fault, STATUS_INPUT,
                     "--by: %s is no axis in which runs of the file differ, expected some of %s",
                     text_quote(name, quoted), names);
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
    /* Naming two that change together is not naming one twice: it says no more, and no less. */
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

static enum status find_axes(struct grouping *grouping, const char *by, struct fault *fault)
{
    const struct run_table *const table = grouping->table;
    struct labels *const all = label_all(table);
    enum status status = STATUS_OK;
    grouping->axis = fault_alloc(table->axes, sizeof *grouping->axis);
    for (size_t a = 0; by == NULL && a < table->axes; a++) {
        if (lead_of(table, all, all[a].set) == a)
            add_axis(grouping, all, a);
    }
    if (by != NULL)
        status = add_all_named(grouping, all, by, fault);
    for (size_t a = 0; a < table->axes; a++)
        grouping->pooled += all[a].set == a && !all[a].taken && all[a].count > 1;
    free_labels(table, all);
    return status;
}

const struct run_axis *grouping_lead(const struct grouping *grouping, int64_t axis)
{
    return grouping->axis[axis].setting[0];
}

/* ---- groups ---- */

/* Number groups as their first runs come in the plan. */
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
    /* One axis after another, and numbered anew each time: the number of all combinations could
     * overflow, while here neither factor is above the number of runs, and their product is below
     * 2^53. */
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
    free(grouping->of_run);
    *grouping = (struct grouping){0};
}
