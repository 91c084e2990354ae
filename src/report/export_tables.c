// SPDX-License-Identifier: MIT
/*
 * CSV tables from the table of record fields (record.h): a field belongs to the table whose
 * dimensions it has, so that a new field appears in the right file without a change here. One run
 * is in memory at a time, and each file appears whole or not at all (atomic_file.h).
 */
#include "base/text.h"
#include "report/export.h"
#include "sys/atomic_file.h"
#include "sys/disk.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_DIMENSIONS = 3, FIELDS_MOST = 128 };

/* A field is in the table that has the same dimensions. A field with one dimension more, whose
 * values have names (action, layer, …), has a column for each name. */
static const struct shape {
    const char *name;
    enum dimension dims[INDEX_DIMENSIONS];
} shapes[EXPORT_TABLES] = {
    [EXPORT_RUNS] = {"runs", {DIM_NONE}},
    [EXPORT_ACTORS] = {"actors", {DIM_ACTOR}},
    [EXPORT_LOGS] = {"logs", {DIM_LOG}},
    [EXPORT_EPISODES] = {"episodes", {DIM_EPISODE}},
    [EXPORT_EVALUATIONS] = {"evaluations", {DIM_EVALUATION}},
    [EXPORT_ACTOR_LOGS] = {"actor_logs", {DIM_LOG, DIM_ACTOR}},
    [EXPORT_HISTOGRAMS] = {"histograms", {DIM_SNAPSHOT, DIM_ACTION, DIM_BIN}},
};

/* The extents of a run that `runs` shows: cells of a sweep can differ in them, and the datasets are
 * as large as the largest. */
static const enum dimension shown_extents[] = {DIM_EPISODE, DIM_LOG, DIM_SNAPSHOT, DIM_EVALUATION,
                                               DIM_ACTOR};
enum { EXTENTS = sizeof shown_extents / sizeof *shown_extents };

const char *export_table_name(enum export_table table)
{
    return shapes[table].name;
}

static int count_dims(const enum dimension *dims)
{
    int count = 0;
    while (count < INDEX_DIMENSIONS && dims[count] != DIM_NONE)
        count++;
    return count;
}

/* Whether a field belongs to a table: its dimensions begin with those of the table, and at most one
 * with labels follows. `labels`: that one, or DIM_NONE. */
static bool belongs(const struct field *field, const struct shape *shape, enum dimension *labels)
{
    const int own = count_dims(field->dims), index = count_dims(shape->dims);
    if (own < index || own > index + 1 ||
        memcmp(field->dims, shape->dims, (size_t)index * sizeof *field->dims) != 0)
        return false;
    *labels = own > index ? field->dims[index] : DIM_NONE;
    return *labels == DIM_NONE || record_labels(*labels) != NULL;
}

/* A field as a column of a table, or as one column for each label. */
struct column {
    const struct field *field;
    enum dimension labels;
    void *values; /* of the current run; NULL: it has no rows, and the fields are empty */
};

struct sheet {
    const struct shape *shape;
    struct atomic_file output;
    struct column columns[FIELDS_MOST];
    size_t count;
};

/* Number of columns of a field: 1 without labels. By the names and not by the extent, which is 0 in
 * a run without such a field, whose columns are there all the same. */
static int64_t labels_of(const struct column *column)
{
    const char *const *const names =
        column->labels == DIM_NONE ? NULL : record_labels(column->labels);
    int64_t count = 0;
    while (names != NULL && names[count] != NULL)
        count++;
    return names == NULL ? 1 : count;
}

/* ---- values ---- */

/* 15 digits (6 of a float) are kept by any such number; more are written only when they are needed
 * to read back the same bits. NaN, which was never written, is an empty field. */
static void print_real(FILE *file, double value)
{
    char text[TEXT_NUMBER] = "";
    if (!isnan(value))
        text_write_shortest(value, 15, text);
    fputs(text, file);
}

static void print_single(FILE *file, float value)
{
    char text[TEXT_NUMBER] = "";
    if (!isnan(value))
        text_write_shortest_single(value, 6, text);
    fputs(text, file);
}

/* Outcome and cause are numbers in the file; people and pandas read their names. -1 is "not
 * seen". */
static void print_whole(FILE *file, const struct field *field, int32_t value)
{
    if (field == record_field("outcome"))
        fputs(outcome_name((enum outcome)value), file);
    else if (value < 0)
        return;
    else if (field == record_field("cause") || field == record_field("run_cause"))
        fputs(cause_name((enum cause)value), file);
    else
        fprintf(file, "%" PRId32, value);
}

/* A value that was never written is an empty field. */
static void print_value(FILE *file, const struct field *field, const void *values, int64_t at)
{
    switch (field->type) {
    case FIELD_F64:
        print_real(file, ((const double *)values)[at]);
        break;
    case FIELD_F32:
        print_single(file, ((const float *)values)[at]);
        break;
    case FIELD_I32:
        print_whole(file, field, ((const int32_t *)values)[at]);
        break;
    case FIELD_U8:
        fprintf(file, "%u", ((const uint8_t *)values)[at]);
        break;
    }
}

/* ---- rows ---- */

/* The columns of one row. `row` counts over all index dimensions, and labels are the fastest. */
static void print_fields(const struct sheet *sheet, const struct extents *extents, int64_t row)
{
    for (size_t i = 0; i < sheet->count; i++) {
        const struct column *const column = &sheet->columns[i];
        const int64_t labels = labels_of(column);
        for (int64_t l = 0; l < labels; l++) {
            fputc(',', sheet->output.file);
            if (column->values != NULL && record_count(column->field, extents) > 0)
                print_value(sheet->output.file, column->field, column->values, row * labels + l);
        }
    }
    fputc('\n', sheet->output.file);
}

/* The index of a row: episode numbers, actors, names of actions, edges of bins. */
static void print_index(FILE *file, int64_t run, const struct shape *shape,
                        const int64_t position[INDEX_DIMENSIONS],
                        double *const coordinates[INDEX_DIMENSIONS])
{
    fprintf(file, "%" PRId64, run);
    for (int d = 0; d < count_dims(shape->dims); d++) {
        const char *const *const names = record_labels(shape->dims[d]);
        fputc(',', file);
        if (names != NULL)
            fputs(names[position[d]], file);
        else
            print_real(file, coordinates[d][position[d]]);
    }
}

/* Dimensions whose coordinates are episodes. Only these end early when a run does. */
static bool is_time(enum dimension dim)
{
    return dim == DIM_EPISODE || dim == DIM_LOG || dim == DIM_SNAPSHOT || dim == DIM_EVALUATION;
}

/* All rows of a run up to its last episode. Rows are in the order of the file (the last dimension
 * is the fastest), so time, which is the first dimension, ends the loop as soon as it passes that
 * episode. */
static void print_rows(const struct sheet *sheet, int64_t run, const struct settings *cell,
                       int64_t episodes)
{
    const struct extents extents = record_extents(cell);
    const struct shape *const shape = sheet->shape;
    const int dims = count_dims(shape->dims);
    double *coordinates[INDEX_DIMENSIONS] = {NULL};
    int64_t rows = 1, position[INDEX_DIMENSIONS] = {0};
    for (int d = 0; d < dims; d++) {
        const int64_t extent = extents.of[shape->dims[d]];
        coordinates[d] = fault_alloc((size_t)extent + 1, sizeof(double));
        if (record_labels(shape->dims[d]) == NULL)
            record_coordinates(cell, shape->dims[d], coordinates[d]);
        rows *= extent;
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t rest = row;
        for (int d = dims - 1; d >= 0; d--) {
            position[d] = rest % extents.of[shape->dims[d]];
            rest /= extents.of[shape->dims[d]];
        }
        if (dims > 0 && is_time(shape->dims[0]) && coordinates[0][position[0]] > (double)episodes)
            break;
        print_index(sheet->output.file, run, shape, position, coordinates);
        print_fields(sheet, &extents, row);
    }
    for (int d = 0; d < dims; d++)
        free(coordinates[d]);
}

/* A row of `runs`, for every chosen run, also one that is not done: its state and its settings. The
 * seed stands behind the learning rates. What is part of the label has a column as well: a reader
 * of the table has no spec beside it. */
static void print_run(const struct sheet *sheet, const struct export *e, int64_t run,
                      const struct settings *cell)
{
    const struct run_row *const r = &e->table->run[run];
    const struct extents extents = record_extents(cell);
    FILE *const file = sheet->output.file;
    char text[SETTING_TEXT];
    export_study_name(e, run, text, sizeof text);
    fprintf(file, "%" PRId64 ",%s,%s", run, run_state_name(r->state), text);
    for (size_t a = 0; a < e->table->axes; a++) {
        const struct run_axis *const axis = &e->table->axis[a];
        run_table_axis_write(axis, run, text, sizeof text);
        if (run_table_is_rate(e->table, axis))
            text_write_shortest(axis->values[run], 15, text);
        fprintf(file, ",%s", text);
        if (axis == &e->table->rate[RUN_TABLE_CRITIC_LR])
            fprintf(file, ",%" PRId64, r->seed);
    }
    for (size_t d = 0; d < EXTENTS; d++)
        fprintf(file, ",%" PRId64, extents.of[shown_extents[d]]);
    fputc(',', file);
    print_real(file, r->wall_s);
    fprintf(file, ",%" PRId32, r->attempts);
    print_fields(sheet, &extents, 0);
}

/* ---- tables ---- */

/* The header. Index columns of time are all called `episode`: a log or a snapshot is named by its
 * episode. */
static void print_names(const struct sheet *sheet, const struct export *e)
{
    FILE *const file = sheet->output.file;
    fputs("run", file);
    if (sheet->shape == &shapes[EXPORT_RUNS]) {
        fputs(",state,study_name", file);
        for (size_t a = 0; a < e->table->axes; a++)
            fprintf(file, ",%s%s", e->table->axis[a].name,
                    &e->table->axis[a] == &e->table->rate[RUN_TABLE_CRITIC_LR] ? ",seed" : "");
        for (size_t d = 0; d < EXTENTS; d++)
            fprintf(file, ",extent_%s", record_dimension(shown_extents[d]));
        fputs(",wall_s,attempts", file);
    }
    for (int d = 0; d < count_dims(sheet->shape->dims); d++)
        fprintf(file, ",%s",
                is_time(sheet->shape->dims[d]) ? record_dimension(DIM_EPISODE)
                                               : record_dimension(sheet->shape->dims[d]));
    for (size_t i = 0; i < sheet->count; i++) {
        const struct column *const column = &sheet->columns[i];
        const char *const *const labels =
            column->labels == DIM_NONE ? NULL : record_labels(column->labels);
        if (labels == NULL)
            fprintf(file, ",%s", column->field->name);
        for (int64_t l = 0; labels != NULL && labels[l] != NULL; l++)
            fprintf(file, ",%s_%s", column->field->name, labels[l]);
    }
    fputc('\n', file);
}

/* Find the columns of a table, begin its file and write the header. `sheet` is zeroed. */
static enum status begin_sheet(struct sheet *sheet, const struct export *e, enum export_table table,
                               struct fault *fault)
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    sheet->shape = &shapes[table];
    for (size_t i = 0; i < count; i++) {
        struct column column = {.field = &fields[i]};
        if (store_has(e->store, column.field) &&
            belongs(column.field, sheet->shape, &column.labels)) {
            CHECK(sheet->count < FIELDS_MOST);
            sheet->columns[sheet->count++] = column;
        }
    }
    char *const name = disk_name("%s/%s.csv", e->folder, sheet->shape->name);
    const enum status status = atomic_file_begin(&sheet->output, name, fault);
    free(name);
    if (status == STATUS_OK)
        print_names(sheet, e);
    return status;
}

/* Read the fields of a table of one run. */
static enum status read_run(const struct sheet *sheet, const struct export *e, int64_t run,
                            const struct extents *extents, struct fault *fault)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sheet->count && status == STATUS_OK; i++) {
        const struct column *const column = &sheet->columns[i];
        if (record_count(column->field, extents) > 0)
            status = store_read(e->store, run, column->field, column->values, fault);
    }
    return status;
}

/* Cells can differ in their extents, so each run gets its own memory. */
static void give_memory(struct sheet *sheet, const struct extents *extents)
{
    for (size_t i = 0; i < sheet->count; i++) {
        const struct field *const field = sheet->columns[i].field;
        free(sheet->columns[i].values);
        sheet->columns[i].values =
            fault_alloc((size_t)record_count(field, extents) + 1, record_value_size(field));
    }
}

/* Without values print_fields writes empty fields, so this is also how a run without rows is
 * marked. */
static void take_memory(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->count; i++) {
        free(sheet->columns[i].values);
        sheet->columns[i].values = NULL;
    }
}

/* Add the rows of a run to a table. A run without rows is in `runs` only, with empty fields; a run
 * that failed is done, so that its outcome is read there as well. */
static enum status export_run(struct sheet *sheet, const struct export *e, int64_t run,
                              struct fault *fault)
{
    struct settings cell;
    enum status status = STATUS_OK;
    store_cell(e->store, run, &cell);
    const struct extents extents = record_extents(&cell);
    const bool runs = sheet->shape == &shapes[EXPORT_RUNS];
    if (!export_has_rows(e, run) && !(runs && e->table->run[run].state == RUN_STATE_DONE)) {
        take_memory(sheet);
        if (runs)
            print_run(sheet, e, run, &cell);
        return STATUS_OK;
    }
    give_memory(sheet, &extents);
    status = read_run(sheet, e, run, &extents, fault);
    if (status == STATUS_OK && runs)
        print_run(sheet, e, run, &cell);
    else if (status == STATUS_OK)
        print_rows(sheet, run, &cell, e->table->run[run].total);
    return status;
}

/* Table by table, not run by run: only one file is open at a time, and an error leaves whole tables
 * or none. The first error is the one that is reported: that of closing the file would hide its
 * cause. */
enum status export_tables(const struct export *e, const bool *wanted, struct fault *fault)
{
    enum status status = STATUS_OK;
    for (int t = 0; t < EXPORT_TABLES && status == STATUS_OK; t++) {
        struct sheet *const sheet = fault_alloc(1, sizeof *sheet);
        if (wanted[t])
            status = begin_sheet(sheet, e, (enum export_table)t, fault);
        for (int64_t run = 0; wanted[t] && run < e->table->runs && status == STATUS_OK; run++) {
            if (e->chosen[run])
                status = export_run(sheet, e, run, fault);
        }
        struct fault ending;
        const enum status ends = atomic_file_end(&sheet->output, status == STATUS_OK, &ending);
        if (status == STATUS_OK && ends != STATUS_OK) {
            status = ends;
            *fault = ending;
        }
        take_memory(sheet);
        free(sheet);
    }
    return status;
}
