// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "cli/commands.h"
#include "model/kernels.h"
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_usage(FILE *file)
{
    fputs("Usage: ccmsweep COMMAND [ARGUMENT...]\n"
          "CCM-MADRL trainings, exact and tracked: when does each actor stop learning, and why.\n\n"
          "Commands:\n",
          file);
    for (const struct command *command = commands; command->name != NULL; command++)
        fprintf(file, "  %-9s  %-24s  %s\n", command->name, command->usage, command->summary);
    fputs("\n"
          "  ccmsweep COMMAND --help   what a command takes\n"
          "  ccmsweep --version        version, compiler, libraries\n"
          "  ccmsweep --help           this text\n"
          "\n"
          "Exit codes: ",
          file);
    for (const struct exit_row *row = command_exits; row->text != NULL; row++)
        fprintf(file, "%s%d %s", row == command_exits ? "" : ";\n  ", row->code, row->text);
    fputs(".\n  Any other code is a crash.\n", file);
}

/* A descriptor that was closed must not be given to a file: what is printed would end in it. */
static void occupy_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1)
            continue;
        /* Opened the wrong way round, so that using it fails. */
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(STATUS_FAULT);
    }
}

static bool reader_left(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

/* Output that was lost is a fault, unless its reader left on purpose. */
static void close_output(void)
{
    const bool fine = reader_left();
    const bool lost = ferror(stdout) != 0;
    errno = 0;
    const bool failed = fclose(stdout) != 0;
    if ((failed || lost) && !fine && errno != EPIPE) {
        fprintf(stderr, "ccmsweep: standard output could not be written%s%s\n",
                errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        _exit(STATUS_FAULT);
    }
}

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

/* Large blocks go back to the system when they are freed. Left to itself, the C library raises that
 * size to the largest it has seen, and each cell's trainer leaves holes that the next one's does
 * not fill: a worker of 60 MB grows to 200. */
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
    /* Options may follow what they belong to, and help looks as it is meant to, whatever the user
     * likes of other programs. */
    unsetenv("POSIXLY_CORRECT");
    unsetenv("ARGP_HELP_FMT");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* what is too large for its limit is told by whoever writes it */
    atexit(close_output);
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
    enum status status = kernels_check(&fault);
    if (status == STATUS_OK && version)
        version_print();
    else if (status == STATUS_OK)
        status = command->run(argc - 1, argv + 1, &fault);
    if (status != STATUS_OK && fault.text[0] != '\0')
        fprintf(stderr, "ccmsweep: %s\n", text_make_plain(fault.text));
    return (int)status;
}
