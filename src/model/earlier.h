// SPDX-License-Identifier: MIT
/**
 * What an earlier run of the same process drew, without training it.
 *
 * The published runs were made one after the other in a few processes, which seeded their
 * generators once. Where a run begins therefore depends on those before it; of them only the
 * number of episodes matters (settings_check refuses where it is not so).
 */
#ifndef CCMSWEEP_EARLIER_H
#define CCMSWEEP_EARLIER_H

#include "base/rng.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/**
 * Draw what a run of `episodes` episodes draws once it is constructed: an episode's tasks, noise,
 * coins and random selections, and the batch of its training step. All but its length is as in
 * `settings`. It is taken for granted that in each step more agents propose than there are
 * channels, so that a coin is tossed; true of all published runs.
 * \param pool, taken (N) scratch
 */
void earlier_run(const struct settings *settings, int64_t episodes, struct numpy_rng *numpy,
                 struct python_rng *python, int32_t *pool, int32_t *taken);

#endif
