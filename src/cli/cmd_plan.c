// SPDX-License-Identifier: MIT
/* `ccmsweep plan`: options, and the file that teaches the cost when there is one. The plan is made
 * in query/plan and printed in report/plan_report. */
#include "cli/commands.h"
#include "cli/spec_rows.h"
#include "query/damage.h"
#include "report/plan_report.h"
#include <errno.h>
#include <string.h>

struct arguments {
    struct spec_options options;
    struct plan_options plan;
    int64_t ranks; /* 0: some usual numbers */
    bool extend;
    bool json;
};

static const struct option_row options[] = {
    SPEC_ROWS_SET(struct arguments, options,
                  "give a setting a value, whatever the spec says; repeatable"),
    {.name = "ranks",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, ranks),
     .help = "show the wall time under mpirun -n N, where one rank schedules, and the memory of a "
             "rank; 1: of one process without MPI (default: the wall time of 1, 2, 32, 128 workers "
             "and of one worker for each core; the memory of a rank)",
     .noun = "a number of ranks",
     .low = 1,
     .high = 1000000},
    {.name = "extend",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, extend),
     .help =
         "plan run --extend, if the spec is wider than FILE.h5: how many runs are copied, go on "
         "behind their old limit of episodes, and are trained"},
    {.name = "list",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, plan.list),
     .help = "also print each cell, one per line"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print the plan as JSON"},
    {0},
};

static const struct option_row operands[] = {
    SPEC_ROWS_OPERAND(struct arguments, options),
    {.argument = "FILE.h5", .kind = OPTION_FILE, .offset = offsetof(struct arguments, plan.path)},
    {0},
};

/* Of several ranks one schedules, so there is one worker less. A single rank does both, without
 * MPI, which needs less memory: `alone` says so to the plan. */
static enum status finish(void *arguments, struct fault *fault)
{
    struct arguments *const a = arguments;
    if (a->options.path == NULL)
        return fault_set(fault, STATUS_INPUT, "no spec, expected SPEC.yaml");
    if (a->extend && a->plan.path == NULL)
        return fault_set(fault, STATUS_INPUT, "--extend: no file, expected FILE.h5 to be extended");
    a->plan.spec = a->options.path;
    a->plan.alone = a->ranks == 1;
    if (a->ranks > 0)
        a->plan.workers = a->ranks > 1 ? a->ranks - 1 : 1;
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "planned"},
    {STATUS_INPUT, "the spec or the file is wrong, or the file belongs to another spec"},
    {STATUS_FAULT, "the disk fails"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep plan demo.yaml", "Before a sweep: what it will take on this machine."},
    {"ccmsweep plan demo.yaml demo.h5 --ranks 33", "What is left of it, for 32 workers."},
    {"ccmsweep plan wider.yaml demo.h5 --extend", "Before run --extend: what it will take."},
    {NULL, NULL},
};

const struct command_line plan_line = {
    .name = "ccmsweep plan",
    .arguments = "SPEC.yaml [FILE.h5]",
    .intro =
        "Show what a spec asks for: its cells and axes, the core-hours and wall time to expect, "
        "the disk space of its file and the memory of its workers.",
    .details =
        "The time of a cell is estimated from the finished cells of FILE.h5, the file of the same "
        "spec: from those that differ only in the seed, else from all, according to their size. "
        "The file "
        "is only read, also while a sweep is running. Without a finished cell, some episodes are "
        "trained, for up to two seconds, and then discarded.",
    .options = options,
    .operands = operands,
    .expected = "a spec and at most one file",
    .exits = exits,
    .examples = examples,
    .see_also = "spec run status",
    .finish = finish,
};

/* What standard output does not take, main.c tells. */
static enum status print(const struct arguments *arguments, const struct plan *plan,
                         struct fault *fault)
{
    if (!arguments->json)
        plan_print(stdout, plan, &arguments->plan);
    else if (!plan_print_json(stdout, plan, &arguments->plan) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the plan could not be written: %s", strerror(errno));
    return STATUS_OK;
}

/* The file is matched with the spec before anything is learnt from it: the times of another spec
 * belong to other cells. Damaged runs are named, and teach nothing. */
static enum status open_file(const struct arguments *arguments, const struct spec *spec,
                             struct store **store, struct extension **extension,
                             struct fault *fault)
{
    const char *const path = arguments->plan.path;
    enum status status = store_open(store, path, STORE_READ, fault);
    const bool extends = status == STATUS_OK && arguments->extend && !store_is_of(*store, spec);
    if (status == STATUS_OK && !extends)
        status = extension_match(*store, path, spec, fault);
    if (status == STATUS_OK)
        status = damage_tell(*store, path, DAMAGE_NUMBERS, NULL, fault);
    if (status == STATUS_OK && extends)
        status = extension_new(extension, *store, path, spec, fault);
    return status;
}

static enum status make_plan(const struct arguments *arguments, const struct spec *spec,
                             struct fault *fault)
{
    struct store *store = NULL;
    struct extension *extension = NULL;
    struct plan *plan = NULL;
    enum status status = STATUS_OK;
    if (arguments->plan.path != NULL)
        status = open_file(arguments, spec, &store, &extension, fault);
    if (status == STATUS_OK)
        status = plan_new(&plan, spec, store, extension, fault);
    if (status == STATUS_OK)
        status = print(arguments, plan, fault);
    plan_free(&plan);
    extension_free(&extension);
    store_close(&store);
    return status;
}

enum status cmd_plan(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.json = false};
    struct spec *spec = NULL;
    spec_options_init(&arguments.options, argc);
    enum status status = options_parse(&plan_line, OPTIONS_EXIT, argc, argv, &arguments);
    if (status == STATUS_OK)
        status = spec_options_resolve(&arguments.options, &spec, fault);
    if (status == STATUS_OK)
        status = make_plan(&arguments, spec, fault);
    spec_free(&spec);
    spec_options_fini(&arguments.options);
    return status;
}
