// SPDX-License-Identifier: MIT
#include "check.h"
#include "model/trainer_view.h"
#include "remedies_case.h"
#include "resume_case.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *field_of(const struct record *r, const struct field *field)
{
    void *array;
    memcpy(&array, (const char *)r + field->offset, sizeof array);
    return array;
}

/* Both records hold the same bytes in every field. */
static void assert_same_record(const struct trainer *a, const struct trainer *b)
{
    size_t count;
    const struct field *fields = record_fields(&count);
    const struct extents extents = record_extents(trainer_settings(a));
    for (size_t f = 0; f < count; f++) {
        const size_t size =
            (size_t)record_count(&fields[f], &extents) * record_value_size(&fields[f]);
        if (size > 0 && memcmp(field_of(trainer_record(a), &fields[f]),
                               field_of(trainer_record(b), &fields[f]), size) != 0)
            fail_msg("%s differs", fields[f].name);
    }
}

static void assert_same_networks(const struct trainer *a, const struct trainer *b)
{
    const struct networks *x = trainer_view(a).networks;
    const struct networks *y = trainer_view(b).networks;
    for (size_t k = 0; k < x->actor.size; k++) {
        const double theta = reals_value(family_theta(&x->actor), k);
        assert_true(theta == reals_value(family_theta(&y->actor), k));
    }
    if (!x->actors.f64)
        assert_memory_equal(x->actor.v, y->actor.v, x->actor.size * sizeof(float));
    assert_memory_equal(x->critic_family.theta, y->critic_family.theta,
                        x->critic_family.size * sizeof(float));
}

static struct trainer *train_with(const char *words, int64_t at_once)
{
    const struct settings s = settings_with(words);
    struct trainer *t = trainer_new(&s);
    while (!trainer_done(t))
        trainer_advance(t, at_once);
    return t;
}

static void test_advance_is_pulled_in_any_portions(void **state)
{
    (void)state;
    struct trainer *one = train_with(SMALL, 1);
    struct trainer *seven = train_with(SMALL, 7);
    struct trainer *all = train_with(SMALL, 1000);
    assert_int_equal(trainer_episode(all), 30);
    assert_same_record(one, seven);
    assert_same_record(one, all);
    assert_same_networks(one, all);
    trainer_free(&one);
    trainer_free(&seven);
    trainer_free(&all);
    assert_null(all);
    trainer_free(&all);
}

static void test_training_does_not_depend_on_what_is_tracked(void **state)
{
    (void)state;
    static const char *const tracked[] = {
        SMALL "tracking.log_every=1",
        SMALL "tracking.log_every=30 tracking.snapshot_every=0",
        SMALL "tracking.snapshot_every=1",
        SMALL "evaluation.every=1 evaluation.episodes=3",
        SMALL "tracking.saturated_z=0.1 tracking.window=1 tracking.absorb=1",
        SMALL "checkpoint.every_s=0.001",
    };
    struct trainer *plain = train_with(SMALL, 4);
    for (size_t k = 0; k < sizeof tracked / sizeof tracked[0]; k++) {
        struct trainer *t = train_with(tracked[k], 4);
        const struct record *a = trainer_record(plain);
        const struct record *b = trainer_record(t);
        assert_same_networks(plain, t);
        assert_memory_equal(a->reward, b->reward, 30 * sizeof *a->reward);
        assert_memory_equal(a->critic_loss, b->critic_loss, 30 * sizeof *a->critic_loss);
        assert_memory_equal(a->actor_moving, b->actor_moving, 30);
        assert_memory_equal(a->first_still, b->first_still, 5 * sizeof *a->first_still);
        trainer_free(&t);
    }
    trainer_free(&plain);
}

/* In a process of its own: load `first`, train to the end, write the state to `out`. */
static void continue_elsewhere(const struct settings *s, const void *first, size_t size, int out)
{
    struct fault fault;
    struct trainer *t = trainer_new(s);
    char *second = malloc(size);
    if (trainer_load(t, first, size, &fault) != STATUS_OK)
        _exit(1);
    trainer_advance(t, 1000);
    trainer_save(t, second, size);
    for (size_t done = 0; done < size;) {
        const ssize_t wrote = write(out, second + done, size - done);
        if (wrote <= 0)
            _exit(2);
        done += (size_t)wrote;
    }
    _exit(0);
}

static void test_save_and_load_in_a_new_process(void **state)
{
    (void)state;
    static const char *const words[] = {
        SMALL,
        SMALL "training.actor_lr=0.1 training.steps=3 environment.agents=7 evaluation.every=4 "
              "evaluation.episodes=2 training.tau=0.1 replay.capacity=37",
        SMALL "training.rules=corrected evaluation.every=5 evaluation.episodes=2",
        SMALL "training.clip_actor=0.5 training.clip_critic=10 training.actor_every=3 "
              "training.weight_decay=0.01 training.preactivation_penalty=0.001 "
              "training.optimizer=rmsprop",
        SMALL "training.zero_gradient=reset_moments training.optimizer=sgd training.momentum=0.9 "
              "training.actor_lr=1e-6 training.critic_lr=1e-13 training.reward_scale=0.1 "
              "networks.actor_output_init=none networks.critic_output_init=none",
        SMALL "networks.squash=inverting training.actor_lr=0.1",
        SMALL "networks.input_norm=running evaluation.every=4 evaluation.episodes=2",
        SMALL "networks.input_norm=range",
        SMALL "networks.actor_norm=output training.actor_lr=0.1 tracking.log_every=4",
        SMALL "networks.actor_norm=hidden training.clip_actor=1 training.weight_decay=0.01",
        SMALL "networks.critic_norm=hidden training.clip_critic=1 training.weight_decay=0.01 "
              "tracking.log_every=3",
        SMALL "networks.actor_precision=f64 networks.actor_norm=output networks.squash=softsign",
        SMALL "networks.actor_precision=f64 training.tau=0.1 training.clip_actor=0.5 "
              "evaluation.every=4 evaluation.episodes=2",
    };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const struct settings s = settings_with(words[k]);
        struct trainer *straight = trainer_new(&s);
        struct trainer *half = trainer_new(&s);
        const size_t size = trainer_state_size(half);
        char *saved = malloc(size);
        char *want = malloc(size);
        char *got = malloc(size);
        int ends[2], status;
        trainer_advance(straight, 1000);
        trainer_save(straight, want, size);
        trainer_advance(half, 15);
        trainer_save(half, saved, size);
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0)
            continue_elsewhere(&s, saved, size, ends[1]);
        close(ends[1]);
        size_t done = 0;
        for (ssize_t n; done < size && (n = read(ends[0], got + done, size - done)) > 0;)
            done += (size_t)n;
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(done, size);
        assert_memory_equal(got, want, size);
        free(saved);
        free(want);
        free(got);
        trainer_free(&straight);
        trainer_free(&half);
    }
}

/* Each setting of the training step and of the networks, and drawn combinations: a training that
 * was saved anywhere and loaded goes to the same bytes. */
static void test_save_and_load_with_drawn_settings(void **state)
{
    struct numpy_rng rng;
    (void)state;
    numpy_seed(&rng, 11);
    for (size_t k = 0; k < 4 * REMEDIES + 60; k++) {
        char words[1024], drawn[REMEDIES_TEXT];
        write_remedies(k, &rng, drawn);
        snprintf(words, sizeof words, SMALL "training.episodes=12 %s%s",
                 k % 2 ? "training.actor_lr=0.1 evaluation.every=5 evaluation.episodes=2" : "",
                 drawn);
        struct trainer *ended[2];
        resume(words, (int64_t)(k % 11) + 1, 12, ended);
        trainer_free(&ended[0]);
        trainer_free(&ended[1]);
    }
}

static void test_foreign_states_are_refused(void **state)
{
    (void)state;
    const struct settings s = settings_with(SMALL);
    const struct settings other = settings_with(SMALL "training.seed=43");
    struct trainer *t = trainer_new(&s);
    struct trainer *foreign = trainer_new(&other);
    struct fault fault;
    const size_t size = trainer_state_size(t);
    char *saved = malloc(size);
    char *before = malloc(size);
    char *after = malloc(size);
    trainer_advance(t, 3);
    trainer_save(t, before, size);
    trainer_save(foreign, saved, size);
    assert_int_equal(trainer_load(t, saved, size, &fault), STATUS_INPUT);
    assert_non_null(strstr(fault.text, "other settings"));
    assert_int_equal(trainer_load(t, saved, size - 1, &fault), STATUS_INPUT);
    memcpy(saved, before, size);
    saved[8] ^= 1;
    assert_int_equal(trainer_load(t, saved, size, &fault), STATUS_INPUT);
    assert_non_null(strstr(fault.text, "algorithm version"));
    saved[0] ^= 1;
    assert_int_equal(trainer_load(t, saved, size, &fault), STATUS_INPUT);
    trainer_save(t, after, size);
    assert_memory_equal(before, after, size);
    free(saved);
    free(before);
    free(after);
    trainer_free(&t);
    trainer_free(&foreign);
}

/* Where the trainer has its state, so that no copy is needed; refused, it begins again. */
static void test_states_are_read_in_place(void **state)
{
    (void)state;
    const struct settings s = settings_with(SMALL "evaluation.every=4 evaluation.episodes=2");
    const int64_t episodes = 12;
    struct fault fault;
    struct trainer *t = trainer_new(&s);
    struct trainer *fresh = trainer_new(&s);
    const size_t size = trainer_state_size(t);
    char *saved = malloc(size);
    char *first = malloc(size);
    trainer_save(fresh, first, size);
    trainer_advance(fresh, episodes);
    trainer_save(fresh, saved, size);
    trainer_advance(t, 3);
    memcpy(trainer_state(t), saved, size);
    assert_int_equal(trainer_load(t, trainer_state(t), size, &fault), STATUS_OK);
    trainer_advance(t, 5);
    trainer_advance(fresh, 5);
    assert_memory_equal(trainer_state(t), trainer_state(fresh), size);
    memset(trainer_state(t), 0xff, size);
    assert_int_equal(trainer_load(t, trainer_state(t), size, &fault), STATUS_INPUT);
    trainer_reset(t);
    assert_memory_equal(trainer_state(t), first, size);
    trainer_advance(t, episodes);
    assert_memory_equal(trainer_state(t), saved, size);
    free(first);
    free(saved);
    trainer_free(&t);
    trainer_free(&fresh);
}

static void test_shapes(void **state)
{
    (void)state;
    static const char *const words[] = {
        SMALL "environment.agents=1 environment.channels=10",
        SMALL "environment.agents=2",
        SMALL "environment.agents=9 environment.channels=20 training.batch=1",
        SMALL "networks.actor_hidden1=1 networks.critic_hidden2=1 training.steps=1",
        SMALL "training.batch=33 training.steps=2 environment.preset=published-2024",
        SMALL "training.episodes=1",
        SMALL "training.gamma=0 training.epsilon_start=0 training.epsilon_end=0",
    };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        struct trainer *t = train_with(words[k], 1000);
        const int64_t episodes = trainer_settings(t)->training.episodes;
        const struct record *r = trainer_record(t);
        assert_int_equal(trainer_episode(t), episodes);
        assert_int_equal(*r->total_episodes, episodes);
        for (int64_t i = 0; i < trainer_settings(t)->environment.agents; i++)
            assert_in_range(r->cause[i], 0, CAUSE_COUNT - 1);
        for (int64_t e = 0; e < episodes; e++) {
            assert_true(isfinite(r->reward[e]));
            assert_true(e == 0 || isfinite(r->critic_loss[e]));
        }
        trainer_free(&t);
    }
}

static void test_same_cell_same_bits_and_another_seed_others(void **state)
{
    (void)state;
    struct trainer *a = train_with(SMALL, 1000);
    struct trainer *b = train_with(SMALL, 1000);
    struct trainer *c = train_with(SMALL "training.seed=7", 1000);
    struct trainer *d = train_with(SMALL "environment.seed=7", 1000);
    assert_same_record(a, b);
    assert_true(trainer_record(a)->reward[5] != trainer_record(c)->reward[5]);
    assert_true(trainer_record(a)->reward[5] != trainer_record(d)->reward[5]);
    trainer_free(&a);
    trainer_free(&b);
    trainer_free(&c);
    trainer_free(&d);
}

/* Steps far below half a unit in the last place never move a parameter: every actor is still at
 * once, and the run ends episodes_after_stop later. What has not changed cannot have a last change.
 */
static void test_actors_that_never_move_stop_at_the_first_step(void **state)
{
    (void)state;
    struct trainer *t =
        train_with(SMALL "training.actor_lr=1e-30 training.episodes_after_stop=5", 1000);
    const struct record *r = trainer_record(t);
    assert_int_equal(*r->outcome, OUTCOME_STOPPED);
    assert_int_equal(*r->stopping_episode, 2);
    assert_int_equal(*r->total_episodes, 7);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r->first_still[i], 2);
        assert_int_equal(r->last_change[i], -1);
    }
    assert_int_equal(r->actors_stopped[0], 0);
    assert_int_equal(r->actors_stopped[1], 5);
    assert_true(isnan(r->reward[7]));
    trainer_free(&t);
}

/* At a learning rate of 1 every actor is dead within a few steps, and its events come in order. */
static void test_events_and_causes(void **state)
{
    (void)state;
    struct trainer *t =
        train_with(SMALL "training.actor_lr=1 training.episodes=400 tracking.absorb=20 "
                         "training.episodes_after_stop=30",
                   1000);
    const struct record *r = trainer_record(t);
    assert_int_equal(*r->outcome, OUTCOME_STOPPED);
    int64_t last = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(r->gradient_zero_first[i] >= 2);
        assert_true(r->gradient_zero_first[i] <= r->gradient_zero[i]);
        assert_true(r->gradient_zero[i] <= r->first_still[i]);
        assert_true(r->last_change[i] >= r->gradient_zero[i] - 1);
        assert_in_range(r->last_change[i] - r->gradient_zero[i] + 1, 50, 200);
        assert_true(r->cause[i] == CAUSE_TANH_HARD || r->cause[i] == CAUSE_ACTOR_DEAD ||
                    r->cause[i] == CAUSE_CRITIC_DEAD || r->cause[i] == CAUSE_MIXED);
        last = r->first_still[i] > last ? r->first_still[i] : last;
        for (int e = 0; e < *r->total_episodes; e++) {
            const int moving = r->actor_moving[e] >> i & 1;
            if (e + 1 == r->first_still[i] || e + 1 > r->last_change[i])
                assert_int_equal(moving, 0);
            if (e + 1 == r->last_change[i])
                assert_int_equal(moving, 1);
        }
    }
    assert_int_equal(*r->stopping_episode, last);
    assert_int_equal(*r->total_episodes, last + 30);
    trainer_free(&t);
}

/* Rewards beyond f32 make the first training step's parameters NaN. */
static void test_divergence_is_an_outcome(void **state)
{
    (void)state;
    struct trainer *t =
        train_with(SMALL "environment.energy_factor=1 environment.lambda_energy=1e6", 1000);
    const struct record *r = trainer_record(t);
    assert_int_equal(*r->outcome, OUTCOME_DIVERGED);
    assert_int_equal(*r->total_episodes, 2);
    assert_int_equal(*r->run_cause, CAUSE_NAN);
    trainer_free(&t);
}

static void test_histograms_count_every_preactivation(void **state)
{
    (void)state;
    struct trainer *t = train_with(SMALL, 1000);
    const struct record *r = trainer_record(t);
    for (int snapshot = 0; snapshot < 6; snapshot++) {
        for (int k = 0; k < 3; k++) {
            int64_t sum = 0;
            for (int b = 0; b < RECORD_BINS; b++)
                sum += r->preactivation_histogram[(snapshot * 3 + k) * RECORD_BINS + b];
            assert_int_equal(sum, 5 * 8);
        }
    }
    double edges[RECORD_BINS];
    record_bin_edges(edges);
    assert_true(edges[RECORD_POSITIVE_EDGES + 1] == 0.0);
    assert_close(edges[RECORD_BINS - 1], 1e5, 1e-12, "last edge");
    assert_close(edges[1], -1e5, 1e-12, "first finite edge");
    for (int b = 1; b < RECORD_BINS; b++)
        assert_true(edges[b] > edges[b - 1]);
    trainer_free(&t);
}

static void test_detections(void **state)
{
    (void)state;
    struct trainer *t = train_with(SMALL "training.actor_lr=1 tracking.log_every=1 "
                                         "tracking.window=3 training.episodes=40",
                                   1000);
    const struct record *r = trainer_record(t);
    const int32_t found = r->detection_episode[DETECTION_SATURATED];
    assert_true(found >= 3);
    double mean = 0.0;
    for (int e = found - 3; e < found; e++)
        mean += (r->preactivation_above[e] + r->preactivation_below[e]) / 3.0;
    assert_true(mean > 0.8);
    const int32_t vanished = r->detection_episode[DETECTION_VANISHED];
    assert_true(vanished >= 4);
    for (int e = vanished - 3; e < vanished; e++)
        assert_true(r->actor_grad_own[e] < 3e-6);
    assert_int_equal(r->detection_episode[DETECTION_ASYMMETRY], vanished);
    trainer_free(&t);
}

static void test_evaluation_is_recorded(void **state)
{
    (void)state;
    struct trainer *t = train_with(SMALL "evaluation.every=10 evaluation.episodes=4", 1000);
    const struct record *r = trainer_record(t);
    for (int k = 0; k < 3; k++) {
        assert_true(r->evaluation_reward[k] < 0.0);
        assert_true(r->evaluation_over_limit[k] >= 0.0 && r->evaluation_over_limit[k] <= 1.0);
        assert_true(r->evaluation_deadline_violation[k] >= 0.0);
        assert_true(r->evaluation_energy_violation[k] >= 0.0);
    }
    trainer_free(&t);
}

/* What a node with many cores can afford to have one of for each. */
static void test_published_size_takes_little_memory(void **state)
{
    (void)state;
    const struct settings cell = settings_with("");
    struct trainer *t = trainer_new(&cell);
    assert_true(trainer_memory(t) < 120 * 1000 * 1000);
    assert_true(trainer_memory(t) > trainer_state_size(t));
    trainer_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_advance_is_pulled_in_any_portions),
        cmocka_unit_test(test_training_does_not_depend_on_what_is_tracked),
        cmocka_unit_test(test_save_and_load_in_a_new_process),
        cmocka_unit_test(test_save_and_load_with_drawn_settings),
        cmocka_unit_test(test_foreign_states_are_refused),
        cmocka_unit_test(test_states_are_read_in_place),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_same_cell_same_bits_and_another_seed_others),
        cmocka_unit_test(test_actors_that_never_move_stop_at_the_first_step),
        cmocka_unit_test(test_events_and_causes),
        cmocka_unit_test(test_divergence_is_an_outcome),
        cmocka_unit_test(test_histograms_count_every_preactivation),
        cmocka_unit_test(test_detections),
        cmocka_unit_test(test_evaluation_is_recorded),
        cmocka_unit_test(test_published_size_takes_little_memory),
    };
    return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
