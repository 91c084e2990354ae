// SPDX-License-Identifier: MIT
/**
 * The polite stop: SIGINT, SIGTERM, SIGHUP and SIGUSR1 set a flag that the work loop looks at, and
 * so does SIGXCPU, which says that the soft limit of processor time is reached.
 *
 * Alone, the first signal asks and the second one, of any of the four, kills as if nothing caught
 * it; SIGXCPU, which comes every second, only asks. SIGHUP stays ignored where nohup has it so.
 * Under a launcher SIGUSR1 asks, however often it comes; SIGTERM does only where the launcher
 * leaves time for an answer, and is with others, like SIGINT, the way to end the job within a
 * second. The flag is one of the program's few mutable
 * globals (a signal handler cannot have another place).
 */
#ifndef CCMSWEEP_STOP_SIGNAL_H
#define CCMSWEEP_STOP_SIGNAL_H

#include <stdbool.h>

/**
 * Catch the signals from now on. Local; call once, before the work and before MPI is started.
 * \param launched by mpirun, srun or the like
 * \param given_time launched so that there is time after SIGTERM
 */
void stop_install(bool launched, bool given_time);

/** True once a signal has come. */
bool stop_requested(void);

#endif
