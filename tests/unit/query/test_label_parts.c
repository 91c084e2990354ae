// SPDX-License-Identifier: MIT
/* Which settings are part of a label, and what is said of it. */
#include "check.h"
#include "query/label_parts.h"
#include <math.h>

static const struct setting *row_of(const char *key)
{
    const struct setting *const row = settings_find(key);
    assert_non_null(row);
    return row;
}

/* Numbers of labels need not begin with 1, nor be next to each other. */
static void test_what_a_label_decides(void **state)
{
    (void)state;
    static const double label[] = {9, 9, 4, 4, 9, 7};
    static const double constant[] = {1, 1, 2, 2, 1, 1}, varies[] = {1, 1, 2, 2, 3, 1};
    static const double none[] = {NAN, NAN, 2, 2, NAN, NAN}, late[] = {NAN, NAN, 2, NAN, NAN, 2};
    const struct setting *const gamma = row_of("training.gamma");
    assert_true(labels_decide(6, label, gamma, constant));
    assert_false(labels_decide(6, label, gamma, varies));
    assert_true(labels_decide(6, label, gamma, none));
    assert_false(labels_decide(6, label, gamma, late));
    /* These are always axes. */
    assert_false(labels_decide(6, label, row_of("training.actor_lr"), constant));
    assert_false(labels_decide(6, label, row_of("training.critic_lr"), constant));
    assert_false(labels_decide(6, label, row_of("training.seed"), constant));
    assert_false(labels_decide(6, label, settings_label(), label));
}

static void assert_texts(size_t parts, struct label_part *part, int64_t labels,
                         const char *const *expected)
{
    static const int64_t run[] = {0, 1, 2, 3};
    labels_compare(parts, part, labels, run);
    for (int64_t i = 0; i < labels; i++) {
        char text[256];
        labels_describe(parts, part, run[i], text, sizeof text);
        assert_string_equal(text, expected[i]);
    }
}

/* What most labels have goes without saying; of two values that are as common, the default does. */
static void test_what_is_usual(void **state)
{
    (void)state;
    double steps[] = {7, 9, 9, 9}, clip[] = {5, 5, NAN, NAN}, tau[] = {0.1, 0.2, 0.3, 0.4};
    struct label_part part[] = {{row_of("training.steps"), steps, 0},
                                {row_of("training.clip_actor"), clip, 0},
                                {row_of("training.tau"), tau, 0}};
    assert_texts(3, part, 4,
                 (const char *const[]){"steps 7, clip_actor 5", "clip_actor 5, tau 0.2", "tau 0.3",
                                       "tau 0.4"});
    assert_texts(1, part, 2, (const char *const[]){"", "steps 9"});
    assert_texts(0, NULL, 2, (const char *const[]){"", ""});
    double none[] = {NAN, 1, NAN, 1};
    part[0] = (struct label_part){row_of("environment.agents"), steps, 0};
    part[1] = (struct label_part){row_of("training.clip_critic"), none, 0};
    assert_texts(2, part, 2, (const char *const[]){"", "environment_agents 9, clip_critic 1"});
}

/* A preset says what it decides, but not what was given beside it. */
static void test_a_preset_speaks_for_its_settings(void **state)
{
    (void)state;
    double rules[] = {0, 1, 1, 0}, streams[] = {0, 1, 0, 1}, limit[] = {0, 1, 1, 0};
    struct label_part part[] = {{row_of("training.rules"), rules, 0},
                                {row_of("training.time_limit"), limit, 0},
                                {row_of("training.streams"), streams, 0}};
    assert_texts(3, part, 4,
                 (const char *const[]){"", "rules corrected", "rules corrected, streams shared",
                                       "streams separate"});
    /* Without the preset among the parts, they speak for themselves. */
    assert_texts(2, part + 1, 2,
                 (const char *const[]){"", "time_limit bootstrap, streams separate"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_label_decides),
        cmocka_unit_test(test_what_is_usual),
        cmocka_unit_test(test_a_preset_speaks_for_its_settings),
    };
    return cmocka_run_group_tests_name("label_parts", tests, NULL, NULL);
}
