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

static const struct command {
    const char *name;
    const char *usage;
    const char *summary;
    enum status (*run)(int argc, char **argv, struct fault *fault);
} commands[] = {
    {"train", "[SPEC.yaml] [OPTION...]", "train one pair of learning rates and seed, tracked",
     cmd_train},
    {"plan", "SPEC.yaml [FILE]", "say what a sweep asks for, what is left, and what it takes",
     cmd_plan},
    {"run", "SPEC.yaml -o FILE", "train all cells of a sweep, alone or under mpirun; goes on",
     cmd_run},
    {"status", "FILE", "say how far a sweep is, while it runs and afterwards", cmd_status},
    {"aggregate", "FILE", "say when and why actors stop, by configuration, with intervals",
     cmd_aggregate},
    {"show", "FILE | --schema", "show the summary of a finished run, or what files hold", cmd_show},
    {"export", "FILE FOLDER", "write what a file holds as tables, or as the study's files",
     cmd_export},
    {"spec", "--defaults | SPEC.yaml", "print the defaults, or check a spec and print all of it",
     cmd_spec},
    {"bench", "train | schedule", "measure on this machine what a training or a sweep costs",
     cmd_bench},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *file)
{
    fputs("Usage: ccmsweep COMMAND [ARGUMENT...]\n"
          "CCM-MADRL trainings, exact and tracked: when does each actor stop learning, and why.\n\n"
          "Commands:\n",
          file);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-9s  %-24s  %s\n", commands[i].name, commands[i].usage,
                commands[i].summary);
    fputs("\n"
          "  ccmsweep COMMAND --help   what a command takes\n"
          "  ccmsweep --version        version, compiler, libraries\n"
          "  ccmsweep --help           this text\n"
          "\n"
          "Exit codes: 0 complete; 1 a fault of the system; 2 wrong input; 3 finished, but cells\n"
          "failed; 4 the file is in use by another run; 75 stopped early, run the same command\n"
          "again. Any other code is a crash.\n",
          file);
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
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int refuse_command(const char *name)
{
    char quoted[TEXT_QUOTED];
    fprintf(stderr, "ccmsweep: %s: unknown command, expected one of", text_quote(name, quoted));
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", commands[i].name);
    fputs("; see ccmsweep --help\n", stderr);
    return STATUS_INPUT;
}

static enum status run_command(const struct command *command, int argc, char **argv,
                               struct fault *fault)
{
    char name[64];
    snprintf(name, sizeof name, "ccmsweep %s", command->name);
    argv[1] = name;
    return command->run(argc - 1, argv + 1, fault);
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
        status = run_command(command, argc, argv, &fault);
    if (status != STATUS_OK && fault.text[0] != '\0')
        fprintf(stderr, "ccmsweep: %s\n", text_make_plain(fault.text));
    return (int)status;
}
