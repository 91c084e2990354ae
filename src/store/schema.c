// SPDX-License-Identifier: MIT
/*
 * The table of all datasets, made from the tables that exist already: fields of the record,
 * settings, and the two tables below.
 *
 * A dataset exists in a file only if some cell has rows of it, and each extent is the largest of
 * any cell, so that all runs fit one box. The order of the table is the order of the file, in which
 * store_create makes the datasets and a reader finds them; scales come first because other datasets
 * are attached to them.
 */
#include "store/schema.h"
#include "spec/grid.h"
#include "spec/identity.h"
#include "store/commit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scales, in the order of the file. Cells can differ in their extent along the dimensions with
 * `own`: for those the file has a dataset extent_NAME. */
static const struct {
    int dim;
    enum schema_type type;
    bool own;
    const char *unit, *meaning;
} scales[] = {
    {SCHEMA_RUN, SCHEMA_I64, false, "1", "number of the run: its cell's place in the spec"},
    {DIM_EPISODE, SCHEMA_I32, true, "episode", "episode"},
    {DIM_LOG, SCHEMA_I32, true, "episode", "episode of a log"},
    {DIM_SNAPSHOT, SCHEMA_I32, true, "episode", "episode of a snapshot"},
    {DIM_EVALUATION, SCHEMA_I32, true, "episode", "episode of an evaluation"},
    {DIM_ACTOR, SCHEMA_I32, true, "1", "number of the actor"},
    {DIM_ACTOR_BYTE, SCHEMA_I32, false, "1",
     "byte of a set of actors: bit b of byte i is actor 8 i + b"},
    {DIM_ACTION, SCHEMA_TEXT, false, "1", "dimension of an actor's action"},
    {DIM_LAYER, SCHEMA_TEXT, false, "1", "layer of a network, weight and bias together"},
    {DIM_HIDDEN, SCHEMA_TEXT, false, "1", "hidden layer of a network"},
    {DIM_BIN, SCHEMA_F64, false, "1",
     "lower edge of a bin, which belongs to it; the upper one is the next bin's"},
    {DIM_DETECTION, SCHEMA_TEXT, false, "1", "detection of the published study"},
    {DIM_INPUT, SCHEMA_TEXT, false, "1", "value of a device's state"},
    {SCHEMA_COMMIT_BYTE, SCHEMA_I32, false, "1", "byte of a commit record"},
    {SCHEMA_IDENTITY_BYTE, SCHEMA_I32, false, "1", "byte of an identity"},
    {SCHEMA_START_LOG, SCHEMA_I32, false, "1",
     "row of the log of starts, the oldest of which are overwritten"},
};
enum { SCALES = sizeof scales / sizeof *scales };

/* The largest count, and the largest time in seconds (the year 5138), that are believed. They only
 * have to be beyond what occurs and small enough for what is computed from them. */
enum { COUNT_MOST = 1000000000 };
#define TIME_MOST 1e11

/* In the order of enum schema_note. Notes on a run have the dimension `run`, those on a start
 * `start_log`. */
static const struct {
    const char *name;
    enum schema_type type;
    size_t size;
    const char *unit;
    double fill;
    double least, most; /* of numbers that were written; whatever else is there is damage */
    const char *meaning;
} notes[NOTE_COUNT] = {
    [NOTE_START] = {"start", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                    "when the first attempt began, after 1970-01-01 UTC"},
    [NOTE_END] = {"end", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                  "when the last attempt ended or was last noted, after 1970-01-01 UTC"},
    [NOTE_WALL] = {"wall_s", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                   "time that all attempts took together, a killed one up to its last note"},
    [NOTE_ATTEMPTS] = {"attempts", SCHEMA_I32, 4, "1", 0, 0, COUNT_MOST,
                       "how often the run was begun or resumed"},
    [NOTE_HOST] = {"host", SCHEMA_TEXT, 64, "1", 0, 0, 0, "host of the last attempt"},
    [NOTE_RANK] = {"rank", SCHEMA_I32, 4, "1", -1, -1, COUNT_MOST,
                   "rank of the process of the last attempt; 0 without a launcher"},
    [NOTE_CPU] = {"cpu", SCHEMA_TEXT, 64, "1", 0, 0, 0, "CPU of the last attempt"},
    [NOTE_CPU_LEVEL] = {"cpu_level", SCHEMA_TEXT, 16, "1", 0, 0, 0,
                        "level of CPU that its kernels were made for"},
    [NOTE_REVISION] = {"revision", SCHEMA_TEXT, 64, "1", 0, 0, 0,
                       "revision of the program it used"},
    [NOTE_PROGRESS_EPISODE] = {"progress_episode", SCHEMA_I32, 4, "episode", -1, -1, COUNT_MOST,
                               "last episode that was reported"},
    [NOTE_PROGRESS_MOVING] = {"progress_moving", SCHEMA_I32, 4, "actor", -1, -1, COUNT_MOST,
                              "actors that still moved then"},
    [NOTE_PROGRESS_ATTEMPT] = {"progress_attempt", SCHEMA_I32, 4, "1", -1, -1, COUNT_MOST,
                               "in which attempt that was"},
    [NOTE_PROGRESS_TIME] = {"progress_time", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                            "when that was, after 1970-01-01 UTC"},
    [NOTE_FLIGHT] = {"flight", SCHEMA_I32, 4, "1", FLIGHT_NONE, FLIGHT_NONE, FLIGHT_CRASHED,
                     "1: being trained, or lost with its process; 2: its process crashed; 0: no"},
    [NOTE_CRASHES] = {"crashes", SCHEMA_I32, 4, "1", 0, 0, COUNT_MOST,
                      "crash marks: attempts that ended by a fault of their own process"},
    [NOTE_SUSPECT] = {"suspect", SCHEMA_I32, 4, "1", 0, 0, 1,
                      "1: was in flight when a job was lost, and has not come further since"},
    [NOTE_LOST] = {"lost", SCHEMA_I32, 4, "1", 0, 0, COUNT_MOST,
                   "jobs lost in a row while this run was the only suspect"},
    [NOTE_LOG_NUMBER] = {"start_log_number", SCHEMA_I64, 8, "1", 0, 0, 1e15,
                         "number of the start, from 1"},
    [NOTE_LOG_TIME] = {"start_log_time", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                       "when it was, after 1970-01-01 UTC"},
    [NOTE_LOG_END] = {"start_log_end", SCHEMA_F64, 8, "s", NAN, 0, TIME_MOST,
                      "when it ended in order; NaN: killed, or not ended"},
    [NOTE_LOG_STATUS] = {"start_log_status", SCHEMA_I32, 4, "1", -1, -1, 255,
                         "exit code; -1 as before"},
    [NOTE_LOG_HOST] = {"start_log_host", SCHEMA_TEXT, 64, "1", 0, 0, 0, "host of rank 0"},
    [NOTE_LOG_PROCESS] = {"start_log_process", SCHEMA_I64, 8, "1", -1, -1, COUNT_MOST,
                          "process of rank 0"},
    [NOTE_LOG_JOB] = {"start_log_job", SCHEMA_TEXT, 32, "1", 0, 0, 0,
                      "SLURM job, if any; of an extension, its cells before and after"},
    [NOTE_LOG_RANKS] = {"start_log_ranks", SCHEMA_I32, 4, "1", -1, -1, COUNT_MOST,
                        "number of ranks; 0: an extension of the sweep, not a start"},
    [NOTE_LOG_DONE] = {"start_log_done", SCHEMA_I32, 4, "1", -1, -1, COUNT_MOST,
                       "runs that were done then"},
    [NOTE_LOG_REVISION] = {"start_log_revision", SCHEMA_TEXT, 64, "1", 0, 0, 0,
                           "revision of the program"},
};

const char *schema_dimension(int dim)
{
    switch (dim) {
    case SCHEMA_RUN:
        return "run";
    case SCHEMA_COMMIT_BYTE:
        return "commit_byte";
    case SCHEMA_IDENTITY_BYTE:
        return "identity_byte";
    case SCHEMA_START_LOG:
        return "start_log";
    default:
        return record_dimension((enum dimension)dim);
    }
}

/* The two texts of the spec have rank 0 and are one value each; their length is in `size`. */
int64_t schema_values(const struct schema *schema, const struct variable *variable)
{
    int64_t values = 1;
    for (int i = 0; i < variable->rank; i++)
        values *= schema->extents[variable->dims[i]];
    return values;
}

void schema_axis_name(const struct setting *row, char *name, size_t size)
{
    static const char section[] = "training.";
    const size_t length = strlen(section);
    const char *key = strncmp(row->key, section, length) == 0 ? row->key + length : row->key;
    snprintf(name, size, "%s", key);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '.')
            *c = '_';
    }
}

const struct setting *schema_axis_setting(const char *name)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    const struct setting *row = settings_named(name);
    for (size_t i = 0; i < rows && row == NULL; i++) {
        char axis[64];
        schema_axis_name(&table[i], axis, sizeof axis);
        if (strcmp(axis, name) == 0)
            row = &table[i];
    }
    return row;
}

int schema_flag(const struct variable *variable, int i, char *text, size_t size)
{
    if (variable->axis != NULL)
        return settings_write(variable->axis, variable->lists != NULL ? variable->lists[i] : i,
                              text, size);
    const bool is_outcome = variable->field->offset == offsetof(struct record, outcome);
    return snprintf(text, size, "%s",
                    is_outcome ? outcome_name((enum outcome)i) : cause_name((enum cause)i));
}

static size_t type_size(enum schema_type type)
{
    static const size_t sizes[] = {
        [SCHEMA_F64] = 8, [SCHEMA_F32] = 4, [SCHEMA_I64] = 8, [SCHEMA_I32] = 4, [SCHEMA_U8] = 1,
    };
    return sizes[type];
}

/* Appends a dataset. The caller completes it: name, dimensions and, for texts, the size of a
 * value. */
static struct variable *add(struct schema *schema, enum schema_kind kind, enum schema_type type,
                            const char *unit, const char *meaning)
{
    struct variable *variable = &schema->variables[schema->count++];
    *variable = (struct variable){.kind = kind, .type = type, .unit = unit, .meaning = meaning};
    if (type != SCHEMA_TEXT)
        variable->size = type_size(type);
    return variable;
}

static void add_dimension(struct variable *variable, int dim)
{
    variable->dims[variable->rank++] = dim;
}

/* Adds the scale of a dimension. A scale of texts is as wide as its longest label. */
static void add_scale(struct schema *schema, size_t s, bool in_volatile)
{
    const int dim = scales[s].dim;
    struct variable *scale =
        add(schema, SCHEMA_SCALE, scales[s].type, scales[s].unit, scales[s].meaning);
    snprintf(scale->name, sizeof scale->name, "%s", schema_dimension(dim));
    scale->in_volatile = in_volatile;
    add_dimension(scale, dim);
    if (schema->mixed[dim]) {
        scale->unit = "1";
        scale->meaning = "number of the row, from 1: the runs do not have the same interval";
    }
    if (scale->type != SCHEMA_TEXT)
        return;
    const char *const *labels = record_labels((enum dimension)dim);
    for (int64_t i = 0; i < schema->extents[dim]; i++) {
        const size_t length = strlen(labels[i]);
        scale->size = length > scale->size ? length : scale->size;
    }
}

char *schema_flags(const struct variable *variable)
{
    char *const words = fault_alloc((size_t)variable->flags, SETTING_TEXT);
    size_t used = 0;
    for (int i = 0; i < variable->flags; i++) {
        used += (size_t)schema_flag(variable, i, words + used, SETTING_TEXT);
        words[used++] = i + 1 < variable->flags ? ' ' : '\0';
    }
    return words;
}

int schema_place(const struct variable *axis, double number)
{
    int place = 0;
    while (place < axis->flags && axis->lists[place] != number)
        place++;
    CHECK(place < axis->flags);
    return place;
}

/* The labels of the blocks that have cells. By blocks and not by number: a label that another spec
 * had before has a smaller number than those that stand before it here. */
static void find_labels(struct variable *axis, const struct spec *spec)
{
    axis->lists = fault_alloc(spec_blocks(spec), sizeof *axis->lists);
    for (size_t block = 0; block < spec_blocks(spec); block++) {
        struct settings cell;
        const int64_t first = spec_block_first(spec, block);
        if (first == spec_block_first(spec, block + 1))
            continue;
        spec_cell(spec, first, &cell);
        axis->lists[axis->flags++] = (double)cell.label;
    }
}

/* The different lists that cells have, short ones first: in the file each is its place among them.
 * Without a spec there is the default alone. */
static void find_lists(struct variable *axis, const struct spec *spec)
{
    const int64_t cells = spec != NULL ? spec_cells(spec) : 1;
    struct settings cell;
    settings_init(&cell);
    axis->lists = fault_alloc((size_t)cells, sizeof *axis->lists);
    for (int64_t i = 0; i < cells; i++) {
        if (spec != NULL)
            spec_cell(spec, i, &cell);
        axis->lists[i] = settings_number(&cell, axis->axis);
    }
    axis->flags = (int)grid_distinct(axis->lists, (size_t)cells);
}

/* Whole numbers and choices are i64, as settings have them; a choice is the number of its name. */
static void add_axis(struct schema *schema, const struct setting *row, const struct spec *spec)
{
    struct variable *axis =
        add(schema, SCHEMA_AXIS, row->type == TYPE_REAL ? SCHEMA_F64 : SCHEMA_I64, row->unit,
            row->help);
    schema_axis_name(row, axis->name, sizeof axis->name);
    axis->axis = row;
    if (row->type == TYPE_LIST)
        find_lists(axis, spec);
    else if (row->type == TYPE_LABEL)
        find_labels(axis, spec);
    else if (row->type == TYPE_CHOICE)
        axis->flags = (int)row->max + 1;
    add_dimension(axis, SCHEMA_RUN);
}

static void add_extent(struct schema *schema, int dim)
{
    struct variable *extent = add(schema, SCHEMA_EXTENT, SCHEMA_I32, "1",
                                  "rows of this run along the dimension of that name; the rest "
                                  "stays at fill");
    snprintf(extent->name, sizeof extent->name, "extent_%s", schema_dimension(dim));
    extent->along = dim;
    add_dimension(extent, SCHEMA_RUN);
}

/* The fill value of a field is one that no training writes, except of u8, where 0 also means that
 * nothing moves: total_episodes says which rows are written. */
static void add_field(struct schema *schema, const struct field *field)
{
    static const enum schema_type types[] = {
        [FIELD_F64] = SCHEMA_F64,
        [FIELD_F32] = SCHEMA_F32,
        [FIELD_I32] = SCHEMA_I32,
        [FIELD_U8] = SCHEMA_U8,
    };
    struct variable *variable =
        add(schema, SCHEMA_FIELD, types[field->type], field->unit, field->meaning);
    snprintf(variable->name, sizeof variable->name, "%s", field->name);
    variable->field = field;
    const bool is_outcome = field->offset == offsetof(struct record, outcome);
    if (is_outcome)
        variable->flags = OUTCOME_COUNT;
    else if (field->offset == offsetof(struct record, run_cause) ||
             field->offset == offsetof(struct record, cause))
        variable->flags = CAUSE_COUNT;
    variable->fill = field->type == FIELD_I32  ? (is_outcome ? OUTCOME_PENDING : -1)
                     : field->type == FIELD_U8 ? 0
                                               : (double)NAN;
    add_dimension(variable, SCHEMA_RUN);
    for (int i = 0; i < 3 && field->dims[i] != DIM_NONE; i++)
        add_dimension(variable, (int)field->dims[i]);
}

/* Made on request and not looked up in a schema: notes do not depend on the spec. */
struct variable schema_note(enum schema_note note)
{
    struct variable variable = {
        .kind = SCHEMA_NOTE,
        .in_volatile = true,
        .type = notes[note].type,
        .size = notes[note].size,
        .unit = notes[note].unit,
        .rank = 1,
        .dims = {note < NOTE_LOG_NUMBER ? SCHEMA_RUN : SCHEMA_START_LOG},
        .fill = notes[note].fill,
        .least = notes[note].least,
        .most = notes[note].most,
        .meaning = notes[note].meaning,
        .note = note,
    };
    snprintf(variable.name, sizeof variable.name, "%s", notes[note].name);
    return variable;
}

/* What the store needs for itself. The sizes of the two texts are known to store_create only. */
static void add_own(struct schema *schema)
{
    struct variable *identity =
        add(schema, SCHEMA_IDENTITY, SCHEMA_U8, "1",
            "SHA-256 of the cell's settings of class result and shape and the algorithm's version");
    snprintf(identity->name, sizeof identity->name, "identity");
    add_dimension(identity, SCHEMA_RUN);
    add_dimension(identity, SCHEMA_IDENTITY_BYTE);
    struct variable *commit =
        add(schema, SCHEMA_COMMIT, SCHEMA_U8, "1",
            "commit record: the run's rows count when it is valid; 0: not yet");
    snprintf(commit->name, sizeof commit->name, "commit");
    add_dimension(commit, SCHEMA_RUN);
    add_dimension(commit, SCHEMA_COMMIT_BYTE);
    struct variable *spec =
        add(schema, SCHEMA_SPEC, SCHEMA_TEXT, "1", "the spec's file as the user wrote it");
    snprintf(spec->name, sizeof spec->name, "spec");
    struct variable *settings = add(schema, SCHEMA_SETTINGS, SCHEMA_TEXT, "1",
                                    "the spec of all runs with every setting; it can be run again");
    snprintf(settings->name, sizeof settings->name, "settings");
}

/* The setting that decides which episode row i of a dimension is; 0 when none does. */
static int64_t interval_of(const struct settings *cell, int dim)
{
    switch (dim) {
    case DIM_LOG:
        return cell->tracking.log_every;
    case DIM_SNAPSHOT:
        return cell->tracking.snapshot_every;
    case DIM_EVALUATION:
        return cell->evaluation.every;
    default:
        return 0;
    }
}

/* Widens the extents of the file to those of a cell, and notes where cells disagree on what a row
 * is. A cell without rows along a dimension does not disagree. */
static void measure_cell(struct schema *schema, const struct settings *cell)
{
    const struct extents extents = record_extents(cell);
    for (int dim = 0; dim < DIM_COUNT; dim++) {
        const struct settings *largest = &schema->largest[dim];
        const bool both = schema->extents[dim] > 0 && extents.of[dim] > 0;
        if (both && interval_of(cell, dim) != interval_of(largest, dim))
            schema->mixed[dim] = true;
        if (extents.of[dim] > schema->extents[dim]) {
            schema->extents[dim] = extents.of[dim];
            schema->largest[dim] = *cell;
        }
    }
}

/* Measures all cells: extents of the file, and which settings differ between two cells. `differs`
 * has one entry for each row of the table of settings. Without a spec every dimension gets at least
 * one row, so that the documentation shows all datasets. */
static void measure(struct schema *schema, const struct spec *spec, bool *differs)
{
    size_t rows = 0;
    const struct setting *table = settings_table(&rows);
    struct settings first, cell;
    if (spec != NULL)
        spec_cell(spec, 0, &first);
    else
        settings_init(&first);
    measure_cell(schema, &first);
    schema->extents[SCHEMA_RUN] = spec != NULL ? spec_cells(spec) : 1;
    schema->extents[SCHEMA_COMMIT_BYTE] = COMMIT_SIZE;
    schema->extents[SCHEMA_IDENTITY_BYTE] = IDENTITY_SIZE;
    schema->extents[SCHEMA_START_LOG] = SCHEMA_STARTS;
    for (size_t i = 0; i < rows; i++)
        differs[i] = grid_always(&table[i]);
    for (int64_t run = 1; run < schema->extents[SCHEMA_RUN]; run++) {
        spec_cell(spec, run, &cell);
        measure_cell(schema, &cell);
        for (size_t i = 0; i < rows; i++)
            differs[i] = differs[i] || !settings_equal(&first, &cell, &table[i]);
    }
    for (int dim = 0; spec == NULL && dim < SCHEMA_DIMENSIONS; dim++)
        schema->extents[dim] = schema->extents[dim] > 0 ? schema->extents[dim] : 1;
}

struct schema *schema_new(const struct spec *spec)
{
    size_t rows = 0, fields = 0;
    const struct setting *table = settings_table(&rows);
    const struct field *field = record_fields(&fields);
    struct schema *schema = fault_alloc(1, sizeof *schema);
    bool *differs = fault_alloc(rows, sizeof *differs);
    measure(schema, spec, differs);
    /* At most: every scale and every extent, the scales of /volatile, the label and every setting
     * as an axis, every field, four of the store's own, and the notes. */
    schema->variables = fault_alloc(2 * (size_t)SCALES + 2 + 1 + rows + fields + 4 + NOTE_COUNT,
                                    sizeof(struct variable));
    for (size_t s = 0; s < SCALES; s++) {
        if (schema->extents[scales[s].dim] > 0 && scales[s].dim != SCHEMA_START_LOG)
            add_scale(schema, s, false);
    }
    if (spec != NULL && spec_labelled(spec))
        add_axis(schema, settings_label(), spec);
    for (size_t i = 0; i < rows; i++) {
        if (differs[i])
            add_axis(schema, &table[i], spec);
    }
    for (size_t s = 0; s < SCALES; s++) {
        if (scales[s].own && schema->extents[scales[s].dim] > 0)
            add_extent(schema, scales[s].dim);
    }
    for (size_t f = 0; f < fields; f++) {
        struct extents extents = {{0}};
        memcpy(extents.of, schema->extents, sizeof extents.of);
        if (record_count(&field[f], &extents) > 0)
            add_field(schema, &field[f]);
    }
    add_own(schema);
    for (size_t s = 0; s < SCALES; s++) {
        if (scales[s].dim == SCHEMA_RUN || scales[s].dim == SCHEMA_START_LOG)
            add_scale(schema, s, true);
    }
    for (int note = 0; note < NOTE_COUNT; note++)
        schema->variables[schema->count++] = schema_note((enum schema_note)note);
    free(differs);
    return schema;
}

void schema_free(struct schema **schema)
{
    if (schema == NULL || *schema == NULL)
        return;
    for (size_t v = 0; v < (*schema)->count; v++)
        free((*schema)->variables[v].lists);
    free((*schema)->variables);
    free(*schema);
    *schema = NULL;
}

/* What HDF5 adds, in bytes: to the file, to a dataset beyond its texts, to its place on a
 * dimension; and how much it takes from the end of the file at once, for itself and for small data.
 * Measured with HDF5 1.10 and the format that h5_access asks for. The result only has to be good
 * enough to refuse a disk without room, and to tell `plan` how large the file will be. */
enum { PAGE = 4096 }; /* store_create aligns datasets of this size and more to it */
enum { OVERHEAD_FILE = 8000, OVERHEAD_DATASET = 320, OVERHEAD_SCALE = 160, PORTION = 2048 };

/* A file that is laid out in memory as HDF5 would lay it out on the disk. */
struct layout {
    int64_t end;
    int64_t inside, small; /* left of the last portion for HDF5 itself, and for small data */
    size_t gaps;
    int64_t *gap; /* (gaps) bytes before the datasets that start on a page */
};

/* Takes bytes from a portion. HDF5 reserves a portion at the end of the file whenever one is used
 * up. */
static void take_portion(struct layout *layout, int64_t *left, int64_t bytes)
{
    if (*left < bytes) {
        const int64_t more = (bytes - *left + PORTION - 1) / PORTION * PORTION;
        layout->end += more;
        *left += more;
    }
    *left -= bytes;
}

/* Places the values of a dataset: in the smallest gap that takes them, else at the end. Large ones
 * begin on a page, and the gap before them can take small ones. */
static void lay_data(struct layout *layout, int64_t bytes)
{
    int64_t *best = NULL;
    for (size_t g = 0; g < layout->gaps; g++) {
        if (layout->gap[g] >= bytes && (best == NULL || layout->gap[g] < *best))
            best = &layout->gap[g];
    }
    if (best != NULL) {
        *best -= bytes;
    } else if (bytes < PAGE) {
        take_portion(layout, &layout->small, bytes);
    } else {
        const int64_t gap = (PAGE - layout->end % PAGE) % PAGE;
        layout->gap[layout->gaps++] = gap;
        layout->end += gap + bytes;
    }
}

static int64_t text_size(const struct variable *variable, const struct spec *spec)
{
    if (variable->kind == SCHEMA_SPEC)
        return (int64_t)strlen(spec_text(spec));
    if (variable->kind != SCHEMA_SETTINGS)
        return (int64_t)variable->size;
    char *const text = spec_resolved(spec);
    const size_t size = strlen(text);
    free(text);
    return (int64_t)size;
}

int64_t schema_file_size(const struct schema *schema, const struct spec *spec)
{
    struct layout layout = {.end = OVERHEAD_FILE,
                            .gap = fault_alloc(schema->count, sizeof *layout.gap)};
    for (size_t v = 0; v < schema->count; v++) {
        const struct variable *variable = &schema->variables[v];
        const int scaled = variable->kind == SCHEMA_SCALE ? 0 : variable->rank;
        take_portion(&layout, &layout.inside,
                     OVERHEAD_DATASET + OVERHEAD_SCALE * scaled +
                         (int64_t)(strlen(variable->meaning) + strlen(variable->unit)));
        lay_data(&layout, schema_values(schema, variable) * text_size(variable, spec));
    }
    free(layout.gap);
    return layout.end;
}
