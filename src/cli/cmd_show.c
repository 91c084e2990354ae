// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "report/summary.h"
#include "store/schema.h"
#include "store/store.h"
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>

enum { KEY_JSON = 0x100, KEY_RUN, KEY_SCHEMA };

struct arguments {
    const char *path;
    int64_t run;
    bool json, schema;
};

static const struct argp_option options[] = {
    {"run", KEY_RUN, "N", 0, "which run of the file (default 0, the first)", 0},
    {"json", KEY_JSON, NULL, 0, "print the summary as JSON", 0},
    {"schema", KEY_SCHEMA, NULL, 0, "describe every dataset of a file, as tables in Markdown", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    switch (key) {
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_SCHEMA:
        arguments->schema = true;
        return 0;
    case KEY_RUN:
        if (!text_parse_integer(value, &arguments->run) || arguments->run < 0)
            argp_error(state, "--run: '%s' is no run, expected a whole number from 0", value);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL)
            argp_error(state, "too many arguments: '%s', expected one file", value);
        arguments->path = request_name(value, NULL, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->schema == (arguments->path != NULL))
            argp_error(state, "expected either a file or --schema");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE\n--schema",
    .doc = "Show the summary of a run that a file holds, or what the files hold.\v"
           "Reads only, also while a run writes. Exit codes: 0 shown; 2 there is no such file or\n"
           "run, the run is not finished, or its rows are not those committed; 1 the disk fails.",
};

/* Not an error of the file, but there is no summary to show either. */
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
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    if (arguments.schema) {
        schema_print(stdout);
        return STATUS_OK;
    }
    struct store *store = NULL;
    enum status status = store_open(&store, arguments.path, STORE_READ, fault);
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
