// SPDX-License-Identifier: MIT
/**
 * Conditions on the settings of cells, as --where and --only take them: "seed=1,label=clip-1".
 *
 * Several values of one setting mean any of them; conditions on several settings must all hold.
 * They are read only when the cells are known, so that a sentence can list what there is. Local.
 */
#ifndef CCMSWEEP_CONDITIONS_H
#define CCMSWEEP_CONDITIONS_H

#include "cli/options.h"
#include "spec/spec.h"

/**
 * Choose the cells that meet the conditions.
 * \param texts  each "KEY=VALUE", several between commas; none: all cells are chosen
 * \param option for sentences: "--where"
 * \param what   for sentences, of the cells: "run of demo.h5"
 * \param chosen (spec_cells) owned by the caller (free); NULL on failure
 * \return STATUS_INPUT with a sentence: a text is no condition, its key no setting, no cell has the
 *         value, or none meets all of them
 */
enum status conditions_choose(const struct option_names *texts, const struct spec *spec,
                              const char *option, const char *what, bool **chosen,
                              struct fault *fault) MUST_USE;

#endif
