// SPDX-License-Identifier: MIT
/*
 * What both forms of an export share (export_tables.c, export_study.c): which runs have rows, and
 * how the published study writes a number and names a folder.
 */
#include "report/export.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failed and quarantined runs are done but were not trained; their rows are fill values. */
bool export_has_rows(const struct export *e, int64_t run)
{
    const struct run_row *const r = &e->table->run[run];
    return r->state == RUN_STATE_DONE &&
           (r->outcome == OUTCOME_STOPPED || r->outcome == OUTCOME_CENSORED ||
            r->outcome == OUTCOME_DIVERGED);
}

/* 15 digits, or more only when they are needed to read back to the same bits: the text that
 * Python's repr gives in most cases. ".0" is added because repr never writes a real like a whole
 * number. */
void export_real(double value, char text[TEXT_NUMBER])
{
    if (isnan(value) || isinf(value)) {
        snprintf(text, TEXT_NUMBER, "%s",
                 isnan(value) ? "NaN" : (value > 0 ? "Infinity" : "-Infinity"));
        return;
    }
    text_write_shortest(value, 15, text);
    if (strpbrk(text, ".e") == NULL)
        strncat(text, ".0", TEXT_NUMBER - strlen(text) - 1);
}

void export_study_name(const struct export *e, int64_t run, char *text, size_t size)
{
    char actor[TEXT_NUMBER], critic[TEXT_NUMBER];
    export_real(e->table->rate[RUN_TABLE_ACTOR_LR].values[run], actor);
    export_real(e->table->rate[RUN_TABLE_CRITIC_LR].values[run], critic);
    snprintf(text, size, "actor_%s_critic_%s_run_%" PRId64, actor, critic, e->place[run]);
}
