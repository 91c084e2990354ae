// SPDX-License-Identifier: MIT
/* `ccmsweep verify`: whether a file is as this program wrote it, and has what this program
 * computes. What is looked at is in store/store_find, what is trained again in run/retrain, and
 * what is printed in report/verify_report. The file is only read, by each rank on its own. */
#include "base/text.h"
#include "cli/commands.h"
#include "report/verify_report.h"
#include "run/retrain.h"
#include "run/worker.h"
#include "sys/launcher.h"
#include "sys/lock.h"
#include "sys/stop_signal.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct arguments {
    const char *path;
    bool json;
    int64_t retrain;   /* number of runs; 0: none, RETRAIN_ALL */
    int64_t draw_seed; /* -1: not given */
};

enum { RETRAIN_ALL = -1 };

static enum status set_retrain(void *arguments, const char *value, struct fault *fault)
{
    struct arguments *const a = arguments;
    char quoted[TEXT_QUOTED];
    if (strcmp(value, "all") == 0) {
        a->retrain = RETRAIN_ALL;
        return STATUS_OK;
    }
    if (text_parse_integer(value, &a->retrain) && a->retrain > 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_INPUT, "%s is not a number of runs, expected one from 1, or all",
                     text_quote(value, quoted));
}

static const struct option_row options[] = {
    {.name = "retrain",
     .argument = "N",
     .kind = OPTION_SETTER,
     .help = "also train N finished runs again, or all, and compare every byte of their rows",
     .set = set_retrain},
    {.name = "draw-seed",
     .argument = "SEED",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, draw_seed),
     .help = "seed of the draw of these runs (default 1)",
     .noun = "a seed",
     .low = 0,
     .high = UINT32_MAX},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, json),
     .help = "print one JSON object"},
    {0},
};

static const struct option_row operands[] = {
    {.argument = "FILE", .kind = OPTION_FILE, .offset = offsetof(struct arguments, path)},
    {0},
};

static enum status finish(void *arguments, struct fault *fault)
{
    const struct arguments *const a = arguments;
    if (a->path == NULL)
        return fault_set(fault, STATUS_INPUT, "no file, expected the file of a sweep");
    if (a->draw_seed >= 0 && a->retrain <= 0)
        return fault_set(fault, STATUS_INPUT,
                         "--draw-seed: nothing is drawn, expected --retrain N");
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "nothing is wrong"},
    {STATUS_FAULT, "the disk fails"},
    {STATUS_INPUT, "wrong input: there is no such file; or another version of the algorithm would "
                   "have to train again, and nothing else is wrong"},
    {STATUS_CELLS, "something is wrong, see the findings"},
    {STATUS_STOPPED, "stopped before all runs were trained again; until then nothing is wrong"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep verify demo.h5", "Before a result is published, or after a file was copied."},
    {"mpirun -n 9 ccmsweep verify demo.h5 --retrain 20",
     "20 runs, drawn at random, have the bytes that 8 cores compute anew."},
    {NULL, NULL},
};

const struct command_line verify_line = {
    .name = "ccmsweep verify",
    .arguments = "FILE",
    .intro = "Find all that is wrong in the file of a sweep: what is damaged, and what another "
             "program has changed.",
    .details =
        "Everything in the file is read: the layout of every dataset, settings, identities, "
        "labels, axes and extents, commit records, and the rows of finished runs, which are "
        "compared with the checksums in their commit records. Each finding is one sentence; the "
        "last line says what was compared. A sweep that is not finished is in order, also while it "
        "is running. The file is only read.\n\n"
        "With --retrain finished runs are trained again, alone or under mpirun, as in 'run', and "
        "compared byte for byte: what differs first, and from which episode on, is a finding. "
        "CPUs with another arithmetic give other bytes, so both levels are named.\n\n"
        "Not covered by any checksum: the text of the spec as it was written, settings of the "
        "section 'checkpoint', attributes such as descriptions and units, and times. Of notes and "
        "of the log of starts only what this program never writes is found.",
    .options = options,
    .operands = operands,
    .expected = "one file",
    .exits = exits,
    .examples = examples,
    .see_also = "status show run",
    .finish = finish,
};

/* The lock is looked at before the file: a sweep that ends in between is then taken for one at
 * work, for which less is expected. */
static enum status look(const char *path, struct store **store, struct verify_report *report,
                        struct fault *fault)
{
    *report = (struct verify_report){.path = path};
    report->held = lock_is_held(path, report->holder, sizeof report->holder);
    enum status status = store_open_defects(store, path, &report->defects, fault);
    if (status == STATUS_OK && *store != NULL)
        status = store_find(*store, report->held, &report->defects, &report->found, fault);
    report->store = *store;
    return status;
}

static enum status print(const struct verify_report *report, bool json, struct fault *fault)
{
    char count[48];
    if (!json)
        verify_print(stdout, report);
    else if (!verify_print_json(stdout, report) && !ferror(stdout))
        return fault_set(fault, STATUS_FAULT, "the report could not be written: %s",
                         strerror(errno));
    if (report->defects.count == 0)
        return STATUS_OK;
    verify_count(report, count, sizeof count);
    return fault_set(fault, STATUS_CELLS, "%s is not as it was written: %s", report->path, count);
}

/* ---- training again ---- */

static void say_drawn(const struct retrain *r, int64_t draw_seed)
{
    char list[1024] = "";
    for (int i = 0; i < r->count; i++)
        text_add(list, sizeof list, "%s%" PRId32, i > 0 ? ", " : "", r->runs[i]);
    if (draw_seed < 0)
        progress_say(r->progress, "all %d finished runs are trained again", r->count);
    else
        progress_say(r->progress,
                     "%d of %" PRId64 " finished runs are trained again, drawn with --draw-seed "
                     "%" PRId64 ": %s",
                     r->count, r->among, draw_seed, list);
}

static enum status draw(const struct arguments *a, struct retrain *r, struct verify_report *report,
                        struct fault *fault)
{
    const bool all = a->retrain == RETRAIN_ALL;
    report->draw_seed = all ? -1 : a->draw_seed >= 0 ? a->draw_seed : 1;
    enum status status = store_check_algorithm(r->store, fault);
    if (status == STATUS_OK)
        status = retrain_draw(r, &report->defects, all ? -1 : a->retrain,
                              all ? 0 : (uint32_t)report->draw_seed, fault);
    if (status != STATUS_OK)
        return status;
    say_drawn(r, report->draw_seed);
    report->drawn = r->runs;
    report->draws = r->count;
    return STATUS_OK;
}

/* Rank 0. The others wait for the broadcast, whatever happens here; once they have begun, they wait
 * for messages of this rank, so a fault ends the job. */
static enum status lead(const struct arguments *a, const struct comm *comm, struct retrain *r,
                        struct verify_report *report, struct fault *fault)
{
    enum status status = look(a->path, &r->store, report, fault);
    const bool looked = status == STATUS_OK;
    if (status == STATUS_OK && r->store != NULL && a->retrain != 0)
        status = draw(a, r, report, fault);
    int32_t begin = status == STATUS_OK && report->draws > 0;
    if (a->retrain != 0)
        comm_broadcast(comm, &begin, sizeof begin);
    if (begin)
        status = retrain_all(r, &report->defects, fault);
    report->trained = r->compared;
    struct fault other;
    const enum status printed = looked ? print(report, a->json, &other) : STATUS_OK;
    if (begin && comm->launched && (status == STATUS_FAULT || status == STATUS_INPUT)) {
        fflush(stdout);
        fprintf(stderr, "ccmsweep: %s\n", text_make_plain(fault->text));
        comm_abort(comm, (int)status);
    }
    if (printed == STATUS_OK)
        return status;
    if (status != STATUS_OK && status != STATUS_STOPPED)
        fprintf(stderr, "ccmsweep: %s\n", text_make_plain(fault->text));
    *fault = other;
    return printed;
}

/* Any other rank. Rank 0 says what is wrong with the file; a fault here ends the job. */
static enum status follow(const struct arguments *a, const struct comm *comm, struct fault *fault)
{
    int32_t begin = 0;
    struct store *store = NULL;
    struct defects defects = {0};
    comm_broadcast(comm, &begin, sizeof begin);
    if (!begin)
        return STATUS_OK;
    enum status status = store_open_defects(&store, a->path, &defects, fault);
    if (status == STATUS_OK && store == NULL)
        status = fault_set(fault, STATUS_INPUT, "%s is another file on this host", a->path);
    if (status == STATUS_OK) {
        const struct worker worker = {.comm = comm, .store = store, .path = a->path, .again = true};
        status = worker_run(&worker, fault);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "ccmsweep: rank %d: %s\n", comm->rank, text_make_plain(fault->text));
        comm_abort(comm, (int)status);
    }
    defects_fini(&defects);
    store_close(&store);
    return STATUS_OK;
}

/* Without --retrain there is nothing for other ranks to do, and MPI is not started. All ranks see
 * the same command line, and rank 0 says what is wrong with it. */
enum status cmd_verify(int argc, char **argv, struct fault *fault)
{
    struct arguments arguments = {.path = NULL, .draw_seed = -1};
    struct comm comm = {.size = 1};
    const bool first = launcher_rank() == 0;
    if (options_parse(&verify_line, first ? OPTIONS_EXIT : OPTIONS_SILENT, argc, argv,
                      &arguments) != STATUS_OK ||
        (!first && arguments.retrain == 0))
        return STATUS_OK;
    if (arguments.retrain != 0) {
        stop_install(launcher_is_there(), launcher_gives_time());
        comm_start(&comm);
    }
    struct progress progress;
    progress_init(&progress, PROGRESS_NONE, stderr);
    struct verify_report report = {.path = NULL};
    struct retrain retrain = {.comm = &comm, .path = arguments.path, .progress = &progress};
    const enum status status = comm.rank == 0 ? lead(&arguments, &comm, &retrain, &report, fault)
                                              : follow(&arguments, &comm, fault);
    defects_fini(&report.defects);
    retrain_fini(&retrain);
    store_close(&retrain.store);
    if (arguments.retrain != 0)
        comm_finish(&comm);
    return status;
}
