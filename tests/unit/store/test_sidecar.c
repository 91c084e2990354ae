// SPDX-License-Identifier: MIT
/* What stands beside a sweep's file in a shared folder, and was not put there by us. */
#include "own_folder.h"
#include "store/checkpoint.h"
#include "store/sidecar.h"
#include "store_case.h"

static struct fault fault;

static const char *in(const char *name)
{
    return folder_in(&folder, name);
}

static void test_what_stands_beside_a_file(void **state)
{
    (void)state;
    struct fault warning;
    char name[256];
    assert_ok(sidecar_check(folder.path, &warning, &fault));
    assert_string_equal(warning.text, "");
    snprintf(name, sizeof name, "%s/none/run.h5", folder.name);
    assert_refused(sidecar_check(name, &warning, &fault), STATUS_INPUT, "none/run.h5: ");
    file_put(folder.path, "x");
    assert_int_equal(link(folder.path, in("second")), 0);
    assert_ok(sidecar_check(folder.path, &warning, &fault));
    assert_non_null(strstr(warning.text, "2 names (hard links)"));
    assert_int_equal(unlink(in("second")), 0);
    if (geteuid() == 0) {
        file_put(in("run.h5.lock"), "");
        assert_int_equal(chown(in("run.h5.lock"), 65534, 65534), 0);
        assert_int_equal(mkdir(in("run.h5.ckpt"), 0777), 0);
        file_put(in("run.h5.ckpt/run-000001.ckpt"), "");
        assert_int_equal(chown(in("run.h5.ckpt/run-000001.ckpt"), 65534, 65534), 0);
        assert_ok(sidecar_check(folder.path, &warning, &fault));
        assert_non_null(strstr(warning.text, "run.h5.lock belongs to another user"));
        assert_non_null(strstr(warning.text, "1 checkpoint in "));
        assert_int_equal(chown(in("run.h5.ckpt"), 65534, 65534), 0);
        assert_ok(sidecar_check(folder.path, &warning, &fault));
        assert_non_null(strstr(warning.text, "run.h5.ckpt belongs to another user"));
        folder_entries(folder.name, "ckpt", true);
    } else {
        print_message("# files of other users: not tried, not root\n");
    }
    assert_int_equal(symlink("far", in("run.h5.ckpt")), 0);
    assert_refused(sidecar_check(folder.path, &warning, &fault), STATUS_INPUT, "is a link");
}

/* Anything but a file is refused, and neither waited for nor followed. */
static void test_a_checkpoint_that_is_no_file(void **state)
{
    (void)state;
    char payload[16];
    const struct identity identity = {{0}};
    assert_int_equal(mkdir(in("run.h5.ckpt"), 0777), 0);
    assert_int_equal(mkfifo(in("run.h5.ckpt/run-000001.ckpt"), 0600), 0);
    file_put(in("precious"), "kept");
    assert_int_equal(symlink("../precious", in("run.h5.ckpt/run-000002.ckpt")), 0);
    for (int64_t run = 1; run <= 2; run++) {
        assert_int_equal(
            checkpoint_load(folder.path, run, &identity, payload, sizeof payload, &fault),
            CHECKPOINT_REFUSED);
        assert_non_null(strstr(fault.text, run == 1 ? "is not a file" : "is a link"));
        assert_ok(checkpoint_save(folder.path, run, &identity, payload, 0, &fault));
        assert_true(S_ISREG(file_mode(run == 1 ? in("run.h5.ckpt/run-000001.ckpt")
                                               : in("run.h5.ckpt/run-000002.ckpt"))));
    }
    file_holds(in("precious"), "kept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_stands_beside_a_file),
        TEST(test_a_checkpoint_that_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
