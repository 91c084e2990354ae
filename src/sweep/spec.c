// SPDX-License-Identifier: MIT
#include <ccmsweep/outline.h>
#include <ccmsweep/spec.h>
#include <ccmsweep/text.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum level { LEVEL_FILE, LEVEL_SET, LEVEL_OPTION };

/* What was given for one setting: a value, or the list of a grid, in the words of settings_get. */
struct given {
    enum level level;
    int line; /* in the file */
    bool axis;
    size_t count;
    char (*texts)[TEXT_NUMBER]; /* (count) */
};

struct spec {
    char *name; /* of the file, NULL without one */
    char *text;
    int grid_line;
    struct settings scratch; /* for trying values */
    size_t rows;             /* of the settings table */
    struct given *given;     /* (rows), count 0 where nothing was */
    size_t axes;
    size_t *axis_rows; /* (rows), the first `axes` used: rows of the grid as they stand in it */
};

static size_t index_of(const struct setting *row)
{
    size_t count = 0;
    return (size_t)(row - settings_table(&count));
}

static const struct setting *row_at(size_t index)
{
    size_t count = 0;
    return settings_table(&count) + index;
}

static char *copy_text(const char *text, size_t length)
{
    char *const copy = fault_alloc(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

struct spec *spec_new(void)
{
    struct spec *const spec = fault_alloc(1, sizeof *spec);
    CHECK(settings_table(&spec->rows) != NULL);
    settings_init(&spec->scratch);
    spec->given = fault_alloc(spec->rows, sizeof *spec->given);
    spec->axis_rows = fault_alloc(spec->rows, sizeof *spec->axis_rows);
    spec->text = copy_text("", 0);
    return spec;
}

void spec_free(struct spec **spec)
{
    if (spec == NULL || *spec == NULL)
        return;
    for (size_t i = 0; i < (*spec)->rows; i++)
        free((*spec)->given[i].texts);
    free((*spec)->given);
    free((*spec)->axis_rows);
    free((*spec)->name);
    free((*spec)->text);
    free(*spec);
    *spec = NULL;
}

/* Put what is given for a row in the place of what a lower or the same level gave, axis or not.
 * Takes over `new.texts`. */
static void remember(struct spec *spec, const struct setting *row, struct given new)
{
    struct given *const old = &spec->given[index_of(row)];
    if (old->count > 0 && old->level > new.level) {
        free(new.texts);
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < spec->axes; i++) {
        if (spec->axis_rows[i] != index_of(row))
            spec->axis_rows[kept++] = spec->axis_rows[i];
    }
    spec->axes = kept;
    free(old->texts);
    *old = new;
    if (new.axis)
        spec->axis_rows[spec->axes++] = index_of(row);
}

/* The value of a row in one spelling, so that 0.1 and 1e-1 are the same; refused as settings_set.
 */
static enum status normalise(struct spec *spec, const struct setting *row, const char *text,
                             char normal[TEXT_NUMBER], struct fault *fault)
{
    const enum status status = settings_set(&spec->scratch, row, text, fault);
    if (status == STATUS_OK)
        settings_get(&spec->scratch, row, normal, TEXT_NUMBER);
    return status;
}

/* A key as it stands in a message: cut, and without what a terminal might act on. */
static const char *show_key(const char *key, char shown[TEXT_QUOTED])
{
    text_quote(key, shown);
    shown[strlen(shown) - 1] = '\0';
    return shown + 1;
}

static bool is_end(const char *key)
{
    const char *const dot = strrchr(key, '.');
    return dot != NULL && (strcmp(dot, ".low") == 0 || strcmp(dot, ".high") == 0);
}

static enum status unknown_key(const char *key, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    char hint[128] = "";
    const struct setting *const near = settings_nearest(key);
    if (near != NULL) {
        const bool stem = is_end(near->key) && !is_end(key);
        const size_t length =
            stem ? (size_t)(strrchr(near->key, '.') - near->key) : strlen(near->key);
        snprintf(hint, sizeof hint, "; did you mean %.*s?", (int)length, near->key);
    }
    return fault_set(fault, STATUS_INPUT,
                     "%s: unknown key, expected one that 'ccmsweep spec --defaults' lists%s",
                     show_key(key, shown), hint);
}

static enum status expected(const struct setting *row, const char *key, const char *what,
                            const char *shape, struct fault *fault)
{
    char text[256];
    settings_expect(row, text, sizeof text);
    return fault_set(fault, STATUS_INPUT, "%s: %s, expected %s%s", key, what, shape, text);
}

static enum status refuse_twice(const struct setting *row, const struct given *given,
                                struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT, "%s: already given in line %d, expected once", row->key,
                     given->line);
}

static enum status check_unquoted(const struct setting *row, const char *key,
                                  const struct outline_value *value, struct fault *fault)
{
    if (value->quoted && row->type != TYPE_CHOICE)
        return expected(row, key, "text in quotes", "", fault);
    return STATUS_OK;
}

/* Give a setting, or both ends of an interval, the values of an entry called by its full key. */
static enum status give(struct spec *spec, const char *key, const struct outline_entry *entry,
                        enum level level, struct fault *fault)
{
    const struct setting *const interval = settings_find_interval(key);
    const struct setting *const row = interval != NULL ? interval : settings_find(key);
    if (row == NULL)
        return unknown_key(key, fault);
    if (interval != NULL && (!entry->list || entry->count != 2))
        return expected(row, key, entry->list ? "not two values" : "a single value",
                        "a list [low, high], each ", fault);
    if (interval == NULL && entry->list)
        return expected(row, key, "a list", "", fault);
    for (size_t i = 0; i < entry->count; i++) {
        const struct given *const old = &spec->given[index_of(&row[i])];
        char normal[TEXT_NUMBER] = "";
        enum status status = check_unquoted(&row[i], key, &entry->values[i], fault);
        if (status == STATUS_OK)
            status = normalise(spec, &row[i], entry->values[i].text, normal, fault);
        if (status == STATUS_OK && level == LEVEL_FILE && old->count > 0)
            status = refuse_twice(&row[i], old, fault);
        if (status != STATUS_OK)
            return status;
        struct given new = {.level = level, .line = entry->line, .count = 1};
        new.texts = fault_alloc(1, sizeof *new.texts);
        memcpy(new.texts[0], normal, sizeof normal);
        remember(spec, &row[i], new);
    }
    return STATUS_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static enum status refuse_repeats(const struct setting *row, const struct given *axis,
                                  struct fault *fault)
{
    char(*const sorted)[TEXT_NUMBER] = fault_alloc(axis->count, sizeof *sorted);
    memcpy(sorted, axis->texts, axis->count * sizeof *sorted);
    qsort(sorted, axis->count, sizeof *sorted, compare_texts);
    enum status status = STATUS_OK;
    for (size_t i = 1; i < axis->count && status == STATUS_OK; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status =
                fault_set(fault, STATUS_INPUT, "%s: %s stands in the list twice, expected once",
                          row->key, sorted[i]);
    }
    free(sorted);
    return status;
}

/* The row an entry of the grid names: a full key, or one of training without its section. */
static const struct setting *find_axis(const char *key)
{
    char full[TEXT_QUOTED] = "";
    if (strlen(key) < TEXT_QUOTED / 2)
        snprintf(full, sizeof full, "training.%s", key);
    const struct setting *const row = settings_find(full);
    return row != NULL ? row : settings_find(key);
}

static enum status give_axis(struct spec *spec, const struct outline_entry *entry,
                             struct fault *fault)
{
    const struct setting *const row = find_axis(entry->key);
    if (row == NULL)
        return unknown_key(entry->key, fault);
    if (row->class == CLASS_OPERATION)
        return fault_set(fault, STATUS_INPUT, "%s: changes no result, expected a setting that does",
                         row->key);
    if (!entry->list || entry->count == 0)
        return expected(row, row->key, entry->list ? "an empty list" : "a single value",
                        "a list of values, each ", fault);
    const struct given *const old = &spec->given[index_of(row)];
    if (old->count > 0)
        return refuse_twice(row, old, fault);
    struct given new = {
        .level = LEVEL_FILE, .line = entry->line, .axis = true, .count = entry->count};
    new.texts = fault_alloc(entry->count, sizeof *new.texts);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < entry->count && status == STATUS_OK; i++) {
        status = check_unquoted(row, row->key, &entry->values[i], fault);
        if (status == STATUS_OK)
            status = normalise(spec, row, entry->values[i].text, new.texts[i], fault);
    }
    if (status == STATUS_OK)
        status = refuse_repeats(row, &new, fault);
    if (status == STATUS_OK)
        remember(spec, row, new);
    else
        free(new.texts);
    return status;
}

/* The name of the n-th section of the table, with its length, or NULL after the last. */
static const char *section_at(size_t n, int *length)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        *length = (int)(strchr(table[i].key, '.') - table[i].key);
        const bool first = i == 0 || strncmp(table[i - 1].key, table[i].key, (size_t)*length + 1);
        if (first && n-- == 0)
            return table[i].key;
    }
    return NULL;
}

/* True for a section of the table. Otherwise `list` names all and `*near` the closest, if any. */
static bool find_section(const char *name, char *list, size_t size, char near[TEXT_QUOTED])
{
    int best = 3;
    size_t used = 0;
    int length = 0;
    const char *key = section_at(0, &length);
    for (size_t n = 1; key != NULL; key = section_at(n++, &length)) {
        char section[TEXT_QUOTED];
        snprintf(section, sizeof section, "%.*s", length, key);
        const int distance = text_distance(name, section);
        if (distance == 0)
            return true;
        if (distance <= best) {
            best = distance;
            memcpy(near, section, sizeof section);
        }
        if (used < size)
            used += (size_t)snprintf(list + used, size - used, "%s, ", section);
    }
    return false;
}

static enum status unknown_section(const char *name, const char *list, const char *near,
                                   struct fault *fault)
{
    char shown[TEXT_QUOTED];
    return fault_set(fault, STATUS_INPUT, "%s: unknown section, expected one of %sgrid%s%s%s",
                     show_key(name, shown), list, *near != '\0' ? "; did you mean " : "", near,
                     *near != '\0' ? "?" : "");
}

static enum status give_section(struct spec *spec, const struct outline_section *section,
                                struct fault *fault)
{
    const bool grid = strcmp(section->name, "grid") == 0;
    char list[256] = "";
    char near[TEXT_QUOTED] = "";
    if (!grid && !find_section(section->name, list, sizeof list, near)) {
        const enum status status = unknown_section(section->name, list, near, fault);
        fault_prefix(fault, "%s:%d", spec->name, section->line);
        return status;
    }
    if (grid)
        spec->grid_line = section->line;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < section->count && status == STATUS_OK; i++) {
        const struct outline_entry *const entry = &section->entries[i];
        if (grid) {
            status = give_axis(spec, entry, fault);
        } else {
            const size_t size = strlen(section->name) + strlen(entry->key) + 2;
            char *const key = fault_alloc(size, 1);
            snprintf(key, size, "%s.%s", section->name, entry->key);
            status = give(spec, key, entry, LEVEL_FILE, fault);
            free(key);
        }
        if (status != STATUS_OK)
            fault_prefix(fault, "%s:%d", spec->name, entry->line);
    }
    return status;
}

enum status spec_parse(struct spec *spec, const char *text, size_t length, const char *name,
                       struct fault *fault)
{
    CHECK(spec->name == NULL);
    struct outline outline;
    enum status status = outline_parse(&outline, text, length, name, fault);
    if (status != STATUS_OK)
        return status;
    spec->name = copy_text(name, strlen(name));
    free(spec->text);
    spec->text = copy_text(text, length);
    for (size_t i = 0; i < outline.count && status == STATUS_OK; i++)
        status = give_section(spec, &outline.sections[i], fault);
    outline_fini(&outline);
    if (status == STATUS_OK && spec_cells(spec) > SPEC_CELLS_LIMIT)
        status = fault_set(fault, STATUS_INPUT, "%s:%d: grid: too many cells, expected at most %d",
                           spec->name, spec->grid_line, SPEC_CELLS_LIMIT);
    return status;
}

enum status spec_load(struct spec *spec, const char *path, struct fault *fault)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL)
        return fault_set(fault, STATUS_INPUT, "%s: %s, expected a spec in YAML", path,
                         strerror(errno));
    const size_t size = (size_t)OUTLINE_LIMIT + 1;
    char *const text = fault_alloc(size, 1);
    errno = 0;
    const size_t length = fread(text, 1, size, file);
    enum status status = STATUS_OK;
    if (ferror(file))
        status = fault_set(fault, STATUS_INPUT, "%s: %s, expected a spec in YAML", path,
                           strerror(errno));
    fclose(file);
    if (status == STATUS_OK)
        status = spec_parse(spec, text, length, path, fault);
    free(text);
    return status;
}

/* "[low, high]" as the two values of a list: cuts `text` up. False when it is not that. */
static bool split_interval(char *text, struct outline_value values[2])
{
    const size_t length = strlen(text);
    char *const comma = strchr(text, ',');
    if (length < 2 || text[0] != '[' || text[length - 1] != ']' || comma == NULL)
        return false;
    text[length - 1] = '\0';
    *comma = '\0';
    char *const parts[] = {text + 1, comma + 1};
    for (size_t i = 0; i < 2; i++) {
        values[i] = (struct outline_value){.text = parts[i] + strspn(parts[i], " ")};
        for (size_t end = strlen(values[i].text); end > 0 && values[i].text[end - 1] == ' '; end--)
            values[i].text[end - 1] = '\0';
    }
    return true;
}

enum status spec_set(struct spec *spec, const char *assignment, struct fault *fault)
{
    char *const key = copy_text(assignment, strlen(assignment));
    char *const mark = strchr(key, '=');
    enum status status = STATUS_INPUT;
    if (mark == NULL || mark == key) {
        char quoted[TEXT_QUOTED];
        fault_set(fault, status, "%s is no assignment, expected KEY=VALUE",
                  text_quote(assignment, quoted));
    } else {
        *mark = '\0';
        struct outline_value values[2] = {{.text = mark + 1}};
        struct outline_entry entry = {.key = key, .count = 1, .values = values};
        if (settings_find_interval(key) != NULL && split_interval(mark + 1, values)) {
            entry.list = true;
            entry.count = 2;
        }
        status = give(spec, key, &entry, LEVEL_SET, fault);
    }
    if (status != STATUS_OK)
        fault_prefix(fault, "--set");
    free(key);
    return status;
}

enum status spec_option(struct spec *spec, const struct setting *row, const char *text,
                        struct fault *fault)
{
    CHECK(row->option != NULL);
    struct given new = {.level = LEVEL_OPTION, .count = 1};
    new.texts = fault_alloc(1, sizeof *new.texts);
    const enum status status = normalise(spec, row, text, new.texts[0], fault);
    if (status == STATUS_OK) {
        remember(spec, row, new);
    } else {
        free(new.texts);
        fault_prefix(fault, "--%s", row->option);
    }
    return status;
}

int64_t spec_cells(const struct spec *spec)
{
    int64_t cells = 1;
    for (size_t i = 0; i < spec->axes; i++) {
        const int64_t count = (int64_t)spec->given[spec->axis_rows[i]].count;
        cells = cells > INT64_MAX / count ? INT64_MAX : cells * count;
    }
    return cells;
}

/* Which value of a row's list a cell takes; 0 for a row that is no axis. */
static size_t pick(const struct spec *spec, size_t row, int64_t cell)
{
    for (size_t i = spec->axes; i-- > 0;) {
        const int64_t count = (int64_t)spec->given[spec->axis_rows[i]].count;
        if (spec->axis_rows[i] == row)
            return (size_t)(cell % count);
        cell /= count;
    }
    return 0;
}

static void apply(const struct spec *spec, size_t row, int64_t index, struct settings *cell)
{
    const struct given *const given = &spec->given[row];
    if (given->count > 0)
        CHECK(settings_set(cell, row_at(row), given->texts[pick(spec, row, index)], NULL) ==
              STATUS_OK);
}

void spec_cell(const struct spec *spec, int64_t index, struct settings *cell)
{
    CHECK(index >= 0 && index < spec_cells(spec));
    const size_t preset = index_of(settings_find("environment.preset"));
    settings_init(cell);
    apply(spec, preset, index, cell);
    for (size_t i = 0; i < spec->rows; i++) {
        if (i != preset)
            apply(spec, i, index, cell);
    }
}

/* Where a value was given, as the start of a sentence. False for a default. */
static bool name_place(const struct spec *spec, const struct setting *row, char *place, size_t size)
{
    if (row == NULL)
        return false;
    const struct given *const given = &spec->given[index_of(row)];
    if (given->count == 0)
        return false;
    if (given->level == LEVEL_FILE)
        snprintf(place, size, "%s:%d", spec->name, given->line);
    else if (given->level == LEVEL_SET)
        snprintf(place, size, "--set");
    else
        snprintf(place, size, "--%s", row->option);
    return true;
}

enum status spec_check(const struct spec *spec, struct fault *fault)
{
    const int64_t cells = spec_cells(spec);
    for (int64_t i = 0; i < cells; i++) {
        struct settings cell;
        spec_cell(spec, i, &cell);
        const struct setting *culprits[2] = {NULL, NULL};
        const enum status status = settings_check(&cell, culprits, fault);
        if (status == STATUS_OK)
            continue;
        char place[512];
        if (name_place(spec, culprits[0], place, sizeof place) ||
            name_place(spec, culprits[1], place, sizeof place))
            fault_prefix(fault, "%s", place);
        return status;
    }
    return STATUS_OK;
}

enum status spec_check_single(const struct spec *spec, struct fault *fault)
{
    const int64_t cells = spec_cells(spec);
    if (cells == 1)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT, "%s:%d: grid: %lld cells, expected one", spec->name,
                     spec->grid_line, (long long)cells);
}

size_t spec_axes(const struct spec *spec)
{
    return spec->axes;
}

struct spec_axis spec_axis(const struct spec *spec, size_t index)
{
    CHECK(index < spec->axes);
    const struct given *const given = &spec->given[spec->axis_rows[index]];
    return (struct spec_axis){.row = row_at(spec->axis_rows[index]),
                              .count = given->count,
                              .values = (const char(*)[TEXT_NUMBER])given->texts};
}

bool spec_gives(const struct spec *spec, const struct setting *row)
{
    return spec->given[index_of(row)].count > 0;
}

const char *spec_text(const struct spec *spec)
{
    return spec->text;
}
