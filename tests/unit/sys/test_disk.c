// SPDX-License-Identifier: MIT
/* Names of files, and whatever else may stand where a file is to be written. */
#include "own_folder.h"
#include "sys/atomic_file.h"
#include "sys/atomic_folder.h"
#include "sys/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static struct fault fault;

static const char *in(const char *name)
{
    return folder_in(&folder, name);
}

static enum status write_file(const char *path, const char *text)
{
    struct atomic_file output;
    const enum status status = atomic_file_begin(&output, path, &fault);
    if (status != STATUS_OK)
        return status;
    fputs(text, output.file);
    return atomic_file_end(&output, true, &fault);
}

/* A process number that nobody has any more. */
static long dead_process(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return (long)child;
}

static void assert_resolves(const char *path, const char *to)
{
    char *real = NULL;
    assert_ok(disk_resolve(path, &real, &fault));
    assert_string_equal(real, to);
    free(real);
}

static void test_links_are_followed_to_files_to_come(void **state)
{
    (void)state;
    char *real = NULL;
    char there[256];
    assert_resolves(folder.path, folder.path);
    assert_resolves("plain.h5", "plain.h5");
    assert_int_equal(mkdir(in("far"), 0777), 0);
    assert_int_equal(symlink("far/b.h5", in("one")), 0);
    assert_int_equal(symlink("one", in("two")), 0);
    assert_int_equal(symlink(in("two"), in("three")), 0);
    assert_resolves(in("three"), in("far/b.h5"));
    file_put(in("far/b.h5"), "x");
    assert_resolves(in("three"), in("far/b.h5"));
    assert_int_equal(symlink("round", in("round")), 0);
    assert_refused(disk_resolve(in("round"), &real, &fault), STATUS_INPUT, "symbolic links");
    assert_null(real);
    assert_refused(disk_resolve("", &real, &fault), STATUS_INPUT, "without a name");
    snprintf(there, sizeof there, "/proc/self/fd/%d", STDIN_FILENO);
    assert_resolves(there, there);
    assert_true(disk_is_descriptor(there));
    assert_false(disk_is_descriptor(in("one")));
}

/* That nothing is there is an answer; that it cannot be told is none. */
static void test_what_stands_at_a_name(void **state)
{
    (void)state;
    struct stat about;
    assert_ok(disk_look(in("none"), 0, &about, &fault));
    assert_int_equal(about.st_mode, 0);
    file_put(in("plain"), "x");
    assert_ok(disk_look(in("plain/none"), 0, &about, &fault));
    assert_int_equal(about.st_mode, 0);
    assert_int_equal(symlink("plain", in("link")), 0);
    assert_ok(disk_look(in("link"), 0, &about, &fault));
    assert_true(S_ISREG(about.st_mode));
    assert_ok(disk_look(in("link"), AT_SYMLINK_NOFOLLOW, &about, &fault));
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(symlink("round", in("round")), 0);
    assert_refused(disk_look(in("round"), 0, &about, &fault), STATUS_INPUT, "symbolic links");
}

static void test_a_link_stays_and_its_target_is_written(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in("far"), 0777), 0);
    assert_int_equal(symlink("far/t", in("link")), 0);
    assert_int_equal(symlink("link", in("chain")), 0);
    assert_ok(write_file(in("chain"), "first")); /* it leads nowhere yet */
    assert_true(S_ISLNK(file_mode(in("chain"))) && S_ISLNK(file_mode(in("link"))));
    file_holds(in("far/t"), "first");
    assert_int_equal(chmod(in("far/t"), 0640), 0);
    assert_ok(write_file(in("chain"), "second"));
    file_holds(in("far/t"), "second");
    assert_int_equal(file_mode(in("far/t")), S_IFREG | 0640);
    assert_int_equal(folder_entries(in("far"), "", false), 1);
    assert_int_equal(symlink("gone/t", in("nowhere")), 0);
    assert_refused(write_file(in("nowhere"), "x"), STATUS_INPUT, "No such file or directory");
    assert_true(S_ISLNK(file_mode(in("nowhere"))));
}

static void test_results_are_not_replaced_by_a_table(void **state)
{
    (void)state;
    static const char signature[] = "\211HDF\r\n\032\n";
    static const long places[] = {0, 512, 1024, 4096};
    assert_int_equal(symlink("s.h5", in("link")), 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char bytes[5000] = "user block";
        memcpy(bytes + places[i], signature, sizeof signature - 1);
        FILE *const file = fopen(in("s.h5"), "w");
        assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
        fclose(file);
        assert_refused(write_file(in("s.h5"), "x"), STATUS_INPUT, "it is an HDF5 file");
        assert_refused(write_file(in("link"), "x"), STATUS_INPUT, "it is an HDF5 file");
        assert_refused(atomic_file_check(in("link"), &fault), STATUS_INPUT, "it is an HDF5 file");
    }
    assert_int_equal(folder_entries(folder.name, "", false), 2);
    file_put(in("s.h5"), "text that has "
                         "\211HDF"
                         " in it");
    assert_ok(write_file(in("s.h5"), "x"));
}

static void test_a_reader_of_a_fifo_gets_it(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in("fifo"), 0600), 0);
    assert_ok(atomic_file_check(in("fifo"), &fault)); /* without a reader, and without waiting */
    const pid_t child = fork();
    if (child == 0) {
        char found[16] = "";
        const int fd = open(in("fifo"), O_RDONLY);
        _exit(read(fd, found, sizeof found) != 4 || memcmp(found, "text", 4) != 0);
    }
    int how = 0;
    assert_ok(write_file(in("fifo"), "text"));
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    assert_true(S_ISFIFO(file_mode(in("fifo"))));
    assert_int_equal(folder_entries(folder.name, "", false), 1);
}

static void test_a_device_stays_one(void **state)
{
    (void)state;
    struct stat null;
    assert_int_equal(stat("/dev/null", &null), 0);
    if (mknod(in("null"), S_IFCHR | 0600, null.st_rdev) != 0) {
        print_message("# a device: not tried, cannot make one: %s\n", strerror(errno));
        skip();
    }
    const int fd = open(in("null"), O_WRONLY);
    if (fd < 0) {
        print_message("# a device: not tried, cannot open one here: %s\n", strerror(errno));
        skip();
    }
    close(fd);
    assert_int_equal(symlink("null", in("link")), 0);
    assert_ok(write_file(in("null"), "x"));
    assert_ok(write_file(in("link"), "x"));
    assert_true(S_ISCHR(file_mode(in("null"))));
    assert_refused(write_file("/dev/full", "x"), STATUS_FAULT, "cannot write /dev/full: No space");
    /* Written before the end, when the buffer is full. */
    char more[4 * BUFSIZ];
    memset(more, 'x', sizeof more);
    more[sizeof more - 1] = '\0';
    assert_refused(write_file("/dev/full", more), STATUS_FAULT, "cannot write /dev/full: No space");
}

/* What stands before it in a redirected output stays there. */
static void test_a_descriptor_is_shared(void **state)
{
    (void)state;
    char path[64];
    const int fd = open(in("out"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "a ", 2), 2);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    assert_ok(write_file(path, "b "));
    assert_int_equal(symlink(path, in("link")), 0);
    assert_ok(write_file(in("link"), "c "));
    assert_int_equal(write(fd, "d", 1), 1);
    file_holds(in("out"), "a b c d");
    assert_int_equal(pwrite(fd, "\211HDF\r\n\032\n", 8, 0), 8);
    assert_refused(write_file(path, "x"), STATUS_INPUT, "it is an HDF5 file");
    close(fd);
    assert_refused(write_file(path, "x"), STATUS_INPUT, path);
}

static void test_where_no_file_can_be(void **state)
{
    (void)state;
    assert_refused(write_file(folder.name, "x"), STATUS_INPUT, "Is a directory");
    assert_refused(write_file(in("none/t"), "x"), STATUS_INPUT, "No such file or directory");
    file_put(in("t"), "kept");
    assert_int_equal(chmod(in("t"), 0444), 0);
    const uid_t self = become_nobody();
    const enum status status = write_file(in("t"), "x");
    become(self);
    assert_int_equal(status, STATUS_INPUT);
    assert_non_null(strstr(fault.text, "Permission denied"));
    file_holds(in("t"), "kept");
}

static void test_writing_clears_what_the_dead_left(void **state)
{
    (void)state;
    char of_dead[64], of_living[64], link[64];
    snprintf(of_dead, sizeof of_dead, "t.ccmsweep-tmp.%ld", dead_process());
    snprintf(of_living, sizeof of_living, "t.ccmsweep-tmp.%ld", (long)getppid());
    snprintf(link, sizeof link, "t.ccmsweep-tmp.%ld", dead_process());
    file_put(in("precious"), "kept");
    file_put(in(of_dead), "x");
    file_put(in(of_living), "x");
    assert_int_equal(symlink("precious", in(link)), 0);
    file_put(in("t.ccmsweep-tmp."), "x");
    file_put(in("other.ccmsweep-tmp.1"), "x");
    assert_ok(write_file(in("t"), "text"));
    assert_int_not_equal(access(in(of_dead), F_OK), 0);
    assert_int_not_equal(access(in(link), F_OK), 0);
    assert_int_equal(access(in(of_living), F_OK), 0);
    assert_int_equal(access(in("other.ccmsweep-tmp.1"), F_OK), 0);
    assert_int_equal(access(in("t.ccmsweep-tmp."), F_OK), 0);
    file_holds(in("precious"), "kept");
    /* A link under the own temporary's name has its target left alone, too. */
    char *mine = disk_temporary(in("t"));
    assert_int_equal(symlink("precious", mine), 0);
    assert_ok(write_file(in("t"), "again"));
    file_holds(in("precious"), "kept");
    file_holds(in("t"), "again");
    free(mine);
}

/* What is not named after the program, or belongs to another user, is not a temporary of ours,
 * whatever number is behind it. */
static void test_what_only_looks_like_a_temporary(void **state)
{
    (void)state;
    char foreign[64];
    snprintf(foreign, sizeof foreign, "t.ccmsweep-tmp.%ld", dead_process());
    file_put(in("t.tmp.20240101"), "kept");
    assert_int_equal(mkdir(in("out.tmp.20240101"), 0777), 0);
    file_put(in("out.tmp.20240101/thesis"), "kept");
    file_put(in(foreign), "kept");
    const bool other = geteuid() == 0 && chown(in(foreign), 65534, 65534) == 0;
    assert_int_equal(disk_remove_stale(in("out")), 0);
    assert_int_equal(disk_remove_stale(in("t")), other ? 0 : 1);
    disk_remove_temporaries(in("t"));
    file_holds(in("t.tmp.20240101"), "kept");
    file_holds(in("out.tmp.20240101/thesis"), "kept");
    if (other)
        file_holds(in(foreign), "kept");
}

/* A folder with the file `f`, finished or given up. */
static enum status make_folder(const char *path, bool more, bool good)
{
    struct atomic_folder staging;
    char name[512];
    enum status status = atomic_folder_begin(&staging, path, more, &fault);
    if (status != STATUS_OK)
        return status;
    snprintf(name, sizeof name, "%.400s/sub", staging.aside);
    assert_int_equal(mkdir(name, 0777), 0);
    snprintf(name, sizeof name, "%.400s/sub/f", staging.aside);
    assert_ok(write_file(name, "f"));
    snprintf(name, sizeof name, "%.400s/f", staging.aside);
    assert_ok(write_file(name, "f"));
    return atomic_folder_end(&staging, good, &fault);
}

static void test_a_folder_appears_as_a_whole(void **state)
{
    (void)state;
    char left[64], part[128];
    snprintf(left, sizeof left, "out.ccmsweep-tmp.%ld", dead_process());
    assert_int_equal(mkdir(in(left), 0777), 0);
    snprintf(part, sizeof part, "%s/f", left);
    file_put(in(part), "half");
    assert_ok(make_folder(in("out"), false, false));
    assert_int_equal(folder_entries(folder.name, "", false), 0);
    assert_ok(make_folder(in("out/"), false, true));
    file_holds(in("out/f"), "f");
    file_holds(in("out/sub/f"), "f");
    assert_refused(make_folder(in("out"), false, true), STATUS_INPUT, "is not empty");
    file_put(in("out/mine"), "kept");
    file_put(in("out/f"), "old");
    assert_ok(make_folder(in("out"), true, true));
    file_holds(in("out/mine"), "kept");
    file_holds(in("out/f"), "f");
    assert_int_equal(folder_entries(in("out"), "", false), 3);
    assert_int_equal(folder_entries(folder.name, "", false), 1);
}

static void test_a_folder_behind_a_link_or_empty(void **state)
{
    (void)state;
    assert_int_equal(symlink("far", in("link")), 0);
    assert_ok(make_folder(in("link"), false, true));
    assert_true(S_ISLNK(file_mode(in("link"))));
    file_holds(in("far/f"), "f");
    assert_int_equal(mkdir(in("empty"), 0777), 0);
    assert_int_equal(chmod(in("empty"), 02770), 0);
    assert_int_equal(symlink("empty", in("second")), 0);
    assert_ok(make_folder(in("second"), false, true));
    file_holds(in("empty/sub/f"), "f");
    assert_int_equal(file_mode(in("empty")), S_IFDIR | 02770);
    assert_true(S_ISLNK(file_mode(in("second"))));
    file_put(in("file"), "x");
    assert_refused(make_folder(in("file"), true, true), STATUS_INPUT, "Not a directory");
    assert_refused(make_folder(in("none/out"), true, true), STATUS_INPUT, "No such file");
}

/* One that cannot be replaced is filled, and one that was left in the middle is finished. */
static void test_the_working_folder(void **state)
{
    (void)state;
    char before[512], half[64];
    struct stat was, is;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(mkdir(in("here"), 0777), 0);
    assert_int_equal(stat(in("here"), &was), 0);
    assert_int_equal(chdir(in("here")), 0);
    assert_ok(make_folder(".", false, true));
    file_holds("f", "f");
    assert_int_equal(stat(".", &is), 0);
    assert_int_equal(was.st_ino, is.st_ino);
    assert_refused(make_folder(".", false, true), STATUS_INPUT, "is not empty");
    snprintf(half, sizeof half, "export.ccmsweep-tmp.%ld", dead_process());
    assert_int_equal(mkdir(half, 0777), 0);
    assert_ok(make_folder(".", false, true));
    assert_int_equal(folder_entries(".", "", false), 2);
    assert_int_equal(chdir(before), 0);
}

/* A file of the folder may be a link, or results. */
static void test_what_stands_in_a_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in("out"), 0777), 0);
    file_put(in("far"), "old");
    assert_int_equal(symlink("../far", in("out/f")), 0);
    assert_ok(make_folder(in("out"), true, true));
    assert_true(S_ISLNK(file_mode(in("out/f"))));
    file_holds(in("far"), "f");
    file_put(in("far"), "\211HDF\r\n\032\n");
    assert_refused(make_folder(in("out"), true, true), STATUS_INPUT, "it is an HDF5 file");
    assert_int_equal(folder_entries(in("out"), DISK_TEMPORARY, false), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_links_are_followed_to_files_to_come),
        TEST(test_what_stands_at_a_name),
        TEST(test_a_link_stays_and_its_target_is_written),
        TEST(test_results_are_not_replaced_by_a_table),
        TEST(test_a_reader_of_a_fifo_gets_it),
        TEST(test_a_device_stays_one),
        TEST(test_a_descriptor_is_shared),
        TEST(test_where_no_file_can_be),
        TEST(test_writing_clears_what_the_dead_left),
        TEST(test_what_only_looks_like_a_temporary),
        TEST(test_a_folder_appears_as_a_whole),
        TEST(test_a_folder_behind_a_link_or_empty),
        TEST(test_the_working_folder),
        TEST(test_what_stands_in_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
