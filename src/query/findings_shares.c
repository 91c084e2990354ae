// SPDX-License-Identifier: MIT
/*
 * Findings on whether actors stop at all: from the interval of the share that never does.
 *
 * It has to exclude one half: with fewer, "all runs stopped" would be said of three runs that did,
 * of which nothing follows. At 0.95 it takes six.
 */
#include "query/findings_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* The interval of the share that never has the event. That of the configuration counts its runs as
 * independent, which the runs of one seed are not: where they are pooled, a seed counts once, and
 * only if all its runs agree. */
static struct bounds share_of(const struct aggregate *aggregate, const struct configuration *c)
{
    if (c->seeds == c->runs)
        return c->never_between;
    if (c->never != 0 && c->never != c->runs)
        return (struct bounds){NAN, NAN};
    return sample_share(c->never == 0 ? 0 : c->seeds, c->seeds, aggregate->options.confidence);
}

/* The rule that speaks of a configuration. */
static enum finding_rule rule_of(const struct aggregate *aggregate, const struct configuration *c)
{
    const struct bounds between = share_of(aggregate, c);
    if (between.upper < 0.5)
        return c->never == 0 ? FINDING_ALL : FINDING_MOST;
    if (between.lower > 0.5)
        return c->never == c->runs ? FINDING_NONE : FINDING_FEW;
    return FINDING_UNDECIDED;
}

/* What the configurations of a rule have together. */
struct together {
    bool *in; /* (configurations) */
    int64_t count, runs, events, moved, min, max;
    struct bounds between; /* of their intervals the ends that are farthest out */
};

static void add(const struct aggregate *aggregate, int64_t i, struct together *all)
{
    const struct configuration *const c = &aggregate->configuration[i];
    const struct bounds between = share_of(aggregate, c);
    all->in[i] = true;
    /* NaN: one without an interval leaves all without. */
    if (all->count++ == 0)
        all->between = between;
    else if (isnan(between.lower) || isnan(all->between.lower))
        all->between = (struct bounds){NAN, NAN};
    else
        all->between = (struct bounds){fmin(all->between.lower, between.lower),
                                       fmax(all->between.upper, between.upper)};
    all->runs += c->runs;
    all->events += c->fates[FATE_EVENT];
    all->moved += c->moved;
    if (c->max >= 0) {
        all->min = all->min < 0 || c->min < all->min ? c->min : all->min;
        all->max = c->max > all->max ? c->max : all->max;
    }
}

static void say_which(const struct findings *findings, const struct together *all,
                      struct finding *finding)
{
    const struct aggregate *const aggregate = findings->aggregate;
    if (all->count == aggregate->configurations)
        return;
    finding_say(finding, "with ");
    finding_say_set(finding, aggregate, all->in);
    finding_say(finding, ", ");
}

/* Percent of runs, away from what is claimed: "up to" must not be less than the end. */
static double up(double share)
{
    return ceil(100 * share - 1e-9);
}

static void say_episodes(const struct together *all, struct finding *finding)
{
    if (all->min == all->max)
        finding_say(finding, " in episode %" PRId64, all->min);
    else
        finding_say(finding, " in episodes %" PRId64 " to %" PRId64, all->min, all->max);
    if (all->moved > 0)
        finding_say(finding, ", of which in %" PRId64 " an actor moved again, or may have",
                    all->moved);
}

/* "with actor_lr 0.1, all 8 runs stopped in episodes 166 to 188; up to 37 % may not". */
static void say_share(const struct findings *findings, const struct together *all,
                      struct finding *finding)
{
    const struct aggregate *const aggregate = findings->aggregate;
    const char *const did = finding_words(aggregate).did;
    const bool stop = finding->rule == FINDING_ALL || finding->rule == FINDING_MOST;
    const double most = stop ? all->between.upper : 1 - all->between.lower;
    say_which(findings, all, finding);
    if (all->events == all->runs)
        finding_say(finding, "all %" PRId64 " runs %s", all->runs, did);
    else if (all->events == 0)
        finding_say(finding, "none of %" PRId64 " runs %s by %" PRId64, all->runs, did,
                    aggregate->options.limit);
    else
        finding_say(finding, "%" PRId64 " of %" PRId64 " runs %s by %" PRId64 ",", all->events,
                    all->runs, did, aggregate->options.limit);
    if (all->events > 0)
        say_episodes(all, finding);
    finding_say(finding, "; up to %.0f %% %smay%s", up(most),
                all->count > 1 ? "of a configuration " : "", stop ? " not" : "");
    finding_count(finding, stop ? "never_at_most" : "events_at_most", most);
}

static void say_undecided(const struct findings *findings, const struct together *all,
                          struct finding *finding)
{
    const struct finding_words words = finding_words(findings->aggregate);
    finding_say(finding, "it is not settled whether most runs %s", words.does);
    if (all->count < findings->aggregate->configurations) {
        finding_say(finding, " with ");
        finding_say_set(finding, findings->aggregate, all->in);
    }
    finding_say(finding, ": %" PRId64 " of %" PRId64 " %s by %" PRId64, all->events, all->runs,
                words.did, findings->aggregate->options.limit);
    if (isnan(all->between.lower))
        return;
    finding_say(finding, "; between %.0f and %.0f %% %smay not", floor(100 * all->between.lower),
                up(all->between.upper), all->count > 1 ? "of a configuration " : "");
    finding_number(finding, "never", 1 - (double)all->events / (double)all->runs, all->between);
}

static void make(struct findings *findings, enum finding_rule rule)
{
    const struct aggregate *const aggregate = findings->aggregate;
    struct together all = {
        .in = fault_alloc((size_t)aggregate->configurations, sizeof *all.in), .min = -1, .max = -1};
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        if (findings->spoken[i] && rule_of(aggregate, &aggregate->configuration[i]) == rule)
            add(aggregate, i, &all);
    }
    if (all.count > 0) {
        struct finding *const finding = findings_add(findings, rule, all.runs);
        finding_count(finding, "configurations", (double)all.count);
        finding_count(finding, "runs", (double)all.runs);
        finding_count(finding, "events", (double)all.events);
        if (rule == FINDING_UNDECIDED)
            say_undecided(findings, &all, finding);
        else
            say_share(findings, &all, finding);
        if (all.events > 0) {
            finding_count(finding, "first", (double)all.min);
            finding_count(finding, "last", (double)all.max);
        }
    }
    free(all.in);
}

void findings_of_shares(struct findings *findings)
{
    static const enum finding_rule rules[] = {FINDING_ALL, FINDING_MOST, FINDING_FEW, FINDING_NONE,
                                              FINDING_UNDECIDED};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        make(findings, rules[i]);
}
