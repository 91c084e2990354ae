// SPDX-License-Identifier: MIT
#include "stats/event_times.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

void ticks_init(struct ticks *ticks, const struct sample *sample)
{
    sample_check(sample);
    const size_t n = (size_t)sample->count;
    size_t *const order = fault_alloc(n + 1, sizeof *order);
    gsl_sort_index(order, sample->time, 1, n);
    *ticks = (struct ticks){.time = fault_alloc(n + 1, sizeof *ticks->time),
                            .at = fault_alloc(n + 1, sizeof *ticks->at)};
    for (size_t k = 0; k < n; k++) {
        const double time = sample->time[order[k]];
        if (ticks->count == 0 || ticks->time[ticks->count - 1] < time)
            ticks->time[ticks->count++] = time;
        ticks->at[order[k]] = ticks->count - 1;
    }
    free(order);
}

void ticks_fini(struct ticks *ticks)
{
    free(ticks->time);
    free(ticks->at);
    *ticks = (struct ticks){0};
}

double ticks_reach(int64_t count, const double *time, const double *level, double threshold)
{
    const double tolerance = 0x1p-26; // that of survfit
    int64_t at = 0;
    while (at < count && !(level[at] < threshold + tolerance))
        at++;
    if (at == count)
        return INFINITY;
    if (fabs(level[at] - threshold) < tolerance)
        for (int64_t next = at + 1; next < count; next++)
            if (level[next] < level[at])
                return (time[at] + time[next]) / 2.0;
    return time[at];
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t ticks_label(int64_t count, const int64_t *name, int64_t *label)
{
    if (name == NULL) {
        for (int64_t i = 0; i < count; i++)
            label[i] = i;
        return count;
    }
    int64_t *const sorted = fault_alloc((size_t)count + 1, sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = name[i];
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    int64_t names = 0;
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || sorted[i] != sorted[names - 1])
            sorted[names++] = sorted[i];
    for (int64_t i = 0; i < count; i++) {
        const int64_t *const found =
            bsearch(&name[i], sorted, (size_t)names, sizeof *sorted, compare);
        label[i] = found - sorted;
    }
    free(sorted);
    return names;
}
