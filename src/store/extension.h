// SPDX-License-Identifier: MIT
/**
 * An extension: which cell of a wider spec each run of a file becomes, and what becomes of the run.
 *
 * Every run must be a cell of the wider spec: equal in all settings that decide a result, except
 * that training.episodes, the limit, may be larger there. A run that ended before its limit is the
 * same run under a larger one. One that was ended by it goes on, from the checkpoint that
 * checkpoint.keep left. Labels decide nothing: runs get those of the wider spec. Only looks; local.
 */
#ifndef CCMSWEEP_EXTENSION_H
#define CCMSWEEP_EXTENSION_H

#include "spec/spec.h"
#include "store/store.h"
#include <ccmsweep/fault.h>
#include <stdint.h>

/** What becomes of a run. */
enum growth {
    GROWTH_COPIED,    /**< finished, and the same in the wider sweep */
    GROWTH_CONTINUED, /**< finished by its limit, and goes on from its last checkpoint */
    GROWTH_ANEW,    /**< finished by its limit, without a checkpoint: trained from the beginning */
    GROWTH_OPEN,    /**< not finished: continues as it would have, from its checkpoint if any */
    GROWTH_DAMAGED, /**< finished and damaged: trained from the beginning */
    GROWTH_COUNT
};

struct extension {
    int64_t runs;    /**< of the file */
    int64_t cells;   /**< of the wider spec */
    int64_t *to;     /**< (runs) the cell that a run becomes; no two are the same */
    uint8_t *growth; /**< (runs) enum growth */
    int64_t count[GROWTH_COUNT];
};

/**
 * Find what the runs of a file become in a wider spec.
 * \param path of the store's file, for its checkpoints
 * \return STATUS_OK: the caller owns `*extension`, extension_free. STATUS_INPUT with a sentence: a
 *         run is not a cell of the spec; it names the first one, and the settings in which it
 *         differs from the nearest cell. STATUS_FAULT: the file cannot be read
 */
enum status extension_new(struct extension **extension, const struct store *store, const char *path,
                          const struct spec *wider, struct fault *fault) MUST_USE;

/** Refuse a file that is not of the spec: that was made for other cells, for some of its cells, or
 *  for the same ones in another order or with other labels.
 *  \param path as for extension_new
 *  \return STATUS_INPUT with a sentence: it names the first run that is not a cell of the spec, and
 *          the settings in which it differs from the nearest one; or says that run --extend would
 *          do; or the settings that differ, with both values */
enum status extension_match(const struct store *store, const char *path, const struct spec *spec,
                            struct fault *fault) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void extension_free(struct extension **extension);

/** Which finished runs were ended by their limit, so that they would go on under a larger one.
 *  \param limited (runs) output */
enum status extension_limited(const struct store *store, bool *limited,
                              struct fault *fault) MUST_USE;

#endif
