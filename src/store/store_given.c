// SPDX-License-Identifier: MIT
/*
 * What a spec gives the datasets from the start: coordinates of dimensions, axes, extents and
 * identities. They are written when the file is created (store_given) and compared when it is
 * opened, by the same function: a reader that trusts the column `actor_lr` would otherwise draw
 * wrong conclusions from a file in which somebody changed it.
 */
#include "base/text.h"
#include "store/dataset_internal.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill_scale(const struct schema *schema, const struct variable *scale, void *values)
{
    const int dim = scale->dims[0];
    /* A scale has words where the values of its dimension have names, else numbers. Where the cells
     * log at different intervals, row i is another episode in each of them: there is no common
     * coordinate, and rows are counted from 1. */
    const int64_t count = schema->extents[dim];
    const char *const *labels = dim < DIM_COUNT ? record_labels((enum dimension)dim) : NULL;
    if (labels != NULL) {
        for (int64_t i = 0; i < count; i++)
            memcpy((char *)values + (size_t)i * scale->size, labels[i], strlen(labels[i]));
        return;
    }
    double *numbers = fault_alloc((size_t)count, sizeof *numbers);
    for (int64_t i = 0; i < count; i++)
        numbers[i] = (double)(schema->mixed[dim] ? i + 1 : i);
    if (dim < DIM_COUNT && !schema->mixed[dim])
        record_coordinates(&schema->largest[dim], (enum dimension)dim, numbers);
    for (int64_t i = 0; i < count; i++) {
        if (scale->type == SCHEMA_F64)
            ((double *)values)[i] = numbers[i];
        else if (scale->type == SCHEMA_I64)
            ((int64_t *)values)[i] = (int64_t)numbers[i];
        else
            ((int32_t *)values)[i] = (int32_t)numbers[i];
    }
    free(numbers);
}

/* A choice is stored as the number of its name, a list or a label as its place, with flag_meanings
 * beside them. */
static void fill_axis(const struct settings *cell, const struct variable *axis, void *value)
{
    double number = settings_number(cell, axis->axis);
    if (axis->lists != NULL)
        number = schema_place(axis, number);
    if (axis->type == SCHEMA_F64)
        *(double *)value = number;
    else
        *(int64_t *)value = (int64_t)number;
}

void *store_given(const struct schema *schema, const struct spec *spec,
                  const struct variable *variable)
{
    const bool of_runs = variable->kind == SCHEMA_AXIS || variable->kind == SCHEMA_EXTENT ||
                         variable->kind == SCHEMA_IDENTITY;
    if (variable->kind != SCHEMA_SCALE && !of_runs)
        return NULL;
    char *const values = fault_alloc((size_t)schema_values(schema, variable), variable->size);
    if (variable->kind == SCHEMA_SCALE) {
        fill_scale(schema, variable, values);
        return values;
    }
    /* One maker for all runs, in order: it hashes once what consecutive cells have in common. */
    struct identities *identities = identities_new(TRAINER_ALGORITHM_VERSION);
    for (int64_t run = 0; run < schema->extents[SCHEMA_RUN]; run++) {
        struct settings cell;
        spec_cell(spec, run, &cell);
        if (variable->kind == SCHEMA_AXIS) {
            fill_axis(&cell, variable, values + (size_t)run * variable->size);
        } else if (variable->kind == SCHEMA_EXTENT) {
            ((int32_t *)(void *)values)[run] = (int32_t)record_extents(&cell).of[variable->along];
        } else {
            const struct identity identity = identities_next(identities, &cell);
            memcpy(values + (size_t)run * IDENTITY_SIZE, identity.bytes, IDENTITY_SIZE);
        }
    }
    identities_free(&identities);
    return values;
}

/* ---- whether a file still has them ---- */

/* Writes a value with all its digits: two learning rates that agree in six digits differ here. */
static void write_value(const struct variable *variable, const void *values, int64_t i,
                        char text[TEXT_NUMBER])
{
    if (variable->type == SCHEMA_F64)
        text_write_real(((const double *)values)[i], text, TEXT_NUMBER);
    else
        snprintf(text, TEXT_NUMBER, "%" PRId64,
                 variable->type == SCHEMA_I64 ? ((const int64_t *)values)[i]
                                              : ((const int32_t *)values)[i]);
}

/* Place of the first value from `i` on that differs, `count` when there is none. Bytes are
 * compared, not numbers: both come from the same computation, and a NaN would differ from
 * itself. */
static int64_t find_difference(const struct variable *variable, const void *there,
                               const void *given, int64_t i, int64_t count)
{
    const size_t size = variable->size;
    const char *const a = there, *const b = given;
    if (memcmp(a + (size_t)i * size, b + (size_t)i * size, (size_t)(count - i) * size) == 0)
        return count;
    while (memcmp(a + (size_t)i * size, b + (size_t)i * size, size) == 0)
        i++;
    return i;
}

/* The same for edges of bins: they are computed, and may differ in the last bit between C
 * libraries. The outermost is infinite, and differs from any number by as much. */
static int64_t find_another_edge(const double *there, const double *given, int64_t i, int64_t count)
{
    while (i < count &&
           (there[i] == given[i] ||
            (isfinite(given[i]) && fabs(there[i] - given[i]) <= 1e-12 * fabs(given[i]))))
        i++;
    return i;
}

static enum status refuse_column(const struct store *store, const struct variable *variable,
                                 const void *there, const void *given, int64_t i,
                                 struct fault *fault)
{
    char has[TEXT_NUMBER], wanted[TEXT_NUMBER];
    const char *const key = variable->axis != NULL ? variable->axis->key : variable->name;
    if (variable->type == SCHEMA_TEXT)
        return fault_set(fault, STATUS_INPUT,
                         "%s was changed by another program: name %" PRId64 " of %s differs",
                         store->path, i, variable->name);
    write_value(variable, there, i, has);
    write_value(variable, given, i, wanted);
    return fault_set(fault, STATUS_INPUT,
                     "%s was changed by another program: %s of %s %" PRId64
                     " is %s in its settings and %s in its column %s",
                     store->path, key, variable->kind == SCHEMA_SCALE ? "row" : "run", i, wanted,
                     has, variable->name);
}

static enum status refuse_cell(const struct store *store, int64_t run, struct fault *fault)
{
    struct settings cell;
    char name[SETTING_TEXT];
    store_cell(store, run, &cell);
    settings_name_cell(&cell, name, sizeof name);
    return fault_set(fault, STATUS_INPUT,
                     "%s was changed by another program: the settings of run %" PRId64
                     " (%s) are not those that its identity was made of",
                     store->path, run, name);
}

/* The words of an axis of lists or labels, which other programs show for its numbers. Those of
 * other datasets are the same in all files. */
static enum status check_words(const struct store *store, const struct variable *variable,
                               hid_t dataset, struct fault *fault)
{
    if (variable->lists == NULL)
        return STATUS_OK;
    char *const given = schema_flags(variable);
    const size_t size = strlen(given) + 2;
    char *const there = fault_alloc(size, 1);
    const bool same =
        h5_read_text(dataset, "flag_meanings", there, size) && strcmp(there, given) == 0;
    free(there);
    free(given);
    if (same)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "%s was changed by another program: flag_meanings of %s are not the %s in its "
                     "settings",
                     store->path, variable->name,
                     variable->axis->type == TYPE_LABEL ? "labels" : "lists");
}

enum status store_check_column(const struct store *store, const struct schema *schema,
                               const struct variable *variable, hid_t dataset, struct fault *fault)
{
    /* Texts of the spec and records are not here: they have checks of their own. */
    const bool rounded = variable->kind == SCHEMA_SCALE && variable->type == SCHEMA_F64;
    const bool is_given = variable->kind == SCHEMA_SCALE || variable->kind == SCHEMA_AXIS ||
                          variable->kind == SCHEMA_EXTENT;
    if (!is_given)
        return STATUS_OK;
    const int64_t count = schema_values(schema, variable);
    void *const given = store_given(schema, store->spec, variable);
    void *const there = fault_alloc((size_t)count, variable->size);
    const struct slab slab = slab_values(0, count);
    enum status status = dataset_read(store, dataset, &slab, there, fault, "cannot read %s from %s",
                                      variable->name, store->path);
    if (status == STATUS_OK)
        status = store_found(store, check_words(store, variable, dataset, fault), -1,
                             variable->name, fault);
    for (int64_t i = 0; status == STATUS_OK && i < count; i++) {
        i = rounded ? find_another_edge(there, given, i, count)
                    : find_difference(variable, there, given, i, count);
        if (i < count)
            status = store_found(store, refuse_column(store, variable, there, given, i, fault),
                                 variable->kind == SCHEMA_SCALE ? -1 : i, variable->name, fault);
    }
    free(there);
    free(given);
    return status;
}

/* Refuses a run whose settings are not those that its identity was made from: its rows would be
 * attributed to other settings. Another version of the algorithm may have hashed other settings,
 * but what it wrote for a run that is not done is never used: only runs that are done are compared
 * then. The table is read in pieces, for the sake of memory. */
enum status store_check_identities(const struct store *store, struct fault *fault)
{
    enum { ROWS = 4096 };
    struct identity *const there = fault_alloc(ROWS, sizeof *there);
    struct identities *identities = identities_new(store->algorithm_version);
    const bool own = store->algorithm_version == TRAINER_ALGORITHM_VERSION;
    enum status status = STATUS_OK;
    for (int64_t run = 0, rows = 0; status == STATUS_OK && run < store->runs; run += rows) {
        rows = store->runs - run < ROWS ? store->runs - run : ROWS;
        const struct slab slab = slab_bytes(run, rows, IDENTITY_SIZE);
        status = dataset_read(store, store->identities, &slab, there, fault,
                              "cannot read identity from %s", store->path);
        for (int64_t i = 0; status == STATUS_OK && i < rows; i++) {
            struct settings cell;
            if (!own && store_state(store, run + i) != STORE_DONE)
                continue;
            store_cell(store, run + i, &cell);
            const struct identity identity = identities_next(identities, &cell);
            if (!identity_equal(&identity, &there[i]))
                status = store_found(store, refuse_cell(store, run + i, fault), run + i, "identity",
                                     fault);
        }
    }
    identities_free(&identities);
    free(there);
    return status;
}
