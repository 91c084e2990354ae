// SPDX-License-Identifier: MIT
/**
 * The watchdog: ends a process that waits for other ranks for so long that it would never end.
 *
 * A collective call of MPI or MPI-IO cannot be interrupted: when one rank fails or hangs in it, all
 * others wait for ever. So a thread watches. When the time is up, every rank reports where it is
 * and since when, which shows who waits for whom, and ends with STATUS_FAULT. Local; does not use
 * MPI.
 */
#ifndef CCMSWEEP_WATCHDOG_H
#define CCMSWEEP_WATCHDOG_H

#include <ccmsweep/fault.h>

/** Seconds until the process gives up. Opening takes some seconds with a thousand ranks, and
 *  starting on many nodes takes much longer than anything after it. Closing may take less: all is
 *  saved by then, and no rank is late. */
enum { WATCHDOG_S = 60, WATCHDOG_START_S = 600, WATCHDOG_CLOSE_S = 30 };

struct watchdog;

/** Begin to watch; time runs from now on. \param rank of this process, for the message
 *  \param patience_s seconds after which the process ends
 *  \param stage as of watchdog_stage
 *  \return owned by the caller: watchdog_free. NULL when no thread can be created: then nothing is
 *  watched */
struct watchdog *watchdog_new(int rank, double patience_s, const char *stage) MUST_USE;

/** Name what is done from now on: "opening FILE, together with all other ranks". Copied. A NULL
 *  watchdog is fine: nothing happens */
void watchdog_stage(struct watchdog *watchdog, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Stop watching, free and clear; NULL and a pointer to NULL are fine. */
void watchdog_free(struct watchdog **watchdog);

#endif
