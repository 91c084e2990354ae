// SPDX-License-Identifier: MIT
/*
 * The calls of inject.h as the second program has them. They read the environment each time: tests
 * set it before they start the program, and the points are few.
 */
#include "sys/inject.h"
#include <ccmsweep/fault.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const names[INJECT_POINTS] = {
    [INJECT_OPEN] = "open",       [INJECT_CREATE] = "create",         [INJECT_BEGIN] = "begin",
    [INJECT_EPISODE] = "episode", [INJECT_CHECKPOINT] = "checkpoint", [INJECT_ROWS] = "rows",
    [INJECT_RECORD] = "record",   [INJECT_COMMIT] = "commit",         [INJECT_EXTEND] = "extend",
    [INJECT_EXPORT] = "export",
};

/* An unknown action aborts: a typing error in a test would otherwise make it pass without any
 * fault. */
static void act(const char *action)
{
    static const char pause[] = "sleep:";
    if (strncmp(action, pause, strlen(pause)) == 0) {
        const long ms = strtol(action + strlen(pause), NULL, 10);
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    } else if (strcmp(action, "segv") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(action, "abort") == 0) {
        abort();
    } else if (strcmp(action, "kill") == 0) {
        raise(SIGKILL);
    } else if (strcmp(action, "exit") == 0) {
        _exit(9);
    } else {
        CHECK(false && "CCMSWEEP_FAULTS has an unknown action");
    }
}

/* Does one "POINT[@RUN]=ACTION" of the list if it is for this point and run. `word` is cut into its
 * parts. */
static void consider(char *word, enum inject_point point, int64_t run)
{
    char *const action = strchr(word, '=');
    if (action == NULL)
        return;
    *action = '\0';
    char *const only = strchr(word, '@');
    if (only != NULL)
        *only = '\0';
    if (strcmp(word, names[point]) == 0 && (only == NULL || strtoll(only + 1, NULL, 10) == run))
        act(action + 1);
}

void inject(enum inject_point point, int64_t run)
{
    const char *const list = getenv("CCMSWEEP_FAULTS");
    if (list == NULL)
        return;
    char *const words = strdup(list);
    char *rest = words;
    for (char *word; words != NULL && (word = strsep(&rest, ",")) != NULL;)
        consider(word, point, run);
    free(words);
}

bool inject_reversed(void)
{
    const char *const list = getenv("CCMSWEEP_FAULTS");
    return list != NULL && strstr(list, "reverse") != NULL;
}

double inject_patience(double usual_s)
{
    static const char word[] = "patience:";
    const char *const list = getenv("CCMSWEEP_FAULTS");
    const char *const found = list != NULL ? strstr(list, word) : NULL;
    return found != NULL ? strtod(found + strlen(word), NULL) : usual_s;
}
