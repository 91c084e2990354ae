// SPDX-License-Identifier: MIT
/**
 * Man pages, made from what the commands know of themselves. Local.
 */
#ifndef CCMSWEEP_MAN_H
#define CCMSWEEP_MAN_H

#include "cli/commands.h"
#include <stdio.h>

/** Write ccmsweep(1): the program and a list of its commands. */
void man_print_program(FILE *file);

/** Write ccmsweep-COMMAND(1): every option, exit code and example of a command. */
void man_print_command(FILE *file, const struct command *command);

#endif
