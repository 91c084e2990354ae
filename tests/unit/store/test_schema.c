// SPDX-License-Identifier: MIT
/* The size of a file, as it is predicted and as it comes to be. */
#include "store/schema.h"
#include "store_case.h"

/* The file of a spec must be as large as predicted, give or take the share of it. */
static void check_size(const char *text, double share)
{
    struct fault fault = {""};
    struct folder folder;
    struct stat about;
    struct spec *spec = spec_of(text);
    struct schema *schema = schema_new(spec);
    folder_init(&folder);
    assert_ok(store_create(folder.path, spec, &test_program, &fault));
    assert_int_equal(stat(folder.path, &about), 0);
    assert_close((double)schema_file_size(schema, spec), (double)about.st_size, share, "%s", text);
    folder_fini(&folder);
    schema_free(&schema);
    spec_free(&spec);
}

/* Mostly what HDF5 adds: headers, attributes, its heaps. */
static void test_size_of_files_that_hold_little(void **state)
{
    (void)state;
    check_size("training: {episodes: 1}\ntracking: {snapshot_every: 0}\n", 0.05);
    check_size("training: {episodes: 12}\n", 0.05);
    check_size("training: {episodes: 12}\nevaluation: {every: 3}\n", 0.05);
    check_size("training: {episodes: 60}\ngrid:\n  seed: [1, 2, 3]\n  actor_lr: [0.1, 0.2]\n"
               "  environment.agents: [2, 3]\n",
               0.05);
}

/* Many datasets of few pages: what counts is the gaps before them, and what fills those. */
static void test_size_of_files_with_gaps(void **state)
{
    (void)state;
    check_size("{}", 0.02);
    check_size("training: {episodes: 520}\ntracking: {log_every: 1}\n"
               "environment: {agents: 2}\n",
               0.02);
    check_size("training: {episodes: 1030}\ntracking: {log_every: 2}\n"
               "environment: {agents: 1}\n",
               0.02);
    check_size("training: {episodes: 300}\ntracking: {log_every: 2}\n"
               "environment: {agents: 7}\n",
               0.02);
}

static void test_size_of_files_that_hold_much(void **state)
{
    (void)state;
    check_size("grid:\n  seed: [1, 2, 3, 4]\n  actor_lr: [0.0001, 0.001, 0.01]\n", 0.005);
    check_size("training: {episodes: 200}\ntracking: {log_every: 1, snapshot_every: 1}\n"
               "grid:\n  seed: [1, 2, 3, 4, 5, 6, 7, 8]\n  environment.agents: [5, 50]\n",
               0.005);
}

/* The spec, as the user wrote it and with every setting, is in the file as well. */
static void test_a_long_spec_counts_twice(void **state)
{
    (void)state;
    char text[40000] = "training: {episodes: 1}\ntracking: {log_every: 2}\ngrid:\n  seed: [1";
    for (int seed = 2; seed <= 3000; seed++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", %d", seed);
    strcat(text, "]\n");
    check_size(text, 0.02);
}

static const char *key_named(const char *name)
{
    const struct setting *const row = schema_axis_setting(name);
    return row != NULL ? row->key : "none";
}

/* By its key, by its option, and by its column. */
static void test_names_of_settings_in_a_file(void **state)
{
    (void)state;
    assert_string_equal(key_named("training.actor_lr"), "training.actor_lr");
    assert_string_equal(key_named("actor_lr"), "training.actor_lr");
    assert_string_equal(key_named("seed"), "training.seed");
    assert_string_equal(key_named("gamma"), "training.gamma");
    assert_string_equal(key_named("environment.agents"), "environment.agents");
    assert_string_equal(key_named("environment_agents"), "environment.agents");
    assert_string_equal(key_named("environment_power_dbm_low"), "environment.power_dbm.low");
    assert_string_equal(key_named("agents"), "none");
    assert_string_equal(key_named("training_gamma"), "none");
    assert_null(settings_named("gamma"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_of_files_that_hold_little),
        cmocka_unit_test(test_size_of_files_with_gaps),
        cmocka_unit_test(test_size_of_files_that_hold_much),
        cmocka_unit_test(test_a_long_spec_counts_twice),
        cmocka_unit_test(test_names_of_settings_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
