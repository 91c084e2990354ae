// SPDX-License-Identifier: MIT
/* The summary: what is said of events that were not seen by the end. */
#include "check.h"
#include "report/summary.h"
#include <stdlib.h>

static void expect(const int32_t *times, int64_t actors, struct summary_event want)
{
    const struct summary_event got = summary_event(times, actors);
    assert_int_equal(got.first, want.first);
    assert_int_equal(got.median, want.median);
    assert_int_equal(got.last, want.last);
    assert_int_equal(got.count, want.count);
}

static void test_all_seen(void **state)
{
    (void)state;
    const int32_t times[] = {9, 2, 7, 4, 4};
    expect(times, 5, (struct summary_event){.first = 2, .median = 4, .last = 9, .count = 5});
    expect(times, 4, (struct summary_event){.first = 2, .median = 4, .last = 9, .count = 4});
    expect(times, 1, (struct summary_event){.first = 9, .median = 9, .last = 9, .count = 1});
}

static void test_censored_times_are_later_than_all_others(void **state)
{
    (void)state;
    const int32_t some[] = {9, -1, 7, 4, -1};
    expect(some, 5, (struct summary_event){.first = 4, .median = 9, .last = -1, .count = 3});
    const int32_t half[] = {9, -1, 7, -1};
    expect(half, 4, (struct summary_event){.first = 7, .median = 9, .last = -1, .count = 2});
    const int32_t most[] = {-1, -1, 7, 4, -1};
    expect(most, 5, (struct summary_event){.first = 4, .median = -1, .last = -1, .count = 2});
    const int32_t none[] = {-1, -1};
    expect(none, 2, (struct summary_event){.first = -1, .median = -1, .last = -1, .count = 0});
}

/* What a print writes of a record that is at its fill but for `outcome` and 20 episodes played. */
static char *print(enum outcome outcome, bool json)
{
    const struct settings cell = settings_with("environment.agents=3 training.episodes=40");
    const struct extents extents = record_extents(&cell);
    void *const block = malloc(record_size(&extents));
    assert_non_null(block);
    struct record record;
    record_bind(&record, &extents, block);
    record_clear(&record, &extents);
    *record.outcome = (int32_t)outcome;
    *record.total_episodes = 20;
    record.cause[0] = CAUSE_NAN;
    record.gradient_ratio_own[1] = INFINITY;
    record.detection_episode[DETECTION_VANISHED] = 10;
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);
    assert_non_null(file);
    if (json)
        assert_true(summary_print_json(file, &cell, &record, 1.5));
    else
        summary_print(file, &cell, &record, 1.5, false);
    assert_int_equal(fclose(file), 0);
    free(block);
    return text;
}

static void test_words_of_a_diverged_run(void **state)
{
    (void)state;
    char *const text = print(OUTCOME_DIVERGED, false);
    assert_non_null(strstr(text, "seed 42: diverged in episode 20\n"));
    assert_non_null(strstr(text, "not finite"));
    assert_non_null(strstr(text, "none 2, nan 1\n"));
    assert_non_null(strstr(text, "episode 10: vanished"));
    assert_null(strstr(text, "censored"));
    free(text);
}

static void test_json_of_what_is_not_finite_is_null(void **state)
{
    (void)state;
    char *const text = print(OUTCOME_DIVERGED, true);
    assert_non_null(strstr(text, "\"outcome\": \"diverged\""));
    assert_non_null(strstr(text, "\"stopping_episode\": null"));
    assert_non_null(strstr(text, "\"final_gradient_ratio\": null"));
    assert_non_null(strstr(text, "\"mean_reward_last_100\": null"));
    assert_non_null(strstr(text, "\"run\": null"));
    assert_non_null(strstr(text, "\"nan\": 1"));
    assert_non_null(strstr(text, "\"wall_s\": 1.5"));
    assert_null(strstr(text, ": nan"));
    free(text);
}

static void test_json_is_refused_by_a_full_disk(void **state)
{
    (void)state;
    FILE *const full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    const struct settings cell = settings_with("environment.agents=3 training.episodes=40");
    const struct extents extents = record_extents(&cell);
    void *const block = malloc(record_size(&extents));
    assert_non_null(block);
    struct record record;
    record_bind(&record, &extents, block);
    record_clear(&record, &extents);
    *record.total_episodes = 1;
    assert_false(summary_print_json(full, &cell, &record, 0));
    fclose(full);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_seen),
        cmocka_unit_test(test_censored_times_are_later_than_all_others),
        cmocka_unit_test(test_words_of_a_diverged_run),
        cmocka_unit_test(test_json_of_what_is_not_finite_is_null),
        cmocka_unit_test(test_json_is_refused_by_a_full_disk),
    };
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
