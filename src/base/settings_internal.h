// SPDX-License-Identifier: MIT
/** What reading a setting and checking all of them have in common. */
#ifndef CCMSWEEP_SETTINGS_INTERNAL_H
#define CCMSWEEP_SETTINGS_INTERNAL_H

#include <ccmsweep/settings.h>
#include <stdbool.h>

/** True for a value that the row may have: in its range, or `none` where that is accepted. */
bool settings_is_value(const struct setting *row, double value) MUST_USE;

/** Refuse a value. All such sentences have one form: key, `text`, what is wrong, what was expected.
 *  \return STATUS_INPUT */
enum status settings_refuse(const struct setting *row, const char *text, const char *what,
                            struct fault *fault);

#endif
