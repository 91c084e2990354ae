// SPDX-License-Identifier: MIT
/*
 * The aggregate as CSV: one long table with a row for each figure, whatever the figure is. A
 * program that reads it filters by `kind` and `quantity`; a wide table for each kind would need a
 * file for each. Reals are written so that they read back to the same bits, and what is unknown is
 * an empty field.
 */
#include "base/text.h"
#include "query/aggregate_against.h"
#include "query/aggregate_findings.h"
#include "report/aggregate_report.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A row of the table. NaN, -1 and NULL are empty fields. */
struct row {
    const char *kind, *family;
    int64_t axis;     /* of a comparison or test; -1: none */
    int64_t own, but; /* configuration; without its value of the axis `but`, -1: with all */
    int64_t other;    /* configuration */
    int64_t alone;    /* only the values of this axis are given, of both; -1: of all */
    const char *quantity;
    double time;
    int64_t n;
    double value, error;
    struct bounds between;
    int64_t df;
    double p, permuted, adjusted;
    const char *note;
};

/* Every row begins as a copy of this one, so that a column which a kind does not have stays
 * empty. */
static const struct row empty = {.family = "",
                                 .axis = -1,
                                 .own = -1,
                                 .but = -1,
                                 .other = -1,
                                 .alone = -1,
                                 .time = NAN,
                                 .n = -1,
                                 .value = NAN,
                                 .error = NAN,
                                 .between = {NAN, NAN},
                                 .df = -1,
                                 .p = NAN,
                                 .permuted = NAN,
                                 .adjusted = NAN,
                                 .note = ""};

/* Quoted as RFC 4180 says, only when needed: a warning may hold commas and quotation marks. Line
 * feeds do not occur. */
static void print_text(FILE *file, const char *text)
{
    if (strpbrk(text, ",\"") == NULL) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            fputc('"', file);
        fputc(*c, file);
    }
    fputc('"', file);
}

/* A comma and the number, so that a column is always one call. An infinite time is written as "inf"
 * ("later than everything that was observed"): unlike JSON, CSV has no second key for the bound. */
static void print_real(FILE *file, double value)
{
    char text[TEXT_NUMBER] = "";
    if (!isnan(value))
        text_write_real(value, text, sizeof text);
    fprintf(file, ",%s", text);
}

/* Counts and degrees of freedom are never negative, so -1 can mean that the column is empty. */
static void print_whole(FILE *file, int64_t value)
{
    fputc(',', file);
    if (value >= 0)
        fprintf(file, "%" PRId64, value);
}

/* One column for each setting: settings that change together have one column each, since a reader
 * may filter by any of them. Empty for a configuration of -1, for the axis that a test compares,
 * and for those over which is pooled. Values are numbers and names of choices, which never need
 * quotation marks. */
static void print_axes(FILE *file, const struct aggregate *aggregate, int64_t configuration,
                       int64_t but, int64_t alone)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        for (size_t s = 0; s < axis->settings; s++) {
            char value[SETTING_TEXT] = "";
            if (configuration >= 0 && a != but && (alone < 0 || a == alone))
                settings_write(axis->setting[s]->row,
                               aggregate_number(aggregate, axis->setting[s], configuration), value,
                               sizeof value);
            fprintf(file, ",%s", value);
        }
    }
}

/* The only place that writes a row. The order of the columns must be the one of print_header; every
 * row has all columns, since many readers of CSV refuse rows of different lengths. */
static void print_row(FILE *file, const struct aggregate *aggregate, const struct row *row)
{
    fprintf(file, "%s,%s,%s", row->kind, row->family,
            row->axis >= 0 ? aggregate_axis(aggregate, row->axis) : "");
    print_axes(file, aggregate, row->own, row->but, row->alone);
    print_axes(file, aggregate, row->other, -1, row->alone);
    fprintf(file, ",%s", row->quantity);
    print_real(file, row->time);
    print_whole(file, row->n);
    print_real(file, row->value);
    print_real(file, row->error);
    print_real(file, row->between.lower);
    print_real(file, row->between.upper);
    print_whole(file, row->df);
    print_real(file, row->p);
    print_real(file, row->permuted);
    print_real(file, row->adjusted);
    fputc(',', file);
    print_text(file, row->note);
    fputc('\n', file);
}

/* The names of the columns that print_axes fills, in the same order. */
static void print_names(FILE *file, const struct aggregate *aggregate, const char *before)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        for (size_t s = 0; s < axis->settings; s++)
            fprintf(file, ",%s%s", before, axis->setting[s]->name);
    }
}

static void print_header(FILE *file, const struct aggregate *aggregate)
{
    fputs("kind,family,axis", file);
    print_names(file, aggregate, "");
    print_names(file, aggregate, "other_");
    fputs(",quantity,time,n,value,error,lower,upper,df,p,p_permuted,p_holm,note\n", file);
}

/* ---- a configuration ---- */

/* One figure of one configuration. `n` is the number of observations it is made from, -1 for a
 * plain count. */
static void print_figure(FILE *file, const struct aggregate *aggregate, int64_t configuration,
                         const char *quantity, int64_t n, double value, double error,
                         struct bounds between, const char *note)
{
    struct row row = empty;
    row.kind = "configuration";
    row.own = configuration;
    row.quantity = quantity;
    row.n = n;
    row.value = value;
    row.error = error;
    row.between = between;
    row.note = note;
    print_row(file, aggregate, &row);
}

/* A count is a figure without error and interval. As a double it is exact up to 2^53. */
static void print_count(FILE *file, const struct aggregate *aggregate, int64_t configuration,
                        const char *quantity, int64_t value)
{
    print_figure(file, aggregate, configuration, quantity, -1, (double)value, NAN,
                 (struct bounds){NAN, NAN}, "");
}

/* An estimate that is unknown gets a note: an empty field alone could be taken for a figure that
 * was not asked for. */
static void print_estimate(FILE *file, const struct aggregate *aggregate, int64_t configuration,
                           const char *quantity, int64_t n, const struct estimate *estimate)
{
    print_figure(file, aggregate, configuration, quantity, n, estimate->value, estimate->error,
                 estimate->between, isnan(estimate->value) ? "not estimable" : "");
}

/* All fates have a row, also those that no run has: a reader need not know which ones exist. */
static void print_counts(FILE *file, const struct aggregate *aggregate, int64_t i)
{
    const struct configuration *const c = &aggregate->configuration[i];
    print_count(file, aggregate, i, "runs", c->runs);
    print_count(file, aggregate, i, "seeds", c->seeds);
    for (int f = 0; f < FATE_COUNT; f++)
        print_count(file, aggregate, i, fate_name((enum fate)f), c->fates[f]);
}

/* Figures of the times of a configuration. `min` and `max` are those of the events alone: a
 * censored time is a lower bound, and would make a maximum that nobody observed. The error of
 * `rmst` is Greenwood's and its interval is the one by bootstrap, as in the tables. */
static void print_times(FILE *file, const struct aggregate *aggregate, int64_t i)
{
    const struct configuration *const c = &aggregate->configuration[i];
    const struct bounds none = {NAN, NAN};
    const int64_t n = c->sample.count;
    print_figure(file, aggregate, i, "min", c->fates[FATE_EVENT], c->min < 0 ? NAN : (double)c->min,
                 NAN, none, "");
    print_figure(file, aggregate, i, "max", c->fates[FATE_EVENT], c->max < 0 ? NAN : (double)c->max,
                 NAN, none, "");
    print_figure(file, aggregate, i, "median", n, c->median, NAN, c->median_between, "");
    print_figure(file, aggregate, i, "rmst", n, c->rmst.mean, c->rmst.error, c->spread.between,
                 c->rmst.extended ? "extended beyond what was watched" : "");
    print_estimate(file, aggregate, i, "iqm", n, &c->iqm);
    print_figure(file, aggregate, i, "never", c->settled,
                 c->settled > 0 ? (double)c->never / (double)c->settled : (double)NAN, NAN,
                 c->never_between, "");
    print_count(file, aggregate, i, "tail_actors", c->tails);
    print_count(file, aggregate, i, "tail_still_before_zero", c->still_before_zero);
    print_figure(file, aggregate, i, "tail", c->tail.clusters, c->tail.value, c->tail.error,
                 c->tail.between, "");
    /* Without an actor that has a tail both are 0, which would look like a tail of no episodes. */
    if (c->tails > 0) {
        print_count(file, aggregate, i, "tail_min", c->tail_min);
        print_count(file, aggregate, i, "tail_max", c->tail_max);
    }
}

/* Two rows for each kind of return; `n` is the number of runs that have it. */
static void print_returns(FILE *file, const struct aggregate *aggregate, int64_t i)
{
    for (int which = 0; which < RETURN_COUNT; which++) {
        const struct aggregate_returns *const r = &aggregate->configuration[i].returns[which];
        char name[64];
        snprintf(name, sizeof name, "return_%s_mean", returns_name((enum returns)which));
        print_estimate(file, aggregate, i, name, r->runs, &r->mean);
        snprintf(name, sizeof name, "return_%s_iqm", returns_name((enum returns)which));
        print_estimate(file, aggregate, i, name, r->runs, &r->iqm);
    }
}

/* The Kaplan-Meier curve, one row for each point: S(t) from this time on, until the next row. */
static void print_curve(FILE *file, const struct aggregate *aggregate, int64_t i)
{
    const struct curve *const curve = &aggregate->configuration[i].curve;
    struct row row = empty;
    row.kind = "curve";
    row.own = i;
    row.quantity = "survival";
    for (int64_t k = 0; k < curve->points; k++) {
        row.time = curve->time[k];
        row.n = curve->at_risk[k];
        row.value = curve->survival[k];
        row.error = curve->error[k];
        row.between = (struct bounds){curve->lower[k], curve->upper[k]};
        print_row(file, aggregate, &row);
    }
}

/* Causes that no run of the configuration met are left out: the last share of a curve that never
 * rises is 0. */
static void print_incidence(FILE *file, const struct aggregate *aggregate, int64_t i)
{
    const struct incidence *const curve = &aggregate->configuration[i].incidence;
    for (int cause = 0; cause < curve->causes; cause++) {
        struct row row = empty;
        char name[64];
        snprintf(name, sizeof name, "incidence_%s", aggregate_cause(cause));
        row.kind = "curve";
        row.own = i;
        row.quantity = name;
        const int64_t from = cause * curve->points;
        /* Arrays by cause are (cause, point); times and numbers at risk hold for all causes. */
        for (int64_t k = 0; k < curve->points && curve->share[from + curve->points - 1] > 0; k++) {
            row.time = curve->time[k];
            row.n = curve->at_risk[k];
            row.value = curve->share[from + k];
            row.error = curve->error[from + k];
            row.between = (struct bounds){curve->lower[from + k], curve->upper[from + k]};
            print_row(file, aggregate, &row);
        }
    }
}

/* ---- between configurations ---- */

/* The p of a comparison comes from exchanging the runs of a seed, so it is in the column of
 * permuted ones; the column `p` is for chi-squared tests only. */
static void print_comparison(FILE *file, const struct aggregate *aggregate,
                             const struct comparison *c)
{
    struct row row = empty;
    char note[AGGREGATE_NOTE];
    comparison_note(c, note, sizeof note);
    row.kind = "comparison";
    row.family = c->axis < 0 ? "reference" : "neighbours";
    row.axis = c->axis;
    row.own = c->a;
    row.other = c->b;
    row.quantity = "rmst_difference";
    row.n = c->paired.pairs;
    row.value = c->paired.difference;
    row.between = c->paired.between;
    row.permuted = c->paired.p;
    row.adjusted = c->adjusted;
    row.note = note;
    print_row(file, aggregate, &row);
}

/* A test within values of the other axes has these values in its row, and the tested axis is empty:
 * all its values take part. A stratified test has no values at all. */
static void print_test(FILE *file, const struct aggregate *aggregate, const struct axis_test *t)
{
    struct row row = empty;
    char note[AGGREGATE_NOTE];
    test_note(t, note, sizeof note);
    row.kind = "test";
    row.family = t->within < 0 ? "stratified" : "within";
    row.axis = t->axis;
    row.own = t->within;
    row.but = t->axis;
    row.quantity = "logrank";
    row.n = t->runs;
    row.value = t->test.chi2;
    row.df = t->test.df;
    row.p = t->test.p;
    row.permuted = t->permuted.p;
    row.adjusted = t->adjusted;
    row.note = note;
    print_row(file, aggregate, &row);
}

/* ---- against a value ---- */

/* A figure of a value of the axis, or of a configuration that has it (`own`). */
static struct row against_row(const struct aggregate *aggregate, const char *kind, int64_t own,
                              int64_t value, const char *quantity)
{
    struct row row = empty;
    row.kind = kind;
    row.axis = aggregate->against->axis;
    row.own = own >= 0 ? own : against_example(aggregate, value);
    row.alone = own >= 0 ? -1 : row.axis;
    row.quantity = quantity;
    return row;
}

/* A difference, and what was counted for it, as rows of their own. */
static void print_against(FILE *file, const struct aggregate *aggregate,
                          const struct against_difference *d)
{
    const bool pooled = d->found.a < 0;
    char name[64];
    struct row row =
        against_row(aggregate, pooled ? "against_pooled" : "against", d->found.a, d->value, name);
    row.other = pooled ? against_example(aggregate, aggregate->against->value) : d->found.b;
    snprintf(name, sizeof name, "%s_difference", against_name(d->quantity));
    row.n = d->found.paired.pairs;
    row.value = d->found.paired.difference;
    row.between = d->found.paired.between;
    row.permuted = d->found.paired.p;
    row.adjusted = d->found.adjusted;
    row.note = d->note;
    print_row(file, aggregate, &row);
    row.n = -1;
    row.between = empty.between;
    row.permuted = row.adjusted = NAN;
    row.note = "";
    if (d->only_a >= 0) {
        snprintf(name, sizeof name, "%s_only", against_name(d->quantity));
        row.value = (double)d->only_a;
        print_row(file, aggregate, &row);
        snprintf(name, sizeof name, "%s_only_other", against_name(d->quantity));
        row.value = (double)d->only_b;
        print_row(file, aggregate, &row);
    }
    if (pooled) {
        snprintf(name, sizeof name, "%s_configurations", against_name(d->quantity));
        row.value = (double)d->tasks;
        print_row(file, aggregate, &row);
    }
}

static void print_score(FILE *file, const struct aggregate *aggregate,
                        const struct against_score *s)
{
    const int64_t asked = aggregate->against->value;
    char name[64];
    struct row row = against_row(aggregate, "scores", -1, s->value, name);
    snprintf(name, sizeof name, "%s_iqm", against_name(s->quantity));
    row.n = s->runs;
    row.value = s->iqm.value;
    row.error = s->iqm.error;
    row.between = s->iqm.between;
    row.note = s->note;
    print_row(file, aggregate, &row);
    if (s->value == asked)
        return;
    snprintf(name, sizeof name, "%s_improvement", against_name(s->quantity));
    row.other = against_example(aggregate, asked);
    row.value = s->improvement.value;
    row.error = s->improvement.error;
    row.between = s->improvement.between;
    print_row(file, aggregate, &row);
}

/* The column of times has the returns at which the profile is given. */
static void print_profile(FILE *file, const struct aggregate *aggregate,
                          const struct against_score *s)
{
    struct row row = against_row(aggregate, "profile", -1, s->value, against_name(s->quantity));
    row.n = s->runs;
    for (int64_t k = 0; k < s->points; k++) {
        row.time = s->tau[k];
        row.value = s->share[k].value;
        row.error = s->share[k].error;
        row.between = s->share[k].between;
        print_row(file, aggregate, &row);
    }
}

static void print_against_all(FILE *file, const struct aggregate *aggregate)
{
    const struct against *const against = aggregate->against;
    if (against == NULL)
        return;
    for (int64_t i = 0; i < against->comparisons; i++)
        print_against(file, aggregate, &against->comparison[i]);
    for (int64_t i = 0; i < against->pooled; i++)
        print_against(file, aggregate, &against->pool[i]);
    for (int64_t i = 0; i < against->scores; i++)
        print_score(file, aggregate, &against->score[i]);
    for (int64_t i = 0; i < against->scores; i++)
        print_profile(file, aggregate, &against->score[i]);
}

/* All rows of a configuration are next to each other, so a reader can take them one configuration
 * at a time. Warnings are rows as well: whoever keeps only the CSV still has them. */
void aggregate_print_csv(FILE *file, const struct aggregate *aggregate)
{
    print_header(file, aggregate);
    for (int64_t i = 0; i < aggregate->configurations; i++) {
        print_counts(file, aggregate, i);
        print_times(file, aggregate, i);
        print_returns(file, aggregate, i);
        print_curve(file, aggregate, i);
        print_incidence(file, aggregate, i);
    }
    for (int64_t i = 0; i < aggregate->comparisons; i++)
        print_comparison(file, aggregate, &aggregate->comparison[i]);
    for (int64_t i = 0; i < aggregate->tests; i++)
        print_test(file, aggregate, &aggregate->test[i]);
    print_against_all(file, aggregate);
    for (int64_t i = 0; i < aggregate->findings; i++) {
        struct row row = empty;
        row.kind = "finding";
        row.quantity = finding_name(aggregate->finding[i].rule);
        row.note = aggregate->finding[i].sentence;
        print_row(file, aggregate, &row);
    }
    for (int64_t i = 0; i < aggregate->warnings; i++) {
        struct row row = empty;
        row.kind = "warning";
        row.quantity = "";
        row.note = aggregate->warning[i];
        print_row(file, aggregate, &row);
    }
}
