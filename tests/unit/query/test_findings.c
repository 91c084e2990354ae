// SPDX-License-Identifier: MIT
/* Findings: of made-up tables, what each rule says where it holds, and that it is silent where it
 * does not. The estimates are the program's own. */
#include "findings_case.h"

#define RATES "actor_lr: [0.1, 0.01, 0.001, 0.0001], critic_lr: [0.1, 0.01], "

/* ---- whether actors stop ---- */

static int fast_stop(struct cell cell)
{
    return cell.actor >= 0.01 ? about(100, cell) : NEVER;
}

static void test_all_and_none(void **state)
{
    (void)state;
    look(RATES "seed: 1-10", fast_stop);
    assert_said(FINDING_ALL, "with actor_lr 0.01 and 0.1, all 40 runs stopped in episodes 104 to "
                             "136; up to 31 % of a configuration may not");
    assert_said(FINDING_NONE, "with actor_lr 0.0001 and 0.001, none of 40 runs stopped by 600; up "
                              "to 31 % of a configuration may");
    assert_close(number_of(FINDING_ALL, "never_at_most"), 1 - pow(0.025, 0.1), 1e-9, "share");
    assert_close(number_of(FINDING_NONE, "events_at_most"), 1 - pow(0.025, 0.1), 1e-9, "share");
    assert_int_equal((int)number_of(FINDING_ALL, "configurations"), 4);
    assert_said(FINDING_UNDECIDED, NULL);
    assert_said(FINDING_LEFT_OUT, NULL);
    /* Another event, or another actor: not what a reader calls stopped. */
    aggregate_them((struct aggregate_options){.endpoint = ENDPOINT_FIRST});
    assert_part(FINDING_ALL, "all 40 runs had the event in episodes");
    aggregate_them((struct aggregate_options){.event = EVENT_GRADIENT_ZERO});
    assert_part(FINDING_NONE, "none of 40 runs had the event by 600");
}

/* Five seeds that agree leave the share open; six do not. */
static void test_few_seeds_settle_nothing(void **state)
{
    (void)state;
    look(RATES "seed: 1-5", fast_stop);
    assert_said(FINDING_ALL, NULL);
    assert_said(FINDING_NONE, NULL);
    assert_said(FINDING_UNDECIDED,
                "it is not settled whether most runs stop: 20 of 40 stopped by 600; "
                "between 0 and 100 % of a configuration may not");
    finish_all(NULL);
    folder_begin(NULL);
    look(RATES "seed: 1-6", fast_stop);
    assert_part(FINDING_ALL, "all 24 runs stopped");
    assert_part(FINDING_ALL, "up to 46 % of a configuration may not");
    assert_said(FINDING_UNDECIDED, NULL);
}

/* 0.1 in nine of ten seeds, 0.01 in five, 0.001 in one. */
static int some_stop(struct cell cell)
{
    const int64_t stopped = cell.actor > 0.05 ? 9 : cell.actor > 0.005 ? 5 : 1;
    return cell.seed <= stopped ? about(200, cell) : NEVER;
}

static void test_most_and_few(void **state)
{
    (void)state;
    look("actor_lr: [0.1, 0.01, 0.001], critic_lr: [0.1], seed: 1-10", some_stop);
    assert_said(FINDING_MOST,
                "with actor_lr 0.1, 9 of 10 runs stopped by 600, in episodes 204 to 236; up "
                "to 45 % may not");
    assert_said(FINDING_FEW,
                "with actor_lr 0.001, 1 of 10 runs stopped by 600, in episode 221; up to 45 % may");
    assert_said(
        FINDING_UNDECIDED,
        "it is not settled whether most runs stop with actor_lr 0.01: 5 of 10 stopped by 600; "
        "between 18 and 82 % may not");
    assert_said(FINDING_ALL, NULL);
    assert_said(FINDING_NONE, NULL);
    cohort.member[0].moved = true;
    aggregate_them((struct aggregate_options){0});
    assert_part(FINDING_MOST, ", of which in 1 an actor moved again, or may have; up to");
}

/* The runs of a seed are one observation, also where they are pooled. */
static void test_pooled_runs_count_as_seeds(void **state)
{
    (void)state;
    make_runs("actor_lr: [0.1], critic_lr: [0.1, 0.01], seed: 1-5", fast_stop);
    aggregate_them((struct aggregate_options){.by = "actor_lr"});
    assert_said(FINDING_ALL, NULL);
    assert_part(FINDING_UNDECIDED, "10 of 10 stopped by 600; between 0 and 53 % may not");
    finish_all(NULL);
    folder_begin(NULL);
    make_runs("actor_lr: [0.1], critic_lr: [0.1, 0.01], seed: 1-6", fast_stop);
    aggregate_them((struct aggregate_options){.by = "actor_lr"});
    assert_part(FINDING_ALL, "all 12 runs stopped in episodes");
    assert_part(FINDING_ALL, "; up to 46 % may not");
    /* Where they do not all agree, there is no interval. */
    put(0, NEVER);
    aggregate_them((struct aggregate_options){.by = "actor_lr"});
    assert_said(FINDING_MOST, NULL);
    assert_said(FINDING_UNDECIDED,
                "it is not settled whether most runs stop: 11 of 12 stopped by 600");
}

/* ---- what is left out ---- */

static void test_one_seed_says_nothing(void **state)
{
    (void)state;
    look(RATES "seed: [1]", fast_stop);
    assert_int_equal(aggregate->findings, 1);
    assert_said(FINDING_LEFT_OUT,
                "nothing can be said of any configuration: one seed gives no interval");
}

/* A run whose end is not known takes its configuration with it, however the others ended. */
static void test_runs_without_an_end(void **state)
{
    (void)state;
    static const struct {
        int said;
        bool first;
        const char *why;
    } cases[] = {{PENDING, true, "1 run is not finished"},
                 {UNFINISHED, true, "1 run is not finished"},
                 {DIVERGED, false, "1 run diverged"},
                 {ENDED, false, "1 run ended before its limit"},
                 {FAILED, false, "1 run failed"}};
    make_runs("actor_lr: [0.1, 0.01], critic_lr: [0.1], seed: 1-10", fast_stop);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[256];
        put(0, cases[i].said);
        aggregate_them((struct aggregate_options){0});
        snprintf(expected, sizeof expected,
                 "nothing is said of 1 of 2 configurations, with actor_lr 0.1: %s", cases[i].why);
        assert_said(FINDING_LEFT_OUT, expected);
        assert_said(FINDING_ALL, "with actor_lr 0.01, all 10 runs stopped in episodes 104 to 136; "
                                 "up to 31 % may not");
        assert_said(FINDING_AXIS, NULL);
        assert_said(FINDING_NO_DIFFERENCE, NULL);
        /* It bears on all the others while it can change, else it is last. */
        const int64_t at = cases[i].first ? 0 : aggregate->findings - 1;
        assert_int_equal(aggregate->finding[at].rule, FINDING_LEFT_OUT);
    }
}

static int nothing_yet(struct cell cell)
{
    return cell.seed == 1 ? UNFINISHED : PENDING;
}

static void test_a_sweep_that_has_just_begun(void **state)
{
    (void)state;
    look(RATES "seed: 1-2", nothing_yet);
    assert_int_equal(aggregate->findings, 1);
    assert_said(FINDING_LEFT_OUT,
                "nothing can be said of any configuration: 16 runs are not finished");
}

/* ---- groups ---- */

static int slow_critic_stops(struct cell cell)
{
    const bool stops = cell.actor >= 0.1 || (cell.actor >= 0.01 && cell.critic <= 0.01);
    return stops ? about(100, cell) : NEVER;
}

static void test_sets_are_named_by_their_largest_groups(void **state)
{
    (void)state;
    look("actor_lr: [0.1, 0.01, 0.001], critic_lr: [0.1, 0.01, 0.001], seed: 1-6",
         slow_critic_stops);
    assert_part(FINDING_ALL, "with actor_lr 0.1, and with actor_lr 0.01 at critic_lr 0.001 and "
                             "0.01, all 30 runs stopped");
    assert_part(FINDING_NONE, "with actor_lr 0.001, and with actor_lr 0.01 at critic_lr 0.1, none "
                              "of 24 runs stopped");
}

static int all_stop(struct cell cell)
{
    return about(100, cell);
}

static int all_but_one_stop(struct cell cell)
{
    return cell.actor < 0.0002 ? NEVER : about(100, cell);
}

static void test_neighbours_are_a_range(void **state)
{
    (void)state;
    look(RATES "seed: 1-6", all_stop);
    assert_said(FINDING_ALL, "all 48 runs stopped in episodes 105 to 131; up to 46 % of a "
                             "configuration may not");
    finish_all(NULL);
    folder_begin(NULL);
    look("actor_lr: [0.3, 0.1, 0.01, 0.001, 0.0001], critic_lr: [0.1], seed: 1-6",
         all_but_one_stop);
    assert_part(FINDING_ALL, "with actor_lr 0.001 to 0.3, all 24 runs stopped");
}

/* Three axes whose values decide together: no two of them make a group. */
static int parity_stops(struct cell cell)
{
    const int odd = (cell.actor > 0.05) + (cell.critic > 0.05) + (cell.gamma > 0.92);
    return odd % 2 == 1 ? about(100, cell) : NEVER;
}

static void test_what_is_in_no_group_is_counted(void **state)
{
    (void)state;
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1, 0.01], gamma: [0.9, 0.95], seed: 1-6",
         parity_stops);
    assert_part(FINDING_ALL, "with 4 of 8 configurations, all 24 runs stopped");
    assert_part(FINDING_NONE, "with 4 of 8 configurations, none of 24 runs stopped");
}

/* ---- differences ---- */

static int faster_is_earlier(struct cell cell)
{
    return about(cell.actor > 0.05 ? 100 : 300, cell) +
           (cell.actor > 0.05 ? (int)(cell.seed * 31 % 17) : 0);
}

static void test_differences_along_an_axis(void **state)
{
    (void)state;
    char expected[256];
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1], seed: 1-8", faster_is_earlier);
    const struct paired *const paired = &aggregate->comparison[1].paired;
    assert_int_equal(aggregate->comparison[1].axis, 0);
    snprintf(expected, sizeof expected,
             "actors stop earlier with actor_lr 0.1 than with 0.01, by %.1f [%.1f, %.1f] episodes "
             "of RMST(600)",
             -paired->difference, -paired->between.upper, -paired->between.lower);
    assert_said(FINDING_AXIS, expected);
    assert_close(number_of(FINDING_AXIS, "least_earlier"), paired->difference, 0, "difference");
    assert_said(FINDING_NO_DIFFERENCE, NULL);
    assert_said(FINDING_REFERENCE, NULL);
    /* A reference that was chosen from the data is not told; one that was asked for is. */
    aggregate_them((struct aggregate_options){.reference = "actor_lr=0.01,critic_lr=0.1"});
    assert_part(FINDING_REFERENCE,
                "actors stop earlier than with actor_lr 0.01, critic_lr 0.1, by ");
    /* A test, but not an interval, or the reverse: too few. */
    finish_all(NULL);
    folder_begin(NULL);
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1], seed: 1-5", faster_is_earlier);
    assert_true(aggregate->comparison[1].paired.between.upper < 0);
    assert_said(FINDING_AXIS, NULL);
    assert_said(FINDING_NO_DIFFERENCE,
                "no difference is shown between neighbouring values of actor_lr (1 pair, too few "
                "seeds or permutations); that does not show that there is none");
}

static int all_the_same_distance(struct cell cell)
{
    return about(cell.actor > 0.05 ? 100 : 300, cell);
}

static int by_chance(struct cell cell)
{
    return 100 + (int)((cell.seed * 7919 + (int64_t)(cell.actor * 1e4) * 613) % 97);
}

static void test_differences_without_an_interval_or_around_0(void **state)
{
    (void)state;
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1], seed: 1-8", all_the_same_distance);
    assert_true(isnan(aggregate->comparison[1].paired.between.lower));
    assert_true(aggregate->comparison[1].adjusted < 0.05);
    assert_said(FINDING_AXIS, NULL);
    assert_said(FINDING_NO_DIFFERENCE, NULL); /* p says that there is one */
    finish_all(NULL);
    folder_begin(NULL);
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1], seed: 1-10", by_chance);
    assert_true(aggregate->comparison[1].paired.between.lower < 0);
    assert_said(FINDING_AXIS, NULL);
    assert_said(
        FINDING_NO_DIFFERENCE,
        "no difference is shown between neighbouring values of actor_lr (1 pair); that does "
        "not show that there is none");
}

/* Of three values the largest is earlier than the second, and that later than the third; only at
 * one of two critics. */
static int up_and_down(struct cell cell)
{
    const int noise = (int)((cell.seed * 7919 + (int64_t)(cell.actor * 1e4) * 613) % 29);
    if (cell.critic < 0.05)
        return 200 + noise;
    return noise + (cell.actor > 0.05 ? 100 : cell.actor > 0.005 ? 400 : 150);
}

static void test_both_directions_along_an_axis(void **state)
{
    (void)state;
    look("actor_lr: [0.1, 0.01, 0.001], critic_lr: [0.1, 0.01], seed: 1-10", up_and_down);
    assert_part(FINDING_AXIS, "actors stop earlier with the larger of two neighbouring values of "
                              "actor_lr in 1 of 4 tested pairs of configurations, by ");
    assert_part(FINDING_AXIS, "; later in 1, by ");
    assert_part(FINDING_AXIS, "; 2 show no difference");
}

/* ---- one value against the others ---- */

/* Without a threshold like the largest two, which differ from the smallest. */
static int clipped(struct cell cell)
{
    return about(cell.clip < 5 ? 300 : 100, cell) +
           (cell.clip < 5 ? 0 : (int)(cell.seed * 31 % 17));
}

static double clipped_returns(struct cell cell)
{
    return (double)(cell.seed * 7919 % 37) + (cell.clip < 5 ? 400 : isnan(cell.clip) ? 0 : 200);
}

static int clipped_few(struct cell cell)
{
    return cell.clip < 2 ? about(100, cell) : NEVER;
}

/* A setting that is switched off has no place among the numbers: it is in no pair of a larger and a
 * smaller value, and not the largest of all. Where there is one number, the two are compared. */
static void test_a_setting_that_is_off_is_not_the_largest(void **state)
{
    (void)state;
    make_runs("actor_lr: [0.1], critic_lr: [0.1], training.clip_actor: [none, 1, 10], seed: 1-8",
              clipped);
    add_returns(clipped_returns);
    aggregate_them((struct aggregate_options){0});
    assert_part(FINDING_AXIS, "actors stop earlier with clip_actor 10 than with 1, by ");
    assert_int_equal((int)number_of(FINDING_AXIS, "pairs"), 1);
    assert_part(FINDING_RETURN, " is lower with clip_actor 10 than with 1: ");
    finish_all(NULL);
    folder_begin(NULL);
    look("actor_lr: [0.1], critic_lr: [0.1], training.clip_actor: [none, 1], seed: 1-8", clipped);
    assert_part(FINDING_AXIS, "actors stop earlier with clip_actor none than with 1, by ");
    finish_all(NULL);
    folder_begin(NULL);
    look("actor_lr: [0.1, 0.01], critic_lr: [0.1], training.clip_actor: [none, 1, 2, 3, 4], "
         "seed: 1-6",
         clipped_few);
    assert_part(FINDING_NONE, "with clip_actor 2, 3, 4 and none, none of 48 runs");
}

/* 0.9 is the reference: 0.95 is later, 0.99 later at one critic and earlier at the other. */
static int gammas(struct cell cell)
{
    const int noise = (int)((cell.seed * 7919 + (int64_t)(cell.gamma * 1e4) * 613) % 29);
    if (cell.gamma > 0.98)
        return noise + (cell.critic > 0.05 ? 350 : 150);
    return noise + (cell.gamma > 0.93 ? 300 : 250);
}

#define GAMMAS "actor_lr: [0.1], critic_lr: [0.1, 0.01], gamma: [0.9, 0.95, 0.99], "

static void test_values_against_one(void **state)
{
    (void)state;
    make_runs(GAMMAS "seed: 1-10", gammas);
    aggregate_them((struct aggregate_options){.against = "gamma=0.9"});
    assert_part(FINDING_AGAINST_RMST,
                "compared with gamma 0.9, pooled over all other axes, actors stop later with gamma "
                "0.95 by ");
    assert_part(FINDING_AGAINST_RMST, " (episodes of RMST(600)); actors stop earlier in some "
                                      "configurations and later in others with gamma 0.99 (in 1 "
                                      "and in 1 of 2)");
    assert_int_equal((int)number_of(FINDING_AGAINST_RMST, "0.99 below"), 1);
    assert_int_equal((int)number_of(FINDING_AGAINST_RMST, "0.99 above"), 1);
    assert_said(FINDING_AGAINST_NEVER, NULL);
    assert_said(FINDING_AGAINST_RETURN, NULL);
    /* A run that diverged: of its value nothing can be said, of the other it can. */
    for (int64_t run = 0; run < table.runs; run++) {
        if (cell_of(run).gamma > 0.98 && cell_of(run).seed == 1)
            put(run, DIVERGED);
    }
    aggregate_them((struct aggregate_options){.against = "gamma=0.9"});
    assert_part(FINDING_AGAINST_RMST, "actors stop later with gamma 0.95 by ");
    assert_null(strstr(find(FINDING_AGAINST_RMST)->sentence, "0.99"));
    /* Runs that are missing: neither. */
    for (int64_t run = 0; run < table.runs; run++) {
        if (cell_of(run).gamma < 0.93 && cell_of(run).seed == 1)
            put(run, PENDING);
    }
    aggregate_them((struct aggregate_options){.against = "gamma=0.9"});
    assert_said(FINDING_AGAINST_RMST, NULL);
}

static int no_gamma(struct cell cell)
{
    return 200 + (int)((cell.seed * 7919 + (int64_t)(cell.gamma * 1e4) * 613) % 97);
}

static int high_gamma_never(struct cell cell)
{
    return cell.gamma > 0.93 && cell.seed > 1 ? NEVER : about(200, cell);
}

static double returns_of_gamma(struct cell cell)
{
    return (double)(cell.seed * 7919 % 37) * (cell.gamma + 1) + (cell.gamma > 0.93 ? 200 : 100);
}

static void test_never_and_returns_against_one(void **state)
{
    (void)state;
    make_runs("actor_lr: [0.1], critic_lr: [0.1], gamma: [0.9, 0.95], seed: 1-10",
              high_gamma_never);
    add_returns(returns_of_gamma);
    aggregate_them((struct aggregate_options){.against = "gamma=0.9"});
    assert_part(FINDING_AGAINST_NEVER, "compared with gamma 0.9, the share without the event is "
                                       "higher with gamma 0.95 by 0.90 [");
    assert_part(FINDING_AGAINST_RETURN,
                "compared with gamma 0.9, the return at the last evaluation "
                "is higher with gamma 0.95 by ");
    assert_said(FINDING_RETURN, NULL); /* said once */
    finish_all(NULL);
    folder_begin(NULL);
    make_runs("actor_lr: [0.1], critic_lr: [0.1], gamma: [0.9, 0.95, 0.99], seed: 1-8", no_gamma);
    aggregate_them((struct aggregate_options){.against = "gamma=0.9"});
    assert_said(FINDING_AGAINST_RMST, NULL);
    assert_part(FINDING_NO_DIFFERENCE, "; from gamma 0.9 in RMST for 0.95 and 0.99; that does");
}

/* ---- returns ---- */

static double higher_with_slow_actors(struct cell cell)
{
    return (double)(cell.seed * 7919 % 37) + (cell.actor < 0.05 ? 200 : 0);
}

static double higher_at_one_critic(struct cell cell)
{
    return (double)(cell.seed * 7919 % 37) + (cell.actor < 0.05 && cell.critic > 0.05 ? 200 : 0);
}

static void test_returns(void **state)
{
    (void)state;
    make_runs("actor_lr: [0.1, 0.01], critic_lr: [0.1, 0.01], seed: 1-8", all_stop);
    add_returns(higher_with_slow_actors);
    aggregate_them((struct aggregate_options){0});
    assert_part(FINDING_RETURN, "the return at the last evaluation is lower with actor_lr 0.1 than "
                                "with 0.01 in both pairs of configurations; where they are "
                                "closest: ");
    assert_int_equal((int)number_of(FINDING_RETURN, "pairs"), 2);
    /* Without evaluations, the last episodes of trainings that went on to the end. */
    for (int64_t run = 0; run < table.runs; run++)
        cohort.member[run].returns[RETURN_EVALUATION] = NAN;
    aggregate_them((struct aggregate_options){0});
    assert_part(FINDING_RETURN, "the return at the end is lower with actor_lr 0.1");
    /* Of one that did not there is nothing to compare with, at its place. */
    table.run[0].total = 120;
    aggregate_them((struct aggregate_options){0});
    assert_part(FINDING_RETURN,
                "the return at the end is lower with actor_lr 0.1 than with 0.01: ");
    for (int64_t run = 0; run < table.runs; run++)
        table.run[run].total = 120;
    aggregate_them((struct aggregate_options){0});
    assert_said(FINDING_RETURN, NULL);
    add_returns(higher_at_one_critic);
    aggregate_them((struct aggregate_options){0});
    assert_said(FINDING_RETURN, NULL);
}

/* ---- all together ---- */

static int many(struct cell cell)
{
    const int64_t stopped = cell.actor > 0.2     ? 12
                            : cell.actor > 0.05  ? 11
                            : cell.actor > 0.005 ? 6
                            : cell.actor > 5e-4  ? 1
                                                 : 0;
    const int noise = (int)((cell.seed * 7919 + (int64_t)(cell.actor * 1e4) * 613) % 29);
    if (cell.critic < 0.005 && cell.actor > 0.2 && cell.seed == 1)
        return DIVERGED;
    return cell.seed <= stopped ? noise + (cell.gamma > 0.93 ? 400 : 100) : NEVER;
}

static double many_returns(struct cell cell)
{
    return (double)(cell.seed * 7919 % 37) + 100 * log10(cell.actor) + 300 * (cell.critic > 0.05);
}

static void test_at_most_eight_and_what_is_open_stays(void **state)
{
    (void)state;
    make_runs("actor_lr: [0.3, 0.1, 0.01, 0.001, 0.0001], critic_lr: [0.1, 0.001], gamma: [0.9, "
              "0.95], seed: 1-12",
              many);
    add_returns(many_returns);
    aggregate_them((struct aggregate_options){.against = "gamma=0.9",
                                              .reference = "actor_lr=0.3,critic_lr=0.1,gamma=0.9"});
    assert_int_equal(aggregate->findings, FINDINGS_MOST);
    assert_non_null(find(FINDING_UNDECIDED));
    assert_int_equal(aggregate->finding[FINDINGS_MOST - 1].rule, FINDING_LEFT_OUT);
    for (int64_t i = 1; i < aggregate->findings; i++) {
        const struct finding *const before = &aggregate->finding[i - 1];
        const struct finding *const finding = &aggregate->finding[i];
        assert_true(finding->rule >= FINDING_UNDECIDED || before->runs >= finding->runs);
        assert_true(before->rule < FINDING_UNDECIDED || finding->rule >= FINDING_UNDECIDED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_and_none, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_few_seeds_settle_nothing, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_most_and_few, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_pooled_runs_count_as_seeds, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_one_seed_says_nothing, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_runs_without_an_end, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_a_sweep_that_has_just_begun, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_sets_are_named_by_their_largest_groups, folder_begin,
                                        finish_all),
        cmocka_unit_test_setup_teardown(test_neighbours_are_a_range, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_what_is_in_no_group_is_counted, folder_begin,
                                        finish_all),
        cmocka_unit_test_setup_teardown(test_differences_along_an_axis, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_differences_without_an_interval_or_around_0,
                                        folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_both_directions_along_an_axis, folder_begin,
                                        finish_all),
        cmocka_unit_test_setup_teardown(test_a_setting_that_is_off_is_not_the_largest, folder_begin,
                                        finish_all),
        cmocka_unit_test_setup_teardown(test_values_against_one, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_never_and_returns_against_one, folder_begin,
                                        finish_all),
        cmocka_unit_test_setup_teardown(test_returns, folder_begin, finish_all),
        cmocka_unit_test_setup_teardown(test_at_most_eight_and_what_is_open_stays, folder_begin,
                                        finish_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
