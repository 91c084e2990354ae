// SPDX-License-Identifier: MIT
/**
 * What a run shows while it works: a bar that is rewritten in place, or a line from time to time.
 *
 * The work loop calls it with what is to be shown; it reads no clock, and knows only the numbers of
 * struct trainer_progress of a trainer. Local.
 */
#ifndef CCMSWEEP_PROGRESS_H
#define CCMSWEEP_PROGRESS_H

#include <ccmsweep/trainer.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum progress_mode { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_LINES, PROGRESS_NONE };

/** Names of the modes in enum order, NULL-terminated. */
extern const char *const progress_modes[];

struct progress {
    FILE *file;
    enum progress_mode mode; /**< never PROGRESS_AUTO */
    double began_s;
    double shown_s; /**< time of the last output */
    int64_t began_episode;
    int drawn;       /**< columns of the bar that is on the terminal now; 0: there is none */
    const char *who; /**< put before every sentence: "" or "rank 2 on n1: "; borrowed */
};

/** Choose what to show. PROGRESS_AUTO becomes a bar when `file` is a terminal and no launcher of
 *  several processes (launcher.h) started this one, else lines. `file` is borrowed. */
void progress_init(struct progress *p, enum progress_mode mode, FILE *file);

/** Begin to count at time `now_s` (of any steady clock), `episode` being done already. */
void progress_start(struct progress *p, int64_t episode, double now_s);

/** True when it is time to draw: a bar ten times a second at most, a line every 10 s, after ten
 *  minutes every minute. */
bool progress_due(const struct progress *p, double now_s) MUST_USE;

/** Draw `share` (0 to 1) of a bar with the figures behind it, or the figures as a line. */
void progress_draw(struct progress *p, double share, const char *figures, double now_s);

/** Show where a training is, if it is time. */
void progress_show(struct progress *p, const struct trainer_progress *at, double now_s);

/** Show that `count` of `all` runs are `what`, such as "copied", if it is time. */
void progress_count(struct progress *p, const char *what, int64_t count, int64_t all, double now_s);

/** Write "ccmsweep: " and a sentence on a line of its own, whatever the mode. */
void progress_say(struct progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Remove the bar, so that the next output starts on a line of its own. */
void progress_fini(struct progress *p);

#endif
