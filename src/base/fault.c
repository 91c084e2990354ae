// SPDX-License-Identifier: MIT
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
    va_list args;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return status;
}

void fault_prefix(struct fault *fault, const char *format, ...)
{
    if (fault == NULL)
        return;
    const struct fault rest = *fault;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    const size_t used = length < 0 ? 0 : (size_t)length;
    const size_t room = used < sizeof fault->text ? sizeof fault->text - used : 0;
    if (room > 2) {
        memcpy(fault->text + used, ": ", 2);
        memcpy(fault->text + used + 2, rest.text, room - 2);
        fault->text[sizeof fault->text - 1] = '\0';
    }
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
