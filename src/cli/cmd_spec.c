// SPDX-License-Identifier: MIT
/* `ccmsweep spec`: check a spec, or print the defaults. The shortest command: all it does is in
 * spec/. */
#include "cli/commands.h"
#include "cli/spec_rows.h"
#include "spec/spec.h"
#include <stdbool.h>
#include <stdio.h>

struct arguments {
    struct spec_options options;
    bool defaults;
};

static const struct option_row options[] = {
    {.name = "defaults",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, defaults),
     .help = "print a complete commented spec of all defaults"},
    SPEC_ROWS_SET(struct arguments, options,
                  "give a setting a value, whatever the spec says; repeatable"),
    {0},
};

static const struct option_row operands[] = {
    SPEC_ROWS_OPERAND(struct arguments, options),
    {0},
};

/* --set has no effect on the printed defaults, and is refused instead of being ignored. */
static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (a->defaults == (a->options.path != NULL))
        return fault_set(fault, STATUS_INPUT, "expected either --defaults or a spec");
    if (a->defaults && a->options.count > 0)
        return fault_set(fault, STATUS_INPUT, "--set needs a spec, expected --defaults alone");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "the spec is valid"},
    {STATUS_INPUT, "it is not valid; standard error has 'file:line: key: what, expected ...'"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep spec --defaults >all.yaml",
     "A spec to begin with: every setting, with its meaning."},
    {"ccmsweep spec demo.yaml", "What a sweep trains, with all values of its grid written out."},
    {NULL, NULL},
};

const struct command_line spec_line = {
    .name = "ccmsweep spec",
    .arguments = "--defaults\nSPEC.yaml",
    .intro = "Check a spec and print it with every setting, or print the defaults.",
    .details = "The output is itself a spec.",
    .options = options,
    .operands = operands,
    .expected = "one spec",
    .exits = exits,
    .examples = examples,
    .see_also = "plan run train",
    .finish = finish,
};

enum status cmd_spec(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.defaults = false};
    spec_options_init(&arguments.options, argc);
    enum status status = options_parse(&spec_line, OPTIONS_EXIT, argc, argv, &arguments);
    struct spec *spec = NULL;
    if (status == STATUS_OK)
        /* Also with --defaults, where it makes a spec of one cell of defaults that is not used: one
         * path for both forms. */
        status = spec_options_resolve(&arguments.options, &spec, fault);
    if (status == STATUS_OK && arguments.defaults)
        spec_print_defaults(stdout);
    else if (status == STATUS_OK)
        spec_print_resolved(stdout, spec);
    spec_free(&spec);
    spec_options_fini(&arguments.options);
    return status;
}
