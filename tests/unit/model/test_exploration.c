// SPDX-License-Identifier: MIT
/* Which generator draws what, and among whom a random selection is made. */
#include "check.h"
#include "model/mec.h"
#include "model/trainer_view.h"
#include <ccmsweep/trainer.h>

enum { S = MEC_STATE, A = MEC_ACTION, EPISODES = 6, STEPS = 10 };

#define SEPARATE                                                                                   \
    SMALL "training.steps=10 training.streams=separate training.seed=42 replay.capacity=100 "

static struct trainer *play(const char *words)
{
    const struct settings s = settings_with(words);
    struct trainer *const t = trainer_new(&s);
    trainer_advance(t, EPISODES);
    assert_int_equal(trainer_view(t).replay->at->stored, EPISODES * STEPS);
    return t;
}

/* Size, cycles and deadline are drawn; what the agents do changes the energy alone. */
static bool has_same_tasks(const struct trainer *a, const struct trainer *b)
{
    const struct replay *const x = trainer_view(a).replay, *const y = trainer_view(b).replay;
    bool same = true;
    for (int64_t slot = 0; slot < x->at->stored; slot++) {
        const float *const first = replay_state(x, slot), *const second = replay_state(y, slot);
        for (int k = 0; k < x->agents * S; k++)
            same = same && (k % S == 2 || first[k] == second[k]);
    }
    return same;
}

static void test_separate_streams_give_all_trainings_the_same_tasks(void **state)
{
    static const char *const others[] = {"training.actor_lr=0.1 training.critic_lr=0.1",
                                         "training.epsilon_start=0.02", "environment.channels=1",
                                         "training.explore_among=proposers"};
    (void)state;
    struct trainer *const one = play(SEPARATE);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        char words[1024];
        snprintf(words, sizeof words, "%s%s", SEPARATE, others[k]);
        struct trainer *other = play(words);
        assert_true(has_same_tasks(one, other));
        const struct replay *const r = trainer_view(one).replay;
        assert_memory_not_equal(r->action, trainer_view(other).replay->action,
                                (size_t)(r->at->stored * r->agents * A) * sizeof(float));
        trainer_free(&other);
    }
    /* As published, the number of draws depends on what the agents do. */
    struct trainer *shared = play(SEPARATE "training.streams=shared");
    struct trainer *explores_less = play(SEPARATE "training.streams=shared environment.channels=1");
    assert_false(has_same_tasks(one, shared));
    assert_false(has_same_tasks(shared, explores_less));
    struct trainer *first = one;
    trainer_free(&first);
    trainer_free(&shared);
    trainer_free(&explores_less);
}

/* Devices, then the tasks of the first reset, from NumPy's RandomState([42, 1]). */
static void test_the_environment_has_the_first_stream(void **state)
{
    (void)state;
    struct trainer *t = play(SEPARATE);
    const struct settings *const s = trainer_settings(t);
    const float *const row = replay_state(trainer_view(t).replay, 0);
    const int n = trainer_view(t).replay->agents;
    struct numpy_rng rng;
    numpy_seed_stream(&rng, 42, 1);
    for (int i = 0; i < n; i++) {
        const struct interval power = s->environment.power_dbm, gain = s->environment.gain_db;
        assert_true(row[i * S] == (float)numpy_uniform(&rng, power.low, power.high));
        (void)numpy_double(&rng); /* the battery */
        assert_true(row[i * S + 1] == (float)numpy_uniform(&rng, gain.low, gain.high));
        (void)numpy_double(&rng); /* the clock */
    }
    for (int i = 0; i < n; i++) {
        const struct interval size = s->environment.size_mb, deadline = s->environment.deadline_s;
        assert_true(row[i * S + 3] == (float)numpy_uniform(&rng, size.low, size.high));
        (void)numpy_double(&rng); /* the cycles */
        assert_true(row[i * S + 5] == (float)numpy_uniform(&rng, deadline.low, deadline.high));
    }
    trainer_free(&t);
}

/* Accepted agents of all steps that do not propose; `*fewest` and `*most` accepted in a step in
 * which more propose than there are channels. */
static int count_uninvited(const struct trainer *t, int channels, int *fewest, int *most)
{
    const struct replay *const r = trainer_view(t).replay;
    int uninvited = 0;
    *fewest = r->agents;
    *most = 0;
    for (int64_t slot = 0; slot < r->at->stored; slot++) {
        int proposers = 0, accepted = 0;
        for (int j = 0; j < r->agents; j++) {
            const int64_t at = slot * r->agents + j;
            const bool proposes = r->action[at * A] >= 0.0F;
            proposers += proposes;
            accepted += r->accepted[at];
            uninvited += r->accepted[at] != 0 && !proposes;
        }
        if (proposers <= channels)
            continue;
        *fewest = accepted < *fewest ? accepted : *fewest;
        *most = accepted > *most ? accepted : *most;
    }
    return uninvited;
}

/* Every selection is a random one. */
#define EXPLORE                                                                                    \
    SMALL "training.steps=10 environment.agents=9 environment.channels=3 "                         \
          "training.epsilon_start=1 "                                                              \
          "training.epsilon_end=1 replay.capacity=100 "

static void test_a_random_selection_is_made_among_proposers(void **state)
{
    (void)state;
    int fewest = 0, most = 0;
    struct trainer *t = play(EXPLORE "environment.storage_mb=1e6");
    assert_true(count_uninvited(t, 3, &fewest, &most) > 0);
    trainer_free(&t);
    t = play(EXPLORE "environment.storage_mb=1e6 training.explore_among=proposers");
    assert_int_equal(count_uninvited(t, 3, &fewest, &most), 0);
    assert_true(fewest == 3 && most == 3);
    trainer_free(&t);
    /* Where the server has no room for three, the last are left out. */
    t = play(EXPLORE "environment.storage_mb=60 training.explore_among=proposers");
    assert_int_equal(count_uninvited(t, 3, &fewest, &most), 0);
    assert_true(fewest < 3 && most <= 3);
    trainer_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separate_streams_give_all_trainings_the_same_tasks),
        cmocka_unit_test(test_the_environment_has_the_first_stream),
        cmocka_unit_test(test_a_random_selection_is_made_among_proposers),
    };
    return cmocka_run_group_tests_name("exploration", tests, NULL, NULL);
}
