// SPDX-License-Identifier: MIT
/**
 * What the actors put out, counted over forward passes from log to log: the inputs of the squash,
 * and where a normalisation is in front of it, also what goes into that. A = 3 action dimensions.
 */
#ifndef CCMSWEEP_PREACTIVATIONS_H
#define CCMSWEEP_PREACTIVATIONS_H

#include "model/mec.h"
#include <ccmsweep/record.h>
#include <stdint.h>

/** Running statistics of one action dimension. */
struct preactivations {
    double count, sum, sum_squares, min, max, saturated, above, below;
};

/** Begin anew. */
void preactivations_clear(struct preactivations sums[MEC_ACTION]);

/** Count a forward pass `times` times. \param limit beyond it a value is above or below
 *  \param z, y (rows, A) values and their squash; |y| > 0.9 is saturated */
void preactivations_count(struct preactivations sums[MEC_ACTION], float limit, int rows,
                          const float *z, const float *y, double times);

/** Write row `log` of the preactivation_… and saturation fields, also by dimension. */
void preactivations_log(const struct record *r, int64_t log,
                        const struct preactivations sums[MEC_ACTION]);

/** Write row `log` of the squash_input_… fields, all dimensions together. */
void preactivations_log_squash(const struct record *r, int64_t log,
                               const struct preactivations sums[MEC_ACTION]);

#endif
