// SPDX-License-Identifier: MIT
/* What the record of a finished training can hold. It comes from a file that another program may
 * have written or a disk may have changed, and its whole numbers are used as counts, episodes and
 * choices: so they are checked before they are. Reals may be anything, since a training that
 * diverges writes any of them. */
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

struct range {
    int64_t least, most;
};

/* Of the values of a field other than `outcome`. Told by the field's place in the struct where the
 * name decides, and by its unit otherwise, so that a new field of episodes is checked without a
 * line here. A run that was not trained (failed, quarantined) may have no episodes at all. */
static struct range range_of(const struct field *field, const struct record_bounds *bounds)
{
    const bool trained = is_trained(bounds->outcome);
    const int64_t last = trained ? bounds->total : bounds->limit;
    if (field->offset == offsetof(struct record, cause) ||
        field->offset == offsetof(struct record, run_cause))
        return (struct range){-1, CAUSE_COUNT - 1};
    if (field->offset == offsetof(struct record, total_episodes))
        return (struct range){trained ? 1 : -1, bounds->limit};
    if (field->offset == offsetof(struct record, stopping_episode)) {
        return (struct range){bounds->outcome == OUTCOME_STOPPED ? 1 : -1,
                              bounds->outcome == OUTCOME_CENSORED ? -1 : last};
    }
    if (strcmp(field->unit, "episode") == 0)
        return (struct range){-1, last};
    return (struct range){-1, strcmp(field->unit, "actor") == 0 ? bounds->actors : INT32_MAX};
}

/* -1 is what was not seen. Episodes count from 1, so 0 is damage although it lies between -1 and
 * the limit. */
static bool is_expected(const struct field *field, int32_t value, struct range range)
{
    if (field->offset == offsetof(struct record, outcome))
        return outcome_is_final(value);
    if (strcmp(field->unit, "episode") == 0 && value == 0)
        return false;
    return value >= range.least && value <= range.most;
}

/* The sentence for a value that is not expected, in the words of the file. */
static void describe(const struct field *field, int64_t i, int32_t value, struct range range,
                     char why[RECORD_WHY])
{
    const bool of_actor = field->dims[0] == DIM_ACTOR;
    const bool of_episode = strcmp(field->unit, "episode") == 0;
    char where[32] = "", what[32];
    if (field->dims[0] != DIM_NONE)
        snprintf(where, sizeof where, "%s %" PRId64, of_actor ? " of actor" : ", value", i);
    if (range.least == range.most)
        snprintf(what, sizeof what, "%" PRId64, range.most);
    else if (range.least == -1 && of_episode)
        snprintf(what, sizeof what, "-1 or 1 to %" PRId64, range.most);
    else
        snprintf(what, sizeof what, "%" PRId64 " to %" PRId64, range.least, range.most);
    if (field->offset == offsetof(struct record, outcome))
        snprintf(why, RECORD_WHY, "its outcome is %" PRId32, value);
    else
        snprintf(why, RECORD_WHY, "its %s%s is %" PRId32 ", expected %s", field->name, where, value,
                 what);
}

bool record_holds(const struct field *field, const void *values, int64_t count,
                  const struct record_bounds *bounds, char why[RECORD_WHY])
{
    const int32_t *const whole = values;
    if (field->type != FIELD_I32)
        return true;
    const struct range range = range_of(field, bounds);
    for (int64_t i = 0; i < count; i++) {
        if (is_expected(field, whole[i], range))
            continue;
        describe(field, i, whole[i], range, why);
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
