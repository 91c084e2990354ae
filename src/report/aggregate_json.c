// SPDX-License-Identifier: MIT
/*
 * The aggregate as JSON: everything that is known, curves included, with all digits. The Python
 * package reads this and computes no statistic itself, so what is missing here cannot be in the
 * report.
 *
 * JSON has no NaN and no infinity. NaN (unknown) becomes null. An infinite time means "later than
 * the last observation"; it becomes null too, and a second key, NAME_after, says later than what.
 * Functions whose names end in _json make a value that the caller must give to an object, which
 * then owns it.
 */
#include "query/aggregate_findings.h"
#include "report/aggregate_against_json.h"
#include "report/aggregate_report.h"
#include "report/json.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

/* A time that may only be known to be later than the last observation: it is null then, and
 * NAME_after has that observation. */
static void set_time(json_t *object, const char *name, double value, double follow_up)
{
    char after[64];
    snprintf(after, sizeof after, "%s_after", name);
    set(object, name, json_real_or_null(value));
    set(object, after, isinf(value) ? json_real_or_null(follow_up) : json_null());
}

static json_t *reals(const double *values, int64_t count)
{
    json_t *const array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_real_or_null(values[i]));
    return array;
}

static json_t *wholes(const int64_t *values, int64_t count)
{
    json_t *const array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

/* ---- axes ---- */

/* All settings of the axes, also those that change together with the one that gives the name. */
static json_t *place_json(const struct aggregate *aggregate, int64_t configuration, int64_t but)
{
    json_t *const object = json_object();
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        for (size_t s = 0; a != but && s < axis->settings; s++)
            set(object, axis->setting[s]->name,
                json_setting(axis->setting[s]->row,
                             aggregate_number(aggregate, axis->setting[s], configuration)));
    }
    return object;
}

/* The values that a setting has along an axis, in the order of the axis. */
static json_t *values_json(const struct grouping_axis *axis, const struct run_axis *setting)
{
    json_t *const values = json_array();
    for (int64_t i = 0; i < axis->count; i++)
        json_array_append_new(values, json_setting(setting->row, setting->values[axis->run[i]]));
    return values;
}

/* What each label sets, in few words, parallel to its values. */
static json_t *sets_json(const struct grouping_axis *axis)
{
    json_t *const array = json_array();
    char **const sets = aggregate_sets(axis);
    for (int64_t i = 0; i < axis->count; i++) {
        json_array_append_new(array, json_string(sets[i]));
        free(sets[i]);
    }
    free(sets);
    return array;
}

/* The setting that names the axis has its values in `values`, the others theirs in `together`,
 * parallel to it. */
static json_t *axes_json(const struct aggregate *aggregate)
{
    json_t *const array = json_array();
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        const struct grouping_axis *const axis = &aggregate->grouping.axis[a];
        json_t *const together = axis->settings > 1 ? json_object() : NULL;
        json_t *const object = json_pack("{s:s, s:o}", "name", aggregate_axis(aggregate, a),
                                         "values", values_json(axis, axis->setting[0]));
        for (size_t s = 1; s < axis->settings; s++)
            set(together, axis->setting[s]->name, values_json(axis, axis->setting[s]));
        if (together != NULL)
            set(object, "together", together);
        if (axis->setting[0] == aggregate->table->label)
            set(object, "sets", sets_json(axis));
        json_array_append_new(array, object);
    }
    return array;
}

/* ---- a configuration ---- */

/* A figure of times with its interval. */
static json_t *times_json(const struct configuration *c, double value, struct bounds between)
{
    json_t *const object = json_object();
    set_time(object, "value", value, c->follow_up);
    set_time(object, "lower", between.lower, c->follow_up);
    set_time(object, "upper", between.upper, c->follow_up);
    return object;
}

/* Both errors: Greenwood's, which assumes independent runs, and that of the bootstrap draws, from
 * which the interval is made. */
static json_t *rmst_json(const struct configuration *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "value", json_real_or_null(c->rmst.mean),
                     "error", json_real_or_null(c->rmst.error), "bootstrap_error",
                     json_real_or_null(c->spread.error), "lower",
                     json_real_or_null(c->spread.between.lower), "upper",
                     json_real_or_null(c->spread.between.upper), "extended", c->rmst.extended);
}

static json_t *never_json(const struct configuration *c)
{
    return json_pack(
        "{s:I, s:I, s:o, s:o, s:o}", "count", (json_int_t)c->never, "of", (json_int_t)c->settled,
        "share", c->settled > 0 ? json_real((double)c->never / (double)c->settled) : json_null(),
        "lower", json_real_or_null(c->never_between.lower), "upper",
        json_real_or_null(c->never_between.upper));
}

/* `min` and `max` are over actors, while `value` is a mean over runs. */
static json_t *tail_json(const struct configuration *c)
{
    json_t *const object = json_estimate(&c->tail);
    set(object, "seeds", json_integer(c->tail.clusters));
    set(object, "actors", json_integer(c->tails));
    set(object, "still_before_zero", json_integer(c->still_before_zero));
    set(object, "min", c->tails > 0 ? json_integer(c->tail_min) : json_null());
    set(object, "max", c->tails > 0 ? json_integer(c->tail_max) : json_null());
    return object;
}

/* `estimable` is false when some runs lack the return: those that have it are a selected group. */
static json_t *returns_json(const struct configuration *c)
{
    json_t *const object = json_object();
    for (int which = 0; which < RETURN_COUNT; which++) {
        const struct aggregate_returns *const r = &c->returns[which];
        set(object, returns_name((enum returns)which),
            json_pack("{s:I, s:I, s:b, s:o, s:o}", "runs", (json_int_t)r->runs, "missing",
                      (json_int_t)r->missing, "estimable", r->runs > 0 && r->missing == 0, "mean",
                      json_estimate(&r->mean), "iqm", json_estimate(&r->iqm)));
    }
    return object;
}

static json_t *curve_json(const struct curve *curve)
{
    const int64_t n = curve->points;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time", reals(curve->time, n),
                     "at_risk", wholes(curve->at_risk, n), "events", wholes(curve->died, n),
                     "censored", wholes(curve->censored, n), "survival", reals(curve->survival, n),
                     "error", reals(curve->error, n), "lower", reals(curve->lower, n), "upper",
                     reals(curve->upper, n));
}

/* Only causes that a run met. The arrays of the incidence are (cause, point), so those of a cause
 * begin at cause times points. */
static json_t *incidence_json(const struct incidence *incidence)
{
    const int64_t n = incidence->points;
    json_t *const causes = json_object();
    for (int cause = 0; n > 0 && cause < incidence->causes; cause++) {
        const int64_t from = cause * n;
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++)
            count += incidence->died[from + i];
        if (count > 0)
            set(causes, aggregate_cause(cause),
                json_pack(
                    "{s:I, s:o, s:o, s:o, s:o, s:o}", "count", (json_int_t)count, "events",
                    wholes(incidence->died + from, n), "share", reals(incidence->share + from, n),
                    "error", reals(incidence->error + from, n), "lower",
                    reals(incidence->lower + from, n), "upper", reals(incidence->upper + from, n)));
    }
    return json_pack("{s:o, s:o, s:o}", "time", reals(incidence->time, n), "at_risk",
                     wholes(incidence->at_risk, n), "causes", causes);
}

static json_t *fates_json(const int64_t *fates)
{
    json_t *const object = json_object();
    for (int f = 0; f < FATE_COUNT; f++)
        set(object, fate_name((enum fate)f), json_integer(fates[f]));
    return object;
}

/* Runs of the configuration that failed or are quarantined. The loop over all runs is for the few
 * configurations that have some: for each of many it would take quadratic time. */
static json_t *gaps_json(const struct aggregate *aggregate, int64_t configuration)
{
    const struct configuration *const c = &aggregate->configuration[configuration];
    json_t *const array = json_array();
    const bool any = c->fates[FATE_FAILED] + c->fates[FATE_QUARANTINED] > 0;
    for (int64_t run = 0; any && run < aggregate->cohort->runs; run++) {
        const enum fate fate = aggregate->cohort->member[run].fate;
        if (aggregate->grouping.of_run[run] == configuration &&
            (fate == FATE_FAILED || fate == FATE_QUARANTINED))
            json_array_append_new(array,
                                  json_pack("{s:I, s:I, s:s}", "run", (json_int_t)run, "seed",
                                            (json_int_t)aggregate->table->run[run].seed, "fate",
                                            fate_name(fate)));
    }
    return array;
}

/* An item of `configurations`. It is the largest thing that is in memory as JSON, because a curve
 * has a point for each event time. */
static json_t *configuration_json(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    const struct configuration *const c = &aggregate->configuration[i];
    json_t *const object = json_object();
    set(object, "axes", place_json(aggregate, i, -1));
    set(object, "runs", json_integer(c->runs));
    set(object, "done",
        json_integer(c->fates[FATE_EVENT] + c->fates[FATE_CENSORED] + c->fates[FATE_DIVERGED] +
                     c->fates[FATE_ENDED]));
    set(object, "seeds", json_integer(c->seeds));
    set(object, "observed", json_integer(c->sample.count));
    set(object, "moved_again", json_integer(c->moved));
    set(object, "fates", fates_json(c->fates));
    set(object, "gaps", gaps_json(aggregate, i));
    set(object, "min", json_whole_or_null(c->min));
    set(object, "max", json_whole_or_null(c->max));
    set(object, "follow_up", json_real_or_null(c->follow_up));
    set(object, "median", times_json(c, c->median, c->median_between));
    set(object, "rmst", rmst_json(c));
    set(object, "iqm", times_json(c, c->iqm.value, c->iqm.between));
    set(object, "never", never_json(c));
    set(object, "tail", tail_json(c));
    set(object, "returns", returns_json(c));
    set(object, "curve", curve_json(&c->curve));
    set(object, "incidence", incidence_json(&c->incidence));
    return object;
}

/* ---- between configurations ---- */

/* `a` and `b` are indices into `configurations`, which has the values of their axes. */
static json_t *comparison_json(const struct aggregate *aggregate, const struct comparison *c)
{
    char note[AGGREGATE_NOTE];
    json_t *const object = json_object();
    comparison_note(c, note, sizeof note);
    set(object, "family", json_string(c->axis < 0 ? "reference" : "neighbours"));
    set(object, "axis",
        c->axis < 0 ? json_null() : json_string(aggregate_axis(aggregate, c->axis)));
    set(object, "a", json_integer(c->a));
    set(object, "b", json_integer(c->b));
    set(object, "pairs", json_integer(c->paired.pairs));
    set(object, "left_out", json_integer(c->paired.left_out));
    set(object, "difference", json_real_or_null(c->paired.difference));
    set(object, "lower", json_real_or_null(c->paired.between.lower));
    set(object, "upper", json_real_or_null(c->paired.between.upper));
    set(object, "p", json_real_or_null(c->paired.p));
    set(object, "p_holm", json_real_or_null(c->adjusted));
    set(object, "least_p", json_real_or_null(c->least));
    set(object, "exact", json_boolean(c->paired.exact));
    set(object, "too_few", json_boolean(c->small));
    set(object, "crossing", json_real_or_null(c->crossing));
    set(object, "note", json_string(note));
    return object;
}

static json_t *test_json(const struct aggregate *aggregate, const struct axis_test *t)
{
    char note[AGGREGATE_NOTE];
    json_t *const object = json_object();
    test_note(t, note, sizeof note);
    set(object, "family", json_string(t->within < 0 ? "stratified" : "within"));
    set(object, "axis", json_string(aggregate_axis(aggregate, t->axis)));
    set(object, "within", t->within < 0 ? json_null() : place_json(aggregate, t->within, t->axis));
    set(object, "runs", json_integer(t->runs));
    set(object, "groups", json_integer(t->groups));
    set(object, "chi2", json_real_or_null(t->test.chi2));
    set(object, "df", json_integer(t->test.df));
    set(object, "p", json_real_or_null(t->test.p));
    set(object, "p_permuted", json_real_or_null(t->permuted.p));
    set(object, "p_holm", json_real_or_null(t->adjusted));
    set(object, "least_p", json_real_or_null(t->permuted.least_p));
    set(object, "exact", json_boolean(t->permuted.exact));
    set(object, "too_few", json_boolean(t->small));
    set(object, "crossing", json_real_or_null(t->crossing));
    set(object, "note", json_string(note));
    return object;
}

/* The options with their defaults filled in, so that the file alone says how it was made. */
static json_t *options_json(const struct aggregate *aggregate)
{
    const struct aggregate_options *const options = &aggregate->options;
    json_t *const by = json_array();
    for (int64_t a = 0; a < aggregate->grouping.axes; a++)
        json_array_append_new(by, json_string(aggregate_axis(aggregate, a)));
    return json_pack(
        "{s:s, s:s, s:o, s:I, s:f, s:I, s:I, s:I, s:o}", "event", event_name(options->event),
        "endpoint", endpoint_name(options->endpoint), "by", by, "limit", (json_int_t)options->limit,
        "confidence", options->confidence, "bootstrap", (json_int_t)options->bootstrap, "draw_seed",
        (json_int_t)options->draw_seed, "permutations", (json_int_t)options->permutations,
        "reference", options->reference != NULL ? json_text(options->reference) : json_null());
}

/* Items of the streamed lists, in the form that json_stream_list calls. */
static json_t *comparison_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    return comparison_json(aggregate, &aggregate->comparison[i]);
}

static json_t *test_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    return test_json(aggregate, &aggregate->test[i]);
}

static json_t *warning_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    return json_text(aggregate->warning[i]);
}

static json_t *finding_at(const void *of, int64_t i)
{
    const struct finding *const finding = &((const struct aggregate *)of)->finding[i];
    json_t *const numbers = json_array();
    for (int64_t n = 0; n < finding->numbers; n++) {
        const struct finding_number *const number = &finding->number[n];
        json_array_append_new(numbers,
                              json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(number->name),
                                        "value", json_real_or_null(number->value), "lower",
                                        json_real_or_null(number->between.lower), "upper",
                                        json_real_or_null(number->between.upper)));
    }
    return json_pack("{s:s, s:o, s:I, s:o}", "rule", finding_name(finding->rule), "sentence",
                     json_text(finding->sentence), "runs", (json_int_t)finding->runs, "numbers",
                     numbers);
}

static json_t *fates_of_all(const struct aggregate *aggregate)
{
    int64_t fates[FATE_COUNT] = {0};
    for (int64_t run = 0; run < aggregate->cohort->runs; run++)
        fates[aggregate->cohort->member[run].fate]++;
    return fates_json(fates);
}

/* Runs that are done, but whose rows are damaged: the Python package leaves out the same. */
static json_t *damaged_json(const struct store *store)
{
    json_t *const array = json_array();
    for (int64_t run = 0; run < store_runs(store); run++) {
        const char *const why = store_damage(store, run);
        if (why != NULL)
            json_array_append_new(
                array, json_pack("{s:I, s:o}", "run", (json_int_t)run, "why", json_text(why)));
    }
    return array;
}

/* What is small is built as one object; the lists, which can have thousands of curves, are streamed
 * item by item (json.h). */
bool aggregate_print_json(FILE *file, const struct aggregate *aggregate,
                          const struct aggregate_source *source)
{
    json_t *const report = json_object();
    set(report, "schema_version", json_integer(AGGREGATE_SCHEMA_VERSION));
    set(report, "file", json_text(source->path));
    set(report, "time", json_real(source->now));
    set(report, "revision", json_string(store_this_program().revision));
    set(report, "locked", json_boolean(source->held));
    set(report, "algorithm_version", json_integer(store_algorithm_version(source->store)));
    set(report, "spec", json_text(spec_text(store_spec(source->store))));
    set(report, "options", options_json(aggregate));
    set(report, "runs", json_integer(aggregate->cohort->runs));
    set(report, "fates", fates_of_all(aggregate));
    set(report, "damaged", damaged_json(source->store));
    set(report, "axes", axes_json(aggregate));
    set(report, "pooled", json_integer(aggregate->grouping.pooled));
    struct json_stream stream = json_stream_begin(file, 1);
    json_stream_set_all(&stream, report);
    json_stream_list(&stream, "configurations", aggregate->configurations, configuration_json,
                     aggregate);
    json_stream_set(&stream, "reference", json_whole_or_null(aggregate->reference));
    json_stream_list(&stream, "comparisons", aggregate->comparisons, comparison_at, aggregate);
    json_stream_list(&stream, "tests", aggregate->tests, test_at, aggregate);
    aggregate_stream_against(&stream, aggregate);
    json_stream_list(&stream, "findings", aggregate->findings, finding_at, aggregate);
    json_stream_list(&stream, "warnings", aggregate->warnings, warning_at, aggregate);
    return json_stream_end(&stream);
}
