// SPDX-License-Identifier: MIT
/*
 * Steps of trainings with normalised actors against the plain step: γ and β as drawn, as a training
 * makes them, flat, of either sign and saturating; sums of any size, or nearly alike, in front of
 * the norm; and dead layers, behind which it has β alone.
 */
#include "base/rng.h"
#include "model/trainer_view.h"
#include "step_check.h"

struct bend {
    struct numpy_rng rng;
    struct mlp mlp;
    int agents;
    float *theta; /* (N, P) of the actors */
};

static void as_it_is(struct bend *b)
{
    (void)b;
}

static void scale_outputs(struct bend *b)
{
    for (int i = 0; i < b->agents; i++) {
        const float factor = (float)pow(10.0, numpy_uniform(&b->rng, -7.0, 5.0));
        float *own = b->theta + (size_t)i * b->mlp.size;
        for (size_t k = b->mlp.weight[2]; k < b->mlp.bias[2] + (size_t)b->mlp.out[2]; k++)
            own[k] *= factor;
    }
}

static void kill_layers(struct bend *b)
{
    for (int i = 0; i < b->agents; i += 2) {
        float *bias = b->theta + (size_t)i * b->mlp.size + b->mlp.bias[i / 2 % 2];
        for (int k = 0; k < b->mlp.out[i / 2 % 2]; k++)
            bias[k] = -1e5F;
    }
}

static void draw_norms(struct bend *b)
{
    for (int i = 0; i < b->agents; i++) {
        float *own = b->theta + (size_t)i * b->mlp.size;
        for (int l = 0; l < MLP_LAYERS; l++) {
            for (int k = 0; b->mlp.normed[l] && k < b->mlp.out[l]; k++) {
                const double size = i % 5 == 4 ? 0.0 : pow(10.0, numpy_uniform(&b->rng, -1.0, 1.5));
                const bool negative = numpy_double(&b->rng) < 0.2;
                own[b->mlp.gamma[l] + (size_t)k] = (float)(negative ? -size : size);
                own[b->mlp.beta[l] + (size_t)k] = (float)numpy_uniform(&b->rng, -2.0, 2.0);
            }
        }
    }
}

static void draw_all(struct bend *b)
{
    scale_outputs(b);
    kill_layers(b);
    draw_norms(b);
}

static void advance_and_check(struct trainer *t, void (*bend)(struct bend *b),
                              struct counts *counts)
{
    const struct trainer_view view = trainer_view(t);
    const int64_t episode = trainer_episode(t) + 1;
    struct bend b = {.mlp = view.networks->actors.mlp,
                     .agents = view.networks->actors.agents,
                     .theta = view.networks->actor.theta};
    numpy_seed(&b.rng, (uint32_t)episode);
    bend(&b);
    check_next(t, 1, counts);
}

static void check_trainings(const char *norm)
{
    static const char *const shapes[] = {
        "training.batch=16",
        ("environment.agents=9 environment.channels=3 networks.actor_hidden1=20 "
         "networks.actor_hidden2=33 networks.tanh=exact"),
        "environment.agents=7 networks.actor_hidden1=1 networks.actor_hidden2=2",
    };
    static const char *const others[] = {
        "training.actor_lr=0.1 training.critic_lr=0.01",
        "training.actor_lr=0.0001 tracking.log_every=1 networks.actor_output_init=none",
        "training.actor_lr=0.01 training.clip_actor=0.01 training.weight_decay=0.5",
    };
    static void (*const bends[])(struct bend * b) = {as_it_is, scale_outputs, kill_layers,
                                                     draw_norms, draw_all};
    struct counts counts = {0};
    for (size_t k = 0; k < 3 * 3 * 5; k++) {
        struct settings s = settings_with(SMALL);
        apply_settings(&s, shapes[k % 3]);
        apply_settings(&s, others[k / 3 % 3]);
        apply_settings(&s, norm);
        s.training.seed = (int64_t)k;
        struct trainer *t = trainer_new(&s);
        trainer_advance(t, 2);
        for (int e = 0; e < 3; e++)
            advance_and_check(t, bends[k / 9], &counts);
        trainer_free(&t);
    }
    assert_true(counts.passes > 500);
    assert_true(counts.flipped * 50 <= counts.passes);
}

static void test_normalised_outputs(void **state)
{
    (void)state;
    check_trainings("networks.actor_norm=output");
}

static void test_normalised_hidden_layers(void **state)
{
    (void)state;
    check_trainings("networks.actor_norm=hidden");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalised_outputs),
        cmocka_unit_test(test_normalised_hidden_layers),
    };
    return cmocka_run_group_tests_name("step_norm", tests, NULL, NULL);
}
