// SPDX-License-Identifier: MIT
/**
 * The polite stop: SIGINT, SIGTERM and SIGUSR1 set a flag that the work loop looks at.
 *
 * Alone, the first signal asks and the second one, of any of the three, kills as if nothing caught
 * it. Under a launcher only SIGUSR1 asks, however often it comes: SIGTERM and SIGINT are there the
 * launcher's way to end the job within a second. The flag is one of the program's few mutable
 * globals (a signal handler cannot have another place).
 */
#ifndef CCMSWEEP_STOP_H
#define CCMSWEEP_STOP_H

#include <stdbool.h>

/** Catch the signals from now on. Local; call once, before the work and before MPI is started. */
void stop_install(bool launched);

/** True once a signal has come. */
bool stop_requested(void);

#endif
