// SPDX-License-Identifier: MIT
#include <ccmsweep/deadline.h>
#include <ccmsweep/text.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    if (!text_parse_real(number, seconds) || *seconds < 0)
        return false;
    *seconds *= unit;
    return true;
}

/* Seconds east of Greenwich; `local` when nothing is said. */
static bool parse_zone(const char *text, double *offset, bool *local)
{
    int hours = 0, minutes = 0, used = 0;
    *local = *text == '\0';
    *offset = 0;
    if (*local || strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] != '\0')
        return false;
    *offset = (*text == '-' ? -60.0 : 60.0) * (60 * hours + minutes);
    return true;
}

static bool parse_date(const char *text, double *end)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm date = {.tm_isdst = -1};
        double offset = 0;
        bool local = false;
        const char *const rest = strptime(text, formats[i], &date);
        if (rest == NULL || !parse_zone(rest, &offset, &local))
            continue;
        *end = local ? (double)mktime(&date) : (double)timegm(&date) - offset;
        return true;
    }
    return false;
}

enum status deadline_parse(const char *text, double now, double *end, struct fault *fault)
{
    double span = 0;
    int64_t unix_time = 0;
    if (*text == '+' && parse_span(text + 1, &span)) {
        *end = now + span;
        return STATUS_OK;
    }
    if (*text != '+' && text_parse_integer(text, &unix_time) && unix_time >= 0) {
        *end = (double)unix_time;
        return STATUS_OK;
    }
    if (parse_date(text, end))
        return STATUS_OK;
    char quoted[TEXT_QUOTED];
    return fault_set(fault, STATUS_INPUT,
                     "%s is no time, expected +90m (s, m, h, d), Unix time, or ISO 8601 as "
                     "2026-11-23T18:00 (local, or with Z or +01:00)",
                     text_quote(text, quoted));
}

/* "EndTime=2026-11-23T18:00:00", local time, in what scontrol prints of a job; no date where the
 * job has no limit. */
static double end_in(const char *text)
{
    static const char key[] = "EndTime=";
    char date[TEXT_NUMBER];
    double end = 0;
    const char *const field = strstr(text, key);
    if (field == NULL)
        return INFINITY;
    const char *const value = field + strlen(key);
    snprintf(date, sizeof date, "%.*s", (int)strcspn(value, " \n"), value);
    return parse_date(date, &end) ? end : INFINITY;
}

/* Before release 23.02, SLURM puts the end into no variable. A controller that does not answer must
 * not keep the sweep from its work. */
static double ask_scontrol(void)
{
    static const char command[] =
        "exec timeout -k 1 10 scontrol show job \"$SLURM_JOB_ID\" 2>/dev/null";
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
