// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "bench/bench_schedule.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "run/comm.h"
#include "spec/spec.h"
#include "sys/launcher.h"
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { KEY_CELLS = 0x100, KEY_COMMITS, KEY_FOLDER, KEY_JSON };

struct arguments {
    struct bench_schedule_request request;
    bool json;
};

static const struct argp_option options[] = {
    {"cells", KEY_CELLS, "N", 0, "cells that do nothing (default 100000)", 0},
    {"commits", KEY_COMMITS, "N", 0, "commits of the published size (default 50)", 0},
    {"folder", KEY_FOLDER, "DIR", 0, "where the files of the bench lie for a while (default .)", 0},
    {"json", KEY_JSON, NULL, 0, "print the report as JSON", 0},
    {0},
};

static int64_t parse_count(const char *option, const char *value, int64_t most,
                           const struct argp_state *state)
{
    int64_t count = 0;
    char quoted[TEXT_QUOTED];
    if (!text_parse_integer(value, &count) || count < 1 || count > most)
        argp_error(state, "--%s: %s is no count, expected a whole number from 1 to %" PRId64,
                   option, text_quote(value, quoted), most);
    return count;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    switch (key) {
    case KEY_CELLS:
        a->request.cells = parse_count("cells", value, SPEC_CELLS_LIMIT, state);
        return 0;
    case KEY_COMMITS:
        a->request.commits = parse_count("commits", value, 10000, state);
        return 0;
    case KEY_FOLDER:
        a->request.folder = request_name(value, "--folder", state);
        return 0;
    case KEY_JSON:
        a->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .doc = "Measure on this machine what the sweep around the trainings costs.\v"
           "Cells that do nothing go through the real scheduler and messages: under\n"
           "mpirun -n 3 to two ranks, alone through the scheduler only. Then, on rank 0:\n"
           "the file of as many runs, made and looked through as at a resume; and commits\n"
           "of the published size, each beside the bare writes and syncs of as many\n"
           "bytes. Exit codes: 0 measured; 1 the disk fails; 2 wrong input.",
};

enum status bench_schedule(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.request = {.cells = 100000, .commits = 50, .folder = "."}};
    char name[] = "ccmsweep bench schedule";
    argv[0] = name;
    const unsigned quiet = launcher_rank() == 0 ? 0 : ARGP_SILENT;
    if (argp_parse(&parser, argc, argv, quiet, NULL, &arguments) != 0)
        return STATUS_OK; /* rank 0 says it */
    struct comm comm;
    struct bench_schedule measured = {0};
    enum status status = STATUS_OK;
    comm_start(&comm);
    if (comm.rank > 0)
        bench_schedule_follow(&comm);
    else
        status = bench_schedule_measure(&measured, &comm, &arguments.request, fault);
    if (status == STATUS_FAULT && comm.launched) {
        fprintf(stderr, "ccmsweep: %s\n", fault->text);
        comm_abort(&comm, STATUS_FAULT); /* a file that HDF5 could not write: see cmd_run.c */
    }
    comm_finish(&comm);
    if (comm.rank > 0 || status != STATUS_OK)
        return status;
    if (!arguments.json)
        bench_schedule_print(stdout, &measured);
    else if (!bench_schedule_print_json(stdout, &measured) && errno != EPIPE)
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    return STATUS_OK;
}
