// SPDX-License-Identifier: MIT
/*
 * Every backward pass against central differences of a twin in f64. The twin is written from the
 * definition of the networks, row by row, and shares no code with the model. Difference step 1e-8
 * in f64, small enough not to cross a ReLU's kink; the gradients under test are f32, hence the
 * tolerance of 1e-4 of the gradient's largest entry.
 */
#include "check.h"
#include "csv.h"
#include "model/frozen.h"
#include "model/mec.h"
#include "model/networks.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, B = 8, N = 5, J = N * (S + A), IN = J + S + A };
static const double STEP = 1e-8;
static const double TOLERANCE = 1e-4;

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct activations x;
    struct critic_rows rows;
    struct values values;
    struct frozen frozen;
    struct numpy_rng rng;
    float states[B * N * S], actions[B * N * A], *joint;
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, B, &w->state, &w->scratch);
    activations_bind(&w->x, &w->nets.actors, B, &w->scratch);
    critic_rows_bind(&w->rows, &w->nets.critic, B * N, true, &w->scratch);
    values_bind(&w->values, &w->nets.critic, &w->scratch);
    frozen_bind(&w->frozen, &w->nets.critic, &w->nets.actors, &w->values, B, &w->scratch);
    w->joint = arena_take(&w->scratch, B * 16, sizeof(float));
}

static struct world *open_with(const char *words)
{
    struct world *w = calloc(1, sizeof *w);
    struct torch_rng torch;
    w->settings = settings_with(SMALL "environment.channels=5");
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    torch_seed(&torch, 11);
    networks_init(&w->nets, &torch);
    numpy_seed(&w->rng, 12);
    for (size_t k = 0; k < w->nets.critic_family.size; k++)
        w->nets.critic_family.theta[k] = (float)(0.4 * numpy_gaussian(&w->rng));
    for (size_t k = 0; k < w->nets.actor.size; k++)
        w->nets.actor.theta[k] = (float)(0.4 * numpy_gaussian(&w->rng));
    for (int k = 0; k < B * N * S; k++)
        w->states[k] = (float)numpy_gaussian(&w->rng);
    for (int k = 0; k < B * N * A; k++)
        w->actions[k] = (float)numpy_uniform(&w->rng, -1.0, 1.0);
    return w;
}

static int open_world(void **state)
{
    *state = open_with("");
    return 0;
}

static int open_normed_critic(void **state)
{
    *state = open_with("networks.critic_norm=hidden");
    return 0;
}

static int open_normed_linear_critic(void **state)
{
    *state = open_with("networks.critic_norm=hidden networks.critic_activation=linear");
    return 0;
}

static int open_linear(void **state)
{
    *state = open_with("networks.actor_activation=linear networks.critic_activation=linear");
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    free(w->state.base);
    free(w->scratch.base);
    free(w);
    return 0;
}

/* Layer normalisation of n values in place, in f64. */
static void twin_norm(const struct mlp *mlp, const double *theta, int layer, double *y)
{
    const int n = mlp->out[layer];
    double mean = 0.0, variance = 0.0;
    for (int k = 0; k < n; k++)
        mean += y[k] / n;
    for (int k = 0; k < n; k++)
        variance += (y[k] - mean) * (y[k] - mean) / n;
    for (int k = 0; k < n; k++)
        y[k] = theta[mlp->gamma[layer] + (size_t)k] * (y[k] - mean) / sqrt(variance + 1e-5) +
               theta[mlp->beta[layer] + (size_t)k];
}

static void twin_forward(const struct mlp *mlp, const double *theta, const double *x, double *out)
{
    double in[IN > 64 ? IN : 64], y[64];
    memcpy(in, x, (size_t)mlp->in[0] * sizeof *in);
    for (int l = 0; l < MLP_LAYERS; l++) {
        for (int o = 0; o < mlp->out[l]; o++) {
            y[o] = theta[mlp->bias[l] + (size_t)o];
            for (int i = 0; i < mlp->in[l]; i++)
                y[o] += theta[mlp_at(mlp, l, o, i)] * in[i];
            if (l < 2 && mlp->activation == ACTIVATION_RELU)
                y[o] = fmax(y[o], 0.0);
        }
        if (mlp->normed[l])
            twin_norm(mlp, theta, l, y);
        memcpy(in, y, (size_t)mlp->out[l] * sizeof *y);
    }
    memcpy(out, y, (size_t)mlp->out[2] * sizeof *y);
}

static double *widen(const float *x, size_t count)
{
    double *wide = calloc(count, sizeof *wide);
    for (size_t k = 0; k < count; k++)
        wide[k] = (double)x[k];
    return wide;
}

static double twin_q(const struct world *w, const double *theta, const double *states,
                     const double *actions, int b, int agent)
{
    double in[IN] = {0};
    double q;
    memcpy(in, states + b * N * S, N * S * sizeof *in);
    memcpy(in + N * S, actions + b * N * A, N * A * sizeof *in);
    if (agent != CRITIC_NOBODY) {
        memcpy(in + J, states + (b * N + agent) * S, S * sizeof *in);
        memcpy(in + J + S, actions + (b * N + agent) * A, A * sizeof *in);
    }
    twin_forward(&w->nets.critic.mlp, theta, in, &q);
    return q;
}

/* Σ over rows of c_r · q_r: the scalar whose gradients are compared. */
static double twin_loss(const struct world *w, const float *weights, const double *theta,
                        const double *states, const double *actions)
{
    double sum = 0.0;
    for (int r = 0; r < w->rows.count; r++)
        sum += (double)weights[r] *
               twin_q(w, theta, states, actions, w->rows.sample[r], w->rows.agent[r]);
    return sum;
}

static double largest(const float *x, size_t count)
{
    double top = 0.0;
    for (size_t k = 0; k < count; k++)
        top = fmax(top, fabs((double)x[k]));
    return top;
}

static void evaluate(struct world *w)
{
    const struct critic *critic = &w->nets.critic;
    const float *theta = w->nets.critic_family.theta;
    critic_turn(&w->nets.critic, theta);
    critic_joint_state(critic, theta, B, NULL, w->states, w->joint);
    critic_joint(critic, theta, B, NULL, w->joint, w->actions, w->joint);
    critic_evaluate(critic, theta, w->joint, &w->rows);
}

static void add_row(struct world *w, int b, int agent)
{
    critic_rows_add(&w->rows, &w->nets.critic, b, agent, w->states + b * N * S,
                    w->actions + b * N * A);
}

static void test_values(void **state)
{
    struct world *w = *state;
    double *theta = widen(w->nets.critic_family.theta, w->nets.critic_family.size);
    double *states = widen(w->states, B * N * S);
    double *actions = widen(w->actions, B * N * A);
    critic_rows_clear(&w->rows);
    for (int b = 0; b < B; b++)
        for (int j = b % 2 ? 0 : CRITIC_NOBODY; j < N - 1; j++)
            add_row(w, b, j);
    evaluate(w);
    for (int r = 0; r < w->rows.count; r++) {
        const double q = twin_q(w, theta, states, actions, w->rows.sample[r], w->rows.agent[r]);
        double joint[16];
        const int b = w->rows.sample[r];
        assert_true(fabs((double)w->rows.q[r] - q) < 1e-4);
        critic_joint_f64(&w->nets.critic, w->nets.critic_family.theta, w->states + b * N * S,
                         w->actions + b * N * A, joint);
        assert_close(critic_value_f64(&w->nets.critic, w->nets.critic_family.theta, joint,
                                      w->rows.own + r * (S + A)),
                     q, 1e-12, "value of row %d in f64", r);
    }
    free(theta);
    free(states);
    free(actions);
}

/* Let `agent` alone propose in sample b, or nobody: that is the maximising row. */
static void propose(struct world *w, int b, int agent)
{
    for (int j = 0; j < N; j++) {
        float *first = &w->actions[(b * N + j) * A];
        *first = j == agent ? fabsf(*first) : -fabsf(*first) - 0.01F;
    }
}

/* Gradient of the maximising rows' weighted sum by every agent's action. */
static void compare_action_gradient(struct world *w, const int agent[B])
{
    float weights[B], d_y[B * A];
    const int32_t list[B] = {0, 1, 2, 3, 4, 5, 6, 7};
    critic_rows_clear(&w->rows);
    for (int b = 0; b < B; b++) {
        propose(w, b, agent[b]);
        add_row(w, b, agent[b]);
        weights[b] = (float)numpy_uniform(&w->rng, -1.0, -0.2);
    }
    double *theta = widen(w->nets.critic_family.theta, w->nets.critic_family.size);
    double *states = widen(w->states, B * N * S);
    double *actions = widen(w->actions, B * N * A);
    critic_turn(&w->nets.critic, w->nets.critic_family.theta);
    frozen_start(&w->frozen, w->nets.critic_family.theta, w->states, w->actions);
    frozen_find(&w->frozen, B, list);
    for (int i = 0; i < N; i++) {
        frozen_gradient(&w->frozen, i, B, list, weights, d_y);
        const double scale = largest(d_y, B * A);
        assert_true(scale > 1e-3);
        for (int b = 0; b < B; b++) {
            assert_int_equal(frozen_choice(&w->frozen, b).agent, agent[b]);
            for (int k = 0; k < A; k++) {
                double *entry = &actions[(b * N + i) * A + k];
                const double kept = *entry;
                *entry = kept + STEP;
                const double up = twin_loss(w, weights, theta, states, actions);
                *entry = kept - STEP;
                const double down = twin_loss(w, weights, theta, states, actions);
                *entry = kept;
                const double want = (up - down) / (2.0 * STEP);
                assert_true(fabs((double)d_y[b * A + k] - want) <= TOLERANCE * scale);
            }
        }
    }
    free(theta);
    free(states);
    free(actions);
}

static void test_action_gradient_through_the_argmax_row(void **state)
{
    compare_action_gradient(*state, (const int[B]){0, 1, 2, 3, 4, 0, 0, 4});
}

static void test_action_gradient_through_the_nobody_row(void **state)
{
    enum { X = CRITIC_NOBODY };
    compare_action_gradient(*state, (const int[B]){X, X, X, X, X, X, X, X});
}

static void test_action_gradient_of_mixed_rows(void **state)
{
    enum { X = CRITIC_NOBODY };
    compare_action_gradient(*state, (const int[B]){2, X, 2, 4, X, 1, 2, X});
}

static void test_critic_parameter_gradient(void **state)
{
    struct world *w = *state;
    const size_t size = w->nets.critic_family.size;
    float weights[B * N];
    float *gradient = calloc(size, sizeof *gradient);
    double *theta = widen(w->nets.critic_family.theta, size);
    double *states = widen(w->states, B * N * S);
    double *actions = widen(w->actions, B * N * A);
    critic_rows_clear(&w->rows);
    for (int b = 0; b < B; b++)
        for (int j = b % 3 == 0 ? CRITIC_NOBODY : b % N; j < (b % 3 == 0 ? 0 : N); j++)
            add_row(w, b, j);
    for (int r = 0; r < w->rows.count; r++)
        weights[r] = (float)numpy_gaussian(&w->rng);
    evaluate(w);
    critic_backward(&w->nets.critic, w->nets.critic_family.theta, &w->rows, weights);
    critic_parameter_gradient(&w->nets.critic, w->nets.critic_family.theta, B, &w->rows, weights,
                              w->states, w->actions, gradient);
    const double scale = largest(gradient, size);
    for (size_t k = 0; k < size; k++) {
        const double kept = theta[k];
        theta[k] = kept + STEP;
        const double up = twin_loss(w, weights, theta, states, actions);
        theta[k] = kept - STEP;
        const double down = twin_loss(w, weights, theta, states, actions);
        theta[k] = kept;
        const double want = (up - down) / (2.0 * STEP);
        if (fabs((double)gradient[k] - want) > TOLERANCE * scale)
            fail_msg("parameter %zu: %.9g, want %.9g of %.9g", k, (double)gradient[k], want, scale);
    }
    free(gradient);
    free(theta);
    free(states);
    free(actions);
}

/* Σ over samples of c · y of actor i. What inverting gradients are the gradient of is the sum of
 * c · z · factor, the factors being those of the point at hand: `at` (B, A), z there. */
static double twin_actor_loss(const struct world *w, const double *theta, int i,
                              const double *states, const float *weights, const double *at)
{
    double sum = 0.0;
    for (int b = 0; b < B; b++) {
        double z[A];
        twin_forward(&w->nets.actors.mlp, theta, states + (b * N + i) * S, z);
        for (int k = 0; k < A; k++) {
            const double c = (double)weights[b * A + k];
            const double here = at[b * A + k];
            const double y[] = {
                [SQUASH_TANH] = tanh(z[k]),
                [SQUASH_SOFTSIGN] = z[k] / (1.0 + fabs(z[k])),
                [SQUASH_INVERTING] = z[k] * (c < 0.0 ? 1.0 - here : 1.0 + here) / 2.0,
            };
            sum += c * y[w->nets.actors.squash.kind];
        }
    }
    return sum;
}

static void compare_actor_gradient(struct world *w, enum squash_kind kind)
{
    const struct mlp *mlp = &w->nets.actors.mlp;
    double *states = widen(w->states, B * N * S);
    double z[B * A];
    float gradient[512], weights[B * A];
    assert_true(mlp->size < 512);
    w->nets.actors.squash.kind = kind;
    for (int i = 0; i < N; i++) {
        double *theta = widen(w->nets.actor.theta + (size_t)i * mlp->size, mlp->size);
        for (int k = 0; k < B * A; k++)
            weights[k] = (float)numpy_gaussian(&w->rng);
        actors_forward(&w->nets.actors, w->nets.actor.theta, i, B, w->states, &w->x, w->actions);
        actors_backward(&w->nets.actors, w->nets.actor.theta, i, B, w->states, &w->x, weights, 0.0F,
                        gradient);
        for (int b = 0; b < B; b++)
            twin_forward(mlp, theta, states + (b * N + i) * S, z + b * A);
        const double scale = largest(gradient, mlp->size);
        for (size_t k = 0; k < mlp->size; k++) {
            const double kept = theta[k];
            theta[k] = kept + STEP;
            const double up = twin_actor_loss(w, theta, i, states, weights, z);
            theta[k] = kept - STEP;
            const double down = twin_actor_loss(w, theta, i, states, weights, z);
            theta[k] = kept;
            const double want = (up - down) / (2.0 * STEP);
            assert_true(fabs((double)gradient[k] - want) <= TOLERANCE * scale);
        }
        free(theta);
    }
    free(states);
}

static void test_actor_gradient(void **state)
{
    compare_actor_gradient(*state, SQUASH_TANH);
    compare_actor_gradient(*state, SQUASH_SOFTSIGN);
    compare_actor_gradient(*state, SQUASH_INVERTING);
}

/* Of normalised outputs also with sums of some 1e4 in front of the normalisation, as an actor has
 * them after some updates, and of normalised hidden layers. */
static void test_actor_gradient_through_norms(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct world *w = open_with("networks.actor_norm=output");
        const struct mlp *mlp = &w->nets.actors.mlp;
        assert_int_equal(mlp->size, mlp->bias[2] + 3 + 6);
        for (int i = 0; large && i < N; i++)
            for (size_t k = mlp->weight[2]; k < mlp->bias[2] + 3; k++)
                w->nets.actor.theta[(size_t)i * mlp->size + k] *= 1e4F;
        compare_actor_gradient(w, SQUASH_TANH);
        void *at = w;
        close_world(&at);
    }
    struct world *w = open_with("networks.actor_norm=hidden");
    assert_int_equal(w->nets.actors.mlp.size, w->nets.actors.mlp.bias[2] + 3 + 2 * 8 + 2 * 6);
    compare_actor_gradient(w, SQUASH_TANH);
    void *at = w;
    close_world(&at);
}

/* However large the sums, before γ and β move no value is beyond √2, and no action beyond 0.8884.
 */
static void test_fresh_norm_cannot_saturate(void **state)
{
    (void)state;
    struct world *w = open_with("networks.actor_norm=output");
    const struct mlp *mlp = &w->nets.actors.mlp;
    for (double size = 1e-6; size < 1e12; size *= 100.0) {
        for (int i = 0; i < N; i++) {
            float *own = w->nets.actor.theta + (size_t)i * mlp->size;
            for (size_t k = mlp->weight[2]; k < mlp->bias[2] + 3; k++)
                own[k] = (float)(size * numpy_gaussian(&w->rng));
            for (size_t k = 0; k < 3; k++) {
                own[mlp->gamma[2] + k] = 1.0F;
                own[mlp->beta[2] + k] = 0.0F;
            }
            actors_forward(&w->nets.actors, w->nets.actor.theta, i, B, w->states, &w->x,
                           w->actions);
            for (int k = i * B * A; k < (i + 1) * B * A; k++) {
                assert_true(fabsf(w->x.z[k]) <= 1.4142137F && fabsf(w->x.y[k]) <= 0.8884F);
                assert_true(w->x.slope[k] > 0.2F);
            }
        }
    }
    void *at = w;
    close_world(&at);
}

static void test_best_is_the_lowest_agent_among_equals(void **state)
{
    (void)state;
    assert_int_equal(critic_best((const float[]){1, 3, 3, 2, 3}, 5), 1);
    assert_int_equal(critic_best((const float[]){-5, -6, -5, -7, -6}, 5), 0);
    assert_int_equal(critic_best((const float[]){NAN, -6, NAN, -5, NAN}, 5), 3);
    assert_int_equal(critic_best((const float[]){2}, 1), 0);
}

static void check_tensor(const struct csv *csv, int row, const float *x, size_t count)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += (double)x[k];
        squares += (double)x[k] * (double)x[k];
    }
    const float last = x[count - 1];
    assert_close((double)x[0], csv_real(csv, row, "first"), 0.0, "row %d first", row);
    if (count > 1)
        assert_close((double)x[1], csv_real(csv, row, "second"), 0.0, "row %d second", row);
    if (count > 2)
        assert_close((double)x[2], csv_real(csv, row, "third"), 0.0, "row %d third", row);
    assert_close((double)last, csv_real(csv, row, "last"), 0.0, "row %d last", row);
    assert_close(sum, csv_real(csv, row, "sum"), 1e-9, "row %d sum", row);
    assert_close(squares, csv_real(csv, row, "sum_of_squares"), 1e-9, "row %d squares", row);
}

/* Where a parameter of a tensor lies, by PyTorch's order: output by output. */
static size_t place_of(const struct mlp *mlp, const char *name, int k)
{
    if (strcmp(name, "layer_norm.weight") == 0)
        return mlp->gamma[2] + (size_t)k;
    if (strcmp(name, "layer_norm.bias") == 0)
        return mlp->beta[2] + (size_t)k;
    const int l = name[2] - '1';
    if (strcmp(name + 4, "bias") == 0)
        return mlp->bias[l] + (size_t)k;
    return mlp_at(mlp, l, k / mlp->in[l], k % mlp->in[l]);
}

static void check_initial_weights(const char *file, const char *words, size_t actor, int rows)
{
    struct csv csv = csv_load(file);
    struct settings settings = settings_with(words);
    struct networks nets;
    struct torch_rng torch;
    struct arena kept = {0}, scratch = {0};
    networks_bind(&nets, &settings, 1, &kept, &scratch);
    kept = (struct arena){.base = aligned_alloc(64, kept.used)};
    scratch = (struct arena){.base = aligned_alloc(64, scratch.used)};
    networks_bind(&nets, &settings, 1, &kept, &scratch);
    torch_seed(&torch, 42);
    networks_init(&nets, &torch);
    assert_int_equal(nets.actor.size, 50 * actor);
    assert_int_equal(nets.critic_family.size, 327425);
    for (int row = 0; row < csv.rows; row++) {
        const char *network = csv_text(&csv, row, "network");
        const char *name = csv_text(&csv, row, "parameter");
        const int is_critic = strcmp(network, "critic") == 0;
        const struct mlp *mlp = is_critic ? &nets.critic.mlp : &nets.actors.mlp;
        const float *theta =
            is_critic ? nets.critic_family.theta
                      : nets.actor.theta + (size_t)atoi(network + 5) * nets.actors.mlp.size;
        const int l = name[0] == 'f' ? name[2] - '1' : 2;
        const bool weight = name[0] == 'f' && strcmp(name + 4, "weight") == 0;
        const int count = mlp->out[l] * (weight ? mlp->in[l] : 1);
        float *tensor = calloc((size_t)count, sizeof *tensor);
        for (int k = 0; k < count; k++)
            tensor[k] = theta[place_of(mlp, name, k)];
        check_tensor(&csv, row, tensor, (size_t)count);
        free(tensor);
    }
    assert_int_equal(csv.rows, rows);
    assert_memory_equal(nets.actor.theta, nets.actor.target, nets.actor.size * sizeof(float));
    free(kept.base);
    free(scratch.base);
    csv_free(&csv);
}

static void test_initial_weights(void **state)
{
    (void)state;
    check_initial_weights("golden/net-init-s42.csv", "", 2691, 24);
    check_initial_weights("golden/layernorm-init-s42.csv",
                          "networks.actor_norm=output networks.actor_output_init=none", 2697, 30);
    check_initial_weights("golden/linear-init-s42.csv",
                          "networks.actor_activation=linear networks.critic_activation=linear "
                          "networks.actor_hidden1=512 networks.actor_hidden2=128",
                          70147, 24);
}

/* One Adam step on known numbers, and the momentum tail: after the gradient has become zero the
 * parameters go on moving for about 158 steps at the published settings, then never again. */
static void test_adam(void **state)
{
    (void)state;
    float theta[2] = {1.0F, -2.0F}, m[2] = {0}, v[2] = {0}, g[2] = {0.5F, 0.0F};
    struct adam adam = adam_scalars(0.1, 0.9, 0.999, 1e-8, 1);
    struct adam_effect effect = kernels_best()->adam(&adam, 2, theta, m, v, g);
    assert_true(effect.changed && effect.finite);
    assert_close((double)theta[0], 0.9, 1e-6, "first step is the learning rate");
    assert_true(theta[1] == -2.0F);
    g[0] = 0.0F;
    int64_t last = 1;
    for (int64_t t = 2; t < 1000; t++) {
        adam = adam_scalars(0.1, 0.9, 0.999, 1e-8, t);
        effect = kernels_best()->adam(&adam, 2, theta, m, v, g);
        if (effect.changed)
            last = t;
        assert_true(effect.gradient_zero && effect.gradient_finite);
    }
    assert_in_range(last, 120, 170);
    g[0] = INFINITY;
    effect = kernels_best()->adam(&adam, 2, theta, m, v, g);
    assert_false(effect.finite || effect.gradient_finite || effect.gradient_zero);
}

static void test_soft_update(void **state)
{
    (void)state;
    float target[2] = {1.0F, 4.0F};
    const float source[2] = {3.0F, 8.0F};
    adam_soft_update(0.25, 2, target, source);
    assert_true(target[0] == 1.5F && target[1] == 5.0F);
    adam_soft_update(1.0, 2, target, source);
    assert_true(target[0] == 3.0F && target[1] == 8.0F);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
#define WITH(test, open)                                                                           \
    {                                                                                              \
#test " " #open, test, open, close_world, NULL                                             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_values),
        WITH_WORLD(test_action_gradient_through_the_argmax_row),
        WITH_WORLD(test_action_gradient_through_the_nobody_row),
        WITH_WORLD(test_action_gradient_of_mixed_rows),
        WITH_WORLD(test_critic_parameter_gradient),
        WITH(test_values, open_normed_critic),
        WITH(test_critic_parameter_gradient, open_normed_critic),
        WITH(test_values, open_normed_linear_critic),
        WITH(test_critic_parameter_gradient, open_normed_linear_critic),
        WITH_WORLD(test_actor_gradient),
        cmocka_unit_test(test_actor_gradient_through_norms),
        cmocka_unit_test(test_fresh_norm_cannot_saturate),
        WITH(test_values, open_linear),
        WITH(test_action_gradient_through_the_argmax_row, open_linear),
        WITH(test_action_gradient_through_the_nobody_row, open_linear),
        WITH(test_action_gradient_of_mixed_rows, open_linear),
        WITH(test_critic_parameter_gradient, open_linear),
        WITH(test_actor_gradient, open_linear),
        cmocka_unit_test(test_best_is_the_lowest_agent_among_equals),
        cmocka_unit_test(test_initial_weights),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_soft_update),
    };
    return cmocka_run_group_tests_name("networks", tests, NULL, NULL);
}
