// SPDX-License-Identifier: MIT
#include <ccmsweep/disk.h>
#include <ccmsweep/store_inside.h>
#include <ccmsweep/trainer.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a dataset whose type, rank and first extent (runs, or rows of the log of starts) are those
 * the program would write. */
static bool open_dataset(struct store *store, const struct variable *variable, hid_t *dataset)
{
    char *name = disk_name("%s%s", variable->in_volatile ? "volatile/" : "", variable->name);
    *dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    free(name);
    if (*dataset < 0)
        return false;
    const hid_t space = H5Dget_space(*dataset);
    const hid_t type = H5Dget_type(*dataset);
    const hid_t expected = h5_type(variable->type, variable->size);
    hsize_t extents[STORE_RANK] = {0};
    bool fits = H5Sget_simple_extent_ndims(space) == variable->rank &&
                H5Sget_simple_extent_dims(space, extents, NULL) == variable->rank &&
                H5Tequal(type, expected) > 0;
    if (store->runs < 0)
        store->runs = (int64_t)extents[0];
    const int64_t rows = variable->dims[0] == SCHEMA_RUN ? store->runs : SCHEMA_STARTS;
    fits = fits && (int64_t)extents[0] == rows;
    H5Tclose(expected);
    H5Tclose(type);
    H5Sclose(space);
    return fits;
}

static bool open_fields(struct store *store, const struct schema *schema)
{
    size_t count = 0;
    const struct field *fields = record_fields(&count);
    store->fields = fault_alloc(count, sizeof *store->fields);
    for (size_t f = 0; f < count; f++)
        store->fields[f] = H5I_INVALID_HID;
    for (size_t v = 0; v < schema->count; v++) {
        const struct variable *variable = &schema->variables[v];
        hid_t *dataset = variable->kind == SCHEMA_FIELD ? &store->fields[variable->field - fields]
                         : variable->kind == SCHEMA_COMMIT   ? &store->commits
                         : variable->kind == SCHEMA_IDENTITY ? &store->identities
                         : variable->kind == SCHEMA_NOTE     ? &store->notes[variable->note]
                                                             : NULL;
        if (dataset != NULL && !open_dataset(store, variable, dataset))
            return false;
    }
    return true;
}

static enum status refuse_damaged(const struct store *store, const struct h5_words *words,
                                  struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT, "%s is damaged or was changed by another program%s%s",
                     store->path, words->text[0] != '\0' ? ": " : "", words->text);
}

/* The resolved spec that stands in the file gives the settings of every run. */
static enum status read_spec(struct store *store, struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const hid_t dataset = H5Dopen2(store->file, "settings", H5P_DEFAULT);
    const hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
    char *text = NULL;
    size_t size = 0;
    if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0) {
        size = H5Tget_size(type);
        text = fault_alloc(size, 1);
        if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
            free(text);
            text = NULL;
        }
    }
    h5_deafen();
    H5Tclose(type);
    H5Dclose(dataset);
    if (text == NULL)
        return refuse_damaged(store, &words, fault);
    char *name = disk_name("%s: /settings", store->path);
    enum status status = spec_parse(store->spec, text, size, name, fault);
    if (status == STATUS_OK)
        status = spec_check(store->spec, fault);
    free(name);
    free(text);
    return status;
}

static enum status open_datasets(struct store *store, struct fault *fault)
{
    struct schema *schema = schema_new(store->spec);
    struct h5_words words;
    h5_listen(&words);
    const bool opened = open_fields(store, schema);
    h5_deafen();
    schema_free(&schema);
    return opened && store->runs == spec_cells(store->spec) ? STATUS_OK
                                                            : refuse_damaged(store, &words, fault);
}

static enum status check_origin(struct store *store, struct fault *fault)
{
    int64_t schema_version = 0, algorithm_version = 0;
    if (H5Aexists(store->file, "program") <= 0 ||
        !h5_read_integer(store->file, "schema_version", &schema_version) ||
        !h5_read_integer(store->file, "algorithm_version", &algorithm_version))
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

/* What HDF5 would say less clearly: no such file, no permission, not HDF5. */
static enum status check_file(const struct store *store, struct fault *fault)
{
    static const char signature[8] = "\211HDF\r\n\032\n";
    char start[sizeof signature] = "";
    const int fd = open(store->path, (store_is_writable(store) ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    const ssize_t size = fd < 0 ? -1 : pread(fd, start, sizeof start, 0);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return fault_set(fault, disk_status(error), "cannot open %s: %s", store->path,
                         strerror(error));
    if (memcmp(start, signature, sizeof start) != 0)
        return fault_set(fault, STATUS_INPUT, "%s is not an HDF5 file", store->path);
    return STATUS_OK;
}

/* Opening for writing marks the superblock (version 0, four bytes at 20) until the file is closed.
 * Nobody reads the mark of so old a version, but a killed process would leave it in the file. */
static enum status clear_mark(const struct store *store, struct fault *fault)
{
    static const char none[4] = {0};
    if (pwrite(store->fd, none, sizeof none, 20) == (ssize_t)sizeof none)
        return STATUS_OK;
    return fault_set(fault, STATUS_FAULT, "cannot write %s: %s", store->path, strerror(errno));
}

/* For shared file pointers, which nobody uses, OMPIO has two empty files of each rank beside the
 * file while that is open. Those of a killed job would stay. */
static void remove_helpers(const struct store *store)
{
    static const char *const kinds[] = {"data", "metadata"};
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct stat entry;
        char *const name = disk_name("%s.%s.%d", store->path, kinds[i], rank);
        if (stat(name, &entry) == 0 && S_ISREG(entry.st_mode) && entry.st_size == 0)
            unlink(name);
        free(name);
    }
}

static enum status open_file(struct store *store, struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const hid_t access = h5_access();
    bool ready = access >= 0;
    if (ready && store->mode == STORE_SHARED) {
        store->transfer = H5Pcreate(H5P_DATASET_XFER);
        ready = H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL) >= 0 &&
                H5Pset_dxpl_mpio(store->transfer, H5FD_MPIO_INDEPENDENT) >= 0;
    }
    if (ready)
        store->file =
            H5Fopen(store->path, store_is_writable(store) ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access);
    h5_deafen();
    H5Pclose(access);
    if (store->file < 0 && strncmp(words.text, "truncated file", strlen("truncated file")) == 0)
        return fault_set(fault, STATUS_INPUT, "%s is cut short: %s", store->path, words.text);
    if (store->file < 0)
        return refuse_damaged(store, &words, fault);
    if (store->mode == STORE_READ)
        return STATUS_OK;
    if (store->mode == STORE_SHARED)
        remove_helpers(store);
    store->fd = open(store->path, O_RDWR | O_CLOEXEC);
    if (store->fd < 0)
        return fault_set(fault, STATUS_FAULT, "cannot open %s: %s", store->path, strerror(errno));
    return store->mode == STORE_SHARED ? STATUS_OK : clear_mark(store, fault);
}

/* Rank 0 looks at all runs at once, the others at what they are given. */
static enum status begin_scan(struct store *store, struct fault *fault)
{
    int rank = 0;
    if (store->mode == STORE_SHARED)
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    store->states = fault_alloc((size_t)store->runs, 1);
    memset(store->states, STORE_UNKNOWN, (size_t)store->runs);
    return rank == 0 ? store_scan(store, 0, store->runs, fault) : STATUS_OK;
}

enum status store_open(struct store **store, const char *path, enum store_mode mode,
                       struct fault *fault)
{
    *store = NULL;
    struct store *opening = fault_alloc(1, sizeof *opening);
    *opening = (struct store){.path = disk_name("%s", path),
                              .mode = mode,
                              .fd = -1,
                              .file = H5I_INVALID_HID,
                              .transfer = H5P_DEFAULT,
                              .runs = -1,
                              .spec = spec_new()};
    enum status status = check_file(opening, fault);
    if (status == STATUS_OK)
        status = open_file(opening, fault);
    if (status == STATUS_OK)
        status = check_origin(opening, fault);
    if (status == STATUS_OK)
        status = read_spec(opening, fault);
    if (status == STATUS_OK)
        status = open_datasets(opening, fault);
    if (status == STATUS_OK)
        status = begin_scan(opening, fault);
    if (status == STATUS_OK)
        *store = opening;
    else
        store_close(&opening);
    return status;
}

void store_close(struct store **store)
{
    if (store == NULL || *store == NULL)
        return;
    struct store *closing = *store;
    h5_deafen();
    if (closing->transfer != H5P_DEFAULT)
        H5Pclose(closing->transfer);
    if (closing->file >= 0)
        H5Fclose(closing->file); /* and with it all that is open in it */
    if (closing->fd >= 0)
        close(closing->fd);
    spec_free(&closing->spec);
    free(closing->states);
    free(closing->fields);
    free(closing->path);
    free(closing);
    *store = NULL;
}

int64_t store_runs(const struct store *store)
{
    return store->runs;
}

const struct spec *store_spec(const struct store *store)
{
    return store->spec;
}

uint32_t store_algorithm_version(const struct store *store)
{
    return store->algorithm_version;
}

enum status store_check_algorithm(const struct store *store, struct fault *fault)
{
    if (store->algorithm_version == TRAINER_ALGORITHM_VERSION)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "%s was begun with version %" PRIu32
                     " of the algorithm and this program has version %d, whose results differ: "
                     "finish it with the program that began it, or give another file",
                     store->path, store->algorithm_version, TRAINER_ALGORITHM_VERSION);
}

void store_cell(const struct store *store, int64_t run, struct settings *cell)
{
    CHECK(run >= 0 && run < store->runs);
    spec_cell(store->spec, run, cell);
}

/* First run in which a setting is another there than here, -1 when there is none. */
static int64_t first_difference(const struct store *store, const struct spec *spec, int64_t runs,
                                const struct setting *row, struct settings *there,
                                struct settings *here)
{
    for (int64_t run = 0; run < runs; run++) {
        store_cell(store, run, there);
        spec_cell(spec, run, here);
        if (!settings_equal(there, here, row))
            return run;
    }
    return -1;
}

/* Names the settings that decide a result and differ, for a refusal. */
static void list_differences(const struct store *store, const struct spec *spec, int64_t runs,
                             char *text, size_t size)
{
    size_t rows = 0, used = 0;
    const struct setting *table = settings_table(&rows);
    for (size_t i = 0; i < rows && used < size; i++) {
        struct settings there, here;
        char a[128], b[128];
        if (table[i].class == CLASS_OPERATION)
            continue;
        const int64_t run = first_difference(store, spec, runs, &table[i], &there, &here);
        if (run < 0)
            continue;
        settings_get(&there, &table[i], a, sizeof a);
        settings_get(&here, &table[i], b, sizeof b);
        used += (size_t)snprintf(text + used, size - used,
                                 "%s%s is %s there and %s here (run %" PRId64 ")",
                                 used > 0 ? "; " : "", table[i].key, a, b, run);
    }
}

/* Names the settings in which cells from `from` on differ from the first. */
static void list_axes(const struct spec *spec, int64_t from, char *text, size_t size)
{
    size_t rows = 0, used = 0;
    const struct setting *table = settings_table(&rows);
    struct settings first, cell;
    spec_cell(spec, 0, &first);
    for (size_t i = 0; i < rows && used < size; i++) {
        bool same = true;
        for (int64_t run = from; run < spec_cells(spec) && same; run++) {
            spec_cell(spec, run, &cell);
            same = settings_equal(&first, &cell, &table[i]);
        }
        if (!same && table[i].class != CLASS_OPERATION)
            used += (size_t)snprintf(text + used, size - used, "%s%s has other values",
                                     used > 0 ? "; " : "", table[i].key);
    }
}

static bool is_same(const struct settings *a, const struct settings *b)
{
    size_t rows = 0;
    const struct setting *table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        if (table[i].class != CLASS_OPERATION && !settings_equal(a, b, &table[i]))
            return false;
    }
    return true;
}

static bool is_of_spec(const struct store *store, const struct spec *spec)
{
    bool same = spec_cells(spec) == store->runs;
    for (int64_t run = 0; run < store->runs && same; run++) {
        struct settings there, here;
        store_cell(store, run, &there);
        spec_cell(spec, run, &here);
        same = is_same(&there, &here);
    }
    return same;
}

enum status store_match(const struct store *store, const struct spec *spec, struct fault *fault)
{
    if (is_of_spec(store, spec))
        return STATUS_OK;
    const int64_t cells = spec_cells(spec);
    char differences[1024] = "";
    list_differences(store, spec, cells < store->runs ? cells : store->runs, differences,
                     sizeof differences);
    if (cells != store->runs && differences[0] == '\0')
        list_axes(cells > store->runs ? spec : store->spec,
                  cells > store->runs ? store->runs : cells, differences, sizeof differences);
    if (cells != store->runs)
        return fault_set(fault, STATUS_INPUT,
                         "%s was made for %" PRId64 " cells and the spec has %" PRId64 ": %s: give "
                         "another file (run --reuse copies what this one has), or the spec it was "
                         "made for",
                         store->path, store->runs, cells, differences);
    return fault_set(fault, STATUS_INPUT,
                     "%s was made for other settings: %s: give another file, or the settings it "
                     "was made for",
                     store->path, differences);
}
