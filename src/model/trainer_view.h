// SPDX-License-Identifier: MIT
/**
 * A look inside a trainer, for tests, experiments and measurements. Read only.
 */
#ifndef CCMSWEEP_TRAINER_VIEW_H
#define CCMSWEEP_TRAINER_VIEW_H

#include "model/networks.h"
#include "model/phase.h"
#include "model/replay.h"
#include "model/step.h"
#include <ccmsweep/trainer.h>

/** Parts of a trainer. Borrowed: contents change with every advance, the view ends with the
 * trainer.
 */
struct trainer_view {
    const struct networks *networks;
    const struct replay *replay; /**< all stored transitions */
    const struct step *step;     /**< draws of the last training step */
    const struct numpy_rng *numpy;
    const struct python_rng *python;
    const struct torch_rng *torch;
};

/** Set a probe that is called when an episode enters its next phase; {NULL} removes it. */
void trainer_probe(struct trainer *t, struct probe probe);

/** Bytes that the trainer holds: its state and its scratch. */
size_t trainer_memory(const struct trainer *t);

/** The parts of `t`. Local. */
struct trainer_view trainer_view(const struct trainer *t);

#endif
