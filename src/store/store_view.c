// SPDX-License-Identifier: MIT
/*
 * What an open store knows without reading: figures, settings, and the two refusals that store_open
 * and the commands share. Opening, scanning and writing all call it, and it calls none
 * of them: this keeps the files of the store free of circles.
 */
#include "store/store_internal.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>

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

enum status store_found(const struct store *store, enum status status, int64_t run,
                        const char *dataset, const struct fault *fault)
{
    if (status != STATUS_INPUT || store->defects == NULL)
        return status;
    defects_add(store->defects, run, dataset, -1, fault->text);
    return STATUS_OK;
}

hid_t store_outcomes(const struct store *store)
{
    size_t count = 0;
    return store->fields[record_field("outcome") - record_fields(&count)];
}

bool store_is_writable(const struct store *store)
{
    return store->mode != STORE_READ;
}

enum status store_check_layout(const struct store *store, struct fault *fault)
{
    if (store->foreign[0] == '\0')
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT,
                     "%s can be read but not continued: %s is not stored as %s stores it; another "
                     "program has rewritten the file",
                     store->path, store->foreign, STORE_PROGRAM);
}
