// SPDX-License-Identifier: MIT
/**
 * What a log has of the normalisations of actors and critic: gradients and sizes of their γ and β.
 * All functions do nothing for layers that have none.
 *
 * Letters: N agents, P parameters of an actor, Pc of the critic. Norms are f64.
 */
#ifndef CCMSWEEP_NORM_LOG_H
#define CCMSWEEP_NORM_LOG_H

#include "model/kernels.h"
#include "model/mlp.h"
#include <ccmsweep/record.h>
#include <stdbool.h>
#include <stdint.h>

/** Add one actor's gradient by γ and β to row `log`, which the first, number 0, begins anew.
 *  \param gradient (P) its own, or the accumulated one */
void norm_log_add(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t actor, struct reals gradient, bool own);

/** Make root mean squares over the actors of what was added. */
void norm_log_finish(const struct record *r, int64_t log, const struct mlp *mlp, int64_t agents);

/** Write the means over actors of the norms of γ and β. \param theta (N, P) */
void norm_log_parameters(const struct record *r, const struct kernels *kernels, int64_t log,
                         const struct mlp *mlp, int64_t agents, struct reals theta);

/** The norm of the critic's gradient by γ and β of each hidden layer. \param log row of the log
 *  \param gradient (Pc) \param own the critic's own, or the accumulated one */
void norm_log_critic_gradient(struct record *record, const struct kernels *kernels, int64_t log,
                              const struct mlp *critic, const float *gradient, bool own);

/** The norms of the critic's γ and β. \param theta (Pc) */
void norm_log_critic_parameters(struct record *record, const struct kernels *kernels, int64_t log,
                                const struct mlp *critic, const float *theta);

#endif
