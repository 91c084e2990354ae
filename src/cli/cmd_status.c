// SPDX-License-Identifier: MIT
#include "cli/commands.h"
#include "cli/options.h"
#include "report/status_report.h"
#include "sys/clock.h"
#include "sys/lock.h"
#include "sys/stop_signal.h"
#include <argp.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEY_WATCH = 0x100, KEY_JSON, KEY_CELLS };

/* How often a watched sweep is looked at. */
enum { WATCH_S = 2 };

struct arguments {
    const char *path;
    bool watch, json, cells;
};

static const struct argp_option options[] = {
    {"watch", KEY_WATCH, NULL, 0,
     "show it again every 2 s, until all is done and nobody holds the file, or Ctrl-C", 0},
    {"cells", KEY_CELLS, NULL, 0, "list every cell as well", 0},
    {"json", KEY_JSON, NULL, 0, "print it as one JSON object; with --watch one a line", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    switch (key) {
    case KEY_WATCH:
        a->watch = true;
        return 0;
    case KEY_JSON:
        a->json = true;
        return 0;
    case KEY_CELLS:
        a->cells = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->path != NULL)
            argp_error(state, "too many arguments: '%s', expected one file", value);
        a->path = request_name(value, NULL, state);
        return 0;
    case ARGP_KEY_END:
        if (a->path == NULL)
            argp_error(state, "no file, expected that of a sweep");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE",
    .doc = "Say how far a sweep is: while it runs, after it was killed, and at its end.\v"
           "Reads the file only, and neither waits for a run nor disturbs one. A cell is\n"
           "done, running, interrupted (stopped politely), lost (with its job) or pending.\n"
           "One that is done has stopped, is censored (the limit came first), diverged,\n"
           "failed or is quarantined. 'left' is the work that finished cells of the same\n"
           "kind let expect; the ETA divides it by the cells that run now, give or take\n"
           "two standard deviations. The file of a 'train' is a sweep of one cell.\n\n"
           "Exit codes: 0 shown, whatever the state; 1 the disk fails; 2 there is no such\n"
           "file, or it is not one of a sweep.",
};

static enum status take(const struct arguments *a, struct status_report *report,
                        struct fault *fault)
{
    *report = (struct status_report){.path = a->path, .now = clock_utc()};
    report->held = lock_is_held(a->path, report->holder, sizeof report->holder);
    enum status status = store_open(&report->store, a->path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = store_inspect(report->store, false, fault);
    if (status == STATUS_OK)
        status = survey_take(report->store, report->held, &report->survey, fault);
    if (status != STATUS_OK)
        store_close(&report->store);
    return status;
}

static enum status print(const struct arguments *a, const struct status_report *report,
                         struct fault *fault)
{
    if (!a->json)
        status_print(stdout, report, a->cells);
    else if (!status_print_json(stdout, report, a->cells, a->watch) && errno != EPIPE)
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}

static bool is_over(const struct status_report *report)
{
    return report->survey.standings[STANDING_DONE] == report->survey.runs && !report->held;
}

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
    /* A reader that has left wants no more; what else is lost is told at the end of the program. */
    *over = fflush(stdout) != 0 || is_over(&report);
    survey_fini(&report.survey);
    store_close(&report.store);
    return status;
}

enum status cmd_status(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    bool over = false;
    if (arguments.watch)
        stop_install(false, false);
    enum status status = show(&arguments, true, &over, fault);
    while (status == STATUS_OK && arguments.watch && !over && !stop_requested()) {
        /* Ends early with a signal. */
        nanosleep(&(struct timespec){.tv_sec = WATCH_S}, NULL);
        if (!stop_requested())
            status = show(&arguments, false, &over, fault);
    }
    return status;
}
