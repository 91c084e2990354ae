// SPDX-License-Identifier: MIT
/* `ccmsweep show`: which run is shown, and what is checked before. The summary is printed in
 * report/summary, as for `train`, so that both print the same for the same run. */
#include "cli/commands.h"
#include "report/summary.h"
#include "store/schema.h"
#include "store/store.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct arguments {
    const char *path;
    int64_t run;
    bool json, schema;
};

static const struct option_row options[] = {
    {.name = "run",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, run),
     .help = "number of the run in the file (default 0, the first)",
     .noun = "the number of a run",
     .low = 0,
     .high = INFINITY},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print the summary as JSON"},
    {.name = "schema",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, schema),
     .help = "describe every dataset of a file, as tables in Markdown"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "FILE", .kind = OPTION_FILE, .offset = offsetof(struct arguments, path)},
    {0},
};

/* One of the two, and not both: a file has nothing to do with the schema, which is that of the
 * program. */
static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (a->schema == (a->path != NULL))
        return fault_set(fault, STATUS_INPUT, "expected either a file or --schema");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "shown"},
    {STATUS_INPUT, "the file or the run does not exist, the run is not finished, or its rows "
                   "differ from what was committed"},
    {STATUS_FAULT, "the disk fails"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep show demo.h5 --run 3", "When and why the actors of run 3 stopped."},
    {"ccmsweep show --schema", "What every file of a sweep holds."},
    {NULL, NULL},
};

const struct command_line show_line = {
    .name = "ccmsweep show",
    .arguments = "FILE\n--schema",
    .intro = "Show the summary of a finished run in a file, or describe what all files hold.",
    .details = "The file is only read, also while a sweep is running.",
    .options = options,
    .operands = operands,
    .expected = "one file",
    .exits = exits,
    .examples = examples,
    .see_also = "status aggregate export",
    .finish = finish,
};

/* Nothing is wrong with the file, but a run that is not finished has no summary. The message says
 * how far the run is, so that the user need not ask `status`. A damaged run counts as not finished;
 * its own reason is the better one. */
static enum status refuse_unfinished(const struct store *store, const struct arguments *arguments,
                                     struct fault *fault)
{
    struct store_notes notes;
    const char *const damage = store_damage(store, arguments->run);
    if (damage != NULL)
        return fault_set(fault, STATUS_INPUT, "run %" PRId64 " of %s is damaged: %s",
                         arguments->run, arguments->path, damage);
    const enum status status = store_notes(store, arguments->run, &notes, fault);
    if (status != STATUS_OK)
        return status;
    return fault_set(
        fault, STATUS_INPUT, "%s: run %" PRId64 " is not finished: %s, last noted in episode %d",
        arguments->path, arguments->run,
        store_state(store, arguments->run) == STORE_INTERRUPTED ? "interrupted" : "pending",
        notes.progress_episode > 0 ? notes.progress_episode : 0);
}

/* The rows are compared with the commit record first: a summary of damaged rows would look like any
 * other. The record is bound to one block that holds all its arrays (model/record). */
static enum status print(const struct store *store, const struct arguments *arguments,
                         struct fault *fault)
{
    struct settings cell;
    struct record record;
    struct store_notes notes;
    store_cell(store, arguments->run, &cell);
    const struct extents extents = record_extents(&cell);
    void *block = fault_alloc(record_size(&extents), 1);
    record_bind(&record, &extents, block);
    enum status status = store_check(store, arguments->run, fault);
    if (status == STATUS_OK)
        status = store_load(store, arguments->run, &record, fault);
    if (status == STATUS_OK)
        status = store_notes(store, arguments->run, &notes, fault);
    if (status == STATUS_OK)
        status = summary_write(&cell, &record, notes.wall_s, arguments->json, fault);
    free(block);
    return status;
}

enum status cmd_show(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL};
    enum status status = options_parse(&show_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK && arguments.schema) {
        schema_print(stdout);
        return STATUS_OK;
    }
    struct store *store = NULL;
    if (status == STATUS_OK)
        status = store_open(&store, arguments.path, STORE_READ, fault);
    /* Known only when the file is open, so it is not in the range of the option. */
    if (status == STATUS_OK && arguments.run >= store_runs(store))
        status = fault_set(fault, STATUS_INPUT,
                           "--run: %s has no run %" PRId64 ", expected 0 to %" PRId64,
                           arguments.path, arguments.run, store_runs(store) - 1);
    if (status == STATUS_OK && store_state(store, arguments.run) != STORE_DONE)
        status = refuse_unfinished(store, &arguments, fault);
    if (status == STATUS_OK)
        status = print(store, &arguments, fault);
    store_close(&store);
    return status;
}
