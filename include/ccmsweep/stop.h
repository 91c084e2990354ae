// SPDX-License-Identifier: MIT
/**
 * The polite stop: SIGINT, SIGTERM and SIGUSR1 set a flag that the work loop looks at.
 *
 * The first signal asks; the second one, of any of the three, kills as if nothing caught it. The
 * flag is one of the program's two mutable globals (a signal handler cannot have another place).
 */
#ifndef CCMSWEEP_STOP_H
#define CCMSWEEP_STOP_H

#include <stdbool.h>

/** Catch the signals from now on. Local; call once, before the work starts. */
void stop_install(void);

/** True once a signal has come. */
bool stop_requested(void);

#endif
