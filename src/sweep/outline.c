// SPDX-License-Identifier: MIT
#include <ccmsweep/outline.h>
#include <ccmsweep/text.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Keys in one mapping: far more than there are settings, few enough to compare each with each. */
enum { KEYS_LIMIT = 1000 };

/* Levels of nesting: beyond what a spec needs, so that what is wrong can still be said well;
 * libyaml needs quadratic time for deep ones. */
enum { DEPTH_LIMIT = 8 };

/* What a pass over a text needs: the text, its name, and where to put the sentence. */
struct reader {
    const char *text;
    size_t length;
    const char *name;
    struct fault *fault;
};

static enum status refuse(const struct reader *r, int line, const char *what)
{
    return fault_set(r->fault, STATUS_INPUT, "%s:%d: %s", r->name, line, what);
}

static int line_at(const struct reader *r, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < r->length; i++)
        line += r->text[i] == '\n';
    return line;
}

/* What libyaml would accept or describe badly. */
static enum status check_bytes(const struct reader *r)
{
    if (r->length > OUTLINE_LIMIT)
        return fault_set(r->fault, STATUS_INPUT, "%s: %zu bytes, expected at most %d", r->name,
                         r->length, OUTLINE_LIMIT);
    bool indent = true;
    for (size_t i = 0; i < r->length; i++) {
        const char c = r->text[i];
        if (c == '\0')
            return refuse(r, line_at(r, i), "a NUL byte, expected text in UTF-8");
        if (c == '\t' && indent)
            return refuse(r, line_at(r, i), "a tab in the indentation, expected spaces");
        indent = c == '\n' || (indent && c == ' ');
    }
    return STATUS_OK;
}

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
static const char *const forbidden_tag = "a tag, expected plain values";

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

/* The document API resolves aliases and drops anchors silently, and builds trees of any depth, so
 * events are looked at first. */
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
        return refuse(r, line_of(node), "a key that is no name, expected 'key: value'");
    return STATUS_OK;
}

static enum status refuse_key(const struct reader *r, int line, const char *section,
                              const char *key, const char *what)
{
    char quoted[TEXT_QUOTED];
    text_quote(key, quoted);
    quoted[strlen(quoted) - 1] = '\0';
    return fault_set(r->fault, STATUS_INPUT, "%s:%d: %s%s%s: %s", r->name, line, section,
                     *section != '\0' ? "." : "", quoted + 1, what);
}

static enum status read_scalar(const struct reader *r, const char *section,
                               const struct outline_entry *entry, const yaml_node_t *node,
                               struct outline_value *value)
{
    if (node->type != YAML_SCALAR_NODE)
        return refuse_key(r, line_of(node), section, entry->key,
                          entry->list ? "a list or mapping inside a list, expected single values"
                                      : "a mapping, expected a value or a list of values");
    value->quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    value->text = copy_scalar(node);
    if (value->text == NULL)
        return refuse_key(r, line_of(node), section, entry->key,
                          "a NUL character, expected a value");
    if (*value->text == '\0')
        return refuse_key(r, line_of(node), section, entry->key, "no value, expected one");
    return STATUS_OK;
}

static enum status read_values(const struct reader *r, yaml_document_t *document,
                               const char *section, struct outline_entry *entry,
                               const yaml_node_t *node)
{
    entry->list = node->type == YAML_SEQUENCE_NODE;
    if (!entry->list) {
        entry->values = fault_alloc(1, sizeof *entry->values);
        entry->count = 1;
        return read_scalar(r, section, entry, node, entry->values);
    }
    const yaml_node_item_t *const first = node->data.sequence.items.start;
    const size_t count = (size_t)(node->data.sequence.items.top - first);
    entry->values = fault_alloc(count, sizeof *entry->values);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        entry->count = i + 1;
        status = read_scalar(r, section, entry, yaml_document_get_node(document, first[i]),
                             &entry->values[i]);
    }
    return status;
}

static enum status read_section(const struct reader *r, yaml_document_t *document,
                                struct outline_section *section, const yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return refuse_key(r, line_of(node), "", section->name,
                          "not a section, expected indented 'key: value' lines below it");
    const yaml_node_pair_t *const first = node->data.mapping.pairs.start;
    const size_t count = (size_t)(node->data.mapping.pairs.top - first);
    if (count > KEYS_LIMIT)
        return refuse_key(r, line_of(node), "", section->name,
                          "too many keys, expected at most 1000");
    section->entries = fault_alloc(count, sizeof *section->entries);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const yaml_node_t *const key = yaml_document_get_node(document, first[i].key);
        struct outline_entry *const entry = &section->entries[i];
        section->count = i + 1;
        entry->line = line_of(key);
        status = read_key(r, key, &entry->key);
        for (size_t k = 0; k < i && status == STATUS_OK; k++) {
            if (strcmp(section->entries[k].key, entry->key) == 0)
                status = refuse_key(r, entry->line, section->name, entry->key,
                                    "duplicate key, expected it once");
        }
        if (status == STATUS_OK)
            status = read_values(r, document, section->name, entry,
                                 yaml_document_get_node(document, first[i].value));
    }
    return status;
}

static enum status read_document(const struct reader *r, yaml_document_t *document,
                                 struct outline *outline)
{
    const yaml_node_t *const root = yaml_document_get_root_node(document);
    if (root == NULL || root->type != YAML_MAPPING_NODE)
        return refuse(r, root == NULL ? 1 : line_of(root),
                      "not a mapping, expected sections with settings");
    const yaml_node_pair_t *const first = root->data.mapping.pairs.start;
    const size_t count = (size_t)(root->data.mapping.pairs.top - first);
    if (count > KEYS_LIMIT)
        return refuse(r, line_of(root), "too many sections, expected at most 1000");
    outline->sections = fault_alloc(count, sizeof *outline->sections);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const yaml_node_t *const key = yaml_document_get_node(document, first[i].key);
        struct outline_section *const section = &outline->sections[i];
        outline->count = i + 1;
        section->line = line_of(key);
        status = read_key(r, key, &section->name);
        for (size_t k = 0; k < i && status == STATUS_OK; k++) {
            if (strcmp(outline->sections[k].name, section->name) == 0)
                status = refuse_key(r, section->line, "", section->name,
                                    "duplicate section, expected it once");
        }
        if (status == STATUS_OK)
            status = read_section(r, document, section,
                                  yaml_document_get_node(document, first[i].value));
    }
    return status;
}

enum status outline_parse(struct outline *outline, const char *text, size_t length,
                          const char *name, struct fault *fault)
{
    *outline = (struct outline){0};
    const struct reader r = {.text = text, .length = length, .name = name, .fault = fault};
    enum status status = check_bytes(&r);
    if (status == STATUS_OK)
        status = check_events(&r);
    yaml_parser_t parser;
    if (status == STATUS_OK)
        status = open_parser(&r, &parser);
    if (status != STATUS_OK)
        return status;
    yaml_document_t document;
    if (yaml_parser_load(&parser, &document)) {
        status = read_document(&r, &document, outline);
        yaml_document_delete(&document);
    } else {
        status = refuse_syntax(&r, &parser);
    }
    yaml_parser_delete(&parser);
    if (status != STATUS_OK)
        outline_fini(outline);
    return status;
}

static void free_entry(struct outline_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++)
        free(entry->values[i].text);
    free(entry->values);
    free(entry->key);
}

void outline_fini(struct outline *outline)
{
    for (size_t i = 0; i < outline->count; i++) {
        struct outline_section *const section = &outline->sections[i];
        for (size_t k = 0; k < section->count; k++)
            free_entry(&section->entries[k]);
        free(section->entries);
        free(section->name);
    }
    free(outline->sections);
    *outline = (struct outline){0};
}
