// SPDX-License-Identifier: MIT
/* A training that goes on behind its limit of episodes is the one that had the larger limit from
 * the start: the same state in every byte, at each episode from then on, and the same record. */
#include "check.h"
#include "model/tracker.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>

enum { LIMIT = 40 };

static const char *const cells[] = {
    SMALL, /* censored */
    SMALL "evaluation.every=4 evaluation.episodes=2 tracking.snapshot_every=3 tracking.log_every=7",
    SMALL "training.actor_lr=10 training.critic_lr=10 training.zero_gradient=skip "
          "training.episodes_after_stop=3",
    SMALL
    "training.actor_lr=0.1 training.critic_lr=10 training.zero_gradient=skip "
    "training.episodes_after_stop=50 tracking.absorb=5", /* stops, and the limit comes first */
    SMALL "training.actor_lr=0.1 training.optimizer=sgd training.episodes_after_stop=20",
    SMALL "training.actor_lr=1 training.critic_lr=0.1 training.optimizer=sgd",
    SMALL "environment.energy_factor=1 environment.lambda_energy=1e6", /* diverges */
    SMALL "networks.input_norm=running training.streams=separate training.actor_every=3",
    SMALL "networks.actor_norm=output training.actor_lr=0.1 training.critic_lr=0.1",
    SMALL "networks.actor_precision=f64 environment.seeding=continued",
    SMALL "environment.agents=9 replay.capacity=7 training.batch=2 tracking.snapshot_every=0",
};
enum { CELLS = sizeof cells / sizeof *cells };

static struct trainer *trainer_of(const char *words, int64_t episodes)
{
    struct settings settings = settings_with(words);
    settings.training.episodes = episodes;
    return trainer_new(&settings);
}

static void assert_same_state(struct trainer *got, struct trainer *want, const char *words,
                              int64_t limit)
{
    const size_t size = trainer_state_size(want);
    assert_int_equal(trainer_state_size(got), size);
    if (memcmp(trainer_state(got), trainer_state(want), size) != 0)
        fail_msg("%s: after a limit of %d, another state in episode %d", words, (int)limit,
                 (int)trainer_episode(got));
}

/* From every smaller limit, reached or not. \return how many of these limits had ended it */
static int extend(const char *words)
{
    int ended = 0;
    for (int64_t limit = 1; limit < LIMIT; limit++) {
        struct fault fault = {""};
        struct trainer *shorter = trainer_of(words, limit), *longer = trainer_of(words, LIMIT);
        struct trainer *want = trainer_of(words, LIMIT);
        trainer_advance(shorter, limit);
        trainer_advance(want, limit);
        ended += trainer_ended_by_limit(shorter);
        assert_true(trainer_done(shorter));
        assert_true(trainer_ended_by_limit(shorter) != trainer_done(want));
        trainer_advance(longer, 3); /* what it was before does not matter */
        trainer_extend(longer, shorter);
        assert_true(trainer_done(longer) == trainer_done(want));
        if (limit > 1) /* the cause of an actor that was never updated is the only difference */
            assert_same_state(longer, want, words, limit);
        if (trainer_load(want, trainer_state(longer), trainer_state_size(longer), &fault))
            fail_msg("%s: %s", words, fault.text);
        trainer_advance(longer, LIMIT);
        trainer_free(&want);
        want = trainer_of(words, LIMIT);
        trainer_advance(want, LIMIT);
        assert_same_state(longer, want, words, limit);
        trainer_free(&want);
        trainer_free(&longer);
        trainer_free(&shorter);
    }
    return ended;
}

static void test_longer_trainings_are_those_from_the_start(void **state)
{
    (void)state;
    int ended = 0;
    for (int k = 0; k < CELLS; k++)
        ended += extend(cells[k]);
    assert_in_range(ended, CELLS, (LIMIT - 1) * CELLS - 1);
}

/* One that has not come to its limit goes on as well. */
static void test_before_its_limit(void **state)
{
    (void)state;
    for (int k = 0; k < CELLS; k++) {
        struct trainer *shorter = trainer_of(cells[k], LIMIT - 10);
        struct trainer *longer = trainer_of(cells[k], LIMIT), *want = trainer_of(cells[k], LIMIT);
        trainer_advance(shorter, 5);
        trainer_advance(want, 5);
        trainer_extend(longer, shorter);
        assert_same_state(longer, want, cells[k], LIMIT - 10);
        trainer_advance(longer, LIMIT);
        trainer_advance(want, LIMIT);
        assert_same_state(longer, want, cells[k], LIMIT - 10);
        trainer_free(&want);
        trainer_free(&longer);
        trainer_free(&shorter);
    }
}

/* The rows of a run that ended before its limit are those that it has under a larger one. */
static void test_records_of_ended_runs_are_widened(void **state)
{
    (void)state;
    int compared = 0;
    for (int k = 0; k < CELLS; k++) {
        struct trainer *shorter = trainer_of(cells[k], LIMIT),
                       *want = trainer_of(cells[k], 2 * LIMIT);
        trainer_advance(shorter, LIMIT);
        trainer_advance(want, 2 * LIMIT);
        if (!trainer_ended_by_limit(shorter)) {
            const struct extents narrow = record_extents(trainer_settings(shorter));
            const struct extents wide = record_extents(trainer_settings(want));
            struct record got;
            const size_t size = record_size(&wide);
            void *const block = calloc(size, 1), *const expected = calloc(size, 1);
            struct record bound;
            record_bind(&got, &wide, block);
            record_bind(&bound, &wide, expected);
            record_widen(trainer_record(shorter), &narrow, &got, &wide);
            record_widen(trainer_record(want), &wide, &bound, &wide);
            assert_memory_equal(block, expected, size);
            free(expected);
            free(block);
            compared++;
        }
        trainer_free(&want);
        trainer_free(&shorter);
    }
    assert_in_range(compared, 2, CELLS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longer_trainings_are_those_from_the_start),
        cmocka_unit_test(test_before_its_limit),
        cmocka_unit_test(test_records_of_ended_runs_are_widened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
