// SPDX-License-Identifier: MIT
/**
 * Which units (seeds, say) are alike in where their observations lie: only those can replace one
 * another when they are drawn or permuted. Local.
 */
#ifndef CCMSWEEP_EXCHANGEABLE_H
#define CCMSWEEP_EXCHANGEABLE_H

#include <stdint.h>

/** Number the shapes of units, from 0 on: two units are of one shape if both have as many
 *  observations in the same zones. `unit`, `zone` (n): any numbers; a zone of NULL is one for all.
 *  \param label (n) out: the shape of the observation's unit */
void exchangeable_label(int64_t count, const int64_t *unit, const int64_t *zone, int64_t *label);

#endif
