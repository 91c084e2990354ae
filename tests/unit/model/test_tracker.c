// SPDX-License-Identifier: MIT
/*
 * When and why networks stop: the events the tracker records in every episode, and how a run ends.
 */
#include "tracker_case.h"

static int open_nine(void **state)
{
    *state = open_with("environment.agents=9");
    return 0;
}

static void kill_critic(struct world *w)
{
    fill(w->d_y, B * A, 0.0F);
}

static void kill_tanh(struct world *w, int actor)
{
    for (int k = 0; k < B * A; k++)
        y_of(w, actor)[k] = k % 2 ? -1.0F : 1.0F;
}

static void kill_h1(struct world *w, int actor)
{
    fill(w->x.h1 + actor * B * H1, B * H1, 0.0F);
}

static void kill_h2(struct world *w, int actor)
{
    fill(w->x.h2 + actor * B * H2, B * H2, 0.0F);
}

/* The cause found for actor 2 in the present data. */
static int cause_now(struct world *w)
{
    w->tracker.record.gradient_zero[2] = -1;
    begin(w, 2);
    act(w, 2, STILL);
    return w->tracker.record.cause[2];
}

static void test_causes(void **state)
{
    struct world *w = *state;
    assert_int_equal(cause_now(w), CAUSE_MIXED);
    kill_h1(w, 2);
    assert_int_equal(cause_now(w), CAUSE_ACTOR_DEAD);
    set_plain(w);
    kill_h2(w, 2);
    assert_int_equal(cause_now(w), CAUSE_ACTOR_DEAD);
    kill_tanh(w, 2);
    assert_int_equal(cause_now(w), CAUSE_TANH_HARD);
    kill_critic(w);
    assert_int_equal(cause_now(w), CAUSE_CRITIC_DEAD);
    set_plain(w);
    kill_tanh(w, 2);
    assert_int_equal(cause_now(w), CAUSE_TANH_HARD);
    kill_critic(w);
    assert_int_equal(cause_now(w), CAUSE_CRITIC_DEAD);
    set_plain(w);
    kill_critic(w);
    assert_int_equal(cause_now(w), CAUSE_CRITIC_DEAD);
}

/* A cause needs the whole batch: one value that is alive takes it away. */
static void test_almost_a_cause(void **state)
{
    struct world *w = *state;
    const size_t last = 2 * w->actors.mlp.size + w->actors.mlp.size - 1;
    kill_critic(w);
    w->d_y[B * A - 1] = 1e-30F;
    assert_int_equal(cause_now(w), CAUSE_MIXED);
    kill_tanh(w, 2);
    y_of(w, 2)[B * A - 1] = 0.999F;
    assert_int_equal(cause_now(w), CAUSE_MIXED);
    kill_h1(w, 2);
    w->x.h1[3 * B * H1 - 1] = 1e-30F;
    kill_h2(w, 2);
    w->x.h2[3 * B * H2 - 1] = 1e-30F;
    assert_int_equal(cause_now(w), CAUSE_MIXED);
    w->gradient[last] = 1e-30F;
    assert_int_equal(cause_now(w), CAUSE_NONE);
    assert_int_equal(w->tracker.record.gradient_zero[2], -1);
    w->gradient[last] = NAN;
    assert_int_equal(cause_now(w), CAUSE_NAN);
    w->gradient[last] = INFINITY;
    assert_int_equal(cause_now(w), CAUSE_NAN);
    assert_int_equal(w->tracker.record.gradient_zero[2], -1);
}

static void act_at(struct world *w, int64_t episode, float gradient, struct adam_effect effect)
{
    begin(w, episode);
    w->gradient[w->actors.mlp.size] = gradient;
    act(w, 1, effect);
}

static void test_gradient_zero(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    act_at(w, 2, 1.0F, MOVED);
    assert_int_equal(r->gradient_zero_first[1], -1);
    act_at(w, 3, 0.0F, MOVED);
    kill_tanh(w, 1);
    act_at(w, 4, 0.0F, MOVED);
    assert_int_equal(r->gradient_zero[1], 3);
    assert_int_equal(r->cause[1], CAUSE_MIXED);
    act_at(w, 5, 1.0F, MOVED);
    assert_int_equal(r->gradient_zero[1], -1);
    assert_int_equal(r->cause[1], CAUSE_NONE);
    act_at(w, 7, 0.0F, MOVED);
    assert_int_equal(r->gradient_zero[1], 7);
    assert_int_equal(r->cause[1], CAUSE_TANH_HARD);
    assert_int_equal(r->gradient_zero_first[1], 3);
    assert_int_equal(r->gradient_zero[0], -1);
    assert_int_equal(r->gradient_zero[2], -1);
}

static void test_hard_saturation(void **state)
{
    struct world *w = *state;
    const int32_t *hard = w->tracker.record.hard_saturation;
    kill_tanh(w, 1);
    y_of(w, 1)[B * A - 1] = 0.999F;
    act_at(w, 2, 1.0F, MOVED);
    assert_int_equal(hard[1], -1);
    y_of(w, 1)[B * A - 1] = 1.0F;
    act_at(w, 3, 1.0F, MOVED);
    assert_int_equal(hard[1], 3);
    act_at(w, 4, 1.0F, MOVED);
    assert_int_equal(hard[1], 3);
    assert_int_equal(hard[0], -1);
}

static void test_first_still(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    act_at(w, 2, 1.0F, MOVED);
    assert_int_equal(r->first_still[1], -1);
    act_at(w, 3, 1.0F, STILL);
    act_at(w, 4, 1.0F, MOVED);
    act_at(w, 5, 1.0F, STILL);
    assert_int_equal(r->first_still[1], 3);
    assert_int_equal(r->first_still[0], -1);
    assert_int_equal(w->tracker.last_change[1], 4);
}

/* Actor 0 has just enough still episodes at the end, actor 1 one too few, actor 2 never moved. */
static void test_last_change(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    for (int64_t e = 2; e <= 10; e++) {
        begin(w, e);
        for (int i = 0; i < 5; i++)
            act(w, i, i != 2 && e <= 6 + i ? MOVED : STILL);
        judge(w, e <= 6 ? MOVED : STILL);
        end(w);
    }
    tracker_finish(&w->tracker);
    assert_int_equal(r->last_change[0], 6);
    assert_int_equal(r->last_change[1], -1);
    assert_int_equal(r->last_change[2], -1);
    assert_int_equal(*r->critic_last_change, 6);
    assert_int_equal(*r->total_episodes, 10);
    assert_int_equal(r->actors_stopped[9 - 1], 3);
    assert_int_equal(r->actors_stopped[7 - 1], 2);
    begin(w, 7);
    judge(w, MOVED);
    begin(w, 10);
    tracker_finish(&w->tracker);
    assert_int_equal(*r->critic_last_change, -1);
}

/* Actors that are updated in every second step are neither still nor moving in between, and what is
 * absorbed is counted in updates. */
static void test_rest(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    w->settings.training.actor_every = 2;
    for (int64_t e = 2; e <= 9; e++) {
        begin(w, e);
        assert_true(w->tracker.resting == (e % 2 == 1));
        act(w, 1, e <= 4 ? MOVED : STILL);
        assert_int_equal(w->tracker.at->moving, e <= 5);
        end(w);
    }
    assert_int_equal(r->first_still[1], 6);
    assert_int_equal(w->tracker.last_change[1], 4);
    w->settings.tracking.absorb = 3;
    tracker_finish(&w->tracker);
    assert_int_equal(r->last_change[1], -1);
    w->settings.tracking.absorb = 2;
    tracker_finish(&w->tracker);
    assert_int_equal(r->last_change[1], 4);
    assert_int_equal(tracker_episodes_after_stop(&w->settings),
                     2 * w->settings.training.episodes_after_stop);
}

static void test_moving_bits(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    begin(w, 2);
    for (int i = 0; i < 5; i++)
        act(w, i, i == 0 || i == 4 ? MOVED : STILL);
    assert_int_equal(r->actor_moving[0], 0);
    assert_int_equal(r->actor_moving[1], 0x11);
    assert_int_equal(r->actor_moving[2], 0);
    assert_int_equal(w->tracker.at->moving, 2);
    begin(w, 3);
    assert_int_equal(w->tracker.at->moving, 0);
    assert_int_equal(w->tracker.at->steps, 2);
}

static void test_moving_bits_of_two_bytes(void **state)
{
    struct world *w = *state;
    const uint8_t *moving = w->tracker.record.actor_moving;
    begin(w, 2);
    for (int i = 0; i < 9; i++)
        act(w, i, i == 1 || i >= 7 ? MOVED : STILL);
    begin(w, 3);
    act(w, 0, MOVED);
    const uint8_t want[] = {0, 0, 0x82, 0x01, 0x01, 0, 0};
    assert_memory_equal(moving, want, sizeof want);
}

/* Actors 1 and 3 stop last and together, of different causes. */
static void stop_all(struct world *w, bool finite)
{
    for (int64_t e = 2; e <= 4; e++) {
        begin(w, e);
        for (int i = 0; i < 5; i++) {
            set_plain(w);
            if (i == 0 || i == 4)
                kill_critic(w);
            if (i == 1)
                kill_tanh(w, i);
            if (i == 3)
                kill_h2(w, i);
            act(w, i, e == 4 || (i != 1 && i != 3) ? STILL : MOVED);
        }
        judge(w, (struct adam_effect){.changed = true, .finite = finite || e != 2});
    }
}

static void test_stopped(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    stop_all(w, true);
    assert_int_equal(tracker_stopping_episode(&w->tracker), 4);
    tracker_finish(&w->tracker);
    assert_int_equal(*r->outcome, OUTCOME_STOPPED);
    assert_int_equal(*r->stopping_episode, 4);
    assert_int_equal(*r->run_cause, CAUSE_TANH_HARD);
    assert_int_equal(r->cause[3], CAUSE_ACTOR_DEAD);
}

static void test_diverged(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    stop_all(w, false);
    tracker_finish(&w->tracker);
    assert_int_equal(*r->outcome, OUTCOME_DIVERGED);
    assert_int_equal(*r->run_cause, CAUSE_NAN);
    tracker_clear(&w->tracker);
    stop_all(w, true);
    act(w, 2, (struct adam_effect){.changed = true, .finite = false});
    tracker_finish(&w->tracker);
    assert_int_equal(*r->outcome, OUTCOME_DIVERGED);
}

static void test_censored(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    begin(w, 2);
    for (int i = 0; i < 4; i++)
        act(w, i, STILL);
    tracker_finish(&w->tracker);
    assert_int_equal(tracker_stopping_episode(&w->tracker), -1);
    assert_int_equal(*r->outcome, OUTCOME_CENSORED);
    assert_int_equal(*r->stopping_episode, -1);
    assert_int_equal(*r->run_cause, CAUSE_NONE);
    assert_int_equal(r->cause[0], CAUSE_MIXED);
    assert_int_equal(r->cause[4], CAUSE_NONE);
}

static void test_critic(void **state)
{
    struct world *w = *state;
    const struct record *r = &w->tracker.record;
    const float gradients[] = {1.0F, 0.0F, 0.0F, 1e-30F, 0.0F, 0.0F};
    const int zero[] = {-1, 3, 3, -1, 6, 6};
    const bool moves[] = {true, true, false, true, false, true};
    for (int k = 0; k < 6; k++) {
        begin(w, k + 2);
        w->critic_gradient[w->critic.mlp.size - 1] = gradients[k];
        w->rows.count = k + 1;
        tracker_critic(
            &w->tracker, &w->critic, 0.25 * k, &w->rows, w->critic_gradient, NAN,
            with_gradient(moves[k] ? MOVED : STILL, w->critic_gradient, w->critic.mlp.size));
        assert_int_equal(*r->critic_gradient_zero, zero[k]);
        assert_int_equal(r->critic_moving[k + 1], moves[k]);
        assert_int_equal(r->n_selected[k + 1], k + 1);
        assert_true(r->critic_loss[k + 1] == 0.25F * (float)k);
        assert_int_equal(*r->critic_first_still, k < 2 ? -1 : 4);
    }
    assert_int_equal(w->tracker.at->critic_change, 7);
    assert_int_equal(r->n_selected[0], -1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_causes),
        WITH_WORLD(test_almost_a_cause),
        WITH_WORLD(test_gradient_zero),
        WITH_WORLD(test_hard_saturation),
        WITH_WORLD(test_first_still),
        WITH_WORLD(test_last_change),
        WITH_WORLD(test_rest),
        WITH_WORLD(test_moving_bits),
        cmocka_unit_test_setup_teardown(test_moving_bits_of_two_bytes, open_nine, close_world),
        WITH_WORLD(test_stopped),
        WITH_WORLD(test_diverged),
        WITH_WORLD(test_censored),
        WITH_WORLD(test_critic),
    };
    return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
