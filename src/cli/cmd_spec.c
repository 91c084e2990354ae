// SPDX-License-Identifier: MIT
#include "cli/commands.h"
#include "cli/options.h"
#include "spec/spec.h"
#include <argp.h>

enum { KEY_DEFAULTS = 0x100, KEY_SET };

struct arguments {
    struct request request;
    bool defaults;
};

static const struct argp_option options[] = {
    {"defaults", KEY_DEFAULTS, NULL, 0, "print a complete commented spec of all defaults", 0},
    {"set", KEY_SET, "KEY=VALUE", 0, "give a setting a value, whatever the spec says; repeatable",
     0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const arguments = state->input;
    switch (key) {
    case KEY_DEFAULTS:
        arguments->defaults = true;
        return 0;
    case KEY_SET:
        request_add(&arguments->request, NULL, value);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->request.path != NULL)
            argp_error(state, "too many arguments: '%s', expected one spec", value);
        arguments->request.path = request_name(value, NULL, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->defaults == (arguments->request.path != NULL))
            argp_error(state, "expected either --defaults or a spec");
        if (arguments->defaults && arguments->request.count > 0)
            argp_error(state, "--set needs a spec, expected --defaults alone");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "--defaults\nSPEC.yaml",
    .doc = "Check a spec and print it with every setting, or print the defaults.\v"
           "What is printed is a spec again. Exit codes: 0 the spec is good; 2 it is not,\n"
           "with 'file:line: key: what, expected ...' on standard error.",
};

enum status cmd_spec(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.defaults = false};
    request_init(&arguments.request, argc);
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    struct spec *spec = NULL;
    const enum status status = request_resolve(&arguments.request, &spec, fault);
    if (status == STATUS_OK && arguments.defaults)
        spec_print_defaults(stdout);
    else if (status == STATUS_OK)
        spec_print_resolved(stdout, spec);
    spec_free(&spec);
    request_fini(&arguments.request);
    return status;
}
