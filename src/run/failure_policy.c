// SPDX-License-Identifier: MIT
#include "run/failure_policy.h"
#include <stdbool.h>

/* What ended the job, as far as the notes tell. */
struct evidence {
    size_t flying;
    bool crash;   /* a run in flight left a mark */
    bool suspect; /* a suspect was in flight */
};

static struct evidence collect(const struct store_failures *troubles, size_t count)
{
    struct evidence evidence = {0};
    for (size_t i = 0; i < count; i++) {
        const struct store_failures *const t = &troubles[i];
        evidence.flying += t->flight != FLIGHT_NONE;
        evidence.crash = evidence.crash || t->flight == FLIGHT_CRASHED;
        evidence.suspect = evidence.suspect || (t->flight == FLIGHT_OPEN && t->suspect != 0);
    }
    return evidence;
}

static void blame(struct store_failures *t, const struct evidence *evidence)
{
    if (t->flight != FLIGHT_OPEN || evidence->crash)
        return;
    if (t->suspect != 0)
        t->lost++;
    else if (!evidence->suspect)
        t->suspect = 1;
}

size_t blame_judge(struct store_failures *troubles, size_t count, const struct blame_limits *limits,
                   enum verdict *verdicts)
{
    const struct evidence evidence = collect(troubles, count);
    for (size_t i = 0; i < count; i++) {
        struct store_failures *const t = &troubles[i];
        blame(t, &evidence);
        t->flight = FLIGHT_NONE;
        verdicts[i] = t->crashes >= limits->crashes       ? VERDICT_QUARANTINE
                      : t->lost >= limits->losses         ? VERDICT_FAILED
                      : t->suspect != 0 || t->crashes > 0 ? VERDICT_SUSPECT
                                                          : VERDICT_INNOCENT;
    }
    return evidence.flying;
}
