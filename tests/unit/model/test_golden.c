// SPDX-License-Identifier: MIT
/*
 * Whole trainings against the figures of the PyTorch reference (tests/data/README.md).
 *
 * Usage: test_golden TRACE. Both trainings of the trace (golden_case.h) must agree bit for bit in
 * everything that both hold.
 */
#include "golden_case.h"
#include "model/mec.h"
#include "model/trainer_view.h"
#include <stdlib.h>

enum { N = 50, EPISODES_MAX = 300, STEPS = 10, BATCH = 64 };

/* Relative tolerance up to and including an episode. */
struct tolerance {
    int until;
    double value;
};

struct trace {
    const char *name;
    const char *words;
    int episodes;
    int sampled[2];             /* training steps whose draws and gradients are given: e2 and … */
    struct tolerance reward[3]; /* of the episode's reward */
    struct tolerance critic[4]; /* of the critic's loss and gradients */
    int horizon;                /* last episode whose draws are the reference's; 0: all */
    int kink;                   /* actor on a kink in the first training step; 0: none is */
    struct tolerance actor[3];  /* of the gradients of the actors; empty: actor_tolerance */
    struct tolerance sums[3];   /* of their accumulated ones; empty: as the others, 1e-5 at least */
    double to_largest;          /* of an actor's gradient, by the largest actor's; 0: by its own */
};

/* Own gradients of the actors, where a trace has no schedule of its own. */
static const struct tolerance actor_tolerance[] = {{2, 2e-6}, {3, 1e-4}, {EPISODES_MAX, 2e-4}};

/* Of the variant without activations. */
#define LINEAR                                                                                     \
    "networks.actor_hidden1=512 networks.actor_hidden2=128 networks.actor_activation=linear "      \
    "networks.critic_activation=linear"

/*
 * The tolerances are those that two independent implementations of the algorithm met. Where one of
 * OpenBLAS's kernels (Haswell, Zen, SkylakeX, Cooperlake, Sandybridge, Nehalem and Prescott were
 * tried) needs more, the reason stands beside it.
 */
static const struct trace traces[] = {
    {
        /* Loss and gradients at episode 6 are 1.4e-5 from the reference with every OpenBLAS kernel
         * but the oldest, which is within 1e-7: one Adam step of a parameter whose gradient is
         * rounding noise has another sign. The reward, from which both follow, is 2e-6 off.
         * Sandybridge is 1.01e-3 off at 34. */
        .name = "env2026-a0.0001-c0.001-s42",
        .words = "training.actor_lr=0.0001 training.critic_lr=0.001",
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{40, 3e-5}},
        .critic = {{5, 1e-5}, {6, 2e-5}, {30, 1e-3}, {40, 2e-3}},
    },
    {
        /* Not beyond 150: a replay draw of episode 156 parts the kernels with a fused multiply-add
         * from the reference (6e-2 of the critic's gradient), those without it beyond 185, other
         * builds of the reference between 157 and 268: by rounding alone, as the loss grows. Up to
         * there all draws are the same, and all levels meet what is asked. */
        .name = "env2026-a0.1-c0.01-s42",
        .words = "training.actor_lr=0.1 training.critic_lr=0.01",
        .episodes = 150,
        .sampled = {2, 3},
        .reward = {{2, 1e-7}, {150, 1e-12}},
        .critic = {{6, 1e-5}, {50, 2e-4}, {150, 2e-3}},
    },
    {
        /* The kernels spread by 4e-5 until episode 6, and a replay draw parts Cooperlake from the
         * others at 14: from there on only what does not hang on the critic is compared. */
        .name = "env2024-a0.01-c0.01-s3",
        .words = "environment.preset=published-2024 training.actor_lr=0.01 "
                 "training.critic_lr=0.01 training.seed=3",
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{40, 1e-7}},
        .critic = {{6, 5e-5}, {40, 1e-3}},
        .horizon = 13,
        .actor = {{2, 2e-6}, {3, 1e-4}, {40, 5e-4}},
    },
    {
        .name = "case-size-energy",
        .words = "training.actor_lr=0.001 training.critic_lr=0.001 training.epsilon_start=0.05 "
                 "environment.storage_mb=150 environment.max_energy_mj=0.5000001 "
                 "environment.initial_energy_mj.high=0.5000001",
        .episodes = 15,
        .sampled = {2, 12},
        .reward = {{15, 1e-6}},
        .critic = {{6, 1e-5}, {15, 1e-3}},
    },
    {
        .name = "case-few-proposers",
        .words = "training.actor_lr=0.0001 training.critic_lr=0.001 training.epsilon_start=0.1 "
                 "networks.proposal_bias=-0.35",
        .episodes = 15,
        .sampled = {2, 12},
        .reward = {{15, 1e-6}},
        .critic = {{6, 1e-5}, {15, 1e-3}},
        .actor = {{2, 3e-6}, {3, 1e-4}, {15, 2e-4}}, /* Prescott: 2.2e-6 */
    },
    {
        .name = "case-nobody",
        .words = "environment.preset=published-2024 training.actor_lr=0.00001 "
                 "training.critic_lr=0.001 training.epsilon_start=0.1 networks.proposal_bias=-0.9",
        .episodes = 12,
        .sampled = {2, 12},
        .reward = {{12, 1e-6}},
        .critic = {{6, 1e-5}, {12, 1e-3}},
    },
    {
        /* In the first training step a unit of the critic lies on its kink for one sample of actor
         * 49: kernels without FMA side with the reference, those with it do not (3e-3 of that
         * actor's gradient). The case is here for the ring and the soft update, which the leaves,
         * the rows and the critic show. */
        .name = "case-ring-softupdate",
        .words = "environment.preset=published-2024 training.actor_lr=0.001 "
                 "training.critic_lr=0.001 training.epsilon_start=0.3 replay.capacity=70 "
                 "training.tau=0.05",
        .episodes = 12,
        .sampled = {2, 12},
        .reward = {{12, 2e-5}},
        .critic = {{6, 1e-5}, {12, 1e-3}},
        .kink = 49,
        .actor = {{2, 5e-4}, {12, 1e-2}},
    },
    {
        /* Two runs of the reference with other kernels of OpenBLAS part by 20. As in the next two,
         * an actor's gradient is compared by the largest actor's, and tolerances are some five
         * times what parts two such runs. */
        .name = "clip-a0.1-c0.1-s42",
        .words = "training.actor_lr=0.1 training.critic_lr=0.1 training.clip_actor=1 "
                 "training.clip_critic=1 networks.actor_output_init=none",
        .episodes = 15,
        .sampled = {2, 3},
        .reward = {{15, 5e-8}},
        .to_largest = 1e-4,
        .critic = {{3, 2e-6}, {10, 1e-4}, {15, 1.5e-3}},
        .actor = {{3, 5e-5}, {15, 3e-4}},
    },
    {
        /* The reward of a single step is up to 9e-7 off, where those of an episode agree better. */
        .name = "clip-a0.0001-c0.001-s42",
        .words = "training.actor_lr=0.0001 training.critic_lr=0.001 training.clip_actor=1 "
                 "training.clip_critic=1 networks.actor_output_init=none",
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{15, 1e-6}, {40, 2e-6}},
        .critic = {{30, 2e-6}, {40, 1e-5}},
        .sums = {{15, 1e-5}, {40, 2.5e-4}},
        .to_largest = 2.5e-5,
        .actor = {{15, 2e-6}, {40, 3e-5}},
    },
    {
        /* From the published clipped run's own start. Kernels without a fused multiply-add part at
         * 65, by a draw from the replay; its rewards to 70 are in test_published. */
        .name = "clip-published-a0.1-c0.1-s42",
        .words = "training.actor_lr=0.1 training.critic_lr=0.1 training.clip_actor=1 "
                 "training.clip_critic=1 networks.actor_output_init=none networks.tanh=exact "
                 "environment.seeding=continued",
        .episodes = 60,
        .sampled = {2, 3},
        .reward = {{2, 5e-8}, {60, 1e-12}},
        .to_largest = 1e-4,
        .critic = {{3, 2e-6}, {10, 1e-4}, {60, 1.5e-3}},
        .actor = {{3, 5e-5}, {60, 3e-4}},
    },
    {
        /* Not to its end at 40: a training of this size takes a minute, and saturates at 3. */
        .name = "large-a0.1-c0.01-s42",
        .words = "training.actor_lr=0.1 training.critic_lr=0.01 networks.actor_hidden1=1024 "
                 "networks.actor_hidden2=256",
        .episodes = 12,
        .sampled = {2, 3},
        .reward = {{2, 2e-7}, {12, 1e-12}},
        .critic = {{10, 2.5e-5}, {12, 4.5e-5}},
        .to_largest = 2.5e-5,
        .actor = {{12, 5e-7}},
    },
    {
        /* Loss and gradients from 8 on and the reward from 23 on are as far off (3.5e-6, 2.7e-7) as
         * this training is from itself (3.5e-6, 3e-7) when it rounds otherwise: the last bit of the
         * actors' weights after the first training step is enough for 2.2e-6, that of the critic's
         * values for 4.8e-6 and 5e-7 (tests/data/README.md). All levels agree on it, and so does
         * the training with the norm, the tanh and the fused sums of moments computed operation by
         * operation as PyTorch does. The reference with an exact tanh is 5e-6 (reward) and 8e-5
         * (critic) from this trace. */
        .name = "layernorm-a0.1-c0.01-s42",
        .words = GOLDEN_LAYERNORM,
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{22, 1e-7}, {40, 1e-6}},
        .critic = {{7, 3e-6}, {25, 4e-5}, {40, 1e-4}},
        .to_largest = 2.5e-5,
        .actor = {{10, 2e-6}, {25, 1.5e-5}, {40, 5e-5}},
        .sums = {{10, 1e-5}, {25, 1.5e-5}, {40, 5e-5}},
    },
    {
        /* The reward of a single step is up to 2.7e-7 off, where those of an episode agree within
         * 1e-7. */
        .name = "linear-a0.1-c0.01-s42",
        .words = "training.actor_lr=0.1 training.critic_lr=0.01 " LINEAR,
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{2, 5e-7}, {40, 1e-12}},
        .critic = {{10, 5e-5}, {15, 1.5e-4}, {40, 5e-4}},
        .to_largest = 2.5e-5,
        .actor = {{40, 5e-7}},
    },
    {
        /* Near its end a trace of wide linear actors hangs on the last bit of tanh, which is
         * rounded correctly here and not by the reference: from 35 on the actors' gradients are up
         * to 4.3e-4 off, with all kernels alike, and the reward of 40 is 3.8e-6. With a tanh of
         * which every fifth value has another last bit this training is 4e-4 to 8e-4 and 2.5e-6 to
         * 7e-6 from itself (tests/data/README.md). */
        .name = "linear-a0.0001-c0.001-s42",
        .words = "training.actor_lr=0.0001 training.critic_lr=0.001 " LINEAR,
        .episodes = 40,
        .sampled = {2, 3},
        .reward = {{39, 1.5e-6}, {40, 1e-5}},
        .critic = {{20, 2.5e-6}, {40, 1e-4}},
        .sums = {{20, 2e-5}, {34, 1.5e-4}, {40, 1e-3}},
        .to_largest = 2.5e-5,
        .actor = {{20, 2e-5}, {37, 1e-4}, {40, 1e-3}},
    },
};

/* What the two trainings of the trace left, copied out while they ran. */
static struct {
    const struct trace *trace;
    struct golden golden;
    uint8_t accepted[EPISODES_MAX][STEPS][N];
    float reward[EPISODES_MAX][STEPS];
    int64_t slot[2][BATCH];
    double weight[2][BATCH];
} run;

/* Whether what hangs on the replay's draws, the critic above all, is compared in an episode. */
static bool has_draws(int episode)
{
    return run.trace->horizon == 0 || episode <= run.trace->horizon;
}

static double tolerance_at(const struct tolerance *steps, int episode)
{
    int k = 0;
    while (steps[k].until < episode)
        k++;
    return steps[k].value;
}

static double actor_tolerance_at(int episode)
{
    const struct tolerance *own = run.trace->actor;
    return tolerance_at(own[0].until > 0 ? own : actor_tolerance, episode);
}

/* The reference's accumulated norms are f32 sums: 1e-5 at best. */
static double sums_tolerance_at(int episode)
{
    const struct tolerance *own = run.trace->sums;
    return own[0].until > 0 ? tolerance_at(own, episode) : fmax(actor_tolerance_at(episode), 1e-5);
}

static void copy_episode(int episode)
{
    const struct trainer_view view = trainer_view(run.golden.fine);
    const struct replay *replay = view.replay;
    for (int k = 0; k < STEPS; k++) {
        const int64_t slot = (replay->at->next - STEPS + k + replay->capacity) % replay->capacity;
        memcpy(run.accepted[episode - 1][k], replay->accepted + slot * N, N);
        run.reward[episode - 1][k] = replay->reward[slot];
    }
    for (int s = 0; s < 2; s++) {
        if (run.trace->sampled[s] != episode)
            continue;
        memcpy(run.slot[s], view.step->slot, sizeof run.slot[s]);
        memcpy(run.weight[s], view.step->weight, sizeof run.weight[s]);
    }
}

static int train(void **state)
{
    (void)state;
    golden_train(&run.golden, run.trace->name, run.trace->words, run.trace->episodes, copy_episode);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    golden_free(&run.golden);
    return 0;
}

static void test_rollouts(void **state)
{
    (void)state;
    struct csv csv = golden_load(&run.golden, "rollout");
    double energy = 0.0;
    double deadline = 0.0;
    for (int row = 0; row < csv.rows; row++) {
        const int episode = (int)csv_real(&csv, row, "episode");
        const int k = row % STEPS;
        uint8_t want[N] = {0};
        for (const char *c = csv_text(&csv, row, "accepted"); *c != '\0';) {
            char *end;
            want[strtol(c, &end, 10)] = 1;
            c = *end == ' ' ? end + 1 : end;
        }
        assert_int_equal(episode, row / STEPS + 1);
        if (episode > run.trace->episodes)
            break;
        assert_memory_equal(run.accepted[episode - 1][k], want, N);
        /* the replay holds f32 */
        assert_close((double)run.reward[episode - 1][k], csv_real(&csv, row, "reward"),
                     fmax(tolerance_at(run.trace->reward, episode), 1.2e-7), "episode %d step %d",
                     episode, k);
        energy += csv_real(&csv, row, "energy_violation") / STEPS;
        deadline += csv_real(&csv, row, "deadline_violation") / STEPS;
        if (k < STEPS - 1)
            continue;
        const struct record *r = trainer_record(run.golden.fine);
        assert_true(fabs(r->energy_violation[episode - 1] - energy) < 1e-12);
        assert_true(fabs(r->deadline_violation[episode - 1] - deadline) < 1e-12);
        energy = deadline = 0.0;
    }
    assert_true(csv.rows >= 50);
    csv_free(&csv);
}

static void test_samples(void **state)
{
    (void)state;
    for (int s = 0; s < 2; s++) {
        char suffix[32];
        const int episode = run.trace->sampled[s];
        snprintf(suffix, sizeof suffix, "sample-e%d", episode);
        struct csv csv = golden_load(&run.golden, suffix);
        assert_int_equal(csv.rows, BATCH);
        for (int b = 0; b < BATCH; b++) {
            assert_int_equal(run.slot[s][b], (int)csv_real(&csv, b, "leaf"));
            assert_close(run.weight[s][b], csv_real(&csv, b, "is_weight"),
                         episode == 2 ? 1e-6 : 1e-5, "episode %d draw %d", episode, b);
        }
        csv_free(&csv);
    }
}

static void test_actor_gradients(void **state)
{
    (void)state;
    static const char *const column[] = {"own_fc1", "own_fc2", "own_fc3"};
    for (int s = 0; s < 2; s++) {
        char suffix[32];
        const int episode = run.trace->sampled[s];
        snprintf(suffix, sizeof suffix, "actor-grad-e%d", episode);
        struct csv csv = golden_load(&run.golden, suffix);
        assert_int_equal(csv.rows, N);
        const float *got =
            trainer_record(run.golden.fine)->actor_layer_grad_own + (episode - 1) * N * 3;
        double largest[3] = {0.0};
        for (int i = 0; i < N; i++)
            for (int l = 0; l < 3; l++)
                largest[l] = fmax(largest[l], csv_real(&csv, i, column[l]));
        for (int i = 0; i < N; i++) {
            for (int l = 0; l < 3; l++) {
                double tolerance = actor_tolerance_at(episode);
                if (episode == 2 && run.trace->kink > 0)
                    tolerance = i == run.trace->kink ? 5e-3 : 2e-6;
                const double want = csv_real(&csv, i, column[l]);
                if (run.trace->to_largest > 0.0 && want > 0.0)
                    tolerance = run.trace->to_largest * largest[l] / want;
                assert_close((double)got[i * 3 + l], want, tolerance, "episode %d actor %d %s",
                             episode, i, column[l]);
            }
        }
        csv_free(&csv);
    }
}

static void test_episodes(void **state)
{
    (void)state;
    struct csv csv = golden_load(&run.golden, "episodes");
    const struct record *r = trainer_record(run.golden.fine);
    for (int e = 1; e <= run.trace->episodes; e++) {
        const int row = e - 1;
        const double critic = tolerance_at(run.trace->critic, e);
        const double actor = actor_tolerance_at(e);
        assert_close(r->reward[row], csv_real(&csv, row, "reward"),
                     tolerance_at(run.trace->reward, e), "episode %d reward", e);
        assert_int_equal(r->n_selected[row] < 0 ? 0 : r->n_selected[row],
                         (int)csv_real(&csv, row, "n_selected"));
        assert_int_equal(r->actors_stopped[row], (int)csv_real(&csv, row, "actors_stopped"));
        assert_close(r->actor_grad_own[row], csv_real(&csv, row, "actor_grad_own"), actor,
                     "episode %d actor gradient", e);
        assert_close(r->actor_param_norm[row], csv_real(&csv, row, "actor_param_norm"), 1e-7,
                     "episode %d actor parameters", e);
        if (!has_draws(e))
            continue;
        assert_close((double)r->critic_loss[row], csv_real(&csv, row, "critic_loss"), critic,
                     "episode %d critic loss", e);
        assert_close(r->critic_grad_own[row], csv_real(&csv, row, "critic_grad_own"), critic,
                     "episode %d critic gradient", e);
        assert_close(r->actor_grad_accumulated[row], csv_real(&csv, row, "actor_grad_accumulated"),
                     sums_tolerance_at(e), "episode %d accumulated actor gradient", e);
        assert_close(r->critic_grad_accumulated[row],
                     csv_real(&csv, row, "critic_grad_accumulated"), fmax(critic, 1e-5),
                     "episode %d accumulated critic gradient", e);
        assert_close(r->critic_param_norm[row], csv_real(&csv, row, "critic_param_norm"), 1e-5,
                     "episode %d critic parameters", e);
    }
    csv_free(&csv);
}

/* What clipping makes measurable: norms before and after, and how many actors were clipped. */
static void test_clipping(void **state)
{
    (void)state;
    const struct record *r = trainer_record(run.golden.fine);
    if (r->actors_clipped == NULL) {
        assert_null(strstr(run.trace->name, "clip"));
        return;
    }
    struct csv csv = golden_load(&run.golden, "episodes");
    for (int e = 2; e <= run.trace->episodes && has_draws(e); e++) {
        const int row = e - 1;
        const double actor = actor_tolerance_at(e);
        assert_close(r->critic_grad_before_clip[row],
                     csv_real(&csv, row, "critic_grad_before_clip"),
                     tolerance_at(run.trace->critic, e), "episode %d critic before", e);
        assert_close(r->actor_grad_before_clip[row],
                     csv_real(&csv, row, "actor_mean_grad_before_clip"), actor,
                     "episode %d actors before", e);
        assert_close(r->actor_grad_after_clip[row],
                     csv_real(&csv, row, "actor_mean_grad_after_clip"), actor,
                     "episode %d actors after", e);
        assert_int_equal((int)lround(r->actors_clipped[row] * N),
                         (int)csv_real(&csv, row, "actors_clipped"));
    }
    csv_free(&csv);
}

/* Root mean square over the actors of one layer's norms. */
static double over_actors(const float *norms, int layer)
{
    double sum = 0.0;
    for (int i = 0; i < N; i++)
        sum += (double)norms[i * 3 + layer] * (double)norms[i * 3 + layer];
    return sqrt(sum / N);
}

static void test_layers(void **state)
{
    (void)state;
    struct csv csv = golden_load(&run.golden, "layers");
    const struct record *r = trainer_record(run.golden.fine);
    for (int e = 2; e <= run.trace->episodes && has_draws(e); e++) {
        const int row = e - 2;
        /* a layer's gradient can cancel where the whole does not: twice the whole's tolerance */
        const double critic = 2.0 * tolerance_at(run.trace->critic, e);
        const double actor = actor_tolerance_at(e);
        assert_int_equal((int)csv_real(&csv, row, "episode"), e);
        for (int l = 0; l < 3; l++) {
            const struct {
                const char *name;
                double got, tolerance;
            } figures[] = {
                {"actor_own", over_actors(r->actor_layer_grad_own + (e - 1) * N * 3, l), actor},
                {"actor_accumulated",
                 over_actors(r->actor_layer_grad_accumulated + (e - 1) * N * 3, l),
                 sums_tolerance_at(e)},
                {"critic_own", r->critic_layer_grad_own[(e - 1) * 3 + l], critic},
                {"critic_accumulated", r->critic_layer_grad_accumulated[(e - 1) * 3 + l],
                 run.trace->to_largest > 0.0 ? fmax(critic, 2e-5) : critic},
            };
            for (size_t f = 0; f < sizeof figures / sizeof figures[0]; f++) {
                char column[64];
                snprintf(column, sizeof column, "%s_fc%d", figures[f].name, l + 1);
                assert_close(figures[f].got, csv_real(&csv, row, column), figures[f].tolerance,
                             "episode %d %s", e, column);
            }
        }
    }
    csv_free(&csv);
}

static void test_preactivations(void **state)
{
    (void)state;
    struct csv csv = golden_load(&run.golden, "preactivation");
    const struct record *r = trainer_record(run.golden.coarse);
    for (int row = 0; row < run.trace->episodes / 10 && has_draws((row + 1) * 10); row++) {
        const double std = csv_real(&csv, row, "std");
        assert_int_equal((int)csv_real(&csv, row, "episode"), (row + 1) * 10);
        assert_true(fabs(r->preactivation_mean[row] - csv_real(&csv, row, "mean")) <= 2e-5 * std);
        assert_close(r->preactivation_std[row], std, 2e-5, "row %d std", row);
        assert_close(r->preactivation_min[row], csv_real(&csv, row, "min"), 5e-6, "row %d", row);
        assert_close(r->preactivation_max[row], csv_real(&csv, row, "max"), 5e-6, "row %d", row);
        assert_close(r->saturation[row], csv_real(&csv, row, "saturation"), 2e-4, "row %d", row);
    }
    csv_free(&csv);
}

/* At a learning rate of 0.1 the first training step drives every actor over the tanh cliff. */
static void test_causes(void **state)
{
    (void)state;
    const struct record *r = trainer_record(run.golden.fine);
    for (int i = 0; i < N; i++) {
        assert_int_equal(r->gradient_zero[i], 3);
        assert_int_equal(r->gradient_zero_first[i], 3);
        assert_int_equal(r->hard_saturation[i], 3);
        assert_int_equal(r->cause[i], CAUSE_TANH_HARD);
        assert_true(r->tanh_slope_zero[2 * N + i] == 1.0F && r->tanh_slope_mean[2 * N + i] == 0.0F);
        assert_true(r->grad_norm_y[2 * N + i] > 0.0F && r->grad_norm_z[2 * N + i] == 0.0F);
    }
}

/* The log interval leaves no trace in what is computed every episode, nor in the networks. */
static void test_logs_change_nothing(void **state)
{
    (void)state;
    const struct record *fine = trainer_record(run.golden.fine);
    const struct record *coarse = trainer_record(run.golden.coarse);
    const size_t episodes = (size_t)run.trace->episodes;
    const struct networks *a = trainer_view(run.golden.fine).networks;
    const struct networks *b = trainer_view(run.golden.coarse).networks;
    assert_memory_equal(fine->reward, coarse->reward, episodes * sizeof *fine->reward);
    assert_memory_equal(fine->critic_loss, coarse->critic_loss,
                        episodes * sizeof *fine->critic_loss);
    assert_memory_equal(fine->actor_moving, coarse->actor_moving, episodes * ((N + 7) / 8));
    assert_memory_equal(fine->first_still, coarse->first_still, N * sizeof *fine->first_still);
    assert_memory_equal(a->actor.theta, b->actor.theta, a->actor.size * sizeof(float));
    assert_memory_equal(a->critic_family.v, b->critic_family.v,
                        a->critic_family.size * sizeof(float));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollouts),        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_actor_gradients), cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_episodes),        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_preactivations),  cmocka_unit_test(test_logs_change_nothing),
        cmocka_unit_test(test_causes),
    };
    for (size_t k = 0; argc == 2 && k < sizeof traces / sizeof traces[0]; k++)
        if (strcmp(argv[1], traces[k].name) == 0)
            run.trace = &traces[k];
    if (run.trace == NULL) {
        fprintf(stderr, "usage: %s TRACE\n", argv[0]);
        return 2;
    }
    const bool saturates = strcmp(argv[1], "env2026-a0.1-c0.01-s42") == 0;
    const size_t count = sizeof tests / sizeof tests[0] - (saturates ? 0 : 1);
    return _cmocka_run_group_tests(argv[1], tests, count, train, clean_up);
}
