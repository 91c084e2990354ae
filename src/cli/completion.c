// SPDX-License-Identifier: MIT
/* The completion for bash. The script is written once, when the program is built, and needs no call
 * of the program when the user presses Tab: on a login node a program that loads MPI and HDF5 would
 * make each Tab slow.
 *
 * It has two parts: tables (commands, options, kinds of values, settings), which come from the same
 * rows as --help, and below them functions that are the same for all commands. */
#include "cli/completion.h"
#include "cli/commands.h"
#include "store/schema.h"
#include <ccmsweep/settings.h>
#include <string.h>

/* What the script does with the tables that are written above it.
 *
 * The words are taken from the command line itself (COMP_LINE) and not from COMP_WORDS, because
 * bash splits its own words at every '='. For the same reason an answer leaves out what stands
 * before the last '=': bash replaces only the part behind it. Without an answer bash completes
 * names of files ("-o default"), which is switched off wherever a file is not what is expected. */
static const char script[] =
    "# COMPREPLY: those of the words $2... that, behind $1, begin as what was typed.\n"
    "_ccmsweep_offer()\n"
    "{\n"
    "    local head=$1 word kept=\n"
    "    shift\n"
    "    [[ $COMP_WORDBREAKS == *=* && $typed == *=* ]] && kept=${typed%=*}=\n"
    "    for word; do\n"
    "        [[ $head$word == \"$typed\"* ]] || continue\n"
    "        [[ $word == *= ]] && compopt -o nospace 2>/dev/null\n"
    "        word=$head$word\n"
    "        COMPREPLY+=(\"${word#\"$kept\"}\")\n"
    "    done\n"
    "    compopt +o default 2>/dev/null\n"
    "}\n"
    "\n"
    "# Complete KEY=VALUE: a key of $3..., or a value of one that has names for them.\n"
    "_ccmsweep_assign()\n"
    "{\n"
    "    local head=$1 item=$2\n"
    "    shift 2\n"
    "    if [[ $item == *=* ]]; then\n"
    "        _ccmsweep_offer \"$head${item%%=*}=\" $(_ccmsweep_choices \"${item%%=*}\")\n"
    "    else\n"
    "        _ccmsweep_offer \"$head\" \"${@/%/=}\"\n"
    "    fi\n"
    "}\n"
    "\n"
    "# Complete the value $3 of the option $2 of the command $1; behind $4 in the same word.\n"
    "_ccmsweep_value()\n"
    "{\n"
    "    local value=$3 head=$4 before=\n"
    "    set -- $(_ccmsweep_kind \"$1\" \"$2\")\n"
    "    [[ $value == *,* ]] && before=${value%,*},\n"
    "    case $1 in\n"
    "    words) _ccmsweep_offer \"$head\" \"${@:2}\" ;;\n"
    "    list) _ccmsweep_offer \"$head$before\" \"${@:2}\" ;;\n"
    "    setting) _ccmsweep_assign \"$head\" \"$value\" $_ccmsweep_settings ;;\n"
    "    axes) _ccmsweep_offer \"$head$before\" $_ccmsweep_axes ;;\n"
    "    conditions) _ccmsweep_assign \"$head$before\" \"${value##*,}\" $_ccmsweep_axes ;;\n"
    "    file) ;;\n"
    "    folder) compopt -o dirnames +o default 2>/dev/null ;;\n"
    "    *) compopt +o default 2>/dev/null ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_ccmsweep()\n"
    "{\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words typed before command option\n"
    "    local IFS=$' \\t\\n'\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
    "    COMPREPLY=()\n"
    "    typed=${words[-1]} before=${words[-2]} command=${words[1]}\n"
    "    if ((${#words[@]} < 3)); then\n"
    "        _ccmsweep_offer '' $_ccmsweep_commands --help --version\n"
    "        return\n"
    "    fi\n"
    "    [[ ${words[2]} == schedule ]] && ((${#words[@]} > 3)) && command=\"$command schedule\"\n"
    "    before=${before//_/-}\n"
    "    if [[ \" ${words[*]:2:${#words[@]}-3} \" == *' -- '* ]]; then\n"
    "        return\n"
    "    elif [[ $before == -* && $(_ccmsweep_kind \"$command\" \"$before\") != '' ]]; then\n"
    "        _ccmsweep_value \"$command\" \"$before\" \"$typed\" ''\n"
    "    elif [[ $typed == --*=* ]]; then\n"
    "        option=${typed%%=*}\n"
    "        _ccmsweep_value \"$command\" \"${option//_/-}\" \"${typed#*=}\" \"$option=\"\n"
    "    elif [[ $typed == -* ]]; then\n"
    "        _ccmsweep_offer '' $(_ccmsweep_options \"$command\")\n"
    "    elif [[ $command == bench ]]; then\n"
    "        ((${#words[@]} == 3)) && _ccmsweep_offer '' train schedule\n"
    "        compopt +o default 2>/dev/null\n"
    "    fi\n"
    "}\n"
    "\n"
    "complete -o default -F _ccmsweep ccmsweep\n";

/* A command as the script's tables call it: "train", or "bench schedule" for a second form. */
static const char *name_of(const struct command_line *line)
{
    return line->name + strlen("ccmsweep ");
}

/* A key, and before it the short name that --set accepts for it, if there is one. */
static void print_key(FILE *file, const struct setting *row)
{
    const char *const name = strchr(row->key, '.') + 1;
    if (settings_named(name) == row)
        fprintf(file, "%s ", name);
    fputs(row->key, file);
}

/* Three tables: the keys for --set; the names for --by, --reference and --where, which take the
 * name of the column in the file as well as the key, and the label; and the names of the values of
 * choices. A setting of class operation changes no result, so it is not an axis. */
static void print_settings(FILE *file)
{
    size_t count = 0;
    const struct setting *const table = settings_table(&count);
    fputs("_ccmsweep_settings='", file);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? " " : "", file);
        print_key(file, &table[i]);
    }
    fprintf(file, "'\n_ccmsweep_axes='%s", settings_label()->key);
    for (size_t i = 0; i < count; i++) {
        char axis[64];
        schema_axis_name(&table[i], axis, sizeof axis);
        if (table[i].class != CLASS_OPERATION)
            fprintf(file, " %s %s", axis, table[i].key);
    }
    fputs("'\n\n# Names that values of a setting have.\n_ccmsweep_choices()\n{\n    case $1 in\n",
          file);
    for (size_t i = 0; i < count; i++) {
        char axis[64];
        schema_axis_name(&table[i], axis, sizeof axis);
        if (table[i].type != TYPE_CHOICE)
            continue;
        fprintf(file, "    %s | %s) echo", table[i].key, axis);
        for (const char *const *name = table[i].choices; *name != NULL; name++)
            fprintf(file, " %s", *name);
        fputs(" ;;\n", file);
    }
    fputs("    esac\n}\n", file);
}

/* One branch of _ccmsweep_options: all options of a command, the settings' own first. --help and
 * --usage are argp's and have no row. */
static void print_options(FILE *file, const struct command_line *line)
{
    const struct setting *setting = NULL;
    fprintf(file, "    '%s') echo", name_of(line));
    for (size_t i = 0; line->settings && (setting = options_next_setting(&i)) != NULL; i++)
        fprintf(file, " --%s", setting->option);
    for (const struct option_row *row = line->options; row->name != NULL || row->letter != '\0';
         row++) {
        if (row->letter != '\0')
            fprintf(file, " -%c", row->letter);
        if (row->name != NULL)
            fprintf(file, " --%s", row->name);
    }
    fputs(" --help --usage ;;\n", file);
}

/* The word of _ccmsweep_value for a row, and the names of its choices. */
static void print_kind(FILE *file, const struct option_row *row)
{
    static const char *const words[] = {
        [WORDS_NONE] = "text", [WORDS_AXES] = "axes", [WORDS_CONDITIONS] = "conditions"};
    const char *kind = words[row->words];
    if (row->choice != NULL)
        kind = row->kind == OPTION_LIST ? "list" : "words";
    else if (row->kind == OPTION_FILE || row->kind == OPTION_FILES)
        kind = "file";
    else if (row->kind == OPTION_FOLDER)
        kind = "folder";
    else if (row->kind == OPTION_SETTING)
        kind = "setting";
    fprintf(file, " echo %s", kind);
    for (int i = 0; row->choice != NULL && row->choice(i) != NULL; i++)
        fprintf(file, " %s", row->choice(i));
    fputs(" ;;\n", file);
}

/* The branches of _ccmsweep_kind for a command: one for each option that takes a value. A flag has
 * none, so that the word behind it is completed as a new word. */
static void print_kinds(FILE *file, const struct command_line *line)
{
    const struct setting *setting = NULL;
    for (size_t i = 0; line->settings && (setting = options_next_setting(&i)) != NULL; i++)
        fprintf(file, "    '%s --%s') echo text ;;\n", name_of(line), setting->option);
    for (const struct option_row *row = line->options; row->name != NULL || row->letter != '\0';
         row++) {
        if (row->kind == OPTION_FLAG)
            continue;
        fputs("    ", file);
        if (row->letter != '\0')
            fprintf(file, "'%s -%c'%s", name_of(line), row->letter,
                    row->name != NULL ? " | " : ")");
        if (row->name != NULL)
            fprintf(file, "'%s --%s')", name_of(line), row->name);
        print_kind(file, row);
    }
}

/* Print the branches of all commands and of their second forms, and close the function. */
static void for_each(FILE *file, void (*print)(FILE *file, const struct command_line *line))
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        for (const struct command_line *line = command->line; line != NULL; line = line->part)
            print(file, line);
    }
    fputs("    esac\n}\n\n", file);
}

void completion_print(FILE *file)
{
    /* The rules that are switched off ask for quotes where lists of words are split on purpose. */
    fputs("# shellcheck shell=bash disable=SC2046,SC2086,SC2207\n"
          "# Completion for bash, made from the options' tables of the program; see "
          "src/cli/completion.c.\n"
          "_ccmsweep_commands='",
          file);
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(file, "%s%s", command == commands ? "" : " ", command->name);
    fputs("'\n", file);
    print_settings(file);
    fputs("\n# Options of a command.\n_ccmsweep_options()\n{\n    case $1 in\n", file);
    for_each(file, print_options);
    fputs("# What the value of a command's option is; nothing for one that has none.\n"
          "_ccmsweep_kind()\n{\n    case \"$1 $2\" in\n",
          file);
    for_each(file, print_kinds);
    fputs(script, file);
}
