// SPDX-License-Identifier: MIT
/* Mutated specs: whatever a file holds, it is taken or refused with a sentence. Built with
 * -Db_sanitize=address,undefined this is a fuzz of the parser's memory. Random grids: what is
 * printed is the same cells again. The same mutations and grids always. */
#include "base/rng.h"
#include "spec_case.h"

enum { MUTATIONS = 20000, GRIDS = 4000, TEXT_MAX = 8192, CHANGES_MAX = 8 };

static const char *const seeds[] = {
    "training:\n  actor_lr: 0.1\n  critic_lr: 1e-2\n  seed: 42\n  batch: 64\n",
    "environment:\n  preset: published-2024\n  power_dbm: [1, 24]\n  size_mb.low: 2\n",
    "environment:\n  seed: none\n",
    "# grid\ngrid:\n  actor_lr: [0.1, 0.01]\n  environment.agents:\n    - 10\n    - 20\n",
    "networks: {tanh: 'exact', output_init: \"x\\u00e9\\x41\", actor_hidden1: 3}\nreplay: {}\n",
    "%YAML 1.2\n---\ntracking:\n  window: |\n    3\n  absorb: >-\n    4\n...\n",
    "grid:\n  seed: 0-9\n  batch: [1, 3-5]\n  exclude:\n    - {seed: [1, 2-3], batch: 1}\n",
    ("grid:\n  - {actor_lr: {logspace: [1e-4, 1e-1], count: 3}}\n"
     "  - critic_lr: {loguniform: [1e-4, 1], count: 3, draw_seed: 1}\n    seed: 1-3\n"),
    "training:\n  seed: &a 1\n  batch: *a\n  ? steps\n  : !!int 3\n",
};
enum { SEEDS = sizeof seeds / sizeof *seeds };

/* What YAML and the table make something of, and what they choke on. */
static const char *const morsels[] = {
    ":",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "!",
    "|\n",
    ">\n",
    "'",
    "\"",
    "\\",
    "---\n",
    "...\n",
    "%TAG ! a\n",
    "? ",
    "<<: ",
    "\t",
    "\r\n",
    "~",
    "null",
    "0x1",
    "1e",
    "1e999",
    "nan",
    "-1",
    "99999999999999999999",
    ".low",
    ".high",
    "none",
    "\xff",
    "\xc3",
    "\xe2\x80\xa8",
    "\xf0\x9f\x98\x80",
    "\xef\xbb\xbf",
    "\\0",
    "\001",
    "seed",
    "training:",
    "grid:\n  seed: [1, 2]\n",
    "environment.power_dbm.low",
    "  batch: 3\n",
    "0-9",
    "9-99999999",
    "exclude: [{seed: 1}]",
    "{logspace: [0.1, 1], count: 4}",
    "\n  - {seed: [3]}\n",
};
enum { MORSELS = sizeof morsels / sizeof *morsels };

struct text {
    char bytes[TEXT_MAX];
    size_t length;
};

static size_t below(struct mt19937 *mt, size_t n)
{
    return n == 0 ? 0 : mt19937_next(mt) % n;
}

static void insert(struct text *text, size_t at, const char *bytes, size_t count)
{
    if (text->length + count > TEXT_MAX)
        return;
    memmove(text->bytes + at + count, text->bytes + at, text->length - at);
    memcpy(text->bytes + at, bytes, count);
    text->length += count;
}

static void mutate(struct text *text, struct mt19937 *mt)
{
    const size_t at = below(mt, text->length + 1);
    const size_t count = below(mt, text->length - at + 1);
    char copy[TEXT_MAX];
    const char *const morsel = morsels[below(mt, MORSELS)];
    const char *const seed = seeds[below(mt, SEEDS)];
    switch (below(mt, 6)) {
    case 0: /* a bit flips */
        if (at < text->length)
            text->bytes[at] = (char)(text->bytes[at] ^ (1 << below(mt, 8)));
        return;
    case 1: /* a piece goes */
        memmove(text->bytes + at, text->bytes + at + count, text->length - at - count);
        text->length -= count;
        return;
    case 2: /* a piece comes again elsewhere */
        memcpy(copy, text->bytes + at, count);
        insert(text, below(mt, text->length + 1), copy, count);
        return;
    case 3: /* another seed's piece */
        insert(text, at, seed, below(mt, strlen(seed)));
        return;
    default:
        insert(text, at, morsel, strlen(morsel));
    }
}

/* Everything the program does with a spec. */
static enum status use(const struct text *text, FILE *sink)
{
    struct fault fault = {""};
    struct spec *spec = spec_new();
    enum status status = spec_parse(spec, text->bytes, text->length, "s.yaml", &fault);
    if (status == STATUS_OK)
        status = spec_check(spec, &fault);
    if (status == STATUS_OK)
        spec_print_resolved(sink, spec);
    else if (strncmp(fault.text, "s.yaml:", 7) != 0 || strchr(fault.text, '\n') != NULL)
        fail_msg("not a sentence: %s", fault.text);
    spec_free(&spec);
    return status;
}

static void test_mutated_specs(void **state)
{
    (void)state;
    FILE *const sink = fopen("/dev/null", "w");
    assert_non_null(sink);
    struct mt19937 mt;
    mt19937_seed(&mt, 42);
    int taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        struct text text;
        const char *const seed = seeds[below(&mt, SEEDS)];
        text.length = strlen(seed);
        memcpy(text.bytes, seed, text.length);
        for (size_t k = below(&mt, CHANGES_MAX) + 1; k > 0; k--)
            mutate(&text, &mt);
        const enum status status = use(&text, sink);
        assert_true(status == STATUS_OK || status == STATUS_INPUT);
        taken += status == STATUS_OK;
    }
    fclose(sink);
    /* Both ways are walked. */
    assert_in_range(taken, MUTATIONS / 400, MUTATIONS / 2);
}

static void test_mutated_assignments(void **state)
{
    (void)state;
    static const char *const words[] = {"training.batch=64", "environment.power_dbm=[1, 24]",
                                        "environment.seed=none", "networks.tanh=exact"};
    struct mt19937 mt;
    mt19937_seed(&mt, 43);
    struct spec *spec = spec_new();
    int taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        struct text text;
        struct fault fault = {""};
        const char *const word = words[below(&mt, sizeof words / sizeof *words)];
        text.length = strlen(word);
        memcpy(text.bytes, word, text.length);
        for (size_t k = below(&mt, 3) + 1; k > 0; k--)
            mutate(&text, &mt);
        insert(&text, text.length, "", 1);
        if (text.bytes[text.length - 1] != '\0')
            continue;
        const enum status status = spec_set(spec, text.bytes, &fault);
        if (status != STATUS_OK && strncmp(fault.text, "--set: ", 7) != 0)
            fail_msg("not a sentence: %s", fault.text);
        taken += status == STATUS_OK;
    }
    spec_free(&spec);
    assert_in_range(taken, MUTATIONS / 200, MUTATIONS / 2);
}

/* Settings for random grids, some with a contradiction between them, and values of each. */
static const struct {
    const char *key;
    const char *values[6];
} axes[] = {
    {"actor_lr", {"0.1", "1e-2", "0.30000000000000004", "2", "1e-3", "0.5"}},
    {"training.critic_lr", {"0.1", "1e-2", "0.25", "2", "1e-3", "0.5"}},
    {"seed", {"0", "1", "2-4", "5", "7-9", "4294967295"}},
    {"batch", {"1", "2", "3", "8-9", "7", "4096"}},
    {"environment.preset", {"published-2024", "published-2026", NULL}},
    {"environment.size_unit", {"1", "3", "1024", NULL}},
    {"environment.energy_law", {"linear", "square", NULL}},
    {"environment.seed", {"none", "0", "1", "2", "3-5", NULL}},
    {"networks.proposal_bias", {"none", "-1", "0", "1", "-0.5", NULL}},
    {"environment.power_dbm.low", {"1", "2", "30", NULL}},
    {"environment.power_dbm.high", {"24", "40", "1.5", NULL}},
    {"evaluation.every", {"0", "1", "2", "3", "5", "4"}},
};
enum { AXES = sizeof axes / sizeof *axes };

/* Some values of an axis, at least one, in random order and in brackets. */
static size_t write_values(char *text, size_t size, size_t axis, struct mt19937 *mt)
{
    size_t count = 0;
    while (count < 6 && axes[axis].values[count] != NULL)
        count++;
    size_t used = (size_t)snprintf(text, size, "[");
    const size_t take = below(mt, count) + 1;
    const size_t first = below(mt, count);
    for (size_t i = 0; i < take; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 axes[axis].values[(first + i * (count - 1)) % count]);
    return used + (size_t)snprintf(text + used, size - used, "]");
}

static size_t write_block(char *text, size_t size, bool list, struct mt19937 *mt)
{
    size_t used = 0;
    size_t taken[4];
    const size_t count = below(mt, 4) + 1;
    for (size_t i = 0; i < count; i++) {
        taken[i] = (below(mt, AXES / 4) * 4 + i * 5) % AXES; /* all different */
        used += (size_t)snprintf(text + used, size - used, "  %s%s: ",
                                 !list    ? ""
                                 : i == 0 ? "- "
                                          : "  ",
                                 axes[taken[i]].key);
        if (taken[i] < 2 && below(mt, 3) == 0)
            used += (size_t)snprintf(text + used, size - used,
                                     below(mt, 2) == 0
                                         ? "{logspace: [1e-4, 0.1], count: 4}\n"
                                         : "{loguniform: [1e-4, 1], count: 3, draw_seed: 8}\n");
        else {
            used += write_values(text + used, size - used, taken[i], mt);
            used += (size_t)snprintf(text + used, size - used, "\n");
        }
    }
    const size_t mappings = below(mt, 3);
    if (mappings > 0)
        used += (size_t)snprintf(text + used, size - used, "%s  exclude:\n", list ? "  " : "");
    for (size_t e = 0; e < mappings; e++) {
        const size_t keys = below(mt, count) + 1;
        for (size_t k = 0; k < keys; k++) {
            used += (size_t)snprintf(text + used, size - used,
                                     "%s%s: ", k == 0 ? "      - {" : ", ", axes[taken[k]].key);
            used += write_values(text + used, size - used, taken[k], mt);
        }
        used += (size_t)snprintf(text + used, size - used, "}\n");
    }
    return used;
}

static void write_grid(char *text, size_t size, struct mt19937 *mt)
{
    static const char *const sections[] = {"", "environment: {preset: published-2024}\n",
                                           "training: {epsilon_start: 0.5}\n",
                                           "tracking: {window: 7}\nenvironment: {seed: 3}\n"};
    size_t used = (size_t)snprintf(text, size, "%sgrid:\n", sections[below(mt, 4)]);
    const size_t blocks = below(mt, 3) + 1;
    for (size_t i = 0; i < blocks; i++)
        used += write_block(text + used, size - used, blocks > 1, mt);
}

static bool same_cells(const struct spec *a, const struct spec *b)
{
    if (spec_cells(a) != spec_cells(b))
        return false;
    for (int64_t i = 0; i < spec_cells(a); i++) {
        struct settings x, y;
        spec_cell(a, i, &x);
        spec_cell(b, i, &y);
        if (memcmp(&x, &y, sizeof x) != 0)
            return false;
    }
    return true;
}

/* A spec that was taken, with some axes replaced. */
static enum status replace(struct spec *spec, struct mt19937 *mt)
{
    struct fault fault = {""};
    static const char *const words[] = {"training.seed=3", "training.actor_lr=0.01",
                                        "environment.preset=published-2024",
                                        "environment.size_unit=5", "training.batch=2"};
    for (size_t i = below(mt, 4); i < 2; i++)
        assert_int_equal(spec_set(spec, words[below(mt, 5)], &fault), STATUS_OK);
    return spec_check(spec, &fault);
}

static void test_random_grids_are_printed_and_read_again(void **state)
{
    (void)state;
    struct mt19937 mt;
    mt19937_seed(&mt, 44);
    int taken = 0, blocks = 0, excluding = 0, replaced = 0;
    for (int i = 0; i < GRIDS; i++) {
        char text[TEXT_MAX];
        struct fault fault = {""};
        struct spec *spec = spec_new();
        write_grid(text, sizeof text, &mt);
        const enum status status = spec_parse(spec, text, strlen(text), "s.yaml", &fault);
        if (status == STATUS_OK && replace(spec, &mt) == STATUS_OK) {
            char *const printed = text_of(print_resolved, spec);
            struct spec *again = parse(printed);
            char *const twice = text_of(print_resolved, again);
            if (spec_check(again, &fault) != STATUS_OK || strcmp(printed, twice) != 0 ||
                !same_cells(spec, again))
                fail_msg("%s%s\nis printed as\n%s\nand then as\n%s", fault.text, text, printed,
                         twice);
            taken++;
            blocks += strstr(printed, "\n  - ") != NULL;
            excluding += strstr(printed, "exclude:") != NULL;
            replaced += spec_blocks(spec) > spec_blocks(again);
            free(twice);
            free(printed);
            spec_free(&again);
        } else if (status != STATUS_OK && strncmp(fault.text, "s.yaml:", 7) != 0) {
            fail_msg("not a sentence: %s", fault.text);
        }
        spec_free(&spec);
    }
    /* Each kind is there. */
    assert_true(taken > GRIDS / 5 && blocks > GRIDS / 20 && excluding > GRIDS / 50);
    assert_true(replaced > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutated_specs),
        cmocka_unit_test(test_mutated_assignments),
        cmocka_unit_test(test_random_grids_are_printed_and_read_again),
    };
    return cmocka_run_group_tests_name("spec_fuzz", tests, NULL, NULL);
}
