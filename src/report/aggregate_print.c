// SPDX-License-Identifier: MIT
/*
 * The aggregate for people: a head that says what was computed and how, the findings, the warnings,
 * then the tables. The same for a terminal and for LaTeX. Warnings come before the tables, since
 * they say how to read them.
 */
#include "query/aggregate_findings.h"
#include "report/aggregate_report.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The first sentence: which file and event, and how much of the sweep is in the figures. */
static void write_head(const struct aggregate *aggregate, const struct aggregate_source *source,
                       char *text, size_t size)
{
    char times[128];
    int64_t done = 0;
    aggregate_times(aggregate, times, sizeof times);
    for (int64_t run = 0; run < aggregate->cohort->runs; run++)
        done += member_is_finished(&aggregate->cohort->member[run]);
    snprintf(text, size,
             "%s: %s up to episode %" PRId64 "; %" PRId64 " of %" PRId64
             " runs trained to their end, %" PRId64 " configuration%s",
             source->path, times, aggregate->options.limit, done, aggregate->cohort->runs,
             aggregate->configurations, aggregate->configurations == 1 ? "" : "s");
}

/* The numbers with which anybody gets the same bits again. */
static void write_how(const struct aggregate *aggregate, char *text, size_t size)
{
    char percent[32];
    aggregate_percent(aggregate, percent, sizeof percent);
    snprintf(text, size,
             "intervals of %s; %" PRId64 " bootstrap draws of whole seeds, %" PRId64
             " permutations where not all are tried, draw seed %" PRIu32,
             percent, aggregate->options.bootstrap, aggregate->options.permutations,
             aggregate->options.draw_seed);
}

__attribute__((format(printf, 1, 2))) static char *write_sentence(const char *form, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, form);
    if (vasprintf(&text, form, values) < 0)
        fault_no_memory(strlen(form));
    va_end(values);
    return text;
}

/* aggregate_sheets gives away each sheet and the array. */
static void free_sheets(struct sheet **sheets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sheet_free(&sheets[i]);
    free(sheets);
}

void aggregate_print(FILE *file, const struct aggregate *aggregate,
                     const struct aggregate_source *source)
{
    char text[4096 + 512];
    size_t count = 0;
    struct sheet **const sheets = aggregate_sheets(aggregate, &count);
    write_head(aggregate, source, text, sizeof text);
    sheet_print_wrapped(file, text);
    write_how(aggregate, text, sizeof text);
    sheet_print_wrapped(file, text);
    for (int64_t i = 0; i < aggregate->findings; i++) {
        char *const sentence = write_sentence("finding: %s", aggregate->finding[i].sentence);
        sheet_print_wrapped(file, sentence);
        free(sentence);
    }
    for (int64_t i = 0; i < aggregate->warnings; i++) {
        char *const sentence = write_sentence("warning: %s", aggregate->warning[i]);
        sheet_print_wrapped(file, sentence);
        free(sentence);
    }
    for (size_t i = 0; i < count; i++) {
        fputc('\n', file);
        sheet_print(sheets[i], file);
    }
    free_sheets(sheets, count);
}

/* The name of the file can be any bytes, and bytes that are not UTF-8 would stop LaTeX. */
static void make_plain(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c > 126 || (unsigned char)*c < ' ')
            *c = '?';
    }
}

static void print_paragraph(FILE *file, const char *text)
{
    fputs("\\noindent ", file);
    sheet_escape_latex(file, text);
    fputs("\\par\n", file);
}

/* Tables for a document of the user's own: there is no preamble, and the first line is a comment
 * that names the packages to load. */
void aggregate_print_latex(FILE *file, const struct aggregate *aggregate,
                           const struct aggregate_source *source)
{
    char text[4096 + 512];
    size_t count = 0;
    struct sheet **const sheets = aggregate_sheets(aggregate, &count);
    fputs("% \\usepackage{booktabs,longtable}\n", file);
    write_head(aggregate, source, text, sizeof text);
    make_plain(text);
    print_paragraph(file, text);
    write_how(aggregate, text, sizeof text);
    print_paragraph(file, text);
    for (int64_t i = 0; i < aggregate->findings; i++) {
        char *const sentence = write_sentence("Finding: %s.", aggregate->finding[i].sentence);
        print_paragraph(file, sentence);
        free(sentence);
    }
    for (int64_t i = 0; i < aggregate->warnings; i++) {
        char *const sentence = write_sentence("Warning: %s.", aggregate->warning[i]);
        print_paragraph(file, sentence);
        free(sentence);
    }
    for (size_t i = 0; i < count; i++)
        sheet_print_latex(sheets[i], file);
    free_sheets(sheets, count);
}
