// SPDX-License-Identifier: MIT
#include "check.h"
#include "model/mec.h"
#include "model/replay.h"
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N = 5 };

struct memory {
    struct settings settings;
    struct arena state;
    struct replay replay;
    float before[N * MEC_STATE], after[N * MEC_STATE];
    uint8_t accepted[N];
    int step;         /* of the episode that is being added */
    int observations; /* played so far, 1 more than steps in every episode */
};

static void open_memory(struct memory *m, int capacity, int steps)
{
    char words[512];
    snprintf(words, sizeof words, SMALL "replay.capacity=%d training.steps=%d", capacity, steps);
    *m = (struct memory){.settings = settings_with(words)};
    replay_bind(&m->replay, &m->settings, &m->state);
    m->state = (struct arena){.base = aligned_alloc(64, m->state.used)};
    replay_bind(&m->replay, &m->settings, &m->state);
    replay_clear(&m->replay, 0.4);
}

/* No number is in two observations. */
static void observe(float *row, int observation)
{
    for (int k = 0; k < N * MEC_STATE; k++)
        row[k] = (float)(observation * N * MEC_STATE + k);
}

static int64_t add(struct memory *m, float mark, double error)
{
    if (m->step == 0)
        observe(m->before, m->observations++);
    else
        memcpy(m->before, m->after, sizeof m->before);
    observe(m->after, m->observations++);
    m->step = (m->step + 1) % (int)m->settings.training.steps;
    const struct transition transition = {
        .state = m->before,
        .action = m->before,
        .next_state = m->after,
        .accepted = m->accepted,
        .reward = mark,
        .done = m->step == 0 ? 1.0F : 0.0F,
    };
    return replay_add(&m->replay, &transition, error);
}

/* Leaves of a tree over `capacity` in the order in which a descent meets them: with a capacity that
 * is no power of two the deeper leaves, which hold the first slots, come after the shallow ones. */
static int list_leaves(int64_t node, int64_t capacity, int64_t *leaf, int count)
{
    if (2 * node + 1 >= 2 * capacity - 1) {
        leaf[count] = node - (capacity - 1);
        return count + 1;
    }
    count = list_leaves(2 * node + 1, capacity, leaf, count);
    return list_leaves(2 * node + 2, capacity, leaf, count);
}

static int64_t find_slowly(const struct memory *m, const int64_t *leaf, double s)
{
    const int64_t capacity = m->replay.capacity;
    double sum = 0.0;
    int64_t last = 0;
    for (int64_t k = 0; k < capacity; k++) {
        const double p = m->replay.tree[leaf[k] + capacity - 1];
        sum += p;
        last = leaf[k];
        if (s <= sum)
            break;
    }
    return last;
}

static void test_tree_against_brute_force(void **state)
{
    (void)state;
    static const int capacities[] = {2, 3, 7, 10, 64, 100};
    for (size_t c = 0; c < sizeof capacities / sizeof capacities[0]; c++) {
        const int capacity = capacities[c];
        struct memory m;
        struct numpy_rng rng;
        int64_t leaf[128];
        open_memory(&m, capacity, 4);
        numpy_seed(&rng, (uint32_t)capacity);
        assert_int_equal(list_leaves(0, capacity, leaf, 0), capacity);
        for (int k = 0; k < 2000; k++) {
            const int64_t next = m.replay.at->next;
            if (k < capacity || numpy_double(&rng) < 0.5)
                assert_int_equal(add(&m, (float)k, 1000.0 * numpy_double(&rng)), next);
            else
                replay_update(&m.replay, (int64_t)(numpy_double(&rng) * capacity),
                              1e6 * numpy_double(&rng));
            double sum = 0.0;
            for (int64_t i = 0; i < capacity; i++)
                sum += m.replay.tree[i + capacity - 1];
            assert_close(m.replay.tree[0], sum, 1e-9, "root after %d operations", k);
            if (k < capacity)
                continue;
            const double s = sum * numpy_double(&rng);
            const int64_t slow = find_slowly(&m, leaf, s);
            const int64_t nudged_up = find_slowly(&m, leaf, s * (1.0 + 1e-9));
            if (slow == nudged_up && slow == find_slowly(&m, leaf, s * (1.0 - 1e-9)))
                assert_int_equal(replay_find(&m.replay, s), slow);
        }
        free(m.state.base);
    }
}

static void test_priorities_follow_the_formula(void **state)
{
    (void)state;
    struct memory m;
    open_memory(&m, 4, 4);
    add(&m, 1.0F, 3.5);
    assert_close(m.replay.tree[3], pow(3.51, 0.6), 1e-15, "priority");
    replay_update(&m.replay, 0, 0.0);
    assert_close(m.replay.tree[3], pow(0.01, 0.6), 1e-15, "priority of no error");
    assert_close(m.replay.tree[0], m.replay.tree[3], 1e-12, "root");
    free(m.state.base);
}

static void test_weights_follow_the_formula(void **state)
{
    (void)state;
    enum { BATCH = 16 };
    struct memory m;
    struct python_rng rng;
    int64_t slot[BATCH];
    double weight[BATCH], want[BATCH], largest = 0.0;
    open_memory(&m, 10, 4);
    for (int k = 0; k < 7; k++)
        add(&m, (float)k, k * k);
    python_seed(&rng, 5);
    replay_sample(&m.replay, &rng, BATCH, slot, weight);
    assert_close(m.replay.at->beta, 0.401, 1e-15, "beta");
    for (int b = 0; b < BATCH; b++) {
        const double p = m.replay.tree[slot[b] + 9];
        assert_in_range(slot[b], 0, 6);
        want[b] = pow(7.0 * (p + 1e-9) / (m.replay.tree[0] + 1e-9), -0.401);
        largest = fmax(largest, want[b]);
    }
    for (int b = 0; b < BATCH; b++)
        assert_close(weight[b], want[b] / largest, 1e-12, "weight %d", b);
    for (int k = 0; k < 700; k++)
        replay_sample(&m.replay, &rng, BATCH, slot, weight);
    assert_true(m.replay.at->beta == 1.0);
    free(m.state.base);
}

static void test_ring_wraps_and_rounding_never_leaves_the_stored(void **state)
{
    (void)state;
    struct memory m;
    open_memory(&m, 7, 4);
    for (int k = 0; k < 3; k++)
        add(&m, (float)k, 1.0);
    assert_in_range(replay_find(&m.replay, m.replay.tree[0] * 1.5), 0, 2);
    assert_in_range(replay_find(&m.replay, 0.0), 0, 2);
    for (int k = 3; k < 9; k++)
        add(&m, (float)k, 1.0);
    assert_int_equal(m.replay.at->stored, 7);
    assert_int_equal(m.replay.at->next, 2);
    assert_true(m.replay.reward[0] == 7.0F && m.replay.reward[1] == 8.0F);
    assert_true(m.replay.reward[2] == 2.0F);
    free(m.state.base);
}

static const int shapes[][2] = {
    {70, 10}, {7, 10}, {64, 10}, {100, 1}, {1, 3},   {1, 1},
    {2, 3},   {9, 10}, {10, 10}, {11, 10}, {21, 10},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, CAPACITY_MAX = 100 };

/* After every add, each slot held gives the very observations it was stored with. */
static void test_states_outlive_wraps(void **state)
{
    (void)state;
    for (int c = 0; c < SHAPES; c++) {
        const int capacity = shapes[c][0];
        const int steps = shapes[c][1];
        int from[CAPACITY_MAX];
        float want[N * MEC_STATE];
        struct memory m;
        open_memory(&m, capacity, steps);
        for (int k = 0; k < 12 * capacity + 12 * steps; k++) {
            const int64_t slot = add(&m, (float)k, 1.0);
            assert_int_equal(slot, k % capacity);
            from[slot] = m.observations - 2;
            assert_int_equal(m.replay.at->stored, k < capacity ? k + 1 : capacity);
            for (int64_t i = 0; i < m.replay.at->stored; i++) {
                observe(want, from[i]);
                assert_memory_equal(replay_state(&m.replay, i), want, sizeof want);
                observe(want, from[i] + 1);
                assert_memory_equal(replay_next_state(&m.replay, i), want, sizeof want);
            }
        }
        free(m.state.base);
    }
}

/* The rows are as many as the widest stretch of observations under any `capacity` transitions. */
static void test_no_row_is_wanting_or_spare(void **state)
{
    (void)state;
    for (int capacity = 1; capacity <= 50; capacity++) {
        for (int steps = 1; steps <= 13; steps++) {
            int from[80], widest = 0;
            struct memory m = {.settings = settings_with(SMALL)};
            m.settings.replay.capacity = capacity;
            m.settings.training.steps = steps;
            replay_bind(&m.replay, &m.settings, &m.state);
            for (int k = 0, next = 0; k < capacity + steps; k++, next++) {
                from[k] = next;
                if (k % steps == steps - 1)
                    next++;
            }
            for (int first = 0; first <= steps; first++) {
                const int width = from[first + capacity - 1] + 2 - from[first];
                widest = width > widest ? width : widest;
            }
            assert_int_equal(m.replay.observations, widest);
        }
    }
}

static void test_memory_at_published_size(void **state)
{
    (void)state;
    struct settings s;
    struct arena arena = {0};
    struct replay replay;
    settings_init(&s);
    replay_bind(&replay, &s, &arena);
    assert_int_equal(replay.observations, 11001);
    const size_t bytes = 4 * (11001 * 50 * 7 + 10000 * 50 * 3 + 2 * 10000) + 10000 * 50 +
                         8 * (2 * 10000 - 1) + sizeof *replay.at;
    assert_in_range(arena.used, bytes, bytes + 7 * 63);
}

/* In a process of its own: add one transition; whether that aborts. */
static bool aborts(struct memory *m, float done)
{
    const struct transition transition = {
        .state = m->before,
        .action = m->before,
        .next_state = m->after,
        .accepted = m->accepted,
        .done = done,
    };
    int status;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        replay_add(&m->replay, &transition, 1.0);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_broken_episodes_abort(void **state)
{
    (void)state;
    struct memory m;
    open_memory(&m, 7, 3);
    add(&m, 0.0F, 1.0);
    memcpy(m.before, m.after, sizeof m.before);
    assert_false(aborts(&m, 0.0F));
    assert_true(aborts(&m, 1.0F));
    m.before[N * MEC_STATE - 1] += 1.0F;
    assert_true(aborts(&m, 0.0F));
    add(&m, 1.0F, 1.0);
    memcpy(m.before, m.after, sizeof m.before);
    assert_false(aborts(&m, 1.0F));
    assert_true(aborts(&m, 0.0F));
    free(m.state.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_against_brute_force),
        cmocka_unit_test(test_priorities_follow_the_formula),
        cmocka_unit_test(test_weights_follow_the_formula),
        cmocka_unit_test(test_ring_wraps_and_rounding_never_leaves_the_stored),
        cmocka_unit_test(test_states_outlive_wraps),
        cmocka_unit_test(test_no_row_is_wanting_or_spare),
        cmocka_unit_test(test_memory_at_published_size),
        cmocka_unit_test(test_broken_episodes_abort),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
