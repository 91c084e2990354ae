// SPDX-License-Identifier: MIT
/* Checkpoints: whole or refused, the old one or the new one. */
#include "base/bytes.h"
#include "disk_faults.h"
#include "store/checkpoint.h"
#include "store_case.h"
#include <ccmsweep/trainer.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <sys/wait.h>

enum { SIZE = 5000, RUN = 7 };

static struct folder folder;
static char file[256];
static struct identity identity;
static unsigned char payload[SIZE], loaded[SIZE];

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    snprintf(file, sizeof file, "%s.ckpt/run-000007.ckpt", folder.path);
    for (int i = 0; i < SIZE; i++)
        payload[i] = (unsigned char)(i * 7 + i / 256);
    for (int i = 0; i < IDENTITY_SIZE; i++)
        identity.bytes[i] = (uint8_t)(200 - i);
    disk_reset();
    return 0;
}

static int end(void **state)
{
    (void)state;
    disk_reset();
    folder_fini(&folder);
    return 0;
}

static enum checkpoint_answer load(struct fault *fault)
{
    fault->text[0] = '\0';
    memset(loaded, 0, sizeof loaded);
    return checkpoint_load(folder.path, RUN, &identity, loaded, SIZE, fault);
}

static void save(void)
{
    struct fault fault = {""};
    assert_ok(checkpoint_save(folder.path, RUN, &identity, payload, SIZE, &fault));
}

#define assert_load_refused(words)                                                                 \
    do {                                                                                           \
        struct fault refusal;                                                                      \
        assert_int_equal(load(&refusal), CHECKPOINT_REFUSED);                                      \
        if (strstr(refusal.text, (words)) == NULL || strstr(refusal.text, file) == NULL)           \
            fail_msg("'%s' does not say '%s' of the file", refusal.text, (words));                 \
    } while (0)

static void test_what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct fault fault = {""};
    assert_int_equal(load(&fault), CHECKPOINT_ABSENT);
    save();
    assert_int_equal(load(&fault), CHECKPOINT_LOADED);
    assert_memory_equal(loaded, payload, SIZE);
    payload[SIZE - 1] ^= 1;
    save();
    assert_int_equal(load(&fault), CHECKPOINT_LOADED);
    assert_memory_equal(loaded, payload, SIZE);
    assert_int_equal(folder_entries(folder.name, "", false), 1);
}

static void test_removal_and_tidying(void **state)
{
    (void)state;
    struct fault fault = {""};
    char stray[300], foreign[300], other[300];
    bool unfinished[RUN + 2] = {false};
    assert_ok(checkpoint_remove(folder.path, RUN, &fault));
    checkpoint_tidy(folder.path, unfinished, RUN + 2);
    save();
    assert_ok(checkpoint_save(folder.path, RUN + 1, &identity, payload, SIZE, &fault));
    assert_ok(checkpoint_save(folder.path, RUN + 2, &identity, payload, SIZE, &fault));
    snprintf(stray, sizeof stray, "%s.ccmsweep-tmp.12345", file);
    file_write(stray, "x", 1);
    assert_ok(checkpoint_remove(folder.path, RUN, &fault));
    snprintf(other, sizeof other, "%s.ckpt", folder.path);
    assert_int_equal(folder_entries(other, "", false), 2);
    /* That of an unfinished run stays, and what is not ours. */
    save();
    file_write(stray, "x", 1);
    snprintf(foreign, sizeof foreign, "%s.ckpt/run-000007.ckpt.bak", folder.path);
    file_write(foreign, "x", 1);
    unfinished[RUN + 1] = true;
    checkpoint_tidy(folder.path, unfinished, RUN + 2);
    assert_int_equal(folder_entries(other, "", false), 2);
    assert_true(checkpoint_exists(folder.path, RUN + 1));
    assert_false(checkpoint_exists(folder.path, RUN) || checkpoint_exists(folder.path, RUN + 2));
    assert_int_equal(unlink(foreign), 0);
    checkpoint_tidy(folder.path, NULL, 0);
    assert_int_equal(folder_entries(folder.name, "", false), 0);
}

static void test_every_flipped_byte_is_found(void **state)
{
    (void)state;
    save();
    for (long at = 0; at < CHECKPOINT_HEADER + SIZE; at += at < CHECKPOINT_HEADER ? 1 : 61) {
        struct fault fault;
        file_flip(file, at, 1 << at % 8);
        if (load(&fault) != CHECKPOINT_REFUSED)
            fail_msg("byte %ld", at);
        file_flip(file, at, 1 << at % 8);
    }
    file_flip(file, CHECKPOINT_HEADER + SIZE - 1, 128);
    assert_load_refused("checksum of its content");
    file_flip(file, CHECKPOINT_HEADER + SIZE - 1, 128);
    file_flip(file, 70, 1);
    assert_load_refused("checksum of its header");
    file_flip(file, 70, 1);
    struct fault fault;
    assert_int_equal(load(&fault), CHECKPOINT_LOADED);
}

static void test_other_lengths_are_found(void **state)
{
    (void)state;
    static const int lengths[] = {0, 1, 127, 128, 129, CHECKPOINT_HEADER + SIZE - 1};
    save();
    size_t size = 0;
    unsigned char *bytes = file_read(file, &size);
    assert_int_equal(size, CHECKPOINT_HEADER + SIZE);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        file_write(file, bytes, (size_t)lengths[i]);
        assert_load_refused("is cut short");
    }
    bytes[size] = 0;
    file_write(file, bytes, size + 1);
    assert_load_refused("checksum of its content");
    free(bytes);
}

/* Change a number of the header and make its checksum hold. */
static void forge(int at, uint64_t value, int size)
{
    size_t length = 0;
    unsigned char *bytes = file_read(file, &length);
    struct sha256_ctx hash;
    bytes_put(bytes + at, value, size);
    sha256_init(&hash);
    sha256_update(&hash, 96, bytes);
    sha256_digest(&hash, 32, bytes + 96);
    file_write(file, bytes, length);
    free(bytes);
}

static void test_foreign_ones_are_refused(void **state)
{
    (void)state;
    save();
    forge(8, CHECKPOINT_FORMAT + 1, 4);
    assert_load_refused("newer version of this program");
    save();
    forge(8, 0, 4);
    assert_load_refused("damaged");
    save();
    forge(12, TRAINER_ALGORITHM_VERSION + 1, 4);
    assert_load_refused("another version of the algorithm");
    /* The number under which it was saved is not what counts: an extension may have changed it. */
    save();
    forge(16, RUN + 1, 8);
    struct fault fault;
    struct identity whose;
    size_t size = 0;
    assert_int_equal(load(&fault), CHECKPOINT_LOADED);
    assert_true(checkpoint_identity(folder.path, RUN, &whose, &size));
    assert_true(identity_equal(&whose, &identity) && size == SIZE);
    assert_false(checkpoint_identity(folder.path, RUN + 1, &whose, NULL));
    save();
    forge(24, SIZE + 1, 8);
    assert_load_refused("another size");
    save();
    forge(0, 0, 1);
    assert_load_refused("not a checkpoint");
    save();
    identity.bytes[31] ^= 1;
    assert_load_refused("other settings");
    identity.bytes[31] ^= 1;
    assert_int_equal(load(&fault), CHECKPOINT_LOADED);
    unlink(file);
    assert_int_equal(mkdir(file, 0777), 0);
    assert_load_refused("is not a file");
}

/* Whatever fails, the old one stays good and nothing else is left. */
static void test_a_full_disk_leaves_the_old_one(void **state)
{
    (void)state;
    struct fault fault = {""};
    unsigned char newer[SIZE];
    memset(newer, 1, sizeof newer);
    save();
    disk_reset();
    assert_ok(checkpoint_save(folder.path, RUN, &identity, payload, SIZE, &fault));
    const int events = disk.events;
    for (int at = 1; at <= 3; at++) {
        disk_reset();
        disk.fail_from = at;
        disk.error = at == 3 ? EIO : ENOSPC;
        assert_refused(checkpoint_save(folder.path, RUN, &identity, newer, SIZE, &fault),
                       STATUS_FAULT, strerror(disk.error));
        disk_reset();
        assert_int_equal(load(&fault), CHECKPOINT_LOADED);
        assert_memory_equal(loaded, payload, SIZE);
        char name[256];
        snprintf(name, sizeof name, "%s.ckpt", folder.path);
        assert_int_equal(folder_entries(name, "", false), 1);
    }
    assert_int_equal(events, 5); /* header, payload, fsync, rename, fsync of the folder */
}

static void test_no_folder_can_be_made(void **state)
{
    (void)state;
    struct fault fault = {""};
    char path[256];
    snprintf(path, sizeof path, "%s/missing/run.h5", folder.name);
    assert_refused(checkpoint_save(path, RUN, &identity, payload, SIZE, &fault), STATUS_FAULT,
                   "No such file or directory");
}

/* Killed at every system call in turn: the old one before the rename, the new one from then on. */
static void test_a_kill_leaves_the_old_or_the_new_one(void **state)
{
    (void)state;
    struct fault fault = {""};
    unsigned char newer[SIZE];
    memset(newer, 1, sizeof newer);
    bool killed = true, was_new = false;
    for (int at = 1; killed; at++) {
        save();
        const pid_t child = fork();
        if (child == 0) {
            disk_reset();
            disk.kill_at = at;
            _exit((int)checkpoint_save(folder.path, RUN, &identity, newer, SIZE, &fault));
        }
        int how = 0;
        waitpid(child, &how, 0);
        killed = WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
        assert_true(killed || (WIFEXITED(how) && WEXITSTATUS(how) == 0));
        assert_int_equal(load(&fault), CHECKPOINT_LOADED);
        const bool is_new = memcmp(loaded, newer, SIZE) == 0;
        assert_true(is_new || memcmp(loaded, payload, SIZE) == 0);
        assert_true(!was_new || is_new);
        was_new = is_new;
        char name[256];
        snprintf(name, sizeof name, "%s.ckpt", folder.path);
        assert_int_equal(folder_entries(name, "", false), 1); /* load cleared the temporary */
    }
    assert_true(was_new);
}

/* Killed at any instant while it saves one state after the other. */
static void test_kills_at_random_instants(void **state)
{
    (void)state;
    struct fault fault = {""};
    int found = 0;
    srandom(1);
    for (int kill_number = 0; kill_number < 20; kill_number++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int i = 0;; i++) {
                memset(payload, i % 251, sizeof payload);
                if (checkpoint_save(folder.path, RUN, &identity, payload, SIZE, &fault) !=
                    STATUS_OK)
                    _exit(1);
            }
        }
        /* Longer while not one was saved: the disk may be slow. */
        usleep((useconds_t)((500 + random() % 8000) * (found > 0 ? 1 : 1 + kill_number)));
        kill(child, SIGKILL);
        int how = 0;
        waitpid(child, &how, 0);
        assert_true(WIFSIGNALED(how));
        const enum checkpoint_answer answer = load(&fault);
        assert_true(answer == CHECKPOINT_LOADED || (answer == CHECKPOINT_ABSENT && found == 0));
        for (int i = 0; answer == CHECKPOINT_LOADED && i < SIZE; i++)
            assert_int_equal(loaded[i], loaded[0]);
        found += answer == CHECKPOINT_LOADED;
    }
    assert_true(found > 0);
}

/* The checksum of a checkpoint says nothing about its content: that is refused by the trainer. */
static void test_a_state_that_no_training_leaves(void **state)
{
    (void)state;
    struct fault fault = {""};
    const struct settings settings = settings_with(SMALL);
    struct trainer *t = trainer_new(&settings);
    const size_t size = trainer_state_size(t);
    const struct identity cell = identity_of(&settings);
    unsigned char *const saved = malloc(size);
    trainer_advance(t, 5);
    trainer_save(t, saved, size);
    memset(saved + 32, 0xff, 8);
    assert_ok(checkpoint_save(folder.path, 0, &cell, saved, size, &fault));
    assert_int_equal(checkpoint_load(folder.path, 0, &cell, saved, size, &fault),
                     CHECKPOINT_LOADED);
    assert_refused(trainer_load(t, saved, size, &fault), STATUS_INPUT,
                   "the number of episodes cannot have been left by a training");
    assert_int_equal(trainer_episode(t), 5);
    free(saved);
    trainer_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_saved_is_loaded, begin, end),
        cmocka_unit_test_setup_teardown(test_removal_and_tidying, begin, end),
        cmocka_unit_test_setup_teardown(test_every_flipped_byte_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_other_lengths_are_found, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign_ones_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_a_state_that_no_training_leaves, begin, end),
        cmocka_unit_test_setup_teardown(test_a_full_disk_leaves_the_old_one, begin, end),
        cmocka_unit_test_setup_teardown(test_no_folder_can_be_made, begin, end),
        cmocka_unit_test_setup_teardown(test_a_kill_leaves_the_old_or_the_new_one, begin, end),
        cmocka_unit_test_setup_teardown(test_kills_at_random_instants, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
