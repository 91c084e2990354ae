// SPDX-License-Identifier: MIT
/* Acting, as published draw by draw. The order of draws is part of the result: noise of all agents
 * row by row, then one coin where the proposals exceed the limits, then, if it says so, a shuffle
 * and a sample from another generator; the environment draws after all of these. */
#include "model/rollout.h"
#include <ccmsweep/fault.h>
#include <math.h>
#include <string.h>

enum { S = MEC_STATE, A = MEC_ACTION };

/* Relative distance within which two f32 values of the critic may be in the wrong order: some 30
 * units in the last place. A larger one would only cost evaluations in f64. */
static const double NEAR = 4e-6;

void rollout_bind(struct rollout *rollout, struct networks *nets, int capacity,
                  struct arena *scratch)
{
    const size_t e = (size_t)capacity;
    const size_t n = (size_t)nets->actors.agents;
    const size_t h1 = (size_t)nets->critic.mlp.out[0];
    rollout->nets = nets;
    rollout->capacity = capacity;
    activations_bind(&rollout->x, &nets->actors, capacity, scratch);
    critic_rows_bind(&rollout->rows, &nets->critic, (int)n, false, scratch);
    values_bind(&rollout->values, &nets->critic, scratch);
    rollout->state = arena_take(scratch, n * S, sizeof(double));
    rollout->seen = NULL;
    if (input_norm_is_on(&nets->input))
        rollout->seen = arena_take(scratch, e * n * S, sizeof(float));
    rollout->action = arena_take(scratch, e * n * A, sizeof(double));
    rollout->compute = arena_take(scratch, n, sizeof(double));
    rollout->transmit = arena_take(scratch, n, sizeof(double));
    rollout->joint = arena_take(scratch, e * h1, sizeof(float));
    rollout->joint_f64 = arena_take(scratch, h1, sizeof(double));
    rollout->value = arena_take(scratch, n, sizeof(double));
    rollout->order = arena_take(scratch, n, sizeof(int32_t));
    rollout->pool = arena_take(scratch, n, sizeof(int32_t));
    rollout->ranked = arena_take(scratch, e, sizeof(int32_t));
}

static double sum_sizes(const struct mec *mec, const int32_t *agent, int count)
{
    double sum = 0.0;
    for (int k = 0; k < count; k++)
        sum += mec->size_mb[agent[k]];
    return sum;
}

/* From the episodes that are finished, so the first one has epsilon_start. The decay constant is a
 * setting of its own and not the limit of episodes: a longer run explores as a shorter one does. */
double rollout_epsilon(const struct settings *settings, int64_t finished)
{
    const double start = settings->training.epsilon_start;
    const double end = settings->training.epsilon_end;
    return end + (start - end) * exp(-(double)finished / settings->training.epsilon_decay);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Random selection: as published among all agents, proposing or not, or among the `proposers`
 * that `taken` holds. The shuffle before the sample changes nothing in distribution, but its
 * draws count. Agents are dropped from the end until the rest fit. Returns how many `taken`
 * holds then. */
static int explore_selection(struct rollout *rollout, const struct mec *mec, struct python_rng *rng,
                             int proposers, int32_t *taken)
{
    const bool all = mec->settings->training.explore_among == EXPLORE_ALL;
    const int n = all ? mec->agents : proposers;
    int count = min_int((int)mec->settings->environment.channels, n);
    for (int j = 0; j < n; j++)
        rollout->pool[j] = all ? j : taken[j];
    python_shuffle(rng, rollout->pool, n);
    python_sample(rng, rollout->pool, n, taken, count);
    while (sum_sizes(mec, taken, count) > mec->settings->environment.storage_mb)
        count--;
    return count;
}

/* Sort `count` places of the order by descending value, ties by agent. Insertion: rows are few. */
static void sort_by_value(const double *q, int32_t *order, int count)
{
    for (int r = 1; r < count; r++) {
        const int32_t row = order[r];
        int at = r;
        for (; at > 0 &&
               (q[order[at - 1]] < q[row] || (q[order[at - 1]] == q[row] && order[at - 1] > row));
             at--)
            order[at] = order[at - 1];
        order[at] = row;
    }
}

/* Rows of the list in descending value. Values that f32 cannot tell apart are formed anew in f64:
 * an order that is left to rounding would differ from CPU to CPU, and from the published one. */
static void rank_proposers(struct rollout *rollout, const float *state, const float *action)
{
    const struct critic *critic = &rollout->nets->critic;
    const float *theta = rollout->nets->critic_family.theta;
    const struct critic_rows *rows = &rollout->rows;
    int32_t *order = rollout->order;
    double *q = rollout->value;
    bool formed = false;
    for (int r = 0; r < rows->count; r++) {
        order[r] = r;
        q[r] = (double)rows->q[r];
    }
    sort_by_value(q, order, rows->count);
    /* Runs of neighbours that lie too near each other. Only they are formed anew, which is rare;
     * the joint part of the first layer in f64 is the expensive half and is formed once. */
    for (int r = 0, next; r < rows->count; r = next) {
        next = r + 1;
        while (next < rows->count && (double)(rows->q[order[next - 1]] - rows->q[order[next]]) <=
                                         NEAR * fabs((double)rows->q[order[next]]))
            next++;
        if (next == r + 1)
            continue;
        if (!formed)
            critic_joint_f64(critic, theta, state, action, rollout->joint_f64);
        formed = true;
        for (int k = r; k < next; k++)
            q[order[k]] = critic_value_f64(critic, theta, rollout->joint_f64,
                                           rows->own + (size_t)order[k] * (S + A));
        sort_by_value(q, order + r, next - r);
    }
}

/* Accept proposals in descending value while they fit; environment e of those whose joint part is
 * known. Returns how many. */
static int exploit_selection(struct rollout *rollout, const struct mec *mec, int e,
                             const float *state, const float *action, int32_t *taken)
{
    const struct critic *critic = &rollout->nets->critic;
    const float *theta = rollout->nets->critic_family.theta;
    const int channels = (int)mec->settings->environment.channels;
    struct critic_rows *rows = &rollout->rows;
    critic_rows_clear(rows);
    critic_rows_add_proposers(rows, critic, 0, state, action);
    values_find(&rollout->values, theta, rollout->joint + (size_t)e * (size_t)critic->mlp.out[0],
                rows);
    rank_proposers(rollout, state, action);
    int count = 0;
    double used_mb = 0.0;
    for (int k = 0; k < rows->count && count < channels; k++) {
        const int j = rows->agent[rollout->order[k]];
        /* Below, not up to, the storage, and one that does not fit is skipped while smaller ones
         * after it may fit: the published rules, which differ from that of `over` above. */
        if (used_mb + mec->size_mb[j] < mec->settings->environment.storage_mb) {
            used_mb += mec->size_mb[j];
            taken[count++] = j;
        }
    }
    return count;
}

static void accept(const struct mec *mec, const int32_t *taken, int count, uint8_t *accepted)
{
    memset(accepted, 0, (size_t)mec->agents);
    for (int k = 0; k < count; k++)
        accepted[taken[k]] = 1;
}

/* Accept all proposals that fit the server's limits, or explore. Returns whether they fit; when
 * they do not and nothing is explored, nothing is accepted and `rank` is set. */
static bool select_agents(struct rollout *rollout, const struct mec *mec,
                          const struct exploration *explore, const double *action,
                          uint8_t *accepted, bool *rank)
{
    int32_t *taken = rollout->order;
    int count = 0;
    for (int j = 0; j < mec->agents; j++)
        if (action[j * A] >= 0.0)
            taken[count++] = j;
    const bool over = count > mec->settings->environment.channels ||
                      sum_sizes(mec, taken, count) > mec->settings->environment.storage_mb;
    *rank = over;
    if (over && explore != NULL && mt19937_double(explore->coin) <= explore->epsilon) {
        count = explore_selection(rollout, mec, explore->order, count, taken);
        *rank = false;
    }
    accept(mec, taken, *rank ? 0 : count, accepted);
    return over;
}

/* All actors act in all environments, side by side: an actor's parameters are read once for all of
 * them. The networks see f32; noise and clipping are f64, as published, and what is stored is the
 * f32 of the result. Returns what the networks see of the states. */
static const float *act(struct rollout *rollout, int count, const struct mec *mec,
                        const struct exploration *explore, float *state, float *action)
{
    const struct actors *actors = &rollout->nets->actors;
    const int n = actors->agents;
    for (int e = 0; e < count; e++) {
        mec_state(&mec[e], rollout->state);
        for (int k = 0; k < n * S; k++)
            state[e * n * S + k] = (float)rollout->state[k];
    }
    const float *seen =
        input_norm_apply(&rollout->nets->input, (size_t)(count * n), state, rollout->seen);
    for (int i = 0; i < n; i++)
        actors_act(actors, family_theta(&rollout->nets->actor), i, count, seen, &rollout->x,
                   action);
    for (int k = 0; k < count * n * A; k++) {
        double a = (double)action[k];
        if (explore != NULL)
            a += explore->epsilon * numpy_gaussian(explore->noise);
        rollout->action[k] = fmin(fmax(a, -1.0), 1.0);
        action[k] = (float)rollout->action[k];
    }
    return seen;
}

/* Rank the proposals of the environments that were listed by the critic, and accept the best.
 * \param seen (E, N, 7) what the networks see of the states */
static void rank_listed(struct rollout *rollout, int count, const struct mec *mec,
                        const float *seen, const float *action, uint8_t *accepted)
{
    const struct critic *critic = &rollout->nets->critic;
    const float *theta = rollout->nets->critic_family.theta;
    const size_t n = (size_t)critic->agents;
    critic_joint_state(critic, theta, count, rollout->ranked, seen, rollout->joint);
    critic_joint(critic, theta, count, rollout->ranked, rollout->joint, action, rollout->joint);
    for (int k = 0; k < count; k++) {
        const int e = rollout->ranked[k];
        const size_t at = (size_t)e * n;
        const int taken =
            exploit_selection(rollout, &mec[e], e, seen + at * S, action + at * A, rollout->pool);
        accept(&mec[e], rollout->pool, taken, accepted + at);
    }
}

void rollout_act(struct rollout *rollout, int count, struct mec *mec, struct numpy_rng *rng,
                 const struct exploration *explore, float *state, float *action, uint8_t *accepted,
                 struct rollout_step *step)
{
    const size_t n = (size_t)rollout->nets->actors.agents;
    int listed = 0;
    CHECK(count <= rollout->capacity && (explore == NULL || count == 1));
    const float *seen = act(rollout, count, mec, explore, state, action);
    for (int e = 0; e < count; e++) {
        bool rank;
        const size_t at = (size_t)e * n;
        step[e].over_limit = select_agents(rollout, &mec[e], explore, rollout->action + at * A,
                                           accepted + at, &rank);
        if (rank)
            rollout->ranked[listed++] = e;
    }
    if (listed > 0)
        rank_listed(rollout, listed, mec, seen, action, accepted);
    for (int e = 0; e < count; e++) {
        /* From [-1, 1] to [0.01, 1], by the published expression: a share of exactly 0 would make
         * the time infinite. */
        const double *a = rollout->action + (size_t)e * n * A;
        for (size_t j = 0; j < n; j++) {
            rollout->compute[j] = (a[j * A + 1] + 1.0) * 0.99 / 2.0 + 0.01;
            rollout->transmit[j] = (a[j * A + 2] + 1.0) * 0.99 / 2.0 + 0.01;
        }
        step[e].environment = mec_step(&mec[e], &rng[e], accepted + (size_t)e * n, rollout->compute,
                                       rollout->transmit);
    }
}
