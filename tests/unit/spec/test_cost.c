// SPDX-License-Identifier: MIT
/* What cells are expected to take: the heuristic, groups, and what finished cells teach. */
#include "spec/cost.h"
#include "store_case.h"

static double units_with(const char *words)
{
    const struct settings cell = settings_with(words);
    return cost_units(&cell);
}

/* 12 cells in 4 groups of 3 seeds: two learning rates, two numbers of agents. */
static struct spec *spec_grouped(void)
{
    return spec_of("training: {episodes: 100}\ngrid:\n  actor_lr: [0.0001, 0.001]\n"
                   "  environment.agents: [50, 200]\n  seed: [1, 2, 3]\n");
}

static void test_a_unit_is_an_episode_of_the_published_size(void **state)
{
    (void)state;
    assert_close(units_with(""), 2000, 1e-12, "2000 episodes");
    assert_close(units_with("training.episodes=7"), 7, 1e-12, "7 episodes");
    assert_close(units_with("training.actor_lr=0.004999"), 2000, 1e-12, "moving to the limit");
    assert_close(units_with("training.actor_lr=0.005"), 0.65 * 354, 1e-12, "stops early");
    assert_close(units_with("training.actor_lr=0.1"), 0.65 * 294, 1e-12, "and earlier");
    assert_close(units_with("training.actor_lr=0.1 training.episodes_after_stop=10"), 0.65 * 203,
                 1e-12, "and ends soon");
    assert_close(units_with("training.actor_lr=0.1 training.episodes=50"), 0.65 * 50, 1e-12,
                 "at the limit");
    static const char *const moving[] = {"networks.squash=softsign", "networks.squash=inverting",
                                         "training.preactivation_penalty=0.1"};
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
        char words[64];
        snprintf(words, sizeof words, "training.actor_lr=0.1 %s", moving[i]);
        assert_close(units_with(words), 2000, 1e-12, "%s", moving[i]);
    }
    assert_close(units_with("training.actor_lr=0.1 networks.actor_norm=output"), 0.9 * 2000, 1e-12,
                 "normalised outputs hardly ever stop");
}

/* Mean lengths of sweeps of 10 seeds, and of single runs where so noted, as cost.h says. */
static void test_lengths_are_those_of_real_sweeps(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        double episodes; /* of a limit of 4000 */
        double unit;     /* what an episode counts */
    } rows[] = {
        {"training.actor_lr=0.01", 354, 0.65},
        {"training.actor_lr=0.1", 282, 0.65},
        {"training.actor_lr=0.1 training.critic_lr=0.1", 262, 0.65},
        {"training.actor_lr=0.1 training.adam_beta1=0.5", 143, 0.65},
        {"training.actor_lr=0.01 training.adam_beta1=0.99", 2385, 0.65},
        {"training.actor_lr=0.1 training.adam_beta1=0.99", 1525, 0.65},
        {"training.actor_lr=0.01 training.zero_gradient=skip", 122, 0.65},
        {"training.actor_lr=0.1 training.zero_gradient=reset_moments", 104, 0.65},
        {"training.actor_lr=0.01 networks.actor_precision=f64", 3763, 0.9 * 1.297},
        {"training.actor_lr=0.1 networks.actor_precision=f64", 473, 0.65 * 1.297},
        {"training.actor_lr=0.0001 training.critic_lr=0.1", 1139, 0.8}, /* of 2000 */
        {"training.actor_lr=0.001 training.critic_lr=0.1", 1446, 0.8},  /* of 2000 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char words[128];
        snprintf(words, sizeof words, "training.episodes=4000 %s", rows[i].words);
        assert_close(units_with(words) / rows[i].unit, rows[i].episodes, 0.3, "%s", rows[i].words);
    }
    assert_close(units_with("training.actor_lr=0.001 training.critic_lr=0.1 training.episodes=900"),
                 900, 1e-12, "a critic that does not live to die");
    assert_close(units_with("training.actor_lr=0.1 training.weight_decay=0.1"), 0.9 * 2000, 1e-12,
                 "nothing is ever still");
    assert_close(units_with("training.actor_lr=0.1 training.optimizer=sgd"), 0.65 * 104, 1e-12,
                 "nothing moves on");
    assert_close(units_with("training.actor_lr=0.1 training.optimizer=sgd training.momentum=0.9"),
                 0.65 * 294, 1e-12, "momentum does");
}

#define LINEAR_CRITIC "networks.critic_activation=linear"

/* Mean lengths of the interventions of sweeps/RESULTS.md, with a limit of 2000. */
static void test_lengths_are_those_of_interventions(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        double actor_lr, critic_lr, episodes;
        double unit; /* what an episode counts */
    } rows[] = {
        {"networks.actor_norm=output", 0.0001, 0.1, 1176, 0.8},
        {"networks.actor_norm=output", 0.01, 0.1, 1141, 0.9},
        {"networks.actor_norm=output", 0.1, 0.001, 2000, 0.9},
        {"networks.squash=softsign", 0.001, 0.1, 1545, 0.8},
        {"networks.squash=softsign", 0.1, 0.1, 1237, 0.8},
        {"networks.squash=inverting", 0.0001, 0.1, 1202, 0.8},
        {"networks.squash=inverting", 0.1, 0.001, 2000, 1},
        {"training.clip_actor=1 training.clip_critic=1", 0.0001, 0.1, 2000, 1},
        {"training.clip_actor=1 training.clip_critic=1", 0.1, 0.1, 289, 0.65},
        {"training.rules=corrected", 0.001, 0.1, 2000, 1},
        {"training.rules=corrected", 0.01, 0.001, 343, 0.65},
        {"training.preactivation_penalty=1", 0.0001, 0.1, 2000, 1},
        {"training.preactivation_penalty=1", 0.1, 0.1, 2000, 1},
        {"training.actor_every=2", 0.0001, 0.1, 1696, 0.8 * 0.76},
        {"training.actor_every=2", 0.1, 0.001, 627, 0.65 * 0.76},
        {"training.adam_beta1=0.5", 0.01, 0.001, 2000, 0.9},
        {"training.adam_beta1=0.5", 0.1, 0.1, 143, 0.65},
        {"networks.actor_norm=hidden", 0.001, 0.1, 1439, 0.8 * 1.27},
        {"networks.actor_norm=hidden", 0.01, 0.001, 2000, 0.9 * 1.27},
        {"networks.actor_norm=hidden", 0.1, 0.001, 698, 0.65 * 1.27},
        {LINEAR_CRITIC, 0.1, 0.001, 367, 0.95 * 0.38},
        {LINEAR_CRITIC, 0.01, 0.1, 385, 0.95 * 0.38},
        {"networks.input_norm=range", 0.001, 0.1, 2000, 1.3},
        {"networks.input_norm=range", 0.1, 0.001, 686, 0.75 * 1.3},
        {"networks.input_norm=range", 0.01, 0.1, 1420, 0.75 * 1.3},
        {"networks.input_norm=running", 0.0001, 0.1, 1753, 0.8 * 1.3},
        {"networks.input_norm=running", 0.1, 0.001, 353, 0.75 * 1.3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char words[160];
        snprintf(words, sizeof words, "training.actor_lr=%g training.critic_lr=%g %s",
                 rows[i].actor_lr, rows[i].critic_lr, rows[i].words);
        assert_close(units_with(words) / rows[i].unit, rows[i].episodes, 0.3, "%s", words);
    }
}

/* The milliseconds of src/model/README.md: those of an episode while the actors move. */
static void test_units_follow_the_published_table(void **state)
{
    (void)state;
    static const struct {
        int agents;
        double ms;
    } rows[] = {{10, 4.6}, {50, 9.6}, {200, 27.6}, {500, 75.5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char words[64];
        snprintf(words, sizeof words, "environment.agents=%d", rows[i].agents);
        assert_close(units_with(words) / 2000, rows[i].ms / 9.6, 0.06, "%d agents", rows[i].agents);
    }
}

#define LINEAR_ACTORS "networks.actor_activation=linear"
#define WIDE_ACTORS   " networks.actor_hidden1=512 networks.actor_hidden2=128"

/* As measured by `bench train`, in terms of the published size. */
static void test_units_follow_batch_and_networks(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        double ratio;
    } rows[] = {
        {"training.batch=16", 0.31},
        {"training.batch=256", 4.0},
        {"networks.critic_hidden1=128", 0.48},
        {"networks.critic_hidden1=1024", 2.0},
        {"networks.critic_hidden2=32", 0.75},
        {"networks.critic_hidden2=256", 1.4},
        {"networks.critic_hidden1=128 networks.critic_hidden2=32", 0.38},
        {"networks.actor_hidden1=256", 1.5},
        {"networks.actor_norm=output", 1.0},
        {"networks.actor_norm=hidden", 1.27},
        {"networks.input_norm=range", 1.3},
        {"networks.input_norm=running", 1.35},
        {"networks.input_norm=running networks.actor_norm=hidden networks.critic_norm=hidden", 5.8},
        {"training.steps=100", 1.5},
        {"tracking.log_every=1", 1.67},
        {"networks.critic_norm=hidden", 4.3},
        {"networks.critic_norm=hidden environment.agents=200", 28.0},
        {"networks.critic_norm=hidden networks.critic_hidden1=256 networks.critic_hidden2=64", 2.2},
        {LINEAR_CRITIC, 0.38},
        {LINEAR_CRITIC " environment.agents=10", 0.08},
        {LINEAR_CRITIC " environment.agents=200", 1.4},
        {LINEAR_CRITIC " networks.critic_hidden1=1024", 0.62},
        {LINEAR_CRITIC " networks.critic_hidden1=128", 0.25},
        {LINEAR_CRITIC " networks.critic_hidden2=256", 0.37},
        {LINEAR_CRITIC " training.batch=256", 1.15},
        {LINEAR_ACTORS, 0.84},
        {LINEAR_ACTORS WIDE_ACTORS, 4.2},
        {LINEAR_CRITIC " " LINEAR_ACTORS, 0.32},
        {LINEAR_CRITIC " " LINEAR_ACTORS WIDE_ACTORS, 3.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_close(units_with(rows[i].words) / 2000, rows[i].ratio, 0.2, "%s", rows[i].words);
    assert_close(units_with("training.actor_lr=0.1 " LINEAR_CRITIC) / 344, 0.34, 0.2, "saturated");
    const double more = units_with("evaluation.every=100 evaluation.episodes=50") - 2000;
    assert_close(more, 20 * 50 * 0.04, 1e-9, "1000 episodes of evaluation");
    assert_close(units_with("training.episodes=99 evaluation.every=100"), 99, 1e-12, "none yet");
}

static void test_nothing_is_known_at_first(void **state)
{
    (void)state;
    struct spec *spec = spec_grouped();
    struct cost *cost = cost_new(spec);
    const double larger = units_with("environment.agents=200") / 2000;
    assert_false(cost_known(cost));
    assert_close(cost_expect(cost, 0), 100 * 0.007, 1e-12, "default");
    assert_close(cost_expect(cost, 11), 100 * larger * 0.007, 1e-12, "larger");
    cost_calibrate(cost, 0.01);
    assert_false(cost_known(cost));
    assert_close(cost_expect(cost, 2), 1.0, 1e-12, "calibrated");
    assert_close(cost_expect(cost, 3), larger, 1e-12, "calibrated, larger");
    assert_close(cost_spread(cost), 0.5, 0, "stated");
    cost_free(&cost);
    assert_null(cost);
    cost_free(&cost);
    cost_free(NULL);
    spec_free(&spec);
}

/* Own group before all that finished before the calibration. */
static void test_finished_cells_teach(void **state)
{
    (void)state;
    struct spec *spec = spec_grouped();
    struct cost *cost = cost_new(spec);
    const double larger = units_with("environment.agents=200") / 2000;
    cost_calibrate(cost, 1000);
    cost_learn(cost, 1, 3.0);
    assert_true(cost_known(cost));
    assert_close(cost_expect(cost, 0), 3.0, 1e-12, "of the group");
    assert_close(cost_expect(cost, 3), 3.0 * larger, 1e-12, "of another size");
    assert_close(cost_expect(cost, 6), 3.0, 1e-12, "of another learning rate");
    cost_learn(cost, 0, 5.0);
    assert_close(cost_expect(cost, 2), 4.0, 1e-12, "mean of the group");
    cost_learn(cost, 5, 9.0);
    assert_close(cost_expect(cost, 3), 9.0, 1e-12, "group of its own");
    assert_close(cost_expect(cost, 2), 4.0, 1e-12, "untouched by other groups");
    const double rate = 17.0 / (200 + 100 * larger);
    assert_close(cost_expect(cost, 6), 100 * rate, 1e-12, "all seconds by all units");
    assert_close(cost_expect(cost, 9), 100 * larger * rate, 1e-12, "the same, larger");
    cost_calibrate(cost, 5);
    assert_close(cost_expect(cost, 6), 100 * rate, 1e-12, "a calibration comes too late");
    cost_free(&cost);
    spec_free(&spec);
}

static void test_what_is_no_time_teaches_nothing(void **state)
{
    (void)state;
    struct spec *spec = spec_grouped();
    struct cost *cost = cost_new(spec);
    static const double none[] = {0, -1, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cost_learn(cost, (int64_t)i, none[i]);
    assert_false(cost_known(cost));
    assert_close(cost_expect(cost, 0), 0.7, 1e-12, "default");
    cost_free(&cost);
    spec_free(&spec);
}

/* Equal cells that are no neighbours are two groups; one cell is a group. */
static void test_groups_are_neighbours(void **state)
{
    (void)state;
    struct spec *spec =
        spec_of("training: {episodes: 100}\ngrid:\n  environment.seed: [5, 6]\n  seed: [1, 2]\n");
    struct cost *cost = cost_new(spec);
    cost_learn(cost, 0, 2.0);
    cost_learn(cost, 3, 4.0);
    assert_close(cost_expect(cost, 1), 2.0, 1e-12, "first group");
    assert_close(cost_expect(cost, 2), 4.0, 1e-12, "second group");
    cost_free(&cost);
    spec_free(&spec);
    spec = spec_of("training: {episodes: 100}\n");
    cost = cost_new(spec);
    cost_learn(cost, 0, 2.5);
    assert_close(cost_expect(cost, 0), 2.5, 1e-12, "a single cell");
    cost_free(&cost);
    spec_free(&spec);
}

/* Ratios to what was expected before: 4/2 and then 6/3. */
static void test_spread_is_that_of_the_ratios(void **state)
{
    (void)state;
    struct spec *spec = spec_of("training: {episodes: 100}\ngrid:\n"
                                "  seed: [1, 2, 3, 4, 5]\n");
    struct cost *cost = cost_new(spec);
    cost_learn(cost, 0, 2.0);
    cost_learn(cost, 1, 4.0); /* 2 was expected */
    assert_close(cost_spread(cost), 0.5, 0, "stated until three");
    cost_learn(cost, 2, 6.0); /* 3 was expected */
    assert_close(cost_spread(cost), 0.0, 0, "twice the same ratio");
    cost_learn(cost, 3, 4.0); /* 4 was expected */
    const double mean = 5.0 / 3;
    assert_close(cost_spread(cost), sqrt(((4 + 4 + 1) - 3 * mean * mean) / 2) / mean, 1e-12,
                 "ratios 2, 2, 1");
    cost_free(&cost);
    spec_free(&spec);
}

/* Many cells that take a billion times as long as they differ by. */
static void test_spread_of_nearly_equal_times(void **state)
{
    (void)state;
    struct spec *spec = spec_of("training: {episodes: 100}\ngrid:\n  actor_lr: [1e-4, 1e-3]\n"
                                "  seed: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n");
    struct cost *cost = cost_new(spec);
    for (int64_t i = 0; i < 20; i++)
        cost_learn(cost, i, 1e9 + (double)(i % 2));
    assert_in_range((int64_t)(1e12 * cost_spread(cost)), 300, 700);
    cost_free(&cost);
    spec_free(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_unit_is_an_episode_of_the_published_size),
        cmocka_unit_test(test_lengths_are_those_of_real_sweeps),
        cmocka_unit_test(test_lengths_are_those_of_interventions),
        cmocka_unit_test(test_units_follow_the_published_table),
        cmocka_unit_test(test_units_follow_batch_and_networks),
        cmocka_unit_test(test_nothing_is_known_at_first),
        cmocka_unit_test(test_finished_cells_teach),
        cmocka_unit_test(test_what_is_no_time_teaches_nothing),
        cmocka_unit_test(test_groups_are_neighbours),
        cmocka_unit_test(test_spread_is_that_of_the_ratios),
        cmocka_unit_test(test_spread_of_nearly_equal_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
