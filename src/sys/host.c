// SPDX-License-Identifier: MIT
/*
 * What goes into the notes of a run about the machine. All of it is for people: whatever cannot be
 * found out is "unknown" or 0, and never an error.
 */
#include "sys/host.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void host_name(char *text, size_t size)
{
    char name[256] = ""; /* one more than what gethostname may write: it need not end in NUL */
    if (gethostname(name, sizeof name - 1) != 0 || *name == '\0')
        snprintf(text, size, "unknown");
    else
        snprintf(text, size, "%s", name);
}

void host_cpu(char *text, size_t size)
{
    snprintf(text, size, "unknown");
    FILE *const file = fopen("/proc/cpuinfo", "r");
    if (file == NULL)
        return;
    char line[512];
    /* The first processor of the list; the others are the same on usual machines. */
    while (fgets(line, sizeof line, file) != NULL) {
        const char *const colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || colon == NULL)
            continue;
        const char *const name = colon + 1 + strspn(colon + 1, " ");
        snprintf(text, size, "%.*s", (int)strcspn(name, "\n"), name);
        break;
    }
    fclose(file);
}

/* The second figure of statm, in pages (proc(5)). */
size_t host_resident(void)
{
    size_t whole = 0, resident = 0;
    FILE *const file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%zu %zu", &whole, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
