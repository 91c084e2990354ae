// SPDX-License-Identifier: MIT
/*
 * The training step against the plain one, which evaluates everything in f64: from the same state
 * the same targets, errors, maxima, gradients and parameters. States are drawn, then bent to what
 * is hard: ties, saturated and silent actors, kinks, actions that jump within the step.
 * Usage: test_step [linear], for networks without activations.
 */
#include "model/mec.h"
#include "model/mlp.h"
#include "model/trainer_view.h"
#include "remedies_case.h"
#include "step_world.h"
#include <stdlib.h>

/* Shapes: N, K, widths and batches that divide by 16 or do not. */
static const char *const shapes[] = {
    SMALL,
    SMALL "environment.agents=9 environment.channels=3 networks.actor_hidden1=20 "
          "networks.actor_hidden2=12 networks.critic_hidden1=37 networks.critic_hidden2=21 "
          "training.batch=13 training.tau=0.05 ",
    SMALL "environment.agents=1 environment.channels=1 training.batch=16 "
          "networks.critic_hidden1=48 networks.critic_hidden2=32 networks.actor_hidden1=32 "
          "networks.actor_hidden2=16 ",
    SMALL "environment.agents=2 training.batch=1 networks.actor_hidden1=1 "
          "networks.critic_hidden2=3 ",
    SMALL "environment.agents=17 environment.channels=10 training.batch=33 networks.tanh=exact "
          "networks.critic_hidden1=100 networks.critic_hidden2=30 training.tau=0.3 ",
    SMALL "environment.agents=50 environment.channels=10 training.batch=7 "
          "networks.critic_hidden1=64 networks.critic_hidden2=17 ",
};

static const char *const rates[] = {
    "training.actor_lr=0.0001 training.critic_lr=0.001",
    "training.actor_lr=0.1 training.critic_lr=0.1",
    "training.actor_lr=1 training.critic_lr=0.01",
    "training.actor_lr=1e-30 training.critic_lr=0.001",
    "training.actor_lr=0.003 training.critic_lr=1e-30",
};

/* CCMSWEEP_STEP_SPREAD: of so many pairs of shape and rate one is tried, others in the next sweep;
 * of so many drawn combinations of settings one; and of the published size one step of each state,
 * and one episode of each training. No divisor of the number of pairs (30): some would never be. */
static size_t spread(void)
{
    const char *text = getenv("CCMSWEEP_STEP_SPREAD");
    const long every = text == NULL ? 1 : strtol(text, NULL, 10);
    return every > 1 ? (size_t)every : 1;
}

/* Three steps of every shape at every rate; moments and targets are others than the networks' own
 * where the seed is odd; each shape has actors of f64 at one rate. Of `kinds` of networks each pair
 * has the next one. */
static struct counts sweep_kinds(void (*bend)(struct world *w), size_t kinds,
                                 const char *const *kind)
{
    static size_t pair; /* of all sweeps so far */
    struct counts counts = {0};
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        for (size_t rate = 0; rate < sizeof rates / sizeof rates[0]; rate++) {
            char words[1024];
            if (pair++ % spread() != 0)
                continue;
            snprintf(words, sizeof words, "%s%s %s %s", shapes[shape], rates[rate],
                     kind[pair / spread() % kinds],
                     shape % 5 == rate ? "networks.actor_precision=f64" : "");
            const uint32_t seed = (uint32_t)(100 + 7 * shape + rate);
            struct world *w = open_world(words, seed);
            bend(w);
            if (seed % 2 == 0) {
                reals_copy(family_target(&w->nets.actor), family_theta(&w->nets.actor),
                           w->nets.actor.size);
                reals_copy(family_target(&w->nets.critic_family), critic_of(w),
                           w->nets.critic_family.size);
            }
            for (int k = 0; k < 3; k++)
                step_and_check(w, 1, &counts);
            close_world(w);
        }
    }
    return counts;
}

static struct counts sweep(void (*bend)(struct world *w))
{
    return sweep_kinds(bend, 1, (const char *const[]){""});
}

/* What only rounding decides is rare. (A large step of the critic gives its rows one pattern of
 * units, whose length a normalisation takes away: then they differ by little more than
 * rounding.) */
static void assert_rare(const struct counts *c)
{
    assert_true(c->passes > 0);
    assert_true(c->flipped * 50 <= c->passes);
    assert_true(c->doubtful * 50 <= c->passes);
    assert_true(c->exchanged * 50 <= c->rows);
}

#define SWEEP(bend)                                                                                \
    static void test_##bend(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        const struct counts counts = sweep(bend);                                                  \
        assert_rare(&counts);                                                                      \
    }
SWEEP(as_drawn)
SWEEP(wide)
SWEEP(all_saturated)
SWEEP(some_saturated)
SWEEP(at_the_cliff)
SWEEP(nobody_proposes)
SWEEP(one_proposes)
SWEEP(all_propose)
SWEEP(on_the_verge)
SWEEP(dead_actors)
SWEEP(on_kinks)

/* Whichever of nearly equal rows is chosen, the gradient is that row's. */
static void test_near_ties(void **state)
{
    (void)state;
    struct counts counts = sweep(near_ties);
    counts.exchanged = 0;
    assert_rare(&counts);
}

/* The rows were made to be equal, and many are; a few worlds alone may have none. */
static void assert_ties(long ties, long rows)
{
    assert_true(spread() > 1 ? ties > 0 : ties * 5 >= rows);
}

/* Of equal rows the lowest agent's is chosen. */
static void test_exact_ties(void **state)
{
    static void (*const bends[])(struct world *) = {blind_critic, twins, dead_critic};
    (void)state;
    /* The last needs a dead unit, which takes an activation. */
    for (size_t k = 0; k < sizeof bends / sizeof bends[0] - is_linear; k++) {
        const struct counts counts = sweep(bends[k]);
        assert_rare(&counts);
        assert_ties(counts.ties, counts.rows);
    }
}

/* A critic whose hidden layers are normalised, with and without activations. */
static const char *const normed_critics[] = {
    "networks.critic_norm=hidden",
    "networks.critic_norm=hidden networks.critic_activation=linear",
};

/* A large step of the critic gives all rows one pattern of units, whose length the normalisation
 * takes away, so that in some worlds many rows differ by little more than rounding. */
static struct counts sweep_normed(void (*bend)(struct world *w))
{
    return sweep_kinds(bend, sizeof normed_critics / sizeof normed_critics[0], normed_critics);
}

static void test_normed_critic(void **state)
{
    static void (*const bends[])(struct world *) = {
        as_drawn,        wide,         all_saturated, some_saturated, at_the_cliff,
        nobody_proposes, one_proposes, all_propose,   on_the_verge,   dead_actors};
    (void)state;
    for (size_t k = 0; k < sizeof bends / sizeof bends[0]; k++) {
        struct counts counts = sweep_normed(bends[k]);
        counts.exchanged /= 4;
        assert_rare(&counts);
    }
    struct counts counts = sweep_normed(near_ties);
    counts.exchanged = 0;
    assert_rare(&counts);
}

static void test_normed_critic_ties(void **state)
{
    static void (*const bends[])(struct world *) = {blind_critic, twins};
    long ties = 0, rows = 0;
    (void)state;
    for (size_t k = 0; k < sizeof bends / sizeof bends[0]; k++) {
        struct counts counts = sweep_normed(bends[k]);
        counts.exchanged /= 4;
        assert_rare(&counts);
        ties += counts.ties;
        rows += counts.rows;
    }
    assert_ties(ties, rows);
}

/* The published size, states as drawn and bent. */
static void test_full_size(void **state)
{
    static void (*const bends[])(struct world *) = {as_drawn, wide, some_saturated, near_ties};
    (void)state;
    struct counts counts = {0};
    for (size_t k = 0; k < sizeof bends / sizeof bends[0]; k++) {
        struct world *w =
            open_world(k % 2 ? "training.actor_lr=0.1 training.critic_lr=0.01 replay.capacity=200"
                             : "training.actor_lr=0.01 replay.capacity=200",
                       (uint32_t)k);
        bends[k](w);
        for (int t = 0; t < (spread() > 1 ? 1 : 2); t++)
            step_and_check(w, 9, &counts);
        close_world(w);
    }
    counts.flipped /= 4;
    assert_rare(&counts);
}

/* Each correction alone and all together, on small shapes and states as drawn. */
static void test_corrections(void **state)
{
    static const char *const corrections[] = {
        "replay.weighting=plain",
        "replay.priority=mean_absolute",
        "training.critic_mean=transitions",
        "training.time_limit=bootstrap",
        "training.rules=corrected",
        "training.rules=corrected replay.weighting=squared training.critic_mean=rows",
    };
    (void)state;
    struct counts counts = {0};
    for (size_t k = 0; k < sizeof corrections / sizeof corrections[0]; k++) {
        char words[1024];
        snprintf(words, sizeof words, "%s%s %s", shapes[k % 2], rates[k % 3], corrections[k]);
        struct world *w = open_world(words, (uint32_t)(300 + k));
        for (int t = 0; t < 3; t++)
            step_and_check(w, 1, &counts);
        close_world(w);
    }
    assert_rare(&counts);
}

/* Settings of the training step, drawn: each alone first, then combinations. */
static void test_remedies(void **state)
{
    static void (*const bends[])(struct world * w) = {as_drawn,      some_saturated, wide,
                                                      all_saturated, dead_actors,    at_the_edges};
    enum { DRAWN = 200 };
    (void)state;
    struct counts counts = {0};
    struct numpy_rng rng;
    numpy_seed(&rng, 7);
    for (size_t k = 0; k < 4 * REMEDIES + DRAWN; k++) {
        /* Each kind with another of its values at least. */
        if (k < 4 * REMEDIES ? spread() > 1 && k % 4 != k / 4 % 4 : k % spread() != 0)
            continue;
        char words[1024], drawn[REMEDIES_TEXT];
        write_remedies(k, &rng, drawn);
        snprintf(words, sizeof words, "%s%s%s", shapes[k % 2], rates[k % 3], drawn);
        struct world *w = open_world(words, (uint32_t)(500 + k));
        /* A penalty drives wide actors, and those at the edges, out of f32 where no activation
         * holds them. */
        bends[is_linear && k % 3 == 2 ? 0 : k % 6](w);
        for (int t = 0; t < 3; t++)
            step_and_check(w, 1, &counts);
        close_world(w);
    }
    assert_rare(&counts);
}

/* Train up to the episode before the last one, and compare that one's step. */
static void advance_and_check(struct trainer *t, int64_t episode, struct counts *counts)
{
    trainer_advance(t, episode - 1 - trainer_episode(t));
    check_next(t, 9, counts);
}

/* First and later steps of the trainings that the reference's figures are of, and of one with
 * normalised inputs. */
static void test_trainings(void **state)
{
    static const char *const words[] = {
        "training.actor_lr=0.0001 training.critic_lr=0.001",
        "training.actor_lr=0.1 training.critic_lr=0.01",
        "environment.preset=published-2024 training.actor_lr=0.01 training.critic_lr=0.01 "
        "training.seed=3",
        "training.actor_lr=0.0001 training.critic_lr=0.001 training.epsilon_start=0.1 "
        "networks.proposal_bias=-0.35",
        "environment.preset=published-2024 training.actor_lr=0.001 training.critic_lr=0.001 "
        "training.epsilon_start=0.3 replay.capacity=70 training.tau=0.05",
        "training.actor_lr=0.01 training.critic_lr=0.01 networks.input_norm=running",
    };
    static const int64_t episodes[] = {2, 3, 5};
    (void)state;
    struct counts counts = {0};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const struct settings s = settings_of(words[k]);
        struct trainer *t = trainer_new(&s);
        for (size_t e = 0; e < sizeof episodes / sizeof episodes[0]; e++)
            if (spread() == 1 || e == k % 3)
                advance_and_check(t, episodes[e], &counts);
        trainer_free(&t);
    }
    counts.flipped /= 4;
    assert_rare(&counts);
}

int main(int argc, char **argv)
{
    is_linear = argc == 2 && strcmp(argv[1], "linear") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_drawn),           cmocka_unit_test(test_wide),
        cmocka_unit_test(test_near_ties),          cmocka_unit_test(test_exact_ties),
        cmocka_unit_test(test_all_saturated),      cmocka_unit_test(test_some_saturated),
        cmocka_unit_test(test_at_the_cliff),       cmocka_unit_test(test_nobody_proposes),
        cmocka_unit_test(test_one_proposes),       cmocka_unit_test(test_all_propose),
        cmocka_unit_test(test_on_the_verge),       cmocka_unit_test(test_dead_actors),
        cmocka_unit_test(test_on_kinks),           cmocka_unit_test(test_full_size),
        cmocka_unit_test(test_trainings),          cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_remedies),           cmocka_unit_test(test_normed_critic),
        cmocka_unit_test(test_normed_critic_ties),
    };
    return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
