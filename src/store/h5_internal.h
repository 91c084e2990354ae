// SPDX-License-Identifier: MIT
/**
 * What the store's files share of HDF5: types, attributes, and its error words as one sentence.
 *
 * HDF5 keeps an error stack that any later call clears, even one that closes. So its words are
 * copied at the moment when a call fails: between h5_listen and h5_deafen the first failure is
 * kept. Nothing is printed.
 */
#ifndef CCMSWEEP_H5_INTERNAL_H
#define CCMSWEEP_H5_INTERNAL_H

#include "store/schema.h"
#include <ccmsweep/fault.h>
#include <hdf5.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/** The first failure, in HDF5's innermost words: "No space left on device" if the system said so,
 *  else as HDF5 puts it. */
struct h5_words {
    char text[512]; /**< "" while nothing failed */
    int error;      /**< errno of the system's call that failed; 0: none is known */
    bool system;    /**< the system, MPI or memory failed, and not what the file holds */
};

/**
 * Keep HDF5's words on the first failure in `words` (cleared; must live until h5_deafen). It must
 * come before any other call of HDF5 in the program: it sets HDF5 up. HDF5 then does not tidy up
 * when the program ends, where it would crash on a file that it could not write; the program has
 * closed all files by then.
 */
void h5_listen(struct h5_words *words);

/** Stop listening; failures are then silent. */
void h5_deafen(void);

/** Status of a failed read: STATUS_FAULT when the system failed, STATUS_INPUT when the content is
 *  wrong, or when the user can cure the system's error (disk_status). */
enum status h5_status(const struct h5_words *words) MUST_USE;

/** fault_set with ": " and the words behind the sentence. */
enum status h5_fault(struct fault *fault, enum status status, const struct h5_words *words,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The same with the arguments as a list. */
enum status h5_fault_list(struct fault *fault, enum status status, const struct h5_words *words,
                          const char *format, va_list args) __attribute__((format(printf, 4, 0)));

/** Type of a dataset or attribute, in the file and in memory. Caller closes it: H5Tclose. `size`
 *  matters for SCHEMA_TEXT only. \return negative on failure */
hid_t h5_type(enum schema_type type, size_t size) MUST_USE;

/** Write a scalar text attribute. \return success */
bool h5_write_text(hid_t object, const char *name, const char *text) MUST_USE;

/** Write an i32 attribute of `count` values, a scalar for count 0 (one value). \return success */
bool h5_write_integers(hid_t object, const char *name, const int32_t *values,
                       size_t count) MUST_USE;

/** Read a scalar whole-number attribute. \return false when absent or of another kind */
bool h5_read_integer(hid_t object, const char *name, int64_t *value) MUST_USE;

/** Read a scalar text attribute of fixed length, cut at `size`. \return false when absent or of
 *  another kind */
bool h5_read_text(hid_t object, const char *name, char *text, size_t size) MUST_USE;

/** Property list for access to files as this program makes them: format bounds, no file locks, no
 *  buffer between H5Dwrite and the system. Caller closes it (H5Pclose).
 *  \return negative on failure */
hid_t h5_access(void) MUST_USE;

/**
 * Register a driver of HDF5 that gives up when asked to, for H5Pset_driver, between h5_listen and
 * h5_deafen.
 *
 * HDF5 fills a dataset in one call, which takes long for a large one on a slow disk. This driver
 * writes the same bytes at the same places as HDF5's plain one, until a stop is requested
 * (stop_signal.h). From then on it writes nothing and reports success, so that HDF5 ends quickly
 * and in order. The file is worthless then, and its creator removes it.
 * \return negative where this HDF5 has another interface of drivers (from 1.13 on) or refuses it:
 *         then HDF5's own is to be used
 */
hid_t h5_filler_register(void) MUST_USE;

/** Unregister the driver after the file is closed; a negative one is fine. */
void h5_filler_unregister(hid_t driver);

#endif
