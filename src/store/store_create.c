// SPDX-License-Identifier: MIT
/*
 * Making the file of a sweep: all of it at once, before any run is trained.
 *
 * Everything that HDF5 calls metadata is written here and never again, because a process that is
 * killed while metadata changes leaves a file that HDF5 cannot open. The file gets its name last,
 * by a rename, so that a file of that name is always complete. The steps are in store_create and
 * make; their order matters: what can fail for want of room fails before anything large is written.
 */
#include "base/build.h"
#include "store/store_internal.h"
#include "sys/disk.h"
#include "sys/inject.h"
#include "sys/stop_signal.h"
#include <ccmsweep/trainer.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Rows are written as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

/* Large datasets start on pages of the disk and of memory. A commit record of 64 bytes then never
 * crosses a sector, which a disk writes as a whole. (In a small dataset one may; its checksum finds
 * a torn one in any case.) */
enum { ALIGNMENT = 4096 };

static const char event_times[] =
    "first_still: first episode in whose training step no parameter of the actor changed. "
    "gradient_zero_first: first episode whose own gradient is exactly 0. gradient_zero: start of "
    "the unbroken stretch of exactly zero gradients that lasts to the end. hard_saturation: first "
    "episode in which every 1-y^2 of the batch is exactly 0. last_change: last episode in which a "
    "parameter changed, once tracking.absorb still episodes have followed it. Episodes count from "
    "1; -1: not seen. stopping_episode: the largest first_still, -1 while an actor has none (then "
    "the run is censored at total_episodes).";

/** A file in the making. */
struct making {
    const struct schema *schema;
    const struct spec *spec;
    char *settings; /* resolved, as text */
    hid_t file, volatile_group, dataset_properties;
    hid_t scales[2][SCHEMA_DIMENSIONS]; /* of the root and of /volatile; -1: none */
};

/* Values that are known from the start, or NULL: the dataset then stays at fill. */
static void *values_new(const struct making *making, const struct variable *variable)
{
    if (variable->kind != SCHEMA_SPEC && variable->kind != SCHEMA_SETTINGS)
        return store_given(making->schema, making->spec, variable);
    char *const values = fault_alloc(1, variable->size);
    const char *text = variable->kind == SCHEMA_SPEC ? spec_text(making->spec) : making->settings;
    memcpy(values, text, strlen(text));
    return values;
}

/* Names the values of an outcome, a cause or a choice, as the CF conventions of netCDF do it
 * (flag_values, flag_meanings), so that other programs show words for the numbers. */
static bool write_flags(hid_t dataset, const struct variable *variable)
{
    const size_t count = (size_t)variable->flags;
    char *const meanings = schema_flags(variable);
    int32_t *const values = fault_alloc(count, sizeof *values);
    for (int i = 0; i < variable->flags; i++)
        values[i] = i;
    const bool written = h5_write_integers(dataset, "flag_values", values, count) &&
                         h5_write_text(dataset, "flag_meanings", meanings);
    free(values);
    free(meanings);
    return written;
}

static bool write_attributes(hid_t dataset, const struct variable *variable)
{
    if (!h5_write_text(dataset, "units", variable->unit) ||
        !h5_write_text(dataset, "long_name", variable->meaning))
        return false;
    if (variable->axis != NULL && !h5_write_text(dataset, "setting", variable->axis->key))
        return false;
    return variable->flags == 0 || write_flags(dataset, variable);
}

/* The dataset becomes a scale, or gets one on each of its dimensions. */
static bool attach_scales(struct making *making, hid_t dataset, const struct variable *variable)
{
    hid_t *scales = making->scales[variable->in_volatile];
    if (variable->kind == SCHEMA_SCALE) {
        scales[variable->dims[0]] = dataset;
        return H5DSset_scale(dataset, variable->name) >= 0;
    }
    for (int i = 0; i < variable->rank; i++) {
        if (H5DSattach_scale(dataset, scales[variable->dims[i]], (unsigned)i) < 0)
            return false;
    }
    return true;
}

/* HDF5 converts the value to the type of the dataset. A value that no training writes: a row that
 * was not written cannot be taken for data. */
static bool set_fill(hid_t properties, const struct variable *variable)
{
    return variable->type == SCHEMA_TEXT ||
           H5Pset_fill_value(properties, H5T_NATIVE_DOUBLE, &variable->fill) >= 0;
}

/* Creates a dataset, which allocates and fills it, and then writes what is known from the start. */
static bool make_dataset(struct making *making, const struct variable *variable)
{
    hsize_t extents[4];
    for (int i = 0; i < variable->rank; i++)
        extents[i] = (hsize_t)making->schema->extents[variable->dims[i]];
    const hid_t group = variable->in_volatile ? making->volatile_group : making->file;
    const hid_t properties = H5Pcopy(making->dataset_properties);
    const hid_t type = h5_type(variable->type, variable->size);
    const hid_t space = variable->rank > 0 ? H5Screate_simple(variable->rank, extents, NULL)
                                           : H5Screate(H5S_SCALAR);
    hid_t dataset = H5I_INVALID_HID;
    if (type >= 0 && properties >= 0 && set_fill(properties, variable))
        dataset =
            H5Dcreate2(group, variable->name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    bool made = dataset >= 0;
    void *values = made ? values_new(making, variable) : NULL;
    if (values != NULL)
        made = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    free(values);
    made = made && write_attributes(dataset, variable) && attach_scales(making, dataset, variable);
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(properties);
    /* Later datasets are attached to the scales, so these stay open until the file is closed. */
    if (dataset >= 0 && variable->kind != SCHEMA_SCALE && H5Dclose(dataset) < 0)
        made = false;
    return made;
}

/* What made the file. Nothing here may differ between two creations by the same program from the
 * same spec: no time, no host, no user. Those are in /volatile. */
static bool write_root(const struct making *making, const struct store_program *program)
{
    const hid_t root = making->file;
    const int32_t schema_version = STORE_SCHEMA_VERSION;
    const int32_t algorithm_version = TRAINER_ALGORITHM_VERSION;
    return h5_write_text(root, "title", "CCM-MADRL: when each network stops learning, and why") &&
           h5_write_text(root, "program", STORE_PROGRAM) &&
           h5_write_integers(root, "schema_version", &schema_version, 0) &&
           h5_write_integers(root, "algorithm_version", &algorithm_version, 0) &&
           h5_write_text(root, "version", program->version) &&
           h5_write_text(root, "revision", program->revision) &&
           h5_write_text(root, "compiler", program->compiler) &&
           h5_write_text(root, "flags", program->flags) &&
           h5_write_text(root, "libraries", program->libraries) &&
           h5_write_text(root, "event_times", event_times) &&
           h5_write_text(root, "coordinates",
                         spec_labelled(making->spec) ? "label actor_lr critic_lr seed"
                                                     : "actor_lr critic_lr seed") &&
           h5_write_text(making->volatile_group, "long_name",
                         "what differs between two executions of the same runs");
}

static hid_t dataset_properties(void)
{
    /* All space is there from the start and never moves: ranks write rows at places that are known,
     * without telling each other, and a kill can leave wrong rows but no wrong structure. The fill
     * values are really written at creation, so a full disk shows before the first training and not
     * days later. Times of objects would make two files of one spec differ. */
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    if (properties >= 0 && H5Pset_layout(properties, H5D_CONTIGUOUS) >= 0 &&
        H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(properties, H5D_FILL_TIME_ALLOC) >= 0 &&
        H5Pset_obj_track_times(properties, false) >= 0)
        return properties;
    H5Pclose(properties);
    return H5I_INVALID_HID;
}

/* \param driver through which it is written, invalid for HDF5's own */
static hid_t make_file(const char *path, hid_t driver)
{
    /* Page alignment also keeps apart what ranks write: two of them rarely share a page at the ends
     * of a dataset. */
    const hid_t access = h5_access();
    const hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = H5I_INVALID_HID;
    if (access >= 0 && (driver < 0 || H5Pset_driver(access, driver, NULL) >= 0) &&
        H5Pset_alignment(access, ALIGNMENT, ALIGNMENT) >= 0 && properties >= 0 &&
        H5Pset_obj_track_times(properties, false) >= 0)
        file = H5Fcreate(path, H5F_ACC_TRUNC, properties, access);
    H5Pclose(properties);
    H5Pclose(access);
    return file;
}

/* Fills the file. The loop over datasets ends early on a stop: the driver (h5_filler.c) then writes
 * nothing any more, and the temporary is removed. */
static bool make_content(struct making *making, const struct store_program *program)
{
    const hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
    if (properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0)
        making->volatile_group =
            H5Gcreate2(making->file, "volatile", H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Pclose(properties);
    making->dataset_properties = dataset_properties();
    bool made = making->volatile_group >= 0 && making->dataset_properties >= 0 &&
                write_root(making, program);
    /* In the order of the schema: the bytes of a file must not depend on anything else. */
    for (size_t v = 0; made && !stop_requested() && v < making->schema->count; v++)
        made = make_dataset(making, &making->schema->variables[v]);
    H5Pclose(making->dataset_properties);
    return made && H5Fflush(making->file, H5F_SCOPE_GLOBAL) >= 0;
}

/* Bytes that a creation leaves free. Others use the disk too: the first checkpoints of this sweep
 * need room, and a disk without any disturbs everybody on it. */
static double margin(double size)
{
    const double least = 2e6, share = 0.02;
    return fmax(least, share * size);
}

/* Refuses a disk that has no room for the file, before it is full. The estimate (schema_file_size)
 * is within a few per cent, and the margin covers that. */
static enum status check_room(int fd, double size, const char *path, struct fault *fault)
{
    struct statvfs disk;
    /* A file system that does not know how much is free does not know its own size either. */
    if (fstatvfs(fd, &disk) != 0 || disk.f_blocks == 0)
        return STATUS_OK;
    /* f_bavail is what any user may use; f_bfree has also what is kept for root. */
    const double room = (double)disk.f_bavail * (double)disk.f_frsize;
    if (size + margin(size) <= room)
        return STATUS_OK;
    return fault_set(
        fault, STATUS_FAULT,
        "cannot create %s: %s: it needs %.1f MB, and %.1f MB more must stay free, but only "
        "%.1f MB are free",
        path, strerror(ENOSPC), 1e-6 * size, 1e-6 * margin(size), 1e-6 * room);
}

/* Reserves the blocks of the whole file before the first is filled: another process cannot take
 * them meanwhile. Its length stays 0, because HDF5 sets it. An interrupted call is repeated unless
 * the signal was a stop, which the caller sees. */
static enum status reserve(int fd, int64_t size, const char *path, struct fault *fault)
{
    while (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) != 0) {
        const int error = errno;
        if (error == EINTR && !stop_requested())
            continue;
        if (error == EINTR || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL)
            return STATUS_OK; /* not possible here: filling will find a full disk */
        return fault_set(fault, STATUS_FAULT, "cannot reserve %lld bytes for %s: %s",
                         (long long)size, path, strerror(error));
    }
    return STATUS_OK;
}

static enum status refuse_stopped(const char *path, struct fault *fault)
{
    return fault_set(
        fault, STATUS_STOPPED,
        "stopped while creating %s, and nothing is left of it; run the same command again", path);
}

/* Writes the filled pages to the disk piece by piece. One fsync of a large file takes long and
 * cannot be interrupted by a signal; between two pieces a stop is seen. This is only a head start:
 * it makes nothing durable, and what fails here fails in the fsync that follows as well. */
static void write_out(int fd, off_t size)
{
    static const off_t piece = (off_t)1 << 26;
    const unsigned all =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    for (off_t at = 0; at < size && !stop_requested(); at += piece) {
        if (sync_file_range(fd, at, piece, all) != 0)
            return;
    }
}

/* Makes the finished file durable. Setting its length to what it has gives back blocks that were
 * reserved behind its end. posix_fallocate fills holes, which a file system may have left for zeros
 * although HDF5 wrote them: a write into a hole could find the disk full later. */
static enum status settle(int fd, const char *path, const char *name, struct fault *fault)
{
    struct stat about;
    if (fstat(fd, &about) < 0 || ftruncate(fd, about.st_size) < 0)
        return fault_set(fault, STATUS_FAULT, "cannot write %s: %s", path, strerror(errno));
    const int error = posix_fallocate(fd, 0, about.st_size);
    if (error != 0 && error != EOPNOTSUPP && error != EINVAL)
        return fault_set(fault, STATUS_FAULT, "cannot reserve %lld bytes for %s: %s",
                         (long long)about.st_size, path, strerror(error));
    write_out(fd, about.st_size);
    return stop_requested() ? refuse_stopped(name, fault) : disk_sync(fd, path, fault);
}

/* Makes the content of the file, which exists, is empty and is open at `fd`. \param path temporary
 * name, under which HDF5 opens it a second time \param name that it gets in the end, for
 * messages */
static enum status make(int fd, const char *path, const char *name, const struct spec *spec,
                        const struct store_program *program, struct fault *fault)
{
    struct schema *schema = schema_new(spec);
    struct making making = {.schema = schema,
                            .spec = spec,
                            .settings = spec_resolved(spec),
                            .file = H5I_INVALID_HID,
                            .volatile_group = H5I_INVALID_HID};
    /* Two datasets have the length of their texts, which the schema cannot know: the spec as the
     * user wrote it, and all settings. HDF5 has no text of length 0. */
    for (size_t v = 0; v < schema->count; v++) {
        struct variable *variable = &schema->variables[v];
        const char *text = variable->kind == SCHEMA_SPEC       ? spec_text(spec)
                           : variable->kind == SCHEMA_SETTINGS ? making.settings
                                                               : NULL;
        if (text != NULL)
            variable->size = text[0] != '\0' ? strlen(text) : 1;
    }
    const int64_t size = schema_file_size(schema, spec);
    struct h5_words words;
    h5_listen(&words);
    const hid_t driver = h5_filler_register();
    /* Before HDF5 begins: it would fill the disk to the last byte and only then fail, and everybody
     * else on the disk with it. */
    enum status status = check_room(fd, (double)size, name, fault);
    if (status == STATUS_OK)
        making.file = make_file(path, driver);
    /* Only now: HDF5 truncates the file when it creates it, and the blocks would be lost. */
    if (making.file >= 0)
        status = reserve(fd, size, name, fault);
    const bool made = making.file >= 0 && status == STATUS_OK && make_content(&making, program);
    const bool closed = making.file >= 0 && H5Fclose(making.file) >= 0;
    h5_deafen();
    h5_filler_unregister(driver);
    free(making.settings);
    schema_free(&schema);
    if (status != STATUS_OK)
        return status;
    if (stop_requested())
        return refuse_stopped(name, fault);
    if (!made || !closed)
        return h5_fault(fault, STATUS_FAULT, &words, "cannot write %s", path);
    return settle(fd, path, name, fault);
}

struct store_program store_this_program(void)
{
    return (struct store_program){.version = build_version(),
                                  .revision = build_revision(),
                                  .compiler = build_compiler(),
                                  .flags = build_flags(),
                                  .libraries = build_libraries()};
}

/* Makes the file under a temporary name beside `name`, with the permissions of the one that it will
 * replace. \param temporary owned by the caller on success, else NULL and nothing is left */
static enum status make_beside(const char *name, const struct spec *spec,
                               const struct store_program *program, char **temporary,
                               struct fault *fault)
{
    int fd = -1;
    /* The caller holds the lock, so nobody else makes one now: all are left by killed creations. */
    disk_remove_temporaries(name);
    *temporary = disk_temporary(name);
    /* Created by hand first, so that the message about the folder is the system's and not
     * HDF5's. */
    enum status status = disk_create(*temporary, &fd, fault);
    if (status == STATUS_OK) {
        status = make(fd, *temporary, name, spec, program, fault);
        disk_keep_mode(fd, name);
        close(fd);
        inject(INJECT_CREATE, -1);
        if (status == STATUS_OK && stop_requested())
            status = refuse_stopped(name, fault);
        if (status != STATUS_OK)
            unlink(*temporary);
    }
    if (status == STATUS_OK)
        return STATUS_OK;
    free(*temporary);
    *temporary = NULL;
    return status;
}

enum status store_create(const char *path, const struct spec *spec,
                         const struct store_program *program, struct fault *fault)
{
    char *name = NULL, *temporary = NULL;
    enum status status = disk_resolve(path, &name, fault);
    if (status == STATUS_OK)
        status = make_beside(name, spec, program, &temporary, fault);
    if (status == STATUS_OK) {
        status = disk_rename(temporary, name, fault);
        if (status != STATUS_OK)
            unlink(temporary);
    }
    free(temporary);
    free(name);
    return status;
}

enum status store_create_beside(const char *path, const struct spec *spec,
                                const struct store_program *program, char **temporary,
                                struct fault *fault)
{
    return make_beside(path, spec, program, temporary, fault);
}
