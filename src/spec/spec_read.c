// SPDX-License-Identifier: MIT
/* The file of a spec: reading its bytes, and giving its sections and grid to the spec. Each value
 * is checked when it is given, so that the message can name its line; what only shows when all
 * levels are known is left to spec_check.c. */
#include "base/text.h"
#include "spec/spec_internal.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/stop_signal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char *copy_text(const char *text, size_t length)
{
    char *const copy = fault_alloc(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

static enum status refuse_twice(const struct setting *row, const struct spec_given *given,
                                struct fault *fault)
{
    return fault_set(fault, STATUS_INPUT, "%s: already given in line %d, expected once", row->key,
                     given->line);
}

/* One entry of a section of the file. An interval gives two rows; one of its ends may have been
 * given singly before, which is refused like any other repeated key. */
static enum status give(struct spec *spec, const char *key, const struct yaml_node *node,
                        struct fault *fault)
{
    double numbers[2] = {0};
    const struct setting *row = NULL;
    const size_t count = spec_find(key, &row);
    const enum status status = spec_read_setting(key, node, numbers, fault);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct spec_given *const given = &spec->given[spec_index(&row[i])];
        if (given->level != SPEC_NOWHERE)
            return refuse_twice(&row[i], given, fault);
        *given =
            (struct spec_given){.level = SPEC_FILE, .line = node->key_line, .number = numbers[i]};
    }
    return status;
}

/* The n-th section of the settings table, with its length; NULL after the last. Rows of a section
 * stand together, so a section begins where the name in front of the dot changes. */
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

/* Whether the table has this section. If not, `list` names all sections, and `near` is the closest
 * one within three typing errors, if there is any. */
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
                     grid_show(name, shown), list, *near != '\0' ? "; did you mean " : "", near,
                     *near != '\0' ? "?" : "");
}

static enum status refuse_section(const struct yaml_node *section, struct fault *fault)
{
    char shown[TEXT_QUOTED];
    const struct setting *const interval = settings_find_interval(section->key);
    const struct setting *const row = settings_named(section->key);
    const char *const key = row != NULL && interval == NULL ? row->key : section->key;
    const char *const dot = strchr(key, '.');
    if ((row != NULL || interval != NULL) && dot != NULL) /* a label has no section */
        return fault_set(fault, STATUS_INPUT,
                         "%s: a setting outside its section, expected '%s: ...', indented, below "
                         "a line '%.*s:'",
                         grid_show(section->key, shown), dot + 1, (int)(dot - key), key);
    return fault_set(fault, STATUS_INPUT,
                     "%s: not a section, expected indented 'key: value' lines below it%s",
                     grid_show(section->key, shown),
                     strcmp(section->key, "grid") == 0 ? ", or a list of such blocks" : "");
}

/* An axis may be in several blocks, but not in a section as well: it would not be clear which of
 * the two holds. */
static enum status note_axes(struct spec *spec, const struct grid_block *grid, struct fault *fault)
{
    for (size_t i = 0; i < grid->axes; i++) {
        const struct grid_axis *const axis = &grid->axis[i];
        struct spec_given *const given = &spec->given[spec_index(axis->row)];
        if (given->level != SPEC_NOWHERE && !given->axis) {
            refuse_twice(axis->row, given, fault);
            fault_prefix(fault, "%s:%d", spec->name, axis->line);
            return STATUS_INPUT;
        }
        if (given->level == SPEC_NOWHERE)
            *given = (struct spec_given){.level = SPEC_FILE, .line = axis->line, .axis = true};
    }
    return STATUS_OK;
}

/* Every block has a label, or none does, and each label is one block: else it would not be clear
 * what cells with it have in common. The limit comes first, as each block is compared with all
 * before. */
static enum status check_label(const struct spec *spec, struct fault *fault)
{
    const struct grid_block *const first = &spec->part[0].grid;
    const struct grid_block *const grid = &spec->part[spec->parts - 1].grid;
    char text[SETTING_TEXT];
    if ((grid->label > 0) != (first->label > 0))
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: grid: a block without a label, expected one in each block, as in "
                         "line %d, or in none",
                         spec->name, grid->label > 0 ? first->line : grid->line,
                         grid->label > 0 ? grid->label_line : first->label_line);
    if (grid->label > 0 && spec->parts > GRID_LABELS_LIMIT)
        return fault_set(fault, STATUS_INPUT, "%s:%d: label: too many labels, expected at most %d",
                         spec->name, grid->label_line, GRID_LABELS_LIMIT);
    for (size_t i = 0; grid->label > 0 && i + 1 < spec->parts; i++) {
        if (spec->part[i].grid.label != grid->label)
            continue;
        settings_write(settings_label(), grid->label, text, sizeof text);
        return fault_set(fault, STATUS_INPUT,
                         "%s:%d: label: %s is the label of the block in line %d already, expected "
                         "another",
                         spec->name, grid->label_line, text, spec->part[i].grid.line);
    }
    return STATUS_OK;
}

/* `grid` is a mapping (one block) or a list of mappings. The sum of combinations is checked after
 * each block, before the next one takes memory. */
static enum status give_grid(struct spec *spec, const struct yaml_node *section,
                             struct fault *fault)
{
    const bool list = section->kind == YAML_LIST && section->count > 0;
    const size_t count = list ? section->count : 1;
    size_t combinations = 0;
    spec_clear_blocks(spec, count);
    spec->grid_line = section->key_line;
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *const node = list ? &section->items[i] : section;
        const int line = list ? node->line : section->key_line;
        if (node->kind != YAML_MAPPING) {
            refuse_section(section, fault);
            fault_prefix(fault, "%s:%d", spec->name, node->line);
            return STATUS_INPUT;
        }
        struct grid_block *const grid = &spec->part[spec->parts++].grid;
        enum status status = grid_read(grid, node, line, spec->name, fault);
        if (status == STATUS_OK)
            status = note_axes(spec, grid, fault);
        if (status == STATUS_OK)
            status = check_label(spec, fault);
        if (status != STATUS_OK)
            return status;
        combinations += grid->combinations;
        if (combinations > GRID_LIMIT)
            return fault_set(fault, STATUS_INPUT,
                             "%s:%d: grid: too many cells, expected at most %d", spec->name,
                             spec->grid_line, GRID_LIMIT);
    }
    return STATUS_OK;
}

static enum status give_section(struct spec *spec, const struct yaml_node *section,
                                struct fault *fault)
{
    const bool grid = strcmp(section->key, "grid") == 0;
    char list[256] = "";
    char near[TEXT_QUOTED] = "";
    if (section->kind != YAML_MAPPING && !grid) {
        const enum status status = refuse_section(section, fault);
        fault_prefix(fault, "%s:%d", spec->name, section->line);
        return status;
    }
    if (!grid && !find_section(section->key, list, sizeof list, near)) {
        const enum status status = unknown_section(section->key, list, near, fault);
        fault_prefix(fault, "%s:%d", spec->name, section->key_line);
        return status;
    }
    if (grid)
        return give_grid(spec, section, fault);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < section->count && status == STATUS_OK; i++) {
        const struct yaml_node *const entry = &section->items[i];
        const size_t size = strlen(section->key) + strlen(entry->key) + 2;
        char *const key = fault_alloc(size, 1);
        snprintf(key, size, "%s.%s", section->key, entry->key);
        status = give(spec, key, entry, fault);
        free(key);
        if (status != STATUS_OK)
            fault_prefix(fault, "%s:%d", spec->name, entry->key_line);
    }
    return status;
}

enum status spec_parse(struct spec *spec, const char *text, size_t length, const char *name,
                       struct fault *fault)
{
    CHECK(spec->name == NULL);
    struct yaml_node root;
    enum status status = yaml_tree_parse(&root, text, length, name, fault);
    if (status != STATUS_OK)
        return status;
    spec->name = copy_text(name, strlen(name));
    free(spec->text);
    spec->text = copy_text(text, length);
    for (size_t i = 0; i < root.count && status == STATUS_OK; i++)
        status = give_section(spec, &root.items[i], fault);
    yaml_tree_fini(&root);
    if (status == STATUS_OK)
        spec_complete(spec);
    return status;
}

/* The status depends on the error: a file that does not exist is wrong input, a disk that fails is
 * not the user's error. */
static enum status refuse_file(const char *path, struct fault *fault)
{
    const int error = errno;
    if (disk_status(error) == STATUS_INPUT)
        return fault_set(fault, STATUS_INPUT, "%s: %s, expected a spec in YAML", path,
                         strerror(error));
    return fault_set(fault, STATUS_FAULT, "cannot read %s: %s", path, strerror(error));
}

/* Seconds within which a FIFO must have found a writer: without one, reading would wait for ever,
 * and look like a program that hangs. */
static const double writer_within_s = 5;

/* Wait for more of a FIFO or a terminal, in short steps, so that a polite stop is seen. \return
 * false: nothing will come, and `fault` says why */
static bool wait_for_more(int fd, bool has_writer, double began_s, const char *path,
                          enum status *status, struct fault *fault)
{
    enum { LOOK_MS = 50 };
    struct pollfd more = {.fd = fd, .events = POLLIN};
    if (stop_requested())
        *status = fault_set(fault, STATUS_STOPPED, "stopped while %s was read", path);
    else if (!has_writer && clock_now() - began_s > writer_within_s)
        *status =
            fault_set(fault, STATUS_INPUT,
                      "%s: a FIFO into which nothing is written, expected a spec in YAML", path);
    else if (has_writer)
        poll(&more, 1, LOOK_MS);
    else
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    return *status == STATUS_OK;
}

/* Read a whole file, or a FIFO until its writer closes it; at most `size` bytes. The descriptor
 * does not block: EAGAIN says that a FIFO has a writer but no bytes yet, and 0 that it has no
 * writer: at the beginning one may still come, later it has gone. */
static enum status read_all(int fd, char *text, size_t size, size_t *length, const char *path,
                            struct fault *fault)
{
    struct stat about;
    const mode_t mode = fstat(fd, &about) == 0 ? about.st_mode : 0;
    const double began_s = clock_now();
    enum status status = STATUS_OK;
    for (*length = 0; *length < size;) {
        const ssize_t got = read(fd, text + *length, size - *length);
        if (got > 0)
            *length += (size_t)got;
        else if (got < 0 && errno == EAGAIN && S_ISREG(mode))
            /* A log of the kernel (/proc/kmsg): the next line may come in a second or never. */
            return fault_set(fault, STATUS_INPUT,
                             "%s: does not give its content at once, expected a spec in YAML",
                             path);
        else if (got < 0 && errno != EAGAIN && errno != EINTR)
            return refuse_file(path, fault);
        else if (got == 0 && (!S_ISFIFO(mode) || *length > 0))
            break;
        else if (!wait_for_more(fd, got < 0, began_s, path, &status, fault))
            return status;
    }
    return STATUS_OK;
}

enum status spec_load(struct spec *spec, const char *path, struct fault *fault)
{
    /* Without O_NONBLOCK, opening a FIFO would wait for a writer as well, before any of the checks
     * here. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return refuse_file(path, fault);
    /* One byte more than is allowed, so that a longer file is seen and refused. */
    const size_t size = (size_t)YAML_TREE_LIMIT + 1;
    char *const text = fault_alloc(size, 1);
    size_t length = 0;
    enum status status = read_all(fd, text, size, &length, path, fault);
    close(fd);
    /* A likely mistake is to name the file of a sweep instead of its spec; what YAML would say
     * about it is of no help. */
    if (status == STATUS_OK && strncmp(text, "\211HDF", 4) == 0)
        status = fault_set(fault, STATUS_INPUT, "%s: an HDF5 file, expected a spec in YAML", path);
    if (status == STATUS_OK)
        status = spec_parse(spec, text, length, path, fault);
    free(text);
    return status;
}
