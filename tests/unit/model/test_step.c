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
#include "step_check.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION, O = S + A };

struct world {
    struct settings settings;
    struct arena state, scratch;
    struct networks nets;
    struct mlp actor, critic;
    struct replay replay;
    struct tracker tracker;
    struct step step;
    struct numpy_rng rng;
    struct python_rng python;
    int64_t t; /* training steps so far */
};

/* Without activations, one world after the other: the actors, the critic, both. */
static const char *const linear[] = {
    "networks.actor_activation=linear",
    "networks.critic_activation=linear",
    "networks.actor_activation=linear networks.critic_activation=linear",
};
static bool is_linear; /* this run */
static struct settings settings_of(const char *words)
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

static double within(struct world *w, double low, double high)
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

static struct world *open_world(const char *words, uint32_t seed)
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

static void close_world(struct world *w)
{
    free(w->state.base);
    free(w->scratch.base);
    free(w);
}

static void step_and_check(struct world *w, int every, struct counts *counts)
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

static struct reals critic_of(struct world *w)
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

static int agents(const struct world *w)
{
    return (int)w->settings.environment.agents;
}

static void as_drawn(struct world *w)
{
    (void)w;
}

/* Output layers of all sizes: actions from nearly constant to mostly ±1, Q of all sizes. */
static void wide(struct world *w)
{
    for (int i = 0; i < agents(w); i++)
        scale_outputs(w, i, (float)pow(10.0, within(w, -1.0, 3.5)));
    scale(&w->critic, critic_of(w), 2, 0, w->critic.in[2], (float)pow(10.0, within(w, -1.0, 2.0)));
}

/* Own inputs nearly without weight: all proposals of a sample are worth nearly the same. */
static void near_ties(struct world *w)
{
    scale(&w->critic, critic_of(w), 0, agents(w) * O, w->critic.in[0],
          (float)pow(10.0, within(w, -8.0, -3.0)));
}

/* Own inputs without weight: exactly the same. */
static void blind_critic(struct world *w)
{
    scale(&w->critic, critic_of(w), 0, agents(w) * O, w->critic.in[0], 0.0F);
}

/* Every agent has a twin with the same states and the same parameters. */
static void twins(struct world *w)
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

static void all_saturated(struct world *w)
{
    saturate(w, 1.0);
}

static void some_saturated(struct world *w)
{
    saturate(w, 0.6);
}

/* tanh inputs about the cliff, where y and its slope are a few units in the last place. */
static void at_the_cliff(struct world *w)
{
    for (int i = 0; i < agents(w); i++)
        for (int k = 0; k < A; k++)
            put_output_bias(w, i, k, (w->nets.actors.f64 ? 19.06 : 8.66) + within(w, -0.5, 0.5));
}

/* Where inverting gradients turn round, or where softsign is rounded to 1. */
static void at_the_edges(struct world *w)
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

static void nobody_proposes(struct world *w)
{
    propose(w, 0, 0, within(w, 0.0, 1.0) < 0.5 ? -2.0F : -40.0F);
}

static void one_proposes(struct world *w)
{
    propose(w, agents(w) / 2, agents(w) / 2 + 1, -2.0F);
}

static void all_propose(struct world *w)
{
    propose(w, 0, agents(w), 2.0F);
}

/* First outputs about 0: who proposes changes within the step, and hangs on roundings. */
static void on_the_verge(struct world *w)
{
    for (int i = 0; i < agents(w); i++) {
        scale_outputs(w, i, 1e-5F);
        put_output_bias(w, i, 0, 0.0);
    }
}

/* A hidden layer off for good: every Q is the output's bias, every gradient by an action 0. Without
 * activations nothing can be off: then rows are equal by their inputs. */
static void dead_critic(struct world *w)
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
static void dead_actors(struct world *w)
{
    for (int i = 0; i < agents(w); i += 2)
        for (int o = 0; o < w->actor.out[1]; o++)
            put(actor_of(w, i), w->actor.bias[1] + (size_t)o, -1e5);
}

/* In every third transition agent 0's state is the same, and a unit of the critic sees nothing else
 * and is off by its bias there: its sums are rounding, on this side of the kink or on that. (The
 * inputs of one agent alone are too few to tell from a gradient in which samples it was on.) */
static void on_kinks(struct world *w)
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
 * for builds in which each takes long. */
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
        for (int t = 0; t < 2; t++)
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
    static const char *const values[][4] = {
        {"training.clip_actor=1e-6", "training.clip_actor=0.01", "training.clip_actor=1",
         "training.clip_actor=1e6"},
        {"training.clip_critic=1e-3", "training.clip_critic=1", "training.clip_critic=1000",
         "training.clip_critic=1e20"},
        /* Gradients of 1e7 as they are: rates at which a step of SGD leaves finite figures. */
        {"training.optimizer=sgd training.actor_lr=1e-6 training.critic_lr=1e-13",
         "training.optimizer=sgd training.actor_lr=1e-6 training.critic_lr=1e-13 "
         "training.momentum=0.9",
         "training.optimizer=rmsprop", "training.adam_beta1=0.5"},
        {"training.weight_decay=0.01", "training.weight_decay=0.5", "training.weight_decay=1",
         "training.weight_decay=1e-9"},
        {"training.zero_gradient=skip", "training.zero_gradient=reset_moments",
         "training.zero_gradient=skip", "training.zero_gradient=reset_moments"},
        {"training.reward_scale=0.01", "training.reward_scale=0.1", "training.reward_scale=3",
         "training.reward_scale=1e-5"},
        {"training.preactivation_penalty=0.001", "training.preactivation_penalty=1",
         "training.preactivation_penalty=1e-6", "training.preactivation_penalty=100"},
        {"training.actor_every=2", "training.actor_every=3",
         "training.actor_every=2 tracking.log_every=2",
         "training.actor_every=2 tracking.log_every=3"},
        {"networks.actor_precision=f64", "networks.actor_precision=f64",
         "networks.actor_precision=f64 training.tau=0.5", "networks.actor_precision=f64"},
        {"networks.squash=softsign", "networks.squash=inverting", "networks.squash=softsign",
         "networks.squash=inverting"},
        {"networks.input_norm=range", "networks.input_norm=running", "networks.input_norm=range",
         "networks.input_norm=running"},
        {"training.rules=corrected", "training.critic_mean=transitions",
         "training.time_limit=bootstrap", "training.tau=0.25"},
        {"networks.actor_norm=output", "networks.actor_norm=hidden",
         "networks.actor_norm=output networks.actor_output_init=none",
         "networks.actor_norm=hidden networks.actor_output_init=none"},
        {"networks.critic_norm=hidden", "networks.critic_norm=hidden",
         "networks.critic_norm=hidden",
         "networks.critic_norm=hidden networks.critic_activation=linear"},
    };
    static void (*const bends[])(struct world * w) = {as_drawn,      some_saturated, wide,
                                                      all_saturated, dead_actors,    at_the_edges};
    enum { KINDS = sizeof values / sizeof values[0], DRAWN = 200 };
    (void)state;
    struct counts counts = {0};
    struct numpy_rng rng;
    numpy_seed(&rng, 7);
    for (size_t k = 0; k < 4 * KINDS + DRAWN; k += spread()) {
        char words[1024];
        int length = snprintf(words, sizeof words, "%s%s", shapes[k % 2], rates[k % 3]);
        for (size_t kind = 0; kind < KINDS; kind++)
            if (k < 4 * KINDS ? k / 4 == kind : numpy_double(&rng) < 0.4)
                length += snprintf(
                    words + length, sizeof words - (size_t)length, " %s",
                    values[kind][k < 4 * KINDS ? k % 4 : (size_t)(4.0 * numpy_double(&rng))]);
        /* These two do not go together, and are refused. */
        if (strstr(words, "inverting") != NULL && strstr(words, "actor_norm=output") != NULL)
            memcpy(strstr(words, "inverting"), "softsign ", strlen("inverting"));
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
    const struct trainer_view view = trainer_view(t);
    trainer_advance(t, episode - 1 - trainer_episode(t));
    struct snapshot before = snapshot_take(view.networks);
    trainer_advance(t, 1);
    const struct stepped stepped = {
        .settings = trainer_settings(t),
        .before = &before,
        .nets = view.networks,
        .step = view.step,
        .t = episode - 1,
        .loss = (double)trainer_record(t)->critic_loss[episode - 1],
        .every = 9,
    };
    check_step(&stepped, counts);
    check_seen(&stepped, view.replay);
    snapshot_free(&before);
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
    (void)state;
    struct counts counts = {0};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const struct settings s = settings_of(words[k]);
        struct trainer *t = trainer_new(&s);
        for (int64_t episode = 2; episode < 6; episode++)
            if (episode != 4)
                advance_and_check(t, episode, &counts);
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
