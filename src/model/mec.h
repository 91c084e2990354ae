// SPDX-License-Identifier: MIT
/**
 * The mobile edge computing environment: N devices with a task each, one server with K channels.
 *
 * Everything is f64. State row of a device: (power dBm, gain dB, energy MJ, size MB, cycles per
 * bit, deadline s, resource GHz). The caller owns the generator; the environment draws from it in
 * the published order. It knows nothing of networks.
 */
#ifndef CCMSWEEP_MEC_H
#define CCMSWEEP_MEC_H

#include "base/rng.h"
#include "model/arena.h"
#include <ccmsweep/settings.h>
#include <stdint.h>

/** Streams of a training's seed with training.streams: separate. */
enum { STREAM_ENVIRONMENT = 1, STREAM_NOISE, STREAM_SELECTION };

enum { MEC_STATE = 7, MEC_ACTION = 3 };

/** Devices and their present tasks. All arrays (N). */
struct mec {
    const struct settings *settings; /**< borrowed; environment and training.streams are read */
    int agents;
    double *power_dbm, *gain_db, *resource_ghz, *initial_energy_mj; /**< drawn once */
    double *energy_mj, *size_mb, *cycles_per_bit, *deadline_s;      /**< of this step */
    double *time_off, *time_proc, *finish;                          /**< scratch */
    double *unit_free_s;                                            /**< scratch (units) */
    int32_t *queue;                                                 /**< scratch */
};

/** What one step yields. */
struct mec_step {
    double reward;             /**< the sum over the agents, the same number for each */
    double energy_violation;   /**< share of agents below the battery threshold */
    double deadline_violation; /**< share of agents past their deadline */
};

/** Lay out the arrays: devices and tasks in `state`, the rest in `scratch`. */
void mec_bind(struct mec *mec, const struct settings *settings, struct arena *state,
              struct arena *scratch);

/** Seed the generator of an environment. With training.streams: separate, `rng` is the first stream
 *  of the seed. */
void mec_seed(const struct mec *mec, struct numpy_rng *rng, uint32_t seed);

/** Draw the devices, agent by agent: power, initial energy, gain, resource. */
void mec_construct(struct mec *mec, struct numpy_rng *rng);

/** Give `mec` the devices of `other`. */
void mec_copy_devices(struct mec *mec, const struct mec *other);

/** Full batteries (the initial energy, clipped) and new tasks: size, cycles, deadline by agent. */
void mec_reset(struct mec *mec, struct numpy_rng *rng);

/** Write the state (N, 7). */
void mec_state(const struct mec *mec, double *state);

/**
 * One step: times, energies, queue, batteries, reward; then new tasks. Draws N gaussians (energy
 * harvest of zero variance) and the tasks' 3N uniforms.
 * \param offload  (N) 1 where the server accepted the agent's task
 * \param compute  (N) share of the local clock used, in (0, 1]
 * \param transmit (N) share of the transmit power used, in (0, 1]
 */
struct mec_step mec_step(struct mec *mec, struct numpy_rng *rng, const uint8_t *offload,
                         const double *compute, const double *transmit);

#endif
