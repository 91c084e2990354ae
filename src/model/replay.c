// SPDX-License-Identifier: MIT
#include <ccmsweep/fault.h>
#include <ccmsweep/mec.h>
#include <ccmsweep/replay.h>
#include <math.h>
#include <string.h>

void replay_bind(struct replay *replay, const struct settings *settings, struct arena *state)
{
    const size_t n = (size_t)settings->environment.agents;
    const size_t c = (size_t)settings->replay.capacity;
    *replay = (struct replay){
        .agents = (int)n,
        .capacity = (int64_t)c,
        .alpha = settings->replay.alpha,
        .error_floor = settings->replay.error_floor,
        .probability_floor = settings->replay.probability_floor,
        .beta_step = settings->replay.beta_step,
        .state = arena_take(state, c * n * MEC_STATE, sizeof(float)),
        .action = arena_take(state, c * n * MEC_ACTION, sizeof(float)),
        .next_state = arena_take(state, c * n * MEC_STATE, sizeof(float)),
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
    replay->at->beta = beta_start;
}

int64_t replay_add(struct replay *replay, const struct transition *transition, double error)
{
    const size_t n = (size_t)replay->agents;
    const size_t slot = (size_t)replay->at->next;
    memcpy(replay->state + slot * n * MEC_STATE, transition->state, n * MEC_STATE * sizeof(float));
    memcpy(replay->action + slot * n * MEC_ACTION, transition->action,
           n * MEC_ACTION * sizeof(float));
    memcpy(replay->next_state + slot * n * MEC_STATE, transition->next_state,
           n * MEC_STATE * sizeof(float));
    memcpy(replay->accepted + slot * n, transition->accepted, n);
    replay->reward[slot] = transition->reward;
    replay->done[slot] = transition->done;
    replay_update(replay, (int64_t)slot, error);
    replay->at->next = (replay->at->next + 1) % replay->capacity;
    if (replay->at->stored < replay->capacity)
        replay->at->stored++;
    return (int64_t)slot;
}

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
    const int64_t slot = node - (replay->capacity - 1);
    return slot < replay->at->stored ? slot : replay->at->stored - 1;
}

void replay_sample(struct replay *replay, struct python_rng *rng, int batch, int64_t *slot,
                   double *weight)
{
    CHECK(replay->at->stored > 0);
    replay->at->beta = fmin(1.0, replay->at->beta + replay->beta_step);
    const double root = replay->tree[0];
    const double segment = root / batch;
    double largest = 0.0;
    for (int b = 0; b < batch; b++) {
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
