// SPDX-License-Identifier: MIT
#include <argp.h>
#include <ccmsweep/clock.h>
#include <ccmsweep/commands.h>
#include <ccmsweep/lock.h>
#include <ccmsweep/status_report.h>
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
    {"watch", KEY_WATCH, NULL, 0, "show it again every 2 s until nothing is left to do", 0},
    {"cells", KEY_CELLS, NULL, 0, "list every cell", 0},
    {"json", KEY_JSON, NULL, 0, "print it as JSON", 0},
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
        a->path = value;
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
           "Reads the file only, and neither waits for a run nor disturbs one. A cell is done,\n"
           "running, interrupted (stopped politely), lost (with its job) or pending. Exit codes:\n"
           "0 shown, whatever the state; 1 the disk fails; 2 there is no such file, or it is not\n"
           "one of a sweep.",
};

static enum status take(const struct arguments *a, struct status_report *report,
                        struct fault *fault)
{
    *report = (struct status_report){.path = a->path, .now = clock_utc()};
    report->held = lock_is_held(a->path, report->holder, sizeof report->holder);
    enum status status = store_open(&report->store, a->path, STORE_READ, fault);
    if (status == STATUS_OK)
        status = survey_take(report->store, report->held, &report->survey, fault);
    if (status != STATUS_OK)
        store_close(&report->store);
    return status;
}

static enum status print(const struct arguments *a, const struct status_report *report,
                         struct fault *fault)
{
    if (a->json)
        return status_print_json(stdout, report, a->cells) || errno == EPIPE
                   ? STATUS_OK
                   : fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                               strerror(errno));
    return status_print(stdout, report, a->cells, fault);
}

static bool is_over(const struct status_report *report)
{
    return report->survey.standings[STANDING_DONE] == report->survey.runs && !report->held;
}

enum status cmd_status(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    const bool clears = arguments.watch && !arguments.json && isatty(STDOUT_FILENO);
    enum status status = STATUS_OK;
    for (bool over = false, first = true; !over && status == STATUS_OK; first = false) {
        struct status_report report;
        if (!first)
            nanosleep(&(struct timespec){.tv_sec = WATCH_S}, NULL);
        status = take(&arguments, &report, fault);
        if (status != STATUS_OK)
            break;
        if (clears)
            fputs("\033[H\033[2J", stdout);
        else if (!first)
            fputc('\n', stdout);
        status = print(&arguments, &report, fault);
        over = !arguments.watch || is_over(&report) || fflush(stdout) != 0;
        survey_fini(&report.survey);
        store_close(&report.store);
    }
    return status;
}
