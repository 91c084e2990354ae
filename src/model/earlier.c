// SPDX-License-Identifier: MIT
/* The order of the draws is that of an episode in trainer.c: tasks (mec_reset), then in each step
 * noise, coin and selection (rollout_act), energy and new tasks (mec_step), and in the end a batch
 * (replay_draw). How many numbers a gaussian takes from its generator is left to chance, as is a
 * selection's, so both are really drawn. */
#include "model/earlier.h"
#include "model/mec.h"
#include "model/rollout.h"

static void draw_tasks(const struct settings *s, struct numpy_rng *numpy)
{
    for (int64_t k = 0; k < 3 * s->environment.agents; k++)
        numpy_double(numpy);
}

static void draw_gaussians(struct numpy_rng *numpy, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        numpy_gaussian(numpy);
}

static void select_at_random(const struct settings *s, struct python_rng *python, int32_t *pool,
                             int32_t *taken)
{
    const int n = (int)s->environment.agents;
    for (int j = 0; j < n; j++)
        pool[j] = j;
    python_shuffle(python, pool, n);
    python_sample(python, pool, n, taken, (int)s->environment.channels);
}

void earlier_run(const struct settings *settings, int64_t episodes, struct numpy_rng *numpy,
                 struct python_rng *python, int32_t *pool, int32_t *taken)
{
    const int64_t n = settings->environment.agents;
    for (int64_t episode = 0; episode < episodes; episode++) {
        const double epsilon = rollout_epsilon(settings, episode);
        draw_tasks(settings, numpy);
        for (int64_t k = 0; k < settings->training.steps; k++) {
            draw_gaussians(numpy, n * MEC_ACTION);
            if (mt19937_double(&numpy->mt) <= epsilon)
                select_at_random(settings, python, pool, taken);
            draw_gaussians(numpy, n);
            draw_tasks(settings, numpy);
        }
        for (int64_t k = 0; episode > 0 && k < settings->training.batch; k++)
            python_uniform(python, 0.0, 1.0);
    }
}
