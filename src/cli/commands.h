// SPDX-License-Identifier: MIT
/**
 * The commands of the program. Each parses its own arguments (`argv[0]` is "ccmsweep NAME"),
 * answers
 * --help, and leaves through its status: the exit code, with the sentence to print unless it is
 * STATUS_OK. Usage errors end the process with STATUS_INPUT after a message. Local.
 */
#ifndef CCMSWEEP_COMMANDS_H
#define CCMSWEEP_COMMANDS_H

#include <ccmsweep/fault.h>

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

/** Write what a file holds as tables, or as the files of the published study. */
enum status cmd_export(int argc, char **argv, struct fault *fault) MUST_USE;

/** Check a spec and print it with every setting, or print the defaults. */
enum status cmd_spec(int argc, char **argv, struct fault *fault) MUST_USE;

/** Say what a spec asks for: cells, core-hours, wall time, room; with a file, what is left. */
enum status cmd_plan(int argc, char **argv, struct fault *fault) MUST_USE;

/** Measure on this machine what a training costs. */
enum status cmd_bench(int argc, char **argv, struct fault *fault) MUST_USE;

/** The part of cmd_bench that measures scheduler, file and commits (`argv[0]` is "schedule").
 *  Collective under a launcher, as cmd_run. */
enum status bench_schedule(int argc, char **argv, struct fault *fault) MUST_USE;

/** Print what the program is and was built from. */
void version_print(void);

#endif
