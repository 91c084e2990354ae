// SPDX-License-Identifier: MIT
/**
 * What bash offers behind "ccmsweep" when the user presses Tab, made from what the commands know of
 * themselves. Local.
 */
#ifndef CCMSWEEP_COMPLETION_H
#define CCMSWEEP_COMPLETION_H

#include <stdio.h>

/** Write the script that bash-completion loads, which needs bash alone. */
void completion_print(FILE *file);

#endif
