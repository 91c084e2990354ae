// SPDX-License-Identifier: MIT
/* `ccmsweep run`: options, what rank 0 tells the other ranks, and the order in which all ranks open
 * the file, work and close it. The work itself is in run/: manager (rank 0), worker (the others),
 * session (the file as one start finds it).
 *
 * The order matters because opening and closing the file are collective: a rank that leaves early,
 * for whatever reason, would leave the others waiting. So rank 0 alone looks at everything that can
 * be refused, and tells the others with one broadcast whether there is anything to do. */
#include "cli/commands.h"
#include "cli/conditions.h"
#include "cli/spec_rows.h"
#include "model/kernels.h"
#include "report/rate_table.h"
#include "run/crash_mark.h"
#include "run/manager.h"
#include "run/session.h"
#include "run/worker.h"
#include "sys/clock.h"
#include "sys/deadline.h"
#include "sys/disk.h"
#include "sys/host.h"
#include "sys/launcher.h"
#include "sys/stop_signal.h"
#include "sys/watchdog.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct arguments {
    struct spec_options options;
    struct session_options session;
    int progress, order; /* enum progress_mode, enum session_order */
    int64_t max_lost;
    bool retry[2]; /* places of name_retry */
    struct option_names reuse, only;
    bool *chosen;   /* session.chosen */
    char *file;     /* session.path, resolved */
    double job_end; /* of the batch job, INFINITY for none */
};

static const char *name_progress(int place)
{
    return progress_modes[place];
}

static const char *name_order(int place)
{
    return session_orders[place];
}

/* The outcomes that --retry can name. A run that has stopped, is censored or diverged would end the
 * same way again. */
static const enum outcome retried[] = {OUTCOME_FAILED, OUTCOME_QUARANTINED};

static const char *name_retry(int place)
{
    return place < 2 ? outcome_name(retried[place]) : NULL;
}

/* A time in the past would stop the sweep before its first cell; it is most likely a mistake in the
 * date, so it is refused. */
static enum status set_end(void *arguments, const char *value, struct fault *fault)
{
    struct arguments *const a = arguments;
    const enum status status = deadline_parse(value, clock_utc(), &a->session.end, fault);
    if (status == STATUS_OK && a->session.end <= clock_utc())
        return fault_set(fault, STATUS_INPUT, "'%s' is in the past, expected a time in the future",
                         value);
    return status;
}

static const struct option_row options[] = {
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .kind = OPTION_FILE,
     .offset = offsetof(struct arguments, session.path),
     .help = "the sweep's file (HDF5), with checkpoints beside it"},
    SPEC_ROWS_SET(struct arguments, options,
                  "give a setting one value in all cells, whatever the spec says; repeatable"),
    {.name = "progress",
     .argument = "MODE",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, progress),
     .help = "progress on standard error: auto (default), bar, lines or none",
     .choice = name_progress},
    {.name = "stop-before",
     .argument = "TIME",
     .kind = OPTION_SETTER,
     .help = "stop politely before TIME: +90m (s, m, h, d), Unix time, or ISO 8601. The end of a "
             "SLURM job is known without it",
     .set = set_end},
    {.name = "extend",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, session.extend),
     .help =
         "make the sweep of FILE that of SPEC, which has all its cells and others, or the same "
         "with more training.episodes. Finished runs are copied; those that a smaller limit has "
         "ended continue if checkpoint.keep kept them, else they are trained anew"},
    {.name = "reuse",
     .argument = "OLD",
     .kind = OPTION_FILES,
     .offset = offsetof(struct arguments, reuse),
     .help = "copy the results that the file OLD has of the same cells instead of training them "
             "again; repeatable. Cells that several files have must be equal in all"},
    {.name = "prefer",
     .argument = "FILE",
     .kind = OPTION_FILE,
     .offset = offsetof(struct arguments, session.reuse.prefer),
     .help =
         "where files differ in a cell, take that of FILE: one of --reuse, or that of the sweep. "
         "A run that is replaced is pending until it is copied: after a kill, give the same "
         "options again"},
    {.name = "only",
     .argument = "AXIS=VALUE,...",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct arguments, only),
     .help = "train only cells with this value of a setting, such as seed=42 or label=clip-1; the "
             "others stay as they are. Repeatable; several values of a setting: cells with any of "
             "them",
     .words = WORDS_CONDITIONS},
    {.name = "limit-cells",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, session.most),
     .help = "train until N cells (of those of --only) are done or given up, those of earlier "
             "starts counted; "
             "the others stay as they are",
     .noun = "a count",
     .low = 0,
     .high = SPEC_CELLS_LIMIT},
    {.name = "retry",
     .argument = "OUTCOME",
     .kind = OPTION_CHOICES,
     .offset = offsetof(struct arguments, retry),
     .help = "try again cells that failed or are quarantined; repeatable",
     .choice = name_retry},
    {.name = "max-failed",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, session.max_failed),
     .help = "stop when N cells have failed or are quarantined (default: no limit)",
     .noun = "a count",
     .low = 1,
     .high = INT_MAX},
    {.name = "fail-fast",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, session.fail_fast),
     .help = "stop at the first cell that crashes"},
    {.name = "max-lost",
     .argument = "N",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct arguments, max_lost),
     .help =
         "number of jobs that may be lost in a row while one suspect is trained; then it is set "
         "aside (default 10)",
     .noun = "a count",
     .low = 1,
     .high = INT_MAX},
    {.name = "check",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, session.check),
     .help = "first compare the rows of all finished cells with their checksums; cells that differ "
             "are trained again"},
    {.name = "order",
     .argument = "ORDER",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct arguments, order),
     .help = "order of cells: expected (the longest first, default), plan or random",
     .choice = name_order},
    {.name = "wait",
     .argument = "S",
     .kind = OPTION_REAL,
     .offset = offsetof(struct arguments, session.lock_wait_s),
     .help = "seconds to wait for a file that is in use (default 30)",
     .noun = "a time",
     .unit = "seconds",
     .low = 0,
     .high = INFINITY},
    {.name = "dry-run",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct arguments, session.dry_run),
     .help =
         "check the options, the spec and the file, report what is wrong, and change nothing; with "
         "--extend also say what it would do"},
    {0},
};

static const struct option_row operands[] = {
    SPEC_ROWS_OPERAND(struct arguments, options),
    {0},
};

static enum status finish(void *arguments, struct fault *fault)
{
    struct arguments *const a = arguments;
    if (a->options.path == NULL)
        return fault_set(fault, STATUS_INPUT, "no spec, expected SPEC.yaml");
    if (a->session.path == NULL)
        return fault_set(fault, STATUS_INPUT, "no file for the sweep, expected --output FILE");
    /* The name travels to the other ranks in an array of this size (struct orders). */
    if (strlen(a->session.path) >= PATH_MAX)
        return fault_set(fault, STATUS_INPUT,
                         "--output: a name of %zu characters, expected fewer than %d",
                         strlen(a->session.path), PATH_MAX);
    if (a->session.reuse.prefer != NULL && a->reuse.count == 0)
        return fault_set(fault, STATUS_INPUT,
                         "--prefer: there is nothing to choose from, expected --reuse OLD");
    a->session.reuse.paths = a->reuse.of;
    a->session.reuse.count = a->reuse.count;
    a->session.order = (enum session_order)a->order;
    a->session.max_lost = (int)a->max_lost;
    for (size_t i = 0; i < sizeof retried / sizeof *retried; i++)
        a->session.retry[retried[i]] = a->retry[i];
    return STATUS_OK;
}

static const struct exit_row exits[] = {
    {STATUS_OK, "all cells are done, or the part that was asked for"},
    {STATUS_FAULT, "a fault of the system, run again"},
    {STATUS_INPUT, "wrong input, nothing was touched"},
    {STATUS_CELLS, "finished, but cells failed or are quarantined"},
    {STATUS_LOCKED, "FILE is in use by another process"},
    {STATUS_STOPPED, "stopped early, run the same command again"},
    {0, NULL},
};

static const struct text_row examples[] = {
    {"ccmsweep run demo.yaml -o demo.h5", "One cell after the other."},
    {"mpirun -n 9 ccmsweep run demo.yaml -o demo.h5", "On 8 cores."},
    {"ccmsweep run demo.yaml -o demo.h5 --stop-before +90m",
     "For an hour and a half; the same command resumes it."},
    {NULL, NULL},
};

const struct command_line run_line = {
    .name = "ccmsweep run",
    .arguments = "SPEC.yaml",
    .intro = "Train all cells of a spec; resume if it was interrupted; do nothing if all are done.",
    .details =
        "Alone it trains one cell after the other. Under mpirun, or srun --mpi=pmix, rank 0 hands "
        "the cells to the other ranks: start n+1 ranks for n cores. Whatever happens, the same "
        "command resumes the sweep, and what is committed is never lost.\n\n"
        "SIGUSR1 (to mpirun, srun or any rank) saves checkpoints and leaves; so does SIGTERM to "
        "the "
        "ranks of srun (scancel), and the soft limit of processor time (SIGXCPU). Without a "
        "launcher Ctrl-C, SIGTERM and SIGHUP do too, and a second signal kills.",
    .options = options,
    .operands = operands,
    .expected = "one spec",
    .exits = exits,
    .other_exits = "Any other code is a crash: run again.",
    .files = options_sweep_files,
    .examples = examples,
    .see_also = "plan status aggregate spec train",
    .finish = finish,
};

/* What rank 0 broadcasts, once: all that the other ranks know of the command line and the spec.
 * They read neither, so ranks cannot disagree about them. */
struct orders {
    int32_t begin; /* else they leave */
    int32_t bar;   /* rank 0 draws one */
    int32_t keeps; /* checkpoint.keep */
    double checkpoint_s;
    char path[PATH_MAX];
};

/* Settings of `checkpoint` cannot be an axis, so the first cell speaks for all. */
static void order_checkpoints(const struct spec *spec, struct orders *orders)
{
    struct settings cell;
    spec_cell(spec, 0, &cell);
    orders->checkpoint_s = cell.checkpoint.every_s;
    orders->keeps = cell.checkpoint.keep == KEEP_CENSORED;
}

static enum status choose_cells(struct arguments *a, const struct spec *spec, struct fault *fault)
{
    enum status status = STATUS_OK;
    if (a->only.count > 0) {
        char *const what = disk_name("cell of %s", a->options.path);
        status = conditions_choose(&a->only, spec, "--only", what, &a->chosen, fault);
        free(what);
    }
    a->session.chosen = a->chosen;
    return status;
}

static void say_dry(const struct arguments *a, const struct spec *spec, struct fault *fault)
{
    int64_t chosen = 0;
    snprintf(fault->text, sizeof fault->text, "nothing is wrong, nothing was touched");
    for (int64_t index = 0; a->chosen != NULL && index < spec_cells(spec); index++)
        chosen += a->chosen[index];
    if (a->chosen != NULL)
        text_add(fault->text, sizeof fault->text, "; %" PRId64 " of %" PRId64 " cells are chosen",
                 chosen, spec_cells(spec));
}

/* Rank 0: everything up to the point where all ranks open the file. Whatever is refused here is
 * refused before any other rank has done anything. */
static enum status prepare(int argc, char **argv, struct arguments *arguments, struct spec **spec,
                           struct session *session, struct fault *fault)
{
    /* The other ranks wait for the broadcast of this one. If it ended the process here, they would
     * wait for ever, or the launcher would report a crash. */
    const enum options_mode mode = launcher_is_there() ? OPTIONS_RETURN : OPTIONS_EXIT;
    spec_options_init(&arguments->options, argc);
    if (options_parse(&run_line, mode, argc, argv, arguments) != STATUS_OK) {
        fault->text[0] = '\0'; /* the parser has said what is wrong */
        return STATUS_INPUT;
    }
    /* Whichever comes first: --stop-before cannot extend the job. */
    arguments->session.end = fmin(arguments->session.end, arguments->job_end);
    progress_init(session->progress, (enum progress_mode)arguments->progress, stderr);
    enum status status = spec_options_resolve(&arguments->options, spec, fault);
    if (status == STATUS_OK)
        status = disk_resolve(arguments->session.path, &arguments->file, fault);
    if (status != STATUS_OK)
        return status;
    /* From here on only the resolved name is used: lock and checkpoints are named after it, so that
     * two links to one file share them. */
    arguments->session.path = arguments->file;
    session->spec = *spec;
    session->options = &arguments->session;
    status = choose_cells(arguments, *spec, fault);
    if (status != STATUS_OK)
        return status;
    if (!arguments->session.dry_run)
        return session_prepare(session, fault);
    status = session_check(session, fault);
    if (status == STATUS_OK)
        say_dry(arguments, *spec, fault);
    return status;
}

/* The others wait for this broadcast for as long as rank 0 needs to prepare. The watchdog ends rank
 * 0 when the broadcast itself hangs, which can only be a fault of MPI or a lost rank. */
static void tell_all(const struct comm *comm, struct orders *orders)
{
    struct watchdog *watchdog = NULL;
    if (comm->launched)
        watchdog = watchdog_new(comm->rank, WATCHDOG_S, "telling all other ranks to begin");
    comm_broadcast(comm, orders, sizeof *orders);
    watchdog_free(&watchdog);
}

/* Open the file on all ranks. Nobody does anything else before all have opened it: a rank that
 * failed ends the job, and nothing would have been begun by then. */
static enum status open_all(const struct comm *comm, const struct orders *orders,
                            struct store **store, struct fault *fault)
{
    if (!comm->launched)
        return store_open(store, orders->path, STORE_WRITE, fault);
    struct watchdog *watchdog = watchdog_new(comm->rank, WATCHDOG_S, "about to open the file");
    const enum status status = store_open_shared(store, orders->path, watchdog, fault);
    if (status == STATUS_OK) {
        watchdog_stage(watchdog, "waiting for all other ranks to have opened %s", orders->path);
        comm_meet(comm);
    }
    watchdog_free(&watchdog);
    if (status != STATUS_OK)
        return status;
    /* Not refused: such a sweep is still useful, and each run notes in /volatile how it was
     * computed. But its results depend on which rank trained which cell, so the user must know. */
    const int64_t fused = comm_sum(comm, kernels_best()->fused);
    if (comm->rank == 0 && fused > 0 && fused < comm->size)
        fprintf(stderr,
                "ccmsweep: warning: %d of %d ranks run on CPUs without a fused "
                "multiply-add: their results differ from the others' in the last bits\n",
                comm->size - (int)fused, comm->size);
    return STATUS_OK;
}

/* The table of what there is so far. It is a convenience: that it cannot be read is not worth a
 * fault at the end of a sweep that went well. */
static void print_table(const struct store *store, bool beside_bar)
{
    struct run_table table;
    /* The launcher forwards standard error and standard output by different pipes: without a pause
     * the line that wipes the bar away could come after the table, and into it. */
    if (beside_bar)
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    if (run_table_take(store, false, &table, NULL) != STATUS_OK)
        return;
    rate_table_print(stdout, &table);
    fflush(stdout);
    run_table_fini(&table);
}

/* Closing is collective, and MPI keeps a core busy while it waits: so the ranks first meet asleep,
 * and then close together. */
static void close_all(const struct comm *comm, const char *path, struct store **store)
{
    struct watchdog *watchdog = NULL;
    comm_meet(comm);
    if (comm->launched)
        watchdog = watchdog_new(comm->rank, WATCHDOG_CLOSE_S, "about to close the file");
    watchdog_stage(watchdog, "closing %s, together with all other ranks; all is saved", path);
    store_close(store);
    watchdog_free(&watchdog);
}

/* The sentence of a rank that ends the job, with its host: on a cluster that is where to look. */
static void say_of_rank(const struct comm *comm, const struct fault *fault)
{
    char host[64];
    host_name(host, sizeof host);
    fprintf(stderr, "ccmsweep: rank %d on %s: %s\n", comm->rank, host, fault->text);
}

/* Whether rank 0 has to end the job by force. Once all ranks have opened the file, the others wait
 * for it in the collective close, and would do so for ever. And after a fault HDF5 may hold data
 * that it could not write: it would try again when MPI is finished already, and crash, which would
 * turn exit code 1 into a segmentation fault. */
static bool must_abort(const struct comm *comm, bool begun, enum status status)
{
    return comm->launched && (status == STATUS_FAULT ||
                              (begun && (status == STATUS_INPUT || status == STATUS_LOCKED)));
}

/* Rank 0 from the command line to the exit code. The broadcast is sent in any case: without it the
 * other ranks would not leave. Everything is freed in the reverse order; the lock, in the session,
 * is given up last, after the file is closed. */
static enum status run_rank_0(int argc, char **argv, const struct comm *comm, double job_end,
                              struct fault *fault)
{
    struct arguments arguments = {.session = {.lock_wait_s = 30, .end = INFINITY, .most = -1},
                                  .max_lost = 10,
                                  .job_end = job_end};
    struct progress progress = {.file = stderr, .mode = PROGRESS_NONE, .who = ""};
    struct session session = {.progress = &progress};
    struct orders orders = {.begin = false};
    struct spec *spec = NULL;
    struct store *store = NULL;
    enum status status = prepare(argc, argv, &arguments, &spec, &session, fault);
    orders.begin = status == STATUS_OK && !arguments.session.dry_run;
    if (orders.begin) {
        order_checkpoints(spec, &orders);
        orders.bar = progress.mode == PROGRESS_BAR;
        snprintf(orders.path, sizeof orders.path, "%s", arguments.session.path);
    }
    tell_all(comm, &orders);
    if (orders.begin)
        status = open_all(comm, &orders, &store, fault);
    if (orders.begin && status == STATUS_OK) {
        const struct manager manager = {.comm = comm,
                                        .store = store,
                                        .path = orders.path,
                                        .checkpoint_s = orders.checkpoint_s,
                                        .keeps = orders.keeps != 0,
                                        .session = &session};
        status = manager_run(&manager, fault);
    }
    if (must_abort(comm, orders.begin, status)) {
        say_of_rank(comm, fault);
        comm_abort(comm, (int)status);
    }
    if (store != NULL) {
        print_table(store, comm->launched && orders.bar != 0);
        close_all(comm, orders.path, &store);
    }
    if (status == STATUS_OK)
        progress_say(&progress, "%s", fault->text);
    session_fini(&session);
    spec_free(&spec);
    spec_options_fini(&arguments.options);
    options_names_fini(&arguments.reuse);
    options_names_fini(&arguments.only);
    free(arguments.chosen);
    free(arguments.file);
    return status;
}

/* Any other rank. It returns STATUS_OK also when rank 0 refused something: rank 0 reports that,
 * with the exit code. A fault of its own ends the job, since the others could not close the file
 * without it. */
static enum status run_other_rank(const struct comm *comm, struct fault *fault)
{
    struct orders orders;
    struct store *store = NULL;
    comm_broadcast(comm, &orders, sizeof orders);
    if (!orders.begin)
        return STATUS_OK; /* rank 0 says why, and with which code */
    enum status status = open_all(comm, &orders, &store, fault);
    if (status == STATUS_OK) {
        const struct worker worker = {.comm = comm,
                                      .store = store,
                                      .path = orders.path,
                                      .checkpoint_s = orders.checkpoint_s,
                                      .keeps = orders.keeps != 0,
                                      .beside_bar = orders.bar != 0};
        status = worker_run(&worker, fault);
    }
    if (status != STATUS_OK) {
        say_of_rank(comm, fault);
        comm_abort(comm, (int)status);
    }
    close_all(comm, orders.path, &store);
    return STATUS_OK;
}

/* Looked for in the plain words, before argp sees them: so a file cannot be called "--help". */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--usage") == 0 ||
            strcmp(argv[i], "-?") == 0)
            return true;
    }
    return false;
}

/* The run that holds the lock is most likely another process of the same start: without MPI between
 * them, each process believes that it is the only one. */
static void add_cause(struct fault *fault, const char *why)
{
    const size_t used = strlen(fault->text);
    snprintf(fault->text + used, sizeof fault->text - used, "; %s", why);
}

enum status cmd_run(int argc, char **argv, struct fault *fault)
{
    /* Answered before MPI is started, which takes a second, and which prints messages of its own
     * when it cannot be started. */
    if (asks_for_help(argc, argv)) {
        struct arguments arguments = {.progress = PROGRESS_AUTO};
        spec_options_init(&arguments.options, argc);
        if (launcher_rank() != 0)
            return STATUS_OK;
        /* It returns only when the word was the value of an option, or stood behind "--". */
        (void)!options_parse(&run_line, OPTIONS_EXIT, argc, argv, &arguments);
        return fault_set(fault, STATUS_INPUT,
                         "--help or --usage is not the name of a file, expected ./--help");
    }
    struct comm comm;
    char why[512];
    /* All of this comes before MPI is started. MPI leaves signals alone that are handled already.
     * And the end of the job may have to be asked of another process (scontrol): a process that
     * runs MPI should not create any. */
    crash_mark_install();
    stop_install(launcher_is_there(), launcher_gives_time());
    const double job_end = launcher_rank() == 0 ? deadline_of_job() : INFINITY;
    comm_start(&comm);
    const bool lone = comm.size == 1 && launcher_explain(why, sizeof why);
    if (lone)
        fprintf(stderr, "ccmsweep: warning: %s\n", why);
    const enum status status = comm.rank == 0 ? run_rank_0(argc, argv, &comm, job_end, fault)
                                              : run_other_rank(&comm, fault);
    if (lone && status == STATUS_LOCKED)
        add_cause(fault, why);
    comm_finish(&comm);
    return status;
}
