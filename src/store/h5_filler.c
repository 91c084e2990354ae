// SPDX-License-Identifier: MIT
/*
 * The driver through which a new file is filled. A dataset of several GB takes minutes on a slow
 * disk, inside of one call of HDF5 that cannot be interrupted. A polite stop has less time than
 * that. See h5_filler_register for what the driver does when a stop is requested. HDF5 changed the
 * interface of drivers in 1.13; there, its own driver is used, and a stop waits for the current
 * dataset.
 */
#include "store/h5_internal.h"
#include "sys/stop_signal.h"

#if H5_VERSION_GE(1, 13, 0)

hid_t h5_filler_register(void)
{
    return H5I_INVALID_HID;
}

void h5_filler_unregister(hid_t driver)
{
    (void)driver;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An open file. HDF5 sees the first member only, and each function casts back. */
struct file {
    H5FD_t base;
    int fd;
    struct stat about;
    haddr_t allocated, end; /* as HDF5 has it; as the disk has it */
};

/* Puts the system's words onto HDF5's stack, in the form in which HDF5's own driver does and h5.c
 * looks for them. */
static herr_t fail(const char *what, int line)
{
    const int error = errno;
    H5Epush2(H5E_DEFAULT, __FILE__, what, (unsigned)line, H5E_ERR_CLS, H5E_IO, H5E_WRITEERROR,
             "file %s failed: error message = '%s'", what, strerror(error));
    return -1;
}

/* The file exists already: store_create makes it first. HDF5 asks for O_TRUNC. */
static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    (void)access;
    (void)most;
    struct file *const file = fault_alloc(1, sizeof *file);
    file->fd = open(name, O_RDWR | O_CLOEXEC | ((flags & H5F_ACC_TRUNC) != 0 ? O_TRUNC : 0));
    if (file->fd < 0 || fstat(file->fd, &file->about) != 0) {
        fail("open", __LINE__);
        if (file->fd >= 0)
            close(file->fd);
        free(file);
        return NULL;
    }
    file->end = (haddr_t)file->about.st_size;
    return &file->base;
}

static herr_t close_file(H5FD_t *base)
{
    struct file *const file = (struct file *)base;
    const bool closed = close(file->fd) == 0;
    free(file);
    return closed ? 0 : fail("close", __LINE__);
}

/* HDF5 asks whether two open files are the same one. */
static int compare(const H5FD_t *a, const H5FD_t *b)
{
    const struct stat *const x = &((const struct file *)a)->about;
    const struct stat *const y = &((const struct file *)b)->about;
    if (x->st_dev != y->st_dev)
        return x->st_dev < y->st_dev ? -1 : 1;
    return (x->st_ino > y->st_ino) - (x->st_ino < y->st_ino);
}

/* The features of HDF5's plain driver. They decide where datasets and metadata are placed, so a
 * file has the same bytes with either driver. */
static herr_t query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE |
             H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

/* HDF5 keeps two ends of a file: up to where it has given out addresses (eoa), and up to where the
 * file has bytes (eof). truncate_file makes the second one the first at the end. */
static haddr_t get_allocated(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)base)->allocated;
}

static herr_t set_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((struct file *)base)->allocated = address;
    return 0;
}

static haddr_t get_end(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct file *)base)->end;
}

/* HDF5 may read behind the end of what was written, and expects zeros there. */
static herr_t read_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                         size_t size, void *bytes)
{
    (void)type;
    (void)transfer;
    const struct file *const file = (const struct file *)base;
    for (size_t got = 0; got < size;) {
        const ssize_t n = pread(file->fd, (char *)bytes + got, size - got, (off_t)(address + got));
        if (n < 0 && errno != EINTR)
            return fail("read", __LINE__);
        if (n == 0) {
            memset((char *)bytes + got, 0, size - got);
            return 0;
        }
        got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Once a stop is requested nothing is written and success is reported, so that HDF5 neither stops
 * halfway with its structures in disorder nor prints errors. The end still moves: HDF5 would
 * otherwise find its own addresses behind it. */
static herr_t write_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, const void *bytes)
{
    (void)type;
    (void)transfer;
    struct file *const file = (struct file *)base;
    for (size_t put = 0; put < size && !stop_requested();) {
        const ssize_t n =
            pwrite(file->fd, (const char *)bytes + put, size - put, (off_t)(address + put));
        if (n < 0 && errno != EINTR)
            return fail("write", __LINE__);
        put += n > 0 ? (size_t)n : 0;
    }
    if (address + size > file->end)
        file->end = address + size;
    return 0;
}

static herr_t truncate_file(H5FD_t *base, hid_t transfer, hbool_t closing)
{
    (void)transfer;
    (void)closing;
    struct file *const file = (struct file *)base;
    if (file->allocated == file->end || stop_requested())
        return 0;
    if (ftruncate(file->fd, (off_t)file->allocated) != 0)
        return fail("truncate", __LINE__);
    file->end = file->allocated;
    return 0;
}

static const H5FD_class_t driver_class = {
    .name = "ccmsweep",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = open_file,
    .close = close_file,
    .cmp = compare,
    .query = query,
    .get_eoa = get_allocated,
    .set_eoa = set_allocated,
    .get_eof = get_end,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t h5_filler_register(void)
{
    return H5FDregister(&driver_class);
}

void h5_filler_unregister(hid_t driver)
{
    if (driver >= 0)
        H5FDunregister(driver);
}

#endif
