// SPDX-License-Identifier: MIT
/* The sentences that go with a status. The first failure writes, callers put what they know in
 * front, and whoever gives up prints: so each sentence is made once, where its facts are known. */
#include "base/text.h"
#include <ccmsweep/fault.h>
#include <stdarg.h>
#include <stdlib.h>

enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
{
    if (fault == NULL)
        return status;
    struct fault *const made = fault_alloc(1, sizeof *made); /* what is there may be quoted */
    va_list args;
    va_start(args, format);
    text_add_list(made->text, sizeof made->text, format, args);
    va_end(args);
    *fault = *made;
    free(made);
    return status;
}

/* In a new struct, as the old sentence is part of the new one. */
void fault_prefix(struct fault *fault, const char *format, ...)
{
    if (fault == NULL)
        return;
    struct fault *const made = fault_alloc(1, sizeof *made);
    va_list args;
    va_start(args, format);
    text_add_list(made->text, sizeof made->text, format, args);
    va_end(args);
    text_add(made->text, sizeof made->text, ": %s", fault->text);
    *fault = *made;
    free(made);
}
