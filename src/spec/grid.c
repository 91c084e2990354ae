// SPDX-License-Identifier: MIT
/* A block of the grid: its axes, the exclusions, and which combination a cell is. Values are read
 * in grid_values.c.
 *
 * A combination is a number in a mixed radix: each axis has a stride, the number of combinations
 * from one of its values to the next, as in an array of as many dimensions. Without exclusions the
 * number of a cell is that of its combination; with them, `kept` lists the combinations that are
 * left. */
#include "spec/grid.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row that an entry of the grid names: a full key, or one of training without its section. */
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

static bool is_label(const struct yaml_node *node)
{
    return strcmp(node->key, settings_label()->key) == 0;
}

/* An interval cannot be an axis as a whole, because an axis has one number for each value; its ends
 * can. */
static enum status refuse_key(const struct yaml_node *node, const char *name, struct fault *fault)
{
    enum status status = STATUS_INPUT;
    if (settings_find_interval(node->key) != NULL)
        fault_set(fault, status, "%s: an interval, expected %s.low or %s.high", node->key,
                  node->key, node->key);
    else if (text_distance(node->key, settings_label()->key) <= 2)
        fault_set(fault, status, "%s: unknown key, did you mean label?", node->key);
    else
        status = grid_refuse_key(node->key, fault);
    fault_prefix(fault, "%s:%d", name, node->key_line);
    return status;
}

/* The next free axis. grid_read made room for all axes of the text and the three that every block
 * has. */
static struct grid_axis *take_axis(struct grid_block *block, const struct setting *row)
{
    struct grid_axis *const axis = &block->axis[block->axes++];
    *axis = (struct grid_axis){.row = row};
    return axis;
}

/* One key of a block with its values. The product is checked after each axis, and each axis has at
 * most GRID_LIMIT values, so that it cannot overflow. */
static enum status read_axis(struct grid_block *block, const struct yaml_node *node,
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
    block->combinations *= axis->is.count;
    if (status == STATUS_OK && block->combinations > GRID_LIMIT)
        return fault_set(fault, STATUS_INPUT, "%s:%d: grid: too many cells, expected at most %d",
                         name, block->line, GRID_LIMIT);
    return status;
}

/* The values of a key are sorted, see read_key. */
bool grid_matches(const struct grid_key *key, double number)
{
    return bsearch(&number, key->out.values, key->out.count, sizeof number, grid_compare_items) !=
           NULL;
}

/* The place of the n-th smallest value. Values that ascend in the text, as most do, need no
 * list. */
static uint32_t place_of(const struct grid_values *values, size_t n)
{
    return values->order != NULL ? values->order[n] : (uint32_t)n;
}

/* Binary search through the values of an axis. False when `number` is not one of them. */
static bool find_place(const struct grid_values *values, double number, uint32_t *place)
{
    size_t low = 0;
    for (size_t high = values->count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (grid_compare(values->values[place_of(values, middle)], number) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == values->count || grid_compare(values->values[place_of(values, low)], number) != 0)
        return false;
    *place = place_of(values, low);
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

size_t grid_places(const struct grid_axis *axis, const struct grid_key *key, uint32_t *places)
{
    size_t count = 0;
    /* Each value of the key is looked up in the axis. The other way round, all values of an axis
     * would be visited for each of up to 1000 keys. */
    for (size_t i = 0; i < key->out.count; i++)
        count += find_place(&axis->is, key->out.values[i], &places[count]);
    if (axis->is.order != NULL)
        qsort(places, count, sizeof *places, compare_places);
    return count;
}

/* Places of values in an axis. */
struct places {
    size_t count;
    uint32_t *place; /* (count) */
};

static struct places find_places(const struct grid_axis *axis, const struct grid_key *key)
{
    struct places places = {.place = fault_alloc(key->out.count, sizeof *places.place)};
    places.count = grid_places(axis, key, places.place);
    return places;
}

/* One key of a mapping under `exclude`, with the values that it matches. It must name an axis of
 * this block and match at least one value of it: otherwise it is most likely a typing error, and
 * the cells meant to be left out would be trained. */
static enum status read_key(const struct grid_block *block, const struct yaml_node *node,
                            struct grid_exclusion *exclusion, const char *name, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    if (is_label(node))
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: label is the name of the whole block, expected axes of "
                         "this grid",
                         name, node->key_line);
    const struct setting *const row = find_row(node->key);
    const struct grid_axis *const axis = row != NULL ? grid_axis(block, row) : NULL;
    if (row == NULL)
        return refuse_key(node, name, fault);
    if (axis == NULL)
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: exclude: %s is not an axis here, expected one of this grid", name,
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
    /* A set of values has no order of its own; ascending, it can be searched. `order` is not needed
     * then. */
    qsort(key->out.values, key->out.count, sizeof *key->out.values, grid_compare_items);
    free(key->out.order);
    key->out.order = NULL;
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

/* One mapping: it leaves out the combinations that match all of its keys. */
static enum status read_exclusion(struct grid_block *block, const struct yaml_node *node,
                                  const char *name, struct fault *fault)
{
    if (node->kind != YAML_MAPPING || node->count == 0)
        return fault_set(
            fault, STATUS_INPUT,
            "%s:%d: exclude: an item that is not a mapping, expected {setting: value, …}", name,
            node->line);
    struct grid_exclusion *const exclusion = &block->exclusion[block->exclusions++];
    *exclusion = (struct grid_exclusion){.line = node->line};
    exclusion->keys = fault_alloc(node->count, sizeof *exclusion->keys);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < node->count && status == STATUS_OK; i++)
        status = read_key(block, &node->items[i], exclusion, name, fault);
    return status;
}

/* All of `exclude`. The limits keep a hostile spec from using time and memory without end:
 * mappings, and values of all mappings together. */
static enum status read_exclusions(struct grid_block *block, const struct yaml_node *node,
                                   const char *name, struct fault *fault)
{
    if (node->kind != YAML_LIST || node->count == 0)
        return fault_set(
            fault, STATUS_INPUT,
            "%s:%d: exclude: not a list of mappings, expected [{setting: value, …}, …]", name,
            node->key_line);
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

/* The name of the block. It is no axis: a block has one. */
static enum status read_label(struct grid_block *block, const struct yaml_node *node,
                              const char *name, struct fault *fault)
{
    const struct setting *const row = settings_label();
    enum status status = STATUS_OK;
    if (node->kind == YAML_VALUE && (*node->text != '\0' || node->quoted))
        status = settings_read(row, node->text, &block->label, fault);
    else
        status = grid_refuse(row, row->key,
                             node->kind == YAML_LIST      ? "a list"
                             : node->kind == YAML_MAPPING ? "a mapping"
                                                          : "no value",
                             "", fault);
    block->label_line = node->key_line;
    if (status != STATUS_OK)
        fault_prefix(fault, "%s:%d", name, node->key_line);
    return status;
}

/* Exclusions are read after all axes, wherever they stand in the text, because they refer to
 * axes. */
enum status grid_read(struct grid_block *block, const struct yaml_node *node, int line,
                      const char *name, struct fault *fault)
{
    const struct yaml_node *exclude = NULL;
    *block = (struct grid_block){.line = line, .combinations = 1, .cells = 1};
    block->axis = fault_alloc(node->count + 3, sizeof *block->axis);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *const item = &node->items[i];
        const bool excludes = strcmp(item->key, "exclude") == 0;
        const enum status status = excludes         ? STATUS_OK
                                   : is_label(item) ? read_label(block, item, name, fault)
                                                    : read_axis(block, item, name, fault);
        if (status != STATUS_OK)
            return status;
        exclude = excludes ? item : exclude;
    }
    return exclude != NULL ? read_exclusions(block, exclude, name, fault) : STATUS_OK;
}

bool grid_always(const struct setting *row)
{
    return row->offset == offsetof(struct settings, training.actor_lr) ||
           row->offset == offsetof(struct settings, training.critic_lr) ||
           row->offset == offsetof(struct settings, training.seed);
}

/* A value from --set or an option takes the place of the axis, in the axis itself: so cells,
 * exclusions and printing need no second rule. Only actor_lr, critic_lr and seed are added where
 * the block lacks them. */
void grid_fix(struct grid_block *block, const struct setting *row, double number)
{
    struct grid_axis *axis = NULL;
    for (size_t i = 0; i < block->axes && axis == NULL; i++)
        axis = block->axis[i].row == row ? &block->axis[i] : NULL;
    if (axis == NULL && !grid_always(row))
        return;
    if (axis == NULL)
        axis = take_axis(block, row);
    grid_values_fini(&axis->is);
    axis->is.values = fault_alloc(1, sizeof *axis->is.values);
    axis->is.values[0] = number;
    axis->is.count = 1;
    axis->fixed = true;
}

/* Where an axis is placed among the others: actor_lr 0, critic_lr 1, all others 2, seed 3. */
static int rank(const struct setting *row)
{
    if (!grid_always(row))
        return 2;
    if (row->offset == offsetof(struct settings, training.seed))
        return 3;
    return row->offset == offsetof(struct settings, training.critic_lr);
}

/* By insertion, which is stable: axes of equal rank stay in the order of the file, which the
 * numbers of cells depend on. */
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

/* Exclusions are applied 64 mappings at a time, with one bit for each. A value of an axis has the
 * set of mappings that it does not keep from matching; the mappings that leave a combination out
 * are the intersection of the sets of its values. So the combinations are visited once for 64
 * mappings, not once for each. */
struct sieve {
    const struct grid_block *block;
    size_t first, count; /* of its exclusions */
    uint64_t **matches;  /* (axes, values) mappings that a value does not keep from matching */
    size_t depth;        /* axes up to the last of which a mapping says something */
    uint8_t *out;        /* (combinations) */
};

enum { SIEVE_MOST = 64 };

/* Fill the sets of one axis. A mapping that says nothing about the axis matches all its values
 * (~said); one that does matches only the values that it names. */
static void look_at_axis(struct sieve *sieve, size_t a)
{
    const struct grid_axis *const axis = &sieve->block->axis[a];
    const struct grid_exclusion *const exclusion = &sieve->block->exclusion[sieve->first];
    uint64_t said = 0;
    for (size_t e = 0; e < sieve->count; e++) {
        for (size_t k = 0; k < exclusion[e].count; k++)
            said |= (uint64_t)(exclusion[e].keys[k].row == axis->row) << e;
    }
    sieve->depth = said != 0 ? a + 1 : sieve->depth;
    for (size_t i = 0; i < axis->is.count; i++)
        sieve->matches[a][i] = ~said;
    for (size_t e = 0; e < sieve->count; e++) {
        for (size_t k = 0; k < exclusion[e].count; k++) {
            if (exclusion[e].keys[k].row != axis->row)
                continue;
            const struct places places = find_places(axis, &exclusion[e].keys[k]);
            for (size_t i = 0; i < places.count; i++)
                sieve->matches[a][places.place[i]] |= UINT64_C(1) << e;
            free(places.place);
        }
    }
}

/* Walk down the axes. `still` is the set of mappings that match on all axes before; `first` the
 * first combination below this point. Where no mapping is left, the whole branch is passed over;
 * behind the last axis that any mapping speaks about, the whole rest is left out at once. */
static void leave_out(const struct sieve *sieve, size_t depth, size_t first, uint64_t still)
{
    const struct grid_axis *const axis = &sieve->block->axis[depth];
    if (still == 0)
        return;
    if (depth == sieve->depth) {
        memset(sieve->out + first, 1,
               depth < sieve->block->axes ? axis->stride * axis->is.count : 1);
        return;
    }
    for (size_t i = 0; i < axis->is.count; i++)
        leave_out(sieve, depth + 1, first + i * axis->stride, still & sieve->matches[depth][i]);
}

/* Set `out` of each combination that is left out. */
static void apply_exclusions(const struct grid_block *block, uint8_t *out)
{
    struct sieve sieve = {.block = block, .out = out};
    sieve.matches = fault_alloc(block->axes, sizeof *sieve.matches);
    for (size_t a = 0; a < block->axes; a++)
        sieve.matches[a] = fault_alloc(block->axis[a].is.count, sizeof **sieve.matches);
    for (; sieve.first < block->exclusions; sieve.first += SIEVE_MOST) {
        const size_t left = block->exclusions - sieve.first;
        sieve.count = left < SIEVE_MOST ? left : SIEVE_MOST;
        sieve.depth = 0;
        for (size_t a = 0; a < block->axes; a++)
            look_at_axis(&sieve, a);
        leave_out(&sieve, 0, 0, UINT64_MAX >> (SIEVE_MOST - sieve.count));
    }
    for (size_t a = 0; a < block->axes; a++)
        free(sieve.matches[a]);
    free(sieve.matches);
}

/* List the combinations that are not left out. Their numbers, below a million, fit into 32 bits:
 * half of what a size_t would take for each cell. */
static void keep_others(struct grid_block *block)
{
    uint8_t *const out = fault_alloc(block->combinations, 1);
    apply_exclusions(block, out);
    block->cells = 0;
    for (size_t c = 0; c < block->combinations; c++)
        block->cells += out[c] == 0;
    block->kept = fault_alloc(block->cells, sizeof *block->kept);
    for (size_t c = 0, cell = 0; c < block->combinations; c++) {
        if (out[c] == 0)
            block->kept[cell++] = (uint32_t)c;
    }
    free(out);
}

/* Called again whenever an axis has changed, so everything is worked out from the axes and
 * exclusions anew. */
void grid_resolve(struct grid_block *block)
{
    sort_axes(block);
    block->combinations = 1;
    /* From the innermost axis outwards: the stride of an axis is the product of the lengths of
     * those inside. */
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
        grid_values_fini(&block->axis[i].is);
    for (size_t i = 0; i < block->exclusions; i++) {
        for (size_t k = 0; k < block->exclusion[i].count; k++)
            grid_values_fini(&block->exclusion[i].keys[k].out);
        free(block->exclusion[i].keys);
    }
    free(block->axis);
    free(block->exclusion);
    free(block->kept);
    *block = (struct grid_block){0};
}
