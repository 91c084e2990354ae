// SPDX-License-Identifier: MIT
/* A ring of transitions and its tree of priorities, as published to the last bit: which transition
 * a number finds depends on the layout of the tree and on how its sums were rounded. A capacity
 * that is not a power of two puts leaves at two depths; so has the published tree, whose order
 * from left to right is therefore not that of the slots. */
#include "model/replay.h"
#include "model/mec.h"
#include <ccmsweep/fault.h>
#include <math.h>
#include <string.h>

/* Observations, counted in time, before a transition's: each transition and each episode's start
 * bring one. */
static int64_t observation_before(const struct replay *replay, int64_t transition)
{
    return transition + transition / replay->steps;
}

/* Rows of the ring of observations. C transitions in a row that touch E episodes use C + E
 * observations in a row, and E is at most 1 + ceil((C - 1)/T), which it is when the first of them
 * ends an episode. So C + 1 + ceil((C - 1)/T) rows keep those of the last C transitions apart for
 * any C and T, and fewer would not. */
static int64_t count_observations(int64_t capacity, int64_t steps)
{
    return capacity + 1 + (capacity - 1 + steps - 1) / steps;
}

void replay_bind(struct replay *replay, const struct settings *settings, struct arena *state)
{
    const size_t n = (size_t)settings->environment.agents;
    const size_t c = (size_t)settings->replay.capacity;
    const int64_t observations =
        count_observations(settings->replay.capacity, settings->training.steps);
    *replay = (struct replay){
        .agents = (int)n,
        .capacity = (int64_t)c,
        .steps = settings->training.steps,
        .observations = observations,
        .alpha = settings->replay.alpha,
        .error_floor = settings->replay.error_floor,
        .probability_floor = settings->replay.probability_floor,
        .beta_step = settings->replay.beta_step,
        .observation = arena_take(state, (size_t)observations * n * MEC_STATE, sizeof(float)),
        .action = arena_take(state, c * n * MEC_ACTION, sizeof(float)),
        .reward = arena_take(state, c, sizeof(float)),
        .done = arena_take(state, c, sizeof(float)),
        .accepted = arena_take(state, c * n, sizeof(uint8_t)),
        .tree = arena_take(state, 2 * c - 1, sizeof(double)),
        .at = arena_take(state, 1, sizeof *replay->at),
    };
}

void replay_clear(struct replay *replay, double beta_start)
{
    memset(replay->tree, 0, (size_t)(2 * replay->capacity - 1) * sizeof *replay->tree);
    replay->at->stored = 0;
    replay->at->next = 0;
    replay->at->added = 0;
    replay->at->beta = beta_start;
}

/* Row of an observation in their ring. */
static float *find_row(const struct replay *replay, int64_t observation)
{
    const size_t row = (size_t)(observation % replay->observations);
    return replay->observation + row * (size_t)replay->agents * MEC_STATE;
}

/* Number of the latest transition added to `slot`, from 0 for the first of all. Slots follow each
 * other in time, so the number tells where its observations lie, and no index is stored. */
static int64_t find_transition(const struct replay *replay, int64_t slot)
{
    CHECK(slot >= 0 && slot < replay->at->stored);
    const int64_t last = replay->at->added - 1;
    return last - (last - slot) % replay->capacity;
}

const float *replay_state(const struct replay *replay, int64_t slot)
{
    return find_row(replay, observation_before(replay, find_transition(replay, slot)));
}

const float *replay_next_state(const struct replay *replay, int64_t slot)
{
    return find_row(replay, observation_before(replay, find_transition(replay, slot)) + 1);
}

/* The state is there already unless the transition begins an episode. */
static void add_observations(struct replay *replay, const struct transition *transition)
{
    const size_t size = (size_t)replay->agents * MEC_STATE * sizeof(float);
    const int64_t step = replay->at->added % replay->steps;
    const int64_t before = observation_before(replay, replay->at->added);
    CHECK((transition->done > 0.0F) == (step == replay->steps - 1));
    if (step == 0)
        memcpy(find_row(replay, before), transition->state, size);
    else
        CHECK(memcmp(find_row(replay, before), transition->state, size) == 0);
    memcpy(find_row(replay, before + 1), transition->next_state, size);
}

int64_t replay_add(struct replay *replay, const struct transition *transition, double error)
{
    const size_t n = (size_t)replay->agents;
    const size_t slot = (size_t)replay->at->next;
    add_observations(replay, transition);
    memcpy(replay->action + slot * n * MEC_ACTION, transition->action,
           n * MEC_ACTION * sizeof(float));
    memcpy(replay->accepted + slot * n, transition->accepted, n);
    replay->reward[slot] = transition->reward;
    replay->done[slot] = transition->done;
    replay_update(replay, (int64_t)slot, error);
    replay->at->next = (replay->at->next + 1) % replay->capacity;
    replay->at->added++;
    if (replay->at->stored < replay->capacity)
        replay->at->stored++;
    return (int64_t)slot;
}

/* The change is added on the way up, and parents are not formed anew from their children: the
 * published program does so, and the root keeps the rounding of all changes so far. */
void replay_update(struct replay *replay, int64_t slot, double error)
{
    int64_t node = slot + replay->capacity - 1;
    const double priority = pow(error + replay->error_floor, replay->alpha);
    const double change = priority - replay->tree[node];
    replay->tree[node] = priority;
    while (node > 0) {
        node = (node - 1) / 2;
        replay->tree[node] += change;
    }
}

int64_t replay_find(const struct replay *replay, double s)
{
    const int64_t size = 2 * replay->capacity - 1;
    int64_t node = 0;
    while (2 * node + 1 < size) {
        const int64_t left = 2 * node + 1;
        if (s <= replay->tree[left]) {
            node = left;
        } else {
            s -= replay->tree[left];
            node = left + 1;
        }
    }
    /* By that rounding the root can be larger than the sum of its leaves, and a draw then ends
     * behind the last transition. */
    const int64_t slot = node - (replay->capacity - 1);
    return slot < replay->at->stored ? slot : replay->at->stored - 1;
}

void replay_sample(struct replay *replay, struct python_rng *rng, int batch, int64_t *slot,
                   double *weight)
{
    CHECK(replay->at->stored > 0);
    /* Before the first draw too: it has 0.401 as published. */
    replay->at->beta = fmin(1.0, replay->at->beta + replay->beta_step);
    const double root = replay->tree[0];
    const double segment = root / batch;
    double largest = 0.0;
    for (int b = 0; b < batch; b++) {
        /* One number from each segment, so that a batch has large and small priorities. */
        const double s = python_uniform(rng, segment * b, segment * (b + 1));
        slot[b] = replay_find(replay, s);
        const double p = replay->tree[slot[b] + replay->capacity - 1];
        const double probability =
            (p + replay->probability_floor) / (root + replay->probability_floor);
        weight[b] = pow((double)replay->at->stored * probability, -replay->at->beta);
        largest = fmax(largest, weight[b]);
    }
    for (int b = 0; b < batch; b++)
        weight[b] /= largest;
}
