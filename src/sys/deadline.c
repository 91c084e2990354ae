// SPDX-License-Identifier: MIT
/*
 * Reading the moment at which the work must have stopped. A time that is misread costs either a job
 * that is killed in the middle or hours of an allocation that are not used, so only forms that
 * leave no doubt are accepted: strptime and mktime would silently turn many typing errors into some
 * moment nearby.
 */
#include "sys/deadline.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The end of the year 9999, the last that a date can be written in. A larger number is a typing
 * error, and could overflow where others compute with it. */
static const double last_moment = 253402300799;

/* The text behind the "+" of a span: a number, and a unit or none for seconds. */
static bool parse_span(const char *text, double *seconds)
{
    static const struct {
        char name;
        double s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char number[TEXT_NUMBER];
    size_t length = strlen(text);
    double unit = 1;
    if (length == 0 || length >= sizeof number)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text[length - 1] == units[i].name) {
            unit = units[i].s;
            length--;
            break;
        }
    }
    snprintf(number, sizeof number, "%.*s", (int)length, text);
    /* The "+" was the sign; a second one is a typing error. */
    if (*number == '+' || *number == '-' || !text_parse_real(number, seconds))
        return false;
    *seconds *= unit;
    return isfinite(*seconds);
}

/* Reads a zone as seconds east of Greenwich; `local` when there is none. The largest difference in
 * use is 14 h (Kiribati). */
static bool parse_zone(const char *text, double *offset, bool *local)
{
    int hours = 0, minutes = 0;
    *local = *text == '\0';
    *offset = 0;
    if (*local || strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || strspn(text + 1, "0123456789") != 2 || text[3] != ':' ||
        strspn(text + 4, "0123456789") != 2 || text[6] != '\0' ||
        sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
        return false;
    *offset = (*text == '-' ? -60.0 : 60.0) * (60 * hours + minutes);
    return minutes < 60 && fabs(*offset) <= 14 * 3600;
}

static bool is_same(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
           a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* What a text means as a date. */
enum date {
    DATE_NONE,    /* it is not a date */
    DATE_OK,      /* one moment */
    DATE_ABSENT,  /* the calendar does not have it: 30 February */
    DATE_MISSING, /* local time skips it: the clocks are put forward */
    DATE_DOUBLED, /* local time has it twice: the clocks are put back */
    DATE_UNZONED, /* TZ names a zone that is not known, and the C library has taken UTC */
};

/* Whether the C library could make anything of TZ. When it could not, it takes UTC without a word,
 * and leaves the second name empty; a zone without summer time has its one name twice. Without the
 * table of zones UTC is not known either, but is what it says. */
static bool knows_zone(void)
{
    const char *const zone = getenv("TZ");
    if (zone == NULL)
        return true;
    tzset();
    const char *const slash = strrchr(zone, '/');
    const char *const name = slash != NULL ? slash + 1 : zone + (*zone == ':');
    return *tzname[1] != '\0' || *name == '\0' || strcmp(name, "UTC") == 0 ||
           strcmp(name, "GMT") == 0;
}

/* Finds all moments at which the local clocks show `date`: the first and the last, which differ
 * when the clocks were put back. mktime would choose one of the two without saying so. All moments
 * within a day are tried in steps of a quarter of an hour, because zones differ from UTC, and
 * clocks are changed, by multiples of that. */
static enum date find_local(const struct tm *date, double *first, double *last)
{
    enum { QUARTER = 900, DAY = 86400 };
    struct tm copy = *date;
    enum date found = DATE_MISSING;
    copy.tm_isdst = -1;
    const time_t near = mktime(&copy);
    for (time_t t = near - DAY; t <= near + DAY; t += QUARTER) {
        struct tm shown;
        if (localtime_r(&t, &shown) == NULL || !is_same(&shown, date))
            continue;
        *last = (double)t;
        if (found == DATE_MISSING)
            *first = (double)t;
        found = found == DATE_MISSING ? DATE_OK : DATE_DOUBLED;
    }
    return knows_zone() ? found : DATE_UNZONED;
}

/* Whether text begins as the form says: d for a digit, ? for anything, else the letter itself. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; form++, text++) {
        const bool digit = *text >= '0' && *text <= '9';
        if (*text == '\0' || (*form == 'd' ? !digit : *form != '?' && *form != *text))
            return false;
    }
    return true;
}

static enum date parse_date(const char *text, double *end, double *last)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"};
    /* strptime would also accept fewer digits, and "26" as the year 26. */
    if (!has_form(text, "dddd-dd-dd?dd:dd"))
        return DATE_NONE;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm date = {.tm_isdst = -1};
        double offset = 0;
        bool local = false;
        const char *const rest = strptime(text, formats[i], &date);
        /* strptime skips blanks before a number, so "12: 30" would pass. */
        if (rest == NULL || !parse_zone(rest, &offset, &local) || strcspn(text, "0123456789") > 0 ||
            strstr(text, "- ") != NULL || strstr(text, ": ") != NULL || strstr(text, "T ") != NULL)
            continue;
        struct tm copy = date;
        /* timegm turns 30 February into 1 or 2 March: then it is not the same date any more. */
        const time_t utc = timegm(&copy);
        if (!is_same(&copy, &date))
            return DATE_ABSENT;
        *end = *last = (double)utc - offset;
        return local ? find_local(&date, end, last) : DATE_OK;
    }
    return DATE_NONE;
}

/* Writes the zone of the local clocks at a moment, as "+02:00". */
static void write_zone(double moment, char *text, size_t size)
{
    struct tm shown = {0};
    const time_t t = (time_t)moment;
    const long east = localtime_r(&t, &shown) != NULL ? shown.tm_gmtoff / 60 : 0;
    snprintf(text, size, "%c%02ld:%02ld", east < 0 ? '-' : '+', labs(east) / 60, labs(east) % 60);
}

static enum status refuse_date(enum date date, const char *text, double first, double last,
                               struct fault *fault)
{
    char quoted[TEXT_QUOTED], zone[TEXT_QUOTED], one[48], other[48];
    text_quote(text, quoted);
    if (date == DATE_ABSENT)
        return fault_set(fault, STATUS_INPUT,
                         "%s is not a time, expected a day that the calendar has and a time of day",
                         quoted);
    if (date == DATE_MISSING)
        return fault_set(fault, STATUS_INPUT,
                         "%s does not exist in local time, because the clocks are put forward: "
                         "expected another time, or one with Z or +01:00",
                         quoted);
    if (date == DATE_UNZONED)
        return fault_set(fault, STATUS_INPUT,
                         "%s is in local time, but TZ is %s, which this system does not know: "
                         "expected it with Z or +01:00, or another TZ",
                         quoted, text_quote(getenv("TZ"), zone));
    if (date == DATE_DOUBLED) {
        write_zone(first, one, sizeof one);
        write_zone(last, other, sizeof other);
        return fault_set(fault, STATUS_INPUT,
                         "%s occurs twice in local time, because the clocks are put back: expected "
                         "it with %s (the first) or %s",
                         quoted, one, other);
    }
    return fault_set(fault, STATUS_INPUT,
                     "%s is not a time, expected +90m (s, m, h, d), Unix time, or ISO 8601 as "
                     "2026-11-23T18:00 (local, or with Z or +01:00)",
                     quoted);
}

enum status deadline_parse(const char *text, double now, double *end, struct fault *fault)
{
    double span = 0, last = 0;
    int64_t unix_time = 0;
    if (*text == '+' && parse_span(text + 1, &span) && now + span <= last_moment) {
        *end = now + span;
        return STATUS_OK;
    }
    if (*text != '+' && text_parse_integer(text, &unix_time) && unix_time >= 0 &&
        (double)unix_time <= last_moment) {
        *end = (double)unix_time;
        return STATUS_OK;
    }
    const enum date date = parse_date(text, end, &last);
    return date == DATE_OK ? STATUS_OK : refuse_date(date, text, *end, last, fault);
}

/* Finds "EndTime=2026-11-23T18:00:00", in local time, in what scontrol prints about a job. A job
 * without a limit has "Unknown" there, which is not a date. */
static double end_in(const char *text)
{
    static const char key[] = "EndTime=";
    char date[TEXT_NUMBER];
    double end = 0, last = 0;
    const char *const field = strstr(text, key);
    if (field == NULL)
        return INFINITY;
    const char *const value = field + strlen(key);
    snprintf(date, sizeof date, "%.*s", (int)strcspn(value, " \n"), value);
    /* Of a local time that occurs twice, the earlier one: stopping an hour too early costs less
     * than being killed. Where TZ is not known, scontrol has taken UTC as well. */
    const enum date found = parse_date(date, &end, &last);
    return found == DATE_OK || found == DATE_DOUBLED || found == DATE_UNZONED ? end : INFINITY;
}

/* Before release 23.02, SLURM does not put the end of the job into a variable. A controller that
 * does not answer must not keep the sweep from its work: after 10 s there is no deadline. */
static double ask_scontrol(void)
{
    /* The variables that change the form of scontrol's output are taken out of its environment. */
    static const char command[] =
        "exec env -u SLURM_TIME_FORMAT -u SLURM_JSON -u SLURM_YAML -u SCONTROL_FUTURE "
        "-u SCONTROL_LOCAL -u SCONTROL_SIBLING -u SCONTROL_FEDERATION LC_ALL=C "
        "timeout -k 1 10 scontrol show job \"$SLURM_JOB_ID\" 2>/dev/null";
    char text[4096];
    FILE *const pipe = popen(command, "re");
    if (pipe == NULL)
        return INFINITY;
    text[fread(text, 1, sizeof text - 1, pipe)] = '\0';
    pclose(pipe);
    return end_in(text);
}

double deadline_of_job(void)
{
    const char *const text = getenv("SLURM_JOB_END_TIME");
    int64_t end = 0;
    if (text != NULL && text_parse_integer(text, &end) && end > 0)
        return (double)end;
    return getenv("SLURM_JOB_ID") != NULL ? ask_scontrol() : INFINITY;
}
