// SPDX-License-Identifier: MIT
/**
 * When the work must have stopped: as the user says, or as the batch system does. Local; reads no
 * clock.
 */
#ifndef CCMSWEEP_DEADLINE_H
#define CCMSWEEP_DEADLINE_H

#include <ccmsweep/fault.h>

/**
 * Read a moment: "+90m" (from now on; units s, m, h, d, none is s), Unix time, or ISO 8601
 * "2026-11-23T18:00", with seconds or without, a blank for the T, and the zone as "Z" or "+02:00";
 * without one it is local time.
 * \param now seconds since 1970-01-01 UTC
 * \param end the same (output)
 * \return STATUS_INPUT with "'…' is not a time, expected …", also for a day that the calendar has not,
 *         a local time that the change of the clocks leaves out or shows twice, and what is behind
 *         the year 9999
 */
enum status deadline_parse(const char *text, double now, double *end, struct fault *fault) MUST_USE;

/**
 * End of the SLURM job that this process is in, INFINITY when there is none or it has no limit:
 * SLURM_JOB_END_TIME, else what `scontrol show job` says within 10 s, else none. Starts a process,
 * so call it once, and before MPI is started.
 */
double deadline_of_job(void) MUST_USE;

#endif
