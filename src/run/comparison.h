// SPDX-License-Identifier: MIT
/**
 * A training compared with the rows of its run in the file, byte for byte. Equal settings must give
 * equal bytes, so a difference says that the rows were changed, or that another program or another
 * arithmetic made them. Local.
 */
#ifndef CCMSWEEP_COMPARISON_H
#define CCMSWEEP_COMPARISON_H

#include "run/comm.h"
#include "store/store.h"

/**
 * Compare all fields of a finished run; notes, which differ between any two executions, are none of
 * them. A run that another process takes back meanwhile has no difference.
 * \param record     of a training of the run's cell that has ended
 * \param comparison how they differ, and the level of this CPU (output)
 * \return not STATUS_OK when the rows cannot be read
 */
enum status comparison_make(struct store *store, int64_t run, const struct record *record,
                            struct comparison *comparison, struct fault *fault) MUST_USE;

#endif
