// SPDX-License-Identifier: MIT
/* Which level of CPU does the arithmetic. The choice is made when the program runs, so that one
 * binary serves every node of a cluster. The levels are objects of kernels_tmpl.c, compiled with
 * flags that only some CPUs can run; this file is not, since it runs on all of them. */
#include "model/kernels.h"
#include "base/text.h"
#include <ccmsweep/fault.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One object each; x86-64 has three, other processors have the baseline. */
extern const struct kernels kernels_baseline;
#ifdef __x86_64__
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
#endif

static bool runs_baseline(void)
{
    return true;
}

#ifdef __x86_64__
/* Every feature that the flags of the level name (meson.build): the compiler may use any of them
 * anywhere in the object, also outside of intrinsics. */
static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2");
}

static bool runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

/* Highest first. */
static const struct level {
    const struct kernels *kernels;
    bool (*runs)(void);
} levels[] = {
#ifdef __x86_64__
    {&kernels_avx512, runs_avx512},
    {&kernels_avx2, runs_avx2},
#endif
    {&kernels_baseline, runs_baseline},
};

const struct kernels *kernels_named(const char *level)
{
    /* A level that this CPU does not run is as good as absent: its first instruction would end the
     * process with SIGILL. */
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].kernels->level, level) == 0 && levels[i].runs())
            return levels[i].kernels;
    return NULL;
}

enum status kernels_check(struct fault *fault)
{
    const char *wanted = getenv("CCMSWEEP_LEVEL");
    if (wanted == NULL || kernels_named(wanted) != NULL)
        return STATUS_OK;
    char runs[64] = "";
    char quoted[TEXT_QUOTED];
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].runs())
            snprintf(runs + strlen(runs), sizeof runs - strlen(runs), "%s%s",
                     runs[0] != '\0' ? ", " : "", levels[i].kernels->level);
    return fault_set(fault, STATUS_INPUT,
                     "CCMSWEEP_LEVEL: %s is not a level of this CPU, expected one of %s",
                     text_quote(wanted, quoted), runs);
}

/* A wrong CCMSWEEP_LEVEL is not refused here but in kernels_check, which the commands call first:
 * a trainer of the library always gets a level. The baseline ends the loop. */
const struct kernels *kernels_best(void)
{
    const char *wanted = getenv("CCMSWEEP_LEVEL");
    const struct kernels *kernels = wanted != NULL ? kernels_named(wanted) : NULL;
    for (size_t i = 0; kernels == NULL; i++)
        if (levels[i].runs())
            kernels = levels[i].kernels;
    return kernels;
}
