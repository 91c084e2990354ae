// SPDX-License-Identifier: MIT
#include "base/text.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "model/kernels.h"
#include "report/rate_table.h"
#include "run/crash_mark.h"
#include "run/crew.h"
#include "run/session.h"
#include "run/sweep_progress.h"
#include "sys/clock.h"
#include "sys/deadline.h"
#include "sys/disk.h"
#include "sys/host.h"
#include "sys/launcher.h"
#include "sys/stop_signal.h"
#include "sys/watchdog.h"
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEY_SET = 0x100,
    KEY_PROGRESS,
    KEY_STOP_BEFORE,
    KEY_RETRY,
    KEY_MAX_FAILED,
    KEY_MAX_LOST,
    KEY_FAIL_FAST,
    KEY_CHECK,
    KEY_REUSE,
    KEY_ORDER,
    KEY_WAIT,
    KEY_DRY_RUN
};

struct arguments {
    struct request request;
    struct session_request session;
    enum progress_mode progress;
    char *file;     /* session.path, resolved */
    double job_end; /* of the batch job, INFINITY for none */
    bool dry_run;
};

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "the sweep's file (HDF5), with checkpoints beside it", 0},
    {"set", KEY_SET, "KEY=VALUE", 0,
     "give a setting one value in all cells, whatever the spec says; repeatable", 0},
    {"progress", KEY_PROGRESS, "MODE", 0, "on standard error: auto (default), bar, lines or none",
     0},
    {"stop-before", KEY_STOP_BEFORE, "TIME", 0,
     "stop politely before TIME: +90m (s, m, h, d), Unix time, or ISO 8601. The end of a SLURM job "
     "is known without it",
     0},
    {"reuse", KEY_REUSE, "OLD", 0,
     "copy what the file OLD has of the same cells instead of training it again", 0},
    {"retry", KEY_RETRY, "OUTCOME", 0, "try cells again that are failed or quarantined", 0},
    {"max-failed", KEY_MAX_FAILED, "N", 0,
     "stop when N cells have failed or are quarantined (default: no limit)", 0},
    {"fail-fast", KEY_FAIL_FAST, NULL, 0, "stop at the first cell that crashes", 0},
    {"max-lost", KEY_MAX_LOST, "N", 0,
     "jobs lost in a row while one suspect was trained, after which it is set aside (default 10)",
     0},
    {"check", KEY_CHECK, NULL, 0,
     "compare the rows of all finished cells with their checksums first; what differs is trained "
     "again",
     0},
    {"order", KEY_ORDER, "ORDER", 0, "of cells: expected (longest first, default), plan or random",
     0},
    {"wait", KEY_WAIT, "S", 0, "seconds to wait for a file that is in use (default 30)", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0,
     "look at the options, the spec and the file, refuse what is wrong, and touch nothing", 0},
    {0},
};

static error_t refuse(const struct argp_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static error_t refuse(const struct argp_state *state, const char *format, ...)
{
    struct fault sentence = {""};
    va_list args;
    va_start(args, format);
    text_add_list(sentence.text, sizeof sentence.text, format, args);
    va_end(args);
    argp_error(state, "%s", sentence.text);
    return EINVAL;
}

/* Place of `value` in a list of names, -1 when it is not there. */
static int find_name(const char *const *names, const char *value)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], value) == 0)
            return i;
    }
    return -1;
}

static error_t parse_number(const struct argp_state *state, const char *option, const char *value,
                            int64_t *number)
{
    if (text_parse_integer(value, number) && *number >= 1 && *number <= INT_MAX)
        return 0;
    return refuse(state, "--%s: '%s' is no count, expected a whole number from 1", option, value);
}

static error_t parse_choice(struct arguments *a, int key, const char *value,
                            const struct argp_state *state)
{
    if (key == KEY_PROGRESS) {
        const int mode = find_name(progress_modes, value);
        a->progress = (enum progress_mode)mode;
        return mode >= 0 ? 0
                         : refuse(state,
                                  "--progress: '%s' is unknown, expected one of auto, bar, lines, "
                                  "none",
                                  value);
    }
    if (key == KEY_ORDER) {
        const int order = find_name(session_orders, value);
        a->session.order = (enum session_order)order;
        return order >= 0
                   ? 0
                   : refuse(state,
                            "--order: '%s' is unknown, expected one of expected, plan, random",
                            value);
    }
    const bool failed = strcmp(value, outcome_name(OUTCOME_FAILED)) == 0;
    const bool quarantined = strcmp(value, outcome_name(OUTCOME_QUARANTINED)) == 0;
    a->session.retry[failed ? OUTCOME_FAILED : OUTCOME_QUARANTINED] = true;
    return failed || quarantined
               ? 0
               : refuse(state, "--retry: '%s' is unknown, expected failed or quarantined", value);
}

static error_t parse_end(struct arguments *a, const char *value, const struct argp_state *state)
{
    struct fault fault;
    if (deadline_parse(value, clock_utc(), &a->session.end, &fault) != STATUS_OK)
        return refuse(state, "--stop-before: %s", fault.text);
    if (a->session.end <= clock_utc())
        return refuse(state, "--stop-before: '%s' is past, expected a time to come", value);
    return 0;
}

static error_t finish_parsing(const struct arguments *a, const struct argp_state *state)
{
    if (a->request.path == NULL)
        return refuse(state, "no spec, expected SPEC.yaml");
    if (a->session.path == NULL || *a->session.path == '\0')
        return refuse(state, "no file for the sweep, expected --output FILE");
    if (strlen(a->session.path) >= PATH_MAX)
        return refuse(state, "--output: a name of %zu characters, expected fewer than %d",
                      strlen(a->session.path), PATH_MAX);
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *const a = state->input;
    int64_t number = 0;
    error_t error = 0;
    switch (key) {
    case 'o':
        a->session.path = value;
        return 0;
    case KEY_SET:
        request_add(&a->request, NULL, value);
        return 0;
    case KEY_PROGRESS:
    case KEY_RETRY:
    case KEY_ORDER:
        return parse_choice(a, key, value, state);
    case KEY_STOP_BEFORE:
        return parse_end(a, value, state);
    case KEY_REUSE:
        a->session.reuse = request_name(value, "--reuse", state);
        return *value == '\0' ? EINVAL : 0;
    case KEY_MAX_FAILED:
        return parse_number(state, "max-failed", value, &a->session.max_failed);
    case KEY_MAX_LOST:
        error = parse_number(state, "max-lost", value, &number);
        a->session.max_lost = (int)number;
        return error;
    case KEY_FAIL_FAST:
        a->session.fail_fast = true;
        return 0;
    case KEY_CHECK:
        a->session.check = true;
        return 0;
    case KEY_WAIT:
        if (!text_parse_real(value, &a->session.lock_wait_s) || a->session.lock_wait_s < 0)
            return refuse(state, "--wait: '%s' is no time, expected seconds from 0", value);
        return 0;
    case KEY_DRY_RUN:
        a->dry_run = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->request.path != NULL)
            return refuse(state, "too many arguments: '%s', expected one spec", value);
        a->request.path = request_name(value, NULL, state);
        return *value == '\0' ? EINVAL : 0;
    case ARGP_KEY_END:
        return finish_parsing(a, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "SPEC.yaml",
    .doc = "Train all cells of a spec: start, go on, or find nothing to do.\v"
           "Alone it trains one cell after the other. Under mpirun, or srun --mpi=pmix,\n"
           "rank 0 hands the cells to the other ranks: give n+1 ranks for n cores.\n"
           "Whatever happens, the same command goes on, and what is committed is never\n"
           "lost.\n"
           "\n"
           "SIGUSR1 (to mpirun, srun or any rank) saves checkpoints and leaves; so does\n"
           "SIGTERM to the ranks of srun (scancel), and the soft limit of processor time\n"
           "(SIGXCPU); alone Ctrl-C, SIGTERM and SIGHUP do too, and a second one kills.\n"
           "\n"
           "Exit codes: 0 all cells are done; 1 a fault of the system, run again; 2 wrong\n"
           "input, nothing was touched; 3 finished, but cells failed or are quarantined;\n"
           "4 FILE is in use by another run; 75 stopped early, run the same command\n"
           "again. Anything else is a crash: run again.",
};

/* What the other ranks must know. */
struct orders {
    int32_t begin; /* else they leave */
    int32_t bar;   /* rank 0 draws one */
    double checkpoint_s;
    char path[PATH_MAX];
};

static double checkpoint_s_of(const struct spec *spec)
{
    struct settings cell;
    spec_cell(spec, 0, &cell);
    return cell.checkpoint.every_s;
}

/* Rank 0: everything up to the point where all ranks open the file. */
static enum status prepare(int argc, char **argv, struct arguments *arguments, struct spec **spec,
                           struct session *session, struct fault *fault)
{
    const unsigned flags = launcher_is_there() ? ARGP_NO_EXIT : 0;
    request_init(&arguments->request, argc);
    /* The parser has said what is wrong. */
    if (argp_parse(&parser, argc, argv, flags, NULL, arguments) != 0) {
        fault->text[0] = '\0';
        return STATUS_INPUT;
    }
    arguments->session.end = fmin(arguments->session.end, arguments->job_end);
    progress_init(session->progress, arguments->progress, stderr);
    enum status status = request_resolve(&arguments->request, spec, fault);
    if (status == STATUS_OK)
        status = disk_resolve(arguments->session.path, &arguments->file, fault);
    if (status != STATUS_OK)
        return status;
    arguments->session.path = arguments->file;
    session->spec = *spec;
    session->request = &arguments->session;
    if (!arguments->dry_run)
        return session_prepare(session, fault);
    status = session_check(session, fault);
    if (status == STATUS_OK)
        snprintf(fault->text, sizeof fault->text, "nothing is wrong, nothing was touched");
    return status;
}

/* The others wait for this, for as long as rank 0 needs; rank 0 does not wait for them. */
static void tell_all(const struct comm *comm, struct orders *orders)
{
    struct watchdog *watchdog = NULL;
    if (comm->launched)
        watchdog = watchdog_new(comm->rank, WATCHDOG_S, "telling all other ranks to begin");
    comm_broadcast(comm, orders, sizeof *orders);
    watchdog_free(&watchdog);
}

/* Until all ranks have opened the file nobody does anything else. */
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
    const int64_t fused = comm_sum(comm, kernels_best()->fused);
    if (comm->rank == 0 && fused > 0 && fused < comm->size)
        fprintf(stderr,
                "ccmsweep: warning: %d of %d ranks run on CPUs without a fused "
                "multiply-add: their results differ from the others' in the last bits\n",
                comm->size - (int)fused, comm->size);
    return STATUS_OK;
}

/* What there is so far; not worth a fault. */
static void print_table(const struct store *store, bool beside_bar)
{
    struct survey survey;
    if (beside_bar) /* behind a launcher's pipe it is wiped away later */
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    if (survey_take(store, false, &survey, NULL) != STATUS_OK)
        return;
    table_print(stdout, &survey);
    fflush(stdout);
    survey_fini(&survey);
}

/* Closing is collective, and would spin. */
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

/* Why this rank ends the job. */
static void say_of_rank(const struct comm *comm, const struct fault *fault)
{
    char host[64];
    host_name(host, sizeof host);
    fprintf(stderr, "ccmsweep: rank %d on %s: %s\n", comm->rank, host, fault->text);
}

/* Rank 0 cannot go on. Once all ranks have begun, the others wait for it. And when HDF5 has data
 * that it could not write, it would try again, and crash, while MPI is finished. */
static bool must_abort(const struct comm *comm, bool begun, enum status status)
{
    return comm->launched && (status == STATUS_FAULT ||
                              (begun && (status == STATUS_INPUT || status == STATUS_LOCKED)));
}

static enum status run_rank_0(int argc, char **argv, const struct comm *comm, double job_end,
                              struct fault *fault)
{
    struct arguments arguments = {.session = {.lock_wait_s = 30, .end = INFINITY, .max_lost = 10},
                                  .job_end = job_end};
    struct progress progress = {.file = stderr, .mode = PROGRESS_NONE, .who = ""};
    struct session session = {.progress = &progress};
    struct orders orders = {.begin = false};
    struct spec *spec = NULL;
    struct store *store = NULL;
    enum status status = prepare(argc, argv, &arguments, &spec, &session, fault);
    orders.begin = status == STATUS_OK && !arguments.dry_run;
    if (orders.begin) {
        orders.checkpoint_s = checkpoint_s_of(spec);
        orders.bar = progress.mode == PROGRESS_BAR;
        snprintf(orders.path, sizeof orders.path, "%s", arguments.session.path);
    }
    tell_all(comm, &orders);
    if (orders.begin)
        status = open_all(comm, &orders, &store, fault);
    if (orders.begin && status == STATUS_OK) {
        const struct crew crew = {
            .comm = comm, .store = store, .path = orders.path, .checkpoint_s = orders.checkpoint_s};
        status = crew_lead(&crew, &session, fault);
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
    request_fini(&arguments.request);
    free(arguments.file);
    return status;
}

static enum status run_other_rank(const struct comm *comm, struct fault *fault)
{
    struct orders orders;
    struct store *store = NULL;
    comm_broadcast(comm, &orders, sizeof orders);
    if (!orders.begin)
        return STATUS_OK; /* rank 0 says why, and with which code */
    enum status status = open_all(comm, &orders, &store, fault);
    if (status == STATUS_OK) {
        const struct crew crew = {.comm = comm,
                                  .store = store,
                                  .path = orders.path,
                                  .checkpoint_s = orders.checkpoint_s,
                                  .beside_bar = orders.bar != 0};
        status = crew_follow(&crew, fault);
    }
    if (status != STATUS_OK) {
        say_of_rank(comm, fault);
        comm_abort(comm, (int)status);
    }
    close_all(comm, orders.path, &store);
    return STATUS_OK;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--usage") == 0 ||
            strcmp(argv[i], "-?") == 0)
            return true;
    }
    return false;
}

/* The run that has the file is another process of the same start. */
static void blame_launcher(struct fault *fault, const char *why)
{
    const size_t used = strlen(fault->text);
    snprintf(fault->text + used, sizeof fault->text - used, "; %s", why);
}

enum status cmd_run(int argc, char **argv, struct fault *fault)
{
    if (asks_for_help(argc, argv)) {
        if (launcher_rank() == 0)
            argp_parse(&parser, argc, argv, 0, NULL,
                       &(struct arguments){.progress = PROGRESS_AUTO});
        return STATUS_OK;
    }
    struct comm comm;
    char why[512];
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
        blame_launcher(fault, why);
    comm_finish(&comm);
    return status;
}
