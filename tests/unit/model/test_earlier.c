// SPDX-License-Identifier: MIT
/*
 * Where a run begins that was not the first of its process: what is drawn for an earlier run is
 * what training it draws, and all thirty-two published runs begin as published.
 */
#include "check.h"
#include "csv.h"
#include "model/trainer_view.h"
#include "resume_case.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>

/* Draws of a construction with published networks: of torch, and of numpy for 50 agents. */
enum { ACTOR = 2691, ACTOR_OUTPUT = 99, CRITIC = 327425, CRITIC_OUTPUT = 129, DEVICES = 200 };

/* A training of some episodes, and the view of one that begins after it. */
struct pair {
    struct trainer *first, *second;
    struct trainer_view after, begun;
};

static struct pair open_pair(const char *words, int episodes)
{
    char all[512];
    struct pair pair;
    snprintf(all, sizeof all, "%s training.episodes=%d", words, episodes);
    const struct settings s = settings_with(all);
    pair.first = trainer_new(&s);
    trainer_advance(pair.first, episodes);
    assert_true(trainer_done(pair.first));
    snprintf(all, sizeof all, "%s training.earlier_episodes=%d", words, episodes);
    const struct settings later = settings_with(all);
    pair.second = trainer_new(&later);
    pair.after = trainer_view(pair.first);
    pair.begun = trainer_view(pair.second);
    return pair;
}

static void close_pair(struct pair *pair)
{
    trainer_free(&pair->first);
    trainer_free(&pair->second);
}

static void draw_words(struct mt19937 *mt, int count)
{
    for (int k = 0; k < count; k++)
        (void)mt19937_next(mt);
}

/* Python's generator draws selections and batches, so it shows every coin. */
static void test_an_earlier_run_draws_what_training_it_draws(void **state)
{
    static const char *const words[] = {
        "environment.seeding=continued",
        "training.actor_lr=0.1 training.steps=3 training.batch=7 training.epsilon_start=0.5",
        ("environment.seeding=continued environment.agents=60 environment.channels=9 "
         "networks.actor_output_init=none training.actor_lr=0.1"),
    };
    (void)state;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        struct pair pair = open_pair(words[k], 25);
        assert_memory_equal(pair.begun.python, pair.after.python, sizeof *pair.begun.python);
        const struct settings *s = trainer_settings(pair.second);
        struct numpy_rng numpy = *pair.after.numpy;
        if (s->environment.seeding == SEEDING_CONTINUED) {
            for (int64_t i = 0; i < 8 * s->environment.agents; i++)
                (void)numpy_double(&numpy);
            assert_memory_equal(pair.begun.numpy, &numpy, sizeof numpy);
        }
        close_pair(&pair);
    }
}

/* With seeding: own an environment begins as that of a first run, whatever was before. */
static void test_own_seeding_forgets(void **state)
{
    (void)state;
    struct pair pair = open_pair("training.actor_lr=0.1", 4);
    trainer_reset(pair.first);
    assert_memory_equal(pair.begun.numpy, pair.after.numpy, sizeof *pair.begun.numpy);
    assert_true(memcmp(pair.begun.python, pair.after.python, sizeof *pair.begun.python) != 0);
    close_pair(&pair);
}

/* By the published counts: the critic's last layer is always drawn twice there, the actors' unless
 * they are left as drawn. */
static void test_weights_go_on(void **state)
{
    static const struct {
        const char *words;
        int draws;
    } cases[] = {
        {"training.actor_lr=0.1", 50 * (ACTOR + ACTOR_OUTPUT) + CRITIC + CRITIC_OUTPUT},
        {"networks.actor_output_init=none", 50 * ACTOR + CRITIC + CRITIC_OUTPUT},
    };
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct pair pair = open_pair(cases[k].words, 1);
        struct torch_rng torch;
        torch_seed(&torch, 42);
        draw_words(&torch.mt, 2 * cases[k].draws);
        assert_memory_equal(pair.begun.torch, &torch, sizeof torch);
        close_pair(&pair);
    }
}

/* Several earlier runs one after the other, and again after a reset. */
static void test_runs_follow_each_other(void **state)
{
    (void)state;
    const char *const words = "environment.seeding=continued training.earlier_episodes=3+2";
    const struct settings s = settings_with(words);
    struct trainer *t = trainer_new(&s);
    const size_t size = trainer_state_size(t);
    void *const begun = malloc(size), *const again = malloc(size);
    assert_true(begun != NULL && again != NULL);
    trainer_save(t, begun, size);
    trainer_advance(t, 2);
    trainer_reset(t);
    trainer_save(t, again, size);
    assert_memory_equal(begun, again, size);

    struct numpy_rng numpy;
    numpy_seed(&numpy, 42);
    for (int i = 0; i < 2 * DEVICES; i++)
        (void)numpy_double(&numpy);
    assert_true(memcmp(&numpy, trainer_view(t).numpy, sizeof numpy) != 0);
    trainer_free(&t);
    free(begun);
    free(again);
}

/* What is not in a saved state is made again as it was: the evaluation's devices above all. */
static void test_a_saved_run_goes_on(void **state)
{
    struct trainer *ended[2];
    (void)state;
    resume("environment.seeding=continued training.earlier_episodes=3+2 training.episodes=6 "
           "training.actor_lr=0.1 evaluation.every=1 evaluation.episodes=2 environment.agents=22 "
           "environment.channels=1",
           2, 6, ended);
    for (int e = 0; e < 6; e++)
        assert_true(trainer_record(ended[1])->evaluation_reward[e] ==
                    trainer_record(ended[0])->evaluation_reward[e]);
    trainer_free(&ended[0]);
    trainer_free(&ended[1]);
}

/* An evaluation of a run whose environments continue a generator faces devices of its own. */
static void test_evaluation_has_other_devices(void **state)
{
    double rewards[2];
    (void)state;
    for (int k = 0; k < 2; k++) {
        char words[256];
        snprintf(words, sizeof words,
                 "evaluation.every=1 evaluation.episodes=2 environment.seeding=%s",
                 k == 0 ? "own" : "continued");
        const struct settings s = settings_with(words);
        struct trainer *t = trainer_new(&s);
        trainer_advance(t, 1);
        rewards[k] = trainer_record(t)->evaluation_reward[0];
        trainer_free(&t);
    }
    /* The training's devices are the same in a first run, and untrained actors too. */
    assert_true(rewards[0] != rewards[1]);
}

/* The settings of a row of published/runs.csv, to its second episode. */
static struct settings settings_of(const struct csv *runs, int row)
{
    static const char clipped[] = "training.clip_actor=1 training.clip_critic=1 "
                                  "networks.actor_output_init=none networks.tanh=exact";
    char words[512];
    snprintf(words, sizeof words,
             "training.episodes=2 training.actor_lr=%s training.critic_lr=%s "
             "environment.seeding=%s training.earlier_episodes=%s %s",
             csv_text(runs, row, "actor_lr"), csv_text(runs, row, "critic_lr"),
             csv_text(runs, row, "seeding"), csv_text(runs, row, "earlier_episodes"),
             strcmp(csv_text(runs, row, "set"), "clipped") == 0 ? clipped : "");
    return settings_with(words);
}

static bool same(const struct csv *a, int row_a, const struct csv *b, int row_b, const char *column)
{
    return strcmp(csv_text(a, row_a, column), csv_text(b, row_b, column)) == 0;
}

/* No training precedes the rewards of the first two episodes: they show generators, devices and
 * weights. The published ones are of graphics cards, whose sums in f32 have another order: their
 * actions differ in the last bits, and their rewards by up to 1.2e-7. */
static void test_all_published_runs_begin_as_published(void **state)
{
    (void)state;
    struct csv runs = csv_load("published/runs.csv");
    struct csv rewards = csv_load("published/rewards.csv");
    int found = 0;
    assert_int_equal(runs.rows, 32);
    for (int run = 0; run < runs.rows; run++) {
        const struct settings s = settings_of(&runs, run);
        struct trainer *t = trainer_new(&s);
        trainer_advance(t, 2);
        for (int row = 0; row < rewards.rows; row++) {
            const int episode = (int)csv_real(&rewards, row, "episode");
            if (episode > 2 || !same(&runs, run, &rewards, row, "set") ||
                !same(&runs, run, &rewards, row, "actor_lr") ||
                !same(&runs, run, &rewards, row, "critic_lr"))
                continue;
            assert_close(trainer_record(t)->reward[episode - 1], csv_real(&rewards, row, "reward"),
                         1.5e-7, "run %d episode %d", run, episode);
            found++;
        }
        trainer_free(&t);
    }
    assert_int_equal(found, 64);
    csv_free(&runs);
    csv_free(&rewards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_earlier_run_draws_what_training_it_draws),
        cmocka_unit_test(test_own_seeding_forgets),
        cmocka_unit_test(test_weights_go_on),
        cmocka_unit_test(test_runs_follow_each_other),
        cmocka_unit_test(test_a_saved_run_goes_on),
        cmocka_unit_test(test_evaluation_has_other_devices),
        cmocka_unit_test(test_all_published_runs_begin_as_published),
    };
    return cmocka_run_group_tests_name("earlier", tests, NULL, NULL);
}
