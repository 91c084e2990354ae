// SPDX-License-Identifier: MIT
/**
 * A YAML text of sections, keys and values, as a tree in which everything knows its line.
 *
 * The only module that includes yaml.h. It accepts the part of YAML a spec needs and refuses the
 * rest with a sentence: one document, a mapping, and in it mappings, lists and plain values; keys
 * are names and occur in a mapping once. No anchors, aliases, tags, tabs or deep nesting. Values
 * stay text: what YAML 1.1 would make of `no`, `1_000` or `010` does not matter. It knows no
 * settings and not where a list or a mapping makes sense.
 */
#ifndef CCMSWEEP_YAML_TREE_H
#define CCMSWEEP_YAML_TREE_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_VALUE, YAML_LIST, YAML_MAPPING };

/** A value, a list or a mapping, with its key if it is in a mapping. */
struct yaml_node {
    enum yaml_kind kind;
    bool quoted;             /**< a value in quotes or in a block: text, never a number */
    int line;                /**< where it begins, counted from 1 */
    int key_line;            /**< line of its key, or `line` */
    char *key;               /**< NULL unless in a mapping */
    char *text;              /**< of a value, may be ""; else NULL */
    size_t count;            /**< items of a list or mapping */
    struct yaml_node *items; /**< (count) */
};

/** Longest text accepted, in bytes. */
enum { YAML_TREE_LIMIT = 1 << 20 };

/**
 * Parse `length` bytes of `text` (UTF-8, need not end in NUL) into `*root`, a mapping, which is
 * overwritten. Local. `name` is what messages call the text, usually its file. On success the
 * caller owns the tree's content: yaml_tree_fini; otherwise it is empty. \return STATUS_INPUT with
 * "name:line: key: what, expected …".
 */
enum status yaml_tree_parse(struct yaml_node *root, const char *text, size_t length,
                            const char *name, struct fault *fault) MUST_USE;

/** Free the content and leave an empty value. */
void yaml_tree_fini(struct yaml_node *root);

#endif
