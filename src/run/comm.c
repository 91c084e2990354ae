// SPDX-License-Identifier: MIT
/*
 * MPI as this program needs it. Every wait is a non-blocking call that is tested between sleeps,
 * since rank 0 shares its core with a worker: a rank that spins in MPI would take half of it.
 */
#include "run/comm.h"
#include "run/backoff.h"
#include "sys/launcher.h"
#include "sys/watchdog.h"
#include <mpi.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

_Static_assert(sizeof(struct message) == 56, "no padding travels");

enum { TAG = 1 };

void comm_start(struct comm *comm)
{
    *comm = (struct comm){.launched = launcher_is_there(), .size = 1};
    if (!comm->launched)
        return;
    /* Other helpers of OMPIO leave semaphores behind, named after the file, which two jobs may
     * share. */
    setenv("OMPI_MCA_sharedfp", "^sm,lockedfile", 0);
    struct watchdog *watchdog =
        watchdog_new(launcher_rank(), WATCHDOG_START_S,
                     "starting MPI (MPI_Init), together with all other ranks");
    MPI_Init(NULL, NULL);
    watchdog_free(&watchdog);
    MPI_Comm_rank(MPI_COMM_WORLD, &comm->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &comm->size);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* ns: short sleeps are to be short */
}

/* Used instead of MPI_Wait, which spins. */
static void wait_for(MPI_Request *request)
{
    struct backoff backoff = {0};
    for (int done = 0; !done;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!done)
            backoff_sleep(&backoff);
    }
}

void comm_meet(const struct comm *comm)
{
    if (comm->size == 1)
        return;
    MPI_Request all;
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    wait_for(&all);
}

/* All ranks meet first, sleeping: MPI_Finalize would spin until the last rank arrives. */
void comm_finish(struct comm *comm)
{
    if (!comm->launched)
        return;
    comm_meet(comm);
    struct watchdog *watchdog =
        watchdog_new(comm->rank, WATCHDOG_S,
                     "finishing MPI (MPI_Finalize), together with all other ranks; all is saved");
    MPI_Finalize();
    watchdog_free(&watchdog);
    comm->launched = false;
    /* The last process on a node finds the folder empty and removes it; for the others rmdir fails,
     * which is expected. After the job no process may be left on the node to do it. */
    const char *const scratch = getenv("CCMSWEEP_SCRATCH");
    if (scratch != NULL)
        rmdir(scratch);
}

/* _exit, without exit handlers: that of HDF5 would try again to write what it could not write. */
void comm_abort(const struct comm *comm, int code)
{
    if (comm->launched)
        MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
}

void comm_send(const struct comm *comm, int to, const struct message *message)
{
    CHECK(to != comm->rank && to < comm->size);
    MPI_Send(message, sizeof *message, MPI_BYTE, to, TAG, MPI_COMM_WORLD);
}

/* With one rank MPI may not have been started, and no other rank can have sent anything. */
bool comm_receive(const struct comm *comm, struct message *message, int *from)
{
    if (comm->size == 1)
        return false;
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &status);
    if (!there)
        return false;
    MPI_Recv(message, sizeof *message, MPI_BYTE, status.MPI_SOURCE, TAG, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    if (from != NULL)
        *from = status.MPI_SOURCE;
    return true;
}

void comm_broadcast(const struct comm *comm, void *bytes, size_t size)
{
    if (comm->size == 1)
        return;
    MPI_Request request;
    MPI_Ibcast(bytes, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

int64_t comm_sum(const struct comm *comm, int64_t value)
{
    int64_t sum = value;
    if (comm->size == 1)
        return sum;
    MPI_Request request;
    MPI_Ireduce(&value, &sum, 1, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD, &request);
    wait_for(&request);
    return sum;
}
