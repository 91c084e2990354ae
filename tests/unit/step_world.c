// SPDX-License-Identifier: MIT
#include "step_world.h"
#include "model/mec.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

/* Without activations, one world after the other: the actors, the critic, both. */
static const char *const linear[] = {
    "networks.actor_activation=linear",
    "networks.critic_activation=linear",
    "networks.actor_activation=linear networks.critic_activation=linear",
};
bool is_linear;
struct settings settings_of(const char *words)
{
    static size_t world;
    struct settings settings = settings_with(words);
    if (is_linear)
        apply_settings(&settings, linear[world++ % 3]);
    return settings;
}

static void bind(struct world *w)
{
    const int batch = (int)w->settings.training.batch;
    const int steps = (int)w->settings.training.steps;
    w->state.used = w->scratch.used = 0;
    networks_bind(&w->nets, &w->settings, batch > steps ? batch : steps, &w->state, &w->scratch);
    replay_bind(&w->replay, &w->settings, &w->state);
    tracker_bind(&w->tracker, &w->settings, &w->state);
    step_bind(&w->step, &w->settings, &w->nets, &w->scratch);
}

static void *zeroed(size_t size)
{
    return memset(aligned_alloc(64, size), 0, size);
}

double within(struct world *w, double low, double high)
{
    return numpy_uniform(&w->rng, low, high);
}

static void draw_states(struct world *w, float *state)
{
    const struct settings *s = &w->settings;
    const struct interval ranges[S] = {
        s->environment.power_dbm,
        s->environment.gain_db,
        {s->environment.min_energy_mj, s->environment.max_energy_mj},
        s->environment.size_mb,
        s->environment.cycles_per_bit,
        s->environment.deadline_s,
        s->environment.resource_ghz,
    };
    for (int k = 0; k < s->environment.agents * S; k++)
        state[k] = (float)within(w, ranges[k % S].low, ranges[k % S].high);
}

/* A stored joint state (N, 7), to be changed; it is also the next state of the transition before.
 */
static float *stored_state(struct world *w, int64_t slot)
{
    return w->replay.observation + (replay_state(&w->replay, slot) - w->replay.observation);
}

/* Transitions of the environment's ranges, in whole episodes; the server accepts some of those that
 * propose. */
static void fill_replay(struct world *w)
{
    const int n = (int)w->settings.environment.agents;
    float *state = calloc((size_t)n * S, sizeof *state);
    float *next = calloc((size_t)n * S, sizeof *next);
    float *action = calloc((size_t)n * A, sizeof *action);
    uint8_t *accepted = calloc((size_t)n, 1);
    for (int64_t c = 0; c < w->replay.capacity; c++) {
        const double bias = within(w, -1.5, 1.0);
        int64_t free_channels = w->settings.environment.channels;
        if (c % w->settings.training.steps == 0) {
            draw_states(w, state);
            input_norm_observe(&w->nets.input, state);
        }
        draw_states(w, next);
        input_norm_observe(&w->nets.input, next);
        for (int k = 0; k < n * A; k++)
            action[k] = (float)fmax(-1.0, fmin(1.0, within(w, -1.0, 1.0) + bias));
        for (int j = 0; j < n; j++) {
            accepted[j] = free_channels > 0 && action[j * A] >= 0.0F && within(w, 0, 1) < 0.7;
            free_channels -= accepted[j];
        }
        const struct transition transition = {
            .state = state,
            .action = action,
            .next_state = next,
            .accepted = accepted,
            .reward = (float)within(w, -30.0 * n, 0.0),
            .done = (c + 1) % w->settings.training.steps == 0 ? 1.0F : 0.0F,
        };
        replay_add(&w->replay, &transition, within(w, 0.0, 1e4));
        memcpy(state, next, (size_t)n * S * sizeof *state);
    }
    free(state);
    free(next);
    free(action);
    free(accepted);
}

struct world *open_world(const char *words, uint32_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    struct torch_rng torch;
    w->settings = settings_of(words);
    bind(w);
    w->state.base = zeroed(w->state.used);
    w->scratch.base = zeroed(w->scratch.used);
    bind(w);
    w->actor = actors_shape(&w->settings);
    w->critic = critic_shape(&w->settings);
    torch_seed(&torch, seed);
    python_seed(&w->python, seed);
    numpy_seed(&w->rng, seed);
    networks_init(&w->nets, &torch);
    replay_clear(&w->replay, w->settings.replay.beta_start);
    tracker_clear(&w->tracker);
    fill_replay(w);
    return w;
}

void close_world(struct world *w)
{
    free(w->state.base);
    free(w->scratch.base);
    free(w);
}

void step_and_check(struct world *w, int every, struct counts *counts)
{
    struct snapshot before = snapshot_take(&w->nets);
    struct input_statistics statistics = {0};
    if (w->nets.input.at != NULL)
        statistics = *w->nets.input.at;
    w->t++;
    tracker_begin(&w->tracker, w->t + 1, true);
    step_run(&w->step, &w->replay, &w->python, &w->tracker, w->t);
    const struct stepped stepped = {
        .settings = &w->settings,
        .before = &before,
        .nets = &w->nets,
        .step = &w->step,
        .t = w->t,
        .loss = (double)w->tracker.record.critic_loss[w->t],
        .every = every,
        .log = w->tracker.log >= 0,
    };
    check_step(&stepped, counts);
    check_seen(&stepped, &w->replay);
    if (w->nets.input.at != NULL)
        assert_memory_equal(w->nets.input.at, &statistics, sizeof statistics);
    snapshot_free(&before);
}

static struct reals actor_of(struct world *w, int i)
{
    return reals_at(family_theta(&w->nets.actor), (size_t)i * w->actor.size);
}

struct reals critic_of(struct world *w)
{
    return family_theta(&w->nets.critic_family);
}

static void put(struct reals x, size_t k, double value)
{
    if (x.f64 != NULL)
        x.f64[k] = value;
    else
        x.f32[k] = (float)value;
}

/* Bias of actor i's output k. */
static void put_output_bias(struct world *w, int i, int k, double bias)
{
    put(actor_of(w, i), w->actor.bias[2] + (size_t)k, bias);
}

static void scale(const struct mlp *mlp, struct reals theta, int layer, int from, int to,
                  float factor)
{
    for (int o = 0; o < mlp->out[layer]; o++)
        for (int i = from; i < to; i++) {
            const size_t at = mlp_at(mlp, layer, o, i);
            put(theta, at, reals_value(theta, at) * (double)factor);
        }
}

static void scale_outputs(struct world *w, int i, float factor)
{
    scale(&w->actor, actor_of(w, i), 2, 0, w->actor.in[2], factor);
}

int agents(const struct world *w)
{
    return (int)w->settings.environment.agents;
}

void as_drawn(struct world *w)
{
    (void)w;
}

/* Output layers of all sizes: actions from nearly constant to mostly ±1, Q of all sizes. */
void wide(struct world *w)
{
    for (int i = 0; i < agents(w); i++)
        scale_outputs(w, i, (float)pow(10.0, within(w, -1.0, 3.5)));
    scale(&w->critic, critic_of(w), 2, 0, w->critic.in[2], (float)pow(10.0, within(w, -1.0, 2.0)));
}

/* Own inputs nearly without weight: all proposals of a sample are worth nearly the same. */
void near_ties(struct world *w)
{
    scale(&w->critic, critic_of(w), 0, agents(w) * O, w->critic.in[0],
          (float)pow(10.0, within(w, -8.0, -3.0)));
}

/* Own inputs without weight: exactly the same. */
void blind_critic(struct world *w)
{
    scale(&w->critic, critic_of(w), 0, agents(w) * O, w->critic.in[0], 0.0F);
}

/* Every agent has a twin with the same states and the same parameters. */
void twins(struct world *w)
{
    const size_t n = (size_t)agents(w);
    const size_t half = (n + 1) / 2;
    for (size_t j = half; j < n; j++) {
        reals_copy(actor_of(w, (int)j), actor_of(w, (int)(j - half)), w->actor.size);
        for (size_t c = 0; c < (size_t)w->replay.capacity; c++) {
            float *state = stored_state(w, (int64_t)c);
            memcpy(state + j * S, state + (j - half) * S, S * sizeof(float));
        }
    }
}

/* tanh inputs of `share` of the actors beyond the cliff, of either sign. */
static void saturate(struct world *w, double share)
{
    for (int i = 0; i < agents(w); i++)
        if (within(w, 0.0, 1.0) < share)
            for (int k = 0; k < A; k++)
                put_output_bias(w, i, k, within(w, 0.0, 1.0) < 0.5 ? -40.0 : 40.0);
}

void all_saturated(struct world *w)
{
    saturate(w, 1.0);
}

void some_saturated(struct world *w)
{
    saturate(w, 0.6);
}

/* tanh inputs about the cliff, where y and its slope are a few units in the last place. */
void at_the_cliff(struct world *w)
{
    for (int i = 0; i < agents(w); i++)
        for (int k = 0; k < A; k++)
            put_output_bias(w, i, k, (w->nets.actors.f64 ? 19.06 : 8.66) + within(w, -0.5, 0.5));
}

/* Where inverting gradients turn round, or where softsign is rounded to 1. */
void at_the_edges(struct world *w)
{
    for (int i = 0; i < agents(w); i++)
        for (int k = 0; k < A; k++)
            put_output_bias(w, i, k, within(w, -1.5, 1.5) * (i % 3 == 0 ? 0x1p24 : 1.0));
}

static void propose(struct world *w, int from, int to, float others)
{
    for (int i = 0; i < agents(w); i++)
        put_output_bias(w, i, 0, (double)(i >= from && i < to ? fabsf(others) : others));
}

void nobody_proposes(struct world *w)
{
    propose(w, 0, 0, within(w, 0.0, 1.0) < 0.5 ? -2.0F : -40.0F);
}

void one_proposes(struct world *w)
{
    propose(w, agents(w) / 2, agents(w) / 2 + 1, -2.0F);
}

void all_propose(struct world *w)
{
    propose(w, 0, agents(w), 2.0F);
}

/* First outputs about 0: who proposes changes within the step, and hangs on roundings. */
void on_the_verge(struct world *w)
{
    for (int i = 0; i < agents(w); i++) {
        scale_outputs(w, i, 1e-5F);
        put_output_bias(w, i, 0, 0.0);
    }
}

/* A hidden layer off for good: every Q is the output's bias, every gradient by an action 0. Without
 * activations nothing can be off: then rows are equal by their inputs. */
void dead_critic(struct world *w)
{
    if (w->critic.activation == ACTIVATION_LINEAR) {
        blind_critic(w);
        return;
    }
    const int layer = within(w, 0.0, 1.0) < 0.5 ? 0 : 1;
    for (int o = 0; o < w->critic.out[layer]; o++)
        w->nets.critic_family.theta[w->critic.bias[layer] + (size_t)o] = -1e7F;
}

/* Some actors' hidden layers off: constant actions. */
void dead_actors(struct world *w)
{
    for (int i = 0; i < agents(w); i += 2)
        for (int o = 0; o < w->actor.out[1]; o++)
            put(actor_of(w, i), w->actor.bias[1] + (size_t)o, -1e5);
}

/* In every third transition agent 0's state is the same, and a unit of the critic sees nothing else
 * and is off by its bias there: its sums are rounding, on this side of the kink or on that. (The
 * inputs of one agent alone are too few to tell from a gradient in which samples it was on.) */
void on_kinks(struct world *w)
{
    const size_t n = (size_t)agents(w);
    float *theta = w->nets.critic_family.theta;
    float sum = 0.0F;
    for (size_t c = 0; c < (size_t)w->replay.capacity; c += 3)
        memcpy(stored_state(w, (int64_t)c), stored_state(w, 0), S * sizeof(float));
    for (int i = 0; i < w->critic.in[0] && n > 1; i++) {
        float *weight = &theta[mlp_at(&w->critic, 0, 0, i)];
        *weight = i < S ? *weight : 0.0F;
        sum += i < S ? *weight * stored_state(w, 0)[i] : 0.0F;
        theta[w->critic.bias[0]] = -sum;
    }
}
