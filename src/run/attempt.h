// SPDX-License-Identifier: MIT
/**
 * An attempt: one cell from its number to its commit, or to a stop on the way.
 *
 *     attempt_start(&a, cell, &fault);            // of a cell of the store
 *     while (attempt_continues(&a) && !asked_to_stop)
 *         attempt_episode(&a, &fault);            // then look up: signals, messages, display
 *     attempt_end(&a, &said, &fault);             // DONE when the training has ended, else STOPPED
 *
 * Here time and files meet the trainer, which knows neither: a checkpoint when one is due, a note
 * of how far the run is, the commit at the end. What is trained never depends on them. A worker
 * rank, a process that works alone, a single training (`train`) and one that only proves what the
 * file has (`verify`) use the same code. It knows no
 * other ranks and no signals, and sends no message. Local.
 */
#ifndef CCMSWEEP_ATTEMPT_H
#define CCMSWEEP_ATTEMPT_H

#include "run/comm.h"
#include "run/progress.h"
#include "store/store.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/trainer.h>
#include <stdbool.h>
#include <stdint.h>

/** One attempt after another. The caller sets the first part, once. Calls in another order than the
 *  one above are a bug. */
struct attempt {
    struct store *store; /**< NULL: nothing is kept, and only attempt_episode does something */
    const char *path;    /**< of the store's file */
    struct progress *progress; /**< where sentences for the user go */
    double checkpoint_s;       /**< seconds between two checkpoints; 0: only when stopped */
    bool keeps;                /**< the last checkpoint of a run that its limit has ended */
    bool again; /**< the runs are finished: they are trained again from the beginning and compared
                     with their rows, and nothing is written */
    bool begins_again; /**< a run whose checkpoint is of another arithmetic begins again */
    int rank;          /**< for the notes; 0 without a launcher */

    bool warned;             /**< the user was told once that a checkpoint could not be written */
    int64_t run;             /**< of the last attempt_claim */
    struct trainer *trainer; /**< of that run, borrowed */
    struct trainer *own;     /**< the same trainer when attempt_start made it, else NULL */
    bool suspect; /**< the run may have caused the loss of a job, and has not come further since */
    double noted_s, saved_s; /**< clock at the last note and the last checkpoint */
};

/** Note in the file that a run is in flight, before anything is done for it that could crash or
 *  need too much memory. From now on a crash is counted for this run. Without a store nothing is
 *  noted. */
enum status attempt_claim(struct attempt *attempt, int64_t run, struct fault *fault) MUST_USE;

/** Begin the claimed run: load its checkpoint, if there is one that can be used (otherwise the user
 * is told, and the training begins again), and note the attempt. \param trainer of the run's cell,
 * at episode 0; borrowed until the end \return STATUS_FAULT with a sentence when the disk fails, or
 * when the run can resume, but not on this CPU (unless `begins_again`): the run is then not in
 * flight */
enum status attempt_begin(struct attempt *attempt, struct trainer *trainer,
                          struct fault *fault) MUST_USE;

/** Claim a cell of the store, make its trainer and begin: attempt_claim, then attempt_begin. The
 *  attempt owns the trainer until attempt_end or attempt_fini. */
enum status attempt_start(struct attempt *attempt, int64_t cell, struct fault *fault) MUST_USE;

/** True while the training has not ended. */
bool attempt_continues(const struct attempt *attempt) MUST_USE;

/** Train one episode; save a checkpoint and note the progress when they are due. A suspect saves
 * its first one early, and is then innocent (`suspect` becomes false). A checkpoint that cannot be
 * written is reported once, and training continues. \return STATUS_FAULT with a sentence when the
 * disk fails */
enum status attempt_episode(struct attempt *attempt, struct fault *fault) MUST_USE;

/** Make the finished run count, and remove its checkpoint.
 *  \param wall_s seconds that the run took, earlier attempts included (output) */
enum status attempt_commit(struct attempt *attempt, double *wall_s, struct fault *fault) MUST_USE;

/** Stop politely: save a checkpoint and mark the run as interrupted, with nothing held against it.
 * When the checkpoint cannot be written, the user is told, and the run resumes from the last
 * one. */
enum status attempt_stop(struct attempt *attempt, struct fault *fault) MUST_USE;

/** Commit the run of attempt_start, or compare it with its rows (`again`), or stop it politely when
 *  it has not ended; free its trainer.
 *  \param said MESSAGE_DONE or MESSAGE_STOPPED, with all that belongs to it (output) */
enum status attempt_end(struct attempt *attempt, struct message *said,
                        struct fault *fault) MUST_USE;

/** Free what is held. */
void attempt_fini(struct attempt *attempt);

#endif
