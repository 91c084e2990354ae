// SPDX-License-Identifier: MIT
/**
 * Labels of cells, as values of a setting.
 *
 * A value of a setting is handled as one number, whatever its type. So each different label is kept
 * once, as long as the process runs, and stands for itself by a number. Not for several threads.
 */
#ifndef CCMSWEEP_LABELS_H
#define CCMSWEEP_LABELS_H

#include <ccmsweep/fault.h>
#include <stdbool.h>

/** True for a text that can be a label: 1 to SETTING_LABEL_BYTES letters and digits of ASCII, '.',
 *  '-' and '_'. It is one word in tables, in CSV, and among the words of flag_meanings. The word
 *  `none` is not one: it stands for no label. */
bool labels_valid(const char *text) MUST_USE;

/** The number of a valid label: 1 for the first that is asked for, then 2, ... So sorting numbers
 *  puts the labels of a spec into its order. */
double labels_keep(const char *text) MUST_USE;

/** The label of a number that labels_keep gave in this process; NULL for any other. Never freed. */
const char *labels_text(double number) MUST_USE;

#endif
