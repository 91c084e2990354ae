// SPDX-License-Identifier: MIT
#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Whether the rows of a run with this outcome are those of a training. */
static bool is_trained(int32_t outcome)
{
    return outcome == OUTCOME_STOPPED || outcome == OUTCOME_CENSORED || outcome == OUTCOME_DIVERGED;
}

/* The largest value, besides -1 for what was not seen. */
static int64_t most_of(const struct field *field, const struct record_bounds *bounds)
{
    const bool is_cause = field->offset == offsetof(struct record, cause) ||
                          field->offset == offsetof(struct record, run_cause);
    if (is_cause)
        return CAUSE_COUNT - 1;
    if (field->offset == offsetof(struct record, total_episodes))
        return bounds->limit;
    if (strcmp(field->unit, "episode") == 0)
        return is_trained(bounds->outcome) ? bounds->total : bounds->limit;
    return strcmp(field->unit, "actor") == 0 ? bounds->actors : INT32_MAX;
}

static bool is_expected(const struct field *field, int32_t value, int64_t most,
                        const struct record_bounds *bounds)
{
    if (field->offset == offsetof(struct record, outcome))
        return outcome_is_final(value);
    if (field->offset == offsetof(struct record, total_episodes) && is_trained(bounds->outcome))
        return value >= 1 && value <= most;
    if (field->offset == offsetof(struct record, stopping_episode) &&
        bounds->outcome == OUTCOME_CENSORED)
        return value == -1;
    /* Episodes count from 1. */
    if (strcmp(field->unit, "episode") == 0 && value == 0)
        return false;
    return value >= -1 && value <= most;
}

static void describe(const struct field *field, int64_t i, int32_t value, int64_t most,
                     char why[RECORD_WHY])
{
    const bool of_actor = field->dims[0] == DIM_ACTOR;
    char where[32] = "";
    if (field->dims[0] != DIM_NONE)
        snprintf(where, sizeof where, "%s %" PRId64, of_actor ? " of actor" : ", value", i);
    if (field->offset == offsetof(struct record, outcome))
        snprintf(why, RECORD_WHY, "its outcome is %" PRId32, value);
    else if (field->offset == offsetof(struct record, total_episodes))
        snprintf(why, RECORD_WHY, "%" PRId32 " episodes, expected 1 to %" PRId64, value, most);
    else
        snprintf(why, RECORD_WHY, "its %s%s is %" PRId32 ", expected %s%" PRId64, field->name,
                 where, value, strcmp(field->unit, "episode") == 0 ? "-1 or 1 to " : "-1 to ",
                 most);
}

bool record_holds(const struct field *field, const void *values, int64_t count,
                  const struct record_bounds *bounds, char why[RECORD_WHY])
{
    const int32_t *const whole = values;
    if (field->type != FIELD_I32)
        return true;
    const int64_t most = most_of(field, bounds);
    for (int64_t i = 0; i < count; i++) {
        if (is_expected(field, whole[i], most, bounds))
            continue;
        describe(field, i, whole[i], most, why);
        return false;
    }
    return true;
}

struct record_bounds record_bounds(const struct settings *cell, int32_t outcome, int32_t total)
{
    return (struct record_bounds){.outcome = outcome,
                                  .total = total,
                                  .limit = cell->training.episodes,
                                  .actors = cell->environment.agents};
}

bool record_check(const struct record *record, const struct settings *cell, char why[RECORD_WHY])
{
    size_t count = 0;
    const struct field *const fields = record_fields(&count);
    const struct extents extents = record_extents(cell);
    const struct record_bounds bounds =
        record_bounds(cell, *record->outcome, *record->total_episodes);
    for (size_t f = 0; f < count; f++) {
        const void *values = NULL;
        memcpy(&values, (const char *)record + fields[f].offset, sizeof values);
        if (!record_holds(&fields[f], values, record_count(&fields[f], &extents), &bounds, why))
            return false;
    }
    return true;
}
