// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "store/store_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_noted(double value, const struct variable *note)
{
    return value >= note->least && value <= note->most;
}

/* It need not end in NUL, and what is behind one was never written. */
static void mend_text(char *text, size_t size)
{
    char plain[65] = "";
    CHECK(size < sizeof plain);
    memcpy(plain, text, size);
    memset(text, 0, size);
    memcpy(text, plain, strlen(text_make_plain(plain)));
}

/* What the program never writes is as if it had not been written; texts are made fit to print. */
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

/* One value of /volatile, read or written. Failures are told once, by the caller. */
static bool read_note(const struct store *store, int64_t run, enum schema_note note, void *value)
{
    const struct slab slab = slab_values(run, 1);
    const struct variable variable = schema_note(note);
    const bool read = slab_read(store, store->notes[note], &slab, value);
    if (read)
        mend(&variable, value, 1);
    return read;
}

static bool write_note(const struct store *store, int64_t run, enum schema_note note,
                       const void *value)
{
    const struct slab slab = slab_values(run, 1);
    return slab_write(store, store->notes[note], &slab, value);
}

static bool write_text(const struct store *store, int64_t run, enum schema_note note,
                       const char *text)
{
    char value[64] = "";
    const size_t size = schema_note(note).size;
    CHECK(size <= sizeof value);
    const size_t length = strlen(text);
    memcpy(value, text, length < size ? length : size - 1);
    return write_note(store, run, note, value);
}

static enum status noted(const struct store *store, int64_t run, bool done,
                         const struct h5_words *words, struct fault *fault)
{
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, words,
                           "cannot write /volatile for run %" PRId64 " of %s", run, store->path);
}

enum status store_note_start(struct store *store, int64_t run, const struct store_host *host,
                             double now, struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    int32_t attempts = 0;
    struct h5_words words;
    h5_listen(&words);
    bool done = read_note(store, run, NOTE_ATTEMPTS, &attempts);
    if (done && attempts == 0)
        done = write_note(store, run, NOTE_START, &now);
    attempts++;
    const int32_t flight = FLIGHT_OPEN, rank = host->rank;
    done = done && write_note(store, run, NOTE_FLIGHT, &flight) &&
           write_note(store, run, NOTE_ATTEMPTS, &attempts) &&
           write_note(store, run, NOTE_RANK, &rank) &&
           write_text(store, run, NOTE_HOST, host->host) &&
           write_text(store, run, NOTE_CPU, host->cpu) &&
           write_text(store, run, NOTE_CPU_LEVEL, host->cpu_level) &&
           write_text(store, run, NOTE_REVISION, host->revision);
    enum status status = noted(store, run, done, &words, fault);
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
    const int32_t reached = (int32_t)episode, moving = (int32_t)actors_moving;
    int32_t attempt = 0;
    struct h5_words words;
    h5_listen(&words);
    const bool done = read_note(store, run, NOTE_ATTEMPTS, &attempt) &&
                      write_note(store, run, NOTE_PROGRESS_EPISODE, &reached) &&
                      write_note(store, run, NOTE_PROGRESS_MOVING, &moving) &&
                      write_note(store, run, NOTE_PROGRESS_ATTEMPT, &attempt) &&
                      write_note(store, run, NOTE_PROGRESS_TIME, &now);
    return noted(store, run, done, &words, fault);
}

enum status store_note_end(struct store *store, int64_t run, double wall_s, double now,
                           struct fault *fault)
{
    CHECK(store_is_writable(store) && run >= 0 && run < store->runs);
    double sum = NAN;
    struct h5_words words;
    h5_listen(&words);
    bool done = read_note(store, run, NOTE_WALL, &sum);
    sum = isnan(sum) ? wall_s : sum + wall_s;
    done =
        done && write_note(store, run, NOTE_WALL, &sum) && write_note(store, run, NOTE_END, &now);
    return noted(store, run, done, &words, fault);
}

enum status store_notes(const struct store *store, int64_t run, struct store_notes *notes,
                        struct fault *fault)
{
    CHECK(run >= 0 && run < store->runs);
    *notes = (struct store_notes){0};
    struct h5_words words;
    h5_listen(&words);
    const bool done = read_note(store, run, NOTE_START, &notes->start) &&
                      read_note(store, run, NOTE_END, &notes->end) &&
                      read_note(store, run, NOTE_WALL, &notes->wall_s) &&
                      read_note(store, run, NOTE_ATTEMPTS, &notes->attempts) &&
                      read_note(store, run, NOTE_RANK, &notes->rank) &&
                      read_note(store, run, NOTE_HOST, notes->host) &&
                      read_note(store, run, NOTE_CPU, notes->cpu) &&
                      read_note(store, run, NOTE_CPU_LEVEL, notes->cpu_level) &&
                      read_note(store, run, NOTE_REVISION, notes->revision) &&
                      read_note(store, run, NOTE_PROGRESS_EPISODE, &notes->progress_episode) &&
                      read_note(store, run, NOTE_PROGRESS_MOVING, &notes->progress_moving) &&
                      read_note(store, run, NOTE_PROGRESS_TIME, &notes->progress_time);
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, h5_status(&words), &words,
                           "cannot read /volatile for run %" PRId64 " of %s", run, store->path);
}

enum status store_note_copy(struct store *store, int64_t run, const struct store_notes *notes,
                            struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const bool done = write_note(store, run, NOTE_START, &notes->start) &&
                      write_note(store, run, NOTE_END, &notes->end) &&
                      write_note(store, run, NOTE_WALL, &notes->wall_s) &&
                      write_note(store, run, NOTE_ATTEMPTS, &notes->attempts) &&
                      write_note(store, run, NOTE_RANK, &notes->rank) &&
                      write_text(store, run, NOTE_HOST, notes->host) &&
                      write_text(store, run, NOTE_CPU, notes->cpu) &&
                      write_text(store, run, NOTE_CPU_LEVEL, notes->cpu_level) &&
                      write_text(store, run, NOTE_REVISION, notes->revision) &&
                      write_note(store, run, NOTE_PROGRESS_EPISODE, &notes->progress_episode) &&
                      write_note(store, run, NOTE_PROGRESS_MOVING, &notes->progress_moving) &&
                      write_note(store, run, NOTE_PROGRESS_TIME, &notes->progress_time);
    return noted(store, run, done, &words, fault);
}

enum status store_trouble(const struct store *store, int64_t run, struct store_trouble *trouble,
                          struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const bool done = read_note(store, run, NOTE_FLIGHT, &trouble->flight) &&
                      read_note(store, run, NOTE_CRASHES, &trouble->crashes) &&
                      read_note(store, run, NOTE_SUSPECT, &trouble->suspect) &&
                      read_note(store, run, NOTE_LOST, &trouble->lost);
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, h5_status(&words), &words,
                           "cannot read /volatile for run %" PRId64 " of %s", run, store->path);
}

enum status store_note_trouble(struct store *store, int64_t run,
                               const struct store_trouble *trouble, struct fault *fault)
{
    struct h5_words words;
    h5_listen(&words);
    const bool done = write_note(store, run, NOTE_FLIGHT, &trouble->flight) &&
                      write_note(store, run, NOTE_CRASHES, &trouble->crashes) &&
                      write_note(store, run, NOTE_SUSPECT, &trouble->suspect) &&
                      write_note(store, run, NOTE_LOST, &trouble->lost);
    return noted(store, run, done, &words, fault);
}

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
    struct h5_words words;
    h5_listen(&words);
    const bool read = slab_read(store, store->notes[note], &slab, values);
    h5_deafen();
    if (read)
        mend(&variable, values, count);
    return read ? STATUS_OK
                : h5_fault(fault, h5_status(&words), &words, "cannot read /volatile/%s from %s",
                           schema_note(note).name, store->path);
}

enum status store_log_last(const struct store *store, int64_t *row, int *code, struct fault *fault)
{
    int64_t numbers[SCHEMA_STARTS];
    int32_t codes[SCHEMA_STARTS];
    *row = -1;
    *code = -1;
    enum status status = store_note_column(store, NOTE_LOG_NUMBER, numbers, fault);
    if (status == STATUS_OK)
        status = store_note_column(store, NOTE_LOG_STATUS, codes, fault);
    for (int i = 0; i < SCHEMA_STARTS && status == STATUS_OK; i++) {
        if (numbers[i] > (*row < 0 ? 0 : numbers[*row])) {
            *row = i;
            *code = codes[i];
        }
    }
    return status;
}

enum status store_log_start(struct store *store, const struct store_start *start, double now,
                            int64_t *row, struct fault *fault)
{
    const double never = NAN;
    const int32_t open = -1;
    int64_t number = 0;
    int code = 0;
    enum status status = store_log_last(store, row, &code, fault);
    if (status != STATUS_OK)
        return status;
    struct h5_words words;
    h5_listen(&words);
    bool done = *row < 0 || read_note(store, *row, NOTE_LOG_NUMBER, &number);
    *row = number % SCHEMA_STARTS;
    number++;
    done = done && write_note(store, *row, NOTE_LOG_NUMBER, &number) &&
           write_note(store, *row, NOTE_LOG_TIME, &now) &&
           write_note(store, *row, NOTE_LOG_END, &never) &&
           write_note(store, *row, NOTE_LOG_STATUS, &open) &&
           write_text(store, *row, NOTE_LOG_HOST, start->host) &&
           write_note(store, *row, NOTE_LOG_PROCESS, &start->process) &&
           write_text(store, *row, NOTE_LOG_JOB, start->job) &&
           write_note(store, *row, NOTE_LOG_RANKS, &start->ranks) &&
           write_note(store, *row, NOTE_LOG_DONE, &start->done) &&
           write_text(store, *row, NOTE_LOG_REVISION, start->revision);
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words, "cannot write the log of starts of %s",
                           store->path);
}

enum status store_log_end(struct store *store, int64_t row, int status, double now,
                          struct fault *fault)
{
    const int32_t code = status;
    struct h5_words words;
    h5_listen(&words);
    const bool done = write_note(store, row, NOTE_LOG_END, &now) &&
                      write_note(store, row, NOTE_LOG_STATUS, &code);
    h5_deafen();
    return done ? STATUS_OK
                : h5_fault(fault, STATUS_FAULT, &words, "cannot write the log of starts of %s",
                           store->path);
}
