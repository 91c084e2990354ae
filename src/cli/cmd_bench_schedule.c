// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "bench/bench.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "run/comm.h"
#include "run/dispatch.h"
#include "spec/cost.h"
#include "spec/spec.h"
#include "store/commit.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/launcher.h"
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_CELLS = 0x100, KEY_COMMITS, KEY_FOLDER, KEY_JSON };

struct arguments {
    int64_t cells, commits;
    const char *folder;
    bool json;
};

/* What was measured; NAN and 0 where it was not. */
struct schedule_report {
    int64_t cells;
    int ranks;
    double cells_per_s, median_us, p99_us; /* of rank 0's time for a cell */
    double bytes_per_cell;
    double create_s, scan_s;
    int64_t commits;
    double row_mb, commit_ms, bare_ms; /* medians */
};

static const struct argp_option options[] = {
    {"cells", KEY_CELLS, "N", 0, "cells that do nothing (default 100000)", 0},
    {"commits", KEY_COMMITS, "N", 0, "commits of the published size (default 50)", 0},
    {"folder", KEY_FOLDER, "DIR", 0, "where the files of the bench lie for a while (default .)", 0},
    {"json", KEY_JSON, NULL, 0, "print the report as JSON", 0},
    {0},
};

static int64_t parse_count(const char *option, const char *value, int64_t most,
                           const struct argp_state *state)
{
    int64_t count = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_integer(value, &count) || count < 1 || count > most)
        argp_error(state, "--%s: %s is no count, expected a whole number from 1 to %" PRId64,
                   option, text_quote(value, quoted), most);
    return count;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    switch (key) {
    case KEY_CELLS:
        a->cells = parse_count("cells", value, SPEC_CELLS_LIMIT, state);
        return 0;
    case KEY_COMMITS:
        a->commits = parse_count("commits", value, 10000, state);
        return 0;
    case KEY_FOLDER:
        a->folder = request_name(value, "--folder", state);
        return 0;
    case KEY_JSON:
        a->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc = "Measure on this machine what the sweep around the trainings costs.\v"
           "Cells that do nothing go through the real scheduler and messages: under\n"
           "mpirun -n 3 to two ranks, alone through the scheduler only. Then, on rank 0:\n"
           "the file of as many runs, made and looked through as at a resume; and commits\n"
           "of the published size, each beside the bare writes and syncs of as many\n"
           "bytes. Exit codes: 0 measured; 1 the disk fails; 2 wrong input.",
};

/* ---- the scheduler ---- */

static size_t heap_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A plan of that many cells: as small as trainings can be. */
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

/* Other ranks: a cell is done as soon as it comes. */
static void follow(const struct comm *comm)
{
    struct message message = {.type = MESSAGE_READY, .cell = -1};
    struct nap nap = {0};
    comm_send(comm, 0, &message);
    while (true) {
        if (!comm_receive(comm, &message, NULL)) {
            nap_sleep(&nap);
            continue;
        }
        nap_wake(&nap);
        if (message.type == MESSAGE_LEAVE)
            return;
        message.type = MESSAGE_DONE;
        comm_send(comm, 0, &message);
    }
}

/* Rank 0: hand out all, as a sweep does. \return cells whose time is in `took_s` */
static int64_t lead(const struct comm *comm, struct scheduler *scheduler, double *took_s)
{
    struct dispatch dispatch;
    struct message event;
    struct nap nap = {0};
    int64_t done = 0;
    dispatch_init(&dispatch, comm, scheduler);
    while (!dispatch_over(&dispatch)) {
        const double began_s = clock_now();
        if (!dispatch_turn(&dispatch, &event)) {
            nap_sleep(&nap);
            continue;
        }
        nap_wake(&nap);
        if (event.type == MESSAGE_DONE)
            took_s[done++] = clock_now() - began_s;
    }
    dispatch_fini(&dispatch);
    return done;
}

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

static void measure_scheduler(const struct comm *comm, const struct spec *spec, size_t spec_bytes,
                              struct schedule_report *report)
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
    CHECK(done == cells);
    report->median_us = 1e6 * bench_median((size_t)done, took_s); /* which sorts them */
    report->p99_us = 1e6 * took_s[done * 99 / 100];
    scheduler_free(&scheduler);
    cost_free(&cost);
    free(took_s);
}

/* ---- the file ---- */

static char *file_name(const struct arguments *arguments, const char *what)
{
    char *const name = disk_name("%s/ccmsweep-bench-%s", arguments->folder, what);
    disk_remove_stale(name);
    char *const temporary = disk_temporary(name);
    free(name);
    return temporary;
}

static enum status make_store(const char *path, const struct spec *spec, struct store **store,
                              struct fault *fault)
{
    const struct store_program program = store_this_program();
    const enum status status = store_create(path, spec, &program, fault);
    return status == STATUS_OK ? store_open(store, path, STORE_WRITE, fault) : status;
}

static enum status measure_scan(const struct arguments *arguments, const struct spec *spec,
                                struct schedule_report *report, struct fault *fault)
{
    char *const path = file_name(arguments, "scan.h5");
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
        CHECK(store_state(store, run) == STORE_DONE);
    store_close(&store);
    unlink(path);
    free(path);
    return status;
}

/* ---- commits ---- */

/* Where a commit writes: each field of all runs together, as in the file, then the records. */
struct places {
    size_t count;
    struct {
        const char *values;
        size_t size;
        off_t start;
    } * fields; /* (count) */
    off_t records;
};

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

/* The same bytes at the same distances as a commit, and nothing else: the rows, a sync, the record,
 * a sync. */
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

static enum status alternate(struct store *store, int fd, const char *path,
                             struct schedule_report *report, struct fault *fault)
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

static enum status measure_commits(const struct arguments *arguments,
                                   struct schedule_report *report, struct fault *fault)
{
    char text[128];
    char *const path = file_name(arguments, "commit.h5");
    char *const bare = file_name(arguments, "bare");
    struct spec *spec = spec_new();
    struct store *store = NULL;
    int fd = -1;
    report->commits = arguments->commits;
    snprintf(text, sizeof text, "grid: {seed: 0-%" PRId64 "}\n", arguments->commits - 1);
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

/* ---- the report ---- */

static void print(const struct schedule_report *r)
{
    printf("%" PRId64 " cells that do nothing, %d rank%s\n", r->cells, r->ranks,
           r->ranks == 1 ? ": the scheduler alone" : "s");
    printf("  cells a second      %.0f\n", r->cells_per_s);
    printf("  rank 0, a cell      median %.2f us, 99 of 100 below %.2f us\n", r->median_us,
           r->p99_us);
    printf("  memory of rank 0    %.1f bytes a planned cell\n", r->bytes_per_cell);
    printf("a file of %" PRId64 " runs\n", r->cells);
    printf("  made                %.2f s\n", r->create_s);
    printf("  looked through      %.2f s, every commit record verified\n", r->scan_s);
    printf("%" PRId64 " commits of %.2f MB, each beside bare writes\n", r->commits, r->row_mb);
    printf("  commit              %.2f ms\n", r->commit_ms);
    printf("  pwrite, fsync twice %.2f ms: a commit has %.0f %% of its speed\n", r->bare_ms,
           100 * r->bare_ms / r->commit_ms);
}

static bool print_json(const struct schedule_report *r)
{
    json_t *const object =
        json_pack("{s:i, s:I, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f, s:f}",
                  "schema_version", BENCH_SCHEMA_VERSION, "cells", (json_int_t)r->cells, "ranks",
                  r->ranks, "cells_per_s", r->cells_per_s, "rank_0_median_us", r->median_us,
                  "rank_0_p99_us", r->p99_us, "bytes_per_cell", r->bytes_per_cell, "create_s",
                  r->create_s, "scan_s", r->scan_s, "commits", (json_int_t)r->commits, "commit_mb",
                  r->row_mb, "commit_ms", r->commit_ms, "bare_ms", r->bare_ms);
    const bool written = object != NULL && json_dumpf(object, stdout, JSON_INDENT(2)) == 0 &&
                         fputc('\n', stdout) != EOF;
    json_decref(object);
    return written;
}

static enum status measure(const struct arguments *arguments, const struct comm *comm,
                           struct schedule_report *report, struct fault *fault)
{
    struct spec *spec = NULL;
    const size_t before = heap_bytes();
    enum status status = make_spec(arguments->cells, &spec, fault);
    CHECK(status == STATUS_OK);
    *report = (struct schedule_report){.cells = arguments->cells, .ranks = comm->size};
    measure_scheduler(comm, spec, heap_bytes() - before, report);
    status = measure_scan(arguments, spec, report, fault);
    if (status == STATUS_OK)
        status = measure_commits(arguments, report, fault);
    spec_free(&spec);
    return status;
}

enum status bench_schedule(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.cells = 100000, .commits = 50, .folder = "."};
    char name[] = "ccmsweep bench schedule";
    argv[0] = name;
    const unsigned quiet = launcher_rank() == 0 ? 0 : ARGP_SILENT;
    if (argp_parse(&parser, argc, argv, quiet, NULL, &arguments) != 0)
        return STATUS_OK; /* rank 0 says it */
    struct comm comm;
    struct schedule_report report = {0};
    enum status status = STATUS_OK;
    comm_start(&comm);
    if (comm.rank > 0)
        follow(&comm);
    else
        status = measure(&arguments, &comm, &report, fault);
    if (status == STATUS_FAULT && comm.launched) {
        fprintf(stderr, "ccmsweep: %s\n", fault->text);
        comm_abort(&comm, STATUS_FAULT); /* a file that HDF5 could not write: see cmd_run.c */
    }
    comm_finish(&comm);
    if (comm.rank > 0 || status != STATUS_OK)
        return status;
    if (!arguments.json)
        print(&report);
    else if (!print_json(&report) && errno != EPIPE)
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}
