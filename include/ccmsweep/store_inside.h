// SPDX-License-Identifier: MIT
/**
 * The inside of an open store, shared by its source files: opening (store.c), what it holds
 * (store_scan.c), rows (store_rows.c) and /volatile (store_notes.c). Nobody else includes this
 * header.
 */
#ifndef CCMSWEEP_STORE_INSIDE_H
#define CCMSWEEP_STORE_INSIDE_H

#include <ccmsweep/h5.h>
#include <ccmsweep/schema.h>
#include <ccmsweep/store.h>
#include <stdbool.h>
#include <stdint.h>

/** Largest rank of a dataset. */
enum { STORE_RANK = 4 };

struct store {
    char *path;
    enum store_mode mode;
    int fd; /**< a second way to the file, for fsync; -1 when reading */
    hid_t file;
    hid_t transfer; /**< how H5Dwrite and H5Dread go about it */
    int64_t runs;
    uint32_t algorithm_version; /**< with which the file was made */
    struct spec *spec;          /**< of the file */
    hid_t *fields;              /**< in the order of record_fields; negative: not in the file */
    hid_t commits, identities;
    hid_t notes[NOTE_COUNT];
    uint8_t *states; /**< (runs) enum store_state, STORE_UNKNOWN until looked at */
};

/** In `states`: nobody has looked yet. */
enum { STORE_UNKNOWN = 255 };

/** Look at the commit records of `runs` runs from `run` on. Local. */
enum status store_scan(struct store *store, int64_t run, int64_t runs,
                       struct fault *fault) MUST_USE;

/** Rows of some runs in a dataset: the first values of each inner dimension. */
struct slab {
    int64_t run, runs;
    int rank; /* of the dataset */
    hsize_t inner[STORE_RANK - 1];
};

/** One value for each of `runs` runs. */
struct slab slab_values(int64_t run, int64_t runs) MUST_USE;

/** `bytes` bytes for each of `runs` runs. */
struct slab slab_bytes(int64_t run, int64_t runs, int bytes) MUST_USE;

/** What a run has of a field. \param extents the run's own */
struct slab slab_field(const struct field *field, const struct extents *extents,
                       int64_t run) MUST_USE;

/** Read or write the slab of an open dataset, whose type is that of `values`. \return success; the
 *  caller listens to HDF5's words */
bool slab_read(const struct store *store, hid_t dataset, const struct slab *slab,
               void *values) MUST_USE;
bool slab_write(const struct store *store, hid_t dataset, const struct slab *slab,
                const void *values) MUST_USE;

/** Tell readers where a run stands that has no commit record. */
enum status store_write_outcome(struct store *store, int64_t run, enum outcome outcome,
                                struct fault *fault) MUST_USE;

/** True when the store is open for writing. */
bool store_is_writable(const struct store *store) MUST_USE;

/** The dataset of `outcome`. */
hid_t store_outcomes(const struct store *store) MUST_USE;

#endif
