// SPDX-License-Identifier: MIT
/** Names of clusters and strata, which may be any numbers, made dense; items in the order of such
 *  numbers. Local. */
#ifndef CCMSWEEP_FACTORIZE_H
#define CCMSWEEP_FACTORIZE_H

#include <stdint.h>

/** Number the different values of `name` (n; NULL: all different) from 0 in their rising order;
 *  without names in the order of the observations.
 *  \param label (n) out; may be `name` itself  \return how many there are */
int64_t factorize(int64_t count, const int64_t *name, int64_t *label);

/** Order items by their labels, and those of one label as they come.
 *  \param label (n) from 0 to labels - 1
 *  \param start (labels + 1) out: where the items of each label begin in `item`; then n
 *  \param item (n) out: from 0 */
void factorize_order(int64_t count, const int64_t *label, int64_t labels, int64_t *start,
                     int64_t *item);

#endif
