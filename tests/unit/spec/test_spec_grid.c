// SPDX-License-Identifier: MIT
/* The grid of a spec: what is refused and with which sentence, the order of cells, forms of values,
 * exclusions, unions of blocks, and what --set does to them. */
#include "spec/yaml_tree.h"
#include "spec_case.h"

#define BLOCKS                                                                                     \
    "not a section, expected indented 'key: value' lines below it, or a list of such blocks"
#define LIST "a list of values or a range such as 0-9, each "
#define SPACED                                                                                     \
    "{logspace: [low, high], count: N} or {loguniform: [low, high], count: N, draw_seed: S}"
#define EXCLUDE_LIST "expected [{setting: value, …}, …]"

static struct malformed malformed[] = {
    {"grid without settings", "grid:\n", "s.yaml:1: grid: " BLOCKS},
    {"grid with a value", "\ngrid: 3\n", "s.yaml:2: grid: " BLOCKS},
    {"empty list of blocks", "grid: []\n", "s.yaml:1: grid: " BLOCKS},
    {"list of values for blocks", "grid:\n  - {seed: 0-3}\n  - 3\n", "s.yaml:3: grid: " BLOCKS},
    {"single value in the grid", "grid:\n  seed: 1\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"single real in the grid", "grid:\n  actor_lr: 0.1\n",
     "s.yaml:2: training.actor_lr: a single value, expected a list of values, each " RATE},
    {"no value in the grid", "grid:\n  seed:\n", "s.yaml:2: training.seed: no value, expected one"},
    {"empty list in the grid", "grid:\n  seed: []\n",
     "s.yaml:2: training.seed: an empty list, expected " LIST SEED},
    {"bad value in the grid", "grid:\n  seed: [1, x]\n",
     "s.yaml:2: training.seed: 'x' is not a whole number, expected " SEED},
    {"bad value in a line of its own", "grid:\n  seed:\n    - 1\n    - 2\n    - x\n",
     "s.yaml:5: training.seed: 'x' is not a whole number, expected " SEED},
    {"no value in a list", "grid:\n  seed: [1, ]\n  batch:\n    -\n    - 2\n",
     "s.yaml:4: training.batch: no value, expected one"},
    {"quotes in the grid", "grid:\n  seed: [1, '2']\n",
     "s.yaml:2: training.seed: text in quotes, expected " SEED},
    {"list in a list of the grid", "grid:\n  seed: [1, [2]]\n",
     "s.yaml:2: training.seed: a list or mapping inside a list, expected single values"},
    {"spaced values in a list", "grid:\n  actor_lr: [0.1, {logspace: [1, 2], count: 3}]\n",
     "s.yaml:2: training.actor_lr: a list or mapping inside a list, expected single values"},
    {"value twice in the grid", "grid:\n  actor_lr: [0.1, 0.2, 1e-1]\n",
     "s.yaml:2: training.actor_lr: 0.1 is given twice, by 0.1 in line 2 and by 1e-1 in line 2, "
     "expected once"},
    {"two values twice", "grid:\n  seed: [3, 5, 3, 5]\n",
     "s.yaml:2: training.seed: 3 is given twice, by 3 in line 2 and by 3 in line 2, expected once"},
    {"value twice by ranges", "grid:\n  seed: [0-4,\n         10,\n         3]\n",
     "s.yaml:2: training.seed: 3 is given twice, by 0-4 in line 2 and by 3 in line 4, expected "
     "once"},
    {"value twice by two ranges", "\n\ngrid:\n  seed:\n    - 7-9\n    - 2-4\n    - 4-6\n",
     "s.yaml:6: training.seed: 4 is given twice, by 2-4 in line 6 and by 4-6 in line 7, expected "
     "once"},
    {"none twice", "grid:\n  environment.seed: [none, 3, none]\n",
     "s.yaml:2: environment.seed: none is given twice, by none in line 2 and by none in line 2, "
     "expected once"},
    {"choice twice", "grid:\n  networks.tanh: [exact, 'exact']\n",
     "s.yaml:2: networks.tanh: exact is given twice, by exact in line 2 and by exact in line 2, "
     "expected once"},
    {"unknown key in the grid", "grid:\n  sed: [1]\n",
     "s.yaml:2: sed: " UNKNOWN "; did you mean training.seed?"},
    {"interval in the grid", "grid:\n  environment.power_dbm: [1, 2]\n",
     "s.yaml:2: environment.power_dbm: an interval, expected environment.power_dbm.low or "
     "environment.power_dbm.high"},
    {"section in the grid", "grid:\n  training: {seed: [1, 2]}\n", "s.yaml:2: training: " UNKNOWN},
    {"two names of one key in the grid", "grid:\n  seed: [1]\n  training.seed: [2]\n",
     "s.yaml:3: training.seed: already given in line 2, expected once"},
    {"key twice in the grid", "grid:\n  seed: [1]\n  seed: [2]\n",
     "s.yaml:3: grid.seed: duplicate key, expected it once"},
    {"setting and grid", "training:\n  seed: 1\ngrid:\n  seed: [1, 2]\n",
     "s.yaml:4: training.seed: already given in line 2, expected once"},
    {"grid and setting", "grid:\n  seed: [1, 2]\ntraining:\n  seed: 1\n",
     "s.yaml:4: training.seed: already given in line 2, expected once"},
    {"setting and second block",
     "training:\n  seed: 1\ngrid:\n  - {batch: [3]}\n  - {batch: [4], seed: [1, 2]}\n",
     "s.yaml:5: training.seed: already given in line 2, expected once"},
    {"operation in the grid", "grid:\n  checkpoint.every_s: [1, 2]\n",
     "s.yaml:2: checkpoint.every_s: changes no result, expected a setting that does"},
    {"contradiction in one cell", "grid:\n  epsilon_start: [1, 0.001]\n",
     "s.yaml:2: training.epsilon_end: 0.01 is above training.epsilon_start, expected at most "
     "0.001"},
    {"contradiction in the second block",
     "grid:\n  - epsilon_start: [1]\n  - epsilon_start: [0.5]\n    seed: 0-2\n    "
     "training.epsilon_end: [0.5, 0.6]\n",
     "s.yaml:5: training.epsilon_end: 0.6 is above training.epsilon_start, expected at most 0.5"},
    {"backward range", "grid:\n  seed: 9-0\n",
     "s.yaml:2: training.seed: '9-0' runs backwards, expected 0-9"},
    {"range of reals", "grid:\n  actor_lr: [1-2]\n",
     "s.yaml:2: training.actor_lr: '1-2' is a range, which only whole numbers have, "
     "expected " RATE},
    {"range of choices", "grid:\n  networks.tanh: 0-1\n",
     "s.yaml:2: networks.tanh: '0-1' is a range, which only whole numbers have, expected one of "
     "pytorch, exact"},
    {"range in quotes", "grid:\n  seed: ['0-9']\n",
     "s.yaml:2: training.seed: text in quotes, expected " SEED},
    {"range in quotes alone", "grid:\n  seed: '0-9'\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"range out of range", "grid:\n  batch: [4000-4097]\n",
     "s.yaml:2: training.batch: '4097' is out of range, expected " BATCH},
    {"range below the range", "grid:\n  batch: 0-3\n",
     "s.yaml:2: training.batch: '0' is out of range, expected " BATCH},
    {"range with a sign", "grid:\n  seed: -1-3\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"open range", "grid:\n  seed: 3-\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"range of three", "grid:\n  seed: 1-2-3\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"range with blanks", "grid:\n  seed: 0 - 9\n",
     "s.yaml:2: training.seed: a single value, expected " LIST SEED},
    {"range of large numbers", "grid:\n  seed: 0-99999999999999999999\n",
     "s.yaml:2: training.seed: '99999999999999999999' is not a whole number, expected " SEED},
    {"range of very long numbers",
     "grid:\n  seed: "
     "0-999999999999999999999999999999999999999999999999999999999999999999999999999\n",
     "s.yaml:2: training.seed: '0-99999999999999999999999999999999999999…' is not a whole number, "
     "expected " SEED},
    {"large range", "grid:\n  seed: 0-4294967295\n",
     "s.yaml:2: training.seed: too many values, expected at most 1000000"},
    {"large list of ranges", "grid:\n  seed: [0-499999, 500000-999999, 2000000]\n",
     "s.yaml:2: training.seed: too many values, expected at most 1000000"},
    {"range as a setting", "training:\n  seed: 0-9\n",
     "s.yaml:2: training.seed: '0-9' is not a whole number, expected " SEED},
    {"spaced whole numbers", "grid:\n  seed: {logspace: [1, 100], count: 3}\n",
     "s.yaml:2: training.seed: a mapping, expected " LIST SEED},
    {"empty mapping in the grid", "grid:\n  actor_lr: {}\n",
     "s.yaml:2: training.actor_lr: a mapping without logspace or loguniform, expected " SPACED},
    {"unknown spacing", "grid:\n  actor_lr: {linspace: [1, 2], count: 3}\n",
     "s.yaml:2: training.actor_lr: unknown key 'linspace', expected " SPACED},
    {"spacing without a kind", "grid:\n  actor_lr: {count: 3}\n",
     "s.yaml:2: training.actor_lr: a mapping without logspace or loguniform, expected " SPACED},
    {"spacing of both kinds",
     "grid:\n  actor_lr: {logspace: [1, 2], loguniform: [1, 2], count: 3}\n",
     "s.yaml:2: training.actor_lr: both logspace and loguniform, expected " SPACED},
    {"spacing without a count", "grid:\n  actor_lr: {logspace: [1, 2]}\n",
     "s.yaml:2: training.actor_lr: no count, expected " SPACED},
    {"spacing of one end", "grid:\n  actor_lr: {logspace: [1], count: 3}\n",
     "s.yaml:2: training.actor_lr: logspace is not a list of two ends, expected " SPACED},
    {"spacing of a word", "grid:\n  actor_lr: {logspace: 1, count: 3}\n",
     "s.yaml:2: training.actor_lr: logspace is not a list of two ends, expected " SPACED},
    {"spacing from zero", "grid:\n  gamma: {logspace: [0, 1], count: 3}\n",
     "s.yaml:2: training.gamma: the ends of logspace are 0 and 1, expected the first above 0 and "
     "below the second"},
    {"spacing out of range", "grid:\n  gamma: {logspace: [0.1, 2], count: 3}\n",
     "s.yaml:2: training.gamma: '2' is out of range, expected a number from 0 to 1"},
    {"spacing from none", "grid:\n  networks.proposal_bias: {logspace: [none, 2], count: 3}\n",
     "s.yaml:2: networks.proposal_bias: the ends of logspace are none and 2, expected the first "
     "above 0 and below the second"},
    {"spacing backwards", "grid:\n  actor_lr:\n    logspace: [1, 0.1]\n    count: 3\n",
     "s.yaml:3: training.actor_lr: the ends of logspace are 1 and 0.1, expected the first above 0 "
     "and below the second"},
    {"spacing of no length", "grid:\n  actor_lr: {logspace: [1, 1], count: 3}\n",
     "s.yaml:2: training.actor_lr: the ends of logspace are 1 and 1, expected the first above 0 "
     "and below the second"},
    {"spacing with a word at an end", "grid:\n  actor_lr: {logspace: [1, x], count: 3}\n",
     "s.yaml:2: training.actor_lr: 'x' is not a number, expected " RATE},
    {"spacing of one", "grid:\n  actor_lr:\n    logspace: [0.1, 1]\n    count: 1\n",
     "s.yaml:4: training.actor_lr: count is '1', expected a whole number from 2 to 10000"},
    {"spacing of many", "grid:\n  actor_lr: {loguniform: [0.1, 1], count: 10001, draw_seed: 1}\n",
     "s.yaml:2: training.actor_lr: count is '10001', expected a whole number from 2 to 10000"},
    {"spacing of a list", "grid:\n  actor_lr: {logspace: [0.1, 1], count: [3]}\n",
     "s.yaml:2: training.actor_lr: count is not a plain value, expected a whole number from 2 to "
     "10000"},
    {"spacing with draws", "grid:\n  actor_lr: {logspace: [0.1, 1], count: 3, draw_seed: 1}\n",
     "s.yaml:2: training.actor_lr: logspace with draw_seed, expected " SPACED},
    {"draws without a seed", "grid:\n  actor_lr: {loguniform: [0.1, 1], count: 3}\n",
     "s.yaml:2: training.actor_lr: loguniform without draw_seed, expected " SPACED},
    {"draws from a large seed",
     "grid:\n  actor_lr: {loguniform: [0.1, 1], count: 3, draw_seed: 4294967296}\n",
     "s.yaml:2: training.actor_lr: draw_seed is '4294967296', expected " SEED},
    {"values that round to one", "grid:\n  actor_lr: {logspace: [1, 1.00001], count: 100}\n",
     "s.yaml:2: training.actor_lr: 1 comes twice when rounded to 6 digits, expected fewer values "
     "or another draw_seed"},
    {"too many cells", "grid:\n  seed: 0-999\n  batch: 1-1001\n",
     "s.yaml:1: grid: too many cells, expected at most 1000000"},
    {"too many cells in two blocks", "\ngrid:\n  - seed: 0-599999\n  - {seed: 600000-1199999}\n",
     "s.yaml:2: grid: too many cells, expected at most 1000000"},
    {"exclude without a list", "grid:\n  seed: 0-9\n  exclude: {seed: 1}\n",
     "s.yaml:3: exclude: not a list of mappings, " EXCLUDE_LIST},
    {"empty exclude", "grid:\n  seed: 0-9\n  exclude: []\n",
     "s.yaml:3: exclude: not a list of mappings, " EXCLUDE_LIST},
    {"exclude with a value", "grid:\n  seed: 0-9\n  exclude:\n    - {seed: 3}\n    - 3\n",
     "s.yaml:5: exclude: an item that is not a mapping, expected {setting: value, …}"},
    {"exclude with an empty mapping", "grid:\n  seed: 0-9\n  exclude: [{}]\n",
     "s.yaml:3: exclude: an item that is not a mapping, expected {setting: value, …}"},
    {"unknown key in exclude", "grid:\n  seed: 0-9\n  exclude:\n    - sed: 1\n",
     "s.yaml:4: sed: " UNKNOWN "; did you mean training.seed?"},
    {"exclude of no axis", "grid:\n  seed: 0-9\n  exclude:\n    - seed: 1\n      actor_lr: 0.1\n",
     "s.yaml:5: exclude: training.actor_lr is not an axis here, expected one of this grid"},
    {"exclude of another block",
     "grid:\n  - {seed: 0-9, batch: [3]}\n  - seed: 10-19\n    exclude: [{batch: 3}]\n",
     "s.yaml:4: exclude: training.batch is not an axis here, expected one of this grid"},
    {"exclude that matches nothing",
     "grid:\n  seed: 0-9\n  batch: [3]\n  exclude:\n    - {seed: 3-4}\n    - seed: 5\n      batch: "
     "4\n",
     "s.yaml:7: exclude: matches no combination, expected a value of training.batch that this grid "
     "has"},
    {"exclude of everything",
     "grid:\n  seed: 0-9\n  batch: [3, 4]\n  exclude:\n    - {seed: 3-4}\n    - {seed: [0-2, "
     "5-11]}\n",
     "s.yaml:4: exclude: leaves no combination, expected at least one"},
    {"exclude with a bad value",
     "grid:\n  seed: 0-9\n  exclude:\n    - seed:\n        - 1\n        - x\n",
     "s.yaml:6: training.seed: 'x' is not a whole number, expected " SEED},
    {"exclude with a spacing",
     "grid:\n  actor_lr: [0.1, 0.2]\n  exclude: [{actor_lr: {logspace: [0.1, 1], count: 3}}]\n",
     "s.yaml:3: training.actor_lr: a mapping, expected a value or a list of values, each " RATE},
    {"exclude with an empty list", "grid:\n  seed: 0-9\n  exclude: [{seed: []}]\n",
     "s.yaml:3: training.seed: an empty list, expected a value or a list of values, each " SEED},
    {"exclude with a value twice", "grid:\n  seed: 0-9\n  exclude: [{seed: [1, 0-3]}]\n",
     "s.yaml:3: training.seed: 1 is given twice, by 1 in line 3 and by 0-3 in line 3, expected "
     "once"},
    {"exclude with two names of one key",
     "grid:\n  seed: 0-9\n  exclude: [{seed: 1, training.seed: 2}]\n",
     "s.yaml:3: exclude: training.seed is given twice, expected once"},
    {"exclude with a key twice", "grid:\n  seed: 0-9\n  exclude: [{seed: 1, seed: 2}]\n",
     "s.yaml:3: grid.exclude.seed: duplicate key, expected it once"},
    {"exclude twice", "grid:\n  seed: 0-9\n  exclude: [{seed: 1}]\n  exclude: [{seed: 2}]\n",
     "s.yaml:4: grid.exclude: duplicate key, expected it once"},
    {"cell in two blocks",
     "grid:\n  - {actor_lr: [0.1, 0.2], seed: 0-4}\n  - {actor_lr: [0.3], seed: 0-4}\n  - seed: "
     "3-4\n    actor_lr: [0.2]\n",
     "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in line 4, "
     "expected once: training.actor_lr 0.2, training.seed 3"},
    {"many cells in two blocks", "grid:\n  - {seed: 0-99}\n  - {seed: [200-299, 20-90, 5]}\n",
     "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in line 3, "
     "expected "
     "once: training.seed 20"},
    {"cell in two blocks, once by default", "grid:\n  - {seed: [41, 42]}\n  - {}\n",
     "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in line 3, "
     "expected once: training.seed 42"},
    {"the same block twice", "grid: [{}, {}]\n",
     "s.yaml:1: grid: a cell is given twice, by the block in line 1 and by that in line 1, "
     "expected once: no axis tells them apart"},
    {"two cells", "grid:\n  - {seed: [1]}\n  - {seed: [2]}\n",
     "s.yaml:1: grid: 2 cells, expected one"},
    {"anchor in the grid", "grid:\n  seed: &a [1, 2]\n",
     "s.yaml:2: an anchor, expected plain values"},
    {"alias in exclude", "grid:\n  seed: [1, 2]\n  exclude: [*a]\n",
     "s.yaml:3: an alias, expected plain values"},
    {"tag in exclude", "grid:\n  seed: 0-9\n  exclude:\n    - seed: !!int 3\n",
     "s.yaml:4: a tag, expected plain values"},
    {"deep", "grid: [{exclude: [{seed: [[[[[1]]]]]}]}]\n",
     "s.yaml:1: too many levels, expected sections, keys and lists"},
    {"misspelt interval in exclude", "grid:\n  seed: 0-9\n  exclude: [{environment.size_mb: 3}]\n",
     "s.yaml:3: environment.size_mb: an interval, expected environment.size_mb.low or "
     "environment.size_mb.high"},
    {"escape sequence in exclude", "grid:\n  seed: 0-9\n  exclude: [{\"\\e[31mseed\": 3}]\n",
     "s.yaml:3: ?[31mseed: " UNKNOWN},
};
enum { MALFORMED = sizeof malformed / sizeof *malformed };

/* actor_lr, critic_lr, seed and the two given settings of every cell, one line each. */
static char *describe(const struct spec *spec, const char *a, const char *b)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    for (int64_t i = 0; i < spec_cells(spec); i++) {
        char first[TEXT_NUMBER];
        char second[TEXT_NUMBER];
        const struct settings cell = cell_of(spec, i);
        settings_get(&cell, settings_find(a), first, sizeof first);
        settings_get(&cell, settings_find(b), second, sizeof second);
        fprintf(file, "%g %g %s %s %d\n", cell.training.actor_lr, cell.training.critic_lr, first,
                second, (int)cell.training.seed);
    }
    assert_int_equal(fclose(file), 0);
    return text;
}

static void check_cells(const char *text, const char *a, const char *b, const char *cells)
{
    struct spec *spec = parse(text);
    char *const got = describe(spec, a, b);
    assert_string_equal(got, cells);
    free(got);
    spec_free(&spec);
}

static void test_order_of_cells(void **state)
{
    (void)state;
    check_cells("grid:\n  seed: [7, 3]\n  environment.agents: [20, 10]\n  critic_lr: [0.2, 0.1]\n"
                "  batch: [4, 8]\n  actor_lr: [0.01, 0.02]\n",
                "environment.agents", "training.batch",
                "0.01 0.2 20 4 7\n0.01 0.2 20 4 3\n0.01 0.2 20 8 7\n0.01 0.2 20 8 3\n"
                "0.01 0.2 10 4 7\n0.01 0.2 10 4 3\n0.01 0.2 10 8 7\n0.01 0.2 10 8 3\n"
                "0.01 0.1 20 4 7\n0.01 0.1 20 4 3\n0.01 0.1 20 8 7\n0.01 0.1 20 8 3\n"
                "0.01 0.1 10 4 7\n0.01 0.1 10 4 3\n0.01 0.1 10 8 7\n0.01 0.1 10 8 3\n"
                "0.02 0.2 20 4 7\n0.02 0.2 20 4 3\n0.02 0.2 20 8 7\n0.02 0.2 20 8 3\n"
                "0.02 0.2 10 4 7\n0.02 0.2 10 4 3\n0.02 0.2 10 8 7\n0.02 0.2 10 8 3\n"
                "0.02 0.1 20 4 7\n0.02 0.1 20 4 3\n0.02 0.1 20 8 7\n0.02 0.1 20 8 3\n"
                "0.02 0.1 10 4 7\n0.02 0.1 10 4 3\n0.02 0.1 10 8 7\n0.02 0.1 10 8 3\n");
    check_cells("grid:\n  batch: [4, 8]\n  seed: 1-2\ntraining:\n  critic_lr: 0.5\n",
                "environment.agents", "training.batch",
                "0.0001 0.5 50 4 1\n0.0001 0.5 50 4 2\n0.0001 0.5 50 8 1\n0.0001 0.5 50 8 2\n");
}

static void test_three_axes_are_always_there(void **state)
{
    (void)state;
    struct spec *spec = parse("training:\n  critic_lr: 0.5\n");
    assert_int_equal(spec_blocks(spec), 1);
    assert_int_equal(spec_axes(spec, 0), 3);
    static const char *const keys[] = {"training.actor_lr", "training.critic_lr", "training.seed"};
    static const double values[] = {0.0001, 0.5, 42};
    for (size_t i = 0; i < 3; i++) {
        const struct spec_axis axis = spec_axis(spec, 0, i);
        assert_string_equal(axis.row->key, keys[i]);
        assert_true(axis.count == 1 && axis.values[0] == values[i] && !axis.given);
    }
    spec_free(&spec);
    spec = parse("grid:\n  - {seed: 0-4, batch: [3, 4]}\n  - {actor_lr: [1, 2, 3]}\n");
    assert_int_equal(spec_blocks(spec), 2);
    assert_true(spec_axes(spec, 0) == 4 && spec_axes(spec, 1) == 3);
    assert_string_equal(spec_axis(spec, 0, 2).row->key, "training.batch");
    assert_true(spec_axis(spec, 0, 2).given && spec_axis(spec, 0, 3).given);
    assert_true(spec_axis(spec, 1, 0).given && !spec_axis(spec, 1, 2).given);
    assert_true(spec_block_first(spec, 0) == 0 && spec_block_first(spec, 1) == 10);
    assert_int_equal(spec_block_first(spec, 2), 13);
    spec_free(&spec);
}

/* The values of the axis of `row` in block 0. */
static void check_values(const char *text, const char *key, size_t count, const double *values)
{
    struct spec *spec = parse(text);
    size_t found = 0;
    for (size_t i = 0; i < spec_axes(spec, 0); i++) {
        const struct spec_axis axis = spec_axis(spec, 0, i);
        if (strcmp(axis.row->key, key) != 0)
            continue;
        found++;
        assert_int_equal(axis.count, count);
        for (size_t k = 0; k < count; k++)
            assert_true(axis.values[k] == values[k] || (isnan(axis.values[k]) && isnan(values[k])));
    }
    assert_int_equal(found, 1);
    spec_free(&spec);
}

static void test_lists_and_ranges(void **state)
{
    (void)state;
    check_values("grid: {seed: 3-6}\n", "training.seed", 4, (double[]){3, 4, 5, 6});
    check_values("grid: {seed: 3-3}\n", "training.seed", 1, (double[]){3});
    check_values("grid: {seed: [0-2, 10, 7-8, 005, 4294967294-4294967295]}\n", "training.seed", 9,
                 (double[]){0, 1, 2, 10, 7, 8, 5, 4294967294, 4294967295});
    check_values("grid:\n  training.batch:\n    - 4\n    - 1-3\n", "training.batch", 4,
                 (double[]){4, 1, 2, 3});
    check_values("grid: {environment.seed: [none, 0-1]}\n", "environment.seed", 3,
                 (double[]){-1, 0, 1});
    check_values("grid: {networks.proposal_bias: [-1, none, 0]}\n", "networks.proposal_bias", 3,
                 (double[]){-1, NAN, 0});
    check_values("grid: {networks.tanh: [\"exact\", pytorch]}\n", "networks.tanh", 2,
                 (double[]){TANH_EXACT, TANH_PYTORCH});
}

/* From numpy.geomspace and numpy.exp(numpy.random.RandomState(seed).uniform(log(low), log(high),
 * n)), each float("%.6g" % value). */
static void test_spaced_and_drawn_values(void **state)
{
    (void)state;
    check_values("grid: {actor_lr: {logspace: [1e-4, 1e-1], count: 7}}\n", "training.actor_lr", 7,
                 (double[]){0.0001, 0.000316228, 0.001, 0.00316228, 0.01, 0.0316228, 0.1});
    check_values("grid: {training.gamma: {count: 4, logspace: [.3, 0.9]}}\n", "training.gamma", 4,
                 (double[]){0.3, 0.432675, 0.624025, 0.9});
    check_values("grid: {critic_lr: {logspace: [0.12345678, 9.87654321], count: 2}}\n",
                 "training.critic_lr", 2, (double[]){0.123457, 9.87654});
    check_values("grid:\n  actor_lr: {loguniform: [1e-4, 1e-1], count: 5, draw_seed: 1}\n",
                 "training.actor_lr", 5,
                 (double[]){0.00178265, 0.0144868, 0.000100079, 0.000807231, 0.000275593});
    check_values("grid:\n  critic_lr:\n    draw_seed: 4294967295\n    count: 3\n"
                 "    loguniform:\n      - 0.5\n      - 7\n",
                 "training.critic_lr", 3, (double[]){0.646947, 5.55492, 4.01149});
}

static void test_exclusions(void **state)
{
    (void)state;
    check_cells("grid:\n  actor_lr: [0.1, 0.2]\n  batch: [4, 8]\n  seed: 0-3\n  exclude:\n"
                "    - {actor_lr: 2e-1, seed: [1-2, 9]}\n    - training.seed: 3\n"
                "    - batch: [8, 16]\n      seed: 0\n",
                "environment.agents", "training.batch",
                "0.1 0.001 50 4 0\n0.1 0.001 50 4 1\n0.1 0.001 50 4 2\n0.1 0.001 50 8 1\n"
                "0.1 0.001 50 8 2\n0.2 0.001 50 4 0\n");
    /* Also when it stands before its axes, and for what would contradict. */
    check_cells("grid:\n  exclude: [{training.steps: 30-99, replay.capacity: 20}]\n"
                "  replay.capacity: [20, 100]\n  training.steps: [10, 30, 50]\n",
                "replay.capacity", "training.steps",
                "0.0001 0.001 20 10 42\n0.0001 0.001 100 10 42\n0.0001 0.001 100 30 42\n"
                "0.0001 0.001 100 50 42\n");
    check_cells("grid:\n  environment.seed: [none, 3, 4]\n  networks.tanh: [exact, pytorch]\n"
                "  exclude: [{environment.seed: [none, 4]}, {networks.tanh: exact}]\n",
                "environment.seed", "networks.tanh", "0.0001 0.001 3 pytorch 42\n");
}

static void test_blocks_follow_each_other(void **state)
{
    (void)state;
    check_cells("environment:\n  size_unit: 7\ngrid:\n"
                "  - {batch: [4, 8], seed: 1-2, exclude: [{batch: 8, seed: 2}]}\n"
                "  - {}\n"
                "  - environment.preset: [published-2024, published-2026]\n"
                "    actor_lr: [0.1]\n",
                "training.batch", "environment.energy_law",
                "0.0001 0.001 4 square 1\n0.0001 0.001 4 square 2\n0.0001 0.001 8 square 1\n"
                "0.0001 0.001 64 square 42\n"
                "0.1 0.001 64 linear 42\n0.1 0.001 64 square 42\n");
    /* What one block takes from the preset and another gives. */
    check_cells("grid:\n  - environment.preset: [published-2024, published-2026]\n"
                "  - environment.size_unit: [2, 3]\n",
                "environment.size_unit", "environment.energy_law",
                "0.0001 0.001 1 linear 42\n0.0001 0.001 1024 square 42\n"
                "0.0001 0.001 2 square 42\n0.0001 0.001 3 square 42\n");
}

static void test_options_replace_axes_in_every_block(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("grid:\n  - {actor_lr: [0.1, 0.2], seed: 0-4, batch: [3]}\n"
                              "  - {batch: [4, 5], exclude: [{batch: 4}], environment.preset: "
                              "[published-2026, published-2024]}\n");
    assert_int_equal(spec_cells(spec), 12);
    assert_int_equal(spec_set(spec, "training.seed=9", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 4);
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(cell_of(spec, i).training.seed, 9);
    assert_true(cell_of(spec, 3).environment.energy_law == ENERGY_LINEAR);
    assert_int_equal(spec_set(spec, "environment.preset=published-2024", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 3);
    assert_true(cell_of(spec, 0).environment.energy_law == ENERGY_LINEAR);
    /* An option goes before --set, and a replaced axis is still matched by exclusions. */
    const struct setting *const rate = settings_find("training.actor_lr");
    assert_int_equal(spec_option(spec, rate, "0.5", &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "training.actor_lr=0.7", &fault), STATUS_OK);
    assert_true(cell_of(spec, 0).training.actor_lr == 0.5);
    assert_int_equal(spec_set(spec, "training.batch=4", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 1);
    assert_int_equal(spec_check(spec, &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "training.batch=6", &fault), STATUS_OK);
    assert_int_equal(spec_check(spec, &fault), STATUS_INPUT);
    assert_string_equal(fault.text,
                        "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that "
                        "in line 3, expected once: no axis tells them apart");
    spec_free(&spec);
}

static void test_options_may_leave_nothing(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("\ngrid:\n  batch: [3, 4]\n  seed: 1-2\n  exclude: [{batch: 3}]\n");
    assert_int_equal(spec_set(spec, "training.batch=3", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 0);
    assert_int_equal(spec_check(spec, &fault), STATUS_INPUT);
    assert_string_equal(fault.text, "s.yaml:2: grid: no combination is left with --set and "
                                    "options, expected at least one");
    assert_int_equal(spec_set(spec, "training.batch=5", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 2);
    assert_int_equal(cell_of(spec, 1).training.seed, 2);
    spec_free(&spec);
}

static void check_printed(const char *text, const char *end)
{
    struct spec *spec = parse(text);
    (void)cell_of(spec, 0);
    char *const printed = text_of(print_resolved, spec);
    const char *const grid = strstr(printed, "\ngrid:\n");
    assert_non_null(grid);
    assert_string_equal(grid, end);
    spec_free(&spec);
    spec = parse(printed);
    char *const again = text_of(print_resolved, spec);
    assert_string_equal(again, printed);
    free(again);
    free(printed);
    spec_free(&spec);
}

static void test_printed_grids(void **state)
{
    (void)state;
    check_printed("grid: {seed: [0-3, 5, 6, 9, 8, 11-13], environment.seed: [none, 0-2]}\n",
                  "\ngrid:\n  environment.seed: [none, 0-2]\n"
                  "  training.seed: [0-3, 5, 6, 9, 8, 11-13]\n");
    check_printed("grid:\n  seed: 1-2\n  actor_lr: {logspace: [0.01, 1e-1], count: 3}\n"
                  "  training.tau: [1]\n  networks.tanh: [exact]\n"
                  "  exclude: [{seed: [7, 2, 1], tau: 1, actor_lr: [0.1, 0.01]}, {seed: 2}]\n",
                  "\ngrid:\n  training.actor_lr: [0.01, 0.0316228, 0.1]\n  training.tau: [1]\n"
                  "  networks.tanh: [exact]\n  training.seed: [1, 2]\n  exclude:\n"
                  "    - {training.seed: [1, 2], training.tau: [1], "
                  "training.actor_lr: [0.01, 0.1]}\n    - {training.seed: [2]}\n");
    /* A setting of one block's grid stands in all, but for what a preset decides. */
    check_printed("grid:\n  - {batch: [4, 8], exclude: [{batch: 4}]}\n  - {seed: 1-3}\n"
                  "  - {environment.preset: [published-2024, published-2026], seed: [50]}\n"
                  "  - {environment.size_unit: [5]}\n",
                  "\ngrid:\n"
                  "  - training.batch: [4, 8]\n    environment.preset: [published-2026]\n"
                  "    environment.size_unit: [1024]\n    training.seed: [42]\n    exclude:\n"
                  "      - {training.batch: [4]}\n"
                  "  - training.batch: [64]\n    environment.preset: [published-2026]\n"
                  "    environment.size_unit: [1024]\n    training.seed: [1-3]\n"
                  "  - environment.preset: [published-2024, published-2026]\n"
                  "    training.batch: [64]\n    training.seed: [50]\n"
                  "  - environment.size_unit: [5]\n    training.batch: [64]\n"
                  "    environment.preset: [published-2026]\n    training.seed: [42]\n");
}

/* Blocks that --set has left without cells are not printed, nor what only they give. */
static void test_printed_grids_without_empty_blocks(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("grid:\n  - {environment.preset: [published-2024, published-2026]}\n"
                              "  - batch: [3, 4]\n    environment.size_unit: [5]\n"
                              "    exclude: [{batch: 3}]\n");
    assert_int_equal(spec_set(spec, "training.batch=3", &fault), STATUS_OK);
    assert_int_equal(spec_cells(spec), 2);
    struct spec *again = reparse(print_resolved, spec);
    assert_int_equal(spec_cells(again), 2);
    for (int64_t i = 0; i < 2; i++) {
        const struct settings a = cell_of(spec, i);
        const struct settings b = cell_of(again, i);
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(a.environment.size_unit == (i == 0 ? 1 : 1024) && a.training.batch == 3);
    }
    spec_free(&again);
    spec_free(&spec);
}

static void test_limits(void **state)
{
    (void)state;
    struct spec *spec = parse("grid:\n  seed: 0-999\n  batch: 1-1000\n");
    assert_int_equal(spec_cells(spec), SPEC_CELLS_LIMIT);
    struct settings cell;
    spec_cell(spec, SPEC_CELLS_LIMIT - 1, &cell);
    assert_true(cell.training.seed == 999 && cell.training.batch == 1000);
    spec_free(&spec);
    const size_t size = (size_t)YAML_TREE_LIMIT;
    char *const text = malloc(size);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, size, "grid:\n");
    for (int i = 0; i < 12; i++)
        used += (size_t)snprintf(
            text + used, size - used,
            "  - {batch: [%d], actor_lr: {logspace: [1e-4, 1], count: 9999}}\n", i + 1);
    struct fault fault = {""};
    spec = spec_new();
    assert_int_equal(spec_parse(spec, text, used, "s.yaml", &fault), STATUS_OK);
    assert_int_equal(spec_check(spec, &fault), STATUS_INPUT);
    assert_non_null(strstr(fault.text, " bytes with all values written out, expected at most "));
    spec_free(&spec);
    used = (size_t)snprintf(text, size, "grid:\n  seed: 0-9\n  exclude:\n");
    for (int i = 0; i < 1001; i++)
        used += (size_t)snprintf(text + used, size - used, "    - {seed: 3}\n");
    refuse_bytes(text, used, "s.yaml:3: exclude: too many mappings, expected at most 1000");
    used = (size_t)snprintf(text, size,
                            "grid:\n  seed: 0-9\n  exclude:\n    - {seed: 3-999999}\n"
                            "    - seed: [3-7]\n");
    refuse_bytes(text, used, "s.yaml:5: exclude: too many values, expected at most 1000000");
    free(text);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_order_of_cells),
        cmocka_unit_test(test_three_axes_are_always_there),
        cmocka_unit_test(test_lists_and_ranges),
        cmocka_unit_test(test_spaced_and_drawn_values),
        cmocka_unit_test(test_exclusions),
        cmocka_unit_test(test_blocks_follow_each_other),
        cmocka_unit_test(test_options_replace_axes_in_every_block),
        cmocka_unit_test(test_options_may_leave_nothing),
        cmocka_unit_test(test_printed_grids),
        cmocka_unit_test(test_printed_grids_without_empty_blocks),
        cmocka_unit_test(test_limits),
    };
    return run_malformed("spec_grid", malformed, MALFORMED, others, sizeof others / sizeof *others);
}
