// SPDX-License-Identifier: MIT
/*
 * Which launcher started the process, from the environment variables that it sets.
 *
 * This is asked before MPI_Init, for two reasons: without a launcher MPI is not needed at all, and
 * when a launcher belongs to another MPI, every process would find itself alone in MPI_COMM_WORLD
 * and they would all train the same cells. launcher_explain finds the second case afterwards.
 */
#include "sys/launcher.h"
#include "base/text.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The innermost launcher first: mpirun inside of a job step has the variables of both. srun comes
 * last, because with --mpi=pmix it sets those of PMIx as well. */
static const struct launcher {
    const char *name;
    const char *rank, *size; /* variables; size NULL: it has none */
    bool is_mpi;             /* sets up the MPI that this program has */
} launchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", true},
    {"a launcher with PMIx", "PMIX_RANK", NULL, true},
    {"a launcher with PMI", "PMI_RANK", "PMI_SIZE", true},
    {"mpirun of MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", false},
    {"mpirun of MPICH or Intel MPI", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", false},
    {"jsrun", "JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE", false},
    {"flux", "FLUX_TASK_RANK", "FLUX_JOB_SIZE", false},
    {"mpiexec of PALS", "PALS_RANKID", "PALS_SIZE", false},
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", false},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

/* A launcher of our MPI may give either variable; of the others only the rank is reliable. */
static bool started_by(const struct launcher *launcher)
{
    return getenv(launcher->rank) != NULL ||
           (launcher->is_mpi && launcher->size != NULL && getenv(launcher->size) != NULL);
}

static const struct launcher *find_mpi(void)
{
    for (size_t i = 0; i < LAUNCHERS; i++) {
        if (launchers[i].is_mpi && started_by(&launchers[i]))
            return &launchers[i];
    }
    return NULL;
}

bool launcher_is_there(void)
{
    return find_mpi() != NULL;
}

int launcher_rank(void)
{
    const struct launcher *const launcher = find_mpi();
    const char *const rank = launcher != NULL ? getenv(launcher->rank) : NULL;
    return rank != NULL ? (int)strtol(rank, NULL, 10) : 0;
}

/* mpirun kills its ranks about one second after it passes SIGTERM on. srun waits for KillWait, 30 s
 * by default. */
bool launcher_gives_time(void)
{
    return launcher_is_there() && getenv("OMPI_COMM_WORLD_RANK") == NULL &&
           getenv("SLURM_STEP_ID") != NULL;
}

static int64_t read_count(const char *variable)
{
    const char *const text = variable != NULL ? getenv(variable) : NULL;
    int64_t count = 0;
    return text != NULL && text_parse_integer(text, &count) ? count : 0;
}

/* SLURM sets SLURM_PROCID in a batch script too, to 0, without a step. Such a script may start
 * several tasks, but is itself one process. */
static bool is_of_step(void)
{
    return getenv("SLURM_STEP_ID") != NULL || read_count("SLURM_PROCID") > 0;
}

bool launcher_explain(char *text, size_t size)
{
    /* The first launcher with a number of processes; without one, the last that started this
     * process. */
    const struct launcher *found = NULL;
    int64_t count = 0;
    for (size_t i = 0; i < LAUNCHERS && count == 0; i++) {
        if (!started_by(&launchers[i]))
            continue;
        found = &launchers[i];
        count = read_count(found->size);
    }
    const char *variable = found != NULL ? found->size : NULL;
    if (count == 0 && getenv("SLURM_PROCID") != NULL && is_of_step()) {
        variable = "SLURM_NTASKS";
        count = read_count(variable);
    }
    *text = '\0';
    if (count <= 1)
        return false;
    snprintf(text, size,
             "%s started %lld processes (%s), but MPI did not connect them, so each would work "
             "alone: start them with the mpirun of the MPI that this program was built "
             "with, or with srun --mpi=pmix (not --mpi=none)",
             found->name, (long long)count, variable);
    return true;
}
