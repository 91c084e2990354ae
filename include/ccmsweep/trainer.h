// SPDX-License-Identifier: MIT
/**
 * One training of one cell: serial, deterministic, pulled by its caller.
 *
 *     struct trainer *t = trainer_new(&cell);
 *     while (!trainer_done(t))
 *         trainer_advance(t, 10);
 *     use(trainer_record(t));
 *     trainer_free(&t);
 *
 * A trainer has no globals, does no I/O, reads no clock and allocates nothing after trainer_new.
 * The bits of a training depend on the cell's settings of class result and shape and on whether
 * the CPU has a fused multiply-add (kernels.h) alone: not on how many episodes one advance takes,
 * on logs, snapshots, evaluation or a save and load on the way. The environment variable
 * CCMSWEEP_LEVEL chooses the level of CPU (kernels_best).
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

/** Raised whenever the bits of a result change. Part of every cell's identity. */
enum { TRAINER_ALGORITHM_VERSION = 2 };

struct trainer;

/** Make a trainer at episode 0 for a cell that settings_check accepts (a bug otherwise; checked).
 *  The settings are copied. Never NULL: without memory one line is printed and the process ends
 * with STATUS_FAULT. The caller owns it: trainer_free. */
struct trainer *trainer_new(const struct settings *cell) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void trainer_free(struct trainer **t);

/** Play and train up to `episodes` more episodes; stops early when the training is done. */
void trainer_advance(struct trainer *t, int64_t episodes);

/** True when the training has ended: limit reached, all actors stopped long enough, or diverged. */
bool trainer_done(const struct trainer *t) MUST_USE;

/** Episodes finished so far. */
int64_t trainer_episode(const struct trainer *t) MUST_USE;

/** The settings the trainer was made with. Borrowed. */
const struct settings *trainer_settings(const struct trainer *t) MUST_USE;

/** The record so far; outcome, total_episodes and the events are final once trainer_done. Borrowed:
 *  valid until the next advance, load or free. */
const struct record *trainer_record(const struct trainer *t) MUST_USE;

/** What a progress line shows. */
struct trainer_progress {
    int64_t episode, episodes;
    int64_t actors_moving; /**< actors with a changed parameter in the last training step */
    double reward;         /**< of the last episode, NaN before the first */
    double
        saturation; /**< share |tanh z| > 0.9 since the last log (or the last log's), NaN if none */
};
struct trainer_progress trainer_progress(const struct trainer *t) MUST_USE;

/** Size in bytes of a saved state: fixed for a given cell. */
size_t trainer_state_size(const struct trainer *t) MUST_USE;

/** Write the complete state (networks, targets, moments, replay and its tree, generators,
 * environment, trackers, record) into `buffer` of `size` = trainer_state_size bytes. Equal states
 * give equal bytes. */
void trainer_save(const struct trainer *t, void *buffer, size_t size);

/** The state itself, trainer_state_size bytes, as trainer_save copies it: borrowed, to be written
 * out, or to have a saved one read into. After the latter only trainer_load, with this same buffer,
 * or trainer_reset may follow, so that no second state needs memory. */
void *trainer_state(struct trainer *t) MUST_USE;

/** Begin again at episode 0, as trainer_new made it. */
void trainer_reset(struct trainer *t);

/** Take over a state saved by a trainer of the same cell, algorithm version and byte order.
 *  Looked at wholly before (saved.h). \param buffer aligned for any type
 *  \return STATUS_INPUT with a sentence when it is another's, another size, or one that no training
 *          leaves; STATUS_FAULT with one
 *          when it was computed with a fused multiply-add and this level of CPU has none, or the
 *          other way round. `t` is then unchanged; with trainer_state(t) as the buffer, good for
 *          trainer_reset and trainer_free alone. */
enum status trainer_load(struct trainer *t, const void *buffer, size_t size,
                         struct fault *fault) MUST_USE;

#endif
