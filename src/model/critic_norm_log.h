// SPDX-License-Identifier: MIT
/**
 * What a log has of a critic's normalisations: norms of γ, β and of their gradients, by layer. The
 * fields of the record exist only with networks.critic_norm; without it nothing is done here.
 */
#ifndef CCMSWEEP_CRITIC_NORM_LOG_H
#define CCMSWEEP_CRITIC_NORM_LOG_H

#include "model/kernels.h"
#include "model/mlp.h"
#include <ccmsweep/record.h>

/** Norm of γ's and β's gradient together. \param log row of the log
 *  \param gradient (Pc) \param own the critic's own, or the accumulated one */
void critic_norm_log_gradient(struct record *record, const struct kernels *kernels, int64_t log,
                              const struct mlp *critic, const float *gradient, bool own);

/** Norms of γ and β. \param theta (Pc) */
void critic_norm_log_parameters(struct record *record, const struct kernels *kernels, int64_t log,
                                const struct mlp *critic, const float *theta);

#endif
