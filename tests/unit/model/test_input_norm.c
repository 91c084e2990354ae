// SPDX-License-Identifier: MIT
/* What the networks see of states: the maps by hand, the running statistics against two passes over
 * all that was stored, and a training step by step: who sees which statistics, and when. */
#include "check.h"
#include "model/input_norm.h"
#include "model/trainer_view.h"
#include <stdlib.h>

enum { S = MEC_STATE, A = MEC_ACTION };

#define NEVER_MOVES    "training.actor_lr=1e-30 training.critic_lr=1e-30 "
#define NEVER_EXPLORES "training.epsilon_start=0 training.epsilon_end=0 "

/* ---- the maps ---- */

struct fixture {
    struct settings settings;
    struct input_statistics at;
    struct input_norm norm;
};

/* A normaliser of its own, fed by the test. */
static struct input_norm normaliser(struct fixture *f, const char *words)
{
    struct arena state = {.base = (char *)&f->at};
    f->settings = settings_with(words);
    input_norm_bind(&f->norm, &f->settings, &state);
    input_norm_clear(&f->norm);
    return f->norm;
}

static void test_none_copies_nothing(void **state)
{
    (void)state;
    struct fixture f;
    const struct input_norm norm = normaliser(&f, "");
    const float x[S] = {1.0F};
    assert_null(norm.at);
    assert_false(input_norm_is_on(&norm));
    assert_ptr_equal(input_norm_apply(&norm, 1, x, NULL), x);
}

static void test_range_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    const struct input_norm norm = normaliser(&f, "networks.input_norm=range");
    const float x[4 * S] = {
        1,     5,     0,    1,      300,      0.1F, 0.4F,   /* lower ends */
        24,    14,    3.2F, 50,     737.5F,   0.9F, 1.5F,   /* upper ends */
        6.75F, 7.25F, 0.8F, 13.25F, 409.375F, 0.3F, 0.675F, /* a quarter of the way */
        25,    4,     4,    0,      1e6F,     -1,   9,      /* beyond */
    };
    const float want[3] = {-1.0F, 1.0F, -0.5F};
    float seen[4 * S];
    assert_ptr_equal(input_norm_apply(&norm, 4, x, seen), seen);
    for (int r = 0; r < 3; r++)
        for (int k = 0; k < S; k++)
            assert_true(fabsf(seen[r * S + k] - want[r]) <= 1e-6F);
    for (int k = 0; k < S; k++)
        assert_true(fabsf(seen[3 * S + k]) == 1.0F);
}

static void test_points_map_to_zero(void **state)
{
    (void)state;
    struct fixture f;
    const struct input_norm norm =
        normaliser(&f, "networks.input_norm=range environment.power_dbm.low=7.3 "
                       "environment.power_dbm.high=7.3 environment.size_mb.high=1");
    const float x[S] = {7.3F, 5, 3.2F, 1, 300, 0.1F, 0.4F};
    float seen[S];
    input_norm_apply(&norm, 1, x, seen);
    assert_true(seen[0] == 0.0F && seen[3] == 0.0F && seen[1] == -1.0F && seen[2] == 1.0F);
}

static void test_running_by_hand(void **state)
{
    (void)state;
    struct fixture f;
    struct input_norm norm = normaliser(&f, "networks.input_norm=running environment.agents=2");
    /* Two observations of two agents: 1, 3, 5, 7 have the mean 4 and the variance 5. */
    const float first[2 * S] = {1, 1, 0, 1, 1, 1, 1, 3, 1, 0, 3, 3, 3, 3};
    const float second[2 * S] = {5, 1, 0, 5, 5, 5, 5, 7, 1, 0, 7, 7, 7, 7};
    const float x[S] = {4.5F, 1, 0.01F, 1e9F, -1e9F, 4, 7};
    float seen[S];
    input_norm_apply(&norm, 1, x, seen);
    assert_close((double)seen[0], 4.5 / sqrt(1.00001), 1e-7, "before the first");
    input_norm_observe(&norm, first);
    input_norm_observe(&norm, second);
    assert_int_equal(norm.at->count, 4);
    assert_close(norm.at->mean[0], 4.0, 1e-15, "mean");
    assert_close(input_norm_variance(&norm, 0), 5.0, 1e-15, "variance");
    input_norm_apply(&norm, 1, x, seen);
    assert_close((double)seen[0], 0.5 / sqrt(5.00001), 1e-7, "value");
    assert_true(seen[1] == 0.0F); /* never varied */
    assert_close((double)seen[2], 0.01 / sqrt(1e-5), 1e-6, "value of no variance");
    assert_true(seen[3] == 10.0F && seen[4] == -10.0F && seen[5] == 0.0F);
    assert_close((double)seen[6], 3.0 / sqrt(5.00001), 1e-7, "value");
    input_norm_clear(&norm);
    assert_int_equal(norm.at->count, 0);
    assert_true(norm.at->mean[0] == 0.0 && norm.at->squares[0] == 0.0);
}

/* ---- a training ---- */

/* All stored rows of one value, in f64: of each transition the next state, and of an episode's
 * first one its state. Returns how many. */
static int stored_values(const struct trainer *t, int k, double *x)
{
    const struct replay *replay = trainer_view(t).replay;
    const int64_t n = trainer_settings(t)->environment.agents;
    int count = 0;
    for (int64_t slot = 0; slot < replay->at->stored; slot++) {
        for (int64_t i = 0; i < n && slot % replay->steps == 0; i++)
            x[count++] = (double)replay_state(replay, slot)[i * S + k];
        for (int64_t i = 0; i < n; i++)
            x[count++] = (double)replay_next_state(replay, slot)[i * S + k];
    }
    return count;
}

static void two_passes(const double *x, int count, double *mean, double *variance)
{
    *mean = *variance = 0.0;
    for (int i = 0; i < count; i++)
        *mean += x[i] / count;
    for (int i = 0; i < count; i++)
        *variance += (x[i] - *mean) * (x[i] - *mean) / count;
}

static void test_statistics_are_those_of_all_stored(void **state)
{
    (void)state;
    enum { EPISODES = 30 };
    const struct settings s =
        settings_with(SMALL "networks.input_norm=running replay.capacity=1000 tracking.log_every=5 "
                            "evaluation.every=7 evaluation.episodes=3");
    struct trainer *t = trainer_new(&s);
    const struct input_norm *norm = &trainer_view(t).networks->input;
    double *x = calloc(EPISODES * 5 * 5, sizeof *x);
    for (int e = 1; e <= EPISODES; e++) {
        trainer_advance(t, 1);
        for (int k = 0; k < S; k++) {
            double mean, variance;
            const int count = stored_values(t, k, x);
            two_passes(x, count, &mean, &variance);
            assert_int_equal(count, e * 5 * 5);
            assert_int_equal(norm->at->count, count);
            assert_close(norm->at->mean[k], mean, 1e-13, "mean of value %d", k);
            assert_close(input_norm_variance(norm, k), variance, 1e-11, "variance of value %d", k);
            if (e % 5 != 0)
                continue;
            const struct record *r = trainer_record(t);
            assert_true(r->input_mean[(e / 5 - 1) * S + k] == norm->at->mean[k]);
            assert_close(r->input_std[(e / 5 - 1) * S + k], sqrt(variance), 1e-11, "logged");
        }
    }
    free(x);
    trainer_free(&t);
}

static void test_others_keep_no_statistics(void **state)
{
    (void)state;
    const struct settings none = settings_with(SMALL);
    const struct settings range = settings_with(SMALL "networks.input_norm=range");
    struct trainer *a = trainer_new(&none), *b = trainer_new(&range);
    assert_null(trainer_record(a)->input_mean);
    assert_null(trainer_record(b)->input_std);
    assert_int_equal(trainer_state_size(a), trainer_state_size(b));
    trainer_advance(a, 2);
    trainer_advance(b, 2);
    assert_true(trainer_record(a)->critic_loss[1] != trainer_record(b)->critic_loss[1]);
    trainer_free(&a);
    trainer_free(&b);
}

/* A second reader of a training's networks, which sees states by a normaliser of the test's. */
struct reader {
    struct fixture fixture;
    struct input_norm norm;
    struct networks acting; /* parameters as they were before the episode */
    float *theta;           /* these, of actors and critic */
    struct step step;       /* of the training's networks, which are only read */
    struct batch seen;      /* the transitions of an episode */
    struct activations x;
    struct arena scratch;
};

static void bind_reader(struct reader *r, const struct networks *nets)
{
    const int steps = (int)r->fixture.settings.training.steps;
    r->scratch.used = 0;
    step_bind(&r->step, &r->fixture.settings, (struct networks *)(uintptr_t)nets, &r->scratch);
    batch_bind(&r->seen, &r->fixture.settings, steps, &r->scratch);
    activations_bind(&r->x, &nets->actors, 1, &r->scratch);
    r->theta = arena_take(&r->scratch, nets->actor.size + nets->critic_family.size, sizeof(float));
}

static struct reader *open_reader(const struct trainer *t, const char *words)
{
    const struct networks *nets = trainer_view(t).networks;
    struct reader *r = calloc(1, sizeof *r);
    r->norm = normaliser(&r->fixture, words);
    bind_reader(r, nets);
    r->scratch.base = aligned_alloc(64, r->scratch.used);
    memset(r->scratch.base, 0, r->scratch.used);
    bind_reader(r, nets);
    return r;
}

static void keep_networks(struct reader *r, const struct networks *nets)
{
    const struct family *actor = &nets->actor, *critic = &nets->critic_family;
    r->acting = *nets;
    r->acting.actor.theta = r->theta;
    r->acting.critic_family.theta = r->theta + actor->size;
    memcpy(r->acting.actor.theta, actor->theta, actor->size * sizeof(float));
    memcpy(r->acting.critic_family.theta, critic->theta, critic->size * sizeof(float));
}

static void close_reader(struct reader *r)
{
    free(r->scratch.base);
    free(r);
}

/* What the actors do in a state as the networks see it, against the stored actions. */
static void check_actions(struct reader *r, const float *seen, const float *stored)
{
    const struct actors *actors = &r->acting.actors;
    float action[16 * A];
    for (int i = 0; i < actors->agents; i++)
        actors_forward(actors, r->acting.actor.theta, i, 1, seen, &r->x, action);
    assert_memory_equal(action, stored, (size_t)actors->agents * A * sizeof *action);
}

/* Nobody explores: the accepted agents are those of the highest values, in what the critic sees. */
static void check_accepted(struct reader *r, const float *seen, const float *action,
                           const uint8_t *accepted)
{
    const struct critic *critic = &r->acting.critic;
    const float *theta = r->acting.critic_family.theta;
    const int channels = (int)r->fixture.settings.environment.channels;
    struct critic_rows *rows = &r->step.proposers;
    critic_joint_state(critic, theta, 1, NULL, seen, r->step.joint);
    critic_joint(critic, theta, 1, NULL, r->step.joint, action, r->step.joint);
    critic_rows_clear(rows);
    critic_rows_add_proposers(rows, critic, 0, seen, action);
    values_find(&r->step.values, theta, r->step.joint, rows);
    for (int a = 0; a < rows->count; a++) {
        int above = 0;
        for (int b = 0; b < rows->count; b++)
            above += rows->q[b] > rows->q[a];
        if (rows->agent[a] != CRITIC_NOBODY)
            assert_int_equal(accepted[rows->agent[a]], above < channels);
    }
}

/* The state of a slot as the networks see it by the present statistics. */
static void see(const struct reader *r, const float *state, float *seen)
{
    const size_t n = (size_t)r->acting.actors.agents;
    const float *got = input_norm_apply(&r->norm, n, state, seen);
    if (got == state)
        memcpy(seen, state, n * S * sizeof *seen);
}

/* One episode as it was stored, acted again and stored again. */
static void replay_episode(struct reader *r, const struct replay *replay, int64_t first)
{
    const size_t n = (size_t)replay->agents;
    float seen[16 * S];
    for (int64_t k = 0; k < replay->steps; k++) {
        const size_t b = (size_t)k;
        const int64_t slot = (first + k) % replay->capacity;
        const size_t at = (size_t)slot * n;
        const float *state = replay_state(replay, slot);
        see(r, state, seen);
        check_actions(r, seen, replay->action + at * A);
        check_accepted(r, seen, replay->action + at * A, replay->accepted + at);
        if (k == 0)
            input_norm_observe(&r->norm, state);
        input_norm_observe(&r->norm, replay_next_state(replay, slot));
        see(r, state, r->seen.state + b * n * S);
        see(r, replay_next_state(replay, slot), r->seen.next_state + b * n * S);
        memcpy(r->seen.action + b * n * A, replay->action + at * A, n * A * sizeof(float));
        memcpy(r->seen.accepted + b * n, replay->accepted + at, n);
        r->seen.reward[b] = replay->reward[slot];
        r->seen.done[b] = replay->done[slot];
    }
}

static bool was_drawn(const struct step *step, int64_t slot)
{
    bool drawn = false;
    for (int b = 0; b < step->batch.count; b++)
        drawn |= step->slot[b] == slot;
    return drawn;
}

/* Priorities of the new transitions, of those that the training step has not drawn. */
static int check_priorities(struct reader *r, const struct trainer_view *view, int64_t first,
                            bool stepped)
{
    const struct replay *replay = view->replay;
    int checked = 0;
    step_errors(&r->step, &r->seen);
    for (int64_t k = 0; k < replay->steps; k++) {
        const int64_t slot = (first + k) % replay->capacity;
        if (stepped && was_drawn(view->step, slot))
            continue;
        const double want = pow(r->step.error[k] + replay->error_floor, replay->alpha);
        assert_true(replay->tree[slot + replay->capacity - 1] == want);
        checked++;
    }
    return checked;
}

/* The batch of the training step is what its slots hold, by the statistics of the end. */
static void check_batch(const struct reader *r, const struct trainer_view *view)
{
    const struct batch *batch = &view->step->batch;
    const size_t size = (size_t)r->acting.actors.agents * S;
    float seen[16 * S];
    for (int b = 0; b < batch->count; b++) {
        see(r, replay_state(view->replay, view->step->slot[b]), seen);
        assert_memory_equal(batch->state + (size_t)b * size, seen, size * sizeof *seen);
        see(r, replay_next_state(view->replay, view->step->slot[b]), seen);
        assert_memory_equal(batch->next_state + (size_t)b * size, seen, size * sizeof *seen);
    }
}

/* Where the learning rates are so small that the networks stay as they are, priorities too. */
static void check_training(const char *words)
{
    const struct settings s = settings_with(words);
    const bool same = s.training.actor_lr < 1e-20;
    struct trainer *t = trainer_new(&s);
    const struct trainer_view view = trainer_view(t);
    struct reader *r = open_reader(t, words);
    int checked = 0;
    for (int64_t e = 0; e < s.training.episodes; e++) {
        const int64_t first = e * s.training.steps % s.replay.capacity;
        keep_networks(r, view.networks);
        trainer_advance(t, 1);
        replay_episode(r, view.replay, first);
        if (same)
            checked += check_priorities(r, &view, first, e > 0);
        if (e > 0)
            check_batch(r, &view);
    }
    assert_true(checked > 20 || !same);
    if (r->norm.at != NULL)
        assert_memory_equal(view.networks->input.at, r->norm.at, sizeof *r->norm.at);
    close_reader(r);
    trainer_free(&t);
}

static void test_who_sees_what_and_when(void **state)
{
    (void)state;
    static const char *const kinds[] = {"none", "range", "running"};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        char words[1024];
        snprintf(words, sizeof words,
                 SMALL "training.epsilon_start=0 training.epsilon_end=0 training.actor_lr=1e-30 "
                       "training.critic_lr=1e-30 networks.proposal_bias=0.2 networks.input_norm=%s",
                 kinds[k]);
        check_training(words);
        snprintf(words, sizeof words,
                 SMALL "training.epsilon_start=0 training.epsilon_end=0 training.actor_lr=0.01 "
                       "evaluation.every=2 evaluation.episodes=3 networks.input_norm=%s",
                 kinds[k]);
        check_training(words);
    }
}

/* Whatever the settings, no state leaves the interval that is taken for its own. */
static void test_states_lie_in_their_intervals(void **state)
{
    (void)state;
    static const char *const words[] = {
        SMALL "networks.input_norm=range",
        SMALL "networks.input_norm=range environment.initial_energy_mj.high=9 "
              "environment.max_energy_mj=2 environment.energy_factor=1e-22",
        SMALL "networks.input_norm=range environment.gain_db.low=5 environment.gain_db.high=5 "
              "environment.preset=published-2024 environment.harvest_j=1e5",
    };
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        const struct settings s = settings_with(words[w]);
        struct trainer *t = trainer_new(&s);
        trainer_advance(t, 10);
        const struct replay *replay = trainer_view(t).replay;
        for (int64_t slot = 0; slot < replay->at->stored; slot++) {
            for (int i = 0; i < 5 * S; i++) {
                const struct interval range = input_norm_interval(&s, i % S);
                const double x = (double)replay_next_state(replay, slot)[i];
                assert_true(x >= range.low - 1e-6 * fabs(range.low));
                assert_true(x <= range.high + 1e-6 * fabs(range.high));
            }
        }
        const struct batch *batch = &trainer_view(t).step->batch;
        for (int i = 0; i < batch->count * 5 * S; i++)
            assert_true(fabsf(batch->state[i]) <= 1.0F && fabsf(batch->next_state[i]) <= 1.0F);
        trainer_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_copies_nothing),
        cmocka_unit_test(test_range_by_hand),
        cmocka_unit_test(test_points_map_to_zero),
        cmocka_unit_test(test_running_by_hand),
        cmocka_unit_test(test_statistics_are_those_of_all_stored),
        cmocka_unit_test(test_others_keep_no_statistics),
        cmocka_unit_test(test_who_sees_what_and_when),
        cmocka_unit_test(test_states_lie_in_their_intervals),
    };
    return cmocka_run_group_tests_name("input_norm", tests, NULL, NULL);
}
