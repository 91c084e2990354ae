// SPDX-License-Identifier: MIT
/*
 * The estimates of each configuration on its own; aggregate_compare.c has what is between them.
 *
 * A number is given only when the data can carry it. Where a formula would print a spread of 0, an
 * interval from one seed, or a mean of only those runs that happened to stop, the result is NaN
 * ("-" in tables, null in JSON): the functions whose names begin with `withhold` do this.
 */
#include "query/aggregate.h"
#include "base/text.h"
#include "query/aggregate_against.h"
#include "query/aggregate_findings.h"
#include "stats/exchangeable.h"
#include <math.h>
#include <stdlib.h>

/* Default numbers of draws and permutations: as many as keep the answer quick (fill_options). */
enum { DRAWS_MOST = 10000, DRAWS_LEAST = 200, PERMUTATIONS_MOST = 9999, PERMUTATIONS_LEAST = 999 };

/* A figure that cannot be estimated from the sample. Zeros would look like a result. */
static const struct estimate unknown = {NAN, NAN, {NAN, NAN}, 0};

/* One seed gives no interval, however often it is drawn: one draw then saves the time. */
static struct bootstrap how_of(const struct aggregate *aggregate, const struct configuration *c)
{
    struct bootstrap how = aggregate_bootstrap(aggregate);
    how.draws = c->seeds > 1 ? how.draws : 1;
    return how;
}

/* When all seeds agree, no spread was seen. That does not mean that it is 0: it is unknown. The
 * bound is relative, because sums of equal numbers can differ in their last bits. */
static void withhold_spread(struct estimate *estimate)
{
    if (estimate->error <= 1e-12 * fabs(estimate->value)) {
        estimate->error = NAN;
        estimate->between = (struct bounds){NAN, NAN};
    }
}

static int64_t between(int64_t least, int64_t value, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* The defaults depend on the number of runs alone, not on the machine or on the time that has
 * passed: the same file must give the same figures everywhere. Time grows with draws times runs, so
 * their product is limited; above 1000 runs there are fewer draws. */
static void fill_options(struct aggregate *aggregate)
{
    struct aggregate_options *const options = &aggregate->options;
    const int64_t runs = aggregate->table->runs;
    options->limit = aggregate->cohort->limit;
    if (options->bootstrap == 0)
        options->bootstrap = between(DRAWS_LEAST, 10000000 / runs, DRAWS_MOST);
    if (options->permutations == 0)
        options->permutations = between(PERMUTATIONS_LEAST, 10000000 / runs, PERMUTATIONS_MOST);
}

/* ---- samples ---- */

/* Put the observed runs into common arrays, those of a configuration side by side, so that its
 * sample is a part of these arrays and is not copied. The first loop counts, the second gives each
 * configuration its place, the third fills (a counting sort). Runs of a configuration keep the
 * order of the plan, so that sums have the same last bits in whatever order the runs were trained.
 * The first loop runs backwards, so that `first` is the first run in the end. */
static void sample(struct aggregate *aggregate)
{
    const struct cohort *const cohort = aggregate->cohort;
    const size_t runs = (size_t)cohort->runs;
    aggregate->time = fault_alloc(runs, sizeof *aggregate->time);
    aggregate->status = fault_alloc(runs, sizeof *aggregate->status);
    aggregate->cause = fault_alloc(runs, sizeof *aggregate->cause);
    aggregate->seed = fault_alloc(runs, sizeof *aggregate->seed);
    aggregate->member = fault_alloc(runs, sizeof *aggregate->member);
    aggregate->configuration =
        fault_alloc((size_t)aggregate->configurations, sizeof *aggregate->configuration);
    for (int64_t run = cohort->runs - 1; run >= 0; run--) {
        const struct member *const m = &cohort->member[run];
        struct configuration *const c = &aggregate->configuration[aggregate->grouping.of_run[run]];
        c->first = run;
        c->runs++;
        c->fates[m->fate]++;
        c->moved += m->moved;
        c->sample.count += member_is_observed(m);
    }
    int64_t next = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        struct sample *const s = &aggregate->configuration[i].sample;
        s->time = aggregate->time + next;
        s->status = aggregate->status + next;
        s->cluster = aggregate->seed + next;
        next += s->count;
        s->count = 0;
    }
    for (int64_t run = 0; run < cohort->runs; run++) {
        const struct member *const m = &cohort->member[run];
        struct sample *const s = &aggregate->configuration[aggregate->grouping.of_run[run]].sample;
        if (!member_is_observed(m))
            continue;
        const int64_t at = s->time - aggregate->time + s->count++;
        aggregate->time[at] = m->time;
        aggregate->status[at] = m->fate == FATE_EVENT;
        aggregate->cause[at] = m->fate == FATE_EVENT      ? m->cause + 1
                               : m->fate == FATE_DIVERGED ? AGGREGATE_DIVERGED + 1
                                                          : 0;
        aggregate->seed[at] = aggregate->table->run[run].seed;
        aggregate->member[at] = run;
    }
}

/* ---- times ---- */

/* The interquartile mean needs the ranks of all runs. A run that was censored below the largest
 * event could have any rank above its time, so there is no estimate then. When all unknown times
 * are above the largest event their ranks are known, and INFINITY can stand for each of them: the
 * mean uses the middle half only, and stays finite while at most a quarter of the runs are
 * unknown. */
static struct estimate estimate_iqm(const struct aggregate *aggregate,
                                    const struct configuration *c)
{
    const struct bootstrap how = how_of(aggregate, c);
    double *const times = fault_alloc((size_t)c->sample.count + 1, sizeof *times);
    bool ranked = c->sample.count > 0;
    for (int64_t i = 0; i < c->sample.count; i++) {
        const bool event = c->sample.status[i] == 1;
        times[i] = event ? c->sample.time[i] : (double)INFINITY;
        ranked = ranked && (event || c->sample.time[i] >= (double)c->max);
    }
    const struct values values = {c->sample.count, times, c->sample.cluster, NULL};
    struct estimate iqm = unknown;
    if (ranked)
        bootstrap_means(&values, &how, NULL, &iqm);
    free(times);
    withhold_spread(&iqm);
    bootstrap_clip(&iqm.between, 0.0, INFINITY);
    return isinf(iqm.value) ? unknown : iqm;
}

static void find_ends(struct configuration *c)
{
    c->min = c->max = -1;
    c->follow_up = NAN;
    for (int64_t i = 0; i < c->sample.count; i++) {
        const int64_t time = (int64_t)c->sample.time[i];
        c->follow_up = fmax(c->follow_up, c->sample.time[i]);
        if (c->sample.status[i] == 0)
            continue;
        c->min = c->min < 0 || time < c->min ? time : c->min;
        c->max = time > c->max ? time : c->max;
    }
}

/* The runs of the observations of a configuration. `member` is parallel to `time`, so the place of
 * the sample in the one is its place in the other. */
static const int64_t *members_of(const struct aggregate *aggregate, const struct configuration *c)
{
    return aggregate->member + (c->sample.time - aggregate->time);
}

/* The share is of the runs whose end is known. A run that is unfinished or ended early could still
 * have had the event by the limit, so it is in neither count. A run that diverged cannot have the
 * event any more, but did not train to the limit either: it is in the denominator only. */
static void count_never(const struct aggregate *aggregate, struct configuration *c)
{
    for (int64_t i = 0; i < c->sample.count; i++) {
        const struct member *const m = &aggregate->cohort->member[members_of(aggregate, c)[i]];
        c->never += m->fate == FATE_CENSORED && m->time >= aggregate->options.limit;
    }
    c->settled = c->never + c->fates[FATE_EVENT] + c->fates[FATE_DIVERGED];
    if (c->settled > 0)
        c->never_between = sample_share(c->never, c->settled, aggregate->options.confidence);
}

/* With one seed nothing is known of the spread; without an event the formulas give a spread of 0.
 * The exact interval of `never` stays with two or more seeds, since it says something also of a
 * share of 0 or 1. Shares and curves themselves stay: they describe the runs that there are. */
static void withhold(struct configuration *c)
{
    c->median_between = (struct bounds){NAN, NAN};
    c->rmst.error = c->spread.error = NAN;
    c->spread.between = (struct bounds){NAN, NAN};
    if (c->seeds < 2)
        c->never_between = (struct bounds){NAN, NAN};
    for (int64_t i = 0; i < c->curve.points; i++)
        c->curve.error[i] = c->curve.lower[i] = c->curve.upper[i] = NAN;
    for (int64_t i = 0; i < c->incidence.points * c->incidence.causes; i++)
        c->incidence.error[i] = c->incidence.lower[i] = c->incidence.upper[i] = NAN;
}

/* Curve and incidence answer different questions about runs that diverged. In the curve they are
 * censored ("if no run had diverged"); in the incidence divergence is a competing event ("what came
 * first"). So there are two status arrays over the same times. When the bootstrap shows no spread,
 * the error of Greenwood's formula is withheld too, or a table would show the one without the
 * other.
 */
static void estimate_times(const struct aggregate *aggregate, struct configuration *c)
{
    const double limit = (double)aggregate->options.limit;
    struct sample causes = c->sample;
    causes.status = aggregate->cause + (c->sample.status - aggregate->status);
    c->seeds = sample_clusters(c->sample.count, c->sample.cluster);
    const struct bootstrap how = how_of(aggregate, c);
    find_ends(c);
    curve_init(&c->curve, &c->sample, how.confidence);
    incidence_init(&c->incidence, &causes, AGGREGATE_CAUSES, how.confidence);
    c->median = curve_quantile(&c->curve, 0.5, &c->median_between);
    c->rmst = curve_rmst(&c->curve, limit);
    c->spread = c->sample.count > 0 ? bootstrap_rmst(&c->sample, limit, &how) : unknown;
    c->iqm = estimate_iqm(aggregate, c);
    c->never_between = (struct bounds){NAN, NAN};
    count_never(aggregate, c);
    if (c->seeds < 2 || c->max < 0)
        withhold(c);
    withhold_spread(&c->spread);
    if (isnan(c->spread.error))
        c->rmst.error = NAN;
}

/* ---- tails and returns ---- */

/* One number of each run of a configuration, with its seed and its stratum. Allocated once, for all
 * runs, and used again for each figure. */
struct readings {
    double *value;
    int64_t *cluster, *stratum;
    int64_t count;
};

static struct readings new_readings(int64_t count)
{
    const size_t n = (size_t)count + 1;
    return (struct readings){.value = fault_alloc(n, sizeof(double)),
                             .cluster = fault_alloc(n, sizeof(int64_t)),
                             .stratum = fault_alloc(n, sizeof(int64_t))};
}

static void free_readings(struct readings *readings)
{
    free(readings->value);
    free(readings->cluster);
    free(readings->stratum);
}

static void add(struct readings *readings, double value, int64_t cluster, int64_t stratum)
{
    readings->value[readings->count] = value;
    readings->cluster[readings->count] = cluster;
    readings->stratum[readings->count++] = stratum;
}

/* A run is one observation: the mean over its actors. They share a critic and are not independent;
 * as separate observations they would make the interval too narrow. */
static void estimate_tail(const struct aggregate *aggregate, struct configuration *c,
                          struct readings *readings)
{
    const struct bootstrap how = how_of(aggregate, c);
    const int64_t *const members = members_of(aggregate, c);
    readings->count = 0;
    for (int64_t i = 0; i < c->sample.count; i++) {
        const struct member *const m = &aggregate->cohort->member[members[i]];
        c->still_before_zero += m->still_before_zero;
        if (m->actors == 0)
            continue;
        c->tail_min = c->tails == 0 || m->tail_min < c->tail_min ? m->tail_min : c->tail_min;
        c->tail_max = c->tails == 0 || m->tail_max > c->tail_max ? m->tail_max : c->tail_max;
        c->tails += m->actors;
        add(readings, m->tail_mean, aggregate->table->run[members[i]].seed, 0);
    }
    const struct values values = {readings->count, readings->value, readings->cluster, NULL};
    bootstrap_means(&values, &how, &c->tail, NULL);
    withhold_spread(&c->tail);
    bootstrap_clip(&c->tail.between, 0.0, INFINITY);
}

/* A seed is drawn together with all its runs in the pooled configurations, and replaces a seed with
 * runs in the same ones (`stratum`). When one run lacks the return there is no estimate: the mean
 * of the others would be the mean of the runs that stopped, and those are a selected group, not a
 * random part. */
static void estimate_return(const struct aggregate *aggregate, struct configuration *c, int which,
                            const int64_t *stratum, struct readings *readings)
{
    const struct bootstrap how = how_of(aggregate, c);
    const int64_t *const members = members_of(aggregate, c);
    struct aggregate_returns *const r = &c->returns[which];
    r->mean = r->iqm = unknown;
    readings->count = 0;
    for (int64_t i = 0; i < c->sample.count; i++) {
        const struct member *const m = &aggregate->cohort->member[members[i]];
        const double value = m->returns[which];
        if (!isnan(value))
            add(readings, value, aggregate->table->run[members[i]].seed, stratum[members[i]]);
        else
            r->missing += which == RETURN_STOPPING || member_is_finished(m);
    }
    r->runs = readings->count;
    if (r->runs == 0 || r->missing > 0)
        return;
    const struct values values = {readings->count, readings->value, readings->cluster,
                                  readings->stratum};
    bootstrap_means(&values, &how, &r->mean, &r->iqm);
    withhold_spread(&r->mean);
    withhold_spread(&r->iqm);
}

/* Give each run the stratum of its seed: seeds with runs in the same full configurations have the
 * same number. The result (runs) is to be freed. A full configuration is one of all axes (`by` is
 * NULL); a configuration of the aggregate may pool several, and they need not have the same seeds.
 * A seed that is drawn in the place of another must have as many runs in the same full
 * configurations, or these would have other weights in a draw than in the plan. The unit is
 * configuration and seed, packed into one number: a seed has 32 bits. */
static int64_t *find_strata(const struct aggregate *aggregate)
{
    const struct run_table *const table = aggregate->table;
    const size_t runs = (size_t)table->runs;
    struct grouping full;
    int64_t *const unit = fault_alloc(runs, sizeof *unit);
    int64_t *const stratum = fault_alloc(runs, sizeof *stratum);
    /* This cannot fail: only names that a user gives can be wrong. */
    CHECK(grouping_make(&full, table, NULL, NULL) == STATUS_OK);
    for (int64_t run = 0; run < table->runs; run++)
        unit[run] = (aggregate->grouping.of_run[run] << 32) + table->run[run].seed;
    exchangeable_label(table->runs, unit, full.of_run, stratum);
    grouping_fini(&full);
    free(unit);
    return stratum;
}

/* All estimates of the configurations one by one. */
static void estimate(struct aggregate *aggregate)
{
    struct readings readings = new_readings(aggregate->table->runs);
    int64_t *const stratum = find_strata(aggregate);
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        struct configuration *const c = &aggregate->configuration[i];
        estimate_times(aggregate, c);
        estimate_tail(aggregate, c, &readings);
        for (int which = 0; which < RETURN_COUNT; which++)
            estimate_return(aggregate, c, which, stratum, &readings);
    }
    free(stratum);
    free_readings(&readings);
}

enum status aggregate_new(struct aggregate **aggregate, const struct aggregate_options *options,
                          const struct run_table *table, const struct cohort *cohort,
                          struct fault *fault)
{
    struct aggregate *made = fault_alloc(1, sizeof *made);
    *made =
        (struct aggregate){.options = *options, .table = table, .cohort = cohort, .reference = -1};
    fill_options(made);
    enum status status = grouping_make(&made->grouping, table, options->by, fault);
    if (status == STATUS_OK) {
        made->configurations = made->grouping.groups;
        sample(made);
        estimate(made);
        status = aggregate_compare(made, fault);
    }
    if (status == STATUS_OK && options->against != NULL)
        status = aggregate_against(made, fault);
    if (status == STATUS_OK) {
        aggregate_warn(made);
        aggregate_find(made);
    } else {
        aggregate_free(&made);
    }
    *aggregate = made;
    return status;
}

void aggregate_free(struct aggregate **aggregate)
{
    struct aggregate *const a = aggregate != NULL ? *aggregate : NULL;
    if (a == NULL)
        return;
    for (int64_t i = 0; a->configuration != NULL && i < a->configurations; i++) {
        curve_fini(&a->configuration[i].curve);
        incidence_fini(&a->configuration[i].incidence);
    }
    for (int64_t i = 0; i < a->warnings; i++)
        free(a->warning[i]);
    against_free(&a->against);
    grouping_fini(&a->grouping);
    free(a->configuration);
    free(a->comparison);
    free(a->test);
    free(a->warning);
    free(a->finding);
    free(a->time);
    free(a->status);
    free(a->cause);
    free(a->seed);
    free(a->member);
    free(a);
    *aggregate = NULL;
}
