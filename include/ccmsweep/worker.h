// SPDX-License-Identifier: MIT
/**
 * The worker: pulls one training to its end, and looks up between two episodes.
 *
 * Looking up means: leave if a signal asked for it, save a checkpoint if one is due, note and show
 * how far it is. Here time, signals and files meet the trainer, which knows none of them. What is
 * trained never depends on it. Local.
 */
#ifndef CCMSWEEP_WORKER_H
#define CCMSWEEP_WORKER_H

#include <ccmsweep/fault.h>
#include <ccmsweep/progress.h>
#include <ccmsweep/store.h>
#include <ccmsweep/trainer.h>
#include <stdint.h>

/** Where a worker keeps its run. */
struct worker {
    struct store *store; /**< NULL: nothing is kept */
    const char *path;    /**< of the store's file */
    int64_t run;
    struct progress *progress;
    struct trainer *trainer;
    double noted_s; /**< clock at the last note in /volatile; kept by worker_train */
    void *state;    /**< trainer_state_size bytes, for checkpoints; NULL without a store */
};

/** Take the run's checkpoint into the trainer, when there is a good one; says so when there is one
 *  that cannot be used (the training then begins again). Without a store nothing happens.
 *  \return STATUS_FAULT with a sentence when the run can go on, but not on this CPU */
enum status worker_resume(struct worker *worker, struct fault *fault) MUST_USE;

/**
 * Train to the end and commit, or to a polite stop. The checkpoint goes when the run is committed.
 * \param wall_s seconds that the run took, earlier attempts included (output)
 * \return STATUS_STOPPED with a sentence after a polite stop, the checkpoint being saved and the
 * run marked as interrupted; STATUS_FAULT with a sentence when the disk fails. A periodic
 *         checkpoint that cannot be written is only reported: training goes on
 */
enum status worker_train(struct worker *worker, double *wall_s, struct fault *fault) MUST_USE;

#endif
