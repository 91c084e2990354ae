// SPDX-License-Identifier: MIT
/**
 * Input normalisation: what the networks see of a state (networks.input_norm).
 *
 * `range` maps each of the seven values of a state from the interval of its setting to [-1, 1];
 * `running` subtracts the mean of all that was observed so far and divides by its deviation. Both
 * act on states wherever a network reads them, in acting and in training, live or target; actions
 * and the "nobody" row are not touched. The replay keeps states as they are.
 *
 * Knows neither networks nor replay: the trainer says what was observed, and when.
 */
#ifndef CCMSWEEP_INPUT_NORM_H
#define CCMSWEEP_INPUT_NORM_H

#include "model/arena.h"
#include "model/mec.h"
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was observed so far; lies in the state arena. The rows of all agents count alike. */
struct input_statistics {
    int64_t count;             /**< rows (7): N for each observation */
    double mean[MEC_STATE];    /**< in the units of mec.h */
    double squares[MEC_STATE]; /**< Σ (x - mean)² */
};

struct input_norm {
    const struct settings *settings; /**< borrowed; networks.input_norm and environment are read */
    struct input_statistics *at;     /**< NULL unless `running` */
};

/** Lay out the statistics, if there are any, in `state`. */
void input_norm_bind(struct input_norm *norm, const struct settings *settings, struct arena *state);

/** Forget all observations. */
void input_norm_clear(struct input_norm *norm);

/** True when the networks see anything else than the states themselves. */
bool input_norm_is_on(const struct input_norm *norm);

/**
 * Count an observation, the joint state that is stored: each row once, in order, by Welford's
 * update in f64 (Technometrics 4, 1962). Nothing happens unless `running`.
 * \param state (N, 7) as stored, f32
 */
void input_norm_observe(struct input_norm *norm, const float *state);

/**
 * What the networks see of states: with `range` (x - middle)/half of the value's interval, within
 * ±1 (0 where the interval is a point); with `running` (x - mean)/√(variance + 1e-5), within ±10,
 * variance biased, mean 0 and variance 1 before the first observation. f64, rounded once.
 * \param state (rows, 7)
 * \param seen  (rows, 7) written; may be `state`; may be NULL with `none`
 * \return `seen`, or with `none` `state` itself, and nothing is copied
 */
const float *input_norm_apply(const struct input_norm *norm, size_t rows, const float *state,
                              float *seen);

/** Biased variance of value `k` so far; 1 before the first observation. `running` only. */
double input_norm_variance(const struct input_norm *norm, int k);

/** Interval that value `k` of a state lies in, by the settings of the environment. */
struct interval input_norm_interval(const struct settings *settings, int k);

#endif
