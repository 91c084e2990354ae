// SPDX-License-Identifier: MIT
/**
 * The moment at which the work must have stopped, as given by the user or by the batch system.
 * Local; reads no clock.
 */
#ifndef CCMSWEEP_DEADLINE_H
#define CCMSWEEP_DEADLINE_H

#include <ccmsweep/fault.h>

/**
 * Read a moment: "+90m" (from now on; units s, m, h, d; without a unit, seconds), Unix time, or ISO
 * 8601 "2026-11-23T18:00". Seconds are optional, a blank may replace the T, and the zone is "Z" or
 * "+02:00"; without a zone it is local time.
 * \param now seconds since 1970-01-01 UTC
 * \param end the same (output)
 * \return STATUS_INPUT with "'…' is not a time, expected …"; also for a day that the calendar does
 *         not have, for a local time that does not exist or occurs twice because the clocks are
 *         changed, or whose zone (TZ) is not known, and for anything after the year 9999
 */
enum status deadline_parse(const char *text, double now, double *end, struct fault *fault) MUST_USE;

/**
 * End of the SLURM job that this process is in; INFINITY outside of a job and for a job without a
 * limit. It is SLURM_JOB_END_TIME, else what `scontrol show job` reports within 10 s, else
 * INFINITY. Starts a process, so call it once, and before MPI is started.
 */
double deadline_of_job(void) MUST_USE;

#endif
