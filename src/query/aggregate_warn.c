// SPDX-License-Identifier: MIT
/*
 * The warnings: how far the figures can be trusted, from the data that there are.
 *
 * A table that is right can still mislead, for example by runs that are missing because they are
 * long. Each sentence says what is the case, of which configurations, and how the figures are to be
 * read because of it.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Number of configurations or runs that a warning names, and of axes; the others are counted. Room
 * for one name. */
enum { NAMED = 5, NAMED_AXES = 3, ITEM = AGGREGATE_NAME + 64 };

__attribute__((format(printf, 2, 3))) static void warn(struct aggregate *aggregate,
                                                       const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    if (vasprintf(&text, format, values) < 0)
        fault_no_memory(strlen(format));
    va_end(values);
    const size_t size = (size_t)(aggregate->warnings + 1) * sizeof *aggregate->warning;
    char **const grown = realloc(aggregate->warning, size);
    if (grown == NULL)
        fault_no_memory(size);
    aggregate->warning = grown;
    aggregate->warning[aggregate->warnings++] = text;
}

/* A list that ends with "and N more" when it gets long: a warning is a sentence, not a table. */
enum { LIST = NAMED * ITEM + 64 };
struct list {
    char *text; /* LIST bytes, more than a small stack holds; list_fini frees them */
    int64_t count;
    int64_t most; /* named; 0: NAMED */
};

static int64_t list_most(const struct list *list)
{
    return list->most > 0 ? list->most : NAMED;
}

static void list_add(struct list *list, const char *item)
{
    if (list->text == NULL)
        list->text = fault_alloc(LIST, 1);
    if (list->count++ < list_most(list))
        text_add(list->text, LIST, "%s%s", list->count > 1 ? "; " : "", item);
}

static const char *list_end(struct list *list)
{
    if (list->count > list_most(list))
        text_add(list->text, LIST, "; and %" PRId64 " more", list->count - list_most(list));
    return list->text;
}

static void list_fini(struct list *list)
{
    free(list->text);
    *list = (struct list){.count = 0};
}

static int64_t count_fate(const struct aggregate *aggregate, enum fate fate)
{
    int64_t count = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++)
        count += aggregate->configuration[i].fates[fate];
    return count;
}

static const char *plural(int64_t count)
{
    return count == 1 ? "run" : "runs";
}

/* Without checksums, only numbers that no training can leave show that rows were changed. */
static void warn_of_unverified(struct aggregate *aggregate)
{
    if (aggregate->options.unverified)
        warn(aggregate, "the rows of the runs were not compared with their checksums, as they are "
                        "many: --verify compares them");
}

/* Runs that were trained to their end, but whose rows do not count. */
static int64_t count_damaged(const struct aggregate *aggregate)
{
    int64_t count = 0;
    for (int64_t run = 0; run < aggregate->table->runs; run++)
        count += aggregate->table->run[run].damage != NULL;
    return count;
}

/* Standard error says what is wrong with each; this stands with the figures that lack them. */
static void warn_of_damaged(struct aggregate *aggregate)
{
    const int64_t count = count_damaged(aggregate);
    if (count > 0)
        warn(aggregate,
             "%" PRId64 " finished %s %s damaged and in no figure, where %s as pending; "
             "run --check trains %s again",
             count, plural(count), count == 1 ? "is" : "are",
             count == 1 ? "it counts" : "they count", count == 1 ? "it" : "them");
}

/* A running sweep is biased, not only incomplete: cells that stop early are done early. */
static void warn_of_unfinished(struct aggregate *aggregate)
{
    const int64_t begun = count_fate(aggregate, FATE_UNFINISHED);
    const int64_t pending = count_fate(aggregate, FATE_PENDING) - count_damaged(aggregate);
    if (begun + pending == 0)
        return;
    warn(aggregate,
         "the sweep is not finished: of %" PRId64 " runs %" PRId64 " have begun and count as "
         "censored at the last episode noted, and of %" PRId64 " nothing is known yet. Short runs "
         "finish first, so early stops are over-represented until all are done, and the "
         "events of a run in progress are seen only when it ends",
         aggregate->table->runs, begun, pending);
}

/* A run can fail because of its configuration (one too large for the memory, for example). The
 * others of that configuration are then a selected group, so each missing run is named. */
static void warn_of_gaps(struct aggregate *aggregate)
{
    static const enum fate gaps[] = {FATE_FAILED, FATE_QUARANTINED};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
        struct list list = {.count = 0};
        for (int64_t run = 0; run < aggregate->table->runs; run++) {
            char name[AGGREGATE_NAME], item[ITEM];
            if (aggregate->cohort->member[run].fate != gaps[g])
                continue;
            aggregate_name(aggregate, aggregate->grouping.of_run[run], -1, name, sizeof name);
            snprintf(item, sizeof item, "%s, seed %" PRId64, name, aggregate->table->run[run].seed);
            list_add(&list, item);
        }
        if (list.count > 0)
            warn(aggregate,
                 "%" PRId64 " %s %s and %s missing from all figures, which may favour the "
                 "configuration: %s",
                 list.count, plural(list.count),
                 gaps[g] == FATE_FAILED ? "failed"
                 : list.count == 1      ? "is quarantined"
                                        : "are quarantined",
                 list.count == 1 ? "is" : "are", list_end(&list));
        list_fini(&list);
    }
}

/* The configurations that have runs of this fate, with their numbers. */
static struct list list_fate(const struct aggregate *aggregate, enum fate fate)
{
    struct list list = {.count = 0};
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        char name[AGGREGATE_NAME], item[ITEM];
        if (c->fates[fate] == 0)
            continue;
        aggregate_name(aggregate, i, -1, name, sizeof name);
        snprintf(item, sizeof item, "%s: %" PRId64 " of %" PRId64, name, c->fates[fate], c->runs);
        list_add(&list, item);
    }
    return list;
}

/* By the published definition an actor stops in its first still episode. It may move again later
 * when its gradient returns, which a reader of "stopped" does not expect. */
static void warn_of_movers(struct aggregate *aggregate)
{
    struct list list = {.count = 0};
    int64_t moved = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        char name[AGGREGATE_NAME], item[ITEM];
        if (c->moved == 0)
            continue;
        moved += c->moved;
        aggregate_name(aggregate, i, -1, name, sizeof name);
        snprintf(item, sizeof item, "%s: %" PRId64 " of %" PRId64, name, c->moved,
                 c->fates[FATE_EVENT]);
        list_add(&list, item);
    }
    if (moved > 0)
        warn(aggregate,
             "in %" PRId64 " of %" PRId64 " runs with the event an actor moved again after it, or "
             "might have: first_still, the published definition, is the first still episode, not "
             "the last movement; --event last_change asks for that (%s)",
             moved, count_fate(aggregate, FATE_EVENT), list_end(&list));
    list_fini(&list);
}

/* Both kinds of runs are censored in the curve for a reason that depends on the event, which the
 * estimators assume not to be so: "ended early" means that all actors were still, and a run that
 * diverged might have stopped. */
static void warn_of_fates(struct aggregate *aggregate)
{
    const int64_t ended = count_fate(aggregate, FATE_ENDED);
    const int64_t diverged = count_fate(aggregate, FATE_DIVERGED);
    struct list list = list_fate(aggregate, FATE_ENDED);
    if (ended > 0)
        warn(aggregate,
             "%" PRId64 " %s ended early, as all actors were still, before %s was seen of the %s "
             "and count as censored there. Such censoring depends on the event: take their times "
             "as lower bounds, or train with a larger training.episodes_after_stop (%s)",
             ended, plural(ended), event_name(aggregate->options.event),
             aggregate->options.endpoint == ENDPOINT_ALL    ? "last actor"
             : aggregate->options.endpoint == ENDPOINT_HALF ? "actor in the middle"
                                                            : "first actor",
             list_end(&list));
    list_fini(&list);
    list = list_fate(aggregate, FATE_DIVERGED);
    if (diverged > 0)
        warn(aggregate,
             "%" PRId64 " %s diverged before the event: a cause of its own in the cumulative "
             "incidence, never censored at the limit; curves, quantiles, restricted means and "
             "tests treat the runs as if none had diverged (%s)",
             diverged, plural(diverged), list_end(&list));
    list_fini(&list);
}

/* Two seeds give three different bootstrap samples: an interval of them would not hold its
 * level. */
static void warn_of_pairs(struct aggregate *aggregate)
{
    struct list list = {.count = 0};
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        char name[AGGREGATE_NAME];
        aggregate_name(aggregate, i, -1, name, sizeof name);
        if (aggregate->configuration[i].seeds == 2)
            list_add(&list, name);
    }
    if (list.count > 0)
        warn(aggregate,
             "an interval over two seeds would not hold its level, so means, tails, returns and "
             "differences do not have one (%s)",
             list_end(&list));
    list_fini(&list);
}

/* Whether seeds suffice is known before any data (sample_size). One sentence instead of a list when
 * it concerns every configuration. */
static void warn_of_seeds(struct aggregate *aggregate)
{
    struct list single = {.count = 0}, few = {.count = 0};
    int64_t fewest = 0;
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        char name[AGGREGATE_NAME];
        aggregate_name(aggregate, i, -1, name, sizeof name);
        const enum sample_size size = sample_size(c->seeds, aggregate->options.confidence);
        if (size == SAMPLE_SINGLE)
            list_add(&single, name);
        if (size != SAMPLE_SMALL)
            continue;
        list_add(&few, name);
        fewest = fewest == 0 || c->seeds < fewest ? c->seeds : fewest;
    }
    if (single.count > 0 && single.count == aggregate->configurations)
        warn(aggregate, "no configuration has more than one seed: nothing is known of the spread, "
                        "and there are no intervals and no tests");
    else if (single.count > 0)
        warn(aggregate,
             "one seed or none: nothing is known of the spread, and there are no intervals (%s)",
             list_end(&single));
    if (few.count > 0) {
        char level[TEXT_NUMBER];
        text_write_rest(aggregate->options.confidence, level, sizeof level);
        warn(aggregate, "%" PRId64 " seeds are too few for a comparison to reach the level %s (%s)",
             fewest, level, list_end(&few));
    }
    list_fini(&single);
    list_fini(&few);
}

/* The area under a curve needs the curve up to the limit. Beyond the last observation its last
 * value is used, which can only make the mean larger: a true curve does not rise. */
static void warn_of_limits(struct aggregate *aggregate)
{
    struct list list = {.count = 0};
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        char name[AGGREGATE_NAME];
        aggregate_name(aggregate, i, -1, name, sizeof name);
        if (aggregate->configuration[i].rmst.extended)
            list_add(&list, name);
    }
    if (list.count > 0)
        warn(aggregate,
             "restricted means up to %" PRId64 " use episodes in which no run was followed: the "
             "curve is extended with its last value (%s)",
             aggregate->options.limit, list_end(&list));
    list_fini(&list);
}

/* Formulas that have no clusters (Greenwood, Clopper-Pearson, chi2) count the runs of a seed as
 * independent, so their intervals are too narrow when runs of a seed are pooled. */
static void warn_of_pooling(struct aggregate *aggregate)
{
    if (aggregate->grouping.pooled > 0)
        warn(aggregate,
             "configurations that differ in %" PRId64
             " more %s are pooled: runs of one seed are one "
             "cluster in bootstrap and permutation, but count as independent in the curves' own "
             "standard errors and intervals, in shares and in chi2",
             aggregate->grouping.pooled, aggregate->grouping.pooled == 1 ? "axis" : "axes");
}

/* No two runs differ in the decided axis alone, so no comparison shows its effect alone. Axes that
 * decide each other are one axis and need no warning. */
static void warn_of_decisions(struct aggregate *aggregate)
{
    const struct grouping *const grouping = &aggregate->grouping;
    for (int64_t i = 0; i < grouping->decisions;) {
        const struct run_axis *const axis = grouping->decision[i].axis;
        struct list list = {.most = NAMED_AXES};
        for (; i < grouping->decisions && grouping->decision[i].axis == axis; i++)
            list_add(&list, grouping->decision[i].by->name);
        warn(aggregate,
             "axis %s is decided by %s: runs that differ in %s also differ in %s, so a difference "
             "between them can be due to either",
             axis->name, list_end(&list), axis->name, list.count > 1 ? "these" : list.text);
    }
}

static void warn_of_comparisons(struct aggregate *aggregate)
{
    if (aggregate->configurations > AGGREGATE_COMPARED && !aggregate->options.compare)
        warn(aggregate,
             "%" PRId64 " configurations are compared only when asked (--compare): above %d the "
             "smallest p of so many differences says little",
             aggregate->configurations, AGGREGATE_COMPARED);
}

/* A grid of several blocks can have gaps, and an axis that is decided by the one that is asked for
 * always differs with it. */
static void warn_of_counterparts(struct aggregate *aggregate)
{
    const struct against *const against = aggregate->against;
    struct list list = {.count = 0};
    if (against == NULL)
        return;
    for (int64_t i = 0; against->lacking > 0 && i < aggregate->configurations; i++) {
        char name[AGGREGATE_NAME];
        const int64_t first = aggregate->configuration[i].first;
        if (against->counterpart[i] >= 0 ||
            aggregate->grouping.axis[against->axis].index[first] == against->value)
            continue;
        aggregate_name(aggregate, i, -1, name, sizeof name);
        list_add(&list, name);
    }
    if (list.count > 0)
        warn(aggregate,
             "%" PRId64 " %s no counterpart with %s that is equal in all other axes, and %s not "
             "compared with it: %s",
             list.count, list.count == 1 ? "configuration has" : "configurations have",
             aggregate->options.against, list.count == 1 ? "is" : "are", list_end(&list));
    else if (against->comparisons == 0)
        warn(aggregate, "all runs have %s: there is nothing to compare it with",
             aggregate->options.against);
    list_fini(&list);
}

void aggregate_warn(struct aggregate *aggregate)
{
    warn_of_unverified(aggregate);
    warn_of_damaged(aggregate);
    warn_of_unfinished(aggregate);
    warn_of_gaps(aggregate);
    warn_of_movers(aggregate);
    warn_of_fates(aggregate);
    warn_of_seeds(aggregate);
    warn_of_pairs(aggregate);
    warn_of_limits(aggregate);
    warn_of_pooling(aggregate);
    warn_of_decisions(aggregate);
    warn_of_comparisons(aggregate);
    warn_of_counterparts(aggregate);
}
