// SPDX-License-Identifier: MIT
/* Greedy episodes that leave no trace: generators, devices and results are the evaluation's own,
 * and the networks are only read. Seed e of episode e makes every evaluation of a training, and of
 * all trainings, face the same tasks. */
#include "model/evaluation.h"

/* Enough for wide products, and few enough that their scratch does not grow with the number of
 * episodes. */
enum { LOCKSTEP = 64 };

static int min_int(int64_t a, int64_t b)
{
    return (int)(a < b ? a : b);
}

int evaluation_lockstep(const struct settings *settings)
{
    /* The training itself acts in one environment, with the same scratch. */
    if (settings->evaluation.every == 0)
        return 1;
    return min_int(settings->evaluation.episodes, LOCKSTEP);
}

void evaluation_bind(struct evaluation *evaluation, const struct settings *settings,
                     struct rollout *rollout, struct arena *scratch)
{
    const size_t e = (size_t)evaluation_lockstep(settings);
    const size_t n = (size_t)settings->environment.agents;
    evaluation->settings = settings;
    evaluation->rollout = rollout;
    evaluation->mec = arena_take(scratch, e, sizeof *evaluation->mec);
    for (size_t k = 0; k < e; k++) {
        /* While the arena only measures there are no environments to bind. */
        struct mec unplaced;
        mec_bind(evaluation->mec != NULL ? &evaluation->mec[k] : &unplaced, settings, scratch,
                 scratch);
    }
    evaluation->rng = arena_take(scratch, e, sizeof *evaluation->rng);
    evaluation->state = arena_take(scratch, e * n * MEC_STATE, sizeof(float));
    evaluation->action = arena_take(scratch, e * n * MEC_ACTION, sizeof(float));
    evaluation->accepted = arena_take(scratch, e * n, sizeof(uint8_t));
    evaluation->step =
        arena_take(scratch, (size_t)settings->training.steps * e, sizeof *evaluation->step);
}

void evaluation_construct(struct evaluation *evaluation, struct numpy_rng *rng)
{
    mec_construct(&evaluation->mec[0], rng);
    for (int e = 1; e < evaluation_lockstep(evaluation->settings); e++)
        mec_copy_devices(&evaluation->mec[e], &evaluation->mec[0]);
}

/* Play episodes first … first + count - 1 side by side. */
static void play(struct evaluation *evaluation, int64_t first, int count)
{
    for (int e = 0; e < count; e++) {
        numpy_seed(&evaluation->rng[e], (uint32_t)(first + e));
        mec_reset(&evaluation->mec[e], &evaluation->rng[e]);
    }
    for (int64_t k = 0; k < evaluation->settings->training.steps; k++)
        rollout_act(evaluation->rollout, count, evaluation->mec, evaluation->rng, NULL,
                    evaluation->state, evaluation->action, evaluation->accepted,
                    evaluation->step + k * count);
}

struct evaluation_result evaluation_run(struct evaluation *evaluation)
{
    const int64_t episodes = evaluation->settings->evaluation.episodes;
    const int64_t steps = evaluation->settings->training.steps;
    struct evaluation_result sum = {0};
    /* Summed in the order of the episodes and not of the lockstep, so that the bits do not depend
     * on LOCKSTEP. */
    for (int64_t first = 0; first < episodes; first += LOCKSTEP) {
        const int count = min_int(episodes - first, LOCKSTEP);
        play(evaluation, first, count);
        for (int64_t r = 0; r < count * steps; r++) { /* episode by episode */
            const struct rollout_step *step = &evaluation->step[r % steps * count + r / steps];
            sum.reward += step->environment.reward;
            sum.over_limit += step->over_limit ? 1.0 : 0.0;
            sum.deadline_violation += step->environment.deadline_violation;
            sum.energy_violation += step->environment.energy_violation;
        }
    }
    const double count = (double)(episodes * steps);
    sum.reward /= (double)episodes;
    sum.over_limit /= count;
    sum.deadline_violation /= count;
    sum.energy_violation /= count;
    return sum;
}
