// SPDX-License-Identifier: MIT
/* The table of settings, and everything that is done to a setting by its row. Nothing describes a
 * setting a second time: a row that is added is parsed, printed, documented, stored and compared
 * without another line.
 *
 * Values are handled as doubles, whatever their type: every value of every row is exact in a double
 * (whole numbers stay below 2^53), so one path serves parsing, ranges, comparison and storage. */
#include "base/text.h"
#include <ccmsweep/settings.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const preset_names[] = {"published-2026", "published-2024", NULL};
static const char *const tanh_names[] = {"pytorch", "exact", NULL};
static const char *const energy_names[] = {"square", "linear", NULL};
static const char *const rules_names[] = {"published", "corrected", NULL};
static const char *const critic_mean_names[] = {"rows", "transitions", NULL};
static const char *const time_limit_names[] = {"terminal", "bootstrap", NULL};
static const char *const explore_among_names[] = {"all", "proposers", NULL};
static const char *const streams_names[] = {"shared", "separate", NULL};
static const char *const weighting_names[] = {"squared", "plain", NULL};
static const char *const priority_names[] = {"squared_sum", "mean_absolute", NULL};

/* Offset of a member that must have the stated type, or the table does not compile. */
#define AT(ctype, member)                                                                          \
    _Generic(((struct settings *)0)->member, ctype : offsetof(struct settings, member))

/* The macros fill a row from few words, as a member's name is also its key. The formatter would
 * break the table into one field a line. */
/* clang-format off */
#define ROW(kind, ctype, member, cls, unit_, min_, max_, fallback_, help_)                         \
    .key = #member, .type = (kind), .class = (cls), .offset = AT(ctype, member), .unit = (unit_),  \
    .min = (min_), .max = (max_), .fallback = (fallback_), .help = (help_)
#define REAL(member, unit, min, max, fallback, help)                                               \
    ROW(TYPE_REAL, double, member, CLASS_RESULT, unit, min, max, fallback, help)
#define WHOLE(member, cls, unit, min, max, fallback, help)                                         \
    ROW(TYPE_INTEGER, int64_t, member, cls, unit, min, max, fallback, help)
#define CHOICE(ctype, member, names, fallback, help)                                               \
    ROW(TYPE_CHOICE, ctype, member, CLASS_RESULT, "1", 0, sizeof(names) / sizeof *(names) - 2,     \
        fallback, help), .choices = (names)
#define INTERVAL(member, open, unit, min, max, lower, upper, help)                                 \
    {REAL(member.low, unit, min, max, lower, help ": lower end"), .open_low = (open),              \
     .interval = true},                                                                            \
    {REAL(member.high, unit, min, max, upper, help ": upper end"), .open_low = (open)}
#define POSITIVE .open_low = true
#define LATER .later = true

static const struct setting table[] = {
    {REAL(training.actor_lr, "1", 0, 10, "0.0001",
          "learning rate of the actors"), POSITIVE, .option = "actor-lr"},
    {REAL(training.critic_lr, "1", 0, 10, "0.001",
          "learning rate of the critic"), POSITIVE, .option = "critic-lr"},
    {WHOLE(training.seed, CLASS_RESULT, "1", 0, 4294967295, "42",
           "seed of all three generators"), .option = "seed"},
    {WHOLE(training.episodes, CLASS_SHAPE, "episode", 1, 1e7, "2000",
           "limit of episodes: the censoring time"), .option = "episodes"},
    {WHOLE(training.batch, CLASS_RESULT, "1", 1, 4096, "64",
           "transitions drawn per training step")},
    {WHOLE(training.steps, CLASS_RESULT, "step", 1, 1e5, "10", "environment steps per episode")},
    {REAL(training.gamma, "1", 0, 1, "0.99", "discount factor")},
    {REAL(training.tau, "1", 0, 1, "1", "soft update of the targets; 1 copies"), POSITIVE},
    {REAL(training.epsilon_start, "1", 0, 1, "1", "exploration at the first episode")},
    {REAL(training.epsilon_end, "1", 0, 1, "0.01", "exploration in the limit")},
    {REAL(training.epsilon_decay, "episode", 0, 1e9, "2000",
          "decay constant of the exploration"), POSITIVE},
    {REAL(training.adam_beta1, "1", 0, 0.999999, "0.9", "decay of Adam's first moment")},
    {REAL(training.adam_beta2, "1", 0, 0.999999, "0.999", "decay of Adam's second moment")},
    {REAL(training.adam_eps, "1", 1e-30, 1, "1e-8", "Adam's epsilon")},
    {WHOLE(training.episodes_after_stop, CLASS_RESULT, "episode", 0, 1e7, "101",
           "episodes played after the last actor's first still one")},
    {CHOICE(enum training_rules, training.rules, rules_names, "published",
            "rules of the training: as published, or with all corrections; decides critic_mean, "
            "time_limit, explore_among, streams, replay.weighting and replay.priority"), LATER},
    {CHOICE(enum critic_mean, training.critic_mean, critic_mean_names, "rows",
            "the critic's loss is a mean over all rows, or over transitions of the means over "
            "their rows (corrected)"), LATER},
    {CHOICE(enum time_limit, training.time_limit, time_limit_names, "terminal",
            "the last step of an episode ends the return, or bootstraps from the state that "
            "follows it (corrected)"), LATER},
    {CHOICE(enum explore_among, training.explore_among, explore_among_names, "all",
            "a random selection is made among all agents, or among those that propose "
            "(corrected)"), LATER},
    {CHOICE(enum streams, training.streams, streams_names, "shared",
            "one generator for environment and exploration, or one for each, so that all "
            "trainings of a seed see the same tasks (corrected)"), LATER},

    {WHOLE(networks.actor_hidden1, CLASS_RESULT, "unit", 1, 4096, "64",
           "width of the actors' first hidden layer")},
    {WHOLE(networks.actor_hidden2, CLASS_RESULT, "unit", 1, 4096, "32",
           "width of the actors' second hidden layer")},
    {WHOLE(networks.critic_hidden1, CLASS_RESULT, "unit", 1, 4096, "512",
           "width of the critic's first hidden layer")},
    {WHOLE(networks.critic_hidden2, CLASS_RESULT, "unit", 1, 4096, "128",
           "width of the critic's second hidden layer")},
    {CHOICE(enum tanh_kind, networks.tanh, tanh_names, "pytorch",
            "exactly +-1 beyond 8.664339742 as in PyTorch, or as tanhf rounds")},
    {REAL(networks.output_init, "1", 0, 100, "0.003", "bound of the last layers' initial weights")},
    {REAL(networks.proposal_bias, "1", -100, 100, "none",
          "initial bias of every actor's first output; none: as drawn"), .optional = true},

    {CHOICE(enum environment_preset, environment.preset, preset_names, "published-2026",
            "published environment; decides size_unit and energy_law")},
    {WHOLE(environment.agents, CLASS_SHAPE, "agent", 1, 1000, "50", "agents, each with an actor")},
    {WHOLE(environment.seed, CLASS_RESULT, "1", 0, 4294967295, "none",
           "seed of the environment; none: training.seed"), .optional = true},
    {WHOLE(environment.channels, CLASS_RESULT, "agent", 1, 1000, "10",
           "agents the server accepts in a step")},
    {WHOLE(environment.units, CLASS_RESULT, "1", 1, 1000, "8", "processing units of the server")},
    {REAL(environment.storage_mb, "MB", 0, 1e9, "400",
          "sum of task sizes the server accepts"), POSITIVE},
    INTERVAL(environment.power_dbm, false, "dBm", -300, 300, "1", "24", "largest transmit power"),
    INTERVAL(environment.initial_energy_mj, false, "MJ", 0, 1e9, "0.5", "3.2",
             "battery at the start"),
    INTERVAL(environment.gain_db, false, "dB", -300, 300, "5", "14", "channel gain"),
    INTERVAL(environment.resource_ghz, true, "GHz", 0, 1e6, "0.4", "1.5", "largest local clock"),
    INTERVAL(environment.size_mb, true, "MB", 0, 1e6, "1", "50", "size of a task"),
    INTERVAL(environment.cycles_per_bit, true, "1", 0, 1e9, "300", "737.5",
             "cycles per bit of a task"),
    INTERVAL(environment.deadline_s, false, "s", 0, 1e6, "0.1", "0.9", "deadline of a task"),
    {REAL(environment.server_hz, "Hz", 0, 1e15, "4e9", "clock of a processing unit"), POSITIVE},
    {REAL(environment.bandwidth_hz, "Hz", 0, 1e15, "40e6", "bandwidth of the uplink"), POSITIVE},
    {REAL(environment.bandwidth_parts, "1", 0, 1e9, "10",
          "channels the uplink is divided into"), POSITIVE},
    {REAL(environment.size_unit, "1", 0, 1e9, "1024",
          "bits = size * 8 * 1024 * this (published-2024: 1)"), POSITIVE},
    {REAL(environment.energy_factor, "1", 0, 1, "5e-27", "effective capacitance of a local clock")},
    {CHOICE(enum energy_law, environment.energy_law, energy_names, "square",
            "local energy grows with the clock's square or linearly (published-2024)")},
    {REAL(environment.max_energy_mj, "MJ", 0, 1e9, "3.2", "capacity of a battery"), POSITIVE},
    {REAL(environment.min_energy_mj, "MJ", 0, 1e9, "0.5", "charge below which a battery is short")},
    {REAL(environment.harvest_j, "J", 0, 1e12, "0.001", "energy gained per step")},
    {REAL(environment.max_time_s, "s", 0, 1e6, "1",
          "time at which a task counts as lost"), POSITIVE},
    {REAL(environment.lambda_energy, "1", 0, 1e6, "0.5", "weight of energy in the reward")},
    {REAL(environment.lambda_time, "1", 0, 1e6, "0.5", "weight of time in the reward")},

    {WHOLE(replay.capacity, CLASS_RESULT, "transition", 1, 1e7, "10000", "transitions kept")},
    {REAL(replay.alpha, "1", 0, 10, "0.6", "exponent of the priorities")},
    {REAL(replay.beta_start, "1", 0, 1, "0.4", "exponent of the weights before the first draw")},
    {REAL(replay.beta_step, "1", 0, 1, "0.001",
          "growth of that exponent per training step, up to 1")},
    {REAL(replay.error_floor, "1", 0, 1e6, "0.01",
          "added to an error to make a priority"), POSITIVE},
    {REAL(replay.probability_floor, "1", 0, 1, "1e-9", "added to a priority and to their sum")},
    {CHOICE(enum replay_weighting, replay.weighting, weighting_names, "squared",
            "the critic's loss has the square of a transition's weight, or the weight "
            "(corrected)"), LATER},
    {CHOICE(enum replay_priority, replay.priority, priority_names, "squared_sum",
            "the error of a transition is the sum over its rows of squares, or the mean of "
            "absolute values (corrected)"), LATER},

    {WHOLE(tracking.log_every, CLASS_SHAPE, "episode", 1, 1e7, "10", "episodes between two logs")},
    {WHOLE(tracking.snapshot_every, CLASS_SHAPE, "episode", 0, 1e7, "100",
           "episodes between two histograms of pre-activations; 0: none")},
    {WHOLE(tracking.absorb, CLASS_RESULT, "episode", 1, 1e7, "100",
           "still episodes after which a last change counts as one")},
    {WHOLE(tracking.window, CLASS_RESULT, "1", 1, 1e6, "10", "logs a detection looks back on")},
    {REAL(tracking.saturated_z, "1", 0, 1e6, "2", "|z| above this counts as saturated"), POSITIVE},
    {REAL(tracking.saturated_share, "1", 0, 1, "0.8",
          "detection saturated: mean share above this")},
    {REAL(tracking.vanished_norm, "1", 0, 1e6, "1e-6",
          "detection vanished: mean gradient norm below this")},

    {WHOLE(evaluation.every, CLASS_SHAPE, "episode", 0, 1e7, "0",
           "episodes between two greedy evaluations; 0: none")},
    {WHOLE(evaluation.episodes, CLASS_RESULT, "episode", 1, 1e6, "50",
           "episodes of an evaluation")},

    {ROW(TYPE_REAL, double, checkpoint.every_s, CLASS_OPERATION, "s", 0, 1e7, "60",
         "seconds between two checkpoints; 0: only when stopped")},
};
/* clang-format on */
enum { ROWS = sizeof table / sizeof *table };

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

/* What a preset decides beyond its name, in the order of the preset's choices. */
static const struct {
    const char *preset, *key;
    const char *values[2];
} decided[] = {
    {"environment.preset", "environment.size_unit", {"1024", "1"}},
    {"environment.preset", "environment.energy_law", {"square", "linear"}},
    {"training.rules", "training.critic_mean", {"rows", "transitions"}},
    {"training.rules", "training.time_limit", {"terminal", "bootstrap"}},
    {"training.rules", "training.explore_among", {"all", "proposers"}},
    {"training.rules", "training.streams", {"shared", "separate"}},
    {"training.rules", "replay.weighting", {"squared", "plain"}},
    {"training.rules", "replay.priority", {"squared_sum", "mean_absolute"}},
};

/* The three kinds of member behind a row: double, int64_t, and an enum, which is an unsigned int.
 */
_Static_assert(sizeof(enum environment_preset) == sizeof(unsigned), "an enum is an unsigned int");

/* memcpy, since the place of a member is known by its offset alone; the compiler makes it a load.
 */
static double read_number(const struct settings *s, struct place place)
{
    const char *const at = (const char *)s + place.offset;
    if (place.type == TYPE_REAL) {
        double real = 0;
        memcpy(&real, at, sizeof real);
        return real;
    }
    if (place.type == TYPE_INTEGER) {
        int64_t whole = 0;
        memcpy(&whole, at, sizeof whole);
        return (double)whole;
    }
    unsigned choice = 0;
    memcpy(&choice, at, sizeof choice);
    return (double)choice;
}

double settings_number(const struct settings *s, const struct setting *row)
{
    return read_number(s, (struct place){row->offset, row->type});
}

void settings_put(struct settings *s, const struct setting *row, double number)
{
    char *const at = (char *)s + row->offset;
    if (row->type == TYPE_REAL) {
        memcpy(at, &number, sizeof number);
    } else if (row->type == TYPE_INTEGER) {
        const int64_t whole = (int64_t)number;
        memcpy(at, &whole, sizeof whole);
    } else {
        const unsigned choice = (unsigned)number;
        memcpy(at, &choice, sizeof choice);
    }
}

/* The value of `none`: NaN, or -1 where the type has no NaN. Neither is in the range of its row. */
static bool is_none(const struct setting *row, double value)
{
    return row->optional && (row->type == TYPE_REAL ? isnan(value) : value == -1);
}

static bool in_range(const struct setting *row, double value)
{
    return (row->open_low ? value > row->min : value >= row->min) && value <= row->max;
}

const struct setting *settings_table(size_t *count)
{
    *count = ROWS;
    return table;
}

const struct setting *settings_find(const char *key)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    return NULL;
}

/* Length of the key without ".low" or ".high": a user names an interval by one key, whose value has
 * both ends. */
static size_t stem_length(const char *key)
{
    /* Only the last part counts: a section or a name may have these letters elsewhere. */
    const size_t length = strlen(key);
    const char *const end = strrchr(key, '.');
    if (end != NULL && (strcmp(end, ".low") == 0 || strcmp(end, ".high") == 0))
        return (size_t)(end - key);
    return length;
}

const struct setting *settings_find_interval(const char *stem)
{
    for (size_t i = 0; i < ROWS; i++) {
        const size_t length = stem_length(table[i].key);
        if (table[i].key[length] != '\0' && strlen(stem) == length &&
            strncmp(table[i].key, stem, length) == 0)
            return &table[i];
    }
    return NULL;
}

static const char *name_of(const char *key)
{
    const char *const dot = strchr(key, '.');
    return dot == NULL ? key : dot + 1;
}

/* The four names without a section are those that have options of `train`: one list, in the table.
 */
const struct setting *settings_named(const char *name)
{
    const struct setting *row = settings_find(name);
    for (size_t i = 0; i < ROWS && row == NULL; i++) {
        if (table[i].option != NULL && strcmp(name_of(table[i].key), name) == 0)
            row = &table[i];
    }
    return row;
}

const struct setting *settings_nearest(const char *key)
{
    const struct setting *nearest = NULL;
    const size_t typed = strlen(name_of(key));
    /* At most half of what was typed: for a key of two letters anything would be near. */
    int best = typed / 2 < 3 ? (int)(typed / 2) : 3;
    for (size_t i = 0; i < ROWS; i++) {
        char stem[64];
        snprintf(stem, sizeof stem, "%.*s", (int)stem_length(table[i].key), table[i].key);
        /* The whole key, the key of an interval without its end, and the name alone, which finds
         * the right name in a wrong section. */
        const int distances[] = {
            text_distance(key, table[i].key),
            text_distance(key, stem),
            text_distance(name_of(key), name_of(stem)),
        };
        for (size_t k = 0; k < sizeof distances / sizeof *distances; k++) {
            if (distances[k] < best || (distances[k] == best && nearest == NULL)) {
                best = distances[k];
                nearest = &table[i];
            }
        }
    }
    return nearest;
}

static int expect_choice(const struct setting *row, char *text, size_t size)
{
    char names[256] = "";
    for (size_t i = 0, used = 0; row->choices[i] != NULL && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                 row->choices[i]);
    return snprintf(text, size, "one of %s", names);
}

int settings_expect(const struct setting *row, char *text, size_t size)
{
    if (row->type == TYPE_CHOICE)
        return expect_choice(row, text, size);
    char low[TEXT_NUMBER];
    char high[TEXT_NUMBER];
    const bool whole = row->type == TYPE_INTEGER;
    if (whole) {
        snprintf(low, sizeof low, "%.0f", row->min);
        snprintf(high, sizeof high, "%.0f", row->max);
    } else {
        text_write_real(row->min, low, sizeof low);
        text_write_real(row->max, high, sizeof high);
    }
    return snprintf(text, size, "a %s %s %s %s %s%s", whole ? "whole number" : "number",
                    row->open_low ? "above" : "from", low, row->open_low ? "and at most" : "to",
                    high, row->optional ? ", or none" : "");
}

const struct setting *const *settings_presets(size_t *count)
{
    static const struct setting *presets[2];
    presets[0] = settings_find("environment.preset");
    presets[1] = settings_find("training.rules");
    *count = sizeof presets / sizeof *presets;
    return presets;
}

const struct setting *settings_preset_of(const struct setting *row)
{
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        if (strcmp(row->key, decided[i].key) == 0)
            return settings_find(decided[i].preset);
    }
    return NULL;
}

bool settings_silent(const struct setting *row, double number)
{
    double usual = 0;
    if (!row->later)
        return false;
    CHECK(settings_read(row, row->fallback, &usual, NULL) == STATUS_OK);
    return number == usual || (isnan(number) && isnan(usual));
}

/* All refusals of a value have one form: key, text, what is wrong, what was expected. */
static enum status refuse(const struct setting *row, const char *text, const char *what,
                          struct fault *fault)
{
    char quoted[TEXT_QUOTED];
    char expected[256];
    settings_expect(row, expected, sizeof expected);
    return fault_set(fault, STATUS_INPUT, "%s: %s is %s, expected %s", row->key,
                     text_quote(text, quoted), what, expected);
}

/* Set what `preset` decides when its choice is `choice`; nothing when it is not a preset. The
 * values are the table's own: a refusal would be a mistake in the table. */
static void apply_preset(struct settings *s, const struct setting *preset, int choice)
{
    for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
        if (strcmp(decided[i].preset, preset->key) == 0)
            CHECK(settings_set(s, settings_find(decided[i].key), decided[i].values[choice], NULL) ==
                  STATUS_OK);
    }
}

static enum status read_choice(const struct setting *row, const char *text, double *number,
                               struct fault *fault)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *number = i;
            return STATUS_OK;
        }
    }
    return refuse(row, text, "unknown", fault);
}

enum status settings_read(const struct setting *row, const char *text, double *number,
                          struct fault *fault)
{
    if (row->type == TYPE_CHOICE)
        return read_choice(row, text, number, fault);
    if (row->optional && strcmp(text, "none") == 0) {
        *number = row->type == TYPE_REAL ? NAN : -1;
        return STATUS_OK;
    }
    double real = 0;
    int64_t whole = 0;
    if (row->type == TYPE_INTEGER) {
        if (!text_parse_integer(text, &whole))
            return refuse(row, text, "not a whole number", fault);
        /* exact: a number beyond 2^53 is out of range whatever it is rounded to */
        real = (double)whole;
    } else if (!text_parse_real(text, &real)) {
        return refuse(row, text, "not a number", fault);
    }
    if (!in_range(row, real))
        return refuse(row, text, "out of range", fault);
    *number = real + 0.0; /* -0 is 0: equal values are the same cell */
    return STATUS_OK;
}

enum status settings_set(struct settings *s, const struct setting *row, const char *text,
                         struct fault *fault)
{
    double number = 0;
    const enum status status = settings_read(row, text, &number, fault);
    if (status != STATUS_OK)
        return status;
    settings_put(s, row, number);
    if (row->type == TYPE_CHOICE)
        apply_preset(s, row, (int)number);
    return STATUS_OK;
}

void settings_init(struct settings *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < ROWS; i++)
        /* Defaults go through the parser as a user's values do, so that a default out of its own
         * range cannot be built in unnoticed. */
        CHECK(settings_set(s, &table[i], table[i].fallback, NULL) == STATUS_OK);
}

int settings_write(const struct setting *row, double number, char *text, size_t size)
{
    if (is_none(row, number))
        return snprintf(text, size, "none");
    if (row->type == TYPE_CHOICE)
        return snprintf(text, size, "%s", row->choices[(int)number]);
    if (row->type == TYPE_INTEGER)
        /* Whole numbers are below 2^53, so all digits are right. */
        return snprintf(text, size, "%.0f", number);
    return text_write_real(number, text, size);
}

int settings_get(const struct settings *s, const struct setting *row, char *text, size_t size)
{
    return settings_write(row, settings_number(s, row), text, size);
}

int settings_name_cell(const struct settings *cell, char *text, size_t size)
{
    char actor[TEXT_NUMBER], critic[TEXT_NUMBER];
    text_write_real(cell->training.actor_lr, actor, sizeof actor);
    text_write_real(cell->training.critic_lr, critic, sizeof critic);
    return snprintf(text, size, "actor_lr %s, critic_lr %s, seed %" PRId64, actor, critic,
                    cell->training.seed);
}

bool settings_equal(const struct settings *a, const struct settings *b, const struct setting *row)
{
    const size_t size = row->type == TYPE_CHOICE ? sizeof(unsigned) : sizeof(double);
    /* The bytes first: a plan compares every setting of a million cells, and most are the same. */
    return memcmp((const char *)a + row->offset, (const char *)b + row->offset, size) == 0 ||
           (isnan(settings_number(a, row)) && isnan(settings_number(b, row)));
}

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
    if (is_none(row, value) || in_range(row, value))
        return STATUS_OK;
    if (culprits != NULL) {
        culprits[0] = row;
        culprits[1] = NULL;
    }
    char text[TEXT_NUMBER];
    text_write_real(value, text, sizeof text);
    return refuse(row, text, "out of range", fault);
}

static bool above(const struct settings *s, struct place a, struct place b)
{
    return read_number(s, a) > read_number(s, b);
}

/* The row of a place, for messages only. */
static const struct setting *row_of(struct place place)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].offset == place.offset)
            return &table[i];
    }
    return NULL;
}

enum status settings_check(const struct settings *s, const struct setting *culprits[2],
                           struct fault *fault)
{
    /* Ranges first: an order of two values is asked only when both are values at all. */
    for (size_t i = 0; i < ROWS; i++) {
        const enum status status = check_range(s, &table[i], culprits, fault);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < ROWS; i++) {
        const struct setting *const row = &table[i];
        if (row->interval && above(s, (struct place){row->offset, TYPE_REAL},
                                   (struct place){row[1].offset, TYPE_REAL}))
            return refuse_order(s, row, row + 1, culprits, fault);
    }
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (above(s, orders[i][0], orders[i][1]))
            return refuse_order(s, row_of(orders[i][0]), row_of(orders[i][1]), culprits, fault);
    }
    return STATUS_OK;
}
