// SPDX-License-Identifier: MIT
/**
 * What a command line says about the spec: its file, and the settings given beside it.
 *
 * Collected while arguments are parsed, resolved afterwards, so that their order does not matter.
 * Texts are borrowed from the command line. Local.
 */
#ifndef CCMSWEEP_OPTIONS_H
#define CCMSWEEP_OPTIONS_H

#include "spec/spec.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <argp.h>

struct request_item {
    const struct setting *row; /**< of an option; NULL for --set */
    const char *text;          /**< value, or "key=value" */
};

struct request {
    const char *path; /**< of the spec, NULL for none */
    size_t count;
    struct request_item *items; /**< as many as there are arguments */
};

/** Make room for what `argc` arguments can say. The caller owns it: request_fini. */
void request_init(struct request *request, int argc);

/** Free and leave an empty request. */
void request_fini(struct request *request);

/** Remember a value. */
void request_add(struct request *request, const struct setting *row, const char *text);

/** Refuse an empty name of a file or folder, which a script with a variable unset gives, as
 * argp_error does. \param option whose value it is ("--output"), NULL for an argument \return
 * `name`, also when argp_error comes back */
char *request_name(char *name, const char *option, const struct argp_state *state);

/** Make the spec: file, then --set, then options, then the look for contradictions.
 *  \return STATUS_OK: the caller owns `*spec`, spec_free. Else `*spec` is NULL and the sentence
 * says where and what */
enum status request_resolve(const struct request *request, struct spec **spec,
                            struct fault *fault) MUST_USE;

#endif
