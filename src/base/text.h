// SPDX-License-Identifier: MIT
/**
 * Text that a user wrote, and text that a user reads: numbers, quoted excerpts, sentences that end
 * with a whole word, the distance between similar words.
 *
 * A number is read completely or refused: base 10, finite, no blanks, no trailing characters. The
 * decimal point is the one of the C locale; the program never sets another locale. Knows no other
 * module.
 */
#ifndef CCMSWEEP_TEXT_H
#define CCMSWEEP_TEXT_H

#include <ccmsweep/fault.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Size that is enough for any number that text_write_real writes, with its final NUL. */
enum { TEXT_NUMBER = 32 };

/** Read all of `text` as a finite real: [+-] digits [. digits] [e [+-] digits], at least one digit
 *  before or after the point. No hexadecimal, no inf, no nan. Overflow, and underflow to zero or
 *  to a subnormal number, are refused. \return false when refused; `*value` is unchanged then. */
bool text_parse_real(const char *text, double *value) MUST_USE;

/** Read all of `text` as a whole number: [+-] digits, within int64_t. \return as above. */
bool text_parse_integer(const char *text, int64_t *value) MUST_USE;

/** Write `value` in the shortest form that text_parse_real reads back to the same bits ("nan",
 *  "inf" as printf writes them). Cut at `size`; returns the length as snprintf does. */
int text_write_real(double value, char *text, size_t size);

/** Write `value` with the fewest digits, but no fewer than `least` (1 to 17), that strtod reads
 *  back to the same bits, in the form of printf's %g ("4e+02", "1e-05", "nan", "inf").
 *  text_write_real uses it; call it directly for files whose form other programs prescribe.
 *  \return number of digits */
int text_write_shortest(double value, int least, char text[TEXT_NUMBER]);

/** The same for a single-precision number, which strtof reads back. `least` is 1 to 9. */
int text_write_shortest_single(float value, int least, char text[TEXT_NUMBER]);

/** Write 100 `share` for a share in [0, 1], with exactly the digits of the share and without those
 *  of its rounding error: "29" for 0.29, "99.999999" for 0.99999999. Cut at `size`; returns the
 *  length as snprintf does. */
int text_write_percent(double share, char *text, size_t size);

/** Write 1 - `share` in the same way: "0.05" for 0.95. */
int text_write_rest(double share, char *text, size_t size);

/** Write `text` between single quotes for a message: control characters and bytes above 126 become
 *  '?', and a text of more than 40 characters is cut and ends in "…". `quoted` has room for
 *  TEXT_QUOTED bytes. Returns `quoted`. */
const char *text_quote(const char *text, char *quoted);
enum { TEXT_QUOTED = 64 };

/** Make text from outside safe to print, in place: control characters, also those beyond ASCII,
 *  become '?', because a terminal would obey them. Everything else stays. Returns `text`. */
char *text_make_plain(char *text);

/**
 * Append to `text` ("" at first), which has room for `size` bytes, as snprintf writes. If the
 * result does not fit, it is cut after a whole word (inside a word only where there is no blank)
 * and ends in " …"; later calls then append nothing.
 */
void text_add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The same with a va_list. */
void text_add_list(char *text, size_t size, const char *format, va_list values)
    __attribute__((format(printf, 3, 0)));

/** Number of single-character insertions, deletions, replacements and swaps of neighbours that turn
 *  `a` into `b`; INT_MAX when one of them is longer than 63 characters. */
int text_distance(const char *a, const char *b) MUST_USE;

/** Write seconds as "1:02:03" or "2:03"; "?" when they are unknown. Cut at `size`. */
void text_duration(double seconds, char *text, size_t size);

#endif
