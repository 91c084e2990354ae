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

double deadline_of_job(void)
{
    const char *const text = getenv("SLURM_JOB_END_TIME");
    int64_t end = 0;
    return text != NULL && text_parse_integer(text, &end) && end > 0 ? (double)end : INFINITY;
}
