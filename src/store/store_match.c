// SPDX-License-Identifier: MIT
/*
 * Comparing an open file with a spec. Settings that decide a result count, and labels, which
 * the file has; those of class operation (how often checkpoints are saved, for instance) may change
 * between two starts. The comparison goes run by run and does not compare the texts of the two
 * specs: the same cells can be written in several ways. Cells that are in another place are found
 * in extension.c.
 */
#include "base/text.h"
#include "store/store_internal.h"
#include <inttypes.h>
#include <string.h>

/* Row `i` of what is compared: the label, then the table of settings; NULL after the last. Of class
 * operation as well, which the callers pass over. */
static const struct setting *row_at(size_t i)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    return i == 0 ? settings_label() : i <= rows ? &table[i - 1] : NULL;
}

/* First run in which the setting of the file differs from that of the spec, with both cells for the
 * message; -1 when there is none. */
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

/* Names the settings that differ, each with the values of the first run in which it does. */
static void list_differences(const struct store *store, const struct spec *spec, int64_t runs,
                             char *text, size_t size)
{
    const struct setting *row = NULL;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
        struct settings there, here;
        char a[128], b[128];
        if (row->class == CLASS_OPERATION)
            continue;
        const int64_t run = first_difference(store, spec, runs, row, &there, &here);
        if (run < 0)
            continue;
        settings_get(&there, row, a, sizeof a);
        settings_get(&here, row, b, sizeof b);
        text_add(text, size, "%s%s is %s in the file and %s in the spec (run %" PRId64 ")",
                 text[0] != '\0' ? "; " : "", row->key, a, b, run);
    }
}

static bool is_same(const struct settings *a, const struct settings *b)
{
    const struct setting *row = NULL;
    for (size_t i = 0; (row = row_at(i)) != NULL; i++) {
        if (row->class != CLASS_OPERATION && !settings_equal(a, b, row))
            return false;
    }
    return true;
}

/* The usual case, without a message to compose: it ends at the first difference. */
bool store_is_of(const struct store *store, const struct spec *spec)
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

void store_differ(const struct store *store, const struct spec *spec, struct fault *fault)
{
    char differences[4096] = "";
    list_differences(store, spec, store->runs, differences, sizeof differences);
    fault_set(fault, STATUS_INPUT,
              "%s was made for other settings: %s: give another file, or the settings it "
              "was made for (run --extend takes more cells, more training.episodes, and the "
              "same cells in another order or with other labels)",
              store->path, differences);
}
