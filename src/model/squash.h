// SPDX-License-Identifier: MIT
/**
 * Squash: from an actor's pre-activations z to its outputs y in [-1, 1], and back. It knows no
 * network: arrays of `count` values go in and come out, f32.
 *
 * | kind      | y              | dL/dz = dL/dy · slope                              |
 * |-----------|----------------|----------------------------------------------------|
 * | tanh      | tanh(z)        | slope 1 - y·y                                      |
 * | softsign  | z/(1 + abs(z)) | slope (1 - abs(y))·(1 - abs(y))                    |
 * | inverting | clip(z, -1, 1) | slope (1 - z)/2 where dL/dy < 0, (1 + z)/2 where > 0 |
 *
 * Slopes are computed in f32, those of tanh and softsign from y: a slope that is exactly 0 is the
 * event under study, and a formula that is equal in mathematics is not 0 where these are.
 *
 * Inverting gradients (Hausknecht and Stone, arXiv 1511.04143): a step that would raise y is taken
 * the more weakly the nearer z is to 1, and is turned round beyond it; likewise below. The loss is
 * minimised, so a step raises y where dL/dy < 0. The rule uses z itself, not the clipped y.
 */
#ifndef CCMSWEEP_SQUASH_H
#define CCMSWEEP_SQUASH_H

#include "model/kernels.h"
#include "model/real.h"
#include <ccmsweep/settings.h>
#include <stddef.h>

/** Which function, and what belongs to it. */
struct squash {
    enum squash_kind kind;
    float cliff;      /**< tanh: |z| beyond which it is ±1 exactly */
    double cliff_f64; /**< the same in f64: none but what rounding makes */
};

/** The squash that the settings ask for. */
struct squash squash_of(const struct settings *settings);

/** y of `count` values, see squash_forward. */
void REAL(squash_outputs)(const struct squash *squash, const struct kernels *kernels, size_t count,
                          const real *z, real *y);

/**
 * y and slope of `count` values. tanh is correctly rounded; the setting `pytorch` gives exactly ±1
 * beyond |z| = 8.664339742 (25·ln2/2 in f32), as PyTorch's vectorised CPU kernel does, `exact`
 * where rounding does (from 9.011). An infinite z has y = ±1; a NaN stays one in y and slope.
 *
 * The slope of `inverting` depends on the direction, which is known in the backward pass only:
 * until then it is 1/2, the mean of both, so that no sample counts as flat.
 */
void REAL(squash_forward)(const struct squash *squash, const struct kernels *kernels, size_t count,
                          const real *z, real *y, real *slope);

/**
 * d_z = d_y · slope. \param slope (count) of the forward pass; of `inverting` it is overwritten by
 * what was used: where dL/dy is 0 (or NaN) there is no direction, it is 1/2 and d_z is 0 (or NaN).
 */
void REAL(squash_backward)(const struct squash *squash, size_t count, const real *z,
                           const float *d_y, real *slope, real *d_z);

#endif
