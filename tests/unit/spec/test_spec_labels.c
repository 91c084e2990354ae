// SPDX-License-Identifier: MIT
/* Labels of blocks: what is refused, which cells have them, what they are no part of, and how they
 * are printed. */
#include "spec/identity.h"
#include "spec_case.h"

#define LABEL "a name of up to 64 letters, digits, '.', '-' and '_', not none"
#define LONG  "0123456789012345678901234567890123456789012345678901234567890123"

static struct malformed malformed[] = {
    {"a blank in it", "grid:\n  label: a b\n",
     "s.yaml:2: label: 'a b' is not a label, expected " LABEL},
    {"a letter beyond ASCII", "grid:\n  label: \xc3\xa9\n",
     "s.yaml:2: label: '?"
     "?' is not a label, expected " LABEL},
    {"nothing in quotes", "grid:\n  label: ''\n",
     "s.yaml:2: label: '' is not a label, expected " LABEL},
    {"the word for no label", "grid:\n  label: none\n",
     "s.yaml:2: label: 'none' is not a label, expected " LABEL},
    {"no value", "grid:\n  label:\n", "s.yaml:2: label: no value, expected " LABEL},
    {"too long", "grid:\n  label: " LONG "x\n",
     "s.yaml:2: label: '0123456789012345678901234567890123456789…' is not a label, "
     "expected " LABEL},
    {"a list", "grid:\n  label: [a, b]\n", "s.yaml:2: label: a list, expected " LABEL},
    {"a mapping", "grid:\n  label: {a: b}\n", "s.yaml:2: label: a mapping, expected " LABEL},
    {"a block without", "grid:\n  - label: a\n    seed: 0-1\n  - seed: 2-3\n",
     "s.yaml:4: grid: a block without a label, expected one in each block, as in line 2, or in "
     "none"},
    {"only a later block has one", "grid:\n  - seed: 0-1\n  - seed: 2-3\n    label: a\n",
     "s.yaml:2: grid: a block without a label, expected one in each block, as in line 4, or in "
     "none"},
    {"given to two blocks",
     "grid:\n  - {label: a, seed: 0-1}\n  - {label: b, seed: 2-3}\n  - seed: 4-5\n    label: a\n",
     "s.yaml:5: label: a is the label of the block in line 2 already, expected another"},
    {"excluded", "grid:\n  label: a\n  seed: 0-1\n  exclude:\n    - label: a\n",
     "s.yaml:5: exclude: label is the name of the whole block, expected axes of this grid"},
    {"misspelt", "grid:\n  labell: a\n", "s.yaml:2: labell: unknown key, did you mean label?"},
    {"outside the grid", "training:\n  label: a\n", "s.yaml:2: training.label: " UNKNOWN},
    {"cells that differ in it alone",
     "grid:\n  - {label: a, seed: [0, 1]}\n  - {label: b, seed: [1, 2]}\n",
     "s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in line 3, "
     "expected "
     "once, as a label alone changes nothing: training.seed 1"},
};

static void assert_label(const struct settings *cell, const char *expected)
{
    char text[SETTING_TEXT];
    settings_get(cell, settings_label(), text, sizeof text);
    assert_string_equal(text, expected);
}

/* In the order of the blocks, not of the alphabet; a cell of another spec has the same number for
 * the same text. */
static void test_cells_have_the_label_of_their_block(void **state)
{
    (void)state;
    struct spec *spec = parse("grid:\n  - {seed: 0-1, label: zeta-1}\n"
                              "  - {label: " LONG ", clip_actor: [1]}\n  - {label: '-', gamma: "
                              "[0.5]}\n");
    struct spec *other = parse("grid: {label: zeta-1}\n"), *plain = parse("grid: {seed: 0-1}\n");
    assert_true(spec_labelled(spec) && spec_labelled(other) && !spec_labelled(plain));
    const struct settings cells[] = {cell_of(spec, 0), cell_of(spec, 1), cell_of(spec, 2),
                                     cell_of(spec, 3), cell_of(other, 0)};
    assert_label(&cells[0], "zeta-1");
    assert_label(&cells[1], "zeta-1");
    assert_label(&cells[2], LONG);
    assert_label(&cells[3], "-");
    assert_true(cells[1].label < cells[2].label && cells[2].label < cells[3].label);
    assert_int_equal(cells[4].label, cells[0].label);
    const struct settings without = cell_of(plain, 0);
    assert_int_equal(without.label, 0);
    assert_label(&without, "none");
    spec_free(&spec);
    spec_free(&other);
    spec_free(&plain);
}

/* A run of a file without labels is the run of a cell that has one. */
static void test_a_label_is_no_part_of_the_identity(void **state)
{
    (void)state;
    struct spec *spec = parse("grid: {label: a, seed: [3]}\n"),
                *plain = parse("grid: {seed: [3]}\n");
    const struct settings cell = cell_of(spec, 0), other = cell_of(plain, 0);
    char lines[8192];
    assert_true(cell.label != other.label);
    const struct identity a = identity_of(&cell), b = identity_of(&other);
    assert_true(identity_equal(&a, &b));
    assert_true(identity_lines(&cell, lines, sizeof lines) < sizeof lines);
    assert_null(strstr(lines, "label"));
    spec_free(&spec);
    spec_free(&plain);
}

/* A spec with one cell, for `train`, may have a label; a value for all cells cannot be one. */
static void test_one_cell_and_no_option(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("grid: {label: a}\n");
    assert_int_equal(spec_check_single(spec, &fault), STATUS_OK);
    assert_int_equal(spec_set(spec, "label=b", &fault), STATUS_INPUT);
    assert_string_equal(fault.text, "--set: label: the name of a block of the grid, expected it in "
                                    "the spec alone");
    spec_free(&spec);
}

/* First in its block, in quotes where YAML would take it for something else; what --set left
 * without cells is left out. */
static void test_printed_labels(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct spec *spec = parse("grid:\n  - {seed: [0], label: '-'}\n"
                              "  - {seed: [1, 2], label: 1e-4, exclude: [{seed: 2}]}\n"
                              "  - {seed: [5], label: No}\n");
    struct spec *again = reparse(print_resolved, spec);
    char *const text = text_of(print_resolved, spec);
    assert_non_null(strstr(text, "\ngrid:\n  - label: '-'\n    training.seed: [0]\n"
                                 "  - label: 1e-4\n    training.seed: [1, 2]\n"));
    char *const second = text_of(print_resolved, again);
    assert_string_equal(text, second);
    for (int i = 0; i < 3; i++)
        assert_int_equal(cell_of(spec, i).label, cell_of(again, i).label);
    free(text);
    free(second);
    spec_free(&again);
    spec_free(&spec);
    /* A label alone, without an axis. */
    spec = parse("grid: {label: a}\n");
    again = reparse(print_resolved, spec);
    const struct settings cell = cell_of(again, 0);
    assert_label(&cell, "a");
    spec_free(&again);
    assert_int_equal(spec_set(spec, "training.seed=7", &fault), STATUS_OK);
    again = reparse(print_resolved, spec);
    assert_int_equal(cell_of(again, 0).training.seed, 7);
    assert_int_equal(cell_of(again, 0).label, cell.label);
    spec_free(&again);
    spec_free(&spec);
}

static void test_as_many_as_a_file_takes(void **state)
{
    (void)state;
    for (int count = 500; count < 502; count++) {
        char text[32768];
        struct fault fault = {""};
        size_t length = (size_t)snprintf(text, sizeof text, "grid:\n");
        for (int i = 0; i < count; i++)
            length += (size_t)snprintf(text + length, sizeof text - length,
                                       "  - {label: l%d, seed: [%d]}\n", i, i);
        struct spec *spec = spec_new();
        assert_int_equal(spec_parse(spec, text, length, "s.yaml", &fault),
                         count > 500 ? STATUS_INPUT : STATUS_OK);
        if (count > 500)
            assert_string_equal(fault.text,
                                "s.yaml:502: label: too many labels, expected at most 500");
        spec_free(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_cells_have_the_label_of_their_block),
        cmocka_unit_test(test_a_label_is_no_part_of_the_identity),
        cmocka_unit_test(test_one_cell_and_no_option),
        cmocka_unit_test(test_printed_labels),
        cmocka_unit_test(test_as_many_as_a_file_takes),
    };
    return run_malformed("spec_labels", malformed, sizeof malformed / sizeof *malformed, others,
                         sizeof others / sizeof *others);
}
