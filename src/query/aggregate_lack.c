// SPDX-License-Identifier: MIT
/*
 * Of which runs a quantity is not known, and why. One such run makes a comparison not estimable: it
 * is not missing at random. Runs end early because their actors stopped, and short runs are done
 * first, so what remains would be a selected group.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include <inttypes.h>
#include <math.h>

/* In the order in which they are told. */
enum lack {
    LACK_UNFINISHED,
    LACK_DAMAGED,
    LACK_FAILED,
    LACK_QUARANTINED,
    LACK_DIVERGED,
    LACK_ENDED,
    LACK_SHORT,
    LACK_EVALUATION,
    LACK_VALUE,
    LACKS = AGAINST_LACKS,
    KNOWN = LACKS
};

/* What the run and its fate say before any number of it is looked at. */
static enum lack lack_of_fate(const struct run_row *row, const struct member *member)
{
    switch (member->fate) {
    case FATE_PENDING:
        return row->damage != NULL ? LACK_DAMAGED : LACK_UNFINISHED;
    case FATE_UNFINISHED:
        return LACK_UNFINISHED;
    case FATE_FAILED:
        return LACK_FAILED;
    case FATE_QUARANTINED:
        return LACK_QUARANTINED;
    default:
        return KNOWN;
    }
}

/* A curve is drawn as far as the last run is known, and beyond that as if nothing happened up to
 * the limit. Only the limit ends runs independently of the event, so nothing else may: what a run
 * would have done in the episodes that are missing is what the difference is about. This includes
 * diverging: such a run has no time by the limit, and that it would have gone on like the others is
 * a guess, on which no test may rest. */
static enum lack lack_of_time(const struct member *member, int64_t limit)
{
    if (member->fate == FATE_EVENT || member->time >= limit)
        return KNOWN;
    switch (member->fate) {
    case FATE_UNFINISHED:
        return LACK_UNFINISHED;
    case FATE_DIVERGED:
        return LACK_DIVERGED;
    case FATE_ENDED:
        return LACK_ENDED;
    default:
        return LACK_SHORT;
    }
}

/* A run that diverged cannot have the event any more, nor did it reach the limit: it is known not
 * to be one that never stops, as in the share of a configuration. */
static enum lack lack_of_end(const struct member *member, int64_t limit)
{
    if (member->fate == FATE_ENDED)
        return LACK_ENDED;
    return member->fate == FATE_CENSORED && member->time < limit ? LACK_SHORT : KNOWN;
}

/* Whether the run had the event does not matter here, only how long it went on: a run that ended
 * early was still exploring more in its last episodes than one that went on, and its mean is over
 * fewer of them. Greedy evaluations do not explore. */
static enum lack lack_of_return(const struct run_row *row, double value,
                                enum against_quantity quantity)
{
    if (row->outcome == OUTCOME_DIVERGED)
        return LACK_DIVERGED;
    if (quantity != AGAINST_EVALUATION && row->total < row->limit)
        return LACK_ENDED;
    if (!isnan(value))
        return KNOWN;
    return quantity == AGAINST_EVALUATION ? LACK_EVALUATION : LACK_VALUE;
}

double against_return(const struct aggregate *aggregate, enum against_quantity quantity,
                      int64_t run)
{
    static const enum returns which[AGAINST_QUANTITIES] = {[AGAINST_END] = RETURN_END,
                                                           [AGAINST_TRAINING] = RETURN_TRAINING,
                                                           [AGAINST_EVALUATION] =
                                                               RETURN_EVALUATION};
    CHECK(quantity >= AGAINST_END);
    return aggregate->cohort->member[run].returns[which[quantity]];
}

void against_lack_add(const struct aggregate *aggregate, enum against_quantity quantity,
                      int64_t run, struct against_lack *lack)
{
    const struct run_row *const row = &aggregate->table->run[run];
    const struct member *const member = &aggregate->cohort->member[run];
    enum lack found = quantity == AGAINST_RMST ? lack_of_time(member, aggregate->options.limit)
                                               : lack_of_fate(row, member);
    if (found == KNOWN && quantity == AGAINST_NEVER)
        found = lack_of_end(member, aggregate->options.limit);
    else if (found == KNOWN && quantity != AGAINST_RMST)
        found = lack_of_return(row, against_return(aggregate, quantity, run), quantity);
    if (found != KNOWN)
        lack->runs[found]++;
}

bool against_lack_write(const struct against_lack *lack, char *note, size_t size)
{
    /* Of one run, and of several. */
    static const char *const words[LACKS][2] = {
        [LACK_UNFINISHED] = {"is not finished", "are not finished"},
        [LACK_DAMAGED] = {"is damaged", "are damaged"},
        [LACK_FAILED] = {"failed", "failed"},
        [LACK_QUARANTINED] = {"is quarantined", "are quarantined"},
        [LACK_DIVERGED] = {"diverged", "diverged"},
        [LACK_ENDED] = {"ended before its limit", "ended before their limit"},
        [LACK_SHORT] = {"has a limit below --limit", "have a limit below --limit"},
        [LACK_EVALUATION] = {"was not evaluated", "were not evaluated"},
        [LACK_VALUE] = {"has no such return", "have no such return"},
    };
    bool any = false;
    for (int i = 0; i < LACKS; i++) {
        const int64_t runs = lack->runs[i];
        if (runs == 0)
            continue;
        text_add(note, size, "%s%" PRId64 " %s %s", note[0] != '\0' ? "; " : "", runs,
                 runs == 1 ? "run" : "runs", words[i][runs != 1]);
        any = true;
    }
    return any;
}
