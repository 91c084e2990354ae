// SPDX-License-Identifier: MIT
/**
 * Who started this process: what launchers of parallel programs leave in the environment.
 *
 * The one place that knows their variables. Does not use MPI. Local; only reads the environment.
 */
#ifndef CCMSWEEP_LAUNCHER_H
#define CCMSWEEP_LAUNCHER_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>

/** True when a launcher that sets up MPI (mpirun, srun --mpi=pmix) started this process. The
 *  variables of a SLURM job alone do not say so: every shell of the job has them. */
bool launcher_is_there(void) MUST_USE;

/** Rank that such a launcher gave this process, 0 without one. */
int launcher_rank(void) MUST_USE;

/** True when the launcher leaves its ranks time after SIGTERM: srun does (KillWait, 30 s by
 *  default), mpirun does not (one second). */
bool launcher_gives_time(void) MUST_USE;

/**
 * Explain why a process that is alone in MPI, or without MPI, is one of several that a launcher has
 * started: the mpirun of another MPI, or srun without PMIx.
 * \param text the cause and the cure, without a full stop (output); "" when nothing is wrong
 * \return true when there is something to say
 */
bool launcher_explain(char *text, size_t size) MUST_USE;

#endif
