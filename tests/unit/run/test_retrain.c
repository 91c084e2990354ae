// SPDX-License-Identifier: MIT
/* Which finished runs are trained again, and where one differs from its rows. */
#include "run/comparison.h"
#include "run/retrain.h"
#include "store_case.h"

static struct folder folder;
static struct spec *spec;
static struct store *store;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    spec = spec_small("evaluation: {every: 4, episodes: 1}\ngrid: {seed: 1-9}\n");
    store = store_made(folder.path, spec);
    for (int64_t run = 0; run < 8; run++)
        commit_salted(store, run, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_close(&store);
    spec_free(&spec);
    folder_fini(&folder);
    return 0;
}

/* Compares run 2 with what it has, a value of a dataset changed. */
static struct comparison compared(void *value, size_t size, struct filled *filled)
{
    struct comparison comparison;
    unsigned char before[8] = {0};
    if (value != NULL) {
        memcpy(before, value, size);
        ((unsigned char *)value)[size - 1] ^= 1;
    }
    assert_ok(comparison_make(store, 2, &filled->record, &comparison, NULL, &fault));
    if (value != NULL)
        memcpy(value, before, size);
    return comparison;
}

static void assert_first(const struct comparison *c, const char *name, int episode, int fields)
{
    size_t count = 0;
    assert_int_equal(c->fields, fields);
    assert_string_equal(record_fields(&count)[c->first].name, name);
    assert_int_equal(c->episode, episode);
}

static void test_the_first_difference(void **state)
{
    (void)state;
    struct settings cell;
    struct filled filled;
    store_cell(store, 2, &cell);
    filled_init(&filled, &cell, 3);
    struct record *const r = &filled.record;
    struct comparison c = compared(NULL, 0, &filled);
    assert_int_equal(c.fields, 0);
    assert_true(strlen(c.level) > 0);
    c = compared(&r->reward[11], sizeof *r->reward, &filled);
    assert_first(&c, "reward", 12, 1);
    c = compared(&r->actor_layer_grad_own[2 * 9 * 3], sizeof(float), &filled);
    assert_first(&c, "actor_layer_grad_own", 9, 1);
    c = compared(&r->actor_layer_grad_own[2 * 9 * 3 - 1], sizeof(float), &filled);
    assert_first(&c, "actor_layer_grad_own", 6, 1);
    c = compared(&r->preactivation_histogram[0], sizeof(int32_t), &filled);
    assert_first(&c, "preactivation_histogram", 6, 1);
    c = compared(&r->evaluation_reward[1], sizeof(double), &filled);
    assert_first(&c, "evaluation_reward", 8, 1);
    c = compared(&r->cause[8], sizeof(int32_t), &filled);
    assert_first(&c, "cause", -1, 1);
    /* Of several the earliest, whatever has no episode. */
    r->stopping_episode[0]++;
    r->reward[6]++;
    r->critic_loss[3]++;
    c = compared(NULL, 0, &filled);
    assert_first(&c, "critic_loss", 4, 3);
    /* A run that is taken back meanwhile differs in nothing. */
    assert_ok(store_uncommit(store, 2, &fault));
    c = compared(NULL, 0, &filled);
    assert_int_equal(c.fields, 0);
    filled_fini(&filled);
}

static void assert_drawn(int64_t wanted, uint32_t seed, const struct defects *defects,
                         const int32_t *runs, int count)
{
    struct retrain retrain = {.store = store};
    assert_ok(retrain_draw(&retrain, defects, wanted, seed, &fault));
    assert_int_equal(retrain.count, count);
    assert_memory_equal(retrain.runs, runs, (size_t)count * sizeof *runs);
    retrain_fini(&retrain);
}

/* Python: sorted(random.Random(seed).sample(list, n)). */
static void test_the_draw(void **state)
{
    (void)state;
    struct defects defects = {0};
    defects_add(&defects, 5, "actor_lr", -1, "a column");
    assert_drawn(3, 1, &defects, (const int32_t[]){0, 2, 4}, 3);
    assert_drawn(3, 2, &defects, (const int32_t[]){0, 6, 7}, 3);
    assert_drawn(-1, 0, &defects, (const int32_t[]){0, 1, 2, 3, 4, 5, 6, 7}, 8);
    assert_drawn(100, 7, &defects, (const int32_t[]){0, 1, 2, 3, 4, 5, 6, 7}, 8);
    /* Not of settings that are not those of the identity, nor what was set aside. */
    struct settings cell;
    struct filled filled;
    defects_add(&defects, 6, "identity", -1, "other settings");
    store_cell(store, 1, &cell);
    filled_init(&filled, &cell, 3);
    *filled.record.outcome = OUTCOME_QUARANTINED;
    assert_ok(store_commit(store, 1, &filled.record, &fault));
    filled_fini(&filled);
    assert_drawn(-1, 0, &defects, (const int32_t[]){0, 2, 3, 4, 5, 7}, 6);
    defects_fini(&defects);
    assert_int_equal(defects.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_first_difference, begin, end),
        cmocka_unit_test_setup_teardown(test_the_draw, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
