// SPDX-License-Identifier: MIT
#include "spec/cost.h"
#include <math.h>
#include <stdlib.h>

static const double default_seconds_per_unit = 0.007;
static const double default_spread = 0.5;

/* Neighbours that are equal in everything but the seed. */
struct group {
    double units;   /* of one cell */
    double seconds; /* of those that finished, together */
    int64_t finished;
};

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

static double share(int64_t size, double published)
{
    return (double)size / published;
}

static bool stops_early(const struct settings *cell)
{
    return cell->training.actor_lr >= 0.005;
}

static double expect_episodes(const struct settings *cell)
{
    const double limit = (double)cell->training.episodes;
    const double stopped = 260 + (double)cell->training.episodes_after_stop;
    return stops_early(cell) && stopped < limit ? stopped : limit;
}

double cost_units(const struct settings *cell)
{
    const double n = share(cell->environment.agents, 50);
    const double b = share(cell->training.batch, 64);
    const double c1 = share(cell->networks.critic_hidden1, 512);
    const double c2 = share(cell->networks.critic_hidden2, 128);
    const double a =
        share(cell->networks.actor_hidden1, 64) * share(cell->networks.actor_hidden2, 32);
    const double episodes = expect_episodes(cell);
    const double acting = 0.04 * n * share(cell->training.steps, 10);
    const double critic = (0.38 + 0.4 * n + 0.015 * n * n) * (0.1 + 0.45 * c1 + 0.45 * c1 * c2);
    const double moving = acting + b * (critic + 0.165 * n * a);
    const double episode = stops_early(cell) ? 0.65 * moving : moving;
    const double logs = (1 + 0.8 / (double)cell->tracking.log_every) / 1.08;
    double evaluated = 0;
    if (cell->evaluation.every > 0)
        evaluated =
            floor(episodes / (double)cell->evaluation.every) * (double)cell->evaluation.episodes;
    return episodes * episode * logs + evaluated * acting;
}

/* Every setting but the seed is the same. */
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
        const struct settings *cell = &cells[i % 2];
        spec_cell(spec, i, &cells[i % 2]);
        if (i == 0 || !same_group(cell, &cells[(i + 1) % 2]))
            groups[count++] = (struct group){.units = cost_units(cell)};
        cost->group_of[i] = (int32_t)(count - 1);
    }
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
    if (!isfinite(seconds) || seconds <= 0)
        return;
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
