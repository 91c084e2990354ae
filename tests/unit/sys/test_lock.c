// SPDX-License-Identifier: MIT
/* One writer per file: a second one is refused, and a dead one leaves nothing behind. */
#include "own_folder.h"
#include "sys/clock.h"
#include "sys/lock.h"
#include <signal.h>
#include <sys/wait.h>

/* A child that takes the lock, says so, and lets go after `seconds` or when it dies. */
static pid_t hold(double seconds)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct lock *lock = NULL;
        struct fault fault;
        if (lock_acquire(&lock, folder.path, 0, &fault) != STATUS_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        usleep((useconds_t)(seconds * 1e6));
        lock_release(&lock);
        _exit(0);
    }
    char byte;
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void test_a_second_one_is_refused_by_name(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL, *second = NULL;
    char process[64], host[256] = "";
    setenv("SLURM_JOB_ID", "4711", 1);
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    unsetenv("SLURM_JOB_ID");
    assert_refused(lock_acquire(&second, folder.path, 0, &fault), STATUS_LOCKED, folder.path);
    assert_null(second);
    snprintf(process, sizeof process, "process %ld", (long)getpid());
    assert_non_null(strstr(fault.text, process));
    assert_non_null(strstr(fault.text, "SLURM job 4711"));
    gethostname(host, sizeof host - 1);
    assert_non_null(strstr(fault.text, host));
    lock_release(&lock);
    assert_null(lock);
    assert_ok(lock_acquire(&second, folder.path, 0, &fault));
    lock_release(&second);
    lock_release(&second);
    assert_int_equal(folder_entries(folder.name, "run.h5.lock", false), 1);
}

static void test_it_waits_as_long_as_it_is_told(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL;
    const pid_t child = hold(0.5);
    const double began = clock_now();
    assert_int_equal(lock_acquire(&lock, folder.path, 0.1, &fault), STATUS_LOCKED);
    assert_true(clock_now() - began >= 0.1);
    assert_ok(lock_acquire(&lock, folder.path, 30, &fault));
    assert_true(clock_now() - began < 20);
    lock_release(&lock);
    waitpid(child, NULL, 0);
}

static void test_a_killed_holder_frees_it(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL;
    const pid_t child = hold(60);
    assert_int_equal(lock_acquire(&lock, folder.path, 0, &fault), STATUS_LOCKED);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    lock_release(&lock);
}

/* Programs started by the holder must not keep it. */
static void test_it_does_not_survive_in_another_program(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL;
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    const pid_t child = fork();
    if (child == 0) {
        execlp("sleep", "sleep", "60", (char *)NULL);
        _exit(127);
    }
    lock_release(&lock);
    assert_ok(lock_acquire(&lock, folder.path, 10, &fault));
    lock_release(&lock);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static enum status acquire_without_rights(struct lock **lock, struct fault *fault)
{
    const uid_t self = become_nobody();
    const enum status status = lock_acquire(lock, folder.path, 0, fault);
    become(self);
    return status;
}

static void test_what_cannot_be_locked(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL;
    char path[256];
    snprintf(path, sizeof path, "%s/missing/run.h5", folder.name);
    assert_refused(lock_acquire(&lock, path, 0, &fault), STATUS_INPUT, "No such file or directory");
    assert_null(lock);
    assert_int_equal(chmod(folder.name, 0500), 0);
    assert_refused(acquire_without_rights(&lock, &fault), STATUS_INPUT, "Permission denied");
    assert_int_equal(chmod(folder.name, 0700), 0);
}

static void refuse_lock(const char *words)
{
    struct fault fault = {""};
    struct lock *lock = NULL;
    char holder[64] = "?";
    assert_refused(lock_acquire(&lock, folder.path, 0, &fault), STATUS_INPUT, words);
    assert_null(lock);
    assert_false(lock_is_held(folder.path, holder, sizeof holder));
    assert_string_equal(holder, "");
}

/* Whatever stands under the lock's name and is no lock stays as it is, and nobody waits for it. */
static void test_what_is_no_lock(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL;
    char name[160], precious[160];
    snprintf(name, sizeof name, "%s.lock", folder.path);
    snprintf(precious, sizeof precious, "%s/precious", folder.name);
    file_put(precious, "kept");
    assert_int_equal(symlink("precious", name), 0);
    refuse_lock("run.h5.lock is a link");
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink("nowhere", name), 0);
    refuse_lock("run.h5.lock is a link");
    assert_int_equal(folder_entries(folder.name, "nowhere", false), 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkfifo(name, 0600), 0);
    refuse_lock("run.h5.lock is not a file");
    assert_int_equal(unlink(name), 0);
    assert_int_equal(link(precious, name), 0);
    refuse_lock("run.h5.lock has another name as well");
    assert_int_equal(unlink(name), 0);
    file_holds(precious, "kept");
    file_put(name, "[[package]]\n");
    refuse_lock("run.h5.lock holds something else");
    file_holds(name, "[[package]]\n");
    file_put(name, "host x, process 1, since then\n");
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    lock_release(&lock);
    file_put(name, "");
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    lock_release(&lock);
}

/* What is shown of a file that anybody may have written. */
static void test_a_holder_is_printable(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL, *second = NULL;
    char name[160], holder[64];
    snprintf(name, sizeof name, "%s.lock", folder.path);
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    file_put(name, "host \033[31mred\a\302\233\n\033");
    const pid_t child = fork(); /* this process would not be in its own way */
    if (child == 0)
        _exit(!lock_is_held(folder.path, holder, sizeof holder) ||
              strcmp(holder, "host ?[31mred??") != 0);
    int how = 0;
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    assert_refused(lock_acquire(&second, folder.path, 0, &fault), STATUS_LOCKED, "?[31mred??");
    lock_release(&lock);
}

/* All names of a file have one lock, also before there is a file. */
static void test_a_link_has_the_lock_of_its_file(void **state)
{
    (void)state;
    struct fault fault = {""};
    struct lock *lock = NULL, *second = NULL;
    char link[160], holder[256];
    snprintf(link, sizeof link, "%s/link.h5", folder.name);
    assert_int_equal(symlink("run.h5", link), 0);
    assert_ok(lock_acquire(&lock, folder.path, 0, &fault));
    assert_int_equal(lock_acquire(&second, link, 0, &fault), STATUS_LOCKED);
    assert_true(lock_is_held(link, holder, sizeof holder));
    lock_release(&lock);
    assert_int_equal(folder_entries(folder.name, "link.h5.lock", false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_second_one_is_refused_by_name, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(test_it_waits_as_long_as_it_is_told, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(test_a_killed_holder_frees_it, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_it_does_not_survive_in_another_program, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_locked, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_what_is_no_lock, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_a_holder_is_printable, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_a_link_has_the_lock_of_its_file, folder_begin,
                                        folder_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
