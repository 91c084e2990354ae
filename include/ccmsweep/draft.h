// SPDX-License-Identifier: MIT
/**
 * A text file that appears when it is finished, or not at all.
 *
 * It is written under a temporary name (disk.h) and gets its own at the end. Write to `file` with
 * stdio; what could not be written is found at the end. Local.
 */
#ifndef CCMSWEEP_DRAFT_H
#define CCMSWEEP_DRAFT_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdio.h>

struct draft {
    FILE *file;
    char *path, *temporary;
};

/** Begin a file in a folder that exists. \return STATUS_OK: the caller owns it, until draft_end;
 *  else STATUS_INPUT or STATUS_FAULT with a sentence, and there is nothing */
enum status draft_begin(struct draft *draft, const char *folder, const char *name,
                        struct fault *fault) MUST_USE;

/** End it: with `good` on the disk under its name, replacing an older file, else without a trace.
 *  \return STATUS_FAULT or STATUS_INPUT with a sentence: then without a trace, too */
enum status draft_end(struct draft *draft, bool good, struct fault *fault) MUST_USE;

#endif
