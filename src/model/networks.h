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
#include "model/optimizer.h"
#include "model/real.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** A family of parameters: `size` values each, of f32 or of f64; the other four are NULL. */
struct family {
    size_t size;
    float *theta, *target, *m, *v;
    double *theta_f64, *target_f64, *m_f64, *v_f64;
};

/** Its parameters and those of its targets in either precision. */
static inline struct reals family_theta(const struct family *family)
{
    return (struct reals){.f32 = family->theta, .f64 = family->theta_f64};
}
static inline struct reals family_target(const struct family *family)
{
    return (struct reals){.f32 = family->target, .f64 = family->target_f64};
}

struct networks {
    const struct settings *settings; /**< borrowed */
    struct compute compute;          /**< the level of this CPU */
    struct actors actors;
    struct critic critic;
    struct family actor;         /**< (N, P) */
    struct family critic_family; /**< (Pc) */
    struct input_norm input;     /**< what all of them see of states */
    float *drawn;                /**< (P) an actor's initial weights as drawn, of actors of f64 */
};

/** Lay out parameters in `state` and scratch for up to `samples` samples in `scratch`. Inside are
 *  pointers to `nets` itself: it must stay where it is. */
void networks_bind(struct networks *nets, const struct settings *settings, int samples,
                   struct arena *state, struct arena *scratch);

/** Draw initial weights: actors in order, then the critic; the same f32 numbers whatever the
 *  precision of the actors. Targets are copies, moments 0, and nothing has been observed. */
void networks_init(struct networks *nets, struct torch_rng *rng);

/** Clip the gradient of an actor (optimizer_clip) of either precision. */
double networks_clip_actor(const struct networks *nets, const struct optimizer *optimizer,
                           struct reals gradient);

/**
 * Update actor i (optimizer_step), then its target by the soft update.
 * \param gradient (P) read \param before (P) scratch
 */
struct adam_effect networks_update_actor(struct networks *nets, int i,
                                         const struct optimizer *optimizer, struct reals gradient,
                                         struct reals before);

#endif
