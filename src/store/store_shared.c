// SPDX-License-Identifier: MIT
#include "store/store_internal.h"
#include "sys/disk.h"
#include "sys/host.h"
#include "sys/inject.h"
#include <errno.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int rank_of(void)
{
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank;
}

/* When a read inside of H5Fopen fails on one rank, HDF5 closes the file there, which waits for all
 * others, and these wait for this one: nobody would ever say why. So it is said here, at once. The
 * file that MPI-IO names is none yet where opening it failed; the job has but one. */
static void end_job(MPI_File *file, int *code, ...)
{
    const int error = errno;
    char host[64], words[MPI_MAX_ERROR_STRING] = "MPI does not say why";
    int length = 0;
    (void)file;
    host_name(host, sizeof host);
    MPI_Error_string(*code, words, &length);
    fprintf(stderr,
            "ccmsweep: rank %d on %s: cannot open the file of the sweep by MPI-IO: %s%s%s\n",
            rank_of(), host, words, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    MPI_Abort(MPI_COMM_WORLD, STATUS_FAULT);
    _exit(STATUS_FAULT);
}

/* From now on errors are returned, as HDF5 expects. */
static void return_errors(hid_t file)
{
    void *handle = NULL;
    MPI_File_set_errhandler(MPI_FILE_NULL, MPI_ERRORS_RETURN);
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 && handle != NULL)
        MPI_File_set_errhandler(*(MPI_File *)handle, MPI_ERRORS_RETURN);
}

/* For shared file pointers, which nobody uses, OMPIO has two empty files of each rank beside the
 * file while that is open. Those of a killed job would stay. */
static void remove_helpers(const struct store *store)
{
    static const char *const kinds[] = {"data", "metadata"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct stat entry;
        char *const name = disk_name("%s.%s.%d", store->path, kinds[i], rank_of());
        if (stat(name, &entry) == 0 && S_ISREG(entry.st_mode) && entry.st_size == 0)
            unlink(name);
        free(name);
    }
}

/* The file's name for MPI-IO, to be freed. ROMIO takes what stands before a ':' for a kind of file
 * system, and finds no such file; told the kind, it takes the rest as it is. OMPIO takes names as
 * they are. Which of them it is only trying tells. */
static char *name_for_mpi(const char *path)
{
    enum { NFS = 0x6969, LUSTRE = 0x0BD00BD0 };
    MPI_File file;
    struct statfs system;
    if (strchr(path, ':') == NULL || statfs(path, &system) != 0)
        return disk_name("%s", path);
    /* A name that begins with a kind itself must not be taken at its word. */
    char *const name = disk_name("%s%s", *path == '/' ? "" : "./", path);
    if (MPI_File_open(MPI_COMM_SELF, name, MPI_MODE_RDONLY, MPI_INFO_NULL, &file) == MPI_SUCCESS) {
        MPI_File_close(&file);
        return name;
    }
    char *const told = disk_name("%s:%s",
                                 system.f_type == NFS      ? "nfs"
                                 : system.f_type == LUSTRE ? "lustre"
                                                           : "ufs",
                                 name);
    free(name);
    return told;
}

hid_t store_open_together(struct store *store, hid_t access)
{
    MPI_Errhandler ends_job;
    inject(INJECT_OPEN, rank_of());
    watchdog_stage(store->watchdog, "opening %s by MPI-IO (H5Fopen), together with all other ranks",
                   store->path);
    store->transfer = H5Pcreate(H5P_DATASET_XFER);
    if (H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL) < 0 ||
        H5Pset_dxpl_mpio(store->transfer, H5FD_MPIO_INDEPENDENT) < 0)
        return H5I_INVALID_HID;
    char *const name = name_for_mpi(store->path);
    MPI_File_create_errhandler(end_job, &ends_job);
    MPI_File_set_errhandler(MPI_FILE_NULL, ends_job);
    errno = 0;
    const hid_t file = H5Fopen(name, H5F_ACC_RDWR, access);
    free(name);
    return_errors(file);
    MPI_Errhandler_free(&ends_job);
    if (file >= 0)
        remove_helpers(store);
    return file;
}
