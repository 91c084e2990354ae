// SPDX-License-Identifier: MIT
/** Names of clusters and strata, which may be any numbers, made dense. Local. */
#ifndef CCMSWEEP_FACTORIZE_H
#define CCMSWEEP_FACTORIZE_H

#include <stdint.h>

/** Number the different values of `name` (n; NULL: all different) from 0 in their rising order;
 *  without names in the order of the observations.
 *  \param label (n) out; may be `name` itself  \return how many there are */
int64_t factorize(int64_t count, const int64_t *name, int64_t *label);

#endif
