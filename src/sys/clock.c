// SPDX-License-Identifier: MIT
#include "sys/clock.h"
#include <ccmsweep/fault.h>
#include <time.h>

static double read_clock(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double clock_utc(void)
{
    return read_clock(CLOCK_REALTIME);
}

double clock_cpu(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
