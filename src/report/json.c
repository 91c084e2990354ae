// SPDX-License-Identifier: MIT
/*
 * Writing a JSON object in pieces. jansson builds whole values only; this code adds the brackets,
 * commas and margins around them, so that the bytes are the ones that jansson would write for the
 * whole.
 */
#include "report/json.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

/* After the first error nothing more is written, so that errno stays that of the first one. */
static void put(struct json_stream *s, const char *text, size_t size)
{
    s->written = s->written && fwrite(text, 1, size, s->file) == size;
}

static void put_text(struct json_stream *s, const char *text)
{
    put(s, text, strlen(text));
}

static void put_margin(struct json_stream *s)
{
    for (int i = 0; i < s->indent * s->depth; i++)
        put(s, " ", 1);
}

/* jansson indents a value as if it began at the left margin; the margin of this depth is added
 * after each line feed. A line feed within a string is written as \\n, so every one here is between
 * tokens. */
static int put_shifted(const char *text, size_t size, void *stream)
{
    struct json_stream *const s = stream;
    for (const char *end = text + size; text < end;) {
        const char *const feed = memchr(text, '\n', (size_t)(end - text));
        const char *const next = feed != NULL ? feed + 1 : end;
        put(s, text, (size_t)(next - text));
        if (feed != NULL)
            put_margin(s);
        text = next;
    }
    return s->written ? 0 : -1;
}

static void put_value(struct json_stream *s, json_t *value)
{
    const size_t format = s->indent > 0 ? JSON_INDENT(s->indent) : JSON_COMPACT;
    s->written = s->written && value != NULL &&
                 json_dump_callback(value, put_shifted, s, format | JSON_ENCODE_ANY) == 0;
    json_decref(value);
}

/* Write what comes before an item, or before the closing bracket. An empty list has both brackets
 * in one line. */
static void begin_line(struct json_stream *s, bool item)
{
    if (item && !s->empty)
        put(s, ",", 1);
    if (s->indent > 0 && (item || !s->empty)) {
        put(s, "\n", 1);
        put_margin(s);
    }
    s->empty = false;
}

static void begin_member(struct json_stream *s, const char *key)
{
    begin_line(s, true);
    put_value(s, json_string(key));
    put_text(s, s->indent > 0 ? ": " : ":");
}

static void open_bracket(struct json_stream *s, const char *bracket)
{
    put_text(s, bracket);
    s->depth++;
    s->empty = true;
}

static void close_bracket(struct json_stream *s, const char *bracket)
{
    s->depth--;
    begin_line(s, false);
    put_text(s, bracket);
}

struct json_stream json_stream_begin(FILE *file, int indent)
{
    struct json_stream stream = {.file = file, .indent = indent, .written = true};
    open_bracket(&stream, "{");
    return stream;
}

void json_stream_set(struct json_stream *s, const char *key, json_t *value)
{
    begin_member(s, key);
    put_value(s, value);
}

void json_stream_set_all(struct json_stream *s, json_t *object)
{
    const char *key = NULL;
    json_t *value = NULL;
    s->written = s->written && object != NULL;
    json_object_foreach(object, key, value) json_stream_set(s, key, json_incref(value));
    json_decref(object);
}

/* An item is made, written and freed before the next one is made: that is what this file is for. */
void json_stream_list(struct json_stream *s, const char *key, int64_t count,
                      json_t *(*make)(const void *of, int64_t i), const void *of)
{
    begin_member(s, key);
    open_bracket(s, "[");
    for (int64_t i = 0; i < count && s->written; i++) {
        json_t *const item = make(of, i);
        if (item == NULL)
            continue;
        begin_line(s, true);
        put_value(s, item);
    }
    close_bracket(s, "]");
}

void json_stream_open(struct json_stream *s, const char *key)
{
    begin_member(s, key);
    open_bracket(s, "{");
}

void json_stream_close(struct json_stream *s)
{
    close_bracket(s, "}");
}

bool json_stream_end(struct json_stream *s)
{
    close_bracket(s, "}");
    put(s, "\n", 1);
    return s->written;
}

static json_t *list_json(int64_t number)
{
    int64_t items[SETTING_LIST_ITEMS];
    const size_t count = settings_list(number, items);
    json_t *const list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(items[i]));
    return list;
}

json_t *json_estimate(const struct estimate *estimate)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "value", json_real_or_null(estimate->value), "error",
                     json_real_or_null(estimate->error), "lower",
                     json_real_or_null(estimate->between.lower), "upper",
                     json_real_or_null(estimate->between.upper));
}

/* The text decides whether it is `none`: which number means that depends on the setting. */
json_t *json_setting(const struct setting *row, double number)
{
    char text[SETTING_TEXT];
    settings_write(row, number, text, sizeof text);
    if (row->optional && strcmp(text, "none") == 0)
        return json_null();
    if (row->type == TYPE_CHOICE || row->type == TYPE_LABEL)
        return json_string(text);
    if (row->type == TYPE_LIST)
        return list_json((int64_t)number);
    return row->type == TYPE_INTEGER ? json_integer((json_int_t)number) : json_real(number);
}

json_t *json_real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_whole_or_null(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

/* A name with a wrong byte is still of use to a reader, so it is not left out. */
json_t *json_text(const char *text)
{
    json_t *const string = json_string(text);
    char plain[4096];
    if (string != NULL)
        return string;
    snprintf(plain, sizeof plain, "%s", text);
    for (char *c = plain; *c != '\0'; c++) {
        if ((unsigned char)*c > 126)
            *c = '?';
    }
    return json_string(plain);
}
