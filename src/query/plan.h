// SPDX-License-Identifier: MIT
/**
 * The plan: what a sweep consists of, what is left of it, and what it will take.
 *
 * From the spec alone, or with the file of a sweep that has begun. Only looked at: nothing is
 * trained but a calibration, nothing is written but the report. All calls are local.
 */
#ifndef CCMSWEEP_PLAN_H
#define CCMSWEEP_PLAN_H

#include "spec/spec.h"
#include "store/store.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or goes. */
enum { PLAN_SCHEMA_VERSION = 1 };

/** A setting that tells the cells apart. Values are as settings_number gives them. */
struct plan_axis {
    const struct setting *row;
    size_t count;
    double *values;  /**< (count) each once, ascending, `none` first if whole, last if real */
    double *of_cell; /**< (cells) */
};

/** What is known of a spec's cells. */
struct plan {
    int64_t cells;
    size_t axis_count;
    struct plan_axis *axes;
    struct cost *cost;
    uint8_t *states; /**< (cells) enum store_state; NULL without a file */
    int64_t finished, interrupted;
    int64_t learnt;       /**< finished cells whose times are known */
    double calibration_s; /**< that the calibration took; NaN when finished cells said enough */
    double total_s;       /**< of all cells, the finished ones as they were */
    double left_s;        /**< of those that are left */
    double longest_s;     /**< of one that is left; 0 without any */
    int64_t file_size;    /**< bytes */
    double memory;        /**< bytes of the process that has the largest trainer: plan_memory */
    double checkpoint;    /**< bytes of its checkpoint; NaN when the trainer was too large to make,
                               and `memory` then is a guess */
};

/**
 * Make the plan of a checked spec. Takes a few seconds at most.
 * \param store the sweep's file, or NULL; it matches the spec
 * \return STATUS_OK: the caller owns `*plan`, plan_free. Else `*plan` is NULL: the file could not
 * be read
 */
enum status plan_new(struct plan **plan, const struct spec *spec, const struct store *store,
                     struct fault *fault) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void plan_free(struct plan **plan);

/** Seconds until `workers` have done what is left: no less than the longest cell takes, and no less
 *  than an even share. */
double plan_wall(const struct plan *plan, int64_t workers) MUST_USE;

/** Bytes that a worker has in memory at most, as /proc calls it VmHWM: with the largest trainer,
 * the libraries and HDF5, and unless it is `alone`, with what MPI takes of a rank. Right within 15
 * %, for up to some ten thousand cells. Checkpoints take none: they are written from the trainer.
 */
double plan_memory(const struct plan *plan, bool alone) MUST_USE;

/** What a report shows. */
struct plan_request {
    const char *spec; /**< name of the spec's file */
    const char *path; /**< of the sweep's file, NULL for none */
    int64_t workers;  /**< whose wall time is wanted; 0: some usual numbers of them */
    bool alone;       /**< the worker is a process without MPI */
    bool list;        /**< each cell as well */
};

/** Write the report for people. */
void plan_print(FILE *file, const struct plan *plan, const struct plan_request *request);

/** Write the same as one JSON object. \return false when the stream took not all of it. */
bool plan_print_json(FILE *file, const struct plan *plan,
                     const struct plan_request *request) MUST_USE;

#endif
