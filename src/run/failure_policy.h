// SPDX-License-Identifier: MIT
/**
 * The blame for a lost job: who may have caused it, and who is set aside.
 *
 * When a job is gone, some runs were in flight. If one of them left a crash mark, it was that one,
 * and the others are innocent. If none did (SIGKILL, memory, a node, the time limit), then a
 * suspect that was in flight has lost the job again; if there was none, all that were in flight
 * become suspects. Only one suspect is in flight at a time (scheduler.h), and it stops being one as
 * soon as it has a newer checkpoint. So what is counted are losses in a row of a lone suspect that
 * got nowhere. It knows no file and no ranks: it judges what the notes in the file say. Local.
 */
#ifndef CCMSWEEP_FAILURE_POLICY_H
#define CCMSWEEP_FAILURE_POLICY_H

#include "store/store.h"
#include <stddef.h>

/** When a run is set aside. */
struct blame_limits {
    int crashes; /**< crash marks of a run that quarantine it */
    int losses;  /**< losses in a row as the lone suspect */
};

/** What became of a run. */
enum verdict {
    VERDICT_INNOCENT,   /**< nothing is held against it */
    VERDICT_SUSPECT,    /**< to be tried alone among innocents; also what has crashed before */
    VERDICT_FAILED,     /**< set aside: lost too many jobs */
    VERDICT_QUARANTINE, /**< set aside: crashed too often */
};

/**
 * Judge the runs that are not done, after a job is gone and before the next one begins.
 * \param troubles (count) as the file has them; brought up to date: nothing is in flight any more
 * \param verdicts (count) output
 * \return number of runs that were in flight when the job was lost
 */
size_t blame_judge(struct store_failures *troubles, size_t count, const struct blame_limits *limits,
                   enum verdict *verdicts);

#endif
