// SPDX-License-Identifier: MIT
/* The schema as tables of the documentation, from the same rows as the file. */
#include "store/schema.h"

static void print_variable(FILE *file, const struct variable *variable)
{
    static const char *const types[] = {
        [SCHEMA_F64] = "f64", [SCHEMA_F32] = "f32", [SCHEMA_I64] = "i64",
        [SCHEMA_I32] = "i32", [SCHEMA_U8] = "u8",   [SCHEMA_TEXT] = "text",
    };
    fprintf(file, "| `%s` | %s | ", variable->name, types[variable->type]);
    for (int i = 0; i < variable->rank; i++)
        fprintf(file, "%s%s", i > 0 ? ", " : "", schema_dimension(variable->dims[i]));
    fprintf(file, " | %s | ", variable->unit);
    for (const char *c = variable->meaning; *c != '\0'; c++)
        fprintf(file, "%s%c", *c == '|' ? "\\" : "", *c);
    fprintf(file, " |\n");
}

void schema_print(FILE *file)
{
    static const struct {
        enum schema_kind from, to;
        const char *title;
    } parts[] = {
        {SCHEMA_SCALE, SCHEMA_SCALE, "Dimension scales"},
        {SCHEMA_AXIS, SCHEMA_EXTENT, "Runs"},
        {SCHEMA_FIELD, SCHEMA_FIELD, "Records"},
        {SCHEMA_IDENTITY, SCHEMA_SETTINGS, "Bookkeeping"},
        {SCHEMA_NOTE, SCHEMA_NOTE, "In `/volatile`"},
    };
    struct schema *schema = schema_new(NULL);
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        fprintf(file, "%s**%s**\n\n", p > 0 ? "\n" : "", parts[p].title);
        fprintf(file, "| dataset | type | dimensions | unit | meaning |\n|---|---|---|---|---|\n");
        for (size_t v = 0; v < schema->count; v++) {
            const struct variable *variable = &schema->variables[v];
            const bool own_scale = variable->kind == SCHEMA_SCALE && variable->in_volatile;
            const bool here =
                own_scale ? parts[p].from == SCHEMA_NOTE
                          : variable->kind >= parts[p].from && variable->kind <= parts[p].to;
            if (here)
                print_variable(file, variable);
        }
    }
    schema_free(&schema);
}
