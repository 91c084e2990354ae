// SPDX-License-Identifier: MIT
/**
 * The schema: every dataset of the file as one table, from which the file and its documentation
 * come.
 *
 * The rows of the training's record (record.h) with a leading dimension `run`, and the store's own:
 * dimension scales, the settings in which the runs differ, the commit records, and /volatile, which
 * has all that differs between two executions of the same run, and dimension scales of its own. It
 * does not use HDF5: store_create makes the datasets. All functions are local.
 */
#ifndef CCMSWEEP_SCHEMA_H
#define CCMSWEEP_SCHEMA_H

#include "spec/spec.h"
#include <ccmsweep/record.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Dimensions of the file: those of a record, and these. */
enum {
    SCHEMA_RUN = DIM_COUNT, /**< one per cell, in the order of the spec */
    SCHEMA_COMMIT_BYTE,     /**< bytes of a commit record */
    SCHEMA_IDENTITY_BYTE,   /**< bytes of an identity */
    SCHEMA_START_LOG,       /**< the last starts of the program on the file */
    SCHEMA_DIMENSIONS,
};

/** Types of the file, all little-endian. */
enum schema_type {
    SCHEMA_F64,
    SCHEMA_F32,
    SCHEMA_I64,
    SCHEMA_I32,
    SCHEMA_U8,
    SCHEMA_TEXT, /**< fixed length, UTF-8, padded with NUL */
};

/** What a dataset is for. */
enum schema_kind {
    SCHEMA_SCALE,    /**< coordinate of a dimension; dims[0] says which */
    SCHEMA_AXIS,     /**< a setting in which the runs differ */
    SCHEMA_EXTENT,   /**< how far a run's own rows go along a dimension */
    SCHEMA_FIELD,    /**< of the record */
    SCHEMA_IDENTITY, /**< identities of the cells */
    SCHEMA_COMMIT,   /**< commit records */
    SCHEMA_SPEC,     /**< text of the spec, as the user wrote it */
    SCHEMA_SETTINGS, /**< the same with every default filled in */
    SCHEMA_NOTE,     /**< in /volatile */
};

/** What /volatile has: about a run, then about a start of the program. */
enum schema_note {
    NOTE_START,
    NOTE_END,
    NOTE_WALL,
    NOTE_ATTEMPTS,
    NOTE_HOST,
    NOTE_RANK,
    NOTE_CPU,
    NOTE_CPU_LEVEL,
    NOTE_REVISION,
    NOTE_PROGRESS_EPISODE,
    NOTE_PROGRESS_MOVING,
    NOTE_PROGRESS_ATTEMPT,
    NOTE_PROGRESS_TIME,
    NOTE_FLIGHT,
    NOTE_CRASHES,
    NOTE_SUSPECT,
    NOTE_LOST,
    NOTE_LOG_NUMBER,
    NOTE_LOG_TIME,
    NOTE_LOG_END,
    NOTE_LOG_STATUS,
    NOTE_LOG_HOST,
    NOTE_LOG_PROCESS,
    NOTE_LOG_JOB,
    NOTE_LOG_RANKS,
    NOTE_LOG_DONE,
    NOTE_LOG_REVISION,
    NOTE_COUNT
};

/** Values of NOTE_FLIGHT. */
enum flight {
    FLIGHT_NONE,    /**< not begun, or ended in order */
    FLIGHT_OPEN,    /**< being trained, or lost with its process */
    FLIGHT_CRASHED, /**< its process was ended by a fault of its own, which left a mark */
};

/** Starts that the file remembers. */
enum { SCHEMA_STARTS = 256 };

/** One dataset. */
struct variable {
    enum schema_kind kind;
    char name[64];
    bool in_volatile; /**< in the group /volatile, else in the root */
    enum schema_type type;
    size_t size;      /**< bytes of one value */
    const char *unit; /**< "1" where there is none */
    int rank;
    int dims[4];         /**< enum dimension or SCHEMA_…, slowest first */
    double fill;         /**< of numbers: NaN, -1, 0. Texts are filled with NUL */
    double least, most;  /**< SCHEMA_NOTE, of numbers: what the program writes, besides `fill` */
    const char *meaning; /**< one line */
    int flags;           /**< the values are 0 … flags-1 and have names; 0: they have none */
    double *lists;       /**< (flags) of an axis whose values are lists or labels: their numbers */
    const struct field *field;  /**< SCHEMA_FIELD */
    const struct setting *axis; /**< SCHEMA_AXIS */
    int along;                  /**< SCHEMA_EXTENT: of which dimension */
    enum schema_note note;      /**< SCHEMA_NOTE */
};

/** The table, with the extents of the file. */
struct schema {
    int64_t extents[SCHEMA_DIMENSIONS]; /**< the largest of any cell */
    bool mixed[SCHEMA_DIMENSIONS];      /**< cells differ in what row i of the dimension is */
    struct settings largest[SCHEMA_DIMENSIONS]; /**< a cell with that extent */
    size_t count;
    struct variable *variables; /**< scales first */
};

/**
 * The schema of a spec's cells: fields, scales and own extents as they need them, and as axes
 * actor_lr, critic_lr, seed and every other setting in which two cells differ, after the label if
 * the cells have one.
 * \param spec NULL: the complete schema, for the documentation; its extents are those of one
 *             default cell, or 1
 * \return owned by the caller: schema_free. Never NULL
 */
struct schema *schema_new(const struct spec *spec) MUST_USE;

/** Free and clear; NULL and a pointer to NULL are fine. */
void schema_free(struct schema **schema);

/** The names of all values of a dataset with flags, separated by blanks. The caller frees them. */
char *schema_flags(const struct variable *variable) MUST_USE;

/** The place of a list or a label, by its number, among those of its axis: short lists first,
 *  labels in the order of the cells. */
int schema_place(const struct variable *axis, double number) MUST_USE;

/** Name of a dimension. */
const char *schema_dimension(int dim) MUST_USE;

/** Number of values of a dataset. */
int64_t schema_values(const struct schema *schema, const struct variable *variable) MUST_USE;

/** Write the name of value i of a dataset with flags, a word. Cut at `size`; returns the length as
 *  snprintf does. */
int schema_flag(const struct variable *variable, int i, char *text, size_t size);

/** Name of the dataset of an axis: that of the setting, without "training." and with '_' for '.'.
 *  Cut at `size`. */
void schema_axis_name(const struct setting *row, char *name, size_t size);

/** Find a setting by its name (settings_named), or by the name of its dataset in a file ("gamma",
 *  "environment_agents"). \return NULL when there is no such setting */
const struct setting *schema_axis_setting(const char *name) MUST_USE;

/** The dataset of a note. */
struct variable schema_note(enum schema_note note) MUST_USE;

/**
 * Bytes of the file that store_create makes for `spec`, within 5 % (within 1 % from some MB on).
 * The data are counted exactly, with the gaps before datasets that start on a page and what small
 * ones fill of them; what HDF5 adds to each dataset is a measured figure.
 * \param schema of the same spec
 */
int64_t schema_file_size(const struct schema *schema, const struct spec *spec) MUST_USE;

/** Write the complete schema as tables in Markdown. */
void schema_print(FILE *file);

#endif
