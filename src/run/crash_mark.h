// SPDX-License-Identifier: MIT
/**
 * The crash mark: what a process writes when a fault of its own ends it.
 *
 * On SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT the handler adds one to the crash count of the
 * run, sets its `flight` to FLIGHT_CRASHED, syncs the file and lets the signal kill. Only calls
 * that are safe in a handler are made: pread, pwrite, fsync. A kill from outside (SIGKILL, no
 * memory left, a lost node) leaves no mark. Local.
 */
#ifndef CCMSWEEP_CRASH_MARK_H
#define CCMSWEEP_CRASH_MARK_H

#include "store/store.h"

/** Catch the signals from now on, on a stack of their own. Call before MPI is started: MPI then
 *  leaves these signals alone. */
void crash_mark_install(void);

/** From now on a crash is counted for the run at this place; NULL: for no run. The place is
 *  copied. */
void crash_mark_aim(const struct store_place *place);

#endif
