// SPDX-License-Identifier: MIT
/* `bench schedule`: the sweep without its trainings. Three measurements follow each other: cells
 * that do nothing through scheduler and messages; a file of as many runs, made and scanned; commits
 * beside bare writes. */
#include "bench/bench_schedule.h"
#include "bench/bench.h"
#include "run/backoff.h"
#include "run/dispatch.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include "store/commit.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the scheduler ---- */

/* Bytes in use in the heap, with those of large blocks, which malloc maps by themselves. */
static size_t heap_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A plan of so many cells, each as small as a training can be: the file of a million of them must
 * fit on an ordinary disk. */
static enum status make_spec(int64_t cells, struct spec **spec, struct fault *fault)
{
    char text[512];
    snprintf(text, sizeof text,
             "training: {episodes: 1, batch: 1, steps: 1}\nenvironment: {agents: 1}\n"
             "tracking: {log_every: 2, snapshot_every: 0}\ngrid: {seed: 0-%" PRId64 "}\n",
             cells - 1);
    *spec = spec_new();
    return spec_parse(*spec, text, strlen(text), "bench", fault);
}

/* What the ranks other than 0 do: they answer each cell at once, so rank 0 is always the one that
 * is waited for, and its speed is what is measured. They sleep like real workers when nothing
 * comes. */
void bench_schedule_follow(const struct comm *comm)
{
    struct message message = {.type = MESSAGE_READY, .cell = -1};
    struct backoff backoff = {0};
    comm_send(comm, 0, &message);
    while (true) {
        if (!comm_receive(comm, &message, NULL)) {
            backoff_sleep(&backoff);
            continue;
        }
        backoff_reset(&backoff);
        if (message.type == MESSAGE_LEAVE)
            return;
        message.type = MESSAGE_DONE;
        comm_send(comm, 0, &message);
    }
}

/* Rank 0: hand out all cells, as a sweep does. The time of a turn counts only when a cell has ended
 * in it: turns in which no message had come are waiting, not work. \return number of cells whose
 * time is in `took_s` */
static int64_t lead(const struct comm *comm, struct scheduler *scheduler, double *took_s)
{
    struct dispatch dispatch;
    struct message event;
    struct backoff backoff = {0};
    int64_t done = 0;
    dispatch_init(&dispatch, comm, scheduler);
    while (!dispatch_over(&dispatch)) {
        const double began_s = clock_now();
        if (!dispatch_turn(&dispatch, &event)) {
            backoff_sleep(&backoff);
            continue;
        }
        backoff_reset(&backoff);
        if (event.type == MESSAGE_DONE)
            took_s[done++] = clock_now() - began_s;
    }
    dispatch_fini(&dispatch);
    return done;
}

/* Without a launcher there are no messages: the scheduler alone is measured. */
static int64_t work_alone(struct scheduler *scheduler, double *took_s)
{
    int64_t done = 0;
    while (scheduler_waiting(scheduler) > 0) {
        const double began_s = clock_now();
        CHECK(scheduler_next(scheduler, 0) >= 0);
        scheduler_end(scheduler, 0);
        took_s[done++] = clock_now() - began_s;
    }
    return done;
}

/* Memory is taken as the difference of the heap before and after, so the array of times is
 * allocated before the first look. */
static void measure_scheduler(const struct comm *comm, const struct spec *spec, size_t spec_bytes,
                              struct bench_schedule *report)
{
    const int64_t cells = report->cells;
    double *const took_s = fault_alloc((size_t)cells, sizeof *took_s);
    const size_t before = heap_bytes();
    struct cost *cost = cost_new(spec);
    struct scheduler *scheduler = scheduler_new(comm->size > 1 ? comm->size - 1 : 1, cells);
    for (int64_t cell = 0; cell < cells; cell++)
        scheduler_add(scheduler, cell, false);
    /* And a byte of the store for the state of each. */
    report->bytes_per_cell = (double)(heap_bytes() - before + spec_bytes) / (double)cells + 1;
    const double began_s = clock_now();
    const int64_t done =
        comm->size > 1 ? lead(comm, scheduler, took_s) : work_alone(scheduler, took_s);
    report->cells_per_s = (double)done / (clock_now() - began_s);
    /* Otherwise a message was lost, and the figures would be worthless. */
    CHECK(done == cells);
    report->median_us = 1e6 * bench_median((size_t)done, took_s); /* which sorts them */
    report->p99_us = 1e6 * took_s[done * 99 / 100];
    scheduler_free(&scheduler);
    cost_free(&cost);
    free(took_s);
}

/* ---- the file ---- */

/* A temporary name of this process. What a bench that was killed left in the folder is removed
 * first: a file of a million runs is large. */
static char *file_name(const struct bench_schedule_options *options, const char *what)
{
    char *const name = disk_name("%s/ccmsweep-bench-%s", options->folder, what);
    disk_remove_stale(name);
    char *const temporary = disk_temporary(name);
    free(name);
    return temporary;
}

/* The user knows the folder, and not what the files in it are called. */
static enum status check_folder(const char *folder, struct fault *fault)
{
    char *const inside = disk_name("%s/.", folder), *const name = disk_name("files in %s", folder);
    const enum status status = disk_check_folder(inside, name, fault);
    if (status != STATUS_OK)
        fault_prefix(fault, "--folder");
    free(name);
    free(inside);
    return status;
}

static enum status make_store(const char *path, const struct spec *spec, struct store **store,
                              struct fault *fault)
{
    const struct store_program program = store_this_program();
    const enum status status = store_create(path, spec, &program, fault);
    return status == STATUS_OK ? store_open(store, path, STORE_WRITE, fault) : status;
}

/* The file is made, filled with commit records, closed and opened again: as at the resume of a
 * sweep that is complete. Opening verifies every commit record. */
static enum status measure_scan(const struct bench_schedule_options *options,
                                const struct spec *spec, struct bench_schedule *report,
                                struct fault *fault)
{
    char *const path = file_name(options, "scan.h5");
    struct store *store = NULL;
    const double began_s = clock_now();
    enum status status = make_store(path, spec, &store, fault);
    report->create_s = clock_now() - began_s;
    if (status == STATUS_OK)
        status = store_fill_commits(store, fault);
    store_close(&store);
    const double opened_s = clock_now();
    if (status == STATUS_OK)
        status = store_open(&store, path, STORE_READ, fault);
    report->scan_s = clock_now() - opened_s;
    for (int64_t run = 0; status == STATUS_OK && run < report->cells; run++)
        /* All runs must count as done: else the scan would have been of empty records, which is
         * faster. */
        CHECK(store_state(store, run) == STORE_DONE);
    store_close(&store);
    unlink(path);
    free(path);
    return status;
}

/* ---- commits ---- */

/* Where a commit writes in the file: an array for each field, which holds the values of all runs,
 * and behind them the commit records. */
struct places {
    size_t count;
    struct {
        const char *values;
        size_t size;
        off_t start;
    } * fields; /* (count) */
    off_t records;
};

/* The places of a file with the same layout as a sweep's, without HDF5. Each array begins at a
 * page. */
static struct places places_of(const struct record *record, const struct extents *extents,
                               int64_t runs)
{
    enum { PAGE = 4096 };
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    struct places places = {.count = count};
    places.fields = fault_alloc(count, sizeof *places.fields);
    off_t at = 0;
    for (size_t f = 0; f < count; f++) {
        memcpy(&places.fields[f].values, (const char *)record + fields[f].offset, sizeof(char *));
        places.fields[f].size =
            (size_t)record_count(&fields[f], extents) * record_value_size(&fields[f]);
        places.fields[f].start = at;
        at += ((off_t)places.fields[f].size * runs + PAGE - 1) / PAGE * PAGE;
    }
    places.records = at;
    return places;
}

/* Write the same bytes at the same distances as a commit, and nothing else: the rows, a sync, the
 * record, a sync. This is the least that a commit must do to be safe, so it is what a commit is
 * compared with. */
static enum status write_bare(int fd, const char *path, int64_t run, const struct places *places,
                              struct fault *fault)
{
    static const char record[64] = {1};
    bool written = true;
    for (size_t f = 0; f < places->count && written; f++) {
        const size_t size = places->fields[f].size;
        written = pwrite(fd, places->fields[f].values, size,
                         places->fields[f].start + (off_t)size * run) == (ssize_t)size;
    }
    if (!written || fsync(fd) != 0 ||
        pwrite(fd, record, sizeof record, places->records + (off_t)sizeof record * run) !=
            (ssize_t)sizeof record ||
        fsync(fd) != 0)
        return fault_set(fault, STATUS_FAULT, "cannot write %s: %s", path, strerror(errno));
    return STATUS_OK;
}

/* A commit and bare writes in turn, so that a disk which becomes slower or faster meanwhile affects
 * both alike. */
static enum status alternate(struct store *store, int fd, const char *path,
                             struct bench_schedule *report, struct fault *fault)
{
    struct settings cell;
    struct record record;
    store_cell(store, 0, &cell);
    const struct extents extents = record_extents(&cell);
    const size_t size = record_size(&extents), count = (size_t)report->commits;
    void *const block = fault_alloc(size, 1);
    double *const commit_s = fault_alloc(count, sizeof *commit_s);
    double *const bare_s = fault_alloc(count, sizeof *bare_s);
    enum status status = STATUS_OK;
    record_bind(&record, &extents, block);
    *record.outcome = OUTCOME_STOPPED;
    const struct places places = places_of(&record, &extents, report->commits);
    if (ftruncate(fd, places.records + COMMIT_SIZE * (off_t)count) != 0 ||
        /* The sweep's file has its room reserved when it is made; the bare file gets the same, or
         * it would pay for allocation on top. */
        posix_fallocate(fd, 0, places.records + COMMIT_SIZE * (off_t)count) != 0)
        status = fault_set(fault, STATUS_FAULT, "cannot write %s: no room for it", path);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const double began_s = clock_now();
        status = store_commit(store, (int64_t)i, &record, fault);
        const double between_s = clock_now();
        if (status == STATUS_OK)
            status = write_bare(fd, path, (int64_t)i, &places, fault);
        commit_s[i] = between_s - began_s;
        bare_s[i] = clock_now() - between_s;
    }
    report->row_mb = 1e-6 * (double)size;
    report->commit_ms = 1e3 * bench_median(count, commit_s);
    report->bare_ms = 1e3 * bench_median(count, bare_s);
    free(places.fields);
    free(bare_s);
    free(commit_s);
    free(block);
    return status;
}

/* Both files are removed in any case, also when the disk was full. */
static enum status measure_commits(const struct bench_schedule_options *options,
                                   struct bench_schedule *report, struct fault *fault)
{
    char text[128];
    char *const path = file_name(options, "commit.h5");
    char *const bare = file_name(options, "bare");
    struct spec *spec = spec_new();
    struct store *store = NULL;
    int fd = -1;
    report->commits = options->commits;
    snprintf(text, sizeof text, "grid: {seed: 0-%" PRId64 "}\n", options->commits - 1);
    enum status status = spec_parse(spec, text, strlen(text), "bench", fault);
    if (status == STATUS_OK)
        status = make_store(path, spec, &store, fault);
    if (status == STATUS_OK)
        status = disk_create(bare, &fd, fault);
    if (status == STATUS_OK)
        status = alternate(store, fd, bare, report, fault);
    if (fd >= 0)
        close(fd);
    store_close(&store);
    unlink(path);
    unlink(bare);
    spec_free(&spec);
    free(bare);
    free(path);
    return status;
}

enum status bench_schedule_measure(struct bench_schedule *measured, const struct comm *comm,
                                   const struct bench_schedule_options *options,
                                   struct fault *fault)
{
    struct spec *spec = NULL;
    const size_t before = heap_bytes();
    enum status status = make_spec(options->cells, &spec, fault);
    /* The text of the spec is our own: that it is refused is a bug. */
    CHECK(status == STATUS_OK);
    *measured = (struct bench_schedule){.cells = options->cells, .ranks = comm->size};
    /* With the other ranks, which it tells to leave: what is refused is refused afterwards. */
    measure_scheduler(comm, spec, heap_bytes() - before, measured);
    status = check_folder(options->folder, fault);
    if (status == STATUS_OK)
        status = measure_scan(options, spec, measured, fault);
    if (status == STATUS_OK)
        status = measure_commits(options, measured, fault);
    spec_free(&spec);
    return status;
}

/* ---- the report ---- */

void bench_schedule_print(FILE *file, const struct bench_schedule *r)
{
    fprintf(file, "%" PRId64 " cells that do nothing, %d rank%s\n", r->cells, r->ranks,
            r->ranks == 1 ? ": the scheduler alone" : "s");
    fprintf(file, "  cells a second      %.0f\n", r->cells_per_s);
    fprintf(file, "  rank 0, a cell      median %.2f us, 99 of 100 below %.2f us\n", r->median_us,
            r->p99_us);
    fprintf(file, "  memory of rank 0    %.1f bytes a planned cell\n", r->bytes_per_cell);
    fprintf(file, "a file of %" PRId64 " runs\n", r->cells);
    fprintf(file, "  made                %.2f s\n", r->create_s);
    fprintf(file, "  looked through      %.2f s, every commit record verified\n", r->scan_s);
    fprintf(file, "%" PRId64 " commits of %.2f MB, each beside bare writes\n", r->commits,
            r->row_mb);
    fprintf(file, "  commit              %.2f ms\n", r->commit_ms);
    fprintf(file, "  pwrite, fsync twice %.2f ms: a commit has %.0f %% of its speed\n", r->bare_ms,
            100 * r->bare_ms / r->commit_ms);
}

bool bench_schedule_print_json(FILE *file, const struct bench_schedule *r)
{
    json_t *const object =
        json_pack("{s:i, s:I, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f, s:f}",
                  "schema_version", BENCH_SCHEMA_VERSION, "cells", (json_int_t)r->cells, "ranks",
                  r->ranks, "cells_per_s", r->cells_per_s, "rank_0_median_us", r->median_us,
                  "rank_0_p99_us", r->p99_us, "bytes_per_cell", r->bytes_per_cell, "create_s",
                  r->create_s, "scan_s", r->scan_s, "commits", (json_int_t)r->commits, "commit_mb",
                  r->row_mb, "commit_ms", r->commit_ms, "bare_ms", r->bare_ms);
    const bool written =
        object != NULL && json_dumpf(object, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;
    json_decref(object);
    return written;
}
