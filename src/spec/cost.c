// SPDX-License-Identifier: MIT
/* What cells are expected to take. The order in which cells are trained, the ETA and `plan` depend
 * on it; no result does. So a rough heuristic is enough to begin with: finished cells soon correct
 * it. */
#include "spec/cost.h"
#include <math.h>
#include <stdlib.h>

/* One ordinary episode of the published size on the machine where the heuristic was fitted. It is
 * used only until a calibration or a finished cell says better. */
static const double default_seconds_per_unit = 0.007;
/* Before three cells have finished a standard deviation would say little, so a cautious one is
 * assumed. */
static const double default_spread = 0.5;

/* Cells that follow each other and are equal in everything but the seed. They take about the same
 * time, so their mean is the best expectation there is. */
struct group {
    double units;   /* of one cell */
    double seconds; /* of those that finished, together */
    int64_t finished;
};

/* Sums over the groups are kept beside the groups themselves, so that no function loops over cells
 * or groups (cost.h promises constant time: the scheduler asks for every cell). */
struct cost {
    int64_t cells;
    int32_t *group_of; /* (cells) */
    struct group *groups;
    double seconds, units; /* of all that finished */
    int64_t finished;
    double seconds_per_unit; /* calibrated */
    /* Of the ratios actual / expected: how many, their mean, and the sum of squared deviations. */
    double ratios, mean, squares;
};

/* A size in terms of the published one. */
static double share(int64_t size, double published)
{
    return (double)size / published;
}

/* Without Adam's division by the size of a gradient, or clipping, the first steps throw weights so
 * far that all outputs saturate, or nothing is finite any more. */
static bool is_thrown(const struct settings *cell)
{
    return cell->training.optimizer == OPTIMIZER_SGD && cell->training.momentum == 0.0 &&
           isnan(cell->training.clip_actor);
}

/* The edge between the two regimes lies between the published rates 0.001 and 0.01; see
 * sweeps/RESULTS.md. */
static bool stops_early(const struct settings *cell)
{
    if (is_thrown(cell))
        return true;
    /* A penalty gives saturated actors a gradient, so they neither stop nor become faster; nor do
     * those whose squash has slopes that are hardly ever exactly 0. */
    return cell->training.actor_lr >= 0.005 && cell->training.preactivation_penalty == 0.0 &&
           cell->networks.squash == SQUASH_TANH;
}

/* For how many updates an actor moves on without a gradient: until what is left of its first moment
 * is below the last bit of a weight. */
static double momentum_tail(const struct settings *cell)
{
    const double kept = cell->training.optimizer == OPTIMIZER_ADAM  ? cell->training.adam_beta1
                        : cell->training.optimizer == OPTIMIZER_SGD ? cell->training.momentum
                                                                    : 0.0;
    const int bits = cell->networks.actor_precision == PRECISION_F64 ? 53 : 24;
    if (kept == 0.0 || cell->training.zero_gradient != ZERO_KEEP)
        return 0.0;
    return round(bits * log(0.5) / log(kept));
}

/* Whether the critic is one affine map. */
static bool is_affine(const struct settings *cell)
{
    return cell->networks.critic_activation == ACTIVATION_LINEAR &&
           cell->networks.critic_norm == CRITIC_NORM_NONE;
}

/* The update of the actors in which the last of them stops, where they stop early: the tail, after
 * what is needed to saturate. With a tail that takes longer, as it moves some out of saturation. */
static double last_stop(const struct settings *cell)
{
    const bool high = cell->training.actor_lr >= 0.03 || is_thrown(cell);
    const bool hidden = cell->networks.actor_norm == ACTOR_NORM_HIDDEN;
    const double tail = momentum_tail(cell);
    /* What is never still, or hardly ever. A short memory carries few of the slower actors into
     * saturation. */
    if (cell->training.weight_decay > 0.0 || cell->networks.actor_norm == ACTOR_NORM_OUTPUT ||
        (!high && (cell->networks.actor_precision == PRECISION_F64 || hidden ||
                   (tail > 0.0 && tail < 100.0))))
        return INFINITY;
    /* Some runs stop as early as others, and the rest hardly ever: the mean. */
    if (cell->networks.input_norm != INPUT_NORM_NONE && cell->training.critic_lr >= 0.03)
        return 1500.0;
    if (cell->networks.input_norm == INPUT_NORM_RANGE)
        return 770.0;
    const double late = hidden ? 350.0 : is_affine(cell) ? 50.0 : 0.0;
    if (tail == 0.0)
        return (high ? 3.0 : 20.0) + late;
    return (high ? 35.0 : 95.0) + tail + late;
}

/* The episode in which a critic of a high rate is dead, all its ReLUs, which leaves actors without
 * a gradient that have one until then. It lives on where its gradients are clipped, its inputs are
 * within a fixed range, or rules are corrected; and a penalty leaves actors a gradient. Known of
 * critics without normalisation. */
static double critic_death(const struct settings *cell)
{
    const bool lives =
        cell->training.critic_lr < 0.03 || !isnan(cell->training.clip_critic) ||
        cell->networks.input_norm == INPUT_NORM_RANGE || cell->training.rules == RULES_CORRECTED ||
        cell->networks.critic_norm != CRITIC_NORM_NONE ||
        cell->networks.critic_activation != ACTIVATION_RELU ||
        cell->training.preactivation_penalty > 0.0 || cell->training.weight_decay > 0.0;
    if (lives)
        return INFINITY;
    return cell->networks.input_norm == INPUT_NORM_RUNNING ? 1500.0 : 1190.0;
}

/* A training ends `episodes_after_stop` updates of the actors after its last actor has stopped. */
static double expect_episodes(const struct settings *cell)
{
    const double limit = (double)cell->training.episodes;
    const double every = (double)cell->training.actor_every;
    const double saturated = stops_early(cell) ? last_stop(cell) * every : INFINITY;
    const double last = fmin(saturated, critic_death(cell));
    const double stopped = last + (double)cell->training.episodes_after_stop * every;
    return fmin(stopped, limit);
}

/* What normalised hidden layers cost, in units of the published size: as the units they have. */
static double norm_cost(const struct settings *cell)
{
    const int64_t hidden = cell->networks.actor_hidden1 + cell->networks.actor_hidden2;
    return cell->networks.actor_norm == ACTOR_NORM_HIDDEN ? 0.27 * share(hidden, 96) : 0.0;
}

/* What the actors' passes cost more in an episode when the critic's hidden layers are normalised:
 * each evaluates all rows that propose, so it grows with the square of the number of agents. Where
 * actors are saturated few samples are asked for. Normalised inputs leave fewer ReLUs at 0. */
static double normed_passes(const struct settings *cell)
{
    const double n = share(cell->environment.agents, 50);
    const double b = share(cell->training.batch, 64);
    const double c1 = share(cell->networks.critic_hidden1, 512);
    const double c2 = share(cell->networks.critic_hidden2, 128);
    const double moving = b * (2.1 * n + 0.9 * n * n) * (0.35 + 0.42 * c1 + 0.23 * c1 * c2) /
                          (double)cell->training.actor_every;
    if (cell->networks.critic_norm == CRITIC_NORM_NONE)
        return 0.0;
    const double inputs = cell->networks.input_norm == INPUT_NORM_NONE ? 1.0 : 1.45;
    return stops_early(cell) ? 0.1 * moving : inputs * moving;
}

/* The critic's part of a training step and of an episode's priorities; n, b as in cost.h. Without
 * activations it is one affine map, and what is left is what all inputs of a sample and all
 * parameters take once. Normalised inputs leave fewer ReLUs at 0, and so less to leave out. */
static double critic_units(const struct settings *cell, double n, double b)
{
    const double c1 = share(cell->networks.critic_hidden1, 512);
    const double c2 = share(cell->networks.critic_hidden2, 128);
    if (is_affine(cell))
        return (0.06 + 0.11 * b) * n * c1;
    const double inputs = cell->networks.input_norm == INPUT_NORM_NONE ? 1.0 : 1.4;
    return inputs * b * (0.38 + 0.4 * n + 0.015 * n * n) * (0.1 + 0.45 * c1 + 0.45 * c1 * c2);
}

/* What is left of an episode where actors saturate: samples without a slope need no critic. Nor
 * do those of a critic that is dead, if there is time for it to die. A
 * critic without activations is spared less than one with, and so are actors that saturate but are
 * not still, some of whose outputs keep a slope. */
static double spared(const struct settings *cell)
{
    if (!stops_early(cell))
        return critic_death(cell) < (double)cell->training.episodes ? 0.8 : 1.0;
    if (!isfinite(last_stop(cell)))
        return 0.9;
    if (cell->networks.input_norm != INPUT_NORM_NONE)
        return 0.75;
    return is_affine(cell) ? 0.95 : 0.65;
}

double cost_units(const struct settings *cell)
{
    const double n = share(cell->environment.agents, 50);
    const double b = share(cell->training.batch, 64);
    const double a =
        share(cell->networks.actor_hidden1, 64) * share(cell->networks.actor_hidden2, 32);
    const double episodes = expect_episodes(cell);
    /* The names are those of the formula in cost.h, which says where its constants come from. */
    const double acting = 0.04 * n * share(cell->training.steps, 10);
    const double actors =
        (cell->networks.actor_activation == ACTIVATION_LINEAR ? 0.115 : 0.165) * b * n * a;
    const double critic = critic_units(cell, n, b);
    /* Half of a training step is the actors', who may rest in some (measured: 0.71 of an episode
     * for every second step, 0.62 for every fourth). */
    const double rest = 0.5 + 0.5 / (double)cell->training.actor_every;
    /* In f64 a vector has half as many numbers (measured: 1.3 of an episode of the published
     * size). */
    const double wide = cell->networks.actor_precision == PRECISION_F64 ? 2.8 : 1.0;
    const double moving = acting + (critic + wide * actors + b * n * norm_cost(cell)) * rest;
    const double episode = spared(cell) * moving;
    /* A log episode costs 1.8 ordinary ones; divided by 1.08 because the unit includes a log every
     * 10 episodes. */
    const double logs = (1 + 0.8 / (double)cell->tracking.log_every) / 1.08;
    double evaluated = 0;
    if (cell->evaluation.every > 0)
        evaluated =
            floor(episodes / (double)cell->evaluation.every) * (double)cell->evaluation.episodes;
    return episodes * (episode * logs + normed_passes(cell)) + evaluated * acting;
}

/* All rows of the table are compared, the operational ones too: a shorter interval of checkpoints
 * also takes time. */
static bool same_group(const struct settings *a, const struct settings *b)
{
    size_t rows = 0;
    const struct setting *table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        if (table[i].offset != offsetof(struct settings, training.seed) &&
            !settings_equal(a, b, &table[i]))
            return false;
    }
    return true;
}

struct cost *cost_new(const struct spec *spec)
{
    struct cost *cost = fault_alloc(1, sizeof *cost);
    cost->cells = spec_cells(spec);
    cost->seconds_per_unit = default_seconds_per_unit;
    cost->group_of = fault_alloc((size_t)cost->cells, sizeof *cost->group_of);
    struct group *groups = fault_alloc((size_t)cost->cells, sizeof *groups);
    struct settings cells[2];
    size_t count = 0;
    for (int64_t i = 0; i < cost->cells; i++) {
        /* Two cells in turn: only neighbours are compared, so that a million cells need one pass.
         * Seed is the innermost axis, so equal neighbours are all there is within a block. */
        const struct settings *cell = &cells[i % 2];
        spec_cell(spec, i, &cells[i % 2]);
        if (i == 0 || !same_group(cell, &cells[(i + 1) % 2]))
            groups[count++] = (struct group){.units = cost_units(cell)};
        cost->group_of[i] = (int32_t)(count - 1);
    }
    /* Room was made for as many groups as cells; most sweeps have far fewer. */
    cost->groups = realloc(groups, count * sizeof *groups);
    if (cost->groups == NULL)
        fault_no_memory(count * sizeof *groups);
    return cost;
}

void cost_free(struct cost **cost)
{
    if (cost == NULL || *cost == NULL)
        return;
    free((*cost)->group_of);
    free((*cost)->groups);
    free(*cost);
    *cost = NULL;
}

static struct group *group_of(const struct cost *cost, int64_t cell)
{
    CHECK(cell >= 0 && cell < cost->cells);
    return &cost->groups[cost->group_of[cell]];
}

/* The three kinds of expectation in cost.h, the best one first. */
double cost_expect(const struct cost *cost, int64_t cell)
{
    const struct group *group = group_of(cost, cell);
    if (group->finished > 0)
        return group->seconds / (double)group->finished;
    if (cost->finished > 0)
        return group->units * (cost->seconds / cost->units);
    return group->units * cost->seconds_per_unit;
}

void cost_learn(struct cost *cost, int64_t cell, double seconds)
{
    struct group *group = group_of(cost, cell);
    /* What a file holds as the time of a run can be missing. */
    if (!isfinite(seconds) || seconds <= 0)
        return;
    /* The spread is of ratios to what was expected just before: that is how far off the ETA was.
     * Mean and squared deviations are updated by Welford's method, which does not lose digits. */
    if (cost->finished > 0) {
        const double ratio = seconds / cost_expect(cost, cell);
        const double deviation = ratio - cost->mean;
        cost->ratios++;
        cost->mean += deviation / cost->ratios;
        cost->squares += deviation * (ratio - cost->mean);
    }
    group->seconds += seconds;
    group->finished++;
    cost->seconds += seconds;
    cost->units += group->units;
    cost->finished++;
}

double cost_spread(const struct cost *cost)
{
    if (cost->finished < 3)
        return default_spread;
    return sqrt(cost->squares / (cost->ratios - 1)) / cost->mean;
}

void cost_calibrate(struct cost *cost, double seconds_per_unit)
{
    CHECK(isfinite(seconds_per_unit) && seconds_per_unit > 0);
    cost->seconds_per_unit = seconds_per_unit;
}

bool cost_known(const struct cost *cost)
{
    return cost->finished > 0;
}
