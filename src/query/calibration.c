// SPDX-License-Identifier: MIT
/*
 * `plan` must answer within seconds, also for a sweep of large cells on a small machine, where one
 * episode may take seconds and one trainer more memory than there is. So sizes are chosen by what
 * they are expected to need before anything is trained, and every loop looks at the clock.
 */
#include "query/calibration.h"
#include "model/mec.h"
#include "spec/cost.h"
#include "sys/clock.h"
#include <ccmsweep/record.h>
#include <ccmsweep/trainer.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* The first episodes take up to three times as long as later ones, since best responses still jump:
 * WARM_UP of them are not measured. More than MOST_MEASURED add no precision. */
enum { TRIALS = 3, EPISODES = 1000, WARM_UP = 20, MOST_MEASURED = 300, LEAST_MEASURED = 5 };

/* Seconds of a unit before anything is measured (that of cost.h). It decides which sizes are tried,
 * and is the answer when no size could be measured. */
static const double expected_s = 0.007;

double calibration_memory(const struct settings *cell)
{
    /* Agents, rows of a batch, and hidden units of actors and critic. A layer of u units on v
     * inputs has u (v + 1) parameters. */
    const struct extents extents = record_extents(cell);
    const double n = (double)cell->environment.agents;
    const double b = (double)cell->training.batch;
    const double a1 = (double)cell->networks.actor_hidden1;
    const double a2 = (double)cell->networks.actor_hidden2;
    const double c1 = (double)cell->networks.critic_hidden1;
    const double c2 = (double)cell->networks.critic_hidden2;
    const double actor = (MEC_STATE + 1) * a1 + (a1 + 1) * a2 + (a2 + 1) * MEC_ACTION;
    const double critic = ((MEC_STATE + MEC_ACTION) * n + 1) * c1 + (c1 + 1) * c2 + c2 + 1;
    /* Replay; parameters, targets, moments and gradients; rows of a batch. Fitted to what trainers
     * of 10 to 500 agents hold. */
    return (double)record_size(&extents) + (double)cell->replay.capacity * (44 * n + 24) +
           32 * (n * actor + critic) + b * (980 * n + 160 * c1);
}

bool calibration_affords(double memory)
{
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    return memory < 1e9 && memory < machine / 4;
}

/* A cell of the same size whose actors move through all episodes: units are defined by such
 * episodes (cost.h), and those of a saturated actor are faster. */
static struct settings make_moving(const struct settings *cell)
{
    struct settings moving = *cell;
    moving.training.actor_lr = 0.0001;
    moving.training.critic_lr = 0.001;
    moving.training.episodes = EPISODES;
    moving.training.earlier_episodes = 0;
    moving.evaluation.every = 0;
    return moving;
}

/* Cells of one size have equal units to the last bit, as these are computed from the same
 * settings. */
void calibration_add(struct calibration *calibration, const struct settings *cell)
{
    const struct settings moving = make_moving(cell);
    const double episode_units = cost_units(&moving) / EPISODES;
    size_t i = 0;
    while (i < calibration->count && calibration->sizes[i].episode_units != episode_units)
        i++;
    if (i == CALIBRATION_SIZES)
        return;
    if (i == calibration->count) {
        calibration->sizes[i] =
            (struct calibration_size){.cell = moving, .episode_units = episode_units};
        calibration->count++;
    }
    calibration->sizes[i].units += cost_units(cell);
}

/* Whether the warm-up and the fewest episodes that are measured fit into `seconds`, and the trainer
 * into memory. */
static bool fits(const struct calibration_size *size, double seconds)
{
    return size->episode_units * expected_s * (WARM_UP + LEAST_MEASURED) < seconds &&
           calibration_affords(calibration_memory(&size->cell));
}

/* CPU seconds of an episode, measured for about `seconds`; NaN when the warm-up takes more than
 * 80 % of them, as where the machine is busy: its episodes cannot stand for later ones, and the
 * first does not even train. CPU time does not change when other processes use the same core. */
static double try_size(const struct calibration_size *size, double seconds)
{
    const double start = clock_now();
    struct trainer *t = trainer_new(&size->cell);
    while (!trainer_done(t) && trainer_episode(t) < WARM_UP && clock_now() - start < 0.8 * seconds)
        trainer_advance(t, 1);
    const int64_t first = trainer_episode(t);
    const double before = clock_cpu();
    if (first < WARM_UP) {
        trainer_free(&t);
        return NAN;
    }
    do {
        trainer_advance(t, 1);
    } while (!trainer_done(t) && trainer_episode(t) < first + MOST_MEASURED &&
             clock_now() - start < seconds);
    const double spent = clock_cpu() - before;
    const int64_t episodes = trainer_episode(t) - first;
    trainer_free(&t);
    return episodes > 0 && spent > 0 ? spent / (double)episodes : NAN;
}

static int compare_sizes(const void *a, const void *b)
{
    const struct calibration_size *x = a;
    const struct calibration_size *y = b;
    return (x->units < y->units) - (x->units > y->units);
}

/* Put the sizes that fit, and have most units, first. Returns how many of them to try. */
static size_t choose_sizes(struct calibration *calibration, double seconds)
{
    size_t kept = 0;
    for (size_t i = 0; i < calibration->count; i++) {
        if (fits(&calibration->sizes[i], seconds / TRIALS))
            calibration->sizes[kept++] = calibration->sizes[i];
    }
    if (kept == 0) {
        struct settings published;
        settings_init(&published);
        calibration->sizes[kept++] = (struct calibration_size){
            .cell = make_moving(&published), .episode_units = 1, .units = 1};
    }
    calibration->count = kept;
    qsort(calibration->sizes, kept, sizeof *calibration->sizes, compare_sizes);
    return kept < TRIALS ? kept : TRIALS;
}

double calibration_run(struct calibration *calibration, double seconds)
{
    const double start = clock_now();
    const size_t trials = choose_sizes(calibration, seconds);
    double sum = 0, weights = 0;
    for (size_t i = 0; i < trials; i++) {
        const struct calibration_size *size = &calibration->sizes[i];
        const double episode_s = try_size(size, seconds / (double)trials);
        if (isnan(episode_s))
            continue;
        sum += size->units * episode_s / size->episode_units;
        weights += size->units;
    }
    calibration->took_s = clock_now() - start;
    return weights > 0 ? sum / weights : expected_s;
}
