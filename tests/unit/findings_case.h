// SPDX-License-Identifier: MIT
/** What the tests of findings share: made-up tables of runs, and what the rules say of them. */
#ifndef CCMSWEEP_TESTS_FINDINGS_CASE_H
#define CCMSWEEP_TESTS_FINDINGS_CASE_H

#include "query/aggregate_against.h"
#include "query/aggregate_findings.h"
#include "run_table_case.h"

enum { LIMIT = 600 };

/* What a table says of a run instead of the episode of its event. */
enum { NEVER = 0, PENDING = -1, UNFINISHED = -2, DIVERGED = -3, ENDED = -4, FAILED = -5 };

static struct cohort cohort;
static struct aggregate *aggregate;

static inline int finish_all(void **state)
{
    aggregate_free(&aggregate);
    cohort_fini(&cohort);
    return end(state);
}

/* What a made-up table says of a run with these values. */
struct cell {
    double actor, critic, gamma, clip; /* clip: NaN without a threshold */
    int64_t seed;
};
typedef int (*times)(struct cell cell);
typedef double (*rewards)(struct cell cell);

static inline double value_of(const char *name, int64_t run, double without)
{
    for (size_t a = 0; a < table.axes; a++) {
        if (strcmp(table.axis[a].name, name) == 0)
            return table.axis[a].values[run];
    }
    return without;
}

static inline struct cell cell_of(int64_t run)
{
    return (struct cell){.actor = value_of("actor_lr", run, 0),
                         .critic = value_of("critic_lr", run, 0),
                         .gamma = value_of("gamma", run, 0),
                         .clip = value_of("clip_actor", run, NAN),
                         .seed = table.run[run].seed};
}

/* An episode that differs between seeds, in an order that looks like chance. */
static inline int about(int episode, struct cell cell)
{
    return episode + (int)(cell.seed * 613 % 37);
}

static inline void put(int64_t run, int said)
{
    static const enum fate fates[] = {FATE_CENSORED, FATE_PENDING, FATE_UNFINISHED,
                                      FATE_DIVERGED, FATE_ENDED,   FATE_FAILED};
    struct member *const member = &cohort.member[run];
    const enum fate fate = said > 0 ? FATE_EVENT : fates[-said];
    member->fate = fate;
    member->time = said > 0                                      ? said
                   : fate == FATE_CENSORED                       ? LIMIT
                   : fate == FATE_PENDING || fate == FATE_FAILED ? -1
                                                                 : 50;
    for (int which = 0; which < RETURN_COUNT; which++)
        member->returns[which] = NAN;
}

static inline void make_runs(const char *grid, times time)
{
    char text[1024];
    snprintf(text, sizeof text,
             "training: {episodes: %d}\nenvironment: {agents: 2}\n"
             "tracking: {log_every: 600, snapshot_every: 0}\ngrid: {%s}\n",
             LIMIT, grid);
    make_of(spec_of(text));
    take(false);
    cohort = (struct cohort){.runs = table.runs, .limit = LIMIT};
    cohort.member = calloc((size_t)table.runs, sizeof *cohort.member);
    for (int64_t run = 0; run < table.runs; run++)
        put(run, time(cell_of(run)));
}

/* All runs have these returns, and were trained up to the limit. */
static inline void add_returns(rewards reward)
{
    for (int64_t run = 0; run < table.runs; run++) {
        table.run[run].outcome = OUTCOME_STOPPED;
        table.run[run].total = (int32_t)(table.run[run].limit = LIMIT);
        cohort.member[run].returns[RETURN_END] = cohort.member[run].returns[RETURN_EVALUATION] =
            reward(cell_of(run));
    }
}

static inline void aggregate_them(struct aggregate_options options)
{
    options.confidence = 0.95;
    options.draw_seed = 1;
    options.bootstrap = 400;
    options.permutations = 999;
    cohort.event = options.event;
    cohort.endpoint = options.endpoint;
    aggregate_free(&aggregate);
    assert_ok(aggregate_new(&aggregate, &options, &table, &cohort, &fault));
    assert_in_range(aggregate->findings, 0, FINDINGS_MOST);
    for (int64_t i = 0; i < aggregate->findings; i++) {
        const struct finding *const finding = &aggregate->finding[i];
        assert_null(strstr(finding->sentence, "nan"));
        assert_null(strstr(finding->sentence, "inf"));
        assert_int_not_equal(finding->sentence[strlen(finding->sentence) - 1], ' ');
        assert_in_range(finding->numbers, 1, FINDING_NUMBERS);
    }
}

static inline void look(const char *grid, times time)
{
    make_runs(grid, time);
    aggregate_them((struct aggregate_options){0});
}

static inline const struct finding *find(enum finding_rule rule)
{
    for (int64_t i = 0; i < aggregate->findings; i++) {
        if (aggregate->finding[i].rule == rule)
            return &aggregate->finding[i];
    }
    return NULL;
}

/* That a rule says this; NULL: nothing. */
static inline void assert_said(enum finding_rule rule, const char *sentence)
{
    const struct finding *const finding = find(rule);
    if (sentence == NULL && finding != NULL)
        fail_msg("%s: %s", finding_name(rule), finding->sentence);
    if (sentence == NULL)
        return;
    if (finding == NULL)
        fail_msg("%s says nothing, expected: %s", finding_name(rule), sentence);
    assert_string_equal(finding->sentence, sentence);
}

/* That a finding of this rule says this among other things. */
static inline void assert_part(enum finding_rule rule, const char *part)
{
    for (int64_t i = 0; i < aggregate->findings; i++) {
        const struct finding *const finding = &aggregate->finding[i];
        if (finding->rule == rule && strstr(finding->sentence, part) != NULL)
            return;
    }
    fail_msg("%s: '%s' lacks '%s'", finding_name(rule),
             find(rule) != NULL ? find(rule)->sentence : "nothing", part);
}

static inline double number_of(enum finding_rule rule, const char *name)
{
    const struct finding *const finding = find(rule);
    assert_non_null(finding);
    for (int64_t i = 0; i < finding->numbers; i++) {
        if (strcmp(finding->number[i].name, name) == 0)
            return finding->number[i].value;
    }
    fail_msg("%s has no %s", finding_name(rule), name);
    return NAN;
}

#endif
