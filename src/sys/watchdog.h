// SPDX-License-Identifier: MIT
/**
 * The watchdog: ends a process that waits for other ranks for so long that it never would end.
 *
 * What is collective inside MPI and MPI-IO cannot be given up: when one rank fails or hangs in it,
 * all others wait for ever. So a thread looks on. When the time is up every rank says where it is
 * and since when, which tells who waits for whom, and ends with STATUS_FAULT. Local; knows no MPI.
 */
#ifndef CCMSWEEP_WATCHDOG_H
#define CCMSWEEP_WATCHDOG_H

#include <ccmsweep/fault.h>

/** Seconds until it is given up. Opening takes some with a thousand ranks, and starting on many
 *  nodes much longer than anything after it. When the file is closed all is saved, and no rank is
 *  late. */
enum { WATCHDOG_S = 60, WATCHDOG_START_S = 600, WATCHDOG_CLOSE_S = 30 };

struct watchdog;

/** Begin to watch; time runs from now on. \param rank of this process, for the sentence
 *  \param patience_s after which the process ends
 *  \param stage as of watchdog_stage. The caller owns it: watchdog_free. NULL when no thread can be
 *  made: nobody watches then */
struct watchdog *watchdog_new(int rank, double patience_s, const char *stage) MUST_USE;

/** Say what is done from now on: "opening FILE, together with all other ranks". Copied. NULL for
 *  the watchdog is fine: nothing happens */
void watchdog_stage(struct watchdog *watchdog, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Stop watching, free and clear; NULL and a pointer to NULL are fine. */
void watchdog_free(struct watchdog **watchdog);

#endif
