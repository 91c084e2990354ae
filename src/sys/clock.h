// SPDX-License-Identifier: MIT
/**
 * Time: a steady clock for durations and due dates, CPU time, and the date. Local; knows nothing
 * else.
 */
#ifndef CCMSWEEP_CLOCK_H
#define CCMSWEEP_CLOCK_H

/** Seconds since an arbitrary start; never goes back, not even when the date is set. */
double clock_now(void);

/** Seconds since 1970-01-01 UTC. */
double clock_utc(void);

/** Seconds of CPU time that the calling thread has used. What libraries do in threads of their own
 *  does not count, even if they only wait there. */
double clock_cpu(void);

#endif
