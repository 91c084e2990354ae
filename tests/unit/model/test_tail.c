// SPDX-License-Identifier: MIT
/*
 * The momentum tail: what moves an actor after its gradient has become exactly 0 and stayed so. In
 * whole trainings of the published size at learning rates of 0.1 and 0.01, where the first training
 * step drives all actors over the cliff of tanh.
 */
#include "check.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>

enum { N = 50 };

static int compare(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a;
    const int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Tails of all actors in ascending order, in episodes: from the first without a gradient to the
 * last that changed a parameter. */
static void find_tails(const char *words, int32_t tail[N])
{
    char all[256];
    snprintf(all, sizeof all, "training.actor_lr=0.1 training.critic_lr=0.01 %s", words);
    struct settings s = settings_with(all);
    s.training.episodes = s.networks.actor_precision == PRECISION_F64 ? 600 : 400;
    struct trainer *t = trainer_new(&s);
    trainer_advance(t, s.training.episodes);
    const struct record *r = trainer_record(t);
    for (int i = 0; i < N; i++) {
        assert_int_equal(r->gradient_zero[i], 3);
        tail[i] = r->last_change[i] - r->gradient_zero[i] + 1;
    }
    qsort(tail, N, sizeof *tail, compare);
    trainer_free(&t);
}

/* m decays as β1^k until the step is lost in the last place of a parameter, at 2^-24 of it:
 * ln(2^-24) / ln 0.9 = 158. */
static void test_adam_moves_on(void **state)
{
    (void)state;
    int32_t tail[N];
    find_tails("training.adam_beta1=0.9", tail);
    assert_in_range(tail[N / 2], 155, 162);
    assert_in_range(tail[0], 155, 162);
    assert_in_range(tail[N - 1], 158, 200);
}

/* Of actors of f64 the last place of a parameter is at 2^-53 of it: ln(2^-53) / ln 0.9 = 349, and
 * some more for parameters below 1. 353 were measured, of 5 actors with smaller parameters 354 to
 * 375. */
static void test_adam_moves_on_in_f64(void **state)
{
    (void)state;
    int32_t tail[N];
    find_tails("networks.actor_precision=f64", tail);
    assert_in_range(tail[0], 349, 358);
    assert_in_range(tail[N / 2], 349, 358);
    assert_in_range(tail[N - 1], 349, 390);
}

/* ln(2^-24) / ln 0.5 = 24, and some more: a step of 0.1 is large next to small parameters, and the
 * root of Adam's second moment shrinks as 1/√t meanwhile. 30 to 38 were measured. */
static void test_shorter_memory(void **state)
{
    (void)state;
    int32_t tail[N];
    find_tails("training.adam_beta1=0.5", tail);
    assert_in_range(tail[0], 24, 38);
    assert_in_range(tail[N - 1], 24, 38);
}

static void test_nothing_moves_on_without_momentum(void **state)
{
    (void)state;
    static const char *const words[] = {
        "training.adam_beta1=0",
        "training.zero_gradient=reset_moments",
        "training.zero_gradient=skip",
        "training.optimizer=rmsprop",
        "training.zero_gradient=skip networks.actor_precision=f64",
    };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        int32_t tail[N];
        find_tails(words[k], tail);
        assert_int_equal(tail[0], 0);
        assert_int_equal(tail[N - 1], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam_moves_on),
        cmocka_unit_test(test_adam_moves_on_in_f64),
        cmocka_unit_test(test_shorter_memory),
        cmocka_unit_test(test_nothing_moves_on_without_momentum),
    };
    return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
