// SPDX-License-Identifier: MIT
/*
 * Opening the file on all ranks through MPI-IO.
 *
 * Opening and closing are the only collective calls of the store, and so the places where one rank
 * that fails can make all others wait for ever. What MPI-IO needs to be told about names, errors
 * and helper files is here and nowhere else.
 */
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

/* MPI calls this when MPI-IO fails while H5Fopen runs. Without it HDF5 would close the file on this
 * rank, and closing is collective: it would wait for the other ranks, these would wait for this
 * one, and nobody would ever print the reason. So the reason is printed here, and the job ended.
 * `file` is MPI_FILE_NULL when opening itself failed, so the message does not name the file. */
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
    _exit(STATUS_FAULT); /* in case MPI_Abort returns: HDF5 must not continue */
}

/* The file is open on all ranks, so a later failure concerns one rank alone: errors are returned
 * again, as HDF5 expects, and become a sentence of the store. The handler of MPI_FILE_NULL is the
 * one that new files get; the open file has its own, to be reset as well. */
static void return_errors(hid_t file)
{
    void *handle = NULL;
    MPI_File_set_errhandler(MPI_FILE_NULL, MPI_ERRORS_RETURN);
    if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) >= 0 && handle != NULL)
        MPI_File_set_errhandler(*(MPI_File *)handle, MPI_ERRORS_RETURN);
}

/* OMPIO creates two empty files per rank beside the file, for shared file pointers, which the store
 * does not use. It removes them when the file is closed, so those of a killed job would stay.
 * Only empty plain files are removed, because the user may have a file of such a name. */
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

/* The file's name for MPI-IO, to be freed. ROMIO reads what is before a ':' in a name as the kind
 * of file system ("nfs:/a/b"), so it does not find a file whose own name has a colon; with the kind
 * put before it, it uses the rest unchanged. OMPIO uses all names unchanged, and would not find the
 * one with a kind. MPI does not say which of the two it uses, so the plain name is tried first. */
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
    /* The tests delay or kill a rank here, as a slow or lost node would. */
    inject(INJECT_OPEN, rank_of());
    watchdog_stage(store->watchdog, "opening %s by MPI-IO (H5Fopen), together with all other ranks",
                   store->path);
    /* Independent: a rank writes its rows when they are ready, whatever the others do. */
    store->transfer = H5Pcreate(H5P_DATASET_XFER);
    if (H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL) < 0 ||
        H5Pset_dxpl_mpio(store->transfer, H5FD_MPIO_INDEPENDENT) < 0)
        return H5I_INVALID_HID;
    char *const name = name_for_mpi(store->path);
    MPI_File_create_errhandler(end_job, &ends_job);
    MPI_File_set_errhandler(MPI_FILE_NULL, ends_job);
    errno = 0; /* end_job prints it only if something in H5Fopen has set it */
    const hid_t file = H5Fopen(name, H5F_ACC_RDWR, access);
    free(name);
    return_errors(file);
    MPI_Errhandler_free(&ends_job);
    if (file >= 0)
        remove_helpers(store);
    return file;
}
