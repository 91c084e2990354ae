// SPDX-License-Identifier: MIT
#include "cli/options.h"
#include <stdlib.h>

void request_init(struct request *request, int argc)
{
    *request = (struct request){.items = fault_alloc((size_t)argc, sizeof *request->items)};
}

void request_fini(struct request *request)
{
    free(request->items);
    *request = (struct request){0};
}

void request_add(struct request *request, const struct setting *row, const char *text)
{
    request->items[request->count++] = (struct request_item){.row = row, .text = text};
}

char *request_name(char *name, const char *option, const struct argp_state *state)
{
    if (*name == '\0')
        argp_error(state, "%s%sno name, expected that of a file or folder",
                   option != NULL ? option : "", option != NULL ? ": " : "");
    return name;
}

static enum status fill(const struct request *request, struct spec *spec, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (request->path != NULL)
        status = spec_load(spec, request->path, fault);
    for (size_t i = 0; i < request->count && status == STATUS_OK; i++) {
        const struct request_item *const item = &request->items[i];
        status = item->row == NULL ? spec_set(spec, item->text, fault)
                                   : spec_option(spec, item->row, item->text, fault);
    }
    return status == STATUS_OK ? spec_check(spec, fault) : status;
}

enum status request_resolve(const struct request *request, struct spec **spec, struct fault *fault)
{
    *spec = spec_new();
    const enum status status = fill(request, *spec, fault);
    if (status != STATUS_OK)
        spec_free(spec);
    return status;
}
