// SPDX-License-Identifier: MIT
/**
 * Time: a steady clock for durations and due dates, and the date. Local; knows nothing else.
 */
#ifndef CCMSWEEP_CLOCK_H
#define CCMSWEEP_CLOCK_H

/** Seconds since an arbitrary start; never goes back, not even when the date is set. */
double clock_now(void);

/** Seconds since 1970-01-01 UTC. */
double clock_utc(void);

#endif
