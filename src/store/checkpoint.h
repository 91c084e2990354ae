// SPDX-License-Identifier: MIT
/**
 * Checkpoints: the saved state of an unfinished run, one file per run in the folder FILE.ckpt.
 *
 * A checkpoint is replaced as a whole: written under a temporary name in the same folder, fsync,
 * rename, fsync of the folder. So FILE.ckpt/run-000000.ckpt is absent, the old one or the new one
 * at any instant. The 128 bytes before the payload carry the identity of the cell and two
 * checksums, so that anything torn, foreign or newer is recognised and refused. The identity says
 * whose it is; the number of the run is the one under which it was saved, and an extension of the
 * sweep may have given the run another. `path` below is the
 * path of the sweep's file, FILE. The meaning of the payload is not known here. All functions are
 * local; one process writes the checkpoints of a run.
 *
 * Layout, little-endian: 8 bytes magic "CCMSCKPT" | u32 format | u32 algorithm version | i64 run |
 * u64 payload size | 32 bytes identity | 32 bytes SHA-256 of the payload | 32 bytes SHA-256 of the
 * preceding 96 | payload.
 */
#ifndef CCMSWEEP_CHECKPOINT_H
#define CCMSWEEP_CHECKPOINT_H

#include "spec/identity.h"
#include <ccmsweep/fault.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHECKPOINT_FORMAT = 1, CHECKPOINT_HEADER = 128 };

/** Name of the checkpoint of a run in the folder, as a format of printf for an int64_t. */
#define CHECKPOINT_NAME "run-%06" PRId64 ".ckpt"

/**
 * Save `size` bytes as the checkpoint of `run`; makes the folder if it is absent.
 * \param identity of the run's cell
 * \return STATUS_FAULT with a sentence ("…: No space left on device"): the checkpoint that was
 *         there before, if any, is still good and nothing else is left. Training can continue.
 */
enum status checkpoint_save(const char *path, int64_t run, const struct identity *identity,
                            const void *payload, size_t size, struct fault *fault) MUST_USE;

enum checkpoint_answer {
    CHECKPOINT_LOADED,  /**< the payload is there, whole and of this cell */
    CHECKPOINT_ABSENT,  /**< there is no checkpoint: begin at episode 1 */
    CHECKPOINT_REFUSED, /**< it cannot be used: the same. The sentence has the reason */
};

/**
 * Load the checkpoint of `run` into `payload`, whose `size` must be what was saved. Also removes
 * temporaries of this run that a killed process left. `payload` is verified when CHECKPOINT_LOADED
 * is returned, else undefined. The file stays as it is.
 */
enum checkpoint_answer checkpoint_load(const char *path, int64_t run,
                                       const struct identity *identity, void *payload, size_t size,
                                       struct fault *fault) MUST_USE;

/** Read whose the checkpoint of `run` is. \param size of its payload (output); NULL is fine
 *  \return false when there is none, or its head cannot be believed */
bool checkpoint_identity(const char *path, int64_t run, struct identity *identity,
                         size_t *size) MUST_USE;

/** Remove the checkpoint of `run` and its temporaries, if there are any.
 *  \return STATUS_FAULT when the file cannot be removed */
enum status checkpoint_remove(const char *path, int64_t run, struct fault *fault) MUST_USE;

/** True when a file has the name of the run's checkpoint; it may be refused all the same. */
bool checkpoint_exists(const char *path, int64_t run) MUST_USE;

/** Remove temporaries, the checkpoints of all runs of which none is wanted, and the folder when it
 *  is then empty. What cannot be removed stays. Call it only while nobody saves checkpoints.
 *  \param wanted (runs) */
void checkpoint_tidy(const char *path, const bool *wanted, int64_t runs);

#endif
