// SPDX-License-Identifier: MIT
/* Moments as users write them: one that there is, or a sentence; and the end of a batch job. */
#include "check.h"
#include "sys/deadline.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double now = 1.8e9;

static double moment(const char *text)
{
    struct fault fault = {""};
    double end = -1;
    if (deadline_parse(text, now, &end, &fault) != STATUS_OK)
        fail_msg("%s: %s", text, fault.text);
    return end;
}

static void refused(const char *text, const char *words)
{
    struct fault fault = {""};
    double end = -1;
    const enum status status = deadline_parse(text, now, &end, &fault);
    if (status != STATUS_INPUT || strstr(fault.text, words) == NULL ||
        strstr(fault.text, text) == NULL)
        fail_msg("%s: %d, '%s' does not say '%s'", text, (int)status, fault.text, words);
}

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void test_spans(void **state)
{
    (void)state;
    assert_true(moment("+90m") == now + 5400 && moment("+1.5h") == now + 5400);
    assert_true(moment("+2") == now + 2 && moment("+1d") == now + 86400 && moment("+0s") == now);
    assert_true(moment("+1e3s") == now + 1000);
    assert_true(moment("253402300799") == 253402300799.0); /* the year 9999 ends */
    static const char *const wrong[] = {
        "++90m", "+-90m",   "+",     "+m",   "+90M",    "+90mm", "+ 90m",          "90m",
        "-5",    "+1e308d", "+infs", "+nan", "+1e300d", "+1e12", "99999999999999", "253402300800"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(wrong[i], "is not a time, expected +90m");
}

/* strptime takes them, and the first is of the year 26. */
static void test_digits_that_are_missing(void **state)
{
    (void)state;
    static const char *const wrong[] = {"26-11-30T10:00",
                                        "2026-1-3T10:00",
                                        "2026-11-30T1:0",
                                        "2026-11-30",
                                        "2026-11-30T10",
                                        "",
                                        "soon",
                                        "1e9",
                                        "2026-11-23T18:00+1",
                                        "2026-11-23T18:00Zulu"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(wrong[i], "is not a time, expected +90m");
}

static void test_days_and_times_that_are_there(void **state)
{
    (void)state;
    set_zone("UTC0");
    assert_true(moment("1800000000") == 1.8e9);
    assert_true(moment("2027-01-15T08:00") == 1.8e9 && moment("2027-01-15 08:00:00Z") == 1.8e9);
    assert_true(moment("2027-01-15T10:30+02:30") == 1.8e9);
    assert_true(moment("2027-01-14T18:00-14:00") == 1.8e9);
    assert_true(moment("2028-02-29T00:00") - moment("2028-02-28T00:00") == 86400);
    assert_true(moment("2026-11-23 18:00:05Z") == 1795456805);
    set_zone("UTC-3");
    assert_true(moment("2026-11-23T18:00") == 1795456800 - 3 * 3600);
    set_zone("UTC0");
}

static void test_days_and_times_that_are_not(void **state)
{
    (void)state;
    static const char *const absent[] = {"2026-11-31T10:00", "2026-02-29T10:00Z",
                                         "2026-06-31 10:00:00+02:00", "2026-12-31T23:59:60"};
    static const char *const wrong[] = {"2026-11-30T10:00+99:99",
                                        "2026-11-30T10:00+-1:30",
                                        "2026-11-30T10:00+1:30",
                                        "2026-11-30T10:00+01:60",
                                        "2026-11-30T10:00+15:00",
                                        "2026-11-30T10:00+01:30x",
                                        "2026-13-01T10:00",
                                        "2026-11-30T25:00",
                                        "2026-11-30T10:61",
                                        "2026-11-30T10:00 Z",
                                        "2026-11-30",
                                        " 2026-11-30T10:00",
                                        "2026-11- 3T10:00",
                                        "2026-11-30T10: 1",
                                        "+2026-11-30T10:00"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        refused(absent[i], "expected a day that the calendar has");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(wrong[i], "is not a time, expected +90m");
}

/* Central Europe by its rule, so that no database of zones is needed; and half an hour in the
 * south, where summer is in December. */
static void test_the_clocks_are_put(void **state)
{
    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    refused("2027-03-28T02:30", "the clocks are put forward");
    refused("2027-10-31T02:30", "expected it with +02:00 (the first) or +01:00");
    assert_true(moment("2027-10-31T02:30+01:00") - moment("2027-10-31T02:30+02:00") == 3600);
    assert_true(moment("2027-03-28T03:00") - moment("2027-03-28T01:59") == 60);
    assert_true(moment("2027-10-31T03:00") - moment("2027-10-31T01:59") == 7260);
    set_zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
    refused("2027-10-03T02:10", "the clocks are put forward");
    refused("2027-04-04T01:45", "expected it with +11:00 (the first) or +10:30");
    set_zone("UTC0");
}

/* The C library would take UTC without a word. */
static void test_a_zone_that_is_not_known(void **state)
{
    (void)state;
    static const char *const unknown[] = {"Nowhere/City", ":Nowhere/City", "/none", "CE",
                                          "nonsense"};
    static const char *const known[] = {"", "UTC", ":UTC", "Etc/UTC", "GMT", "GMT0", "CET-1"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        set_zone(unknown[i]);
        refused("2027-01-15T08:00", "which this system does not know: expected it with Z");
        refused("2027-01-15T08:00", unknown[i]);
        assert_true(moment("2027-01-15T08:00Z") == 1.8e9 && moment("+1s") == now + 1);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        set_zone(known[i]);
        assert_true(moment("2027-01-15T08:00") == 1.8e9 - (strcmp(known[i], "CET-1") == 0) * 3600);
    }
    set_zone("UTC0");
}

/* SLURM tells its jobs when they end. */
static void test_the_end_of_a_job(void **state)
{
    (void)state;
    unsetenv("SLURM_JOB_END_TIME");
    assert_true(isinf(deadline_of_job()));
    setenv("SLURM_JOB_END_TIME", "1795456800", 1);
    assert_true(deadline_of_job() == 1795456800);
    setenv("SLURM_JOB_END_TIME", "never", 1);
    assert_true(isinf(deadline_of_job()));
}

/* A scontrol first on the path that prints `says`. */
static double told_by_scontrol(const char *says)
{
    char folder[] = "/tmp/ccmsweep-test-XXXXXX", path[64], command[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/scontrol", folder);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\n[ \"$*$SLURM_TIME_FORMAT\" = 'show job 4711' ] || exit 1\n"
            "cat <<'.'\n%s\n.\n",
            says);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
    const char *const before = getenv("PATH");
    snprintf(command, sizeof command, "%s:%s", folder, before);
    char *const kept = strdup(before);
    setenv("PATH", command, 1);
    const double end = deadline_of_job();
    setenv("PATH", kept, 1);
    free(kept);
    assert_int_equal(unlink(path) + rmdir(folder), 0);
    return end;
}

static void test_scontrol_knows_the_end(void **state)
{
    (void)state;
    set_zone("UTC-3");
    unsetenv("SLURM_JOB_END_TIME");
    setenv("SLURM_JOB_ID", "4711", 1);
    setenv("SLURM_TIME_FORMAT", "relative", 1); /* of the user, for other purposes */
    assert_true(told_by_scontrol("   StartTime=2026-11-23T17:00:00 EndTime=2026-11-23T18:00:00 "
                                 "Deadline=N/A") == 1795456800 - 3 * 3600);
    assert_true(told_by_scontrol("   EndTime=2026-11-23T18:00:00") == 1795456800 - 3 * 3600);
    set_zone("Nowhere/City"); /* scontrol takes UTC as well */
    assert_true(told_by_scontrol("   EndTime=2026-11-23T18:00:00") == 1795456800);
    assert_true(isinf(told_by_scontrol("   StartTime=2026-11-23T17:00:00 EndTime=Unknown D=1")));
    assert_true(isinf(told_by_scontrol("slurm_load_jobs error: Invalid job id specified")));
    unsetenv("SLURM_JOB_ID");
    assert_true(isinf(told_by_scontrol("   EndTime=2026-11-23T18:00:00")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_digits_that_are_missing),
        cmocka_unit_test(test_days_and_times_that_are_there),
        cmocka_unit_test(test_days_and_times_that_are_not),
        cmocka_unit_test(test_the_clocks_are_put),
        cmocka_unit_test(test_a_zone_that_is_not_known),
        cmocka_unit_test(test_the_end_of_a_job),
        cmocka_unit_test(test_scontrol_knows_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
