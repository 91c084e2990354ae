// SPDX-License-Identifier: MIT
/* The table of settings: one row each, in the order of the spec. What is done with a row is in
 * settings.c. */
#include <ccmsweep/settings.h>

static const char *const preset_names[] = {"published-2026", "published-2024", NULL};
static const char *const tanh_names[] = {"pytorch", "exact", NULL};
static const char *const squash_names[] = {"tanh", "softsign", "inverting", NULL};
static const char *const energy_names[] = {"square", "linear", NULL};
static const char *const rules_names[] = {"published", "corrected", NULL};
static const char *const critic_mean_names[] = {"rows", "transitions", NULL};
static const char *const time_limit_names[] = {"terminal", "bootstrap", NULL};
static const char *const explore_among_names[] = {"all", "proposers", NULL};
static const char *const streams_names[] = {"shared", "separate", NULL};
static const char *const optimizer_names[] = {"adam", "rmsprop", "sgd", NULL};
static const char *const zero_gradient_names[] = {"keep", "reset_moments", "skip", NULL};
static const char *const output_init_names[] = {"bound", "none", NULL};
static const char *const activation_names[] = {"relu", "linear", NULL};
static const char *const actor_norm_names[] = {"none", "output", "hidden", NULL};
static const char *const critic_norm_names[] = {"none", "hidden", NULL};
static const char *const input_norm_names[] = {"none", "range", "running", NULL};
static const char *const precision_names[] = {"f32", "f64", NULL};
static const char *const weighting_names[] = {"squared", "plain", NULL};
static const char *const priority_names[] = {"squared_sum", "mean_absolute", NULL};
static const char *const keep_names[] = {"none", "censored", NULL};
static const char *const seeding_names[] = {"own", "continued", NULL};

/* Offset of a member that must have the stated type, or the table does not compile. */
#define AT(ctype, member)                                                                          \
    _Generic(((struct settings *)0)->member, ctype : offsetof(struct settings, member))

/* The macros fill a row from few words, as a member's name is also its key. The formatter would
 * break the table into one field a line. */
/* clang-format off */
#define ROW(kind, ctype, member, cls, unit_, min_, max_, fallback_, help_)                         \
    .key = #member, .type = (kind), .class = (cls), .offset = AT(ctype, member), .unit = (unit_),  \
    .min = (min_), .max = (max_), .fallback = (fallback_), .help = (help_)
#define REAL(member, unit, min, max, fallback, help)                                               \
    ROW(TYPE_REAL, double, member, CLASS_RESULT, unit, min, max, fallback, help)
#define WHOLE(member, cls, unit, min, max, fallback, help)                                         \
    ROW(TYPE_INTEGER, int64_t, member, cls, unit, min, max, fallback, help)
#define CHOICE(ctype, member, names, fallback, help)                                               \
    ROW(TYPE_CHOICE, ctype, member, CLASS_RESULT, "1", 0, sizeof(names) / sizeof *(names) - 2,     \
        fallback, help), .choices = (names)
#define LIST(member, unit, min, max, fallback, help)                                               \
    ROW(TYPE_LIST, int64_t, member, CLASS_RESULT, unit, min, max, fallback, help)
#define INTERVAL(member, open, unit, min, max, lower, upper, help)                                 \
    {REAL(member.low, unit, min, max, lower, help ": lower end"), .open_low = (open),              \
     .interval = true},                                                                            \
    {REAL(member.high, unit, min, max, upper, help ": upper end"), .open_low = (open)}
#define POSITIVE .open_low = true
#define LATER .later = true

static const struct setting table[] = {
    /* Training. The two rates and the seed come first: they are the axes of nearly every sweep, and
     * they have options of `train` beside --set. */
    {REAL(training.actor_lr, "1", 0, 10, "0.0001",
          "learning rate of the actors"), POSITIVE, .option = "actor-lr"},
    {REAL(training.critic_lr, "1", 0, 10, "0.001",
          "learning rate of the critic"), POSITIVE, .option = "critic-lr"},
    {WHOLE(training.seed, CLASS_RESULT, "1", 0, 4294967295, "42",
           "seed of all three generators"), .option = "seed"},
    {WHOLE(training.episodes, CLASS_SHAPE, "episode", 1, 1e7, "2000",
           "limit of episodes: the censoring time"), .option = "episodes"},
    {WHOLE(training.batch, CLASS_RESULT, "1", 1, 4096, "64",
           "transitions drawn per training step")},
    {WHOLE(training.steps, CLASS_RESULT, "step", 1, 1e5, "10", "environment steps per episode")},
    {REAL(training.gamma, "1", 0, 1, "0.99", "discount factor")},
    {REAL(training.tau, "1", 0, 1, "1", "soft update of the targets; 1 copies"), POSITIVE},
    {REAL(training.epsilon_start, "1", 0, 1, "1", "exploration at the first episode")},
    {REAL(training.epsilon_end, "1", 0, 1, "0.01", "exploration in the limit")},
    {REAL(training.epsilon_decay, "episode", 0, 1e9, "2000",
          "decay constant of the exploration"), POSITIVE},
    {REAL(training.adam_beta1, "1", 0, 0.999999, "0.9", "decay of Adam's first moment")},
    {REAL(training.adam_beta2, "1", 0, 0.999999, "0.999", "decay of Adam's second moment")},
    {REAL(training.adam_eps, "1", 1e-30, 1, "1e-8", "Adam's epsilon")},
    {WHOLE(training.episodes_after_stop, CLASS_RESULT, "episode", 0, 1e7, "101",
           "episodes played after the last actor's first still one")},
    /* Corrections of the published rules. All rows that were added after the first version of the
     * file are LATER, or the identities of all cells would change. */
    {CHOICE(enum training_rules, training.rules, rules_names, "published",
            "rules of the training: as published, or with all corrections; decides critic_mean, "
            "time_limit, explore_among, streams, replay.weighting and replay.priority"), LATER},
    {CHOICE(enum critic_mean, training.critic_mean, critic_mean_names, "rows",
            "the critic's loss is a mean over all rows, or over transitions of the means over "
            "their rows (corrected)"), LATER},
    {CHOICE(enum time_limit, training.time_limit, time_limit_names, "terminal",
            "the last step of an episode ends the return, or bootstraps from the state that "
            "follows it (corrected)"), LATER},
    {CHOICE(enum explore_among, training.explore_among, explore_among_names, "all",
            "a random selection is made among all agents, or among those that propose "
            "(corrected)"), LATER},
    {CHOICE(enum streams, training.streams, streams_names, "shared",
            "environment and exploration share generators, or have their own, so that all "
            "trainings of a seed see the same tasks (corrected)"), LATER},
    /* What the study tried in the training step, what others recommend, and probes. The lower ends
     * are what f32 can hold: a smaller bound or scale would make every gradient exactly 0. */
    {REAL(training.clip_actor, "1", 1e-30, 1e30, "none",
          "largest norm of an actor's gradient, which is scaled down to it; none: any"),
          .optional = true, LATER},
    {REAL(training.clip_critic, "1", 1e-30, 1e30, "none",
          "largest norm of the critic's gradient, which is scaled down to it; none: any"),
          .optional = true, LATER},
    {CHOICE(enum optimizer_kind, training.optimizer, optimizer_names, "adam",
            "optimiser of actors and critic"), LATER},
    {REAL(training.momentum, "1", 0, 0.999999, "0", "momentum of sgd"), LATER},
    {REAL(training.weight_decay, "1", 0, 1, "0",
          "share of each weight, times the learning rate, that a step takes away first; an actor may "
          "then move without a gradient and never be still"), LATER},
    {CHOICE(enum zero_gradient, training.zero_gradient, zero_gradient_names, "keep",
            "an actor whose gradient is exactly 0: its optimiser steps on, or it does not move and "
            "loses its momentum, or nothing of it changes"), LATER},
    {REAL(training.reward_scale, "1", 1e-30, 1e6, "1",
          "factor of the reward in targets and priorities; records are not scaled"),
          LATER},
    {REAL(training.preactivation_penalty, "1", 0, 1e6, "0",
          "factor of the mean square of the squash's inputs in an actor's loss"), LATER},
    {WHOLE(training.actor_every, CLASS_RESULT, "step", 1, 1e6, "1",
           "training steps from one update of the actors to the next; the critic's is in each"),
           LATER},
    /* How a run began that was not the first of its process, as most published ones. */
    {LIST(training.earlier_episodes, "episode", 1, SETTING_LIST_SUM, "none",
          "episodes of the runs that the same process made before, oldest first: the generators "
          "continue from where those left them"), LATER},

    /* Networks. Widths are of class result although they size networks: no array of the record has
     * them as a dimension. */
    {WHOLE(networks.actor_hidden1, CLASS_RESULT, "unit", 1, 4096, "64",
           "width of the actors' first hidden layer")},
    {WHOLE(networks.actor_hidden2, CLASS_RESULT, "unit", 1, 4096, "32",
           "width of the actors' second hidden layer")},
    {WHOLE(networks.critic_hidden1, CLASS_RESULT, "unit", 1, 4096, "512",
           "width of the critic's first hidden layer")},
    {WHOLE(networks.critic_hidden2, CLASS_RESULT, "unit", 1, 4096, "128",
           "width of the critic's second hidden layer")},
    {CHOICE(enum tanh_kind, networks.tanh, tanh_names, "pytorch",
            "exactly +-1 beyond 8.664339742 as in PyTorch, or as tanhf rounds")},
    {CHOICE(enum squash_kind, networks.squash, squash_names, "tanh",
            "from the actors' last sums z to their outputs: tanh, z/(1 + |z|), or z cut off at +-1 "
            "with inverting gradients"), LATER},
    {REAL(networks.output_init, "1", 0, 100, "0.003", "bound of the last layers' initial weights")},
    {CHOICE(enum output_init, networks.actor_output_init, output_init_names, "bound",
            "the actors' last layers are drawn again within output_init, or stay as first drawn"),
            LATER},
    {CHOICE(enum output_init, networks.critic_output_init, output_init_names, "bound",
            "the critic's last layer is drawn again within output_init, or stays as first drawn"),
            LATER},
    {CHOICE(enum activation, networks.actor_activation, activation_names, "relu",
            "function of the actors' hidden units: the larger of 0 and the sum, or the sum itself"),
            LATER},
    {CHOICE(enum activation, networks.critic_activation, activation_names, "relu",
            "function of the critic's hidden units, likewise"), LATER},
    {CHOICE(enum actor_norm, networks.actor_norm, actor_norm_names, "none",
            "layer normalisation in the actors: none, of the three outputs before the squash, or of "
            "both hidden layers"), LATER},
    {CHOICE(enum critic_norm, networks.critic_norm, critic_norm_names, "none",
            "layer normalisation in the critic: none, or of both hidden layers"), LATER},
    {CHOICE(enum input_norm_kind, networks.input_norm, input_norm_names, "none",
            "states as the networks see them: as they are, mapped to [-1, 1] from the intervals of "
            "their settings, or by mean and deviation of all stored so far"), LATER},
    {CHOICE(enum precision, networks.actor_precision, precision_names, "f32",
            "arithmetic of the actors, their gradients and optimiser; in f64 tanh is +-1 beyond 19.06, "
            "whatever networks.tanh says"), LATER},
    {REAL(networks.proposal_bias, "1", -100, 100, "none",
          "initial bias of every actor's first output; none: as drawn"), .optional = true},

    /* Environment. The preset decides two constants in which the published versions differ; all
     * others are the same in both. */
    {CHOICE(enum environment_preset, environment.preset, preset_names, "published-2026",
            "published environment; decides size_unit and energy_law")},
    {WHOLE(environment.agents, CLASS_SHAPE, "agent", 1, 1000, "50", "agents, each with an actor")},
    {WHOLE(environment.seed, CLASS_RESULT, "1", 0, 4294967295, "none",
           "seed of the environment; none: training.seed"), .optional = true},
    {CHOICE(enum seeding, environment.seeding, seeding_names, "own",
            "an environment reseeds its generator when it is made, or draws on, so that the "
            "evaluation's devices, and those of a later run of a process, are others"), LATER},
    {WHOLE(environment.channels, CLASS_RESULT, "agent", 1, 1000, "10",
           "agents the server accepts in a step")},
    {WHOLE(environment.units, CLASS_RESULT, "1", 1, 1000, "8", "processing units of the server")},
    {REAL(environment.storage_mb, "MB", 0, 1e9, "400",
          "sum of task sizes the server accepts"), POSITIVE},
    INTERVAL(environment.power_dbm, false, "dBm", -300, 300, "1", "24", "largest transmit power"),
    INTERVAL(environment.initial_energy_mj, false, "MJ", 0, 1e9, "0.5", "3.2",
             "battery at the start"),
    INTERVAL(environment.gain_db, false, "dB", -300, 300, "5", "14", "channel gain"),
    INTERVAL(environment.resource_ghz, true, "GHz", 0, 1e6, "0.4", "1.5", "largest local clock"),
    INTERVAL(environment.size_mb, true, "MB", 0, 1e6, "1", "50", "size of a task"),
    INTERVAL(environment.cycles_per_bit, true, "1", 0, 1e9, "300", "737.5",
             "cycles per bit of a task"),
    INTERVAL(environment.deadline_s, false, "s", 0, 1e6, "0.1", "0.9", "deadline of a task"),
    {REAL(environment.server_hz, "Hz", 0, 1e15, "4e9", "clock of a processing unit"), POSITIVE},
    {REAL(environment.bandwidth_hz, "Hz", 0, 1e15, "40e6", "bandwidth of the uplink"), POSITIVE},
    {REAL(environment.bandwidth_parts, "1", 0, 1e9, "10",
          "channels the uplink is divided into"), POSITIVE},
    {REAL(environment.size_unit, "1", 0, 1e9, "1024",
          "bits = size * 8 * 1024 * this (published-2024: 1)"), POSITIVE},
    {REAL(environment.energy_factor, "1", 0, 1, "5e-27", "effective capacitance of a local clock")},
    {CHOICE(enum energy_law, environment.energy_law, energy_names, "square",
            "local energy grows with the clock's square or linearly (published-2024)")},
    {REAL(environment.max_energy_mj, "MJ", 0, 1e9, "3.2", "capacity of a battery"), POSITIVE},
    {REAL(environment.min_energy_mj, "MJ", 0, 1e9, "0.5", "charge below which a battery is short")},
    {REAL(environment.harvest_j, "J", 0, 1e12, "0.001", "energy gained per step")},
    {REAL(environment.max_time_s, "s", 0, 1e6, "1",
          "time at which a task counts as lost"), POSITIVE},
    {REAL(environment.lambda_energy, "1", 0, 1e6, "0.5", "weight of energy in the reward")},
    {REAL(environment.lambda_time, "1", 0, 1e6, "0.5", "weight of time in the reward")},

    {WHOLE(replay.capacity, CLASS_RESULT, "transition", 1, 1e7, "10000", "transitions kept")},
    {REAL(replay.alpha, "1", 0, 10, "0.6", "exponent of the priorities")},
    {REAL(replay.beta_start, "1", 0, 1, "0.4", "exponent of the weights before the first draw")},
    {REAL(replay.beta_step, "1", 0, 1, "0.001",
          "growth of that exponent per training step, up to 1")},
    {REAL(replay.error_floor, "1", 0, 1e6, "0.01",
          "added to an error to make a priority"), POSITIVE},
    {REAL(replay.probability_floor, "1", 0, 1, "1e-9", "added to a priority and to their sum")},
    {CHOICE(enum replay_weighting, replay.weighting, weighting_names, "squared",
            "the critic's loss has the square of a transition's weight, or the weight "
            "(corrected)"), LATER},
    {CHOICE(enum replay_priority, replay.priority, priority_names, "squared_sum",
            "the error of a transition is the sum over its rows of squares, or the mean of "
            "absolute values (corrected)"), LATER},

    /* Tracking, evaluation and checkpoints change no number of the training itself. The first two
     * change what is recorded, so they are part of the identity; checkpoints are not. */
    {WHOLE(tracking.log_every, CLASS_SHAPE, "episode", 1, 1e7, "10", "episodes between two logs")},
    {WHOLE(tracking.snapshot_every, CLASS_SHAPE, "episode", 0, 1e7, "100",
           "episodes between two histograms of pre-activations; 0: none")},
    {WHOLE(tracking.absorb, CLASS_RESULT, "episode", 1, 1e7, "100",
           "still episodes after which a last change counts as one")},
    {WHOLE(tracking.window, CLASS_RESULT, "1", 1, 1e6, "10", "logs a detection looks back on")},
    {REAL(tracking.saturated_z, "1", 0, 1e6, "2", "|z| above this counts as saturated"), POSITIVE},
    {REAL(tracking.saturated_share, "1", 0, 1, "0.8",
          "detection saturated: mean share above this")},
    {REAL(tracking.vanished_norm, "1", 0, 1e6, "1e-6",
          "detection vanished: mean gradient norm below this")},

    {WHOLE(evaluation.every, CLASS_SHAPE, "episode", 0, 1e7, "0",
           "episodes between two greedy evaluations; 0: none")},
    {WHOLE(evaluation.episodes, CLASS_RESULT, "episode", 1, 1e6, "50",
           "episodes of an evaluation")},

    {ROW(TYPE_REAL, double, checkpoint.every_s, CLASS_OPERATION, "s", 0, 1e7, "60",
         "seconds between two checkpoints; 0: only when stopped")},
    {ROW(TYPE_CHOICE, enum checkpoint_keep, checkpoint.keep, CLASS_OPERATION, "1", 0, 1, "none",
         "keep the last checkpoint of runs that their limit of episodes has ended, so that run "
         "--extend continues them with a larger one: none or censored"),
     .choices = keep_names, LATER},
};
/* clang-format on */

const struct setting *settings_table(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}
