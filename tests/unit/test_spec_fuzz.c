// SPDX-License-Identifier: MIT
/* Mutated specs: whatever a file holds, it is taken or refused with a sentence. Built with
 * -Db_sanitize=address,undefined this is a fuzz of the parser's memory. The same mutations always.
 */
#include "check.h"
#include <ccmsweep/rng.h>
#include <ccmsweep/spec.h>
#include <stdlib.h>

enum { MUTATIONS = 20000, TEXT_MAX = 8192, CHANGES_MAX = 8 };

static const char *const seeds[] = {
    "training:\n  actor_lr: 0.1\n  critic_lr: 1e-2\n  seed: 42\n  batch: 64\n",
    "environment:\n  preset: published-2024\n  power_dbm: [1, 24]\n  size_mb.low: 2\n",
    "environment:\n  seed: none\n",
    "# grid\ngrid:\n  actor_lr: [0.1, 0.01]\n  environment.agents:\n    - 10\n    - 20\n",
    "networks: {tanh: 'exact', output_init: \"x\\u00e9\\x41\", actor_hidden1: 3}\nreplay: {}\n",
    "%YAML 1.2\n---\ntracking:\n  window: |\n    3\n  absorb: >-\n    4\n...\n",
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
    assert_in_range(taken, MUTATIONS / 200, MUTATIONS / 2);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutated_specs),
        cmocka_unit_test(test_mutated_assignments),
    };
    return cmocka_run_group_tests_name("spec_fuzz", tests, NULL, NULL);
}
