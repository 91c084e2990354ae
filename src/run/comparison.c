// SPDX-License-Identifier: MIT
#include "run/comparison.h"
#include "model/kernels.h"
#include <stdlib.h>
#include <string.h>

/* The episode of a row of a field; -1 when the field has no rows of episodes. */
static int32_t episode_of(const struct settings *cell, const struct extents *extents,
                          const struct field *field, int64_t row)
{
    const enum dimension dim = field->dims[0];
    if (dim != DIM_EPISODE && dim != DIM_LOG && dim != DIM_SNAPSHOT && dim != DIM_EVALUATION)
        return -1;
    double *const episodes = fault_alloc((size_t)extents->of[dim], sizeof *episodes);
    record_coordinates(cell, dim, episodes);
    const int32_t episode = (int32_t)episodes[row];
    free(episodes);
    return episode;
}

/* The first episode of all is what tells most: what follows from it differs too, first of all what
 * a run has one of. */
static bool is_earlier(const struct comparison *than, int32_t episode)
{
    return than->fields == 0 || (episode >= 0 && (than->episode < 0 || episode < than->episode));
}

static void compare_field(const struct settings *cell, const struct extents *extents, size_t place,
                          const char *there, const char *here, struct comparison *comparison)
{
    size_t count = 0, at = 0;
    const struct field *const field = &record_fields(&count)[place];
    const size_t size = (size_t)record_count(field, extents) * record_value_size(field);
    if (memcmp(there, here, size) == 0)
        return;
    while (there[at] == here[at])
        at++;
    const size_t row = size / (size_t)extents->of[field->dims[0]];
    const int32_t episode = episode_of(cell, extents, field, (int64_t)(at / row));
    if (is_earlier(comparison, episode)) {
        comparison->first = (int32_t)place;
        comparison->episode = episode;
    }
    comparison->fields++;
}

enum status comparison_make(struct store *store, int64_t run, const struct record *record,
                            struct comparison *comparison, bool *differs, struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    struct settings cell;
    store_cell(store, run, &cell);
    const struct extents extents = record_extents(&cell);
    void *const there = fault_alloc(record_size(&extents), 1);
    enum status status = STATUS_OK;
    *comparison = (struct comparison){.episode = -1};
    snprintf(comparison->level, sizeof comparison->level, "%s", kernels_best()->level);
    for (size_t f = 0; f < count && status == STATUS_OK; f++) {
        const char *here = NULL;
        memcpy(&here, (const char *)record + fields[f].offset, sizeof here);
        if (record_count(&fields[f], &extents) == 0)
            continue;
        const int32_t before = comparison->fields;
        status = store_read(store, run, &fields[f], there, fault);
        if (status == STATUS_OK)
            compare_field(&cell, &extents, f, there, here, comparison);
        if (differs != NULL && comparison->fields > before)
            differs[f] = true;
    }
    free(there);
    if (comparison->fields == 0)
        return status;
    store_look_again(store, run);
    const enum store_state state = store_state(store, run);
    if (state != STORE_DONE && state != STORE_DAMAGED)
        comparison->fields = 0;
    return status;
}

/* Two CPUs whose levels differ have the same arithmetic, unless one of them has no fused
 * multiply-add. */
bool comparison_rounds_differently(const char *level, const char *other)
{
    const bool one = strcmp(level, "baseline") == 0, two = strcmp(other, "baseline") == 0;
    return one != two;
}
