// SPDX-License-Identifier: MIT
/*
 * The three clocks of the system, as seconds in a double: a microsecond is still exact for dates of
 * this century.
 */
#include "sys/clock.h"
#include <ccmsweep/fault.h>
#include <time.h>

static double read_clock(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* For durations and due dates: not affected when somebody sets the date. */
double clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double clock_utc(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* Of the calling thread alone: MPI and BLAS may have threads that use CPU time while they wait. */
double clock_cpu(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
