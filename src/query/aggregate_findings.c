// SPDX-License-Identifier: MIT
/*
 * The findings of a sweep: which configurations may be spoken of, and which sentences are told in
 * which order. The rules are in findings_shares, findings_between and findings_against.
 */
#include "query/aggregate_findings.h"
#include "query/aggregate_against.h"
#include "query/findings_internal.h"
#include <inttypes.h>
#include <stdlib.h>

const char *finding_name(enum finding_rule rule)
{
    static const char *const names[FINDING_RULES] = {
        [FINDING_ALL] = "all",
        [FINDING_MOST] = "most",
        [FINDING_FEW] = "few",
        [FINDING_NONE] = "none",
        [FINDING_AXIS] = "axis",
        [FINDING_REFERENCE] = "reference",
        [FINDING_AGAINST_RMST] = "against_rmst",
        [FINDING_AGAINST_NEVER] = "against_never",
        [FINDING_AGAINST_RETURN] = "against_return",
        [FINDING_RETURN] = "return",
        [FINDING_UNDECIDED] = "undecided",
        [FINDING_NO_DIFFERENCE] = "no_difference",
        [FINDING_LEFT_OUT] = "left_out",
    };
    return names[rule];
}

/* ---- what may be spoken of ---- */

/* What becomes of a run by the limit must be known: it had the event, or reached the limit without
 * it. Of one in flight, what it has noted says nothing of an event. */
static void count_lack(const struct aggregate *aggregate, int64_t run, struct against_lack *lack)
{
    const struct member *const member = &aggregate->cohort->member[run];
    const bool timed = member_is_observed(member) && member->fate != FATE_UNFINISHED;
    against_lack_add(aggregate, timed ? AGAINST_RMST : AGAINST_NEVER, run, lack);
}

static int64_t lacking(const struct against_lack *lack)
{
    int64_t count = 0;
    for (int i = 0; i < AGAINST_LACKS; i++)
        count += lack->runs[i];
    return count;
}

static bool is_unfinished(const struct aggregate *aggregate, int64_t run)
{
    const enum fate fate = aggregate->cohort->member[run].fate;
    return fate == FATE_UNFINISHED || fate == FATE_PENDING;
}

/* Say which configurations are left out, and why. */
static void find_left_out(struct findings *findings, const struct against_lack *lack,
                          int64_t single)
{
    const struct aggregate *const aggregate = findings->aggregate;
    const int64_t spoken = finding_set_count(aggregate, findings->spoken);
    const int64_t left = aggregate->configurations - spoken;
    char why[AGGREGATE_NOTE] = "";
    if (left == 0)
        return;
    struct finding *const finding = findings_add(findings, FINDING_LEFT_OUT, 0);
    finding_count(finding, "configurations", (double)left);
    finding_count(finding, "runs", (double)lacking(lack));
    if (spoken == 0) {
        finding_say(finding, "nothing can be said of any configuration: ");
    } else {
        bool *const in = fault_alloc((size_t)aggregate->configurations, sizeof *in);
        for (int64_t c = 0; c < aggregate->configurations; c++)
            in[c] = !findings->spoken[c];
        finding_say(finding, "nothing is said of %" PRId64 " of %" PRId64 " configurations, with ",
                    left, aggregate->configurations);
        finding_say_set(finding, aggregate, in);
        finding_say(finding, ": ");
        free(in);
    }
    if (against_lack_write(lack, why, sizeof why))
        finding_say(finding, "%s", why);
    if (single > 0)
        finding_say(finding, "%sone seed gives no interval", why[0] != '\0' ? "; " : "");
}

/* Find which configurations may be spoken of. \param lack out: the runs of the others \param single
 * out: number of configurations that have one seed alone */
static void choose(struct findings *findings, struct against_lack *lack, int64_t *single)
{
    const struct aggregate *const aggregate = findings->aggregate;
    for (int64_t c = 0; c < aggregate->configurations; c++)
        findings->spoken[c] = true;
    for (int64_t run = 0; run < aggregate->cohort->runs; run++) {
        const int64_t before = lacking(lack);
        count_lack(aggregate, run, lack);
        if (lacking(lack) > before)
            findings->spoken[aggregate->grouping.of_run[run]] = false;
    }
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        const bool alone = findings->spoken[c] && aggregate->configuration[c].seeds < 2;
        *single += alone;
        findings->spoken[c] = findings->spoken[c] && !alone;
    }
}

/* ---- order ---- */

/* Whether a sentence says what is not known, not what is. */
static bool is_open(const struct finding *finding)
{
    return finding->rule >= FINDING_UNDECIDED;
}

/* What is left out of a sweep that is not finished is told first: it bears on all the others. */
static int part_of(const struct finding *finding, bool unfinished)
{
    if (finding->rule == FINDING_LEFT_OUT)
        return unfinished ? 0 : 3;
    return is_open(finding) ? 2 : 1;
}

/* Sort, stable: by part, then by weight. There are few, so by insertion. */
static void sort(struct findings *findings, bool unfinished)
{
    for (int64_t i = 1; i < findings->count; i++) {
        const struct finding moved = findings->finding[i];
        const int part = part_of(&moved, unfinished);
        int64_t at = i;
        for (; at > 0; at--) {
            const struct finding *const before = &findings->finding[at - 1];
            const int other = part_of(before, unfinished);
            if (other < part || (other == part && before->runs >= moved.runs))
                break;
            findings->finding[at] = *before;
        }
        findings->finding[at] = moved;
    }
}

/* Drop those of the least weight that are too many; those that say what is not known stay. */
static void cut(struct findings *findings)
{
    int64_t open = 0, known = 0, kept = 0;
    for (int64_t i = 0; i < findings->count; i++)
        open += is_open(&findings->finding[i]);
    for (int64_t i = 0; i < findings->count; i++) {
        const struct finding *const finding = &findings->finding[i];
        known += !is_open(finding);
        if (is_open(finding) || known <= FINDINGS_MOST - open)
            findings->finding[kept++] = *finding;
    }
    findings->count = kept;
}

void aggregate_find(struct aggregate *aggregate)
{
    struct findings findings = {
        .aggregate = aggregate,
        .spoken = fault_alloc((size_t)aggregate->configurations, sizeof *findings.spoken)};
    struct against_lack lack = {{0}};
    int64_t single = 0;
    bool unfinished = false;
    for (int64_t run = 0; run < aggregate->cohort->runs; run++)
        unfinished = unfinished || is_unfinished(aggregate, run);
    choose(&findings, &lack, &single);
    findings_of_against(&findings);
    findings_of_shares(&findings);
    findings_of_differences(&findings);
    findings_of_returns(&findings);
    find_left_out(&findings, &lack, single);
    sort(&findings, unfinished);
    cut(&findings);
    aggregate->findings = findings.count;
    aggregate->finding = findings.finding;
    free(findings.spoken);
}
