// SPDX-License-Identifier: MIT
/* What the networks see of a state. One function maps states, whoever asks: a network that met
 * other bits in training than in acting would learn from inputs that it never sees again. */
#include "model/input_norm.h"
#include <math.h>
#include <string.h>

enum { S = MEC_STATE };

/* Of the definition: added to the variance, and the bound of what `running` makes of a value. A
 * value that hardly varies would be divided by nearly 0, and one that is far from all before it
 * would decide every sum it enters. */
static const double EPSILON = 1e-5, RUNNING_LIMIT = 10.0;

void input_norm_bind(struct input_norm *norm, const struct settings *settings, struct arena *state)
{
    norm->settings = settings;
    norm->at = NULL;
    /* A state without running statistics stays what it was before there were any. */
    if (settings->networks.input_norm == INPUT_NORM_RUNNING)
        norm->at = arena_take(state, 1, sizeof *norm->at);
}

void input_norm_clear(struct input_norm *norm)
{
    if (norm->at != NULL)
        memset(norm->at, 0, sizeof *norm->at);
}

bool input_norm_is_on(const struct input_norm *norm)
{
    return norm->settings->networks.input_norm != INPUT_NORM_NONE;
}

void input_norm_observe(struct input_norm *norm, const float *state)
{
    struct input_statistics *at = norm->at;
    if (at == NULL)
        return;
    for (int64_t i = 0; i < norm->settings->environment.agents; i++) {
        const double count = (double)++at->count;
        for (int k = 0; k < S; k++) {
            const double x = (double)state[i * S + k];
            const double before = x - at->mean[k];
            at->mean[k] += before / count;
            /* With the means from before and after, the sum has no cancellation. */
            at->squares[k] += before * (x - at->mean[k]);
        }
    }
}

double input_norm_variance(const struct input_norm *norm, int k)
{
    const struct input_statistics *at = norm->at;
    return at->count > 0 ? at->squares[k] / (double)at->count : 1.0;
}

struct interval input_norm_interval(const struct settings *settings, int k)
{
    /* In the order of mec_state. A battery starts within initial_energy_mj and can be emptied. */
    const struct interval of[S] = {
        settings->environment.power_dbm,
        settings->environment.gain_db,
        {0.0, settings->environment.max_energy_mj},
        settings->environment.size_mb,
        settings->environment.cycles_per_bit,
        settings->environment.deadline_s,
        settings->environment.resource_ghz,
    };
    return of[k];
}

/* (x - centre)/scale within ±limit. */
struct map {
    double centre[S], scale[S], limit;
};

static struct map map_range(const struct settings *settings)
{
    /* Clipped, since the f32 of a value at an end of its interval may lie beyond it. */
    struct map map = {.limit = 1.0};
    for (int k = 0; k < S; k++) {
        const struct interval range = input_norm_interval(settings, k);
        map.centre[k] = 0.5 * (range.low + range.high);
        /* A quotient by infinity is 0. */
        map.scale[k] = range.high > range.low ? 0.5 * (range.high - range.low) : INFINITY;
    }
    return map;
}

static struct map map_running(const struct input_norm *norm)
{
    struct map map = {.limit = RUNNING_LIMIT};
    for (int k = 0; k < S; k++) {
        map.centre[k] = norm->at->mean[k];
        map.scale[k] = sqrt(input_norm_variance(norm, k) + EPSILON);
    }
    return map;
}

const float *input_norm_apply(const struct input_norm *norm, size_t rows, const float *state,
                              float *seen)
{
    if (!input_norm_is_on(norm))
        return state;
    const struct map map = norm->at != NULL ? map_running(norm) : map_range(norm->settings);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < S; k++) {
            const double x = ((double)state[r * S + k] - map.centre[k]) / map.scale[k];
            seen[r * S + k] = (float)(x < -map.limit ? -map.limit : x > map.limit ? map.limit : x);
        }
    }
    return seen;
}
