// SPDX-License-Identifier: MIT
/**
 * Lists of whole numbers, as values of settings.
 *
 * A value of a setting is handled as one number, whatever its type. So each different list is kept
 * once, as long as the process runs, and stands for itself by a number. Not for several threads.
 */
#ifndef CCMSWEEP_LISTS_H
#define CCMSWEEP_LISTS_H

#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The number of a list. It says how many items there are (its largest digits), then what they sum
 *  up to: so sorting numbers puts short lists first. Lists that agree in both have an order without
 *  a meaning, but the same in every process. The empty list is 0.
 *  \param items (count) from 1, which sum up to at most SETTING_LIST_SUM; count at most
 *         SETTING_LIST_ITEMS */
double lists_keep(const int64_t *items, size_t count) MUST_USE;

/** True for a number that lists_keep gave in this process. */
bool lists_known(double number) MUST_USE;

#endif
