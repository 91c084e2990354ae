// SPDX-License-Identifier: MIT
/* The table of commands, apart from main.c so that the program of the build which writes man pages
 * and completion (pages.c) can use it, too. */
#include "cli/commands.h"

const struct command commands[] = {
    {"train", "[SPEC.yaml] [OPTION...]", "train one pair of learning rates and seed, tracked",
     &train_line, cmd_train},
    {"plan", "SPEC.yaml [FILE]",
     "show what a spec asks for, what is left to do, and what it will take", &plan_line, cmd_plan},
    {"run", "SPEC.yaml -o FILE",
     "train all cells of a sweep, alone or under mpirun; resumes if interrupted", &run_line,
     cmd_run},
    {"status", "FILE", "show how far a sweep is, while it runs and afterwards", &status_line,
     cmd_status},
    {"aggregate", "FILE", "show when and why actors stop, by configuration, with intervals",
     &aggregate_line, cmd_aggregate},
    {"show", "FILE | --schema", "show the summary of a finished run, or what files hold",
     &show_line, cmd_show},
    {"verify", "FILE", "find what is damaged or was changed in a file", &verify_line, cmd_verify},
    {"export", "FILE FOLDER", "write what a file holds as tables, or as the study's files",
     &export_line, cmd_export},
    {"spec", "--defaults | SPEC.yaml", "print the defaults, or check a spec and print all of it",
     &spec_line, cmd_spec},
    {"bench", "train | schedule", "measure on this machine what a training or a sweep costs",
     &bench_line, cmd_bench},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Each command has a table of its own with those codes that it can end with, in words that fit
 * it. */
const struct exit_row command_exits[] = {
    {STATUS_OK, "complete"},
    {STATUS_FAULT, "a fault of the system"},
    {STATUS_INPUT, "wrong input"},
    {STATUS_CELLS, "finished, but cells failed"},
    {STATUS_LOCKED, "the file is in use by another process"},
    {STATUS_STOPPED, "stopped early, run the same command again"},
    {0, NULL},
};
