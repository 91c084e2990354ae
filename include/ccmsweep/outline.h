// SPDX-License-Identifier: MIT
/**
 * A YAML text of sections, keys and values, as a flat outline in which everything knows its line.
 *
 * The only module that includes yaml.h. It accepts the part of YAML a spec needs and refuses the
 * rest with a sentence: one document, a mapping of sections, each a mapping from a name to one
 * value or to a list of values. No anchors, aliases, tags, nested lists or tabs. Values stay text:
 * what YAML 1.1 would make of `no`, `1_000` or `010` plays no part. It knows no settings.
 */
#ifndef CCMSWEEP_OUTLINE_H
#define CCMSWEEP_OUTLINE_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>

/** One scalar. */
struct outline_value {
    char *text;
    bool quoted; /**< written in quotes or as a block: text, never a number */
};

/** "key: value" or "key: [value, …]". */
struct outline_entry {
    char *key;
    int line;
    bool list;
    size_t count; /**< 1 unless a list */
    struct outline_value *values;
};

/** "name:" and the entries below it. */
struct outline_section {
    char *name;
    int line;
    size_t count;
    struct outline_entry *entries;
};

struct outline {
    size_t count;
    struct outline_section *sections;
};

/** Longest text accepted, in bytes. */
enum { OUTLINE_LIMIT = 1 << 20 };

/**
 * Parse `length` bytes of `text` (UTF-8, need not end in NUL) into `*outline`, which is
 * overwritten. Local. `name` is what messages call the text, usually its file. On success the
 * caller owns the outline's content: outline_fini; otherwise it is empty. \return STATUS_INPUT with
 * "name:line: key: what, expected …".
 */
enum status outline_parse(struct outline *outline, const char *text, size_t length,
                          const char *name, struct fault *fault) MUST_USE;

/** Free the content and leave an empty outline. */
void outline_fini(struct outline *outline);

#endif
