// SPDX-License-Identifier: MIT
/* Command lines, by the tables of the commands. argp (of the C library) does the parsing:
 * abbreviations, "--", the layout of --help. This file makes argp's table from ours, stores the
 * values by the kind of their row, and checks ranges and names, so that all commands refuse a wrong
 * value in the same words. */
#include "cli/options.h"
#include "base/text.h"
#include "cli/spec_options.h"
#include "spec/spec.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* argp knows an option by a number: its letter, or one beyond all letters. The rows of a command
 * and the settings that have an option get ranges of their own, so that a key leads to its row. */
enum { KEY_ROW = 0x100, KEY_SETTING = 0x1000 };

struct parsing {
    const struct command_line *line;
    void *arguments;
    size_t operands;             /* seen so far */
    const struct setting *meant; /* by an unknown option; NULL: none */
    const char *unknown;         /* that option */
};

/* ---- rows ---- */

/* A table ends with a row of zeros. An argument has neither a name nor a letter, but says what it
 * is called. */
static bool is_last(const struct option_row *row)
{
    return row->argument == NULL && row->name == NULL && row->letter == '\0';
}

static size_t count_rows(const struct option_row *rows)
{
    size_t count = 0;
    while (rows != NULL && !is_last(&rows[count]))
        count++;
    return count;
}

static int key_of(const struct command_line *line, size_t i)
{
    return line->options[i].letter != '\0' ? line->options[i].letter : KEY_ROW + (int)i;
}

/* Upper end of the range: a number, or that of a setting, so that both can never differ. */
static double highest(const struct option_row *row)
{
    return row->like != NULL ? settings_find(row->like)->max : row->high;
}

/* Few settings have an option of their own (actor_lr, critic_lr, seed, episodes): the others are
 * given by --set. */
const struct setting *options_next_setting(size_t *index)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    while (*index < count && table[*index].option == NULL)
        ++*index;
    return *index < count ? &table[*index] : NULL;
}

const char *options_setting_argument(const struct setting *row)
{
    return row->type == TYPE_INTEGER ? "N" : "REAL";
}

void options_expect(const struct option_row *row, char *text, size_t size)
{
    const char *const of = row->unit != NULL ? " of " : "";
    const char *const unit = row->unit != NULL ? row->unit : "";
    *text = '\0';
    if (row->kind == OPTION_WHOLE || row->kind == OPTION_REAL) {
        text_add(text, size, "a %snumber%s%s %s %.0f", row->kind == OPTION_WHOLE ? "whole " : "",
                 of, unit, row->open ? "between" : "from", row->low);
        if (isfinite(highest(row)))
            text_add(text, size, " %s %.0f", row->open ? "and" : "to", highest(row));
    }
    for (int i = 0; row->choice != NULL && row->choice(i) != NULL; i++)
        text_add(text, size, "%s%s", i > 0 ? ", " : "one of ", row->choice(i));
}

/* ---- values ---- */

/* The one sentence for a wrong number or name: "'x' is not a count, expected a whole number from 1
 * to 10", or "'x' is unknown, expected one of …". The option's name is put in front by
 * take_option. */
static enum status refuse_value(const struct option_row *row, const char *value,
                                struct fault *fault)
{
    char quoted[TEXT_QUOTED], expected[256];
    options_expect(row, expected, sizeof expected);
    return fault_set(fault, STATUS_INPUT, "%s is %s%s, expected %s", text_quote(value, quoted),
                     row->noun != NULL ? "not " : "unknown", row->noun != NULL ? row->noun : "",
                     expected);
}

static bool is_in_range(const struct option_row *row, double number)
{
    return row->open ? number > row->low && number < highest(row)
                     : number >= row->low && number <= highest(row);
}

/* Values are stored by memcpy: the compiler cannot know the type at an offset, and a pointer of the
 * wrong type would break its rules of aliasing. */
static bool store_whole(const struct option_row *row, const char *value, void *at)
{
    int64_t number = 0;
    if (!text_parse_integer(value, &number) || !is_in_range(row, (double)number))
        return false;
    memcpy(at, &number, sizeof number);
    return true;
}

static bool store_real(const struct option_row *row, const char *value, void *at)
{
    double number = 0;
    if (!text_parse_real(value, &number) || !is_in_range(row, number))
        return false;
    memcpy(at, &number, sizeof number);
    return true;
}

/* Place of the name of that length among the row's names, -1 when it is not there. */
static int find_choice(const struct option_row *row, const char *name, size_t length)
{
    for (int i = 0; row->choice(i) != NULL; i++) {
        if (strlen(row->choice(i)) == length && strncmp(row->choice(i), name, length) == 0)
            return i;
    }
    return -1;
}

/* A name must be given in full: unlike options, choices are not abbreviated. One that can be
 * repeated sets a flag at its place, so the order and repetitions do not matter. */
static enum status store_choice(const struct option_row *row, const char *value, void *at,
                                struct fault *fault)
{
    const int place = find_choice(row, value, strlen(value));
    if (place < 0)
        return refuse_value(row, value, fault);
    if (row->kind == OPTION_CHOICE)
        memcpy(at, &place, sizeof place);
    else
        ((bool *)at)[place] = true;
    return STATUS_OK;
}

/* Names between commas. An empty one, as in "a,,b", is an unknown name. */
static enum status store_list(const struct option_row *row, const char *value, bool *at,
                              struct fault *fault)
{
    enum status status = STATUS_OK;
    char *const list = strdup(value);
    if (list == NULL)
        fault_no_memory(strlen(value) + 1);
    char *rest = list;
    while (rest != NULL && status == STATUS_OK)
        status = store_choice(row, strsep(&rest, ","), at, fault);
    free(list);
    return status;
}

/* A script in which a variable is not set gives an empty name. The system would refuse it later, in
 * words that do not name the option. */
static enum status store_name(const char *value, void *at, struct fault *fault)
{
    if (*value == '\0')
        return fault_set(fault, STATUS_INPUT, "no name, expected the name of a file or folder");
    memcpy(at, &value, sizeof value);
    return STATUS_OK;
}

static enum status add_name(const char *value, struct option_names *names)
{
    const size_t size = (names->count + 1) * sizeof *names->of;
    names->of = realloc(names->of, size);
    if (names->of == NULL)
        fault_no_memory(size);
    names->of[names->count++] = value;
    return STATUS_OK;
}

void options_names_fini(struct option_names *names)
{
    free(names->of);
    *names = (struct option_names){0};
}

/* Store the value of a row where its kind and offset say. A switch without a default: the compiler
 * then reports a kind that is missing here. */
static enum status store_value(const struct option_row *row, void *arguments, const char *value,
                               struct fault *fault)
{
    void *const at = (char *)arguments + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return STATUS_OK;
    case OPTION_WHOLE:
        return store_whole(row, value, at) ? STATUS_OK : refuse_value(row, value, fault);
    case OPTION_REAL:
        return store_real(row, value, at) ? STATUS_OK : refuse_value(row, value, fault);
    case OPTION_TEXT:
        memcpy(at, &value, sizeof value);
        return STATUS_OK;
    case OPTION_FILE:
    case OPTION_FOLDER:
        return store_name(value, at, fault);
    case OPTION_FILES: {
        const char *name = NULL;
        const enum status status = store_name(value, &name, fault);
        return status == STATUS_OK ? add_name(name, at) : status;
    }
    case OPTION_TEXTS:
        return add_name(value, at);
    case OPTION_CHOICE:
    case OPTION_CHOICES:
        return store_choice(row, value, at, fault);
    case OPTION_LIST:
        return store_list(row, value, at, fault);
    case OPTION_SETTING:
        spec_options_add(at, NULL, value);
        return STATUS_OK;
    case OPTION_SETTER:
        break;
    }
    return row->set(arguments, value, fault);
}

/* ---- the parser ---- */

/* Print the sentence as a usage error. argp_error ends the process, or returns when argp was told
 * not to end it (enum options_mode); EINVAL then ends the parsing. */
static error_t refuse(const struct argp_state *state, struct fault *fault)
{
    argp_error(state, "%s", text_make_plain(fault->text));
    return EINVAL;
}

static error_t take_option(const struct parsing *p, const struct option_row *row, const char *value,
                           const struct argp_state *state)
{
    struct fault fault = {""};
    if (store_value(row, p->arguments, value, &fault) == STATUS_OK)
        return 0;
    if (row->name != NULL)
        fault_prefix(&fault, "--%s", row->name);
    else
        fault_prefix(&fault, "-%c", row->letter);
    return refuse(state, &fault);
}

/* Arguments fill the rows of the table in their order. */
static error_t take_operand(struct parsing *p, const char *value, const struct argp_state *state)
{
    struct fault fault = {""};
    if (p->line->expected == NULL)
        return ARGP_ERR_UNKNOWN;
    if (p->operands == count_rows(p->line->operands)) {
        (void)fault_set(&fault, STATUS_INPUT, "too many arguments: '%s', expected %s", value,
                        p->line->expected);
        return refuse(state, &fault);
    }
    const struct option_row *const row = &p->line->operands[p->operands++];
    return store_value(row, p->arguments, value, &fault) == STATUS_OK ? 0 : refuse(state, &fault);
}

/* Where values of the settings' own options go: to the same list as those of --set, whose row knows
 * its place in the command's struct. */
static struct spec_options *settings_of(const struct parsing *p)
{
    const struct option_row *row = p->line->options;
    while (row->kind != OPTION_SETTING)
        row++;
    return (struct spec_options *)(void *)((char *)p->arguments + row->offset);
}

/* An option that argp has recognised: a row of the command, or the option of a setting. */
static error_t take(const struct parsing *p, int key, const char *value,
                    const struct argp_state *state)
{
    const struct command_line *const line = p->line;
    size_t settings = 0;
    const struct setting *const table = settings_table(&settings);
    for (size_t i = 0; i < count_rows(line->options); i++) {
        if (key == key_of(line, i))
            return take_option(p, &line->options[i], value, state);
    }
    if (!line->settings || key < KEY_SETTING || key >= KEY_SETTING + (int)settings)
        return ARGP_ERR_UNKNOWN;
    spec_options_add(settings_of(p), &table[key - KEY_SETTING], value);
    return 0;
}

/* argp would only say that the option is unknown. It is asked for before argp has looked at the
 * command line, and so at the program's name. */
static error_t refuse_setting(const struct parsing *p, struct argp_state *state)
{
    struct fault fault = {""};
    if (p->meant == NULL)
        return 0;
    (void)fault_set(&fault, STATUS_INPUT,
                    "unrecognized option '%s'; settings are given as --set %s=VALUE", p->unknown,
                    p->meant->key);
    state->name = (char *)(uintptr_t)p->line->name;
    return refuse(state, &fault);
}

/* The command checks what belongs together. */
static error_t finish(const struct parsing *p, const struct argp_state *state)
{
    struct fault fault = {""};
    if (p->line->finish == NULL || p->line->finish(p->arguments, &fault) == STATUS_OK)
        return 0;
    return refuse(state, &fault);
}

/* Called by argp for each option, for each argument, and at the end. */
static error_t parse(int key, char *value, struct argp_state *state)
{
    struct parsing *const p = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        return refuse_setting(p, state);
    case ARGP_KEY_ARG:
        return take_operand(p, value, state);
    case ARGP_KEY_END:
        return finish(p, state);
    default:
        return take(p, key, value, state);
    }
}

/* The table in the form that argp expects. argp itself sorts the options for --help. The caller
 * frees it. */
static struct argp_option *make_options(const struct command_line *line)
{
    const size_t rows = count_rows(line->options);
    size_t settings = 0, used = 0;
    const struct setting *setting = settings_table(&settings);
    struct argp_option *const options = fault_alloc(rows + settings + 1, sizeof *options);
    for (size_t i = 0; line->settings && (setting = options_next_setting(&i)) != NULL; i++)
        options[used++] = (struct argp_option){.name = setting->option,
                                               .key = KEY_SETTING + (int)i,
                                               .arg = options_setting_argument(setting),
                                               .doc = setting->help};
    for (size_t i = 0; i < rows; i++)
        options[used++] = (struct argp_option){.name = line->options[i].name,
                                               .key = key_of(line, i),
                                               .arg = line->options[i].argument,
                                               .doc = line->options[i].help};
    return options;
}

/* The text above the options and, behind '\v', the text below them. argp breaks long lines, but
 * without an indentation: so spec_print_help breaks those of the list of settings itself. The
 * caller frees it. */
static char *make_doc(const struct command_line *line)
{
    char *doc = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&doc, &size);
    CHECK(file != NULL);
    fprintf(file, "%s\v%s\n\n", line->intro, line->details);
    if (line->settings) {
        fputs("Settings, for --set and the spec:\n\n", file);
        spec_print_help(file);
        fputc('\n', file);
    }
    for (const struct exit_row *row = line->exits; row->text != NULL; row++)
        fprintf(file, "%s%d %s", row == line->exits ? "Exit codes: " : "; ", row->code, row->text);
    fprintf(file, ".%s%s", line->other_exits != NULL ? " " : "",
            line->other_exits != NULL ? line->other_exits : "");
    CHECK(fclose(file) == 0);
    return doc;
}

/* ---- settings given as options ---- */

/* The setting that is meant by an unknown long option of a command that has --set: one of that key
 * or name ("networks.squash", "squash"). NULL: none. Only some settings have an option. */
static const struct setting *meant_by(const struct command_line *line, const char *name)
{
    const struct option_row *row = line->options;
    while (!is_last(row) && row->kind != OPTION_SETTING)
        row++;
    const struct setting *const near = is_last(row) ? NULL : settings_nearest(name);
    if (near == NULL)
        return NULL;
    const char *const dot = strchr(near->key, '.');
    const bool meant = strcmp(name, near->key) == 0 || (dot != NULL && strcmp(name, dot + 1) == 0);
    return meant ? near : NULL;
}

/* ---- '_' for '-' ---- */

/* Whether an option of this name, which may be abbreviated, takes a value: 1 or 0; -1 when there is
 * no such option. When several begin with the name, argp reports the ambiguity, so any answer will
 * do. */
static int takes_value(const struct command_line *line, const char *name, size_t length)
{
    int found = -1;
    const struct setting *setting = NULL;
    for (size_t i = 0; line->settings && (setting = options_next_setting(&i)) != NULL; i++) {
        if (strncmp(setting->option, name, length) == 0)
            found = true;
    }
    for (const struct option_row *row = line->options; !is_last(row); row++) {
        if (row->name == NULL || strncmp(row->name, name, length) != 0)
            continue;
        found = row->kind != OPTION_FLAG;
        if (row->name[length] == '\0')
            return found;
    }
    return found;
}

/* Note an unknown option that is the name of a setting, which is written with '_'. The word is
 * "--NAME" or "--NAME=VALUE", of which it gets what is behind the dashes. */
static void note_setting(struct parsing *p, const char *word, char *name)
{
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
    }
    const struct setting *const meant = p->meant == NULL ? meant_by(p->line, name) : NULL;
    if (meant == NULL)
        return;
    p->meant = meant;
    p->unknown = word - 2;
}

/* Write '-' for '_' in the name of a long option; the published program's options have '_'. The
 * value behind '=' is not touched. A word that is not an option of ours stays as the user wrote it,
 * so that the error message quotes it. \return whether the next word is the option's value */
static bool mend_long(struct parsing *p, char *word)
{
    const struct command_line *const line = p->line;
    const size_t length = strcspn(word, "=");
    char *const name = strndup(word, length);
    if (name == NULL)
        fault_no_memory(length + 1);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
    }
    const int takes = takes_value(line, name, length);
    if (takes >= 0)
        memcpy(word, name, length);
    else
        note_setting(p, word, name);
    free(name);
    return takes == 1 && word[length] == '\0';
}

/* Whether short options, all in one word, end with one whose value is the next word. */
static bool short_takes_next(const struct command_line *line, const char *letters)
{
    for (const char *c = letters; *c != '\0'; c++) {
        for (const struct option_row *row = line->options; !is_last(row); row++) {
            if (row->letter == *c && row->kind != OPTION_FLAG)
                return c[1] == '\0';
        }
    }
    return false;
}

/* Apply this to a whole command line. The word behind an option that takes a value is that value,
 * whatever it looks like: a file may be called "--a_b". Behind "--" there are arguments only. */
static void mend_underscores(struct parsing *p, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool skip = false;
        if (strncmp(argv[i], "--", 2) == 0)
            skip = mend_long(p, argv[i] + 2);
        else if (argv[i][0] == '-')
            skip = short_takes_next(p->line, argv[i] + 1);
        if (skip)
            i++;
    }
}

enum status options_parse(const struct command_line *line, enum options_mode mode, int argc,
                          char **argv, void *arguments)
{
    static const unsigned flags[] = {
        [OPTIONS_EXIT] = 0, [OPTIONS_RETURN] = ARGP_NO_EXIT, [OPTIONS_SILENT] = ARGP_SILENT};
    struct parsing parsing = {.line = line, .arguments = arguments};
    struct argp_option *const options = make_options(line);
    char *const doc = make_doc(line);
    const struct argp parser = {
        .options = options, .parser = parse, .args_doc = line->arguments, .doc = doc};
    /* argp takes the name in its messages and in "Usage:" from argv[0]. */
    argv[0] = (char *)(uintptr_t)line->name;
    mend_underscores(&parsing, argc, argv);
    const error_t error = argp_parse(&parser, argc, argv, flags[mode], NULL, &parsing);
    free(doc);
    free(options);
    return error == 0 ? STATUS_OK : STATUS_INPUT;
}

const struct text_row options_sweep_files[] = {
    {"FILE", "the results (HDF5), one row for each run"},
    {"FILE.lock", "locked while a process writes FILE; stays there"},
    {"FILE.ckpt/", "the checkpoints of runs that are not finished"},
    {NULL, NULL},
};
