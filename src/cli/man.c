// SPDX-License-Identifier: MIT
/* The man pages, in the language of roff, from the tables of the commands. Text from the tables
 * must never be read as roff: a '.' or a quote at the start of a line would be a request, and a
 * backslash begins an escape. */
#include "cli/man.h"
#include "base/build.h"
#include <ccmsweep/settings.h>
#include <ctype.h>
#include <string.h>

/* ---- roff ---- */

/* A character that roff prints as it is: '-' would become a hyphen, which nobody can paste into a
 * shell. */
static void print_character(FILE *file, char c)
{
    if (c == '-')
        fputs("\\-", file);
    else if (c == '\\')
        fputs("\\e", file);
    else if (c == '\'')
        fputs("\\(aq", file);
    else
        fputc(c, file);
}

/* Words in a font, in one line. */
static void print_words(FILE *file, const char *text, const char *font)
{
    fprintf(file, "\\f%s", font);
    for (const char *c = text; *c != '\0'; c++)
        print_character(file, *c);
    fputs("\\fR", file);
}

/* Text in short lines: the source of a page can then be read, too. A line must not begin with '.',
 * which would make it a request of roff, so the line is not broken before a dot; a text that begins
 * with one gets an escape of no width in front. */
static void print_text(FILE *file, const char *text)
{
    enum { WIDTH = 48 };
    int column = 0;
    if (*text == '.')
        fputs("\\&", file);
    for (const char *c = text; *c != '\0'; c++, column++) {
        if (*c != ' ' || column < WIDTH || c[1] == '.') {
            print_character(file, *c);
            continue;
        }
        fputc('\n', file);
        column = 0;
    }
}

/* Paragraphs are separated by a blank line in the tables and by .PP in roff. */
static void print_paragraphs(FILE *file, const char *text)
{
    char paragraph[4096];
    while (*text != '\0') {
        const char *const end = strstr(text, "\n\n");
        const size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
        CHECK(length < sizeof paragraph);
        print_text(file, paragraph);
        fputc('\n', file);
        text += length;
        if (*text != '\0') {
            fputs(".PP\n", file);
            text += 2;
        }
    }
}

/* No date in the title: two builds of the same revision give the same bytes. */
static void print_title(FILE *file, const char *name)
{
    fprintf(file, ".\\\" Made from the options' tables of the program; see src/cli/man.c.\n.TH ");
    for (const char *c = name; *c != '\0'; c++)
        fputc(toupper((unsigned char)*c), file);
    fprintf(file, " 1 \"\" \"ccmsweep %s\" \"User Commands\"\n", build_version());
}

/* ---- sections ---- */

/* "ccmsweep-bench" of "ccmsweep bench". */
static void print_page_name(FILE *file, const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        fputs(*c == ' ' || *c == '-' ? "\\-" : (const char[]){*c, '\0'}, file);
}

/* One line for each form of the command: "FILE" and "--schema" of show, for example. */
static void print_synopsis(FILE *file, const struct command_line *line)
{
    const char *form = line->arguments != NULL ? line->arguments : "";
    do {
        const size_t length = strcspn(form, "\n");
        char arguments[128];
        snprintf(arguments, sizeof arguments, "%.*s", (int)length, form);
        print_words(file, line->name, "B");
        fputs(" [\\fIOPTION\\fR...] ", file);
        print_text(file, arguments);
        fputs(form[length] == '\n' ? "\n.br\n" : "\n", file);
        form += length;
    } while (*form++ == '\n');
}

/* "-o, --output=FILE" in the fonts that man pages use: bold for what is typed as it is, italic for
 * what the user replaces. */
static void print_option_name(FILE *file, const struct option_row *row)
{
    fputs(".TP\n", file);
    if (row->letter != '\0')
        fprintf(file, "\\fB\\-%c\\fR%s", row->letter, row->name != NULL ? ", " : " ");
    if (row->name != NULL) {
        fputs("\\fB\\-\\-\\fR", file);
        print_words(file, row->name, "B");
    }
    if (row->argument != NULL) {
        fputs(row->name != NULL ? "=" : "", file);
        print_words(file, row->argument, "I");
    }
    fputc('\n', file);
}

/* What a setting is, and what it may be: "learning rate of the actors; a number above 0". */
static void print_setting(FILE *file, const struct setting *row)
{
    char expected[256];
    settings_expect(row, expected, sizeof expected);
    print_text(file, row->help);
    fputs(";\n", file);
    print_text(file, expected);
    if (row->type == TYPE_REAL && strcmp(row->unit, "1") != 0) {
        fputs("; in ", file);
        print_text(file, row->unit);
    }
    fputc('\n', file);
}

/* All options: the settings' own, those of the table, and the two that argp adds. */
static void print_options(FILE *file, const struct command_line *line)
{
    const struct setting *setting = NULL;
    char expected[256];
    for (size_t i = 0; line->settings && (setting = options_next_setting(&i)) != NULL; i++) {
        const struct option_row row = {.name = setting->option,
                                       .argument = options_setting_argument(setting)};
        print_option_name(file, &row);
        print_setting(file, setting);
    }
    for (const struct option_row *row = line->options; row->name != NULL || row->letter != '\0';
         row++) {
        print_option_name(file, row);
        print_text(file, row->help);
        options_expect(row, expected, sizeof expected);
        /* What a choice may be, the help says already, and which of them is the default. */
        if (row->kind == OPTION_WHOLE || row->kind == OPTION_REAL)
            fprintf(file, ";\n%s", expected);
        fputc('\n', file);
    }
    fputs(".TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\nPrint the options of the command, and exit.\n"
          ".TP\n\\fB\\-\\-usage\\fR\nPrint the same in short, and exit.\n",
          file);
}

/* All settings, also those without an option of their own. */
static void print_settings(FILE *file)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    fputs(".SH SETTINGS\nKeys for \\fB\\-\\-set\\fR and the spec, with their defaults.\n", file);
    for (size_t i = 0; i < count; i++) {
        fputs(".TP\n", file);
        print_words(file, table[i].key, "B");
        fputc('=', file);
        print_text(file, table[i].fallback);
        fputc('\n', file);
        print_setting(file, &table[i]);
    }
}

static void print_exits(FILE *file, const struct exit_row *rows)
{
    for (; rows->text != NULL; rows++) {
        fprintf(file, ".TP\n\\fB%d\\fR\n", rows->code);
        print_text(file, rows->text);
        fputc('\n', file);
    }
}

/* What a command that writes a sweep's file leaves beside it. */
static void print_files(FILE *file, const struct text_row *rows)
{
    fputs(".SH FILES\n", file);
    for (; rows->title != NULL; rows++) {
        fputs(".TP\n", file);
        print_words(file, rows->title, "I");
        fputc('\n', file);
        print_text(file, rows->text);
        fputc('\n', file);
    }
}

/* Examples are indented and their lines are not filled, so that they can be copied as they are. */
static void print_examples(FILE *file, const struct text_row *rows)
{
    for (const struct text_row *row = rows; row->title != NULL; row++) {
        fputs(row == rows ? "" : ".PP\n", file);
        print_text(file, row->text);
        fputs("\n.PP\n.RS 4\n.EX\n", file);
        print_words(file, row->title, "R");
        fputs("\n.EE\n.RE\n", file);
    }
}

/* ---- pages ---- */

void man_print_program(FILE *file)
{
    static const struct text_row examples[] = {
        {"mpirun -n 9 ccmsweep run demo.yaml -o demo.h5", "Train a sweep on 8 cores."},
        {"ccmsweep aggregate demo.h5", "When the actors of each configuration stop, and why."},
        {NULL, NULL},
    };
    print_title(file, "ccmsweep");
    fputs(".SH NAME\nccmsweep \\- sweeps of exact, tracked CCM\\-MADRL trainings\n"
          ".SH SYNOPSIS\n\\fBccmsweep\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n"
          ".SH DESCRIPTION\nTrain many pairs of learning rates and seeds, and say of each actor\n"
          "when it stops learning, and why.\nA sweep is described by a spec in YAML and kept in "
          "one file "
          "(HDF5).\n"
          ".SH COMMANDS\nEach has a page of its own.\n",
          file);
    for (const struct command *command = commands; command->name != NULL; command++) {
        fputs(".TP\n", file);
        print_words(file, command->name, "B");
        fputc(' ', file);
        print_text(file, command->usage);
        fputc('\n', file);
        print_text(file, command->summary);
        fputc('\n', file);
    }
    fputs(".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nPrint a list of the commands.\n"
          ".TP\n\\fB\\-\\-version\\fR\nPrint version, compiler and libraries.\n"
          ".SH EXIT STATUS\n",
          file);
    print_exits(file, command_exits);
    fputs(".PP\nAny other code is a crash.\n"
          ".SH ENVIRONMENT\n.TP\n\\fBCCMSWEEP_LEVEL\\fR\n"
          "Compute as an older CPU does: avx512, avx2 or baseline.\n"
          ".TP\n\\fBNO_COLOR\\fR\nPrint no colours on a terminal.\n.SH EXAMPLES\n",
          file);
    print_examples(file, examples);
    fputs(".SH SEE ALSO\n", file);
    for (const struct command *command = commands; command->name != NULL; command++) {
        fputs("\\fB", file);
        print_page_name(file, command->line->name);
        fprintf(file, "\\fR(1)%s\n", command[1].name != NULL ? "," : "");
    }
}

/* The program's page, and the commands that the table names, separated by blanks. */
static void print_see_also(FILE *file, const struct command_line *line)
{
    fputs(".SH SEE ALSO\n\\fBccmsweep\\fR(1)", file);
    for (const char *name = line->see_also; name != NULL && *name != '\0';) {
        const size_t length = strcspn(name, " ");
        fprintf(file, ",\n\\fBccmsweep\\-%.*s\\fR(1)", (int)length, name);
        name += length + strspn(name + length, " ");
    }
    fputc('\n', file);
}

/* A second form of the command: what differs from the first. */
static void print_part(FILE *file, const struct command_line *part)
{
    fputs(".SS ", file);
    print_text(file, part->name);
    fputc('\n', file);
    print_options(file, part);
}

/* The sections in the usual order of man pages. A second form of the command (`bench schedule`) has
 * no page of its own: its description, options, exit codes and examples follow those of the
 * first. */
void man_print_command(FILE *file, const struct command *command)
{
    const struct command_line *const line = command->line;
    char page[64];
    snprintf(page, sizeof page, "ccmsweep-%s", command->name);
    print_title(file, page);
    fputs(".SH NAME\n", file);
    print_page_name(file, line->name);
    fputs(" \\- ", file);
    print_text(file, command->summary);
    fputs("\n.SH SYNOPSIS\n", file);
    print_synopsis(file, line);
    fputs(".SH DESCRIPTION\n", file);
    for (const struct command_line *form = line; form != NULL; form = form->part) {
        fputs(form == line ? "" : ".PP\n", file);
        print_text(file, form->intro);
        fputs("\n.PP\n", file);
        print_paragraphs(file, form->details);
    }
    fputs(".SH OPTIONS\nLong options may be abbreviated, and written with _ for \\-.\n", file);
    print_options(file, line);
    if (line->part != NULL)
        print_part(file, line->part);
    if (line->settings)
        print_settings(file);
    fputs(".SH EXIT STATUS\n", file);
    print_exits(file, line->exits);
    if (line->part != NULL) {
        fputs(".SS ", file);
        print_text(file, line->part->name);
        fputc('\n', file);
        print_exits(file, line->part->exits);
    }
    if (line->other_exits != NULL) {
        fputs(".PP\n", file);
        print_paragraphs(file, line->other_exits);
    }
    if (line->files != NULL)
        print_files(file, line->files);
    fputs(".SH EXAMPLES\n", file);
    print_examples(file, line->examples);
    if (line->part != NULL) {
        fputs(".PP\n", file);
        print_examples(file, line->part->examples);
    }
    print_see_also(file, line);
}
