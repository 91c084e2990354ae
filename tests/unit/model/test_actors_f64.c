// SPDX-License-Identifier: MIT
/*
 * Actors of f64: their gradients against differences in long double, with a tolerance at which a
 * single value of f32 on the way would be seen; where their tanh is flat; their initial weights.
 */
#include "check.h"
#include "model/mec.h"
#include "model/networks.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, B = 8, N = 5, MOST = 1024 };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct activations x;
    struct numpy_rng rng;
    float states[B * N * S], actions[B * N * A], weights[B * A];
    long double z[B * A]; /* where the slopes of inverting gradients are taken */
};

static void bind(struct world *w)
{
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, B, &w->state, &w->scratch);
    activations_bind(&w->x, &w->nets.actors, B, &w->scratch);
}

static struct world *open_world(const char *words)
{
    struct world *w = calloc(1, sizeof *w);
    struct torch_rng torch;
    w->settings = settings_with(SMALL);
    apply_settings(&w->settings, words);
    bind(w);
    w->state.base = aligned_alloc(64, w->state.used);
    w->scratch.base = aligned_alloc(64, w->scratch.used);
    bind(w);
    torch_seed(&torch, 42);
    networks_init(&w->nets, &torch);
    numpy_seed(&w->rng, 12);
    for (int k = 0; k < B * N * S; k++)
        w->states[k] = (float)numpy_gaussian(&w->rng);
    return w;
}

static void close_world(struct world *w)
{
    free(w->state.base);
    free(w->scratch.base);
    free(w);
}

static void normalise(const struct mlp *mlp, int l, const long double *theta, long double *x)
{
    long double mean = 0.0L, variance = 0.0L;
    for (int k = 0; k < mlp->out[l]; k++)
        mean += x[k] / mlp->out[l];
    for (int k = 0; k < mlp->out[l]; k++)
        variance += (x[k] - mean) * (x[k] - mean) / mlp->out[l];
    for (int k = 0; k < mlp->out[l]; k++)
        x[k] =
            theta[mlp->gamma[l] + (size_t)k] * (x[k] - mean) / sqrtl(variance + (long double)1e-5) +
            theta[mlp->beta[l] + (size_t)k];
}

static void twin_forward(const struct mlp *mlp, const long double *theta, const float *state,
                         long double z[A])
{
    long double in[64], out[64];
    for (int k = 0; k < S; k++)
        in[k] = (long double)state[k];
    for (int l = 0; l < MLP_LAYERS; l++) {
        for (int o = 0; o < mlp->out[l]; o++) {
            out[o] = theta[mlp->bias[l] + (size_t)o];
            for (int k = 0; k < mlp->in[l]; k++)
                out[o] += theta[mlp_at(mlp, l, o, k)] * in[k];
            out[o] = l < 2 ? fmaxl(out[o], 0.0L) : out[o];
        }
        if (mlp->normed[l])
            normalise(mlp, l, theta, out);
        memcpy(in, out, (size_t)mlp->out[l] * sizeof *in);
    }
    memcpy(z, out, A * sizeof *z);
}

/* Σ over samples of c·y + pull/2·z² of actor i; of inverting gradients, of what has their slope. */
static long double twin_loss(const struct world *w, const long double *theta, int i, double pull)
{
    long double sum = 0.0L;
    for (int b = 0; b < B; b++) {
        long double z[A];
        twin_forward(&w->nets.actors.mlp, theta, w->states + (b * N + i) * S, z);
        for (int k = 0; k < A; k++) {
            const long double c = (long double)w->weights[b * A + k];
            const long double here = w->z[b * A + k];
            const long double y[] = {
                [SQUASH_TANH] = tanhl(z[k]),
                [SQUASH_SOFTSIGN] = z[k] / (1.0L + fabsl(z[k])),
                [SQUASH_INVERTING] = z[k] * (c < 0.0L ? 1.0L - here : 1.0L + here) / 2.0L,
            };
            sum += c * y[w->settings.networks.squash] + (long double)pull / 2.0L * z[k] * z[k];
        }
    }
    return sum;
}

static void compare_gradient(struct world *w, int i, double pull)
{
    const struct mlp *mlp = &w->nets.actors.mlp;
    const long double step = 1e-7L;
    const struct reals all = family_theta(&w->nets.actor);
    double gradient[MOST], scale = 0.0;
    long double theta[MOST];
    assert_true(mlp->size < MOST);
    for (size_t k = 0; k < mlp->size; k++)
        theta[k] = (long double)all.f64[(size_t)i * mlp->size + k];
    for (int k = 0; k < B * A; k++)
        w->weights[k] = (float)numpy_gaussian(&w->rng);
    for (int b = 0; b < B; b++)
        twin_forward(mlp, theta, w->states + (b * N + i) * S, w->z + b * A);
    actors_act(&w->nets.actors, all, i, B, w->states, &w->x, w->actions);
    actors_back(&w->nets.actors, all, i, B, w->states, &w->x, w->weights, pull,
                (struct reals){.f64 = gradient});
    for (size_t k = 0; k < mlp->size; k++)
        scale = fmax(scale, fabs(gradient[k]));
    assert_true(scale > 1e-3);
    for (size_t k = 0; k < mlp->size; k++) {
        const long double kept = theta[k];
        theta[k] = kept + step;
        const long double up = twin_loss(w, theta, i, pull);
        theta[k] = kept - step;
        const long double down = twin_loss(w, theta, i, pull);
        theta[k] = kept;
        const double want = (double)((up - down) / (2.0L * step));
        if (fabs(gradient[k] - want) > 1e-10 * scale)
            fail_msg("parameter %zu: %.17g, want %.17g of %g", k, gradient[k], want, scale);
    }
}

/* With parameters that f32 does not hold; 1e-4 is what is asked of f32. */
static void test_gradients(void **state)
{
    static const char *const words[] = {
        "",
        "networks.squash=softsign",
        "networks.squash=inverting",
        "networks.actor_norm=output",
        "networks.actor_norm=hidden",
        "networks.actor_norm=hidden networks.squash=inverting",
        "networks.actor_norm=hidden networks.actor_hidden1=20 networks.actor_hidden2=17",
    };
    (void)state;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        char all[256];
        snprintf(all, sizeof all, "networks.actor_precision=f64 %s", words[k]);
        struct world *w = open_world(all);
        for (size_t p = 0; p < w->nets.actor.size; p++)
            w->nets.actor.theta_f64[p] = 0.4 * numpy_gaussian(&w->rng);
        for (int i = 0; i < N; i++) {
            compare_gradient(w, i, 0.0);
            compare_gradient(w, i, 0.3);
        }
        close_world(w);
    }
}

/* At |z| between the cliffs of the two precisions an actor of f64 has a slope where one of f32 has
 * none; beyond both, none has; what the critic sees is ±1 with both. */
static void check_cliff(double z, bool f64)
{
    struct world *w = open_world(f64 ? "networks.actor_precision=f64" : "");
    const struct mlp *mlp = &w->nets.actors.mlp;
    const struct reals theta = family_theta(&w->nets.actor);
    float weights[B * A], narrow[MOST];
    double wide[MOST];
    int32_t list[B];
    const struct reals gradient = f64 ? (struct reals){.f64 = wide} : (struct reals){.f32 = narrow};
    for (size_t k = 0; k < mlp->size; k++) {
        const double bias = k >= mlp->bias[2] ? z : 0.0;
        if (f64)
            theta.f64[k] = bias;
        else
            theta.f32[k] = (float)bias;
    }
    for (int k = 0; k < B * A; k++)
        weights[k] = 1.0F;
    actors_act(&w->nets.actors, theta, 0, B, w->states, &w->x, w->actions);
    actors_back(&w->nets.actors, theta, 0, B, w->states, &w->x, weights, 0.0, gradient);
    const bool sloping = fabs(z) < (f64 ? 19.0615 : 8.6643);
    assert_int_equal(actors_sloping(&w->x, 0, B, list), sloping ? B : 0);
    assert_true((w->x.slope[0] != 0.0F) == sloping);
    assert_true((reals_value(gradient, mlp->bias[2]) != 0.0) == sloping);
    assert_true(fabs(z) < 9.1 || w->actions[0] == (float)copysign(1.0, z));
    close_world(w);
}

static void test_the_cliff_moves(void **state)
{
    static const double z[] = {8.0, 8.7, 9.1, 12.0, 18.9, 19.061, 19.062, 30.0};
    (void)state;
    for (size_t k = 0; k < sizeof z / sizeof *z; k++) {
        for (int f64 = 0; f64 < 2; f64++) {
            check_cliff(z[k], f64);
            check_cliff(-z[k], f64);
        }
    }
}

/* Values that f32 cannot hold are read as the smallest that it can, not as 0. */
static void test_copies_keep_zero_apart(void **state)
{
    const double x[] = {0.0, -0.0, 1e-300, -1e-300, 0x1p-1074, 1.5, -INFINITY, NAN};
    float y[8];
    (void)state;
    reals_narrow(8, x, y);
    assert_true(y[0] == 0.0F && y[1] == 0.0F && signbit(y[1]));
    assert_true(y[2] == 0x1p-149F && y[3] == -0x1p-149F && y[4] == 0x1p-149F);
    assert_true(y[5] == 1.5F && isinf(y[6]) && isnan(y[7]));
}

/* The draws of f32, widened. */
static void test_initial_weights(void **state)
{
    (void)state;
    struct world *f32 = open_world("networks.proposal_bias=-0.35 networks.actor_norm=output");
    struct world *f64 = open_world("networks.proposal_bias=-0.35 networks.actor_norm=output "
                                   "networks.actor_precision=f64");
    const struct family *x = &f32->nets.actor, *y = &f64->nets.actor;
    assert_int_equal(x->size, y->size);
    for (size_t k = 0; k < x->size; k++) {
        assert_true(y->theta_f64[k] == (double)x->theta[k]);
        assert_true(y->target_f64[k] == y->theta_f64[k]);
        assert_true(y->m_f64[k] == 0.0 && y->v_f64[k] == 0.0);
    }
    assert_memory_equal(f32->nets.critic_family.theta, f64->nets.critic_family.theta,
                        f32->nets.critic_family.size * sizeof(float));
    assert_null(y->theta);
    assert_null(x->theta_f64);
    close_world(f32);
    close_world(f64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_the_cliff_moves),
        cmocka_unit_test(test_copies_keep_zero_apart),
        cmocka_unit_test(test_initial_weights),
    };
    return cmocka_run_group_tests_name("actors_f64", tests, NULL, NULL);
}
