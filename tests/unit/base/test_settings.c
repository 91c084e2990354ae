// SPDX-License-Identifier: MIT
/* The settings table, whole numbers, and contradictions. */
#include "base/rng.h"
#include "base/text.h"
#include "check.h"
#include <limits.h>
#include <stdbool.h>

static void test_real_numbers_are_read_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " 1",    "1 ",       "1e",     "1e+",      ".",
                                      "-",   "+-1",   "0x10",     "1_000",  "1,5",      "nan",
                                      "inf", "-inf",  "1e400",    "1e-400", "4.9e-324", "1.2.3",
                                      "1d5", "1e5.0", "infinity", "0b1",    "½",        "1\n"};
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},     {"-0.5", -0.5}, {"+2", 2},       {".5", 0.5},      {"5.", 5},
                {"1e3", 1e3}, {"1E-3", 1e-3}, {"010", 10},     {"1e308", 1e308}, {"2.5e+2", 250},
                {"0.1", 0.1}, {"00.1e01", 1}, {"-1e-9", -1e-9}};
    double value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (text_parse_real(bad[i], &value))
            fail_msg("'%s' was read as %g", bad[i], value);
        assert_true(value == 7);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(text_parse_real(good[i].text, &value));
        assert_true(value == good[i].value);
    }
}

static void test_whole_numbers_are_read_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "1e3",
                                      "1.0",
                                      "-",
                                      "+",
                                      "0x10",
                                      "1_0",
                                      "9223372036854775808",
                                      "-9223372036854775809"};
    int64_t value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (text_parse_integer(bad[i], &value))
            fail_msg("'%s' was read as %lld", bad[i], (long long)value);
        assert_true(value == 7);
    }
    assert_true(text_parse_integer("9223372036854775807", &value) && value == INT64_MAX);
    assert_true(text_parse_integer("-9223372036854775808", &value) && value == INT64_MIN);
    assert_true(text_parse_integer("010", &value) && value == 10);
    assert_true(text_parse_integer("+3", &value) && value == 3);
}

static void test_real_numbers_survive_being_written(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } known[] = {{0.1, "0.1"},     {400, "400"},    {4e9, "4e9"},     {1e-8, "1e-8"},
                 {5e-27, "5e-27"}, {-300, "-300"},  {737.5, "737.5"}, {1e100, "1e100"},
                 {0, "0"},         {-0.25, "-0.25"}};
    char text[TEXT_NUMBER];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        text_write_real(known[i].value, text, sizeof text);
        assert_string_equal(text, known[i].text);
    }
    struct mt19937 mt;
    mt19937_seed(&mt, 1);
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = (uint64_t)mt19937_next(&mt) << 32 | mt19937_next(&mt);
        double value;
        double back = 0;
        memcpy(&value, &bits, sizeof value);
        if (!isnormal(value))
            continue;
        assert_in_range(text_write_real(value, text, sizeof text), 1, TEXT_NUMBER - 1);
        assert_true(text_parse_real(text, &back));
        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void test_quotes_are_safe_to_print(void **state)
{
    (void)state;
    char quoted[TEXT_QUOTED];
    assert_string_equal(text_quote("a\033[31mb\n", quoted), "'a?[31mb?'");
    assert_string_equal(text_quote("", quoted), "''");
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(text_quote(text, quoted)), 45);
    assert_non_null(strstr(quoted, "x…'"));
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("batch", "bacth"), 1);
    assert_int_equal(text_distance("batch", "btch"), 1);
    assert_int_equal(text_distance("batch", "patches"), 3);
    assert_int_equal(text_distance("", "seed"), 4);
    char text[65];
    memset(text, 'x', sizeof text);
    text[64] = '\0';
    assert_int_equal(text_distance(text, "a"), INT_MAX);
    text[63] = '\0';
    assert_int_equal(text_distance(text, "a"), 63);
}

static void test_table_is_complete_and_sound(void **state)
{
    (void)state;
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    struct settings defaults;
    settings_init(&defaults);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct setting *const row = &table[i];
        char text[TEXT_NUMBER];
        char full[256];
        struct settings again = defaults;
        assert_ptr_equal(settings_find(row->key), row);
        assert_true(row->help[0] != '\0' && row->unit[0] != '\0');
        assert_in_range(settings_get(&defaults, row, text, sizeof text), 1, TEXT_NUMBER - 1);
        assert_int_equal(settings_set(&again, row, text, NULL), STATUS_OK);
        assert_memory_equal(&again, &defaults, sizeof again);
        assert_in_range(settings_expect(row, full, sizeof full), 1, sizeof full - 1);
        bytes += row->type == TYPE_CHOICE ? sizeof(unsigned) : sizeof(double);
    }
    /* Every member of the struct but the label has a row: at five places choices leave 4 bytes of
     * padding. */
    assert_in_range(sizeof(struct settings) - sizeof defaults.label - bytes, 0, 20);
    assert_int_equal(settings_check(&defaults, NULL, NULL), STATUS_OK);
}

static void test_published_defaults(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s);
    assert_true(s.training.actor_lr == 0.0001 && s.training.critic_lr == 0.001);
    assert_true(s.training.seed == 42 && s.training.episodes == 2000 && s.training.batch == 64);
    assert_true(s.networks.tanh == TANH_PYTORCH && isnan(s.networks.proposal_bias));
    assert_true(s.environment.seed == -1 && s.environment.size_unit == 1024);
    assert_true(s.environment.energy_law == ENERGY_SQUARE);
    assert_true(s.replay.capacity == 10000 && s.tracking.log_every == 10);
    assert_true(s.environment.cycles_per_bit.high == 737.5);
}

static void test_preset_sets_what_it_decides(void **state)
{
    (void)state;
    struct settings s = settings_with("environment.preset=published-2024");
    assert_true(s.environment.size_unit == 1 && s.environment.energy_law == ENERGY_LINEAR);
    apply_settings(&s, "environment.preset=published-2026");
    assert_true(s.environment.size_unit == 1024 && s.environment.energy_law == ENERGY_SQUARE);
    const struct setting *const preset = settings_find("environment.preset");
    assert_ptr_equal(settings_preset_of(settings_find("environment.size_unit")), preset);
    assert_ptr_equal(settings_preset_of(settings_find("environment.energy_law")), preset);
    assert_null(settings_preset_of(settings_find("environment.agents")));
}

static void test_rules_set_every_correction(void **state)
{
    (void)state;
    struct settings s = settings_with("training.rules=corrected");
    assert_true(s.training.critic_mean == MEAN_OF_TRANSITIONS);
    assert_true(s.training.time_limit == TIME_LIMIT_BOOTSTRAP);
    assert_true(s.training.explore_among == EXPLORE_PROPOSERS);
    assert_true(s.training.streams == STREAMS_SEPARATE);
    assert_true(s.replay.weighting == WEIGHTING_PLAIN);
    assert_true(s.replay.priority == PRIORITY_MEAN_ABSOLUTE);
    apply_settings(&s, "training.rules=published");
    struct settings defaults;
    settings_init(&defaults);
    assert_memory_equal(&s, &defaults, sizeof s);
}

static void test_what_was_added_later_is_silent_at_its_default(void **state)
{
    (void)state;
    size_t count = 0, later = 0;
    const struct setting *const table = settings_table(&count);
    struct settings defaults;
    settings_init(&defaults);
    for (size_t i = 0; i < count; i++) {
        const double number = settings_number(&defaults, &table[i]);
        later += table[i].later;
        assert_true(settings_silent(&table[i], number) == table[i].later);
        assert_false(settings_silent(&table[i], isnan(number) ? 1.0 : number + 1));
    }
    assert_int_equal(count - later, 70);
}

#define EARLIER "training.earlier_episodes"
#define LIST                                                                                       \
    "expected a list such as 301+298 of up to 32 whole numbers from 1 that sum up to at most "     \
    "100000, or none"

static void test_values_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text, *sentence;
    } cases[] = {
        {"training.batch", "0x10",
         "training.batch: '0x10' is not a whole number, expected a whole number from 1 to 4096"},
        {"training.batch", "4097",
         "training.batch: '4097' is out of range, expected a whole number from 1 to 4096"},
        {"training.batch", "none",
         "training.batch: 'none' is not a whole number, expected a whole number from 1 to 4096"},
        {"training.actor_lr", "0",
         "training.actor_lr: '0' is out of range, expected a number above 0 and at most 10"},
        {"training.gamma", "nan",
         "training.gamma: 'nan' is not a number, expected a number from 0 to 1"},
        {"environment.seed", "-1",
         "environment.seed: '-1' is out of range, expected a whole number from 0 to 4294967295, or "
         "none"},
        {"networks.tanh", "Exact",
         "networks.tanh: 'Exact' is unknown, expected one of pytorch, exact"},
        {EARLIER, "", EARLIER ": '' is not a list of whole numbers, " LIST},
        {EARLIER, "3+", EARLIER ": '3+' is not a list of whole numbers, " LIST},
        {EARLIER, "+3", EARLIER ": '+3' is not a list of whole numbers, " LIST},
        {EARLIER, "3,4", EARLIER ": '3,4' is not a list of whole numbers, " LIST},
        {EARLIER, "3-4", EARLIER ": '3-4' is not a list of whole numbers, " LIST},
        {EARLIER, "[3, 4", EARLIER ": '[3, 4' is not a list of whole numbers, " LIST},
        {EARLIER, "[3, , 4]", EARLIER ": '[3, , 4]' is not a list of whole numbers, " LIST},
        {EARLIER, "3.5", EARLIER ": '3.5' is not a list of whole numbers, " LIST},
        {EARLIER, "0", EARLIER ": '0' is out of range, " LIST},
        {EARLIER, "50000+50001", EARLIER ": '50000+50001' is out of range, " LIST},
        {EARLIER, "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1",
         EARLIER ": '1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+…' is out of range, " LIST},
        {EARLIER, "99999999999999999999",
         EARLIER ": '99999999999999999999' is not a list of whole numbers, " LIST},
    };
    struct settings before;
    settings_init(&before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s = before;
        struct fault fault = {""};
        const struct setting *const row = settings_find(cases[i].key);
        assert_int_equal(settings_set(&s, row, cases[i].text, &fault), STATUS_INPUT);
        assert_string_equal(fault.text, cases[i].sentence);
        assert_memory_equal(&s, &before, sizeof s);
    }
}

/* Every form of a list gives the same number and is written in one form. */
static void test_lists(void **state)
{
    static const char *const forms[][4] = {
        {"none", "[]", "[ ]", "none"},
        {"301", "[301]", "0301", "301"},
        {"301+298", "[301, 298]", "[301,298]", "301 + 298"},
        {"298+301", "[298, 301]", "[298+301]", "0298+301"},
        {"1+1+1", "[1, 1, 1]", "[1,1, 1 ]", " 1 + 1+1"},
    };
    const struct setting *const row = settings_find(EARLIER);
    double before = -1;
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        double numbers[4];
        for (size_t k = 0; k < 4; k++) {
            char text[SETTING_TEXT];
            struct fault fault = {""};
            if (settings_read(row, forms[i][k], &numbers[k], &fault) != STATUS_OK)
                fail_msg("%s", fault.text);
            assert_true(numbers[k] == numbers[0]);
            settings_write(row, numbers[k], text, sizeof text);
            assert_string_equal(text, forms[i][0]);
        }
        assert_true(numbers[0] != before);
        before = numbers[0];
    }
    /* Longer lists have larger numbers; of two as long, that of the larger sum has. */
    const struct settings one = settings_with(EARLIER "=99999"),
                          two = settings_with(EARLIER "=1+1"), more = settings_with(EARLIER "=1+2");
    assert_true(one.training.earlier_episodes < two.training.earlier_episodes);
    assert_true(two.training.earlier_episodes < more.training.earlier_episodes);
    int64_t items[SETTING_LIST_ITEMS];
    assert_int_equal(settings_list(more.training.earlier_episodes, items), 2);
    assert_true(items[0] == 1 && items[1] == 2);
    assert_int_equal(settings_list(0, items), 0);
}

/* The longest text of a list fits, and many lists live side by side. */
static void test_many_lists(void **state)
{
    (void)state;
    char text[SETTING_TEXT], again[SETTING_TEXT];
    size_t used = 0;
    for (int k = 0; k < SETTING_LIST_ITEMS; k++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", k > 0 ? "+" : "",
                                 SETTING_LIST_SUM / SETTING_LIST_ITEMS - k % 2);
    struct settings s;
    settings_init(&s);
    const struct setting *const row = settings_find(EARLIER);
    assert_int_equal(settings_set(&s, row, text, NULL), STATUS_OK);
    for (int k = 1; k < 300; k++) {
        char other[SETTING_TEXT];
        snprintf(other, sizeof other, "%d+%d", k, 300 - k);
        struct settings next = s;
        assert_int_equal(settings_set(&next, row, other, NULL), STATUS_OK);
        settings_get(&next, row, again, sizeof again);
        assert_string_equal(again, other);
        assert_false(settings_equal(&s, &next, row));
    }
    settings_get(&s, row, again, sizeof again);
    assert_string_equal(again, text);
}

static void test_minus_zero_is_zero(void **state)
{
    (void)state;
    char text[64];
    struct settings s = settings_with("environment.harvest_j=-0");
    settings_get(&s, settings_find("environment.harvest_j"), text, sizeof text);
    assert_string_equal(text, "0");
}

#define SEPARATE                                                                                   \
    "it does not go with training.streams separate, whose generators depend on the seed alone, "   \
    "expected training.streams shared"

#define FEW_AGENTS                                                                                 \
    EARLIER ": what earlier runs drew is not known with so few environment.agents for the "        \
            "environment.channels, expected (agents - 2 channels)^2 to be at least 18 agents, as " \
            "with 50 and 10 or 22 and 1"

static void test_contradictions_name_both_sides(void **state)
{
    (void)state;
    static const struct {
        const char *words, *first, *second, *sentence;
    } cases[] = {
        {"environment.power_dbm.low=25", "environment.power_dbm.low", "environment.power_dbm.high",
         "environment.power_dbm.low: 25 is above environment.power_dbm.high, expected at most 24"},
        {"training.epsilon_start=0.001", "training.epsilon_end", "training.epsilon_start",
         "training.epsilon_end: 0.01 is above training.epsilon_start, expected at most 0.001"},
        {"environment.min_energy_mj=4", "environment.min_energy_mj", "environment.max_energy_mj",
         "environment.min_energy_mj: 4 is above environment.max_energy_mj, expected at most 3.2"},
        {"replay.capacity=9", "training.steps", "replay.capacity",
         "training.steps: 10 is above replay.capacity, expected at most 9"},
        {"training.momentum=0.9 training.optimizer=rmsprop", "training.momentum",
         "training.optimizer",
         "training.momentum: it has no effect with training.optimizer rmsprop, expected 0, or "
         "training.optimizer sgd"},
        {"networks.squash=softsign networks.tanh=exact", "networks.tanh", "networks.squash",
         "networks.tanh: it has no effect with networks.squash softsign, expected pytorch, or "
         "networks.squash tanh"},
        {"networks.actor_precision=f64 networks.tanh=exact", "networks.tanh",
         "networks.actor_precision",
         "networks.tanh: it has no effect with networks.actor_precision f64, expected pytorch, or "
         "networks.actor_precision f32"},
        {"networks.squash=inverting networks.actor_norm=output", "networks.squash",
         "networks.actor_norm",
         "networks.squash: inverting does not go with networks.actor_norm output, expected tanh "
         "or softsign, or networks.actor_norm none or hidden"},
        {"environment.seeding=continued environment.seed=3", "environment.seed",
         "environment.seeding",
         "environment.seed: it has no effect with environment.seeding continued, expected none, or "
         "environment.seeding own"},
        {"environment.seeding=continued training.streams=separate", "environment.seeding",
         "training.streams", "environment.seeding: " SEPARATE},
        {EARLIER "=3 training.streams=separate", EARLIER, "training.streams",
         EARLIER ": " SEPARATE},
        {EARLIER "=3 training.explore_among=proposers", EARLIER, "training.explore_among",
         EARLIER ": what earlier runs drew is not known with training.explore_among proposers, "
                 "expected all"},
        {EARLIER "=3 environment.agents=49", EARLIER, "environment.agents", FEW_AGENTS},
        {EARLIER "=3 environment.agents=21 environment.channels=1", EARLIER, "environment.agents",
         FEW_AGENTS},
        {EARLIER "=3 environment.agents=19 environment.channels=20", EARLIER, "environment.agents",
         FEW_AGENTS},
        {EARLIER "=100000 training.steps=21", EARLIER, "training.steps",
         EARLIER ": too long, expected at most 100000000 episodes times training.steps times "
                 "environment.agents"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct settings s = settings_with(cases[i].words);
        const struct setting *culprits[2];
        struct fault fault = {""};
        assert_int_equal(settings_check(&s, culprits, &fault), STATUS_INPUT);
        assert_string_equal(fault.text, cases[i].sentence);
        assert_string_equal(culprits[0]->key, cases[i].first);
        assert_string_equal(culprits[1]->key, cases[i].second);
    }
}

static void test_values_put_in_by_hand_are_checked(void **state)
{
    (void)state;
    struct settings s;
    const struct setting *culprits[2];
    settings_init(&s);
    s.training.batch = 0;
    assert_int_equal(settings_check(&s, culprits, NULL), STATUS_INPUT);
    assert_string_equal(culprits[0]->key, "training.batch");
    assert_null(culprits[1]);
    settings_init(&s);
    s.training.gamma = NAN;
    assert_int_equal(settings_check(&s, NULL, NULL), STATUS_INPUT);
    settings_init(&s);
    s.networks.tanh = (enum tanh_kind)2;
    assert_int_equal(settings_check(&s, NULL, NULL), STATUS_INPUT);
    settings_init(&s);
    s.training.earlier_episodes = 12345; /* of no list */
    assert_int_equal(settings_check(&s, culprits, NULL), STATUS_INPUT);
    assert_string_equal(culprits[0]->key, EARLIER);
    const struct settings few = settings_with(EARLIER "=100000 training.steps=20"),
                          other = settings_with(EARLIER "=3 environment.agents=22 "
                                                        "environment.channels=1");
    assert_int_equal(settings_check(&few, NULL, NULL), STATUS_OK);
    assert_int_equal(settings_check(&other, NULL, NULL), STATUS_OK);
    /* Fewer agents than channels and more draws than transitions are no contradiction. */
    const struct settings fine =
        settings_with("environment.agents=3 training.batch=64 replay.capacity=20");
    assert_int_equal(settings_check(&fine, NULL, NULL), STATUS_OK);
}

static void test_nearest_key(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"training.bacth", "training.batch"},
        {"batch", "training.batch"},
        {"training.agents", "environment.agents"},
        {"environment.power_db", "environment.power_dbm.low"},
        {"environment.power_dbm.hihg", "environment.power_dbm.high"},
        {"replay.aplha", "replay.alpha"},
        {"", NULL},
        {"training.viscosity", NULL},
        {"x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct setting *const row = settings_nearest(cases[i][0]);
        if (cases[i][1] == NULL)
            assert_null(row);
        else if (row == NULL || strcmp(row->key, cases[i][1]) != 0)
            fail_msg("%s: %s", cases[i][0], row == NULL ? "nothing" : row->key);
    }
}

static void test_intervals_are_found_by_their_stem(void **state)
{
    (void)state;
    const struct setting *const low = settings_find_interval("environment.size_mb");
    assert_non_null(low);
    assert_string_equal(low[0].key, "environment.size_mb.low");
    assert_string_equal(low[1].key, "environment.size_mb.high");
    assert_null(settings_find_interval("environment.size_mb.low"));
    assert_null(settings_find_interval("environment.agents"));
    assert_null(settings_find_interval("environment"));
}

static void test_a_cell_is_named_by_all_digits(void **state)
{
    (void)state;
    const struct settings cell =
        settings_with("training.actor_lr=0.00012345678 training.critic_lr=1e-5 "
                      "training.seed=20240101");
    char text[128];
    settings_name_cell(&cell, text, sizeof text);
    assert_string_equal(text, "actor_lr 0.00012345678, critic_lr 1e-5, seed 20240101");
    struct settings labelled = cell;
    assert_int_equal(settings_set(&labelled, settings_label(), "clip-1", NULL), STATUS_OK);
    settings_name_cell(&labelled, text, sizeof text);
    assert_string_equal(text,
                        "label clip-1, actor_lr 0.00012345678, critic_lr 1e-5, seed 20240101");
}

/* Numbers in the order in which labels were first read; many, so that the array grows. */
static void test_labels(void **state)
{
    (void)state;
    const struct setting *const row = settings_find("label");
    struct settings s;
    double number = 0, first = 0;
    char text[SETTING_TEXT];
    settings_init(&s);
    assert_ptr_equal(row, settings_label());
    assert_ptr_equal(settings_named("label"), row);
    assert_true(settings_number(&s, row) == 0);
    for (int i = 999; i >= 0; i--) {
        snprintf(text, sizeof text, "many_%d", i);
        assert_int_equal(settings_read(row, text, &number, NULL), STATUS_OK);
        first = i == 999 ? number : first;
        assert_true(number == first + 999 - i);
    }
    assert_int_equal(settings_read(row, "many_998", &number, NULL), STATUS_OK);
    assert_true(number == first + 1);
    settings_put(&s, row, first + 500);
    settings_get(&s, row, text, sizeof text);
    assert_string_equal(text, "many_499");
    struct settings other = s;
    assert_true(settings_equal(&s, &other, row));
    settings_put(&other, row, first);
    assert_false(settings_equal(&s, &other, row));
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        assert_true(settings_equal(&s, &other, &table[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_numbers_are_read_whole),
        cmocka_unit_test(test_whole_numbers_are_read_whole),
        cmocka_unit_test(test_real_numbers_survive_being_written),
        cmocka_unit_test(test_quotes_are_safe_to_print),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_table_is_complete_and_sound),
        cmocka_unit_test(test_published_defaults),
        cmocka_unit_test(test_preset_sets_what_it_decides),
        cmocka_unit_test(test_rules_set_every_correction),
        cmocka_unit_test(test_what_was_added_later_is_silent_at_its_default),
        cmocka_unit_test(test_values_are_refused_with_a_sentence),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many_lists),
        cmocka_unit_test(test_minus_zero_is_zero),
        cmocka_unit_test(test_contradictions_name_both_sides),
        cmocka_unit_test(test_values_put_in_by_hand_are_checked),
        cmocka_unit_test(test_a_cell_is_named_by_all_digits),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_nearest_key),
        cmocka_unit_test(test_intervals_are_found_by_their_stem),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
