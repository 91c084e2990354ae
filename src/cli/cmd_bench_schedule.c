// SPDX-License-Identifier: MIT
/* `ccmsweep bench schedule`: options and ranks. The measurement is in bench/bench_schedule. Apart
 * from cmd_bench.c because it has its own options and runs under a launcher. */
#include "bench/bench_schedule.h"
#include "cli/commands.h"
#include "run/comm.h"
#include "spec/spec.h"
#include "sys/launcher.h"
#include <errno.h>
#include <string.h>

struct arguments {
    struct bench_schedule_options options;
    bool json;
};

static const struct option_row options[] = {
    {.name = "cells",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, options.cells),
     .help = "number of cells, which do nothing (default 100000)",
     .noun = "a count",
     .low = 1,
     .high = SPEC_CELLS_LIMIT},
    {.name = "commits",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, options.commits),
     .help = "number of commits, each of the published size (default 50)",
     .noun = "a count",
     .low = 1,
     .high = 10000},
    {.name = "folder",
     .argument = "DIR",
     .kind = OPTION_FOLDER,
     .offset = offsetof(struct arguments, options.folder),
     .help = "folder for the temporary files of the bench (default .)"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print the report as JSON"},
    {0},
};

static const struct exit_row exits[] = {
    {STATUS_OK, "measured"},
    {STATUS_FAULT, "the disk fails"},
    {STATUS_INPUT, "wrong input"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"mpirun -n 3 ccmsweep bench schedule --folder /scratch",
     "With two workers, on the disk of the sweeps."},
    {NULL, NULL},
};

const struct command_line bench_schedule_line = {
    .name = "ccmsweep bench schedule",
    .intro = "Measure on this machine what the sweep around the trainings costs.",
    .details =
        "Cells that do nothing go through the real scheduler and messages: under mpirun -n 3 to "
        "two "
        "ranks, without a launcher through the scheduler only. Then rank 0 makes a file with the "
        "same number of runs and reads it as when a sweep is resumed. Last, it makes commits of "
        "the published size, each followed by bare writes and syncs of as many bytes.",
    .options = options,
    .exits = exits,
    .examples = examples,
};

enum status cmd_bench_schedule(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.options = {.cells = 100000, .commits = 50, .folder = "."}};
    /* Before MPI is started, so that --help and wrong options need no MPI. All ranks see the same
     * command line and refuse it alike; only rank 0 prints, and only its code counts. */
    const enum options_mode mode = launcher_rank() == 0 ? OPTIONS_EXIT : OPTIONS_SILENT;
    if (options_parse(&bench_schedule_line, mode, argc, argv, &arguments) != STATUS_OK)
        return STATUS_OK; /* rank 0 says it */
    struct comm comm;
    struct bench_schedule measured = {0};
    enum status status = STATUS_OK;
    comm_start(&comm);
    /* Rank 0 is the scheduler; the others answer until it tells them to leave. */
    if (comm.rank > 0)
        bench_schedule_follow(&comm);
    else
        status = bench_schedule_measure(&measured, &comm, &arguments.options, fault);
    /* After a fault the others may wait for a message that never comes, and HDF5 may hold data that
     * it could not write: see must_abort() in cmd_run.c. */
    if (status == STATUS_FAULT && comm.launched) {
        fprintf(stderr, "ccmsweep: %s\n", fault->text);
        comm_abort(&comm, STATUS_FAULT);
    }
    comm_finish(&comm);
    if (comm.rank > 0 || status != STATUS_OK)
        return status;
    if (!arguments.json)
        bench_schedule_print(stdout, &measured);
    else if (!bench_schedule_print_json(stdout, &measured) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}
