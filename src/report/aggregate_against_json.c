// SPDX-License-Identifier: MIT
/* What --against asks for as JSON: differences, scores and families. */
#include "report/aggregate_against_json.h"

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *value_json(const struct aggregate *aggregate, int64_t value)
{
    const struct run_axis *const setting =
        grouping_lead(&aggregate->grouping, aggregate->against->axis);
    return json_setting(setting->row,
                        aggregate_number(aggregate, setting, against_example(aggregate, value)));
}

/* The keys that pooled differences and those of configurations share. */
static void set_difference(json_t *object, const struct against_difference *d)
{
    const struct paired *const paired = &d->found.paired;
    set(object, "pairs", json_integer(paired->pairs));
    set(object, "left_out", json_integer(paired->left_out));
    set(object, "difference", json_real_or_null(paired->difference));
    set(object, "lower", json_real_or_null(paired->between.lower));
    set(object, "upper", json_real_or_null(paired->between.upper));
    set(object, "p", json_real_or_null(paired->p));
    set(object, "p_holm", json_real_or_null(d->found.adjusted));
    set(object, "least_p", json_real_or_null(d->found.least));
    set(object, "exact", json_boolean(paired->exact));
    set(object, "too_few", json_boolean(d->found.small));
    set(object, "only_a", json_whole_or_null(d->only_a));
    set(object, "only_b", json_whole_or_null(d->only_b));
    set(object, "estimable", json_boolean(d->estimable));
    set(object, "note", json_string(d->note));
}

/* Items of the streamed lists, in the form that json_stream_list calls. */
static json_t *comparison_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    const struct against_difference *const d = &aggregate->against->comparison[i];
    json_t *const object = json_pack("{s:s, s:I, s:I}", "quantity", against_name(d->quantity), "a",
                                     (json_int_t)d->found.a, "b", (json_int_t)d->found.b);
    set_difference(object, d);
    return object;
}

static json_t *pooled_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    const struct against_difference *const d = &aggregate->against->pool[i];
    json_t *const object =
        json_pack("{s:s, s:o, s:I}", "quantity", against_name(d->quantity), "value",
                  value_json(aggregate, d->value), "tasks", (json_int_t)d->tasks);
    set_difference(object, d);
    return object;
}

static json_t *profile_json(const struct against_score *s)
{
    json_t *const tau = json_array(), *const share = json_array();
    json_t *const lower = json_array(), *const upper = json_array();
    for (int64_t k = 0; k < s->points; k++) {
        json_array_append_new(tau, json_real_or_null(s->tau[k]));
        json_array_append_new(share, json_real_or_null(s->share[k].value));
        json_array_append_new(lower, json_real_or_null(s->share[k].between.lower));
        json_array_append_new(upper, json_real_or_null(s->share[k].between.upper));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tau", tau, "share", share, "lower", lower, "upper",
                     upper);
}

static json_t *score_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    const struct against_score *const s = &aggregate->against->score[i];
    json_t *const improvement =
        s->value == aggregate->against->value ? json_null() : json_estimate(&s->improvement);
    return json_pack("{s:s, s:o, s:I, s:I, s:o, s:o, s:b, s:s, s:o}", "quantity",
                     against_name(s->quantity), "value", value_json(aggregate, s->value), "runs",
                     (json_int_t)s->runs, "tasks", (json_int_t)s->tasks, "iqm",
                     json_estimate(&s->iqm), "improvement", improvement, "estimable", s->estimable,
                     "note", s->note, "profile", profile_json(s));
}

/* By return, then by share; only returns that have profiles. */
static json_t *short_points(const struct against *against)
{
    json_t *const list = json_array();
    for (int q = AGAINST_END; q < AGAINST_QUANTITIES; q++) {
        for (int c = 0; against->scores > 0 && against->lead[q] >= 0 && c < AGAINST_SHARES; c++)
            json_array_append_new(list, json_pack("{s:s, s:f, s:I}", "quantity",
                                                  against_name((enum against_quantity)q), "share",
                                                  against_shares[c], "point",
                                                  (json_int_t)against->short_point[q][c]));
    }
    return list;
}

/* First those of configurations, then those that are pooled. */
static json_t *family_at(const void *of, int64_t i)
{
    const struct aggregate *const aggregate = of;
    const struct against *const against = aggregate->against;
    const int64_t q = i % AGAINST_QUANTITIES;
    const bool pooled = i >= AGAINST_QUANTITIES;
    return json_pack("{s:s, s:s, s:I}", "quantity", against_name((enum against_quantity)q), "of",
                     pooled ? "pooled" : "comparisons", "tests",
                     (json_int_t)(pooled ? against->tests_pooled[q] : against->tests_compared[q]));
}

void aggregate_stream_against(struct json_stream *stream, const struct aggregate *aggregate)
{
    const struct against *const against = aggregate->against;
    if (against == NULL) {
        json_stream_set(stream, "against", json_null());
        return;
    }
    json_stream_open(stream, "against");
    json_stream_set(stream, "axis", json_string(aggregate_axis(aggregate, against->axis)));
    json_stream_set(stream, "value", value_json(aggregate, against->value));
    json_stream_list(stream, "comparisons", against->comparisons, comparison_at, aggregate);
    json_stream_list(stream, "pooled", against->pooled, pooled_at, aggregate);
    json_stream_list(stream, "scores", against->scores, score_at, aggregate);
    json_stream_set(stream, "short", short_points(against));
    json_stream_list(stream, "families", INT64_C(2) * AGAINST_QUANTITIES, family_at, aggregate);
    json_stream_close(stream);
}
