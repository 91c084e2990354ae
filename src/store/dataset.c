// SPDX-License-Identifier: MIT
/*
 * Reading and writing a slab of a dataset. Every call of the store goes through `transfer`, so that
 * a failure is one sentence with the reason, and so that a transfer on a shared store is
 * independent of the other ranks (store->transfer).
 */
#include "store/dataset_internal.h"
#include <stdarg.h>

struct slab slab_values(int64_t run, int64_t runs)
{
    return (struct slab){.run = run, .runs = runs, .rank = 1};
}

struct slab slab_bytes(int64_t run, int64_t runs, int bytes)
{
    return (struct slab){.run = run, .runs = runs, .rank = 2, .inner = {(hsize_t)bytes}};
}

/* The extents are those of the run: what a run has of a field is the beginning of each dimension,
 * and the rest of the file's extent stays at fill. */
struct slab slab_field(const struct field *field, const struct extents *extents, int64_t run)
{
    struct slab slab = slab_values(run, 1);
    for (int i = 0; i < 3 && field->dims[i] != DIM_NONE; i++)
        slab.inner[slab.rank++ - 1] = (hsize_t)extents->of[field->dims[i]];
    return slab;
}

/* Reads (`from` is NULL) or writes (`to` is NULL). Memory is packed: its space has the size of the
 * slab, while in the file the slab is the corner of a larger box. */
static bool transfer(const struct store *store, hid_t dataset, const struct slab *slab, void *to,
                     const void *from)
{
    const hsize_t start[DATASET_RANK] = {(hsize_t)slab->run};
    hsize_t count[DATASET_RANK] = {(hsize_t)slab->runs};
    for (int i = 1; i < slab->rank; i++)
        count[i] = slab->inner[i - 1];
    const hid_t file = H5Dget_space(dataset);
    const hid_t memory = H5Screate_simple(slab->rank, count, NULL);
    /* The type in memory is the one in the file, so HDF5 does not convert and a row is one pwrite.
     * That it is ours was checked when the dataset was opened. */
    const hid_t type = H5Dget_type(dataset);
    bool done = file >= 0 && memory >= 0 && type >= 0 &&
                H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    if (done)
        done = (to != NULL ? H5Dread(dataset, type, memory, file, store->transfer, to)
                           : H5Dwrite(dataset, type, memory, file, store->transfer, from)) >= 0;
    H5Tclose(type);
    H5Sclose(memory);
    H5Sclose(file);
    return done;
}

enum status dataset_read(const struct store *store, hid_t dataset, const struct slab *slab,
                         void *values, struct fault *fault, const char *format, ...)
{
    struct h5_words words;
    h5_listen(&words);
    const bool done = transfer(store, dataset, slab, values, NULL);
    h5_deafen();
    if (done)
        return STATUS_OK;
    va_list args;
    va_start(args, format);
    const enum status status = h5_fault_list(fault, h5_status(&words), &words, format, args);
    va_end(args);
    return status;
}

enum status dataset_write(const struct store *store, hid_t dataset, const struct slab *slab,
                          const void *values, struct fault *fault, const char *format, ...)
{
    struct h5_words words;
    h5_listen(&words);
    const bool done = transfer(store, dataset, slab, NULL, values);
    h5_deafen();
    if (done)
        return STATUS_OK;
    va_list args;
    va_start(args, format);
    /* Always a fault: rows that were not written are not the user's to cure. */
    const enum status status = h5_fault_list(fault, STATUS_FAULT, &words, format, args);
    va_end(args);
    return status;
}
