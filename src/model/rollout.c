// SPDX-License-Identifier: MIT
#include <ccmsweep/rollout.h>
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

void rollout_bind(struct rollout *rollout, struct networks *nets, struct arena *scratch)
{
    const size_t n = (size_t)nets->actors.agents;
    const size_t h1 = (size_t)nets->critic.mlp.out[0];
    rollout->nets = nets;
    activations_bind(&rollout->x, &nets->actors, 1, scratch);
    critic_rows_bind(&rollout->rows, &nets->critic, (int)n, scratch);
    rollout->state = arena_take(scratch, n * S, sizeof(double));
    rollout->action = arena_take(scratch, n * A, sizeof(double));
    rollout->compute = arena_take(scratch, n, sizeof(double));
    rollout->transmit = arena_take(scratch, n, sizeof(double));
    rollout->state_part = arena_take(scratch, h1, sizeof(float));
    rollout->joint = arena_take(scratch, h1, sizeof(float));
    rollout->order = arena_take(scratch, n, sizeof(int32_t));
    rollout->pool = arena_take(scratch, n, sizeof(int32_t));
}

static double sum_sizes(const struct mec *mec, const int32_t *agent, int count)
{
    double sum = 0.0;
    for (int k = 0; k < count; k++)
        sum += mec->size_mb[agent[k]];
    return sum;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Random selection among all agents, proposing or not, as published. */
static int explore_selection(struct rollout *rollout, const struct mec *mec, struct python_rng *rng,
                             int32_t *taken)
{
    const int n = mec->agents;
    int count = min_int((int)mec->settings->environment.channels, n);
    for (int j = 0; j < n; j++)
        rollout->pool[j] = j;
    python_shuffle(rng, rollout->pool, n);
    python_sample(rng, rollout->pool, n, taken, count);
    while (sum_sizes(mec, taken, count) > mec->settings->environment.storage_mb)
        count--;
    return count;
}

/* Rows of the list in descending value, ties by agent. */
static void sort_by_value(const struct critic_rows *rows, int32_t *order)
{
    for (int r = 0; r < rows->count; r++) {
        int at = r;
        for (; at > 0 && rows->q[order[at - 1]] < rows->q[r]; at--)
            order[at] = order[at - 1];
        order[at] = r;
    }
}

static int exploit_selection(struct rollout *rollout, const struct mec *mec, const float *state,
                             const float *action, int32_t *taken)
{
    const struct critic *critic = &rollout->nets->critic;
    const float *theta = rollout->nets->critic_family.theta;
    struct critic_rows *rows = &rollout->rows;
    critic_joint_state(critic, theta, 1, state, rollout->state_part);
    critic_joint(critic, theta, 1, rollout->state_part, action, rollout->joint);
    critic_rows_clear(rows);
    critic_rows_add_proposers(rows, critic, 0, state, action);
    critic_evaluate(critic, theta, rollout->joint, rows);
    sort_by_value(rows, rollout->order);
    const int channels = (int)mec->settings->environment.channels;
    int count = 0;
    double used_mb = 0.0;
    for (int k = 0; k < rows->count && count < channels; k++) {
        const int j = rows->agent[rollout->order[k]];
        if (used_mb + mec->size_mb[j] < mec->settings->environment.storage_mb) {
            used_mb += mec->size_mb[j];
            taken[count++] = j;
        }
    }
    return count;
}

/* Which proposals the server accepts; returns whether they exceeded its limits. */
static bool select_agents(struct rollout *rollout, const struct mec *mec,
                          const struct exploration *explore, const float *state,
                          const float *action, uint8_t *accepted)
{
    const int n = mec->agents;
    int32_t *taken = rollout->order;
    int count = 0;
    for (int j = 0; j < n; j++)
        if (rollout->action[j * A] >= 0.0)
            taken[count++] = j;
    const bool over = count > mec->settings->environment.channels ||
                      sum_sizes(mec, taken, count) > mec->settings->environment.storage_mb;
    if (over) {
        taken = rollout->pool;
        if (explore != NULL && numpy_double(explore->numpy) <= explore->epsilon) {
            taken = rollout->order;
            count = explore_selection(rollout, mec, explore->python, taken);
        } else {
            count = exploit_selection(rollout, mec, state, action, taken);
        }
    }
    memset(accepted, 0, (size_t)n);
    for (int k = 0; k < count; k++)
        accepted[taken[k]] = 1;
    return over;
}

struct rollout_step rollout_act(struct rollout *rollout, struct mec *mec, struct numpy_rng *rng,
                                const struct exploration *explore, float *state, float *action,
                                uint8_t *accepted)
{
    const struct actors *actors = &rollout->nets->actors;
    const int n = mec->agents;
    mec_state(mec, rollout->state);
    for (int k = 0; k < n * S; k++)
        state[k] = (float)rollout->state[k];
    for (int i = 0; i < n; i++)
        actors_forward(actors, rollout->nets->actor.theta, i, 1, state, &rollout->x, action);
    for (int k = 0; k < n * A; k++) {
        double a = (double)action[k];
        if (explore != NULL)
            a += explore->epsilon * numpy_gaussian(explore->numpy);
        rollout->action[k] = fmin(fmax(a, -1.0), 1.0);
        action[k] = (float)rollout->action[k];
    }
    const bool over = select_agents(rollout, mec, explore, state, action, accepted);
    for (int j = 0; j < n; j++) {
        rollout->compute[j] = (rollout->action[j * A + 1] + 1.0) * 0.99 / 2.0 + 0.01;
        rollout->transmit[j] = (rollout->action[j * A + 2] + 1.0) * 0.99 / 2.0 + 0.01;
    }
    return (struct rollout_step){
        .environment = mec_step(mec, rng, accepted, rollout->compute, rollout->transmit),
        .over_limit = over,
    };
}
