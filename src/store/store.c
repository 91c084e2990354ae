// SPDX-License-Identifier: MIT
/*
 * Opening and closing a store.
 *
 * Opening goes from the outside to the inside, and each stage believes only what the stages before
 * it have checked: the name and the first bytes (check_file), HDF5's own structure (open_file), the
 * program and the versions (check_origin), the settings (read_spec), the layout of every dataset
 * (open_datasets), and last the commit records (begin_scan). So a foreign or damaged file is
 * refused with a sentence of ours, before a size or an index that it contains is used.
 */
#include "base/text.h"
#include "store/store_internal.h"
#include "sys/disk.h"
#include <ccmsweep/trainer.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* HDF5 reports a disk that fails and a file that is wrong in the same way. Only the first is a
 * fault of the system (exit code 1, start again); the second is wrong input (exit code 2). */
static enum status refuse_damaged(const struct store *store, const struct h5_words *words,
                                  struct fault *fault)
{
    if (store->filter != 0)
        return fault_set(fault, STATUS_INPUT,
                         "%s needs filter %d of HDF5, which is not installed here", store->path,
                         store->filter);
    if (words->system)
        return h5_fault(fault, h5_status(words), words, "cannot read %s", store->path);
    return fault_set(fault, STATUS_INPUT, "%s is damaged or was changed by another program%s%s",
                     store->path, words->text[0] != '\0' ? ": " : "", words->text);
}

/* The resolved spec in the file gives the settings of every run. It is parsed and checked as if the
 * user had given it: anybody may have changed it. All extents follow from it, so it comes before
 * the datasets. */
static enum status read_spec(struct store *store, struct fault *fault)
{
    struct h5_words words;
    size_t size = 0;
    h5_listen(&words);
    char *const text = layout_settings(store, &size);
    h5_deafen();
    if (text == NULL)
        return refuse_damaged(store, &words, fault);
    char *name = disk_name("%s: /settings", store->path);
    enum status status = spec_parse(store->spec, text, size, name, fault);
    if (status == STATUS_OK)
        status = spec_check(store->spec, fault);
    free(name);
    free(text);
    store->runs = status == STATUS_OK ? spec_cells(store->spec) : -1;
    return status;
}

/* Where the store keeps a dataset open, NULL when it does not. */
static hid_t *place_of(struct store *store, const struct variable *variable)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    switch (variable->kind) {
    case SCHEMA_FIELD:
        return &store->fields[variable->field - fields];
    case SCHEMA_COMMIT:
        return &store->commits;
    case SCHEMA_IDENTITY:
        return &store->identities;
    case SCHEMA_NOTE:
        return &store->notes[variable->note];
    default:
        return NULL;
    }
}

/* Opens a dataset that is kept open, or compares one that must be as the settings say. On a shared
 * file the comparison is left out, because rank 0 opened the file alone just before and did it.
 * Which datasets are opened, and in which order, depends on the schema and the mode alone: it is
 * the same on all ranks. */
static enum status open_dataset(struct store *store, const struct schema *schema,
                                const struct variable *variable, struct fault *fault)
{
    hid_t dataset = H5I_INVALID_HID;
    hid_t *const place = place_of(store, variable);
    store->filter = 0;
    const bool is_text = variable->kind == SCHEMA_SPEC || variable->kind == SCHEMA_SETTINGS;
    if (is_text || (place == NULL && store->mode == STORE_SHARED))
        return STATUS_OK;
    struct h5_words words;
    h5_listen(&words);
    const bool opened = layout_open(store, schema, variable, &dataset);
    h5_deafen();
    if (!opened) {
        const enum status status = refuse_damaged(store, &words, fault);
        char name[sizeof variable->name + 16];
        snprintf(name, sizeof name, "%s%s", variable->in_volatile ? "volatile/" : "",
                 variable->name);
        fault_prefix(fault, "%s", name);
        store->lacking = true;
        return store_found(store, status, -1, name, fault);
    }
    if (place != NULL) {
        *place = dataset;
        return STATUS_OK;
    }
    const enum status status = store_check_column(store, schema, variable, dataset, fault);
    H5Dclose(dataset);
    return status;
}

/* All datasets are opened here, on all ranks in the same order, so that no rank has to use HDF5's
 * metadata alone later. A layout that is not ours is known only now, so writing is refused at the
 * end. */
static enum status open_datasets(struct store *store, struct fault *fault)
{
    size_t count = 0;
    (void)!record_fields(&count);
    store->fields = fault_alloc(count, sizeof *store->fields);
    for (size_t f = 0; f < count; f++)
        store->fields[f] = H5I_INVALID_HID;
    struct schema *schema = schema_new(store->spec);
    enum status status = STATUS_OK;
    for (size_t v = 0; v < schema->count && status == STATUS_OK; v++)
        status = open_dataset(store, schema, &schema->variables[v], fault);
    schema_free(&schema);
    if (status == STATUS_OK && store_is_writable(store))
        status = store_check_layout(store, fault);
    return status;
}

static bool is_our_program(const struct store *store)
{
    char program[sizeof STORE_PROGRAM] = "";
    return h5_read_text(store->file, "program", program, sizeof program) &&
           strcmp(program, STORE_PROGRAM) == 0;
}

/* The versions come before anything that depends on them: another schema has other datasets, and
 * would otherwise be reported as damage. */
static enum status check_origin(struct store *store, struct fault *fault)
{
    int64_t schema_version = 0, algorithm_version = 0;
    struct h5_words words;
    h5_listen(&words);
    const bool ours = is_our_program(store) &&
                      h5_read_integer(store->file, "schema_version", &schema_version) &&
                      h5_read_integer(store->file, "algorithm_version", &algorithm_version) &&
                      algorithm_version >= 0 && algorithm_version <= UINT32_MAX;
    h5_deafen();
    if (!ours && words.system)
        return refuse_damaged(store, &words, fault);
    if (!ours)
        return fault_set(fault, STATUS_INPUT, "%s is an HDF5 file, but not one of %s", store->path,
                         STORE_PROGRAM);
    if (schema_version != STORE_SCHEMA_VERSION)
        return fault_set(
            fault, STATUS_INPUT,
            "%s was made by %s version of %s: its schema is %" PRId64 ", this one knows %d",
            store->path, schema_version > STORE_SCHEMA_VERSION ? "a newer" : "an older",
            STORE_PROGRAM, schema_version, STORE_SCHEMA_VERSION);
    store->algorithm_version = (uint32_t)algorithm_version;
    return store_is_writable(store) ? store_check_algorithm(store, fault) : STATUS_OK;
}

/* HDF5's signature is at 0, or behind a block of the user's own of 512, 1024, 2048, … bytes (HDF5
 * file format, "superblock"). The byte behind the signature is the version of the superblock.
 * \return where it is, -1 when nowhere, -2 with errno when reading fails */
static int64_t find_signature(int fd, int64_t size, uint8_t *version)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    char start[sizeof signature + 1] = "";
    for (int64_t at = 0; at < size; at = at == 0 ? 512 : 2 * at) {
        const ssize_t got = pread(fd, start, sizeof start, at);
        if (got < 0)
            return -2;
        if (got == (ssize_t)sizeof start && memcmp(start, signature, sizeof signature) == 0) {
            *version = (uint8_t)start[sizeof signature];
            return at;
        }
    }
    return -1;
}

/* Finds without HDF5 what HDF5 would report less clearly: no such file, no permission, not HDF5.
 * The program makes superblocks of version 0 at offset 0. In any other one, the bytes that
 * clear_mark writes have another meaning, so such a file is refused before HDF5 opens it for
 * writing. */
static enum status check_file(struct store *store, struct fault *fault)
{
    int fd = -1;
    uint8_t version = 0;
    struct stat entry;
    const enum status status =
        disk_open_regular(store->path, store_is_writable(store) ? O_RDWR : O_RDONLY, &fd, fault);
    if (status != STATUS_OK)
        return status;
    const bool known = fstat(fd, &entry) == 0;
    /* The size at this moment is what store_check_place compares with for as long as it is open. */
    store->size = known ? entry.st_size : -1;
    const int64_t at = known ? find_signature(fd, entry.st_size, &version) : -2;
    const int error = errno; /* close may change it */
    close(fd);
    if (at == -2)
        return fault_set(fault, disk_status(error), "cannot read %s: %s", store->path,
                         strerror(error));
    if (at < 0)
        return fault_set(fault, STATUS_INPUT, "%s is not an HDF5 file", store->path);
    if (at > 0 || version != 0)
        snprintf(store->foreign, sizeof store->foreign, "its superblock");
    return store_is_writable(store) ? store_check_layout(store, fault) : STATUS_OK;
}

/* HDF5 marks the superblock (version 0: four bytes at 20) while the file is open for writing, and
 * clears the mark when it closes the file. Nothing reads the mark in a superblock this old, but a
 * killed process would leave it, and two files of one spec would differ in it. MPI-IO does not set
 * the mark. */
static enum status clear_mark(const struct store *store, struct fault *fault)
{
    static const char none[4] = {0};
    if (pwrite(store->fd, none, sizeof none, 20) == (ssize_t)sizeof none)
        return STATUS_OK;
    return fault_set(fault, STATUS_FAULT, "cannot write %s: %s", store->path, strerror(errno));
}

/* Opens the file in HDF5, and for writing a second time as a plain descriptor: H5Fflush and
 * MPI_File_sync are collective, so a rank that called them alone would hang. fsync on the plain
 * descriptor writes the pages of the file, whoever has written them on this node. */
static enum status open_file(struct store *store, struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const hid_t access = h5_access();
    bool ready = access >= 0;
    /* What is only read may be of any format that HDF5 knows. */
    if (ready && store->mode == STORE_READ)
        ready = H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0;
    if (ready && store->mode == STORE_SHARED)
        store->file = store_open_together(store, access);
    else if (ready)
        store->file =
            H5Fopen(store->path, store_is_writable(store) ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
    h5_deafen();
    H5Pclose(access);
    if (store->file < 0 && strncmp(words.text, "truncated file", strlen("truncated file")) == 0)
        return fault_set(fault, STATUS_INPUT, "%s is cut short: %s", store->path, words.text);
    if (store->file < 0 && words.system)
        return h5_fault(fault, h5_status(&words), &words, "cannot open %s", store->path);
    if (store->file < 0)
        return refuse_damaged(store, &words, fault);
    if (store->mode == STORE_READ)
        return STATUS_OK;
    /* Writing goes by it too: clear_mark now, and crash marks later (store_place). */
    store->fd = open(store->path, O_RDWR | O_CLOEXEC);
    if (store->fd < 0)
        return fault_set(fault, STATUS_FAULT, "cannot open %s: %s", store->path, strerror(errno));
    return store->mode == STORE_SHARED ? STATUS_OK : clear_mark(store, fault);
}

/* Rank 0 needs the state of all runs, to decide which are to be done. The other ranks read that of
 * a run when they are given it: a thousand ranks do not read all records at the same moment. The
 * identities come last, because they depend on which runs are done. */
static enum status begin_scan(struct store *store, struct fault *fault)
{
    int rank = 0;
    if (store->mode == STORE_SHARED)
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    store->states = fault_alloc((size_t)store->runs, 1);
    memset(store->states, STORE_UNKNOWN, (size_t)store->runs);
    enum status status = rank == 0 ? store_scan(store, 0, store->runs, fault) : STATUS_OK;
    if (status == STATUS_OK && store->mode != STORE_SHARED)
        status = store_check_identities(store, fault);
    return status;
}

/* The stages are named for the watchdog, which prints the one in which a rank hangs. */
static enum status open_store(struct store **store, const char *path, enum store_mode mode,
                              struct watchdog *watchdog, struct defects *defects,
                              struct fault *fault)
{
    *store = NULL;
    struct store *opening = fault_alloc(1, sizeof *opening);
    *opening = (struct store){.path = disk_name("%s", path),
                              .mode = mode,
                              .watchdog = watchdog,
                              .defects = defects,
                              .fd = -1,
                              .file = H5I_INVALID_HID,
                              .transfer = H5P_DEFAULT,
                              .size = -1,
                              .runs = -1,
                              .spec = spec_new()};
    watchdog_stage(watchdog, "reading %s, with no other rank", path);
    enum status status = check_file(opening, fault);
    if (status == STATUS_OK)
        status = open_file(opening, fault);
    watchdog_stage(watchdog, "reading %s by MPI-IO, with no other rank", path);
    if (status == STATUS_OK)
        status = check_origin(opening, fault);
    if (status == STATUS_OK)
        status = read_spec(opening, fault);
    if (status == STATUS_OK)
        status = open_datasets(opening, fault);
    if (status == STATUS_OK && !opening->lacking)
        status = begin_scan(opening, fault);
    /* What goes on elsewhere ends here: nothing behind it could be believed. */
    const bool whole = status == STATUS_OK && !opening->lacking;
    if (opening->size >= 0)
        status = store_found(opening, status, -1, "", fault);
    opening->watchdog = NULL;
    opening->defects = NULL;
    if (whole)
        *store = opening;
    else if (mode != STORE_SHARED)
        store_close(&opening);
    /* A shared store is not closed: closing is collective and would wait for ranks that have opened
     * the file and are elsewhere by now. The caller ends the job, and the memory with it. */
    return status;
}

enum status store_open(struct store **store, const char *path, enum store_mode mode,
                       struct fault *fault)
{
    return open_store(store, path, mode, NULL, NULL, fault);
}

enum status store_open_defects(struct store **store, const char *path, struct defects *defects,
                               struct fault *fault)
{
    return open_store(store, path, STORE_READ, NULL, defects, fault);
}

enum status store_open_shared(struct store **store, const char *path, struct watchdog *watchdog,
                              struct fault *fault)
{
    const enum status status = open_store(store, path, STORE_SHARED, watchdog, NULL, fault);
    /* Wrong input here is not the user's: rank 0 has opened the same file, and found it good. */
    if (status != STATUS_INPUT)
        return status;
    fault_prefix(fault, "rank 0 could read the file, but this rank cannot read it by MPI-IO (the "
                        "file system or MPI-IO failed: see its own message)");
    return STATUS_FAULT;
}

void store_close(struct store **store)
{
    if (store == NULL || *store == NULL)
        return;
    struct store *closing = *store;
    /* What fails from here on cannot lose rows: store_commit has synced them. */
    h5_deafen();
    if (closing->transfer != H5P_DEFAULT)
        H5Pclose(closing->transfer);
    if (closing->file >= 0)
        H5Fclose(closing->file); /* closes its datasets too (H5F_CLOSE_STRONG) */
    if (closing->fd >= 0)
        close(closing->fd);
    spec_free(&closing->spec);
    for (int64_t run = 0; closing->damages != NULL && run < closing->runs; run++)
        free(closing->damages[run]);
    free(closing->damages);
    free(closing->states);
    free(closing->fields);
    free(closing->path);
    free(closing);
    *store = NULL;
}
