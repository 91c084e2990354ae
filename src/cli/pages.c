// SPDX-License-Identifier: MIT
/* A program of the build, not installed: it writes what is installed beside the program and comes
 * from the same tables of options, the man pages and the completion for bash. In a program of its
 * own, so that users see no option that is none of theirs. */
#include "cli/completion.h"
#include "cli/man.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A build should stop at the first file that cannot be written, so both of these end the
 * process. */
static FILE *begin(const char *folder, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
        exit(STATUS_FAULT);
    }
    return file;
}

/* The buffer is written out by fclose, so a full disk may show only here. */
static void end(FILE *file)
{
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "cannot write: %s\n", strerror(errno));
        exit(STATUS_FAULT);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("expected a folder\n", stderr);
        return STATUS_INPUT;
    }
    FILE *file = begin(argv[1], "ccmsweep.1");
    man_print_program(file);
    end(file);
    for (const struct command *command = commands; command->name != NULL; command++) {
        char name[64];
        snprintf(name, sizeof name, "ccmsweep-%s.1", command->name);
        file = begin(argv[1], name);
        man_print_command(file, command);
        end(file);
    }
    file = begin(argv[1], "ccmsweep");
    completion_print(file);
    end(file);
    return STATUS_OK;
}
