// SPDX-License-Identifier: MIT
/**
 * Tracking: what a training leaves behind, and when and why each network stops.
 *
 * The training step calls in with what it has just computed; the tracker only reads. Events and
 * per-episode rows are kept in every episode, the large diagnostics in log episodes only. Nothing
 * here feeds back into the training. Definitions: src/model/README.md, "When an actor stops".
 */
#ifndef CCMSWEEP_TRACKER_H
#define CCMSWEEP_TRACKER_H

#include "model/actors.h"
#include "model/adam.h"
#include "model/arena.h"
#include "model/critic.h"
#include "model/input_norm.h"
#include "model/mec.h"
#include "model/optimizer.h"
#include "model/preactivations.h"
#include <ccmsweep/record.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stdint.h>

/** State of the tracker beside the record; lies in the state arena. */
struct tracker_state {
    int64_t episode;       /**< current or last episode */
    int64_t steps;         /**< training steps so far */
    int64_t moving;        /**< actors that moved in the last training step */
    int64_t diverged;      /**< 1: a parameter is not finite */
    int64_t critic_change; /**< last episode in which the critic changed, -1 never */
    struct preactivations since_log[MEC_ACTION];
};

struct tracker {
    const struct settings *settings; /**< borrowed */
    const struct kernels *kernels;
    struct extents extents;
    struct record record;
    struct tracker_state *at;
    struct preactivations *squash_input; /**< (A) of normalised outputs; NULL: they are not, and
                                          * what the squash sees is in since_log */
    int64_t *last_change; /**< (N) last episode in which the actor changed, -1 never */
    bool training;        /**< a training step is part of this episode */
    bool resting;         /**< the actors are not updated in it */
    int64_t log;          /**< row of this episode in the logs, -1: not a log episode */
    int64_t snapshot;     /**< row of this episode in the snapshots, -1: it has no snapshot */
};

/** Lay out the record and the running statistics, all of it state. */
void tracker_bind(struct tracker *tracker, const struct settings *settings, struct arena *state);

/** Set everything to its initial value and the record to its fill. */
void tracker_clear(struct tracker *tracker);

/** Open episode `episode` (1-based); `training`: it will have a training step. */
void tracker_begin(struct tracker *tracker, int64_t episode, bool training);

/** Count a forward pass of an actor `times` times. \param z, y (rows, A) inputs of the squash and
 *  its outputs; with normalised outputs those before the normalisation and their squash */
void tracker_forward(struct tracker *tracker, int rows, const float *z, const float *y,
                     double times);

/** The same for actor i of a pass on `rows` samples, whose outputs may be normalised: both what is
 *  before the normalisation and what the squash sees are counted. */
void tracker_pass(struct tracker *tracker, const struct actors *actors, const struct activations *x,
                  int i, int rows, double times);

/** Count the pre-activations (rows, A) of all actors into this episode's histogram, if it has one.
 * NaN is in no bin. */
void tracker_snapshot(struct tracker *tracker, int64_t rows, const float *z);

/** The critic's update. \param loss of its batch \param rows evaluated on it
 *  \param gradient its own, as the optimiser got it \param norm before it was clipped, NaN: it was
 *  not \param effect of its update */
void tracker_critic(struct tracker *tracker, const struct critic *critic, double loss,
                    const struct critic_rows *rows, const float *gradient, double norm,
                    struct adam_effect effect);

/** Whether a gradient of exactly 0 would begin a stretch, so that dL/dy on all samples decides its
 *  cause. */
bool tracker_needs_cause(const struct tracker *tracker, int actor) MUST_USE;

/** One actor's own pass. Activations and d_y are those of the pass, before the update. */
struct actor_pass {
    int actor, rows;
    const struct actors *actors; /**< with d_z of the pass; d_h2, d_h1 in log episodes */
    const struct activations *x;
    const float *d_y; /**< (rows, A) dL/dy; 0 where a slope is, unless needed for a cause or log */
    struct reals gradient; /**< (P) as the optimiser got it */
    double norm;           /**< its norm before it was clipped; NaN: gradients are not clipped */
    struct adam_effect effect;
};
void tracker_actor(struct tracker *tracker, const struct actor_pass *pass);

/** Update norms, log episodes only. \param actor index, or -1 for the critic
 *  \param before, after (count) parameters */
void tracker_update(struct tracker *tracker, int actor, size_t count, struct reals before,
                    struct reals after);

/** Gradients as the study logged them, log episodes only.
 *  \param actors (N, P), \param critic (Pc) */
void tracker_accumulated(struct tracker *tracker, const struct mlp *actor, struct reals actors,
                         const struct mlp *critic_mlp, const float *critic);

/** The running statistics that networks see states by, log episodes only; nothing where there are
 *  none. */
void tracker_inputs(struct tracker *tracker, const struct input_norm *norm);

/** Close the episode. \param sums over its steps; violations are means over its steps
 *  \param actors, critic parameters after the episode */
void tracker_end(struct tracker *tracker, const struct mec_step *sums, size_t actor_count,
                 struct reals actors, size_t critic_count, const float *critic);

/** Stopping episode so far: the largest first_still, -1 while an actor has not stopped yet. */
int64_t tracker_stopping_episode(const struct tracker *tracker) MUST_USE;

/** Episodes that a training continues after its last actor has stopped: episodes_after_stop, for
 *  each update of the actors where these are not in every episode. */
int64_t tracker_episodes_after_stop(const struct settings *settings) MUST_USE;

/** Write outcome, censoring time, last_change events and the run's cause. */
void tracker_finish(struct tracker *tracker);

/** Take over where `shorter` is: the same training with a smaller limit of episodes. What
 *  tracker_finish may have written there is taken back, since this one has not ended. */
void tracker_extend(struct tracker *tracker, const struct tracker *shorter);

/** True when the limit has ended a run, which would have gone on under a larger one: it is
 *  censored, or its actors stopped so late that it has not seen all of the episodes that follow a
 *  stop. \param total, stopping as the record has them */
bool tracker_ended_by_limit(const struct settings *settings, int32_t outcome, int32_t total,
                            int32_t stopping) MUST_USE;

#endif
