// SPDX-License-Identifier: MIT
/*
 * Names and words in a file that this program does not write: links to objects that the schema does
 * not have, and other words for the numbers of outcomes, causes and choices. No reader here uses
 * them, but readers in other languages do.
 */
#include "base/text.h"
#include "store/dataset_internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of a group so many names are told one by one. */
enum { NAMES_TOLD = 8 };

static bool is_known(const struct schema *schema, bool in_volatile, const char *name)
{
    if (!in_volatile && strcmp(name, "volatile") == 0)
        return true;
    for (size_t i = 0; i < schema->count; i++) {
        const struct variable *const variable = &schema->variables[i];
        if (variable->in_volatile == in_volatile && strcmp(variable->name, name) == 0)
            return true;
    }
    return false;
}

/* Name of a link, cut where it is longer than any of this program's. */
static bool read_name(hid_t group, hsize_t i, char *name, size_t size)
{
    name[0] = '\0';
    return H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, name, size,
                              H5P_DEFAULT) >= 0;
}

static void find_in_group(const struct store *store, const struct schema *schema, bool in_volatile,
                          hid_t group, struct defects *defects)
{
    H5G_info_t info = {.nlinks = 0};
    char name[64], quoted[TEXT_QUOTED];
    int64_t unknown = 0;
    const char *const where = in_volatile ? "/volatile/" : "/";
    if (H5Gget_info(group, &info) < 0)
        return;
    for (hsize_t i = 0; i < info.nlinks; i++) {
        if (!read_name(group, i, name, sizeof name) || is_known(schema, in_volatile, name) ||
            unknown++ >= NAMES_TOLD)
            continue;
        defects_say(defects, -1, "",
                    "%s was changed by another program: it has %s in %s, which this program does "
                    "not write",
                    store->path, text_quote(name, quoted), where);
    }
    if (unknown > NAMES_TOLD)
        defects_say(defects, -1, "",
                    "%s was changed by another program: %s has %" PRId64
                    " more names that this program does not write",
                    store->path, where, unknown - NAMES_TOLD);
}

/* An older version of the program may have known the first of these words only. */
static bool is_beginning(const char *words, const char *all)
{
    const size_t length = strlen(words);
    return length > 0 && strncmp(words, all, length) == 0 &&
           (all[length] == '\0' || all[length] == ' ');
}

/* Words of lists and labels are looked at when a file is opened. */
static void find_words(const struct store *store, const struct variable *variable,
                       struct defects *defects)
{
    const hid_t dataset = H5Dopen2(store->file, variable->name, H5P_DEFAULT);
    if (dataset < 0)
        return;
    char *const all = schema_flags(variable);
    const size_t size = strlen(all) + 2;
    char *const words = fault_alloc(size, 1);
    if (!h5_read_text(dataset, "flag_meanings", words, size) || !is_beginning(words, all))
        defects_say(defects, -1, variable->name,
                    "%s was changed by another program: flag_meanings of %s are not '%s'",
                    store->path, variable->name, all);
    free(words);
    free(all);
    H5Dclose(dataset);
}

void store_find_names(const struct store *store, struct defects *defects)
{
    struct schema *schema = schema_new(store->spec);
    struct h5_words words;
    h5_listen(&words);
    const hid_t group = H5Gopen2(store->file, "volatile", H5P_DEFAULT);
    find_in_group(store, schema, false, store->file, defects);
    if (group >= 0) {
        find_in_group(store, schema, true, group, defects);
        H5Gclose(group);
    }
    for (size_t i = 0; i < schema->count; i++) {
        const struct variable *const variable = &schema->variables[i];
        if (variable->flags > 0 && variable->lists == NULL)
            find_words(store, variable, defects);
    }
    h5_deafen();
    schema_free(&schema);
}
