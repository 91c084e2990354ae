// SPDX-License-Identifier: MIT
/* Axes of a sweep, those that change together as one, and groups of runs by their values. */
#include "own_folder.h"
#include "query/grouping.h"
#include "store_case.h"

static struct spec *spec;
static struct store *store;
static struct run_table table;
static struct grouping grouping;
static struct fault fault;

static int end(void **state)
{
    grouping_fini(&grouping);
    run_table_fini(&table);
    store_close(&store);
    spec_free(&spec);
    return folder_end(state);
}

static void make(const char *grid)
{
    char text[1024];
    snprintf(text, sizeof text, "training: {episodes: 12}\n%s", grid);
    spec = spec_of(text);
    store = store_made(folder.path, spec);
    assert_ok(run_table_take(store, false, &table, &fault));
}

/* The settings of all axes: "actor_lr critic_lr agents=channels". */
static void assert_axes(const char *by, const char *expected)
{
    char text[512] = "";
    grouping_fini(&grouping);
    assert_ok(grouping_make(&grouping, &table, by, &fault));
    for (int64_t a = 0; a < grouping.axes; a++) {
        for (size_t s = 0; s < grouping.axis[a].settings; s++)
            text_add(text, sizeof text, "%s%s",
                     s > 0   ? "="
                     : a > 0 ? " "
                             : "",
                     grouping.axis[a].setting[s]->name);
    }
    assert_string_equal(text, expected);
}

/* What decides what: "gamma<agents ". */
static void assert_decisions(const char *by, const char *expected)
{
    char text[512] = "";
    grouping_fini(&grouping);
    assert_ok(grouping_make(&grouping, &table, by, &fault));
    for (int64_t i = 0; i < grouping.decisions; i++)
        text_add(text, sizeof text, "%s%s<%s", i > 0 ? " " : "", grouping.decision[i].axis->name,
                 grouping.decision[i].by->name);
    assert_string_equal(text, expected);
}

static void assert_groups(const char *by, int64_t groups, int64_t pooled, const int64_t *of_run)
{
    grouping_fini(&grouping);
    assert_ok(grouping_make(&grouping, &table, by, &fault));
    assert_int_equal(grouping.groups, groups);
    assert_int_equal(grouping.pooled, pooled);
    assert_memory_equal(grouping.of_run, of_run, (size_t)table.runs * sizeof *of_run);
}

static void test_a_preset_is_one_axis(void **state)
{
    (void)state;
    make("grid: {environment.preset: [published-2026, published-2024], seed: [1, 2]}\n");
    assert_axes(NULL, "actor_lr critic_lr "
                      "environment_preset=environment_size_unit=environment_energy_law");
    const struct grouping_axis *const axis = &grouping.axis[2];
    assert_int_equal(axis->count, 2);
    assert_true(axis->setting[0]->written && !axis->setting[1]->written);
    assert_true(axis->setting[1]->values[axis->run[0]] == 1024);
    assert_true(axis->setting[1]->values[axis->run[1]] == 1);
    static const int64_t of_run[] = {0, 0, 1, 1};
    assert_groups(NULL, 2, 0, of_run);
    assert_groups("environment_preset", 2, 0, of_run);
    /* Who asks by another of its names gets the same axis under that one. */
    assert_axes("environment.size_unit",
                "environment_size_unit=environment_preset=environment_energy_law");
    assert_axes("environment_energy_law,environment_preset",
                "environment_energy_law=environment_preset=environment_size_unit");
}

/* What a preset decides is one axis with it only where nothing else was asked for. */
static void test_a_preset_with_a_constant_of_its_own(void **state)
{
    (void)state;
    make("grid: {environment.preset: [published-2026, published-2024],\n"
         "  environment.size_unit: [1, 2], seed: [1]}\n");
    assert_axes(NULL, "actor_lr critic_lr environment_preset=environment_energy_law "
                      "environment_size_unit");
}

static void test_blocks_that_change_two_at_once(void **state)
{
    (void)state;
    make("grid:\n"
         "  - {environment.channels: [4], environment.agents: [9], gamma: [0.9, 0.99]}\n"
         "  - {environment.channels: [2], environment.agents: [5], gamma: [0.9, 0.99]}\n");
    /* The user wrote both: the first of them, as the settings stand. */
    assert_axes(NULL, "actor_lr critic_lr gamma environment_agents=environment_channels");
    static const int64_t rising[] = {1, 1, 0, 0};
    assert_memory_equal(grouping.axis[3].index, rising, sizeof rising);
    static const int64_t by_agents[] = {0, 0, 1, 1};
    assert_groups("environment_channels", 2, 1, by_agents);
    static const int64_t by_gamma[] = {0, 1, 0, 1};
    assert_groups("gamma", 2, 1, by_gamma);
}

/* Three settings, of which two go together and the third decides one of them alone. */
static void test_one_direction_is_not_enough(void **state)
{
    (void)state;
    make("grid:\n"
         "  - {environment.agents: [5], environment.channels: [2], gamma: [0.9]}\n"
         "  - {environment.agents: [7], environment.channels: [3], gamma: [0.99]}\n"
         "  - {environment.agents: [9], environment.channels: [4], gamma: [0.99]}\n");
    assert_axes(NULL, "actor_lr critic_lr gamma environment_agents=environment_channels");
    static const int64_t of_run[] = {0, 1, 2};
    assert_groups(NULL, 3, 0, of_run);
    assert_decisions(NULL, "gamma<environment_agents");
    assert_decisions("gamma", "gamma<environment_agents");
    assert_decisions("environment.channels", "gamma<environment_channels");
    assert_decisions("actor_lr", "");
}

static void test_crossed_axes_decide_nothing(void **state)
{
    (void)state;
    make("grid:\n"
         "  - {environment.agents: [5, 7], gamma: [0.9, 0.99]}\n"
         "  - {environment.agents: [9], gamma: [0.9]}\n");
    assert_decisions(NULL, "");
}

static void test_learning_rates_may_go_together(void **state)
{
    (void)state;
    make("grid:\n  - {actor_lr: [0.1], critic_lr: [0.2], seed: [1, 2]}\n"
         "  - {actor_lr: [0.01], critic_lr: [0.02], seed: [1, 2]}\n");
    assert_axes(NULL, "actor_lr=critic_lr");
}

/* Constants would fit each other, and `none` is a value. */
static void test_what_never_changes_is_alone(void **state)
{
    (void)state;
    make("grid: {environment.seed: [none, 7], seed: [1, 2]}\n");
    assert_axes(NULL, "actor_lr critic_lr environment_seed");
    static const int64_t of_run[] = {0, 0, 1, 1}, all[] = {0, 0, 0, 0};
    assert_groups("environment_seed", 2, 0, of_run);
    assert_groups("actor_lr", 1, 1, all);
}

/* Three blocks, of which two have the same value of one setting, and one an axis of its own. */
static const char labelled[] =
    "grid:\n"
    "  - {label: z, actor_lr: [0.1, 0.2], gamma: [0.9]}\n"
    "  - {label: both, actor_lr: [0.1, 0.2], gamma: [0.8], environment.agents: [5], tau: [0.5, "
    "1]}\n"
    "  - {label: a, actor_lr: [0.1, 0.2], gamma: [0.8], environment.agents: [7]}\n"
    "  - {label: preset, actor_lr: [0.1, 0.2], gamma: [0.7], rules: [corrected]}\n";

/* The label comes first, with all that is constant within each; the rates never are part of it, and
 * what varies within one is an axis. */
static void test_a_label_is_an_axis_of_its_own(void **state)
{
    (void)state;
    make(labelled);
    assert_axes(NULL, "label=gamma=rules=critic_mean=time_limit=explore_among=streams="
                      "environment_agents=replay_weighting=replay_priority actor_lr critic_lr tau");
    assert_decisions(NULL, "");
    const struct grouping_axis *const axis = &grouping.axis[0];
    assert_int_equal(axis->count, 4);
    /* In the order of the spec. */
    static const int64_t index[] = {0, 0, 1, 1, 1, 1, 2, 2, 3, 3};
    assert_memory_equal(axis->index, index, sizeof index);
    assert_true(axis->setting[1]->values[axis->run[1]] == 0.8);
    assert_true(axis->setting[1]->values[axis->run[2]] == 0.8);
    static const int64_t of_run[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_groups(NULL, 10, 0, of_run);
    /* tau and actor_lr are pooled; what is part of the label is not counted. */
    assert_groups("label", 4, 2, index);
    static const int64_t by_rate[] = {0, 1, 0, 0, 1, 1, 0, 1, 0, 1};
    assert_groups("actor_lr", 2, 2, by_rate);
}

/* Who names a setting of the label asks for it: labels are then pooled, or compared beside it. */
static void test_a_part_of_the_label_can_be_named(void **state)
{
    (void)state;
    make(labelled);
    assert_axes("gamma", "gamma");
    static const int64_t by_gamma[] = {0, 0, 1, 1, 1, 1, 1, 1, 2, 2};
    assert_groups("gamma", 3, 3, by_gamma);
    assert_decisions("gamma", "gamma<label");
    assert_axes(
        "training.rules,label",
        "rules=critic_mean=time_limit=explore_among=streams=replay_weighting=replay_priority "
        "label=gamma=environment_agents");
    assert_decisions("rules,label", "rules<label");
}

/* The label is the name even of what changes one to one with it, also of a learning rate. */
static void test_a_label_leads_what_changes_with_it(void **state)
{
    (void)state;
    make("grid:\n  - {label: b, actor_lr: [0.1], gamma: [0.9], seed: [1, 2]}\n"
         "  - {label: a, actor_lr: [0.2], gamma: [0.8], seed: [1, 2]}\n");
    assert_axes(NULL, "label=actor_lr=gamma critic_lr");
    assert_decisions(NULL, "");
    assert_axes("gamma", "gamma=label=actor_lr");
}

/* A single label names everything and decides nothing. */
static void test_one_label(void **state)
{
    (void)state;
    make("grid: {label: only, gamma: [0.8, 0.9], seed: [1, 2]}\n");
    assert_axes(NULL, "label actor_lr critic_lr gamma");
    static const int64_t of_run[] = {0, 0, 1, 1}, all[] = {0, 0, 0, 0};
    assert_groups(NULL, 2, 0, of_run);
    assert_groups("label", 1, 1, all);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    make("grid: {actor_lr: [0.1, 0.2], seed: [1, 2]}\n");
    static const char *const cases[][2] = {
        {"gamma", "--by: 'gamma' is not an axis in which runs of the file differ, expected some of "
                  "actor_lr, critic_lr"},
        {"actor_lr,seed", "--by: seed is what runs of a configuration differ in, expected some of "
                          "actor_lr, critic_lr"},
        {"actor_lr,actor_lr", "--by: actor_lr is named twice, expected once"},
        {"acto_lr",
         "--by: 'acto_lr' is not an axis in which runs of the file differ, expected some "
         "of actor_lr, critic_lr; did you mean training.actor_lr?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(grouping_make(&grouping, &table, cases[i][0], &fault), STATUS_INPUT);
        assert_string_equal(fault.text, cases[i][1]);
        assert_null(grouping.axis);
    }
}

/* Of many values the first ones, so that the sentence can be read. */
static void test_what_is_expected_is_bounded(void **state)
{
    (void)state;
    const struct setting *const row = settings_find("training.seed");
    double values[60];
    char text[GROUPING_NAMES];
    for (int i = 0; i < 60; i++)
        values[i] = (double)(29 - i / 2);
    grouping_expected(row, 60, values, text, sizeof text);
    assert_string_equal(text, "expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
                              "15, 16, 17, 18, 19, 20, 21, 22, 23 and 6 more");
    grouping_expected(row, 4, values, text, sizeof text);
    assert_string_equal(text, "expected one of 28, 29");
    grouping_expected(row, 1, values, text, sizeof text);
    assert_string_equal(text, "expected 29");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_preset_is_one_axis, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_preset_with_a_constant_of_its_own, folder_begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_blocks_that_change_two_at_once, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_one_direction_is_not_enough, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_crossed_axes_decide_nothing, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_learning_rates_may_go_together, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_what_never_changes_is_alone, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_label_is_an_axis_of_its_own, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_part_of_the_label_can_be_named, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_a_label_leads_what_changes_with_it, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_one_label, folder_begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_refused, folder_begin, end),
        cmocka_unit_test(test_what_is_expected_is_bounded),
    };
    return cmocka_run_group_tests_name("grouping", tests, NULL, NULL);
}
