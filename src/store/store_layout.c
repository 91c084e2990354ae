// SPDX-License-Identifier: MIT
/*
 * Whether a dataset is stored as this program stores it, before anything of it is read. A file may
 * come from anybody. Its links could lead into other files, its extents could be other than memory
 * is allocated for, and its type could make HDF5 convert values on every access. A dataset that is
 * ours in content but stored otherwise (chunks, filters: h5repack) can be read; that is only noted,
 * because writing in place is not safe there.
 */
#include "spec/yaml_tree.h"
#include "store/dataset_internal.h"
#include "sys/disk.h"
#include <stdlib.h>
#include <string.h>

/* The most that a filter can expand its input by: the limit of deflate is 1032:1. A dataset that
 * claims to be larger than that in proportion to the file is refused, else a file of a few
 * kilobytes could ask for all memory. */
enum { PACKED_MOST = 1100 };

/* Bytes of a chunk that are always accepted. */
enum { CHUNK_LEAST = 1 << 20 };

static bool is_hard_link(hid_t file, const char *name)
{
    H5L_info_t info;
    return H5Lget_info(file, name, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

/* Opens a dataset of this very file. Soft and external links are not followed: they could lead to
 * any other file or dataset. The group is checked as well, because it could be such a link. */
static hid_t open_own(hid_t file, bool in_volatile, const char *name)
{
    if (in_volatile && !is_hard_link(file, "volatile"))
        return H5I_INVALID_HID;
    char *const path = disk_name("%s%s", in_volatile ? "volatile/" : "", name);
    const hid_t dataset =
        is_hard_link(file, path) ? H5Dopen2(file, path, H5P_DEFAULT) : H5I_INVALID_HID;
    free(path);
    return dataset;
}

/* Memory is allocated, and slabs are selected, by the extents of the schema. The dataset must have
 * the same ones. */
static bool has_extents(hid_t dataset, const struct schema *schema, const struct variable *variable)
{
    hsize_t extents[DATASET_RANK] = {0};
    const hid_t space = H5Dget_space(dataset);
    bool fits = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE &&
                H5Sget_simple_extent_ndims(space) == variable->rank &&
                H5Sget_simple_extent_dims(space, extents, NULL) == variable->rank;
    for (int i = 0; i < variable->rank && fits; i++)
        fits = extents[i] == (hsize_t)schema->extents[variable->dims[i]];
    if (space >= 0)
        H5Sclose(space);
    return fits;
}

/* The types of file and memory are the same, so that a row is one write without conversion. */
static bool has_type(hid_t dataset, const struct variable *variable)
{
    const hid_t type = H5Dget_type(dataset);
    const hid_t expected = h5_type(variable->type, variable->size);
    const bool fits = type >= 0 && expected >= 0 && H5Tequal(type, expected) > 0;
    if (expected >= 0)
        H5Tclose(expected);
    if (type >= 0)
        H5Tclose(type);
    return fits;
}

/* Whether HDF5 has all filters that the values went through; notes one that it does not have. */
static bool has_filters(struct store *store, hid_t properties)
{
    const int count = H5Pget_nfilters(properties);
    for (int i = 0; i < count; i++) {
        unsigned flags = 0, config = 0;
        size_t parameters = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(properties, (unsigned)i, &flags, &parameters, NULL, 0, NULL, &config);
        /* An optional one need not have been applied. */
        if ((flags & H5Z_FLAG_OPTIONAL) != 0 || H5Zfilter_avail(filter) > 0)
            continue;
        store->filter = (int)filter;
        return false;
    }
    return true;
}

/* HDF5 unpacks whole chunks: one that is much larger than its dataset, which a growing dataset can
 * have, would take gigabytes for a few bytes. */
static bool has_small_chunks(hid_t properties, size_t size, int64_t bytes)
{
    hsize_t extents[DATASET_RANK] = {0};
    const int rank = H5Pget_chunk(properties, DATASET_RANK, extents);
    const double most = bytes > CHUNK_LEAST ? (double)bytes : (double)CHUNK_LEAST;
    double chunk = (double)size;
    for (int i = 0; i < rank; i++)
        chunk *= (double)extents[i];
    return rank > 0 && rank <= DATASET_RANK && chunk <= most;
}

/* Whether its bytes are in this file, and the file is long enough for them. What is not one
 * contiguous piece is noted in `foreign`. Virtual and external storage is refused, since it is in
 * other files. */
static bool is_inside(struct store *store, hid_t dataset, const char *name, size_t size,
                      int64_t bytes)
{
    const hid_t properties = H5Dget_create_plist(dataset);
    const H5D_layout_t layout = properties < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(properties);
    const bool elsewhere = layout == H5D_LAYOUT_ERROR || layout == H5D_VIRTUAL ||
                           H5Pget_external_count(properties) != 0;
    const bool filtered = elsewhere || H5Pget_nfilters(properties) != 0;
    const bool readable = !elsewhere && has_filters(store, properties) &&
                          (layout != H5D_CHUNKED || has_small_chunks(properties, size, bytes));
    const haddr_t start =
        !filtered && layout == H5D_CONTIGUOUS ? H5Dget_offset(dataset) : HADDR_UNDEF;
    if (properties >= 0)
        H5Pclose(properties);
    if (!readable)
        return false;
    if (start != HADDR_UNDEF)
        return start <= (haddr_t)store->size && bytes <= store->size - (int64_t)start;
    if (store->foreign[0] == '\0')
        snprintf(store->foreign, sizeof store->foreign, "%s", name);
    return bytes / PACKED_MOST <= store->size;
}

bool layout_open(struct store *store, const struct schema *schema, const struct variable *variable,
                 hid_t *dataset)
{
    const hid_t opened = open_own(store->file, variable->in_volatile, variable->name);
    *dataset = opened;
    if (opened < 0)
        return false;
    const int64_t bytes = schema_values(schema, variable) * (int64_t)variable->size;
    if (has_extents(opened, schema, variable) && has_type(opened, variable) &&
        is_inside(store, opened, variable->name, variable->size, bytes))
        return true;
    H5Dclose(opened);
    *dataset = H5I_INVALID_HID;
    return false;
}

/* Whether it is one text of fixed length, not longer than what is read as a spec. The length is
 * read from the file, so it is limited before memory is allocated for it. */
static bool is_text(hid_t dataset, hid_t type, size_t *size)
{
    const hid_t space = H5Dget_space(dataset);
    const bool one = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR;
    if (space >= 0)
        H5Sclose(space);
    if (!one || type < 0 || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
        return false;
    *size = H5Tget_size(type);
    return *size > 0 && *size <= YAML_TREE_LIMIT;
}

char *layout_settings(struct store *store, size_t *size)
{
    const hid_t dataset = open_own(store->file, false, "settings");
    const hid_t type = dataset < 0 ? H5I_INVALID_HID : H5Dget_type(dataset);
    char *text = NULL;
    if (dataset >= 0 && is_text(dataset, type, size) &&
        is_inside(store, dataset, "settings", *size, (int64_t)*size)) {
        text = fault_alloc(*size + 1, 1);
        if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0) {
            free(text);
            text = NULL;
        }
    }
    if (type >= 0)
        H5Tclose(type);
    if (dataset >= 0)
        H5Dclose(dataset);
    return text;
}
