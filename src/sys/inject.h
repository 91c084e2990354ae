// SPDX-License-Identifier: MIT
/**
 * Faults on purpose, for the tests of kills and crashes.
 *
 * Only a build with the Meson option `faults` has them, in a second program, ccmsweep-faults, which
 * links inject_faults.c. All other programs link inject_none.c, where these calls do nothing. The
 * environment variable CCMSWEEP_FAULTS is a list of POINT[@RUN]=ACTION, separated by commas. POINT
 * is a name of enum inject_point in small letters, ACTION one of `sleep:MS`, `segv`, `abort`,
 * `kill`, `exit`. The word `reverse` makes a commit write its record before the rows: the order
 * that the tests must find wrong. Local.
 */
#ifndef CCMSWEEP_INJECT_H
#define CCMSWEEP_INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum inject_point {
    INJECT_OPEN,       /**< a rank (in place of RUN) opens the file */
    INJECT_CREATE,     /**< inside a creation, before the file is renamed */
    INJECT_BEGIN,      /**< an attempt at a run begins */
    INJECT_EPISODE,    /**< after an episode */
    INJECT_CHECKPOINT, /**< a checkpoint is written and not renamed yet */
    INJECT_ROWS,       /**< rows are written and not synced */
    INJECT_RECORD,     /**< rows are synced, the commit record is not written */
    INJECT_COMMIT,     /**< the commit record is synced, rank 0 does not know it yet */
    INJECT_EXTEND, /**< inside an extension, in place of RUN: 0 before the rows are copied, 1 before
                            and 2 after the file is renamed, 3 among its checkpoints */
    INJECT_EXPORT, /**< an export is made and not renamed yet, or not all of it */
    INJECT_POINTS
};

/** Do what CCMSWEEP_FAULTS asks for at this point of this run. \param run -1: not of a run */
void inject(enum inject_point point, int64_t run);

/** True when commits are to be made in the wrong order. */
bool inject_reversed(void);

/** Seconds that a watchdog waits: `usual_s`, or what the word `patience:S` of the list says. */
double inject_patience(double usual_s);

#endif
