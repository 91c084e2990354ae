// SPDX-License-Identifier: MIT
/**
 * A JSON object that is written member by member, and its long arrays item by item.
 *
 * The bytes are the same as if jansson wrote the whole object, but only one item at a time is in
 * memory: a list of 200,000 cells would need half a GB. Local.
 */
#ifndef CCMSWEEP_JSON_H
#define CCMSWEEP_JSON_H

#include "stats/bootstrap.h"
#include <ccmsweep/settings.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** What is being written. */
struct json_stream {
    FILE *file;
    int indent;   /**< number of spaces for each level; 0: all in one line, without spaces */
    int depth;    /**< number of open brackets */
    bool empty;   /**< nothing has been written inside the innermost open bracket */
    bool written; /**< the stream took all bytes so far */
};

/** Begin an object. */
struct json_stream json_stream_begin(FILE *file, int indent);

/** Write a member. Takes ownership of `value`. */
void json_stream_set(struct json_stream *stream, const char *key, json_t *value);

/** Write all members of `object`. Takes ownership of it. */
void json_stream_set_all(struct json_stream *stream, json_t *object);

/** Write an array as a member. `make` makes the items 0 … count-1 from `of`; each is freed before
 * the next one is made. When it returns NULL, the item is left out. */
void json_stream_list(struct json_stream *stream, const char *key, int64_t count,
                      json_t *(*make)(const void *of, int64_t i), const void *of);

/** Begin an object as a member: what follows are its members, up to json_stream_close. */
void json_stream_open(struct json_stream *stream, const char *key);

/** End the object that was opened last. */
void json_stream_close(struct json_stream *stream);

/** End the object and its line. \return false, with errno set, when the stream did not take all of
 *  it */
bool json_stream_end(struct json_stream *stream);

/** The value `number` of a setting, as settings_number gives it: a number, the name of a choice, an
 *  array of the numbers of a list (`none` is an empty one), or null for `none`. The caller owns
 *  it. */
json_t *json_setting(const struct setting *row, double number) MUST_USE;

/** A number, or null when it is not finite. The caller owns it, as for the next three. */
json_t *json_real_or_null(double value) MUST_USE;

/** A number, or null when it is below 0, which means unknown. */
json_t *json_whole_or_null(int64_t value) MUST_USE;

/** `value`, `error`, `lower` and `upper` of an estimate. */
json_t *json_estimate(const struct estimate *estimate) MUST_USE;

/** A text from outside the program. The name of a file or an argument can have any bytes, but JSON
 *  must be UTF-8. A text that is not UTF-8 is written in ASCII: each other byte becomes "?", and it
 *  is cut at 4095 bytes. */
json_t *json_text(const char *text) MUST_USE;

#endif
