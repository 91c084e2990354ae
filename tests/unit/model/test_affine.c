// SPDX-License-Identifier: MIT
/*
 * A frozen critic without activations against evaluating and going back through every row of every
 * pass in f64: maximising rows, their values, and the sums of a log, over passes in which actors
 * move far. Rows are replaced, their own agent acts, nobody proposes.
 */
#include "check.h"
#include "model/frozen.h"
#include "model/mec.h"
#include "model/networks.h"
#include "model/plain/pass.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A, N = 7, B = 9, J = N * O, IN = J + O };
static const double TOLERANCE = 1e-5;

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct activations x;
    struct values values;
    struct frozen frozen;
    struct numpy_rng rng;
    struct net net; /* the critic in f64 */
    float states[B * N * S], actions[B * N * A], d_q[B], d_y[B * A], before[B * A];
    int32_t list[B];
    float *gradient;
    double *actor, *critic; /* sums in f64 */
    int replaced, nobody, acting;
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, B, &w->state, &w->scratch);
    activations_bind(&w->x, &w->nets.actors, B, &w->scratch);
    values_bind(&w->values, &w->nets.critic, &w->scratch);
    frozen_bind(&w->frozen, &w->nets.critic, &w->nets.actors, &w->values, B, &w->scratch);
}

static void draw(struct world *w, size_t count, double scale, float *x)
{
    for (size_t k = 0; k < count; k++)
        x[k] = (float)(scale * numpy_gaussian(&w->rng));
}

static struct world *open_world(const char *words, uint32_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->settings = settings_with(SMALL "environment.agents=7 training.batch=9 "
                                      "networks.critic_activation=linear");
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    const size_t size = w->nets.critic.mlp.size;
    w->gradient = calloc(size + w->nets.actor.size, sizeof *w->gradient);
    w->actor = calloc(w->nets.actor.size, sizeof *w->actor);
    w->critic = calloc(size, sizeof *w->critic);
    numpy_seed(&w->rng, seed);
    draw(w, size, 0.4, w->nets.critic_family.theta);
    draw(w, w->nets.actor.size, 0.4, w->nets.actor.theta);
    draw(w, B * N * S, 1.0, w->states);
    draw(w, B, 1.0, w->d_q);
    for (int b = 0; b < B; b++)
        w->list[b] = b;
    w->net.mlp = w->nets.critic.mlp;
    net_take(&w->net, family_theta(&w->nets.critic_family));
    return w;
}

static void close_world(struct world *w)
{
    void *const all[] = {w->state.base, w->scratch.base, w->gradient, w->actor, w->critic, w};
    net_free(&w->net);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void act(struct world *w, int i)
{
    actors_forward(&w->nets.actors, w->nets.actor.theta, i, B, w->states, &w->x, w->actions);
}

/* Rows (b, agent[b]) of all samples, evaluated in f64. */
static struct pass evaluate(const struct world *w, const int32_t agent[B])
{
    struct pass p = pass_new(&w->net, B);
    for (int b = 0; b < B; b++) {
        double *x = p.value[0] + b * IN;
        for (int k = 0; k < N * S; k++)
            x[k] = (double)w->states[b * N * S + k];
        for (int k = 0; k < N * A; k++)
            x[N * S + k] = (double)w->actions[b * N * A + k];
        for (int k = 0; k < O && agent[b] != CRITIC_NOBODY; k++)
            x[J + k] = k < S ? x[agent[b] * S + k] : x[N * S + agent[b] * A + k - S];
    }
    pass_forward(&p);
    return p;
}

/* The rows of the frozen critic are the largest of those that propose, the lowest among equals. */
static void check_rows(const struct world *w, const int32_t agent[B])
{
    int32_t best[B];
    double most[B];
    for (int b = 0; b < B; b++) {
        best[b] = CRITIC_NOBODY;
        most[b] = -INFINITY;
    }
    for (int32_t j = 0; j < N; j++) {
        const int32_t all[B] = {j, j, j, j, j, j, j, j, j};
        struct pass p = evaluate(w, all);
        for (int b = 0; b < B; b++) {
            const double q = p.value[MLP_LAYERS][b];
            if (w->actions[(b * N + j) * A] < 0.0F || !(q > most[b]))
                continue;
            best[b] = j;
            most[b] = q;
        }
        pass_free(&p);
    }
    for (int b = 0; b < B; b++)
        assert_int_equal(agent[b], best[b]);
}

static void add(size_t count, const float *x, double *sum)
{
    for (size_t k = 0; k < count; k++)
        sum[k] += (double)x[k];
}

/* Gradients of pass i by the critic and by actors 0 … i. */
static void add_pass(struct world *w, int i, const int32_t agent[B])
{
    const size_t size = w->nets.actors.mlp.size;
    struct pass p = evaluate(w, agent);
    double *gradient = calloc(w->net.mlp.size, sizeof *gradient);
    double *d[2], *e[2];
    for (int k = 0; k < 2; k++) {
        d[k] = pass_reals(B);
        e[k] = pass_reals(B);
        for (int b = 0; b < B; b++)
            d[k][b] = (double)w->d_q[b];
        pass_backward(&p, &d[k], &e[k], k == 0 ? gradient : NULL);
    }
    for (size_t k = 0; k < w->net.mlp.size; k++)
        w->critic[k] += gradient[k];
    for (int b = 0; b < B; b++)
        assert_close((double)frozen_choice(&w->frozen, b).value, p.value[MLP_LAYERS][b], 1e-6,
                     "pass %d, sample %d", i, b);
    for (int a = 0; a <= i; a++) {
        for (int k = 0; k < B * A; k++) {
            const double *x = d[1] + k / A * IN;
            w->d_y[k] =
                (float)(x[N * S + a * A + k % A] + (agent[k / A] == a ? x[J + S + k % A] : 0.0));
        }
        actors_backward(&w->nets.actors, w->nets.actor.theta, a, B, w->states, &w->x, w->d_y, 0.0F,
                        w->gradient);
        add(size, w->gradient, w->actor + (size_t)a * size);
    }
    for (int k = 0; k < 2; k++) {
        free(d[k]);
        free(e[k]);
    }
    free(gradient);
    pass_free(&p);
}

/* Pass i as the training step makes it, then a change of actor i by `change`. */
static void make_pass(struct world *w, int i, double change, int32_t agent[B])
{
    const size_t size = w->nets.actors.mlp.size;
    float *theta = w->nets.actor.theta + (size_t)i * size;
    const float *y = w->x.y + (size_t)i * B * A;
    frozen_find(&w->frozen, B, w->list);
    for (int b = 0; b < B; b++) {
        const int32_t chosen = frozen_choice(&w->frozen, b).agent;
        w->replaced += i > 0 && chosen != agent[b];
        w->nobody += chosen == CRITIC_NOBODY;
        w->acting += chosen == i;
        agent[b] = chosen;
    }
    check_rows(w, agent);
    add_pass(w, i, agent); /* leaves actor i's own gradient */
    frozen_log_pass(&w->frozen, i, (struct reals){.f32 = w->gradient});
    memcpy(w->before, y, sizeof w->before);
    for (size_t k = 0; k < size; k++)
        theta[k] += (float)(change * numpy_gaussian(&w->rng));
    act(w, i);
    frozen_moved(&w->frozen, i, w->before, y);
    frozen_log_moved(&w->frozen, i, w->before, y);
}

static void assert_near(size_t count, const float *got, const double *want)
{
    double difference = 0.0;
    double size = 0.0;
    for (size_t k = 0; k < count; k++) {
        difference += pow((double)got[k] - want[k], 2.0);
        size += want[k] * want[k];
    }
    assert_true(sqrt(difference) <= TOLERANCE * (size > 0.0 ? sqrt(size) : 1.0));
}

/* \param counts rows that were replaced, nobody's, the acting agent's: added to */
static void compare(const char *words, uint32_t seed, double change, double bias, int counts[3])
{
    struct world *w = open_world(words, seed);
    const struct mlp *mlp = &w->nets.critic.mlp;
    const size_t size = w->nets.actors.mlp.size;
    const float *theta = w->nets.critic_family.theta;
    struct reals actor;
    const float *critic;
    int32_t agent[B];
    for (int i = 0; i < N; i++) {
        w->nets.actor.theta[(size_t)i * size + w->nets.actors.mlp.bias[2]] += (float)bias;
        act(w, i);
    }
    critic_turn(&w->nets.critic, theta);
    draw(w, mlp->size, 0.1, w->gradient);
    add(mlp->size, w->gradient, w->critic);
    frozen_log_begin(&w->frozen, w->gradient, w->d_q);
    frozen_start(&w->frozen, theta, w->states, w->actions);
    for (int i = 0; i < N; i++)
        make_pass(w, i, change, agent);
    frozen_log_end(&w->frozen, family_theta(&w->nets.actor), &w->x, &actor, &critic);
    for (int l = 0; l < MLP_LAYERS; l++) {
        const size_t begin = mlp_layer_begin(mlp, l);
        assert_near(mlp_layer_end(mlp, l) - begin, critic + begin, w->critic + begin);
    }
    for (size_t i = 0; i < N; i++)
        assert_near(size, actor.f32 + i * size, w->actor + i * size);
    counts[0] += w->replaced;
    counts[1] += w->nobody;
    counts[2] += w->acting;
    close_world(w);
}

static void test_rows_and_sums(void **state)
{
    static const char *const actors[] = {"", "networks.actor_activation=linear"};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        int far[3] = {0}, silent[3] = {0}, still[3] = {0};
        for (uint32_t seed = 0; seed < 20; seed++) {
            compare(actors[k], seed, 0.5, 0.0, far);
            compare(actors[k], seed, 1.0, -3.0, silent);
            compare(actors[k], seed, 0.0, 0.0, still);
        }
        assert_true(far[0] > 100 && far[2] > 100);
        assert_true(silent[1] > 100 && silent[0] > 100);
        assert_int_equal(still[0], 0);
    }
}

/* With all weights 0 no row is worth more than another, and nothing reaches the actors. The lowest
 * agent that proposes is chosen, also when it begins to. */
static void test_weights_of_zero(void **state)
{
    (void)state;
    struct world *w = open_world("", 1);
    memset(w->nets.critic_family.theta, 0, w->nets.critic.mlp.size * sizeof(float));
    for (int i = 0; i < N; i++)
        act(w, i);
    for (int b = 0; b < B; b++) {
        w->actions[b * N * A] = w->before[b * A] = -1.0F;
        w->actions[(b * N + 3) * A] = w->actions[(b * N + 5) * A] = 1.0F;
    }
    critic_turn(&w->nets.critic, w->nets.critic_family.theta);
    frozen_start(&w->frozen, w->nets.critic_family.theta, w->states, w->actions);
    frozen_gradient(&w->frozen, 3, B, w->list, w->d_q, w->d_y);
    for (int b = 0; b < B; b++) {
        int32_t lowest = 0;
        while (w->actions[(b * N + lowest) * A] < 0.0F)
            lowest++;
        assert_int_equal(frozen_choice(&w->frozen, b).agent, lowest);
        for (int k = 0; k < A; k++)
            assert_true(w->d_y[b * A + k] == 0.0F);
        w->actions[b * N * A] = w->d_y[b * A] = 1.0F;
    }
    frozen_moved(&w->frozen, 0, w->before, w->d_y);
    for (int b = 0; b < B; b++)
        assert_int_equal(frozen_choice(&w->frozen, b).agent, 0);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_sums),
        cmocka_unit_test(test_weights_of_zero),
    };
    return cmocka_run_group_tests_name("affine", tests, NULL, NULL);
}
