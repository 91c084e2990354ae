// SPDX-License-Identifier: MIT
/* `ccmsweep status`: one look at a file, or one every two seconds. The states of runs come from
 * query/run_table, the report from report/status_report. It only reads, and takes no lock, so that
 * it can be run at any time without a risk for the sweep. */
#include "cli/commands.h"
#include "report/status_report.h"
#include "spec/spec.h"
#include "sys/clock.h"
#include "sys/lock.h"
#include "sys/stop_signal.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Seconds between two looks of --watch: the file is read whole each time. */
enum { WATCH_S = 2 };

struct arguments {
    const char *path;
    bool watch, json, cells;
    int64_t explain; /* -1: no run */
};

static const struct option_row options[] = {
    {.name = "watch",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, watch),
     .help = "show it again every 2 s, until all cells are done and no process holds the file, or "
             "until Ctrl-C"},
    {.name = "cells",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, cells),
     .help = "also list every cell"},
    {.name = "explain",
     .argument = "RUN",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, explain),
     .help =
         "show the history of the run of this number instead: why it waits, is a suspect or was "
         "tried again, and what the next start does with it",
     .noun = "the number of a run",
     .low = 0,
     .high = SPEC_CELLS_LIMIT},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print one JSON object; with --watch one in each line"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "FILE", .kind = OPTION_FILE, .offset = offsetof(struct arguments, path)},
    {0},
};

static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (a->path == NULL)
        return fault_set(fault, STATUS_INPUT, "no file, expected the file of a sweep");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "shown, whatever the state"},
    {STATUS_FAULT, "the disk fails"},
    {STATUS_INPUT, "the file does not exist, is not the file of a sweep, or has no such run"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep status demo.h5 --watch", "Follow a sweep until it is done."},
    {"ccmsweep status demo.h5 --cells", "The state of every cell, and why it is so."},
    {"ccmsweep status demo.h5 --explain 3", "What became of run 3, in sentences."},
    {NULL, NULL},
};

const struct command_line status_line = {
    .name = "ccmsweep status",
    .arguments = "FILE",
    .intro = "Show how far a sweep is: while it runs, after it was killed, and at its end.",
    .details =
        "The file is only read; a running sweep is not disturbed. A cell is done, running, "
        "interrupted (stopped politely, or at a limit that was smaller), lost (with its job) or "
        "pending. One that is done has "
        "stopped, is censored (the limit came first), diverged, failed or is quarantined. 'left' "
        "is the expected remaining work, estimated from finished cells of the same kind. The ETA "
        "divides it by the "
        "number of cells that run now; its margin is two standard deviations. The file of a "
        "'train' "
        "is a sweep of one cell.",
    .options = options,
    .operands = operands,
    .expected = "one file",
    .exits = exits,
    .examples = examples,
    .see_also = "run plan show aggregate",
    .finish = finish,
};

static enum status explain(const struct arguments *a, struct status_report *report,
                           struct fault *fault)
{
    if (a->explain < report->table.runs)
        return explanation_make(&report->explained, report->store, &report->table, a->explain,
                                a->path, report->held, fault);
    return fault_set(fault, STATUS_INPUT,
                     "--explain: %s has no run %" PRId64 ", expected one from 0 to %" PRId64,
                     a->path, a->explain, report->table.runs - 1);
}

/* Look at the file once. The lock is looked at before the file: the cells of a sweep that ends in
 * between are then shown as running, and not as lost. Each look opens the file anew, because HDF5
 * keeps what it has read. */
static enum status take(const struct arguments *a, struct status_report *report,
                        struct fault *fault)
{
    *report = (struct status_report){.path = a->path, .now = clock_utc()};
    report->held = lock_is_held(a->path, report->holder, sizeof report->holder);
    enum status status = store_open(&report->store, a->path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = store_inspect(report->store, false, fault);
    if (status == STATUS_OK)
        status = run_table_take(report->store, report->held, &report->table, fault);
    if (status == STATUS_OK && a->explain >= 0) {
        status = explain(a, report, fault);
        if (status != STATUS_OK)
            run_table_fini(&report->table);
    }
    if (status != STATUS_OK)
        store_close(&report->store);
    return status;
}

/* What standard output does not take, main.c tells. */
static enum status print(const struct arguments *a, const struct status_report *report,
                         struct fault *fault)
{
    if (!a->json)
        status_print(stdout, report, a->cells);
    else if (!status_print_json(stdout, report, a->cells, a->watch) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

/* Whether --watch can end. With all cells done, or the one that is explained, a process may still
 * hold the file to write the end of its log: the last report should show it. */
static bool is_over(const struct arguments *a, const struct status_report *report)
{
    const struct run_table *const table = &report->table;
    const bool done = a->explain >= 0 ? table->run[a->explain].state == RUN_STATE_DONE
                                      : table->states[RUN_STATE_DONE] == table->runs;
    return done && !report->held;
}

/* One look and its report. On a terminal each report replaces the one before (cursor to the top,
 * clear the screen); in a pipe or a file a blank line separates them; JSON has one object in each
 * line and needs neither. */
static enum status show(const struct arguments *a, bool first, bool *over, struct fault *fault)
{
    struct status_report report;
    enum status status = take(a, &report, fault);
    if (status != STATUS_OK)
        return status;
    if (a->watch && !a->json && isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    else if (!first && !a->json)
        fputc('\n', stdout);
    status = print(a, &report, fault);
    /* When the reader has left, there is nobody to print for. Any other loss of output is reported
     * by close_output() in main.c at the end of the program. */
    fflush(stdout);
    *over = ferror(stdout) || is_over(a, &report);
    explanation_fini(&report.explained);
    run_table_fini(&report.table);
    store_close(&report.store);
    return status;
}

enum status cmd_status(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.explain = -1};
    bool over = false;
    enum status status = options_parse(&status_line, OPTIONS_EXIT, argc, argv, &arguments);
    /* Only with --watch: a single look has nothing to finish, and should end at once on Ctrl-C. */
    if (status == STATUS_OK && arguments.watch)
        stop_install(false, false);
    if (status == STATUS_OK)
        status = show(&arguments, true, &over, fault);
    while (status == STATUS_OK && arguments.watch && !over && !stop_requested()) {
        /* A signal ends the sleep early. */
        nanosleep(&(struct timespec){.tv_sec = WATCH_S}, NULL);
        if (!stop_requested())
            status = show(&arguments, false, &over, fault);
    }
    return status;
}
