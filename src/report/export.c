// SPDX-License-Identifier: MIT
#include "report/export.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool export_has_rows(const struct export *e, int64_t run)
{
    const struct surveyed *const r = &e->survey->run[run];
    return r->standing == STANDING_DONE &&
           (r->outcome == OUTCOME_STOPPED || r->outcome == OUTCOME_CENSORED ||
            r->outcome == OUTCOME_DIVERGED);
}

void export_real(double value, char text[TEXT_NUMBER])
{
    int digits = 15;
    if (isnan(value) || isinf(value)) {
        snprintf(text, TEXT_NUMBER, "%s",
                 isnan(value) ? "NaN" : (value > 0 ? "Infinity" : "-Infinity"));
        return;
    }
    do
        snprintf(text, TEXT_NUMBER, "%.*g", digits, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    if (strpbrk(text, ".e") == NULL)
        strncat(text, ".0", TEXT_NUMBER - strlen(text) - 1);
}

void export_study_name(const struct export *e, int64_t run, char *text, size_t size)
{
    char actor[TEXT_NUMBER], critic[TEXT_NUMBER];
    export_real(e->survey->run[run].actor_lr, actor);
    export_real(e->survey->run[run].critic_lr, critic);
    snprintf(text, size, "actor_%s_critic_%s_run_%" PRId64, actor, critic, e->place[run]);
}
