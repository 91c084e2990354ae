// SPDX-License-Identifier: MIT
/* `ccmsweep verify`: whether a file is as this program wrote it. What is looked at is in
 * store/store_find, and what is printed in report/verify_report. The file is only read. */
#include "cli/commands.h"
#include "report/verify_report.h"
#include "sys/lock.h"
#include <errno.h>
#include <string.h>

struct arguments {
    const char *path;
    bool json;
};

static const struct option_row options[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print one JSON object"},
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
    {STATUS_OK, "nothing is wrong"},
    {STATUS_FAULT, "the disk fails"},
    {STATUS_INPUT, "wrong input: there is no such file"},
    {STATUS_CELLS, "something is wrong, see the findings"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep verify demo.h5", "Before a result is published, or after a file was copied."},
    {NULL, NULL},
};

const struct command_line verify_line = {
    .name = "ccmsweep verify",
    .arguments = "FILE",
    .intro = "Find all that is wrong in the file of a sweep: what is damaged, and what another "
             "program has changed.",
    .details =
        "Everything in the file is read: the layout of every dataset, settings, identities, "
        "labels, axes and extents, commit records, and the rows of finished runs, which are "
        "compared with the checksums in their commit records. Each finding is one sentence; the "
        "last line says what was compared. A sweep that is not finished is in order, also while it "
        "is running. The file is only read.\n\n"
        "Not covered by any checksum: the text of the spec as it was written, settings of the "
        "section 'checkpoint', descriptions of datasets, and times.",
    .options = options,
    .operands = operands,
    .expected = "one file",
    .exits = exits,
    .examples = examples,
    .see_also = "status show run",
    .finish = finish,
};

/* The lock is looked at before the file: a sweep that ends in between is then taken for one at
 * work, for which less is expected. */
static enum status look(const char *path, struct store **store, struct verify_report *report,
                        struct fault *fault)
{
    *report = (struct verify_report){.path = path};
    report->held = lock_is_held(path, report->holder, sizeof report->holder);
    enum status status = store_open_findings(store, path, &report->findings, fault);
    if (status == STATUS_OK && *store != NULL)
        status = store_find(*store, report->held, &report->findings, &report->found, fault);
    report->store = *store;
    return status;
}

static enum status print(const struct verify_report *report, bool json, struct fault *fault)
{
    char count[48];
    if (!json)
        verify_print(stdout, report);
    else if (!verify_print_json(stdout, report) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    if (report->findings.count == 0)
        return STATUS_OK;
    verify_count(report, count, sizeof count);
    return fault_set(fault, STATUS_CELLS, "%s is not as it was written: %s", report->path, count);
}

enum status cmd_verify(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    struct store *store = NULL;
    struct verify_report report = {.path = NULL};
    enum status status = options_parse(&verify_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK)
        status = look(arguments.path, &store, &report, fault);
    if (status == STATUS_OK)
        status = print(&report, arguments.json, fault);
    findings_fini(&report.findings);
    store_close(&store);
    return status;
}
