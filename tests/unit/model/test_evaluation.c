// SPDX-License-Identifier: MIT
/*
 * The evaluation against a loop of its own over greedy steps, on an environment of its own: all
 * four figures to the last bit.
 */
#include "check.h"
#include "model/evaluation.h"
#include <stdlib.h>

enum { N = 5, EPISODES = 3, STEPS = 4, SEED = 7 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct rollout rollout;
    struct evaluation evaluation;
    struct mec mec;
    struct numpy_rng rng;
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    const int lockstep = evaluation_lockstep(&w->settings);
    networks_bind(&w->nets, &w->settings, 1, &w->state, &w->scratch);
    rollout_bind(&w->rollout, &w->nets, lockstep, &w->scratch);
    evaluation_bind(&w->evaluation, &w->settings, &w->rollout, &w->scratch);
    mec_bind(&w->mec, &w->settings, &w->state, &w->scratch);
}

static int open_with(void **state, const char *words)
{
    struct world *w = calloc(1, sizeof *w);
    struct torch_rng torch;
    w->settings = settings_with(SMALL "evaluation.every=1 evaluation.episodes=3 ");
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    torch_seed(&torch, 11);
    networks_init(&w->nets, &torch);
    numpy_seed(&w->rng, 12);
    for (size_t k = 0; k < w->nets.actor.size; k++)
        w->nets.actor.theta[k] = (float)(0.4 * numpy_gaussian(&w->rng));
    *state = w;
    return 0;
}

static int open_tight(void **state)
{
    return open_with(state, "environment.channels=5 environment.storage_mb=55 "
                            "environment.min_energy_mj=1.5 environment.deadline_s.high=10");
}

static int open_wide(void **state)
{
    return open_with(state, "environment.channels=5 environment.storage_mb=1e6");
}

static int close_world(void **state)
{
    struct world *w = *state;
    free(w->state.base);
    free(w->scratch.base);
    free(w);
    return 0;
}

/* What evaluation_run should give on devices drawn from `seed`. */
static struct evaluation_result play(struct world *w, uint32_t seed)
{
    float state[N * MEC_STATE], action[N * MEC_ACTION];
    uint8_t accepted[N];
    double reward = 0.0, over = 0.0, deadline = 0.0, energy = 0.0;
    mec_seed(&w->mec, &w->rng, seed);
    mec_construct(&w->mec, &w->rng);
    for (uint32_t e = 0; e < EPISODES; e++) {
        numpy_seed(&w->rng, e);
        mec_reset(&w->mec, &w->rng);
        for (int k = 0; k < STEPS; k++) {
            struct rollout_step step;
            rollout_act(&w->rollout, 1, &w->mec, &w->rng, NULL, state, action, accepted, &step);
            reward += step.environment.reward;
            over += step.over_limit;
            deadline += step.environment.deadline_violation;
            energy += step.environment.energy_violation;
        }
    }
    return (struct evaluation_result){
        .reward = reward / EPISODES,
        .over_limit = over / (EPISODES * STEPS),
        .deadline_violation = deadline / (EPISODES * STEPS),
        .energy_violation = energy / (EPISODES * STEPS),
    };
}

static void compare(struct evaluation_result got, struct evaluation_result want)
{
    assert_close(got.reward, want.reward, 0.0, "reward");
    assert_close(got.over_limit, want.over_limit, 0.0, "over the limit");
    assert_close(got.deadline_violation, want.deadline_violation, 0.0, "deadline");
    assert_close(got.energy_violation, want.energy_violation, 0.0, "energy");
}

/* Devices from a generator of their own. */
static void construct(struct world *w, uint32_t seed)
{
    struct numpy_rng rng;
    numpy_seed(&rng, seed);
    evaluation_construct(&w->evaluation, &rng);
}

static void test_tight_limits(void **state)
{
    struct world *w = *state;
    const struct evaluation_result want = play(w, SEED);
    construct(w, SEED);
    compare(evaluation_run(&w->evaluation), want);
    compare(evaluation_run(&w->evaluation), want);
    assert_true(want.over_limit > 0.0 && want.over_limit < 1.0);
    assert_true(want.deadline_violation > 0.0 && want.energy_violation > 0.0);
    assert_true(want.deadline_violation != want.energy_violation);
}

static void test_no_limits(void **state)
{
    struct world *w = *state;
    const struct evaluation_result want = play(w, SEED);
    construct(w, SEED);
    compare(evaluation_run(&w->evaluation), want);
    assert_true(want.over_limit == 0.0);
}

static void test_other_seeds(void **state)
{
    struct world *w = *state;
    construct(w, SEED);
    const double reward = evaluation_run(&w->evaluation).reward;
    construct(w, SEED + 1);
    const struct evaluation_result other = evaluation_run(&w->evaluation);
    assert_true(other.reward != reward);
    compare(other, play(w, SEED + 1));
}

#define WITH_WORLD(test, open) cmocka_unit_test_setup_teardown(test, open, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_tight_limits, open_tight),
        WITH_WORLD(test_no_limits, open_wide),
        WITH_WORLD(test_other_seeds, open_tight),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
