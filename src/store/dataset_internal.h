// SPDX-License-Identifier: MIT
/**
 * Reading and writing part of an open dataset, with one sentence when it fails.
 *
 * Each call listens to HDF5's words itself (h5_listen), so its callers do not have to. Local, also
 * in a shared store: each rank reads and writes independently.
 */
#ifndef CCMSWEEP_DATASET_INTERNAL_H
#define CCMSWEEP_DATASET_INTERNAL_H

#include "store/store_internal.h"

/** Largest rank of a dataset. */
enum { DATASET_RANK = 4 };

/** A hyperslab: rows of some runs, the first values of each inner dimension. */
struct slab {
    int64_t run, runs;
    int rank; /**< of the dataset */
    hsize_t inner[DATASET_RANK - 1];
};

/** One value for each of `runs` runs. */
struct slab slab_values(int64_t run, int64_t runs) MUST_USE;

/** `bytes` bytes for each of `runs` runs. */
struct slab slab_bytes(int64_t run, int64_t runs, int bytes) MUST_USE;

/** What a run has of a field. \param extents the run's own */
struct slab slab_field(const struct field *field, const struct extents *extents,
                       int64_t run) MUST_USE;

/**
 * Read the slab of an open dataset.
 * \param values out, row-major, of the dataset's own type
 * \param format of the sentence when it fails, without the reason: "cannot read ... from FILE"
 * \return STATUS_FAULT when the system failed, STATUS_INPUT when what the file holds is wrong
 */
enum status dataset_read(const struct store *store, hid_t dataset, const struct slab *slab,
                         void *values, struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 6, 7))) MUST_USE;

/** Write the slab of an open dataset, as dataset_read reads it. \return STATUS_FAULT on failure */
enum status dataset_write(const struct store *store, hid_t dataset, const struct slab *slab,
                          const void *values, struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 6, 7))) MUST_USE;

#endif
