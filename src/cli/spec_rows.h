// SPDX-License-Identifier: MIT
/**
 * The rows that commands with a spec share in their tables of options: the spec itself and `--set`.
 *
 * Each such command has a member of type struct spec_options in its struct of arguments; the rows
 * fill it. They are macros, because a row holds the place of that member in the command's own
 * struct. A header apart from spec_options.h, which options.c includes and which therefore cannot
 * include options.h. Local.
 */
#ifndef CCMSWEEP_SPEC_ROWS_H
#define CCMSWEEP_SPEC_ROWS_H

#include "cli/options.h"
#include "cli/spec_options.h"

/** The argument that names the spec's file. `member` is the struct spec_options of `type`. */
#define SPEC_ROWS_OPERAND(type, member)                                                            \
    {                                                                                              \
        .argument = "SPEC.yaml", .kind = OPTION_FILE,                                              \
        .offset = offsetof(type, member) + offsetof(struct spec_options, path)                     \
    }

/** The option --set. `text` is its help, which says what a command does with the value. */
#define SPEC_ROWS_SET(type, member, text)                                                          \
    {                                                                                              \
        .name = "set", .argument = "KEY=VALUE", .kind = OPTION_SETTING,                            \
        .offset = offsetof(type, member), .help = text                                             \
    }

#endif
