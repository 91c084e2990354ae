// SPDX-License-Identifier: MIT
/*
 * Accumulated gradients against forming every pass's gradients on their own and adding them in f64,
 * over passes in which actors move far: rows are replaced, their own agent acts, nobody proposes.
 */
#include "check.h"
#include "model/frozen.h"
#include "model/mec.h"
#include "model/networks.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, MOST = 16 };
static const double TOLERANCE = 1e-5;

/* (sample, pass) pairs: its row was evaluated anew, is another agent's, nobody's, or the acting
 * agent's. */
struct tally {
    int renewed, replaced, nobody, acting;
};

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct activations x;
    struct critic_rows rows;
    struct values values;
    struct frozen frozen;
    struct numpy_rng rng;
    float *states, *actions, *joint, *d_q, *d_y, *gradient, *before;
    int32_t *list;
    double *actor, *critic; /* sums in f64 */
    int samples;
    struct tally tally;
};

static int agents(const struct world *w)
{
    return w->nets.actors.agents;
}

static void bind(struct world *w)
{
    const int b = (int)w->settings.training.batch;
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, b, &w->state, &w->scratch);
    activations_bind(&w->x, &w->nets.actors, b, &w->scratch);
    critic_rows_bind(&w->rows, &w->nets.critic, b, true, &w->scratch);
    values_bind(&w->values, &w->nets.critic, &w->scratch);
    frozen_bind(&w->frozen, &w->nets.critic, &w->nets.actors, &w->values, b, &w->scratch);
}

static void draw(struct world *w, size_t count, double scale, float *x)
{
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(scale * numpy_gaussian(&w->rng));
}

static float *room(size_t count)
{
    return calloc(count, sizeof(float));
}

static struct world *open_world(const char *words, uint32_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL);
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    w->samples = (int)w->settings.training.batch;
    const size_t b = (size_t)w->samples;
    const size_t n = (size_t)agents(w);
    const size_t parameters = w->nets.critic_family.size;
    w->states = room(b * n * S);
    w->actions = room(b * n * A);
    w->joint = room(b * (size_t)w->nets.critic.mlp.out[0]);
    w->d_q = room(b);
    w->d_y = room(b * A);
    w->before = room(b * A);
    w->gradient = room(parameters > w->nets.actor.size ? parameters : w->nets.actor.size);
    w->list = calloc(b, sizeof *w->list);
    w->actor = calloc(w->nets.actor.size, sizeof *w->actor);
    w->critic = calloc(parameters, sizeof *w->critic);
    numpy_seed(&w->rng, seed);
    draw(w, parameters, 0.4, w->nets.critic_family.theta);
    draw(w, w->nets.actor.size, 0.4, w->nets.actor.theta);
    draw(w, b * n * S, 1.0, w->states);
    draw(w, b, 1.0, w->d_q);
    for (int k = 0; k < w->samples; k++)
        w->list[k] = k;
    return w;
}

static void close_world(struct world *w)
{
    void *const all[] = {w->state.base, w->scratch.base, w->states, w->actions,  w->joint,
                         w->d_q,        w->d_y,          w->before, w->gradient, w->list,
                         w->actor,      w->critic,       w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void act(struct world *w, int i)
{
    actors_forward(&w->nets.actors, w->nets.actor.theta, i, w->samples, w->states, &w->x,
                   w->actions);
}

static void add(size_t count, const float *x, double *sum)
{
    for (size_t k = 0; k < count; k++)
        sum[k] += (double)x[k];
}

/* dL/dy of actor a, by the chain rule from the gradient by the first layer's sums. */
static void find_slopes(struct world *w, int a)
{
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    const int h1 = critic->mlp.out[0];
    for (int b = 0; b < w->samples; b++)
        for (int k = 0; k < A; k++) {
            const int joint = agents(w) * S + a * A + k;
            const int own = w->rows.agent[b] == a ? critic->joint + S + k : -1;
            double sum = 0.0;
            for (int u = 0; u < h1; u++) {
                const double d1 = (double)critic->d_a1[b * h1 + u];
                sum += d1 * (double)theta[mlp_at(&critic->mlp, 0, u, joint)];
                if (own >= 0)
                    sum += d1 * (double)theta[mlp_at(&critic->mlp, 0, u, own)];
            }
            w->d_y[b * A + k] = (float)sum;
        }
}

/* Gradients of pass i by the critic and by actors 0 … i, from its rows evaluated anew. */
static void add_pass(struct world *w, int i)
{
    struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    const size_t n = (size_t)agents(w);
    const size_t size = w->nets.actors.mlp.size;
    critic_joint_state(critic, theta, w->samples, NULL, w->states, w->joint);
    critic_joint(critic, theta, w->samples, NULL, w->joint, w->actions, w->joint);
    critic_rows_clear(&w->rows);
    for (size_t b = 0; b < (size_t)w->samples; b++)
        critic_rows_add(&w->rows, critic, (int)b, frozen_choice(&w->frozen, (int)b).agent,
                        w->states + b * n * S, w->actions + b * n * A);
    critic_evaluate(critic, theta, w->joint, &w->rows);
    critic_backward(critic, theta, &w->rows, w->d_q);
    critic_parameter_gradient(critic, theta, w->samples, &w->rows, w->d_q, w->states, w->actions,
                              w->gradient);
    add(critic->mlp.size, w->gradient, w->critic);
    for (int a = 0; a <= i; a++) {
        find_slopes(w, a);
        actors_backward(&w->nets.actors, w->nets.actor.theta, a, w->samples, w->states, &w->x,
                        w->d_y, 0.0F, w->gradient);
        add(size, w->gradient, w->actor + (size_t)a * size);
    }
}

static void count_pass(struct world *w, int i, const int32_t *before)
{
    for (int b = 0; b < w->samples; b++) {
        const int32_t agent = frozen_choice(&w->frozen, b).agent;
        w->tally.renewed += !critic_normed(&w->nets.critic) && w->frozen.br.at[b].version > 1;
        w->tally.replaced += i > 0 && agent != before[b];
        w->tally.nobody += agent == CRITIC_NOBODY;
        w->tally.acting += agent == i;
    }
}

/* Pass i as the training step makes it, then a change of actor i by `change`. */
static void make_pass(struct world *w, int i, double change)
{
    const size_t size = w->nets.actors.mlp.size;
    const size_t count = (size_t)w->samples * A;
    float *theta = w->nets.actor.theta + (size_t)i * size;
    const float *y = w->x.y + (size_t)i * count;
    int32_t agent[MOST];
    for (int b = 0; b < w->samples; b++)
        agent[b] = i > 0 ? frozen_choice(&w->frozen, b).agent : CRITIC_NOBODY;
    frozen_find(&w->frozen, w->samples, w->list);
    count_pass(w, i, agent);
    add_pass(w, i); /* leaves actor i's own gradient */
    frozen_log_pass(&w->frozen, i, (struct reals){.f32 = w->gradient});
    memcpy(w->before, y, count * sizeof *y);
    for (size_t k = 0; k < size; k++)
        theta[k] += (float)(change * numpy_gaussian(&w->rng));
    act(w, i);
    frozen_moved(&w->frozen, i, w->before, y);
    frozen_log_moved(&w->frozen, i, w->before, y);
}

static double distance(size_t count, const float *got, const double *want)
{
    double difference = 0.0;
    double size = 0.0;
    for (size_t k = 0; k < count; k++) {
        difference += pow((double)got[k] - want[k], 2.0);
        size += want[k] * want[k];
    }
    return sqrt(difference) / (size > 0.0 ? sqrt(size) : 1.0);
}

/* Returns what the passes went through. */
static struct tally compare(const char *words, uint32_t seed, double change, double bias)
{
    struct world *w = open_world(words, seed);
    const int n = agents(w);
    const size_t size = w->nets.actors.mlp.size;
    for (int i = 0; i < n; i++) {
        w->nets.actor.theta[(size_t)i * size + w->nets.actors.mlp.bias[2]] += (float)bias;
        act(w, i);
    }
    critic_turn(&w->nets.critic, w->nets.critic_family.theta);
    frozen_start(&w->frozen, w->nets.critic_family.theta, w->states, w->actions);
    draw(w, w->nets.critic.mlp.size, 0.1, w->gradient);
    add(w->nets.critic.mlp.size, w->gradient, w->critic);
    frozen_log_begin(&w->frozen, w->gradient, w->d_q);
    for (int i = 0; i < n; i++)
        make_pass(w, i, change);
    struct reals actor;
    const float *critic;
    frozen_log_end(&w->frozen, family_theta(&w->nets.actor), &w->x, &actor, &critic);
    const struct mlp *mlp = &w->nets.critic.mlp;
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t begin = mlp_layer_begin(mlp, l);
        assert_true(distance(mlp_layer_end(mlp, l) - begin, critic + begin, w->critic + begin) <
                    TOLERANCE);
        if (mlp->normed[l])
            assert_true(distance(2 * (size_t)mlp->out[l], critic + mlp->gamma[l],
                                 w->critic + mlp->gamma[l]) < TOLERANCE);
    }
    for (size_t i = 0; i < (size_t)n; i++)
        assert_true(distance(size, actor.f32 + i * size, w->actor + i * size) < TOLERANCE);
    const struct tally tally = w->tally;
    close_world(w);
    return tally;
}

static void test_small_steps(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++)
        compare(seed % 2 ? "networks.squash=softsign" : "", seed, 0.001, 0.0);
}

static void test_rows_are_replaced(void **state)
{
    (void)state;
    struct tally sum = {0};
    for (uint32_t seed = 0; seed < 40; seed++) {
        const struct tally one = compare("environment.agents=12 training.batch=13", seed, 0.5, 0.0);
        sum.renewed += one.renewed;
        sum.replaced += one.replaced;
        sum.acting += one.acting;
    }
    assert_true(sum.renewed > 1000 && sum.replaced > 300 && sum.acting > 300);
}

static void test_nobody_proposes(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 10; seed++) {
        assert_int_equal(compare("", seed, 0.01, -20.0).nobody, 5 * 8);
        const struct tally some = compare("", seed, 1.0, -3.0);
        assert_true(some.nobody > 0 && some.nobody < 5 * 8 && some.replaced > 0);
    }
}

static void test_one_agent(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 10; seed++)
        compare("environment.agents=1 environment.channels=1", seed, 0.3, 0.0);
}

static void test_still_actors(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 10; seed++)
        compare("", seed, 0.0, 0.0);
}

/* Actors with γ and β, whose updated activations have units of their own. */
static void test_normalised_actors(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++) {
        compare("networks.actor_norm=output", seed, 0.1, 0.0);
        compare("networks.actor_norm=hidden", seed, 0.1, 0.0);
    }
}

/* A critic with normalisations has another way to the same sums. */
static void test_normed_critic(void **state)
{
    static const char *const words[] = {
        "networks.critic_norm=hidden environment.agents=12 training.batch=13",
        "networks.critic_norm=hidden",
        "networks.critic_norm=hidden networks.critic_activation=linear",
        "networks.critic_norm=hidden environment.agents=1 environment.channels=1",
    };
    static const double changes[] = {0.5, 0.01, 1.0, 0.0};
    (void)state;
    struct tally sum = {0};
    for (uint32_t seed = 0; seed < 80; seed++) {
        const struct tally one =
            compare(words[seed % 4], seed, changes[seed / 4 % 4], seed % 3 == 0 ? -3.0 : 0.0);
        sum.replaced += one.replaced;
        sum.nobody += one.nobody;
        sum.acting += one.acting;
    }
    assert_true(sum.replaced > 100 && sum.nobody > 100 && sum.acting > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_steps),     cmocka_unit_test(test_rows_are_replaced),
        cmocka_unit_test(test_nobody_proposes), cmocka_unit_test(test_one_agent),
        cmocka_unit_test(test_still_actors),    cmocka_unit_test(test_normalised_actors),
        cmocka_unit_test(test_normed_critic),
    };
    return cmocka_run_group_tests_name("accumulated", tests, NULL, NULL);
}
