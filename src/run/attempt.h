// SPDX-License-Identifier: MIT
/**
 * The worker: pulls one training to its end, an episode at a time.
 *
 *     worker_claim(&w, run, &fault);
 *     worker_begin(&w, trainer, &fault);
 *     while (!trainer_done(w.trainer) && !asked_to_stop)
 *         worker_episode(&w, &fault);             // and look up: signals, messages, display
 *     trainer_done(w.trainer) ? worker_commit(…) : worker_stop(…);
 *
 * Here time and files meet the trainer, which knows neither: a checkpoint when one is due, a note
 * of how far the run is, the commit at the end. What is trained never depends on it. Local; knows
 * no other workers, no messages and no signals.
 */
#ifndef CCMSWEEP_ATTEMPT_H
#define CCMSWEEP_ATTEMPT_H

#include "run/progress.h"
#include "store/store.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/trainer.h>
#include <stdbool.h>
#include <stdint.h>

/** A worker and the run it has. The caller sets the first part, once; what it calls out of order is
 *  a bug. */
struct worker {
    struct store *store; /**< NULL: nothing is kept, and only worker_episode has something to do */
    const char *path;    /**< of the store's file */
    struct progress *progress; /**< where it says what the user should know */
    double checkpoint_s;       /**< seconds between two checkpoints; 0: only when stopped */
    bool begins_again; /**< a run whose checkpoint was made by another arithmetic begins again */
    int rank;          /**< for the notes; 0 without a launcher */
    bool warned;       /**< that a checkpoint could not be written; told once */

    int64_t run;             /**< of worker_claim */
    struct trainer *trainer; /**< of that run, borrowed */
    bool suspect;            /**< the run was in flight when a job was lost */
    double noted_s, saved_s; /**< clock at the last note and the last checkpoint */
};

/** Say that a run is in flight, before anything is done for it that could need too much memory or
 *  crash. From now on a crash is this run's. Without a store nothing is said. */
enum status worker_claim(struct worker *worker, int64_t run, struct fault *fault) MUST_USE;

/** Begin the claimed run: take over its checkpoint, if there is a good one (one that cannot be used
 * is told, and the training begins again), and note the attempt. \param trainer of the run's cell,
 * at episode 0 \return STATUS_FAULT with a sentence when the disk fails, or when the run can go on,
 * but not on this CPU (unless `begins_again`): the run is then not in flight */
enum status worker_begin(struct worker *worker, struct trainer *trainer,
                         struct fault *fault) MUST_USE;

/** Train one episode; save a checkpoint and note the progress when they are due. A suspect saves
 * its first one early, and is then no suspect any more. A checkpoint that cannot be written is told
 *  once, and training goes on. \return STATUS_FAULT with a sentence when the disk fails */
enum status worker_episode(struct worker *worker, struct fault *fault) MUST_USE;

/** Make the finished run count, and remove its checkpoint.
 *  \param wall_s seconds that the run took, earlier attempts included (output) */
enum status worker_commit(struct worker *worker, double *wall_s, struct fault *fault) MUST_USE;

/** Stop politely: save a checkpoint and mark the run as interrupted, with nothing held against it.
 * A checkpoint that cannot be written is told, and the run goes on from the last one. */
enum status worker_stop(struct worker *worker, struct fault *fault) MUST_USE;

#endif
