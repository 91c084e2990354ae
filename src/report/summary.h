// SPDX-License-Identifier: MIT
/**
 * The summary of one training, for people and as JSON.
 *
 * A time that was not seen by the end of a run is censored: it is later than every episode that was
 * played, and by how much is unknown. `first` does not use such times. With one of them or more
 * `last` is unknown; when more than half of the actors are censored, so is the median. This code
 * knows no files. Local.
 */
#ifndef CCMSWEEP_SUMMARY_H
#define CCMSWEEP_SUMMARY_H

#include <ccmsweep/fault.h>
#include <ccmsweep/record.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stdio.h>

/** Version of the JSON: raised when a key changes its meaning or is removed. */
enum { SUMMARY_SCHEMA_VERSION = 1 };

/** One event over all actors; -1: unknown. */
struct summary_event {
    int64_t first;
    int64_t median; /**< first episode by which at least half of the actors had the event */
    int64_t last;   /**< -1 unless every actor had the event */
    int64_t count;  /**< number of actors that had the event */
};

/** Summarise `times` (N), where -1 is censored. */
struct summary_event summary_event(const int32_t *times, int64_t actors);

/** Write the summary in at most 80 columns, with colours if `colour`. `record` is that of a
 * finished training of `cell`; `wall_s` is the time that it took, in seconds. */
void summary_print(FILE *file, const struct settings *cell, const struct record *record,
                   double wall_s, bool colour);

/** Write the same as one JSON object; what is unknown or not finite is null. \return false when the
 *  stream did not take all of it
 *
 *  Keys of train:
 *  - `schema_version`: raised when a key is removed or changes its meaning
 *  - `label`, `actor_lr`, `critic_lr`, `seed`: the cell; `label` is `null` without one
 *  - `outcome`: `stopped`, `censored` (the limit came first) or `diverged`
 *  - `stopping_episode`: `first_still` of the last actor; `null` unless every actor has one
 *  - `total_episodes`: episodes played: the censoring time of whatever is `null`
 *  - `actors_stopped`: number of actors that have a `first_still`
 *  - `events`: for each event: `first`, the episode of the first actor; `median`, the episode by
 *    which half of all actors had it; `last`, the episode by which all had it; `count` of actors
 *    that had it
 *  - `critic_events`: `first_still`, `last_change` and `gradient_zero` of the critic
 *  - `causes`: `run`: that of the actor that stopped last; `actors`: number of actors by cause
 *  - `final_gradient_ratio`: gradient norm of the actors over that of the critic in the last log,
 *    of the gradients that the optimisers used (the file also has the accumulated ones of the
 *    published logs)
 *  - `final_saturation`: share of the actors' outputs beyond 0.9 up to the last log
 *  - `mean_reward_last_100`: mean reward of the last 100 episodes, or of all if there were fewer
 *  - `messages`: what was detected, and when
 *  - `wall_s`: seconds, all attempts together
 */
bool summary_print_json(FILE *file, const struct settings *cell, const struct record *record,
                        double wall_s) MUST_USE;

/** Write the summary or, with `json`, the JSON to standard output; the summary with colours when
 *  that is a terminal and NO_COLOR is not set. \return STATUS_FAULT with a sentence when the JSON
 *  could not be written */
enum status summary_write(const struct settings *cell, const struct record *record, double wall_s,
                          bool json, struct fault *fault) MUST_USE;

#endif
