// SPDX-License-Identifier: MIT
/**
 * What a command line says about the spec: its file, and the settings given beside it.
 *
 * Collected while options are parsed, made into a spec afterwards, so that the order of options
 * does not matter. Texts are borrowed from the command line. Local.
 */
#ifndef CCMSWEEP_SPEC_OPTIONS_H
#define CCMSWEEP_SPEC_OPTIONS_H

#include "spec/spec.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>

/** One value of a setting. */
struct spec_option {
    const struct setting *row; /**< of a setting's own option; NULL for --set */
    const char *text;          /**< value, or "key=value" */
};

struct spec_options {
    const char *path; /**< of the spec, NULL for none */
    size_t count;
    struct spec_option *items; /**< as many as there are arguments */
};

/** Make room for what `argc` arguments can say. The caller owns it: spec_options_fini. */
void spec_options_init(struct spec_options *options, int argc);

/** Free and leave an empty one. */
void spec_options_fini(struct spec_options *options);

/** Remember a value. \param row of the setting's own option, NULL for --set */
void spec_options_add(struct spec_options *options, const struct setting *row, const char *text);

/** Make the spec: file, then --set, then the settings' own options, then the check for
 *  contradictions.
 *  \return STATUS_OK: the caller owns `*spec`, spec_free. STATUS_INPUT: `*spec` is NULL and the
 *          sentence says where and what */
enum status spec_options_resolve(const struct spec_options *options, struct spec **spec,
                                 struct fault *fault) MUST_USE;

#endif
