// SPDX-License-Identifier: MIT
/* The ends of fault.h that come without a sentence in a struct: apart from fault.c, so that text.c,
 * which that needs, can use them. */
#include <ccmsweep/fault.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void fault_bug(const char *file, int line, const char *condition)
{
    /* The host, since a job's ranks write to one stream from many nodes. */
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
