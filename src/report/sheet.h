// SPDX-License-Identifier: MIT
/**
 * A sheet: a table of text with a title and notes, for a terminal or for LaTeX.
 *
 * It is filled row by row. Both forms are written from the same entries, so their content is the
 * same. It knows nothing of what it shows. Local.
 */
#ifndef CCMSWEEP_SHEET_H
#define CCMSWEEP_SHEET_H

#include <ccmsweep/fault.h>
#include <stdbool.h>
#include <stdio.h>

struct sheet;

/** Make an empty sheet with this title. Never NULL. The caller owns it: sheet_free. */
struct sheet *sheet_new(const char *format, ...) MUST_USE __attribute__((format(printf, 1, 2)));

/** Free and clear; NULL and a pointer to NULL are fine. */
void sheet_free(struct sheet **sheet);

/** Add a column. All columns must be added before the first entry.
 *  \param left aligned to the left, otherwise to the right */
void sheet_column(struct sheet *sheet, bool left, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Add the next entry, a row after the other. */
void sheet_entry(struct sheet *sheet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Add a line below the table. */
void sheet_note(struct sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Write title, table and notes for a terminal. The last row must be complete. */
void sheet_print(const struct sheet *sheet, FILE *file);

/** Write it as a LaTeX longtable with a caption and the rules of booktabs. The same holds for the
 *  last row. */
void sheet_print_latex(const struct sheet *sheet, FILE *file);

/** Write a sentence in lines of at most 100 columns; all lines but the first are indented. */
void sheet_print_wrapped(FILE *file, const char *text);

/** Write text with the special characters of LaTeX escaped, so that it is printed as it is. */
void sheet_escape_latex(FILE *file, const char *text);

#endif
