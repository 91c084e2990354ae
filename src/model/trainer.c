// SPDX-License-Identifier: MIT
/* One training from its settings to its record: what an episode is, and the whole state as one
 * block of bytes. Everything that changes during a training is laid out in one arena (bind), so
 * that saving is a copy and nothing can be forgotten. The other arena has what can be made again:
 * scratch that is written before it is read, and the devices of the evaluation. */
#include "model/earlier.h"
#include "model/evaluation.h"
#include "model/mec.h"
#include "model/networks.h"
#include "model/replay.h"
#include "model/rollout.h"
#include "model/saved.h"
#include "model/step.h"
#include "model/tracker.h"
#include "model/trainer_view.h"
#include <ccmsweep/trainer.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* First bytes of a state; the numbers also give away another byte order. */
#define STATE_MAGIC UINT64_C(0x43434d5354415433)

/* The first bytes of a state: whose it is, and how far. All fields have 8 bytes, so there is no
 * padding whose bytes would differ between equal states. */
struct header {
    uint64_t magic;
    uint64_t algorithm_version;
    uint64_t size;
    uint64_t cell; /* fingerprint of the settings that decide the result */
    int64_t episode;
    int64_t done;
    int64_t fused; /* computed with a fused multiply-add */
};

struct trainer {
    struct settings settings;
    struct networks nets;
    struct mec mec;
    struct replay replay;
    struct tracker tracker;
    struct rollout rollout;
    struct evaluation evaluation;
    struct step step;
    struct batch played; /* the transitions of one episode, states as stored */
    struct batch seen;   /* the same, states as the networks see them */
    struct header *header;
    struct numpy_rng *numpy;
    struct python_rng *python;
    struct torch_rng *torch;
    struct numpy_rng *noise;      /* with separate streams, else NULL */
    struct python_rng *selection; /* the same */
    struct arena state;
    struct arena scratch;
};

/* FNV-1a over "key=value" lines of all settings that decide the result. It only has to tell apart a
 * state from another cell's by mistake; the identity in a file is a SHA-256 (spec/identity). */
static uint64_t fingerprint(const struct settings *settings)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        char line[SETTING_TEXT + 64];
        char value[SETTING_TEXT];
        if (table[i].class == CLASS_OPERATION ||
            settings_silent(&table[i], settings_number(settings, &table[i])))
            continue;
        settings_get(settings, &table[i], value, sizeof value);
        snprintf(line, sizeof line, "%s=%s\n", table[i].key, value);
        for (const char *c = line; *c != '\0'; c++)
            hash = (hash ^ (uint64_t)(unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Lay everything out; called once to measure and once with the blocks in place. The order of the
 * calls is the layout of a saved state: another order is another format. Scratch serves the larger
 * of a batch and an episode, since step_errors works on whole episodes. */
static void bind(struct trainer *t)
{
    const struct settings *s = &t->settings;
    const int64_t larger =
        s->training.batch > s->training.steps ? s->training.batch : s->training.steps;
    t->state.used = 0;
    t->scratch.used = 0;
    t->header = arena_take(&t->state, 1, sizeof *t->header);
    t->numpy = arena_take(&t->state, 1, sizeof *t->numpy);
    t->python = arena_take(&t->state, 1, sizeof *t->python);
    t->torch = arena_take(&t->state, 1, sizeof *t->torch);
    t->noise = NULL;
    t->selection = NULL;
    /* A state with one generator stays what it was before there was a choice. */
    if (s->training.streams == STREAMS_SEPARATE) {
        t->noise = arena_take(&t->state, 1, sizeof *t->noise);
        t->selection = arena_take(&t->state, 1, sizeof *t->selection);
    }
    mec_bind(&t->mec, s, &t->state, &t->scratch);
    replay_bind(&t->replay, s, &t->state);
    tracker_bind(&t->tracker, s, &t->state);
    networks_bind(&t->nets, s, (int)larger, &t->state, &t->scratch);
    rollout_bind(&t->rollout, &t->nets, evaluation_lockstep(s), &t->scratch);
    evaluation_bind(&t->evaluation, s, &t->rollout, &t->scratch);
    step_bind(&t->step, s, &t->nets, &t->scratch);
    batch_bind(&t->played, s, (int)s->training.steps, &t->scratch);
    t->seen = t->played;
    if (input_norm_is_on(&t->nets.input)) {
        const size_t values = (size_t)(s->training.steps * s->environment.agents * MEC_STATE);
        t->seen.state = arena_take(&t->scratch, values, sizeof(float));
        t->seen.next_state = arena_take(&t->scratch, values, sizeof(float));
    }
}

/* Zeroed and on a cache line, so that arithmetic never depends on where a block happens to lie. */
static void *allocate(size_t size)
{
    void *block = aligned_alloc(64, size);
    if (block == NULL)
        fault_no_memory(size);
    return memset(block, 0, size);
}

/* Devices and weights of a run. The published program constructs the training and the evaluation
 * environment one after the other. When each reseeds the same generator, both have the same
 * devices, and the stream continues after the draws of one; here the evaluation then draws from a
 * copy. Otherwise the stream continues after the draws of both. */
static void construct(struct trainer *t)
{
    const struct settings *s = &t->settings;
    const uint32_t seed =
        (uint32_t)(s->environment.seed >= 0 ? s->environment.seed : s->training.seed);
    if (s->environment.seeding == SEEDING_CONTINUED) {
        mec_construct(&t->mec, t->numpy);
        evaluation_construct(&t->evaluation, t->numpy);
    } else {
        struct numpy_rng again;
        mec_seed(&t->mec, t->numpy, seed);
        again = *t->numpy;
        mec_construct(&t->mec, t->numpy);
        evaluation_construct(&t->evaluation, &again);
    }
    networks_init(&t->nets, t->torch);
}

/* The generators of a process are seeded once, and drawn from by all of its runs: the earlier ones
 * are constructed and drawn as well, but not trained. */
static void begin_process(struct trainer *t)
{
    const struct settings *s = &t->settings;
    const uint32_t seed = (uint32_t)s->training.seed;
    int64_t earlier[SETTING_LIST_ITEMS];
    const size_t count = settings_list(s->training.earlier_episodes, earlier);
    python_seed(t->python, seed);
    torch_seed(t->torch, seed);
    if (s->environment.seeding == SEEDING_CONTINUED)
        mec_seed(&t->mec, t->numpy, seed);
    for (size_t k = 0; k < count; k++) {
        construct(t);
        earlier_run(s, earlier[k], t->numpy, t->python, t->rollout.pool, t->rollout.order);
    }
}

/* A run at its beginning, in zeroed blocks. */
static void start(struct trainer *t)
{
    const struct settings *s = &t->settings;
    const uint32_t seed = (uint32_t)s->training.seed;
    *t->header = (struct header){
        .magic = STATE_MAGIC,
        .algorithm_version = TRAINER_ALGORITHM_VERSION,
        .size = t->state.used,
        .cell = fingerprint(s),
        .fused = t->nets.compute.kernels->fused,
    };
    if (s->training.streams == STREAMS_SEPARATE) {
        numpy_seed_stream(t->noise, seed, STREAM_NOISE);
        mt19937_seed_stream(&t->selection->mt, seed, STREAM_SELECTION);
    }
    begin_process(t);
    construct(t);
    replay_clear(&t->replay, s->replay.beta_start);
    tracker_clear(&t->tracker);
}

struct trainer *trainer_new(const struct settings *cell)
{
    CHECK(settings_check(cell, NULL, NULL) == STATUS_OK);
    struct trainer *t = fault_alloc(1, sizeof *t);
    t->settings = *cell;
    bind(t);
    t->state.base = allocate(t->state.used);
    t->scratch.base = allocate(t->scratch.used);
    bind(t);
    start(t);
    return t;
}

/* Laid out anew as well: what is bound, and not only what it points to, must be as trainer_new
 * left it. */
void trainer_reset(struct trainer *t)
{
    memset(t->state.base, 0, t->state.used);
    memset(t->scratch.base, 0, t->scratch.used);
    bind(t);
    start(t);
}

void trainer_free(struct trainer **t)
{
    if (t == NULL || *t == NULL)
        return;
    free((*t)->state.base);
    free((*t)->scratch.base);
    free(*t);
    *t = NULL;
}

/* Transition k of the episode counts as stored: statistics of inputs take in what is new in it, its
 * next state and, of the first, its state. The networks see it by the statistics of this moment,
 * whatever the episode brings later. */
static void see(struct trainer *t, size_t k)
{
    const size_t n = (size_t)t->mec.agents;
    const size_t at = k * n * MEC_STATE;
    if (k == 0)
        input_norm_observe(&t->nets.input, t->played.state);
    input_norm_observe(&t->nets.input, t->played.next_state + at);
    input_norm_apply(&t->nets.input, n, t->played.state + at, t->seen.state + at);
    input_norm_apply(&t->nets.input, n, t->played.next_state + at, t->seen.next_state + at);
}

/* Play one episode into `played`. Its last step counts as terminal although only time has run out,
 * as published; its next state is the one after new tasks were drawn, before the next reset. */
static struct mec_step play(struct trainer *t)
{
    struct batch *played = &t->played;
    const size_t n = (size_t)t->mec.agents;
    const int steps = (int)t->settings.training.steps;
    const bool separate = t->settings.training.streams == STREAMS_SEPARATE;
    const struct exploration explore = {
        .noise = separate ? t->noise : t->numpy,
        .coin = separate ? &t->selection->mt : &t->numpy->mt,
        .order = separate ? t->selection : t->python,
        .epsilon = rollout_epsilon(&t->settings, t->header->episode),
    };
    struct mec_step sums = {0};
    mec_reset(&t->mec, t->numpy);
    for (int k = 0; k < steps; k++) {
        const size_t b = (size_t)k;
        struct rollout_step step;
        rollout_act(&t->rollout, 1, &t->mec, t->numpy, &explore, played->state + b * n * MEC_STATE,
                    played->action + b * n * MEC_ACTION, played->accepted + b * n, &step);
        /* A pass of acting counts once; the training step counts its own. */
        for (int i = 0; i < t->mec.agents; i++)
            tracker_pass(&t->tracker, &t->nets.actors, &t->rollout.x, i, 1, 1.0);
        mec_state(&t->mec, t->rollout.state);
        for (size_t i = 0; i < n * MEC_STATE; i++)
            played->next_state[b * n * MEC_STATE + i] = (float)t->rollout.state[i];
        played->reward[b] = (float)step.environment.reward;
        played->done[b] = k == steps - 1 ? 1.0F : 0.0F;
        see(t, b);
        sums.reward += step.environment.reward;
        sums.energy_violation += step.environment.energy_violation;
        sums.deadline_violation += step.environment.deadline_violation;
    }
    return sums;
}

/* Store the episode. The networks did not change during it, so the priorities of all its
 * transitions are computed side by side. */
static void store(struct trainer *t)
{
    const struct batch *played = &t->played;
    const size_t n = (size_t)t->mec.agents;
    step_errors(&t->step, &t->seen);
    for (int k = 0; k < played->count; k++) {
        const size_t b = (size_t)k;
        const struct transition transition = {
            .state = played->state + b * n * MEC_STATE,
            .action = played->action + b * n * MEC_ACTION,
            .next_state = played->next_state + b * n * MEC_STATE,
            .accepted = played->accepted + b * n,
            .reward = played->reward[b],
            .done = played->done[b],
        };
        replay_add(&t->replay, &transition, t->step.error[b]);
    }
}

/* After the training step, with generators that the training does not have. */
static void evaluate(struct trainer *t)
{
    const int64_t every = t->settings.evaluation.every;
    if (every == 0 || t->header->episode % every != 0)
        return;
    const struct evaluation_result result = evaluation_run(&t->evaluation);
    const struct record *r = &t->tracker.record;
    const int64_t row = t->header->episode / every - 1;
    r->evaluation_reward[row] = result.reward;
    r->evaluation_over_limit[row] = result.over_limit;
    r->evaluation_deadline_violation[row] = result.deadline_violation;
    r->evaluation_energy_violation[row] = result.energy_violation;
}

/* As in the published program, a run continues for some episodes after its last actor has stopped:
 * they show whether one moves again. A diverged training ends at once: its numbers say nothing. */
static bool reached_end(const struct trainer *t)
{
    const int64_t episode = t->header->episode;
    const int64_t stop = tracker_stopping_episode(&t->tracker);
    return t->tracker.at->diverged != 0 || episode >= t->settings.training.episodes ||
           (stop >= 0 && episode >= stop + tracker_episodes_after_stop(&t->settings));
}

static void play_and_train(struct trainer *t)
{
    /* From the second episode on, as published: the first only fills the replay. */
    const bool training = t->header->episode >= 1;
    tracker_begin(&t->tracker, t->header->episode + 1, training);
    probe_enter(&t->step.probe, PHASE_ACTING);
    const struct mec_step sums = play(t);
    probe_enter(&t->step.probe, PHASE_PRIORITIES);
    store(t);
    if (training)
        step_run(&t->step, &t->replay, t->python, &t->tracker, t->tracker.at->steps);
    probe_enter(&t->step.probe, PHASE_REST);
    tracker_inputs(&t->tracker, &t->nets.input);
    /* Before the episode is counted: the tracker's rows are those of the present one. */
    tracker_end(&t->tracker, &sums, t->nets.actor.size, family_theta(&t->nets.actor),
                t->nets.critic_family.size, t->nets.critic_family.theta);
    t->header->episode++;
    evaluate(t);
    if (reached_end(t)) {
        tracker_finish(&t->tracker);
        t->header->done = 1;
    }
}

void trainer_advance(struct trainer *t, int64_t episodes)
{
    for (int64_t k = 0; k < episodes && !trainer_done(t); k++)
        play_and_train(t);
}

bool trainer_done(const struct trainer *t)
{
    return t->header->done != 0;
}

int64_t trainer_episode(const struct trainer *t)
{
    return t->header->episode;
}

const struct settings *trainer_settings(const struct trainer *t)
{
    return &t->settings;
}

const struct record *trainer_record(const struct trainer *t)
{
    return &t->tracker.record;
}

struct trainer_progress trainer_progress(const struct trainer *t)
{
    const int64_t episode = t->header->episode;
    const bool normed = t->tracker.squash_input != NULL;
    const struct preactivations *part = normed ? t->tracker.squash_input : t->tracker.at->since_log;
    const double *logged =
        normed ? t->tracker.record.squash_input_saturation : t->tracker.record.saturation;
    const double count = part[0].count + part[1].count + part[2].count;
    const int64_t logs = episode / t->settings.tracking.log_every;
    double saturation = NAN;
    if (count > 0.0)
        saturation = (part[0].saturated + part[1].saturated + part[2].saturated) / count;
    else if (logs > 0)
        saturation = logged[logs - 1];
    return (struct trainer_progress){
        .episode = episode,
        .episodes = t->settings.training.episodes,
        .actors_moving = t->tracker.at->moving,
        .reward = episode > 0 ? t->tracker.record.reward[episode - 1] : NAN,
        .saturation = saturation,
    };
}

void trainer_probe(struct trainer *t, struct probe probe)
{
    t->step.probe = probe;
}

size_t trainer_state_size(const struct trainer *t)
{
    return t->state.used;
}

void *trainer_state(struct trainer *t)
{
    return t->state.base;
}

void trainer_save(const struct trainer *t, void *buffer, size_t size)
{
    CHECK(size == t->state.used);
    memcpy(buffer, t->state.base, size);
}

/* What is wrong with a state, looked at where it lies: all parts bound to it, in a trainer that is
 * thrown away. Without scratch, where binding would leave pointers to that trainer. */
static const char *find_flaw(const struct trainer *t, const void *buffer)
{
    struct trainer looked = *t;
    looked.state.base = (char *)(uintptr_t)buffer;
    looked.scratch.base = NULL;
    bind(&looked);
    return saved_flaw(&(struct saved){
        .settings = &t->settings,
        .episode = looked.header->episode,
        .done = looked.header->done,
        .numpy = looked.numpy,
        .python = looked.python,
        .torch = looked.torch,
        .noise = looked.noise,
        .selection = looked.selection,
        .mec = &looked.mec,
        .replay = &looked.replay,
        .tracker = &looked.tracker,
        .networks = &looked.nets,
    });
}

enum status trainer_load(struct trainer *t, const void *buffer, size_t size, struct fault *fault)
{
    /* In this order: the size before anything is read, the format before its fields are believed,
     * whose state it is before its content is looked at. The buffer may have come from a disk or
     * from another program; only when all is right is a byte of `t` written. */
    struct header header;
    if (size != t->state.used)
        return fault_set(fault, STATUS_INPUT, "saved state: %zu bytes, expected %zu", size,
                         t->state.used);
    memcpy(&header, buffer, sizeof header);
    if (header.magic != STATE_MAGIC || header.size != size)
        return fault_set(fault, STATUS_INPUT, "saved state: not a state of a training");
    if (header.algorithm_version != TRAINER_ALGORITHM_VERSION)
        return fault_set(fault, STATUS_INPUT,
                         "saved state: algorithm version %" PRIu64 ", expected %d",
                         header.algorithm_version, TRAINER_ALGORITHM_VERSION);
    if (header.cell != fingerprint(&t->settings))
        return fault_set(fault, STATUS_INPUT, "saved state: of a training with other settings");
    const int64_t fused = t->nets.compute.kernels->fused;
    if (header.fused != fused)
        return fault_set(fault, STATUS_FAULT,
                         "begun by a CPU with%s a fused multiply-add and cannot continue at level "
                         "%s%s",
                         header.fused ? "" : "out", t->nets.compute.kernels->level,
                         header.fused ? "" : "; CCMSWEEP_LEVEL=baseline continues it");
    const char *const flaw = find_flaw(t, buffer);
    if (flaw != NULL)
        return fault_set(fault, STATUS_INPUT, "saved state: %s cannot have been left by a training",
                         flaw);
    if (buffer != t->state.base)
        memcpy(t->state.base, buffer, size);
    return STATUS_OK;
}

/* Place of what the tracker has behind the record, and the room of the record. */
static size_t tracker_offset(const struct trainer *t)
{
    return (size_t)((const char *)t->tracker.at - t->state.base);
}

static size_t record_room(const struct trainer *t)
{
    struct arena record = {0};
    (void)!arena_take(&record, record_size(&t->tracker.extents), 1);
    return record.used;
}

/* Of a state only the record depends on the limit. What is before it and behind it is copied as it
 * is, the record row by row. */
void trainer_extend(struct trainer *t, const struct trainer *shorter)
{
    const struct header header = *t->header;
    const size_t behind = t->state.used - tracker_offset(t);
    const size_t before = tracker_offset(shorter) - record_room(shorter);
    CHECK(behind == shorter->state.used - tracker_offset(shorter));
    CHECK(before == tracker_offset(t) - record_room(t));
    memcpy(t->state.base, shorter->state.base, before);
    memcpy(t->tracker.at, shorter->tracker.at, behind);
    *t->header = header;
    t->header->episode = shorter->header->episode;
    t->header->done = 0;
    tracker_extend(&t->tracker, &shorter->tracker);
    if (reached_end(t)) { /* for another reason than its limit */
        tracker_finish(&t->tracker);
        t->header->done = 1;
    }
}

bool trainer_ended_by_limit(const struct trainer *t)
{
    const struct record *const r = &t->tracker.record;
    return trainer_done(t) && tracker_ended_by_limit(&t->settings, *r->outcome, *r->total_episodes,
                                                     *r->stopping_episode);
}

size_t trainer_memory(const struct trainer *t)
{
    return sizeof *t + t->state.used + t->scratch.used;
}

struct trainer_view trainer_view(const struct trainer *t)
{
    return (struct trainer_view){
        .networks = &t->nets,
        .replay = &t->replay,
        .step = &t->step,
        .numpy = t->numpy,
        .python = t->python,
        .torch = t->torch,
    };
}
