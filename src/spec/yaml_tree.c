// SPDX-License-Identifier: MIT
/* YAML, as far as a spec needs it. The text is looked at three times: for bytes that libyaml would
 * accept or report badly, for events that a spec must not have, and then as a tree. The first two
 * exist because a spec may come from anybody: no short text may take much time or memory. */
#include "spec/yaml_tree.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Keys in one mapping: far more than there are settings, few enough to compare each with each. */
enum { KEYS_LIMIT = 1000 };

/* Levels of nesting: more than a spec needs, so that what is wrong can still be explained well;
 * libyaml needs quadratic time for deep texts. */
enum { DEPTH_LIMIT = 8 };

/* What a pass over a text needs: the text, its name, and where to put the sentence. */
struct reader {
    const char *text;
    size_t length;
    const char *name;
    struct fault *fault;
};

static const char *const forbidden_tag = "a tag, expected plain values";

static enum status refuse(const struct reader *r, int line, const char *what)
{
    return fault_set(r->fault, STATUS_INPUT, "%s:%d: %s", r->name, line, what);
}

/* Only for messages, so counting from the start is fast enough. */
static int line_at(const struct reader *r, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < r->length; i++)
        line += r->text[i] == '\n';
    return line;
}

/* %TAG directives are refused before libyaml sees them: it compares each with each before it
 * reports any, so that many of them would take quadratic time. They count only at the start of a
 * line. YAML has several line ends: all are control characters or end in a byte above 127, and so
 * does a byte order mark. */
static bool is_tag_directive(const struct reader *r, size_t at)
{
    static const char begin[] = "%TAG";
    const size_t length = sizeof begin - 1;
    const unsigned char before = at > 0 ? (unsigned char)r->text[at - 1] : '\n';
    return (before < ' ' || before > 126) && r->length - at >= length &&
           memcmp(r->text + at, begin, length) == 0;
}

/* What libyaml would accept or describe badly. */
static enum status check_bytes(const struct reader *r)
{
    if (r->length > YAML_TREE_LIMIT)
        return fault_set(r->fault, STATUS_INPUT, "%s: %zu bytes, expected at most %d", r->name,
                         r->length, YAML_TREE_LIMIT);
    bool indent = true;
    for (size_t i = 0; i < r->length; i++) {
        const char c = r->text[i];
        if (is_tag_directive(r, i))
            return refuse(r, line_at(r, i), forbidden_tag);
        if (c == '\0')
            return refuse(r, line_at(r, i), "a NUL byte, expected text in UTF-8");
        if (c == '\t' && indent)
            return refuse(r, line_at(r, i), "a tab in the indentation, expected spaces");
        indent = c == '\n' || (indent && c == ' ');
    }
    return STATUS_OK;
}

/* libyaml counts lines from 0. For bytes that are not UTF-8 it gives an offset instead. */
static enum status refuse_syntax(const struct reader *r, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return fault_set(r->fault, STATUS_FAULT, "%s: out of memory", r->name);
    const int line = parser->error == YAML_READER_ERROR ? line_at(r, parser->problem_offset)
                                                        : (int)parser->problem_mark.line + 1;
    return fault_set(r->fault, STATUS_INPUT,
                     "%s:%d: not YAML: %s, expected 'section:' and below it "
                     "indented 'key: value' lines",
                     r->name, line, parser->problem != NULL ? parser->problem : "unreadable");
}

static enum status open_parser(const struct reader *r, yaml_parser_t *parser)
{
    if (!yaml_parser_initialize(parser))
        return fault_set(r->fault, STATUS_FAULT, "%s: out of memory", r->name);
    yaml_parser_set_input_string(parser, (const unsigned char *)r->text, r->length);
    return STATUS_OK;
}

static const char *const forbidden_anchor = "an anchor, expected plain values";
static const char *const too_deep = "too many levels, expected sections, keys and lists";

/* An anchor with aliases can make a short text into a huge tree, and a tag changes what a value
 * means: a spec has no use for either. */
static const char *forbidden(const yaml_char_t *anchor, const yaml_char_t *tag)
{
    return anchor != NULL ? forbidden_anchor : tag != NULL ? forbidden_tag : NULL;
}

/* What has been seen of the events so far. */
struct seen {
    int documents;
    int depth; /* of open mappings and lists */
};

/* Why an event cannot stand in a spec, or NULL. */
static const char *judge_event(const yaml_event_t *event, struct seen *seen)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++seen->documents > 1 ? "a second document, expected one" : NULL;
    case YAML_ALIAS_EVENT:
        return "an alias, expected plain values";
    case YAML_SCALAR_EVENT:
        return forbidden(event->data.scalar.anchor, event->data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
        if (++seen->depth > DEPTH_LIMIT)
            return too_deep;
        return forbidden(event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        if (++seen->depth > DEPTH_LIMIT)
            return too_deep;
        return forbidden(event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        seen->depth--;
        return NULL;
    default:
        return NULL;
    }
}

/* Look at the events before the tree is built: the document API of libyaml resolves aliases and
 * drops anchors silently, and builds trees of any depth. */
static enum status check_events(const struct reader *r)
{
    yaml_parser_t parser;
    enum status status = open_parser(r, &parser);
    if (status != STATUS_OK)
        return status;
    struct seen seen = {0};
    bool end = false;
    while (status == STATUS_OK && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = refuse_syntax(r, &parser);
            break;
        }
        const char *const objection = judge_event(&event, &seen);
        if (objection != NULL)
            status = refuse(r, (int)event.start_mark.line + 1, objection);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (status == STATUS_OK && seen.documents == 0)
        status = fault_set(r->fault, STATUS_INPUT,
                           "%s: nothing in it, expected sections with settings", r->name);
    yaml_parser_delete(&parser);
    return status;
}

static int line_of(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

/* The path may hold anything that the user wrote, so control characters in it are made harmless.
 * The quotes around it are cut off. */
static enum status refuse_at(const struct reader *r, int line, const char *path, const char *what)
{
    char quoted[TEXT_QUOTED];
    text_quote(path, quoted);
    quoted[strlen(quoted) - 1] = '\0';
    return fault_set(r->fault, STATUS_INPUT, "%s:%d: %s: %s", r->name, line, quoted + 1, what);
}

/* The text of a scalar on the heap; NULL when it holds a NUL (from an escape). */
static char *copy_scalar(const yaml_node_t *node)
{
    const char *const text = (const char *)node->data.scalar.value;
    const size_t length = node->data.scalar.length;
    if (memchr(text, '\0', length) != NULL)
        return NULL;
    char *const copy = fault_alloc(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

static enum status read_key(const struct reader *r, const yaml_node_t *node, char **key)
{
    if (node->type == YAML_SCALAR_NODE)
        *key = copy_scalar(node);
    if (*key == NULL || **key == '\0')
        return refuse(r, line_of(node), "a key that is not a name, expected 'key: value'");
    return STATUS_OK;
}

/* "path.key" on the heap; a section's path is its name. */
static char *join_path(const char *path, const char *key)
{
    const size_t size = strlen(path) + strlen(key) + 2;
    char *const joined = fault_alloc(size, 1);
    snprintf(joined, size, "%s%s%s", path, *path != '\0' ? "." : "", key);
    return joined;
}

static enum status read_node(const struct reader *r, yaml_document_t *document, const char *path,
                             const yaml_node_t *from, struct yaml_node *node);

static enum status read_list(const struct reader *r, yaml_document_t *document, const char *path,
                             const yaml_node_t *from, struct yaml_node *node)
{
    const yaml_node_item_t *const first = from->data.sequence.items.start;
    const size_t count = (size_t)(from->data.sequence.items.top - first);
    node->kind = YAML_LIST;
    node->items = fault_alloc(count, sizeof *node->items);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        node->count = i + 1;
        status = read_node(r, document, path, yaml_document_get_node(document, first[i]),
                           &node->items[i]);
    }
    return status;
}

/* One pair of a mapping. libyaml keeps repeated keys; each is compared with those before it, which
 * KEYS_LIMIT keeps cheap. The item is counted before it is read, so that yaml_tree_fini frees it
 * also when reading fails half-way. */
static enum status read_item(const struct reader *r, yaml_document_t *document, const char *path,
                             const yaml_node_pair_t *pair, struct yaml_node *mapping)
{
    const yaml_node_t *const key = yaml_document_get_node(document, pair->key);
    struct yaml_node *const item = &mapping->items[mapping->count++];
    enum status status = read_key(r, key, &item->key);
    if (status != STATUS_OK)
        return status;
    char *const whole = join_path(path, item->key);
    for (size_t k = 0; k + 1 < mapping->count && status == STATUS_OK; k++) {
        if (strcmp(mapping->items[k].key, item->key) == 0)
            status = refuse_at(r, line_of(key), whole,
                               *path == '\0' ? "duplicate section, expected it once"
                                             : "duplicate key, expected it once");
    }
    if (status == STATUS_OK)
        status = read_node(r, document, whole, yaml_document_get_node(document, pair->value), item);
    item->key_line = line_of(key);
    free(whole);
    return status;
}

static enum status read_mapping(const struct reader *r, yaml_document_t *document, const char *path,
                                const yaml_node_t *from, struct yaml_node *node)
{
    const yaml_node_pair_t *const first = from->data.mapping.pairs.start;
    const size_t count = (size_t)(from->data.mapping.pairs.top - first);
    if (count > KEYS_LIMIT)
        return *path == '\0'
                   ? refuse(r, line_of(from), "too many sections, expected at most 1000")
                   : refuse_at(r, line_of(from), path, "too many keys, expected at most 1000");
    node->kind = YAML_MAPPING;
    node->items = fault_alloc(count, sizeof *node->items);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = read_item(r, document, path, &first[i], node);
    return status;
}

/* `path` is what a message calls the node: the keys that lead to it. */
static enum status read_node(const struct reader *r, yaml_document_t *document, const char *path,
                             const yaml_node_t *from, struct yaml_node *node)
{
    node->line = node->key_line = line_of(from);
    if (from->type == YAML_SEQUENCE_NODE)
        return read_list(r, document, path, from, node);
    if (from->type == YAML_MAPPING_NODE)
        return read_mapping(r, document, path, from, node);
    node->quoted = from->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = copy_scalar(from);
    if (node->text == NULL)
        return refuse_at(r, node->line, path, "a NUL character, expected a value");
    return STATUS_OK;
}

enum status yaml_tree_parse(struct yaml_node *root, const char *text, size_t length,
                            const char *name, struct fault *fault)
{
    *root = (struct yaml_node){0};
    const struct reader r = {.text = text, .length = length, .name = name, .fault = fault};
    enum status status = check_bytes(&r);
    if (status == STATUS_OK)
        status = check_events(&r);
    yaml_parser_t parser;
    if (status == STATUS_OK)
        status = open_parser(&r, &parser);
    if (status != STATUS_OK)
        return status;
    /* The second pass of libyaml, over the text that check_events has accepted. */
    yaml_document_t document;
    if (yaml_parser_load(&parser, &document)) {
        const yaml_node_t *const top = yaml_document_get_root_node(&document);
        if (top == NULL || top->type != YAML_MAPPING_NODE)
            status = refuse(&r, top == NULL ? 1 : line_of(top),
                            "not a mapping, expected sections with settings");
        else
            status = read_mapping(&r, &document, "", top, root);
        yaml_document_delete(&document);
    } else {
        status = refuse_syntax(&r, &parser);
    }
    yaml_parser_delete(&parser);
    if (status != STATUS_OK)
        yaml_tree_fini(root);
    return status;
}

void yaml_tree_fini(struct yaml_node *root)
{
    for (size_t i = 0; i < root->count; i++)
        yaml_tree_fini(&root->items[i]);
    free(root->items);
    free(root->text);
    free(root->key);
    *root = (struct yaml_node){0};
}
