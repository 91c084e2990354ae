// SPDX-License-Identifier: MIT
/**
 * One training of one cell: serial, deterministic, advanced by its caller.
 *
 *     struct trainer *t = trainer_new(&cell);
 *     while (!trainer_done(t))
 *         trainer_advance(t, 10);
 *     use(trainer_record(t));
 *     trainer_free(&t);
 *
 * A trainer has no globals of its own (lists in settings are kept for the process, settings.h),
 * does no I/O, reads no clock and allocates nothing after trainer_new.
 * The bits of a training depend only on the cell's settings of class result and shape, and on
 * whether the CPU has a fused multiply-add (kernels.h). They do not depend on the number of
 * episodes of each call, on logs, snapshots or evaluation, or on saving and loading in between. The
 * environment variable CCMSWEEP_LEVEL selects the level of CPU (kernels_best).
 * It knows nothing of MPI, HDF5, signals or files. All calls are local.
 */
#ifndef CCMSWEEP_TRAINER_H
#define CCMSWEEP_TRAINER_H

#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Raised whenever the bits of a result change. It is part of the identity of every cell. */
enum { TRAINER_ALGORITHM_VERSION = 2 };

struct trainer;

/** Make a trainer at episode 0. settings_check must accept the cell; otherwise this is a bug, which
 *  aborts. The settings are copied. Never NULL: when memory is exhausted, one line is printed and
 *  the process ends with STATUS_FAULT. The caller owns it: trainer_free. */
struct trainer *trainer_new(const struct settings *cell) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void trainer_free(struct trainer **t);

/** Play and train up to `episodes` more episodes, fewer when the training is done before. */
void trainer_advance(struct trainer *t, int64_t episodes);

/** True when the training has ended: it reached the limit, all actors have been stopped for long
 *  enough, or it diverged. */
bool trainer_done(const struct trainer *t) MUST_USE;

/** Episodes finished so far. */
int64_t trainer_episode(const struct trainer *t) MUST_USE;

/** The settings with which the trainer was made. Borrowed. */
const struct settings *trainer_settings(const struct trainer *t) MUST_USE;

/** The record so far; outcome, total_episodes and the events are final when trainer_done is true.
 *  Borrowed: valid until the next advance, load or free. */
const struct record *trainer_record(const struct trainer *t) MUST_USE;

/** What a progress line shows. */
struct trainer_progress {
    int64_t episode, episodes;
    int64_t actors_moving; /**< actors with a changed parameter in the last training step */
    double reward;         /**< of the last episode, NaN before the first */
    /** Share of the actors' outputs with |y| > 0.9 since the last log, or that of the last log;
     *  NaN: unknown. */
    double saturation;
};
struct trainer_progress trainer_progress(const struct trainer *t) MUST_USE;

/** Size in bytes of a saved state. It depends on the cell only. */
size_t trainer_state_size(const struct trainer *t) MUST_USE;

/** Write the complete state (networks, targets, moments, replay and its tree, generators,
 * environment, trackers, record) into `buffer` of `size` = trainer_state_size bytes. Equal states
 * give equal bytes. */
void trainer_save(const struct trainer *t, void *buffer, size_t size);

/** The state itself, trainer_state_size bytes, as trainer_save copies it. Borrowed. It can be
 *  written to a file, and a saved state can be read into it, so that no memory is needed for a
 *  second one. After reading, only trainer_load with this same buffer, or trainer_reset, may
 *  follow. */
void *trainer_state(struct trainer *t) MUST_USE;

/** Return to episode 0, to the state that trainer_new made. */
void trainer_reset(struct trainer *t);

/** Copy a state that a trainer of the same cell, algorithm version and byte order has saved. All of
 *  it is checked before it is used (saved.h).
 *  \param buffer aligned for any type
 *  \return STATUS_INPUT with a sentence when it is of another cell, version or size, or when no
 *          training can have this state. STATUS_FAULT with a sentence when it was computed with a
 *          fused multiply-add and this level of CPU does not have one, or the other way round.
 *          After either error `t` is unchanged; but if the buffer is trainer_state(t), only
 *          trainer_reset and trainer_free may follow. */
enum status trainer_load(struct trainer *t, const void *buffer, size_t size,
                         struct fault *fault) MUST_USE;

/** Take over where a training of the same cell with a smaller limit (training.episodes) is, also
 *  when that has ended it: `t` is then where it would be if it had come so far itself.
 *  \param shorter all settings but the limit are equal to those of `t` */
void trainer_extend(struct trainer *t, const struct trainer *shorter);

/** True when its limit has ended a training, which would have gone on with a larger one. */
bool trainer_ended_by_limit(const struct trainer *t) MUST_USE;

#endif
