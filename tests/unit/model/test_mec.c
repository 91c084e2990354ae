// SPDX-License-Identifier: MIT
#include "check.h"
#include "csv.h"
#include "model/mec.h"
#include <stdlib.h>

enum { N = 50 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct mec mec;
    struct numpy_rng rng;
};

static void open_world(struct world *w, const char *words, uint32_t seed)
{
    *w = (struct world){.settings = settings_with(words)};
    mec_bind(&w->mec, &w->settings, &w->state, &w->scratch);
    w->state = (struct arena){.base = aligned_alloc(64, w->state.used)};
    w->scratch = (struct arena){.base = aligned_alloc(64, w->scratch.used)};
    mec_bind(&w->mec, &w->settings, &w->state, &w->scratch);
    mec_seed(&w->mec, &w->rng, seed);
    mec_construct(&w->mec, &w->rng);
    mec_reset(&w->mec, &w->rng);
}

static void close_world(struct world *w)
{
    free(w->state.base);
    free(w->scratch.base);
}

/* 25 steps with given actions, reset at steps 10 and 20. */
static void replay_steps(const char *file, const char *words)
{
    static const char *const column[MEC_STATE] = {"power", "gain",     "energy",  "size",
                                                  "cycle", "deadline", "resource"};
    struct csv csv = csv_load(file);
    struct world w;
    open_world(&w, words, 42);
    for (int step = 0; step < 25; step++) {
        double state[N * MEC_STATE], compute[N], transmit[N];
        uint8_t offload[N];
        if (step == 10 || step == 20)
            mec_reset(&w.mec, &w.rng);
        mec_state(&w.mec, state);
        for (int i = 0; i < N; i++) {
            const int row = step * N + i;
            for (int k = 0; k < MEC_STATE; k++)
                assert_close(state[i * MEC_STATE + k], csv_real(&csv, row, column[k]), 1e-12,
                             "step %d agent %d %s", step, i, column[k]);
            offload[i] = csv_real(&csv, row, "offload") != 0.0;
            compute[i] = csv_real(&csv, row, "compute");
            transmit[i] = csv_real(&csv, row, "transmit");
        }
        const struct mec_step got = mec_step(&w.mec, &w.rng, offload, compute, transmit);
        const int row = step * N;
        assert_close(got.reward, csv_real(&csv, row, "reward"), 1e-12, "step %d reward", step);
        assert_close(got.energy_violation, csv_real(&csv, row, "energy_violation"), 1e-12,
                     "step %d energy", step);
        assert_close(got.deadline_violation, csv_real(&csv, row, "deadline_violation"), 1e-12,
                     "step %d deadline", step);
    }
    close_world(&w);
    csv_free(&csv);
}

static void test_preset_2026(void **state)
{
    (void)state;
    replay_steps("golden/env-2026-s42.csv", "environment.preset=published-2026");
}

static void test_preset_2024(void **state)
{
    (void)state;
    replay_steps("golden/env-2024-s42.csv", "environment.preset=published-2024");
}

/* Constants enter the reward as the formula says: only the weights of energy and time change. */
static void test_lambdas_weigh_energy_and_time(void **state)
{
    (void)state;
    static const char *const words[] = {
        "environment.lambda_energy=1 environment.lambda_time=0",
        "environment.lambda_energy=0 environment.lambda_time=1",
        "environment.lambda_energy=5 environment.lambda_time=0.25",
    };
    double reward[3];
    for (int k = 0; k < 3; k++) {
        struct world w;
        double half[N];
        uint8_t offload[N];
        open_world(&w, words[k], 7);
        for (int i = 0; i < N; i++) {
            half[i] = 0.5;
            offload[i] = i % 3 == 0;
        }
        reward[k] = mec_step(&w.mec, &w.rng, offload, half, half).reward;
        close_world(&w);
    }
    assert_close(reward[2], 5.0 * reward[0] + 0.25 * reward[1], 1e-12, "linear in both weights");
    assert_true(reward[0] < 0.0 && reward[1] < 0.0);
}

/* With more offloaders than units the queue can only delay, never serve before arrival. */
static void test_queue_delays(void **state)
{
    (void)state;
    struct world w;
    double full[N];
    uint8_t offload[N];
    open_world(&w, "environment.units=2", 3);
    for (int i = 0; i < N; i++) {
        full[i] = 1.0;
        offload[i] = i < 6;
    }
    (void)mec_step(&w.mec, &w.rng, offload, full, full);
    for (int i = 0; i < 6; i++)
        assert_true(w.mec.finish[i] >= w.mec.time_off[i] + w.mec.time_proc[i]);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preset_2026),
        cmocka_unit_test(test_preset_2024),
        cmocka_unit_test(test_lambdas_weigh_energy_and_time),
        cmocka_unit_test(test_queue_delays),
    };
    return cmocka_run_group_tests_name("mec", tests, NULL, NULL);
}
