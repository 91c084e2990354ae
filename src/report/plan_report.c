// SPDX-License-Identifier: MIT
/*
 * The plan for people and as JSON. Both show the same numbers: for people in units that fit the
 * size of the number, in JSON always in seconds and bytes.
 */
#include "report/plan_report.h"
#include "base/text.h"
#include "report/json.h"
#include "spec/cost.h"
#include "store/schema.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* WORKERS_MOST: at least the usual numbers of choose_workers and one for the cores. */
enum { VALUES_SHOWN = 8, NAME_SIZE = 64, AMOUNT_SIZE = 32, WORKERS_MOST = 8 };

static const char *const state_names[] = {
    [STORE_PENDING] = "pending",
    [STORE_INTERRUPTED] = "interrupted",
    [STORE_DONE] = "finished",
};

/* Returns `text`, so that a value can be an argument of a printf. */
static const char *write_value(const struct plan_axis *axis, double value, char text[SETTING_TEXT])
{
    settings_write(axis->row, value, text, SETTING_TEXT);
    return text;
}

/* The key of the setting, without the section "training." that most axes have. */
static const char *axis_label(const struct plan_axis *axis)
{
    static const char section[] = "training.";
    const bool short_one = strncmp(axis->row->key, section, strlen(section)) == 0;
    return axis->row->key + (short_one ? strlen(section) : 0);
}

/* Choose numbers of workers to show, ascending: the one that the user gave, or some usual ones with
 * the number of cores of this machine among them. It has no second line when it is one of the usual
 * ones; when the system does not know it (sysconf returns -1), it is left out. Returns how many. */
static size_t choose_workers(const struct plan_options *options, int64_t workers[WORKERS_MOST])
{
    if (options->workers > 0) {
        workers[0] = options->workers;
        return 1;
    }
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int64_t wanted[] = {1, 2, 32, 128};
    size_t count = 0;
    bool placed = cores < 1;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!placed && cores <= wanted[i]) {
            placed = true;
            if (cores < wanted[i])
                workers[count++] = cores;
        }
        workers[count++] = wanted[i];
    }
    if (!placed)
        workers[count++] = cores;
    return count;
}

/* ---- for people ---- */

/* The bounds are where rounding would give the next unit: 59.96 s would be printed as 60.0 s. */
static const char *write_time(double seconds, char text[AMOUNT_SIZE])
{
    if (seconds < 59.95)
        snprintf(text, AMOUNT_SIZE, "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
    else if (seconds < 3597)
        snprintf(text, AMOUNT_SIZE, "%.1f min", seconds / 60);
    else if (seconds < 48 * 3600.0)
        snprintf(text, AMOUNT_SIZE, "%.1f h", seconds / 3600);
    else
        snprintf(text, AMOUNT_SIZE, "%.1f days", seconds / 86400);
    return text;
}

/* Three digits, in powers of 1000. As for times, the bounds are where rounding would give one digit
 * more: 999.5 kB is written as 1.00 MB, and 9.995 kB as 10.0 kB. */
static const char *write_bytes(double bytes, char text[AMOUNT_SIZE])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    double amount = bytes / 1000;
    for (; amount >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        amount /= 1000;
    snprintf(text, AMOUNT_SIZE, "%.*f %s",
             amount < 9.995   ? 2
             : amount < 99.95 ? 1
                              : 0,
             amount, units[unit]);
    return text;
}

/* The settings in which cells differ; what is equal in all of them is in the spec. */
static void print_cell(FILE *file, const struct plan *plan, int64_t cell)
{
    for (size_t a = 0; a < plan->axis_count; a++) {
        const struct plan_axis *axis = &plan->axes[a];
        char text[SETTING_TEXT];
        fprintf(file, "%s%s %s", a > 0 ? ", " : "", axis_label(axis),
                write_value(axis, axis->of_cell[cell], text));
    }
    fputc('\n', file);
}

/* All values of an axis, or the first two and the last when there are many (seeds). */
static void print_values(FILE *file, const struct plan_axis *axis)
{
    const bool whole = axis->count <= VALUES_SHOWN;
    char text[SETTING_TEXT];
    for (size_t i = 0; i < (whole ? axis->count : 2); i++)
        fprintf(file, "%s%s", i > 0 ? ", " : "", write_value(axis, axis->values[i], text));
    if (!whole)
        fprintf(file, ", …, %s (%zu values)",
                write_value(axis, axis->values[axis->count - 1], text), axis->count);
    fputc('\n', file);
}

static void print_label(FILE *file, const char *label, int width)
{
    fprintf(file, "  %-*s  ", width, label);
}

/* Every label with what it sets, one per line. */
static void print_labels(FILE *file, const struct plan *plan, int width)
{
    for (size_t i = 0; i < plan->labels; i++) {
        char name[SETTING_TEXT], sets[4096];
        write_value(&plan->axes[0], plan->axes[0].values[i], name);
        labels_describe(plan->parts, plan->part, plan->label_cell[i], sets, sizeof sets);
        print_label(file, i == 0 ? axis_label(&plan->axes[0]) : "", width);
        fprintf(file, "%s%s%s\n", name, sets[0] != '\0' ? ": " : "", sets);
    }
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* Where the expectation comes from is part of the line: a calibration of two seconds is much less
 * certain than finished cells. */
static void print_hours(FILE *file, const struct plan *plan)
{
    char time[AMOUNT_SIZE];
    fprintf(file, "%.3g", plan->left_s / 3600);
    if (plan->finished > 0)
        fprintf(file, " left of %.3g", plan->total_s / 3600);
    if (isnan(plan->calibration_s))
        fprintf(file, ", expected from %" PRId64 " finished cell%s", plan->learnt,
                plural(plan->learnt));
    else
        fprintf(file, ", expected from a calibration of %.1f s on this machine",
                plan->calibration_s);
    if (plan->longest_s > 0)
        fprintf(file, "; longest cell %s", write_time(plan->longest_s, time));
    fputc('\n', file);
}

/* Wall time by number of workers. It stops falling when the longest cell takes all of it, which is
 * what the lines below each other show: more workers would then be idle. */
static void print_workers(FILE *file, const struct plan *plan, const struct plan_options *options,
                          int label_width)
{
    int64_t workers[WORKERS_MOST];
    const size_t count = choose_workers(options, workers);
    char number[AMOUNT_SIZE], time[AMOUNT_SIZE];
    const int width = snprintf(number, sizeof number, "%" PRId64, workers[count - 1]);
    for (size_t i = 0; i < count; i++) {
        print_label(file, i == 0 ? "wall time" : "", label_width);
        fprintf(file, "%*" PRId64 " worker%s  %s\n", width, workers[i],
                workers[i] == 1 ? ": " : "s:", write_time(plan_wall(plan, workers[i]), time));
    }
}

/* Disk and memory. "about": the largest trainer could not be made on this machine, so its memory is
 * an estimate and its checkpoint has not been measured. */
static void print_room(FILE *file, const struct plan *plan, bool alone, int width)
{
    char text[AMOUNT_SIZE];
    print_label(file, "file", width);
    fprintf(file, "%s\n", write_bytes((double)plan->file_size, text));
    print_label(file, "a worker", width);
    fprintf(file, "%s%s of memory", isnan(plan->checkpoint) ? "about " : "",
            write_bytes(plan_memory(plan, alone), text));
    if (!isnan(plan->checkpoint))
        fprintf(file, ", %s of checkpoint", write_bytes(plan->checkpoint, text));
    fputc('\n', file);
}

/* Enough for the heading and for every value of the axis. */
static int column_width(const struct plan_axis *axis)
{
    size_t width = strlen(axis_label(axis));
    for (size_t i = 0; i < axis->count; i++) {
        char text[SETTING_TEXT];
        const size_t length = strlen(write_value(axis, axis->values[i], text));
        width = length > width ? length : width;
    }
    return (int)width;
}

/* Every cell, in the order of its number. Widths are measured over the different values of an axis,
 * not over all cells, of which there can be a million. Cells have a state only when there is a
 * file. */
static void print_list(FILE *file, const struct plan *plan)
{
    int *widths = fault_alloc(plan->axis_count, sizeof *widths);
    fprintf(file, "\n%6s", "cell");
    for (size_t a = 0; a < plan->axis_count; a++) {
        widths[a] = column_width(&plan->axes[a]);
        fprintf(file, "  %*s", widths[a], axis_label(&plan->axes[a]));
    }
    fprintf(file, "  expected_s%s\n", plan->states != NULL ? "  state" : "");
    for (int64_t i = 0; i < plan->cells; i++) {
        fprintf(file, "%6" PRId64, i);
        for (size_t a = 0; a < plan->axis_count; a++) {
            char text[SETTING_TEXT];
            fprintf(file, "  %*s", widths[a],
                    write_value(&plan->axes[a], plan->axes[a].of_cell[i], text));
        }
        fprintf(file, "  %10.2f", cost_expect(plan->cost, i));
        fprintf(file, "%s%s\n", plan->states != NULL ? "  " : "",
                plan->states != NULL ? state_names[plan->states[i]] : "");
    }
    free(widths);
}

/* What becomes of the runs of the file when it is extended to the spec; damaged ones are trained
 * anew. */
static void print_extension(FILE *file, const struct plan *plan)
{
    const int64_t *const n = plan->growths;
    fprintf(file, "%" PRId64 " copied", n[GROWTH_COPIED]);
    if (n[GROWTH_CONTINUED] > 0)
        fprintf(file, ", %" PRId64 " continued behind their old limit", n[GROWTH_CONTINUED]);
    if (n[GROWTH_ANEW] + n[GROWTH_DAMAGED] > 0)
        fprintf(file, ", %" PRId64 " trained anew", n[GROWTH_ANEW] + n[GROWTH_DAMAGED]);
    if (n[GROWTH_OPEN] > 0)
        fprintf(file, ", %" PRId64 " not finished", n[GROWTH_OPEN]);
    fprintf(file, ", %" PRId64 " new\n", plan->added);
}

/* With a larger limit not all runs that are finished in the file stay so. */
static void print_finished(FILE *file, const struct plan *plan, const char *path)
{
    const int64_t going_on = plan->growths[GROWTH_CONTINUED] + plan->growths[GROWTH_ANEW];
    fprintf(file, "%" PRId64 " in %s", plan->finished + going_on, path);
    if (going_on > 0)
        fprintf(file, ", %" PRId64 " of them with the larger limit too", plan->finished);
    fprintf(file, ", %" PRId64 " left", plan->cells - plan->finished);
    if (plan->interrupted > 0)
        fprintf(file, ", %" PRId64 " of them interrupted", plan->interrupted);
    fputc('\n', file);
}

void plan_print(FILE *file, const struct plan *plan, const struct plan_options *options)
{
    /* All labels have the width of the longest one, so that the values form a column. */
    int width = (int)strlen("core-hours");
    for (size_t a = 0; a < plan->axis_count; a++) {
        const int length = (int)strlen(axis_label(&plan->axes[a]));
        width = length > width ? length : width;
    }
    fprintf(file, "%s: %" PRId64 " cell%s\n", options->spec, plan->cells, plural(plan->cells));
    print_label(file, "first cell", width);
    print_cell(file, plan, 0);
    if (plan->cells > 1) {
        print_label(file, "last cell", width);
        print_cell(file, plan, plan->cells - 1);
    }
    print_labels(file, plan, width);
    for (size_t a = plan->labels > 0; a < plan->axis_count; a++) {
        print_label(file, axis_label(&plan->axes[a]), width);
        print_values(file, &plan->axes[a]);
    }
    if (plan->states != NULL) {
        print_label(file, "finished", width);
        print_finished(file, plan, options->path);
    }
    if (plan->left != NULL) {
        print_label(file, "extension", width);
        print_extension(file, plan);
    }
    print_label(file, "core-hours", width);
    print_hours(file, plan);
    /* With nothing left to do, the wall time would be 0 for any number of workers. */
    if (plan->left_s > 0)
        print_workers(file, plan, options, width);
    print_room(file, plan, options->alone, width);
    if (options->list)
        print_list(file, plan);
}

/* ---- JSON ---- */

/* A name that is not UTF-8 is null here, and not written with "?" as json_text does. */
static json_t *text_or_null(const char *text)
{
    json_t *const string = json_string(text);
    return string != NULL ? string : json_null();
}

/* Axes have the names of their datasets in the file, as in all JSON of this program. */
static void pack_cell(json_t *object, const struct plan *plan, int64_t cell)
{
    for (size_t a = 0; a < plan->axis_count; a++) {
        char name[NAME_SIZE];
        schema_axis_name(plan->axes[a].row, name, sizeof name);
        json_object_set_new(object, name,
                            json_setting(plan->axes[a].row, plan->axes[a].of_cell[cell]));
    }
}

/* A cell with its number, which is also the number of its run in the file. */
static json_t *pack_numbered(const struct plan *plan, int64_t cell)
{
    json_t *const object = json_pack("{s:I}", "cell", (json_int_t)cell);
    pack_cell(object, plan, cell);
    return object;
}

/* `name` is the dataset of the file, `setting` the key of the spec: a reader may need either. */
static json_t *pack_axes(const struct plan *plan)
{
    json_t *const axes = json_array();
    for (size_t a = 0; a < plan->axis_count; a++) {
        const struct plan_axis *axis = &plan->axes[a];
        json_t *const values = json_array();
        char name[NAME_SIZE];
        schema_axis_name(axis->row, name, sizeof name);
        for (size_t i = 0; i < axis->count; i++)
            json_array_append_new(values, json_setting(axis->row, axis->values[i]));
        json_array_append_new(axes, json_pack("{s:s, s:s, s:I, s:o}", "name", name, "setting",
                                              axis->row->key, "count", (json_int_t)axis->count,
                                              "values", values));
    }
    return axes;
}

/* Each label with all settings that are part of it; null without labels. */
static json_t *pack_labels(const struct plan *plan)
{
    json_t *const list = plan->labels > 0 ? json_array() : json_null();
    for (size_t i = 0; i < plan->labels; i++) {
        json_t *const sets = json_object();
        for (size_t p = 0; p < plan->parts; p++) {
            char name[NAME_SIZE];
            schema_axis_name(plan->part[p].row, name, sizeof name);
            json_object_set_new(
                sets, name,
                json_setting(plan->part[p].row, plan->part[p].of_run[plan->label_cell[i]]));
        }
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "label",
                            json_setting(settings_label(), plan->axes[0].values[i]), "sets", sets));
    }
    return list;
}

/* null when the plan was made from a spec alone: counts of 0 would say that there is a file without
 * finished runs. */
static json_t *pack_file(const struct plan *plan, const struct plan_options *options)
{
    if (plan->states == NULL)
        return json_null();
    return json_pack("{s:o, s:I, s:I, s:I}", "path", text_or_null(options->path), "finished",
                     (json_int_t)plan->finished, "interrupted", (json_int_t)plan->interrupted,
                     "left", (json_int_t)(plan->cells - plan->finished));
}

/* null unless the file is to be extended. */
static json_t *pack_extension(const struct plan *plan)
{
    const int64_t *const n = plan->growths;
    if (plan->left == NULL)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "copied", (json_int_t)n[GROWTH_COPIED],
                     "continued", (json_int_t)n[GROWTH_CONTINUED], "anew",
                     (json_int_t)(n[GROWTH_ANEW] + n[GROWTH_DAMAGED]), "open",
                     (json_int_t)n[GROWTH_OPEN], "added", (json_int_t)plan->added);
}

/* The time that the cells are expected to take, and what the expectation was learnt from. */
static json_t *pack_expected(const struct plan *plan)
{
    const bool calibrated = !isnan(plan->calibration_s);
    return json_pack(
        "{s:s, s:I, s:o, s:f, s:f, s:f, s:f, s:f}", "from", calibrated ? "calibration" : "finished",
        "finished_cells", (json_int_t)plan->learnt, "calibration_s",
        json_real_or_null(plan->calibration_s), "total_core_hours", plan->total_s / 3600,
        "left_core_hours", plan->left_s / 3600, "left_s", plan->left_s, "longest_cell_s",
        plan->longest_s, "spread", cost_spread(plan->cost));
}

/* The same numbers of workers as in the report for people, which depend on this machine. */
static json_t *pack_wall(const struct plan *plan, const struct plan_options *options)
{
    int64_t workers[WORKERS_MOST];
    const size_t count = choose_workers(options, workers);
    json_t *const wall = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(wall, json_pack("{s:I, s:f}", "workers", (json_int_t)workers[i],
                                              "wall_s", plan_wall(plan, workers[i])));
    return wall;
}

/* An item of `list`, made when it is written (json.h). */
static json_t *pack_listed(const void *of, int64_t cell)
{
    const struct plan *const plan = of;
    json_t *const object = pack_numbered(plan, cell);
    json_object_set_new(object, "expected_s", json_real(cost_expect(plan->cost, cell)));
    if (plan->states != NULL)
        json_object_set_new(object, "state", json_string(state_names[plan->states[cell]]));
    return object;
}

/* The list of cells is streamed, as it can be long; all other members are built as one object and
 * come first, so that the beginning of a long output is its summary. */
bool plan_print_json(FILE *file, const struct plan *plan, const struct plan_options *options)
{
    json_t *const object = json_pack(
        "{s:i, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:f, s:o}", "schema_version",
        PLAN_SCHEMA_VERSION, "spec", text_or_null(options->spec), "cells", (json_int_t)plan->cells,
        "first", pack_numbered(plan, 0), "last", pack_numbered(plan, plan->cells - 1), "axes",
        pack_axes(plan), "labels", pack_labels(plan), "file", pack_file(plan, options), "extension",
        pack_extension(plan), "expected", pack_expected(plan), "wall", pack_wall(plan, options),
        "file_bytes", (json_int_t)plan->file_size, "memory_bytes",
        plan_memory(plan, options->alone), "checkpoint_bytes", json_real_or_null(plan->checkpoint));
    struct json_stream stream = json_stream_begin(file, 2);
    json_stream_set_all(&stream, object);
    if (options->list)
        json_stream_list(&stream, "list", plan->cells, pack_listed, plan);
    return json_stream_end(&stream);
}
