// SPDX-License-Identifier: MIT
/** The part of the aggregate's JSON that the option --against asks for. Local. */
#ifndef CCMSWEEP_AGGREGATE_AGAINST_JSON_H
#define CCMSWEEP_AGGREGATE_AGAINST_JSON_H

#include "query/aggregate_against.h"
#include "report/json.h"

/** Write the member `against`: an object; null without the option.
 *
 *  Keys of aggregate against:
 *  - `axis`, `value`: the value of an axis that is asked for
 *  - `comparisons`: of each configuration `a` that has a counterpart, `a` less its counterpart `b`
 *    (indices), by `quantity`: `rmst`, `never`, `return_end`, `return_training`,
 *    `return_evaluation`; `pairs`, `left_out` (seeds of either that are in no pair), `difference`,
 *    `lower`, `upper`, `p`, `p_holm`, `least_p`, `exact`, `too_few` as in `comparisons` above;
 *    `only_a`, `only_b` (pairs of runs in which only this one never stops; `null` but for `never`),
 *    `estimable`, `note` (why not, or what else is to be known)
 *  - `pooled`: the same for each other `value` of the axis, over so many configurations: `tasks`
 *  - `scores`: of the returns by `quantity` and `value` of the axis, that of `against` included:
 *    `runs`, `tasks` (combinations of the other axes that both values have), `iqm` and
 *    `improvement` (`value`, `error`, `lower`, `upper`; the latter `null` for the value asked for),
 *    `estimable`, `note`, `profile`: by point `tau`, `share`, `lower`, `upper`; empty when not
 *    estimable
 *  - `short`: by `quantity`, the number of the `point` at which profiles are told in short: where
 *    that of the value asked for, or else of the first that has one, is nearest to each `share`
 *  - `families`: number of p that were adjusted together, `tests`, by `quantity` and by table: `of`
 *    is `comparisons` or `pooled`
 */
void aggregate_stream_against(struct json_stream *stream, const struct aggregate *aggregate);

#endif
