// SPDX-License-Identifier: MIT
/**
 * Every setting of the program, once: the typed struct and the table that describes it.
 *
 * The table (settings_table.c) drives YAML parsing, --set, command-line options, --help, the
 * commented default spec and the provenance in the file. A cell of a sweep *is* a complete
 * `struct settings`; nothing else decides what a training computes. This module knows no YAML,
 * file or network. It has one global: lists and labels that were read are kept until the process
 * ends, so they must not be read by several threads at once.
 */
#ifndef CCMSWEEP_SETTINGS_H
#define CCMSWEEP_SETTINGS_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum environment_preset { PRESET_PUBLISHED_2026, PRESET_PUBLISHED_2024 };
enum tanh_kind { TANH_PYTORCH, TANH_EXACT };
enum squash_kind { SQUASH_TANH, SQUASH_SOFTSIGN, SQUASH_INVERTING };
enum energy_law { ENERGY_SQUARE, ENERGY_LINEAR };
enum training_rules { RULES_PUBLISHED, RULES_CORRECTED };
enum critic_mean { MEAN_OF_ROWS, MEAN_OF_TRANSITIONS };
enum time_limit { TIME_LIMIT_TERMINAL, TIME_LIMIT_BOOTSTRAP };
enum explore_among { EXPLORE_ALL, EXPLORE_PROPOSERS };
enum streams { STREAMS_SHARED, STREAMS_SEPARATE };
enum optimizer_kind { OPTIMIZER_ADAM, OPTIMIZER_RMSPROP, OPTIMIZER_SGD };
enum zero_gradient { ZERO_KEEP, ZERO_RESET_MOMENTS, ZERO_SKIP };
enum output_init { OUTPUT_BOUND, OUTPUT_AS_DRAWN };
enum activation { ACTIVATION_RELU, ACTIVATION_LINEAR };
enum actor_norm { ACTOR_NORM_NONE, ACTOR_NORM_OUTPUT, ACTOR_NORM_HIDDEN };
enum critic_norm { CRITIC_NORM_NONE, CRITIC_NORM_HIDDEN };
enum input_norm_kind { INPUT_NORM_NONE, INPUT_NORM_RANGE, INPUT_NORM_RUNNING };
enum precision { PRECISION_F32, PRECISION_F64 };
enum replay_weighting { WEIGHTING_SQUARED, WEIGHTING_PLAIN };
enum replay_priority { PRIORITY_SQUARED_SUM, PRIORITY_MEAN_ABSOLUTE };
enum checkpoint_keep { KEEP_NONE, KEEP_CENSORED };
enum seeding { SEEDING_OWN, SEEDING_CONTINUED };

/** A closed interval from which a constant is drawn uniformly. */
struct interval {
    double low, high;
};

/** All settings of one cell. Optional reals are NaN and optional integers -1 when `none`. */
struct settings {
    struct {
        double actor_lr, critic_lr;
        int64_t seed;      /* of all three generators */
        int64_t episodes;  /* limit: the censoring time */
        int64_t batch;     /* B */
        int64_t steps;     /* environment steps per episode */
        double gamma, tau; /* discount; soft update */
        double epsilon_start, epsilon_end, epsilon_decay;
        double adam_beta1, adam_beta2, adam_eps;
        int64_t episodes_after_stop; /* the run ends at stopping episode + this */
        enum training_rules rules;
        enum critic_mean critic_mean;
        enum time_limit time_limit;
        enum explore_among explore_among;
        enum streams streams;
        enum optimizer_kind optimizer;
        enum zero_gradient zero_gradient;
        double clip_actor, clip_critic; /* largest norm of a gradient; NaN: any */
        double momentum;                /* of SGD */
        double weight_decay;            /* decoupled from the gradient */
        double reward_scale;            /* of targets and priorities */
        double preactivation_penalty;   /* λ of the actors' loss */
        int64_t actor_every;      /* training steps from one update of the actors to the next */
        int64_t earlier_episodes; /* of earlier runs of the process: settings_list */
    } training;
    struct {
        int64_t actor_hidden1, actor_hidden2;
        int64_t critic_hidden1, critic_hidden2;
        enum tanh_kind tanh;
        enum squash_kind squash;
        enum output_init actor_output_init, critic_output_init;
        enum activation actor_activation, critic_activation;
        enum actor_norm actor_norm;
        enum critic_norm critic_norm;
        enum input_norm_kind input_norm;
        enum precision actor_precision;
        double output_init;   /* bound of the last layers' initial weights */
        double proposal_bias; /* NaN: as drawn; else every actor's first output bias at the start */
    } networks;
    struct {
        enum environment_preset preset;
        int64_t agents; /* N */
        int64_t seed;   /* -1: the run's */
        enum seeding seeding;
        int64_t channels; /* K: agents the server accepts */
        int64_t units;    /* processing units of the server */
        double storage_mb;
        struct interval power_dbm, initial_energy_mj, gain_db, resource_ghz;
        struct interval size_mb, cycles_per_bit, deadline_s;
        double server_hz;       /* clock of one server unit */
        double bandwidth_hz;    /* whole uplink */
        double bandwidth_parts; /* channels the uplink is divided into */
        double size_unit;       /* bits = size·8·1024·size_unit */
        double energy_factor;   /* effective capacitance */
        enum energy_law energy_law;
        double max_energy_mj, min_energy_mj; /* battery: clip, and threshold of the penalty */
        double harvest_j;                    /* energy gained per step */
        double max_time_s;
        double lambda_energy, lambda_time;
    } environment;
    struct {
        int64_t capacity;
        double alpha, beta_start, beta_step, error_floor, probability_floor;
        enum replay_weighting weighting;
        enum replay_priority priority;
    } replay;
    struct {
        int64_t log_every, snapshot_every, absorb;
        int64_t window;         /* logs a detection looks back on */
        double saturated_z;     /* |z| above counts as saturated */
        double saturated_share; /* detection *saturated*: mean share above */
        double vanished_norm;   /* detection *vanished*: mean gradient norm below */
    } tracking;
    struct {
        int64_t every, episodes;
    } evaluation;
    struct {
        double every_s;
        enum checkpoint_keep keep;
    } checkpoint;
    int64_t label; /* of its block of the grid, 0 for none; it decides nothing: settings_label */
};

/** What a setting decides. */
enum setting_class {
    CLASS_RESULT,    /**< part of the cell's identity */
    CLASS_SHAPE,     /**< identity, and sizes arrays */
    CLASS_OPERATION, /**< checkpoints, progress, limits: never changes a result */
    CLASS_LABEL,     /**< what a reader calls the cell: of settings_label alone */
};

enum setting_type {
    TYPE_REAL,
    TYPE_INTEGER,
    TYPE_CHOICE,
    TYPE_LIST,  /**< of whole numbers, also none: see settings_list */
    TYPE_LABEL, /**< a name, by its number */
};

/** Limits of a list: its items, and their sum. Most bytes of a label. */
enum { SETTING_LIST_ITEMS = 32, SETTING_LIST_SUM = 100000, SETTING_LABEL_BYTES = 64 };

/** Size that is enough for any value that settings_write writes, with its final NUL. */
enum { SETTING_TEXT = 256 };

/** One row of the table. */
struct setting {
    const char *key; /**< "section.name"; intervals are two keys, "….low" and "….high" */
    enum setting_type type;
    enum setting_class class;
    bool optional;              /**< the word `none` is accepted (NaN, -1) */
    bool open_low;              /**< the range excludes its lower end */
    bool interval;              /**< lower end of an interval, whose upper end is the next row */
    bool later;                 /**< not in the first version of the file: see settings_silent */
    size_t offset;              /**< into struct settings */
    const char *unit;           /**< "1" where there is none */
    double min, max;            /**< accepted range, ends included (but see open_low); of items */
    const char *fallback;       /**< default, as a user would write it */
    const char *const *choices; /**< NULL-terminated names of a TYPE_CHOICE, in enum order */
    const char *option;         /**< long option of `train` ("actor-lr"), NULL for none */
    const char *help;           /**< one line */
};

/** The table: `*count` rows in the order of the spec. Static, never freed. */
const struct setting *settings_table(size_t *count) MUST_USE;

/** The row of `key`, or NULL; of "label" that of settings_label. */
const struct setting *settings_find(const char *key) MUST_USE;

/** The row of the label of a cell, with the key "label": the name that a block of the grid gives
 *  its cells. It is not in the table, as a label changes nothing: not in options, identities or
 *  checkpoints. Its numbers are good in this process only: from 1, in the order in which labels
 *  were first read; 0, written as "none", is the number of a cell without a label. Static. */
const struct setting *settings_label(void) MUST_USE;

/** The row that a user names: by its key, or by its option of `train` as "actor_lr", "critic_lr",
 *  "seed" or "episodes", which are short for keys of `training`. NULL: there is none. */
const struct setting *settings_named(const char *name) MUST_USE;

/** The row of "<stem>.low" when `stem` names an interval ("environment.power_dbm"), or NULL. The
 * row of "<stem>.high" follows it. */
const struct setting *settings_find_interval(const char *stem) MUST_USE;

/** The row whose key is nearest to a mistyped `key` (edit distance at most 3 and half of what was
 *  typed; the right name in a wrong section, and an interval without its end, count as near), or
 *  NULL. */
const struct setting *settings_nearest(const char *key) MUST_USE;

/** Write what a value of `row` may be: "a whole number from 1 to 4096", "a number above 0 and at
 *  most 1, or none", "one of pytorch, exact". Cut at `size`; returns the length as snprintf does.
 */
int settings_expect(const struct setting *row, char *text, size_t size);

/** The rows that are presets, by number: environment.preset and training.rules; NULL after the
 *  last. Each decides the values of other rows, unless these are given themselves. */
const struct setting *settings_preset(size_t index) MUST_USE;

/** The preset that decides the default of `row`, or NULL. */
const struct setting *settings_preset_of(const struct setting *row) MUST_USE;

/** True for a row that was added after the first version of the file, where `number` (as
 *  settings_read gives it) is its default. Identities, saved states and the spec in a file say
 *  nothing of such a setting: so a run that does not use it keeps its bytes and its name, and older
 *  files and checkpoints stay those of the same run. */
bool settings_silent(const struct setting *row, double number) MUST_USE;

/** Fill `s` with the defaults of the table (preset published-2026, rules published). */
void settings_init(struct settings *s);

/**
 * Parse `text` whole as the value of row `row` and store it in `s`. Numbers are base 10, finite and
 * without trailing characters. Setting a preset also sets what it decides (see
 * settings_preset_of), so presets must be applied before the others.
 * \return STATUS_INPUT with "<key>: <text> is not …, expected …" (no file or line) when refused;
 *         `s` is then unchanged.
 */
enum status settings_set(struct settings *s, const struct setting *row, const char *text,
                         struct fault *fault) MUST_USE;

/** Write the value of `row` in `s` as text that settings_set reads back to the same bits (the
 *  shortest form that does), cut at `size`. Returns the length as snprintf does. */
int settings_get(const struct settings *s, const struct setting *row, char *text, size_t size);

/** Write what a cell is called in messages, its values as settings_get has them: "actor_lr 0.1,
 *  critic_lr 0.01, seed 42", with "label clip-1, " before it where it has one. At most
 *  SETTING_TEXT bytes, cut at `size`. Returns the length as snprintf does. */
int settings_name_cell(const struct settings *cell, char *text, size_t size);

/** True when `row` has the same value in both, bit for bit; `none` equals `none`. */
bool settings_equal(const struct settings *a, const struct settings *b,
                    const struct setting *row) MUST_USE;

/**
 * Parse `text` as settings_set does, without a struct: `*number` is the real, the whole number, the
 * place of a choice in enum order, or for `none` NaN (real) and -1 (whole). Every value of every
 * row fits a double exactly. A list is written as "301+298" or "[301, 298]", and as `none` or "[]"
 * when it has no items; its number is good in this process only, and is larger for a longer list.
 * \return STATUS_INPUT as settings_set; `*number` is then unchanged.
 */
enum status settings_read(const struct setting *row, const char *text, double *number,
                          struct fault *fault) MUST_USE;

/** The value of `row` in `s` as the number that settings_read gives. */
double settings_number(const struct settings *s, const struct setting *row) MUST_USE;

/** Store a number that settings_read or settings_number gave. Unlike settings_set, it leaves what a
 *  preset decides alone. */
void settings_put(struct settings *s, const struct setting *row, double number);

/** The items of a list by its number, which settings_read must have given: another one is a bug,
 *  which aborts. Returns how many there are. */
size_t settings_list(int64_t number, int64_t items[SETTING_LIST_ITEMS]);

/** Write a number of settings_read as settings_get does. */
int settings_write(const struct setting *row, double number, char *text, size_t size);

/**
 * Look for values out of range (a struct may be filled by hand) and for contradictions between two
 * settings (an interval's low above its high, epsilon_end above epsilon_start, …).
 * \return STATUS_INPUT with "<key>: …, expected …" (no file or line); `culprits` (may be NULL) are
 *         then the rows to blame, the second NULL when one is out of range by itself.
 */
enum status settings_check(const struct settings *s, const struct setting *culprits[2],
                           struct fault *fault) MUST_USE;

#endif
