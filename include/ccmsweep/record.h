// SPDX-License-Identifier: MIT
/**
 * The record of one training: every array that it produces, described once.
 *
 * RECORD_FIELDS is the table of names, types, shapes, units and meanings. The struct below and the
 * arrays that a trainer fills are made from it, and in the layer above also the datasets,
 * attributes and documentation of the file. This module knows nothing of files. Names follow the
 * columns of the published logs. Until they are written, reals are NaN, integers -1 and bytes 0;
 * `outcome` is 0.
 *
 * All arrays are row-major, slowest dimension first. Episodes count from 1; row e-1 is episode e.
 * The first training step is in episode 2, so row 0 of the results of training steps is never
 * written.
 */
#ifndef CCMSWEEP_RECORD_H
#define CCMSWEEP_RECORD_H

#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Dimensions of the arrays. The file adds `run` as the first one. */
enum dimension {
    DIM_NONE = 0,
    DIM_EPISODE,         /**< training.episodes */
    DIM_LOG,             /**< every tracking.log_every-th episode */
    DIM_SNAPSHOT,        /**< every tracking.snapshot_every-th episode */
    DIM_EVALUATION,      /**< every evaluation.every-th episode */
    DIM_ACTOR,           /**< N agents */
    DIM_ACTOR_BYTE,      /**< ceil(N / 8): one bit per actor, actor 0 the lowest bit of byte 0 */
    DIM_ACTION,          /**< offload, compute, transmit */
    DIM_LAYER,           /**< fc1, fc2, fc3; weight and bias together */
    DIM_HIDDEN,          /**< h1, h2 */
    DIM_BIN,             /**< bins of the pre-activation histogram */
    DIM_DETECTION,       /**< saturated, vanished, asymmetry */
    DIM_INPUT,           /**< the 7 values of a state, where statistics of them are kept; else 0 */
    DIM_CLIPPING_ACTORS, /**< not of an array: 1 where the actors' gradients are clipped */
    DIM_CLIPPING_CRITIC, /**< the same for the critic's; else 0, and their fields do not exist */
    DIM_OUTPUT_NORM,     /**< likewise: 1 where the actors' outputs are normalised */
    DIM_HIDDEN_NORM,     /**< likewise: 1 where their hidden layers are */
    DIM_CRITIC_NORM,     /**< likewise: 1 where the critic's hidden layers are normalised */
    DIM_COUNT
};

/** How a run ended, or its present state. */
enum outcome {
    OUTCOME_PENDING = 0,
    OUTCOME_STOPPED = 1,     /**< every actor had its first still episode: an event */
    OUTCOME_CENSORED = 2,    /**< the episode limit came first: right-censored, not an event */
    OUTCOME_DIVERGED = 3,    /**< a parameter was not finite after a training step */
    OUTCOME_FAILED = 4,      /**< could not be trained */
    OUTCOME_QUARANTINED = 5, /**< crashed its process too often */
    OUTCOME_INTERRUPTED = 6, /**< stopped on request before its end, with a checkpoint */
};

/** Why an actor's gradient became zero: the first of these that holds at its `gradient_zero`. */
enum cause {
    CAUSE_NONE = 0,        /**< the gradient is not zero at the end */
    CAUSE_NAN = 1,         /**< the last gradient is not finite */
    CAUSE_CRITIC_DEAD = 2, /**< dQ/da = 0 on every batch row */
    CAUSE_TANH_HARD = 3,   /**< every slope of the batch is exactly 0: 1-y², or another squash's */
    CAUSE_ACTOR_DEAD = 4,  /**< a hidden layer is zero on the whole batch */
    CAUSE_MIXED = 5, /**< none of these on the whole batch: several on parts of it, or underflow */
};

enum detection { DETECTION_SATURATED, DETECTION_VANISHED, DETECTION_ASYMMETRY, DETECTION_COUNT };

/* X(name, C type, unit, dimension 1, 2, 3, meaning) */
#define RECORD_FIELDS(X)                                                                           \
    X(outcome, int32_t, "1", DIM_NONE, DIM_NONE, DIM_NONE,                                         \
      "how the run ended (see flag_meanings)")                                                     \
    X(total_episodes, int32_t, "episode", DIM_NONE, DIM_NONE, DIM_NONE,                            \
      "episodes played; the censoring time of whatever was not seen")                              \
    X(stopping_episode, int32_t, "episode", DIM_NONE, DIM_NONE, DIM_NONE,                          \
      "first_still of the last actor; -1 when an actor never was still (censored)")                \
    X(run_cause, int32_t, "1", DIM_NONE, DIM_NONE, DIM_NONE,                                       \
      "cause of the actor that stopped last, the lowest number among equals; nan when diverged, "  \
      "none when censored (see flag_meanings)")                                                    \
    X(first_still, int32_t, "episode", DIM_ACTOR, DIM_NONE, DIM_NONE,                              \
      "first episode in whose training step no parameter changed; -1 not seen")                    \
    X(gradient_zero_first, int32_t, "episode", DIM_ACTOR, DIM_NONE, DIM_NONE,                      \
      "first episode whose own gradient is exactly 0; -1 not seen")                                \
    X(gradient_zero, int32_t, "episode", DIM_ACTOR, DIM_NONE, DIM_NONE,                            \
      "start of the unbroken stretch of exactly zero gradients that lasts to the end; -1 none")    \
    X(hard_saturation, int32_t, "episode", DIM_ACTOR, DIM_NONE, DIM_NONE,                          \
      "first episode in which every slope of the batch (1-y^2 of tanh) is exactly 0; -1 not seen") \
    X(last_change, int32_t, "episode", DIM_ACTOR, DIM_NONE, DIM_NONE,                              \
      "last episode in which a parameter changed, when followed by at least tracking.absorb "      \
      "still episodes up to the end; -1 otherwise")                                                \
    X(cause, int32_t, "1", DIM_ACTOR, DIM_NONE, DIM_NONE,                                          \
      "why the gradient is zero from gradient_zero on (see flag_meanings)")                        \
    X(critic_first_still, int32_t, "episode", DIM_NONE, DIM_NONE, DIM_NONE,                        \
      "first_still of the critic; -1 not seen")                                                    \
    X(critic_last_change, int32_t, "episode", DIM_NONE, DIM_NONE, DIM_NONE,                        \
      "last_change of the critic; -1 otherwise")                                                   \
    X(critic_gradient_zero, int32_t, "episode", DIM_NONE, DIM_NONE, DIM_NONE,                      \
      "gradient_zero of the critic's loss; -1 none")                                               \
    X(detection_episode, int32_t, "episode", DIM_DETECTION, DIM_NONE, DIM_NONE,                    \
      "first log episode at which the detection held over tracking.window logs, by own "           \
      "gradients; "                                                                                \
      "-1 never")                                                                                  \
    X(reward, double, "1", DIM_EPISODE, DIM_NONE, DIM_NONE, "sum of the step rewards")             \
    X(energy_violation, double, "1", DIM_EPISODE, DIM_NONE, DIM_NONE,                              \
      "share of (step, agent) pairs whose battery fell below its threshold")                       \
    X(deadline_violation, double, "1", DIM_EPISODE, DIM_NONE, DIM_NONE,                            \
      "share of (step, agent) pairs that missed their deadline")                                   \
    X(critic_loss, float, "1", DIM_EPISODE, DIM_NONE, DIM_NONE,                                    \
      "mean over all rows of (w q - w t)^2")                                                       \
    X(n_selected, int32_t, "row", DIM_EPISODE, DIM_NONE, DIM_NONE,                                 \
      "rows of the critic's loss: accepted agents of the batch, 'nobody' rows included")           \
    X(actors_stopped, int32_t, "actor", DIM_EPISODE, DIM_NONE, DIM_NONE,                           \
      "actors whose first_still is this episode or earlier")                                       \
    X(actor_moving, uint8_t, "1", DIM_EPISODE, DIM_ACTOR_BYTE, DIM_NONE,                           \
      "bit set: a parameter of that actor changed in the training step")                           \
    X(critic_moving, uint8_t, "1", DIM_EPISODE, DIM_NONE, DIM_NONE,                                \
      "1: a parameter of the critic changed in the training step")                                 \
    X(actor_grad_own, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                    \
      "sqrt(sum over actors of squared norm / N) of the gradients the optimisers used")            \
    X(critic_grad_own, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                   \
      "norm of the critic's loss gradient")                                                        \
    X(actor_grad_accumulated, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                            \
      "as actor_grad_own, of each actor's sum over passes i to N-1 (what the study logged)")       \
    X(critic_grad_accumulated, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                           \
      "norm of the loss gradient plus the gradients of all actor passes (what the study logged)")  \
    X(gradient_ratio_own, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                \
      "actor_grad_own / critic_grad_own")                                                          \
    X(gradient_ratio_accumulated, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                        \
      "actor_grad_accumulated / critic_grad_accumulated")                                          \
    X(actor_layer_grad_own, float, "1", DIM_LOG, DIM_ACTOR, DIM_LAYER,                             \
      "norm of the gradient the optimiser used, by layer")                                         \
    X(actor_layer_grad_accumulated, float, "1", DIM_LOG, DIM_ACTOR, DIM_LAYER,                     \
      "norm of the gradient summed over passes i to N-1, by layer")                                \
    X(critic_layer_grad_own, double, "1", DIM_LOG, DIM_LAYER, DIM_NONE,                            \
      "norm of the critic's loss gradient, by layer")                                              \
    X(critic_layer_grad_accumulated, double, "1", DIM_LOG, DIM_LAYER, DIM_NONE,                    \
      "norm of the critic's accumulated gradient, by layer")                                       \
    X(actor_param_norm, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                  \
      "norm of the parameters of all actors together")                                             \
    X(critic_param_norm, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                 \
      "norm of the critic's parameters")                                                           \
    X(actor_update, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE, "norm of the change of parameters")  \
    X(actor_update_relative, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                             \
      "actor_update / norm of the parameters before")                                              \
    X(critic_update, double, "1", DIM_LOG, DIM_NONE, DIM_NONE, "norm of the change of parameters") \
    X(critic_update_relative, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                            \
      "critic_update / norm of the parameters before")                                             \
    X(grad_norm_y, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                       \
      "attenuation chain: norm over the batch of dL/dy, y the squashed output")                    \
    X(grad_norm_z, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                       \
      "attenuation chain: norm of dL/dz, z the input of the squash")                               \
    X(grad_norm_h2, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                      \
      "attenuation chain: norm of dL/dh2, second hidden layer")                                    \
    X(grad_norm_h1, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                      \
      "attenuation chain: norm of dL/dh1, first hidden layer")                                     \
    X(tanh_slope_mean, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                   \
      "mean over the batch of what multiplies dL/dy, f32 as used: 1-y^2 for tanh")                 \
    X(tanh_slope_zero, float, "1", DIM_LOG, DIM_ACTOR, DIM_NONE,                                   \
      "share of the batch's slopes (1-y^2 for tanh) that are exactly 0")                           \
    X(actor_dead, float, "1", DIM_LOG, DIM_ACTOR, DIM_HIDDEN,                                      \
      "share of hidden units that are 0 on every row of the actor's batch")                        \
    X(critic_dead, float, "1", DIM_LOG, DIM_HIDDEN, DIM_NONE,                                      \
      "share of hidden units that are 0 on every row of the critic's loss")                        \
    X(preactivation_mean, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                \
      "last sums of all actors since the last log, every forward pass counted: mean; they are "    \
      "the "                                                                                       \
      "inputs of the squash, or with networks.actor_norm output of that normalisation")            \
    X(preactivation_std, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                 \
      "the same: standard deviation (ddof 0)")                                                     \
    X(preactivation_min, double, "1", DIM_LOG, DIM_NONE, DIM_NONE, "the same: minimum")            \
    X(preactivation_max, double, "1", DIM_LOG, DIM_NONE, DIM_NONE, "the same: maximum")            \
    X(saturation, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                                        \
      "the same: share with |y| > 0.9, y the squash of such a sum")                                \
    X(preactivation_above, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                               \
      "the same: share with z > tracking.saturated_z")                                             \
    X(preactivation_below, double, "1", DIM_LOG, DIM_NONE, DIM_NONE,                               \
      "the same: share with z < -tracking.saturated_z")                                            \
    X(action_preactivation_mean, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                       \
      "preactivation_mean by action dimension")                                                    \
    X(action_preactivation_std, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                        \
      "preactivation_std by action dimension")                                                     \
    X(action_preactivation_min, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                        \
      "preactivation_min by action dimension")                                                     \
    X(action_preactivation_max, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                        \
      "preactivation_max by action dimension")                                                     \
    X(action_saturation, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                               \
      "saturation by action dimension")                                                            \
    X(action_preactivation_above, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                      \
      "preactivation_above by action dimension")                                                   \
    X(action_preactivation_below, double, "1", DIM_LOG, DIM_ACTION, DIM_NONE,                      \
      "preactivation_below by action dimension")                                                   \
    X(preactivation_histogram, int32_t, "1", DIM_SNAPSHOT, DIM_ACTION, DIM_BIN,                    \
      "last sums of all actors (see preactivation_mean) on the batch, before the updates of that " \
      "episode: counts by bin")                                                                    \
    X(evaluation_reward, double, "1", DIM_EVALUATION, DIM_NONE, DIM_NONE,                          \
      "mean episode reward of the greedy evaluation")                                              \
    X(evaluation_over_limit, double, "1", DIM_EVALUATION, DIM_NONE, DIM_NONE,                      \
      "share of evaluation steps whose proposals exceed the server's channels or storage")         \
    X(evaluation_deadline_violation, double, "1", DIM_EVALUATION, DIM_NONE, DIM_NONE,              \
      "deadline_violation of the evaluation")                                                      \
    X(evaluation_energy_violation, double, "1", DIM_EVALUATION, DIM_NONE, DIM_NONE,                \
      "energy_violation of the evaluation")

/* Fields of logs that exist only where a setting makes something to measure: where an extent is not
 * 0. DIM_INPUT is also their second dimension. X(name, C type, unit, DIM_…, meaning) */
#define RECORD_OPTIONAL_FIELDS(X)                                                                  \
    X(actor_grad_before_clip, double, "1", DIM_CLIPPING_ACTORS,                                    \
      "mean over actors of the norm of the own gradient before it was clipped")                    \
    X(actor_grad_after_clip, double, "1", DIM_CLIPPING_ACTORS,                                     \
      "the same after it was clipped; what the optimisers used")                                   \
    X(actors_clipped, double, "1", DIM_CLIPPING_ACTORS,                                            \
      "share of actors whose own gradient was longer than training.clip_actor")                    \
    X(critic_grad_before_clip, double, "1", DIM_CLIPPING_CRITIC,                                   \
      "norm of the critic's loss gradient before it was clipped")                                  \
    X(input_mean, double, "1", DIM_INPUT,                                                          \
      "mean of each value of a state over all observations stored so far, in the value's unit")    \
    X(input_std, double, "1", DIM_INPUT, "the same: standard deviation (ddof 0)")                  \
    X(squash_input_mean, double, "1", DIM_OUTPUT_NORM,                                             \
      "as preactivation_mean, behind the normalisation of the outputs: what the squash sees")      \
    X(squash_input_std, double, "1", DIM_OUTPUT_NORM, "the same: standard deviation (ddof 0)")     \
    X(squash_input_min, double, "1", DIM_OUTPUT_NORM, "the same: minimum")                         \
    X(squash_input_max, double, "1", DIM_OUTPUT_NORM, "the same: maximum")                         \
    X(squash_input_saturation, double, "1", DIM_OUTPUT_NORM,                                       \
      "the same: share of actions beyond 0.9, the saturation that an actor has")                   \
    X(squash_input_above, double, "1", DIM_OUTPUT_NORM,                                            \
      "the same: share above tracking.saturated_z")                                                \
    X(squash_input_below, double, "1", DIM_OUTPUT_NORM,                                            \
      "the same: share below -tracking.saturated_z")                                               \
    X(actor_norm_z_grad_own, double, "1", DIM_OUTPUT_NORM,                                         \
      "as actor_grad_own, of gamma and beta of the outputs' normalisation alone")                  \
    X(actor_norm_z_grad_accumulated, double, "1", DIM_OUTPUT_NORM,                                 \
      "as actor_grad_accumulated, likewise")                                                       \
    X(actor_norm_z_gamma, double, "1", DIM_OUTPUT_NORM, "mean over actors of the norm of gamma")   \
    X(actor_norm_z_beta, double, "1", DIM_OUTPUT_NORM, "mean over actors of the norm of beta")     \
    X(actor_norm_h1_grad_own, double, "1", DIM_HIDDEN_NORM,                                        \
      "as actor_grad_own, of gamma and beta behind the first hidden layer alone")                  \
    X(actor_norm_h1_grad_accumulated, double, "1", DIM_HIDDEN_NORM,                                \
      "as actor_grad_accumulated, likewise")                                                       \
    X(actor_norm_h1_gamma, double, "1", DIM_HIDDEN_NORM, "mean over actors of the norm of gamma")  \
    X(actor_norm_h1_beta, double, "1", DIM_HIDDEN_NORM, "mean over actors of the norm of beta")    \
    X(actor_norm_h2_grad_own, double, "1", DIM_HIDDEN_NORM,                                        \
      "as actor_grad_own, of gamma and beta behind the second hidden layer alone")                 \
    X(actor_norm_h2_grad_accumulated, double, "1", DIM_HIDDEN_NORM,                                \
      "as actor_grad_accumulated, likewise")                                                       \
    X(actor_norm_h2_gamma, double, "1", DIM_HIDDEN_NORM, "mean over actors of the norm of gamma")  \
    X(actor_norm_h2_beta, double, "1", DIM_HIDDEN_NORM, "mean over actors of the norm of beta")    \
    X(critic_norm_h1_grad_own, double, "1", DIM_CRITIC_NORM,                                       \
      "as critic_grad_own, of gamma and beta behind the first hidden layer alone")                 \
    X(critic_norm_h1_grad_accumulated, double, "1", DIM_CRITIC_NORM,                               \
      "as critic_grad_accumulated, likewise")                                                      \
    X(critic_norm_h1_gamma, double, "1", DIM_CRITIC_NORM, "norm of gamma")                         \
    X(critic_norm_h1_beta, double, "1", DIM_CRITIC_NORM, "norm of beta")                           \
    X(critic_norm_h2_grad_own, double, "1", DIM_CRITIC_NORM,                                       \
      "as critic_grad_own, of gamma and beta behind the second hidden layer alone")                \
    X(critic_norm_h2_grad_accumulated, double, "1", DIM_CRITIC_NORM,                               \
      "as critic_grad_accumulated, likewise")                                                      \
    X(critic_norm_h2_gamma, double, "1", DIM_CRITIC_NORM, "norm of gamma")                         \
    X(critic_norm_h2_beta, double, "1", DIM_CRITIC_NORM, "norm of beta")

/** One training's arrays. A pointer is NULL where one of its extents is 0. */
struct record {
#define X(name, type, unit, d1, d2, d3, meaning) type *name;
    RECORD_FIELDS(X)
#undef X
#define X(name, type, unit, only, meaning) type *name;
    RECORD_OPTIONAL_FIELDS(X)
#undef X
};

enum field_type { FIELD_F64, FIELD_F32, FIELD_I32, FIELD_U8 };

/** One row of the table of fields. */
struct field {
    const char *name;
    enum field_type type;
    const char *unit;
    enum dimension dims[3]; /**< DIM_NONE after the last */
    const char *meaning;
    size_t offset;       /**< of the pointer in struct record */
    enum dimension only; /**< the field exists where this extent is not 0; DIM_NONE: always */
};

/** Extents of all dimensions for one cell; [DIM_NONE] is 1. */
struct extents {
    int64_t of[DIM_COUNT];
};

/** Positive edges of the histogram: 10^-2 … 10^5, four to the decade. */
enum { RECORD_POSITIVE_EDGES = 29, RECORD_BINS = 2 * RECORD_POSITIVE_EDGES + 2 };

/** The table: `*count` rows in the order of RECORD_FIELDS, then RECORD_OPTIONAL_FIELDS. */
const struct field *record_fields(size_t *count) MUST_USE;

/** The row of the field of that name, which must exist. */
const struct field *record_field(const char *name) MUST_USE;

/** Extents that follow from the settings of a cell. */
struct extents record_extents(const struct settings *cell) MUST_USE;

/** Name of a dimension as it is in the file ("episode", "log", …). */
const char *record_dimension(enum dimension dim) MUST_USE;

/** Number of values in a field: the product of its extents. 0: the field does not exist in such a
 *  cell. */
int64_t record_count(const struct field *field, const struct extents *extents) MUST_USE;

/** Size in bytes of one value of a field. */
size_t record_value_size(const struct field *field) MUST_USE;

/** Bytes of all fields of one cell, each padded to a multiple of 8. */
size_t record_size(const struct extents *extents) MUST_USE;

/** Point the arrays of `r` into `block` (record_size bytes, 8-aligned, owned by the caller). */
void record_bind(struct record *r, const struct extents *extents, void *block);

/** Set every value to its fill value: NaN, -1 or 0. */
void record_clear(struct record *r, const struct extents *extents);

/** Copy a record into one that is at least as wide in every dimension: of the same cell with a
 *  larger limit of episodes. What is behind its rows gets its fill.
 *  \param narrow extents of `from` \param wide extents of `to` */
void record_widen(const struct record *from, const struct extents *narrow, struct record *to,
                  const struct extents *wide);

/** Lower edges of the RECORD_BINS bins, ascending. The first is -infinity; the others are 0 and
 *  ±10^(k/4-2). A value on an edge belongs to the bin above it. */
void record_bin_edges(double edges[RECORD_BINS]);

/** Coordinate values of a numeric dimension for one cell: episode numbers (1-based) for episode,
 *  log, snapshot and evaluation, indices for actor and actor_byte, lower edges for bin. */
void record_coordinates(const struct settings *cell, enum dimension dim, double *values);

/** Names of the members of a labelled dimension (action, layer, hidden, detection, input), ended by
 *  a NULL; or NULL for a numeric dimension. */
const char *const *record_labels(enum dimension dim) MUST_USE;

/** Names of the outcomes and causes, by their number ("pending", "stopped", …; "none", "nan", …).
 */
const char *outcome_name(enum outcome outcome) MUST_USE;
const char *cause_name(enum cause cause) MUST_USE;
enum { OUTCOME_COUNT = 7, CAUSE_COUNT = 6 };

/** True when a run that is done can have this outcome. Any other value in a file is damage. Local.
 */
bool outcome_is_final(int32_t outcome) MUST_USE;

/** Limits for the whole numbers in the record of a run that is done. */
struct record_bounds {
    int32_t outcome;
    int64_t total; /**< episodes played */
    int64_t limit; /**< of episodes */
    int64_t actors;
};

/** Room for a sentence on damage. */
enum { RECORD_WHY = 128 };

/** The bounds of a run of `cell` with this outcome and this number of episodes. */
struct record_bounds record_bounds(const struct settings *cell, int32_t outcome,
                                   int32_t total) MUST_USE;

/**
 * Check that a finished training can have the first `count` values of a field: outcome and causes
 * have a name, episodes were played, and counts are not larger than what is counted. Reals can have
 * any value. Call it for all values that come from a file, before they are used. Local.
 * \param why what is wrong ("its cause of actor 2 is 99, expected -1 to 5"); unchanged when every
 *            value is valid
 * \return true when every value is valid
 */
bool record_holds(const struct field *field, const void *values, int64_t count,
                  const struct record_bounds *bounds, char why[RECORD_WHY]) MUST_USE;

/** The same for all fields of a record of `cell`. */
bool record_check(const struct record *record, const struct settings *cell,
                  char why[RECORD_WHY]) MUST_USE;

#endif
