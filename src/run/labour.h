// SPDX-License-Identifier: MIT
/**
 * A worker's cells, one after the other: from a number to a committed run.
 *
 *     labour_begin(&l, cell, &fault);
 *     while (labour_goes_on(&l) && !asked_to_stop)
 *         labour_episode(&l, &fault);
 *     labour_end(&l, &said, &fault);      // DONE when the training has ended, else STOPPED
 *
 * The same for a worker rank and for a process that works alone. Knows no signals and no other
 * ranks. Local.
 */
#ifndef CCMSWEEP_LABOUR_H
#define CCMSWEEP_LABOUR_H

#include "run/attempt.h"
#include "run/comm.h"

/** A worker with the trainer of its cell. The caller sets up `worker`. */
struct labour {
    struct worker worker;
    struct trainer *trainer; /**< NULL between cells */
};

/** Claim a cell's run, make its trainer and begin, as worker_claim and worker_begin. */
enum status labour_begin(struct labour *labour, int64_t cell, struct fault *fault) MUST_USE;

/** True while the training has not ended. */
bool labour_goes_on(const struct labour *labour) MUST_USE;

/** Train one episode, as worker_episode. \param trusted a suspect has become innocent (output) */
enum status labour_episode(struct labour *labour, bool *trusted, struct fault *fault) MUST_USE;

/** Commit the run, or stop it politely when it has not ended; free the trainer.
 *  \param said MESSAGE_DONE or MESSAGE_STOPPED, with all that belongs to it (output) */
enum status labour_end(struct labour *labour, struct message *said, struct fault *fault) MUST_USE;

/** Free what is held. */
void labour_fini(struct labour *labour);

#endif
