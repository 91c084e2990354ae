// SPDX-License-Identifier: MIT
/*
 * What /volatile holds on runs and on starts of the program: times, hosts, progress, and what is
 * held against a run that was lost.
 *
 * It is outside of the commit protocol: written without fsync, by whichever rank trains the run,
 * and read by `status` during that. A reader can meet a set of notes that is half old and
 * half new; nothing in them decides what a result is. Each note is one value at a fixed place,
 * so a kill leaves the old one or the new one. What a reader finds there may come from anywhere:
 * numbers that the program never writes read as not written, and texts are made fit to print.
 */
#include "base/text.h"
#include "store/dataset_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* False for NaN too, which then becomes the fill value. */
static bool is_noted(double value, const struct variable *note)
{
    return value >= note->least && value <= note->most;
}

/* A text may fill its room without a NUL, and what is behind a NUL was never written. */
static void mend_text(char *text, size_t size)
{
    char plain[65] = "";
    /* Control characters of a text that is shown on a terminal could move the cursor or change the
     * title. They become question marks. */
    CHECK(size < sizeof plain);
    memcpy(plain, text, size);
    memset(text, 0, size);
    memcpy(text, plain, strlen(text_make_plain(plain)));
}

/* Replaces numbers that the program never writes by the fill value, and makes texts fit to
 * print. */
static void mend(const struct variable *note, void *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        char *const at = (char *)values + (size_t)i * note->size;
        double *const real = (double *)(void *)at;
        int64_t *const wide = (int64_t *)(void *)at;
        int32_t *const whole = (int32_t *)(void *)at;
        if (note->type == SCHEMA_F64)
            *real = is_noted(*real, note) ? *real : note->fill;
        else if (note->type == SCHEMA_I64)
            *wide = is_noted((double)*wide, note) ? *wide : (int64_t)note->fill;
        else if (note->type == SCHEMA_I32)
            *whole = is_noted(*whole, note) ? *whole : (int32_t)note->fill;
        else if (*at != '\0')
            mend_text(at, note->size);
    }
}

/* A variable of /volatile, and its value in memory: a text ends in NUL, and one that is read has
 * room for what the file holds and a NUL. */
struct note {
    enum schema_note note;
    void *value;
};

/* The same for writing. A text is cut to its room in the file, whose last byte stays NUL. */
struct given_note {
    enum schema_note note;
    const void *value;
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a row of the variable is of. */
static const char *row_of(const struct variable *note)
{
    return note->dims[0] == SCHEMA_RUN ? "run" : "start";
}

/* Reads some notes of one row, one read each: they are different datasets. */
static enum status read_notes(const struct store *store, int64_t row, const struct note *notes,
                              size_t count, struct fault *fault)
{
    const struct slab slab = slab_values(row, 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct variable variable = schema_note(notes[i].note);
        status = dataset_read(store, store->notes[notes[i].note], &slab, notes[i].value, fault,
                              "cannot read /volatile/%s of %s %" PRId64 " from %s", variable.name,
                              row_of(&variable), row, store->path);
        if (status == STATUS_OK)
            mend(&variable, notes[i].value, 1);
    }
    return status;
}

static enum status write_notes(const struct store *store, int64_t row,
                               const struct given_note *notes, size_t count, struct fault *fault)
{
    const struct slab slab = slab_values(row, 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct variable variable = schema_note(notes[i].note);
        char text[64] = "";
        const void *value = notes[i].value;
        CHECK(variable.size <= sizeof text);
        if (variable.type == SCHEMA_TEXT) {
            const size_t length = strnlen(value, variable.size);
            memcpy(text, value, length < variable.size ? length : variable.size - 1);
            value = text;
        }
        status = dataset_write(store, store->notes[notes[i].note], &slab, value, fault,
                               "cannot write /volatile/%s of %s %" PRId64 " to %s", variable.name,
                               row_of(&variable), row, store->path);
    }
    return status;
}

enum status store_note_start(struct store *store, int64_t run, const struct store_host *host,
                             double now, struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    /* The number of the attempt is raised before the work begins, and the run is marked as in
     * flight: a process that is killed at once counts as an attempt, so that a cell that always
     * kills its process is found. */
    int32_t attempts = 0;
    const struct note before = {NOTE_ATTEMPTS, &attempts};
    enum status status = read_notes(store, run, &before, 1, fault);
    if (status == STATUS_OK && attempts == 0)
        status = write_notes(store, run, &(struct given_note){NOTE_START, &now}, 1, fault);
    attempts++;
    const int32_t flight = FLIGHT_OPEN, rank = host->rank;
    const struct given_note notes[] = {
        {NOTE_FLIGHT, &flight},
        {NOTE_ATTEMPTS, &attempts},
        {NOTE_RANK, &rank},
        {NOTE_HOST, host->host},
        {NOTE_CPU, host->cpu},
        {NOTE_CPU_LEVEL, host->cpu_level},
        {NOTE_REVISION, host->revision},
    };
    if (status == STATUS_OK)
        status = write_notes(store, run, notes, COUNT(notes), fault);
    if (status == STATUS_OK && store_state(store, run) == STORE_INTERRUPTED) {
        status = store_write_outcome(store, run, OUTCOME_PENDING, fault);
        store->states[run] = STORE_PENDING;
    }
    return status;
}

enum status store_note_progress(struct store *store, int64_t run, int64_t episode,
                                int64_t actors_moving, double now, struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    /* Progress names its attempt, so that a reader can tell the progress of this attempt from that
     * of a killed one. It may go backwards then: an attempt resumes from a checkpoint. */
    const int32_t reached = (int32_t)episode, moving = (int32_t)actors_moving;
    int32_t attempt = 0;
    const struct note before = {NOTE_ATTEMPTS, &attempt};
    const enum status status = read_notes(store, run, &before, 1, fault);
    const struct given_note notes[] = {
        {NOTE_PROGRESS_EPISODE, &reached},
        {NOTE_PROGRESS_MOVING, &moving},
        {NOTE_PROGRESS_ATTEMPT, &attempt},
        {NOTE_PROGRESS_TIME, &now},
    };
    return status == STATUS_OK ? write_notes(store, run, notes, COUNT(notes), fault) : status;
}

enum status store_note_end(struct store *store, int64_t run, double wall_s, double now,
                           struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    double sum = NAN;
    const enum status status = read_notes(store, run, &(struct note){NOTE_WALL, &sum}, 1, fault);
    /* All attempts together: what the run has cost, not what its last attempt took. */
    sum = isnan(sum) ? wall_s : sum + wall_s;
    const struct given_note notes[] = {{NOTE_WALL, &sum}, {NOTE_END, &now}};
    return status == STATUS_OK ? write_notes(store, run, notes, COUNT(notes), fault) : status;
}

/* A variable of /volatile, and where a struct has it. */
struct member {
    enum schema_note note;
    size_t offset;
};

/* Of store_notes, and of store_note_copy, which writes to another file what was read here. */
static const struct member run_notes[] = {
    {NOTE_START, offsetof(struct store_notes, start)},
    {NOTE_END, offsetof(struct store_notes, end)},
    {NOTE_WALL, offsetof(struct store_notes, wall_s)},
    {NOTE_ATTEMPTS, offsetof(struct store_notes, attempts)},
    {NOTE_RANK, offsetof(struct store_notes, rank)},
    {NOTE_HOST, offsetof(struct store_notes, host)},
    {NOTE_CPU, offsetof(struct store_notes, cpu)},
    {NOTE_CPU_LEVEL, offsetof(struct store_notes, cpu_level)},
    {NOTE_REVISION, offsetof(struct store_notes, revision)},
    {NOTE_PROGRESS_EPISODE, offsetof(struct store_notes, progress_episode)},
    {NOTE_PROGRESS_MOVING, offsetof(struct store_notes, progress_moving)},
    {NOTE_PROGRESS_TIME, offsetof(struct store_notes, progress_time)},
};

/* Of store_failures and store_note_failures. */
static const struct member run_failures[] = {
    {NOTE_FLIGHT, offsetof(struct store_failures, flight)},
    {NOTE_CRASHES, offsetof(struct store_failures, crashes)},
    {NOTE_SUSPECT, offsetof(struct store_failures, suspect)},
    {NOTE_LOST, offsetof(struct store_failures, lost)},
};

static enum status read_members(const struct store *store, int64_t run,
                                const struct member *members, size_t count, void *all,
                                struct fault *fault)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct note note = {members[i].note, (char *)all + members[i].offset};
        status = read_notes(store, run, &note, 1, fault);
    }
    return status;
}

static enum status write_members(const struct store *store, int64_t run,
                                 const struct member *members, size_t count, const void *all,
                                 struct fault *fault)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct given_note note = {members[i].note, (const char *)all + members[i].offset};
        status = write_notes(store, run, &note, 1, fault);
    }
    return status;
}

enum status store_notes(const struct store *store, int64_t run, struct store_notes *notes,
                        struct fault *fault)
{
    CHECK(run >= 0 && run < store->runs);
    *notes = (struct store_notes){0};
    return read_members(store, run, run_notes, COUNT(run_notes), notes, fault);
}

enum status store_note_copy(struct store *store, int64_t run, const struct store_notes *notes,
                            struct fault *fault)
{
    return write_members(store, run, run_notes, COUNT(run_notes), notes, fault);
}

enum status store_failures(const struct store *store, int64_t run, struct store_failures *failures,
                           struct fault *fault)
{
    return read_members(store, run, run_failures, COUNT(run_failures), failures, fault);
}

enum status store_note_failures(struct store *store, int64_t run,
                                const struct store_failures *failures, struct fault *fault)
{
    return write_members(store, run, run_failures, COUNT(run_failures), failures, fault);
}

/* One note of all runs, or of all rows of the log. Of a run that nothing is taken of, what is here
 * stays. */
static enum status take_column(struct store *store, const struct store *other, const int64_t *to,
                               enum schema_note note, struct fault *fault)
{
    const struct variable variable = schema_note(note);
    const bool of_runs = variable.dims[0] == SCHEMA_RUN;
    const int64_t count = of_runs ? store->runs : SCHEMA_STARTS;
    const int64_t there = of_runs ? other->runs : SCHEMA_STARTS;
    const struct slab slab = slab_values(0, count);
    char *const values = fault_alloc((size_t)count, variable.size);
    char *const taken = fault_alloc((size_t)there, variable.size);
    enum status status = store_note_column(store, note, values, fault);
    if (status == STATUS_OK)
        status = store_note_column(other, note, taken, fault);
    for (int64_t i = 0; i < there; i++) {
        const int64_t at = of_runs ? to[i] : i;
        if (at >= 0)
            memcpy(values + (size_t)at * variable.size, taken + (size_t)i * variable.size,
                   variable.size);
    }
    if (status == STATUS_OK)
        status = dataset_write(store, store->notes[note], &slab, values, fault,
                               "cannot write /volatile/%s to %s", variable.name, store->path);
    free(taken);
    free(values);
    return status;
}

enum status store_take_notes(struct store *store, const struct store *other, const int64_t *to,
                             struct fault *fault)
{
    enum status status = STATUS_OK;
    for (int note = 0; note < NOTE_COUNT && status == STATUS_OK; note++)
        status = take_column(store, other, to, (enum schema_note)note, fault);
    return status;
}

/* Where a note of a run is in the file. It never moves, so a signal handler, which may not call
 * HDF5, can write it with pwrite. */
static int64_t place_of(const struct store *store, int64_t run, enum schema_note note)
{
    const haddr_t start = H5Dget_offset(store->notes[note]);
    CHECK(start != HADDR_UNDEF);
    return (int64_t)start + run * (int64_t)sizeof(int32_t);
}

struct store_place store_place(const struct store *store, int64_t run)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    return (struct store_place){.fd = store->fd,
                                .flight_at = place_of(store, run, NOTE_FLIGHT),
                                .crashes_at = place_of(store, run, NOTE_CRASHES)};
}

enum status store_note_column(const struct store *store, enum schema_note note, void *values,
                              struct fault *fault)
{
    const struct variable variable = schema_note(note);
    const int64_t count = variable.dims[0] == SCHEMA_RUN ? store->runs : SCHEMA_STARTS;
    const struct slab slab = slab_values(0, count);
    const enum status status =
        dataset_read(store, store->notes[note], &slab, values, fault,
                     "cannot read /volatile/%s from %s", variable.name, store->path);
    if (status == STATUS_OK)
        mend(&variable, values, count);
    return status;
}

/* Place of the first value from `i` on that mend has changed, `count` when there is none. */
static int64_t find_mended(const struct variable *note, const char *raw, const char *mended,
                           int64_t i, int64_t count)
{
    for (; i < count; i++) {
        const size_t at = (size_t)i * note->size;
        const bool is_nan =
            note->type == SCHEMA_F64 && isnan(*(const double *)(const void *)(raw + at));
        if (memcmp(raw + at, mended + at, note->size) != 0 && !is_nan)
            break;
    }
    return i;
}

/* The log is a ring, in which no number is left out, and no start found more runs done than there
 * are. */
static enum status find_log(const struct store *store, struct defects *defects, struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS], last = 0;
    int32_t done[SCHEMA_STARTS];
    enum status status = store_note_column(store, NOTE_LOG_NUMBER, numbers, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_LOG_DONE, done, fault);
    for (int i = 0; i < SCHEMA_STARTS && status == STATUS_OK; i++)
        last = numbers[i] > last ? numbers[i] : last;
    int wrong = 0, first = 0;
    for (int i = 0; i < SCHEMA_STARTS && status == STATUS_OK; i++) {
        /* The largest number up to the last one whose row this is. */
        const int64_t expected =
            last - ((last - 1 - i) % SCHEMA_STARTS + SCHEMA_STARTS) % SCHEMA_STARTS;
        if (numbers[i] != (expected > 0 ? expected : 0) && wrong++ == 0)
            first = i;
        if (numbers[i] > 0 && done[i] > store->runs)
            defects_say(defects, -1, "volatile/start_log_done",
                        "%s was changed by another program: start %" PRId64 " found %d of %" PRId64
                        " runs done",
                        store->path, numbers[i], done[i], store->runs);
    }
    if (wrong > 0)
        defects_say(defects, -1, "volatile/start_log_number",
                    "%s was changed by another program: the numbers of starts in the log do not "
                    "follow each other, in %d of its rows, first in row %d",
                    store->path, wrong, first);
    return status;
}

static enum status find_notes(const struct store *store, struct defects *defects,
                              struct fault *fault)
{
    enum status status = STATUS_OK;
    for (int n = 0; n < NOTE_COUNT && status == STATUS_OK; n++) {
        const struct variable note = schema_note((enum schema_note)n);
        const bool of_runs = note.dims[0] == SCHEMA_RUN;
        const int64_t count = of_runs ? store->runs : SCHEMA_STARTS;
        const struct slab slab = slab_values(0, count);
        char *const raw = fault_alloc((size_t)count, note.size);
        char *const mended = fault_alloc((size_t)count, note.size);
        status = dataset_read(store, store->notes[n], &slab, raw, fault,
                              "cannot read /volatile/%s from %s", note.name, store->path);
        memcpy(mended, raw, (size_t)count * note.size);
        mend(&note, mended, count);
        for (int64_t i = 0; status == STATUS_OK && i < count; i++) {
            struct fault sentence;
            char name[sizeof note.name + 16];
            i = find_mended(&note, raw, mended, i, count);
            if (i == count)
                break;
            snprintf(name, sizeof name, "volatile/%s", note.name);
            fault_set(&sentence, STATUS_INPUT,
                      "%s was changed by another program: /%s of %s %" PRId64
                      " is nothing that this program writes",
                      store->path, name, row_of(&note), i);
            defects_add(defects, of_runs ? i : -1, name, -1, sentence.text);
        }
        free(mended);
        free(raw);
    }
    return status;
}

enum status store_find_notes(const struct store *store, struct defects *defects,
                             struct fault *fault)
{
    const enum status status = find_notes(store, defects, fault);
    return status == STATUS_OK ? find_log(store, defects, fault) : status;
}

/* The log is a ring. Its last row is the one with the highest number, wherever it is; numbers begin
 * at 1, and 0 is a row that was never used. An extension has 0 ranks. */
static enum status find_last(const struct store *store, bool extensions, int64_t *row,
                             int64_t *number, int *code, struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS];
    int32_t codes[SCHEMA_STARTS], ranks[SCHEMA_STARTS];
    *row = -1;
    *number = 0;
    *code = -1;
    enum status status = store_note_column(store, NOTE_LOG_NUMBER, numbers, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_LOG_STATUS, codes, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_LOG_RANKS, ranks, fault);
    for (int i = 0; i < SCHEMA_STARTS && status == STATUS_OK; i++) {
        if (numbers[i] > *number && (extensions || ranks[i] != 0)) {
            *row = i;
            *number = numbers[i];
            *code = codes[i];
        }
    }
    return status;
}

enum status store_log_last(const struct store *store, int64_t *row, int *code, struct fault *fault)
{
    int64_t number = 0;
    return find_last(store, false, row, &number, code, fault);
}

enum status store_log_start(struct store *store, const struct store_start *start, double now,
                            int64_t *row, struct fault *fault)
{
    /* The end of a start that has not ended. It overwrites that of the start whose row this was. */
    const double never = NAN;
    const int32_t open = -1;
    int64_t number = 0;
    int code = 0;
    const enum status status = find_last(store, true, row, &number, &code, fault);
    if (status != STATUS_OK)
        return status;
    /* The log is a ring: the oldest start gives its row to the newest. The number comes last: after
     * a kill before it, the row is not taken for a new start that ended as the oldest did. */
    *row = number % SCHEMA_STARTS;
    number++;
    const struct given_note notes[] = {
        {NOTE_LOG_TIME, &now},
        {NOTE_LOG_END, &never},
        {NOTE_LOG_STATUS, &open},
        {NOTE_LOG_HOST, start->host},
        {NOTE_LOG_PROCESS, &start->process},
        {NOTE_LOG_JOB, start->job},
        {NOTE_LOG_RANKS, &start->ranks},
        {NOTE_LOG_DONE, &start->done},
        {NOTE_LOG_REVISION, start->revision},
        {NOTE_LOG_NUMBER, &number},
    };
    return write_notes(store, *row, notes, COUNT(notes), fault);
}

enum status store_log_end(struct store *store, int64_t row, int status, double now,
                          struct fault *fault)
{
    const int32_t code = status;
    const struct given_note notes[] = {{NOTE_LOG_END, &now}, {NOTE_LOG_STATUS, &code}};
    return write_notes(store, row, notes, COUNT(notes), fault);
}
