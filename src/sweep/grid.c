// SPDX-License-Identifier: MIT
#include <ccmsweep/grid.h>
#include <ccmsweep/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row an entry of the grid names: a full key, or one of training without its section. */
static const struct setting *find_row(const char *key)
{
    char full[TEXT_QUOTED] = "";
    if (strlen(key) < TEXT_QUOTED / 2)
        snprintf(full, sizeof full, "training.%s", key);
    const struct setting *const row = settings_find(full);
    return row != NULL ? row : settings_find(key);
}

const struct grid_axis *grid_axis(const struct grid_block *block, const struct setting *row)
{
    for (size_t i = 0; i < block->axes; i++) {
        if (block->axis[i].row == row)
            return &block->axis[i];
    }
    return NULL;
}

static enum status refuse_key(const struct outline_node *node, const char *name,
                              struct fault *fault)
{
    enum status status = STATUS_INPUT;
    if (settings_find_interval(node->key) != NULL)
        fault_set(fault, status, "%s: an interval, expected %s.low or %s.high", node->key,
                  node->key, node->key);
    else
        status = grid_refuse_key(node->key, fault);
    fault_prefix(fault, "%s:%d", name, node->key_line);
    return status;
}

/* Room for all axes of the text and the three that every block has. */
static struct grid_axis *take_axis(struct grid_block *block, const struct setting *row)
{
    struct grid_axis *const axis = &block->axis[block->axes++];
    *axis = (struct grid_axis){.row = row};
    return axis;
}

static enum status read_axis(struct grid_block *block, const struct outline_node *node,
                             const char *name, struct fault *fault)
{
    const struct setting *const row = find_row(node->key);
    if (row == NULL)
        return refuse_key(node, name, fault);
    if (row->class == CLASS_OPERATION)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: %s: changes no result, expected a setting that does", name,
                         node->key_line, row->key);
    const struct grid_axis *const old = grid_axis(block, row);
    if (old != NULL)
        return fault_set(fault, STATUS_INPUT, "%s:%d: %s: already given in line %d, expected once",
                         name, node->key_line, row->key, old->line);
    struct grid_axis *const axis = take_axis(block, row);
    axis->line = node->key_line;
    const enum status status = grid_read_values(row, node, false, &axis->is, name, fault);
    axis->ascending = true;
    for (size_t i = 1; i < axis->is.count && axis->ascending; i++)
        axis->ascending = grid_compare(axis->is.values[i - 1], axis->is.values[i]) < 0;
    block->combinations *= axis->is.count;
    if (status == STATUS_OK && block->combinations > GRID_LIMIT)
        return fault_set(fault, STATUS_INPUT, "%s:%d: grid: too many cells, expected at most %d",
                         name, block->line, GRID_LIMIT);
    return status;
}

static int compare_values(const void *a, const void *b)
{
    return grid_compare(*(const double *)a, *(const double *)b);
}

bool grid_matches(const struct grid_key *key, double number)
{
    return bsearch(&number, key->out.values, key->out.count, sizeof number, compare_values) != NULL;
}

size_t grid_places(const struct grid_axis *axis, const struct grid_key *key, uint32_t *places)
{
    const double *const values = axis->is.values;
    size_t count = 0;
    if (axis->ascending && key->out.count < axis->is.count) {
        for (size_t i = 0; i < key->out.count; i++) {
            const double *const found = bsearch(&key->out.values[i], values, axis->is.count,
                                                sizeof *values, compare_values);
            if (found != NULL)
                places[count++] = (uint32_t)(found - values);
        }
        return count;
    }
    for (size_t i = 0; i < axis->is.count; i++) {
        if (grid_matches(key, values[i]))
            places[count++] = (uint32_t)i;
    }
    return count;
}

/* Places of values in an axis. */
struct places {
    size_t count;
    uint32_t *place; /* (count) */
};

static struct places find_places(const struct grid_axis *axis, const struct grid_key *key)
{
    struct places places = {.place = fault_alloc(axis->is.count, sizeof *places.place)};
    places.count = grid_places(axis, key, places.place);
    return places;
}

static enum status read_key(const struct grid_block *block, const struct outline_node *node,
                            struct grid_exclusion *exclusion, const char *name, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    const struct setting *const row = find_row(node->key);
    const struct grid_axis *const axis = row != NULL ? grid_axis(block, row) : NULL;
    if (row == NULL)
        return refuse_key(node, name, fault);
    if (axis == NULL)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: %s is no axis here, expected one of this grid", name,
                         node->key_line, row->key);
    for (size_t i = 0; i < exclusion->count; i++) {
        if (exclusion->keys[i].row == row)
            return fault_set(fault, STATUS_INPUT,
                             "%s:%d: exclude: %s is given twice, expected once", name,
                             node->key_line, grid_show(node->key, shown));
    }
    struct grid_key *const key = &exclusion->keys[exclusion->count++];
    key->row = row;
    const enum status status = grid_read_values(row, node, true, &key->out, name, fault);
    if (status != STATUS_OK)
        return status;
    qsort(key->out.values, key->out.count, sizeof *key->out.values, compare_values);
    const struct places matches = find_places(axis, key);
    free(matches.place);
    if (matches.count > 0)
        return STATUS_OK;
    return fault_set(
        fault, STATUS_INPUT,
        "%s:%d: exclude: matches no combination, expected a value of %s that this grid "
        "has",
        name, node->key_line, row->key);
}

static enum status read_exclusion(struct grid_block *block, const struct outline_node *node,
                                  const char *name, struct fault *fault)
{
    if (node->kind != OUTLINE_MAPPING || node->count == 0)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: an item that is no mapping, expected {setting: value, …}",
                         name, node->line);
    struct grid_exclusion *const exclusion = &block->exclusion[block->exclusions++];
    *exclusion = (struct grid_exclusion){.line = node->line};
    exclusion->keys = fault_alloc(node->count, sizeof *exclusion->keys);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < node->count && status == STATUS_OK; i++)
        status = read_key(block, &node->items[i], exclusion, name, fault);
    return status;
}

static enum status read_exclusions(struct grid_block *block, const struct outline_node *node,
                                   const char *name, struct fault *fault)
{
    if (node->kind != OUTLINE_LIST || node->count == 0)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: no list of mappings, expected [{setting: value, …}, …]",
                         name, node->key_line);
    if (node->count > GRID_EXCLUSIONS_LIMIT)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: too many mappings, expected at most %d", name,
                         node->key_line, GRID_EXCLUSIONS_LIMIT);
    block->exclusion = fault_alloc(node->count, sizeof *block->exclusion);
    size_t values = 0;
    for (size_t i = 0; i < node->count; i++) {
        const enum status status = read_exclusion(block, &node->items[i], name, fault);
        if (status != STATUS_OK)
            return status;
        for (size_t k = 0; k < block->exclusion[i].count; k++)
            values += block->exclusion[i].keys[k].out.count;
        if (values > GRID_LIMIT)
            return fault_set(fault, STATUS_INPUT,
                             "%s:%d: exclude: too many values, expected at most "
                             "%d",
                             name, node->items[i].line, GRID_LIMIT);
    }
    grid_resolve(block);
    return block->cells > 0
               ? STATUS_OK
               : fault_set(fault, STATUS_INPUT,
                           "%s:%d: exclude: leaves no combination, expected at least one", name,
                           node->key_line);
}

enum status grid_read(struct grid_block *block, const struct outline_node *node, int line,
                      const char *name, struct fault *fault)
{
    const struct outline_node *exclude = NULL;
    *block = (struct grid_block){.line = line, .combinations = 1, .cells = 1};
    block->axis = fault_alloc(node->count + 3, sizeof *block->axis);
    for (size_t i = 0; i < node->count; i++) {
        const struct outline_node *const item = &node->items[i];
        const bool axis = strcmp(item->key, "exclude") != 0;
        const enum status status = axis ? read_axis(block, item, name, fault) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
        exclude = axis ? exclude : item;
    }
    return exclude != NULL ? read_exclusions(block, exclude, name, fault) : STATUS_OK;
}

bool grid_always(const struct setting *row)
{
    return row->offset == offsetof(struct settings, training.actor_lr) ||
           row->offset == offsetof(struct settings, training.critic_lr) ||
           row->offset == offsetof(struct settings, training.seed);
}

void grid_fix(struct grid_block *block, const struct setting *row, double number)
{
    struct grid_axis *axis = NULL;
    for (size_t i = 0; i < block->axes && axis == NULL; i++)
        axis = block->axis[i].row == row ? &block->axis[i] : NULL;
    if (axis == NULL && !grid_always(row))
        return;
    if (axis == NULL)
        axis = take_axis(block, row);
    free(axis->is.values);
    axis->is.values = fault_alloc(1, sizeof *axis->is.values);
    axis->is.values[0] = number;
    axis->is.count = 1;
    axis->fixed = true;
    axis->ascending = true;
}

/* actor_lr 0, critic_lr 1, seed last. */
static int rank(const struct setting *row)
{
    if (!grid_always(row))
        return 2;
    if (row->offset == offsetof(struct settings, training.seed))
        return 3;
    return row->offset == offsetof(struct settings, training.critic_lr);
}

static void sort_axes(struct grid_block *block)
{
    for (size_t i = 1; i < block->axes; i++) {
        const struct grid_axis moving = block->axis[i];
        size_t at = i;
        for (; at > 0 && rank(block->axis[at - 1].row) > rank(moving.row); at--)
            block->axis[at] = block->axis[at - 1];
        block->axis[at] = moving;
    }
}

/* What one mapping leaves out. */
struct mask {
    const struct grid_block *block;
    struct places *of; /* (axes) empty where the mapping says nothing */
    size_t last;       /* axes up to the last of which it says something */
    uint8_t *out;      /* (combinations) */
};

static void leave_out(const struct mask *mask, size_t depth, size_t first)
{
    const struct grid_axis *const axis = &mask->block->axis[depth];
    if (depth == mask->last) {
        memset(mask->out + first, 1, depth < mask->block->axes ? axis->stride * axis->is.count : 1);
        return;
    }
    const struct places *const places = &mask->of[depth];
    const size_t count = places->place != NULL ? places->count : axis->is.count;
    for (size_t i = 0; i < count; i++)
        leave_out(mask, depth + 1,
                  first + (places->place != NULL ? places->place[i] : i) * axis->stride);
}

static void apply_exclusion(struct mask *mask, const struct grid_exclusion *exclusion)
{
    mask->last = 0;
    for (size_t a = 0; a < mask->block->axes; a++) {
        mask->of[a] = (struct places){0};
        for (size_t k = 0; k < exclusion->count; k++) {
            if (exclusion->keys[k].row == mask->block->axis[a].row) {
                mask->of[a] = find_places(&mask->block->axis[a], &exclusion->keys[k]);
                mask->last = a + 1;
            }
        }
    }
    leave_out(mask, 0, 0);
    for (size_t a = 0; a < mask->block->axes; a++)
        free(mask->of[a].place);
}

static void keep_others(struct grid_block *block)
{
    struct mask mask = {.block = block, .out = fault_alloc(block->combinations, 1)};
    mask.of = fault_alloc(block->axes, sizeof *mask.of);
    for (size_t e = 0; e < block->exclusions; e++)
        apply_exclusion(&mask, &block->exclusion[e]);
    block->cells = 0;
    for (size_t c = 0; c < block->combinations; c++)
        block->cells += mask.out[c] == 0;
    block->kept = fault_alloc(block->cells, sizeof *block->kept);
    for (size_t c = 0, cell = 0; c < block->combinations; c++) {
        if (mask.out[c] == 0)
            block->kept[cell++] = (uint32_t)c;
    }
    free(mask.of);
    free(mask.out);
}

void grid_resolve(struct grid_block *block)
{
    sort_axes(block);
    block->combinations = 1;
    for (size_t i = block->axes; i-- > 0;) {
        block->axis[i].stride = block->combinations;
        block->combinations *= block->axis[i].is.count;
    }
    free(block->kept);
    block->kept = NULL;
    block->cells = block->combinations;
    if (block->exclusions > 0)
        keep_others(block);
}

double grid_value(const struct grid_axis *axis, size_t combination)
{
    return axis->is.values[combination / axis->stride % axis->is.count];
}

size_t grid_combination(const struct grid_block *block, size_t cell)
{
    return block->kept != NULL ? block->kept[cell] : cell;
}

void grid_fini(struct grid_block *block)
{
    for (size_t i = 0; i < block->axes; i++)
        free(block->axis[i].is.values);
    for (size_t i = 0; i < block->exclusions; i++) {
        for (size_t k = 0; k < block->exclusion[i].count; k++)
            free(block->exclusion[i].keys[k].out.values);
        free(block->exclusion[i].keys);
    }
    free(block->axis);
    free(block->exclusion);
    free(block->kept);
    *block = (struct grid_block){0};
}
