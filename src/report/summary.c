// SPDX-License-Identifier: MIT
/*
 * The summary of one training. The times are of actors of one run here, not of runs; as everywhere,
 * a time that was not seen is never replaced by the limit. Both forms are made from the same small
 * functions (summary_event, count_causes, describe_detection), so that they cannot differ.
 */
#include "report/summary.h"
#include "base/text.h"
#include "report/json.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The window is part of the JSON: its key is mean_reward_last_100. */
enum { REWARD_WINDOW = 100, MESSAGE_SIZE = 160 };

/* The events of an actor, in the order in which they usually occur. A reader sees from the lines
 * below each other how stopping proceeds. */
static const struct {
    const char *name;
    size_t offset; /* of the array in struct record */
} events[] = {
    {"hard_saturation", offsetof(struct record, hard_saturation)},
    {"gradient_zero_first", offsetof(struct record, gradient_zero_first)},
    {"gradient_zero", offsetof(struct record, gradient_zero)},
    {"first_still", offsetof(struct record, first_still)},
    {"last_change", offsetof(struct record, last_change)},
};
enum { EVENTS = sizeof events / sizeof *events };

static int compare_times(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a;
    const int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Times that were not seen are later than all others, so the k-th time of all actors is known when
 * k of them have one (as endpoint_time in query/cohort.c). */
struct summary_event summary_event(const int32_t *times, int64_t actors)
{
    struct summary_event event = {.first = -1, .median = -1, .last = -1};
    int32_t *const seen = fault_alloc((size_t)actors, sizeof *seen);
    for (int64_t i = 0; i < actors; i++) {
        if (times[i] >= 0)
            seen[event.count++] = times[i];
    }
    qsort(seen, (size_t)event.count, sizeof *seen, compare_times);
    const int64_t half = (actors + 1) / 2;
    if (event.count > 0)
        event.first = seen[0];
    if (event.count >= half)
        event.median = seen[half - 1];
    if (event.count == actors)
        event.last = seen[actors - 1];
    free(seen);
    return event;
}

/* The array of an event is found by its offset in the record, which holds pointers. memcpy reads
 * such a pointer without breaking the aliasing rules of C. */
static struct summary_event sum_up(const struct record *record, size_t event, int64_t actors)
{
    const int32_t *times = NULL;
    memcpy(&times, (const char *)record + events[event].offset, sizeof times);
    return summary_event(times, actors);
}

/* Value of a series at the last log of the run; NaN when it was too short for one. */
static double at_last_log(const struct settings *cell, const struct record *record,
                          const double *series)
{
    const int64_t logs = *record->total_episodes / cell->tracking.log_every;
    return logs > 0 ? series[logs - 1] : NAN;
}

/* Share of the actors' outputs beyond 0.9 at the last log: behind the normalisation of the outputs,
 * where there is one; `saturation` is then of numbers that no squash sees. */
static double last_saturation(const struct settings *cell, const struct record *record)
{
    const double *behind = record->squash_input_saturation;
    return at_last_log(cell, record, behind != NULL ? behind : record->saturation);
}

/* The rewards of single episodes vary a lot; a mean over the window shows the level. A shorter run
 * has the mean of all its episodes. */
static double mean_last_reward(const struct record *record)
{
    const int64_t total = *record->total_episodes;
    const int64_t count = total < REWARD_WINDOW ? total : REWARD_WINDOW;
    double sum = 0;
    for (int64_t i = total - count; i < total; i++)
        sum += record->reward[i];
    return sum / (double)count;
}

/* Actors by cause. -1, of a run that ended before its first training step, counts as no cause, so
 * that the counts add up to the number of actors. */
static void count_causes(const struct record *record, int64_t actors, int64_t counts[CAUSE_COUNT])
{
    memset(counts, 0, CAUSE_COUNT * sizeof *counts);
    for (int64_t i = 0; i < actors; i++) {
        const int32_t cause = record->cause[i];
        counts[cause < 0 ? CAUSE_NONE : cause]++;
    }
}

/* Write the sentence of a detection, with the bounds from the settings of this run, since they can
 * be set; false: it was never detected. */
static bool describe_detection(const struct settings *cell, const struct record *record,
                               enum detection detection, char text[MESSAGE_SIZE])
{
    const int episode = record->detection_episode[detection];
    if (episode < 0)
        return false;
    const int logs = (int)cell->tracking.window;
    char z[TEXT_NUMBER], percent[TEXT_NUMBER], norm[TEXT_NUMBER];
    text_write_real(cell->tracking.saturated_z, z, sizeof z);
    text_write_percent(cell->tracking.saturated_share, percent, sizeof percent);
    text_write_real(cell->tracking.vanished_norm, norm, sizeof norm);
    if (detection == DETECTION_SATURATED)
        snprintf(text, MESSAGE_SIZE,
                 "episode %d: saturated, mean share with |z| > %s over %d logs above %s %%",
                 episode, z, logs, percent);
    else if (detection == DETECTION_VANISHED)
        snprintf(text, MESSAGE_SIZE,
                 "episode %d: vanished, actors' mean gradient norm over %d logs below %s", episode,
                 logs, norm);
    else
        snprintf(text, MESSAGE_SIZE,
                 "episode %d: asymmetry, actors' gradients below %s and the critic's not", episode,
                 norm);
    return true;
}

/* ---- for people ---- */

/* "-" rather than -1, which could be read as an episode; print_events explains it. */
static void write_episode(int64_t episode, char text[TEXT_NUMBER])
{
    if (episode < 0)
        snprintf(text, TEXT_NUMBER, "-");
    else
        snprintf(text, TEXT_NUMBER, "%lld", (long long)episode);
}

/* One line that is enough for most readers, in bold on a terminal. A censored run is explained
 * below it: "not stopped by N" is easily read as "stopped at N". */
static void print_headline(FILE *file, const struct settings *cell, const struct record *record,
                           bool colour)
{
    char name[SETTING_TEXT];
    settings_name_cell(cell, name, sizeof name);
    const long long agents = (long long)cell->environment.agents;
    const long long count =
        (long long)summary_event(record->first_still, cell->environment.agents).count;
    const int total = *record->total_episodes;
    fprintf(file, "%s%s: ", colour ? "\033[1m" : "", name);
    if (*record->outcome == OUTCOME_STOPPED)
        fprintf(file, "all %lld actors stopped by episode %d", agents, *record->stopping_episode);
    else if (*record->outcome == OUTCOME_DIVERGED)
        fprintf(file, "diverged in episode %d", total);
    else
        fprintf(file, "%lld of %lld actors stopped by episode %d", count, agents, total);
    fprintf(file, "%s\n", colour ? "\033[0m" : "");
    if (*record->outcome == OUTCOME_DIVERGED)
        fputs("A parameter was not finite after the training step; the run ended there.\n", file);
    else if (*record->outcome == OUTCOME_CENSORED)
        fputs("The limit came first: when the others stop is not known (censored, not an event).\n",
              file);
}

/* One line for each event. The line that explains "-" is printed only when there is one. */
static void print_events(FILE *file, const struct settings *cell, const struct record *record)
{
    const long long agents = (long long)cell->environment.agents;
    fprintf(file, "\n  %-22s %8s %8s %8s   %s\n", "event (episode)", "first", "median", "last",
            "actors");
    bool censored = false;
    for (size_t i = 0; i < EVENTS; i++) {
        const struct summary_event event = sum_up(record, i, cell->environment.agents);
        char first[TEXT_NUMBER];
        char median[TEXT_NUMBER];
        char last[TEXT_NUMBER];
        write_episode(event.first, first);
        write_episode(event.median, median);
        write_episode(event.last, last);
        censored = censored || event.count < agents;
        fprintf(file, "  %-22s %8s %8s %8s   %lld of %lld\n", events[i].name, first, median, last,
                (long long)event.count, agents);
    }
    if (censored)
        fprintf(file, "  - : not by episode %d\n", *record->total_episodes);
}

/* "stopped" needs enough still episodes at the end; a critic that is still but was followed for too
 * short a time must not be called stopped. */
static void print_critic(FILE *file, const struct record *record)
{
    const int total = *record->total_episodes;
    fputs("\n  critic        ", file);
    if (*record->critic_last_change >= 0)
        fprintf(file, "stopped: last change in episode %d", *record->critic_last_change);
    else if (total < 2)
        fputs("no training step yet", file);
    else if (record->critic_moving[total - 1])
        fputs("still learning", file);
    else
        fputs("still in the last episode, too short a time to say that it stopped", file);
    if (*record->critic_first_still >= 0)
        fprintf(file, " (first still in %d)", *record->critic_first_still);
    fputc('\n', file);
}

/* Only causes that some actor has. The cause of the run is that of the actor that stopped last, so
 * there is one only when all have stopped. */
static void print_causes(FILE *file, const struct settings *cell, const struct record *record)
{
    int64_t counts[CAUSE_COUNT];
    count_causes(record, cell->environment.agents, counts);
    fputs("  causes        ", file);
    const char *separator = "";
    for (int i = 0; i < CAUSE_COUNT; i++) {
        if (counts[i] == 0)
            continue;
        fprintf(file, "%s%s %lld", separator, cause_name((enum cause)i), (long long)counts[i]);
        separator = ", ";
    }
    if (*record->outcome == OUTCOME_STOPPED)
        fprintf(file, "; of the last to stop: %s", cause_name((enum cause) * record->run_cause));
    fputc('\n', file);
}

/* The ratio is not finite when the gradient of the critic is 0, or when the run diverged. Words are
 * clearer here than "inf" or "nan". */
static void print_last_log(FILE *file, const struct settings *cell, const struct record *record)
{
    const double ratio = at_last_log(cell, record, record->gradient_ratio_own);
    const double saturation = last_saturation(cell, record);
    if (*record->total_episodes < cell->tracking.log_every)
        fputs("  last log      none: the run was shorter than tracking.log_every\n", file);
    else if (!isfinite(ratio) || !isfinite(saturation))
        fputs("  last log      not finite\n", file);
    else
        fprintf(file, "  last log      gradient ratio %.4g, share |y| > 0.9: %.4g\n", ratio,
                saturation);
}

void summary_print(FILE *file, const struct settings *cell, const struct record *record,
                   double wall_s, bool colour)
{
    const int total = *record->total_episodes;
    print_headline(file, cell, record, colour);
    print_events(file, cell, record);
    print_critic(file, record);
    print_causes(file, cell, record);
    print_last_log(file, cell, record);
    const int window = total < REWARD_WINDOW ? total : REWARD_WINDOW;
    fprintf(file, "  reward        %.6g, mean of the last %d episode%s\n", mean_last_reward(record),
            window, window == 1 ? "" : "s");
    for (int i = 0; i < DETECTION_COUNT; i++) {
        char text[MESSAGE_SIZE];
        if (describe_detection(cell, record, (enum detection)i, text))
            fprintf(file, "  %s\n", text);
    }
    fprintf(file, "  %d episode%s in %.1f s\n", total, total == 1 ? "" : "s", wall_s);
}

/* ---- JSON ---- */

static json_t *episode_or_null(int64_t episode)
{
    return episode >= 0 ? json_integer(episode) : json_null();
}

/* An object for each event, by its name; its times are null as in summary_event. */
static json_t *pack_events(const struct settings *cell, const struct record *record)
{
    json_t *const object = json_object();
    for (size_t i = 0; i < EVENTS; i++) {
        const struct summary_event event = sum_up(record, i, cell->environment.agents);
        json_object_set_new(object, events[i].name,
                            json_pack("{s:o, s:o, s:o, s:I}", "first", episode_or_null(event.first),
                                      "median", episode_or_null(event.median), "last",
                                      episode_or_null(event.last), "count",
                                      (json_int_t)event.count));
    }
    return object;
}

/* Unlike the lines for people this has all causes, also those with 0 actors: a program can read
 * each key without asking whether it is there. */
static json_t *pack_causes(const struct settings *cell, const struct record *record)
{
    int64_t counts[CAUSE_COUNT];
    count_causes(record, cell->environment.agents, counts);
    json_t *const actors = json_object();
    for (int i = 0; i < CAUSE_COUNT; i++)
        json_object_set_new(actors, cause_name((enum cause)i), json_integer(counts[i]));
    return json_pack("{s:o, s:o}", "run",
                     *record->outcome == OUTCOME_STOPPED
                         ? json_string(cause_name((enum cause) * record->run_cause))
                         : json_null(),
                     "actors", actors);
}

static json_t *pack_messages(const struct settings *cell, const struct record *record)
{
    json_t *const messages = json_array();
    for (int i = 0; i < DETECTION_COUNT; i++) {
        char text[MESSAGE_SIZE];
        if (describe_detection(cell, record, (enum detection)i, text))
            json_array_append_new(messages, json_string(text));
    }
    return messages;
}

/* Built as one object: its size does not depend on the length of the run. */
bool summary_print_json(FILE *file, const struct settings *cell, const struct record *record,
                        double wall_s)
{
    const int64_t stopped = summary_event(record->first_still, cell->environment.agents).count;
    json_t *const critic =
        json_pack("{s:o, s:o, s:o}", "first_still", episode_or_null(*record->critic_first_still),
                  "last_change", episode_or_null(*record->critic_last_change), "gradient_zero",
                  episode_or_null(*record->critic_gradient_zero));
    json_t *const object = json_pack(
        "{s:i, s:o, s:f, s:f, s:I, s:s, s:o, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "schema_version", SUMMARY_SCHEMA_VERSION, "label",
        cell->label > 0 ? json_setting(settings_label(), (double)cell->label) : json_null(),
        "actor_lr", cell->training.actor_lr, "critic_lr", cell->training.critic_lr, "seed",
        (json_int_t)cell->training.seed, "outcome", outcome_name((enum outcome) * record->outcome),
        "stopping_episode", episode_or_null(*record->stopping_episode), "total_episodes",
        *record->total_episodes, "actors_stopped", (json_int_t)stopped, "events",
        pack_events(cell, record), "critic_events", critic, "causes", pack_causes(cell, record),
        "final_gradient_ratio",
        json_real_or_null(at_last_log(cell, record, record->gradient_ratio_own)),
        "final_saturation", json_real_or_null(last_saturation(cell, record)),
        "mean_reward_last_100", json_real_or_null(mean_last_reward(record)), "messages",
        pack_messages(cell, record), "wall_s", json_real_or_null(wall_s));
    const bool written =
        object != NULL && json_dumpf(object, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF;
    json_decref(object);
    return written;
}

/* ---- both ---- */

/* NO_COLOR (no-color.org): any value that is not empty switches colours off. They are off too when
 * the output is not a terminal: a log should not hold escape sequences. */
static bool has_colour(void)
{
    const char *const refused = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (refused == NULL || *refused == '\0');
}

/* What standard output does not take, main.c tells. */
enum status summary_write(const struct settings *cell, const struct record *record, double wall_s,
                          bool json, struct fault *fault)
{
    if (!json)
        summary_print(stdout, cell, record, wall_s, has_colour());
    else if (!summary_print_json(stdout, cell, record, wall_s) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the summary could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}
