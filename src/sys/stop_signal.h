// SPDX-License-Identifier: MIT
/**
 * The polite stop: SIGINT, SIGTERM, SIGHUP and SIGUSR1 set a flag that the work loop checks, and so
 * does SIGXCPU, which says that the soft limit of processor time is reached.
 *
 * Without a launcher the first signal asks for a stop, and a second one of the four kills the
 * process as if it were not caught; SIGXCPU, which comes every second, only asks. SIGHUP stays
 * ignored where nohup has set it so. Under a launcher SIGUSR1 asks, however often it comes. SIGTERM
 * asks only where the launcher leaves time for a polite stop; elsewhere SIGTERM and SIGINT end the
 * job within a second. The flag is one of the program's few mutable globals (a signal handler
 * cannot have another place).
 */
#ifndef CCMSWEEP_STOP_SIGNAL_H
#define CCMSWEEP_STOP_SIGNAL_H

#include <stdbool.h>

/**
 * Catch the signals from now on. Local; call once, before the work and before MPI is started.
 * \param launched by mpirun, srun or the like
 * \param given_time the launcher leaves time after SIGTERM (launcher_gives_time)
 */
void stop_install(bool launched, bool given_time);

/** True once a signal has come. */
bool stop_requested(void);

#endif
