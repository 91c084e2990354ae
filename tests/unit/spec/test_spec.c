// SPDX-License-Identifier: MIT
/* Specs: what is refused and with which sentence, precedence, and printed specs. */
#include "spec/yaml_tree.h"
#include "spec_case.h"
#include <stdlib.h>
#include <unistd.h>

#define NOT_YAML(line, what)                                                                       \
    "s.yaml:" line ": not YAML: " what                                                             \
    ", expected 'section:' and below it indented 'key: value' lines"
#define SECTIONS                                                                                   \
    "unknown section, expected one of training, networks, environment, replay, tracking, "         \
    "evaluation, checkpoint, grid"
#define DEEP  "s.yaml:1: too many levels, expected sections, keys and lists"
#define POWER "a list [low, high], each a number from -300 to 300"

static struct malformed malformed[] = {
    {"empty", "", "s.yaml: nothing in it, expected sections with settings"},
    {"only a comment", "# nothing\n", "s.yaml: nothing in it, expected sections with settings"},
    {"only a marker", "---\n", "s.yaml:2: not a mapping, expected sections with settings"},
    {"a list", "- training\n", "s.yaml:1: not a mapping, expected sections with settings"},
    {"a word", "training\n", "s.yaml:1: not a mapping, expected sections with settings"},
    {"unknown section", "trainig:\n  seed: 1\n",
     "s.yaml:1: trainig: " SECTIONS "; did you mean training?"},
    {"unknown section without a neighbour", "\noptimiser: {}\n", "s.yaml:2: optimiser: " SECTIONS},
    {"section without settings", "training:\n",
     "s.yaml:1: training: not a section, expected indented 'key: value' lines below it"},
    {"section with a value", "training: 3\n",
     "s.yaml:1: training: not a section, expected indented 'key: value' lines below it"},
    {"section with a list", "training: [1]\n",
     "s.yaml:1: training: not a section, expected indented 'key: value' lines below it"},
    {"dotted key instead of a section", "training.seed: 1\n",
     "s.yaml:1: training.seed: a setting outside its section, expected 'seed: ...', indented, "
     "below a line 'training:'"},
    {"interval instead of a section", "environment.size_mb: [1, 2]\n",
     "s.yaml:1: environment.size_mb: a setting outside its section, expected 'size_mb: ...', "
     "indented, below a line 'environment:'"},
    {"short name instead of a section", "\nepisodes: 1\n",
     "s.yaml:2: episodes: a setting outside its section, expected 'episodes: ...', indented, "
     "below a line 'training:'"},
    {"label instead of a section", "label: a\n",
     "s.yaml:1: label: not a section, expected indented 'key: value' lines below it"},
    {"section twice", "training: {seed: 1}\nreplay: {}\ntraining: {batch: 2}\n",
     "s.yaml:3: training: duplicate section, expected it once"},
    {"unknown key", "training:\n  seed: 1\n  bacth: 3\n",
     "s.yaml:3: training.bacth: " UNKNOWN "; did you mean training.batch?"},
    {"unknown key without a neighbour", "training:\n  viscosity: 3\n",
     "s.yaml:2: training.viscosity: " UNKNOWN},
    {"key of another section", "training:\n  agents: 3\n",
     "s.yaml:2: training.agents: " UNKNOWN "; did you mean environment.agents?"},
    {"misspelt interval", "environment:\n  power_db: [1, 2]\n",
     "s.yaml:2: environment.power_db: " UNKNOWN "; did you mean environment.power_dbm?"},
    {"key in capitals", "training:\n  SEED: 3\n", "s.yaml:2: training.SEED: " UNKNOWN},
    {"escape sequence in a key", "training:\n  \"\\e[31mseed\": 3\n",
     "s.yaml:2: training.?[31mseed: " UNKNOWN},
    {"key twice", "training:\n  seed: 1\n  seed: 1\n",
     "s.yaml:3: training.seed: duplicate key, expected it once"},
    {"interval and its end", "environment:\n  size_mb: [1, 2]\n  size_mb.low: 1\n",
     "s.yaml:3: environment.size_mb.low: already given in line 2, expected once"},
    {"no value", "training:\n  batch:\n", "s.yaml:2: training.batch: no value, expected one"},
    {"null", "training:\n  batch: null\n",
     "s.yaml:2: training.batch: 'null' is not a whole number, expected " BATCH},
    {"tilde", "training:\n  batch: ~\n",
     "s.yaml:2: training.batch: '~' is not a whole number, expected " BATCH},
    {"word for a number", "training:\n  batch: many\n",
     "s.yaml:2: training.batch: 'many' is not a whole number, expected " BATCH},
    {"truth for a number", "training:\n  batch: yes\n",
     "s.yaml:2: training.batch: 'yes' is not a whole number, expected " BATCH},
    {"hexadecimal", "training:\n  batch: 0x10\n",
     "s.yaml:2: training.batch: '0x10' is not a whole number, expected " BATCH},
    {"octal", "training:\n  batch: 0o17\n",
     "s.yaml:2: training.batch: '0o17' is not a whole number, expected " BATCH},
    {"sexagesimal", "training:\n  batch: 1:30\n",
     "s.yaml:2: training.batch: '1:30' is not a whole number, expected " BATCH},
    {"underscore", "training:\n  batch: 1_0\n",
     "s.yaml:2: training.batch: '1_0' is not a whole number, expected " BATCH},
    {"fraction for a whole number", "training:\n  batch: 64.0\n",
     "s.yaml:2: training.batch: '64.0' is not a whole number, expected " BATCH},
    {"exponent for a whole number", "training:\n  batch: 1e2\n",
     "s.yaml:2: training.batch: '1e2' is not a whole number, expected " BATCH},
    {"trailing unit", "training:\n  batch: 64 rows\n",
     "s.yaml:2: training.batch: '64 rows' is not a whole number, expected " BATCH},
    {"huge whole number", "training:\n  seed: 99999999999999999999\n",
     "s.yaml:2: training.seed: '99999999999999999999' is not a whole number, expected " SEED},
    {"negative seed", "training:\n  seed: -1\n",
     "s.yaml:2: training.seed: '-1' is out of range, expected " SEED},
    {"seed of 33 bits", "training:\n  seed: 4294967296\n",
     "s.yaml:2: training.seed: '4294967296' is out of range, expected " SEED},
    {"no agents", "environment:\n  agents: 0\n",
     "s.yaml:2: environment.agents: '0' is out of range, expected a whole number from 1 to 1000"},
    {"nan", "training:\n  gamma: .nan\n",
     "s.yaml:2: training.gamma: '.nan' is not a number, expected a number from 0 to 1"},
    {"infinity", "training:\n  gamma: inf\n",
     "s.yaml:2: training.gamma: 'inf' is not a number, expected a number from 0 to 1"},
    {"open exponent", "training:\n  gamma: 1e\n",
     "s.yaml:2: training.gamma: '1e' is not a number, expected a number from 0 to 1"},
    {"decimal comma", "training:\n  gamma: 0,9\n",
     "s.yaml:2: training.gamma: '0,9' is not a number, expected a number from 0 to 1"},
    {"overflow", "training:\n  gamma: 1e999\n",
     "s.yaml:2: training.gamma: '1e999' is not a number, expected a number from 0 to 1"},
    {"out of range", "training:\n  gamma: 1.5\n",
     "s.yaml:2: training.gamma: '1.5' is out of range, expected a number from 0 to 1"},
    {"learning rate 0", "training:\n  actor_lr: 0\n",
     "s.yaml:2: training.actor_lr: '0' is out of range, expected a number above 0 and at most 10"},
    {"number in quotes", "training:\n  seed: \"42\"\n",
     "s.yaml:2: training.seed: text in quotes, expected " SEED},
    {"number in a block", "training:\n  seed: |\n    42\n",
     "s.yaml:2: training.seed: text in quotes, expected " SEED},
    {"unknown choice", "networks:\n  tanh: fast\n",
     "s.yaml:2: networks.tanh: 'fast' is unknown, expected one of pytorch, exact"},
    {"list for a value", "training:\n  batch: [1, 2]\n",
     "s.yaml:2: training.batch: a list, expected " BATCH},
    {"mapping for a value", "training:\n  batch: {a: 1}\n",
     "s.yaml:2: training.batch: a mapping, expected a value or a list of values"},
    {"merge key", "training:\n  <<: {seed: 1}\n", "s.yaml:2: training.<<: " UNKNOWN},
    {"list for a key", "training:\n  ? [a]\n  : 1\n",
     "s.yaml:2: a key that is not a name, expected 'key: value'"},
    {"empty key", "training:\n  \"\": 1\n",
     "s.yaml:2: a key that is not a name, expected 'key: value'"},
    {"value for an interval", "environment:\n  power_dbm: 4\n",
     "s.yaml:2: environment.power_dbm: a single value, expected " POWER},
    {"interval of three", "environment:\n  power_dbm: [1, 2, 3]\n",
     "s.yaml:2: environment.power_dbm: not two values, expected " POWER},
    {"empty interval", "environment:\n  power_dbm: []\n",
     "s.yaml:2: environment.power_dbm: not two values, expected " POWER},
    {"list in a list", "environment:\n  power_dbm: [1, [2]]\n",
     "s.yaml:2: environment.power_dbm: a list or mapping inside a list, expected single values"},
    {"word in an interval", "environment:\n  power_dbm: [1, x]\n",
     "s.yaml:2: environment.power_dbm.high: 'x' is not a number, expected a number from -300 to "
     "300"},
    {"interval upside down", "environment:\n  power_dbm: [5, 4]\n",
     "s.yaml:2: environment.power_dbm.low: 5 is above environment.power_dbm.high, expected at most "
     "4"},
    {"low end above the default high end", "environment:\n  power_dbm.low: 30\n",
     "s.yaml:2: environment.power_dbm.low: 30 is above environment.power_dbm.high, expected at "
     "most 24"},
    {"exploration that grows", "training:\n  seed: 1\n  epsilon_start: 0.001\n",
     "s.yaml:3: training.epsilon_end: 0.01 is above training.epsilon_start, expected at most "
     "0.001"},
    {"replay smaller than an episode", "replay:\n  capacity: 5\n",
     "s.yaml:2: training.steps: 10 is above replay.capacity, expected at most 5"},
    {"tab", "training:\n\tseed: 1\n", "s.yaml:2: a tab in the indentation, expected spaces"},
    {"tab behind spaces", "training:\n  seed: 1\n \t batch: 1\n",
     "s.yaml:3: a tab in the indentation, expected spaces"},
    {"anchor", "training:\n  seed: &x 1\n", "s.yaml:2: an anchor, expected plain values"},
    {"anchor on a section", "training: &x\n  seed: 1\n",
     "s.yaml:1: an anchor, expected plain values"},
    {"alias", "training:\n  seed: *x\n", "s.yaml:2: an alias, expected plain values"},
    {"tag", "training:\n  seed: !!int 1\n", "s.yaml:2: a tag, expected plain values"},
    {"two documents", "training: {seed: 1}\n---\ntraining: {seed: 2}\n",
     "s.yaml:2: a second document, expected one"},
    {"open bracket", "training: {seed: 1\n", NOT_YAML("2", "did not find expected ',' or '}'")},
    {"open quote", "training:\n  seed: \"1\n", NOT_YAML("3", "found unexpected end of stream")},
    {"wrong indentation", "training:\n    seed: 1\n  batch: 2\n",
     NOT_YAML("3", "did not find expected key")},
    {"colon in a value", "training: seed: 1\n",
     NOT_YAML("1", "mapping values are not allowed in this context")},
    {"control character", "training:\n  seed: \001\n",
     NOT_YAML("2", "control characters are not allowed")},
    {"invalid UTF-8", "training:\n  seed: \xff\n", NOT_YAML("2", "invalid leading UTF-8 octet")},
    {"cut UTF-8", "# \xe2\x82", NOT_YAML("1", "incomplete UTF-8 octet sequence")},
    {"escaped NUL in a value", "networks:\n  tanh: \"exact\\0\"\n",
     "s.yaml:2: networks.tanh: a NUL character, expected a value"},
    {"grid of two", "training:\n  batch: 3\ngrid:\n  seed: [1, 2]\n",
     "s.yaml:3: grid: 2 cells, expected one"},
    {"grid of six", "grid:\n  seed: [1, 2]\n  actor_lr: [0.1, 0.2, 0.3]\n",
     "s.yaml:1: grid: 6 cells, expected one"},
};
enum { MALFORMED = sizeof malformed / sizeof *malformed };

static void test_nul_bytes(void **state)
{
    (void)state;
    static const char text[] = "training:\n  seed: 1\0\n";
    refuse_bytes(text, sizeof text - 1, "s.yaml:2: a NUL byte, expected text in UTF-8");
    static const char utf16[] = "\xff\xfet\0";
    refuse_bytes(utf16, sizeof utf16 - 1, "s.yaml:1: a NUL byte, expected text in UTF-8");
}

static void test_size_depth_and_number_are_limited(void **state)
{
    (void)state;
    const size_t size = (size_t)YAML_TREE_LIMIT + 1;
    char *const text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    refuse_bytes(text, size, "s.yaml: 1048577 bytes, expected at most 1048576");
    memset(text, '[', size - 1);
    refuse_bytes(text, size - 1, DEEP);
    for (size_t i = 0; i < size - 1; i++)
        text[i] = i % 2 == 0 ? '-' : ' ';
    refuse_bytes(text, size - 1, DEEP);
    int used = snprintf(text, size, "training:\n");
    for (int i = 0; i < 1001; i++)
        used += snprintf(text + used, size - (size_t)used, "  k%d: 1\n", i);
    refuse_bytes(text, (size_t)used, "s.yaml:2: training: too many keys, expected at most 1000");
    free(text);
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = spec_new();
    assert_int_equal(spec_load(spec, "/nowhere/s.yaml", &fault), STATUS_INPUT);
    assert_string_equal(fault.text,
                        "/nowhere/s.yaml: No such file or directory, expected a spec in YAML");
    spec_free(&spec);
    spec = spec_new();
    assert_int_equal(spec_load(spec, "/", &fault), STATUS_INPUT);
    assert_string_equal(fault.text, "/: Is a directory, expected a spec in YAML");
    spec_free(&spec);
}

static void test_every_form_that_is_accepted(void **state)
{
    (void)state;
    struct spec *spec = parse("\xef\xbb\xbf%YAML 1.1\r\n---\r\n# a comment\r\n"
                              "training: {seed: 007, gamma: .5}\r\n"
                              "networks:\r\n  tanh: 'exact'\r\n  \"proposal_bias\": none\r\n"
                              "environment:\r\n  power_dbm:\r\n    - 2\r\n    - 3 # dBm\r\n"
                              "  gain_db.high: 20\r\n"
                              "replay: {}\r\n...\r\n");
    const struct settings cell = cell_of(spec, 0);
    assert_int_equal(spec_cells(spec), 1);
    assert_true(cell.training.seed == 7 && cell.training.gamma == 0.5);
    assert_true(cell.networks.tanh == TANH_EXACT && isnan(cell.networks.proposal_bias));
    assert_true(cell.environment.power_dbm.low == 2 && cell.environment.power_dbm.high == 3);
    assert_true(cell.environment.gain_db.low == 5 && cell.environment.gain_db.high == 20);
    assert_non_null(strstr(spec_text(spec), "# a comment\r\n"));
    spec_free(&spec);
}

/* As they are named in tables, columns and options. */
static void test_set_takes_the_names_that_have_options(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("training:\n  seed: 1\n");
    assert_int_equal(spec_set(spec, "actor_lr=0.5", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "critic_lr=0.25", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "seed=9", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "episodes=77", &fault), STATUS_OK);
    const struct settings cell = cell_of(spec, 0);
    assert_true(cell.training.actor_lr == 0.5 && cell.training.critic_lr == 0.25);
    assert_true(cell.training.seed == 9 && cell.training.episodes == 77);
    assert_int_equal(spec_set(spec, "actor_lr=fast", &fault), STATUS_INPUT);
    assert_non_null(strstr(fault.text, "--set: training.actor_lr: 'fast' is not a number"));
    spec_free(&spec);
}

static void test_later_levels_win_in_any_order(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("training:\n  seed: 1\n  batch: 11\n  steps: 5\n");
    const struct setting *const seed = settings_find("training.seed");
    assert_int_equal(spec_option(spec, seed, "3", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "training.seed=2", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "training.batch=21", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "training.batch=22", &fault), STATUS_OK);
    const struct settings cell = cell_of(spec, 0);
    assert_int_equal(cell.training.seed, 3);
    assert_int_equal(cell.training.batch, 22);
    assert_int_equal(cell.training.steps, 5);
    assert_int_equal(cell.training.episodes, 2000);
    spec_free(&spec);
}

static void test_set_and_options_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"training.batch", "--set: 'training.batch' is not an assignment, expected KEY=VALUE"},
        {"=3", "--set: '=3' is not an assignment, expected KEY=VALUE"},
        {"", "--set: '' is not an assignment, expected KEY=VALUE"},
        {"training.batch=", "--set: training.batch: '' is not a whole number, expected " BATCH},
        {"training.batch= 3", "--set: training.batch: ' 3' is not a whole number, expected " BATCH},
        {"training.batch=3=4",
         "--set: training.batch: '3=4' is not a whole number, expected " BATCH},
        {"batch=3", "--set: batch: " UNKNOWN "; did you mean training.batch?"},
        {"grid.seed=[1]", "--set: grid.seed: " UNKNOWN "; did you mean training.seed?"},
        {"environment.power_dbm=3",
         "--set: environment.power_dbm: a single value, expected " POWER},
        {"environment.power_dbm=[3]",
         "--set: environment.power_dbm: a single value, expected " POWER},
        {"environment.power_dbm=[1,2,3]",
         "--set: environment.power_dbm.high: '2,3' is not a number, expected a number from -300 to "
         "300"},
        {"training.batch=[1,2]",
         "--set: training.batch: '[1,2]' is not a whole number, expected " BATCH},
    };
    struct spec *spec = spec_new();
    struct fault fault = {""};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(spec_set(spec, cases[i][0], &fault), STATUS_INPUT);
        assert_string_equal(fault.text, cases[i][1]);
    }
    assert_int_equal(spec_option(spec, settings_find("training.actor_lr"), "fast", &fault),
                     STATUS_INPUT);
    assert_string_equal(fault.text, "--actor-lr: training.actor_lr: 'fast' is not a number, "
                                    "expected a number above 0 and at most 10");
    assert_int_equal(spec_set(spec, "environment.power_dbm=[ 30 , 40 ]", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "environment.power_dbm.high=20", &fault), STATUS_OK);
    assert_int_equal(spec_check(spec, &fault), STATUS_INPUT);
    assert_string_equal(fault.text, "--set: environment.power_dbm.low: 30 is above "
                                    "environment.power_dbm.high, expected at most 20");
    spec_free(&spec);
}

static void test_preset_in_force_gives_the_base(void **state)
{
    (void)state;
    struct fault fault = {""};
    /* Its place in the file does not matter, and an explicit value goes before it. */
    struct spec *spec = parse("environment:\n  size_unit: 7\n  preset: published-2024\n");
    struct settings cell = cell_of(spec, 0);
    assert_true(cell.environment.size_unit == 7);
    assert_true(cell.environment.energy_law == ENERGY_LINEAR);
    assert_int_equal(spec_set(spec, "environment.preset=published-2026", &fault), STATUS_OK);
    cell = cell_of(spec, 0);
    assert_true(cell.environment.size_unit == 7);
    assert_true(cell.environment.energy_law == ENERGY_SQUARE);
    spec_free(&spec);
}

static void print_defaults(FILE *file, const void *what)
{
    (void)what;
    spec_print_defaults(file);
}

static void print_cell(FILE *file, const void *what)
{
    spec_print(file, what);
}

static void test_printed_defaults_parse_back(void **state)
{
    (void)state;
    struct settings defaults;
    settings_init(&defaults);
    struct spec *spec = reparse(print_defaults, NULL);
    const struct settings cell = cell_of(spec, 0);
    assert_memory_equal(&cell, &defaults, sizeof cell);
    /* All of the table stands there, but for what the preset decides. */
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        assert_true(spec_gives(spec, &table[i]) != (settings_preset_of(&table[i]) != NULL));
    spec_free(&spec);
}

static void test_printed_cells_parse_back_to_the_same_bits(void **state)
{
    (void)state;
    const struct settings cell =
        settings_with("environment.preset=published-2024 environment.size_unit=3 training.seed=7 "
                      "training.actor_lr=0.30000000000000004 environment.seed=5 "
                      "networks.proposal_bias=-0.35 environment.power_dbm.low=0.1");
    struct spec *spec = reparse(print_cell, &cell);
    const struct settings back = cell_of(spec, 0);
    assert_memory_equal(&back, &cell, sizeof back);
    spec_free(&spec);
}

static void print_for_file(FILE *file, const void *spec)
{
    char *const text = spec_resolved(spec);
    fputs(text, file);
    free(text);
}

/* What a file stores says nothing of later settings at their default, and is the same spec. */
static void test_text_of_a_file(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "grid: {seed: [1, 2]}\n",
        "training: {rules: corrected}\ngrid: {seed: [1, 2]}\n",
        "training: {rules: corrected}\nreplay: {weighting: squared}\ngrid: {seed: [1, 2]}\n",
        "training: {rules: published, clip_actor: 1}\ngrid: {seed: [1, 2]}\n",
        "grid: {training.rules: [published, corrected]}\n",
        "replay: {priority: squared_sum}\ngrid: {training.rules: [corrected, published]}\n",
        "grid:\n  - {training.clip_actor: [none], seed: [3]}\n"
        "  - {training.rules: [corrected], training.streams: [shared, separate]}\n",
        "grid: {training.rules: [corrected, published], "
        "environment.preset: [published-2024, published-2026]}\n",
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        struct spec *spec = parse(texts[k]);
        struct spec *again = reparse(print_for_file, spec);
        char *const text = spec_resolved(spec);
        assert_int_equal(spec_cells(again), spec_cells(spec));
        for (int64_t i = 0; i < spec_cells(spec); i++) {
            const struct settings a = cell_of(spec, i);
            const struct settings b = cell_of(again, i);
            assert_memory_equal(&a, &b, sizeof a);
        }
        assert_null(strstr(text, "optimizer"));
        assert_true((strstr(text, "rules") != NULL) == (strstr(texts[k], "corrected") != NULL));
        free(text);
        spec_free(&again);
        spec_free(&spec);
    }
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_size_depth_and_number_are_limited),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_every_form_that_is_accepted),
        cmocka_unit_test(test_set_takes_the_names_that_have_options),
        cmocka_unit_test(test_later_levels_win_in_any_order),
        cmocka_unit_test(test_set_and_options_are_refused_with_a_sentence),
        cmocka_unit_test(test_preset_in_force_gives_the_base),
        cmocka_unit_test(test_printed_defaults_parse_back),
        cmocka_unit_test(test_printed_cells_parse_back_to_the_same_bits),
        cmocka_unit_test(test_text_of_a_file),
    };
    return run_malformed("spec", malformed, MALFORMED, others, sizeof others / sizeof *others);
}
