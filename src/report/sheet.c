// SPDX-License-Identifier: MIT
/*
 * A table is filled first and measured afterwards: the width of a column is known only when its
 * last cell is. Cells are texts already, so the two forms cannot round differently. All cells are
 * in one array, row after row, so the column of a cell is its index modulo the number of columns.
 */
#include "report/sheet.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* An array of texts that grows. */
struct texts {
    size_t count, room;
    char **text;
};

struct sheet {
    char *title;
    struct texts headings, entries, notes;
    bool *left; /* (headings) */
};

/* Columns of a line of running text, and the indent of its later lines. Tables are not wrapped: a
 * wide one is scrolled, a broken one cannot be read. */
enum { WRAP = 100, INDENT = 2 };

/* realloc that never returns NULL, as fault_alloc for calloc. */
static void *grow(void *block, size_t size)
{
    void *const grown = realloc(block, size);
    if (grown == NULL)
        fault_no_memory(size);
    return grown;
}

/* A text of any length on the heap: names of configurations and notes have no natural bound, and a
 * cut number would be a wrong one. */
__attribute__((format(printf, 1, 0))) static char *write_text(const char *format, va_list values)
{
    char *text = NULL;
    if (vasprintf(&text, format, values) < 0)
        fault_no_memory(strlen(format));
    return text;
}

/* Take over `text`, which `clear` frees. The room doubles each time, so that filling a table takes
 * linear time. */
static void add(struct texts *texts, char *text)
{
    if (texts->count == texts->room) {
        texts->room = 2 * texts->room + 16;
        texts->text = grow(texts->text, texts->room * sizeof *texts->text);
    }
    texts->text[texts->count++] = text;
}

static void clear(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->text[i]);
    free(texts->text);
}

struct sheet *sheet_new(const char *format, ...)
{
    struct sheet *const sheet = fault_alloc(1, sizeof *sheet);
    va_list values;
    va_start(values, format);
    sheet->title = write_text(format, values);
    va_end(values);
    return sheet;
}

void sheet_free(struct sheet **sheet)
{
    if (sheet == NULL || *sheet == NULL)
        return;
    clear(&(*sheet)->headings);
    clear(&(*sheet)->entries);
    clear(&(*sheet)->notes);
    free((*sheet)->left);
    free((*sheet)->title);
    free(*sheet);
    *sheet = NULL;
}

void sheet_column(struct sheet *sheet, bool left, const char *format, ...)
{
    /* A column that came later would shift every cell that is there already. */
    CHECK(sheet->entries.count == 0);
    va_list values;
    va_start(values, format);
    add(&sheet->headings, write_text(format, values));
    va_end(values);
    sheet->left = grow(sheet->left, sheet->headings.count * sizeof *sheet->left);
    sheet->left[sheet->headings.count - 1] = left;
}

void sheet_entry(struct sheet *sheet, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(&sheet->entries, write_text(format, values));
    va_end(values);
}

void sheet_note(struct sheet *sheet, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(&sheet->notes, write_text(format, values));
    va_end(values);
}

/* ---- for a terminal ---- */

/* Widths are in bytes: all texts in tables are ASCII. The caller frees the array. */
static int *measure(const struct sheet *sheet)
{
    const size_t columns = sheet->headings.count;
    int *const widths = fault_alloc(columns, sizeof *widths);
    for (size_t c = 0; c < columns; c++)
        widths[c] = (int)strlen(sheet->headings.text[c]);
    for (size_t i = 0; i < sheet->entries.count; i++) {
        const int width = (int)strlen(sheet->entries.text[i]);
        widths[i % columns] = width > widths[i % columns] ? width : widths[i % columns];
    }
    return widths;
}

/* Blanks are written only before a text, so that no line ends in blanks, which diff and people who
 * copy a table would see. */
static void print_row(const struct sheet *sheet, FILE *file, char *const *texts, const int *widths)
{
    int gap = 0; /* blanks to be written before the next text */
    for (size_t c = 0; c < sheet->headings.count; c++) {
        const int blank = widths[c] - (int)strlen(texts[c]);
        gap += 2 + (sheet->left[c] ? 0 : blank);
        if (texts[c][0] != '\0') {
            fprintf(file, "%*s%s", gap, "", texts[c]);
            gap = 0;
        }
        gap += sheet->left[c] ? blank : 0;
    }
    fputc('\n', file);
}

/* A last row that is not full would be read beyond the end of the array; only a bug makes one. */
void sheet_print(const struct sheet *sheet, FILE *file)
{
    const size_t columns = sheet->headings.count;
    CHECK(columns > 0 && sheet->entries.count % columns == 0);
    int *const widths = measure(sheet);
    sheet_print_wrapped(file, sheet->title);
    print_row(sheet, file, sheet->headings.text, widths);
    for (size_t i = 0; i < sheet->entries.count; i += columns)
        print_row(sheet, file, sheet->entries.text + i, widths);
    for (size_t i = 0; i < sheet->notes.count; i++)
        sheet_print_wrapped(file, sheet->notes.text[i]);
    free(widths);
}

/* A word longer than a line stays whole: names of files and numbers must not be broken. It begins a
 * line, unless the line holds no more than the indent. Widths are counted in bytes, so a line with
 * characters beyond ASCII ends a little early. fprintf counts the line feed too, hence the - 1. */
void sheet_print_wrapped(FILE *file, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        const size_t word = strcspn(text, " ");
        if (column > INDENT && column + 1 + word > WRAP)
            column = (size_t)fprintf(file, "\n%*s", INDENT, "") - 1;
        else if (column > 0)
            column += (size_t)fprintf(file, " ");
        column += fwrite(text, 1, word, file);
        text += word + (text[word] == ' ');
    }
    fputc('\n', file);
}

/* ---- LaTeX ---- */

/* A minus sign before a number is set in mathematics, or LaTeX prints a hyphen; but not the hyphen
 * inside a word or an exponent. "<" and ">" are other characters in LaTeX's usual font encoding,
 * and the empty braces keep a command from taking what follows: the blank after a backslash, or the
 * letter under an accent. */
void sheet_escape_latex(FILE *file, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const bool begins = c == text || strchr(" [(", c[-1]) != NULL;
        if (*c == '-' && begins && isdigit((unsigned char)c[1]))
            fputs("$-$", file);
        else if (*c == '-' && c[1] == '-') /* two would be a dash */
            fputs("-{}", file);
        else if (*c == '<' || *c == '>')
            fprintf(file, "$%c$", *c);
        else if (*c == '\\')
            fputs("\\textbackslash{}", file);
        else if (*c == '~' || *c == '^')
            fprintf(file, "\\%c{}", *c);
        else if (strchr("_%&#${}", *c) != NULL)
            fprintf(file, "\\%c", *c);
        else
            fputc(*c, file);
    }
}

static void print_latex_row(const struct sheet *sheet, FILE *file, char *const *texts)
{
    for (size_t c = 0; c < sheet->headings.count; c++) {
        fputs(c > 0 ? " & " : "", file);
        sheet_escape_latex(file, texts[c]);
    }
    fputs(" \\\\\n", file);
}

/* The whole is a group in braces, so that the small type and the narrow columns end with the table;
 * the paragraph of each note ends inside it (\par), as its line spacing must fit the small type.
 * \endhead repeats the headings on each page of a table that is longer than one. */
void sheet_print_latex(const struct sheet *sheet, FILE *file)
{
    const size_t columns = sheet->headings.count;
    CHECK(columns > 0 && sheet->entries.count % columns == 0);
    fputs("{\\footnotesize\\setlength{\\tabcolsep}{3pt}\n\\begin{longtable}{@{}", file);
    for (size_t c = 0; c < columns; c++)
        fputc(sheet->left[c] ? 'l' : 'r', file);
    fputs("@{}}\n\\caption{", file);
    sheet_escape_latex(file, sheet->title);
    fputs("}\\\\\n\\toprule\n", file);
    print_latex_row(sheet, file, sheet->headings.text);
    fputs("\\midrule\n\\endhead\n", file);
    for (size_t i = 0; i < sheet->entries.count; i += columns)
        print_latex_row(sheet, file, sheet->entries.text + i);
    fputs("\\bottomrule\n\\end{longtable}\n", file);
    for (size_t i = 0; i < sheet->notes.count; i++) {
        fputs("\\noindent ", file);
        sheet_escape_latex(file, sheet->notes.text[i]);
        fputs("\\par\n", file);
    }
    fputs("}\n", file);
}
