// SPDX-License-Identifier: MIT
/* Which cell comes next. */
#include "base/rng.h"
#include "check.h"
#include "run/scheduler.h"

static void test_cells_come_in_order_and_once(void **state)
{
    (void)state;
    struct scheduler *s = scheduler_new(2, 4);
    for (int64_t cell = 0; cell < 4; cell++)
        scheduler_add(s, 3 - cell, false);
    assert_int_equal(scheduler_peek(s, 0), 3);
    assert_int_equal(scheduler_peek(s, 3), 0);
    assert_int_equal(scheduler_next(s, 0), 3);
    assert_int_equal(scheduler_next(s, 1), 2);
    assert_int_equal(scheduler_cell(s, 0), 3);
    assert_int_equal(scheduler_running(s), 2);
    assert_int_equal(scheduler_waiting(s), 2);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_cell(s, 1), -1);
    assert_int_equal(scheduler_next(s, 1), 1);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), 0);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), -1);
    assert_int_equal(scheduler_running(s), 1);
    scheduler_end(s, 0);
    assert_int_equal(scheduler_running(s) + scheduler_waiting(s), 0);
    scheduler_free(&s);
    assert_null(s);
}

/* As when few runs of a large sweep are trained again. */
static void test_few_cells_of_many(void **state)
{
    (void)state;
    const int64_t cells[] = {INT32_MAX, 8};
    struct scheduler *s = scheduler_new(1, 2);
    for (size_t i = 0; i < 2; i++)
        scheduler_add(s, cells[i], i == 1);
    assert_int_equal(scheduler_next(s, 0), 8);
    scheduler_end(s, 0);
    assert_int_equal(scheduler_next(s, 0), INT32_MAX);
    scheduler_free(&s);
}

static void test_longest_first_and_stable(void **state)
{
    (void)state;
    const float keys[] = {1, 5, 3, 5, 2};
    const int64_t order[] = {1, 3, 2, 4, 0};
    struct scheduler *s = scheduler_new(1, 5);
    for (int64_t cell = 0; cell < 5; cell++)
        scheduler_add(s, cell, false);
    scheduler_sort(s, keys);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scheduler_next(s, 0), order[i]);
        scheduler_end(s, 0);
    }
    /* What is given out already is out of it. */
    const float later[] = {9, 0, 1, 0, 4};
    scheduler_sort(s, later);
    const int64_t rest[] = {0, 4, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(scheduler_next(s, 0), rest[i]);
        scheduler_end(s, 0);
    }
    scheduler_free(&s);
}

static void test_one_suspect_at_a_time(void **state)
{
    (void)state;
    struct scheduler *s = scheduler_new(3, 6);
    for (int64_t cell = 0; cell < 6; cell++)
        scheduler_add(s, cell, cell >= 3);
    assert_int_equal(scheduler_next(s, 0), 3);
    assert_int_equal(scheduler_next(s, 1), 0);
    assert_int_equal(scheduler_next(s, 2), 1);
    scheduler_end(s, 1);
    assert_int_equal(scheduler_next(s, 1), 2);
    scheduler_end(s, 2);
    assert_int_equal(scheduler_waiting(s), 2);
    assert_int_equal(scheduler_next(s, 2), -1); /* only suspects wait, and one is tried */
    scheduler_trust(s, 1);                      /* not the one */
    assert_int_equal(scheduler_next(s, 2), -1);
    scheduler_trust(s, 0);
    assert_int_equal(scheduler_next(s, 2), 4); /* beside 3, which is innocent now */
    scheduler_end(s, 0);
    assert_int_equal(scheduler_next(s, 0), -1);
    scheduler_end(s, 2);
    assert_int_equal(scheduler_next(s, 0), 5);
    scheduler_free(&s);
}

/* Many workers, cells and suspects in random order: each cell once, never two suspects. */
static void test_random_histories(void **state)
{
    (void)state;
    enum { WORKERS = 5, CELLS = 60 };
    struct mt19937 draws;
    mt19937_seed(&draws, 7);
    for (int history = 0; history < 200; history++) {
        bool suspect[CELLS], given[CELLS] = {false};
        struct scheduler *s = scheduler_new(WORKERS, CELLS);
        for (int cell = 0; cell < CELLS; cell++) {
            suspect[cell] = mt19937_next(&draws) % 4 == 0;
            scheduler_add(s, cell, suspect[cell]);
        }
        int64_t running = 0;
        for (int left = CELLS; left > 0 || running > 0;) {
            const int w = (int)(mt19937_next(&draws) % WORKERS);
            int64_t cell = scheduler_cell(s, w);
            if (cell >= 0) {
                scheduler_end(s, w);
                running--;
            } else if ((cell = scheduler_next(s, w)) >= 0) {
                assert_false(given[cell]);
                given[cell] = true;
                running++;
                left--;
            }
            int suspects = 0;
            for (int i = 0; i < WORKERS; i++)
                suspects += scheduler_cell(s, i) >= 0 && suspect[scheduler_cell(s, i)];
            assert_true(suspects <= 1);
            assert_int_equal(scheduler_running(s), running);
            assert_int_equal(scheduler_waiting(s), left);
        }
        scheduler_free(&s);
    }
}

static void test_the_first_cells_alone(void **state)
{
    (void)state;
    for (int64_t count = -1; count < 7; count++) {
        struct scheduler *s = scheduler_new(1, 10);
        static const int64_t expected[] = {7, 2, 4, 5, 6};
        for (int64_t cell = 4; cell < 7; cell++)
            scheduler_add(s, cell, false);
        scheduler_add(s, 7, true);
        scheduler_add(s, 2, true);
        scheduler_limit(s, count);
        const int64_t kept = count < 0 ? 0 : count > 5 ? 5 : count;
        assert_int_equal(scheduler_waiting(s), kept);
        for (int64_t i = 0; i < kept; i++)
            assert_int_equal(scheduler_peek(s, i), expected[i]);
        scheduler_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_come_in_order_and_once),
        cmocka_unit_test(test_few_cells_of_many),
        cmocka_unit_test(test_longest_first_and_stable),
        cmocka_unit_test(test_one_suspect_at_a_time),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_the_first_cells_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
