// SPDX-License-Identifier: MIT
/* Scores over tasks, with intervals over seeds. */
#include "stats/scores.h"
#include "stats/draws.h"
#include "stats/resample.h"
#include <math.h>
#include <stdlib.h>

struct estimate scores_iqm(const struct scores *x, const struct bootstrap *how)
{
    double largest = 0.0;
    for (int64_t i = 0; i < x->count; i++) {
        CHECK(isfinite(x->value[i]));
        largest = fmax(largest, fabs(x->value[i]));
    }
    struct estimate iqm;
    const struct values values = {.count = x->count, .value = x->value, .cluster = x->seed};
    bootstrap_means(&values, how, NULL, &iqm);
    draws_drop_flat(&iqm, largest);
    return iqm;
}

/* How many scores of each seed are above each tau. */
struct above {
    int64_t seeds, taus;
    double *size; /* (seeds) scores */
    double *more; /* (seeds, taus) of them above */
};

/* One number for each seed and tau, not a sorted list: a draw then costs nothing for each score. */
static void above_init(struct above *above, const struct scores *x, const double *tau, int64_t taus,
                       const struct resample *resample)
{
    const size_t seeds = (size_t)resample->clusters + 1;
    *above = (struct above){.seeds = resample->clusters,
                            .taus = taus,
                            .size = fault_alloc(seeds, sizeof *above->size),
                            .more = fault_alloc(seeds * (size_t)taus + 1, sizeof *above->more)};
    for (int64_t i = 0; i < x->count; i++) {
        CHECK(isfinite(x->value[i]));
        const int64_t seed = resample->label[i];
        above->size[seed] += 1.0;
        for (int64_t k = 0; k < taus; k++)
            above->more[seed * taus + k] += x->value[i] > tau[k];
    }
}

static void above_fini(struct above *above)
{
    free(above->size);
    free(above->more);
}

/* Shares where seed s counts times[s] (NULL: once). \param share (taus) out */
static void shares(const struct above *above, const double *times, double *share)
{
    double size = 0.0;
    for (int64_t k = 0; k < above->taus; k++)
        share[k] = 0.0;
    for (int64_t s = 0; s < above->seeds; s++) {
        const double weight = times != NULL ? times[s] : 1.0;
        size += weight * above->size[s];
        for (int64_t k = 0; k < above->taus; k++)
            share[k] += weight * above->more[s * above->taus + k];
    }
    for (int64_t k = 0; k < above->taus; k++)
        share[k] = size > 0.0 ? share[k] / size : (double)NAN;
}

void scores_profile(const struct scores *x, int64_t count, const double *tau,
                    const struct bootstrap *how, struct estimate *out)
{
    draws_check(how);
    CHECK(count >= 0);
    struct resample resample;
    struct above above;
    resample_init(&resample, x->count, x->seed, NULL, how->seed);
    above_init(&above, x, tau, count, &resample);
    const size_t taus = (size_t)count + 1, draws = (size_t)how->draws;
    double *const times = fault_alloc((size_t)above.seeds + 1, sizeof *times);
    double *const value = fault_alloc(taus, sizeof *value);
    double *const share = fault_alloc(taus, sizeof *share);
    double *const draw = fault_alloc(taus * draws, sizeof *draw); /* (taus, draws) */
    shares(&above, NULL, value);
    for (int64_t d = 0; d < how->draws; d++) {
        resample_draw(&resample, times);
        shares(&above, times, share);
        for (int64_t k = 0; k < count; k++)
            draw[k * how->draws + d] = share[k];
    }
    for (int64_t k = 0; k < count; k++) {
        out[k] = draws_estimate(value[k], draw + k * how->draws, how, above.seeds, 1);
        draws_drop_flat(&out[k], 1.0);
        bootstrap_clip(&out[k].between, 0.0, 1.0);
    }
    free(draw);
    free(share);
    free(value);
    free(times);
    above_fini(&above);
    resample_fini(&resample);
}
