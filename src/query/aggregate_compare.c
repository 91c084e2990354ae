// SPDX-License-Identifier: MIT
/*
 * What is between configurations: the reference, differences of restricted means, log-rank tests.
 *
 * Each table of the report is one family of tests, and its p are adjusted together (Holm), because
 * a reader looks for the smallest p of a table. Two configurations are neighbours along an axis
 * when they have consecutive values of it and agree in all other axes: comparing only neighbours
 * keeps the families small, and so keeps the power that a few seeds can give.
 */
#include "base/text.h"
#include "query/aggregate.h"
#include <ccmsweep/settings.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which value of an axis a configuration has, counted from the smallest. All its runs have the
 * same. */
static int64_t index_of(const struct aggregate *aggregate, int64_t axis, int64_t configuration)
{
    return aggregate->grouping.axis[axis].index[aggregate->configuration[configuration].first];
}

/* Whether two configurations agree in all axes except this one; in this one they may agree or
 * not. */
static bool are_alike(const struct aggregate *aggregate, int64_t axis, int64_t c, int64_t d)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        if (a != axis && index_of(aggregate, a, c) != index_of(aggregate, a, d))
            return false;
    }
    return true;
}

/* ---- the reference ---- */

/* The setting of an axis that has this name, in the file or in the spec; NULL: there is none. Of
 * settings that change together any can be named, not only the one after which the axis is
 * named. */
static const struct run_axis *find_setting(const struct aggregate *aggregate, const char *word)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        for (size_t s = 0; s < axis->settings; s++) {
            if (strcmp(word, axis->setting[s]->name) == 0 ||
                strcmp(word, axis->setting[s]->row->key) == 0)
                return axis->setting[s];
        }
    }
    return NULL;
}

/* \param list whether to say which axes there are */
static enum status refuse_axis(const struct aggregate *aggregate, const char *option,
                               const char *word, bool list, struct fault *fault)
{
    char quoted[TEXT_QUOTED], hint[GROUPING_HINT], names[GROUPING_NAMES] = "";
    for (int64_t a = 0; list && a < aggregate->grouping.axes; a++)
        text_add(names, sizeof names, "%s%s", a > 0 ? ", " : ", expected one of ",
                 grouping_lead(&aggregate->grouping, a)->name);
    grouping_hint(aggregate->table, word, hint, sizeof hint);
    /* One that is pooled was not meant to be another. */
    for (size_t a = 0; list && a < aggregate->table->axes; a++) {
        if (strcmp(word, aggregate->table->axis[a].name) == 0)
            hint[0] = '\0';
    }
    return fault_set(fault, STATUS_INPUT, "%s: %s is not an axis of the configurations%s%s", option,
                     text_quote(word, quoted), names, hint);
}

/* All runs are asked, not all configurations: they have the same values. */
static enum status refuse_value(const struct aggregate *aggregate, const struct run_axis *setting,
                                const char *name, const char *value, struct fault *fault)
{
    char values[GROUPING_NAMES];
    grouping_expected(setting->row, aggregate->table->runs, setting->values, values, sizeof values);
    return fault_set(fault, STATUS_INPUT, "no run of the file has %s=%s, %s", name, value, values);
}

/* A setting that the user does not name excludes nothing; whether one configuration is left is
 * decided in find_reference. */
enum status aggregate_narrow(const struct aggregate *aggregate, const char *option, char *word,
                             bool *fits, const struct run_axis **named, struct fault *fault)
{
    char quoted[TEXT_QUOTED];
    double wanted = 0;
    char *const value = strchr(word, '=');
    if (value == NULL)
        return fault_set(fault, STATUS_INPUT, "%s: %s is not a value of an axis, expected %s",
                         option, text_quote(word, quoted),
                         named == NULL ? "AXIS=VALUE,..." : "AXIS=VALUE");
    *value = '\0';
    const struct run_axis *const setting = find_setting(aggregate, word);
    if (setting == NULL)
        return refuse_axis(aggregate, option, word, named != NULL, fault);
    enum status status = settings_read(setting->row, value + 1, &wanted, fault);
    bool known = false;
    for (int64_t c = 0; status == STATUS_OK && c < aggregate->configurations; c++) {
        const double is = aggregate_number(aggregate, setting, c);
        const bool fit = is == wanted || (isnan(is) && isnan(wanted));
        fits[c] = fits[c] && fit;
        known = known || fit;
    }
    if (status == STATUS_OK && !known)
        status = refuse_value(aggregate, setting, word, value + 1, fault);
    if (named != NULL)
        *named = setting;
    fault_prefix(fault, "%s", option);
    return status;
}

/* The user names values of axes until only one configuration has them all. */
static enum status find_reference(struct aggregate *aggregate, struct fault *fault)
{
    const char *const text = aggregate->options.reference;
    bool *const fits = fault_alloc((size_t)aggregate->configurations, sizeof *fits);
    char *const words = fault_alloc(strlen(text) + 1, 1);
    char *rest = words;
    enum status status = STATUS_OK;
    int64_t found = 0;
    memcpy(words, text, strlen(text) + 1);
    memset(fits, true, (size_t)aggregate->configurations * sizeof *fits);
    for (char *word; status == STATUS_OK && (word = strsep(&rest, ",")) != NULL;)
        status = aggregate_narrow(aggregate, "--reference", word, fits, NULL, fault);
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        found += fits[c];
        aggregate->reference = fits[c] ? c : aggregate->reference;
    }
    free(words);
    free(fits);
    if (status != STATUS_OK || found == 1)
        return status;
    return fault_set(fault, STATUS_INPUT,
                     "--reference: %" PRId64 " configurations of the file are %s, expected one",
                     found, text);
}

/* The study asks which configuration keeps learning, so the best is the one that stops latest. When
 * several configurations have no event, all their means are the limit: then the return decides, and
 * an unknown return loses. Equal in both, the first one stays. */
static bool is_better(const struct configuration *c, const struct configuration *than)
{
    const double mine = c->returns[RETURN_END].mean.value;
    const double other = than->returns[RETURN_END].mean.value;
    if (c->rmst.mean > than->rmst.mean || c->rmst.mean < than->rmst.mean)
        return c->rmst.mean > than->rmst.mean;
    return mine > other || (isnan(other) && !isnan(mine));
}

static void find_best(struct aggregate *aggregate)
{
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        const struct configuration *const c = &aggregate->configuration[i];
        const int64_t best = aggregate->reference;
        if (c->sample.count > 0 && (best < 0 || is_better(c, &aggregate->configuration[best])))
            aggregate->reference = i;
    }
}

/* ---- differences ---- */

/* When neither has an event the difference is 0, because both means are the limit, and every
 * exchange of runs gives 0 again. The p would be 1 and read as "they are equal", so there is no
 * test. */
static void compare(struct aggregate *aggregate, int64_t axis, int64_t a, int64_t b)
{
    const struct aggregate_options *const options = &aggregate->options;
    const struct configuration *const one = &aggregate->configuration[a];
    const struct configuration *const other = &aggregate->configuration[b];
    const struct bootstrap how = aggregate_bootstrap(aggregate);
    struct comparison *const made = &aggregate->comparison[aggregate->comparisons++];
    const double limit = (double)options->limit;
    *made = (struct comparison){
        .axis = axis,
        .a = a,
        .b = b,
        .paired = paired_rmst(&one->sample, &other->sample, limit, &how, options->permutations),
        .crossing = curve_crossing(&one->curve, &other->curve, limit),
        .eventless = one->max < 0 && other->max < 0,
        .one_sided = (one->max < 0) != (other->max < 0),
    };
    if (made->eventless)
        made->paired.p = made->paired.least_p = NAN;
}

/* The configuration with the next larger value of the axis and equal values of all others; -1:
 * there is none. It need not be the next value of the axis: a grid of several blocks can have
 * gaps. */
static int64_t neighbour(const struct aggregate *aggregate, int64_t axis, int64_t c)
{
    int64_t next = -1;
    for (int64_t d = 0; d < aggregate->configurations; d++) {
        const int64_t index = index_of(aggregate, axis, d);
        if (index > index_of(aggregate, axis, c) && are_alike(aggregate, axis, c, d) &&
            (next < 0 || index < index_of(aggregate, axis, next)))
            next = d;
    }
    return next;
}

/* Whether a p of a family can become significant at all is known before any data: from the number
 * of seeds, which limits the number of exchanges, and the number of tests, by which Holm multiplies
 * the smallest p. This is noted, so that "not significant" is not read as "no difference". Drawn
 * permutations have a limit of their own: 1 / (1 + number). */
void aggregate_adjust(const struct aggregate *aggregate, int64_t count,
                      struct comparison *const *family)
{
    double *const p = fault_alloc((size_t)count + 1, sizeof *p);
    int64_t tested = 0;
    for (int64_t i = 0; i < count; i++) {
        p[i] = family[i]->paired.p;
        tested += !isnan(p[i]);
    }
    sample_holm(count, p, p);
    const double tries = 1.0 + (double)aggregate->options.permutations;
    for (int64_t i = 0; i < count; i++) {
        const struct paired *const paired = &family[i]->paired;
        const double least = paired->exact ? paired->least_p : fmax(paired->least_p, 1.0 / tries);
        family[i]->adjusted = p[i];
        family[i]->least = isnan(p[i]) ? NAN : least;
        family[i]->small = least * (double)tested > 1.0 - aggregate->options.confidence;
    }
    free(p);
}

/* The comparisons from `from` on are one family. */
static void adjust(const struct aggregate *aggregate, int64_t from)
{
    const int64_t count = aggregate->comparisons - from;
    struct comparison **const family = fault_alloc((size_t)count + 1, sizeof *family);
    for (int64_t i = 0; i < count; i++)
        family[i] = &aggregate->comparison[from + i];
    aggregate_adjust(aggregate, count, family);
    free(family);
}

/* First with the reference, then along each axis. The order is that of the tables, and `from` shows
 * where a family begins. */
static void compare_all(struct aggregate *aggregate)
{
    const int64_t count = aggregate->configurations;
    aggregate->comparison = fault_alloc((size_t)(count * (aggregate->grouping.axes + 1)),
                                        sizeof *aggregate->comparison);
    for (int64_t c = 0; c < count; c++) {
        if (c != aggregate->reference)
            compare(aggregate, -1, c, aggregate->reference);
    }
    adjust(aggregate, 0);
    for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++) {
        const int64_t from = aggregate->comparisons;
        for (int64_t c = 0; c < count; c++) {
            const int64_t next = neighbour(aggregate, axis, c);
            if (next >= 0)
                compare(aggregate, axis, next, c);
        }
        adjust(aggregate, from);
    }
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    va_list values;
    if (text[0] != '\0')
        text_add(text, size, "; ");
    va_start(values, format);
    text_add_list(text, size, format, values);
    va_end(values);
}

/* The first chain has one sentence about p: the most fundamental reason comes first. The others can
 * be true beside it. 1e-9: p and its limit are computed in different ways. */
void comparison_note(const struct comparison *comparison, char *text, size_t size)
{
    const struct paired *const paired = &comparison->paired;
    text[0] = '\0';
    if (paired->pairs == 0)
        append(text, size, "no seed in common");
    else if (paired->pairs == 1)
        append(text, size, "one seed");
    else if (comparison->eventless)
        append(text, size, "neither had the event");
    else if (comparison->small)
        append(text, size, "too few %s: p is at least %.2g",
               comparison->least > paired->least_p ? "permutations" : "seeds", comparison->least);
    else if (paired->p <= comparison->least * (1.0 + 1e-9))
        append(text, size, "p cannot be less");
    if (paired->pairs == 2 && !comparison->eventless)
        append(text, size, "no interval of two seeds");
    if (comparison->one_sided && paired->pairs > 1)
        append(text, size, "one had no event");
    if (!isnan(comparison->crossing))
        append(text, size, "curves cross at %.0f", comparison->crossing);
}

void test_note(const struct axis_test *test, char *text, size_t size)
{
    text[0] = '\0';
    if (test->test.df == 0)
        append(text, size, "nothing to test");
    else if (isnan(test->permuted.p))
        append(text, size, "no seed in common");
    else if (test->small)
        append(text, size, "too few %s: p is at least %.2g",
               test->permuted.exact ? "seeds" : "permutations", test->permuted.least_p);
    else if (test->permuted.exact && test->permuted.p <= test->permuted.least_p * (1.0 + 1e-9))
        append(text, size, "p cannot be less");
    if (!isnan(test->crossing))
        append(text, size, "curves cross at %.0f", test->crossing);
}

/* ---- log-rank ---- */

/* The observations of the configurations that are tested together. The values of the axis are the
 * groups; configurations that agree in all other axes are a stratum. The test compares groups
 * within strata only, so that a difference along another axis is not taken for one along this
 * axis. */
struct pool {
    struct sample sample;
    double *time;
    int32_t *status, *group;
    int64_t *seed, *stratum;
    bool *present; /* (values of the axis) which of them have observations */
};

static struct pool new_pool(const struct aggregate *aggregate, int64_t axis)
{
    const size_t n = (size_t)aggregate->table->runs;
    struct pool pool = {.time = fault_alloc(n, sizeof *pool.time),
                        .status = fault_alloc(n, sizeof *pool.status),
                        .group = fault_alloc(n, sizeof *pool.group),
                        .seed = fault_alloc(n, sizeof *pool.seed),
                        .stratum = fault_alloc(n, sizeof *pool.stratum),
                        .present = fault_alloc((size_t)aggregate->grouping.axis[axis].count, 1)};
    pool.sample = (struct sample){0, pool.time, pool.status, pool.seed, pool.stratum};
    return pool;
}

static void free_pool(struct pool *pool)
{
    free(pool->time);
    free(pool->status);
    free(pool->group);
    free(pool->seed);
    free(pool->stratum);
    free(pool->present);
}

static void pour(const struct aggregate *aggregate, int64_t axis, int64_t c, int64_t stratum,
                 struct pool *pool)
{
    const struct sample *const from = &aggregate->configuration[c].sample;
    for (int64_t i = 0; i < from->count; i++) {
        const int64_t at = pool->sample.count++;
        pool->time[at] = from->time[i];
        pool->status[at] = from->status[i];
        pool->seed[at] = from->cluster[i];
        pool->stratum[at] = stratum;
        pool->group[at] = (int32_t)index_of(aggregate, axis, c);
        pool->present[pool->group[at]] = true;
    }
}

/* The first configuration with the same values of all other axes: its index is the number of the
 * stratum. */
static int64_t first_alike(const struct aggregate *aggregate, int64_t axis, int64_t c)
{
    int64_t first = 0;
    while (!are_alike(aggregate, axis, first, c))
        first++;
    return first;
}

/* The log-rank statistic adds differences over time, so those before a crossing cancel those after
 * it. The comparisons along the axis know where curves cross; the first crossing is reported. */
static double find_crossing(const struct aggregate *aggregate, int64_t axis, int64_t within)
{
    double first = NAN;
    for (int64_t i = 0; i < aggregate->comparisons; i++) {
        const struct comparison *const c = &aggregate->comparison[i];
        if (c->axis == axis && (within < 0 || are_alike(aggregate, axis, within, c->a)))
            first = fmin(first, c->crossing);
    }
    return first;
}

/* Test the values of an axis. A test needs two groups with observations; with fewer there is no
 * row.
 * \param within as in struct axis_test */
static void test(struct aggregate *aggregate, int64_t axis, int64_t within)
{
    const int32_t groups = (int32_t)aggregate->grouping.axis[axis].count;
    struct pool pool = new_pool(aggregate, axis);
    struct axis_test made = {.axis = axis, .within = within, .adjusted = NAN};
    for (int64_t c = 0; c < aggregate->configurations; c++) {
        if (within < 0 || are_alike(aggregate, axis, within, c))
            pour(aggregate, axis, c, first_alike(aggregate, axis, c), &pool);
    }
    for (int32_t g = 0; g < groups; g++)
        made.groups += pool.present[g];
    made.runs = pool.sample.count;
    made.crossing = find_crossing(aggregate, axis, within);
    if (made.groups > 1) {
        made.test = logrank_test(&pool.sample, pool.group, groups, NULL, NULL);
        made.permuted =
            logrank_permuted(&pool.sample, pool.group, groups, aggregate->options.permutations,
                             aggregate->options.draw_seed);
        aggregate->test[aggregate->tests++] = made;
    }
    free_pool(&pool);
}

/* Adjust a family: all stratified tests (axis -1), or those of one axis within the others. The p by
 * permutation is preferred, because chi2 counts runs as independent which share a seed. */
static void adjust_tests(struct aggregate *aggregate, int64_t axis)
{
    double *const p = fault_alloc((size_t)aggregate->tests + 1, sizeof *p);
    int64_t tested = 0;
    for (int64_t i = 0; i < aggregate->tests; i++) {
        const struct axis_test *const t = &aggregate->test[i];
        const bool member = axis < 0 ? t->within < 0 : t->within >= 0 && t->axis == axis;
        p[i] = !member ? NAN : isnan(t->permuted.p) ? t->test.p : t->permuted.p;
        tested += !isnan(p[i]);
    }
    sample_holm(aggregate->tests, p, p);
    for (int64_t i = 0; i < aggregate->tests; i++) {
        struct axis_test *const t = &aggregate->test[i];
        if (isnan(p[i]))
            continue;
        t->adjusted = p[i];
        t->small = t->permuted.least_p * (double)tested > 1.0 - aggregate->options.confidence;
    }
    free(p);
}

/* Of each axis: one test over all configurations, stratified by the other axes; then one within
 * each combination of values of the other axes. */
static void test_all(struct aggregate *aggregate)
{
    const int64_t count = aggregate->configurations;
    aggregate->test =
        fault_alloc((size_t)((count + 1) * aggregate->grouping.axes), sizeof *aggregate->test);
    for (int64_t axis = 0; axis < aggregate->grouping.axes; axis++) {
        if (aggregate->grouping.axis[axis].count < 2)
            continue;
        test(aggregate, axis, -1);
        /* When all configurations agree in the other axes, the test within them is the one just
         * made. */
        bool several = false;
        for (int64_t c = 1; c < count; c++)
            several = several || !are_alike(aggregate, axis, 0, c);
        for (int64_t c = 0; several && c < count; c++) {
            if (first_alike(aggregate, axis, c) == c)
                test(aggregate, axis, c);
        }
        adjust_tests(aggregate, axis);
    }
    adjust_tests(aggregate, -1);
}

/* With one seed in every configuration there is nothing to permute. */
static bool some_has_seeds(const struct aggregate *aggregate)
{
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        if (aggregate->configuration[i].seeds > 1)
            return true;
    }
    return false;
}

enum status aggregate_compare(struct aggregate *aggregate, struct fault *fault)
{
    const struct aggregate_options *const options = &aggregate->options;
    if (options->reference != NULL) {
        const enum status status = find_reference(aggregate, fault);
        if (status != STATUS_OK)
            return status;
    }
    if (aggregate->configurations < 2 ||
        (aggregate->configurations > AGGREGATE_COMPARED && !options->compare))
        return STATUS_OK;
    if (options->reference == NULL)
        find_best(aggregate);
    if (aggregate->reference < 0)
        return STATUS_OK;
    compare_all(aggregate);
    if (some_has_seeds(aggregate))
        test_all(aggregate);
    return STATUS_OK;
}
