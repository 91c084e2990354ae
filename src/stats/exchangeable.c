// SPDX-License-Identifier: MIT
/* Units that are alike in where their observations lie. Sorting twice finds them without comparing
 * each unit with each: first all observations by unit and zone, then the units by what they have.
 */
#include "stats/exchangeable.h"
#include <ccmsweep/fault.h>
#include <stdlib.h>

/* An observation. */
struct item {
    int64_t unit, zone, at;
};

/* All items of a unit, in the order of their zones: its shape. */
struct span {
    const struct item *item;
    int64_t count;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *const x = a, *const y = b;
    const int unit = compare_numbers(x->unit, y->unit);
    return unit != 0 ? unit : compare_numbers(x->zone, y->zone);
}

static int compare_shapes(const void *a, const void *b)
{
    const struct span *const x = a, *const y = b;
    int order = compare_numbers(x->count, y->count);
    for (int64_t i = 0; order == 0 && i < x->count; i++)
        order = compare_numbers(x->item[i].zone, y->item[i].zone);
    return order;
}

void exchangeable_label(int64_t count, const int64_t *unit, const int64_t *zone, int64_t *label)
{
    const size_t n = (size_t)count + 1;
    struct item *const item = fault_alloc(n, sizeof *item);
    struct span *const span = fault_alloc(n, sizeof *span);
    int64_t spans = 0, shapes = 0;
    for (int64_t i = 0; i < count; i++)
        item[i] = (struct item){unit[i], zone != NULL ? zone[i] : 0, i};
    qsort(item, (size_t)count, sizeof *item, compare_items);
    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || item[i].unit != item[i - 1].unit)
            span[spans++] = (struct span){.item = &item[i]};
        span[spans - 1].count++;
    }
    qsort(span, (size_t)spans, sizeof *span, compare_shapes);
    for (int64_t s = 0; s < spans; s++) {
        /* Equal shapes are neighbours now. */
        shapes += s > 0 && compare_shapes(&span[s - 1], &span[s]) != 0;
        for (int64_t i = 0; i < span[s].count; i++)
            label[span[s].item[i].at] = shapes;
    }
    free(span);
    free(item);
}
