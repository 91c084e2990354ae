// SPDX-License-Identifier: MIT
/* Different times of a sample, found once for all that counts by time, and the one rule by which a
 * falling curve reaches a level. */
#include "stats/event_times.h"
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>

void event_times_init(struct event_times *times, const struct sample *sample)
{
    sample_check(sample);
    const size_t n = (size_t)sample->count;
    size_t *const order = fault_alloc(n + 1, sizeof *order);
    gsl_sort_index(order, sample->time, 1, n);
    *times = (struct event_times){.time = fault_alloc(n + 1, sizeof *times->time),
                                  .at = fault_alloc(n + 1, sizeof *times->at)};
    for (size_t k = 0; k < n; k++) {
        const double time = sample->time[order[k]];
        /* Times are episodes, whole numbers, so equal ones are equal to the bit. */
        if (times->count == 0 || times->time[times->count - 1] < time)
            times->time[times->count++] = time;
        times->at[order[k]] = times->count - 1;
    }
    free(order);
}

void event_times_fini(struct event_times *times)
{
    free(times->time);
    free(times->at);
    *times = (struct event_times){0};
}

double event_times_reach(int64_t count, const double *time, const double *level, double threshold)
{
    const double tolerance = 0x1p-26; // that of survfit
    int64_t at = 0;
    /* Written so that a NaN, an end of an interval that does not exist there, is passed over. */
    while (at < count && !(level[at] < threshold + tolerance))
        at++;
    if (at == count)
        return INFINITY;
    /* A level that is reached exactly holds until the next step down: the middle of the two times,
     * as survfit prints it. */
    if (fabs(level[at] - threshold) < tolerance)
        for (int64_t next = at + 1; next < count; next++)
            if (level[next] < level[at])
                return (time[at] + time[next]) / 2.0;
    return time[at];
}
