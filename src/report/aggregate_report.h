// SPDX-License-Identifier: MIT
/**
 * The aggregate in four forms with the same figures. For people and for LaTeX: the tables of
 * aggregate_sheets, with rounded figures and a few points of profiles. In CSV and JSON: all figures
 * and curves, to the last bit. Local.
 */
#ifndef CCMSWEEP_AGGREGATE_REPORT_H
#define CCMSWEEP_AGGREGATE_REPORT_H

#include "query/aggregate.h"
#include "report/sheet.h"
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or is removed. */
enum { AGGREGATE_SCHEMA_VERSION = 2 };

/** Where the figures come from. */
struct aggregate_source {
    const char *path;          /**< of the file of the sweep */
    const struct store *store; /**< open */
    double now;                /**< seconds after 1970-01-01 UTC */
    bool held;                 /**< a process is working on the file */
};

/** Write the level of the intervals: "95 %". Cut at `size`. */
void aggregate_percent(const struct aggregate *aggregate, char *text, size_t size);

/** Write which event the times belong to: "first_still of the last actor". Cut at `size`. */
void aggregate_times(const struct aggregate *aggregate, char *text, size_t size);

/** Make the tables: the settings that change together and the grid, if there are any; then a row
 *  for each configuration; then comparisons and tests. \param count out
 *  \return (count) sheets; the caller frees each sheet and the array */
struct sheet **aggregate_sheets(const struct aggregate *aggregate, size_t *count) MUST_USE;

/** Write the aggregate for people. */
void aggregate_print(FILE *file, const struct aggregate *aggregate,
                     const struct aggregate_source *source);

/** Write the aggregate as LaTeX tables, which need the packages booktabs and longtable. */
void aggregate_print_latex(FILE *file, const struct aggregate *aggregate,
                           const struct aggregate_source *source);

/** Write the aggregate as CSV, with one row for each figure. */
void aggregate_print_csv(FILE *file, const struct aggregate *aggregate);

/** Write the aggregate as one JSON object. \return false when the stream did not take all of it
 *
 *  Keys of aggregate:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `file`, `time`, `locked`: its name; now, in seconds after 1970-01-01 UTC; whether a process is
 *    working on it
 *  - `revision`, `algorithm_version`, `spec`: revision of this program; algorithm with which the
 *    file was begun; the spec with every setting
 *  - `options`: `event`, `endpoint`, `by`, `limit`, `confidence`, `bootstrap`, `draw_seed`,
 *    `permutations`, `reference` (`null`: the default one), as they were used
 *  - `runs`, `fates`: number of runs of the plan, and by class
 *  - `damaged`: `run` and `why` of those that were finished and whose rows are damaged: they are in
 *    no figure, and in `fates` they are not finished
 *  - `axes`, `pooled`: `name` and rising `values` (a list is an array) of each axis of a
 *    configuration, and in `together`, by name, the values of settings that change together with
 *    it (of a label, of all that are part of it, and in `sets` what each label sets, in few words;
 *    labels are in the order of the spec); number of other axes
 *  - `configurations`: in the order of the plan, see below
 *  - `reference`: index of the configuration, `null` without comparisons
 *  - `comparisons`: `family` (`reference`, or `neighbours` along `axis`), `a` less `b` (indices),
 *    `pairs` and `left_out` (seeds that only one has), `difference`, `lower`, `upper`, `p`,
 *    `p_holm`, `least_p` (p cannot be less), `exact` (all exchanges were tried), `too_few` (p
 *    cannot become significant in its family), `crossing` (where the curves cross), `note`
 *  - `tests`: `family` (`stratified`, or `within` values of the other axes), `axis`, `within`,
 *    `runs`, `groups`, `chi2`, `df`, `p`, `p_permuted`, `p_holm`, and `least_p`, `exact`,
 *    `too_few`, `crossing`, `note` as above
 *  - `against`: what `--against` asks for, see below; `null` without it
 *  - `findings`: at most eight sentences on what the sweep shows, see below
 *  - `warnings`: sentences
 *
 *  Keys of aggregate findings:
 *  - `rule`: by which it was made: `all`, `most`, `few`, `none` (of the runs of some configurations
 *    had the event), `axis`, `reference`, `against_rmst`, `against_never`, `against_return`,
 *    `return` (differences), `undecided`, `no_difference`, `left_out` (what is not settled)
 *  - `sentence`: without the full stop; begins with a small letter
 *  - `runs`: number of runs that it rests on; 0 for what is not shown
 *  - `numbers`: those that it names: `name`, `value`, and `lower` and `upper` of those that have
 *    an interval, with the sign of the difference
 *
 *  Keys of aggregate configurations:
 *  - `axes`: its values of all settings of its axes: `actor_lr`, `critic_lr`, …
 *  - `moved_again`: of the events (`first_still` of all actors), those after which an actor moved
 *    again, or may have
 *  - `runs`, `done`, `observed`, `seeds`, `fates`: number of runs that are planned; trained to
 *    their end; that are an observation; different seeds of these; runs by class
 *  - `gaps`: `run`, `seed`, `fate` of what failed or is quarantined
 *  - `min`, `max`, `follow_up`: first and last event; last time of any observation
 *  - `median`, `iqm`: `value`, `lower`, `upper`; where one is only known to be later than an
 *    episode it is `null`, and the episode is in `value_after`, `lower_after`, `upper_after`
 *  - `rmst`: `value`, `error`, `bootstrap_error`, `lower`, `upper`; `extended`: the curve was
 *    extended beyond `follow_up`
 *  - `never`: `count`, `of`, `share`, `lower`, `upper`
 *  - `tail`: `value`, `error`, `lower`, `upper`, of `seeds`; `actors`, `min`, `max`;
 *    `still_before_zero`
 *  - `returns`: for `stopping`, `end`, `training`, `evaluation`: `runs`, `missing`, `estimable`,
 *    and `mean` and `iqm` with `value`, `error`, `lower`, `upper`
 *  - `curve`: by point: `time`, `at_risk`, `events`, `censored`, `survival`, `error`, `lower`,
 *    `upper`
 *  - `incidence`: `time`, `at_risk`, and in `causes` by cause: `count`, and by point `events`,
 *    `share`, `error`, `lower`, `upper`
 */
bool aggregate_print_json(FILE *file, const struct aggregate *aggregate,
                          const struct aggregate_source *source) MUST_USE;

#endif
