// SPDX-License-Identifier: MIT
#include "base/text.h"
#include <ccmsweep/fault.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
{
    if (fault == NULL)
        return status;
    struct fault made = {""}; /* what is there may be quoted */
    va_list args;
    va_start(args, format);
    text_add_list(made.text, sizeof made.text, format, args);
    va_end(args);
    *fault = made;
    return status;
}

void fault_prefix(struct fault *fault, const char *format, ...)
{
    if (fault == NULL)
        return;
    struct fault made = {""};
    va_list args;
    va_start(args, format);
    text_add_list(made.text, sizeof made.text, format, args);
    va_end(args);
    text_add(made.text, sizeof made.text, ": %s", fault->text);
    *fault = made;
}

_Noreturn void fault_bug(const char *file, int line, const char *condition)
{
    char host[256] = "?";
    gethostname(host, sizeof host - 1);
    fprintf(stderr, "ccmsweep: bug on %s (process %ld): %s:%d: %s does not hold\n", host,
            (long)getpid(), file, line, condition);
    abort();
}

_Noreturn void fault_no_memory(size_t size)
{
    fprintf(stderr, "ccmsweep: out of memory: %zu bytes were asked for\n", size);
    exit(STATUS_FAULT);
}

void *fault_alloc(size_t count, size_t size)
{
    void *block = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (block == NULL)
        fault_no_memory(count * size);
    return block;
}
