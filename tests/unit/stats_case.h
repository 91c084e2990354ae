// SPDX-License-Identifier: MIT
/** Samples for the tests of stats, and closeness to within rounding. */
#ifndef CCMSWEEP_TESTS_STATS_CASE_H
#define CCMSWEEP_TESTS_STATS_CASE_H

#include "base/rng.h"
#include "check.h"
#include "stats/sample.h"

enum { CASE_MOST = 1000 };

/* A sample that owns its tables. */
struct sample_case {
    struct sample sample;
    double time[CASE_MOST];
    int32_t status[CASE_MOST];
    int64_t cluster[CASE_MOST], stratum[CASE_MOST];
    int32_t group[CASE_MOST];
};

/* Make it point to its own tables; clusters and strata only where they are wanted. */
static inline void case_begin(struct sample_case *c, bool clusters, bool strata)
{
    c->sample = (struct sample){.time = c->time,
                                .status = c->status,
                                .cluster = clusters ? c->cluster : NULL,
                                .stratum = strata ? c->stratum : NULL};
}

static inline void case_add(struct sample_case *c, double time, int status, int64_t cluster)
{
    const int64_t i = c->sample.count++;
    assert_in_range(i, 0, CASE_MOST - 1);
    c->time[i] = time;
    c->status[i] = status;
    c->cluster[i] = cluster;
    c->stratum[i] = 0;
    c->group[i] = 0;
}

/* Each its own cluster, each an event, or censored where the time is negative. */
static inline void case_of(struct sample_case *c, const double *times, int count)
{
    case_begin(c, true, false);
    for (int i = 0; i < count; i++)
        case_add(c, fabs(times[i]), times[i] >= 0.0, i);
}

/* An exponential time of this mean. */
static inline double draw_exponential(struct numpy_rng *rng, double mean)
{
    return -mean * log1p(-numpy_double(rng));
}

/* n whole times of this mean, with ties, some censored by chance, and all at `limit`. */
static inline void case_draw(struct sample_case *c, struct numpy_rng *rng, int count, double mean,
                             double limit, bool by_chance)
{
    case_begin(c, true, false);
    for (int i = 0; i < count; i++) {
        const double time = 1.0 + floor(draw_exponential(rng, mean));
        const double end =
            by_chance ? fmin(limit, 1.0 + floor(draw_exponential(rng, mean))) : limit;
        case_add(c, fmin(time, end), time <= end ? 1 + i % 3 : 0, i);
    }
}

#endif
