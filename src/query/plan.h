// SPDX-License-Identifier: MIT
/**
 * The plan: what a sweep consists of, what is left of it, and what it will take.
 *
 * It is made from the spec alone, or also from the file of a sweep that has begun. Nothing is
 * trained except for a calibration, and nothing is written. All calls are local.
 */
#ifndef CCMSWEEP_PLAN_H
#define CCMSWEEP_PLAN_H

#include "query/label_parts.h"
#include "spec/spec.h"
#include "store/extension.h"
#include "store/store.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A setting in which cells differ. Values are numbers of settings_number. */
struct plan_axis {
    const struct setting *row;
    size_t count;
    double *values;  /**< (count) different values, ascending; `none` is first if whole, last if
                          real; labels in the order of the spec */
    double *of_cell; /**< (cells) the value of each cell */
};

/** What is known of the cells of a spec. */
struct plan {
    int64_t cells;
    size_t axis_count;
    struct plan_axis *axes;  /**< the first one is the label, if cells have one */
    size_t labels;           /**< number of different labels; 0: cells have none */
    int64_t *label_cell;     /**< (labels) the first cell of each, in the order of axes[0].values */
    size_t parts;            /**< settings that are part of the label, and no axes */
    struct label_part *part; /**< (parts) their values are owned here */
    struct cost *cost;
    uint8_t *states; /**< (cells) enum store_state; NULL without a file. Of an extension: in which
                          it will leave them */
    double *left; /**< (cells) share of what a cell is expected to take that is left of it when an
                          extension continues it; NULL without one */
    int64_t growths[GROWTH_COUNT]; /**< of an extension: what becomes of the runs of the file */
    int64_t added;                 /**< cells that no run of the file becomes */
    int64_t finished;              /**< cells; of an extension: those that stay finished */
    int64_t interrupted;           /**< runs of the file that a polite stop has interrupted */
    int64_t learnt;                /**< finished cells whose times are known */
    double calibration_s;          /**< time that the calibration took; NaN: finished cells made it
                               unnecessary */
    double total_s;                /**< of all cells: measured if finished, else expected */
    double left_s;                 /**< expected of the cells that are left */
    double longest_s;              /**< of the longest cell that is left; 0: no cell is left */
    int64_t file_size;             /**< bytes of the file of the sweep */
    double memory;                 /**< bytes of a process with the largest trainer, without MPI
                               (plan_memory); of an extension also while a run goes on behind its
                               old limit, when there are two */
    double checkpoint; /**< bytes of its checkpoint; NaN: the trainer was too large to make,
                               and `memory` is an estimate */
};

/**
 * Make the plan of a checked spec. Takes a few seconds at most.
 * \param store the file of the sweep, which matches the spec; or NULL
 * \param extension of that file to the spec, which it then does not match; or NULL
 * \return STATUS_OK: the caller owns `*plan`, plan_free. Otherwise `*plan` is NULL: the file could
 *         not be read
 */
enum status plan_new(struct plan **plan, const struct spec *spec, const struct store *store,
                     const struct extension *extension, struct fault *fault) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void plan_free(struct plan **plan);

/** Seconds until `workers` have done what is left: the larger one of the time of the longest cell
 *  and an even share of all the work. */
double plan_wall(const struct plan *plan, int64_t workers) MUST_USE;

/** Largest number of bytes that a worker has in memory, which is VmHWM in /proc: the largest
 * trainer, the libraries, HDF5, and MPI unless the worker is `alone`. Right within 15 % for up to
 * some ten thousand cells. A checkpoint needs no memory of its own: it is written from the
 * trainer. */
double plan_memory(const struct plan *plan, bool alone) MUST_USE;

#endif
