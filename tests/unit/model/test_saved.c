// SPDX-License-Identifier: MIT
/* Saved states whose checksums hold and whose content does not: refused with a sentence, or trained
 * on without a crash. Meant for sanitizers as well. */
#include "check.h"
#include "model/trainer_view.h"
#include <ccmsweep/fault.h>
#include <ccmsweep/trainer.h>
#include <stdlib.h>

enum { WORDS_TRIED = 1500, ALL_UP_TO = 64 };

static const uint64_t absurd[] = {
    UINT64_MAX, /* -1 */
    INT64_MAX,  /* also a NaN */
    0,
    UINT64_C(0x7fe0000000000000), /* 9e307 */
    UINT64_C(0x7fc000007fc00000), /* NaN as f64 and as two f32 */
    UINT64_C(0x8000000080000000), /* the least i64 and i32 */
};
enum { ABSURD = sizeof absurd / sizeof *absurd };

static struct trainer *trainer_of(const char *words)
{
    const struct settings settings = settings_with(words);
    return trainer_new(&settings);
}

static void *state_of(const struct trainer *t)
{
    void *const state = malloc(trainer_state_size(t));
    trainer_save(t, state, trainer_state_size(t));
    return state;
}

/* What a training leaves is always taken: after each of its episodes, and at its end. */
static void test_honest_states_are_taken(void **state)
{
    (void)state;
    static const char *const words[] = {
        SMALL,
        SMALL "evaluation.every=4 evaluation.episodes=2 training.episodes=40",
        SMALL "training.actor_lr=0.1 training.critic_lr=0.1 training.episodes_after_stop=3",
        SMALL "training.actor_lr=10 training.critic_lr=10",
        SMALL "environment.energy_factor=1 environment.lambda_energy=1e6", /* diverges */
        SMALL "environment.agents=9 replay.capacity=7 training.batch=2 tracking.snapshot_every=0",
        SMALL "networks.input_norm=running",
        SMALL "networks.actor_norm=output training.actor_lr=0.1 training.critic_lr=0.1",
        SMALL "networks.actor_norm=hidden training.actor_lr=10 training.critic_lr=10",
        SMALL "networks.actor_precision=f64",
    };
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        struct trainer *t = trainer_of(words[k]), *other = trainer_of(words[k]);
        for (bool over = false; !over; over = trainer_done(t), trainer_advance(t, 1)) {
            struct fault fault = {""};
            void *const saved = state_of(t);
            if (trainer_load(other, saved, trainer_state_size(t), &fault) != STATUS_OK)
                fail_msg("%s, episode %lld: %s", words[k], (long long)trainer_episode(t),
                         fault.text);
            trainer_advance(other, 5); /* looking has harmed nothing that is needed */
            free(saved);
        }
        trainer_free(&other);
        trainer_free(&t);
    }
}

/* Change one word and go on from there, if that is taken. */
static bool is_taken(struct trainer *t, unsigned char *saved, size_t size, size_t at,
                     uint64_t value)
{
    struct fault fault = {""};
    uint64_t before = 0;
    memcpy(&before, saved + at, sizeof before);
    memcpy(saved + at, &value, sizeof value);
    const enum status status = trainer_load(t, saved, size, &fault);
    memcpy(saved + at, &before, sizeof before);
    if (status == STATUS_OK)
        trainer_advance(t, 3);
    else
        assert_true(strncmp(fault.text, "saved state: ", 13) == 0 || status == STATUS_FAULT);
    return status == STATUS_OK;
}

/* Words of all parts; the first ones, where most counters are, without exception. */
static void test_absurd_words_do_no_harm(void **state)
{
    const char *const every = getenv("CCMSWEEP_ALL_WORDS");
    struct trainer *t = trainer_of(*state != NULL ? *state : SMALL);
    const size_t size = trainer_state_size(t);
    trainer_advance(t, 14);
    unsigned char *const saved = state_of(t);
    int taken = 0, refused = 0;
    srandom(14);
    const size_t words = size / 8;
    const size_t tried = every != NULL ? words : WORDS_TRIED;
    for (size_t i = 0; i < tried; i++) {
        const size_t at = every != NULL || i < ALL_UP_TO ? i : (size_t)random() % words;
        for (int k = 0; k < ABSURD; k++) {
            const bool accepted = is_taken(t, saved, size, 8 * at, absurd[k]);
            taken += accepted;
            refused += !accepted;
        }
    }
    /* What is not refused are words of generators, and zeros; of f64 also numbers as large as can
     * be. */
    assert_true(refused > (*state != NULL ? 0 : taken));
    free(saved);
    trainer_free(&t);
}

/* Places that once led out of bounds or to an abort. */
static void test_counters_are_refused(void **state)
{
    (void)state;
    struct trainer *t = trainer_of(SMALL);
    const size_t size = trainer_state_size(t);
    trainer_advance(t, 14);
    unsigned char *const saved = state_of(t);
    for (int64_t episode = -1; episode <= 31; episode += 32) {
        assert_false(is_taken(t, saved, size, 32, (uint64_t)episode)); /* episodes */
    }
    assert_false(is_taken(t, saved, size, 32, INT64_MAX));
    assert_false(is_taken(t, saved, size, 40, 1)); /* done, without an outcome */
    assert_false(is_taken(t, saved, size, 40, UINT64_MAX));
    free(saved);
    trainer_free(&t);
}

/* What no observations can have added up to. */
static void test_statistics_are_refused(void **state)
{
    (void)state;
    struct trainer *t = trainer_of(SMALL "networks.input_norm=running");
    struct trainer *other = trainer_of(SMALL "networks.input_norm=running");
    const size_t size = trainer_state_size(t);
    for (int64_t episodes = 0; episodes < 3; episodes++, trainer_advance(t, 1)) {
        struct input_statistics *const at = trainer_view(t).networks->input.at;
        const struct input_statistics honest = *at;
        const double damaged[] = {NAN, INFINITY, -INFINITY, -1e-9, 1e12};
        for (size_t k = 0; k < 2 + 2 * MEC_STATE * 5; k++) {
            struct fault fault = {""};
            if (k < 2)
                at->count += k == 0 ? 1 : -1;
            else
                (k % 2 ? at->mean : at->squares)[k / 2 % MEC_STATE] =
                    damaged[(k / 2 - 1) / MEC_STATE % 5];
            void *const saved = state_of(t);
            assert_int_equal(trainer_load(other, saved, size, &fault), STATUS_INPUT);
            assert_non_null(strstr(fault.text, "the statistics of the inputs"));
            free(saved);
            *at = honest;
        }
    }
    trainer_free(&other);
    trainer_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest_states_are_taken),
        cmocka_unit_test(test_absurd_words_do_no_harm),
        cmocka_unit_test_prestate(test_absurd_words_do_no_harm,
                                  (void *)(uintptr_t)(SMALL "networks.actor_precision=f64")),
        cmocka_unit_test(test_counters_are_refused),
        cmocka_unit_test(test_statistics_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
