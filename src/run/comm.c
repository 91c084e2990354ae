// SPDX-License-Identifier: MIT
#include "run/comm.h"
#include "sys/clock.h"
#include "sys/launcher.h"
#include "sys/watchdog.h"
#include <math.h>
#include <mpi.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct message) == 32, "no padding travels");

enum { TAG = 1 };

void comm_start(struct comm *comm)
{
    *comm = (struct comm){.launched = launcher_is_there(), .size = 1};
    if (!comm->launched)
        return;
    /* These of OMPIO's helpers leave semaphores named after the file, which two jobs may share. */
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

static void wait_for(MPI_Request *request)
{
    struct nap nap = {0};
    for (int done = 0; !done;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!done)
            nap_sleep(&nap);
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
    /* The last process on a node finds the folder empty; nobody else may be left there to do it. */
    const char *const scratch = getenv("CCMSWEEP_SCRATCH");
    if (scratch != NULL)
        rmdir(scratch);
}

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

/* A sleep is a 64th of the time waited so far: what comes is seen 1 % late at most. Giving the core
 * away by sched_yield instead could cost whole time slices where all cores are busy. */
static const double shortest_s = 2e-6, longest_s = 10e-3;
static const double share = 1.0 / 64;

void nap_sleep(struct nap *nap)
{
    const double now_s = clock_now();
    if (nap->since_s == 0)
        nap->since_s = now_s;
    const double sleep_s = fmin(fmax(share * (now_s - nap->since_s), shortest_s), longest_s);
    nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * sleep_s)}, NULL);
}

void nap_wake(struct nap *nap)
{
    nap->since_s = 0;
}
