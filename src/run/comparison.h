// SPDX-License-Identifier: MIT
/**
 * A training, or a run of another file, compared with the rows of its run in a file, byte for byte.
 * Equal settings must give equal bytes, so a difference says that the rows were changed, or that
 * another program or another arithmetic made them. Local.
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
 * \param differs    (record_fields) set to true for each field that does; NULL is fine
 * \return not STATUS_OK when the rows cannot be read
 */
enum status comparison_make(struct store *store, int64_t run, const struct record *record,
                            struct comparison *comparison, bool *differs,
                            struct fault *fault) MUST_USE;

/** Whether CPUs of two levels (kernels.h) round differently. */
bool comparison_rounds_differently(const char *level, const char *other) MUST_USE;

#endif
