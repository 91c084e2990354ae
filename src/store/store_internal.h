// SPDX-License-Identifier: MIT
/**
 * The inside of an open store, shared by its source files: opening (store.c), what needs no
 * reading (store_view.c), what it holds (store_scan.c), rows (store_rows.c) and /volatile
 * (store_notes.c). Its datasets are read and written by dataset_internal.h.
 */
#ifndef CCMSWEEP_STORE_INTERNAL_H
#define CCMSWEEP_STORE_INTERNAL_H

#include "store/defects.h"
#include "store/h5_internal.h"
#include "store/schema.h"
#include "store/store.h"
#include "sys/watchdog.h"
#include <stdbool.h>
#include <stdint.h>

struct store {
    char *path;
    enum store_mode mode;
    struct watchdog *watchdog; /**< of a shared store while it is opened, else NULL; borrowed */
    struct defects *defects;   /**< of store_open_defects while it opens, else NULL; borrowed */
    int fd;                    /**< plain descriptor of the file, for fsync; -1 when reading */
    hid_t file;
    hid_t transfer;   /**< of H5Dwrite and H5Dread: independent on a shared store */
    int64_t size;     /**< bytes of the file when it was opened; it never changes. -1: it is none */
    int filter;       /**< of HDF5, by number: the file needs it and it is not installed; 0 */
    bool lacking;     /**< a dataset is not such that it can be read */
    char foreign[64]; /**< what is not stored as the program stores it; "" when all is */
    int64_t runs;
    uint32_t algorithm_version; /**< with which the file was made */
    struct spec *spec;          /**< of the file */
    hid_t *fields;              /**< in the order of record_fields; negative: not in the file */
    hid_t commits, identities;
    hid_t notes[NOTE_COUNT];
    uint8_t *states; /**< (runs) enum store_state, STORE_UNKNOWN until looked at */
    char **damages;  /**< (runs) what is wrong with those that are STORE_DAMAGED; NULL: no run is */
};

/** In `states`: not read from the file yet. */
enum { STORE_UNKNOWN = 255 };

/** What the spec gives a dataset from the start: scales, axes, extents, identities. \return values
 *  that the caller frees; NULL: nothing, it stays at fill */
void *store_given(const struct schema *schema, const struct spec *spec,
                  const struct variable *variable) MUST_USE;

/** Refuse a file in which a scale, an axis or an extent is not what its settings give.
 *  \param dataset open, of the variable */
enum status store_check_column(const struct store *store, const struct schema *schema,
                               const struct variable *variable, hid_t dataset,
                               struct fault *fault) MUST_USE;

/** Refuse a file in which the identity of a run is not that of its settings. After store_scan. */
enum status store_check_identities(const struct store *store, struct fault *fault) MUST_USE;

/**
 * Open a dataset of the file, if its links, space, type and storage are such that it can be read:
 * of the schema's extents and type, inside this file and not longer than it. A dataset that is
 * stored otherwise than the program stores it is noted in `store->foreign`.
 * \param dataset negative on failure, else owned by the caller
 * \return false: it is not; the caller listens to HDF5's words
 */
bool layout_open(struct store *store, const struct schema *schema, const struct variable *variable,
                 hid_t *dataset) MUST_USE;

/** Read the text of /settings. \return owned by the caller (free); NULL: it is not a text, or too
 *  long. The caller listens to HDF5's words */
char *layout_settings(struct store *store, size_t *size) MUST_USE;

/**
 * Open the file of a shared store by MPI-IO. Collective. A rank on which MPI-IO fails prints the
 * reason and ends the job, because HDF5 would wait for the others while these wait elsewhere.
 * \param access of h5_access; changed \return negative: HDF5 refuses the file on this rank
 */
hid_t store_open_together(struct store *store, hid_t access) MUST_USE;

/** Read the commit records of `runs` runs from `run` on, and set their states. Local. */
enum status store_scan(struct store *store, int64_t run, int64_t runs,
                       struct fault *fault) MUST_USE;

/** Set a run to STORE_DAMAGED. \param why what is wrong with it; copied */
void store_mark(struct store *store, int64_t run, const char *why);

/** Compare one run, as store_compare does. */
enum status store_compare_alone(struct store *store, int64_t run, struct fault *fault) MUST_USE;

/** Write the outcome of a run that has no commit record, for readers. */
enum status store_write_outcome(struct store *store, int64_t run, enum outcome outcome,
                                struct fault *fault) MUST_USE;

/** Add a sentence to the defects, if they are asked for, so that the caller goes on.
 *  \param run, dataset where it is (struct defect)
 *  \param fault has the sentence; with defects it must not be NULL
 *  \return STATUS_OK instead of STATUS_INPUT when it was added, else `status` */
enum status store_found(const struct store *store, enum status status, int64_t run,
                        const char *dataset, const struct fault *fault) MUST_USE;

/** Add to the defects names of objects that this program does not write, and words for outcomes,
 *  causes and choices that are not its own. */
void store_find_names(const struct store *store, struct defects *defects);

/** Add to the defects each note that the program never writes. */
enum status store_find_notes(const struct store *store, struct defects *defects,
                             struct fault *fault) MUST_USE;

/** True when the store is open for writing. */
bool store_is_writable(const struct store *store) MUST_USE;

/** The dataset of `outcome`. */
hid_t store_outcomes(const struct store *store) MUST_USE;

#endif
