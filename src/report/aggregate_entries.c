// SPDX-License-Identifier: MIT
/*
 * The entries that all tables of the aggregate are made of: how a number, an interval, a time that
 * is only known to be later, and a configuration look. One place, so that no two tables round
 * differently.
 */
#include "base/text.h"
#include "report/aggregate_report.h"
#include "report/aggregate_sheets_internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY = 96 };

struct sheet *sheets_add(struct sheets *sheets, struct sheet *sheet)
{
    const size_t size = (sheets->count + 1) * sizeof *sheets->sheet;
    struct sheet **const grown = realloc(sheets->sheet, size);
    if (grown == NULL)
        fault_no_memory(size);
    sheets->sheet = grown;
    return sheets->sheet[sheets->count++] = sheet;
}

void aggregate_percent(const struct aggregate *aggregate, char *text, size_t size)
{
    text_write_percent(aggregate->options.confidence, text, size);
    text_add(text, size, " %%");
}

void aggregate_times(const struct aggregate *aggregate, char *text, size_t size)
{
    static const char *const whose[ENDPOINT_COUNT] = {
        [ENDPOINT_ALL] = "last actor",
        [ENDPOINT_HALF] = "actor that makes it half of them",
        [ENDPOINT_FIRST] = "first actor",
    };
    snprintf(text, size, "%s of the %s", event_name(aggregate->options.event),
             whose[aggregate->options.endpoint]);
}

/* Large numbers get one digit behind the point at most: more would suggest a precision that a mean
 * of a few seeds does not have. What rounds to 0 has no sign: "-0.00" would suggest a direction. */
static void write_figure(double value, int digits, char *text, size_t size)
{
    if (isnan(value))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.*f", fabs(value) >= 100 && digits > 1 ? 1 : digits, value);
    if (text[0] == '-' && text[1] != '\0' && text[1 + strspn(text + 1, "0.")] == '\0')
        memmove(text, text + 1, strlen(text));
}

/* A time, which is infinite when it is only known to be later than `follow_up`. A median is a whole
 * episode or a half, so it has a digit behind the point only if it needs one. */
static void write_time(double value, double follow_up, char *text, size_t size)
{
    if (isinf(value))
        snprintf(text, size, "> %.0f", follow_up);
    else
        write_figure(value, value < floor(value) || value > floor(value), text, size);
}

/* An interval is known whole or not at all, so its lower end decides. */
void sheets_put_interval(struct sheet *sheet, double value, struct bounds between, int digits)
{
    char text[ENTRY], lower[ENTRY], upper[ENTRY];
    write_figure(value, digits, text, sizeof text);
    write_figure(between.lower, digits, lower, sizeof lower);
    write_figure(between.upper, digits, upper, sizeof upper);
    if (isnan(between.lower) || isnan(value))
        sheet_entry(sheet, "%s", text);
    else
        sheet_entry(sheet, "%s [%s, %s]", text, lower, upper);
}

/* As sheets_put_interval, but each of the three numbers may be known only to be later. */
void sheets_put_time(struct sheet *sheet, const struct configuration *c, double value,
                     struct bounds between)
{
    char text[ENTRY], lower[ENTRY], upper[ENTRY];
    write_time(value, c->follow_up, text, sizeof text);
    write_time(between.lower, c->follow_up, lower, sizeof lower);
    write_time(between.upper, c->follow_up, upper, sizeof upper);
    if (isnan(between.lower) || isnan(value))
        sheet_entry(sheet, "%s", text);
    else
        sheet_entry(sheet, "%s [%s, %s]", text, lower, upper);
}

void sheets_put_difference_headings(const struct aggregate *aggregate, struct sheet *sheet)
{
    char percent[32];
    aggregate_percent(aggregate, percent, sizeof percent);
    sheet_column(sheet, false, "seeds");
    sheet_column(sheet, false, "difference [%s]", percent);
    sheet_column(sheet, false, "p");
    sheet_column(sheet, false, "p Holm");
    sheet_column(sheet, true, "note");
}

void sheets_put_p(struct sheet *sheet, double p)
{
    if (isnan(p))
        sheet_entry(sheet, "-");
    else
        sheet_entry(sheet, "%.3g", p);
}

bool sheets_lacks_interval(double value, struct bounds between)
{
    return isfinite(value) && isnan(between.lower);
}

void sheets_note_lack(struct sheet *sheet, int64_t lacking, const char *why)
{
    if (lacking > 0)
        sheet_note(sheet, "no interval: fewer than three seeds, or they all agree%s.", why);
}

void sheets_put_whole(struct sheet *sheet, int64_t value)
{
    if (value < 0)
        sheet_entry(sheet, "-");
    else
        sheet_entry(sheet, "%" PRId64, value);
}

void sheets_put_headings(const struct aggregate *aggregate, struct sheet *sheet)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++)
        sheet_column(sheet, false, "%s", aggregate_axis(aggregate, a));
}

void sheets_put_values(const struct aggregate *aggregate, int64_t c, struct sheet *sheet)
{
    for (int64_t a = 0; a < aggregate->grouping.axes; a++) {
        char value[SETTING_TEXT];
        aggregate_value(aggregate, a, c, value, sizeof value);
        sheet_entry(sheet, "%s", value);
    }
}
