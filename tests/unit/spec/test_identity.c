// SPDX-License-Identifier: MIT
/* The identity of a cell: which lines it is made of, and that each of them counts. */
#include "check.h"
#include "spec/identity.h"
#include <ccmsweep/trainer.h>
#include <stdlib.h>
#include <unistd.h>

static void test_lines_are_sorted_and_complete(void **state)
{
    (void)state;
    struct settings cell;
    settings_init(&cell);
    char text[16384], line[256], before[256] = "", version[64];
    const size_t length = identity_lines(&cell, text, sizeof text);
    assert_int_equal(length, strlen(text));
    snprintf(version, sizeof version, "algorithm_version=%d\n", TRAINER_ALGORITHM_VERSION);
    assert_int_equal(strncmp(text, version, strlen(version)), 0);
    assert_non_null(strstr(text, "\nnetworks.proposal_bias=none\n"));
    assert_non_null(strstr(text, "\nenvironment.preset=published-2026\n"));
    assert_non_null(strstr(text, "\ntraining.actor_lr=0.0001\n"));
    assert_non_null(strstr(text, "\ntraining.seed=42\n"));
    assert_non_null(strstr(text, "\ntraining.gamma=0.98999999999999999\n"));
    assert_non_null(strstr(text, "\nreplay.probability_floor=1.0000000000000001e-09\n"));
    assert_non_null(strstr(text, "\nenvironment.server_hz=4000000000\n"));
    assert_non_null(strstr(text, "\nenvironment.power_dbm.low=1\n"));
    assert_non_null(strstr(text, "\nenvironment.seed=none\n"));
    assert_null(strstr(text, "checkpoint."));
    size_t rows = 0, lines = 0, expected = 1;
    const struct setting *table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++)
        expected += table[i].class != CLASS_OPERATION && !table[i].later;
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1, lines++) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "="), at);
        assert_true(strcmp(before, line) < 0);
        memcpy(before, line, sizeof before);
    }
    assert_int_equal(lines, expected);
    /* A setting that was added later has a line where it is used, and older identities stay. */
    assert_null(strstr(text, "training.streams="));
    cell = settings_with("training.streams=separate");
    assert_int_equal(identity_lines(&cell, text, sizeof text),
                     length + strlen("training.streams=separate\n"));
    assert_non_null(strstr(text, "\ntraining.streams=separate\n"));
}

static void test_lines_are_cut_as_snprintf_does(void **state)
{
    (void)state;
    struct settings cell;
    settings_init(&cell);
    char whole[16384], part[100];
    const size_t length = identity_lines(&cell, whole, sizeof whole);
    assert_int_equal(identity_lines(&cell, NULL, 0), length);
    memset(part, 'x', sizeof part);
    assert_int_equal(identity_lines(&cell, part, 40), length);
    assert_int_equal(memcmp(part, whole, 39), 0);
    assert_int_equal(part[39], '\0');
    assert_int_equal(part[40], 'x');
}

/* The system's own sha256sum over the lines gives the same. */
static void test_it_is_the_sha256_of_the_lines(void **state)
{
    (void)state;
    const struct settings cell = settings_with("training.actor_lr=0.1 networks.proposal_bias=0.3");
    char text[16384], name[] = "/tmp/ccmsweep-identity-XXXXXX", command[128], sum[128] = "";
    char hex[2 * IDENTITY_SIZE + 1];
    const size_t length = identity_lines(&cell, text, sizeof text);
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
    close(fd);
    snprintf(command, sizeof command, "sha256sum < %s", name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(sum, sizeof sum, pipe));
    pclose(pipe);
    unlink(name);
    sum[2 * IDENTITY_SIZE] = '\0';
    const struct identity identity = identity_of(&cell);
    assert_string_equal(identity_hex(&identity, hex), sum);
}

/* Every line is the recipe of sweeps/README.md: %.17g for whatever is a number. */
static void test_numbers_are_written_with_17_digits(void **state)
{
    (void)state;
    const struct settings cell =
        settings_with("networks.proposal_bias=-0.1 environment.storage_mb=1e9 environment.seed=0 "
                      "environment.power_dbm.low=-0 environment.harvest_j=1e12 "
                      "training.tau=0.30000000000000004 training.adam_eps=1e-30");
    char text[16384];
    identity_lines(&cell, text, sizeof text);
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        char value[64], again[64], *end = NULL;
        const char *from = strchr(at, '=') + 1;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\n"), from);
        const double number = strtod(value, &end);
        snprintf(again, sizeof again, "%.17g", number);
        if (*end == '\0')
            assert_string_equal(value, again);
    }
    assert_non_null(strstr(text, "\ntraining.tau=0.30000000000000004\n"));
    assert_non_null(strstr(text, "\nenvironment.power_dbm.low=0\n"));
    assert_non_null(strstr(text, "\nenvironment.harvest_j=1000000000000\n"));
}

/* Computed with Python from what `ccmsweep spec` prints, of algorithm version 2:
 *
 *     lines = {"algorithm_version": "2", "environment.agents": "50", …}  # all but checkpoint's
 *     form = lambda text: "%.17g" % float(text) if is_number(text) else text
 *     text = "".join(f"{key}={form(value)}\n" for key, value in sorted(lines.items()))
 *     hashlib.sha256(text.encode()).hexdigest()
 */
static void test_it_is_what_others_compute(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "657a0063abcb44f1a14e52c3bf7903eaac1380e546df6b2e99a89aab6cad8930"},
        {"training.actor_lr=0.1 training.seed=4294967295 networks.proposal_bias=-0.35 "
         "environment.preset=published-2024",
         "f85bf9b03fcaf739eac930b3b90020ab6c46fb27972404c20829b9f9c18d2014"},
    };
    assert_int_equal(TRAINER_ALGORITHM_VERSION, 2); /* else compute them anew */
    for (size_t i = 0; i < 2; i++) {
        char hex[2 * IDENTITY_SIZE + 1];
        const struct settings cell = settings_with(cases[i][0]);
        const struct identity identity = identity_of(&cell);
        assert_string_equal(identity_hex(&identity, hex), cases[i][1]);
    }
}

/* Another value of any setting of class result or shape is another cell; of another class not. */
static void test_every_result_setting_counts(void **state)
{
    (void)state;
    struct settings defaults;
    settings_init(&defaults);
    const struct identity identity = identity_of(&defaults);
    size_t rows = 0;
    const struct setting *table = settings_table(&rows);
    for (size_t i = 0; i < rows; i++) {
        struct settings other = defaults;
        struct fault fault = {""};
        char now[128], text[128];
        settings_get(&defaults, &table[i], now, sizeof now);
        if (table[i].type == TYPE_CHOICE)
            snprintf(text, sizeof text, "%s",
                     table[i].choices[strcmp(now, *table[i].choices) == 0]);
        else
            snprintf(text, sizeof text, "%.17g",
                     table[i].max != atof(now) ? table[i].max : table[i].max / 2);
        if (settings_set(&other, &table[i], text, &fault) != STATUS_OK)
            fail_msg("%s", fault.text);
        assert_true(settings_equal(&defaults, &defaults, &table[i]));
        assert_false(settings_equal(&defaults, &other, &table[i]));
        settings_put(&defaults, &table[i], settings_number(&other, &table[i]));
        assert_true(settings_equal(&defaults, &other, &table[i]));
        settings_init(&defaults);
        const struct identity changed = identity_of(&other);
        if (identity_equal(&identity, &changed) != (table[i].class == CLASS_OPERATION))
            fail_msg("%s", table[i].key);
    }
}

static void test_the_last_bit_of_a_number_counts(void **state)
{
    (void)state;
    const struct settings a = settings_with("training.gamma=0.1");
    struct settings b = a;
    b.training.gamma = nextafter(b.training.gamma, 1);
    const struct identity first = identity_of(&a), second = identity_of(&b);
    assert_false(identity_equal(&first, &second));
    b.training.gamma = 0.1;
    const struct identity third = identity_of(&b);
    assert_true(identity_equal(&first, &third));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_sorted_and_complete),
        cmocka_unit_test(test_lines_are_cut_as_snprintf_does),
        cmocka_unit_test(test_it_is_the_sha256_of_the_lines),
        cmocka_unit_test(test_numbers_are_written_with_17_digits),
        cmocka_unit_test(test_it_is_what_others_compute),
        cmocka_unit_test(test_every_result_setting_counts),
        cmocka_unit_test(test_the_last_bit_of_a_number_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
