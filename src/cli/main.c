// SPDX-License-Identifier: MIT
/* The program: it makes the process independent of what the user's shell happens to have set, finds
 * the command, and turns its status into the exit code. Nothing here knows what a command does. */
#include "base/text.h"
#include "cli/commands.h"
#include "model/kernels.h"
#include "sys/stream.h"
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Written by hand and not by argp: the list is one of commands, not of options. */
static void print_usage(FILE *file)
{
    fputs("Usage: ccmsweep COMMAND [ARGUMENT...]\n"
          "CCM-MADRL trainings, exact and tracked: when does each actor stop learning, and why.\n\n"
          "Commands:\n",
          file);
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(file, "  %-9s  %-24s  %s\n", command->name, command->usage, command->summary);
    fputs("\n"
          "  ccmsweep COMMAND --help   the options of a command\n"
          "  ccmsweep --version        version, compiler, libraries\n"
          "  ccmsweep --help           this text\n"
          "\n"
          "Exit codes: ",
          file);
    for (const struct exit_row *row = command_exits; row->text != NULL; row++)
        fprintf(file, "%s%d %s", row == command_exits ? "" : ";\n  ", row->code, row->text);
    fputs(".\n  Any other code is a crash.\n", file);
}

/* A shell can start a program with a standard stream closed (`>&-`). The next file that is opened
 * would then get its number, and what is printed would end in the file of the sweep. So each closed
 * stream is opened on /dev/null first. */
static void occupy_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1)
            continue;
        /* Opened for the wrong direction, so that using the stream fails with an error, as it would
         * if it were still closed: output that the user asked for must not vanish in silence. */
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(STATUS_FAULT);
    }
}

/* The last look at standard output, when the process ends. What was printed may still be in the
 * buffer, so a full disk shows only when the stream is closed. Lost output is a fault, unless its
 * reader left on purpose, as `head` does. */
static void close_output(int code, void *why)
{
    int *const error = why;
    (void)code;
    (void)fclose(stdout);
    if (*error != 0 && *error != EPIPE && *error != ECONNRESET) {
        fprintf(stderr, "ccmsweep: standard output could not be written: %s\n", strerror(*error));
        _exit(STATUS_FAULT);
    }
    free(error);
}

/* The commands need not look whether what they print is taken. */
static void watch_output(void)
{
    int *const error = fault_alloc(1, sizeof *error);
    stdout = stream_open(STDOUT_FILENO, error);
    if (on_exit(close_output, error) != 0)
        fault_no_memory(sizeof error);
}

/* Commands cannot be abbreviated: a script that uses an abbreviation would break with a new
 * command. */
static const struct command *find_command(const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

static int refuse_command(const char *name)
{
    char quoted[TEXT_QUOTED];
    fprintf(stderr, "ccmsweep: %s: unknown command, expected one of", text_quote(name, quoted));
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(stderr, "%s %s", command == commands ? "" : ",", command->name);
    fputs("; see ccmsweep --help\n", stderr);
    return STATUS_INPUT;
}

/* Let large blocks go back to the system when they are freed. By default the C library raises the
 * size from which it does so to the largest block it has seen freed, and each cell's trainer then
 * leaves holes that the next one's does not fill: a worker of 60 MB grew to 200. */
static void give_memory_back(void)
{
    enum { LARGE = 1 << 20 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
    give_memory_back();
    occupy_standard_streams();
    /* With POSIXLY_CORRECT argp would end the options at the first argument, and `run SPEC -o FILE`
     * would fail; ARGP_HELP_FMT changes the layout of --help, which tests and pages read. */
    unsetenv("POSIXLY_CORRECT");
    unsetenv("ARGP_HELP_FMT");
    /* A reader that leaves must not kill a sweep: writing then fails with EPIPE. A write beyond the
     * shell's limit of file size fails, too, and is reported by whoever writes. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* what is too large for its limit is told by whoever writes it */
    watch_output();
    argp_err_exit_status = STATUS_INPUT;
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_INPUT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return STATUS_OK;
    }
    const bool version = strcmp(argv[1], "--version") == 0;
    const struct command *const command = find_command(argv[1]);
    if (command == NULL && !version)
        return refuse_command(argv[1]);
    struct fault fault = {""};
    /* Before anything is computed or made: the level that CCMSWEEP_LEVEL asks for may be unknown,
     * or too new for this CPU. */
    enum status status = kernels_check(&fault);
    if (status == STATUS_OK && version)
        version_print();
    else if (status == STATUS_OK)
        status = command->run(argc - 1, argv + 1, &fault);
    /* The sentence may quote a file name or a spec, in which control characters would act on the
     * terminal. It is empty when argp or another rank has printed it already. */
    if (status != STATUS_OK && fault.text[0] != '\0')
        fprintf(stderr, "ccmsweep: %s\n", text_make_plain(fault.text));
    return (int)status;
}
