// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "query/damage.h"
#include "query/plan.h"
#include <argp.h>
#include <errno.h>
#include <string.h>

enum { KEY_SET = 0x100, KEY_RANKS, KEY_LIST, KEY_JSON, RANKS_LIMIT = 1000000 };

struct arguments {
    struct request request;
    struct plan_request plan;
    bool json;
};

static const struct argp_option options[] = {
    {"set", KEY_SET, "KEY=VALUE", 0, "give a setting a value, whatever the spec says; repeatable",
     0},
    {"ranks", KEY_RANKS, "N", 0,
     "the wall time under mpirun -n N, one rank of which schedules, and the memory of a rank; 1: "
     "of a process alone (default: that of 1, 2, 32, 128 workers and of as many as there are "
     "cores; the memory of a rank)",
     0},
    {"list", KEY_LIST, NULL, 0, "print each cell as well, in a line of its own", 0},
    {"json", KEY_JSON, NULL, 0, "print the plan as JSON", 0},
    {0},
};

static void parse_ranks(const char *value, struct plan_request *plan,
                        const struct argp_state *state)
{
    int64_t ranks = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_integer(value, &ranks) || ranks < 1 || ranks > RANKS_LIMIT)
        argp_error(state, "--ranks: %s is no number of ranks, expected a whole number from 1 to %d",
                   text_quote(value, quoted), RANKS_LIMIT);
    plan->alone = ranks == 1;
    plan->workers = ranks > 1 ? ranks - 1 : 1;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    switch (key) {
    case KEY_SET:
        request_add(&arguments->request, NULL, value);
        return 0;
    case KEY_RANKS:
        parse_ranks(value, &arguments->plan, state);
        return 0;
    case KEY_LIST:
        arguments->plan.list = true;
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->plan.path != NULL)
            argp_error(state, "too many arguments: '%s', expected a spec and at most one file",
                       value);
        request_name(value, NULL, state);
        if (arguments->request.path != NULL)
            arguments->plan.path = value;
        else
            arguments->request.path = value;
        return 0;
    case ARGP_KEY_END:
        if (arguments->request.path == NULL)
            argp_error(state, "no spec, expected SPEC.yaml");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "SPEC.yaml [FILE.h5]",
    .doc = "Say what a spec asks for: its cells and axes, the core-hours and wall time to\n"
           "expect, and the room that its file and its workers take.\v"
           "What a cell takes is expected from the finished cells of FILE.h5, the file of\n"
           "the same spec: from those that differ in nothing but the seed, else from all,\n"
           "by size. The file is only read, also while a run writes it. Without a finished\n"
           "cell, some episodes are trained, for up to two seconds, and then forgotten.\n"
           "Exit codes: 0 planned; 2 the spec or the file is not good, or the file is that\n"
           "of another spec; 1 the disk fails.",
};

static enum status print(const struct arguments *arguments, const struct plan *plan,
                         struct fault *fault)
{
    if (!arguments->json)
        plan_print(stdout, plan, &arguments->plan);
    else if (!plan_print_json(stdout, plan, &arguments->plan) && errno != EPIPE)
        return fault_set(fault, STATUS_FAULT, "the plan could not be written: %s", strerror(errno));
    return STATUS_OK;
}

static enum status make_plan(const struct arguments *arguments, const struct spec *spec,
                             struct fault *fault)
{
    struct store *store = NULL;
    struct plan *plan = NULL;
    enum status status = STATUS_OK;
    if (arguments->plan.path != NULL) {
        status = store_open(&store, arguments->plan.path, STORE_READ, fault);
        if (status == STATUS_OK)
            status = store_match(store, spec, fault);
        if (status == STATUS_OK)
            status = damage_tell(store, arguments->plan.path, fault);
    }
    if (status == STATUS_OK)
        status = plan_new(&plan, spec, store, fault);
    if (status == STATUS_OK)
        status = print(arguments, plan, fault);
    plan_free(&plan);
    store_close(&store);
    return status;
}

enum status cmd_plan(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.json = false};
    request_init(&arguments.request, argc);
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    arguments.plan.spec = arguments.request.path;
    struct spec *spec = NULL;
    enum status status = request_resolve(&arguments.request, &spec, fault);
    if (status == STATUS_OK)
        status = make_plan(&arguments, spec, fault);
    spec_free(&spec);
    request_fini(&arguments.request);
    return status;
}
