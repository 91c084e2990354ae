// SPDX-License-Identifier: MIT
/**
 * A JSON object that is written member by member, and its long arrays item by item.
 *
 * What is written has the bytes that jansson writes of the whole, but only one item at a time is in
 * memory: a list of 200,000 cells would take half a GB. Local.
 */
#ifndef CCMSWEEP_JSON_H
#define CCMSWEEP_JSON_H

#include <ccmsweep/settings.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** What is being written. */
struct json_stream {
    FILE *file;
    int indent;   /**< spaces a level; 0: all in one line, without spaces */
    int depth;    /**< of open brackets */
    bool empty;   /**< the innermost open bracket has nothing in it so far */
    bool written; /**< all of it */
};

/** Begin an object. */
struct json_stream json_stream_begin(FILE *file, int indent);

/** Write a member, whose value is taken over. */
void json_stream_set(struct json_stream *stream, const char *key, json_t *value);

/** Write all members of `object`, which is taken over. */
void json_stream_set_all(struct json_stream *stream, json_t *object);

/** Write an array as a member: what `make` makes of 0 … count-1, each freed before the next is
 * made. Where it makes NULL, nothing is written. */
void json_stream_list(struct json_stream *stream, const char *key, int64_t count,
                      json_t *(*make)(const void *of, int64_t i), const void *of);

/** End the object, and its line. \return false, with errno, when the stream did not take all
 *  of it */
bool json_stream_end(struct json_stream *stream);

/** A value of `row`, as settings_number gives it: a number, the name of a choice, null for `none`.
 *  The caller owns it. */
json_t *json_setting(const struct setting *row, double number) MUST_USE;

/** A number, or null when it is not finite. The caller owns it, as that of the next two. */
json_t *json_real_or_null(double value) MUST_USE;

/** A number, or null when it is below 0, which means unknown. */
json_t *json_whole_or_null(int64_t value) MUST_USE;

/** A text from outside. A name of a file or an argument can be any bytes, while JSON must be UTF-8:
 *  one that is not is written in ASCII, with "?" for each other byte, up to 4095 of them. */
json_t *json_text(const char *text) MUST_USE;

#endif
