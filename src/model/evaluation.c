// SPDX-License-Identifier: MIT
#include <ccmsweep/evaluation.h>

void evaluation_bind(struct evaluation *evaluation, const struct settings *settings,
                     struct rollout *rollout, struct arena *scratch)
{
    const size_t n = (size_t)settings->environment.agents;
    evaluation->settings = settings;
    evaluation->rollout = rollout;
    mec_bind(&evaluation->mec, settings, scratch, scratch);
    evaluation->rng = arena_take(scratch, 1, sizeof *evaluation->rng);
    evaluation->state = arena_take(scratch, n * MEC_STATE, sizeof(float));
    evaluation->action = arena_take(scratch, n * MEC_ACTION, sizeof(float));
    evaluation->accepted = arena_take(scratch, n, sizeof(uint8_t));
}

void evaluation_construct(struct evaluation *evaluation, uint32_t environment_seed)
{
    mec_construct(&evaluation->mec, evaluation->rng, environment_seed);
}

struct evaluation_result evaluation_run(struct evaluation *evaluation)
{
    const int64_t episodes = evaluation->settings->evaluation.episodes;
    const int64_t steps = evaluation->settings->training.steps;
    struct evaluation_result sum = {0};
    for (int64_t e = 0; e < episodes; e++) {
        numpy_seed(evaluation->rng, (uint32_t)e);
        mec_reset(&evaluation->mec, evaluation->rng);
        for (int64_t k = 0; k < steps; k++) {
            const struct rollout_step step =
                rollout_act(evaluation->rollout, &evaluation->mec, evaluation->rng, NULL,
                            evaluation->state, evaluation->action, evaluation->accepted);
            sum.reward += step.environment.reward;
            sum.over_limit += step.over_limit ? 1.0 : 0.0;
            sum.deadline_violation += step.environment.deadline_violation;
            sum.energy_violation += step.environment.energy_violation;
        }
    }
    const double count = (double)(episodes * steps);
    sum.reward /= (double)episodes;
    sum.over_limit /= count;
    sum.deadline_violation /= count;
    sum.energy_violation /= count;
    return sum;
}
