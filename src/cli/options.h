// SPDX-License-Identifier: MIT
/**
 * The options of a command, once: a table whose rows say how an option is called, what its value
 * may be, and where it goes.
 *
 * Parsing, --help, usage errors, the man page (man.h) and the completion of the shell
 * (completion.h) are all made from it, so none of them can know an option that another does not.
 * Local.
 */
#ifndef CCMSWEEP_OPTIONS_H
#define CCMSWEEP_OPTIONS_H

#include <ccmsweep/fault.h>
#include <ccmsweep/settings.h>
#include <stdbool.h>
#include <stddef.h>

/** What a value is, and what is stored of it at the row's offset. */
enum option_kind {
    OPTION_FLAG,    /**< there is none: bool, true */
    OPTION_WHOLE,   /**< a whole number in the row's range: int64_t */
    OPTION_REAL,    /**< a number in the row's range: double */
    OPTION_TEXT,    /**< anything: const char *, borrowed, as the next two */
    OPTION_FILE,    /**< name of a file, not empty */
    OPTION_FOLDER,  /**< name of a folder, not empty */
    OPTION_FILES,   /**< name of a file, repeatable: added to the struct option_names */
    OPTION_TEXTS,   /**< anything, repeatable: likewise */
    OPTION_CHOICE,  /**< one of the row's names: int, its place */
    OPTION_CHOICES, /**< the same, repeatable: bool[], true at the place of each */
    OPTION_LIST,    /**< the same, several between commas */
    OPTION_SETTING, /**< KEY=VALUE of the spec, repeatable: added to the struct spec_options */
    OPTION_SETTER,  /**< what the row's setter reads */
};

/** What a shell can offer for a value that is neither one of the row's names nor a file. */
enum option_words {
    WORDS_NONE,
    WORDS_AXES,       /**< settings that can be an axis, between commas */
    WORDS_CONDITIONS, /**< such settings with a value: KEY=VALUE, between commas */
};

/** Names in the order in which they were given. Zeroed at first; options_names_fini frees it. */
struct option_names {
    const char **of; /**< (count) borrowed from the command line */
    size_t count;
};

/** One option; or, without a name and a letter, one argument. */
struct option_row {
    const char *name;     /**< long: "output"; NULL for none */
    char letter;          /**< short: 'o'; 0 for none */
    const char *argument; /**< what --help calls its value; NULL for a flag */
    enum option_kind kind;
    size_t offset;    /**< into the command's struct; unused by OPTION_SETTER */
    const char *help; /**< what it does; no capital, no full stop at the end */
    const char *noun; /**< of a number or a setter's value, for "… is not NOUN": "a seed" */
    const char *unit; /**< of a real: "seconds"; NULL for none */
    double low, high; /**< range of a number; INFINITY for no upper end */
    const char *like; /**< key of a setting whose upper end is that of the range, not `high` */
    bool open;        /**< the range has neither of its ends */
    const char *(*choice)(int place); /**< names, NULL behind the last; also of a setter */
    enum option_words words;
    /** Read `value` into the command's struct. \return STATUS_INPUT with a sentence that does not
     *  begin with the option */
    enum status (*set)(void *arguments, const char *value, struct fault *fault);
};

/** An exit code and when a command ends with it; or a file, or an example, and what it is for. */
struct exit_row {
    int code;
    const char *text; /**< NULL ends a table */
};

struct text_row {
    const char *title; /**< NULL ends a table */
    const char *text;
};

/** The description of a command line. Texts are paragraphs, not broken into lines, and
 *  separated by "\n\n". NULL: there is none. */
struct command_line {
    const char *name;                  /**< "ccmsweep train" */
    const char *arguments;             /**< behind the options: "FILE"; one form a line */
    const char *intro;                 /**< what the command does, in a sentence or two */
    const char *details;               /**< what else a user must know */
    const struct option_row *options;  /**< ends with a row of zeros */
    const struct option_row *operands; /**< the same of arguments; NULL for none */
    const char *expected; /**< as many arguments as there may be: "one file"; NULL for none */
    bool settings; /**< the settings' own options as well (--actor-lr …), and all their keys */
    const struct exit_row *exits;
    const char *other_exits; /**< of all other codes: a sentence */
    const struct text_row *files;
    const struct text_row *examples; /**< title: a command line */
    const char *see_also;            /**< other commands: "plan run" */
    const struct command_line *part; /**< a second form, with options of its own */
    /** Refuse what only all options show. \return STATUS_INPUT with the sentence. May be NULL */
    enum status (*finish)(void *arguments, struct fault *fault);
};

/** How a wrong command line, and --help, are answered. */
enum options_mode {
    OPTIONS_EXIT,   /**< the process ends, with STATUS_INPUT or STATUS_OK */
    OPTIONS_RETURN, /**< the sentence is printed; the caller ends when others can follow */
    OPTIONS_SILENT, /**< nothing is printed: another rank does that */
};

/**
 * Parse a command line into the command's struct, whose defaults are there already.
 *
 * Options may be anywhere, be abbreviated as long as that is unique, and be written with '_' for
 * '-'; behind "--" there are arguments only.
 * \param argv changed: its first word becomes the command's name, and '_' in options becomes '-'
 * \param arguments the command's struct, to which the rows' offsets refer (output)
 * \return STATUS_INPUT when the mode lets a wrong command line come back; it has been reported
 */
enum status options_parse(const struct command_line *line, enum options_mode mode, int argc,
                          char **argv, void *arguments) MUST_USE;

/** Free the list, and empty it. */
void options_names_fini(struct option_names *names);

/** Write what a value of `row` may be: "a whole number from 1 to 10", "one of auto, bar", or "".
 *  Cut at `size`. */
void options_expect(const struct option_row *row, char *text, size_t size);

/** The settings that have an option of their own: the next at or behind `*index` in the settings'
 *  table, where `*index` is then put; NULL behind the last. */
const struct setting *options_next_setting(size_t *index) MUST_USE;

/** What --help calls the value of a setting's own option. */
const char *options_setting_argument(const struct setting *row) MUST_USE;

/** The files beside the file of a sweep, for the man pages of commands that write one. */
extern const struct text_row options_sweep_files[];

#endif
