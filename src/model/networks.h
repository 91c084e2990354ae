// SPDX-License-Identifier: MIT
/**
 * All networks of one training: N actors and the critic, their targets and Adam moments.
 *
 * Parameters lie in the state arena; shapes and scratch of the passes come along.
 */
#ifndef CCMSWEEP_NETWORKS_H
#define CCMSWEEP_NETWORKS_H

#include "model/actors.h"
#include "model/adam.h"
#include "model/arena.h"
#include "model/critic.h"
#include "model/input_norm.h"
#include "model/kernels.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** A family of parameters: `size` values each. */
struct family {
    size_t size;
    float *theta, *target, *m, *v;
};

struct networks {
    const struct settings *settings; /**< borrowed */
    struct compute compute;          /**< the level of this CPU */
    struct actors actors;
    struct critic critic;
    struct family actor;         /**< (N, P) */
    struct family critic_family; /**< (Pc) */
    struct input_norm input;     /**< what all of them see of states */
};

/** Lay out parameters in `state` and scratch for up to `samples` samples in `scratch`. Inside are
 *  pointers to `nets` itself: it must stay where it is. */
void networks_bind(struct networks *nets, const struct settings *settings, int samples,
                   struct arena *state, struct arena *scratch);

/** Draw initial weights: actors in order, then the critic. Targets are copies, moments 0, and
 *  nothing has been observed. */
void networks_init(struct networks *nets, struct torch_rng *rng);

#endif
