// SPDX-License-Identifier: MIT
/**
 * A saved state of a training, checked before it is used.
 *
 * A checksum says that a state is what was written, not that what was written makes sense: another
 * program, or a bug, may have written it. Whatever a training uses as a place, a count or a choice
 * must be one that a training reaches; parameters must be finite, as they are in a training that
 * has not diverged. Knows no files. Local.
 */
#ifndef CCMSWEEP_SAVED_H
#define CCMSWEEP_SAVED_H

#include "base/rng.h"
#include "model/mec.h"
#include "model/networks.h"
#include "model/replay.h"
#include "model/tracker.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** The parts of a state, bound to its bytes. All borrowed. */
struct saved {
    const struct settings *settings;
    int64_t episode; /**< finished ones */
    int64_t done;    /**< 1: the training has ended */
    const struct numpy_rng *numpy;
    const struct python_rng *python;
    const struct torch_rng *torch;
    const struct numpy_rng *noise;      /**< NULL without separate streams */
    const struct python_rng *selection; /**< the same */
    const struct mec *mec;
    const struct replay *replay;
    const struct tracker *tracker;
    const struct networks *networks;
};

/** The first part that no training could have left, such as "the generators"; NULL: all fine. */
const char *saved_flaw(const struct saved *saved) MUST_USE;

#endif
