// SPDX-License-Identifier: MIT
#include "run/backoff.h"
#include "sys/clock.h"
#include <math.h>
#include <time.h>

/* A sleep is a 64th of the time waited so far: what comes is seen 1 % late at most. Giving the core
 * away by sched_yield instead could cost whole time slices where all cores are busy. */
static const double shortest_s = 2e-6, longest_s = 10e-3;
static const double share = 1.0 / 64;

void backoff_sleep(struct backoff *backoff)
{
    const double now_s = clock_now();
    if (backoff->since_s == 0)
        backoff->since_s = now_s;
    const double sleep_s = fmin(fmax(share * (now_s - backoff->since_s), shortest_s), longest_s);
    nanosleep(&(struct timespec){.tv_nsec = (long)(1e9 * sleep_s)}, NULL);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->since_s = 0;
}
