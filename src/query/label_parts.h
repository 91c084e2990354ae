// SPDX-License-Identifier: MIT
/**
 * Labels: what the blocks of a sweep have in common, under the names that the spec gives them.
 *
 * A setting that has one value in all cells of each label is part of the label: it is not an axis
 * of its own, as no two cells differ in it without differing in the label. The learning rates and
 * the seed are always axes. This code knows neither files nor estimates: it compares columns of
 * numbers (settings_number), with one item for each run. Local.
 */
#ifndef CCMSWEEP_LABEL_PARTS_H
#define CCMSWEEP_LABEL_PARTS_H

#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** True when a setting, not a learning rate or the seed, has one value in all runs of each label.
 *  \param label, value (runs) their values in each run */
bool labels_decide(int64_t runs, const double *label, const struct setting *row,
                   const double *value) MUST_USE;

/** A setting that is part of the label. */
struct label_part {
    const struct setting *row;
    double *of_run; /**< (runs) its values */
    double usual;   /**< what most labels have, by labels_compare */
};

/** Set the usual values: where several are as common, the default, else that of the first label.
 *  \param run (labels) a run of each label */
void labels_compare(size_t parts, struct label_part *part, int64_t labels, const int64_t *run);

/** Write what the label of run `run` sets: "clip_actor 1, clip_critic 1". Named are the parts whose
 *  value is not the usual one; what a preset decides, where it is not what the preset says. ""
 *  when it sets nothing. Cut at `size`. */
void labels_describe(size_t parts, const struct label_part *part, int64_t run, char *text,
                     size_t size);

#endif
