// SPDX-License-Identifier: MIT
/* Text in and out. What a user wrote is read whole or refused, since a number with a typing error
 * must not become another number; what is printed is written so that it can be read back, or can
 * do no harm on a terminal. */
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer excerpts would hide the rest of a message; no key is as long as the second limit. */
enum { QUOTE_LIMIT = 40, DISTANCE_LIMIT = 63 };

static size_t span_digits(const char *text)
{
    return strspn(text, "0123456789");
}

static const char *skip_sign(const char *text)
{
    return *text == '+' || *text == '-' ? text + 1 : text;
}

/* Checked by hand before strtod, which also takes hexadecimal, "inf", "nan" and leading blanks, and
 * stops at what it does not understand. */
static bool is_real(const char *text)
{
    const char *at = skip_sign(text);
    const size_t whole = span_digits(at);
    at += whole;
    size_t fraction = 0;
    if (*at == '.') {
        fraction = span_digits(at + 1);
        at += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at = skip_sign(at + 1);
        const size_t exponent = span_digits(at);
        if (exponent == 0)
            return false;
        at += exponent;
    }
    return *at == '\0';
}

bool text_parse_real(const char *text, double *value)
{
    if (!is_real(text))
        return false;
    errno = 0;
    const double parsed = strtod(text, NULL);
    /* ERANGE is set for subnormal numbers as well: a rate of 1e-310 is a mistake more likely than
     * a wish. */
    if (errno == ERANGE || !isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}

bool text_parse_integer(const char *text, int64_t *value)
{
    const char *digits = skip_sign(text);
    const size_t count = span_digits(digits);
    if (count == 0 || digits[count] != '\0')
        return false;
    errno = 0;
    const long long parsed = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return false;
    *value = parsed;
    return true;
}

/* "1e+09" becomes "1e9", "1e-06" becomes "1e-6". */
static void trim_exponent(char *text)
{
    char *const mark = strchr(text, 'e');
    if (mark == NULL)
        return;
    char *to = mark + 1;
    const char *from = mark + 1;
    if (*from == '-')
        *to++ = '-';
    from += strspn(from, "+-0");
    memmove(to, from, strlen(from) + 1);
}

/* 17 digits tell any two doubles apart, 9 any two floats: the loops end. */
int text_write_shortest(double value, int least, char text[TEXT_NUMBER])
{
    int digits = least;
    while (snprintf(text, TEXT_NUMBER, "%.*g", digits, value) > 0 && isfinite(value) &&
           strtod(text, NULL) != value)
        digits++;
    return digits;
}

int text_write_shortest_single(float value, int least, char text[TEXT_NUMBER])
{
    int digits = least;
    while (snprintf(text, TEXT_NUMBER, "%.*g", digits, (double)value) > 0 && isfinite(value) &&
           strtof(text, NULL) != value)
        digits++;
    return digits;
}

int text_write_real(double value, char *text, size_t size)
{
    char shortest[TEXT_NUMBER];
    const int digits = text_write_shortest(value, 1, shortest);
    /* Whole numbers that people write out are written out: 400, not 4e2. */
    if (fabs(value) >= 1 && fabs(value) < 1e6 && digits < 6)
        snprintf(shortest, sizeof shortest, "%.6g", value);
    if (isfinite(value))
        trim_exponent(shortest);
    return snprintf(text, size, "%s", shortest);
}

/* Digits behind the point of the shortest decimal, written without an exponent: "1e-05" has 5,
 * "1.5e+10" none. */
static int count_decimals(double value)
{
    char text[TEXT_NUMBER];
    int decimals = 17;
    text_write_shortest(value, 1, text);
    const char *const mark = strchr(text, 'e');
    const char *const point = strchr(text, '.');
    const long exponent = mark != NULL ? strtol(mark + 1, NULL, 10) : 0;
    const long fraction = point != NULL ? (long)span_digits(point + 1) : 0;
    if (fraction - exponent < decimals)
        decimals = (int)(fraction - exponent);
    return decimals > 0 ? decimals : 0;
}

/* 100 * 0.29 is not 29 and 1 - 0.95 is not 0.05, but both are known to have no more digits. */
int text_write_percent(double share, char *text, size_t size)
{
    const int decimals = count_decimals(share) - 2;
    return snprintf(text, size, "%.*f", decimals > 0 ? decimals : 0, 100 * share);
}

int text_write_rest(double share, char *text, size_t size)
{
    return snprintf(text, size, "%.*f", count_decimals(share), 1 - share);
}

const char *text_quote(const char *text, char *quoted)
{
    size_t used = 0;
    quoted[used++] = '\'';
    for (; *text != '\0' && used <= QUOTE_LIMIT; text++)
        /* By bytes, as the text may not be UTF-8 at all. */
        quoted[used++] = isprint((unsigned char)*text) ? *text : '?';
    if (*text != '\0') {
        memcpy(quoted + used, "…", strlen("…"));
        used += strlen("…");
    }
    quoted[used++] = '\'';
    quoted[used] = '\0';
    return quoted;
}

/* Bytes of the UTF-8 character that begins here; 1 for a byte that begins none. */
static size_t character_size(const unsigned char *at)
{
    const size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC2 ? 2 : 1;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 1;
    }
    return size;
}

char *text_make_plain(char *text)
{
    unsigned char *to = (unsigned char *)text;
    for (const unsigned char *at = to; *at != '\0';) {
        const size_t size = character_size(at);
        /* Control characters beyond ASCII, U+0080 to U+009F, which some terminals obey, and single
         * bytes that would be these in Latin-1. */
        const bool high = size == 2 && at[0] == 0xC2 && at[1] < 0xA0;
        const bool low = size == 1 && (at[0] < ' ' || (at[0] > '~' && at[0] < 0xA0));
        if (high || low)
            *to++ = '?';
        else
            to = (unsigned char *)memmove(to, at, size) + size;
        at += size;
    }
    *to = '\0';
    return text;
}

/* A text that was cut takes nothing more: what follows would look as if it came right after the
 * last whole word. */
static bool is_cut(const char *text, size_t length)
{
    static const char mark[] = " …";
    return length >= strlen(mark) && strcmp(text + length - strlen(mark), mark) == 0;
}

/* End a full block after its last whole word, or between two characters of UTF-8. */
static void cut(char *text, size_t size)
{
    static const char mark[] = " …";
    CHECK(size > sizeof mark);
    size_t at = size - sizeof mark;
    while (at > 0 && text[at] != ' ')
        at--;
    if (at == 0) {
        at = size - sizeof mark;
        while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
            at--;
    }
    memcpy(text + at, mark, sizeof mark);
}

void text_add_list(char *text, size_t size, const char *format, va_list values)
{
    const size_t used = strlen(text);
    if (is_cut(text, used))
        return;
    const int length = vsnprintf(text + used, size - used, format, values);
    if (length >= 0 && (size_t)length >= size - used)
        cut(text, size);
}

void text_add(char *text, size_t size, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    text_add_list(text, size, format, values);
    va_end(values);
}

static int smallest(int a, int b, int c)
{
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

int text_distance(const char *a, const char *b)
{
    const size_t m = strlen(a);
    const size_t n = strlen(b);
    if (m > DISTANCE_LIMIT || n > DISTANCE_LIMIT)
        return INT_MAX;
    /* The optimal string alignment distance (Levenshtein's, with swaps of neighbours): three rows
     * of its table are enough, as a swap looks back two. */
    int row[3][DISTANCE_LIMIT + 1] = {{0}}; /* rows i-2, i-1, i of the table, by i mod 3 */
    /* From nothing to the first j letters of b: j insertions. */
    for (size_t j = 0; j <= n; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        int *const now = row[i % 3];
        const int *const before = row[(i + 2) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= n; j++) {
            const int change = a[i - 1] != b[j - 1];
            now[j] = smallest(before[j] + 1, now[j - 1] + 1, before[j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smallest(now[j], now[j], row[(i + 1) % 3][j - 2] + 1);
        }
    }
    return row[m % 3][n];
}

void text_duration(double seconds, char *text, size_t size)
{
    if (!isfinite(seconds) || seconds > 1e9) {
        snprintf(text, size, "?");
        return;
    }
    const long whole = lround(seconds);
    /* Hours only where there are any: "2:03" is minutes and seconds. */
    if (whole >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%ld:%02ld", whole / 60, whole % 60);
}
