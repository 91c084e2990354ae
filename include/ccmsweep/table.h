// SPDX-License-Identifier: MIT
/**
 * Outcomes by pair of learning rates, for people and as JSON.
 *
 * The stopping episode of a run that was censored is later than its limit; a diverged, failed or
 * quarantined run has none and is counted, not averaged. So `median` is that of the stopped and
 * censored runs together and reads "> LIMIT" when it is a censored one; `last` reads so when any
 * is. Other axes than the learning rates are pooled. Local.
 */
#ifndef CCMSWEEP_TABLE_H
#define CCMSWEEP_TABLE_H

#include <ccmsweep/survey.h>
#include <jansson.h>
#include <stdio.h>

/** Print the table, a row a pair in the order of the plan. */
void table_print(FILE *file, const struct survey *survey);

/** The same as an array of objects; episodes that are not known are null. The caller owns it. */
json_t *table_json(const struct survey *survey) MUST_USE;

#endif
