// SPDX-License-Identifier: MIT
/* Names of files, and whatever else may stand where a file is to be written. */
#include "store_case.h"
#include <ccmsweep/checkpoint.h>
#include <ccmsweep/disk.h>
#include <ccmsweep/draft.h>
#include <ccmsweep/sidecar.h>
#include <ccmsweep/staging.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static struct folder folder;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    folder_init(&folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_fini(&folder);
    return 0;
}

/* A path in the folder, in one of some places. */
static const char *in(const char *name)
{
    static char places[8][256];
    static unsigned next;
    char *const place = places[next++ % 8];
    snprintf(place, sizeof places[0], "%s/%s", folder.name, name);
    return place;
}

static void put(const char *path, const char *text)
{
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *path, const char *text)
{
    char found[256] = "";
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(found, text);
}

static mode_t mode_of(const char *path)
{
    struct stat about;
    assert_int_equal(lstat(path, &about), 0);
    return about.st_mode;
}

static enum status write_draft(const char *path, const char *text)
{
    struct draft draft;
    const enum status status = draft_begin(&draft, path, &fault);
    if (status != STATUS_OK)
        return status;
    fputs(text, draft.file);
    return draft_end(&draft, true, &fault);
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
    put(in("far/b.h5"), "x");
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
    put(in("plain"), "x");
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
    assert_ok(write_draft(in("chain"), "first")); /* it leads nowhere yet */
    assert_true(S_ISLNK(mode_of(in("chain"))) && S_ISLNK(mode_of(in("link"))));
    assert_holds(in("far/t"), "first");
    assert_int_equal(chmod(in("far/t"), 0640), 0);
    assert_ok(write_draft(in("chain"), "second"));
    assert_holds(in("far/t"), "second");
    assert_int_equal(mode_of(in("far/t")), S_IFREG | 0640);
    assert_int_equal(folder_entries(in("far"), "", false), 1);
    assert_int_equal(symlink("gone/t", in("nowhere")), 0);
    assert_refused(write_draft(in("nowhere"), "x"), STATUS_INPUT, "No such file or directory");
    assert_true(S_ISLNK(mode_of(in("nowhere"))));
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
        assert_refused(write_draft(in("s.h5"), "x"), STATUS_INPUT, "it is an HDF5 file");
        assert_refused(write_draft(in("link"), "x"), STATUS_INPUT, "it is an HDF5 file");
        assert_refused(draft_check(in("link"), &fault), STATUS_INPUT, "it is an HDF5 file");
    }
    assert_int_equal(folder_entries(folder.name, "", false), 2);
    put(in("s.h5"), "text that has "
                    "\211HDF"
                    " in it");
    assert_ok(write_draft(in("s.h5"), "x"));
}

static void test_a_reader_of_a_fifo_gets_it(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(in("fifo"), 0600), 0);
    assert_ok(draft_check(in("fifo"), &fault)); /* without a reader, and without waiting */
    const pid_t child = fork();
    if (child == 0) {
        char found[16] = "";
        const int fd = open(in("fifo"), O_RDONLY);
        _exit(read(fd, found, sizeof found) != 4 || memcmp(found, "text", 4) != 0);
    }
    int how = 0;
    assert_ok(write_draft(in("fifo"), "text"));
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    assert_true(S_ISFIFO(mode_of(in("fifo"))));
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
    assert_ok(write_draft(in("null"), "x"));
    assert_ok(write_draft(in("link"), "x"));
    assert_true(S_ISCHR(mode_of(in("null"))));
    assert_refused(write_draft("/dev/full", "x"), STATUS_FAULT, "cannot write /dev/full: No space");
}

/* What stands before it in a redirected output stays there. */
static void test_a_descriptor_is_shared(void **state)
{
    (void)state;
    char path[64];
    const int fd = open(in("out"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(fd, "a ", 2), 2);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    assert_ok(write_draft(path, "b "));
    assert_int_equal(symlink(path, in("link")), 0);
    assert_ok(write_draft(in("link"), "c "));
    assert_int_equal(write(fd, "d", 1), 1);
    assert_holds(in("out"), "a b c d");
    assert_int_equal(pwrite(fd, "\211HDF\r\n\032\n", 8, 0), 8);
    assert_refused(write_draft(path, "x"), STATUS_INPUT, "it is an HDF5 file");
    close(fd);
    assert_refused(write_draft(path, "x"), STATUS_INPUT, path);
}

static void test_where_no_draft_can_be(void **state)
{
    (void)state;
    assert_refused(write_draft(folder.name, "x"), STATUS_INPUT, "Is a directory");
    assert_refused(write_draft(in("none/t"), "x"), STATUS_INPUT, "No such file or directory");
    put(in("t"), "kept");
    assert_int_equal(chmod(in("t"), 0444), 0);
    const uid_t self = become_nobody();
    const enum status status = write_draft(in("t"), "x");
    become(self);
    assert_int_equal(status, STATUS_INPUT);
    assert_non_null(strstr(fault.text, "Permission denied"));
    assert_holds(in("t"), "kept");
}

static void test_a_draft_clears_what_the_dead_left(void **state)
{
    (void)state;
    char of_dead[64], of_living[64], link[64];
    snprintf(of_dead, sizeof of_dead, "t.tmp.%ld", dead_process());
    snprintf(of_living, sizeof of_living, "t.tmp.%ld", (long)getppid());
    snprintf(link, sizeof link, "t.tmp.%ld", dead_process());
    put(in("precious"), "kept");
    put(in(of_dead), "x");
    put(in(of_living), "x");
    assert_int_equal(symlink("precious", in(link)), 0);
    put(in("t.tmp."), "x");
    put(in("other.tmp.1"), "x");
    assert_ok(write_draft(in("t"), "text"));
    assert_int_not_equal(access(in(of_dead), F_OK), 0);
    assert_int_not_equal(access(in(link), F_OK), 0);
    assert_int_equal(access(in(of_living), F_OK), 0);
    assert_int_equal(access(in("other.tmp.1"), F_OK), 0);
    assert_int_equal(access(in("t.tmp."), F_OK), 0);
    assert_holds(in("precious"), "kept");
    /* A link under the own temporary's name has its target left alone, too. */
    char *mine = disk_temporary(in("t"));
    assert_int_equal(symlink("precious", mine), 0);
    assert_ok(write_draft(in("t"), "again"));
    assert_holds(in("precious"), "kept");
    assert_holds(in("t"), "again");
    free(mine);
}

/* A folder with the file `f`, finished or given up. */
static enum status make_folder(const char *path, bool more, bool good)
{
    struct staging staging;
    char name[512];
    enum status status = staging_begin(&staging, path, more, &fault);
    if (status != STATUS_OK)
        return status;
    snprintf(name, sizeof name, "%.400s/sub", staging.aside);
    assert_int_equal(mkdir(name, 0777), 0);
    snprintf(name, sizeof name, "%.400s/sub/f", staging.aside);
    assert_ok(write_draft(name, "f"));
    snprintf(name, sizeof name, "%.400s/f", staging.aside);
    assert_ok(write_draft(name, "f"));
    return staging_end(&staging, good, &fault);
}

static void test_a_folder_appears_as_a_whole(void **state)
{
    (void)state;
    char left[64], part[128];
    snprintf(left, sizeof left, "out.tmp.%ld", dead_process());
    assert_int_equal(mkdir(in(left), 0777), 0);
    snprintf(part, sizeof part, "%s/f", left);
    put(in(part), "half");
    assert_ok(make_folder(in("out"), false, false));
    assert_int_equal(folder_entries(folder.name, "", false), 0);
    assert_ok(make_folder(in("out/"), false, true));
    assert_holds(in("out/f"), "f");
    assert_holds(in("out/sub/f"), "f");
    assert_refused(make_folder(in("out"), false, true), STATUS_INPUT, "is not empty");
    put(in("out/mine"), "kept");
    put(in("out/f"), "old");
    assert_ok(make_folder(in("out"), true, true));
    assert_holds(in("out/mine"), "kept");
    assert_holds(in("out/f"), "f");
    assert_int_equal(folder_entries(in("out"), "", false), 3);
    assert_int_equal(folder_entries(folder.name, "", false), 1);
}

static void test_a_folder_behind_a_link_or_empty(void **state)
{
    (void)state;
    assert_int_equal(symlink("far", in("link")), 0);
    assert_ok(make_folder(in("link"), false, true));
    assert_true(S_ISLNK(mode_of(in("link"))));
    assert_holds(in("far/f"), "f");
    assert_int_equal(mkdir(in("empty"), 0777), 0);
    assert_int_equal(chmod(in("empty"), 02770), 0);
    assert_int_equal(symlink("empty", in("second")), 0);
    assert_ok(make_folder(in("second"), false, true));
    assert_holds(in("empty/sub/f"), "f");
    assert_int_equal(mode_of(in("empty")), S_IFDIR | 02770);
    assert_true(S_ISLNK(mode_of(in("second"))));
    put(in("file"), "x");
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
    assert_holds("f", "f");
    assert_int_equal(stat(".", &is), 0);
    assert_int_equal(was.st_ino, is.st_ino);
    assert_refused(make_folder(".", false, true), STATUS_INPUT, "is not empty");
    snprintf(half, sizeof half, "export.tmp.%ld", dead_process());
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
    put(in("far"), "old");
    assert_int_equal(symlink("../far", in("out/f")), 0);
    assert_ok(make_folder(in("out"), true, true));
    assert_true(S_ISLNK(mode_of(in("out/f"))));
    assert_holds(in("far"), "f");
    put(in("far"), "\211HDF\r\n\032\n");
    assert_refused(make_folder(in("out"), true, true), STATUS_INPUT, "it is an HDF5 file");
    assert_int_equal(folder_entries(in("out"), "tmp", false), 0);
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
    put(folder.path, "x");
    assert_int_equal(link(folder.path, in("second")), 0);
    assert_ok(sidecar_check(folder.path, &warning, &fault));
    assert_non_null(strstr(warning.text, "2 names (hard links)"));
    assert_int_equal(unlink(in("second")), 0);
    if (geteuid() == 0) {
        put(in("run.h5.lock"), "");
        assert_int_equal(chown(in("run.h5.lock"), 65534, 65534), 0);
        assert_int_equal(mkdir(in("run.h5.ckpt"), 0777), 0);
        put(in("run.h5.ckpt/run-000001.ckpt"), "");
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
    put(in("precious"), "kept");
    assert_int_equal(symlink("../precious", in("run.h5.ckpt/run-000002.ckpt")), 0);
    for (int64_t run = 1; run <= 2; run++) {
        assert_int_equal(
            checkpoint_load(folder.path, run, &identity, payload, sizeof payload, &fault),
            CHECKPOINT_REFUSED);
        assert_non_null(strstr(fault.text, run == 1 ? "is no file" : "is a link"));
        assert_ok(checkpoint_save(folder.path, run, &identity, payload, 0, &fault));
        assert_true(S_ISREG(mode_of(run == 1 ? in("run.h5.ckpt/run-000001.ckpt")
                                             : in("run.h5.ckpt/run-000002.ckpt"))));
    }
    assert_holds(in("precious"), "kept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
        TEST(test_where_no_draft_can_be),
        TEST(test_a_draft_clears_what_the_dead_left),
        TEST(test_a_folder_appears_as_a_whole),
        TEST(test_a_folder_behind_a_link_or_empty),
        TEST(test_the_working_folder),
        TEST(test_what_stands_in_a_folder),
        TEST(test_what_stands_beside_a_file),
        TEST(test_a_checkpoint_that_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
