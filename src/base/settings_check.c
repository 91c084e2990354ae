// SPDX-License-Identifier: MIT
/* Whether the values of all settings are possible, each and together. */
#include "base/settings_internal.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* A member, to be read without its row. */
struct place {
    size_t offset;
    enum setting_type type;
};
/* clang-format off */
#define KIND(member)                                                                               \
    _Generic(((struct settings *)0)->member, double : TYPE_REAL, int64_t : TYPE_INTEGER)
/* clang-format on */
#define PLACE(member)                                                                              \
    {                                                                                              \
        .offset = offsetof(struct settings, member), .type = KIND(member)                          \
    }

/* Pairs of which the first must not be above the second, in addition to the ends of intervals. By
 * place and not by key: settings_check runs for each of a million cells, and looks up a key only
 * for a message. */
static const struct place orders[][2] = {
    {PLACE(training.epsilon_end), PLACE(training.epsilon_start)},
    {PLACE(environment.min_energy_mj), PLACE(environment.max_energy_mj)},
    {PLACE(training.steps), PLACE(replay.capacity)},
};

/* Both settings are named, since either may be the wrong one. */
static enum status refuse_order(const struct settings *s, const struct setting *low,
                                const struct setting *high, const struct setting *culprits[2],
                                struct fault *fault)
{
    char small[TEXT_NUMBER];
    char large[TEXT_NUMBER];
    settings_get(s, low, small, sizeof small);
    settings_get(s, high, large, sizeof large);
    if (culprits != NULL) {
        culprits[0] = low;
        culprits[1] = high;
    }
    return fault_set(fault, STATUS_INPUT, "%s: %s is above %s, expected at most %s", low->key,
                     small, high->key, large);
}

static enum status check_range(const struct settings *s, const struct setting *row,
                               const struct setting *culprits[2], struct fault *fault)
{
    const double value = settings_number(s, row);
    if (settings_is_value(row, value))
        return STATUS_OK;
    if (culprits != NULL) {
        culprits[0] = row;
        culprits[1] = NULL;
    }
    char text[TEXT_NUMBER];
    text_write_real(value, text, sizeof text);
    return settings_refuse(row, text, "out of range", fault);
}

static bool above(const struct settings *s, struct place a, struct place b)
{
    const struct setting first = {.offset = a.offset, .type = a.type};
    const struct setting second = {.offset = b.offset, .type = b.type};
    return settings_number(s, &first) > settings_number(s, &second);
}

/* The row of a place, for messages only. */
static const struct setting *row_of(struct place place)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        if (table[i].offset == place.offset)
            return &table[i];
    }
    return NULL;
}

/* A setting without any effect would make two cells of one training. \param expected values of
 * `key` and of `other` */
static enum status refuse_idle(const struct settings *s, const char *key, const char *other,
                               const char *expected, const struct setting *culprits[2],
                               struct fault *fault)
{
    const struct setting *const row = settings_find(other);
    char text[SETTING_TEXT];
    settings_get(s, row, text, sizeof text);
    if (culprits != NULL) {
        culprits[0] = settings_find(key);
        culprits[1] = row;
    }
    return fault_set(fault, STATUS_INPUT, "%s: it has no effect with %s %s, expected %s", key,
                     other, text, expected);
}

static enum status refuse_pair(const char *key, const char *other, const char *why,
                               const struct setting *culprits[2], struct fault *fault)
{
    if (culprits != NULL) {
        culprits[0] = settings_find(key);
        culprits[1] = settings_find(other);
    }
    return fault_set(fault, STATUS_INPUT, "%s: %s", key, why);
}

static enum status check_momentum(const struct settings *s, const struct setting *culprits[2],
                                  struct fault *fault)
{
    if (s->training.momentum == 0.0 || s->training.optimizer == OPTIMIZER_SGD)
        return STATUS_OK;
    return refuse_idle(s, "training.momentum", "training.optimizer", "0, or training.optimizer sgd",
                       culprits, fault);
}

static enum status check_squash(const struct settings *s, const struct setting *culprits[2],
                                struct fault *fault)
{
    if (s->networks.squash != SQUASH_TANH && s->networks.tanh != TANH_PYTORCH)
        return refuse_idle(s, "networks.tanh", "networks.squash",
                           "pytorch, or networks.squash tanh", culprits, fault);
    if (s->networks.actor_precision == PRECISION_F64 && s->networks.tanh != TANH_PYTORCH)
        return refuse_idle(s, "networks.tanh", "networks.actor_precision",
                           "pytorch, or networks.actor_precision f32", culprits, fault);
    if (s->networks.squash != SQUASH_INVERTING || s->networks.actor_norm != ACTOR_NORM_OUTPUT)
        return STATUS_OK;
    /* A normalisation takes out of the gradient what would pull its inputs back. */
    return refuse_pair("networks.squash", "networks.actor_norm",
                       "inverting does not go with networks.actor_norm output, expected tanh or "
                       "softsign, or networks.actor_norm none or hidden",
                       culprits, fault);
}

/* Of an earlier run only its number of episodes is known. What it drew follows from that alone
 * while more agents propose than there are channels, so that a coin is tossed in every step, and
 * while what is drawn after the coin does not depend on who proposes. With half of the agents
 * proposing, the published 50 agents and 10 channels are 4.2 standard deviations from that, which
 * happens in one step of 100,000; fewer deviations are refused. */
static bool are_many(const struct settings *s)
{
    const int64_t spare = s->environment.agents - 2 * s->environment.channels;
    return spare > 0 && spare * spare >= 18 * s->environment.agents;
}

/* Of all earlier runs: the draws of 1e8 take some ten seconds, in which nothing can be stopped. */
static bool are_few(const struct settings *s)
{
    int64_t items[SETTING_LIST_ITEMS], sum = 0;
    const size_t count = settings_list(s->training.earlier_episodes, items);
    for (size_t i = 0; i < count; i++)
        sum += items[i];
    return sum * s->environment.agents <= 100000000 / s->training.steps;
}

static enum status check_earlier(const struct settings *s, const struct setting *culprits[2],
                                 struct fault *fault)
{
    static const char key[] = "training.earlier_episodes";
    if (s->training.earlier_episodes == 0)
        return STATUS_OK;
    if (s->training.explore_among != EXPLORE_ALL)
        return refuse_pair(key, "training.explore_among",
                           "what earlier runs drew is not known with training.explore_among "
                           "proposers, expected all",
                           culprits, fault);
    if (!are_many(s))
        return refuse_pair(key, "environment.agents",
                           "what earlier runs drew is not known with so few environment.agents for "
                           "the environment.channels, expected (agents - 2 channels)^2 to be at "
                           "least 18 agents, as with 50 and 10 or 22 and 1",
                           culprits, fault);
    if (!are_few(s))
        return refuse_pair(key, "training.steps",
                           "too long, expected at most 100000000 episodes times training.steps "
                           "times environment.agents",
                           culprits, fault);
    return STATUS_OK;
}

static enum status check_seeding(const struct settings *s, const struct setting *culprits[2],
                                 struct fault *fault)
{
    const bool continued = s->environment.seeding == SEEDING_CONTINUED;
    if (continued && s->environment.seed >= 0)
        return refuse_idle(s, "environment.seed", "environment.seeding",
                           "none, or environment.seeding own", culprits, fault);
    if (s->training.streams == STREAMS_SHARED || (!continued && s->training.earlier_episodes == 0))
        return check_earlier(s, culprits, fault);
    return refuse_pair(continued ? "environment.seeding" : "training.earlier_episodes",
                       "training.streams",
                       "it does not go with training.streams separate, whose generators depend on "
                       "the seed alone, expected training.streams shared",
                       culprits, fault);
}

enum status settings_check(const struct settings *s, const struct setting *culprits[2],
                           struct fault *fault)
{
    size_t rows = 0;
    const struct setting *const table = settings_table(&rows);
    /* Ranges first: an order of two values is asked only when both are values at all. */
    for (size_t i = 0; i < rows; i++) {
        const enum status status = check_range(s, &table[i], culprits, fault);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < rows; i++) {
        const struct setting *const row = &table[i];
        if (row->interval && above(s, (struct place){row->offset, TYPE_REAL},
                                   (struct place){row[1].offset, TYPE_REAL}))
            return refuse_order(s, row, row + 1, culprits, fault);
    }
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (above(s, orders[i][0], orders[i][1]))
            return refuse_order(s, row_of(orders[i][0]), row_of(orders[i][1]), culprits, fault);
    }
    enum status status = check_momentum(s, culprits, fault);
    if (status == STATUS_OK)
        status = check_squash(s, culprits, fault);
    return status == STATUS_OK ? check_seeding(s, culprits, fault) : status;
}
