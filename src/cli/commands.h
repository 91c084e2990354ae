// SPDX-License-Identifier: MIT
/**
 * The commands of the program.
 *
 * Each has a table of options (options.h), parses its own arguments (`argv[0]` is the command's
 * name), and leaves through its status: the exit code, with the sentence to print unless it is
 * STATUS_OK. Usage errors and --help end the process after what they print. Local.
 */
#ifndef CCMSWEEP_COMMANDS_H
#define CCMSWEEP_COMMANDS_H

#include "cli/options.h"
#include <ccmsweep/fault.h>

/** What the program knows of a command before it runs. */
struct command {
    const char *name;    /**< "train" */
    const char *usage;   /**< arguments, as short as can be */
    const char *summary; /**< one line; no capital, no full stop */
    const struct command_line *line;
    enum status (*run)(int argc, char **argv, struct fault *fault);
};

/** All of them, in the order of --help; the last has no name. */
extern const struct command commands[];

/** The exit codes of all commands together. */
extern const struct exit_row command_exits[];

extern const struct command_line train_line, plan_line, run_line, status_line, aggregate_line,
    show_line, verify_line, export_line, spec_line, bench_line, bench_schedule_line;

/** Train one cell, with or without a file. */
enum status cmd_train(int argc, char **argv, struct fault *fault) MUST_USE;

/** Train all cells of a spec, alone or as one rank of several. Collective under a launcher: starts
 *  MPI itself; a rank other than 0 says nothing and leaves with STATUS_OK. */
enum status cmd_run(int argc, char **argv, struct fault *fault) MUST_USE;

/** Say how far the sweep of a file is. */
enum status cmd_status(int argc, char **argv, struct fault *fault) MUST_USE;

/** Say when actors stop learning, by configuration, and what configurations differ by. */
enum status cmd_aggregate(int argc, char **argv, struct fault *fault) MUST_USE;

/** Show the summary of a finished run in a file, or the schema of files. */
enum status cmd_show(int argc, char **argv, struct fault *fault) MUST_USE;

/** Find what is wrong in a file. */
enum status cmd_verify(int argc, char **argv, struct fault *fault) MUST_USE;

/** Write what a file holds as tables, or as the files of the published study. */
enum status cmd_export(int argc, char **argv, struct fault *fault) MUST_USE;

/** Check a spec and print it with every setting, or print the defaults. */
enum status cmd_spec(int argc, char **argv, struct fault *fault) MUST_USE;

/** Say what a spec asks for: cells, core-hours, wall time and disk space; with a file, the rest. */
enum status cmd_plan(int argc, char **argv, struct fault *fault) MUST_USE;

/** Measure on this machine what a training costs. */
enum status cmd_bench(int argc, char **argv, struct fault *fault) MUST_USE;

/** The part of cmd_bench that measures scheduler, file and commits (`argv[0]` is "schedule").
 *  Collective under a launcher, as cmd_run. */
enum status cmd_bench_schedule(int argc, char **argv, struct fault *fault) MUST_USE;

/** Print what the program is and was built from. */
void version_print(void);

#endif
