// SPDX-License-Identifier: MIT
/* The list of settings given on a command line. It is resolved only after parsing, because the
 * spec's file has to be read first, wherever it stands among the options. */
#include "cli/spec_options.h"
#include <stdlib.h>

/* Each value takes at least one word of the command line, so `argc` items are always enough. */
void spec_options_init(struct spec_options *options, int argc)
{
    *options = (struct spec_options){.items = fault_alloc((size_t)argc, sizeof *options->items)};
}

void spec_options_fini(struct spec_options *options)
{
    free(options->items);
    *options = (struct spec_options){0};
}

void spec_options_add(struct spec_options *options, const struct setting *row, const char *text)
{
    options->items[options->count++] = (struct spec_option){.row = row, .text = text};
}

/* The file first, then the values: levels decide what wins (spec.h), and within --set the later
 * value. Contradictions are looked for last, since one value can make another one wrong or
 * right. */
static enum status fill(const struct spec_options *options, struct spec *spec, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (options->path != NULL)
        status = spec_load(spec, options->path, fault);
    for (size_t i = 0; i < options->count && status == STATUS_OK; i++) {
        const struct spec_option *const item = &options->items[i];
        status = item->row == NULL ? spec_set(spec, item->text, fault)
                                   : spec_option(spec, item->row, item->text, fault);
    }
    return status == STATUS_OK ? spec_check(spec, fault) : status;
}

enum status spec_options_resolve(const struct spec_options *options, struct spec **spec,
                                 struct fault *fault)
{
    *spec = spec_new();
    const enum status status = fill(options, *spec, fault);
    if (status != STATUS_OK)
        spec_free(spec);
    return status;
}
