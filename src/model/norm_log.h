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

/** In the place of an actor, or of how many there are. */
enum { NORM_LOG_CRITIC = -1 };

/** Add one network's gradient by γ and β to row `log`, which the first actor, number 0, begins
 *  anew. \param actor its number, or NORM_LOG_CRITIC \param gradient (P) or (Pc): its own, or the
 *  accumulated one */
void norm_log_add(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t actor, struct reals gradient, bool own);

/** Close row `log`: means over actors of the norms of γ and β, and after a training step root mean
 *  squares over them of what was added. \param agents or NORM_LOG_CRITIC
 *  \param theta (N, P) or (Pc) \param trained gradients were added */
void norm_log_end(const struct record *r, const struct kernels *kernels, int64_t log,
                  const struct mlp *mlp, int64_t agents, struct reals theta, bool trained);

#endif
