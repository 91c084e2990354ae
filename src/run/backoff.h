// SPDX-License-Identifier: MIT
/**
 * Waiting without using the core: sleeps that grow with the time waited so far.
 *
 *     struct backoff backoff = {0};
 *     while (!has_happened())
 *         backoff_sleep(&backoff);
 *
 * MPI's own blocking calls keep a core busy, which a training could use. Local.
 */
#ifndef CCMSWEEP_BACKOFF_H
#define CCMSWEEP_BACKOFF_H

/** How long a rank has waited for something to happen. */
struct backoff {
    double since_s; /**< clock when the waiting began; 0: not yet */
};

/** Sleep for a 64th of the time waited so far, at least 2 us and at most 10 ms. Local. */
void backoff_sleep(struct backoff *backoff);

/** Something has happened: the next sleep is short again. Local. */
void backoff_reset(struct backoff *backoff);

#endif
